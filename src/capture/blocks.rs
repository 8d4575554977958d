//! The octets of a stream, as many at a time as a format needs to see.
//!
//! In: pieces of a stream, wherever they were cut. Out: a slice of what was read and not yet taken.
//! Where a record ends in that slice is the business of the formats.

use std::io;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use super::pieces::{Piece, Pieces};
use crate::fetch;

/// Octets that are looked at on the far side of a seam, if there are so many. Some small records are among them.
const BEHIND_SEAM: usize = 1 << 11;

/// A stream, and the piece of it that is looked at.
///
/// A record that lies in several pieces is looked at in a seam: a copy of what was untaken of one, and of as much of
/// the next as is needed.
pub(super) struct Blocks {
    source: Box<dyn Pieces>,
    source_state: SourceState,
    /// The piece, or the seam before it.
    view: Piece,
    /// The other of these.
    other: Piece,
    /// Where the seam is looked at: how many octets of the piece are in it.
    in_seam: Option<usize>,
    /// Where in the view's memory the untaken ones begin.
    start: usize,
    /// Where they end.
    end: usize,
    /// The offset in the stream of what would lie where the view's memory begins.
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
    pub(super) fn new(source: Box<dyn Pieces>) -> Self {
        Blocks {
            source,
            source_state: SourceState::Open,
            view: Piece::default(),
            other: Piece::default(),
            in_seam: None,
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

    /// What lies there in the view's memory.
    #[inline]
    pub(super) fn at(&self, place: Range<usize>) -> &[u8] {
        match self.view.memory().get(place) {
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
        self.before.wrapping_add(self.start as u64)
    }

    /// How many octets of the stream were read.
    pub(super) fn octets_read(&self) -> u64 {
        let behind = self.in_seam.map_or(0, |taken| self.other.len() - taken);
        self.before.wrapping_add((self.end + behind) as u64)
    }

    /// Reads on, if need be, and says whether `wanted` octets lie ready.
    ///
    /// A seam grows only by octets that have arrived: a length field that lies cannot make it allocate. The caller
    /// bounds `wanted`.
    pub(super) fn fill(&mut self, wanted: usize) -> bool {
        loop {
            self.leave_seam();
            let missing = wanted.saturating_sub(self.end - self.start);
            if missing == 0 {
                return true;
            }
            let more = match self.in_seam {
                Some(taken) => self.lengthen_seam(taken, missing),
                None => self.turn_to_next_piece(),
            };
            if !more {
                return false;
            }
        }
    }

    /// Goes on in the piece behind the seam, if nothing before it is left.
    fn leave_seam(&mut self) {
        let left = self.end - self.start;
        if let Some(start) = self.in_seam.and_then(|taken| taken.checked_sub(left)) {
            let offset = self.offset();
            mem::swap(&mut self.view, &mut self.other);
            self.in_seam = None;
            self.look_from(self.view.place().start + start, offset);
        }
    }

    /// Looks at the view from there on, where that is at this offset in the stream.
    fn look_from(&mut self, start: usize, offset: u64) {
        (self.start, self.end) = (start, self.view.place().end);
        self.before = offset.wrapping_sub(start as u64);
    }

    /// Looks at the next piece, or at a seam before it, into which nothing of it was copied yet; says whether there is
    /// one.
    fn turn_to_next_piece(&mut self) -> bool {
        let offset = self.offset();
        if self.start < self.end {
            let seam = Arc::make_mut(&mut self.other);
            seam.truncate(0);
            let untaken = self.view.memory().get(self.start..self.end);
            seam.extend_from_slice(untaken.unwrap_or_default());
            mem::swap(&mut self.view, &mut self.other);
            self.in_seam = Some(0);
            self.look_from(self.view.place().start, offset);
            return self.read_behind_seam();
        }
        let used = mem::take(&mut self.view);
        self.view = self.next_piece(used);
        self.look_from(self.view.place().start, offset);
        !self.view.is_empty()
    }

    fn read_behind_seam(&mut self) -> bool {
        let used = mem::take(&mut self.other);
        self.other = self.next_piece(used);
        !self.other.is_empty()
    }

    /// Copies some more of the piece into the seam, of which so much is in it, or reads the next piece; says whether there
    /// was any.
    fn lengthen_seam(&mut self, taken: usize, missing: usize) -> bool {
        let left = self.other.get(taken..).unwrap_or_default();
        if left.is_empty() {
            self.in_seam = Some(0);
            return self.read_behind_seam();
        }
        let more = left.len().min(missing.max(BEHIND_SEAM));
        let seam = Arc::make_mut(&mut self.view);
        seam.extend_from_slice(left.get(..more).unwrap_or_default());
        self.in_seam = Some(taken + more);
        self.end = seam.place().end;
        true
    }

    fn next_piece(&mut self, used: Piece) -> Piece {
        let next = match self.source_state {
            SourceState::Open => self.source.next(used),
            SourceState::Ended | SourceState::Failed(_) => return Piece::default(),
        };
        match next {
            Ok(piece) => {
                if piece.is_empty() {
                    self.source_state = SourceState::Ended;
                }
                piece
            }
            Err(error) => {
                self.source_state = SourceState::Failed(error);
                Piece::default()
            }
        }
    }

    /// Drops what is unread and goes on with another stream.
    pub(super) fn read_from(&mut self, source: Box<dyn Pieces>) {
        self.close();
        self.source = source;
        self.source_state = SourceState::Open;
        self.before = 0;
        (self.start, self.end) = (0, 0);
    }

    /// Drops what is unread and reads no further.
    pub(super) fn close(&mut self) {
        let offset = self.octets_read();
        if self.in_seam.take().is_some() {
            mem::swap(&mut self.view, &mut self.other);
        }
        self.look_from(self.view.place().end, offset);
        self.source_state = SourceState::Ended;
    }

    /// The error that ended the source, if one did; told once, and only when nothing more can be read.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        match mem::replace(&mut self.source_state, SourceState::Ended) {
            SourceState::Failed(error) => Some(error),
            SourceState::Open | SourceState::Ended => None,
        }
    }

    /// Has so many of those octets fetched that come behind the next `ahead`.
    #[inline]
    pub(super) fn fetch(&self, ahead: usize, count: usize) {
        fetch::octets(self.view.memory(), self.start + ahead, count);
    }

    /// Takes the next `count` octets, which were read, and tells where in the view they begin.
    #[inline]
    pub(super) fn pass(&mut self, count: usize) -> usize {
        let start = self.start;
        self.start = (start + count).min(self.end);
        start
    }

    /// How many octets are held in memory.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.view.capacity() + self.other.capacity()
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
    use crate::capture::pieces::Alone;

    fn blocks(octets: &[u8], size: usize) -> Blocks {
        let stream = Box::new(Drip::new(octets.to_vec(), 7));
        Blocks::new(Box::new(Alone::new(stream, size)))
    }

    #[test]
    fn what_lies_in_several_pieces_is_seen_as_one() {
        let octets: Vec<u8> = (0..100).collect();
        let mut blocks = blocks(&octets, 32);
        assert!(blocks.fill(1));
        assert_eq!(blocks.unread(), &octets[..32]);
        assert_eq!(blocks.take(30), &octets[..30]);
        assert!(blocks.fill(40));
        assert_eq!(blocks.unread()[..40], octets[30..70]);
        assert_eq!((blocks.offset(), blocks.octets_read()), (30, 96));
        assert_eq!(blocks.take(40), &octets[30..70]);
        assert!(blocks.fill(30));
        assert_eq!(blocks.unread(), &octets[70..]);
        assert!(!blocks.fill(31));
        assert_eq!(blocks.take(40), &octets[70..]);
        assert_eq!((blocks.offset(), blocks.octets_read()), (100, 100));
    }

    #[test]
    fn wherever_pieces_end_the_same_is_read() {
        let octets: Vec<u8> = (0..200).collect();
        for size in 1..octets.len() {
            let mut blocks = blocks(&octets, size);
            let (mut read, mut step) = (Vec::new(), 0);
            while blocks.fill(1 + step % 13) {
                let offset = blocks.offset();
                assert_eq!(offset, read.len() as u64);
                read.extend_from_slice(blocks.take(1 + step % 13));
                step += 1;
            }
            assert!(blocks.unread().len() < 13);
            read.extend_from_slice(blocks.take(usize::MAX));
            assert_eq!(read, octets, "{size}");
            assert_eq!(blocks.octets_read(), 200);
        }
    }

    #[test]
    fn a_seam_grows_for_one_long_record_but_not_for_a_claim() {
        let mut long = blocks(&[1; 1000], 64);
        assert!(long.fill(900));
        assert!(long.unread().len() >= 900);

        let mut claim = blocks(&[1; 60], 64);
        assert!(!claim.fill(1 << 40));
        assert!(claim.capacity() < 200);
        assert_eq!(claim.unread().len(), 60);
    }

    #[test]
    fn an_error_ends_the_source_and_what_was_read_stays() {
        let stream = Box::new(Failing::after(vec![7; 10]));
        let mut blocks = Blocks::new(Box::new(Alone::new(stream, 64)));
        assert!(!blocks.fill(11));
        assert_eq!(blocks.unread(), [7; 10]);
        assert!(blocks.take_error().is_some());
        assert!(blocks.take_error().is_none());
    }

    #[test]
    fn a_closed_stream_gives_nothing_more() {
        let mut blocks = blocks(&[1; 1000], 64);
        assert!(blocks.fill(100));
        blocks.close();
        assert!(!blocks.fill(1));
        assert!(blocks.take(5).is_empty());
        assert_eq!(blocks.offset(), 128);
    }
}
