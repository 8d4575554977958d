//! Connections that are over: remembered in case that a packet still comes.
//!
//! In: what was made of connections that nothing can happen to any more, both sides having closed and acknowledged all.
//! Out: the same, once they are forgotten, with the packets that still came (RFC 9293 3.10.7.4, TIME-WAIT: they repeat
//! what there was). How many there are does not slow down the search for those that are open.

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::ends::{Ends, Packed};
use super::numbering::{Numbering, Numbers};
use super::{Peer, PerPeer};
use crate::packet::{Endpoint, Header, Segment};
use crate::slab::{Slab, Spot};
use crate::time::At;

/// What is known of a connection that is finished, apart from what was made of it when it was over: that need not have
/// it as well. A packet that comes late may change some of it.
#[derive(Clone, Copy, Debug)]
pub struct Latest {
    /// Its number.
    pub stream: u64,
    /// The two ends; the client is the side that opened it, or is taken for it.
    pub ends: PerPeer<Endpoint>,
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
    pub(super) ends: Packed,
    pub(super) stream: u64,
    pub(super) packets: u64,
    pub(super) last: At,
    pub(super) numbering: Numbering,
    pub(super) record: R,
    /// The memory that it takes, in octets, as far as there is room for it.
    pub(super) weight: u32,
}

/// What it takes to find one, in octets: its place in a hash table that is being enlarged, and in the order of those that
/// are to be forgotten.
const PLACE: usize = 96;

impl<R> Remembered<R> {
    /// What one takes that has these ends, and whose record takes so much beside its own size.
    pub(super) fn weight(ends: &Packed, record: usize) -> u32 {
        let weight = size_of::<Self>() + PLACE + ends.weight() + record;
        weight.try_into().unwrap_or(u32::MAX)
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
        self.packets += 1;
        self.last = segment.at;
    }

    /// What is known of it, where that was still watched until then.
    pub(super) fn latest(&self, seen_until: At) -> Latest {
        Latest {
            stream: self.stream,
            ends: self.ends.get(),
            packets: self.packets,
            last: self.last,
            seen_until,
        }
    }

    fn sender(&self, src: &Endpoint) -> Peer {
        if *src == self.ends.get().client {
            Peer::Client
        } else {
            Peer::Server
        }
    }
}

/// So many are taken before one that was fetched, with its record: half of them before the record is.
pub(super) const AHEAD: usize = 16;

/// All those of a table.
#[derive(Debug)]
pub(super) struct Memory<R> {
    all: Slab<Remembered<R>>,
    by_ends: HashTable<Known>,
    /// In the order in which they were last looked at.
    due: VecDeque<Due>,
}

/// Where one is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known {
    /// Of its ends: it is here, so that enlarging the hash table need not look at each.
    hash: Hash,
    spot: Spot,
}

/// As much of the hash of the ends as is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hash(u32);

impl Hash {
    fn of(hash: u64) -> Self {
        Hash((hash >> 32) as u32)
    }

    /// What the hash table takes: it goes by the first bits and by the last.
    fn spread(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

#[derive(Clone, Copy, Debug)]
struct Due {
    known: Known,
    stream: u64,
    last: At,
}

impl<R> Memory<R> {
    pub(super) fn new() -> Self {
        Memory {
            all: Slab::default(),
            by_ends: HashTable::new(),
            due: VecDeque::new(),
        }
    }

    /// Remembers one whose ends have this hash.
    pub(super) fn add(&mut self, hash: u64, remembered: Remembered<R>) {
        self.tidy();
        let (stream, last) = (remembered.stream, remembered.last);
        let spot = self.all.add(remembered);
        let hash = Hash::of(hash);
        let known = Known { hash, spot };
        self.due.push_back(Due {
            known,
            stream,
            last,
        });
        let hash_of = |other: &Known| other.hash.spread();
        self.by_ends.insert_unique(hash.spread(), known, hash_of);
    }

    /// Drops from what is to be looked at those that are gone, once they are most of it: where the clock stands still,
    /// none would ever come to the front.
    fn tidy(&mut self) {
        if self.due.len() > 2 * self.by_ends.len() + 1000 {
            self.drop_gone();
        }
    }

    fn drop_gone(&mut self) {
        let all = &self.all;
        let is_there = |due: &Due| {
            let there = all.get(due.known.spot);
            there.is_some_and(|there| there.stream == due.stream)
        };
        self.due.retain(is_there);
    }

    /// The one between these ends, if there is one.
    pub(super) fn find(&self, hash: u64, ends: &Ends<'_>) -> Option<Known> {
        let hash = Hash::of(hash);
        let is_between = |there: &Remembered<R>| ends.sender_between(&there.ends.get()).is_some();
        let is_it =
            |known: &Known| known.hash == hash && self.all.get(known.spot).is_some_and(is_between);
        self.by_ends.find(hash.spread(), is_it).copied()
    }

    pub(super) fn get_mut(&mut self, known: Known) -> Option<&mut Remembered<R>> {
        self.all.get_mut(known.spot)
    }

    /// Gives it up.
    pub(super) fn take(&mut self, known: Known) -> Option<Remembered<R>> {
        let is_it = |other: &Known| *other == known;
        let entry = self.by_ends.find_entry(known.hash.spread(), is_it);
        entry.ok()?.remove();
        self.all.take(known.spot)
    }

    /// Has that fetched which will be needed to take one that comes later; the record of one that comes earlier.
    pub(super) fn fetch(&self) -> Option<&R> {
        if let Some(due) = self.due.get(AHEAD) {
            self.all.fetch(due.known.spot);
        }
        let due = self.due.get(AHEAD / 2)?;
        Some(&self.all.get(due.known.spot)?.record)
    }

    /// Takes the next one that had its last packet long enough ago.
    pub(super) fn pop_if(&mut self, is_due: impl Fn(At) -> bool) -> Option<Remembered<R>> {
        while let Some(due) = self.due.pop_front_if(|due| is_due(due.last)) {
            let there = self.all.get(due.known.spot);
            let Some(there) = there.filter(|there| there.stream == due.stream) else {
                continue;
            };
            let last = there.last;
            if last == due.last {
                return self.take(due.known);
            }
            self.due.push_back(Due { last, ..due });
        }
        None
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Known, &Remembered<R>)> {
        let there = |known: &Known| Some((*known, self.all.get(known.spot)?));
        self.by_ends.iter().filter_map(there)
    }

    /// All of them, and the number of each with its place.
    pub(super) fn into_all(mut self) -> (Slab<Remembered<R>>, impl Iterator<Item = (u64, Spot)>) {
        // Mostly none is gone: then no memory is fetched to see that.
        if self.due.len() > self.by_ends.len() {
            self.drop_gone();
        }
        let places = self.due.into_iter();
        let places = places.map(|due| (due.stream, due.known.spot));
        (self.all, places)
    }
}
