//! `reset-while-idle`: a side reset an idle connection that was to persist.

use super::evidence::{closing, sees_all_from_the_first};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::Connection;
use crate::tcp::Peer;

/// Room for an empty line behind a message (RFC 9112 2.2).
const EMPTY_LINE: u64 = 2;

pub(super) static RULE: Rule = Rule {
    name: "reset-while-idle",
    level: Level::Warning,
    at_fault: AtFault::Sender,
    subject: Subject::Connection,
    needs: Traits::RST.and(Traits::PERSISTENT),
    source: "RFC 9112 9.5",
    summary: "a side reset an idle connection that was to persist, instead of closing it",
    explain: Explanation {
        checks: "Either side may close an idle connection, and should do so gracefully where it can. The rule speaks \
                 where a RST with ACK ended a connection that was to persist, with every exchange complete and \
                 acknowledged, and neither side had sent a FIN.",
        matters: "The other side sees an error (ECONNRESET) where it would have seen an orderly close, and what was \
                  delivered but not read yet may be thrown away.",
        silent: "Where anything was outstanding, by what the RST acknowledges or by what crossed it, where a FIN is \
                 there, where either side said close or HTTP/1.0 implied it, where the RST has no ACK, where the \
                 capture starts inside the connection, where octets are missing or cannot be read, and after an \
                 upgrade or CONNECT.",
        remedy: "Do not set SO_LINGER with a time of zero. HAProxy: no `option nolinger`; as a client it resets \
                 idle connections to servers when it purges its pool (`pool-purge-delay`), which harms nobody.",
        fails: "> GET /a\n< 200 | Content-Length: 2\n~ 5s\nserver RST\n",
        passes: "> GET /a\n< 200 | Content-Length: 2\n~ 5s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    let sides = &connection.facts.sides;
    let first = connection.facts.close?;
    let close = closing(connection, first.by)?;
    // The number of a RST is the next one; that of a FIN is not, since the FIN itself has a number.
    let is_next = close.offset == sides[first.by].reached;
    let other_finished = sides[first.by.other()].fin.is_some();
    if !is_next || other_finished || !connection.persists() || !sees_all_from_the_first(connection)
    {
        return None;
    }
    let last = connection.exchanges.last()?;
    let response = last.response?.message.end?;
    // The beginning of another message is outstanding as well; an empty line is not.
    let asked = last.request.as_ref()?.message.end?.offset;
    if sides.client.reached > asked + EMPTY_LINE
        || sides.server.reached > response.offset + EMPTY_LINE
    {
        return None;
    }
    let delivered = match first.by {
        Peer::Client => close.ack >= response.offset,
        Peer::Server => {
            let acked = response.acked?;
            acked.at.frame < close.at.frame && acked.offset <= close.ack
        }
    };
    if !delivered {
        return None;
    }
    let end = last.end()?;
    Some(Finding::new(
        &RULE,
        Some(first.by),
        close.at,
        [end],
        format!(
            "the {} reset the connection in frame {}, {} after the last exchange ended in frame {}; it was to persist",
            first.by.name(),
            close.at.frame,
            close.at.time.since(end.time),
            end.frame
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, play, speaks};

    const OK: &str = "> GET /a\n< 200 | Content-Length: 2";

    #[test]
    fn it_speaks_of_either_side() {
        speaks(
            &RULE,
            &[
                (
                    "behind empty lines of both",
                    "> GET /a\n< 200 | Content-Length: 2\n> raw \\r\\n\n< raw \\r\\n\n~ 5s\nserver RST\n",
                ),
                ("the client", &format!("{OK}\n~ 5s\nclient RST\n")),
                ("at once", &format!("{OK}\nclient RST\n")),
                (
                    "after several exchanges",
                    &format!("{OK}\n{OK}\n~ 5s\nserver RST\n"),
                ),
            ],
        );
        let side = |script: &str| play(script).judgement.findings.first().unwrap().side;
        assert_eq!(side(RULE.explain.fails), Some(Peer::Server));
        assert_eq!(
            side(&format!("{OK}\n~ 5s\nclient RST\n")),
            Some(Peer::Client)
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "an empty line that the RST does not acknowledge was sent ahead of the acknowledgement",
                    "> GET /a\n< 200 | Content-Length: 2 unseen\n> raw \\r\\n unseen\nserver RST\n",
                ),
                (
                    "the acknowledgement was captured behind it",
                    "> GET /a\n< 200 | Content-Length: 2 unseen\n~ 5s\nserver RST\nclient ACK\n",
                ),
                (
                    "the beginning of a response was outstanding",
                    "> GET /a\n< 200 | Content-Length: 2\n< raw HTTP/1\nserver RST\n",
                ),
                (
                    "a RST with another number",
                    "> GET /a\n< 200 | Content-Length: 2\n~ 5s\nserver RST behind 2\n",
                ),
                (
                    "a request was outstanding",
                    &format!("{OK}\n> GET /b\nclient RST\n"),
                ),
                (
                    "a request crossed it",
                    &format!("{OK}\n~ 5s\nserver RST\n> GET /b unseen\n"),
                ),
                (
                    "the beginning of a request was outstanding",
                    &format!("{OK}\n> raw GET /b\nserver RST\n"),
                ),
                (
                    "the response was not acknowledged",
                    &format!("{OK} unseen\nserver RST\n"),
                ),
                (
                    "the client had not got the response",
                    &format!("{OK} unseen\nclient RST\n"),
                ),
                (
                    "behind a FIN of its own",
                    &format!("{OK}\nserver FIN\nserver RST\n"),
                ),
                (
                    "behind a FIN of the other",
                    &format!("{OK}\nclient FIN\nserver RST\n"),
                ),
                (
                    "it crossed a FIN",
                    &format!("{OK}\nserver RST\nclient FIN unseen\n"),
                ),
                (
                    "a RST without ACK",
                    &format!("{OK}\n~ 5s\nserver RST bare\n"),
                ),
                (
                    "the server had said close",
                    "> GET /a\n< 200 | Content-Length: 2 | Connection: close\n~ 1s\nclient RST\n",
                ),
                (
                    "HTTP/1.0 implied it",
                    "> GET /a HTTP/1.0\n< 200 | Content-Length: 2\n~ 1s\nclient RST\n",
                ),
                ("nothing was asked", "~ 5s\nserver RST\n"),
                (
                    "the capture starts inside the connection",
                    &format!("inside\n{OK}\n~ 5s\nserver RST\n"),
                ),
                ("the capture ends early", &format!("{OK}\n~ 5s\n")),
                (
                    "octets of the server are missing",
                    &format!("{OK}\nhole server 9\n~ 5s\nserver RST\n"),
                ),
                (
                    "octets of the client are missing",
                    &format!("{OK}\nhole client 9\n~ 5s\nserver RST\n"),
                ),
                (
                    "the snap length cut the head",
                    &format!("snap 60\n{OK}\n~ 5s\nserver RST\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{OK}\n~ 5s\nclient RST\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n{OK}\n~ 5s\nserver RST\n"),
                ),
                ("a tunnel began", "> CONNECT a:1\n< 200\n~ 5s\nserver RST\n"),
            ],
        );
    }
}
