//! Octets that are written piece by piece into room that is there before.
//!
//! In: pieces of text. Out: octets. A vector may move with each piece, and notes with each how long it has become: where
//! a line consists of a hundred pieces, that is more work than to write them. Here nothing is known while a line is
//! written but the rest of the room, for which two registers are enough. Where it was too little, all of the line is
//! written again into more.

use std::fmt;
use std::mem;

/// What has been written, and room for more.
///
/// Who puts something there takes a `Room` and gives back the rest of it: a reference to one would keep it out of the
/// registers.
#[derive(Debug, Default)]
pub struct Written {
    /// Those behind `len` mean nothing.
    octets: Vec<u8>,
    len: usize,
}

/// How much room there is at least.
const LEAST: usize = 1 << 12;

impl Written {
    /// What has been written.
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    /// How many octets these are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The memory that it takes, in octets.
    pub(crate) fn capacity(&self) -> usize {
        self.octets.capacity()
    }

    /// Forgets what has been written, and keeps so many octets of room at most.
    pub(crate) fn clear(&mut self, kept: usize) {
        self.cut(0, kept);
    }

    /// The same, but for the first `len` octets that have been written, which are kept in any case.
    pub(crate) fn cut(&mut self, len: usize, kept: usize) {
        self.len = self.len.min(len);
        let kept = kept.max(self.len);
        if self.octets.len() > kept {
            self.octets.truncate(kept);
            self.octets.shrink_to_fit();
        }
    }

    /// Adds what `write` puts into the room that it is given; it is called again where that was too little.
    #[inline]
    pub(crate) fn add(&mut self, write: impl Fn(Room<'_>) -> Room<'_>) {
        loop {
            let room = self.octets.get_mut(self.len..).unwrap_or_default();
            let all = room.len();
            let Room(rest) = write(Room(room));
            if !rest.is_empty() {
                self.len += all - rest.len();
                return;
            }
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let more = LEAST.max(self.octets.len() / 2);
        self.octets.resize(self.octets.len() + more, 0);
    }
}

/// Text that is formatted goes where the room is; whether it fits is known by the room.
impl fmt::Write for Room<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// The rest of the room for something that is being written; nothing is left of it once something did not fit.
#[derive(Debug, Default)]
pub(crate) struct Room<'a>(&'a mut [u8]);

impl Room<'_> {
    /// What `write` puts there, which must be fewer octets than `N`, and how many they are.
    pub(crate) fn fill<const N: usize>(
        write: impl FnOnce(Room<'_>) -> Room<'_>,
    ) -> ([u8; N], usize) {
        let mut octets = [0; N];
        let Room(rest) = write(Room(&mut octets));
        let len = N - rest.len();
        (octets, len)
    }

    /// Puts these octets there.
    #[inline(always)]
    pub(crate) fn put(&mut self, octets: &[u8]) {
        let room = mem::take(&mut self.0);
        if let Some((here, rest)) = room.split_at_mut_checked(octets.len()) {
            here.copy_from_slice(octets);
            self.0 = rest;
        }
    }

    /// Puts exactly `N` octets there, which `write` puts into the room that it is given.
    #[inline(always)]
    pub(crate) fn put_chunk<const N: usize>(&mut self, write: impl FnOnce(&mut Room<'_>)) {
        let room = mem::take(&mut self.0);
        if let Some((here, rest)) = room.split_first_chunk_mut::<N>() {
            write(&mut Room(here));
            self.0 = rest;
        }
    }

    /// Puts the first `len` of these octets there. The others are written as well, and then what comes next over them:
    /// it is less to write eight octets at once than three one by one.
    #[inline(always)]
    pub(crate) fn put_first<const N: usize>(&mut self, len: usize, octets: [u8; N]) {
        let room = mem::take(&mut self.0);
        if let Some(here) = room.first_chunk_mut() {
            *here = octets;
            self.0 = room.get_mut(len..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Octets of which each tells where it is.
    fn made(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at % 251) as u8).collect()
    }

    fn put_in_pieces<'a>(octets: &[u8], mut room: Room<'a>) -> Room<'a> {
        for piece in octets.chunks(8) {
            match piece.first_chunk::<8>() {
                Some(piece) => room.put_chunk::<8>(|room| room.put_first(8, *piece)),
                None => room.put(piece),
            }
        }
        room
    }

    #[test]
    fn what_has_no_room_is_written_again_into_more() {
        for len in [0, 1, 8, LEAST - 1, LEAST, LEAST + 1, 100_000] {
            let mut written = Written::default();
            let octets = made(len);
            for times in 1..4 {
                written.add(|room| put_in_pieces(&octets, room));
                assert_eq!(written.octets(), octets.repeat(times));
            }
        }
    }

    #[test]
    fn what_is_written_beside_the_octets_that_count_is_written_over() {
        let mut written = Written::default();
        for len in 0..=8 {
            written.clear(0);
            written.add(|mut room| {
                room.put_first(len, *b"abcdefgh");
                room.put(b"|");
                room
            });
            let all = [b"abcdefgh".get(..len).unwrap(), b"|"].concat();
            assert_eq!(written.octets(), all);
        }
    }

    #[test]
    fn once_something_did_not_fit_nothing_does() {
        let mut octets = [0; 4];
        let mut room = Room(&mut octets);
        room.put(b"ab");
        room.put(b"cde");
        room.put(b"f");
        room.put_first(1, *b"g");
        room.put_chunk::<1>(|room| room.put(b"h"));
        assert!(room.0.is_empty());
        assert_eq!(&octets, b"ab\0\0");
    }

    #[test]
    fn what_was_written_first_may_stay() {
        let mut written = Written::default();
        let (first, others) = (made(3 * LEAST), made(7 * LEAST));
        written.add(|room| put_in_pieces(&first, room));
        for kept in [0, 5 * LEAST, 20 * LEAST] {
            written.add(|room| put_in_pieces(&others, room));
            written.cut(first.len(), kept);
            assert_eq!(written.octets(), first);
        }
    }

    #[test]
    fn no_more_memory_is_kept_than_was_said() {
        let mut written = Written::default();
        let octets = made(10 * LEAST);
        written.add(|room| put_in_pieces(&octets, room));
        written.clear(LEAST);
        assert!(written.is_empty() && written.capacity() <= LEAST);
        written.add(|room| put_in_pieces(&octets, room));
        assert_eq!(written.octets(), octets);
    }
}
