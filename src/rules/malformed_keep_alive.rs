//! `malformed-keep-alive`: Keep-Alive parameters that do not parse.

use super::evidence::{first_of_each_side, noun, well_formed};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Message};
use crate::http::Syntax;

pub(super) static RULE: Rule = Rule {
    name: "malformed-keep-alive",
    level: Level::Note,
    at_fault: AtFault::Sender,
    subject: Subject::Message,
    needs: Traits::MALFORMED_KEEP_ALIVE,
    source: "RFC 2068 19.7.1.1",
    summary: "a Keep-Alive field has parameters that do not parse",
    explain: Explanation {
        checks: "Keep-Alive is a list of `name=value` (RFC 2068 19.7.1.1), and timeout and max are numbers. A part \
                 that is not so is passed over, the others count.",
        matters: "The other side does not learn what it was to learn: `Keep-Alive: 300` promises nothing.",
        silent: "On blanks around `=`, empty members, quoted values and unknown names; where Connection does not \
                 list keep-alive, so that the field is ignored anyway; where the head is not complete or does not \
                 keep to the grammar; and where octets before it are missing.",
        remedy: "Write `Keep-Alive: timeout=5, max=100`, whole seconds and no unit: `keepalive_timeout 65s 60s` in \
                 nginx and `KeepAliveTimeout 5` in Apache do so by themselves; drop fields that an application or \
                 `add_header Keep-Alive` puts there by hand.",
        fails: "> GET /\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5s\n~ 5s\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5\n~ 5s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    first_of_each_side(connection, ruling, holds, |side, message| {
        let at = message.start_at();
        let head = message.head.map(|head| head.at);
        let said = format!(
            "the {} in frame {} has Keep-Alive parameters that do not parse",
            noun(side),
            at.frame
        );
        Finding::new(&RULE, Some(side), at, head, said)
    });
}

fn holds(message: &Message) -> bool {
    let keep_alive = message
        .keep_alive()
        .filter(|_| well_formed(message).is_some());
    keep_alive.is_some_and(|keep_alive| keep_alive.syntax == Syntax::Malformed)
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
                    "a number alone",
                    "> GET / | Connection: keep-alive | Keep-Alive: 300\n< 204\n",
                ),
                (
                    "a name alone",
                    "> GET /\n< 204 | Connection: keep-alive | Keep-Alive: timeout=5, max\n",
                ),
                (
                    "a semicolon is no comma",
                    "> GET /\n< 204 | Connection: keep-alive | Keep-Alive: timeout=5; max=9\n",
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
                    "the head does not keep to the grammar",
                    "> GET /\n< raw HTTP/1.1 204 A\\r\\nConnection: keep-alive\\r\\nKeep-Alive: timeout=x\\r\\nX : y\\r\\n\\r\\n\n",
                ),
                (
                    "blanks, empty members, quotes, unknown names",
                    "> GET / | Connection: keep-alive | Keep-Alive: , timeout = \"5\",, x=y\n< 204\n",
                ),
                (
                    "no member at all",
                    "> GET / | Connection: keep-alive | Keep-Alive:\n< 204\n",
                ),
                (
                    "Connection does not list it: it is ignored",
                    "> GET / | Keep-Alive: 300\n< 204\n",
                ),
                (
                    "the head is not complete",
                    "> raw GET / HTTP/1.1\\r\\nConnection: keep-alive\\r\\nKeep-Alive: 300\\r\\n\n~ 1s\n",
                ),
                (
                    "behind a hole it may be part of a body",
                    "> GET /\nhole server 50\n< 204 | Connection: keep-alive | Keep-Alive: 300\n",
                ),
            ],
        );
    }
}
