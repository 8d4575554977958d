//! Which requests wait for a response: their numbers, in order.
//!
//! Requests of a connection are numbered one after the other, so that a million that nobody answers are one range.

use std::collections::VecDeque;
use std::ops::Range;

/// Numbers in ascending order: ranges, of which mostly there is one.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    first: Range<u64>,
    /// Those behind it.
    #[expect(
        clippy::box_collection,
        reason = "there are many connections, and few have a second range"
    )]
    others: Option<Box<VecDeque<Range<u64>>>>,
}

impl Waiting {
    /// Adds a number that is higher than all others.
    pub(super) fn push(&mut self, number: u64) {
        let others = self.others.as_mut();
        let last = others.and_then(|others| others.back_mut());
        let last = last.unwrap_or(&mut self.first);
        if last.is_empty() {
            *last = number..number + 1;
        } else if last.end == number {
            last.end += 1;
        } else {
            let others = self.others.get_or_insert_default();
            others.push_back(number..number + 1);
        }
    }

    pub(super) fn first(&self) -> Option<u64> {
        (!self.first.is_empty()).then_some(self.first.start)
    }

    pub(super) fn second(&self) -> Option<u64> {
        let first = self.first()?;
        if self.first.end - first > 1 {
            return Some(first + 1);
        }
        Some(self.others.as_ref()?.front()?.start)
    }

    pub(super) fn pop(&mut self) {
        if self.first.is_empty() {
            return;
        }
        self.first.start += 1;
        if self.first.is_empty()
            && let Some(others) = &mut self.others
        {
            self.first = others.pop_front().unwrap_or_default();
        }
    }

    pub(super) fn shrink(&mut self) {
        self.others.take_if(|others| others.is_empty());
    }

    /// The memory that it has taken beside its own size, in octets.
    pub(super) fn weight(&self) -> usize {
        let weight = |others: &VecDeque<_>| {
            size_of::<VecDeque<Range<u64>>>() + others.capacity() * size_of::<Range<u64>>()
        };
        self.others.as_deref().map_or(0, weight)
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
