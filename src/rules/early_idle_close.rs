//! `early-idle-close`: a server closed an idle connection sooner than it had promised.

use super::unannounced_close::AT_ONCE;
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject};
use crate::connection::{Connection, Exchange};
use crate::http::KeepAlive;
use crate::tcp::{CloseKind, Peer};
use crate::time::{At, Span};

pub(super) static RULE: Rule = Rule {
    name: "early-idle-close",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    source: "RFC 2068 19.7.1, draft-thomson-hybi-http-timeout-03",
    summary: "the server closed an idle connection sooner than the timeout that it advertised",
    explain: Explanation {
        checks: "`Keep-Alive: timeout=N` promises to hold an idle connection for N seconds. The rule speaks where \
                 the server closed first, with nothing outstanding, and sooner than the latest timeout it \
                 advertised less a tolerance of 2 %, at least the lesser of 0.5 s and half the timeout.",
        matters: "Clients that go by the promise reuse the connection until shortly before its end, and meet a \
                  closing one.",
        silent: "Where a close was announced or implied, where `max` was used up, where the promised time may have \
                 run from the beginning of a long response, where octets are missing, after an upgrade or CONNECT, \
                 and where unannounced-close speaks.",
        remedy: "Set the advertised and the real timeout to the same value: KeepAliveTimeout (Apache), the two \
                 values of keepalive_timeout (nginx), server.keepAliveTimeout (Node). Where a proxy passes the \
                 field on from another hop, drop it there.",
        fails: "> GET /\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=10\n~ 2s\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=10\n~ 10s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    let close = connection.facts.close?;
    let by_choice =
        close.kind == CloseKind::Fin || connection.facts.sides[close.by].rst?.ack.is_some();
    if close.by != Peer::Server || !by_choice || connection.missing() > 0 || !connection.persists()
    {
        return None;
    }
    let exchange = connection.last_before_idle_close()?;
    let (promised, keep_alive) = latest_timeout(connection)?;
    let timeout = Span::from_secs(i64::from(keep_alive.timeout?));
    let earliest = timeout - tolerance(timeout);
    let idle = close.at.time.since(exchange.end()?.time);
    // The server's clock runs from when it had written the response, which may have waited in its kernel: so the
    // promise is broken for certain only where it is, counted from the beginning of the response.
    let since_start = close
        .at
        .time
        .since(exchange.response?.message.start_at().time);
    if since_start >= earliest || idle <= AT_ONCE || used_up(connection, keep_alive) {
        return None;
    }
    Some(Finding {
        rule: &RULE,
        side: Some(Peer::Server),
        at: close.at,
        frames: vec![promised.frame],
        message: format!(
            "advertised timeout {} s in frame {}, closed after {idle} idle in frame {}",
            keep_alive.timeout?, promised.frame, close.at.frame
        ),
    })
}

/// 2 %, at least the lesser of half a second and half the timeout.
fn tolerance(timeout: Span) -> Span {
    let least = Span::from_millis(500).min(Span::from_nanos(timeout.nanos() / 2));
    least.max(Span::from_nanos(timeout.nanos() / 50))
}

/// The latest response that advertised a timeout: its first packet, and what it advertised.
fn latest_timeout(connection: &Connection) -> Option<(At, KeepAlive)> {
    connection
        .exchanges
        .iter()
        .rev()
        .find_map(|exchange: &Exchange| {
            let message = exchange.response?.message;
            let keep_alive = message
                .keep_alive()
                .filter(|keep_alive| keep_alive.timeout.is_some())?;
            Some((message.start_at(), keep_alive))
        })
}

/// Whether the advertised number of requests allows no further one, in either of its two meanings.
fn used_up(connection: &Connection, keep_alive: KeepAlive) -> bool {
    keep_alive
        .max
        .is_some_and(|max| max == 0 || connection.tally.requests >= u64::from(max))
}
