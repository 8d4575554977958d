//! Connections that are over, by their numbers.
//!
//! In: all that the tables remember at the end of a capture. Out: one after the other.

use std::vec;

use super::memory::{Entry, Memory};
use super::remembered::Remembered;
use crate::slab::{Slab, Spot};

/// So many places come before one that was fetched, with its record: half of them before the record is.
const AHEAD: usize = 16;

/// Those that are left, in order. There may be very many: the order is in them, but for where it begins in each of as
/// many spans of numbers, so that nearly no numbers are compared.
#[derive(Debug)]
pub(super) struct Numbered<R> {
    all: Slab<Entry<R>>,
    /// The first in each span.
    firsts: vec::IntoIter<Option<Spot>>,
    /// The next of all, and its number.
    next: Option<(u64, Spot)>,
}

impl<R> Numbered<R> {
    pub(super) fn of(memories: impl IntoIterator<Item = Memory<R>>) -> Self {
        let mut all = Slab::default();
        for memory in memories {
            all.append(memory.into_entries());
        }
        let firsts = put_in_order(&mut all);
        let mut numbered = Numbered {
            all,
            firsts: firsts.into_iter(),
            next: None,
        };
        numbered.step(None);
        numbered
    }

    /// The number of the next.
    pub(super) fn next_stream(&self) -> Option<u64> {
        self.next.map(|(stream, _)| stream)
    }

    /// Takes the next.
    pub(super) fn take_next(&mut self) -> Option<Remembered<R>> {
        let (_, spot) = self.next?;
        let entry = self.all.take(spot)?;
        self.step(entry.behind);
        Some(entry.remembered)
    }

    fn step(&mut self, behind: Option<Spot>) {
        let next = behind.or_else(|| self.firsts.find_map(|first| first));
        self.next = next.and_then(|spot| Some((stream(&self.all, spot)?, spot)));
    }

    /// Has one fetched that comes later; the record of one that comes earlier.
    pub(super) fn fetch(&self) -> Option<&R> {
        let firsts = self.firsts.as_slice();
        if let Some(Some(later)) = firsts.get(AHEAD) {
            self.all.fetch(*later);
        }
        let earlier = self.all.get((*firsts.get(AHEAD / 2)?)?)?;
        Some(&earlier.remembered.record)
    }
}

fn stream<R>(all: &Slab<Entry<R>>, spot: Spot) -> Option<u64> {
    Some(all.get(spot)?.remembered.stream)
}

/// Has each lead to the one behind it in its span; says where the spans begin.
fn put_in_order<R>(all: &mut Slab<Entry<R>>) -> Vec<Option<Spot>> {
    let (mut count, mut least, mut most) = (0, u64::MAX, 0);
    for stream in all.spots().filter_map(|spot| stream(all, spot)) {
        (count, least, most) = (count + 1, least.min(stream), most.max(stream));
    }
    let Some(width) = most.checked_sub(least).map(|between| between / count + 1) else {
        return Vec::new();
    };
    // In place of a division for each.
    let bits = width.next_power_of_two().ilog2();
    let mut firsts = vec![None; ((most - least) >> bits) as usize + 1];
    // Mostly they come in order: then backwards each is the first so far.
    for spot in all.spots().rev() {
        if let Some(stream) = stream(all, spot)
            && let Some(first) = firsts.get_mut(((stream - least) >> bits) as usize)
        {
            *first = Some(insert(all, *first, stream, spot));
        }
    }
    firsts
}

/// Puts one in its place among those that begin with this first one; says which is the first then. All in all, they are
/// compared no more often than there are numbers, since each has its own.
fn insert<R>(all: &mut Slab<Entry<R>>, first: Option<Spot>, number: u64, spot: Spot) -> Spot {
    let (mut before, mut behind) = (None, first);
    while let Some(other) = behind
        && let Some(entry) = all.get(other)
        && entry.remembered.stream < number
    {
        (before, behind) = (behind, entry.behind);
    }
    if let Some(entry) = all.get_mut(spot) {
        entry.behind = behind;
    }
    let Some(entry) = before.and_then(|before| all.get_mut(before)) else {
        return spot;
    };
    entry.behind = Some(spot);
    first.unwrap_or(spot)
}

#[cfg(test)]
mod tests {
    use super::super::PerPeer;
    use super::super::ends::Packed;
    use super::super::memory::Hash;
    use super::super::numbering::Numbering;
    use super::*;
    use crate::packet::Endpoint;
    use crate::time::At;

    fn remembered(stream: u64) -> Remembered<()> {
        let end = Endpoint::new([10, 0, 0, 1].into(), 80);
        let (client, server) = (end, end);
        Remembered {
            ends: Packed::new(&PerPeer { client, server }),
            stream,
            packets: 0,
            last: At::default(),
            numbering: Numbering::default(),
            record: (),
            hash: Hash::of(stream),
        }
    }

    #[test]
    fn each_is_taken_in_its_turn() {
        let mut random = fastrand::Rng::with_seed(6);
        for _ in 0..300 {
            let most = [1, 40, 2000, u64::MAX][random.usize(..4)];
            let count = random.usize(..300);
            let mut numbers: Vec<u64> = (0..count)
                .map(|_| match random.u8(..3) {
                    0 => random.u64(..most),
                    _ => random.u64(..most.min(900)),
                })
                .collect();
            numbers.sort_unstable();
            numbers.dedup();
            // Nearly in order, or not at all.
            let mut order = numbers.clone();
            if random.bool() {
                random.shuffle(&mut order);
            } else {
                order.chunks_mut(5).for_each(|some| random.shuffle(some));
            }
            let mut memories: Vec<Memory<()>> =
                (0..random.u8(1..5)).map(|_| Memory::new()).collect();
            for number in order {
                let memory = random.usize(..memories.len());
                memories[memory].add(remembered(number));
            }
            let mut numbered = Numbered::of(memories);
            for &number in &numbers {
                numbered.fetch();
                assert_eq!(numbered.next_stream(), Some(number));
                assert_eq!(numbered.take_next().map(|it| it.stream), Some(number));
            }
            assert_eq!(numbered.next_stream(), None);
            assert!(numbered.take_next().is_none());
        }
    }
}
