//! `unsafe-pipelining`: a client pipelined behind a request that is not idempotent.

use super::evidence::{paired, sees_all};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange, Request};
use crate::tcp::Peer;

/// The registered methods that are not idempotent, but for CONNECT; of others nothing is known.
const NOT_IDEMPOTENT: [&str; 3] = ["POST", "PATCH", "LOCK"];

pub(super) static RULE: Rule = Rule {
    name: "unsafe-pipelining",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Client),
    subject: Subject::Connection,
    needs: Traits::BEHIND_UNSAFE,
    source: "RFC 9112 9.3.2",
    summary: "the client sent a request before the response to one that is not idempotent had begun",
    explain: Explanation {
        checks: "A user agent should not pipeline requests behind one whose method is not idempotent until it has \
                 the final status of that one. The rule speaks where a request follows a POST, PATCH or LOCK and \
                 its packet does not acknowledge any of the final response to that.",
        matters: "Where the connection fails, the client cannot know which of the requests were acted on, and must \
                  not send them again.",
        silent: "Where the request's packet acknowledges the beginning of the final response, where the method is \
                 not known, where the capture starts inside the connection, where octets are missing or cannot be \
                 read, and after an upgrade or CONNECT.",
        remedy: "Let the client wait for the response to every POST, or leave pipelining alone: curl and browsers do \
                 not pipeline. libcurl before 7.62: CURLMOPT_PIPELINING without CURLPIPE_HTTP1.",
        fails: "> POST /a | Content-Length: 2\n> GET /b\n< 204\n< 204\n",
        passes: "> GET /a\n> POST /b | Content-Length: 2\n< 204\n< 204\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    if !sees_all(connection) {
        return None;
    }
    let (before, next) = paired(connection).windows(2).find_map(|pair| match pair {
        [first, second] => {
            let (before, next) = (first.request.as_ref()?, second.request.as_ref()?);
            (is_ahead(next, first) && is_unsafe(before)).then_some((before, next))
        }
        _ => None,
    })?;
    let (at, asked) = (next.message.start_at(), before.message.start_at());
    let (method, _) = next.method_and_target();
    let (first, _) = before.method_and_target();
    Some(Finding::new(
        &RULE,
        Some(Peer::Client),
        at,
        [asked],
        format!(
            "{method} in frame {} was sent before the response to {first} of frame {} had begun",
            at.frame, asked.frame
        ),
    ))
}

fn is_unsafe(request: &Request) -> bool {
    let (method, _) = request.method_and_target();
    NOT_IDEMPOTENT.contains(&method)
}

/// Whether the packet of `request` acknowledges nothing of the final response before it.
fn is_ahead(request: &Request, before: &Exchange) -> bool {
    let Some(ack) = request.message.start.stamp.ack() else {
        return false;
    };
    let response = before
        .response
        .map(|response| response.message.start.offset);
    response.is_none_or(|start| ack <= start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, play, speaks};
    use crate::tcp::Acks;

    #[test]
    fn it_speaks_of_what_is_sent_ahead() {
        speaks(
            &RULE,
            &[
                (
                    "behind PATCH",
                    "> PATCH /a | Content-Length: 2\n> GET /b\n< 204\n< 204\n",
                ),
                (
                    "never answered",
                    "> POST /a | Content-Length: 2\n> GET /b\n",
                ),
                (
                    "only an interim response was there",
                    "> POST /a | Content-Length: 2\n< 103\n> GET /b\n< 204\n< 204\n",
                ),
                (
                    "the response crossed it",
                    "> POST /a | Content-Length: 2\n< 204 unseen\n> GET /b\n< 204\n",
                ),
            ],
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                ("behind GET", "> GET /a\n> GET /b\n< 204\n< 204\n"),
                (
                    "behind PUT",
                    "> PUT /a | Content-Length: 2\n> GET /b\n< 204\n< 204\n",
                ),
                (
                    "of PURGE nothing is known",
                    "> PURGE /a\n> GET /b\n< 204\n< 204\n",
                ),
                (
                    "one after the other",
                    "> POST /a | Content-Length: 2\n< 204\n> GET /b\n< 204\n",
                ),
                (
                    "the response had begun",
                    "> POST /a | Content-Length: 2\n< raw HTTP/1.1 200 A\\r\\n\n> GET /b\n< raw Content-Length: 0\\r\\n\\r\\n\n< 204\n",
                ),
                (
                    "an empty line behind a body",
                    "> POST /a | Content-Length: 2\n> raw \\r\\n\n< 204\n",
                ),
                (
                    "the capture starts inside",
                    "inside\n> POST /a | Content-Length: 2\n> GET /b\n< 204\n",
                ),
                ("the capture ends early", "> POST /a | Content-Length: 2\n"),
                (
                    "octets of the server are missing",
                    "> POST /a | Content-Length: 2\nhole server 60\n~ 2s\n> GET /b\n< 204\n",
                ),
                (
                    "octets of the client are missing",
                    "> POST /a | Content-Length: 2\nhole client 60\n~ 2s\n> GET /b\n< 204\n",
                ),
                (
                    "the snap length cut the head",
                    "snap 60\n> POST /a | Content-Length: 2\n> GET /b\n< 204\n",
                ),
                (
                    "the server's side was not captured",
                    "only client\n> POST /a | Content-Length: 2\n> GET /b\n< 204\n",
                ),
                (
                    "the client's side was not captured",
                    "only server\n> POST /a | Content-Length: 2\n> GET /b\n< 204\n",
                ),
                (
                    "a tunnel began",
                    "> POST /a | Content-Length: 2 | Connection: upgrade | Upgrade: x\n> GET /b\n< 101 | Connection: upgrade\n",
                ),
            ],
        );
    }

    /// No script shows it: what came late was captured in order once.
    #[test]
    fn it_is_silent_where_the_acknowledgement_is_not_certain() {
        let mut connection = play(RULE.explain.fails).connection;
        assert!(find(&connection).is_some());
        connection.exchanges.change(|exchanges| {
            let next = exchanges.last_mut().unwrap();
            let stamp = &mut next.request.as_mut().unwrap().message.start.stamp;
            stamp.acks = stamp.ack().map(Acks::AtMost);
        });
        assert!(find(&connection).is_none());
    }
}
