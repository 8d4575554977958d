//! `close-not-echoed`: the request said close, the response did not.

use super::evidence::{paired, well_formed};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange};
use crate::http::Version;
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "close-not-echoed",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::CLOSE_NOT_ECHOED,
    source: "RFC 9112 9.6",
    summary: "the request said close, and the final response in HTTP/1.1 did not",
    explain: Explanation {
        checks: "A server that receives the close option SHOULD send it in its final response on the connection \
                 (RFC 9112 9.6). The rule looks at the first request with close, where the server had acknowledged \
                 its whole head when it began to answer.",
        matters: "Without the word, whoever shares the connection behind the client, a proxy or a pool, takes it for \
                  one that persists.",
        silent: "On responses in HTTP/1.0, which do not persist unless they say so; where an earlier response said \
                 close; where the response began before the server had the request's head; where the capture does \
                 not have the connection from its beginning or octets before the response are missing; where a head \
                 is not complete or does not keep to the grammar; and after an upgrade or CONNECT.",
        remedy: "Leave Connection to the server: Apache, nginx, HAProxy and Node send it by themselves, whatever \
                 the settings for response fields say. In Node do not set it by hand: `res.setHeader('Connection', \
                 'keep-alive')` beats the close of the request, and keeps the connection open too.",
        fails: "> GET / | Connection: close\n< 200 | Content-Length: 2\nserver FIN\nclient FIN\n",
        passes: "> GET / | Connection: close\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    let says_close = |exchange: &&Exchange| {
        let request = exchange.request.as_ref();
        let response = exchange.response.as_ref();
        request.is_some_and(|request| request.message.says_close())
            || response.is_some_and(|response| response.message.says_close())
    };
    let first = paired(connection).iter().find(says_close);
    ruling.found_if(first.and_then(not_echoed));
}

fn not_echoed(exchange: &Exchange) -> Option<Finding> {
    let request = &exchange.request.as_ref()?.message;
    let response = &exchange.response.as_ref()?.message;
    let knew = response.start.stamp.ack()? >= request.head?.end;
    let options = well_formed(response)?.options;
    if !knew || options.close || response.version != Version::Http11 {
        return None;
    }
    let (asked, at) = (request.start_at(), response.start_at());
    let message = format!(
        "the request in frame {} said close, the response in frame {} did not",
        asked.frame, at.frame
    );
    let head = response.head.map(|head| head.at);
    let others = [asked].into_iter().chain(head);
    Some(Finding::new(&RULE, Some(Peer::Server), at, others, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, speaks};

    #[test]
    fn it_speaks_where_the_server_knew() {
        speaks(
            &RULE,
            &[
                (
                    "it said keep-alive instead",
                    "> GET / | Connection: close\n< 200 | Content-Length: 2 | Connection: keep-alive\nserver FIN\n",
                ),
                (
                    "a later request, its option in a list",
                    "> GET /a\n< 204\n> GET /b | Connection: TE, Close\n< 204\nserver FIN\n",
                ),
                (
                    "the close ends the body",
                    "> GET / | Connection: close\n< 200\n< raw body\nserver FIN\n",
                ),
            ],
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                ("nobody said close", "> GET /\n< 204\nserver FIN\n"),
                (
                    "a response in HTTP/1.0 persists only if it says so",
                    "> GET / | Connection: close\n< 204 HTTP/1.0\nserver FIN\n",
                ),
                (
                    "among other options, on another line",
                    "> GET / | Connection: close\n< 204 | Connection: Upgrade | connection: x, CLOSE\nserver FIN\n",
                ),
                (
                    "an interim response is not final",
                    "> GET / | Connection: close\n< 103\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "an earlier response had said close",
                    "> GET /a\n> GET /b | Connection: close\n< 204 | Connection: close\n< 204\nserver FIN\n",
                ),
                (
                    "the response had begun before the option was there",
                    "> raw POST / HTTP/1.1\\r\\nA: b\\r\\n\n< 204\n> raw Connection: close\\r\\n\\r\\n\nserver FIN\n",
                ),
                (
                    "the response answers an earlier request",
                    "> GET /a\n> GET /b | Connection: close\n< 204\n~ 1s\n",
                ),
                (
                    "it may answer a request before the capture began",
                    "inside\n> GET / | Connection: close\n< 204\n",
                ),
                (
                    "behind a hole it may answer another one",
                    "> GET /\nhole client 40\n> GET / | Connection: close\n< 204\n< 204\n",
                ),
                (
                    "the response's head is not complete",
                    "> GET / | Connection: close\n< raw HTTP/1.1 204 X\\r\\n\nserver FIN\n",
                ),
                (
                    "the client's side was not captured",
                    "only server\n> GET / | Connection: close\n< 204\n",
                ),
                (
                    "a tunnel began",
                    "> CONNECT a:1 | Connection: close\n< 200\n",
                ),
            ],
        );
    }
}
