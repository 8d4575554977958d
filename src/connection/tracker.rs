//! From packets to finished connections: the whole way of one capture.

use super::{Connection, Conversation};
use crate::capture::Packet;
use crate::packet::{Decoded, Decoder, Ignored};
use crate::tcp::{Bounds, Facts, Table};
use crate::time::At;

/// Follows the connections of one capture.
#[derive(Debug, Default)]
pub struct Tracker {
    decoder: Decoder,
    table: Table<Conversation>,
    ignored: Ignored,
}

impl Tracker {
    /// For a capture of which no more is kept than these bounds say.
    pub fn new(bounds: Bounds) -> Self {
        Tracker {
            decoder: Decoder::within(bounds.fragments),
            table: Table::new(bounds),
            ignored: Ignored::default(),
        }
    }

    /// Takes the next packet; connections that are finished by then are handed to `finished`.
    pub fn take(&mut self, packet: &Packet<'_>, finished: &mut impl FnMut(Connection)) {
        let at = At {
            frame: packet.frame,
            time: packet.time,
        };
        let mut conclude =
            |facts: Facts, conversation: Conversation| finished(conversation.conclude(facts));
        match self.decoder.decode(packet) {
            Decoded::Segment(segment) => self.table.take(&segment, &mut conclude),
            Decoded::Header(header) => {
                self.ignored.count(header.reason);
                self.table.skip(&header, at, &mut conclude);
            }
            Decoded::Ignored(reason) => {
                self.ignored.count(reason);
                self.table.tick(at, &mut conclude);
            }
        }
    }

    /// The capture is over: hands out the connections that are left, and says which packets were no segments.
    pub fn finish(self, finished: &mut impl FnMut(Connection)) -> Ignored {
        self.table
            .finish_all(&mut |facts, conversation| finished(conversation.conclude(facts)));
        self.ignored
    }
}
