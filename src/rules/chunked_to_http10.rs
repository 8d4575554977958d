//! `chunked-to-http10`: Transfer-Encoding in the response to an HTTP/1.0 request.

use super::evidence::{and_more, paired, well_formed};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Message, Request};
use crate::http::{TransferEncoding, Version};
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "chunked-to-http10",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Message,
    needs: Traits::HTTP10,
    source: "RFC 9112 6.1",
    summary: "the response to an HTTP/1.0 request has Transfer-Encoding",
    explain: Explanation {
        checks: "A server MUST NOT send Transfer-Encoding unless the request was HTTP/1.1 or later (RFC 9112 6.1).",
        matters: "A client of HTTP/1.0 takes the chunk sizes for part of the body, and waits for the close to find \
                  its end.",
        silent: "Where the capture does not have the connection from its beginning, so that the response may answer \
                 another request, where octets before the response are missing, where its head is not complete or \
                 does not keep to the grammar, and where the only coding is `identity`.",
        remedy: "Leave the chunks to the server, which knows the version of the request, and do not write them by \
                 hand in an application. Where nginx itself asks with HTTP/1.0 and gets chunks back, set \
                 `proxy_http_version 1.1`.",
        fails: "> GET / HTTP/1.0\n< 200 | Transfer-Encoding: chunked\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 200 | Transfer-Encoding: chunked\n~ 5s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    let encoded = |(request, response): &(&Request, &Message)| {
        let coding = well_formed(response).map(|head| head.body.transfer_encoding);
        request.message.version == Version::Http10
            && coding.is_some_and(|coding| coding != TransferEncoding::Absent)
    };
    let exchanges = paired(connection).iter().filter_map(|exchange| {
        Some((
            exchange.request.as_ref()?,
            &exchange.response.as_ref()?.message,
        ))
    });
    let mut wrong = exchanges.filter(encoded);
    let Some((request, response)) = wrong.next() else {
        return;
    };
    let (asked, at) = (request.message.start_at(), response.start_at());
    let mut message = format!(
        "the request in frame {} was HTTP/1.0, the response in frame {} has Transfer-Encoding",
        asked.frame, at.frame
    );
    message += &and_more(wrong.count(), "response");
    let head = response.head.map(|head| head.at);
    let others = [asked].into_iter().chain(head);
    ruling.found(Finding::new(&RULE, Some(Peer::Server), at, others, message));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, speaks};

    #[test]
    fn it_speaks_of_any_coding() {
        speaks(
            &RULE,
            &[
                (
                    "keep-alive makes HTTP/1.0 no HTTP/1.1",
                    "> GET / HTTP/1.0 | Connection: keep-alive\n< 200 | Connection: keep-alive | Transfer-Encoding: chunked\n",
                ),
                (
                    "another coding",
                    "> GET / HTTP/1.0\n< 200 | Transfer-Encoding: gzip\nserver FIN\n",
                ),
                (
                    "the second request",
                    "> GET /a\n< 204\n> GET /b HTTP/1.0\n< 200 | Transfer-Encoding: chunked\nserver FIN\n",
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
                    "identity is no coding",
                    "> GET / HTTP/1.0\n< 200 | Transfer-Encoding: identity | Content-Length: 2\nserver FIN\n",
                ),
                (
                    "a response in HTTP/1.0 to a request in HTTP/1.1",
                    "> GET /\n< 200 HTTP/1.0 | Transfer-Encoding: chunked\nserver FIN\n",
                ),
                (
                    "the request of HTTP/1.0 comes behind it",
                    "> GET /a\n> GET /b HTTP/1.0\n< 200 | Transfer-Encoding: chunked\n< 204\nserver FIN\n",
                ),
                (
                    "it may answer a request that was sent before the capture began",
                    "inside\n> GET / HTTP/1.0\n< 200 | Transfer-Encoding: chunked\n",
                ),
                (
                    "behind a hole it may answer another one",
                    "> GET /\nhole client 40\n> GET / HTTP/1.0\n< 200 | Transfer-Encoding: chunked\n",
                ),
                (
                    "the head is not complete",
                    "> GET / HTTP/1.0\n< raw HTTP/1.1 200 X\\r\\nTransfer-Encoding: chunked\\r\\n\nserver FIN\n",
                ),
                (
                    "the client's side was not captured",
                    "only server\n> GET / HTTP/1.0\n< 200 | Transfer-Encoding: chunked\n",
                ),
            ],
        );
    }
}
