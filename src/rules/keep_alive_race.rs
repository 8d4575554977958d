//! `keep-alive-race`: a request and the server's close of an idle connection crossed.

use super::evidence::{Closing, LostReuse, closing, lost_reuse};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::Connection;
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "keep-alive-race",
    level: Level::Warning,
    at_fault: AtFault::Nobody,
    subject: Subject::Connection,
    needs: Traits::UNANSWERED,
    source: "RFC 9112 9.5",
    summary: "a request and the server's close of the idle connection crossed: nobody is at fault",
    explain: Explanation {
        checks: "Either side may close an idle connection at any time, so that a request can be under way while the \
                 server closes. The rule speaks where a request on an idle persistent connection was never \
                 answered, the server's FIN (or RST with ACK) does not acknowledge it, and it does not acknowledge \
                 that FIN, or does so with the very packet that carries it. The numbers tell, not the order of \
                 capture.",
        matters: "The client sees a reset, a proxy answers 502. It happens again and again where the client's idle \
                  timeout is as long as the server's.",
        silent: "Where the close acknowledges the request (see request-dropped), where the client had acknowledged \
                 the FIN before (see stale-reuse), where either side had said close, where the capture starts \
                 inside the connection, where octets are missing or cannot be read, and after an upgrade or CONNECT.",
        remedy: "Let the client give up idle connections some seconds sooner than the server: an AWS load balancer's \
                 idle timeout below Node's server.keepAliveTimeout, nginx's keepalive_timeout in the upstream block \
                 below that of the server behind it. Let it send idempotent requests again.",
        fails: "> GET /a\n< 200 | Content-Length: 2\n~ 2s\nserver FIN unseen\n> GET /b unseen\nserver RST bare\n",
        passes: "> GET /a\n< 200 | Content-Length: 2\n~ 2s\n> GET /b\n< 204\nserver FIN\n",
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
    let close = closing(connection, Peer::Server)?;
    let reuse = lost_reuse(connection)?;
    if !crossed(connection, &reuse, &close) {
        return None;
    }
    let at = reuse.request.message.start_at();
    let idle = reuse.idle()?;
    let (method, _) = reuse.request.method_and_target();
    Some(Finding::new(
        &RULE,
        None,
        at,
        [close.at],
        format!(
            "{method} in frame {} after {idle} of idleness and the server's {} in frame {} crossed: neither had the other",
            at.frame,
            close.kind.name(),
            close.at.frame
        ),
    ))
}

fn crossed(connection: &Connection, reuse: &LostReuse<'_>, close: &Closing) -> bool {
    let start = reuse.request.message.start;
    let first_to_ack = || {
        let fin = connection.facts.sides.server.fin;
        let acked = fin.and_then(|fin| fin.acked);
        acked.is_some_and(|acked| acked.at == start.stamp.at)
    };
    let unknowing = reuse.ack <= close.offset || first_to_ack();
    close.ack <= start.offset && unknowing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, play, speaks};

    const OK: &str = "> GET /a\n< 200 | Content-Length: 2";

    #[test]
    fn it_speaks_at_any_capture_point_and_blames_nobody() {
        speaks(
            &RULE,
            &[
                (
                    "seen at the server",
                    &format!("{OK}\n~ 2s\nserver FIN unseen\n> GET /b\nserver RST bare\n"),
                ),
                (
                    "seen at the client",
                    &format!("{OK}\n~ 2s\nserver FIN unseen\n> GET /b unseen\nearlier 1\n"),
                ),
                (
                    "the packet of the request is the first to acknowledge",
                    &format!("{OK}\n~ 2s\nserver FIN\nlost\n> GET /b unseen\nserver RST bare\n"),
                ),
                (
                    "a RST with ACK that does not acknowledge the request",
                    &format!("{OK}\n~ 2s\nserver RST\n> GET /b unseen\n"),
                ),
                (
                    "after several exchanges",
                    &format!("{OK}\n~ 2s\n{OK}\n~ 2s\nserver FIN unseen\n> GET /b\n"),
                ),
            ],
        );
        let played = play(RULE.explain.fails);
        assert_eq!(played.judgement.findings.first().unwrap().side, None);
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "something went by before the RST",
                    "> GET /a\n< 200 | Content-Length: 2\n~ 2s\nserver FIN unseen\nlost\nserver RST\n> GET /b unseen\n",
                ),
                (
                    "a response to nobody crossed it, too",
                    "> GET /a\n< 200 | Content-Length: 2\n~ 2s\n< 503 | Content-Length: 0 unseen\nserver FIN unseen\n> GET /b\n",
                ),
                (
                    "the FIN had been acknowledged before",
                    &format!("{OK}\n~ 2s\nserver FIN\n~ 1s\n> GET /b\n"),
                ),
                (
                    "the FIN acknowledges the request",
                    &format!("{OK}\n~ 2s\n> GET /b\nserver FIN\n"),
                ),
                (
                    "a RST without ACK closes nothing by choice",
                    &format!("{OK}\n~ 2s\n> GET /b unseen\nserver RST bare\n"),
                ),
                (
                    "the connection was not idle",
                    "> GET /a\n> GET /b unseen\n< 200 | Content-Length: 2\nserver FIN\n",
                ),
                (
                    "the server had said close",
                    "> GET /a\n< 200 | Content-Length: 2 | Connection: close unseen\nserver FIN unseen\n> GET /b\n",
                ),
                (
                    "nothing was answered before",
                    "server FIN unseen\n> GET /b\n",
                ),
                (
                    "still open at the end of the capture",
                    &format!("{OK}\n~ 2s\n> GET /b\n"),
                ),
                (
                    "the capture starts inside the connection",
                    &format!("inside\n{OK}\n~ 2s\nserver FIN unseen\n> GET /b\n"),
                ),
                (
                    "octets of the client are missing",
                    &format!("{OK}\n~ 2s\nhole client 9\nserver FIN unseen\n> GET /b\n"),
                ),
                (
                    "octets of the server are missing",
                    &format!("{OK}\nhole server 9\n~ 2s\nserver FIN unseen\n> GET /b\n"),
                ),
                (
                    "the snap length cut the head",
                    &format!("snap 60\n{OK}\n~ 2s\nserver FIN unseen\n> GET /b\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{OK}\n~ 2s\nserver FIN unseen\n> GET /b\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n{OK}\n~ 2s\nserver FIN unseen\n> GET /b\n"),
                ),
                (
                    "a tunnel began",
                    "> CONNECT a:1\n< 200\nserver FIN unseen\n> GET /b\n",
                ),
            ],
        );
    }
}
