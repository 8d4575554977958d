//! Ends of heads and messages of one side that wait for their acknowledgement.
//!
//! In: ends, in the order of their offsets. Out: those that an acknowledgement covers, in the same order. What is done
//! with them is left to [`log`](super::log).

use std::collections::VecDeque;

/// How many ends of messages wait for their acknowledgement in one direction. One that waits longer is never known to
/// be acknowledged; the connection is marked where it was.
pub const MAX_UNACKED: usize = 1024;

/// An end that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unacked {
    /// The offset behind it.
    pub(super) offset: u64,
    /// The number of its exchange.
    pub(super) exchange: u64,
    pub(super) part: Part,
}

/// What ends there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Head,
    Whole,
}

/// Those of one side. Mostly there is one, or the two of a message that says close: they take no memory of their own.
#[derive(Debug, Default)]
pub(super) struct Queue {
    first: Option<Unacked>,
    second: Option<Unacked>,
    #[expect(
        clippy::box_collection,
        reason = "there are many connections, and few have a third"
    )]
    others: Option<Box<VecDeque<Unacked>>>,
}

impl Queue {
    /// Adds one behind all others. Where there are too many, since nobody acknowledges anything in a capture of one
    /// direction only, the first gives way.
    pub(super) fn push(&mut self, unacked: Unacked) -> Option<Unacked> {
        let first = (self.len() >= MAX_UNACKED).then(|| self.pop()).flatten();
        if self.first.is_none() {
            self.first = Some(unacked);
        } else if self.second.is_none() {
            self.second = Some(unacked);
        } else {
            self.others.get_or_insert_default().push_back(unacked);
        }
        first
    }

    /// Takes the first, if its offset is no higher than this.
    #[inline]
    pub(super) fn pop_up_to(&mut self, offset: u64) -> Option<Unacked> {
        let first = self.first.as_ref()?;
        if first.offset > offset {
            return None;
        }
        self.pop()
    }

    /// The lowest number of their exchanges; the highest there is where there are none. A response to nobody comes behind
    /// requests that wait for theirs.
    #[inline]
    pub(super) fn lowest_exchange(&self) -> u64 {
        let number = |unacked: &Option<Unacked>| unacked.map_or(u64::MAX, |end| end.exchange);
        let lowest = number(&self.first).min(number(&self.second));
        match &self.others {
            None => lowest,
            Some(others) => {
                let others = others.iter().map(|unacked| unacked.exchange);
                others.fold(lowest, u64::min)
            }
        }
    }

    pub(super) fn shrink(&mut self) {
        self.others.take_if(|others| others.is_empty());
    }

    /// The memory that it has taken beside its own size, in octets.
    pub(super) fn weight(&self) -> usize {
        let weight = |others: &VecDeque<_>| {
            size_of::<VecDeque<Unacked>>() + others.capacity() * size_of::<Unacked>()
        };
        self.others.as_deref().map_or(0, weight)
    }

    fn len(&self) -> usize {
        let others = self.others.as_ref().map_or(0, |others| others.len());
        usize::from(self.first.is_some()) + usize::from(self.second.is_some()) + others
    }

    fn pop(&mut self) -> Option<Unacked> {
        let others = self.others.as_mut();
        let third = || others.and_then(|others| others.pop_front());
        let next = self.second.take();
        if next.is_some() {
            self.second = third();
        }
        std::mem::replace(&mut self.first, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unacked(offset: u64) -> Unacked {
        Unacked {
            offset,
            exchange: offset / 2,
            part: Part::Whole,
        }
    }

    #[test]
    fn ends_come_out_in_order_once_they_are_covered() {
        let mut queue = Queue::default();
        assert!((1..=5).all(|offset| queue.push(unacked(offset)).is_none()));
        let covered = |queue: &mut Queue, upto| {
            let popped = std::iter::from_fn(|| queue.pop_up_to(upto));
            popped.map(|unacked| unacked.offset).collect::<Vec<_>>()
        };
        assert!(covered(&mut queue, 0).is_empty());
        assert_eq!(covered(&mut queue, 3), [1, 2, 3]);
        assert_eq!(queue.lowest_exchange(), 2);
        queue.push(unacked(6));
        assert_eq!(covered(&mut queue, 9), [4, 5, 6]);
        assert_eq!(queue.lowest_exchange(), u64::MAX);
        queue.shrink();
        assert_eq!(queue.weight(), 0);
    }

    #[test]
    fn of_too_many_the_first_gives_way() {
        let mut queue = Queue::default();
        let all = MAX_UNACKED as u64 + 3;
        let given_up = (0..all).filter_map(|offset| queue.push(unacked(offset)));
        assert!(given_up.map(|unacked| unacked.offset).eq(0..3));
        assert_eq!(queue.len(), MAX_UNACKED);
    }
}
