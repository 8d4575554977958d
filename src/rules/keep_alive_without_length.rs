//! `keep-alive-without-length`: a response says keep-alive and has a body that only the close can end.

use super::evidence::{paired, well_formed};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Message};
use crate::http::{Framing, Says};
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "keep-alive-without-length",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Message,
    needs: Traits::UNTIL_CLOSE,
    source: "RFC 9112 6.3, 9.3",
    summary: "a response says keep-alive, but its body can only end with the connection",
    explain: Explanation {
        checks: "To persist, every message needs a length of its own (RFC 9112 9.3). A response with neither \
                 Content-Length nor the chunked coding ends with the connection (RFC 9112 6.3): such a one must not \
                 say keep-alive.",
        matters: "A client that trusts the word waits for an end of the body that never comes; one that does not \
                  has lost the connection.",
        silent: "On what has no body: responses to HEAD, 1xx, 204, 304, a 2xx to CONNECT; where the capture does not \
                 have the connection from its beginning, so that the response may answer HEAD; where octets before it \
                 are missing; and where the head is not complete or does not keep to the grammar.",
        remedy: "Send Content-Length, or let the server chunk: `chunked_transfer_encoding on` and \
                 `proxy_http_version 1.1` in nginx; in an application drop a hand-written `Connection: keep-alive` \
                 from streams such as text/event-stream.",
        fails: "> GET /\n< 200 | Connection: keep-alive\n< raw body\n~ 5s\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 200 | Connection: close\n< raw body\n~ 5s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    let wrong = paired(connection).iter().find_map(|exchange| {
        exchange.request.as_ref()?;
        let response = &exchange.response.as_ref()?.message;
        holds(response).then_some(response)
    });
    // Nothing comes behind a body that the close ends: there is no second one.
    let Some(response) = wrong else { return };
    let at = response.start_at();
    let head = response.head.map(|head| head.at);
    let message = format!(
        "the response in frame {} says keep-alive, but has neither Content-Length nor the chunked coding",
        at.frame
    );
    ruling.found(Finding::new(&RULE, Some(Peer::Server), at, head, message));
}

fn holds(response: &Message) -> bool {
    response.says() == Some(Says::KeepAlive)
        && response.framing() == Some(Framing::Close)
        && well_formed(response).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, speaks};

    #[test]
    fn it_speaks_of_a_body_without_an_end() {
        speaks(
            &RULE,
            &[
                (
                    "HTTP/1.0 as well",
                    "> GET / HTTP/1.0 | Connection: keep-alive\n< 200 HTTP/1.0 | Connection: keep-alive\n< raw body\nserver FIN\n",
                ),
                (
                    "a coding that has no end either",
                    "> GET /\n< 200 | Connection: keep-alive | Transfer-Encoding: gzip\nserver FIN\n",
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
                    "the head does not keep to the grammar",
                    "> GET /\n< raw HTTP/1.1 200 A\\r\\nConnection: keep-alive\\r\\nX : y\\r\\n\\r\\nbody\n~ 5s\nserver FIN\n",
                ),
                (
                    "the default of HTTP/1.1 is not said",
                    "> GET /\n< 200\n< raw body\nserver FIN\n",
                ),
                (
                    "close wins",
                    "> GET /\n< 200 | Connection: keep-alive, close\n< raw body\nserver FIN\n",
                ),
                (
                    "an empty body has a length",
                    "> GET /\n< 200 | Connection: keep-alive | Content-Length: 0\n",
                ),
                (
                    "chunks have an end",
                    "> GET /\n< 200 | Connection: keep-alive | Transfer-Encoding: chunked\n",
                ),
                ("204", "> GET /\n< 204 | Connection: keep-alive\n"),
                ("304", "> GET /\n< 304 | Connection: keep-alive\n"),
                ("HEAD", "> HEAD /\n< 200 | Connection: keep-alive\n"),
                (
                    "a tunnel",
                    "> CONNECT a:1\n< 200 | Connection: keep-alive\n",
                ),
                (
                    "it may answer HEAD: the capture begins later",
                    "inside\n> GET /\n< 200 | Connection: keep-alive\n",
                ),
                (
                    "it may answer HEAD: that side was not captured",
                    "only server\n> HEAD /\n< 200 | Connection: keep-alive\n",
                ),
                (
                    "behind a hole it may answer another one",
                    "hole client 40\n> GET /\n< 200 | Connection: keep-alive\n",
                ),
                (
                    "the head is not complete",
                    "> GET /\n< raw HTTP/1.1 200 X\\r\\nConnection: keep-alive\\r\\n\nserver FIN\n",
                ),
            ],
        );
    }
}
