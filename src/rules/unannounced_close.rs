//! `unannounced-close`: a server closed right behind a response that left the connection persistent.

use super::evidence::{IdleClose, idle_close_by_server};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{AT_ONCE, Connection};
use crate::tcp::{CloseKind, Peer};

pub(super) static RULE: Rule = Rule {
    name: "unannounced-close",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::SERVER_CLOSED.and(Traits::PERSISTENT),
    source: "RFC 9112 9.6",
    summary: "the server closed within 100 ms of a response that left the connection persistent",
    explain: Explanation {
        checks: "A server that does not want to go on should send the close option in its last response. The rule \
                 speaks where the server's FIN came first, within 100 ms of the end of a response which, with its \
                 request, left the connection persistent, with nothing outstanding.",
        matters: "The client believes that it may use the connection again: a request that it sends in that moment \
                  is lost, and it cannot know whether it was acted on. That is how sporadic 502 and ECONNRESET come \
                  about.",
        silent: "Where the body could only end with the close, where either side said close or HTTP/1.0 implied it, \
                 where the client was closing as well, where octets are missing, and after an upgrade or CONNECT.",
        remedy: "Let the server announce it: Apache and nginx do by themselves when keep-alive is off; in an \
                 application server look for a worker limit or an idle timeout near zero, and for a handler that \
                 closes the socket by itself.",
        fails: "> GET /\n< 200 | Content-Length: 2\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    let closed = idle_close_by_server(connection)?;
    let IdleClose {
        close, exchange, ..
    } = closed;
    let end = exchange.response?.message.end_at()?;
    let after = close.at.time.since(end.time);
    if close.kind != CloseKind::Fin || after > AT_ONCE {
        return None;
    }
    Some(Finding::new(
        &RULE,
        Some(Peer::Server),
        close.at,
        [end],
        format!(
            "the response that ended in frame {} left the connection persistent; the server closed it {after} later in frame {}",
            end.frame, close.at.frame
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const OK: &str = "< 200 | Content-Length: 2";

    #[test]
    fn it_speaks_at_any_capture_point() {
        speaks(
            &RULE,
            &[
                (
                    "behind empty lines of both",
                    "> GET /a\n< 200 | Content-Length: 2\n> raw \\r\\n\n< raw \\r\\n\nserver FIN\n",
                ),
                (
                    "a tenth of a second later",
                    "> GET /a\n< 200 | Content-Length: 2\n~ 100ms\nserver FIN\n",
                ),
                (
                    "the client had acknowledged it, and answers by a RST without ACK",
                    "> GET /a\n< 200 | Content-Length: 2\nserver FIN\nclient RST bare\n",
                ),
                (
                    "the FIN of the client is the first packet to acknowledge it",
                    "> GET /a\n< 200 | Content-Length: 2\nserver FIN\nlost\nclient FIN\n",
                ),
                (
                    "at once",
                    &format!("> GET /\n{OK}\n~ 99ms\nserver FIN\nclient FIN\n"),
                ),
                (
                    "after other exchanges",
                    &format!("> GET /\n{OK}\n~ 1s\n> GET /\n{OK}\nserver FIN\nclient FIN\n"),
                ),
                (
                    "HTTP/1.0 with keep-alive",
                    "> GET / HTTP/1.0 | Connection: keep-alive\n< 200 HTTP/1.0 | Connection: keep-alive | Content-Length: 2\nserver FIN\n",
                ),
                (
                    "a request crosses the FIN, seen at the server",
                    &format!("> GET /\n{OK}\nserver FIN unseen\n> GET /\nserver RST bare\n"),
                ),
                (
                    "a request crosses the FIN, seen at the client",
                    &format!("> GET /\n{OK}\nserver FIN unseen\n> GET / unseen\nearlier 1\n"),
                ),
            ],
        );
        let (at, others, message) = finding(&RULE, &format!("> GET /\n{OK}\n~ 27us\nserver FIN\n"));
        assert_eq!((at, others), (8, vec![6]));
        assert!(message.contains("27 µs later in frame 8"), "{message}");
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "another response had begun",
                    "> GET /a\n< 200 | Content-Length: 2\n< raw HTTP/1\nserver FIN\n",
                ),
                (
                    "a RST without ACK came first",
                    "> GET /a\n< 200 | Content-Length: 2\nserver RST bare\nserver FIN\n",
                ),
                (
                    "an idle timeout",
                    &format!("> GET /\n{OK}\n~ 101ms\nserver FIN\n"),
                ),
                (
                    "a RST is for another rule",
                    &format!("> GET /\n{OK}\nserver RST\n"),
                ),
                (
                    "the request said close",
                    &format!("> GET / | Connection: close\n{OK}\nserver FIN\n"),
                ),
                (
                    "HTTP/1.0 implied it",
                    &format!("> GET / HTTP/1.0\n{OK}\nserver FIN\n"),
                ),
                (
                    "the response was HTTP/1.0",
                    "> GET /\n< 200 HTTP/1.0 | Content-Length: 2\nserver FIN\n",
                ),
                (
                    "only the close could end the body",
                    "> GET /\n< 200\n< raw abc\nserver FIN\n",
                ),
                (
                    "the client closed first",
                    &format!("> GET /\n{OK}\nclient FIN\nserver FIN\n"),
                ),
                (
                    "the client was closing as well, seen at the server",
                    &format!("> GET /\n{OK}\nserver FIN unseen\nclient FIN\n"),
                ),
                (
                    "the client was closing as well, by a RST",
                    &format!("> GET /\n{OK}\nserver FIN unseen\nclient RST\n"),
                ),
                (
                    "something was outstanding",
                    &format!("> GET /\n{OK}\n> GET /b\nserver FIN\n"),
                ),
                (
                    "the beginning of a request was outstanding",
                    &format!("> GET /\n{OK}\n> raw GET /b\nserver FIN\n"),
                ),
                (
                    "octets are missing",
                    &format!("> GET /\n{OK}\nhole client 9\nserver FIN\n"),
                ),
                (
                    "the head was cut off by the snap length",
                    "> GET /\nsnap 80\n< 200 | X: yyyyyyyyyyyyyyyyyyyyyyyy | Content-Length: 2\nserver FIN\n",
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n> GET /\n{OK}\nserver FIN\n"),
                ),
                ("the capture ends early", &format!("> GET /\n{OK}\n")),
                (
                    "a tunnel began",
                    "> GET / | Connection: upgrade | Upgrade: x\n< 101 | Connection: upgrade\nserver FIN\n",
                ),
            ],
        );
    }
}
