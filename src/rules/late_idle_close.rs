//! `late-idle-close`: a server held an idle connection for longer than it had promised.

use super::evidence::{IdleClose, idle_close_by_server, latest_timeout};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::Connection;
use crate::tcp::Peer;
use crate::time::Span;

/// So much later than promised is no matter of the timer's grain: servers look once a second.
const MARGIN: Span = Span::from_millis(1500);

pub(super) static RULE: Rule = Rule {
    name: "late-idle-close",
    level: Level::Note,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::KEEP_ALIVE
        .and(Traits::SERVER_CLOSED)
        .and(Traits::PERSISTENT),
    source: "-",
    summary: "the server closed an idle connection more than 1.5 s after the timeout that it advertised",
    explain: Explanation {
        checks: "`Keep-Alive: timeout=N` says for how long the server holds an idle connection. The rule speaks where \
                 the server closed first, with nothing outstanding, more than 1.5 s after the latest timeout that it \
                 advertised. No standard forbids that; it is a note.",
        matters: "It shows that the timeout which is advertised is not the one in force: clients give connections up \
                  that they could still use, and the server holds more of them than its settings say. A server \
                  that adds a second on purpose, as Node does, is not meant.",
        silent: "Where a close was announced or implied, where the client had not acknowledged \
                 the response (its time runs from that ACK on), where the client was closing as well or sent an empty line \
                 that may have started the time anew, where octets are missing, and after an upgrade or CONNECT.",
        remedy: "Set the advertised and the real timeout to the same value: KeepAliveTimeout (Apache), the two \
                 values of keepalive_timeout (nginx), server.keepAliveTimeout (Node). Where a proxy passes the \
                 field on from another hop, drop it there.",
        fails: "> GET /\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5\n~ 9s\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5\n~ 6s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    let IdleClose {
        close,
        exchange,
        end,
        ..
    } = idle_close_by_server(connection)?;
    // A server that gave up sending its response again was not idle before.
    let acked = exchange.response?.message.end?.acked?;
    let idle = close.at.time.since(end.later(acked.at).time);
    let (promised, timeout) = latest_timeout(&connection.exchanges)?;
    // An empty line behind the last request may have come at any time.
    let quiet = close.ack <= exchange.request.as_ref()?.message.end?.offset;
    if !quiet || idle <= Span::from_secs(i64::from(timeout)) + MARGIN {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const ASK: &str = "> GET /";
    const OK: &str = "< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5";

    #[test]
    fn it_speaks_of_a_late_close() {
        speaks(
            &RULE,
            &[
                (
                    "just beyond the margin",
                    &format!("{ASK}\n{OK}\n~ 6.6s\nserver FIN\n"),
                ),
                ("a RST", &format!("{ASK}\n{OK}\n~ 9s\nserver RST\n")),
                (
                    "an earlier response advertised it",
                    &format!("{ASK}\n{OK}\n> GET /b\n< 204\n~ 9s\nserver FIN\n"),
                ),
                (
                    "a request crossed the close",
                    &format!("{ASK}\n{OK}\n~ 9s\nserver FIN unseen\n> GET /b\n"),
                ),
                (
                    "probes are no use of it",
                    &format!("{ASK}\n{OK}\n~ 4s\nprobe client\n~ 4s\nserver FIN\n"),
                ),
            ],
        );
        let (at, others, message) = finding(&RULE, RULE.explain.fails);
        assert_eq!((at, others), (8, vec![6]));
        assert_eq!(
            message,
            "advertised timeout 5 s in frame 6, closed after 9.000 s idle in frame 8"
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "within the margin",
                    &format!("{ASK}\n{OK}\n~ 6.5s\nserver FIN\n"),
                ),
                ("early", &format!("{ASK}\n{OK}\n~ 2s\nserver FIN\n")),
                (
                    "nothing was advertised",
                    "> GET /\n< 204\n~ 60s\nserver FIN\n",
                ),
                (
                    "a field that Connection does not name is to be ignored",
                    "> GET /\n< 200 | Content-Length: 2 | Keep-Alive: timeout=5\n~ 60s\nserver FIN\n",
                ),
                (
                    "the latest one counts",
                    &format!(
                        "{ASK}\n{OK}\n> GET /b\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=20\n~ 20s\nserver FIN\n"
                    ),
                ),
                (
                    "the client closed first",
                    &format!("{ASK}\n{OK}\n~ 60s\nclient FIN\nserver FIN\n"),
                ),
                (
                    "both closed, neither knowing of the other",
                    &format!("{ASK}\n{OK}\n~ 60s\nserver FIN unseen\nclient FIN\n"),
                ),
                (
                    "the request said close",
                    &format!("{ASK} | Connection: close\n{OK}\n~ 60s\nserver FIN\n"),
                ),
                ("still open", &format!("{ASK}\n{OK}\n~ 60s\nelsewhere\n")),
                (
                    "the client never acknowledged the response: the server gave up sending it",
                    &format!("{ASK}\n{OK} unseen\n~ 60s\nserver RST\n"),
                ),
                (
                    "it did so late",
                    &format!("{ASK}\n{OK} unseen\n~ 5s\nclient ACK\n~ 5s\nserver FIN\n"),
                ),
                (
                    "a request was outstanding",
                    &format!("{ASK}\n{OK}\n~ 1s\n> GET /b\n~ 60s\nserver FIN\n"),
                ),
                (
                    "an empty line may have started the time anew",
                    &format!("{ASK}\n{OK}\n~ 4s\n> raw \\r\\n\n~ 4s\nserver FIN\n"),
                ),
                (
                    "octets of the server are missing",
                    &format!("{ASK}\n{OK}\nhole server 30\n~ 60s\nserver FIN\n"),
                ),
                (
                    "octets of the client are missing",
                    &format!("{ASK}\n{OK}\nhole client 30\n~ 60s\nserver FIN\n"),
                ),
                (
                    "the snap length cut the response",
                    &format!("{ASK}\nsnap 60\n{OK}\n~ 60s\nserver FIN\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n{ASK}\n{OK}\n~ 60s\nserver FIN\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{ASK}\n{OK}\n~ 60s\nserver FIN\n"),
                ),
                (
                    "a tunnel began",
                    &format!(
                        "{ASK}\n{OK}\n> GET / | Connection: upgrade | Upgrade: x\n< 101 | Connection: upgrade\n~ 60s\nserver FIN\n"
                    ),
                ),
            ],
        );
    }
}
