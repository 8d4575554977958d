//! `response-lost-to-reset`: a server reset the connection before the client had the response.

use super::evidence::sees_all_from_the_first;
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::Connection;
use crate::tcp::{Acked, Peer};
use crate::time::Span;

/// A client that had the response would have acknowledged it by then: where nothing came, it is gone, or its
/// acknowledgement was not captured.
const PATIENCE: Span = Span::from_secs(1);

pub(super) static RULE: Rule = Rule {
    name: "response-lost-to-reset",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::RST,
    source: "RFC 9112 9.6",
    summary: "the server reset the connection before the client had acknowledged the response",
    explain: Explanation {
        checks: "A server that closes at once risks that a reset overtakes or wipes out its last response; it should \
                 close its sending side first, and go on reading until the client has it. The rule speaks where a \
                 RST with ACK was sent behind a complete response before the client's acknowledgement of its last \
                 byte: no such acknowledgement precedes it, or the acknowledging packet's own number lies beyond \
                 what the RST acknowledges.",
        matters: "The client may lose a response that it had been sent (the 413 to a large upload, say) and see \
                  nothing but ECONNRESET.",
        silent: "Where the acknowledgement may have been there, where the RST has no ACK, where the client had \
                 closed, could take nothing or did not react for a second, where the capture starts inside the \
                 connection, where octets are missing or cannot be read, and after an upgrade or CONNECT.",
        remedy: "Let the server read and drop what the client still sends before it closes. nginx: lingering_close \
                 on or always, lingering_timeout. Do not set SO_LINGER with a time of zero.",
        fails: "> POST /a | Content-Length: 9\n< 413 | Content-Length: 2 | Connection: close unseen\nserver RST\n",
        passes: "> POST /a | Content-Length: 9\n< 413 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    let sides = &connection.facts.sides;
    let rst = sides.server.rst?;
    let known = rst.ack?;
    let gone = sides.client.fin.is_some() || sides.client.rst.is_some();
    if gone || sides.client.zero_window.is_some() || !sees_all_from_the_first(connection) {
        return None;
    }
    let mut responses = connection.exchanges.latest_first();
    let last = responses.find_map(|exchange| exchange.response)?;
    let end = last.message.end?;
    let sent = end.at?;
    let behind = (end.offset..=sides.server.reached).contains(&rst.offset);
    let after = rst.at.time.since(sent.time);
    let had_it = |acked: Acked| acked.at.frame < rst.at.frame && acked.offset <= known;
    if !behind || sent.frame >= rst.at.frame || after > PATIENCE || end.acked.is_some_and(had_it) {
        return None;
    }
    let acked = end.acked.map(|acked| acked.at);
    let fate = match acked {
        Some(at) => format!("that of frame {} had not reached it", at.frame),
        None => "none came".to_owned(),
    };
    Some(Finding::new(
        &RULE,
        Some(Peer::Server),
        rst.at,
        [sent].into_iter().chain(acked),
        format!(
            "the server reset the connection in frame {}, {after} after its response {} ended in frame {}, without \
             the client's acknowledgement of it: {fate}",
            rst.at.frame, last.status, sent.frame
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const TOO_LARGE: &str =
        "> POST /a | Content-Length: 9\n< 413 | Content-Length: 2 | Connection: close";

    #[test]
    fn it_speaks_where_the_reset_was_sooner() {
        speaks(
            &RULE,
            &[
                (
                    "a second later",
                    "> POST /a | Content-Length: 9\n< 413 | Content-Length: 2 | Connection: close unseen\n~ 1s\nserver RST\n",
                ),
                (
                    "the request was still being sent",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 99\\r\\n\\r\\nabc\n< 413 | Content-Length: 2 | Connection: close unseen\nserver RST\n",
                ),
                (
                    "the packet that acknowledges it came behind octets that the RST does not acknowledge",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 99\\r\\n\\r\\nabc\n< 413 | Content-Length: 2 unseen\n> raw def unseen\nserver RST\n",
                ),
                (
                    "behind the server's FIN",
                    &format!("{TOO_LARGE} unseen\nserver FIN unseen\nserver RST\n"),
                ),
                (
                    "the acknowledgement was captured behind it",
                    &format!("{TOO_LARGE} unseen\nserver RST\nclient ACK\n"),
                ),
                (
                    "a moment later",
                    &format!("{TOO_LARGE} unseen\n~ 20ms\nserver RST\n"),
                ),
            ],
        );
        let (at, others, message) =
            finding(&RULE, &format!("{TOO_LARGE} unseen\n~ 20ms\nserver RST\n"));
        assert_eq!((at, others), (7, vec![6]));
        assert!(message.ends_with("of it: none came"), "{message}");
        assert!(
            message.contains("20.0 ms after its response 413 ended in frame 6"),
            "{message}"
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "a RST without ACK answers the acknowledgement",
                    "> POST /a | Content-Length: 9\n< 413 | Content-Length: 2 | Connection: close\nserver RST bare\n",
                ),
                (
                    "the client had closed, without the response",
                    "> POST /a | Content-Length: 9\n< 413 | Content-Length: 2 | Connection: close unseen\nclient FIN unseen\nlost\nserver RST\n",
                ),
                ("it was acknowledged", &format!("{TOO_LARGE}\nserver RST\n")),
                (
                    "a RST without ACK answers a segment",
                    &format!("{TOO_LARGE} unseen\nserver RST bare\n"),
                ),
                (
                    "the client did not react",
                    &format!("{TOO_LARGE} unseen\n~ 2s\nserver RST\n"),
                ),
                (
                    "the client could take nothing",
                    &format!("{TOO_LARGE} unseen\nclient window 0\nserver RST\n"),
                ),
                (
                    "the client closed",
                    &format!("{TOO_LARGE} unseen\nclient FIN\nserver RST\n"),
                ),
                (
                    "the client reset",
                    &format!("{TOO_LARGE} unseen\nclient RST\nserver RST\n"),
                ),
                (
                    "the response is not complete",
                    "> GET /a\n< raw HTTP/1.1 2\nserver RST\n",
                ),
                (
                    "the response was captured behind it",
                    &format!("{TOO_LARGE} unseen\nserver RST\nearlier 1\n"),
                ),
                (
                    "something else went by before the RST",
                    &format!("{TOO_LARGE} unseen\nserver FIN unseen\nlost\nserver RST\n"),
                ),
                (
                    "another response behind it was cut: that is for another rule",
                    "> GET /a\n> GET /b\n< 204 unseen\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc unseen\nserver RST\n",
                ),
                ("no RST", &format!("{TOO_LARGE} unseen\nserver FIN\n")),
                (
                    "the capture starts inside",
                    &format!("inside\n{TOO_LARGE} unseen\nserver RST\n"),
                ),
                ("the capture ends early", &format!("{TOO_LARGE} unseen\n")),
                (
                    "octets of the client are missing",
                    &format!(
                        "> GET /\n< 204\nhole client 9\n~ 2s\n{TOO_LARGE} unseen\nserver RST\n"
                    ),
                ),
                (
                    "octets of the server are missing",
                    &format!(
                        "> GET /\n< 204\nhole server 9\n~ 2s\n{TOO_LARGE} unseen\nserver RST\n"
                    ),
                ),
                (
                    "the snap length cut the head",
                    &format!("snap 60\n{TOO_LARGE} unseen\nserver RST\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{TOO_LARGE} unseen\nserver RST\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n{TOO_LARGE} unseen\nserver RST\n"),
                ),
                (
                    "a tunnel began",
                    "> CONNECT a:1\n< 200 unseen\nserver RST\n",
                ),
            ],
        );
    }
}
