//! The octets of a stream, as many at a time as a format needs to see.
//!
//! In: any reader, however few octets it hands over at once. Out: a slice of what was read and not yet taken.
//! Where a record ends in that slice is the business of the formats.

use std::io::{self, Read};
use std::ops::Range;

/// Octets that are read at once, unless a single record needs more.
pub(super) const BLOCK: usize = 1 << 18;

/// A reader and the block that was read from it last.
///
/// The block is filled before it is handed out, because a pipe or a decompressor may give a few octets at a time.
/// What a format leaves untaken moves to the front of the next filling.
pub(super) struct Blocks {
    source: Box<dyn Read + Send>,
    source_state: SourceState,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// How many octets of the stream came before the buffer's first.
    before: u64,
}

/// Whether the source can still give octets.
enum SourceState {
    Open,
    Ended,
    Failed(io::Error),
}

impl Blocks {
    /// Nothing is read before the first [`fill`](Self::fill).
    pub(super) fn new(source: Box<dyn Read + Send>, block: usize) -> Self {
        Blocks {
            source,
            source_state: SourceState::Open,
            buffer: vec![0; block.max(1)],
            start: 0,
            end: 0,
            before: 0,
        }
    }

    /// What was read and not yet taken.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        self.at(self.start..self.end)
    }

    /// What lies there in the block at hand.
    #[inline]
    pub(super) fn at(&self, place: Range<usize>) -> &[u8] {
        match self.buffer.get(place) {
            Some(octets) => octets,
            None => nothing(),
        }
    }

    /// Takes the next `count` octets; fewer where fewer were read.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        let start = self.start;
        self.start = start.saturating_add(count).min(self.end);
        self.at(start..self.start)
    }

    /// Takes `count` octets, however many, and lets `see` see them piece by piece; says whether the stream had so
    /// many.
    pub(super) fn skip(&mut self, mut count: usize, see: &mut impl FnMut(&[u8])) -> bool {
        loop {
            let octets = self.take(count);
            see(octets);
            count -= octets.len();
            if count == 0 || !self.fill(1) {
                return count == 0;
            }
        }
    }

    /// How many octets of the stream were taken: where [`unread`](Self::unread) begins.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    /// How many octets of the stream were read.
    pub(super) fn octets_read(&self) -> u64 {
        self.before + self.end as u64
    }

    /// Reads on until the block is full or the source ends, and says whether `wanted` octets lie ready.
    ///
    /// The block grows only where it is too small for `wanted`, and only after every octet of it has arrived: a
    /// length field that lies cannot make it allocate. The caller bounds `wanted`.
    pub(super) fn fill(&mut self, wanted: usize) -> bool {
        self.move_unread_to_front();
        self.read_until_full();
        while self.end < wanted && matches!(self.source_state, SourceState::Open) {
            self.buffer.resize(self.buffer.len() * 2, 0);
            self.read_until_full();
        }
        self.end >= wanted
    }

    /// Drops what is unread and goes on with another stream.
    pub(super) fn read_from(&mut self, source: Box<dyn Read + Send>) {
        self.close();
        self.source = source;
        self.source_state = SourceState::Open;
        self.move_unread_to_front();
        self.before = 0;
    }

    /// Drops what is unread and reads no further.
    pub(super) fn close(&mut self) {
        self.take(usize::MAX);
        self.source_state = SourceState::Ended;
    }

    /// The error that ended the source, if one did; told once, and only when nothing more can be read.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        match std::mem::replace(&mut self.source_state, SourceState::Ended) {
            SourceState::Failed(error) => Some(error),
            SourceState::Open | SourceState::Ended => None,
        }
    }

    /// Takes the next `count` octets, which were read, and tells where in the block at hand they begin.
    #[inline]
    pub(super) fn pass(&mut self, count: usize) -> usize {
        let start = self.start;
        self.start = (start + count).min(self.end);
        start
    }

    /// How many octets are held in memory.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    fn move_unread_to_front(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.before += self.start as u64;
        self.end -= self.start;
        self.start = 0;
    }

    fn read_until_full(&mut self) {
        while matches!(self.source_state, SourceState::Open)
            && let Some(free) = self.buffer.get_mut(self.end..)
            && !free.is_empty()
        {
            match self.source.read(free) {
                Ok(0) => self.source_state = SourceState::Ended,
                Ok(count) => self.end += count.min(free.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.source_state = SourceState::Failed(error),
            }
        }
    }
}

/// What is at a place that is nowhere; nobody asks for one.
#[cold]
fn nothing() -> &'static [u8] {
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::{Drip, Failing};

    #[test]
    fn a_source_of_short_reads_fills_the_block() {
        let octets: Vec<u8> = (0..100).collect();
        let mut blocks = Blocks::new(Box::new(Drip::new(octets.clone(), 7)), 64);
        assert!(blocks.fill(1));
        assert_eq!(blocks.unread(), &octets[..64]);
        assert_eq!(blocks.take(60), &octets[..60]);
        assert!(blocks.fill(40));
        assert_eq!(blocks.unread(), &octets[60..]);
        assert_eq!((blocks.offset(), blocks.octets_read()), (60, 100));
    }

    #[test]
    fn the_block_grows_for_one_long_record_but_not_for_a_claim() {
        let mut long = Blocks::new(Box::new(Drip::new(vec![1; 1000], 1000)), 64);
        assert!(long.fill(900));
        assert_eq!(long.buffer.len(), 1024);

        let mut claim = Blocks::new(Box::new(Drip::new(vec![1; 60], 1000)), 64);
        assert!(!claim.fill(1 << 40));
        assert_eq!(claim.buffer.len(), 64);
        assert_eq!(claim.unread().len(), 60);
    }

    #[test]
    fn an_error_ends_the_source_and_what_was_read_stays() {
        let mut blocks = Blocks::new(Box::new(Failing::after(vec![7; 10])), 64);
        assert!(!blocks.fill(11));
        assert_eq!(blocks.unread(), [7; 10]);
        assert!(blocks.take_error().is_some());
        assert!(blocks.take_error().is_none());
    }

    #[test]
    fn a_closed_stream_gives_nothing_more() {
        let mut blocks = Blocks::new(Box::new(Drip::new(vec![1; 1000], 1000)), 64);
        assert!(blocks.fill(1));
        blocks.close();
        assert!(!blocks.fill(1));
        assert!(blocks.take(5).is_empty());
    }
}
