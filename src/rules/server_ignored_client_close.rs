//! `server-ignored-client-close`: a client said close, and the server answered and stayed.

use super::duty::Duty;
use super::evidence::paired;
use super::{AtFault, Explanation, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange};
use crate::tcp::Peer;
use crate::time::At;

pub(super) static RULE: Rule = Rule {
    name: "server-ignored-client-close",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::CLOSE_NOT_ECHOED.and(Traits::KEPT_OPEN),
    source: "RFC 9112 9.6",
    summary: "the client said close, the server answered without close and did not close in time",
    explain: Explanation {
        checks: "A server that receives the close option must close the connection after its final response to that \
                 request. The rule speaks where the request said close and the response did not, both were complete \
                 and the response acknowledged, and neither a FIN of the server nor a RST of either side came within \
                 the grace (--close-grace, 2 s). Where the response said close, server-kept-open-after-close \
                 speaks instead.",
        matters: "A client that waits for the close which it asked for, as tools and health checks do, hangs until \
                  its own timeout, and both sides hold a socket that nobody may use any more.",
        silent: "Where the capture ends before the grace is over or starts inside the connection, where octets of \
                 the server are missing, where the response was not acknowledged, where the client's window was \
                 zero, and after an upgrade or CONNECT.",
        remedy: "Let the server heed `Connection: close` in requests: Apache, nginx, HAProxy and Node do by \
                 themselves, so look for a handler that overrules it (in Node `res.setHeader('Connection', \
                 'keep-alive')`), or that writes to the socket past the server's HTTP. In front of nginx's \
                 upstreams, `proxy_set_header Connection \"\"` keeps the option off a connection that is to \
                 persist.",
        fails: "> GET / | Connection: close\n< 200 HTTP/1.0 | Content-Length: 2\n~ 4s\nclient FIN\nserver FIN\n",
        passes: "> GET / | Connection: close\n< 200 HTTP/1.0 | Content-Length: 2\nserver FIN\n~ 4s\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, settings: &Settings, ruling: &mut Ruling) {
    let Some((exchange, asked)) = paired(connection).iter().find_map(first_close) else {
        return;
    };
    // Where the response said close, the duty is another rule's.
    let ignored = exchange
        .response
        .is_some_and(|response| !response.message.says_close());
    let Some(duty) = Duty::of_server(exchange).filter(|_| ignored) else {
        return;
    };
    let Some(asked) = asked else { return };
    duty.enforce(&RULE, (connection, settings), ruling, &[asked], || {
        format!(
            "the client said close in frame {}, the server did not in the response that ended in frame {}",
            asked.frame, duty.created.frame
        )
    });
}

/// An exchange in which somebody said close; with it where the client did.
fn first_close(exchange: &Exchange) -> Option<(&Exchange, Option<At>)> {
    let request = exchange.request.as_ref();
    let asked = request.filter(|request| request.message.says_close());
    let told = exchange
        .response
        .is_some_and(|response| response.message.says_close());
    (asked.is_some() || told).then(|| (exchange, asked.map(|request| request.message.start_at())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const ASK: &str = "> GET / | Connection: close";
    const OK: &str = "< 200 | Content-Length: 2";

    #[test]
    fn it_speaks_where_the_server_stays() {
        speaks(
            &RULE,
            &[
                ("nobody closes", &format!("{ASK}\n{OK}\n~ 3s\nelsewhere\n")),
                (
                    "the server says the contrary",
                    &format!("{ASK}\n{OK} | Connection: keep-alive\n~ 3s\nelsewhere\n"),
                ),
                (
                    "the server closes, but late",
                    &format!("{ASK}\n{OK}\n~ 3s\nserver FIN\nclient FIN\n"),
                ),
                (
                    "behind an exchange that persisted",
                    &format!("> GET /a\n{OK}\n{ASK}\n{OK}\n~ 3s\nelsewhere\n"),
                ),
                (
                    "the client closes its side, the server never does",
                    &format!("{ASK}\n{OK}\nclient FIN\n~ 3s\nelsewhere\n"),
                ),
            ],
        );
        assert_eq!(
            finding(&RULE, RULE.explain.fails),
            (
                6,
                vec![4, 10],
                "the client said close in frame 4, the server did not in the response that ended in frame 6, \
                 not closed within 2.000 s: closed in frame 10 after 4.000 s"
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
                    "the server closed in time",
                    &format!("{ASK}\n{OK}\n~ 1.9s\nserver FIN\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the response said close: for another rule",
                    &format!("{ASK}\n{OK} | Connection: close\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the server had said close before",
                    &format!("> GET /a\n{OK} | Connection: close\n{ASK}\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "nobody said close",
                    &format!("> GET /\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "HTTP/1.0 without an option is for another rule",
                    &format!("> GET / HTTP/1.0\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the body ends with the close",
                    &format!("{ASK}\n< 200\n< raw abc\n~ 9s\n< raw def\nserver FIN\nclient FIN\n"),
                ),
                ("no response yet", &format!("{ASK}\n~ 9s\nelsewhere\n")),
                (
                    "an interim response is no answer",
                    &format!("{ASK}\n< 103\n~ 9s\nelsewhere\n"),
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
                    "the capture starts late: the response may answer another request",
                    &format!("inside\n{ASK}\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the capture ends inside the grace",
                    &format!("{ASK}\n{OK}\n~ 2s\nelsewhere\n"),
                ),
                (
                    "the request is not complete: the server drains it",
                    &format!(
                        "> raw POST / HTTP/1.1\\r\\nConnection: close\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n{OK}\n~ 9s\nelsewhere\n"
                    ),
                ),
                (
                    "the response is not complete",
                    &format!(
                        "{ASK}\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n~ 9s\nelsewhere\n"
                    ),
                ),
                (
                    "the response was not acknowledged",
                    &format!("{ASK}\n{OK} unseen\n~ 9s\nelsewhere\n"),
                ),
                (
                    "octets of the server are missing",
                    &format!("{ASK}\n{OK}\nhole server 1\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the client can take nothing",
                    &format!("{ASK}\n{OK}\nclient window 0\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a RST of the client ended it",
                    &format!("{ASK}\n{OK}\nclient RST\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a RST of the server ended it",
                    &format!("{ASK}\n{OK}\nserver RST\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the snap length cut the response",
                    &format!("{ASK}\nsnap 60\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n{ASK}\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{ASK}\n{OK}\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a tunnel began",
                    "> GET / | Connection: upgrade, close | Upgrade: x\n< 101 | Connection: upgrade\n~ 9s\nelsewhere\n",
                ),
                (
                    "CONNECT",
                    "> CONNECT a:1 | Connection: close\n< 200\n~ 9s\nelsewhere\n",
                ),
            ],
        );
    }
}
