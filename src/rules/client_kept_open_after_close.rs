//! `client-kept-open-after-close`: a close was in force, the server closed, and the client held on.

use super::duty::Duty;
use super::evidence::{certain, paired};
use super::{AtFault, Explanation, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange, Message};
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "client-kept-open-after-close",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Client),
    subject: Subject::Connection,
    needs: Traits::CLOSE.and(Traits::KEPT_OPEN),
    source: "RFC 9112 9.6",
    summary: "either side said close, the client had the response and the server's FIN, and did not close in time",
    explain: Explanation {
        checks: "A client that receives the close option must close the connection after reading that response, and \
                 one that sent it has no further use for the connection. The rule speaks where either side said \
                 close, the exchange was complete and acknowledged, the client acknowledged the server's FIN, and \
                 neither a FIN of the client nor a RST of either side came within the grace (--close-grace, 2 s) \
                 after that.",
        matters: "The client leaks a socket in CLOSE_WAIT, and the server holds one in FIN_WAIT_2: many of them \
                  use up descriptors and ports on either side.",
        silent: "Where nobody said close: a client may leave an idle connection that the server closed in its pool. \
                 Where the capture ends before the grace is over, where octets of the client are missing, where \
                 the FIN was not acknowledged, where either side's window was zero, and after an upgrade or \
                 CONNECT.",
        remedy: "Let the client read the response to its end and close it: an HTTP library returns the connection \
                 only then (close the response body in Go, `close()` or `with` around a response in Python's \
                 requests, EntityUtils.consume in Apache HttpClient). `ss -tn state close-wait` shows them.",
        fails: "> GET / | Connection: close\n< 200 | Connection: close | Content-Length: 2\nserver FIN\n~ 4s\nclient FIN\n",
        passes: "> GET / | Connection: close\n< 200 | Connection: close | Content-Length: 2\nserver FIN\n~ 1s\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, settings: &Settings, ruling: &mut Ruling) {
    let sides = &connection.facts.sides;
    let Some(fin) = sides.server.fin else { return };
    let Some(acked) = fin.acked else { return };
    // The first that somebody said: what follows it is nobody's business any more.
    let in_force = |exchange: &&Exchange| closing(exchange).is_some();
    let Some(exchange) = certain(connection).iter().find(in_force) else {
        return;
    };
    // That a response answers a request with close is certain only where the pairs are.
    let told = exchange
        .response
        .is_some_and(|response| response.message.says_close());
    if !told && paired(connection).is_empty() {
        return;
    }
    let (Some(duty), Some((who, said))) = (Duty::of_client(exchange, acked.at), closing(exchange))
    else {
        return;
    };
    // Who cannot take the response has not read it.
    let stalled = sides.client.zero_window;
    if stalled.is_some_and(|time| time >= said.start_at().time) {
        return;
    }
    let others = [said.start_at(), fin.at, acked.at];
    duty.enforce(&RULE, (connection, settings), ruling, &others, || {
        format!(
            "{who} said close in frame {}, the server closed in frame {}, the client acknowledged that in frame {}",
            said.start_at().frame,
            fin.at.frame,
            acked.at.frame
        )
    });
}

/// Who said close in an exchange first, and with which message.
fn closing(exchange: &Exchange) -> Option<(&'static str, &Message)> {
    let request = exchange.request.as_ref().map(|request| &request.message);
    let response = exchange.response.as_ref().map(|response| &response.message);
    [("the client", request), ("the server", response)]
        .into_iter()
        .filter_map(|(who, message)| Some((who, message?)))
        .find(|(_, message)| message.says_close())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const CLOSE: &str = "< 200 | Content-Length: 2 | Connection: close";

    #[test]
    fn it_speaks_where_the_client_stays() {
        speaks(
            &RULE,
            &[
                (
                    "the window had been zero before that exchange",
                    "> GET /a\n< 204\nclient window 0\n~ 1s\n> GET /b\n< 200 | Connection: close | Content-Length: 2\nserver FIN\n~ 4s\nclient FIN\n",
                ),
                (
                    "the server said close, the client never closes",
                    &format!("> GET /\n{CLOSE}\nserver FIN\n~ 3s\nelsewhere\n"),
                ),
                (
                    "only the client said close",
                    "> GET / | Connection: close\n< 204\nserver FIN\n~ 3s\nelsewhere\n",
                ),
                (
                    "a 408 while nothing was asked",
                    "> GET /\n< 204\n~ 5s\n< 408 | Connection: close | Content-Length: 0\nserver FIN\n~ 3s\nelsewhere\n",
                ),
                (
                    "the body ended with the FIN",
                    "> GET /\n< 200 | Connection: close\n< raw abc\nserver FIN\n~ 3s\nelsewhere\n",
                ),
                (
                    "the capture starts late, and has the whole exchange",
                    &format!("inside\n> GET /\n{CLOSE}\nserver FIN\n~ 3s\nelsewhere\n"),
                ),
                (
                    "the server closed late, the time runs from then",
                    &format!("> GET /\n{CLOSE}\n~ 9s\nserver FIN\n~ 3s\nclient FIN\n"),
                ),
            ],
        );
        assert_eq!(
            finding(&RULE, RULE.explain.fails),
            (
                6,
                vec![4, 8, 9, 10],
                "the client said close in frame 4, the server closed in frame 8, the client acknowledged that in \
                 frame 9, not closed within 2.000 s: closed in frame 10 after 4.000 s"
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
                    "nobody said close: the client may hold it half-closed",
                    "> GET /\n< 200 | Content-Length: 2\n~ 5s\nserver FIN\n~ 60s\nclient FIN\n",
                ),
                (
                    "HTTP/1.0 implied it, nobody said it",
                    "> GET / HTTP/1.0\n< 200 HTTP/1.0 | Content-Length: 2\nserver FIN\n~ 60s\nclient FIN\n",
                ),
                (
                    "the server did not close",
                    &format!("> GET /\n{CLOSE}\n~ 60s\nclient FIN\n"),
                ),
                (
                    "the time runs from the server's close",
                    &format!("> GET /\n{CLOSE}\n~ 9s\nserver FIN\n~ 1s\nclient FIN\n"),
                ),
                (
                    "the client had closed first",
                    &format!("> GET /\n{CLOSE}\nclient FIN\nserver FIN\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a RST of the client",
                    &format!("> GET /\n{CLOSE}\nserver FIN\nclient RST\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a RST of the server",
                    &format!("> GET /\n{CLOSE}\nserver FIN\n~ 1s\nserver RST\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a close in an interim response counts for nothing",
                    "> GET /\n< raw HTTP/1.1 103 A\\r\\nConnection: close\\r\\n\\r\\n\n< 204\nserver FIN\n~ 9s\nelsewhere\n",
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
                    "octets before it are no message",
                    "> GET /a\n> GET /b\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 1\\r\\n\\r\\nx<pre>\\r\\nHTTP/1.1 200 A\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n\nserver FIN\n~ 4s\nclient FIN\n",
                ),
                (
                    "the capture ends inside the grace",
                    &format!("> GET /\n{CLOSE}\nserver FIN\n~ 2s\nelsewhere\n"),
                ),
                (
                    "the client did not acknowledge the FIN",
                    &format!("> GET /\n{CLOSE}\nserver FIN unseen\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the response is not complete",
                    "> GET /\n< raw HTTP/1.1 200 A\\r\\nConnection: close\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nserver FIN\n~ 9s\nelsewhere\n",
                ),
                (
                    "the request is not complete",
                    &format!(
                        "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n{CLOSE}\nserver FIN\n~ 9s\nelsewhere\n"
                    ),
                ),
                (
                    "the capture starts late: the response may answer another request",
                    "inside\n> GET / | Connection: close\n< 204\nserver FIN\n~ 9s\nelsewhere\n",
                ),
                (
                    "octets of the client are missing",
                    &format!("> GET /\n{CLOSE}\nserver FIN\nhole client 1\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the server can take nothing",
                    &format!("> GET /\n{CLOSE}\nserver window 0\nserver FIN\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the client takes nothing: it has not read the response",
                    &format!("> GET /\n{CLOSE}\nclient window 0\nserver FIN\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the snap length cut the response",
                    &format!("> GET /\nsnap 60\n{CLOSE}\nserver FIN\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the client's side was not captured",
                    &format!("only server\n> GET /\n{CLOSE}\nserver FIN\n~ 9s\nelsewhere\n"),
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n> GET /\n{CLOSE}\nserver FIN\n~ 9s\nelsewhere\n"),
                ),
                (
                    "a tunnel began",
                    "> GET / | Connection: upgrade, close | Upgrade: x\n< 101 | Connection: upgrade, close\nserver FIN\n~ 9s\nelsewhere\n",
                ),
                (
                    "CONNECT",
                    "> CONNECT a:1 | Connection: close\n< 200 | Connection: close\nserver FIN\n~ 9s\nelsewhere\n",
                ),
            ],
        );
    }
}
