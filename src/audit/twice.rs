//! Which captures hold the same packets?
//!
//! In: the connections of several captures. Out: pairs of captures in which the same connections are. A connection is
//! the same where both sides' addresses and ports, the time of its first packet and that of its handshake are: packets
//! that come twice in the very same nanosecond or microsecond are the same ones. Only so many connections are remembered:
//! once there are more, every second one is forgotten, and so on, chosen by a hash. So what has many connections in
//! common is noticed among any number of captures.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::Row;
use crate::time::Span;

/// How many connections are remembered.
const REMEMBERED: usize = 1 << 18;

/// How many pairs of captures are told apart.
const PAIRS: usize = 10_000;

/// Connections of the captures up to now.
#[derive(Debug)]
pub struct Twice {
    /// The capture of each connection that is remembered, by its hash.
    seen: HashMap<u64, u32>,
    /// Higher hashes are not remembered.
    highest: u64,
    remembered: usize,
    /// Captures with a connection in both, the one that was read first in front.
    pairs: BTreeSet<(u32, u32)>,
}

impl Default for Twice {
    fn default() -> Self {
        Twice::of(REMEMBERED)
    }
}

impl Twice {
    fn of(remembered: usize) -> Self {
        Twice {
            seen: HashMap::new(),
            highest: u64::MAX,
            remembered,
            pairs: BTreeSet::new(),
        }
    }

    /// A connection was read, in the capture of this number.
    pub fn note(&mut self, Print(hash): Print, capture: usize) {
        let Ok(capture) = u32::try_from(capture) else {
            return;
        };
        if hash > self.highest {
            return;
        }
        let first = *self.seen.entry(hash).or_insert(capture);
        if first != capture && self.pairs.len() < PAIRS {
            self.pairs.insert((first, capture));
        }
        if self.seen.len() > self.remembered {
            self.highest /= 2;
            let highest = self.highest;
            self.seen.retain(|&hash, _| hash <= highest);
        }
    }

    /// The captures that have connections in common, by their numbers.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (usize, usize)> {
        let pairs = self.pairs.iter();
        pairs.map(|&(one, other)| (one as usize, other as usize))
    }
}

/// By what a connection is known again: a hash, the same in every run.
#[derive(Clone, Copy, Debug)]
pub struct Print(u64);

impl Print {
    /// That of this connection.
    pub fn of(row: &Row) -> Self {
        let (client, server) = (row.client, row.server);
        let words = [
            client.folded_address(),
            server.folded_address(),
            u64::from(client.port()) << 16 | u64::from(server.port()),
            row.first.time.nanos().cast_unsigned(),
            row.rtt.map_or(-1, Span::nanos).cast_unsigned(),
        ];
        Print(words.into_iter().fold(0, |hash, word| mixed(hash ^ word)))
    }
}

/// Spreads the bits of a word over all of it. Multiples of this lie apart (Knuth, The Art of Computer Programming 6.4),
/// and the upper half of a product depends on all bits of both factors.
fn mixed(word: u64) -> u64 {
    let product = u128::from(word ^ SPREAD) * u128::from(SPREAD);
    product as u64 ^ (product >> 64) as u64
}

/// 2 to the power of 64 by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Extent;
    use crate::script::play;
    use crate::time::Time;

    /// A connection that begins so many nanoseconds after others.
    fn row(later: i64) -> Row {
        let played = play("> GET /\n< 204\n");
        let mut row = Row::new(played.connection, played.judgement, Extent::Connection);
        row.first.time = Time::from_nanos((row.first.time.nanos() + later).into());
        row
    }

    fn pairs(twice: &mut Twice, captures: &[&[i64]]) -> Vec<(usize, usize)> {
        let mut row = row(0);
        let start = row.first.time.nanos();
        for (number, connections) in captures.iter().enumerate() {
            for later in *connections {
                row.first.time = Time::from_nanos((start + later).into());
                twice.note(Print::of(&row), number);
            }
        }
        twice.pairs().collect()
    }

    #[test]
    fn captures_with_a_connection_in_common_are_a_pair() {
        let captures: [&[i64]; 4] = [&[1, 2, 3], &[4, 5], &[3, 6], &[6, 7, 3]];
        assert_eq!(
            pairs(&mut Twice::default(), &captures),
            [(0, 2), (0, 3), (2, 3)]
        );
    }

    #[test]
    fn a_connection_that_comes_twice_in_one_capture_makes_no_pair() {
        assert_eq!(pairs(&mut Twice::default(), &[&[1, 1], &[2, 2]]), []);
    }

    #[test]
    fn another_handshake_or_another_port_is_another_connection() {
        let mut twice = Twice::default();
        let mut row = row(0);
        twice.note(Print::of(&row), 0);
        row.rtt = None;
        twice.note(Print::of(&row), 1);
        row.client = crate::packet::Endpoint::new(row.client.ip(), row.client.port() + 1);
        twice.note(Print::of(&row), 2);
        assert_eq!(twice.pairs().len(), 0);
    }

    #[test]
    fn what_has_many_in_common_is_noticed_although_few_are_remembered() {
        let mut twice = Twice::of(16);
        let many: Vec<i64> = (0..1000).collect();
        let others: Vec<i64> = (1000..9000).collect();
        let captures: [&[i64]; 3] = [&many, &others, &many];
        assert_eq!(pairs(&mut twice, &captures), [(0, 2)]);
        assert!(twice.seen.len() <= 16);
    }
}
