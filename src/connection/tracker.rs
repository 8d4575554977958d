//! From packets to finished connections: the whole way of one capture.

use std::array;

use serde::{Deserialize, Serialize};

use super::{Connection, Conversation};
use crate::capture::Packet;
use crate::packet::{Decoded, Decoder, FragmentLosses, Ignored};
use crate::tcp::{Bounds, Checkpoints, Facts, Forgotten, Registry, Rest, SHARDS, Table, shard};
use crate::time::At;

/// Follows the connections of one capture.
#[derive(Debug)]
pub struct Tracker {
    decoder: Decoder,
    ignored: Ignored,
    checkpoints: Checkpoints,
    tables: [Table<Conversation>; SHARDS],
    register: Register,
    last: At,
}

/// Numbers connections as they begin, and keeps those that one packet finished until it is done with.
#[derive(Debug, Default)]
struct Register {
    streams: u64,
    finished: Vec<Connection>,
}

impl Registry<Conversation> for Register {
    fn begin(&mut self, _: At) -> u64 {
        self.streams += 1;
        self.streams - 1
    }

    fn finish(&mut self, facts: Facts, conversation: Conversation) {
        self.finished.push(conversation.conclude(facts));
    }

    fn forget(&mut self, _: u64) {}
}

impl Register {
    fn hand_out(&mut self, finished: &mut impl FnMut(Connection)) {
        self.finished
            .sort_unstable_by_key(|connection| connection.facts.stream);
        self.finished.drain(..).for_each(finished);
    }
}

impl Default for Tracker {
    fn default() -> Self {
        Tracker::new(Bounds::default())
    }
}

/// What is to be told of a capture beside its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// The packets that were no segments.
    pub ignored: Ignored,
    /// Fragmented datagrams that were given up.
    pub fragments: FragmentLosses,
    /// Connections that were forgotten though packets of them might still come.
    pub forgotten: Forgotten,
}

impl Tracker {
    /// For a capture of which no more is kept than these bounds say.
    pub fn new(bounds: Bounds) -> Self {
        Tracker {
            decoder: Decoder::within(bounds.fragments),
            ignored: Ignored::default(),
            checkpoints: Checkpoints::default(),
            tables: array::from_fn(|_| Table::new(bounds.of_a_shard())),
            register: Register::default(),
            last: At::default(),
        }
    }

    /// Takes the next packet; connections that are finished by then are handed to `finished`, by number.
    pub fn take(&mut self, packet: &Packet<'_>, finished: &mut impl FnMut(Connection)) {
        let at = At {
            frame: packet.frame,
            time: packet.time,
        };
        self.last = at;
        if let Some(checkpoint) = self.checkpoints.pass(at) {
            for table in &mut self.tables {
                table.check(checkpoint, &mut self.register);
            }
        }
        match self.decoder.decode(packet) {
            Decoded::Segment(segment) => {
                if let Some(table) = self.tables.get_mut(shard(segment.src, segment.dst)) {
                    table.take(&segment, &mut self.register);
                }
            }
            Decoded::Header(header) => {
                self.ignored.count(header.reason);
                if let Some(table) = self.tables.get_mut(shard(header.src, header.dst)) {
                    table.skip(&header, at, &mut self.register);
                }
            }
            Decoded::Ignored(reason) => self.ignored.count(reason),
        }
        if !self.register.finished.is_empty() {
            self.register.hand_out(finished);
        }
    }

    /// The capture is over: hands out the connections that are left, by number, and says what there was beside them.
    pub fn finish(mut self, finished: &mut impl FnMut(Connection)) -> Beside {
        let forgotten = self.tables.iter().map(Table::forgotten).sum();
        let mut rests = self.tables.map(Table::into_rest);
        let next = |rest: &&mut Rest<_>| rest.next_stream().unwrap_or(u64::MAX);
        while let Some(rest) = rests.iter_mut().min_by_key(next)
            && rest.next_stream().is_some()
        {
            rest.finish_next(self.last, &mut self.register);
            self.register.hand_out(finished);
        }
        Beside {
            ignored: self.ignored,
            fragments: self.decoder.fragment_losses(),
            forgotten,
        }
    }
}
