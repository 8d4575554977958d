//! Which connection, which direction, in which order; who closed?
//!
//! In: [`Segment`](crate::packet::Segment)s in the order of the capture. Out: to a [`Listener`] for each connection,
//! the octets of both sides in order, with the packets that carried them; at its end the [`Facts`]. What the octets
//! say is the listener's business.
//!
//! [`shard()`] says in which [`Table`] a connection is, the table finds it there, `flow` holds its two directions in the order of cause and effect, `half` knows
//! one direction, and `assembler` puts its octets in order.

mod acknowledging;
mod assembler;
mod bounds;
mod checkpoint;
mod close;
mod ends;
mod flow;
mod forgotten;
mod half;
mod handshake;
mod memory;
mod numbered;
mod numbering;
mod peer;
mod registry;
mod remembered;
mod rest;
mod shard;
mod shelf;
mod table;

pub use assembler::Ahead;
pub use bounds::{Bounds, Crowd, MAX_CONNECTIONS, MEMORY};
pub use checkpoint::{Checkpoint, Checkpoints};
pub use close::{Acked, AckedUpTo, Close, CloseKind, CloseOrder, Fin, Rst};
pub use flow::{Hole, Listener, Octets, Origin};
pub use forgotten::Forgotten;
pub use half::{HOLE_OCTETS, HOLE_PATIENCE, MAX_WAITING_OCTETS, MAX_WAITING_RUNS};
pub use handshake::Handshake;
pub use peer::{Peer, PerPeer};
pub use registry::Registry;
pub use remembered::Latest;
pub use rest::Rest;
pub use shard::{SHARDS, shard};
pub use table::{REMEMBERED, Table};

use serde::{Deserialize, Serialize};

use crate::packet::Endpoint;
use crate::time::{At, Time};

/// The offset of the first octet behind the SYN, or of the first octet seen where the capture begins inside the
/// connection. Not zero, so that octets which turn out to lie before it have an offset too.
pub const FIRST_OCTET: u64 = 1 << 32;

/// The packet that carried something, and how far its sender had acknowledged the other side by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The packet.
    pub at: At,
    /// How far it acknowledges the other side.
    pub acks: Option<Acks>,
}

/// The offset up to which a packet acknowledged the other side when it was first sent; a FIN counts as one octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acks {
    /// So far.
    Exactly(u64),
    /// No farther: it came late, and may have acknowledged less when it was first sent.
    AtMost(u64),
}

impl Stamp {
    /// How far the sender had acknowledged the other side, where that is certain: what rules rest on.
    pub fn ack(self) -> Option<u64> {
        match self.acks? {
            Acks::Exactly(offset) => Some(offset),
            Acks::AtMost(_) => None,
        }
    }

    /// The offset before which octets of the other side come first, so that what comes before what does not depend on
    /// the order of the packets in the capture.
    pub fn after(self) -> Option<u64> {
        let (Acks::Exactly(offset) | Acks::AtMost(offset)) = self.acks?;
        Some(offset)
    }
}

/// What is known of a connection apart from what it carried.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its number (Wireshark's `tcp.stream`).
    pub stream: u64,
    /// The two ends.
    pub ends: PerPeer<Endpoint>,
    /// Its first packet.
    pub first: At,
    /// Its last packet.
    pub last: At,
    /// The latest packet of the capture, of any connection, by which it was still watched.
    pub seen_until: At,
    /// Its packets.
    pub packets: u64,
    /// How it was opened.
    pub handshake: Handshake,
    /// What each side did.
    pub sides: PerPeer<Side>,
    /// Who closed first.
    pub close: Option<Close>,
    /// Why it was ended before its time, if it was.
    pub crowded_out: Option<Crowd>,
}

impl Facts {
    /// Takes notice of the packets that still came when the record was made.
    pub fn amend(&mut self, latest: Latest) {
        (self.packets, self.last) = (latest.packets, latest.last);
        self.seen_until = latest.seen_until;
    }

    /// Exchanges the names of the two sides.
    pub fn swap(&mut self) {
        self.ends.swap();
        self.sides.swap();
        self.handshake.swap();
        if let Some(close) = &mut self.close {
            close.by = close.by.other();
        }
    }
}

/// What one side of a connection did.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Side {
    /// Payload octets that it sent, each counted once; those cut off by the snap length count, those in a hole do not.
    pub octets: u64,
    /// Octets that it sent and the capture lacks.
    pub missing: u64,
    /// The packet behind the first hole, where one came.
    pub behind_hole: Option<At>,
    /// The offset behind all that was handed out, the FIN counted as one octet.
    pub reached: u64,
    /// Its TCP keep-alive probes.
    pub keepalives: u64,
    /// Its first FIN.
    pub fin: Option<Fin>,
    /// Its first RST, unless what followed shows that the RST closed nothing.
    pub rst: Option<Rst>,
    /// When it last said that it can take nothing (a window of zero).
    pub zero_window: Option<Time>,
    /// Octets that waited ahead of a hole when the bound was met.
    pub limit: Option<usize>,
}
