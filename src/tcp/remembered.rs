//! A connection that is over: remembered in case that a packet still comes.
//!
//! In: what was made of a connection that nothing can happen to any more, both sides having closed and acknowledged all.
//! Out: the same, with the packets that still came (RFC 9293 3.10.7.4, TIME-WAIT: they repeat what there was).

use super::ends::Packed;
use super::memory::{self, Hash};
use super::numbering::{Numbering, Numbers};
use super::{Peer, PerPeer};
use crate::packet::{Endpoint, Header, Segment};
use crate::time::At;

/// What is known of a connection that is finished, apart from what was made of it when it was over: that need not have
/// it as well. A packet that comes late may change some of it.
#[derive(Clone, Copy, Debug)]
pub struct Latest {
    /// Its number.
    pub stream: u64,
    /// The two ends; the client is the side that opened it, or is taken for it.
    pub ends: PerPeer<Endpoint>,
    /// Its packets.
    pub packets: u64,
    /// Its last packet.
    pub last: At,
    /// The latest packet of the capture, of any connection, by which it was still watched.
    pub seen_until: At,
}

/// A connection that is over.
#[derive(Debug)]
pub(super) struct Remembered<R> {
    pub(super) ends: Packed,
    pub(super) stream: u64,
    pub(super) packets: u64,
    pub(super) last: At,
    pub(super) numbering: Numbering,
    pub(super) record: R,
    /// Of the ends.
    pub(super) hash: Hash,
}

impl<R> Remembered<R> {
    /// The memory that it takes where its record takes so much beside its own size, in octets.
    pub(super) fn weight(&self, record: usize) -> usize {
        memory::weight_of_one::<R>() + self.ends.weight() + record
    }

    /// Whether a packet of `src` with these numbers belongs to another connection of the same endpoints.
    pub(super) fn is_another(&self, src: &Endpoint, numbers: Numbers) -> bool {
        self.numbering.is_another(self.sender(src), numbers)
    }

    /// Takes notice of a header that is nobody's data.
    pub(super) fn skip(&mut self, header: &Header) {
        self.numbering.note(self.sender(&header.src), header.into());
    }

    /// Takes notice of a packet that repeats what there was.
    pub(super) fn note(&mut self, segment: &Segment<'_>) {
        self.numbering
            .note(self.sender(&segment.src), segment.into());
        self.packets += 1;
        self.last = segment.at;
    }

    /// What is known of it, where that was still watched until then.
    pub(super) fn latest(&self, seen_until: At) -> Latest {
        Latest {
            stream: self.stream,
            ends: self.ends.get(),
            packets: self.packets,
            last: self.last,
            seen_until,
        }
    }

    fn sender(&self, src: &Endpoint) -> Peer {
        if *src == self.ends.get().client {
            Peer::Client
        } else {
            Peer::Server
        }
    }
}
