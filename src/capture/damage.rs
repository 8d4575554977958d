//! What was read of a capture, and what could not be.
//!
//! In: what the formats and the stream report. Out: values for messages and results. That damage is data and never
//! an error is what lets a capture be used as far as it is whole.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::compression::Compression;
use super::step::MAX_CAPTURED;
use crate::time::Time;

/// How much was read of a capture, and what was left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Packets that were handed on.
    pub packets: u64,
    /// Octets that were read.
    pub octets: u64,
    /// The first [`Summary::DAMAGE_KEPT`] places that could not be read, in the order of the capture.
    pub damage: Vec<Damage>,
    /// All places that could not be read.
    pub damaged: u64,
    /// Blocks of a pcapng file that describe no packet (names, statistics, secrets and the like); harmless.
    pub other_blocks: u64,
    /// Log entries and system events (systemd journal, sysdig, custom blocks), which use up a frame number in
    /// Wireshark and here.
    pub events: u64,
    /// Packets without a time of their own (Simple Packet Blocks), to which that of the packet before was given.
    pub untimed: u64,
    /// The times of the first and of the last packet.
    pub times: Option<(Time, Time)>,
}

impl Summary {
    /// How many places of damage are kept one by one.
    pub const DAMAGE_KEPT: usize = 100;

    pub(crate) fn add_damage(&mut self, damage: Damage) {
        self.damaged += 1;
        if self.damage.len() < Self::DAMAGE_KEPT {
            self.damage.push(damage);
        }
    }
}

/// A place in a capture that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// Which of the files that were read as one, from 0.
    pub part: usize,
    /// Octets of that file before the place, from 0; of a compressed one, octets that were unpacked.
    pub offset: u64,
    /// How the capture was compressed, if it was.
    pub compression: Option<Compression>,
    /// The number that the next packet would have had, from 1 and through all parts.
    pub frame: u64,
    /// What was wrong.
    pub reason: Reason,
}

/// `byte 4711, frame 12: ...`, or `byte 4711 of the unpacked gzip data, frame 12: ...`
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.offset)?;
        if let Some(compression) = self.compression {
            write!(f, " of the unpacked {compression} data")?;
        }
        write!(f, ", frame {}: {}", self.frame, self.reason)
    }
}

/// Why a place in a capture could not be read, and whether reading went on behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reason {
    /// The file has no octets at all.
    Empty,
    /// The capture ends inside a packet or a header.
    CutOff,
    /// The stream could not be read on; the text is the system's. Reading stopped.
    Unreadable(String),
    /// A record of a pcap file claims to hold so many octets. Reading stopped: nothing tells where the next begins.
    RecordLength(u32),
    /// A pcapng block claims to be so many octets long. Reading stopped.
    BlockLength(u32),
    /// The two lengths of a pcapng block differ. Reading stopped.
    BlockLengthsDiffer {
        /// The length at the front of the block.
        front: u32,
        /// The length at its end.
        back: u32,
    },
    /// A pcapng section is in a byte order that does not exist. Reading stopped.
    ByteOrder,
    /// A pcapng section has this version. Reading stopped.
    Version {
        /// The part before the dot; only 1 is known.
        major: u16,
        /// The part behind it.
        minor: u16,
    },
    /// A pcapng block of this type is shorter than it must be, or contradicts itself; skipped.
    Block(u32),
    /// A packet claims more octets than its block has, or than any packet may; skipped.
    PacketLength(u32),
    /// A packet names this interface, which its section does not describe; skipped.
    Interface(u32),
    /// A pcapng section describes more interfaces than are kept; skipped.
    Interfaces,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Empty => write!(f, "the file is empty"),
            Reason::CutOff => write!(
                f,
                "the capture is cut off here, in the middle of a packet or header"
            ),
            Reason::Unreadable(error) => write!(f, "the rest could not be read: {error}"),
            Reason::RecordLength(length) => write!(
                f,
                "the record claims {length} octets where at most {MAX_CAPTURED} can be; the rest was not read"
            ),
            Reason::BlockLength(length) => {
                write!(
                    f,
                    "a block cannot be {length} octets long; the rest was not read"
                )
            }
            Reason::BlockLengthsDiffer { front, back } => write!(
                f,
                "the block is {front} octets long by its front and {back} by its end; the rest was not read"
            ),
            Reason::ByteOrder => write!(
                f,
                "the section has no valid byte-order magic; the rest was not read"
            ),
            Reason::Version { major, minor } => write!(
                f,
                "the section is of pcapng version {major}.{minor}, which is unknown; the rest was not read"
            ),
            Reason::Block(kind) => {
                write!(f, "a block of type 0x{kind:08x} does not add up; skipped")
            }
            Reason::PacketLength(length) => {
                write!(
                    f,
                    "the packet claims {length} octets, more than there can be; skipped"
                )
            }
            Reason::Interface(id) => {
                write!(
                    f,
                    "the packet names interface {id}, which its section does not describe; skipped"
                )
            }
            Reason::Interfaces => write!(
                f,
                "the section describes too many interfaces; this one was skipped"
            ),
        }
    }
}
