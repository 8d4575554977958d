//! `response-truncated`: a server closed inside a response whose end it had promised.

use super::evidence::{Closing, close_inside, noun, paired, sees_all};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Message};
use crate::http::Framing;
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "response-truncated",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::INCOMPLETE,
    source: "RFC 9112 6.3, 8",
    summary: "the server closed before the length or the last chunk of a response",
    explain: Explanation {
        checks: "A response with a Content-Length or the chunked coding is complete only with its last octet or its \
                 last chunk. The rule speaks where a FIN of the server, or a RST of it with ACK, came sooner, all \
                 octets of both sides are there, and the client had not closed before.",
        matters: "The client has half of a document. Those that do not check take it for the whole, and caches may \
                  keep it.",
        silent: "Where octets are missing or could not be read, where the capture starts inside the connection \
                 (the response may answer a HEAD), where a body can only end with the close, where the client \
                 closed first, where the head itself is not complete, and after an upgrade or CONNECT.",
        remedy: "Look for a crash or a time limit of the application behind the server (a worker that is killed, \
                 proxy_read_timeout in nginx, ProxyTimeout in Apache, `timeout server` in HAProxy), and for a \
                 handler that sets Content-Length to another size than it writes.",
        fails: "> GET /\n< raw HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< raw HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nclient FIN\nserver FIN\n",
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
    let close = close_inside(connection, Peer::Server)?;
    let cut = |message: &Message| message.end.is_none();
    let response = paired(connection).iter().find_map(|exchange| {
        exchange.request.as_ref()?;
        Some(exchange.response?.message).filter(cut)
    })?;
    truncated(&RULE, Peer::Server, &response, &close)
}

/// Finds a message of `peer` that its `close` cut, where that lacks something of what its framing promised.
pub(super) fn truncated(
    rule: &'static Rule,
    peer: Peer,
    message: &Message,
    close: &Closing,
) -> Option<Finding> {
    let promised = lack(message, close.offset)?;
    let start = message.start_at();
    Some(Finding::new(
        rule,
        Some(peer),
        close.at,
        [start],
        format!(
            "the {} that began in frame {} {promised} when the {} closed ({}) in frame {}",
            noun(peer),
            start.frame,
            peer.name(),
            close.kind.name(),
            close.at.frame
        ),
    ))
}

/// What a message that ends at `sent` lacks of what its framing promised.
fn lack(message: &Message, sent: u64) -> Option<String> {
    let head = message.head?;
    match head.framing {
        Framing::Length(length) => {
            let had = sent.checked_sub(head.end)?;
            Some(format!("had {had} of {length} octets of its body"))
        }
        Framing::Chunked => Some("lacked its last chunk".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const HALF: &str = "< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc";
    const CHUNKS: &str =
        "< raw HTTP/1.1 200 A\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n";

    #[test]
    fn it_speaks_where_the_server_cut_its_response() {
        speaks(
            &RULE,
            &[
                (
                    "nothing of the body",
                    "> GET /\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\n\nserver FIN\n",
                ),
                (
                    "between chunks",
                    &format!("> GET /\n{CHUNKS}\nserver FIN\nclient FIN\n"),
                ),
                (
                    "inside the trailers",
                    &format!(
                        "> GET /\n{CHUNKS}\n< raw 0\\r\\nA: b\\r\\n\nserver FIN\nclient FIN\n"
                    ),
                ),
                ("a RST", &format!("> GET /\n{HALF}\nserver RST\n")),
                (
                    "in the second exchange",
                    &format!("> GET /a\n< 204\n> GET /b\n{HALF}\nserver FIN\n"),
                ),
                (
                    "it said close: that ends no body of known length",
                    "> GET /\n< raw HTTP/1.1 200 A\\r\\nConnection: close\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nserver FIN\n",
                ),
                (
                    "both closed, neither knowing of the other",
                    &format!("> GET /\n{HALF}\nserver FIN unseen\nclient FIN\n"),
                ),
            ],
        );
        assert_eq!(
            finding(&RULE, RULE.explain.fails),
            (
                8,
                vec![6],
                "the response that began in frame 6 had 3 of 9 octets of its body when the server closed (FIN) in \
                 frame 8"
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
                    "all of it is there",
                    "> GET /\n< 200 | Content-Length: 9\nserver FIN\n",
                ),
                (
                    "all chunks are there",
                    "> GET /\n< 200 | Transfer-Encoding: chunked\nserver FIN\n",
                ),
                (
                    "HEAD has no body",
                    "> HEAD /\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\n\nserver FIN\n",
                ),
                (
                    "304 has no body",
                    "> GET /\n< raw HTTP/1.1 304 A\\r\\nContent-Length: 9\\r\\n\\r\\n\nserver FIN\n",
                ),
                (
                    "the body ends with the close",
                    "> GET /\n< 200\n< raw abc\nserver FIN\n",
                ),
                (
                    "the head is not complete",
                    "> GET /\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\nserver FIN\n",
                ),
                (
                    "the client had closed",
                    &format!("> GET /\n{HALF}\nclient FIN\nserver FIN\n"),
                ),
                (
                    "the client had reset it",
                    &format!("> GET /\n{HALF}\nclient RST\nserver FIN unseen\n"),
                ),
                (
                    "the client closed, the server reset it",
                    &format!("> GET /\n{HALF}\nclient FIN\nserver RST\n"),
                ),
                (
                    "the server is still sending",
                    &format!("> GET /\n{HALF}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a RST without ACK answers a segment",
                    &format!("> GET /\n{HALF}\nserver RST bare\n"),
                ),
                (
                    "the rest came behind the FIN",
                    "> GET /\n< 200 | Content-Length: 9\nserver FIN unseen\nearlier 1\nclient FIN\n",
                ),
                ("nothing was answered", "> GET /\nserver FIN\n"),
            ],
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "a RST with another number",
                    "> GET /a\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nserver RST behind 2\n",
                ),
                (
                    "the capture starts late: it may answer a HEAD",
                    &format!("inside\n> GET /\n{HALF}\nserver FIN\n"),
                ),
                (
                    "octets of the server are missing",
                    &format!("> GET /\n{HALF}\nhole server 2\nserver FIN\n"),
                ),
                (
                    "octets of the client are missing",
                    &format!("> GET /\nhole client 30\n{HALF}\nserver FIN\n"),
                ),
                (
                    "the snap length cut the head",
                    &format!("> GET /\nsnap 80\n{HALF}\nserver FIN\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n> GET /\n{HALF}\nserver FIN\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n> GET /\n{HALF}\nserver FIN\n"),
                ),
                (
                    "a tunnel began",
                    "> GET / | Connection: upgrade | Upgrade: x\n< 101 | Connection: upgrade\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nserver FIN\n",
                ),
                (
                    "CONNECT",
                    "> CONNECT a:1\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nserver FIN\n",
                ),
            ],
        );
    }
}
