//! `keep-alive-refused`: a client that would persist got close on its first response.

use super::evidence::{all_kept, paired};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange};
use crate::http::Says;
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "keep-alive-refused",
    level: Level::Note,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::REFUSED,
    source: "RFC 9112 9.3",
    summary: "a client that would persist got close on its first response",
    explain: Explanation {
        checks: "Whether the first request left the connection persistent (HTTP/1.1 without close, or keep-alive), \
                 and its response, below 400, said close. A server may do so; it is worth knowing where keep-alive is \
                 expected.",
        matters: "Every request then costs a handshake, and the side that closes collects sockets in TIME-WAIT.",
        silent: "Where the response is an error, which often must close; where it began before the server had the \
                 whole request; where the client had closed its direction by then; where the capture does not have \
                 the connection from its beginning or octets before the response are missing; and after an upgrade \
                 or CONNECT.",
        remedy: "Turn it on: `KeepAlive On` in Apache, `keepalive_timeout` above 0 in nginx, `option \
                 http-keep-alive` instead of `option httpclose` in HAProxy.",
        fails: "> GET /\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 200 | Content-Length: 2\n~ 5s\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    if all_kept(connection) {
        let first = paired(connection).first();
        ruling.found_if(first.and_then(|first| refused(connection, first)));
    }
}

fn refused(connection: &Connection, exchange: &Exchange) -> Option<Finding> {
    let request = &exchange.request.as_ref()?.message;
    let response = exchange.response.as_ref()?;
    let (status, response) = (response.status, &response.message);
    let at = response.start_at();
    let had_it_all = response.start.stamp.ack()? >= request.end?.offset;
    let client = &connection.facts.sides.client;
    let head = response.head?;
    let client_closed = client.fin.is_some_and(|fin| fin.at.frame < head.at.frame);
    let refused = request.says().is_some_and(Says::persists) && response.says_close();
    (refused && status < 400 && had_it_all && !client_closed).then(|| {
        let asked = request.start_at();
        let message = format!(
            "the first request, in frame {}, left the connection persistent; its response {status} in frame {} said \
             close",
            asked.frame, at.frame
        );
        Finding::new(&RULE, Some(Peer::Server), at, [asked, head.at], message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{is_silent, speaks};

    #[test]
    fn it_speaks_of_the_first_response() {
        speaks(
            &RULE,
            &[
                (
                    "HTTP/1.0 that asks for keep-alive",
                    "> GET / HTTP/1.0 | Connection: keep-alive\n< 200 | Connection: close | Content-Length: 2\nserver FIN\n",
                ),
                (
                    "a redirection",
                    "> GET /\n< 302 | Connection: close | Content-Length: 0\nserver FIN\n",
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
                    "it did not wait for the rest, which came",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n< 204 | Connection: close\n> raw defghi\nserver FIN\n",
                ),
                (
                    "the client said close",
                    "> GET / | Connection: close\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "HTTP/1.0 does not persist by itself",
                    "> GET / HTTP/1.0\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "an error closes for its own reasons",
                    "> GET /\n< 400 | Connection: close | Content-Length: 0\nserver FIN\n",
                ),
                (
                    "the second response",
                    "> GET /a\n< 204\n> GET /b\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "it did not wait for the rest of the request",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "the client had closed its direction",
                    "> GET /\nclient FIN\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "the capture begins later",
                    "inside\n> GET /\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "behind a hole it may answer another one",
                    "hole client 40\n> GET /\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "the head is not complete",
                    "> GET /\n< raw HTTP/1.1 204 X\\r\\nConnection: close\\r\\n\nserver FIN\n",
                ),
                (
                    "the client's side was not captured",
                    "only server\n> GET /\n< 204 | Connection: close\nserver FIN\n",
                ),
                (
                    "a tunnel began",
                    "> CONNECT a:1\n< 200 | Connection: close\n",
                ),
            ],
        );
    }
}
