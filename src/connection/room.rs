//! Memory for the exchanges of one connection after the other.
//!
//! In: exchanges of a connection that are not needed any more. Out: the memory in which they lay, unless it is much.

use std::mem;

use super::Exchange;

/// So many exchanges fit into what is kept.
const MOST: usize = 64;

/// Memory for exchanges.
#[derive(Debug, Default)]
pub struct Room(Vec<Exchange>);

impl Room {
    /// What there is of it, with nothing in it.
    pub(super) fn take(&mut self) -> Vec<Exchange> {
        mem::take(&mut self.0)
    }

    /// The memory of these may be used again.
    #[inline]
    pub fn give_back(&mut self, mut exchanges: Vec<Exchange>) {
        if exchanges.capacity() <= MOST {
            exchanges.clear();
            self.0 = exchanges;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_unless_it_is_much() {
        let mut room = Room::default();
        for count in [3, MOST, MOST + 1] {
            let mut exchanges = room.take();
            exchanges.clear();
            exchanges.shrink_to_fit();
            exchanges.reserve_exact(count);
            exchanges.push(Exchange::default());
            let capacity = exchanges.capacity();
            room.give_back(exchanges);
            let again = room.take();
            assert!(again.is_empty());
            assert_eq!(again.capacity(), if count > MOST { 0 } else { capacity });
        }
    }
}
