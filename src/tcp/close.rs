//! Who closed first, and how: the FIN and the RST of each side.

use serde::{Deserialize, Serialize};

use super::half::Half;
use super::{Peer, PerPeer};
use crate::time::At;

/// The packet that closed a connection: the first FIN or RST of the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// The side that sent it.
    pub by: Peer,
    /// What it was.
    pub kind: CloseKind,
    /// The packet.
    pub at: At,
    /// Whether the FINs crossed.
    pub order: CloseOrder,
}

/// What closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CloseKind {
    /// No more data, in order (RFC 9293 3.6).
    Fin,
    /// At once (RFC 9293 3.10.7).
    Rst,
}

impl CloseKind {
    /// `FIN` or `RST`.
    pub fn name(self) -> &'static str {
        match self {
            CloseKind::Fin => "FIN",
            CloseKind::Rst => "RST",
        }
    }
}

/// Whether one side closed in answer to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CloseOrder {
    /// One side closed first.
    OneFirst,
    /// Both sent a FIN before either had the other's; which was captured first depends on the place of the capture.
    Simultaneous,
}

/// The first FIN of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fin {
    /// The packet that carried it.
    pub at: At,
    /// The offset behind the last octet before it.
    pub offset: u64,
    /// How far it acknowledged the other side.
    pub ack: Option<u64>,
    /// The first packet of the other side that acknowledged it.
    pub acked: Option<Acked>,
}

/// The first packet that acknowledged something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acked {
    /// The packet.
    pub at: At,
    /// How far its sender had sent by then: the offset that its sequence number stands for. What lies behind was sent
    /// after it, what lies before had been sent already.
    pub offset: u64,
}

/// How far the other side has acknowledged a direction.
#[derive(Clone, Copy, Debug)]
pub struct AckedUpTo {
    /// Behind what it has acknowledged.
    pub offset: u64,
    /// The packet that said so.
    pub by: Acked,
}

impl AckedUpTo {
    /// Who acknowledged what ends before `end`, if this is as far.
    #[inline]
    pub fn covers(self, end: u64) -> Option<Acked> {
        (self.offset >= end).then_some(self.by)
    }
}

/// The first RST of a side that still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rst {
    /// The packet.
    pub at: At,
    /// The offset that its sequence number stands for.
    pub offset: u64,
    /// How far it acknowledged the other side; `None` for a RST without ACK.
    pub ack: Option<u64>,
    /// How far the other side had sent by then: an acknowledgement beyond it proves that the RST closed nothing.
    pub(super) other_sent: u64,
}

impl Close {
    pub(super) fn of(halves: &PerPeer<Half>) -> Option<Close> {
        let by_client = halves.client.closed_with();
        let by_server = halves.server.closed_with();
        let (by, (kind, at)) = match (by_client, by_server) {
            (Some((_, client)), Some(server)) if server.1.frame < client.frame => {
                (Peer::Server, server)
            }
            (Some(client), _) => (Peer::Client, client),
            (None, server) => (Peer::Server, server?),
        };
        Some(Close {
            by,
            kind,
            at,
            order: order(halves),
        })
    }
}

fn order(halves: &PerPeer<Half>) -> CloseOrder {
    let (Some(client), Some(server)) = (halves.client.fin(), halves.server.fin()) else {
        return CloseOrder::OneFirst;
    };
    let before = |ack: Option<u64>, offset: u64| ack.is_some_and(|ack| ack <= offset);
    if before(client.ack, server.offset) && before(server.ack, client.offset) {
        CloseOrder::Simultaneous
    } else {
        CloseOrder::OneFirst
    }
}
