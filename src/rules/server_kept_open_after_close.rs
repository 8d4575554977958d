//! `server-kept-open-after-close`: a server that said close did not close.

use super::duty::{Duty, Outcome};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject};
use crate::connection::Connection;
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "server-kept-open-after-close",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    source: "RFC 9112 9.6",
    summary: "the server said close in a final response and did not close in time",
    explain: Explanation {
        checks: "A server that sends the close option in a final response must close the connection after that \
                 response. The rule speaks where the response was complete and acknowledged, and neither a FIN of \
                 the server nor a RST of either side came within the grace (--close-grace, 2 s).",
        matters: "A client that waits for the close, as HTTP/1.0 clients do, hangs until its own timeout, and both \
                  sides hold a socket that nobody may use any more.",
        silent: "Where the capture ends before the grace is over, where octets of the server are missing, where the \
                 response was not acknowledged, where the client's window was zero, and after an upgrade or CONNECT.",
        remedy: "Make the server close its side once the response is written: shutdown for writing, drain, close \
                 (RFC 9112 9.6). Behind a proxy, look whether the proxy holds the connection.",
        fails: "> GET / | Connection: close\n< 200 | Connection: close | Content-Length: 2\n~ 4s\nclient FIN\nserver FIN\n",
        passes: "> GET / | Connection: close\n< 200 | Connection: close | Content-Length: 2\nserver FIN\n~ 4s\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, settings: &Settings, ruling: &mut Ruling) {
    let said_close = |response: &crate::connection::Response| response.message.says_close();
    let Some(exchange) = connection
        .exchanges
        .iter()
        .find(|exchange| exchange.response.as_ref().is_some_and(said_close))
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
                "the server said close in the response that ended in frame {}, {}",
                duty.created.frame,
                duty.neglect(closed, settings)
            ),
        }),
    }
}
