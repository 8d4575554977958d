//! `never-reused`: a persistent connection that the client closed after one exchange.

use super::evidence::{closed_unknowing, closing, sees_all_from_the_first};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::Connection;
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "never-reused",
    level: Level::Note,
    at_fault: AtFault::Side(Peer::Client),
    subject: Subject::Connection,
    needs: Traits::SINGLE.and(Traits::PERSISTENT),
    source: "RFC 9112 9.3",
    summary: "the client closed a persistent connection after one exchange",
    explain: Explanation {
        checks: "Whether a connection that both messages left persistent carried one exchange and was then closed by \
                 the client, which had all of the response. That is its right; it is worth knowing where connections \
                 are expected to be shared.",
        matters: "A client that opens a connection for every request pays for keep-alive and has nothing of it.",
        silent: "Where the capture does not have every packet from the handshake to the close, where the server \
                 closed as well without knowing of the client's close, where the response allowed no further request \
                 (max of 0 or 1), and after an upgrade or CONNECT.",
        remedy: "Share one client object: a `requests.Session` in Python, an `http.Agent` with `keepAlive: true` in \
                 Node, one `http.Client` whose bodies are read to the end in Go, `keepalive` in the upstream block of \
                 nginx. Where one request is all there is, send `Connection: close`.",
        fails: "> GET /\n< 200 | Content-Length: 2\n~ 1s\nclient FIN\nserver FIN\n",
        passes: "> GET /a\n< 200 | Content-Length: 2\n> GET /b\n< 200 | Content-Length: 2\n~ 1s\nclient FIN\nserver FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(never_reused(connection));
}

fn never_reused(connection: &Connection) -> Option<Finding> {
    if connection.exchanges.len() != 1 {
        return None;
    }
    let close = closing(connection, Peer::Client)?;
    let exchange = connection.exchanges.last()?;
    let request = &exchange.request.as_ref()?.message;
    let response = &exchange.response.as_ref()?.message;
    let end = exchange.end()?;
    let max = response.keep_alive().and_then(|keep_alive| keep_alive.max);
    let by_choice =
        close.ack >= response.end?.offset && !closed_unknowing(connection, Peer::Server, &close);
    let holds = by_choice
        && sees_all_from_the_first(connection)
        && connection.persists()
        && max.is_none_or(|max| max > 1);
    holds.then(|| {
        let asked = request.start_at();
        let message = format!(
            "one exchange, complete in frame {} and persistent, then the client's {} in frame {}",
            end.frame,
            close.kind.name(),
            close.at.frame
        );
        Finding::new(&RULE, Some(Peer::Client), close.at, [asked, end], message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, speaks};

    #[test]
    fn it_speaks_of_one_exchange() {
        speaks(
            &RULE,
            &[
                (
                    "at once",
                    "> GET /\n< 200 | Content-Length: 2\nclient FIN\nserver FIN\n",
                ),
                (
                    "by a reset",
                    "> GET /\n< 200 | Content-Length: 2\n~ 1s\nclient RST\n",
                ),
                (
                    "HTTP/1.0 with keep-alive",
                    "> GET / HTTP/1.0 | Connection: keep-alive\n< 204 HTTP/1.0 | Connection: keep-alive | Keep-Alive: max=9\nclient FIN\nserver FIN\n",
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
                    "the server reset before it had the close",
                    "> GET /a\n< 200 | Content-Length: 2\nserver RST\nclient FIN unseen\n",
                ),
                (
                    "the client closed before it had the response",
                    "> GET /\n< 200 | Content-Length: 2 unseen\nclient FIN\n",
                ),
                (
                    "the server closed",
                    "> GET /\n< 204\n~ 5s\nserver FIN\nclient FIN\n",
                ),
                (
                    "both closed at once",
                    "> GET /\n< 204\n~ 5s\nserver FIN unseen\nclient FIN\n",
                ),
                (
                    "close was said",
                    "> GET /\n< 204 | Connection: close\nclient FIN\nserver FIN\n",
                ),
                (
                    "HTTP/1.0 does not persist by itself",
                    "> GET / HTTP/1.0\n< 204\nclient FIN\nserver FIN\n",
                ),
                (
                    "no further request was allowed",
                    "> GET /\n< 204 | Connection: keep-alive | Keep-Alive: max=1\nclient FIN\nserver FIN\n",
                ),
                (
                    "the client gave up before it had the response",
                    "> GET /\nclient FIN\n< 204\nserver FIN\n",
                ),
                (
                    "a second request was not answered",
                    "> GET /a\n< 204\n> GET /b\nclient FIN\nserver FIN\n",
                ),
                ("it is still open", "> GET /\n< 204\n~ 9s\nelsewhere\n"),
                (
                    "the capture begins later",
                    "inside\n> GET /\n< 204\nclient FIN\nserver FIN\n",
                ),
                (
                    "a request may be in the hole",
                    "> GET /\n< 204\nhole client 40\n~ 1s\nclient FIN\nserver FIN\n",
                ),
                (
                    "cut off by the snap length",
                    "> GET /\nsnap 60\n< 200 | Content-Length: 200\n~ 1s\nclient FIN\nserver FIN\n",
                ),
                (
                    "the server's side was not captured",
                    "only client\n> GET /\n< 204\nclient FIN\nserver FIN\n",
                ),
                ("a tunnel", "> CONNECT a:1\n< 200\nclient FIN\nserver FIN\n"),
            ],
        );
    }
}
