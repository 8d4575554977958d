//! `reuse-past-timeout`: a client used a connection again after the time that the server had promised.

use super::evidence::{certain, latest_timeout, persists};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::Connection;
use crate::tcp::Peer;
use crate::time::{At, Span};

pub(super) static RULE: Rule = Rule {
    name: "reuse-past-timeout",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Client),
    subject: Subject::Connection,
    needs: Traits::KEEP_ALIVE.and(Traits::SEVERAL),
    source: "draft-thomson-hybi-http-timeout-03",
    summary: "the client sent a request on a connection that was idle for longer than the advertised timeout",
    explain: Explanation {
        checks: "`Keep-Alive: timeout=N` says for how long the server holds an idle connection. The rule speaks where \
                 a request was sent more than the latest advertised timeout after the client's own first ACK of \
                 the previous response's last octet.",
        matters: "The server may close at that very moment: the request is lost, and the client cannot know whether \
                  it was acted on. That is how sporadic 502 and ECONNRESET come about.",
        silent: "Where the client's ACK of the response was not captured before the request, where the connection \
                 was not idle or not to persist, where the timeout is 0, where octets could not be read before the \
                 request, and after an upgrade or CONNECT.",
        remedy: "Let the client give up idle connections a second before the timeout that it is told. Apache \
                 HttpClient does with its default keep-alive strategy, and so does Node's http.Agent where it has a \
                 `timeout` of its own; elsewhere set the pool's idle time (IdleConnTimeout in Go, freeSocketTimeout \
                 in agentkeepalive, keepalive_timeout in an nginx upstream) below the server's.",
        fails: "> GET /a\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5\n~ 6s\n> GET /b\n< 204\nclient FIN\nserver FIN\n",
        passes: "> GET /a\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5\n~ 4s\n> GET /b\n< 204\nclient FIN\nserver FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    let exchanges = certain(connection);
    // Behind a close nothing is promised any more.
    let persistent = exchanges.iter().take_while(|exchange| persists(exchange));
    let last = persistent.count();
    (1..exchanges.len())
        .take_while(|&number| number <= last)
        .find_map(|number| {
            let (before, rest) = exchanges.split_at_checked(number)?;
            let request = rest.first()?.request.as_ref()?;
            let previous = before.last()?;
            let end = previous.response?.message.end?;
            let start = request.message.start;
            // The client's own packets tell when it had the response: both times are of one side.
            let acked = end.acked?;
            // What the server sent since, other than its FIN, would end the idleness.
            let quiet = end.offset..=end.offset + 1;
            if !quiet.contains(&start.stamp.ack()?) {
                return None;
            }
            let asked = previous.request.as_ref()?.message.end_at()?;
            let idle = start.stamp.at.time.since(acked.at.later(asked).time);
            let (promised, timeout) = latest_timeout(before).filter(|&(_, timeout)| timeout > 0)?;
            let is_late = idle > Span::from_secs(i64::from(timeout));
            is_late.then(|| finding((promised, timeout), acked.at, (start.stamp.at, idle)))
        })
}

fn finding((promised, timeout): (At, u32), acked: At, (sent, idle): (At, Span)) -> Finding {
    Finding::new(
        &RULE,
        Some(Peer::Client),
        sent,
        [promised, acked],
        format!(
            "advertised timeout {timeout} s in frame {}, the client acknowledged the last response in frame {} and \
             sent a request after {idle} idle in frame {}",
            promised.frame, acked.frame, sent.frame
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const OK: &str = "< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5";

    #[test]
    fn it_speaks_where_the_client_had_been_told() {
        speaks(
            &RULE,
            &[
                (
                    "never answered",
                    &format!("> GET /a\n{OK}\n~ 6s\n> GET /b\n"),
                ),
                (
                    "an earlier response advertised it",
                    &format!("> GET /a\n{OK}\n> GET /b\n< 204\n~ 6s\n> GET /c\n"),
                ),
                (
                    "in a later gap",
                    &format!("> GET /a\n{OK}\n~ 1s\n> GET /b\n{OK}\n~ 6s\n> GET /c\n{OK}\n"),
                ),
                (
                    "from inside the connection on",
                    &format!("inside\n> GET /a\n{OK}\n~ 6s\n> GET /b\n"),
                ),
                (
                    "the request itself says close",
                    &format!("> GET /a\n{OK}\n~ 6s\n> GET /b | Connection: close\n{OK}\n"),
                ),
                (
                    "probes are no use of it",
                    &format!("> GET /a\n{OK}\n~ 3s\nprobe client\n~ 3s\n> GET /b\n"),
                ),
            ],
        );
        assert_eq!(
            finding(&RULE, RULE.explain.fails),
            (
                8,
                vec![6, 7],
                "advertised timeout 5 s in frame 6, the client acknowledged the last response in frame 7 and sent a \
                 request after 6.000 s idle in frame 8"
                    .to_owned()
            )
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "within the timeout",
                    &format!("> GET /a\n{OK}\n~ 5s\n> GET /b\n"),
                ),
                (
                    "nothing was advertised",
                    "> GET /a\n< 204\n~ 60s\n> GET /b\n",
                ),
                (
                    "a field that Connection does not name is to be ignored",
                    "> GET /a\n< 200 | Content-Length: 2 | Keep-Alive: timeout=5\n~ 6s\n> GET /b\n",
                ),
                (
                    "the latest one counts",
                    &format!(
                        "> GET /a\n{OK}\n> GET /b\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=20\n~ 6s\n> GET /c\n"
                    ),
                ),
                (
                    "what is advertised later",
                    &format!("> GET /a\n< 204\n~ 6s\n> GET /b\n{OK}\n"),
                ),
                (
                    "zero",
                    "> GET /a\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=0\n~ 6s\n> GET /b\n",
                ),
                (
                    "the response took long, the gap did not",
                    &format!("> GET /a\n~ 60s\n{OK}\n~ 1s\n> GET /b\n"),
                ),
                (
                    "the time runs from the ACK of the last octet",
                    "> GET /a\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 4\\r\\nConnection: keep-alive\\r\\nKeep-Alive: timeout=5\\r\\n\\r\\nab\n~ 9s\n< raw cd\n~ 1s\n> GET /b\n",
                ),
                (
                    "the time runs from the end of the request where that is later",
                    &format!(
                        "> raw POST / HTTP/1.1\\r\\nContent-Length: 4\\r\\n\\r\\nab\n{OK}\n~ 9s\n> raw cd\n~ 1s\n> GET /b\n"
                    ),
                ),
                (
                    "no ACK of its own before the request",
                    &format!("> GET /a\n{OK} unseen\n~ 6s\n> GET /b\n"),
                ),
                (
                    "the ACK comes with the request",
                    &format!("> GET /a\n{OK}\nlost\n~ 6s\n> GET /b\n"),
                ),
                (
                    "pipelined: another request was outstanding",
                    &format!("> GET /a\n> GET /b\n{OK}\n~ 6s\n> GET /c\n"),
                ),
                (
                    "a request on its way for long is not idle",
                    &format!(
                        "> GET /a\n{OK}\n~ 1s\n> raw GET /b HTT\n~ 60s\n> raw P/1.1\\r\\n\\r\\n\n"
                    ),
                ),
                (
                    "behind a close for other rules",
                    &format!("> GET /a | Connection: close\n{OK}\n~ 6s\n> GET /b\n"),
                ),
                (
                    "octets of the client are missing before it",
                    &format!("> GET /a\n{OK}\nhole client 60\n~ 6s\n> GET /b\n"),
                ),
                (
                    "octets of the server are missing before it",
                    &format!("> GET /a\n{OK}\nhole server 60\n~ 6s\n> GET /b\n"),
                ),
                (
                    "the snap length cut the response",
                    &format!("> GET /a\nsnap 70\n{OK}\n~ 6s\n> GET /b\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n> GET /a\n{OK}\n~ 6s\n> GET /b\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n> GET /a\n{OK}\n~ 6s\n> GET /b\n"),
                ),
                (
                    "the capture ends before it",
                    &format!("> GET /a\n{OK}\n~ 6s\nelsewhere\n"),
                ),
                (
                    "a tunnel began",
                    &format!("> GET /a\n{OK}\n~ 6s\n> CONNECT a:1\n< 200\n"),
                ),
            ],
        );
    }
}
