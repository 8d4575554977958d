//! `request-truncated`: a client closed inside a request whose end it had promised.

use super::evidence::{close_inside, sees_all_from_the_first, sent_until};
use super::response_truncated::truncated;
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Message};
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "request-truncated",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Client),
    subject: Subject::Connection,
    needs: Traits::INCOMPLETE,
    source: "RFC 9112 6.3, 8",
    summary: "the client closed before the length or the last chunk of a request",
    explain: Explanation {
        checks: "A request with a Content-Length or the chunked coding is complete only with its last octet or its \
                 last chunk. The rule speaks where a FIN of the client, or a RST of it with ACK, came sooner, all \
                 octets of both sides are there, and the server had neither begun to answer nor closed.",
        matters: "The server cannot act on half a request; one that does not check takes the half for the whole. \
                  It shows as 400 or 499 in the server's log.",
        silent: "Where octets are missing or could not be read, where the capture starts inside the connection, \
                 where the server had begun to answer (a 100 is no answer) or had closed, where \
                 somebody had said close before, where the head itself is not complete, and after an upgrade or \
                 CONNECT.",
        remedy: "Look for a time limit of the client that is too short for its uploads (--max-time in curl, \
                 http.Client.Timeout in Go, timeout in axios), for a user who went away, and for code that sets \
                 Content-Length to another size than it writes.",
        fails: "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n~ 1s\nclient FIN\nserver FIN\n",
        passes: "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n~ 1s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    if !sees_all_from_the_first(connection) {
        return None;
    }
    let close = close_inside(connection, Peer::Client)?;
    // Without the server's packets nobody knows what it had said.
    let fin = connection.facts.sides.client.fin;
    if fin.is_some_and(|fin| fin.acked.is_none()) {
        return None;
    }
    let (last, before) = connection.exchanges.split_last()?;
    let says_close = |message: &Message| message.says_close();
    let ended = before.iter().any(|exchange| {
        let request = exchange.request.as_ref();
        request.is_some_and(|request| says_close(&request.message))
            || exchange
                .response
                .is_some_and(|response| says_close(&response.message))
    });
    let request = last.request.as_ref().filter(|_| !ended)?;
    // Whatever the server sent since, other than interim responses, may be the beginning of an answer, unless it had
    // the close by then.
    let start = request.message.start;
    let until = match last.response.map(|response| response.message.start) {
        Some(answer) if answer.stamp.ack().is_none_or(|ack| ack <= close.offset) => return None,
        Some(answer) => answer.offset,
        None => sent_until(connection, Peer::Server),
    };
    let interim = connection.interims.until.unwrap_or_default();
    if request.message.end.is_some() || start.stamp.ack()?.max(interim) < until {
        return None;
    }
    truncated(&RULE, Peer::Client, &request.message, &close)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, play, speaks};
    use crate::tcp::Acks;

    const HALF: &str = "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc";
    const CHUNKS: &str =
        "> raw POST / HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n";

    #[test]
    fn it_speaks_where_the_client_cut_its_request() {
        speaks(
            &RULE,
            &[
                (
                    "a 100 is no answer",
                    &format!("{HALF}\n< raw HTTP/1.1 100 A\\r\\n\\r\\n\nclient FIN\n"),
                ),
                (
                    "between chunks",
                    &format!("{CHUNKS}\nclient FIN\nserver FIN\n"),
                ),
                ("a RST", &format!("{HALF}\nclient RST\n")),
                (
                    "in the second exchange",
                    &format!("> GET /a\n< 204\n{HALF}\nclient FIN\n"),
                ),
                (
                    "the server answers, knowing of the close",
                    &format!(
                        "{HALF}\nclient FIN\n< 400 | Connection: close | Content-Length: 0\nserver FIN\n"
                    ),
                ),
                (
                    "both closed, neither knowing of the other",
                    &format!("{HALF}\nclient FIN unseen\nserver FIN\n"),
                ),
            ],
        );
        assert_eq!(
            finding(&RULE, RULE.explain.fails),
            (
                6,
                vec![4],
                "the request that began in frame 4 had 3 of 9 octets of its body when the client closed (FIN) in \
                 frame 6"
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
                    "> POST / | Content-Length: 9\nclient FIN\n",
                ),
                (
                    "all chunks are there",
                    "> POST / | Transfer-Encoding: chunked\nclient FIN\n",
                ),
                (
                    "the head is not complete",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\nclient FIN\n",
                ),
                (
                    "the server had answered",
                    &format!("{HALF}\n< 413 | Content-Length: 0\nclient FIN\n"),
                ),
                (
                    "the server had begun to answer",
                    &format!("{HALF}\n< raw HTTP/1.1 41\nclient FIN\n"),
                ),
                (
                    "the answer crossed the close",
                    &format!("{HALF}\nclient FIN unseen\n< 413 | Content-Length: 0\n"),
                ),
                (
                    "an answer had begun behind a 100",
                    &format!("{HALF}\n< 100\n< raw HTTP/1.1 2\nclient FIN\n"),
                ),
                (
                    "a 100 had begun",
                    &format!("{HALF}\n< raw HTTP/1.1 100 A\\r\\n\nclient FIN\n"),
                ),
                (
                    "the server had given up waiting",
                    "> GET /a\n< 204\n< 408 | Connection: close | Content-Length: 0 unseen\n> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nclient FIN\n",
                ),
                (
                    "the server had closed",
                    &format!("{HALF}\nserver FIN\nclient FIN\n"),
                ),
                (
                    "the server had reset it",
                    &format!("{HALF}\nserver RST\nclient RST\n"),
                ),
                (
                    "behind a close nobody reads it",
                    &format!("> GET / | Connection: close\n< 204\n{HALF}\nclient FIN\n"),
                ),
                (
                    "the client is still sending",
                    &format!("{HALF}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a RST without ACK answers a segment",
                    &format!("{HALF}\nclient RST bare\n"),
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
                    "an earlier response had said close",
                    "> GET /a\n< 204 | Connection: close\n> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nclient FIN\nserver FIN\n",
                ),
                (
                    "the capture starts late",
                    &format!("inside\n{HALF}\nclient FIN\n"),
                ),
                (
                    "octets of the client are missing",
                    &format!("{HALF}\nhole client 2\nclient FIN\n"),
                ),
                (
                    "octets of the server are missing",
                    &format!("{HALF}\nhole server 30\nclient FIN\n"),
                ),
                (
                    "the snap length cut the head",
                    &format!("snap 80\n{HALF}\nclient FIN\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n{HALF}\nclient FIN\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{HALF}\nclient FIN\n"),
                ),
                (
                    "a tunnel began",
                    "> GET / | Connection: upgrade | Upgrade: x\n< 101 | Connection: upgrade\n> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nclient FIN\n",
                ),
            ],
        );
    }

    /// No script shows it: what came late was captured in order once.
    #[test]
    fn it_is_silent_where_the_acknowledgement_is_not_certain() {
        let mut connection = play(&format!("{HALF}\nclient FIN\n")).connection;
        assert!(find(&connection).is_some());
        connection.exchanges.change(|exchanges| {
            let last = exchanges.last_mut().unwrap();
            let stamp = &mut last.request.as_mut().unwrap().message.start.stamp;
            stamp.acks = stamp.ack().map(Acks::AtMost);
        });
        assert!(find(&connection).is_none());
    }
}
