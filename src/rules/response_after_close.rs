//! `response-after-close`: a server went on answering after the close option.

use super::evidence::{certain, paired};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Message};
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "response-after-close",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::BEHIND_CLOSE,
    source: "RFC 9112 9.6",
    summary: "the server sent a response behind its own close, or to a request behind the client's",
    explain: Explanation {
        checks: "A server that sends the close option must not process further requests on that connection, and one \
                 that receives it must not either. The rule speaks of a final response behind a final response with \
                 close, and of one to a request behind a request with close.",
        matters: "The client has stopped reading by right: a request that was acted on looks to it like one that was \
                  not, and it may send it again on another connection.",
        silent: "Of interim responses, where octets are missing or could not be read before it, where it is not \
                 certain which request a response answers, and after an upgrade or CONNECT.",
        remedy: "Let the server drop what was pipelined behind a close: Apache, nginx, HAProxy and Node do by \
                 themselves, so look for a handler that writes `Connection: close` past the server's HTTP, and for \
                 a proxy that passes the option on from another hop.",
        fails: "> GET /a\n< 204\n> GET /b\n> GET /c\n< 200 | Content-Length: 2 | Connection: close\n< 200 | Content-Length: 2\nserver FIN\nclient FIN\n",
        passes: "> GET /a\n< 204\n> GET /b\n> GET /c\n< 200 | Content-Length: 2\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    let found = [behind_its_own(connection), behind_the_clients(connection)];
    let first = found.into_iter().flatten();
    ruling.found_if(first.min_by_key(|finding| finding.at.frame));
}

/// A final response behind the first one with close.
fn behind_its_own(connection: &Connection) -> Option<Finding> {
    let responses = || {
        certain(connection)
            .iter()
            .filter_map(|exchange| Some(exchange.response?.message))
    };
    let place = |message: &Message| message.start.offset;
    let closing = responses().filter(Message::says_close).min_by_key(place)?;
    let behind = responses().filter(|message| message.start.offset > closing.start.offset);
    let next = behind.min_by_key(place)?;
    Some(finding(&next, &closing, "the server's own response"))
}

/// A final response to a request behind the first one with close.
fn behind_the_clients(connection: &Connection) -> Option<Finding> {
    let mut closing: Option<&Message> = None;
    for exchange in paired(connection) {
        let Some(request) = &exchange.request else {
            continue;
        };
        if let (Some(closing), Some(response)) = (closing, exchange.response) {
            return Some(finding(&response.message, closing, "an earlier request"));
        }
        let message = &request.message;
        closing = closing.or(Some(message).filter(|message| message.says_close()));
    }
    None
}

fn finding(response: &Message, closing: &Message, whose: &str) -> Finding {
    let (at, said) = (response.start_at(), closing.start_at());
    Finding::new(
        &RULE,
        Some(Peer::Server),
        at,
        [said],
        format!(
            "{whose} said close in frame {}, and a further response began in frame {}",
            said.frame, at.frame
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const OK: &str = "< 200 | Content-Length: 2";

    #[test]
    fn it_speaks_where_the_server_goes_on() {
        speaks(
            &RULE,
            &[
                (
                    "to a request that came later",
                    &format!("> GET /a\n{OK} | Connection: close\n> GET /b\n{OK}\n"),
                ),
                (
                    "to a request behind the client's close",
                    &format!("> GET /a | Connection: close\n{OK}\n> GET /b\n{OK}\n"),
                ),
                (
                    "pipelined behind the client's close",
                    &format!("> GET /a | Connection: close\n> GET /b\n{OK}\n{OK}\n"),
                ),
                (
                    "with another between",
                    &format!(
                        "> GET /a | Connection: close\n> GET /b\n> GET /c\n{OK}\n{OK}\n{OK}\n"
                    ),
                ),
                (
                    "from inside the connection on, behind its own",
                    &format!("inside\n> GET /a\n{OK} | Connection: close\n> GET /b\n{OK}\n"),
                ),
                (
                    "behind a 408",
                    &format!(
                        "> GET /a\n{OK}\n~ 5s\n< 408 | Connection: close | Content-Length: 0 unseen\n> GET /b\n{OK}\n"
                    ),
                ),
            ],
        );
        assert_eq!(
            finding(&RULE, RULE.explain.fails),
            (
                14,
                vec![12],
                "the server's own response said close in frame 12, and a further response began in frame 14"
                    .to_owned()
            )
        );
    }

    #[test]
    fn it_is_silent_on_what_looks_like_it() {
        is_silent(
            &RULE,
            &[
                (
                    "the last one said close",
                    &format!("> GET /a\n{OK}\n> GET /b\n{OK} | Connection: close\nserver FIN\n"),
                ),
                (
                    "the last request said close",
                    &format!("> GET /a\n{OK}\n> GET /b | Connection: close\n{OK}\nserver FIN\n"),
                ),
                (
                    "what was asked ahead of the close is answered behind it",
                    &format!("> GET /a\n> GET /b | Connection: close\n{OK}\n{OK}\nserver FIN\n"),
                ),
                (
                    "an interim response to the request with close",
                    &format!(
                        "> GET /a | Connection: close\n< raw HTTP/1.1 103 A\\r\\n\\r\\n\n{OK}\nserver FIN\n"
                    ),
                ),
                (
                    "a close in an interim response counts for nothing",
                    &format!(
                        "> GET /a\n< raw HTTP/1.1 103 A\\r\\nConnection: close\\r\\n\\r\\n\n{OK}\n> GET /b\n{OK}\n"
                    ),
                ),
                (
                    "the same octets once more",
                    &format!("> GET /a\n{OK} | Connection: close\nagain server\nserver FIN\n"),
                ),
                (
                    "a body that looks like a response",
                    "> GET /a\n< 200 | Connection: close\n< raw HTTP/1.1 200 A\\r\\n\\r\\n\nserver FIN\n",
                ),
                (
                    "the request behind it got nothing",
                    &format!("> GET /a\n{OK} | Connection: close\n> GET /b\nserver FIN\n"),
                ),
                (
                    "HTTP/1.0 without an option",
                    "> GET /a HTTP/1.0\n< 200 HTTP/1.0 | Content-Length: 2\n> GET /b HTTP/1.0\n< 204\n",
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
                    "octets before it are no message",
                    "> GET /a\n> GET /b\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 1\\r\\nConnection: close\\r\\n\\r\\nx<pre>\\r\\nHTTP/1.1 200 A\\r\\nContent-Length: 0\\r\\n\\r\\n\nserver FIN\n",
                ),
                (
                    "the capture starts late: the response may answer an earlier request",
                    &format!("inside\n> GET /a | Connection: close\n> GET /b\n{OK}\n{OK}\n"),
                ),
                (
                    "the capture ends before the next response",
                    &format!("> GET /a | Connection: close\n> GET /b\n{OK}\n"),
                ),
                (
                    "octets of the server are missing before it",
                    &format!(
                        "> GET /a | Connection: close\n> GET /b\nhole server 60\n~ 2s\n{OK}\n{OK}\n"
                    ),
                ),
                (
                    "octets of the client are missing before it",
                    &format!(
                        "> GET /a | Connection: close\nhole client 60\n~ 2s\n> GET /b\n{OK}\n{OK}\n"
                    ),
                ),
                (
                    "the snap length cut the responses",
                    &format!("> GET /a | Connection: close\n> GET /b\nsnap 60\n{OK}\n{OK}\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n> GET /a | Connection: close\n> GET /b\n{OK}\n{OK}\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n> GET /a | Connection: close\n> GET /b\n{OK}\n{OK}\n"),
                ),
                (
                    "a tunnel began",
                    &format!(
                        "> CONNECT a:1 | Connection: close\n< 200 | Connection: close\n> GET /b\n{OK}\n"
                    ),
                ),
            ],
        );
    }
}
