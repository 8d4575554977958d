//! `http10-unconfirmed-reuse`: a client went on asking where an HTTP/1.0 response had not said keep-alive.

use super::evidence::{certain, had_head};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange, Message, Request};
use crate::http::Says;
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "http10-unconfirmed-reuse",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Client),
    subject: Subject::Connection,
    needs: Traits::HTTP10.and(Traits::SEVERAL),
    source: "RFC 9112 9.3",
    summary: "the client sent a further request after an HTTP/1.0 response that did not say keep-alive",
    explain: Explanation {
        checks: "A connection persists after an HTTP/1.0 response only where that response says keep-alive; whatever \
                 the client asked for, without that confirmation it will close. The rule speaks where the packet of \
                 a further request acknowledges the head of such a response, and either an earlier packet of the \
                 client had acknowledged it or no other request was unanswered.",
        matters: "The request meets a closing connection, is never answered, and the client learns so only from a \
                  reset or a timeout.",
        silent: "Where the request was under way before the client had the response, where the response said close \
                 (request-after-close speaks instead), where octets are missing or could not be read before it, \
                 and after an upgrade or CONNECT.",
        remedy: "Let the client's connection pool keep a connection after an HTTP/1.0 response only if the response \
                 lists keep-alive in Connection. Let the server speak HTTP/1.1, or confirm keep-alive: behind nginx \
                 set `proxy_http_version 1.1`.",
        fails: "> GET /a\n< 200 HTTP/1.0 | Content-Length: 2\n~ 1s\n> GET /b\n< 200 HTTP/1.0 | Content-Length: 2\nserver FIN\nclient FIN\n",
        passes: "> GET /a\n< 200 HTTP/1.0 | Content-Length: 2 | Connection: keep-alive\n~ 1s\n> GET /b\n< 200 HTTP/1.0 | Content-Length: 2\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    let mut ending: Option<&Message> = None;
    let mut asked_last: Option<&Exchange> = None;
    for exchange in certain(connection) {
        if let Some(request) = &exchange.request {
            if let Some(response) =
                ending.filter(|response| had_head(response, request, asked_last))
            {
                return Some(finding(request, response));
            }
            asked_last = Some(exchange);
        }
        let response = exchange.response.as_ref().map(|response| &response.message);
        // An HTTP/1.0 response with neither option; close is for another rule.
        ending = ending.or(response.filter(|response| response.says() == Some(Says::Nothing)));
    }
    None
}

fn finding(request: &Request, response: &Message) -> Finding {
    let (at, said) = (request.message.start_at(), response.start_at());
    let (method, _) = request.method_and_target();
    Finding::new(
        &RULE,
        Some(Peer::Client),
        at,
        [said],
        format!(
            "the HTTP/1.0 response in frame {} did not say keep-alive, and {method} was sent behind it in frame {}, \
             {} later",
            said.frame,
            at.frame,
            at.time.since(said.time)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const OLD: &str = "< 200 HTTP/1.0 | Content-Length: 2";

    #[test]
    fn it_speaks_where_the_client_knew() {
        speaks(
            &RULE,
            &[
                (
                    "behind a head without a body",
                    "> GET /a\n< 204 HTTP/1.0\n~ 1s\n> GET /b\n",
                ),
                (
                    "its packet is the first to acknowledge, and nothing else was asked",
                    "> GET /a\n< 200 HTTP/1.0 | Content-Length: 2\nlost\n~ 1s\n> GET /b\n",
                ),
                (
                    "it had asked for keep-alive, and was not confirmed",
                    &format!(
                        "> GET /a HTTP/1.0 | Connection: keep-alive\n{OLD}\n~ 1s\n> GET /b HTTP/1.0\n"
                    ),
                ),
                (
                    "the packet of the request is the first to acknowledge, and nothing else was asked",
                    &format!("> GET /a\n{OLD} unseen\nclient ACK\n> GET /b\n"),
                ),
                (
                    "while the body still goes on",
                    "> GET /a\n< 200 HTTP/1.0\n< raw abc\n> GET /b\n",
                ),
                (
                    "from inside the connection on",
                    &format!("inside\n> GET /a\n{OLD}\n~ 1s\n> GET /b\n"),
                ),
                (
                    "after one that was confirmed",
                    &format!(
                        "> GET /a\n{OLD} | Connection: keep-alive\n> GET /b\n{OLD}\n> GET /c\n"
                    ),
                ),
            ],
        );
        assert_eq!(
            finding(&RULE, RULE.explain.fails),
            (
                8,
                vec![6],
                "the HTTP/1.0 response in frame 6 did not say keep-alive, and GET was sent behind it in frame 8, \
                 1.000 s later"
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
                    "its packet is the first to acknowledge, and the response to another one crossed it",
                    "> GET /a\n> GET /b\n< 200 HTTP/1.0 | Content-Length: 2\nlost\n< 204 HTTP/1.0 unseen\n> GET /c unseen\n",
                ),
                (
                    "its packet is the first to acknowledge, and another request waits",
                    "> GET /a\n> GET /b\n< 200 HTTP/1.0 | Content-Length: 2\nlost\n> GET /c unseen\n",
                ),
                (
                    "HTTP/1.1 persists",
                    "> GET /a HTTP/1.0 | Connection: keep-alive\n< 200 | Content-Length: 2\n> GET /b\n",
                ),
                (
                    "it was confirmed",
                    &format!("> GET /a\n{OLD} | Connection: keep-alive\n> GET /b\n"),
                ),
                (
                    "close is for another rule",
                    &format!("> GET /a\n{OLD} | Connection: close\n> GET /b\n"),
                ),
                (
                    "pipelined ahead of the response",
                    &format!("> GET /a\n> GET /b\n{OLD}\n"),
                ),
                (
                    "crossed on the wire",
                    &format!("> GET /a\n{OLD} unseen\n> GET /b\n"),
                ),
                (
                    "the first packet to acknowledge it, while another request waited",
                    &format!(
                        "> GET /a\n> GET /b\n{OLD} unseen\n> raw GET /c HTTP/1.1\\r\\n unseen\n"
                    ),
                ),
                (
                    "sent once more after the ACK: it was under way before",
                    &format!("> GET /a\n> GET /b unseen\nlost\n{OLD}\nagain client\n"),
                ),
                (
                    "the version of an interim response counts for nothing",
                    "> GET /a\n< raw HTTP/1.0 103 A\\r\\n\\r\\n\n< 204\n> GET /b\n",
                ),
                (
                    "an empty line is no request",
                    &format!("> GET /a\n{OLD}\n> raw \\r\\n\n"),
                ),
                (
                    "no further request",
                    &format!("> GET /a\n{OLD}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "octets of the client are missing before it",
                    &format!("> GET /a\n{OLD}\nhole client 60\n~ 2s\n> GET /b\n"),
                ),
                (
                    "the capture ends inside the head",
                    "> GET /a\n< raw HTTP/1.0 200 A\\r\\nContent-\n> GET /b\n",
                ),
                (
                    "the head has a hole",
                    "> GET /a\n< raw HTTP/1.0 200 A\\r\\nContent-\nhole server 30\n~ 2s\n> GET /b\n",
                ),
                (
                    "the snap length cut the head",
                    &format!("> GET /a\nsnap 70\n{OLD}\n~ 1s\n> GET /b\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n> GET /a\n{OLD}\n> GET /b\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n> GET /a\n{OLD}\n> GET /b\n"),
                ),
                (
                    "a tunnel began",
                    "> CONNECT a:1\n< 200 HTTP/1.0\n> GET /b\n",
                ),
            ],
        );
    }
}
