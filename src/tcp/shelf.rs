//! Things at offsets, in their order: a map that takes little more room than what is in it.
//!
//! In: things at offsets that no other has. Out: the first, and the neighbours of an offset. Most come in order, and
//! go in order; then nearly all room is filled, where a B-tree would leave its nodes half empty. Whatever the order,
//! none takes more than a few steps and the moving of half a block.

use std::collections::{BTreeMap, VecDeque};

/// How many things lie in one block.
const BLOCK: usize = 32;

/// Things of one kind at their offsets.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    /// None is empty. Each is found by its first offset; but the first block may have lost some from its front.
    blocks: BTreeMap<u64, VecDeque<(u64, T)>>,
    len: usize,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf {
            blocks: BTreeMap::new(),
            len: 0,
        }
    }
}

impl<T> Shelf<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn first(&self) -> Option<&(u64, T)> {
        let (_, block) = self.blocks.first_key_value()?;
        block.front()
    }

    pub(super) fn pop_first(&mut self) -> Option<(u64, T)> {
        let mut entry = self.blocks.first_entry()?;
        let first = entry.get_mut().pop_front();
        if entry.get().is_empty() {
            entry.remove();
        }
        self.len -= usize::from(first.is_some());
        first
    }

    /// The last of all, if it lies before this offset: mostly that is asked of an offset behind all others.
    fn last_before(&self, offset: u64) -> Option<&(u64, T)> {
        let (_, block) = self.blocks.last_key_value()?;
        block.back().filter(|(at, _)| *at < offset)
    }

    /// The last at this offset or before it.
    pub(super) fn at_or_before(&self, offset: u64) -> Option<&(u64, T)> {
        if let Some(last) = self.last_before(offset) {
            return Some(last);
        }
        let (_, block) = self.blocks.range(..=offset).next_back()?;
        let behind = block.partition_point(|(at, _)| *at <= offset);
        block.get(behind.checked_sub(1)?)
    }

    /// The first at this offset or behind it.
    pub(super) fn at_or_behind(&self, offset: u64) -> Option<&(u64, T)> {
        if self.last_before(offset).is_some() {
            return None;
        }
        let around = self.blocks.range(..=offset).next_back();
        let within = around.and_then(|(_, block)| {
            let before = block.partition_point(|(at, _)| *at < offset);
            block.get(before)
        });
        within.or_else(|| self.blocks.range(offset..).next()?.1.front())
    }

    /// All in order from the last at this offset or before it on.
    pub(super) fn around_mut(&mut self, offset: u64) -> impl Iterator<Item = &mut (u64, T)> {
        let around = self.blocks.range(..=offset).next_back();
        let (first, before) = around.map_or((offset, 0), |(first, block)| {
            let up_to = block.partition_point(|(at, _)| *at <= offset);
            (*first, up_to.saturating_sub(1))
        });
        let blocks = self.blocks.range_mut(first..);
        blocks.flat_map(|(_, block)| block).skip(before)
    }

    pub(super) fn insert(&mut self, offset: u64, thing: T) {
        self.len += 1;
        if let Some(mut last) = self.blocks.last_entry()
            && let block = last.get_mut()
            && block.len() < BLOCK
            && block.back().is_some_and(|(at, _)| *at < offset)
        {
            return block.push_back((offset, thing));
        }
        let Some((_, block)) = self.blocks.range_mut(..=offset).next_back() else {
            return self.insert_first(offset, thing);
        };
        let before = block.partition_point(|(at, _)| *at < offset);
        if block.len() < BLOCK {
            return block.insert(before, (offset, thing));
        }
        let mut behind = block.split_off(before.max(BLOCK / 2));
        if before < BLOCK / 2 {
            block.insert(before, (offset, thing));
        } else {
            behind.insert(before - block.len(), (offset, thing));
        }
        self.put(behind);
    }

    /// Before all others.
    fn insert_first(&mut self, offset: u64, thing: T) {
        let (_, mut block) = self.blocks.pop_first().unwrap_or_default();
        if block.len() >= BLOCK {
            // It will not be the first any more.
            self.put(block);
            block = VecDeque::new();
        }
        block.push_front((offset, thing));
        self.put(block);
    }

    fn put(&mut self, block: VecDeque<(u64, T)>) {
        if let Some(&(first, _)) = block.front() {
            self.blocks.insert(first, block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_a_map_holds() {
        for seed in 0..300 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut shelf, mut map) = (Shelf::default(), BTreeMap::new());
            // Some go up, some go down, some go anywhere.
            let way = random.u8(..3);
            for step in 0..600 {
                let offset = match (way, random.u8(..8)) {
                    (_, 0) | (2, _) => random.u64(..700),
                    (0, _) => step,
                    _ => 700 - step,
                };
                if random.u8(..4) == 0 {
                    assert_eq!(shelf.pop_first(), map.pop_first(), "seed {seed}");
                } else if map.insert(offset, step).is_none() {
                    shelf.insert(offset, step);
                } else {
                    let mut around = shelf.around_mut(offset);
                    let (_, there) = around.find(|(at, _)| *at == offset).unwrap();
                    *there = step;
                }
                let at = random.u64(..710);
                let pair = |(at, thing): (&u64, &u64)| (*at, *thing);
                let before = map.range(..=at).next_back().map(pair);
                let behind = map.range(at..).next().map(pair);
                assert_eq!(shelf.first().copied(), map.first_key_value().map(pair));
                assert_eq!(shelf.at_or_before(at).copied(), before, "seed {seed}");
                assert_eq!(shelf.at_or_behind(at).copied(), behind, "seed {seed}");
                let all: Vec<_> = shelf.around_mut(at).map(|pair| *pair).collect();
                let from = before.or(behind).map_or(at, |(from, _)| from);
                let some: Vec<_> = map.range(from..).map(pair).collect();
                assert_eq!(all, some, "seed {seed}");
                assert_eq!((shelf.len(), shelf.is_empty()), (map.len(), map.is_empty()));
            }
        }
    }

    #[test]
    fn what_comes_in_order_fills_its_blocks() {
        for order in [|at| at, |at: u64| 10_000 - at] {
            let mut shelf = Shelf::default();
            (0..1000).for_each(|at| shelf.insert(order(at), ()));
            assert_eq!(shelf.blocks.len(), 1000_usize.div_ceil(BLOCK));
        }
    }
}
