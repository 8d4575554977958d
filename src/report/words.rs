//! Facts in words, the same in every format for people.

use std::collections::BTreeMap;

use super::document::Document;
use super::duration::readable;
use crate::audit::{Reading, Row, Totals};
use crate::connection::Protocol;
use crate::http::Says;
use crate::rules::{Finding, Verdict};
use crate::tcp::{Close, CloseOrder};
use crate::time::Span;

/// What stands where there is nothing to tell.
pub(super) const NOTHING: &str = "-";

/// `1.1`, `1.0` or `mixed`; of what is no HTTP/1, its protocol.
pub(super) fn version(row: &Row) -> &'static str {
    match (row.protocol, row.version) {
        (Protocol::Http1, version) => version.map_or(NOTHING, |version| version.name()),
        (Protocol::None, _) => "no data",
        (other, _) => other.name(),
    }
}

/// `3/3`: requests and responses.
pub(super) fn messages(row: &Row) -> String {
    match row.protocol {
        Protocol::Http1 => format!("{}/{}", row.requests, row.responses),
        _ => NOTHING.to_owned(),
    }
}

/// What the two sides agreed on: `timeout=5, max=100`, `keep-alive`, `default`, `close`. What one side alone said to end
/// persistence is said to be that side's.
pub(super) fn negotiated(row: &Row) -> String {
    use Says::{Close, Default, KeepAlive, Nothing};
    if row.upgraded {
        return "upgraded".to_owned();
    }
    let advertised = [("timeout", row.timeout), ("max", row.max)];
    let mut parts: Vec<String> = advertised
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", (*value)?)))
        .collect();
    let rest = match (row.client_asks, row.server_says) {
        (Some(Close), Some(Close)) => "close by both",
        (Some(Nothing), Some(Close)) => "HTTP/1.0, close",
        (Some(Nothing), Some(Nothing)) => "HTTP/1.0",
        (_, Some(Close)) => "close",
        (Some(Close), _) => "client close",
        (Some(Nothing), _) => "client HTTP/1.0",
        (_, Some(Nothing)) => "server HTTP/1.0",
        (_, Some(KeepAlive)) if parts.is_empty() => "keep-alive",
        (_, Some(Default)) if parts.is_empty() => "default",
        (_, None) if parts.is_empty() => NOTHING,
        _ => "",
    };
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts.join(", ")
}

/// A length of time, where there is one.
pub(super) fn span(span: Option<Span>) -> String {
    span.map_or(NOTHING.to_owned(), readable)
}

/// `server FIN`, `client RST`, `open`; with both sides where their FINs crossed.
pub(super) fn closed_by(close: Option<Close>) -> String {
    match close {
        None => "open".to_owned(),
        Some(Close {
            order: CloseOrder::Simultaneous,
            ..
        }) => "both FIN".to_owned(),
        Some(Close { by, kind, .. }) => format!("{} {}", by.name(), kind.name()),
    }
}

/// `HTTP/1.1, 2 requests, 2 responses, timeout=5, closed by server FIN (idle-timeout)`
pub(super) fn outline(row: &Row) -> String {
    let mut parts = Vec::new();
    match row.protocol {
        Protocol::Http1 => {
            parts.push(format!("HTTP/{}", version(row)));
            parts.push(counted(row.requests, "request", "requests"));
            parts.push(counted(row.responses, "response", "responses"));
            parts.push(negotiated(row));
        }
        _ => parts.push(version(row).to_owned()),
    }
    parts.push(match (row.close, row.close_cause) {
        (None, _) => "open".to_owned(),
        (close, None) => format!("closed by {}", closed_by(close)),
        (close, Some(cause)) => {
            let cause = cause.name();
            format!("closed by {} ({cause})", closed_by(close))
        }
    });
    parts.join(", ")
}

/// `samples/a.pcap, stream 3`
pub(super) fn connection(document: &Document<'_>, row: &Row) -> String {
    format!("{}, stream {}", document.capture(row), row.stream)
}

/// `frame 9`, `frame 9 (with 6 and 7)`
pub(super) fn frames(finding: &Finding) -> String {
    let others: Vec<String> = finding.frames.iter().map(u64::to_string).collect();
    match others.as_slice() {
        [] => format!("frame {}", finding.at.frame),
        [others @ .., last] if !others.is_empty() => {
            format!(
                "frame {} (with {} and {last})",
                finding.at.frame,
                others.join(", ")
            )
        }
        [only, ..] => format!("frame {} (with {only})", finding.at.frame),
    }
}

/// `at fault: server; RFC 9112 9.6`
pub(super) fn fault(finding: &Finding) -> String {
    let side = finding.side.map_or("nobody", |side| side.name());
    match finding.rule.source {
        NOTHING => format!("at fault: {side}"),
        source => format!("at fault: {side}; {source}"),
    }
}

/// The packets of a finding, as a display filter of Wireshark.
pub(super) fn display_filter(row: &Row, finding: &Finding) -> String {
    let mut frames = finding.frames.clone();
    frames.push(finding.at.frame);
    frames.sort_unstable();
    frames.dedup();
    let frames: Vec<String> = frames.iter().map(u64::to_string).collect();
    format!(
        "tcp.stream eq {} && frame.number in {{{}}}",
        row.stream,
        frames.join(",")
    )
}

/// `34 connections in 22 captures: 29 ok, 1 warning, 4 violations`
pub(super) fn summary(document: &Document<'_>) -> String {
    let totals = document.totals;
    let connections = counted(totals.connections, "connection", "connections");
    let captures = counted(document.readings.len() as u64, "capture", "captures");
    let names = [
        (Verdict::Ok, "ok", "ok"),
        (Verdict::Warning, "warning", "warnings"),
        (Verdict::Violation, "violation", "violations"),
        (Verdict::Unknown, "unknown", "unknown"),
    ];
    let verdicts: Vec<String> = names
        .into_iter()
        .filter(|&(verdict, ..)| totals.with(verdict) > 0)
        .map(|(verdict, one, several)| counted(totals.with(verdict), one, several))
        .collect();
    match (verdicts.is_empty(), document.unlisted()) {
        (true, 0) => format!("no connection in {captures}"),
        (true, others) => {
            format!(
                "nothing to list of the {} in {captures}",
                counted(others, "connection", "connections")
            )
        }
        (false, _) => format!("{connections} in {captures}: {}", verdicts.join(", ")),
    }
}

/// The text, or what stands where there is none.
pub(super) fn or_nothing(text: String) -> String {
    if text.is_empty() {
        NOTHING.to_owned()
    } else {
        text
    }
}

/// How many connections have each verdict.
pub(super) fn verdicts(totals: &Totals) -> BTreeMap<&'static str, u64> {
    let verdicts = Verdict::ALL.map(|verdict| (verdict.name(), totals.with(verdict)));
    verdicts.into()
}

/// The names of the rules that found something, with blanks between.
pub(super) fn rules_found(totals: &Totals) -> String {
    let names: Vec<&str> = totals.findings.keys().copied().collect();
    names.join(" ")
}

/// What is missing of a capture, behind the path of its file.
pub(super) fn missing(reading: &Reading) -> Vec<String> {
    let damage = reading.summary.damage.iter();
    let damage = damage.map(|damage| format!("{}: {damage}", reading.path_of(damage).display()));
    let path = reading.path.display();
    let bounds = reading.bounds_met.iter();
    damage
        .chain(bounds.map(|met| format!("{path}: {met}")))
        .collect()
}

/// `1 request`, `2 requests`
pub(super) fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}
