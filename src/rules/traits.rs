//! What is seen on a connection at a glance.
//!
//! In: a [`Connection`]. Out: its [`Traits`]. Most connections are plain, and most rules have nothing to look at on
//! them: each says which traits it [`needs`](super::Rule::needs), and is not asked about a connection without them.

use super::Settings;
use super::duty::may_be_neglected;
use crate::connection::{Connection, Exchange, Message, Request, Response};
use crate::http::{ContentLength, Framing, Method, TransferEncoding, Version, says};
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
    /// A request with a method that is not known to be idempotent.
    pub const UNSAFE: Traits = Traits(1 << 6);
    /// A response may have no body: an interim one, 101, 204, or one to CONNECT.
    pub const BODILESS: Traits = Traits(1 << 7);
    /// A request or final response is HTTP/1.0.
    pub const HTTP10: Traits = Traits(1 << 8);
    /// Somebody sent a RST.
    pub const RST: Traits = Traits(1 << 9);
    /// A request got no final response.
    pub const UNANSWERED: Traits = Traits(1 << 10);
    /// A message has no end.
    pub const INCOMPLETE: Traits = Traits(1 << 11);
    /// A body ends with the connection.
    pub const UNTIL_CLOSE: Traits = Traits(1 << 12);
    /// A request says close, and its response, where there is one, does not.
    pub const CLOSE_NOT_ECHOED: Traits = Traits(1 << 13);
    /// A final response says close, and its request, where there is one, does not.
    pub const CLOSE_NOT_ASKED: Traits = Traits(1 << 14);
    /// A message ended persistence or is framed badly, and a side may have taken too long to close behind it.
    pub const KEPT_OPEN: Traits = Traits(1 << 15);
    /// The server sent something that answers no request.
    pub const UNCALLED: Traits = Traits(1 << 16);
    /// A message says both close and keep-alive.
    pub const BOTH_OPTIONS: Traits = Traits(1 << 17);
    /// A message has fields that cannot both frame it, or make no sense.
    pub const BAD_FRAMING: Traits = Traits(1 << 18);
    /// A message did not leave the connection persistent, or its head is not complete.
    const ENDING: Traits = Traits(1 << 19);

    /// How many there are.
    pub(super) const COUNT: usize = 20;

    /// These and those.
    pub const fn and(self, others: Traits) -> Traits {
        Traits(self.0 | others.0)
    }

    /// Whether all of `others` are among these.
    pub const fn contain(self, others: Traits) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether any of `others` is among these.
    const fn touch(self, others: Traits) -> bool {
        self.0 & others.0 != 0
    }

    /// The number of the last of these, from 0.
    pub(super) const fn last(self) -> Option<u32> {
        self.0.checked_ilog2()
    }

    /// The numbers of these.
    pub(super) fn numbers(self) -> impl Iterator<Item = usize> {
        ones(self.0.into())
    }

    /// Those of a connection.
    pub(super) fn of(connection: &Connection, settings: &Settings) -> Self {
        const OBLIGING: Traits = Traits::ENDING.and(Traits::BAD_FRAMING);
        let mut traits = of_the_whole(connection);
        for exchange in &connection.exchanges {
            let shown = of_exchange(exchange);
            let kept_open =
                shown.touch(OBLIGING) && may_be_neglected(exchange, connection, settings);
            traits = traits.and(shown).and(Traits::KEPT_OPEN.given(kept_open));
        }
        traits.and(Traits::PERSISTENT.given(!traits.contain(Traits::ENDING)))
    }

    /// These where that is so, otherwise none. This is asked so often that it goes without a branch.
    const fn given(self, seen: bool) -> Traits {
        Traits(self.0 * seen as u32)
    }
}

/// The numbers of the bits that are set, from 0.
pub(super) fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let number = bits.trailing_zeros();
        bits &= bits.checked_sub(1)?;
        Some(number as usize)
    })
}

fn of_the_whole(connection: &Connection) -> Traits {
    let (facts, interims) = (&connection.facts, &connection.interims);
    let rst = facts.sides.client.rst.is_some() || facts.sides.server.rst.is_some();
    let by_server = facts.close.is_some_and(|close| close.by == Peer::Server);
    let uncalled = interims.uncalled.is_some() || connection.unreadable.server.is_some();
    Traits::NONE
        .and(Traits::SEVERAL.given(connection.exchanges.len() > 1))
        .and(Traits::SINGLE.given(connection.exchanges.len() == 1))
        .and(Traits::BODILESS.given(interims.framed.is_some()))
        .and(Traits::UNCALLED.given(uncalled))
        .and(Traits::SERVER_CLOSED.given(by_server))
        .and(Traits::RST.given(rst))
}

fn of_exchange(exchange: &Exchange) -> Traits {
    let request = exchange.request.as_ref();
    let response = exchange.response.as_ref();
    let asked = request.map_or(Traits::UNCALLED, of_request);
    let told = response.map_or(Traits::UNANSWERED, of_response);
    let (asks_close, says_close) = (asked.contain(Traits::CLOSE), told.contain(Traits::CLOSE));
    asked
        .and(told)
        .and(Traits::CLOSE_NOT_ECHOED.given(asks_close & !says_close))
        .and(Traits::CLOSE_NOT_ASKED.given(says_close & !asks_close))
}

#[inline]
fn of_request(request: &Request) -> Traits {
    of_message(&request.message)
        .and(Traits::BODILESS.given(request.method == Method::Connect))
        .and(Traits::UNSAFE.given(request.method == Method::Other))
}

#[inline]
fn of_response(response: &Response) -> Traits {
    of_message(&response.message).and(Traits::BODILESS.given(matches!(response.status, 101 | 204)))
}

#[inline]
fn of_message(message: &Message) -> Traits {
    let traits = Traits::HTTP10
        .given(message.version == Version::Http10)
        .and(Traits::INCOMPLETE.given(message.end.is_none()));
    let Some(head) = &message.head else {
        return traits.and(Traits::ENDING);
    };
    let (framing, head) = (head.framing, &head.head);
    let options = head.options;
    let ending = !says(message.version, options).persists();
    // A plain length is in order, and so is none.
    let plain = head.body.transfer_encoding == TransferEncoding::Absent
        && head.body.content_length != ContentLength::Invalid;
    traits
        .and(Traits::ENDING.given(ending))
        .and(Traits::CLOSE.given(options.close))
        .and(Traits::BOTH_OPTIONS.given(options.close & options.keep_alive))
        .and(Traits::KEEP_ALIVE.given(head.keep_alive.is_some()))
        .and(Traits::BAD_FRAMING.given(!plain && head.body.defect().is_some()))
        .and(Traits::UNTIL_CLOSE.given(framing == Framing::Close))
}
