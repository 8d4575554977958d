//! `reset-on-reuse`: a request on an idle connection met a host that no longer knew of it.

use super::evidence::lost_reuse;
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::Connection;

pub(super) static RULE: Rule = Rule {
    name: "reset-on-reuse",
    level: Level::Warning,
    at_fault: AtFault::Nobody,
    subject: Subject::Connection,
    needs: Traits::UNANSWERED.and(Traits::RST),
    source: "RFC 9112 9.5",
    summary: "a request on an idle connection was answered by a reset from a side that had never closed it",
    explain: Explanation {
        checks: "A RST without ACK is what a host sends that knows nothing of a connection. The rule speaks where a \
                 request on an idle persistent connection got no answer but such a RST, of the very number that the \
                 request acknowledges, and the capture has no close by the server: somebody forgot the connection \
                 silently, a firewall, a NAT or load balancer in between, or a host that was started anew.",
        matters: "The client believes in a connection that is gone. The first request after every longer pause fails.",
        silent: "Where the server had closed, where it had acknowledged the request, where the client had reset, \
                 where either side had said close, where the capture starts inside the connection, where octets are \
                 missing or cannot be read, and after an upgrade or CONNECT.",
        remedy: "Find what stands in between and how long it remembers (AWS NAT gateway and NLB: 350 s; Azure load \
                 balancer: 4 min; Linux: nf_conntrack_tcp_timeout_established), and let client or server give up \
                 idle connections sooner, or probe them more often (tcp_keepalive_time; nginx: listen ... \
                 so_keepalive=).",
        fails: "> GET /a\n< 200 | Content-Length: 2\n~ 400s\n> GET /b unseen\nserver RST bare\n",
        passes: "> GET /a\n< 200 | Content-Length: 2\n~ 400s\n> GET /b\n< 204\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    if !connection.facts.handshake.is_complete() {
        return None;
    }
    let sides = &connection.facts.sides;
    let rst = sides.server.rst?;
    let reuse = lost_reuse(connection)?;
    let message = &reuse.request.message;
    let at = message.start_at();
    let closed = sides.server.fin.is_some() || sides.client.rst.is_some();
    let had_it = message.end.is_some_and(|end| end.acked.is_some());
    // A RST without ACK has the number that the segment it answers acknowledged.
    let answers = rst.ack.is_none()
        && rst.offset == reuse.ack
        && reuse.ack == sides.server.reached
        && rst.at.frame > at.frame;
    if closed || had_it || !answers {
        return None;
    }
    let idle = reuse.idle()?;
    let (method, _) = reuse.request.method_and_target();
    Some(Finding::new(
        &RULE,
        None,
        rst.at,
        [at],
        format!(
            "{method} in frame {} after {idle} of idleness was answered by a RST without ACK in frame {}, and nobody had closed",
            at.frame, rst.at.frame
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, play_all, speaks};

    const OK: &str = "> GET /a\n< 200 | Content-Length: 2";

    #[test]
    fn it_speaks_where_the_connection_was_forgotten_and_blames_nobody() {
        speaks(
            &RULE,
            &[
                (
                    "after several exchanges",
                    &format!("{OK}\n~ 9s\n{OK}\n~ 400s\n> GET /b unseen\nserver RST bare\n"),
                ),
                (
                    "the request was sent again and again",
                    &format!(
                        "{OK}\n~ 400s\n> GET /b unseen\n~ 1s\nagain client\n~ 2s\nagain client\nserver RST bare\n"
                    ),
                ),
            ],
        );
        let played = play_all(RULE.explain.fails);
        let side = |played: &crate::script::Played| played.judgement.findings.first().unwrap().side;
        assert_eq!(side(played.first().unwrap()), None);
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "a 408 had crossed it, and the close was not captured",
                    "> GET /a\n< 200 | Content-Length: 2\n~ 400s\n< 408 | Connection: close | Content-Length: 0 unseen\n> GET /b unseen\nserver RST bare behind 56\n",
                ),
                (
                    "the RST answers another segment",
                    "> GET /a\n< 200 | Content-Length: 2\n~ 400s\n> GET /b unseen\nserver RST bare behind 2\n",
                ),
                (
                    "the server had closed",
                    &format!("{OK}\n~ 2s\nserver FIN unseen\n> GET /b unseen\nserver RST bare\n"),
                ),
                (
                    "the server had acknowledged the request",
                    &format!("{OK}\n~ 2s\n> GET /b\nserver RST bare\n"),
                ),
                (
                    "a RST with ACK is a close by choice",
                    &format!("{OK}\n~ 2s\n> GET /b unseen\nserver RST\n"),
                ),
                (
                    "it answers a segment before the request",
                    &format!("{OK}\n~ 2s\nserver RST bare\n> GET /b unseen\n"),
                ),
                (
                    "the client had reset",
                    &format!("{OK}\n~ 2s\n> GET /b unseen\nclient RST\nserver RST bare\n"),
                ),
                ("the first request", "> GET /b unseen\nserver RST bare\n"),
                (
                    "the connection was not idle",
                    "> GET /a\n> GET /b unseen\n< 200 | Content-Length: 2\nserver RST bare\n",
                ),
                (
                    "the server had said close",
                    "> GET /a\n< 200 | Content-Length: 2 | Connection: close\n~ 2s\n> GET /b unseen\nserver RST bare\n",
                ),
                (
                    "the capture ends early",
                    &format!("{OK}\n~ 2s\n> GET /b unseen\n"),
                ),
                (
                    "the capture starts inside the connection",
                    &format!("inside\n{OK}\n~ 2s\n> GET /b unseen\nserver RST bare\n"),
                ),
                (
                    "octets of the server are missing",
                    &format!("{OK}\nhole server 9\n~ 2s\n> GET /b unseen\nserver RST bare\n"),
                ),
                (
                    "octets of the client are missing",
                    &format!("{OK}\nhole client 9\n~ 2s\n> GET /b unseen\nserver RST bare\n"),
                ),
                (
                    "the snap length cut the request",
                    &format!("{OK}\n~ 2s\nsnap 60\n> GET /b unseen\nserver RST bare\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{OK}\n~ 2s\n> GET /b unseen\nserver RST bare\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n{OK}\n~ 2s\n> GET /b unseen\nserver RST bare\n"),
                ),
                (
                    "a tunnel began",
                    "> CONNECT a:1\n< 200\n~ 2s\n> GET /b unseen\nserver RST bare\n",
                ),
            ],
        );
    }
}
