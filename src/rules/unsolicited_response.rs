//! `unsolicited-response`: a server sent something that nobody had asked for.

use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Exchange, Response};
use crate::http::{Place, Says};
use crate::tcp::{FIRST_OCTET, Peer};
use crate::time::At;

pub(super) static RULE: Rule = Rule {
    name: "unsolicited-response",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    needs: Traits::UNCALLED,
    source: "RFC 9112 9.2",
    summary: "the server sent bytes while no request was outstanding",
    explain: Explanation {
        checks: "Responses are told apart by nothing but their order: what a server sends while nobody waits for it \
                 belongs to no request. The rule speaks where the server sent a response, an interim response or \
                 octets that are no message, and the packet that carried them acknowledged no request but such as \
                 were complete and had been answered in full.",
        matters: "A client that does not close the connection may take it for the response to its next request, and \
                  all that follow for those to the wrong ones: users see the pages of others.",
        silent: "On empty lines, and on a 408 that says close or implies it, which a server may send to an idle \
                 client; where a request, or the beginning of one, was outstanding by what the packet acknowledged; \
                 where what came before the first response is no HTTP; where the capture starts inside the \
                 connection; where octets are missing or cannot be read; and after an upgrade or CONNECT.",
        remedy: "Look for a response with a body that must have none (to HEAD, 204, 304), for a Content-Length that \
                 is smaller than what is written, often in octets of the uncompressed body or in characters, and \
                 for a handler that answers twice. HAProxy answers a client that leaves without a request with 400, \
                 unless `option http-ignore-probes` is set.",
        fails: "> GET /a\n< raw HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nabc\n~ 5s\nserver FIN\nclient FIN\n",
        passes: "> GET /a\n< 200 | Content-Length: 2\n~ 5s\n< 408 | Content-Length: 0 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

/// Something of the server that answers no request.
struct Uncalled {
    place: Place,
    what: String,
}

fn find(connection: &Connection) -> Option<Finding> {
    // Octets that are no request may have been answered, too; of others the acknowledgements tell.
    let asked_at_all = connection.tally.requests > 0 || connection.facts.sides.client.octets == 0;
    let understood_all = connection.unreadable.client.is_none() && asked_at_all;
    if !understood_all || !connection.facts.handshake.is_complete() {
        return None;
    }
    let understood = connection.lost.server.map_or(u64::MAX, |lost| lost.offset);
    let Uncalled { place, what } = uncalled(connection)
        .filter(|uncalled| uncalled.place.offset <= understood)
        .filter(|uncalled| !is_outstanding(connection, uncalled.place))
        .min_by_key(|uncalled| uncalled.place.offset)?;
    let answered = answered_last(connection, place);
    let before = match answered {
        Some(at) => format!("the last response had ended in frame {}", at.frame),
        None => "nothing had been answered yet".to_owned(),
    };
    let at = place.stamp.at;
    Some(Finding::new(
        &RULE,
        Some(Peer::Server),
        at,
        answered,
        format!(
            "the server sent {what} in frame {} while no request was outstanding: {before}",
            at.frame
        ),
    ))
}

/// All that the server sent and that was not taken for the answer to a request.
fn uncalled(connection: &Connection) -> impl Iterator<Item = Uncalled> {
    let responses = connection.exchanges.iter().filter_map(|exchange| {
        let response = exchange.response.filter(|_| exchange.request.is_none())?;
        (!is_farewell(&response)).then(|| Uncalled {
            place: response.message.start,
            what: format!("a response ({})", response.status),
        })
    });
    let interim = connection.interims.uncalled.map(|interim| Uncalled {
        place: interim.start,
        what: format!("an interim response ({})", interim.status),
    });
    // What comes before the first response may be of another protocol.
    let speaks_http = |place: &Place| {
        let mut responses = connection
            .exchanges
            .iter()
            .filter_map(|exchange| exchange.response);
        responses.any(|response| response.message.start.offset < place.offset)
    };
    let stray = connection.unreadable.server.filter(speaks_http);
    let stray = stray.map(|place| Uncalled {
        place,
        what: "octets that are no response".to_owned(),
    });
    responses.chain(interim).chain(stray)
}

/// A 408 that ends the connection; also one whose head is not complete, and may say so.
fn is_farewell(response: &Response) -> bool {
    response.status == 408 && !response.message.says().is_some_and(Says::persists)
}

/// Whether the server may have been answering something at this place: it had acknowledged octets that do not belong
/// to complete requests which were answered in full by then, or what it had acknowledged is not certain.
fn is_outstanding(connection: &Connection, place: Place) -> bool {
    let Some(ack) = place.stamp.ack() else {
        return true;
    };
    let answered = |exchange: &Exchange| {
        let asked = exchange.request.as_ref()?.message.end?;
        let answered = exchange.response?.message.end?;
        (answered.offset <= place.offset).then_some(asked.offset)
    };
    let asked_until = connection.exchanges.iter().filter_map(answered).max();
    let fin = connection.facts.sides.client.fin;
    let closed = fin.is_some_and(|fin| fin.offset < ack);
    ack - u64::from(closed) != asked_until.unwrap_or(FIRST_OCTET) || is_unheard(connection, place)
}

/// Whether a request that was captured before this place was never acknowledged: then the numbers tell nothing.
fn is_unheard(connection: &Connection, place: Place) -> bool {
    let mut requests = connection
        .exchanges
        .iter()
        .filter_map(|exchange| exchange.request.as_ref());
    requests.any(|request| {
        let acked = request.message.end.is_some_and(|end| end.acked.is_some());
        !acked && request.message.start_at().frame < place.stamp.at.frame
    })
}

/// The end of the last response before this place that answered a request.
fn answered_last(connection: &Connection, place: Place) -> Option<At> {
    let ends = connection.exchanges.iter().filter_map(|exchange| {
        exchange.request.as_ref()?;
        exchange.response?.message.end
    });
    let before = ends.filter(|end| end.offset <= place.offset);
    before.max_by_key(|end| end.offset)?.at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    const OK: &str = "> GET /a\n< 200 | Content-Length: 2";

    #[test]
    fn it_speaks_of_what_nobody_asked_for() {
        speaks(
            &RULE,
            &[
                (
                    "before anything was asked, and nothing is",
                    "< 503 | Content-Length: 0 | Connection: close\nserver FIN\nclient FIN\n",
                ),
                (
                    "another request came later, and nobody acknowledged it",
                    "> GET /a\n< 200 | Content-Length: 2\n< 200 | Content-Length: 2\n> GET /b unseen\n",
                ),
                (
                    "a second response",
                    &format!("{OK}\n< 200 | Content-Length: 2\n"),
                ),
                (
                    "the same in one packet",
                    "> GET /a\n< raw HTTP/1.1 204 A\\r\\n\\r\\nHTTP/1.1 204 A\\r\\n\\r\\n\n",
                ),
                (
                    "before the first request",
                    "< 503 | Content-Length: 0 | Connection: close\n> GET /a\n",
                ),
                (
                    "an interim response",
                    &format!("{OK}\n< 103\n> GET /b\n< 204\n"),
                ),
                ("a body to HEAD", "> HEAD /a\n< 200 | Content-Length: 2\n"),
                ("a body to 304", "> GET /a\n< 304\n< raw <html>\\r\\n\n"),
                (
                    "a 408 that would go on",
                    &format!("{OK}\n~ 5s\n< 408 | Content-Length: 0\n"),
                ),
                (
                    "it crossed the next request",
                    &format!("{OK}\n< 200 | Content-Length: 2 unseen\n> GET /b\n< 204\n"),
                ),
                (
                    "behind the client's FIN",
                    &format!("{OK}\nclient FIN\n< 200 | Content-Length: 2\n"),
                ),
            ],
        );
        let (at, others, message) = finding(&RULE, &format!("{OK}\n< 503\n"));
        assert_eq!((at, others), (8, vec![6]));
        let crossed = format!("{OK}\n< 503 | Content-Length: 0 unseen\n> GET /b\n< 204\n");
        assert_eq!(finding(&RULE, &crossed).1, [6]);
        assert_eq!(
            message,
            "the server sent a response (503) in frame 8 while no request was outstanding: the last response had \
             ended in frame 6"
        );
    }

    #[test]
    fn it_is_silent_where_something_was_asked() {
        is_silent(
            &RULE,
            &[
                (
                    "two requests, two responses",
                    &format!("> GET /a\n{OK}\n< 204\n"),
                ),
                (
                    "the response began before the request's end",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n< 413 | Content-Length: 2\n> raw defghi\n",
                ),
                (
                    "a second one before the request's end",
                    "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n< 413 | Content-Length: 2\n< 400 | Content-Length: 2\n> raw defghi\n",
                ),
                (
                    "the beginning of a request",
                    &format!("{OK}\n> raw GET /b HT\n< 400 | Content-Length: 0\n"),
                ),
                (
                    "octets that are no request",
                    &format!("{OK}\n> raw \\x16\\x03\\x01\n< 400 | Content-Length: 0\n"),
                ),
                (
                    "no request at all",
                    "> raw \\x16\\x03\\x01\\x00\\r\\n\n< 400 | Content-Length: 0 | Connection: close\n",
                ),
                (
                    "an answer that is no HTTP",
                    &format!("{OK}\n> GET /b\n< raw ICY 200 OK\\r\\n\\r\\n\n"),
                ),
                (
                    "nobody acknowledges anything, as in captures that were made up",
                    "> GET /a unseen\n< 200 | Content-Length: 2 unseen\nlost\n",
                ),
                (
                    "an interim response to a request",
                    "> POST /a | Content-Length: 2\n< 100\n< 204\n",
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
                    "the client speaks another protocol, and nobody acknowledges it",
                    "> raw \\x16\\x03\\x01\\x00\\x02ab unseen\n< 400 | Content-Length: 0 unseen\nlost\n",
                ),
                (
                    "behind octets that are no message",
                    "> GET /a\n< 200 | Content-Length: 2\n> GET /b\n< raw <pre>\\r\\n\n< 204\n< 204\n",
                ),
                (
                    "octets ahead of an answer",
                    "> GET /a\n< 200 | Content-Length: 2\n> GET /b\n< raw <pre>\\r\\n\n< 204\n",
                ),
                (
                    "what was answered may have been no request",
                    "> raw <pre>\\r\\n\n> GET /b\n< 400 | Content-Length: 0\n< 204\n",
                ),
                (
                    "a 408 that says close",
                    &format!("{OK}\n~ 5s\n< 408 | Connection: close | Content-Length: 0\n"),
                ),
                (
                    "a 408 in HTTP/1.0",
                    &format!("{OK}\n~ 5s\n< 408 HTTP/1.0\nserver FIN\n"),
                ),
                (
                    "a 408 that may say close",
                    &format!("{OK}\n~ 5s\n< raw HTTP/1.1 408 A\\r\\nConn\n"),
                ),
                (
                    "empty lines",
                    &format!("{OK}\n< raw \\r\\n\\r\\n\n> GET /b\n< 204\n"),
                ),
                (
                    "a greeting of another protocol",
                    "< raw 220 hello\\r\\n\n> GET /a\n< 204\n",
                ),
                ("nothing was sent", &format!("{OK}\n~ 5s\n")),
                (
                    "the capture starts inside",
                    &format!("inside\n{OK}\n< 204\n"),
                ),
                (
                    "octets of the client are missing",
                    &format!("{OK}\nhole client 40\n~ 2s\n< 204\n"),
                ),
                (
                    "octets of the server are missing",
                    &format!("{OK}\nhole server 40\n~ 2s\n< 204\n"),
                ),
                (
                    "the end of a response cannot be told",
                    "> GET /a\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 1, 2\\r\\n\\r\\nab\nserver FIN\n",
                ),
                (
                    "the snap length cut the second request",
                    &format!("{OK}\nsnap 60\n> GET /b\nsnap 999\n< 204\n"),
                ),
                (
                    "the snap length cut the first response",
                    "> GET /a\nsnap 80\n< 200 | Content-Length: 60\nsnap 999\n< 204\n",
                ),
                (
                    "the client's side was not captured",
                    "only server\n> GET /a\n< 204\n< 204\n",
                ),
                (
                    "the server's side was not captured",
                    &format!("only client\n{OK}\n< 204\n"),
                ),
                (
                    "a tunnel began",
                    "> GET / | Connection: upgrade | Upgrade: x\n< 101 | Connection: upgrade\n< 204\n",
                ),
                (
                    "a tunnel by CONNECT",
                    "> CONNECT a:1\n< 200\n< raw hello\\r\\n\n",
                ),
            ],
        );
    }
}
