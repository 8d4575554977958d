//! `conflicting-options`: close and keep-alive in one message.

use super::evidence::{first_of_each_side, noun, well_formed};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Message};

pub(super) static RULE: Rule = Rule {
    name: "conflicting-options",
    level: Level::Note,
    at_fault: AtFault::Sender,
    subject: Subject::Message,
    needs: Traits::BOTH_OPTIONS,
    source: "RFC 9112 9.3",
    summary: "the Connection of a message lists both close and keep-alive",
    explain: Explanation {
        checks: "Whether the Connection lines of one head list both options, in any case. RFC 9112 9.3 asks for close \
                 first: close wins, for the other rules too.",
        matters: "A recipient that looks at one line, or at the first option alone, keeps a connection that the \
                  sender closes.",
        silent: "Where the head is not complete in the capture or does not keep to the grammar, and where octets \
                 before it are missing.",
        remedy: "Find the second component that writes the field: an application that sets `Connection` by hand \
                 behind a server that does so itself, or `add_header Connection` in nginx beside its own; leave it \
                 to the server (`keepalive_timeout` in nginx, `KeepAlive` in Apache).",
        fails: "> GET / | Connection: keep-alive, close\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
        passes: "> GET / | Connection: close\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    first_of_each_side(connection, ruling, holds, |side, message| {
        let at = message.start_at();
        let head = message.head.map(|head| head.at);
        let said = format!(
            "the {} in frame {} says both close and keep-alive",
            noun(side),
            at.frame
        );
        Finding::new(&RULE, Some(side), at, head, said)
    });
}

fn holds(message: &Message) -> bool {
    well_formed(message).is_some_and(|head| head.options.close && head.options.keep_alive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, speaks};

    #[test]
    fn it_speaks_of_either_side() {
        speaks(
            &RULE,
            &[(
                "two lines of a response",
                "> GET /\n< 204 | Connection: Close | X: y | connection: Keep-Alive\nserver FIN\n",
            )],
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "one message says this, the other that",
                    "> GET / | Connection: keep-alive\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "two messages of one side",
                    "> GET /a\n< 204 | Connection: keep-alive\n> GET /b\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "other options",
                    "> GET / | Connection: closed, keep-alive\n< 204\n",
                ),
                (
                    "a field for a proxy",
                    "> GET / | Connection: close | Proxy-Connection: keep-alive\n< 204\nserver FIN\n",
                ),
                (
                    "the head is not complete",
                    "> raw GET / HTTP/1.1\\r\\nConnection: close, keep-alive\\r\\n\n~ 1s\n",
                ),
                (
                    "behind a hole it may be part of a body",
                    "> GET /\nhole server 50\n< 204 | Connection: close, keep-alive\n",
                ),
            ],
        );
    }
}
