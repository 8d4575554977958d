//! What is in this file, directory or stream?
//!
//! In: paths. Out: [`Packet`]s in the order of the capture, and at its end what was damaged.
//! What a packet means is the business of [`packet`](crate::packet).
//!
//! [`find()`] turns arguments into [`Source`]s, each of which opens as a [`Capture`]. A capture reads its stream,
//! unpacked where it is compressed, in blocks, and shows them to the parser of its format, which says where the next
//! packet lies. [`annotate()`] writes one back.

mod find;
mod join;
mod monitor;
mod open;
mod path_text;
mod read;
mod readers;
mod recognise;
mod rotated;

mod ahead;
mod compression;
mod octets;
mod pieces;
mod shared;
mod supply;
#[cfg(feature = "compression")]
mod unpack;

mod blocks;
mod damage;
mod step;

mod byte_order;
mod clock;
mod pcap;
mod pcapng;

mod annotate;

#[cfg(test)]
mod build;

pub use annotate::{Comments, annotate};
pub use compression::{Compression, MAX_WINDOW};
pub use damage::{Damage, Reason, Summary};
pub use find::{Found, Part, Source, find};
pub use join::{Joined, Means, OVERLAP, Overlap, OverlapEnd, join, seem_to_be_parts};
pub use monitor::Monitor;
pub use open::{OpenError, Problem};
pub use read::Capture;
pub use readers::Readers;
pub use recognise::Likeness;

use crate::time::Time;

/// One captured packet, borrowed from the block that was read.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its number in the capture, from 1, counting every packet (Wireshark's `frame.number`).
    pub frame: u64,
    /// When it was captured.
    pub time: Time,
    /// What its first octets are.
    pub link: LinkType,
    /// The octets that were captured.
    pub octets: &'a [u8],
    /// How many octets were on the wire; more than were captured where the snap length cut.
    pub wire_len: u32,
}

/// A link-layer type (LINKTYPE_ values of the pcap registry), without the bits for the frame check sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);
