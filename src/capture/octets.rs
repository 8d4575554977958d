//! Memory that begins with a page.
//!
//! In: how much. Out: octets to which a system copies as fast as it can what it has of a file. AMD's Zen 3 takes some five
//! times as long for what comes from the beginning of a page and is to lie 16 octets behind one, as large memory does that
//! the C library gives.

use std::ops::{Deref, DerefMut, Range};

/// Octets of the smallest page that systems have.
const PAGE: usize = 1 << 12;

/// Octets in a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Octets {
    /// What lies before the octets, and then these.
    memory: Vec<u8>,
    start: usize,
}

impl Octets {
    /// So many that are zero. Where there is a page of them, they begin with one.
    pub(super) fn zeroed(count: usize) -> Self {
        if count < PAGE {
            return Octets {
                memory: vec![0; count],
                start: 0,
            };
        }
        // Of new memory no more is touched than what is written.
        let memory = vec![0; count + PAGE];
        // It may be any number where nobody knows.
        let start = memory.as_ptr().align_offset(PAGE).min(PAGE);
        let mut octets = Octets { memory, start };
        octets.truncate(count);
        octets
    }

    /// Lets go of all that are behind so many.
    pub(super) fn truncate(&mut self, count: usize) {
        self.memory.truncate(self.start + count);
    }

    /// Puts others behind them.
    pub(super) fn extend_from_slice(&mut self, others: &[u8]) {
        self.memory.extend_from_slice(others);
    }

    /// The memory that they lie in; what comes before the first is of no use.
    #[inline]
    pub(super) fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// Where in the memory they lie.
    pub(super) fn place(&self) -> Range<usize> {
        self.start..self.memory.len()
    }

    /// How many octets of memory are held.
    pub(super) fn capacity(&self) -> usize {
        self.memory.capacity()
    }
}

impl Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.memory.get(self.place()).unwrap_or_default()
    }
}

impl DerefMut for Octets {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_octets_begin_with_a_page() {
        for count in [PAGE, PAGE + 1, 10 * PAGE, 100 * PAGE] {
            let mut octets = Octets::zeroed(count);
            assert_eq!(octets.as_ptr().addr() % PAGE, 0);
            assert_eq!(octets.len(), count);
            octets.truncate(7);
            octets.extend_from_slice(b"others");
            assert_eq!(*octets, *b"\0\0\0\0\0\0\0others");
            assert_eq!(octets.memory()[octets.place()], *octets);
        }
    }

    #[test]
    fn few_octets_take_no_more_memory_than_they_need() {
        for count in [0, 1, PAGE - 1] {
            let octets = Octets::zeroed(count);
            assert_eq!((octets.len(), octets.capacity()), (count, count));
        }
    }
}
