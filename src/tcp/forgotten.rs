//! Connections that are remembered no more, though packets of them may still come.
//!
//! In: the endpoints of closed connections that were dropped, and of streams that begin without a SYN. Out: counts.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::iter::Sum;

use serde::{Deserialize, Serialize};

use crate::packet::Endpoint;

/// How many pairs of endpoints are known to have been forgotten: the latest.
const MAX_PAIRS: usize = 1 << 14;

/// What may have become two streams though it was one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// Closed connections that were dropped before [`REMEMBERED`](super::REMEMBERED) was over, for want of room.
    /// Nothing is missing in their records; a later packet of theirs begins a new stream.
    pub early: u64,
    /// Streams that began without a SYN where a connection of the same endpoints had been closed and forgotten.
    pub resumed: u64,
}

impl Sum for Forgotten {
    fn sum<I: Iterator<Item = Forgotten>>(all: I) -> Self {
        all.fold(Forgotten::default(), |sum, one| Forgotten {
            early: sum.early + one.early,
            resumed: sum.resumed + one.resumed,
        })
    }
}

/// The endpoints of those that were forgotten last, by their hashes: it is but to count.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    known: HashSet<u64>,
    in_order: VecDeque<u64>,
}

impl Pairs {
    pub(super) fn add(&mut self, a: Endpoint, b: Endpoint) {
        let hash = hash(a, b);
        if !self.known.insert(hash) {
            return;
        }
        self.in_order.push_back(hash);
        if self.in_order.len() > MAX_PAIRS
            && let Some(first) = self.in_order.pop_front()
        {
            self.known.remove(&first);
        }
    }

    /// Whether it was among them; from now on it is not.
    pub(super) fn take(&mut self, a: Endpoint, b: Endpoint) -> bool {
        !self.known.is_empty() && self.known.remove(&hash(a, b))
    }
}

/// The same for both directions, and in every run, so that the counts are.
fn hash(a: Endpoint, b: Endpoint) -> u64 {
    let mut hasher = DefaultHasher::new();
    (a.min(b), a.max(b)).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(number: usize) -> Endpoint {
        let ip = std::net::Ipv4Addr::from_bits(number as u32).into();
        Endpoint::new(ip, 80)
    }

    #[test]
    fn what_was_forgotten_is_known_once() {
        let [a, b, c] = [1, 2, 3].map(endpoint);
        let mut pairs = Pairs::default();
        assert!(!pairs.take(a, b));
        pairs.add(a, b);
        pairs.add(b, c);
        assert!(!pairs.take(a, c));
        assert!(pairs.take(c, b) && pairs.take(a, b));
        assert!(!pairs.take(a, b));
    }

    #[test]
    fn of_very_many_the_latest_are_known() {
        let mut pairs = Pairs::default();
        let server = endpoint(usize::MAX);
        let all = 3 * MAX_PAIRS;
        (0..all).for_each(|client| pairs.add(endpoint(client), server));
        assert_eq!(pairs.in_order.len(), MAX_PAIRS);
        let known = (0..all).filter(|&client| pairs.take(endpoint(client), server));
        assert!(known.eq(2 * MAX_PAIRS..all));
        assert!(pairs.known.is_empty());
    }
}
