//! Requests that met a closing connection: how, and whether to send them again is safe.
//!
//! In: a connection with the findings on it. Out: for each finding of the rules on such races the `Loss`. Whether
//! the request was seen again is the business of [`again`](super::again).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::connection::{Connection, Exchange, Request};
use crate::http::Method;
use crate::rules::{Finding, Judgement};
use crate::time::{At, Span};

/// How a request was lost, by the rule that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LossKind {
    /// It and the server's close crossed: `keep-alive-race`.
    Crossed,
    /// The client had acknowledged the server's close before: `stale-reuse`.
    Stale,
    /// It was answered by a reset from a side that had forgotten the connection silently: `reset-on-reuse`.
    Forgotten,
    /// The server's close acknowledges it: `request-dropped`.
    Dropped,
    /// Its response was cut short: `response-truncated`.
    Cut,
}

impl LossKind {
    /// All of them.
    pub const ALL: [LossKind; 5] = [
        LossKind::Crossed,
        LossKind::Stale,
        LossKind::Forgotten,
        LossKind::Dropped,
        LossKind::Cut,
    ];

    /// `crossed`, `stale`, `forgotten`, `dropped` or `cut`.
    pub fn name(self) -> &'static str {
        match self {
            LossKind::Crossed => "crossed",
            LossKind::Stale => "stale",
            LossKind::Forgotten => "forgotten",
            LossKind::Dropped => "dropped",
            LossKind::Cut => "cut",
        }
    }

    fn of(finding: &Finding) -> Option<LossKind> {
        Some(match finding.rule.name {
            "keep-alive-race" => LossKind::Crossed,
            "stale-reuse" => LossKind::Stale,
            "reset-on-reuse" => LossKind::Forgotten,
            "request-dropped" => LossKind::Dropped,
            "response-truncated" | "response-lost-to-reset" => LossKind::Cut,
            _ => return None,
        })
    }
}

/// Whether a client may send a request again by itself (RFC 9110 9.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Resending {
    /// What it does once more may not be what was meant.
    Unsafe,
    /// Its method is idempotent.
    Safe,
}

/// Whether the same request was seen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Again {
    /// Not in the capture, as far as it was remembered.
    NotSeen,
    /// The client sent the same method and target on another connection so much later.
    After(Span),
}

/// A request that was lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LostRequest {
    /// Whether it is safe to send it again; those that are not come first.
    pub resending: Resending,
    /// Its capture, as given.
    #[serde(skip)]
    pub capture: Arc<str>,
    /// The packet that it began with.
    pub frame: u64,
    /// Its connection.
    pub stream: u64,
    /// When it began, in nanoseconds since the epoch.
    pub nanos: i64,
    /// How it was lost.
    pub kind: LossKind,
    /// How long the connection had been idle; `None` for the first request on it.
    pub idle: Option<Span>,
    /// Its method and target, up to [`MAX_LINE`] octets.
    pub line: Box<str>,
    /// Whether it was seen again.
    pub again: Again,
}

/// How much is kept of the method and target of a lost request, in octets.
pub const MAX_LINE: usize = 160;

/// A request that was lost, while its connection is at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss<'a> {
    pub(super) kind: LossKind,
    pub(super) request: &'a Request,
    pub(super) at: At,
    pub(super) idle: Option<Span>,
}

impl Loss<'_> {
    /// What is kept of it; the capture is still to be named.
    pub(super) fn record(&self, stream: u64) -> LostRequest {
        LostRequest {
            resending: self.resending(),
            capture: Arc::default(),
            frame: self.at.frame,
            stream,
            nanos: self.at.time.nanos(),
            kind: self.kind,
            idle: self.idle,
            line: self.line(),
            again: Again::NotSeen,
        }
    }

    fn resending(&self) -> Resending {
        match self.request.method {
            Method::Get | Method::Head | Method::Idempotent => Resending::Safe,
            Method::Connect | Method::Other => Resending::Unsafe,
        }
    }

    /// Its line, as much as is kept of it.
    fn line(&self) -> Box<str> {
        let line = &self.request.line;
        let mut end = MAX_LINE.min(line.len());
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.get(..end).unwrap_or_default().into()
    }
}

/// The requests that were lost on a connection, one for each finding on that.
pub(super) fn losses<'a>(
    connection: &'a Connection,
    judgement: &'a Judgement,
) -> impl Iterator<Item = Loss<'a>> {
    judgement.findings.iter().filter_map(|finding| {
        let kind = LossKind::of(finding)?;
        lost(connection, finding, kind)
    })
}

fn lost<'a>(connection: &'a Connection, finding: &Finding, kind: LossKind) -> Option<Loss<'a>> {
    let named = |frame: u64| finding.at.frame == frame || finding.frames.contains(&frame);
    let is_it = |exchange: &Exchange| match (&exchange.request, &exchange.response) {
        (Some(_), Some(response)) if kind == LossKind::Cut => {
            named(response.message.start_at().frame) && !exchange.is_complete()
        }
        (Some(request), None) => named(request.message.start_at().frame),
        _ => false,
    };
    let number = connection.exchanges.iter().position(is_it)?;
    let request = connection.exchanges.get(number)?.request.as_ref()?;
    let at = request.message.start_at();
    let before = number
        .checked_sub(1)
        .and_then(|before| connection.exchanges.get(before)?.end());
    Some(Loss {
        kind,
        request,
        at,
        idle: before.map(|before| at.time.since(before.time)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::CATALOG;
    use crate::script::play;

    const OK: &str = "> GET /a\n< 200 | Content-Length: 2\n";

    fn told(script: &str) -> Vec<String> {
        let played = play(script);
        let losses = losses(&played.connection, &played.judgement);
        let told = losses.map(|loss| {
            let idle = loss.idle.map_or("-".to_owned(), |idle| idle.to_string());
            let name = loss.kind.name();
            format!(
                "{name} {} after {idle}: {:?}",
                loss.line(),
                loss.resending()
            )
        });
        told.collect()
    }

    #[test]
    fn each_kind_has_its_request() {
        let cases = [
            (
                format!("{OK}~ 2s\nserver FIN unseen\n> POST /b unseen\nserver RST bare\n"),
                "crossed POST /b after 2.000 s: Unsafe",
            ),
            (
                format!("{OK}~ 2s\nserver FIN\n~ 1s\n> PUT /b unseen\nserver RST bare\n"),
                "stale PUT /b after 3.000 s: Safe",
            ),
            (
                format!("{OK}~ 400s\n> GET /b unseen\nserver RST bare\n"),
                "forgotten GET /b after 400.000 s: Safe",
            ),
            (
                format!("{OK}~ 1s\n> DELETE /b\nserver RST\n"),
                "dropped DELETE /b after 1.000 s: Safe",
            ),
            (
                "> PATCH /b\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nserver FIN\n"
                    .to_owned(),
                "cut PATCH /b after -: Unsafe",
            ),
        ];
        for (script, expected) in cases {
            assert_eq!(told(&script), [expected], "{script}");
        }
        assert!(told(&format!("{OK}~ 5s\nserver FIN\nclient FIN\n")).is_empty());
    }

    #[test]
    fn every_kind_is_a_rule_of_the_catalogue() {
        let kinds = CATALOG.iter().filter_map(|rule| {
            let finding = Finding::new(rule, None, At::default(), [], String::new());
            LossKind::of(&finding)
        });
        let kinds: std::collections::BTreeSet<_> = kinds.collect();
        assert_eq!(kinds.len(), LossKind::ALL.len());
    }
}
