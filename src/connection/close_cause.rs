//! Why a connection was closed, as far as its messages and the moment of the close tell.

use serde::{Deserialize, Serialize};

use super::brief::{Asked, Brief};
use super::{Connection, Exchange, Traits, is_beyond_close};
use crate::tcp::{Close, CloseKind, Peer};
use crate::time::{At, Span};

/// A close by the server that follows a message no later than this was decided on with it; a later one was made by a
/// timer.
pub(crate) const AT_ONCE: Span = Span::from_millis(100);

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CloseCause {
    /// It had become something else, by a 101 or a 2xx to CONNECT.
    Upgraded,
    /// In the middle of an exchange.
    Aborted,
    /// The advertised number of requests was used up.
    MaxRequests,
    /// A message had said so, or was HTTP/1.0 without keep-alive.
    Announced,
    /// The client had no further use for it.
    IdleClient,
    /// The server's patience was over.
    IdleTimeout,
}

impl CloseCause {
    /// `upgraded`, `aborted`, `max-requests`, `announced`, `idle-client` or `idle-timeout`.
    pub fn name(self) -> &'static str {
        match self {
            CloseCause::Upgraded => "upgraded",
            CloseCause::Aborted => "aborted",
            CloseCause::MaxRequests => "max-requests",
            CloseCause::Announced => "announced",
            CloseCause::IdleClient => "idle-client",
            CloseCause::IdleTimeout => "idle-timeout",
        }
    }
}

impl Connection {
    /// Why it was closed: the first cause that holds, or `None` while it is open or where nothing tells.
    pub fn close_cause(&self) -> Option<CloseCause> {
        let close = self.facts.close?;
        if self.tunnel.is_some() {
            return Some(CloseCause::Upgraded);
        }
        if self.is_cut_short_by(close) {
            // What seems to be missing of an exchange may lie in a hole.
            return (self.missing() == 0).then_some(CloseCause::Aborted);
        }
        if self.max_is_used_up() {
            return Some(CloseCause::MaxRequests);
        }
        if self.is_announced() {
            return Some(CloseCause::Announced);
        }
        match close.by {
            Peer::Client => self.idle_last.map(|_| CloseCause::IdleClient),
            Peer::Server => (self.idle_last? > AT_ONCE).then_some(CloseCause::IdleTimeout),
        }
    }

    /// Whether the close ended an exchange, or came before a response that was never completed.
    fn is_cut_short_by(&self, close: Close) -> bool {
        let all_complete = self.tally.complete == self.tally.requests;
        if all_complete && close.kind == CloseKind::Fin {
            return false;
        }
        let mut due = self.exchanges.briefs().take(self.due_an_answer());
        due.any(|exchange| self.cuts_short(close, &exchange))
    }

    /// How many of the exchanges were due an answer: who asks behind a response with close gets none, and nothing is cut
    /// short by that.
    fn due_an_answer(&self) -> usize {
        let all = self.exchanges.len();
        if !self.exchanges.traits().contain(Traits::CLOSE) {
            return all;
        }
        let says_close = |exchange: &Exchange| {
            let response = exchange.response.as_ref();
            response.is_some_and(|response| response.message.says_close())
        };
        let first = self.exchanges.iter().position(says_close);
        first.map_or(all, |first| first + 1)
    }

    fn cuts_short(&self, close: Close, exchange: &Brief) -> bool {
        let Some(Asked { start, .. }) = exchange.asked else {
            return false;
        };
        if is_beyond_close(&self.facts, start) {
            return false;
        }
        let ended_before = |end: At| end.frame < close.at.frame;
        match close.kind {
            // What comes before a FIN in sequence may be captured behind it, and the other direction stays open.
            CloseKind::Fin => !exchange.is_complete,
            CloseKind::Rst => {
                start.stamp.at.frame < close.at.frame
                    && (!exchange.is_complete || !exchange.end().is_none_or(ended_before))
            }
        }
    }

    /// Whether the advertised `max` allows no further request. A single one is read as what is left, which is used up
    /// later.
    fn max_is_used_up(&self) -> bool {
        let (left, of_total) = self.allowed_by_max();
        left.or(of_total) == Some(0)
    }

    /// Whether it allows none in one of its meanings, where nothing tells which is meant.
    pub(crate) fn max_may_be_used_up(&self) -> bool {
        let (left, of_total) = self.allowed_by_max();
        left == Some(0) || of_total == Some(0)
    }

    /// How many further requests the advertised `max` allows, in each of the meanings that it can have here.
    ///
    /// Two are in use: a `max` that falls from response to response is what is left after this response (Apache), one
    /// that stays the same is the total (Node).
    fn allowed_by_max(&self) -> (Option<u64>, Option<u64>) {
        if self.tally.max.is_none() {
            return (None, None);
        }
        let advertised = |(exchange, behind): (Exchange, u64)| {
            let keep_alive = exchange.response.as_ref()?.message.keep_alive()?;
            Some((behind, u64::from(keep_alive.max?)))
        };
        let exchanges = self.exchanges.latest_first().zip(0..);
        let mut latest = exchanges.filter_map(advertised);
        let Some((behind, max)) = latest.next() else {
            return (None, None);
        };
        let left = max.saturating_sub(behind);
        let of_total = max.saturating_sub(self.tally.requests);
        match latest.next() {
            Some((_, before)) if before <= max => (None, Some(of_total)),
            Some(_) => (Some(left), None),
            None => (Some(left), Some(of_total)),
        }
    }

    fn is_announced(&self) -> bool {
        self.exchanges.traits().contain(Traits::ANNOUNCED)
    }
}

#[cfg(test)]
mod tests {
    use super::CloseCause::{self, *};
    use crate::script::play;

    #[track_caller]
    fn cause(script: &str, expected: impl Into<Option<CloseCause>>) {
        assert_eq!(
            play(script).connection.close_cause(),
            expected.into(),
            "{script}"
        );
    }

    const EXCHANGE: &str = "> GET /a\n< 200 | Content-Length: 2\n";

    #[test]
    fn an_open_connection_has_none_and_neither_has_what_carried_no_http() {
        cause(EXCHANGE, None);
        cause("> raw SSH-2.0-x\\r\\n\n~ 1s\nserver FIN\n", None);
    }

    #[test]
    fn idle_closes_go_by_who_closed() {
        cause(&format!("{EXCHANGE}~ 5s\nserver FIN\n"), IdleTimeout);
        cause(&format!("{EXCHANGE}~ 5s\nserver RST\n"), IdleTimeout);
        cause(&format!("{EXCHANGE}client FIN\n"), IdleClient);
        cause(&format!("{EXCHANGE}~ 100ms\nserver FIN\n"), None);
        // Within 100 ms of the response no timer can have fired, and nothing else tells why.
        cause(&format!("{EXCHANGE}server FIN\n"), None);
    }

    #[test]
    fn what_was_announced_is_not_idleness() {
        cause(
            "> GET /\n< 200 | Content-Length: 2 | Connection: close\n~ 5s\nserver FIN\n",
            Announced,
        );
        cause(
            "> GET / | Connection: close\n< 200 | Content-Length: 2\nclient FIN\n",
            Announced,
        );
        cause(
            "> GET / HTTP/1.0\n< 200 HTTP/1.0 | Content-Length: 2\nserver FIN\n",
            Announced,
        );
    }

    #[test]
    fn inside_an_exchange_it_was_aborted() {
        cause("> GET /\nserver FIN\n", Aborted);
        cause(&format!("{EXCHANGE}> GET /b\nserver FIN\n"), Aborted);
        // A RST before anything was asked may be forged.
        cause(
            "client RST\n> GET /\n< 200 | Content-Length: 2 | Connection: close unseen\nserver FIN unseen\n",
            Announced,
        );
        // What was under way arrives behind the RST.
        cause(
            "> GET /\n< raw HTTP/1.1 200 X\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nclient RST\n< raw defghi unseen\n",
            Aborted,
        );
        cause(
            "> GET /\n< raw HTTP/1.1 200 X\\r\\nContent-Length: 9\\r\\n\\r\\nabc\nserver RST\n",
            Aborted,
        );
        cause("> GET /\nclient FIN\nserver FIN\n", Aborted);
        // A client may close its direction and still get its response: that is no abort, and not idle either.
        cause(
            "> GET /\nclient FIN\n< 200 | Content-Length: 2\nserver FIN\n",
            None,
        );
        // A body delimited by the close ends with it.
        cause("> GET /\n< 200\n< raw body\nserver FIN\n", None);
    }

    #[test]
    fn a_request_that_crossed_the_close_does_not_make_it_an_abort() {
        cause(
            &format!("{EXCHANGE}~ 5s\nserver FIN unseen\n> GET /b\n"),
            IdleTimeout,
        );
    }

    #[test]
    fn both_meanings_of_max() {
        let keep_alive = |max: u32| {
            format!(
                "> GET /\n< 200 | Content-Length: 0 | Connection: keep-alive | Keep-Alive: max={max}\n"
            )
        };
        // It falls: what is left. After max=1 one more is served, without the field.
        let falling = format!("{}{}{EXCHANGE}server FIN\n", keep_alive(2), keep_alive(1));
        cause(&falling, MaxRequests);
        // It stays: the total.
        let staying = format!("{}{}server FIN\n", keep_alive(2), keep_alive(2));
        cause(&staying, MaxRequests);
        cause(
            &format!("{}{}~ 5s\nserver FIN\n", keep_alive(9), keep_alive(9)),
            IdleTimeout,
        );
    }

    #[test]
    fn behind_an_upgrade_it_was_upgraded() {
        cause(
            "> GET / | Connection: upgrade | Upgrade: x\n< 101 | Connection: upgrade\n~ 1s\nserver FIN\n",
            Upgraded,
        );
    }
}
