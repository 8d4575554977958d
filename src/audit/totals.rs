//! Sums over all rows.

use std::collections::BTreeMap;

use super::Row;
use crate::rules::Verdict;

/// Sums over all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections.
    pub connections: u64,
    /// Their requests.
    pub requests: u64,
    /// Their final responses.
    pub responses: u64,
    /// Their requests without any octet of a final response.
    pub unanswered: u64,
    /// Findings by the name of their rule; rules that found nothing are not there.
    pub findings: BTreeMap<&'static str, u64>,
    /// Of each verdict, in their order.
    verdicts: [u64; Verdict::ALL.len()],
}

impl Totals {
    /// Adds a row.
    pub fn add(&mut self, row: &Row) {
        self.connections += 1;
        self.requests += row.requests;
        self.responses += row.responses;
        self.unanswered += row.unanswered;
        if let Some(count) = self.verdicts.get_mut(row.verdict as usize) {
            *count += 1;
        }
        for finding in &row.findings {
            *self.findings.entry(finding.rule.name).or_default() += 1;
        }
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &Totals) {
        self.connections += other.connections;
        self.requests += other.requests;
        self.responses += other.responses;
        self.unanswered += other.unanswered;
        for (count, more) in self.verdicts.iter_mut().zip(other.verdicts) {
            *count += more;
        }
        for (&rule, count) in &other.findings {
            *self.findings.entry(rule).or_default() += count;
        }
    }

    /// The worst verdict of any connection.
    pub fn worst(&self) -> Option<Verdict> {
        let verdicts = Verdict::ALL.into_iter();
        verdicts.filter(|&verdict| self.with(verdict) > 0).max()
    }

    /// How many connections have this verdict.
    pub fn with(&self, verdict: Verdict) -> u64 {
        let count = self.verdicts.get(verdict as usize);
        count.copied().unwrap_or_default()
    }
}
