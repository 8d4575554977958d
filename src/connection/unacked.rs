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
    /// Twice the number of its exchange, and one more where it is the end of the head.
    place: u64,
}

/// What ends there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Head,
    Whole,
}

impl Unacked {
    /// Behind any offset: what stands where nothing waits.
    const NONE: Unacked = Unacked {
        offset: u64::MAX,
        place: u64::MAX,
    };

    #[inline]
    pub(super) fn new(offset: u64, exchange: u64, part: Part) -> Self {
        Unacked {
            offset,
            place: exchange << 1 | u64::from(part == Part::Head),
        }
    }

    /// The number of its exchange.
    #[inline]
    pub(super) fn exchange(self) -> u64 {
        self.place >> 1
    }

    #[inline]
    pub(super) fn part(self) -> Part {
        match self.place & 1 {
            0 => Part::Whole,
            _ => Part::Head,
        }
    }
}

/// Those of one side. Mostly there is one, or the two of a message that says close: they take no memory of their own.
#[derive(Debug)]
pub(super) struct Queue {
    first: Unacked,
    second: Unacked,
    #[expect(
        clippy::box_collection,
        reason = "there are many connections, and few have a third"
    )]
    others: Option<Box<VecDeque<Unacked>>>,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            first: Unacked::NONE,
            second: Unacked::NONE,
            others: None,
        }
    }
}

impl Queue {
    /// Adds one behind all others. Where there are too many, since nobody acknowledges anything in a capture of one
    /// direction only, the first gives way.
    #[inline]
    pub(super) fn push(&mut self, unacked: Unacked) -> Option<Unacked> {
        if !self.waits() {
            self.first = unacked;
        } else if self.second.offset == u64::MAX {
            self.second = unacked;
        } else {
            return self.push_third(unacked);
        }
        None
    }

    fn push_third(&mut self, unacked: Unacked) -> Option<Unacked> {
        let others = self.others.get_or_insert_default();
        others.push_back(unacked);
        (others.len() > MAX_UNACKED - 2).then(|| self.pop())
    }

    /// Whether any waits.
    #[inline]
    fn waits(&self) -> bool {
        self.first.offset != u64::MAX
    }

    /// Whether the first has an offset no higher than this.
    #[inline]
    pub(super) fn has_up_to(&self, offset: u64) -> bool {
        self.first.offset <= offset
    }

    /// Takes the first, if its offset is no higher than this.
    #[inline]
    pub(super) fn pop_up_to(&mut self, offset: u64) -> Option<Unacked> {
        (self.has_up_to(offset) && self.waits()).then(|| self.pop())
    }

    /// The lowest number of their exchanges; the highest there is where there are none. A response to nobody comes behind
    /// requests that wait for theirs.
    #[inline]
    pub(super) fn lowest_exchange(&self) -> u64 {
        let lowest = self.first.place.min(self.second.place);
        let lowest = match &self.others {
            None => lowest,
            Some(others) => {
                let places = others.iter().map(|unacked| unacked.place);
                places.fold(lowest, u64::min)
            }
        };
        lowest >> 1
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

    #[inline]
    fn pop(&mut self) -> Unacked {
        let third = match &mut self.others {
            Some(others) => others.pop_front().unwrap_or(Unacked::NONE),
            None => Unacked::NONE,
        };
        std::mem::replace(&mut self.first, std::mem::replace(&mut self.second, third))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unacked(offset: u64) -> Unacked {
        Unacked::new(offset, offset / 2, Part::Whole)
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
        assert_eq!(queue.lowest_exchange(), u64::MAX >> 1);
        queue.shrink();
        assert_eq!(queue.weight(), 0);
    }

    #[test]
    fn of_too_many_the_first_gives_way() {
        let mut queue = Queue::default();
        let all = MAX_UNACKED as u64 + 3;
        let given_up = (0..all).filter_map(|offset| queue.push(unacked(offset)));
        assert!(given_up.map(|unacked| unacked.offset).eq(0..3));
        let left = std::iter::from_fn(|| queue.pop_up_to(all));
        assert_eq!(left.count(), MAX_UNACKED);
    }
}
