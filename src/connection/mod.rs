//! What happened on this connection?
//!
//! In: segments. Out: one immutable [`Connection`] for each that is finished: requests have met responses, idle
//! gaps are measured, and it is known who closed first. Whether that was right is the business of
//! [`rules`](crate::rules).

mod beside;
mod brief;
mod close_cause;
mod conversation;
mod exchange;
mod exchanges;
mod gaps;
mod kept;
mod layout;
mod line;
mod log;
mod noted;
mod packed;
mod record;
mod records;
mod tables;
#[cfg(test)]
mod tests;
mod tracker;
mod traits;
mod unacked;
mod waiting;

pub(crate) use brief::Brief;
pub(crate) use close_cause::AT_ONCE;
pub use close_cause::CloseCause;
pub use conversation::{Conversation, Targets};
pub use exchange::{End, Exchange, Interim, Message, MessageHead, Request, Response};
pub use exchanges::Exchanges;
pub use gaps::Gaps;
pub use log::{Interims, Lost, LostTo, Tally, Versions};
pub use noted::idle_gap;
pub use tables::{Beside, Tables};
pub use tracker::{Recorder, Tracker};
pub use traits::Traits;
pub(crate) use traits::ones;
pub use unacked::MAX_UNACKED;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::http::Place;
use crate::tcp::{CloseKind, Facts, Peer, PerPeer};
use crate::time::Span;

/// How many exchanges of one connection are kept, the latest; counts, the largest gap and the last idle stay exact
/// beyond.
pub const MAX_EXCHANGES: usize = 100_000;

/// How much of a request's method and target is kept, in octets. Servers rarely take more.
pub const MAX_KEPT_TARGET: usize = 8192;

/// A connection that is finished: all that rules and reports may see of it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// What TCP tells. The client is the side that sends the requests, whoever opened the connection.
    pub facts: Facts,
    /// Which side opened the connection.
    pub opened: Opened,
    /// What it carried.
    pub protocol: Protocol,
    /// The exchanges, in order; responses to which no request was seen are among them.
    pub exchanges: Exchanges,
    /// Counts over all exchanges, also over those that are not kept.
    pub tally: Tally,
    /// From the end of the last exchange to the close, or to the end of the capture.
    pub idle_last: Option<Span>,
    /// The response after which the connection carries something else.
    pub tunnel: Option<Place>,
    /// The first octets of each side that are no message where one could begin.
    pub unreadable: PerPeer<Option<Place>>,
    /// From where on messages of each side may have gone by unseen, or be taken for messages that are none.
    pub lost: PerPeer<Option<Lost>>,
    /// What is remembered of interim responses.
    pub interims: Interims,
    /// The bounds that it ran into.
    pub limits: Vec<Limit>,
}

/// Which side opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The side that sends the requests, or nobody knows better.
    ByClient,
    /// The side that answers them.
    ByServer,
}

/// What a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// TLS.
    Tls,
    /// HTTP/2 without TLS.
    Http2,
    /// Anything else.
    Other,
    /// Nothing: no octet of payload.
    None,
}

impl Protocol {
    /// `http/1`, `tls`, `http/2`, `other` or `none`.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http1 => "http/1",
            Protocol::Tls => "tls",
            Protocol::Http2 => "http/2",
            Protocol::Other => "other",
            Protocol::None => "none",
        }
    }
}

/// A bound that a connection ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What is bounded.
    pub what: Bounded,
    /// How much there was.
    pub amount: u64,
}

impl Limit {
    /// Whether it may keep a rule from seeing something. No rule looks at targets.
    pub(crate) fn hides(&self) -> bool {
        self.what != Bounded::Target
    }
}

/// What has a bound for each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bounded {
    /// Octets behind others that have not come.
    Waiting,
    /// The octets of a head.
    Head,
    /// The octets of a method and target.
    Target,
    /// Exchanges of which more than counts is kept.
    Exchanges,
    /// Messages of which it is not known yet when they were acknowledged.
    Unacknowledged,
    /// Connections that are open at once.
    Open,
    /// What open connections take.
    Memory,
}

impl fmt::Display for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Bounded {
    /// Its name in words.
    pub fn name(self) -> &'static str {
        match self {
            Bounded::Waiting => "octets waiting ahead of a hole",
            Bounded::Head => "size of a head",
            Bounded::Target => "length of a method and target",
            Bounded::Exchanges => "exchanges kept",
            Bounded::Unacknowledged => "messages waiting to be acknowledged",
            Bounded::Open => "connections open at once in its part of the table",
            Bounded::Memory => "memory of its part of the table",
        }
    }
}

impl Connection {
    /// The names of the sides as the record has them: the client is the one that opened the connection.
    pub fn as_opened(&self, peer: Peer) -> Peer {
        match self.opened {
            Opened::ByClient => peer,
            Opened::ByServer => peer.other(),
        }
    }

    /// Octets that the capture lacks, in both directions.
    pub fn missing(&self) -> u64 {
        self.facts.sides.client.missing + self.facts.sides.server.missing
    }

    /// TCP keep-alive probes, in both directions.
    pub fn keepalives(&self) -> u64 {
        self.facts.sides.client.keepalives + self.facts.sides.server.keepalives
    }

    /// Whether all of it is there: the handshake, every octet, and both FINs or a RST.
    pub fn is_whole(&self) -> bool {
        let sides = &self.facts.sides;
        let fins = sides.client.fin.is_some() && sides.server.fin.is_some();
        let rst = sides.client.rst.is_some() || sides.server.rst.is_some();
        self.facts.handshake.is_complete() && self.missing() == 0 && (fins || rst)
    }

    /// The gaps between exchanges, in order.
    pub fn idle_gaps(&self) -> impl Iterator<Item = Span> + Clone {
        self.exchanges.gaps().iter()
    }
}

impl Connection {
    /// Whether all messages left the connection persistent: none said close, and none was HTTP/1.0 without
    /// keep-alive (RFC 9112 9.3), and none lacks its head.
    pub fn persists(&self) -> bool {
        !self.exchanges.traits().contain(Traits::ENDING)
    }

    /// The last exchange before the server closed, where it was complete by then: nothing was outstanding but what
    /// crossed the close or came after it.
    pub fn last_before_idle_close(&self) -> Option<Exchange> {
        let close = self.facts.close?;
        let beyond = |exchange: &Exchange| {
            let request = exchange.request.as_ref();
            exchange.response.is_none()
                && request
                    .is_some_and(|request| is_beyond_close(&self.facts, request.message.start))
        };
        let last = self.exchanges.latest_first().find(|it| !beyond(it))?;
        let end = last.end()?;
        (end.frame < close.at.frame && self.tunnel.is_none()).then_some(last)
    }
}

/// How far the packet that closed first acknowledged the other side.
fn close_ack(facts: &Facts) -> Option<u64> {
    let close = facts.close?;
    let side = &facts.sides[close.by];
    match close.kind {
        CloseKind::Fin => side.fin?.ack,
        CloseKind::Rst => side.rst?.ack,
    }
}

/// Whether the packet that closed first left out this request: it crossed the close, or came after it.
fn is_beyond_close(facts: &Facts, request: Place) -> bool {
    let Some(close) = facts.close.filter(|close| close.by == Peer::Server) else {
        return false;
    };
    match close_ack(facts) {
        Some(ack) => ack <= request.offset,
        None => request.stamp.at.frame > close.at.frame,
    }
}

/// The last idle; see [`Connection::idle_last`].
fn last_idle(facts: &Facts, exchanges: &Exchanges, tunnel: Option<Place>) -> Option<Span> {
    if tunnel.is_some() {
        return None;
    }
    let until = facts.close.map_or(facts.seen_until, |close| close.at);
    for exchange in exchanges.briefs_latest_first() {
        let end = match (&exchange.asked, exchange.end()) {
            (Some(_), Some(end)) => end,
            (Some(request), None) if is_beyond_close(facts, request.start) => continue,
            (None, _) if exchange.is_idle_timeout() => exchange.told?.end_at?,
            _ => return None,
        };
        let before = facts.close.is_none() || end.frame < until.frame;
        let idle = until.time.since(end.time);
        return (before && idle >= Span::ZERO).then_some(idle);
    }
    None
}
