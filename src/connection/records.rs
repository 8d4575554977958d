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
    full: VecDeque<Vec<Record>>,
    /// How many are in full blocks, with those that are gone.
    in_full: usize,
    /// How many at the beginning of the first block are gone.
    gone: usize,
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
        let block = mem::replace(&mut self.last, Vec::with_capacity(count));
        if !block.is_empty() {
            self.in_full += block.len();
            self.full.push_back(block);
        }
    }

    /// The one at this place.
    #[inline]
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Record> {
        let place = place + self.gone;
        match place.checked_sub(self.in_full) {
            Some(place) => self.last.get_mut(place),
            None => {
                let (block, place) = self.in_full(place);
                self.full.get_mut(block)?.get_mut(place)
            }
        }
    }

    /// In which of the full blocks it lies, and where there. Mostly it is one of the latest.
    fn in_full(&self, place: usize) -> (usize, usize) {
        let mut start = self.in_full;
        for (number, block) in self.full.iter().enumerate().rev() {
            start -= block.len();
            if let Some(place) = place.checked_sub(start) {
                return (number, place);
            }
        }
        (self.full.len(), 0)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        let mut blocks = self.full.iter().chain([&self.last]);
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
                block = blocks.next_back()?.iter();
            }
        })
        .take(self.len())
    }

    /// Drops the first.
    pub(super) fn drop_first(&mut self) {
        self.gone += 1;
        let first = self.full.front().unwrap_or(&self.last);
        if self.gone == first.len() {
            self.gone = 0;
            match self.full.pop_front() {
                Some(block) => self.in_full -= block.len(),
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
