//! `conflicting-framing`: the fields that say where a body ends contradict each other.

use super::evidence::{first_of_each_side, noun, well_formed};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Message};
use crate::http::FramingDefect;

pub(super) static RULE: Rule = Rule {
    name: "conflicting-framing",
    level: Level::Violation,
    at_fault: AtFault::Sender,
    subject: Subject::Message,
    needs: Traits::BAD_FRAMING,
    source: "RFC 9112 6.1-6.3",
    summary: "a message has Transfer-Encoding and Content-Length, or a Content-Length that is no single number",
    explain: Explanation {
        checks: "A sender MUST NOT send Content-Length in a message with Transfer-Encoding (RFC 9112 6.2), and \
                 Content-Length must be one decimal number (RFC 9110 8.6); the same number several times is \
                 tolerated (RFC 9112 6.3).",
        matters: "Two hosts on the way may find the end of the body at different places: that is how requests are \
                  smuggled, and a connection on which they disagree cannot be used again (RFC 9112 11.2).",
        silent: "Where the head is not complete in the capture or does not keep to the grammar, where octets before \
                 it are missing, and where the only coding is `identity`, which RFC 2616 had and is none.",
        remedy: "Let one component frame the body: drop a Content-Length that the application sets by hand where \
                 the server compresses or streams (`Header unset Content-Length` in Apache, `proxy_hide_header \
                 Content-Length` in nginx). In front of what cannot be changed, put a server that refuses such \
                 requests, as nginx since 1.21.1 and Node do with 400.",
        fails: "> GET /\n< 200 | Transfer-Encoding: chunked | Content-Length: 2\n~ 5s\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 200 | Transfer-Encoding: chunked\n~ 5s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    let holds = |message: &Message| defect(message).is_some();
    first_of_each_side(connection, ruling, holds, |side, message| {
        let at = message.start_at();
        let head = message.head.map(|head| head.at);
        let has = match defect(message) {
            Some(FramingDefect::Both) => "both Transfer-Encoding and Content-Length",
            _ => "a Content-Length that is no single number",
        };
        let said = format!("the {} in frame {} has {has}", noun(side), at.frame);
        Finding::new(&RULE, Some(side), at, head, said)
    });
}

fn defect(message: &Message) -> Option<FramingDefect> {
    well_formed(message)?.body.defect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, speaks};

    #[test]
    fn it_speaks_of_either_side() {
        speaks(
            &RULE,
            &[
                (
                    "both fields in a request",
                    "> POST / | Content-Length: 3 | Transfer-Encoding: chunked\n< 204\n",
                ),
                (
                    "lengths that differ, on two lines",
                    "> GET /\n< 200 | Content-Length: 5 | Content-Length: 6\n",
                ),
                (
                    "lengths that differ, on one",
                    "> GET /\n< raw HTTP/1.1 200 X\\r\\nContent-Length: 5, 6\\r\\n\\r\\nabcde\n",
                ),
                (
                    "no number",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: +5\\r\\n\\r\\nabcde\n< 400 | Connection: close\nserver FIN\n",
                ),
                (
                    "a response to HEAD may have either, never both",
                    "> HEAD /\n< raw HTTP/1.1 200 X\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n\n",
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
                    "the same length twice",
                    "> GET /\n< 200 | Content-Length: 5 | Content-Length: 5\n",
                ),
                (
                    "the same length in a list",
                    "> GET /\n< raw HTTP/1.1 200 X\\r\\nContent-Length: 5, 5\\r\\n\\r\\nabcde\n",
                ),
                (
                    "identity is no coding",
                    "> GET /\n< 200 | Transfer-Encoding: identity | Content-Length: 5\n",
                ),
                (
                    "another field with such a name",
                    "> GET /\n< 200 | X-Content-Length: 7 | Content-Length: 5\n",
                ),
                (
                    "a trailer is no field of the head",
                    "> GET /\n< raw HTTP/1.1 200 X\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\nContent-Length: 5\\r\\n\\r\\n\n",
                ),
                (
                    "two messages",
                    "> GET /a\n< 200 | Content-Length: 5\n> GET /b\n< 200 | Transfer-Encoding: chunked\n",
                ),
                (
                    "the head is not complete",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 5\\r\\nContent-Length: 6\\r\\n\n~ 1s\n",
                ),
                (
                    "a blank before the colon: not all read it as the field",
                    "> GET /\n< raw HTTP/1.1 200 X\\r\\nContent-Length: 5\\r\\nTransfer-Encoding : chunked\\r\\n\\r\\nabcde\n",
                ),
                (
                    "behind a hole it may be part of a body",
                    "> GET /\nhole server 50\n< 200 | Content-Length: 5 | Content-Length: 6\n",
                ),
                (
                    "a tunnel carries what it likes",
                    "> CONNECT a:1\n< 200\n> POST / | Content-Length: 5 | Content-Length: 6\n",
                ),
            ],
        );
    }
}
