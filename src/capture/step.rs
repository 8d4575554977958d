//! What a format finds at the front of a slice.
//!
//! In and out: nothing but values, no borrowed octets, so that a format can look at a block that is still being
//! filled or that several threads share.

use std::ops::Range;

use super::LinkType;
use super::damage::Reason;
use crate::time::Time;

/// Octets that one packet may have captured. Wireshark's bound, too; a record that claims more is damaged.
pub(super) const MAX_CAPTURED: u32 = 262_144;

/// One step through a capture. Each but the last two takes at least one octet, so that reading ends.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// A packet; `taken` octets belong to it.
    Packet { taken: usize, record: Record },
    /// Something that is no packet and was expected.
    Passed { taken: usize, what: Passed },
    /// Something that cannot be read, but whose end is known.
    Damaged { taken: usize, reason: Reason },
    /// The slice ends too early: so many octets are needed.
    Need(usize),
    /// Nothing behind this can be found.
    Stop(Reason),
}

/// A packet's place in the slice, and what its record says of it.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    /// `None` where the format gives no time (Simple Packet Block).
    pub(super) time: Option<Time>,
    pub(super) link: LinkType,
    pub(super) octets: Range<usize>,
    pub(super) wire_len: u32,
}

/// What a capture may hold beside packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// What describes the capture: a header, an interface.
    Description,
    /// A block that says nothing about packets here.
    OtherBlock,
    /// A log entry or system event, which Wireshark numbers like a packet.
    Event,
}
