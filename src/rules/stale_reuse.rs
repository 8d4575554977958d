//! `stale-reuse`: a client sent a request although it knew that the server had closed.

use super::evidence::{acked_before, sees_all};
use super::request_after_close;
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Brief, Connection, Request};
use crate::http::Place;
use crate::tcp::{Fin, Peer};

pub(super) static RULE: Rule = Rule {
    name: "stale-reuse",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Client),
    subject: Subject::Connection,
    needs: Traits::UNANSWERED,
    source: "RFC 9112 9.5",
    summary: "the client sent a request after it had acknowledged the server's FIN",
    explain: Explanation {
        checks: "A client should watch for the server's close and act on it. The rule speaks where the packet of a \
                 request acknowledges the server's FIN, and an earlier packet of the client had done so already: \
                 the close was there to be read before the request was written.",
        matters: "The server answers with a reset. The request is lost, and one that is not idempotent must not be \
                  sent again by itself.",
        silent: "Where the request's packet is the first to acknowledge the FIN or does not acknowledge it (see \
                 keep-alive-race), where request-after-close speaks, where the request was answered, where octets \
                 are missing or cannot be read, and after an upgrade or CONNECT.",
        remedy: "Let the client's pool check a connection before using it again (Apache HttpClient: \
                 setValidateAfterInactivity; Go and curl do by themselves), or drop idle connections sooner than \
                 the server does (Node: agentkeepalive's freeSocketTimeout; nginx as a client: keepalive_timeout \
                 in the upstream block).",
        fails: "> GET /a\n< 200 | Content-Length: 2\n~ 2s\nserver FIN\n~ 300ms\n> GET /b unseen\nserver RST bare\n",
        passes: "> GET /a\n< 200 | Content-Length: 2\n~ 2s\nserver FIN unseen\n> GET /b unseen\nserver RST bare\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    let fin = connection.facts.sides.server.fin?;
    let may_know = |exchange: &Brief| {
        let asked = exchange.asked;
        asked.is_some_and(|asked| acknowledges(&asked.start, &fin))
    };
    let unanswered = Traits::UNANSWERED;
    if !connection.exchanges.any_that_shows(unanswered, may_know)
        || !sees_all(connection)
        || request_after_close::find(connection).is_some()
    {
        return None;
    }
    let stale = connection.exchanges.iter().find_map(|exchange| {
        let request = exchange.request.as_ref()?;
        // Who goes on answering has not closed: that FIN was somebody else's.
        (exchange.response.is_none() && knew(request, &fin)).then_some(request)
    })?;
    let at = stale.message.start_at();
    let acked = fin.acked?.at;
    let (method, _) = stale.method_and_target();
    Some(Finding::new(
        &RULE,
        Some(Peer::Client),
        at,
        [fin.at, acked],
        format!(
            "the client acknowledged the server's FIN of frame {} in frame {}, and sent {method} in frame {}, {} later",
            fin.at.frame,
            acked.frame,
            at.frame,
            at.time.since(acked.time)
        ),
    ))
}

fn knew(request: &Request, fin: &Fin) -> bool {
    acknowledges(&request.message.start, fin) && acked_before(fin.acked, request)
}

/// Whether the packet with that place does.
fn acknowledges(place: &Place, fin: &Fin) -> bool {
    place.stamp.ack().is_some_and(|ack| ack > fin.offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, play, speaks};

    const OK: &str = "> GET /a\n< 200 | Content-Length: 2";

    #[test]
    fn it_speaks_where_the_close_was_there_to_be_read() {
        speaks(
            &RULE,
            &[
                (
                    "without a RST in answer",
                    &format!("{OK}\n~ 2s\nserver FIN\n~ 1s\n> GET /b\n"),
                ),
                (
                    "from inside the connection on",
                    &format!("inside\n{OK}\n~ 2s\nserver FIN\n~ 1s\n> GET /b\n"),
                ),
                (
                    "behind another one that crossed the FIN",
                    &format!(
                        "{OK}\n~ 2s\nserver FIN unseen\n> GET /b\nclient ACK\n~ 1s\n> GET /c\n"
                    ),
                ),
                (
                    "the first request, on a connection opened ahead of need",
                    "~ 2s\nserver FIN\n~ 1s\n> GET /a\n",
                ),
            ],
        );
        let (at, others, message) = finding(&RULE, RULE.explain.fails);
        assert_eq!((at, others), (10, vec![8, 9]));
        assert!(
            message.contains("GET in frame 10, 0.300 s later"),
            "{message}"
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "it was answered",
                    "> GET /a\n< 200 | Content-Length: 2\n~ 2s\nserver FIN\n~ 1s\n> GET /b\n< 204\n",
                ),
                (
                    "octets of the client are no message",
                    "> GET /a\n< 200 | Content-Length: 2\n> raw <pre>\\r\\n\n~ 2s\nserver FIN\n~ 1s\n> GET /b\n",
                ),
                (
                    "octets of the server are no message",
                    "> GET /a\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 1\\r\\n\\r\\nxyz\\r\\n\n~ 2s\nserver FIN\n~ 1s\n> GET /b\n",
                ),
                (
                    "crossed on the wire",
                    &format!("{OK}\n~ 2s\nserver FIN unseen\n> GET /b\nserver RST bare\n"),
                ),
                (
                    "the packet of the request is the first to acknowledge",
                    &format!("{OK}\n~ 2s\nserver FIN\nlost\n> GET /b\nserver RST bare\n"),
                ),
                (
                    "sent before the FIN, and once more behind it",
                    &format!(
                        "{OK}\n~ 2s\n> GET /b unseen\nlost\nserver FIN\nagain client\nclient FIN\n"
                    ),
                ),
                (
                    "its first octets were sent before",
                    &format!("{OK}\n> raw GET /b HTTP\nserver FIN\n> raw /1.1\\r\\n\\r\\n\n"),
                ),
                (
                    "the server had said close",
                    "> GET /a\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\n~ 1s\n> GET /b\n",
                ),
                (
                    "the capture ends with the FIN",
                    &format!("{OK}\n~ 2s\nserver FIN\n"),
                ),
                (
                    "octets of the client are missing",
                    &format!("{OK}\n~ 2s\nhole client 9\nserver FIN\n~ 1s\n> GET /b\n"),
                ),
                (
                    "octets of the server are missing",
                    &format!("{OK}\nhole server 9\n~ 2s\nserver FIN\n~ 1s\n> GET /b\n"),
                ),
                (
                    "the snap length cut the head",
                    &format!("snap 60\n{OK}\n~ 2s\nserver FIN\n~ 1s\n> GET /b\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{OK}\n~ 2s\nserver FIN\n~ 1s\n> GET /b\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n{OK}\n~ 2s\nserver FIN\n~ 1s\n> GET /b\n"),
                ),
                (
                    "a tunnel began",
                    "> CONNECT a:1\n< 200\nserver FIN\n~ 1s\n> GET /b\n",
                ),
            ],
        );
    }

    /// No script shows it: what a server sends behind its FIN is no part of the stream.
    #[test]
    fn it_is_silent_about_a_request_that_was_answered() {
        let mut connection = play(RULE.explain.fails).connection;
        assert!(find(&connection).is_some());
        connection.exchanges.change(|exchanges| {
            let [first, second] = exchanges.as_mut_slice() else {
                panic!("two exchanges");
            };
            second.response = first.response;
        });
        assert!(find(&connection).is_none());
    }
}
