//! `keep-alive-not-nominated`: a Keep-Alive field that the Connection field does not name.

use super::evidence::{first_of_each_side, noun, well_formed};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Message};

pub(super) static RULE: Rule = Rule {
    name: "keep-alive-not-nominated",
    level: Level::Violation,
    at_fault: AtFault::Sender,
    subject: Subject::Message,
    needs: Traits::NOT_NOMINATED,
    source: "RFC 9110 7.6.1, RFC 2068 19.7.1.1",
    summary: "a message has a Keep-Alive field, but its Connection field does not list keep-alive",
    explain: Explanation {
        checks: "Keep-Alive is meant for the next hop only. Whoever sends such a field MUST list its name in \
                 Connection (RFC 9110 7.6.1, RFC 2068 19.7.1.1). All Connection lines of the head count, in any \
                 case. The values of a field that is not listed are ignored by every other rule.",
        matters: "A proxy that does not know the field passes it on, and the host behind it then holds a promise \
                  that was made for another connection.",
        silent: "Where the head is not complete in the capture or does not keep to the grammar, and where octets \
                 before it are missing, so that it may be part of a body.",
        remedy: "Send `Connection: keep-alive` wherever `Keep-Alive: timeout=...` is sent. In nginx drop an \
                 `add_header Keep-Alive ...` and let `keepalive_timeout 65s 60s` write both fields; behind nginx \
                 use `proxy_hide_header Keep-Alive`; in Apache drop `Header set Keep-Alive ...` and leave it to \
                 KeepAliveTimeout; in lighttpd drop it from `setenv.add-response-header`. HAProxy passes the field \
                 on from the server behind it: `http-response del-header Keep-Alive`.",
        fails: "> GET /\n< 200 | Content-Length: 2 | Keep-Alive: timeout=5\n~ 5s\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5\n~ 5s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    first_of_each_side(connection, ruling, holds, |side, message| {
        let at = message.start_at();
        let head = message.head.map(|head| head.at);
        Finding::new(
            &RULE,
            Some(side),
            at,
            head,
            format!(
                "the {} in frame {} has a Keep-Alive field, which its Connection does not list",
                noun(side),
                at.frame
            ),
        )
    });
}

fn holds(message: &Message) -> bool {
    well_formed(message).is_some_and(|head| head.keep_alive.is_some() && !head.options.keep_alive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    #[test]
    fn it_speaks_of_either_side() {
        speaks(
            &RULE,
            &[
                (
                    "a request",
                    "> GET / | keep-alive: timeout=5\n< 204\nserver FIN\n",
                ),
                (
                    "another option is listed",
                    "> GET /\n< 200 | Connection: close | Keep-Alive: timeout=5 | Content-Length: 2\nserver FIN\n",
                ),
                (
                    "it is there without a value",
                    "> GET /\n< 200 | Keep-Alive: | Content-Length: 2\nserver FIN\n",
                ),
                (
                    "the capture starts later, but this message is whole",
                    "inside\n> GET / | Keep-Alive: 300\n< 204\n",
                ),
                (
                    "before an upgrade",
                    "> GET /\n< 204 | Keep-Alive: max=5\n> GET / | Connection: upgrade | Upgrade: x\n< 101 | Connection: upgrade\n",
                ),
            ],
        );
    }

    #[test]
    fn it_counts_further_messages() {
        let (frame, _, message) = finding(
            &RULE,
            "> GET / | Keep-Alive: 300\n< 204\n> GET / | Keep-Alive: 300\n< 204\n",
        );
        assert_eq!(frame, 4);
        assert_eq!(
            message,
            "the request in frame 4 has a Keep-Alive field, which its Connection does not list; so does a later request"
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "any case, in a list",
                    "> GET / | Connection: TE, KEEP-alive | Keep-Alive: 300\n< 204\n",
                ),
                (
                    "on another Connection line, behind it",
                    "> GET /\n< 204 | Connection: Upgrade | Keep-Alive: timeout=5 | Connection: Keep-Alive\n",
                ),
                (
                    "another field with such a name",
                    "> GET / | X-Keep-Alive: 300\n< 204\n",
                ),
                (
                    "the head is not complete",
                    "> raw GET / HTTP/1.1\\r\\nKeep-Alive: 300\\r\\n\n~ 1s\n",
                ),
                (
                    "the snap length cut the head off",
                    "snap 90\n> GET / | Keep-Alive: timeout=5\n< 204\n",
                ),
                (
                    "a line that was mended may hide it",
                    "> raw GET / HTTP/1.1\\r\\nKeep-Alive: 300\\r\\nX: a\\rConnection: keep-alive\\r\\n\\r\\n\n< 204\n",
                ),
                (
                    "behind a hole it may be part of a body",
                    "> GET /\nhole server 50\n< 204 | Keep-Alive: timeout=5\n",
                ),
                (
                    "a tunnel carries what it likes",
                    "> CONNECT a:1\n< 200\n> GET / | Keep-Alive: 300\n< 204 | Keep-Alive: max=5\n",
                ),
            ],
        );
    }
}
