//! What is seen on a connection at a glance.
//!
//! In: the exchanges of a connection, and what else there is to it. Out: its [`Traits`]. Most connections are plain, and
//! most [rules](crate::rules) have nothing to look at on them: each says which traits it
//! [`needs`](crate::rules::Rule::needs), and is not asked about a connection without them.

use super::Connection;
use super::exchange::{Exchange, Message};
use crate::http::{Framing, Method, Options, Syntax, Version, says};
use crate::tcp::Peer;

/// A set of traits. Those that few connections show come last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u32);

impl Traits {
    /// Nothing in particular.
    pub const NONE: Traits = Traits(0);
    /// There is more than one exchange.
    pub const SEVERAL: Traits = Traits(1);
    /// There is but one.
    pub const SINGLE: Traits = Traits(1 << 1);
    /// All messages left the connection persistent.
    pub const PERSISTENT: Traits = Traits(1 << 2);
    /// A request or final response says close.
    pub const CLOSE: Traits = Traits(1 << 3);
    /// The server closed first.
    pub const SERVER_CLOSED: Traits = Traits(1 << 4);
    /// A message has a Keep-Alive field.
    pub const KEEP_ALIVE: Traits = Traits(1 << 5);
    /// A request or final response is HTTP/1.0.
    pub const HTTP10: Traits = Traits(1 << 6);
    /// Somebody sent a RST.
    pub const RST: Traits = Traits(1 << 7);
    /// A request got no final response.
    pub const UNANSWERED: Traits = Traits(1 << 8);
    /// A message has no end.
    pub const INCOMPLETE: Traits = Traits(1 << 9);
    /// A body ends with the connection.
    pub const UNTIL_CLOSE: Traits = Traits(1 << 10);
    /// A request says close, and its response, where there is one, does not.
    pub const CLOSE_NOT_ECHOED: Traits = Traits(1 << 11);
    /// The first final response says close, and its request, where there is one, does not.
    pub const REFUSED: Traits = Traits(1 << 12);
    /// An exchange, or a response of one, may come behind a message that says close.
    pub const BEHIND_CLOSE: Traits = Traits(1 << 13);
    /// A request came behind one with a method that is not known to be idempotent, ahead of the response to that.
    pub const BEHIND_UNSAFE: Traits = Traits(1 << 14);
    /// A message ended persistence or is framed badly, and a side may have taken too long to close behind it.
    pub const KEPT_OPEN: Traits = Traits(1 << 15);
    /// A response that may have no body (an interim one, 101, 204, or one to CONNECT) has a field that frames one.
    pub const FRAMED_BODILESS: Traits = Traits(1 << 16);
    /// The server sent something that answers no request.
    pub const UNCALLED: Traits = Traits(1 << 17);
    /// A message says both close and keep-alive.
    pub const BOTH_OPTIONS: Traits = Traits(1 << 18);
    /// A message has fields that cannot both frame it, or make no sense.
    pub const BAD_FRAMING: Traits = Traits(1 << 19);
    /// A message has a Keep-Alive field that its Connection field does not name.
    pub const NOT_NOMINATED: Traits = Traits(1 << 20);
    /// A message has a Keep-Alive field of which not all parses.
    pub const MALFORMED_KEEP_ALIVE: Traits = Traits(1 << 21);
    /// A message did not leave the connection persistent, or its head is not complete.
    pub(crate) const ENDING: Traits = Traits(1 << 22);
    /// A complete head of a message did not leave it persistent.
    pub(super) const ANNOUNCED: Traits = Traits(1 << 23);

    /// How many there are.
    pub(crate) const COUNT: usize = 24;

    /// These and those.
    pub const fn and(self, others: Traits) -> Traits {
        Traits(self.0 | others.0)
    }

    /// Whether all of `others` are among these.
    pub const fn contain(self, others: Traits) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether any of `others` is among these.
    pub(super) const fn touch(self, others: Traits) -> bool {
        self.0 & others.0 != 0
    }

    /// The number of the last of these, from 0.
    pub(crate) const fn last(self) -> Option<u32> {
        self.0.checked_ilog2()
    }

    /// The numbers of these.
    pub(crate) fn numbers(self) -> impl Iterator<Item = usize> {
        ones(self.0.into())
    }

    /// Those of an exchange. Whether it is the first is not asked.
    pub(super) fn of(exchange: &Exchange) -> Self {
        let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
        let asked = request.map_or(Traits::UNCALLED, |it| Traits::of_message(&it.message));
        let told = response.map_or(Traits::UNANSWERED, |it| Traits::of_message(&it.message));
        let connects = request.is_some_and(|request| request.method == Method::Connect);
        let framed = response.is_some_and(|response| {
            let head = response.message.head.as_ref();
            let bodiless = connects || matches!(response.status, 101 | 204);
            bodiless && head.is_some_and(|head| head.head.body.is_framed())
        });
        Traits::of_pair(asked, told).and(Traits::FRAMED_BODILESS.given(framed))
    }

    /// Those of an exchange whose request shows this, and its response that.
    #[inline(always)]
    pub(super) fn of_pair(asked: Traits, told: Traits) -> Self {
        let (asks_close, says_close) = (asked.contain(Traits::CLOSE), told.contain(Traits::CLOSE));
        asked
            .and(told)
            .and(Traits::CLOSE_NOT_ECHOED.given(asks_close & !says_close))
            .and(Traits::REFUSED.given(says_close & !asks_close))
    }

    fn of_message(message: &Message) -> Self {
        let incomplete = Traits::INCOMPLETE.given(message.end.is_none());
        let Some(head) = &message.head else {
            let start = Traits::of_start(message.version, Options::default(), false);
            return start.and(incomplete);
        };
        let (framing, head) = (head.framing, &head.head);
        let start = Traits::of_start(message.version, head.options, true);
        let field = head.keep_alive.map_or(Traits::NONE, |field| {
            Traits::KEEP_ALIVE
                .and(Traits::NOT_NOMINATED.given(!head.options.keep_alive))
                .and(Traits::MALFORMED_KEEP_ALIVE.given(field.syntax == Syntax::Malformed))
        });
        start
            .and(incomplete)
            .and(Traits::BAD_FRAMING.given(head.body.defect().is_some()))
            .and(Traits::UNTIL_CLOSE.given(framing == Framing::Close))
            .and(field)
    }

    /// Those that a message shows by its version and options, where its head is complete, or by its version.
    pub(super) const fn of_start(version: Version, options: Options, is_headed: bool) -> Self {
        let http10 = Traits::HTTP10.given(matches!(version, Version::Http10));
        if !is_headed {
            return http10.and(Traits::ENDING);
        }
        let ending = !says(version, options).persists();
        http10
            .and(Traits::ENDING.and(Traits::ANNOUNCED).given(ending))
            .and(Traits::CLOSE.given(options.close))
            .and(Traits::BOTH_OPTIONS.given(options.close & options.keep_alive))
    }

    /// Those of these that are not among `others`.
    pub(super) const fn except(self, others: Traits) -> Traits {
        Traits(self.0 & !others.0)
    }

    /// These where that is so, otherwise none. This is asked so often that it goes without a branch.
    pub(crate) const fn given(self, seen: bool) -> Traits {
        Traits(self.0 * seen as u32)
    }
}

impl Connection {
    /// What it shows. Only rules can tell whether it was kept open for too long.
    pub(crate) fn traits(&self) -> Traits {
        let (facts, interims) = (&self.facts, &self.interims);
        let rst = facts.sides.client.rst.is_some() || facts.sides.server.rst.is_some();
        let by_server = facts.close.is_some_and(|close| close.by == Peer::Server);
        let uncalled = interims.uncalled.is_some() || self.unreadable.server.is_some();
        let shown = self.exchanges.traits();
        let (count, persistent) = (self.exchanges.len(), !shown.contain(Traits::ENDING));
        // Those that nobody asked for need not be in the order of their responses.
        let behind_close = shown.contain(Traits::CLOSE.and(Traits::UNCALLED));
        shown
            .and(Traits::SEVERAL.given(count > 1))
            .and(Traits::SINGLE.given(count == 1))
            .and(Traits::PERSISTENT.given(persistent))
            .and(Traits::FRAMED_BODILESS.given(interims.framed.is_some()))
            .and(Traits::UNCALLED.given(uncalled))
            .and(Traits::BEHIND_CLOSE.given(behind_close))
            .and(Traits::SERVER_CLOSED.given(by_server))
            .and(Traits::RST.given(rst))
    }
}

/// The numbers of the bits that are set, from 0.
pub(crate) fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let number = bits.trailing_zeros();
        bits &= bits.checked_sub(1)?;
        Some(number as usize)
    })
}
