//! What a segment acknowledged when it was first sent.
//!
//! In: what the segments of one direction acknowledge, in the order of the capture, and which of them jumped ahead or
//! came late. Out: how far a late one can have acknowledged the other side. Where a packet that was sent behind it came
//! before it, it may have been sent once more since then, and acknowledge more than it did; what it did lies between
//! what the packets around it say.

use std::num::NonZeroU64;

use super::{Acks, Stamp};

/// What is remembered of one direction for that. What every packet changes comes first.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Acknowledging {
    /// What the last packet that was not late acknowledged.
    latest: Option<Offset>,
    /// The first packet behind octets that have not come, which an ACK behind the FIN is, too: what comes late was sent
    /// before it.
    ahead: Option<Ahead>,
}

/// A packet that jumped ahead of octets which have not come.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    offset: Offset,
    ack: u64,
    /// What the packets before it acknowledged.
    ack_before: Option<Offset>,
}

/// An offset that takes no more room where it may be missing: one more than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset(NonZeroU64);

impl Offset {
    pub(super) fn of(offset: u64) -> Self {
        Offset(NonZeroU64::MIN.saturating_add(offset))
    }

    pub(super) fn get(self) -> u64 {
        self.0.get() - 1
    }
}

impl Acknowledging {
    /// Notes what a packet that is not late acknowledges.
    pub(super) fn note(&mut self, ack: u64) {
        self.latest = Some(Offset::of(ack));
    }

    /// Notes a packet at `offset` that lies behind octets which have not come; `next` is the first of them. Where an
    /// earlier one still waits for them, that one counts.
    pub(super) fn note_jump(&mut self, offset: u64, ack: u64, next: u64) {
        if self.ahead.is_none_or(|ahead| ahead.offset.get() <= next) {
            self.ahead = Some(Ahead {
                offset: Offset::of(offset),
                ack,
                ack_before: self.latest,
            });
        }
    }

    /// The stamp of a packet that comes late and acknowledges `ack` now, as it was when it was first sent.
    pub(super) fn of_late(&self, offset: u64, ack: u64, stamp: Stamp) -> Stamp {
        let Some(ahead) = self.ahead.filter(|ahead| offset < ahead.offset.get()) else {
            return stamp;
        };
        let most = ack.min(ahead.ack);
        let is_certain = ahead.ack_before.is_some_and(|least| least.get() >= most);
        let acks = if is_certain {
            Acks::Exactly
        } else {
            Acks::AtMost
        };
        Stamp {
            acks: Some(acks(most)),
            ..stamp
        }
    }
}
