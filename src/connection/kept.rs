//! The exchanges of a connection that are kept while it is read, numbered one after the other.
//!
//! In: exchanges as they begin, and which of them can still change. Out: those that can, and all of them in the end.
//! The others are kept packed.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::mem;

use super::Exchanges;
use super::MAX_EXCHANGES;
use super::exchange::{Exchange, Request};
use super::gaps::Growing;
use super::noted::{Noted, Pause, pause_behind};
use super::packed::Packed;

/// The latest exchanges.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// How many came before the first that is kept.
    dropped: u64,
    packed: Packed,
    /// What is noted of those that are packed.
    noted: Noted,
    /// Those that can still change, and those behind them.
    open: VecDeque<Exchange>,
    /// The memory that the request lines in `open` take, in octets.
    lines: usize,
}

impl Kept {
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The exchange of this number, if it can still change.
    #[inline]
    pub(super) fn at(&mut self, number: u64) -> Option<&mut Exchange> {
        let index = number.checked_sub(self.first_open())?;
        self.open.get_mut(usize::try_from(index).ok()?)
    }

    /// Whether one more takes more memory, unless others are packed.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        !self.open.is_empty() && self.open.len() == self.open.capacity()
    }

    /// Adds an exchange, which is to begin with this request if any, and tells its number.
    #[inline(always)]
    pub(super) fn push(&mut self, request: Option<Request>) -> u64 {
        if self.packed.len() + self.open.len() >= MAX_EXCHANGES {
            self.drop_first();
        }
        if self.open.len() == self.open.capacity() {
            self.make_room();
        }
        self.lines += request.as_ref().map_or(0, line_weight);
        self.open.push_back(Exchange {
            request,
            response: None,
        });
        self.first_open() + self.open.len() as u64 - 1
    }

    /// The pause behind the last of them.
    pub(super) fn last_pause(&self) -> Option<Pause> {
        self.open.back().map_or(self.noted.pause, pause_behind)
    }

    /// Packs those before this number: nothing can happen to them any more.
    pub(super) fn pack(&mut self, settled: u64) {
        while self.first_open() < settled
            && let Some(exchange) = self.open.front_mut()
        {
            self.lines -= exchange.request.as_ref().map_or(0, line_weight);
            self.noted.add(exchange);
            self.packed.push(exchange);
            self.open.pop_front();
        }
    }

    /// Takes all of them out.
    pub(super) fn take(&mut self) -> Exchanges {
        let (packed, open) = (mem::take(&mut self.packed), mem::take(&mut self.open));
        let taken = Exchanges::new(packed, mem::take(&mut self.noted), open);
        self.lines = 0;
        match self.dropped {
            0 => taken,
            // Of those that were dropped, nothing is to be told.
            _ => Vec::from(taken).into(),
        }
    }

    /// Those that can change may have the memory of these.
    pub(super) fn reuse(&mut self, exchanges: Exchanges) {
        let memory = exchanges.into_memory();
        if memory.capacity() <= MOST_REUSED {
            self.open = memory;
        }
    }

    /// One in which nothing is, with the memory that this one, of which all were taken, had for those that could change.
    #[inline(always)]
    pub(super) fn renewed(&mut self) -> Self {
        debug_assert!(
            self.open.is_empty() && self.packed.len() == 0,
            "none is left of those that were taken"
        );
        Kept {
            open: mem::take(&mut self.open),
            ..Kept::default()
        }
    }

    /// The memory that it has taken beside its own size, in octets.
    pub(super) fn weight(&self) -> usize {
        self.open.capacity() * size_of::<Exchange>()
            + self.lines
            + self.packed.weight()
            + self.noted.gaps.weight()
    }

    /// Gives back what it has taken and needs no more.
    pub(super) fn shrink(&mut self) {
        self.open.shrink_to_fit();
        self.packed.shrink();
    }

    fn first_open(&self) -> u64 {
        self.dropped + self.packed.len() as u64
    }

    /// Most connections have one exchange or two; a deque would make room for four at once.
    #[inline(never)]
    fn make_room(&mut self) {
        self.open.reserve_exact(1 + self.open.len() / 2);
    }

    #[cold]
    fn drop_first(&mut self) {
        if self.packed.len() > 0 {
            self.packed.drop_first();
            // All is noted anew in the end.
            self.noted.gaps = Growing::default();
        } else {
            self.take_first_open();
        }
        self.dropped += 1;
    }

    fn take_first_open(&mut self) -> Option<Exchange> {
        let exchange = self.open.pop_front()?;
        self.lines -= exchange.request.as_ref().map_or(0, line_weight);
        Some(exchange)
    }
}

/// The memory of more than so many is given back.
const MOST_REUSED: usize = 64;

/// What the line of the request takes, with what an allocation costs.
fn line_weight(request: &Request) -> usize {
    match &request.line {
        Cow::Owned(line) => line.capacity() + 24,
        Cow::Borrowed(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_the_memory_of_another_has_nothing_of_it_but_that() {
        let mut kept = Kept::default();
        for number in 0..5 {
            assert_eq!(kept.push(None), number);
        }
        let weight = kept.weight();
        kept.pack(3);
        let exchanges = kept.take();
        assert_eq!(exchanges.len(), 5);
        kept.reuse(exchanges);
        let mut renewed = kept.renewed();
        assert_eq!((renewed.weight(), kept.weight()), (weight, 0));
        assert_eq!(renewed.push(None), 0);
        assert_eq!(renewed.take().len(), 1);
    }
}
