//! A regular file that several read at once, in pieces.
//!
//! In: a file. Out: its pieces, for each reader all of them in order. A piece is read by whoever needs it first, and the
//! others look at the same, unless they are far behind. Nobody waits for another: who needs a piece that is just being
//! read reads a later one meanwhile.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::monitor::Monitor;
use super::pieces::{After, PIECE, Piece, Pieces, fill};
use super::readers::Readers;

/// How many pieces are kept for those who are behind.
const KEPT: usize = 4;

/// How many pieces may be read by those who wait for an earlier one.
const AHEAD: usize = 2;

/// One of those who read the file.
pub(super) struct SharedFile {
    file: Arc<File>,
    shelf: Arc<Mutex<Shelf>>,
    /// The number of its next piece.
    next: u64,
    after: After,
}

/// The pieces that were read last.
struct Shelf {
    /// The number of the first of them.
    first: u64,
    pieces: VecDeque<Place>,
    /// Memory of others that nobody looks at any more.
    spare: Vec<Piece>,
    monitor: Arc<Monitor>,
}

enum Place {
    /// Someone reads it.
    Awaited,
    Read(Piece, After),
}

/// What someone finds who needs a piece.
enum Look {
    There(Piece, After),
    /// The piece of this number is to be read into this memory, and to be put here.
    Missing(u64, Piece),
    /// It is to be read into this memory, for oneself.
    Elsewhere(Piece),
}

impl SharedFile {
    /// For a reader and so many others. The monitor may end the file for all of them.
    pub(super) fn of(file: File, others: usize, monitor: &Arc<Monitor>) -> Readers<SharedFile> {
        let file = Arc::new(file);
        let shelf = Arc::new(Mutex::new(Shelf {
            first: 0,
            pieces: VecDeque::new(),
            spare: Vec::new(),
            monitor: Arc::clone(monitor),
        }));
        Readers::and(others, || SharedFile {
            file: Arc::clone(&file),
            shelf: Arc::clone(&shelf),
            next: 0,
            after: After::More,
        })
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn piece(&self, used: Piece) -> (Piece, After) {
        let mut used = Some(used);
        loop {
            let look = self.shelf().look(self.next, used.take());
            match look {
                Look::There(piece, after) => return (piece, after),
                Look::Elsewhere(memory) => return self.read(self.next, memory),
                Look::Missing(number, memory) => {
                    let (piece, after) = self.read(number, memory);
                    self.shelf().put(number, &piece, &after);
                    if number == self.next {
                        return (piece, after);
                    }
                }
            }
        }
    }

    fn read(&self, number: u64, mut piece: Piece) -> (Piece, After) {
        let mut offset = number * PIECE as u64;
        let after = fill(Arc::make_mut(&mut piece), PIECE, |free| {
            let count = read_at(&self.file, free, offset)?;
            offset += count as u64;
            Ok(count)
        });
        (piece, after)
    }
}

impl Pieces for SharedFile {
    fn next(&mut self, used: Piece) -> io::Result<Piece> {
        if !self.after.has_more()? {
            return Ok(Piece::default());
        }
        let (piece, after) = self.piece(used);
        (self.next, self.after) = (self.next + 1, after);
        if piece.is_empty() {
            self.after.has_more()?;
        }
        Ok(piece)
    }
}

impl Shelf {
    /// What there is for someone who needs the piece of this number, and does not need the used one.
    fn look(&mut self, number: u64, used: Option<Piece>) -> Look {
        used.into_iter().for_each(|used| self.leave(used));
        let Some(place) = number.checked_sub(self.first) else {
            return Look::Elsewhere(self.memory());
        };
        let place = place as usize;
        // No piece is begun any more, so that all readers end with the same.
        let is_stopped = self.monitor.is_stopped();
        match self.pieces.get(place) {
            Some(Place::Read(piece, after)) => Look::There(Arc::clone(piece), after.clone()),
            Some(Place::Awaited) if is_stopped || self.pieces.len() - place > AHEAD => {
                Look::Elsewhere(self.memory())
            }
            None if is_stopped => Look::There(Piece::default(), After::Nothing),
            _ => self.claim(),
        }
    }

    /// The piece behind all that were read.
    fn claim(&mut self) -> Look {
        if self.pieces.len() == KEPT {
            self.first += 1;
            if let Some(Place::Read(piece, _)) = self.pieces.pop_front() {
                self.leave(piece);
            }
        }
        let number = self.first + self.pieces.len() as u64;
        self.pieces.push_back(Place::Awaited);
        Look::Missing(number, self.memory())
    }

    fn memory(&mut self) -> Piece {
        self.spare.pop().unwrap_or_default()
    }

    /// Keeps the memory of a piece that nobody looks at any more.
    fn leave(&mut self, mut piece: Piece) {
        if Arc::get_mut(&mut piece).is_some() && piece.capacity() > 0 {
            self.spare.push(piece);
        }
    }

    /// Puts a piece that was read to its place.
    fn put(&mut self, number: u64, piece: &Piece, after: &After) {
        self.monitor.count_octets(piece.len());
        let place = number.checked_sub(self.first);
        if let Some(place) = place.and_then(|place| self.pieces.get_mut(place as usize)) {
            *place = Place::Read(Arc::clone(piece), after.clone());
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(not(any(unix, windows)))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    /// So many octets, of which no two pieces are alike.
    fn octets(count: usize) -> Vec<u8> {
        let at = |at: usize| (at + at / PIECE) as u8;
        (0..count).map(at).collect()
    }

    fn file(octets: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(octets).unwrap();
        file.rewind().unwrap();
        file
    }

    /// What this one still reads.
    fn rest(reader: &mut SharedFile) -> Vec<u8> {
        let mut read = Vec::new();
        let mut piece = Piece::default();
        loop {
            piece = reader.next(piece).unwrap();
            if piece.is_empty() {
                return read;
            }
            read.extend_from_slice(&piece);
        }
    }

    #[test]
    fn all_read_the_same_however_far_one_is_behind() {
        for count in [0, 1, PIECE, 3 * PIECE + 1, (2 * KEPT + 1) * PIECE] {
            let octets = octets(count);
            let monitor: Arc<Monitor> = Arc::default();
            let files = SharedFile::of(file(&octets), 2, &monitor);
            for mut reader in files.each() {
                assert!(rest(&mut reader) == octets, "{count}");
            }
            assert_eq!(monitor.octets(), count as u64);
        }
    }

    #[test]
    fn those_who_read_side_by_side_read_each_piece_once_and_need_little_memory() {
        let octets = octets(4 * KEPT * PIECE);
        let mut files = SharedFile::of(file(&octets), 1, &Arc::default());
        let [mut ahead, mut behind] = [(); 2].map(|()| Piece::default());
        for number in 0..4 * KEPT {
            ahead = files.first.next(ahead).unwrap();
            if number >= 3 {
                behind = files.others[0].next(behind).unwrap();
                assert!(behind[..] == octets[(number - 3) * PIECE..][..PIECE]);
            }
            let shelf = files.first.shelf();
            let kept = shelf.pieces.iter().map(|place| match place {
                Place::Read(piece, _) => piece.capacity(),
                Place::Awaited => 0,
            });
            let spare = shelf.spare.iter().map(|piece| piece.capacity());
            assert!(kept.chain(spare).sum::<usize>() <= (KEPT + 2) * PIECE);
        }
    }

    #[test]
    fn who_needs_what_is_being_read_reads_on_meanwhile() {
        let octets = octets(6 * PIECE);
        let mut files = SharedFile::of(file(&octets), 1, &Arc::default());
        let claimed = files.first.shelf().look(0, None);
        assert!(matches!(claimed, Look::Missing(0, _)));
        // One that is late keeps nobody from reading all.
        assert!(rest(&mut files.others[0]) == octets);
        assert!(rest(&mut files.first) == octets);
    }

    #[test]
    fn a_stop_is_the_same_end_for_all() {
        let octets = octets(9 * PIECE);
        let monitor: Arc<Monitor> = Arc::default();
        let mut files = SharedFile::of(file(&octets), 2, &monitor);
        for _ in 0..3 {
            files.first.next(Piece::default()).unwrap();
        }
        files.others[0].next(Piece::default()).unwrap();
        monitor.stop();
        let lengths =
            files.map(|mut reader| reader.next * PIECE as u64 + rest(&mut reader).len() as u64);
        assert!(lengths.each().all(|length| length == 3 * PIECE as u64));
    }

    #[cfg(unix)]
    #[test]
    fn an_error_is_one_for_all() {
        let folder = tempfile::tempdir().unwrap();
        // A directory can be opened, and not be read.
        let folder = File::open(folder.path()).unwrap();
        for mut reader in SharedFile::of(folder, 1, &Arc::default()).each() {
            assert!(reader.next(Piece::default()).is_err());
            assert!(reader.next(Piece::default()).unwrap().is_empty());
        }
    }
}
