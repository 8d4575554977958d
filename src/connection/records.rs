//! Records of exchanges, one behind the other.
//!
//! In: records. Out: each by its place. They lie in blocks of memory: where one is full, another is begun, and what is in
//! it stays there. It was not looked at for long, and to move it would be to fetch all of it. Blocks of connections that
//! are over are given to further ones: those that were used last, which are in the caches.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::iter;
use std::mem;

use super::record::Record;
use crate::fetch;

/// A queue of records.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    /// The block that is not full.
    last: Vec<Record>,
    /// Those before it.
    full: VecDeque<Block>,
    /// How many are in full blocks, with those that are gone.
    in_full: usize,
    /// How many at the beginning of the first block are gone.
    gone: usize,
}

/// A block that is full.
#[derive(Clone, Debug)]
struct Block {
    /// How many records there ever were before its first.
    start: usize,
    records: Vec<Record>,
}

/// How many have room in a block of each size.
const SIZES: [usize; 4] = [4, 8, 39, 157];

/// The size of a block behind so many others: few connections have more than some exchanges, and some have very many.
fn size_behind(blocks: usize) -> usize {
    match blocks {
        0..2 => 0,
        2..8 => 1,
        8..12 => 2,
        _ => 3,
    }
}

/// So much memory is kept in spare blocks of one size, in octets.
const MAX_SPARE: usize = 64 << 10;

thread_local! {
    /// Empty blocks of this thread that nobody has, of each size.
    static SPARE: RefCell<[Vec<Vec<Record>>; SIZES.len()]> = const {
        RefCell::new([const { Vec::new() }; SIZES.len()])
    };
}

/// An empty block of the `nth` size.
#[inline]
fn block(nth: usize) -> Vec<Record> {
    let spare = SPARE.try_with(|spare| spare.borrow_mut().get_mut(nth)?.pop());
    match spare {
        Ok(Some(block)) => block,
        _ => Vec::with_capacity(SIZES.get(nth).copied().unwrap_or_default()),
    }
}

/// Keeps a block for whoever needs one next, if there is room for it.
#[inline]
fn spare(mut block: Vec<Record>) {
    let size = block.capacity();
    let Some(nth) = SIZES.iter().position(|&other| other == size) else {
        return;
    };
    block.clear();
    // Where the thread is over, it is given back.
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        let blocks = spare.get_mut(nth)?;
        let room = MAX_SPARE / (size * size_of::<Record>());
        (blocks.len() < room).then(|| blocks.push(block))
    });
}

impl Drop for Records {
    #[inline]
    fn drop(&mut self) {
        if self.last.capacity() > 0 {
            spare(mem::take(&mut self.last));
            while let Some(block) = self.full.pop_front() {
                spare(block.records);
            }
        }
    }
}

impl Records {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.in_full + self.last.len() - self.gone
    }

    /// Adds one behind the others.
    #[inline]
    pub(super) fn push(&mut self, record: Record) {
        if self.last.len() == self.last.capacity() {
            self.begin_block();
        }
        self.last.push(record);
        // The next one comes when this part of memory was not looked at for long.
        fetch::value(&self.last, self.last.len());
    }

    #[inline(never)]
    fn begin_block(&mut self) {
        if !self.last.is_empty() {
            let records = mem::take(&mut self.last);
            self.in_full += records.len();
            let before = self.full.back();
            let start = before.map_or(0, |block| block.start + block.records.len());
            self.full.push_back(Block { start, records });
        }
        self.last = block(size_behind(self.full.len()));
    }

    /// The one at this place.
    #[inline]
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Record> {
        let place = place + self.gone;
        match place.checked_sub(self.in_full) {
            Some(place) => self.last.get_mut(place),
            None => self.get_in_full(place),
        }
    }

    /// The one at this place in the full blocks: where very many can change, it may be in any of them.
    #[inline(never)]
    fn get_in_full(&mut self, place: usize) -> Option<&mut Record> {
        let place = self.full.front()?.start + place;
        let behind = self.full.partition_point(|block| block.start <= place);
        let block = self.full.get_mut(behind.checked_sub(1)?)?;
        block.records.get_mut(place - block.start)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        let full = self.full.iter().map(|block| &block.records);
        let mut blocks = full.chain([&self.last]);
        let mut block = [].iter();
        let mut gone = self.gone;
        iter::from_fn(move || {
            loop {
                if let Some(record) = block.next() {
                    return Some(record);
                }
                let next = blocks.next()?;
                block = next.get(mem::take(&mut gone)..).unwrap_or_default().iter();
            }
        })
    }

    /// All of them, from the last to the first.
    #[inline]
    pub(super) fn latest_first(&self) -> impl Iterator<Item = &Record> {
        let mut blocks = self.full.iter();
        let mut block = self.last.iter();
        iter::from_fn(move || {
            loop {
                if let Some(record) = block.next_back() {
                    return Some(record);
                }
                block = blocks.next_back()?.records.iter();
            }
        })
        .take(self.len())
    }

    /// Drops the first.
    pub(super) fn drop_first(&mut self) {
        self.gone += 1;
        let first = self.full.front().map(|block| &block.records);
        if self.gone == first.unwrap_or(&self.last).len() {
            self.gone = 0;
            match self.full.pop_front() {
                Some(block) => self.in_full -= block.records.len(),
                None => self.last.clear(),
            }
        }
    }

    /// The memory that they take, in octets.
    #[inline]
    pub(super) fn weight(&self) -> usize {
        (self.in_full + self.last.capacity()) * size_of::<Record>()
    }

    pub(super) fn shrink(&mut self) {
        self.last.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::LineKind;
    use super::*;

    fn of(count: usize) -> Records {
        let mut records = Records::default();
        (0..count).for_each(|_| records.push(Record::of_odd(LineKind::None)));
        assert_eq!(records.len(), count);
        records
    }

    /// How many spare blocks there are of each size.
    fn spare_blocks() -> [usize; SIZES.len()] {
        SPARE.with(|spare| spare.borrow().each_ref().map(Vec::len))
    }

    #[test]
    fn blocks_of_those_that_are_over_are_used_again() {
        // Two of 4, six of 8, and part of one of 39.
        drop(of(60));
        assert_eq!(spare_blocks(), [2, 6, 1, 0]);
        let some = of(10);
        assert_eq!(some.iter().count(), 10);
        assert_eq!(spare_blocks(), [0, 5, 1, 0]);
        let others = of(5);
        assert_eq!(spare_blocks(), [0, 5, 1, 0]);
        drop((some, others));
        assert_eq!(spare_blocks(), [4, 6, 1, 0]);
    }

    #[test]
    fn a_block_that_is_not_full_or_not_whole_is_no_other() {
        let mut records = of(70);
        (0..50).for_each(|_| records.drop_first());
        records.shrink();
        assert_eq!((records.len(), records.iter().count()), (20, 20));
        drop(records);
        // The one of 39 was cut to what was in it.
        assert_eq!(spare_blocks()[2..], [0, 0]);
    }

    #[test]
    fn spare_blocks_are_bounded() {
        let records: Vec<_> = (0..100).map(|_| of(1_000)).collect();
        drop(records);
        let octets = SIZES.map(|size| size * size_of::<Record>());
        for (count, octets) in spare_blocks().into_iter().zip(octets) {
            assert!(
                count > 0 && count * octets <= MAX_SPARE,
                "{count} of {octets}"
            );
        }
    }
}
