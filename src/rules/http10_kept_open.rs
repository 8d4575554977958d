//! `http10-kept-open`: a connection of HTTP/1.0 that did not ask to persist was left open.

use super::duty::{Duty, Outcome};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject};
use crate::connection::{Connection, Exchange};
use crate::http::Says;
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "http10-kept-open",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    source: "RFC 9112 9.3",
    summary: "an HTTP/1.0 request without keep-alive was answered and the server did not close in time",
    explain: Explanation {
        checks: "A connection does not persist after an HTTP/1.0 request that does not ask for keep-alive: the last \
                 point of the list in RFC 9112 9.3 says that it will close after the current response. That list \
                 has no keyword (no MUST); that the server is to close follows from it. The rule speaks where the \
                 exchange was complete and acknowledged, and neither a FIN of the server nor a RST of either side \
                 came within the grace (--close-grace, 2 s).",
        matters: "Clients of HTTP/1.0 (health checks, old scripts, ApacheBench) read until the close; one that \
                  does not come makes them hang.",
        silent: "Where the request asked for keep-alive or said close, where the capture ends before the grace is \
                 over, where octets of the server are missing, where the response was not acknowledged, where the \
                 client's window was zero, and after an upgrade or CONNECT.",
        remedy: "Let the server treat HTTP/1.0 without keep-alive as a request for close. A proxy in between that \
                 answers with HTTP/1.1 has the same duty.",
        fails: "> GET / HTTP/1.0\n< 200 HTTP/1.0 | Content-Length: 2\n~ 4s\nclient FIN\nserver FIN\n",
        passes: "> GET / HTTP/1.0 | Connection: keep-alive\n< 200 HTTP/1.0 | Connection: keep-alive | Content-Length: 2\n~ 4s\nclient FIN\nserver FIN\n",
    },
    check,
};

fn check(connection: &Connection, settings: &Settings, ruling: &mut Ruling) {
    let Some(exchange) = connection
        .exchanges
        .iter()
        .find(|exchange| is_http10(exchange))
    else {
        return;
    };
    let Some(duty) = Duty::at_end_of(exchange) else {
        return;
    };
    match duty.outcome(connection, Peer::Server, settings) {
        Outcome::Done => {}
        Outcome::Unproven(because) => ruling.cannot_tell(because),
        Outcome::Neglected { closed } => ruling.found(Finding {
            rule: &RULE,
            side: Some(Peer::Server),
            at: duty.created,
            frames: closed.iter().map(|at| at.frame).collect(),
            message: format!(
                "the request was HTTP/1.0 without keep-alive, its response ended in frame {}, {}",
                duty.created.frame,
                duty.neglect(closed, settings)
            ),
        }),
    }
}

fn is_http10(exchange: &Exchange) -> bool {
    let request = exchange.request.as_ref();
    request.is_some_and(|request| request.message.says() == Some(Says::Nothing))
        && exchange.is_complete()
}
