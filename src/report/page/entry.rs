//! A line of the table of connections.

use std::collections::BTreeMap;

use super::lane::anchor;
use super::shown::Whereabouts;
use crate::audit::{Row, Totals};
use crate::report::columns::columns;
use crate::report::document::Document;
use crate::rules::Verdict;

/// A connection, as the table tells of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) whereabouts: Whereabouts,
    pub(super) verdict: Verdict,
    /// Why nothing can be said of it.
    pub(super) because: Option<Box<str>>,
    /// What stands in the columns between that of the stream and that of the verdict.
    pub(super) cells: Vec<Box<str>>,
    /// The rules that found something, each with how often.
    pub(super) rules: Vec<(&'static str, u64)>,
}

impl Entry {
    pub(super) fn new(row: &Row) -> Self {
        let mut cells: Vec<Box<str>> = with_columns(|document| {
            let cells = columns(document).map(|column| (column.cell)(document, row));
            cells.skip(1).map(String::into_boxed_str).collect()
        });
        cells.pop();
        let mut rules: BTreeMap<&'static str, u64> = BTreeMap::new();
        for finding in &row.findings {
            *rules.entry(finding.rule.name).or_default() += 1;
        }
        Entry {
            whereabouts: (row.capture, row.stream),
            verdict: row.verdict,
            because: row.unknown_because.clone(),
            cells,
            rules: rules.into_iter().collect(),
        }
    }

    /// How its lane is named, where it has one.
    pub(super) fn anchor(&self) -> String {
        anchor(self.whereabouts)
    }
}

/// The columns of a table of one capture: stream first, verdict last.
pub(super) fn with_columns<T>(use_them: impl FnOnce(&Document<'_>) -> T) -> T {
    use_them(&Document {
        readings: &[],
        rows: &[],
        totals: &Totals::default(),
    })
}
