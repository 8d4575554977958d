//! `early-idle-close`: a server closed an idle connection sooner than it had promised.

use super::evidence::{IdleClose, idle_close_by_server, latest_timeout};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{AT_ONCE, Connection};
use crate::tcp::Peer;
use crate::time::Span;

pub(super) static RULE: Rule = Rule {
    name: "early-idle-close",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::KEEP_ALIVE
        .and(Traits::SERVER_CLOSED)
        .and(Traits::PERSISTENT),
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
    let closed = idle_close_by_server(connection)?;
    let IdleClose { close, end, .. } = closed;
    let (promised, timeout) = latest_timeout(&connection.exchanges)?;
    let promise = Span::from_secs(i64::from(timeout));
    let earliest = promise - tolerance(promise);
    let idle = close.at.time.since(end.time);
    // The server's clock runs from when it had written the response, which may have waited in its kernel: so the
    // promise is broken for certain only where it is, counted from the beginning of the response.
    let begun = closed.exchange.response?.message.start_at();
    let is_early = close.at.time.since(begun.time) < earliest;
    if !is_early || idle <= AT_ONCE || connection.max_may_be_used_up() {
        return None;
    }
    Some(Finding::new(
        &RULE,
        Some(Peer::Server),
        close.at,
        [promised],
        format!(
            "advertised timeout {timeout} s in frame {}, closed after {idle} idle in frame {}",
            promised.frame, close.at.frame
        ),
    ))
}

/// 2 %, at least the lesser of half a second and half the timeout.
fn tolerance(timeout: Span) -> Span {
    let least = Span::from_millis(500).min(Span::from_nanos(timeout.nanos() / 2));
    least.max(Span::from_nanos(timeout.nanos() / 50))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const ASK: &str = "> GET /";

    /// A response that promises this.
    fn promise(parameters: &str) -> String {
        format!("< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: {parameters}")
    }

    #[test]
    fn it_speaks_of_a_close_sooner_than_promised() {
        let ten = promise("timeout=10");
        speaks(
            &RULE,
            &[
                ("by a FIN", &format!("{ASK}\n{ten}\n~ 9.4s\nserver FIN\n")),
                ("by a RST", &format!("{ASK}\n{ten}\n~ 2s\nserver RST\n")),
                (
                    "of a short promise, more than half of it too soon",
                    &format!("{ASK}\n{}\n~ 450ms\nserver FIN\n", promise("timeout=1")),
                ),
                (
                    "of a long promise, more than 2 % too soon",
                    &format!("{ASK}\n{}\n~ 97s\nserver FIN\n", promise("timeout=100")),
                ),
                (
                    "the promise of an earlier response holds on",
                    &format!("{ASK}\n{ten}\n{ASK}\n< 204\n~ 2s\nserver FIN\n"),
                ),
                (
                    "max falls, and leaves some",
                    &format!(
                        "{ASK}\n{}\n{ASK}\n{}\n~ 2s\nserver FIN\n",
                        promise("timeout=10, max=2"),
                        promise("timeout=10, max=1")
                    ),
                ),
                (
                    "a request crossed it",
                    &format!("{ASK}\n{ten}\n~ 2s\nserver FIN unseen\n{ASK}\n"),
                ),
                (
                    "from inside the connection on",
                    &format!("inside\n{ASK}\n{ten}\n~ 2s\nserver FIN\n"),
                ),
            ],
        );
        let (at, others, message) = finding(&RULE, RULE.explain.fails);
        assert_eq!((at, others), (8, vec![6]));
        assert_eq!(
            message,
            "advertised timeout 10 s in frame 6, closed after 2.000 s idle in frame 8"
        );
    }

    #[test]
    fn it_is_silent_where_the_promise_was_kept() {
        let ten = promise("timeout=10");
        is_silent(
            &RULE,
            &[
                (
                    "within the tolerance of half a second",
                    &format!("{ASK}\n{ten}\n~ 9.6s\nserver FIN\n"),
                ),
                (
                    "within half of a short promise",
                    &format!("{ASK}\n{}\n~ 550ms\nserver FIN\n", promise("timeout=1")),
                ),
                (
                    "within 2 % of a long promise",
                    &format!("{ASK}\n{}\n~ 99s\nserver FIN\n", promise("timeout=100")),
                ),
                (
                    "a later promise is shorter",
                    &format!(
                        "{ASK}\n{ten}\n{ASK}\n{}\n~ 2s\nserver FIN\n",
                        promise("timeout=2")
                    ),
                ),
                (
                    "the time may have run from the beginning of the response",
                    &format!(
                        "{ASK}\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 2\\r\\nConnection: keep-alive\\r\\nKeep-Alive: timeout=5\\r\\n\\r\\na\n~ 4s\n< raw b\n~ 2s\nserver FIN\n"
                    ),
                ),
                (
                    "nothing was promised",
                    &format!("{ASK}\n< 204\n~ 2s\nserver FIN\n"),
                ),
                (
                    "a promise that Connection does not list",
                    &format!("{ASK}\n< 204 | Keep-Alive: timeout=10\n~ 2s\nserver FIN\n"),
                ),
                (
                    "the client closed",
                    &format!("{ASK}\n{ten}\n~ 2s\nclient FIN\nserver FIN\n"),
                ),
                (
                    "a second response is outstanding",
                    &format!("{ASK}\n{ten}\n{ASK}\n~ 2s\nserver FIN\n"),
                ),
            ],
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        let ten = promise("timeout=10");
        is_silent(
            &RULE,
            &[
                (
                    "the server sent something behind the response",
                    "> GET /\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=10\n< raw HTTP/1\n~ 2s\nserver FIN\n",
                ),
                (
                    "as long after it as unannounced-close looks",
                    "> GET /\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=10\n~ 100ms\nserver FIN\n",
                ),
                (
                    "no sooner than the tolerance",
                    "> GET /\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=10\n~ 9.5s\nserver FIN\n",
                ),
                (
                    "at once: that is unannounced-close",
                    &format!("{ASK}\n{ten}\n~ 50ms\nserver FIN\n"),
                ),
                (
                    "the client had said close",
                    &format!("{ASK} | Connection: close\n{ten}\n~ 2s\nserver FIN\n"),
                ),
                (
                    "a later response said close",
                    &format!("{ASK}\n{ten}\n{ASK}\n< 204 | Connection: close\n~ 2s\nserver FIN\n"),
                ),
                (
                    "max may have been the total",
                    &format!(
                        "{ASK}\n{}\n~ 2s\nserver FIN\n",
                        promise("timeout=10, max=1")
                    ),
                ),
                (
                    "max left nothing",
                    &format!(
                        "{ASK}\n{}\n~ 2s\nserver FIN\n",
                        promise("timeout=10, max=0")
                    ),
                ),
                (
                    "the total is used up",
                    &format!(
                        "{ASK}\n{0}\n{ASK}\n{0}\n~ 2s\nserver FIN\n",
                        promise("timeout=10, max=2")
                    ),
                ),
                (
                    "what was left is used up",
                    &format!(
                        "{ASK}\n{}\n{ASK}\n{}\n{ASK}\n< 204\n~ 2s\nserver FIN\n",
                        promise("timeout=10, max=2"),
                        promise("timeout=10, max=1")
                    ),
                ),
                (
                    "a RST without ACK answers a segment",
                    &format!("{ASK}\n{ten}\n~ 2s\nserver RST bare\n"),
                ),
                (
                    "the FINs crossed",
                    &format!("{ASK}\n{ten}\n~ 2s\nserver FIN unseen\nclient FIN\n"),
                ),
                (
                    "the beginning of a request was outstanding",
                    &format!("{ASK}\n{ten}\n> raw GET /b\n~ 2s\nserver FIN\n"),
                ),
                ("the capture ends early", &format!("{ASK}\n{ten}\n~ 2s\n")),
                (
                    "octets of the server are missing",
                    &format!("{ASK}\n{ten}\nhole server 9\n~ 2s\nserver FIN\n"),
                ),
                (
                    "octets of the client are missing",
                    &format!("{ASK}\n{ten}\nhole client 9\n~ 2s\nserver FIN\n"),
                ),
                (
                    "the snap length cut the head",
                    &format!("snap 60\n{ASK}\n{ten}\n~ 2s\nserver FIN\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{ASK}\n{ten}\n~ 2s\nserver FIN\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n{ASK}\n{ten}\n~ 2s\nserver FIN\n"),
                ),
                (
                    "a tunnel began",
                    &format!("{ASK}\n{ten}\n> CONNECT a:1\n< 200\n~ 2s\nserver FIN\n"),
                ),
            ],
        );
    }
}
