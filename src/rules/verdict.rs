//! The verdict on a connection, and why there is none.

use super::{CATALOG, Judgement, Level, Ruling, Settings};
use crate::connection::{Connection, Protocol};
use crate::tcp::Peer;

/// What is said of a connection in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// At least one exchange is complete, and all that was looked at is right.
    Ok,
    /// The capture does not tell.
    Unknown,
    /// The worst finding is a warning.
    Warning,
    /// The worst finding is a violation.
    Violation,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 4] = [
        Verdict::Ok,
        Verdict::Warning,
        Verdict::Violation,
        Verdict::Unknown,
    ];

    /// `ok`, `unknown`, `warning` or `violation`.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Unknown => "unknown",
            Verdict::Warning => "warning",
            Verdict::Violation => "violation",
        }
    }
}

/// Asks all rules about a connection.
pub fn judge(connection: &Connection, settings: &Settings) -> Judgement {
    let mut ruling = Ruling::default();
    if connection.protocol == Protocol::Http1 {
        // Once a tunnel has begun, no rule of persistence, idleness or closing has a say.
        let rules = CATALOG.iter().filter(|_| connection.tunnel.is_none());
        rules.for_each(|rule| (rule.check)(connection, settings, &mut ruling));
    }
    let Ruling {
        mut findings,
        unproven,
    } = ruling;
    findings.sort_by_key(|finding| finding.at.frame);
    let worst = findings.iter().map(|finding| finding.rule.level).max();
    let (verdict, unknown_because) = match worst {
        Some(Level::Violation) => (Verdict::Violation, None),
        Some(Level::Warning) => (Verdict::Warning, None),
        _ => match unproven
            .into_iter()
            .next()
            .or_else(|| unknown_because(connection))
        {
            Some(because) => (Verdict::Unknown, Some(because)),
            None => (Verdict::Ok, None),
        },
    };
    Judgement {
        verdict,
        unknown_because,
        findings,
    }
}

/// What keeps the rules from looking at a connection as a whole.
fn unknown_because(connection: &Connection) -> Option<String> {
    let facts = &connection.facts;
    if connection.protocol != Protocol::Http1 {
        return Some(format!(
            "carries no HTTP/1 ({})",
            connection.protocol.name()
        ));
    }
    if !facts.handshake.is_complete() {
        return Some("the capture starts inside the connection".to_owned());
    }
    if connection.missing() > 0 {
        return Some(format!("{} bytes missing", connection.missing()));
    }
    if let Some(limit) = connection.limits.first() {
        return Some(format!("a bound was met: {}", limit.what));
    }
    if let Some((peer, place)) = Peer::BOTH
        .iter()
        .find_map(|&peer| Some((peer, connection.unreadable[peer]?)))
    {
        return Some(format!(
            "what the {} sent in frame {} is no HTTP/1",
            peer.name(),
            place.stamp.at.frame
        ));
    }
    if connection.tally.complete == 0 {
        return Some("no complete exchange".to_owned());
    }
    let last = connection.exchanges.last()?;
    let unanswered = connection.tally.unanswered();
    if unanswered > 0 && facts.close.is_some() {
        return Some(format!(
            "{unanswered} of {} requests got no response",
            connection.tally.requests
        ));
    }
    let open = facts.close.is_none() && !last.is_complete() && connection.tunnel.is_none();
    open.then(|| {
        match last
            .request
            .as_ref()
            .and_then(|request| request.message.end_at())
        {
            Some(at) => format!(
                "the capture ends {} after a request, before its response",
                facts.seen_until.time.since(at.time)
            ),
            None => "the capture ends inside a request".to_owned(),
        }
    })
}
