//! `server-kept-open-after-close`: a server that said close did not close.

use super::duty::Duty;
use super::evidence::certain;
use super::{AtFault, Explanation, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Response};
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "server-kept-open-after-close",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::CLOSE.and(Traits::KEPT_OPEN),
    source: "RFC 9112 9.6",
    summary: "the server said close in a final response and did not close in time",
    explain: Explanation {
        checks: "A server that sends the close option in a final response must close the connection after that \
                 response. The rule speaks where the response was complete and acknowledged, and neither a FIN of \
                 the server nor a RST of either side came within the grace (--close-grace, 2 s).",
        matters: "A client that waits for the close, as HTTP/1.0 clients do, hangs until its own timeout, and both \
                  sides hold a socket that nobody may use any more.",
        silent: "Where the capture ends before the grace is over, where octets of the server are missing, where the \
                 response was not acknowledged, where the client's window was zero, and after an upgrade or CONNECT.",
        remedy: "Make the server close its side once the response is written: shutdown for writing, drain, close \
                 (RFC 9112 9.6). Behind a proxy, look whether the proxy holds the connection.",
        fails: "> GET / | Connection: close\n< 200 | Connection: close | Content-Length: 2\n~ 4s\nclient FIN\nserver FIN\n",
        passes: "> GET / | Connection: close\n< 200 | Connection: close | Content-Length: 2\nserver FIN\n~ 4s\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, settings: &Settings, ruling: &mut Ruling) {
    let said_close = |response: &Response| response.message.says_close();
    let exchange = certain(connection)
        .iter()
        .find(|exchange| exchange.response.as_ref().is_some_and(said_close));
    let Some(duty) = exchange.and_then(Duty::of_server) else {
        return;
    };
    duty.enforce(&RULE, (connection, settings), ruling, &[], || {
        format!(
            "the server said close in the response that ended in frame {}",
            duty.created.frame
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    #[test]
    fn it_speaks_where_the_server_stays() {
        speaks(
            &RULE,
            &[
                (
                    "the window had been zero before that exchange",
                    "> GET /a\n< 204\nclient window 0\n~ 1s\n> GET /b\n< 200 | Connection: close | Content-Length: 2\n~ 4s\nclient FIN\n",
                ),
                (
                    "the client never closes either",
                    "> GET /\n< 200 | Connection: close | Content-Length: 2\n~ 3s\nelsewhere\n",
                ),
                (
                    "a 408 while nothing was asked",
                    "> GET /\n< 204\n~ 5s\n< 408 | Connection: close | Content-Length: 0\n~ 3s\nelsewhere\n",
                ),
                (
                    "the server closes, but late",
                    "> GET /\n< 200 | Connection: close | Content-Length: 2\n~ 3s\nserver FIN\nclient FIN\n",
                ),
                (
                    "the capture starts late, and has the whole exchange",
                    "inside\n> GET /\n< 200 | Connection: close | Content-Length: 2\n~ 3s\nelsewhere\n",
                ),
            ],
        );
        assert_eq!(
            finding(&RULE, RULE.explain.fails),
            (
                6,
                vec![10],
                "the server said close in the response that ended in frame 6, not closed within 2.000 s: \
                 closed in frame 10 after 4.000 s"
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
                    "closed at the very end of the grace",
                    "> GET /\n< 200 | Connection: close | Content-Length: 2\n~ 2s\nserver FIN\n~ 2s\nclient FIN\n",
                ),
                (
                    "octets before it are no message",
                    "> GET /a\n> GET /b\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 1\\r\\n\\r\\nx<pre>\\r\\nHTTP/1.1 200 A\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n\n~ 4s\nclient FIN\n",
                ),
                (
                    "the capture ends inside the grace",
                    "> GET /\n< 200 | Connection: close | Content-Length: 2\n~ 2s\nelsewhere\n",
                ),
                (
                    "the response is not complete",
                    "> GET /\n< raw HTTP/1.1 200 A\\r\\nConnection: close\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n~ 9s\nelsewhere\n",
                ),
                (
                    "the request is not complete: the server drains it",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n< 413 | Connection: close | Content-Length: 0\n~ 9s\nelsewhere\n",
                ),
                (
                    "the response was not acknowledged",
                    "> GET /\n< 200 | Connection: close | Content-Length: 2 unseen\n~ 9s\nelsewhere\n",
                ),
                (
                    "octets of the server are missing",
                    "> GET /\n< 200 | Connection: close | Content-Length: 2\nhole server 1\n~ 9s\nelsewhere\n",
                ),
                (
                    "the client can take nothing",
                    "> GET /\n< 200 | Connection: close | Content-Length: 2\nclient window 0\n~ 9s\nelsewhere\n",
                ),
                (
                    "a RST of the client ended it",
                    "> GET /\n< 200 | Connection: close | Content-Length: 2\nclient RST\n~ 9s\nelsewhere\n",
                ),
                (
                    "a RST of the server ended it",
                    "> GET /\n< 200 | Connection: close | Content-Length: 2\nserver RST\n~ 9s\nelsewhere\n",
                ),
                (
                    "the client's side was not captured",
                    "only server\n> GET /\n< 200 | Connection: close | Content-Length: 2\n~ 9s\nelsewhere\n",
                ),
                (
                    "a close in an interim response counts for nothing",
                    "> GET /\n< raw HTTP/1.1 103 A\\r\\nConnection: close\\r\\n\\r\\n\n< 204\n~ 9s\nelsewhere\n",
                ),
                (
                    "a tunnel began",
                    "> GET / | Connection: upgrade | Upgrade: x\n< 101 | Connection: upgrade, close\n~ 9s\nelsewhere\n",
                ),
            ],
        );
    }
}
