//! From packets to the tables that their connections are in.
//!
//! In: all packets of a capture. Out: to a [`Registry`], what becomes of the connections of those tables that are kept
//! here. These may be all, or some, while others take the same packets and keep the other tables.

use std::array;

use serde::{Deserialize, Serialize};

use super::{Conversation, Targets};
use crate::capture::Packet;
use crate::packet::{Decoded, Decoder, Endpoint, FragmentLosses, Ignored};
use crate::tcp::{Bounds, Checkpoints, Forgotten, Registry, Rest, SHARDS, Table, shard};
use crate::time::At;

/// Tables of one capture, in which records `R` are remembered.
#[derive(Debug)]
pub struct Tables<R> {
    decoder: Decoder,
    ignored: Ignored,
    checkpoints: Checkpoints,
    tables: KeptTables<R>,
    last: At,
}

/// Those of the tables that are kept here.
#[derive(Debug)]
struct KeptTables<R>([Option<Box<Table<Conversation, R>>>; SHARDS]);

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

impl<R> Tables<R> {
    /// For a capture of which no more is kept than these bounds say: those of its tables that `are_kept` here.
    pub fn new(bounds: Bounds, targets: Targets, are_kept: impl Fn(usize) -> bool) -> Self {
        let table = || Box::new(Table::new(bounds.of_a_shard(), targets));
        Tables {
            decoder: Decoder::within(bounds.fragments),
            ignored: Ignored::default(),
            checkpoints: Checkpoints::default(),
            tables: KeptTables(array::from_fn(|number| are_kept(number).then(table))),
            last: At::default(),
        }
    }

    /// Takes the next packet.
    #[inline]
    pub fn take(
        &mut self,
        packet: &Packet<'_>,
        registry: &mut impl Registry<Conversation, Record = R>,
    ) {
        let at = At {
            frame: packet.frame,
            time: packet.time,
        };
        self.last = at;
        if let Some(checkpoint) = self.checkpoints.pass(at) {
            for table in self.tables.0.iter_mut().flatten() {
                table.check(checkpoint, registry);
            }
        }
        let tables = &mut self.tables;
        // What is for the tables of others goes no further. All else is large: it stays where it is.
        let (plainest, other);
        let (table, segment) = match Decoder::plainest(packet) {
            Some(segment) => {
                let Some(table) = tables.of(segment.src, segment.dst) else {
                    return;
                };
                plainest = segment;
                (table, &plainest)
            }
            None => {
                // A copy, so that the packet itself need not lie in memory for the plainest.
                other = self.decoder.decode_other(&{ *packet });
                let Decoded::Segment(segment) = &other else {
                    return tables.pass(&other, at, &mut self.ignored, registry);
                };
                let Some(table) = tables.of(segment.src, segment.dst) else {
                    return;
                };
                (table, segment)
            }
        };
        table.take(segment, registry);
    }

    /// The last packet that was taken.
    pub fn last(&self) -> At {
        self.last
    }

    /// The memory that the connections of these tables take, in octets.
    pub fn weight(&self) -> usize {
        self.tables
            .0
            .iter()
            .flatten()
            .map(|table| table.weight())
            .sum()
    }

    /// What there was beside the connections; of what tables forgot, that of these.
    pub fn beside(&self) -> Beside {
        let forgotten = self.tables.0.iter().flatten();
        Beside {
            ignored: self.ignored.clone(),
            fragments: self.decoder.fragment_losses(),
            forgotten: forgotten.map(|table| table.forgotten()).sum(),
        }
    }

    /// The capture is over: the connections that are left.
    pub fn into_rest(self) -> Rest<Conversation, R> {
        Rest::of(self.tables.0.into_iter().flatten().map(|table| *table))
    }
}

impl<R> KeptTables<R> {
    /// The table of a packet between these, if it is here.
    #[inline]
    fn of(&mut self, src: Endpoint, dst: Endpoint) -> Option<&mut Table<Conversation, R>> {
        self.0.get_mut(shard(src, dst))?.as_deref_mut()
    }

    /// Counts what is no segment, and lets a header without one take its part.
    fn pass(
        &mut self,
        other: &Decoded<'_>,
        at: At,
        ignored: &mut Ignored,
        registry: &mut impl Registry<Conversation, Record = R>,
    ) {
        match other {
            Decoded::Segment(_) => {}
            Decoded::Header(header) => {
                ignored.count(header.reason);
                if let Some(table) = self.of(header.src, header.dst) {
                    table.skip(header, at, registry);
                }
            }
            Decoded::Ignored(reason) => ignored.count(*reason),
        }
    }
}
