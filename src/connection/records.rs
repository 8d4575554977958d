//! Records of exchanges, numbered one after the other.
//!
//! In: records. Out: each by its number. The latest lies with what is kept of the connection, and those before it in blocks
//! of memory: where one is full, another is begun, and what is in it stays there. It was not looked at for long, and to
//! move it would be to fetch all of it. Blocks of connections that are over are given to further ones: those that were used
//! last, which are in the caches.

use std::cell::RefCell;
use std::iter;
use std::mem;

use super::line::LineKind;
use super::record::Record;
use crate::fetch;

/// A queue of records.
#[derive(Clone, Debug)]
pub(super) struct Records {
    /// The number of the first that is still there.
    first: u64,
    /// The number that the next one will have.
    next: u64,
    /// The one before that, if there is any: most of what happens, happens to it, so that it lies with what else is looked
    /// at then.
    latest: Record,
    /// The block behind which it comes, which is not full.
    last: Block,
    /// Those before that.
    full: Vec<Block>,
}

/// Records in a row.
#[derive(Clone, Debug, Default)]
struct Block {
    /// The number of the first.
    start: u64,
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
        if self.last.records.capacity() > 0 {
            spare(mem::take(&mut self.last.records));
            while let Some(block) = self.full.pop() {
                spare(block.records);
            }
        }
    }
}

impl Default for Records {
    fn default() -> Self {
        Records {
            first: 0,
            next: 0,
            latest: Record::of_odd(LineKind::None),
            last: Block::default(),
            full: Vec::new(),
        }
    }
}

impl Block {
    /// The number behind its last.
    #[inline]
    fn end(&self) -> u64 {
        self.start + self.records.len() as u64
    }

    #[inline]
    fn get_mut(&mut self, number: u64) -> Option<&mut Record> {
        let place = self.place(number)?;
        self.records.get_mut(place)
    }

    #[inline]
    fn get(&self, number: u64) -> Option<&Record> {
        self.records.get(self.place(number)?)
    }

    /// Where the one of this number would be.
    #[inline]
    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.start)?).ok()
    }
}

impl Records {
    /// The number of the first that is still there.
    #[inline]
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next one will have.
    #[inline]
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// How many there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        (self.next - self.first) as usize
    }

    /// Takes all of them out.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Self {
        Records {
            first: mem::take(&mut self.first),
            next: mem::take(&mut self.next),
            // Where there is none, nobody looks at the one that was the latest.
            latest: self.latest,
            last: mem::take(&mut self.last),
            full: mem::take(&mut self.full),
        }
    }

    /// Adds one behind the others.
    #[inline]
    pub(super) fn push(&mut self, record: Record) {
        self.next += 1;
        let before = mem::replace(&mut self.latest, record);
        if self.next > 1 {
            self.push_to_block(before);
        }
    }

    #[inline]
    fn push_to_block(&mut self, record: Record) {
        if self.last.records.len() == self.last.records.capacity() {
            self.begin_block();
        }
        self.last.records.push(record);
    }

    /// Has fetched where the next one will lie: that part of memory was not looked at for long.
    #[inline]
    pub(super) fn fetch(&self) {
        let records = &self.last.records;
        fetch::value(records, records.len());
    }

    #[inline(never)]
    fn begin_block(&mut self) {
        let start = self.last.end();
        if start > self.last.start {
            self.full.push(mem::take(&mut self.last));
        }
        self.last = Block {
            start,
            records: block(size_behind(self.full.len())),
        };
    }

    /// The one of this number, where it is still there.
    #[inline]
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Record> {
        if number + 1 == self.next {
            Some(&mut self.latest)
        } else {
            self.get_mut_in_block(number)
        }
    }

    /// The same of one in a block: where very many can change, it may be in any of them.
    #[inline(never)]
    fn get_mut_in_block(&mut self, number: u64) -> Option<&mut Record> {
        if number < self.first {
            return None;
        }
        if number >= self.last.start {
            return self.last.get_mut(number);
        }
        let place = self.full_with(number)?;
        self.full.get_mut(place)?.get_mut(number)
    }

    /// The one of this number, if that is not below the first.
    #[inline]
    fn get(&self, number: u64) -> Option<&Record> {
        if number + 1 == self.next {
            Some(&self.latest)
        } else {
            self.get_in_block(number)
        }
    }

    #[inline(never)]
    fn get_in_block(&self, number: u64) -> Option<&Record> {
        if number >= self.last.start {
            return self.last.get(number);
        }
        self.full.get(self.full_with(number)?)?.get(number)
    }

    /// The place of the full block with the one of this number.
    fn full_with(&self, number: u64) -> Option<usize> {
        let behind = self.full.partition_point(|block| block.start <= number);
        behind.checked_sub(1)
    }

    /// All of them, with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Record)> {
        let full = self.full.iter().map(|block| &block.records);
        let mut blocks = full.chain([&self.last.records]);
        let mut block = [].iter();
        let before = self.full.first().unwrap_or(&self.last).start;
        let mut gone = (self.first - before) as usize;
        let records = iter::from_fn(move || {
            loop {
                if let Some(record) = block.next() {
                    return Some(record);
                }
                let next = blocks.next()?;
                block = next.get(mem::take(&mut gone)..).unwrap_or_default().iter();
            }
        });
        (self.first..self.next).zip(records.chain([&self.latest]))
    }

    /// The same, from the last to the first.
    #[inline]
    pub(super) fn latest_first(&self) -> impl Iterator<Item = (u64, &Record)> {
        let numbers = (self.first..self.next).rev();
        numbers.filter_map(|number| Some((number, self.get(number)?)))
    }

    /// Drops the first of so many that it is in a full block.
    pub(super) fn drop_first(&mut self) {
        self.first += 1;
        let gone = |block: &Block| block.end() <= self.first;
        if self.full.first().is_some_and(gone) {
            self.full.remove(0);
        }
    }

    /// The memory that they take, in octets; that of those that are gone is given back by and by, and does not count.
    #[inline]
    pub(super) fn weight(&self) -> usize {
        let records = &self.last.records;
        let in_blocks = self.last.end() - self.first;
        (in_blocks as usize + records.capacity() - records.len()) * size_of::<Record>()
    }

    pub(super) fn shrink(&mut self) {
        self.last.records.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
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
        // Two of 4, six of 8, and part of one of 39; the last is in none.
        drop(of(60));
        assert_eq!(spare_blocks(), [2, 6, 1, 0]);
        let some = of(10);
        assert_eq!(some.iter().count(), 10);
        assert_eq!(spare_blocks(), [0, 5, 1, 0]);
        let others = of(6);
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
