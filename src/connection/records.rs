//! Records of exchanges, one behind the other.
//!
//! In: records. Out: each by its place. They lie in blocks of memory: where one is full, another is begun, and what is in
//! it stays there. It was not looked at for long, and to move it would be to fetch all of it.

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

/// How many have room in a block, from so many other blocks on: few connections have more than some exchanges, and some
/// have very many. Blocks of few sizes are found again sooner by whoever gives memory.
const BLOCKS: [(usize, usize); 4] = [(4, 0), (8, 2), (39, 8), (157, 12)];

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
        let is_due = |&(_, from): &(usize, usize)| self.full.len() >= from;
        let (count, _) = BLOCKS.into_iter().rfind(is_due).unwrap_or_default();
        let records = mem::replace(&mut self.last, Vec::with_capacity(count));
        if !records.is_empty() {
            self.in_full += records.len();
            let before = self.full.back();
            let start = before.map_or(0, |block| block.start + block.records.len());
            self.full.push_back(Block { start, records });
        }
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

    /// Drops all, and keeps the memory of the last block.
    pub(super) fn clear(&mut self) {
        self.last.clear();
        if !self.full.is_empty() {
            self.full = VecDeque::new();
        }
        (self.in_full, self.gone) = (0, 0);
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
