//! Connections that are over: remembered in case that a packet still comes.
//!
//! In: what was made of connections that nothing can happen to any more, both sides having closed and acknowledged all.
//! Out: the same, once they are forgotten, with the packets that still came (RFC 9293 3.10.7.4, TIME-WAIT: they repeat
//! what there was). How many there are does not slow down the search for those that are open.

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::numbering::{Numbering, Numbers};
use super::{Peer, PerPeer};
use crate::packet::{Endpoint, Header, Segment};
use crate::time::At;

/// What is known of a connection apart from what was made of it: a packet that comes late may change it.
#[derive(Clone, Copy, Debug)]
pub struct Latest {
    /// Its packets.
    pub packets: u64,
    /// Its last packet.
    pub last: At,
    /// The latest packet of the capture, of any connection, by which it was still watched.
    pub seen_until: At,
}

/// A connection that is over.
#[derive(Debug)]
pub(super) struct Remembered<R> {
    pub(super) ends: PerPeer<Endpoint>,
    pub(super) stream: u64,
    pub(super) latest: Latest,
    pub(super) numbering: Numbering,
    pub(super) record: R,
    /// Of its ends.
    pub(super) hash: u64,
    /// The memory that it takes, in octets.
    pub(super) weight: usize,
}

/// What it takes to find one, in octets: its place in a hash table that is being enlarged, what allocations cost, and
/// its place in the order of those that are to be forgotten.
const PLACE: usize = 96;

impl<R> Remembered<R> {
    /// What one takes whose record takes so much beside its own size.
    pub(super) fn weight(record: usize) -> usize {
        size_of::<Self>() + PLACE + record
    }

    /// Whether a packet of `src` with these numbers belongs to another connection of the same endpoints.
    pub(super) fn is_another(&self, src: &Endpoint, numbers: Numbers) -> bool {
        self.numbering.is_another(self.sender(src), numbers)
    }

    /// Takes notice of a header that is nobody's data.
    pub(super) fn skip(&mut self, header: &Header) {
        self.numbering.note(self.sender(&header.src), header.into());
    }

    /// Takes notice of a packet that repeats what there was.
    pub(super) fn note(&mut self, segment: &Segment<'_>) {
        self.numbering
            .note(self.sender(&segment.src), segment.into());
        self.latest.packets += 1;
        self.latest.last = segment.at;
    }

    fn sender(&self, src: &Endpoint) -> Peer {
        if *src == self.ends.client {
            Peer::Client
        } else {
            Peer::Server
        }
    }
}

/// All those of a table.
#[derive(Debug)]
pub(super) struct Memory<R> {
    by_ends: HashTable<Box<Remembered<R>>>,
    /// In the order in which they were last looked at.
    due: VecDeque<Due>,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    hash: u64,
    stream: u64,
    last: At,
}

impl<R> Memory<R> {
    pub(super) fn new() -> Self {
        Memory {
            by_ends: HashTable::new(),
            due: VecDeque::new(),
        }
    }

    pub(super) fn add(&mut self, remembered: Box<Remembered<R>>) {
        self.tidy();
        self.due.push_back(Due {
            hash: remembered.hash,
            stream: remembered.stream,
            last: remembered.latest.last,
        });
        self.by_ends
            .insert_unique(remembered.hash, remembered, |other| other.hash);
    }

    /// Drops from what is to be looked at those that are gone, once they are most of it: where the clock stands still,
    /// none would ever come to the front.
    fn tidy(&mut self) {
        if self.due.len() > 2 * self.by_ends.len() + 1000 {
            let by_ends = &self.by_ends;
            let is_there = |due: &Due| by_ends.find(due.hash, |other| other.stream == due.stream);
            self.due.retain(|due| is_there(due).is_some());
        }
    }

    /// The one between these ends, if there is one.
    pub(super) fn find(
        &mut self,
        hash: u64,
        is_it: impl Fn(&PerPeer<Endpoint>) -> bool,
    ) -> Option<&mut Remembered<R>> {
        let found = self.by_ends.find_mut(hash, |other| is_it(&other.ends));
        found.map(|found| &mut **found)
    }

    /// Takes the one of this number.
    pub(super) fn take(&mut self, hash: u64, stream: u64) -> Option<Box<Remembered<R>>> {
        let entry = self
            .by_ends
            .find_entry(hash, |other| other.stream == stream);
        Some(entry.ok()?.remove().0)
    }

    /// Takes the next one that had its last packet long enough ago.
    pub(super) fn pop_if(&mut self, is_due: impl Fn(At) -> bool) -> Option<Box<Remembered<R>>> {
        while let Some(due) = self.due.pop_front_if(|due| is_due(due.last)) {
            let entry = self
                .by_ends
                .find_entry(due.hash, |other| other.stream == due.stream);
            let Ok(entry) = entry else {
                continue;
            };
            let last = entry.get().latest.last;
            if last == due.last {
                return Some(entry.remove().0);
            }
            self.due.push_back(Due { last, ..due });
        }
        None
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Remembered<R>> {
        self.by_ends.iter().map(|remembered| &**remembered)
    }

    pub(super) fn into_all(self) -> impl Iterator<Item = Box<Remembered<R>>> {
        self.by_ends.into_iter()
    }
}
