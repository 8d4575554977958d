//! `framing-on-bodiless`: fields that frame a body on a response that never has one.

use super::evidence::{and_more, certain, well_formed};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange};
use crate::http::{ContentLength, Method, TransferEncoding};
use crate::tcp::Peer;
use crate::time::At;

pub(super) static RULE: Rule = Rule {
    name: "framing-on-bodiless",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Message,
    needs: Traits::FRAMED_BODILESS,
    source: "RFC 9112 6.1, RFC 9110 8.6",
    summary: "a 1xx, a 204 or a 2xx to CONNECT has Transfer-Encoding or Content-Length",
    explain: Explanation {
        checks: "A server MUST NOT send Transfer-Encoding (RFC 9112 6.1) or Content-Length (RFC 9110 8.6) in a \
                 response with a status of 1xx or 204, or in a 2xx to CONNECT: none of them has a body, and \
                 `Content-Length: 0` is a field as well.",
        matters: "A client that heeds the field waits for a body that never comes, or takes the next response for \
                  one.",
        silent: "On responses to HEAD and on 304, which may have these fields; where the head is not complete in the \
                 capture or does not keep to the grammar; where octets before it are missing; and on a 2xx to \
                 CONNECT where the capture does not have the connection from its beginning.",
        remedy: "Take the field away where the status is set: `res.removeHeader('Content-Length')` before a 204 in \
                 Node, no `Content-Length` in the response object of a WSGI or servlet application; in front of an \
                 application that cannot be changed, `http-response del-header content-length if { status 204 }` in \
                 HAProxy.",
        fails: "> GET /\n< 204 | Content-Length: 0\n~ 5s\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 204\n~ 5s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    let has_handshake = connection.facts.handshake.is_complete();
    let exchanges = certain(connection).iter();
    let finals = exchanges.filter_map(|exchange| framed(exchange, has_handshake));
    let lost = connection.lost.server.map(|lost| lost.offset);
    let interim = connection
        .interims
        .framed
        .filter(|interim| lost.is_none_or(|lost| interim.start.offset < lost))
        .map(|interim| Framed {
            at: interim.start.stamp.at,
            status: interim.status,
            to: "",
            has: "Transfer-Encoding or Content-Length",
        });
    let mut wrong: Vec<Framed> = interim.into_iter().chain(finals).collect();
    wrong.sort_by_key(|framed| framed.at.frame);
    let Some((first, more)) = wrong.split_first() else {
        return;
    };
    let Framed {
        at,
        status,
        to,
        has,
    } = *first;
    let message = format!(
        "the response {status}{to} in frame {} has {has}{}",
        at.frame,
        and_more(more.len(), "response")
    );
    ruling.found(Finding::new(&RULE, Some(Peer::Server), at, None, message));
}

/// A response with a field that it must not have.
#[derive(Clone, Copy)]
struct Framed {
    at: At,
    status: u16,
    to: &'static str,
    has: &'static str,
}

/// The final response of an exchange, where it has such a field and must not.
fn framed(exchange: &Exchange, has_handshake: bool) -> Option<Framed> {
    let response = exchange.response.as_ref()?;
    let request = exchange.request.as_ref();
    let connects = || has_handshake && request.is_some_and(|it| it.method == Method::Connect);
    let to = match response.status {
        101 | 204 => "",
        200..=299 if connects() => " to CONNECT",
        _ => return None,
    };
    let body = well_formed(&response.message)?.body;
    let has = match (body.transfer_encoding, body.content_length) {
        (TransferEncoding::Absent, ContentLength::Absent) => return None,
        (_, ContentLength::Absent) => "Transfer-Encoding",
        (TransferEncoding::Absent, _) => "Content-Length",
        _ => "both Transfer-Encoding and Content-Length",
    };
    Some(Framed {
        at: response.message.start_at(),
        status: response.status,
        to,
        has,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    #[test]
    fn it_speaks_of_what_never_has_a_body() {
        speaks(
            &RULE,
            &[
                (
                    "ahead of what cannot be read",
                    "> GET /\n< raw HTTP/1.1 103 A\\r\\nContent-Length: 0\\r\\n\\r\\n\n< 204\n< raw <pre>\\r\\n\n",
                ),
                (
                    "a coding on a 204",
                    "> GET /\n< raw HTTP/1.1 204 X\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n\n",
                ),
                (
                    "an interim response",
                    "> POST / | Content-Length: 2\n< 100 | Content-Length: 0\n< 200 | Content-Length: 2\n",
                ),
                (
                    "an upgrade",
                    "> GET / | Connection: upgrade | Upgrade: x\n< 101 | Connection: upgrade | Content-Length: 0\n",
                ),
                (
                    "a tunnel",
                    "> CONNECT a:1\n< 200 | Content-Length: 0\n> raw x\n",
                ),
            ],
        );
    }

    #[test]
    fn it_names_the_first() {
        let (frame, _, message) = finding(
            &RULE,
            "> GET /\n< 103 | Content-Length: 0\n< 204 | Content-Length: 0\n",
        );
        assert_eq!(frame, 6);
        assert_eq!(
            message,
            "the response 103 in frame 6 has Transfer-Encoding or Content-Length; so does a later response"
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "304 may say how long the body would be",
                    "> GET /\n< raw HTTP/1.1 304 X\\r\\nContent-Length: 99\\r\\n\\r\\n\n",
                ),
                (
                    "so may a response to HEAD",
                    "> HEAD /\n< raw HTTP/1.1 200 X\\r\\nContent-Length: 99\\r\\n\\r\\n\n",
                ),
                (
                    "205 has a body, if an empty one",
                    "> GET /\n< 205 | Content-Length: 0\n",
                ),
                (
                    "CONNECT was refused",
                    "> CONNECT a:1\n< 407 | Content-Length: 2\n",
                ),
                (
                    "identity is no coding",
                    "> GET /\n< 204 | Transfer-Encoding: identity\n",
                ),
                (
                    "what a request says frames its own body",
                    "> POST / | Content-Length: 2\n< 100\n< 204\n",
                ),
                (
                    "the head is not complete",
                    "> GET /\n< raw HTTP/1.1 204 X\\r\\nContent-Length: 0\\r\\n\nserver FIN\n",
                ),
                (
                    "behind a hole it may be part of a body",
                    "> GET /\nhole server 50\n< 204 | Content-Length: 0\n",
                ),
                (
                    "behind a hole an interim response may be part of a body",
                    "> GET /\nhole server 50\n< 100 | Content-Length: 0\n< 204\n",
                ),
                (
                    "it may answer a request before the capture began",
                    "inside\n> CONNECT a:1\n< 200 | Content-Length: 2\n",
                ),
            ],
        );
    }
}
