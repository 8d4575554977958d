//! `http10-kept-open`: a connection of HTTP/1.0 that did not ask to persist was left open.

use super::duty::Duty;
use super::evidence::certain;
use super::{AtFault, Explanation, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange};
use crate::http::Says;
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "http10-kept-open",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::HTTP10.and(Traits::KEPT_OPEN),
    source: "RFC 9112 9.3",
    summary: "an HTTP/1.0 request without keep-alive was answered and the server did not close in time",
    explain: Explanation {
        checks: "A connection does not persist after an HTTP/1.0 request that does not ask for keep-alive: the last \
                 point of the list in RFC 9112 9.3 says that it will close after the current response. That list \
                 has no keyword (no MUST); that the server is to close follows from it. The rule speaks where the \
                 exchange was complete and acknowledged, and neither a FIN of the server nor a RST of either side \
                 came within the grace (--close-grace, 2 s). \
                 Where the response said close, server-kept-open-after-close speaks as well: the server was bound \
                 twice.",
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
    let exchange = certain(connection)
        .iter()
        .find(|exchange| is_http10(exchange));
    let Some(duty) = exchange.and_then(Duty::of_server) else {
        return;
    };
    duty.enforce(&RULE, (connection, settings), ruling, &[], || {
        format!(
            "the request was HTTP/1.0 without keep-alive, its response ended in frame {}",
            duty.created.frame
        )
    });
}

fn is_http10(exchange: &Exchange) -> bool {
    let request = exchange.request.as_ref();
    request.is_some_and(|request| request.message.says() == Some(Says::Nothing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, speaks};

    #[test]
    fn it_speaks_where_the_server_stays() {
        speaks(
            &RULE,
            &[
                (
                    "an answer in HTTP/1.1 changes nothing",
                    "> GET / HTTP/1.0\n< 200 | Content-Length: 2\n~ 3s\nelsewhere\n",
                ),
                (
                    "nor does a response that said close: both duties were neglected",
                    "> GET / HTTP/1.0\n< 200 | Connection: close | Content-Length: 2\n~ 3s\nelsewhere\n",
                ),
                (
                    "an earlier exchange asked for keep-alive",
                    "> GET / HTTP/1.0 | Connection: keep-alive\n< 204 | Connection: keep-alive\n> GET / HTTP/1.0\n< 204\n~ 3s\nelsewhere\n",
                ),
            ],
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "octets before it are no message",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 1\\r\\n\\r\\nx<pre>\\r\\nGET / HTTP/1.0\\r\\n\\r\\n\n< 204\n< 204\n~ 4s\nclient FIN\n",
                ),
                (
                    "HTTP/1.1 persists",
                    "> GET /\n< 200 HTTP/1.0 | Content-Length: 2\n~ 9s\nelsewhere\n",
                ),
                (
                    "the request said close: that is for other rules",
                    "> GET / HTTP/1.0 | Connection: close\n< 204\n~ 9s\nelsewhere\n",
                ),
                (
                    "the server closed in time",
                    "> GET / HTTP/1.0\n< 204\n~ 1s\nserver FIN\n~ 9s\nelsewhere\n",
                ),
                (
                    "the body ends with the close",
                    "> GET / HTTP/1.0\n< 200\n< raw abc\n~ 9s\n< raw def\nserver FIN\nclient FIN\n",
                ),
                (
                    "the capture ends inside the grace",
                    "> GET / HTTP/1.0\n< 204\n~ 2s\nelsewhere\n",
                ),
                (
                    "octets of the server are missing",
                    "> GET / HTTP/1.0\n< 204\nhole server 1\n~ 9s\nelsewhere\n",
                ),
                (
                    "the request was cut off by the snap length",
                    "snap 60\n> GET / HTTP/1.0\n< 204\n~ 9s\nelsewhere\n",
                ),
                (
                    "the client's side was not captured",
                    "only server\n> GET / HTTP/1.0\n< 204\n~ 9s\nelsewhere\n",
                ),
                (
                    "the server's side was not captured",
                    "only client\n> GET / HTTP/1.0\n< 204\n~ 9s\nelsewhere\n",
                ),
                (
                    "a tunnel began",
                    "> CONNECT a:1 HTTP/1.0\n< 200\n~ 9s\nelsewhere\n",
                ),
            ],
        );
    }
}
