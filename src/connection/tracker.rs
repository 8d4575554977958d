//! From packets to finished connections: the whole way of one capture.

use std::array;

use serde::{Deserialize, Serialize};

use super::{Connection, Conversation, Exchange, Targets};
use crate::capture::Packet;
use crate::packet::{Decoded, Decoder, FragmentLosses, Ignored};
use crate::tcp::{
    Bounds, Checkpoints, Facts, Forgotten, Latest, Registry, Rest, SHARDS, Table, shard,
};
use crate::time::At;

/// Follows the connections of one capture, of which records are made.
#[derive(Debug)]
pub struct Tracker<R = Box<Connection>> {
    decoder: Decoder,
    ignored: Ignored,
    checkpoints: Checkpoints,
    tables: [Table<Conversation, R>; SHARDS],
    streams: u64,
    /// Those that one packet finished, until it is done with.
    finished: Vec<(u64, R, Latest)>,
    last: At,
}

/// Who makes records of connections. A function that takes connections does: the connection is the record.
pub trait Recorder {
    /// What is made of a connection.
    type Record;

    /// Nothing can happen to it any more, but that packets still come which repeat what there was.
    fn record(&mut self, connection: Connection) -> Self::Record;

    /// The memory that a record takes beside its own size, in octets.
    fn weight(record: &Self::Record) -> usize;

    /// The number of its connection.
    fn stream(record: &Self::Record) -> u64;

    /// The connection is finished.
    fn finish(&mut self, record: Self::Record, latest: Latest);
}

impl<F: FnMut(Connection)> Recorder for F {
    type Record = Box<Connection>;

    fn record(&mut self, connection: Connection) -> Box<Connection> {
        Box::new(connection)
    }

    fn weight(connection: &Box<Connection>) -> usize {
        size_of::<Connection>() + connection.exchanges.len() * size_of::<Exchange>()
    }

    fn stream(connection: &Box<Connection>) -> u64 {
        connection.facts.stream
    }

    fn finish(&mut self, mut connection: Box<Connection>, latest: Latest) {
        connection.facts.amend(latest);
        self(*connection);
    }
}

/// Numbers connections as they begin.
struct Register<'a, C: Recorder> {
    streams: &'a mut u64,
    finished: &'a mut Vec<(u64, C::Record, Latest)>,
    recorder: &'a mut C,
}

impl<C: Recorder> Registry<Conversation> for Register<'_, C> {
    type Record = C::Record;

    fn begin(&mut self, _: At) -> u64 {
        *self.streams += 1;
        *self.streams - 1
    }

    fn conclude(&mut self, facts: Facts, conversation: &mut Conversation) -> C::Record {
        self.recorder.record(conversation.conclude(facts))
    }

    fn weight(record: &C::Record) -> usize {
        C::weight(record)
    }

    fn finish(&mut self, record: C::Record, latest: Latest) {
        let stream = C::stream(&record);
        self.finished.push((stream, record, latest));
    }

    fn forget(&mut self, _: u64) {}
}

impl Default for Tracker {
    fn default() -> Self {
        Tracker::new(Bounds::default(), Targets::Kept)
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

impl Beside {
    /// What was given up or forgotten, as far as there was any, in words.
    pub fn losses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let (fragments, forgotten) = (&self.fragments, &self.forgotten);
        let losses = [
            (
                "IP datagrams that were not complete in time",
                fragments.too_old,
            ),
            (
                "IP datagrams whose fragments contradict each other",
                fragments.contradictory,
            ),
            (
                "closed connections forgotten early, for want of room",
                forgotten.early,
            ),
            (
                "streams without a SYN where a connection had been closed and forgotten",
                forgotten.resumed,
            ),
        ];
        losses.into_iter().filter(|&(_, count)| count > 0)
    }
}

impl<R> Tracker<R> {
    /// For a capture of which no more is kept than these bounds say.
    pub fn new(bounds: Bounds, targets: Targets) -> Self {
        Tracker {
            decoder: Decoder::within(bounds.fragments),
            ignored: Ignored::default(),
            checkpoints: Checkpoints::default(),
            tables: array::from_fn(|_| Table::new(bounds.of_a_shard(), targets)),
            streams: 0,
            finished: Vec::new(),
            last: At::default(),
        }
    }

    /// Takes the next packet; connections that are finished by then are handed to `recorder`, by number.
    #[inline]
    pub fn take(&mut self, packet: &Packet<'_>, recorder: &mut impl Recorder<Record = R>) {
        let at = At {
            frame: packet.frame,
            time: packet.time,
        };
        self.last = at;
        let mut register = Register {
            streams: &mut self.streams,
            finished: &mut self.finished,
            recorder,
        };
        if let Some(checkpoint) = self.checkpoints.pass(at) {
            for table in &mut self.tables {
                table.check(checkpoint, &mut register);
            }
        }
        match self.decoder.decode(packet) {
            // It is large: it stays where it is.
            Decoded::Segment(ref segment) => {
                if let Some(table) = self.tables.get_mut(shard(segment.src, segment.dst)) {
                    table.take(segment, &mut register);
                }
            }
            Decoded::Header(header) => {
                self.ignored.count(header.reason);
                if let Some(table) = self.tables.get_mut(shard(header.src, header.dst)) {
                    table.skip(&header, at, &mut register);
                }
            }
            Decoded::Ignored(reason) => self.ignored.count(reason),
        }
        if !self.finished.is_empty() {
            hand_out(&mut self.finished, recorder);
        }
    }

    /// The capture is over: hands out the connections that are left, by number, and says what there was beside them.
    pub fn finish(mut self, recorder: &mut impl Recorder<Record = R>) -> Beside {
        let forgotten = self.tables.iter().map(Table::forgotten).sum();
        let mut rests = self.tables.map(Table::into_rest);
        let next = |rest: &&mut Rest<_, _>| rest.next_stream().unwrap_or(u64::MAX);
        while let Some(rest) = rests.iter_mut().min_by_key(next)
            && rest.next_stream().is_some()
        {
            let mut register = Register {
                streams: &mut self.streams,
                finished: &mut self.finished,
                recorder,
            };
            rest.finish_next(self.last, &mut register);
            hand_out(&mut self.finished, recorder);
        }
        Beside {
            ignored: self.ignored,
            fragments: self.decoder.fragment_losses(),
            forgotten,
        }
    }
}

fn hand_out<C: Recorder>(finished: &mut Vec<(u64, C::Record, Latest)>, recorder: &mut C) {
    finished.sort_unstable_by_key(|&(stream, ..)| stream);
    for (_, record, latest) in finished.drain(..) {
        recorder.finish(record, latest);
    }
}
