//! `request-after-close`: a client went on asking after the close option.

use super::evidence::{certain, had_head};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange, Message, Request};
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "request-after-close",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Client),
    subject: Subject::Connection,
    needs: Traits::BEHIND_CLOSE,
    source: "RFC 9112 9.6",
    summary: "the client sent a request after its own close, or after it had the server's",
    explain: Explanation {
        checks: "A client that sends the close option must not send a further request on that connection, and one \
                 that receives it must not either. The rule speaks where a request follows an earlier one with \
                 close, or where the request's own packet acknowledges the head of a final response with close, \
                 and either an earlier packet of the client had acknowledged it or no other request was unanswered.",
        matters: "The request is never answered, and the client learns so only from a reset or a timeout.",
        silent: "Where the request was under way before the client had the response (its packet does not \
                 acknowledge the head), where octets of the client are missing or could not be read before it, and \
                 after an upgrade or CONNECT.",
        remedy: "Let the client's connection pool drop a connection as soon as either side has said close.",
        fails: "> GET /a\n< 200 | Content-Length: 2 | Connection: close\n~ 1s\n> GET /b\nserver FIN\nclient FIN\n",
        passes: "> GET /a\n< 200 | Content-Length: 2\n~ 1s\n> GET /b\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

/// The first request that was sent although its sender knew of a close.
pub(super) fn find(connection: &Connection) -> Option<Finding> {
    let (mut own, mut servers): (Option<&Message>, Option<&Message>) = (None, None);
    let mut asked_last: Option<&Exchange> = None;
    for exchange in certain(connection) {
        if let Some(request) = &exchange.request {
            if let Some(closing) = own {
                return Some(finding(request, closing, "the client's own request"));
            }
            if let Some(closing) = servers.filter(|closing| had_head(closing, request, asked_last))
            {
                return Some(finding(request, closing, "the server's response"));
            }
            if request.message.says_close() {
                own = Some(&request.message);
            }
            asked_last = Some(exchange);
        }
        let response = exchange.response.as_ref().map(|response| &response.message);
        servers = servers.or(response.filter(|response| response.says_close()));
    }
    None
}

fn finding(request: &Request, closing: &Message, whose: &str) -> Finding {
    let (at, said) = (request.message.start_at(), closing.start_at());
    let (method, _) = request.method_and_target();
    let after = at.time.since(said.time);
    Finding::new(
        &RULE,
        Some(Peer::Client),
        at,
        [said],
        format!(
            "{whose} said close in frame {}, and {method} was sent behind it in frame {}, {after} later",
            said.frame, at.frame
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, speaks};

    const CLOSE: &str = "< 200 | Content-Length: 2 | Connection: close";

    #[test]
    fn it_speaks_where_the_client_knew() {
        speaks(
            &RULE,
            &[
                (
                    "behind a head without a body",
                    "> GET /a\n< 204 | Connection: close\n~ 1s\n> GET /b\n",
                ),
                (
                    "its packet is the first to acknowledge, and nothing else was asked",
                    "> GET /a\n< 200 | Content-Length: 2 | Connection: close\nlost\n~ 1s\n> GET /b\n",
                ),
                (
                    "behind its own close, whatever was acknowledged",
                    "> GET /a | Connection: close\n> GET /b\n",
                ),
                (
                    "behind its own close, with another between",
                    "> GET /a\n< 204\n> GET /b | Connection: close\n< 204\n> GET /c\n",
                ),
                (
                    "the packet of the request is the first to acknowledge, and nothing else was asked",
                    &format!("> GET /a\n{CLOSE} unseen\nclient ACK\n~ 1s\n> GET /b\n"),
                ),
                (
                    "acknowledged before, with another request unanswered",
                    &format!("> GET /a\n> GET /b\n{CLOSE}\n~ 1s\n> GET /c\n"),
                ),
                (
                    "from inside the connection on",
                    &format!("inside\n> GET /a\n{CLOSE}\n~ 1s\n> GET /b\n"),
                ),
                (
                    "a hole inside the body changes nothing",
                    "> GET /a\n< raw HTTP/1.1 200 A\\r\\nConnection: close\\r\\nContent-Length: 60\\r\\n\\r\\n\nhole server 60\n~ 2s\n> GET /b\n",
                ),
            ],
        );
    }

    #[test]
    fn it_is_silent_where_the_client_need_not_have_known() {
        is_silent(
            &RULE,
            &[
                (
                    "its packet is the first to acknowledge, and the response to another one crossed it",
                    "> GET /a\n> GET /b\n< 200 | Content-Length: 2 | Connection: close\nlost\n< 204 HTTP/1.0 unseen\n> GET /c unseen\n",
                ),
                (
                    "its packet is the first to acknowledge, and another request waits",
                    "> GET /a\n> GET /b\n< 200 | Content-Length: 2 | Connection: close\nlost\n> GET /c unseen\n",
                ),
                (
                    "pipelined ahead of the close",
                    &format!("> GET /a\n> GET /b\n{CLOSE}\n"),
                ),
                (
                    "crossed on the wire",
                    &format!("> GET /a\n{CLOSE} unseen\n> GET /b\n"),
                ),
                (
                    "the first packet to acknowledge it, while another request waited",
                    "> GET /a\n> GET /b\n< 200 | Content-Length: 2 | Connection: close unseen\n> raw GET /c HTTP/1.1\\r\\n unseen\n",
                ),
                (
                    "sent once more after the ACK: it was under way before",
                    &format!("> GET /a\n> GET /b unseen\nlost\n{CLOSE}\nagain client\n"),
                ),
                (
                    "a close in an interim response counts for nothing",
                    "> GET /a\n< raw HTTP/1.1 103 A\\r\\nConnection: close\\r\\n\\r\\n\n< 204\n> GET /b\n",
                ),
                (
                    "HTTP/1.0 without an option is for another rule",
                    "> GET /a\n< 200 HTTP/1.0 | Content-Length: 2\n> GET /b\n",
                ),
                (
                    "an empty line behind a body is no request",
                    "> POST /a | Connection: close | Content-Length: 2\n> raw \\r\\n\n< 204\n",
                ),
                (
                    "octets before it are missing",
                    &format!("> GET /a\n{CLOSE}\nhole client 60\n~ 2s\n> GET /b\n"),
                ),
                (
                    "octets before it are no message",
                    "> raw POST / HTTP/1.1\\r\\nConnection: close\\r\\nContent-Length: 1\\r\\n\\r\\nx<pre>\\r\\nGET / HTTP/1.1\\r\\n\\r\\n\n",
                ),
                (
                    "the snap length cut the close",
                    "> GET /a\nsnap 70\n< 200 | Content-Length: 2 | Connection: close\n~ 1s\n> GET /\n",
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n> GET /a\n{CLOSE}\n> GET /b\n"),
                ),
                (
                    "a tunnel began",
                    "> CONNECT a:1 | Connection: close\n< 200 | Connection: close\n> GET /b\n",
                ),
            ],
        );
    }
}
