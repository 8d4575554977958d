//! When are connections looked for that are over?
//!
//! In: each packet of the capture, whatever it carries. Out: now and then a [`Checkpoint`]. They lie at fixed frames, so
//! that what is finished by when depends on the capture alone, however many tables there are and whoever keeps them.

use crate::time::{At, Time};

/// So many frames lie between two checkpoints.
pub(super) const FRAMES: u64 = 1024;

/// What every table is told there.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint {
    /// The packet of the capture that is next.
    pub(super) at: At,
    /// The latest time of any packet up to it.
    pub(super) clock: Time,
}

/// Follows a capture to its next checkpoint.
#[derive(Debug)]
pub struct Checkpoints {
    clock: Time,
    next: u64,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Checkpoints {
            clock: Time::from_nanos(i128::MIN),
            next: FRAMES,
        }
    }
}

impl Checkpoints {
    /// Takes notice of a packet, and says whether there is a checkpoint before it.
    pub fn pass(&mut self, at: At) -> Option<Checkpoint> {
        self.clock = self.clock.max(at.time);
        if at.frame < self.next {
            return None;
        }
        self.next = (at.frame / FRAMES + 1) * FRAMES;
        Some(Checkpoint {
            at,
            clock: self.clock,
        })
    }
}
