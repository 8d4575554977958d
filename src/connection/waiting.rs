//! Which requests wait for a response: their numbers, in order.
//!
//! Requests of a connection are numbered one after the other, so that a million that nobody answers are one range.

use std::collections::VecDeque;
use std::ops::Range;

/// Numbers in ascending order.
#[derive(Debug, Default)]
pub(super) struct Waiting(VecDeque<Range<u64>>);

impl Waiting {
    /// Adds a number that is higher than all others.
    pub(super) fn push(&mut self, number: u64) {
        match self.0.back_mut() {
            Some(last) if last.end == number => last.end += 1,
            _ => self.0.push_back(number..number + 1),
        }
    }

    pub(super) fn first(&self) -> Option<u64> {
        Some(self.0.front()?.start)
    }

    pub(super) fn second(&self) -> Option<u64> {
        let first = self.0.front()?;
        if first.end - first.start > 1 {
            return Some(first.start + 1);
        }
        Some(self.0.get(1)?.start)
    }

    pub(super) fn pop(&mut self) {
        let Some(first) = self.0.front_mut() else {
            return;
        };
        first.start += 1;
        if first.is_empty() {
            self.0.pop_front();
        }
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// The memory that it has taken beside its own size, in octets.
    pub(super) fn weight(&self) -> usize {
        self.0.capacity() * size_of::<Range<u64>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_in_order() {
        let mut waiting = Waiting::default();
        let numbers = [0, 1, 2, 5, 7, 8];
        numbers.iter().for_each(|&number| waiting.push(number));
        for (at, number) in numbers.iter().enumerate() {
            assert_eq!(waiting.first(), Some(*number));
            assert_eq!(waiting.second(), numbers.get(at + 1).copied());
            waiting.pop();
        }
        assert_eq!((waiting.first(), waiting.second()), (None, None));
    }
}
