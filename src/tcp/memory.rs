//! All connections of a table that are over.
//!
//! In: those that are over, one after the other, and packets that still come. Out: the one between two endpoints, and
//! those that had their last packet long enough ago. How many there are does not slow down the search for those that are
//! open.

use hashbrown::HashTable;

use super::ends::Ends;
use super::remembered::Remembered;
use crate::slab::{Slab, Spot};
use crate::time::At;

/// All those of a table.
#[derive(Debug)]
pub(super) struct Memory<R> {
    all: Slab<Entry<R>>,
    by_ends: HashTable<Known>,
    /// The one that had its last packet first.
    oldest: Option<Spot>,
    /// The one that had its last packet last.
    newest: Option<Spot>,
}

/// One of them, and its neighbours in the order in which they had their last packets. Very many are kept: so the order
/// is in them, and takes no room of its own.
#[derive(Debug)]
pub(super) struct Entry<R> {
    pub(super) remembered: Remembered<R>,
    before: Option<Spot>,
    pub(super) behind: Option<Spot>,
}

/// What it takes to find one, in octets: its place in a hash table that is being enlarged.
const PLACE: usize = 32;

/// The memory that one takes beside what lies elsewhere, in octets.
pub(super) const fn weight_of_one<R>() -> usize {
    size_of::<Entry<R>>() + PLACE
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
pub(super) struct Hash(u32);

impl Hash {
    pub(super) fn of(hash: u64) -> Self {
        Hash((hash >> 32) as u32)
    }

    /// What the hash table takes: it goes by the first bits and by the last.
    fn spread(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

impl<R> Memory<R> {
    pub(super) fn new() -> Self {
        Memory {
            all: Slab::default(),
            by_ends: HashTable::new(),
            oldest: None,
            newest: None,
        }
    }

    pub(super) fn add(&mut self, remembered: Remembered<R>) {
        let (hash, before) = (remembered.hash, self.newest);
        let spot = self.all.add(Entry {
            remembered,
            before,
            behind: None,
        });
        self.follow(before, Some(spot));
        self.newest = Some(spot);
        let known = Known { hash, spot };
        let hash_of = |other: &Known| other.hash.spread();
        self.by_ends.insert_unique(hash.spread(), known, hash_of);
    }

    /// Has this one come behind that in the order, or be the oldest.
    fn follow(&mut self, before: Option<Spot>, spot: Option<Spot>) {
        match before.and_then(|before| self.all.get_mut(before)) {
            Some(entry) => entry.behind = spot,
            None => self.oldest = spot,
        }
    }

    /// Has these two come one behind the other, without what was between them.
    fn join(&mut self, before: Option<Spot>, behind: Option<Spot>) {
        self.follow(before, behind);
        match behind.and_then(|behind| self.all.get_mut(behind)) {
            Some(entry) => entry.before = before,
            None => self.newest = before,
        }
    }

    /// The one between these ends, if there is one.
    pub(super) fn find(&self, hash: u64, ends: &Ends<'_>) -> Option<Known> {
        let hash = Hash::of(hash);
        let is_between = |there: &Remembered<R>| ends.sender_between(&there.ends.get()).is_some();
        let is_it = |known: &Known| known.hash == hash && self.get(*known).is_some_and(is_between);
        self.by_ends.find(hash.spread(), is_it).copied()
    }

    pub(super) fn get(&self, known: Known) -> Option<&Remembered<R>> {
        Some(&self.all.get(known.spot)?.remembered)
    }

    /// Lets one take notice of something; if that is a packet, it had its last packet after all others.
    pub(super) fn note(&mut self, known: Known, note: impl FnOnce(&mut Remembered<R>)) {
        let Some(entry) = self.all.get_mut(known.spot) else {
            return;
        };
        let before = entry.remembered.last;
        note(&mut entry.remembered);
        if entry.remembered.last != before {
            self.make_newest(known.spot);
        }
    }

    fn make_newest(&mut self, spot: Spot) {
        let Some(entry) = self.all.get(spot) else {
            return;
        };
        self.join(entry.before, entry.behind);
        let before = self.newest;
        if let Some(entry) = self.all.get_mut(spot) {
            (entry.before, entry.behind) = (before, None);
        }
        self.follow(before, Some(spot));
        self.newest = Some(spot);
    }

    /// Gives it up.
    pub(super) fn take(&mut self, known: Known) -> Option<Remembered<R>> {
        let is_it = |other: &Known| *other == known;
        let place = self.by_ends.find_entry(known.hash.spread(), is_it);
        place.ok()?.remove();
        let entry = self.all.take(known.spot)?;
        self.join(entry.before, entry.behind);
        Some(entry.remembered)
    }

    /// Has that fetched which will be needed to take those that come next: one of them, and the record of one before.
    pub(super) fn fetch(&self) -> Option<&R> {
        let next = self.all.get(self.oldest?)?;
        let second = self.all.get(next.behind?)?;
        if let Some(third) = second.behind {
            self.all.fetch(third);
        }
        Some(&second.remembered.record)
    }

    /// Takes the next one that had its last packet long enough ago.
    pub(super) fn pop_if(&mut self, is_due: impl Fn(At) -> bool) -> Option<Remembered<R>> {
        let spot = self.oldest?;
        let &Remembered { hash, last, .. } = &self.all.get(spot)?.remembered;
        is_due(last).then(|| self.take(Known { hash, spot }))?
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Known, &Remembered<R>)> {
        let there = |known: &Known| Some((*known, self.get(*known)?));
        self.by_ends.iter().filter_map(there)
    }

    pub(super) fn into_entries(self) -> Slab<Entry<R>> {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::super::PerPeer;
    use super::super::ends::Packed;
    use super::super::numbering::Numbering;
    use super::*;
    use crate::packet::Endpoint;
    use crate::time::Time;

    fn at(frame: u64) -> At {
        At {
            frame,
            time: Time::default(),
        }
    }

    fn endpoint(number: u64) -> Endpoint {
        Endpoint::new([10, 0, 0, 1].into(), number as u16)
    }

    #[test]
    fn they_are_kept_in_the_order_of_their_last_packets() {
        let server = endpoint(80);
        for seed in 0..100 {
            let mut random = fastrand::Rng::with_seed(seed);
            // The numbers and last frames of those that are there; some of them share a hash.
            let (mut memory, mut model) = (Memory::new(), Vec::<(u64, u64)>::new());
            let hash_of = |stream: u64| stream % 7 * 0x0101_0101_0101_0101;
            for frame in 1..400 {
                let some = model.get(random.usize(..=model.len()).min(60)).copied();
                let known = some.and_then(|(stream, _)| {
                    let client = endpoint(stream);
                    let (src, dst) = (&server, &client);
                    memory.find(hash_of(stream), &Ends { src, dst })
                });
                assert_eq!(known.is_some(), some.is_some());
                match (random.u8(..10), some.zip(known)) {
                    (0, Some(((stream, _), known))) => {
                        assert_eq!(memory.take(known).map(|it| it.stream), Some(stream));
                        model.retain(|other| other.0 != stream);
                    }
                    (1 | 2, Some((some, known))) => {
                        memory.note(known, |it| it.last = at(frame));
                        model.retain(|other| *other != some);
                        model.push((some.0, frame));
                    }
                    (3, Some((_, known))) => memory.note(known, |it| it.packets += 1),
                    (4 | 5, _) => {
                        let due = frame.saturating_sub(30);
                        let popped = memory.pop_if(|last| last.frame < due);
                        let is_due = model.first().is_some_and(|first| first.1 < due);
                        let first = is_due.then(|| model.remove(0));
                        assert_eq!(popped.map(|it| (it.stream, it.last.frame)), first);
                    }
                    _ => {
                        let (stream, last) = (1000 + frame, at(frame));
                        let client = endpoint(stream);
                        let remembered = Remembered {
                            ends: Packed::new(&PerPeer { client, server }),
                            stream,
                            packets: 0,
                            last,
                            numbering: Numbering::default(),
                            record: (),
                            hash: Hash::of(hash_of(stream)),
                        };
                        memory.add(remembered);
                        model.push((stream, frame));
                    }
                }
                memory.fetch();
            }
            let mut there: Vec<u64> = memory.iter().map(|(_, it)| it.stream).collect();
            there.sort_unstable();
            let mut left = model.iter().map(|(stream, _)| *stream).collect::<Vec<_>>();
            left.sort_unstable();
            assert_eq!(there, left);
            let in_order = std::iter::from_fn(|| memory.pop_if(|_| true));
            assert!(
                in_order
                    .map(|it| it.stream)
                    .eq(model.iter().map(|one| one.0))
            );
        }
    }
}
