//! From packets to finished connections: the whole way of one capture.

use std::cmp::Reverse;

use super::tables::{Beside, Tables};
use super::{Connection, Conversation, Exchange, Targets};
use crate::capture::Packet;
use crate::tcp::{Bounds, Facts, Latest, Registry};
use crate::time::At;

/// Follows the connections of one capture, of which records are made.
#[derive(Debug)]
pub struct Tracker<R = Box<Connection>> {
    tables: Tables<R>,
    streams: u64,
    /// Those that one packet finished, until it is done with.
    finished: Vec<(R, Latest)>,
}

/// Who makes records of connections. A function that takes connections does: the connection is the record.
pub trait Recorder {
    /// What is made of a connection.
    type Record;

    /// Nothing can happen to it any more, but that packets still come which repeat what there was.
    fn record(&mut self, connection: Connection) -> Self::Record;

    /// The memory that a record takes beside its own size, in octets.
    fn weight(&self, record: &Self::Record) -> usize;

    /// It will be finished soon: what lies far away may be fetched meanwhile.
    fn fetch(&self, _record: &Self::Record) {}

    /// The connection is finished.
    fn finish(&mut self, record: Self::Record, latest: Latest);
}

impl<F: FnMut(Connection)> Recorder for F {
    type Record = Box<Connection>;

    fn record(&mut self, connection: Connection) -> Box<Connection> {
        Box::new(connection)
    }

    fn weight(&self, connection: &Box<Connection>) -> usize {
        size_of::<Connection>() + connection.exchanges.len() * size_of::<Exchange>()
    }

    fn finish(&mut self, mut connection: Box<Connection>, latest: Latest) {
        connection.facts.amend(latest);
        self(*connection);
    }
}

/// Numbers connections as they begin.
struct Register<'a, C: Recorder> {
    streams: &'a mut u64,
    finished: &'a mut Vec<(C::Record, Latest)>,
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

    fn weight(&self, record: &C::Record) -> usize {
        self.recorder.weight(record)
    }

    fn fetch(&self, record: &C::Record) {
        self.recorder.fetch(record);
    }

    fn finish(&mut self, record: C::Record, latest: Latest) {
        self.finished.push((record, latest));
    }

    fn forget(&mut self, _: u64) {}
}

impl Default for Tracker {
    fn default() -> Self {
        Tracker::new(Bounds::default(), Targets::Kept)
    }
}

impl<R> Tracker<R> {
    /// For a capture of which no more is kept than these bounds say.
    pub fn new(bounds: Bounds, targets: Targets) -> Self {
        Tracker {
            tables: Tables::new(bounds, targets, |_| true),
            streams: 0,
            finished: Vec::new(),
        }
    }

    /// Takes the next packet; connections that are finished by then are handed to `recorder`, by number.
    #[inline]
    pub fn take(&mut self, packet: &Packet<'_>, recorder: &mut impl Recorder<Record = R>) {
        let mut register = Register {
            streams: &mut self.streams,
            finished: &mut self.finished,
            recorder,
        };
        self.tables.take(packet, &mut register);
        if !self.finished.is_empty() {
            hand_out(&mut self.finished, recorder);
        }
    }

    /// The capture is over: hands out the connections that are left, by number, and says what there was beside them.
    pub fn finish(mut self, recorder: &mut impl Recorder<Record = R>) -> Beside {
        let (beside, last) = (self.tables.beside(), self.tables.last());
        let mut rest = self.tables.into_rest();
        while rest.next_stream().is_some() {
            let mut register = Register {
                streams: &mut self.streams,
                finished: &mut self.finished,
                recorder,
            };
            rest.finish_next(last, &mut register);
            hand_out(&mut self.finished, recorder);
        }
        beside
    }
}

fn hand_out<C: Recorder>(finished: &mut Vec<(C::Record, Latest)>, recorder: &mut C) {
    finished.sort_unstable_by_key(|(_, latest)| Reverse(latest.stream));
    while let Some((record, latest)) = finished.pop() {
        recorder.finish(record, latest);
    }
}
