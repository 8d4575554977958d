//! Was that right?
//!
//! In: a [`Connection`]. Out: its [`Judgement`]: findings, a verdict, and where there is none, why.
//!
//! A rule is a constant and a function in one file named after it, listed once in [`CATALOG`]. It speaks only where
//! the capture proves its condition; where it cannot look, it says why instead.

mod by_name;
#[cfg(test)]
mod capture_points;
mod chunked_to_http10;
mod client_kept_open_after_close;
mod close_not_echoed;
mod conflicting_framing;
mod conflicting_options;
mod duty;
mod early_idle_close;
mod evidence;
mod framing_on_bodiless;
mod http10_kept_open;
mod http10_unconfirmed_reuse;
mod keep_alive_not_nominated;
mod keep_alive_race;
mod keep_alive_refused;
mod keep_alive_without_length;
mod late_idle_close;
mod malformed_keep_alive;
mod max_exceeded;
mod never_reused;
mod open_after_bad_framing;
mod request_after_close;
mod request_dropped;
mod request_truncated;
mod reset_on_reuse;
mod reset_while_idle;
mod response_after_close;
mod response_lost_to_reset;
mod response_truncated;
mod reuse_past_timeout;
mod server_ignored_client_close;
mod server_kept_open_after_close;
mod stale_reuse;
mod unannounced_close;
mod unsafe_pipelining;
mod unsolicited_response;
mod verdict;

pub use verdict::{Verdict, judge};

use serde::{Deserialize, Serialize};

use crate::connection::{Connection, Traits};
use crate::tcp::Peer;
use crate::time::{At, Span};

/// All rules, in the order in which they are listed.
pub static CATALOG: &[&Rule] = &[
    &request_after_close::RULE,
    &response_after_close::RULE,
    &server_kept_open_after_close::RULE,
    &server_ignored_client_close::RULE,
    &client_kept_open_after_close::RULE,
    &http10_kept_open::RULE,
    &http10_unconfirmed_reuse::RULE,
    &open_after_bad_framing::RULE,
    &keep_alive_not_nominated::RULE,
    &chunked_to_http10::RULE,
    &conflicting_framing::RULE,
    &framing_on_bodiless::RULE,
    &response_truncated::RULE,
    &request_truncated::RULE,
    &unannounced_close::RULE,
    &close_not_echoed::RULE,
    &early_idle_close::RULE,
    &keep_alive_without_length::RULE,
    &stale_reuse::RULE,
    &keep_alive_race::RULE,
    &reset_on_reuse::RULE,
    &request_dropped::RULE,
    &response_lost_to_reset::RULE,
    &reset_while_idle::RULE,
    &unsafe_pipelining::RULE,
    &unsolicited_response::RULE,
    &reuse_past_timeout::RULE,
    &max_exceeded::RULE,
    &late_idle_close::RULE,
    &malformed_keep_alive::RULE,
    &conflicting_options::RULE,
    &keep_alive_refused::RULE,
    &never_reused::RULE,
];

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, as in `--explain`.
    pub name: &'static str,
    /// How much its findings weigh.
    pub level: Level,
    /// Who is at fault.
    pub at_fault: AtFault,
    /// What it is about.
    pub subject: Subject,
    /// What a connection must show for the rule to have anything to look at.
    pub needs: Traits,
    /// The section that it rests on.
    pub source: &'static str,
    /// What it finds, in a line.
    pub summary: &'static str,
    /// What `--explain` prints.
    pub explain: Explanation,
    /// Looks at one connection.
    pub check: fn(&Connection, &Settings, &mut Ruling),
}

/// What `--explain` prints of a rule.
#[derive(Debug)]
pub struct Explanation {
    /// What it checks.
    pub checks: &'static str,
    /// Why that matters.
    pub matters: &'static str,
    /// When it stays silent.
    pub silent: &'static str,
    /// What to do about a finding.
    pub remedy: &'static str,
    /// A connection that raises it, as a script.
    pub fails: &'static str,
    /// One like it that does not.
    pub passes: &'static str,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing; counts for nothing in the verdict.
    Note,
    /// Against good practice, or the cause of trouble.
    Warning,
    /// Against a requirement of the standard.
    Violation,
}

impl Level {
    /// `note`, `warning` or `violation`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Violation => "violation",
        }
    }
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Messages by themselves: their fields, their framing, the request that they answer.
    Message,
    /// The life of the connection: persistence, idleness, closing. Once a tunnel has begun (101, or a 2xx to
    /// CONNECT), no such rule has a say.
    Connection,
}

/// Who is at fault where a rule finds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtFault {
    /// This side.
    Side(Peer),
    /// Whoever sent it.
    Sender,
    /// Nobody.
    Nobody,
}

impl AtFault {
    /// `client`, `server`, `sender` or `nobody`.
    pub fn name(self) -> &'static str {
        match self {
            AtFault::Side(peer) => peer.name(),
            AtFault::Sender => "sender",
            AtFault::Nobody => "nobody",
        }
    }
}

/// What may be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a side that must close may take.
    pub close_grace: Span,
    /// The names of rules that are not asked.
    pub left_out: Vec<&'static str>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            close_grace: Span::from_secs(2),
            left_out: Vec::new(),
        }
    }
}

/// One thing that a rule found on a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    #[serde(with = "by_name")]
    pub rule: &'static Rule,
    /// The side at fault, where one is.
    pub side: Option<Peer>,
    /// The packet to look at.
    pub at: At,
    /// The other packets that prove it.
    pub frames: Vec<u64>,
    /// What was promised and what was seen, in numbers and frames.
    pub message: String,
}

impl Finding {
    /// What `rule` found against `side` at `at`, proven by `others` too.
    pub(crate) fn new(
        rule: &'static Rule,
        side: Option<Peer>,
        at: At,
        others: impl IntoIterator<Item = At>,
        message: String,
    ) -> Self {
        let mut frames: Vec<u64> = others.into_iter().map(|other| other.frame).collect();
        frames.sort_unstable();
        frames.dedup();
        frames.retain(|&frame| frame != at.frame);
        Finding {
            rule,
            side,
            at,
            frames,
            message,
        }
    }
}

/// What the rules say of one connection, while they are asked.
#[derive(Debug, Default)]
pub struct Ruling {
    findings: Vec<Finding>,
    /// The first reason for which a rule could not look.
    unproven: Option<String>,
}

impl Ruling {
    /// Something was found.
    pub(crate) fn found(&mut self, finding: Finding) {
        // Mostly it remains the only one.
        if self.findings.is_empty() {
            self.findings.reserve_exact(1);
        }
        self.findings.push(finding);
    }

    /// Something was found, perhaps.
    pub(crate) fn found_if(&mut self, finding: Option<Finding>) {
        if let Some(finding) = finding {
            self.found(finding);
        }
    }

    /// The rule could not look, for this reason.
    pub(crate) fn cannot_tell(&mut self, because: String) {
        self.unproven.get_or_insert(because);
    }
}

/// What is said of a connection in the end.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why there is none, where it is `unknown`.
    pub unknown_because: Option<String>,
    /// What was found, in order of frames.
    pub findings: Vec<Finding>,
}

/// The rule of this name.
pub fn find(name: &str) -> Option<&'static Rule> {
    CATALOG.iter().copied().find(|rule| rule.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::play;

    #[test]
    fn the_examples_of_each_rule_show_it_and_pass_it() {
        for rule in CATALOG {
            let mut found = play(rule.explain.fails).found();
            // Notes count for nothing, and come along with much.
            if rule.level > Level::Note {
                found.retain(|&name| find(name).is_some_and(|found| found.level > Level::Note));
            }
            // Who answers a request that is framed badly has got one: the rule on that speaks as well.
            if rule.name == "open-after-bad-framing" {
                found.retain(|&name| name != "conflicting-framing");
            }
            assert_eq!(found, [rule.name], "{}", rule.explain.fails);
            let passes = play(rule.explain.passes);
            assert!(
                !passes.found().contains(&rule.name),
                "{}",
                rule.explain.passes
            );
        }
    }

    #[test]
    fn names_are_unique_and_rules_are_found_by_them() {
        for rule in CATALOG {
            assert!(
                std::ptr::eq(find(rule.name).unwrap(), *rule),
                "{}",
                rule.name
            );
        }
        assert!(find("no-such-rule").is_none());
    }
}
