//! Reading ahead on another thread.
//!
//! In: a stream that takes work, such as a decompressor. Out: a stream of the same octets, a few pieces of which
//! are made while earlier ones are used.

use std::io::{self, Cursor, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{mem, thread};

use super::compression::Stream;

/// Octets that are handed over at once.
const PIECE: u64 = 1 << 18;
/// Pieces that exist; they go round between the two threads.
const PIECES: usize = 4;

/// The end of the thread that takes the octets. It must not be read on behind its end.
///
/// When it is dropped, the other thread ends too, as soon as it has its next piece.
pub(super) struct ReadAhead {
    full: Receiver<Piece>,
    empty: SyncSender<Vec<u8>>,
    current: Cursor<Vec<u8>>,
}

enum Piece {
    Octets(Vec<u8>),
    End,
    Failed(io::Error),
}

impl ReadAhead {
    /// Starts the thread.
    pub(super) fn of(stream: Stream) -> io::Result<ReadAhead> {
        let (full, taken) = sync_channel(PIECES);
        let (empty, given_back) = sync_channel(PIECES);
        for _ in 1..PIECES {
            // There is room for all, and the other end is still here.
            let _ = empty.send(Vec::new());
        }
        let read = move || read_pieces(stream, &given_back, &full);
        thread::Builder::new()
            .name("unpack".to_owned())
            .spawn(read)?;
        Ok(ReadAhead {
            full: taken,
            empty,
            current: Cursor::default(),
        })
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let used = mem::take(&mut self.current).into_inner();
        // Nobody takes it any more where the thread is at its end, and its last pieces are still to come.
        let _ = self.empty.send(used);
        match self.full.recv() {
            Ok(Piece::Octets(octets)) => self.current = Cursor::new(octets),
            Ok(Piece::End) => {}
            Ok(Piece::Failed(error)) => return Err(error),
            Err(_) => return Err(io::Error::other("the thread that unpacks it broke down")),
        }
        Ok(())
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.position() >= self.current.get_ref().len() as u64 {
            self.next_piece()?;
        }
        self.current.read(buffer)
    }
}

/// Fills pieces until the stream or the interest in it ends.
fn read_pieces(mut stream: Stream, empty: &Receiver<Vec<u8>>, full: &SyncSender<Piece>) {
    for mut piece in empty {
        piece.clear();
        let read = stream.by_ref().take(PIECE).read_to_end(&mut piece);
        // What came before an error is in the piece, too.
        if !piece.is_empty() && full.send(Piece::Octets(piece)).is_err() {
            return;
        }
        let last = match read {
            Ok(octets) if octets as u64 == PIECE => continue,
            Ok(_) => Piece::End,
            Err(error) => Piece::Failed(error),
        };
        // Whether anyone hears of the end does not matter here.
        let _ = full.send(last);
        return;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::{Drip, Failing};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn all_octets_come_in_order() {
        for length in [0, 1, PIECE, PIECE + 1, 6 * PIECE] {
            let octets: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut ahead = ReadAhead::of(Box::new(Drip::new(octets.clone(), 5000))).unwrap();
            let mut read = Vec::new();
            ahead.by_ref().read_to_end(&mut read).unwrap();
            assert!(read == octets, "{length}");
        }
    }

    #[test]
    fn an_error_comes_behind_what_was_read_before_it() {
        for length in [0, 10, PIECE] {
            let octets = vec![7; length as usize];
            let mut ahead = ReadAhead::of(Box::new(Failing::after(octets.clone()))).unwrap();
            let mut read = Vec::new();
            assert!(ahead.read_to_end(&mut read).is_err());
            assert_eq!(read, octets);
        }
    }

    #[test]
    fn dropping_it_ends_the_thread() {
        struct Endless(
            #[expect(dead_code, reason = "it is dropped with the stream")]
            std::sync::mpsc::Sender<()>,
        );
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                Ok(buffer.len())
            }
        }
        let (alive, dropped) = channel();
        let mut ahead = ReadAhead::of(Box::new(Endless(alive))).unwrap();
        ahead.read_exact(&mut [0; 10]).unwrap();
        drop(ahead);
        let waited = dropped.recv_timeout(Duration::from_secs(60));
        assert_eq!(waited, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
    }

    #[test]
    fn a_thread_that_breaks_down_is_an_error_and_no_end() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("as a faulty decompressor would")
            }
        }
        let mut ahead = ReadAhead::of(Box::new(Broken)).unwrap();
        assert!(ahead.read(&mut [0; 10]).is_err());
    }
}
