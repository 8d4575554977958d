//! `request-dropped`: a server took a request, and closed without a word.

use super::evidence::{close_inside, persists, sees_all_from_the_first};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Request};
use crate::http::Framing;
use crate::tcp::{FIRST_OCTET, Peer};

pub(super) static RULE: Rule = Rule {
    name: "request-dropped",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::UNANSWERED,
    source: "RFC 9112 9.5",
    summary: "the server's close acknowledges a complete request that got no byte of a response",
    explain: Explanation {
        checks: "A server should answer the requests that it took before it closes. The rule speaks where its FIN, or \
                 RST with ACK, acknowledges a complete request that got no byte of a response, where no message \
                 before that request had ended the connection, and the client had not closed.",
        matters: "The request may or may not have been acted on, and nothing tells which. A proxy answers 502; what \
                  is not idempotent cannot be sent again.",
        silent: "Where an earlier request or an earlier response ended persistence: a server takes no notice of \
                 what is pipelined behind its response with close, and is right. Where any byte of a response came, \
                 also of an interim one, where the close does not acknowledge the request (see keep-alive-race), \
                 where the client closed first, where the capture starts inside the connection, where octets are \
                 missing or cannot be read, and after an upgrade or CONNECT.",
        remedy: "Where it comes after an idle time as long as the server's, its timer was faster than its reader (Node \
                 resets then): let the client give up idle connections sooner, as with keep-alive-race. Else look \
                 in the server's log at that time for a worker that was killed or crashed (gunicorn: timeout, \
                 max_requests; php-fpm: request_terminate_timeout, pm.max_requests), and let it finish what it has \
                 before it exits (gunicorn: graceful_timeout; nginx: reload with worker_shutdown_timeout). nginx \
                 closes without a word by return 444.",
        fails: "> GET /a\n< 200 | Content-Length: 2\n~ 1s\n> GET /b\n~ 1s\nserver FIN\nclient FIN\n",
        passes: "> GET /a\n> GET /b unseen\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    if !sees_all_from_the_first(connection) {
        return None;
    }
    let close = close_inside(connection, Peer::Server)?;
    let (request, answered_until) = first_unanswered(connection)?;
    let end = request.message.end?;
    if end.offset > close.ack || close.offset != answered_until {
        return None;
    }
    let at = request.message.start_at();
    let (method, _) = request.method_and_target();
    Some(Finding::new(
        &RULE,
        Some(Peer::Server),
        close.at,
        [at],
        format!(
            "the server's {} in frame {} acknowledges {method} of frame {}, which got no byte of a response in {}",
            close.kind.name(),
            close.at.frame,
            at.frame,
            close.at.time.since(at.time)
        ),
    ))
}

/// The first request without a response, where all before it were answered in full and left the connection
/// persistent; and the offset behind the last response.
fn first_unanswered(connection: &Connection) -> Option<(&Request, u64)> {
    let mut answered_until = FIRST_OCTET;
    for exchange in &connection.exchanges {
        let request = exchange.request.as_ref()?;
        let Some(response) = exchange.response else {
            return Some((request, answered_until));
        };
        let by_close = response.message.framing() == Some(Framing::Close);
        if by_close || !persists(exchange) {
            return None;
        }
        answered_until = response.message.end?.offset;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, speaks};

    const OK: &str = "> GET /a\n< 200 | Content-Length: 2";

    #[test]
    fn it_speaks_where_the_close_has_the_request() {
        speaks(
            &RULE,
            &[
                (
                    "the RST of the client answers it, was captured first, and nothing else came",
                    "> GET /a\n< 200 | Content-Length: 2\n> GET /b\nserver FIN\nlost\nclient RST\nearlier 1\n",
                ),
                (
                    "the RST of the client crossed it",
                    "> GET /a\n< 200 | Content-Length: 2\n> GET /b\nserver FIN unseen\nclient RST\n",
                ),
                (
                    "the FIN of the client crossed a RST",
                    "> GET /a\n< 200 | Content-Length: 2\n> GET /b\nserver RST\nclient FIN unseen\n",
                ),
                (
                    "the FINs crossed, and that of the client was captured first",
                    "> GET /a\n< 200 | Content-Length: 2\n> GET /b\nclient FIN unseen\nserver FIN\n",
                ),
                ("the first request", "> GET /a\n~ 1s\nserver FIN\n"),
                (
                    "by a RST with ACK",
                    &format!("{OK}\n> GET /b\nserver RST\n"),
                ),
                (
                    "with a body",
                    &format!("{OK}\n> POST /b | Content-Length: 9\nserver FIN\n"),
                ),
                (
                    "the request itself said close: it is owed a response all the same",
                    "> GET /a | Connection: close\nserver FIN\n",
                ),
                (
                    "the client closed afterwards",
                    &format!("{OK}\n> GET /b\nserver FIN\nclient FIN\n"),
                ),
                (
                    "the client's FIN crossed",
                    &format!("{OK}\n> GET /b\nserver FIN unseen\nclient FIN\n"),
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
                    "a RST with another number",
                    "> GET /a\n< 200 | Content-Length: 2\n> GET /b\nserver RST behind 2\n",
                ),
                (
                    "the FIN of the client was captured before a RST",
                    "> GET /a\n< 200 | Content-Length: 2\n> GET /b\nclient FIN unseen\nserver RST\n",
                ),
                (
                    "the close does not acknowledge the request",
                    &format!("{OK}\nserver FIN unseen\n> GET /b\nserver RST bare\n"),
                ),
                (
                    "a RST without ACK acknowledges nothing",
                    &format!("{OK}\n> GET /b\nserver RST bare\n"),
                ),
                (
                    "an earlier response said close",
                    "> GET /a\n> GET /b\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\n",
                ),
                (
                    "an earlier request said close",
                    "> GET /a | Connection: close\n> GET /b\n< 204\nserver FIN\n",
                ),
                (
                    "an earlier response was HTTP/1.0",
                    "> GET /a\n> GET /b\n< 200 HTTP/1.0 | Content-Length: 2\nserver FIN\n",
                ),
                (
                    "an earlier response ended with the close",
                    "> GET /a\n> GET /b\n< 200\n< raw abc\nserver FIN\n",
                ),
                (
                    "the beginning of a response came",
                    "> GET /a\n< raw HTTP/1.1 2\nserver FIN\n",
                ),
                ("an interim response came", "> GET /a\n< 103\nserver FIN\n"),
                (
                    "the request is not complete",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nserver FIN\n",
                ),
                (
                    "the client closed before",
                    "> GET /a\nclient FIN\nserver FIN\n",
                ),
                (
                    "the client reset before",
                    "> GET /a\nclient RST\nserver FIN unseen\n",
                ),
                (
                    "a 408 crossed the request",
                    &format!(
                        "{OK}\n~ 9s\n< 408 | Connection: close unseen\n> GET /b\nserver FIN\n"
                    ),
                ),
                (
                    "the capture starts inside the connection",
                    &format!("inside\n{OK}\n> GET /b\nserver FIN\n"),
                ),
                ("the capture ends early", &format!("{OK}\n> GET /b\n")),
                (
                    "octets of the server are missing",
                    &format!("{OK}\n> GET /b\nhole server 60\nserver FIN\n"),
                ),
                (
                    "octets of the client are missing",
                    &format!("{OK}\nhole client 60\n~ 2s\n> GET /b\nserver FIN\n"),
                ),
                (
                    "the snap length cut the request",
                    &format!("{OK}\nsnap 60\n> GET /b\nserver FIN\n"),
                ),
                (
                    "the server's side was not captured",
                    "only client\n> GET /b\nserver FIN\nclient FIN\n",
                ),
                (
                    "the client's side was not captured",
                    "only server\n> GET /b\nserver FIN\n",
                ),
                (
                    "a tunnel began",
                    "> CONNECT a:1\n< 200\n> GET /b\nserver FIN\n",
                ),
            ],
        );
    }
}
