//! What is seen on a connection at a glance.
//!
//! In: a [`Connection`]. Out: its [`Traits`]. Most connections are plain, and most rules have nothing to look at on
//! them: each says which traits it [`needs`](super::Rule::needs), and is not asked about a connection without them.

use crate::connection::{Connection, Exchange, Message};
use crate::http::{Framing, Method, Version, says};
use crate::tcp::Peer;

/// A set of traits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u32);

impl Traits {
    /// Nothing in particular.
    pub const NONE: Traits = Traits(0);
    /// A request says close.
    pub const CLOSE_ASKED: Traits = Traits(1);
    /// A final response says close.
    pub const CLOSE_SAID: Traits = Traits(1 << 1);
    /// Either of them does.
    pub const CLOSE: Traits = Traits(1 << 2);
    /// A message says both close and keep-alive.
    pub const BOTH_OPTIONS: Traits = Traits(1 << 3);
    /// A request or final response is HTTP/1.0.
    pub const HTTP10: Traits = Traits(1 << 4);
    /// A message has a Keep-Alive field.
    pub const KEEP_ALIVE: Traits = Traits(1 << 5);
    /// A message has fields that cannot both frame it, or make no sense.
    pub const BAD_FRAMING: Traits = Traits(1 << 6);
    /// A body ends with the connection.
    pub const UNTIL_CLOSE: Traits = Traits(1 << 7);
    /// A response may have no body: an interim one, 101, 204, or one to CONNECT.
    pub const BODILESS: Traits = Traits(1 << 8);
    /// A request with a method that is not known to be idempotent.
    pub const UNSAFE: Traits = Traits(1 << 9);
    /// There is more than one exchange.
    pub const SEVERAL: Traits = Traits(1 << 10);
    /// There is but one.
    pub const SINGLE: Traits = Traits(1 << 11);
    /// A request got no final response.
    pub const UNANSWERED: Traits = Traits(1 << 12);
    /// A message has no end.
    pub const INCOMPLETE: Traits = Traits(1 << 13);
    /// The server sent something that answers no request.
    pub const UNCALLED: Traits = Traits(1 << 14);
    /// All messages left the connection persistent.
    pub const PERSISTENT: Traits = Traits(1 << 15);
    /// A message did not, or its head is not complete.
    const ENDING: Traits = Traits(1 << 18);
    /// The server closed first.
    pub const SERVER_CLOSED: Traits = Traits(1 << 16);
    /// Somebody sent a RST.
    pub const RST: Traits = Traits(1 << 17);

    /// These and those.
    pub const fn and(self, others: Traits) -> Traits {
        Traits(self.0 | others.0)
    }

    /// Whether all of `others` are among these.
    pub const fn contain(self, others: Traits) -> bool {
        self.0 & others.0 == others.0
    }

    /// Those of a connection.
    pub(super) fn of(connection: &Connection) -> Self {
        let exchanges = connection.exchanges.iter().map(of_exchange);
        let traits = exchanges.fold(of_the_whole(connection), Traits::and);
        traits.and(Traits::PERSISTENT.given(!traits.contain(Traits::ENDING)))
    }

    /// These where that is so, otherwise none. This is asked so often that it goes without a branch.
    const fn given(self, seen: bool) -> Traits {
        Traits(self.0 * seen as u32)
    }
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
    let asked = match &exchange.request {
        Some(request) => {
            let said = of_message(&request.message);
            said.and(Traits::CLOSE_ASKED.given(said.contain(Traits::CLOSE)))
                .and(Traits::BODILESS.given(request.method == Method::Connect))
                .and(Traits::UNSAFE.given(request.method == Method::Other))
        }
        None => Traits::UNCALLED,
    };
    let answered = match &exchange.response {
        Some(response) => {
            let said = of_message(&response.message);
            said.and(Traits::CLOSE_SAID.given(said.contain(Traits::CLOSE)))
                .and(Traits::BODILESS.given(matches!(response.status, 101 | 204)))
        }
        None => Traits::UNANSWERED,
    };
    asked.and(answered)
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
    traits
        .and(Traits::ENDING.given(ending))
        .and(Traits::CLOSE.given(options.close))
        .and(Traits::BOTH_OPTIONS.given(options.close & options.keep_alive))
        .and(Traits::KEEP_ALIVE.given(head.keep_alive.is_some()))
        .and(Traits::BAD_FRAMING.given(head.body.defect().is_some()))
        .and(Traits::UNTIL_CLOSE.given(framing == Framing::Close))
}
