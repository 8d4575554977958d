//! `open-after-bad-framing`: a request with contradictory framing was answered, and the connection left open.

use super::duty::Duty;
use super::evidence::paired;
use super::{AtFault, Explanation, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange, Message};
use crate::http::{Framing, FramingDefect};
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "open-after-bad-framing",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::BAD_FRAMING.and(Traits::KEPT_OPEN),
    source: "RFC 9112 6.1, 6.3",
    summary: "a request with contradictory framing was answered and the server did not close in time",
    explain: Explanation {
        checks: "A server that answers a request with both Transfer-Encoding and Content-Length, or with an invalid \
                 Content-Length, must close the connection after the response. The rule speaks where the response \
                 was complete and acknowledged, and neither a FIN of the server nor a RST of either side came \
                 within the grace (--close-grace, 2 s).",
        matters: "Two readers of such a request disagree on where it ends. On a connection that goes on, what one of \
                  them takes for a body is the next request to the other: that is how requests are smuggled.",
        silent: "Where the same number is given several times, where the capture ends before the grace is over or \
                 starts inside the connection, where octets are missing, where the response was not acknowledged, \
                 where the client's window was zero, and after an upgrade or CONNECT.",
        remedy: "Let the server close after such requests. Update it: Apache 2.4, nginx 1.22, HAProxy 2.6 and Node \
                 20 do, with 400 or behind their response. In Node do not set insecureHTTPParser. Do not let a \
                 proxy pass such requests on.",
        fails: "> raw POST / HTTP/1.1\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n\n< 400 | Content-Length: 0\n~ 4s\nserver FIN\nclient FIN\n",
        passes: "> raw POST / HTTP/1.1\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n\n< 400 | Content-Length: 0 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, settings: &Settings, ruling: &mut Ruling) {
    let answered = paired(connection)
        .iter()
        .find_map(|exchange| Some((exchange, defect(exchange)?)));
    let Some((exchange, (request, defect))) = answered else {
        return;
    };
    // Where nobody can tell where the request ends, the time runs from the response.
    let duty = match request.framing() {
        Some(Framing::Unknown) => Duty::of_server_at_response(exchange),
        _ => Duty::of_server(exchange),
    };
    let Some(duty) = duty else { return };
    let asked = request.start_at();
    duty.enforce(&RULE, (connection, settings), ruling, &[asked], || {
        let what = match defect {
            FramingDefect::Both => "both Transfer-Encoding and Content-Length",
            FramingDefect::InvalidLength => "an invalid Content-Length",
        };
        format!(
            "the request in frame {} had {what}, its response ended in frame {}",
            asked.frame, duty.created.frame
        )
    });
}

/// What is wrong with the framing of a request that was answered.
fn defect(exchange: &Exchange) -> Option<(&Message, FramingDefect)> {
    let message = &exchange.request.as_ref()?.message;
    exchange.response?;
    Some((message, message.head?.head.body.defect()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const BOTH: &str = "> raw POST / HTTP/1.1\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n";
    const NAN: &str = "> raw POST / HTTP/1.1\\r\\nContent-Length: 5x\\r\\n\\r\\nhello";
    const OK: &str = "< 200 | Content-Length: 2";

    #[test]
    fn it_speaks_where_the_server_stays() {
        speaks(
            &RULE,
            &[
                (
                    "the server goes on",
                    &format!("{BOTH}\n{OK}\n~ 1s\n> GET /\n{OK}\n~ 3s\nelsewhere\n"),
                ),
                (
                    "a length that is no number",
                    &format!("{NAN}\n< 400 | Content-Length: 0\n~ 3s\nelsewhere\n"),
                ),
                (
                    "lengths that differ",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 5\\r\\nContent-Length: 6\\r\\n\\r\\nhello\n< 400 | Content-Length: 0\n~ 3s\nelsewhere\n",
                ),
                (
                    "the server closes, but late",
                    &format!("{BOTH}\n{OK}\n~ 3s\nserver FIN\n"),
                ),
                (
                    "the client closes, the server does not",
                    &format!("{BOTH}\n{OK}\nclient FIN\n~ 3s\nelsewhere\n"),
                ),
            ],
        );
        assert_eq!(
            finding(&RULE, RULE.explain.fails),
            (
                6,
                vec![4, 8],
                "the request in frame 4 had both Transfer-Encoding and Content-Length, its response ended in frame \
                 6, not closed within 2.000 s: closed in frame 8 after 4.000 s"
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
                    "the server closed in time",
                    &format!("{BOTH}\n{OK}\n~ 1s\nserver FIN\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the same number twice",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 5\\r\\nContent-Length: 5\\r\\n\\r\\nhello\n< 204\n~ 9s\nelsewhere\n",
                ),
                (
                    "chunked alone",
                    "> POST / | Transfer-Encoding: chunked\n< 204\n~ 9s\nelsewhere\n",
                ),
                (
                    "a response framed like that is another matter",
                    "> GET /\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n\n~ 9s\nelsewhere\n",
                ),
                ("it was not answered", &format!("{BOTH}\n~ 9s\nelsewhere\n")),
                (
                    "the request goes on: the server drains it",
                    &format!(
                        "> raw POST / HTTP/1.1\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhe\n{OK}\n~ 9s\nelsewhere\n"
                    ),
                ),
                (
                    "the response is not complete",
                    &format!(
                        "{BOTH}\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n~ 9s\nelsewhere\n"
                    ),
                ),
                (
                    "the capture starts late: the response may answer another request",
                    &format!("inside\n{BOTH}\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the capture ends inside the grace",
                    &format!("{BOTH}\n{OK}\n~ 2s\nelsewhere\n"),
                ),
                (
                    "the response was not acknowledged",
                    &format!("{BOTH}\n{OK} unseen\n~ 9s\nelsewhere\n"),
                ),
                (
                    "octets of the server are missing",
                    &format!("{BOTH}\n{OK}\nhole server 1\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the client can take nothing",
                    &format!("{BOTH}\n{OK}\nclient window 0\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a RST of the client ended it",
                    &format!("{BOTH}\n{OK}\nclient RST\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a RST of the server ended it",
                    &format!("{BOTH}\n{OK}\nserver RST\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the snap length cut the request",
                    &format!("snap 60\n{BOTH}\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n{BOTH}\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{BOTH}\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a tunnel began",
                    "> raw CONNECT a:1 HTTP/1.1\\r\\nContent-Length: x\\r\\n\\r\\n\n< 200\n~ 9s\nelsewhere\n",
                ),
            ],
        );
    }
}
