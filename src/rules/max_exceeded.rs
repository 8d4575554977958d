//! `max-exceeded`: more requests than the advertised max allows.

use super::evidence::{all_kept, paired};
use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, Message};
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "max-exceeded",
    level: Level::Note,
    at_fault: AtFault::Side(Peer::Client),
    subject: Subject::Connection,
    needs: Traits::KEEP_ALIVE.and(Traits::SEVERAL),
    source: "RFC 2068 19.7.1",
    summary: "the client sent more requests than the advertised max allows",
    explain: Explanation {
        checks: "Two meanings of max are in use. Where it falls by one from response to response it is what is left \
                 after this response (Apache: behind max=1 one more is served); where it stays the same it is the \
                 total (Node). The rule speaks of the first request beyond that, sent by a client that had \
                 acknowledged two responses with max.",
        matters: "A request too many is not answered, or answered with 503.",
        silent: "Until two responses carried max; where max neither stays nor falls by one for each response, and \
                 where it is 0; where the capture does not have the connection from its beginning or octets before \
                 the request are missing; and after an upgrade or CONNECT.",
        remedy: "Raise the bound (`MaxKeepAliveRequests` in Apache, `keepalive_requests` in nginx, \
                 `server.maxRequestsPerSocket` in Node), or let the client open a new connection in time, as \
                 `max_requests_per_connection` of Envoy does.",
        fails: "> GET /a\n< 204 | Connection: keep-alive | Keep-Alive: max=2\n> GET /b\n< 204 | Connection: keep-alive | Keep-Alive: max=2\n> GET /c\n< 204\n~ 5s\nserver FIN\nclient FIN\n",
        passes: "> GET /a\n< 204 | Connection: keep-alive | Keep-Alive: max=2\n> GET /b\n< 204 | Connection: keep-alive | Keep-Alive: max=1\n> GET /c\n< 204\n~ 5s\nserver FIN\nclient FIN\n",
    },
    check,
};

/// What a response advertised.
#[derive(Clone, Copy)]
struct Advertised<'a> {
    /// How many requests there were by then, the one that it answers included.
    number: u64,
    max: u64,
    response: &'a Message,
    head_end: u64,
}

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    if all_kept(connection) {
        ruling.found_if(exceeded(connection));
    }
}

fn exceeded(connection: &Connection) -> Option<Finding> {
    let mut first: Option<Advertised<'_>> = None;
    let mut second: Option<Advertised<'_>> = None;
    for (number, exchange) in (1..).zip(paired(connection)) {
        let request = &exchange.request.as_ref()?.message;
        if let (Some(first), Some(second)) = (first, second) {
            let allowed = allowed(first, second)?;
            let knew = request.start.stamp.ack()? >= second.head_end;
            if number > allowed && knew {
                let at = request.start_at();
                let (one, two) = (first.response.start_at(), second.response.start_at());
                let message = format!(
                    "max={} in frame {} and max={} in frame {} allow {allowed} requests, the one in frame {} is \
                     number {number}",
                    first.max, one.frame, second.max, two.frame, at.frame
                );
                return Some(Finding::new(
                    &RULE,
                    Some(Peer::Client),
                    at,
                    [one, two],
                    message,
                ));
            }
        }
        let Some(response) = &exchange.response else {
            continue;
        };
        if let Some(advertised) = advertised(number, &response.message) {
            match (first, second) {
                (None, _) => first = Some(advertised),
                (Some(_), None) => second = Some(advertised),
                (Some(first), Some(second)) => {
                    // Another reading than that of the first two.
                    if allowed(first, second) != allowed(first, advertised) {
                        return None;
                    }
                }
            }
        }
    }
    None
}

fn advertised(number: u64, response: &Message) -> Option<Advertised<'_>> {
    Some(Advertised {
        number,
        max: u64::from(response.keep_alive()?.max?),
        response,
        head_end: response.head?.end,
    })
}

/// How many requests two responses allow, read together.
fn allowed(first: Advertised<'_>, later: Advertised<'_>) -> Option<u64> {
    if first.max == later.max {
        return (first.max > 0).then_some(first.max);
    }
    let left = first.number + first.max;
    (left == later.number + later.max).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{finding, is_silent, speaks};

    fn with(max: &[u32]) -> String {
        let exchange = |max: &u32| {
            format!("> GET /\n< 204 | Connection: keep-alive | Keep-Alive: max={max}\n")
        };
        max.iter().map(exchange).collect()
    }

    #[test]
    fn it_speaks_in_either_meaning() {
        speaks(
            &RULE,
            &[
                (
                    "what is left",
                    &format!("{}> GET /\n< 204\n> GET /\n< 204\n", with(&[2, 1])),
                ),
                (
                    "the total",
                    &format!("{}> GET /\n< 503\n", with(&[3, 3, 3])),
                ),
            ],
        );
        let (frame, frames, message) = finding(
            &RULE,
            &format!("{}> GET /\n< 204\n> GET /\n", with(&[2, 1])),
        );
        assert_eq!((frame, frames), (16, vec![6, 10]));
        assert_eq!(
            message,
            "max=2 in frame 6 and max=1 in frame 10 allow 3 requests, the one in frame 16 is number 4"
        );
    }

    #[test]
    fn it_is_silent_where_another_reading_is_left() {
        is_silent(
            &RULE,
            &[
                (
                    "behind max=1 one more is served",
                    &format!("{}> GET /\n< 204\n", with(&[3, 2, 1])),
                ),
                (
                    "one max has two meanings",
                    &format!("{}> GET /\n< 204\n> GET /\n< 204\n", with(&[1])),
                ),
                ("the total is used up", &with(&[3, 3, 3])),
                ("it rises", &format!("{}> GET /\n< 204\n", with(&[1, 2, 3]))),
                (
                    "it falls and then stays",
                    &format!("{}> GET /\n< 204\n", with(&[3, 2, 2, 2, 2])),
                ),
                (
                    "0 may mean that there is no bound",
                    &format!("{}> GET /\n< 204\n", with(&[0, 0])),
                ),
                (
                    "Connection does not list it",
                    "> GET /\n< 204 | Keep-Alive: max=1\n> GET /\n< 204 | Keep-Alive: max=1\n> GET /\n< 204\n",
                ),
                (
                    "they were sent before the client knew",
                    "> GET /a\n> GET /b\n> GET /c\n< 204 | Connection: keep-alive | Keep-Alive: max=2\n< 204 | Connection: keep-alive | Keep-Alive: max=2\n< 204\n",
                ),
                (
                    "the capture begins later",
                    &format!("inside\n{}> GET /\n< 204\n", with(&[2, 2])),
                ),
                (
                    "behind a hole",
                    &format!("{}hole client 40\n> GET /\n< 204\n", with(&[2, 2])),
                ),
            ],
        );
    }
}
