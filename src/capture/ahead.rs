//! Reading ahead on another thread, for one reader or several.
//!
//! In: a stream that takes work, such as a decompressor. Out: for each reader a stream of the same octets, a few pieces
//! of which are made while earlier ones are used.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::compression::Stream;
use super::octets::Octets;
use super::pieces::{After, PIECE, Piece, Pieces, fill};
use super::readers::Readers;

/// Pieces that wait for the first reader; one more is made, and one used.
const WAITING: usize = 2;

/// The end of the thread that takes the octets.
///
/// When the first of them is dropped, the other thread ends too, as soon as it has its next piece.
pub(super) struct ReadAhead {
    full: Receiver<(Piece, After)>,
    empty: Sender<Octets>,
    after: After,
}

/// The other ends.
struct Ends {
    /// The one that is waited for.
    first: SyncSender<(Piece, After)>,
    /// Those that are not: whoever reads here has to see to it that they keep up with the first.
    others: Vec<Sender<(Piece, After)>>,
}

impl ReadAhead {
    /// Starts the thread for a reader and so many others, which must keep up with it: what they have not read yet stays
    /// in memory.
    pub(super) fn of(stream: Stream, others: usize) -> io::Result<Readers<ReadAhead>> {
        let (empty, given_back) = channel();
        let (first, taken) = sync_channel(WAITING);
        let (others, others_taken): (Vec<_>, Vec<_>) = (0..others).map(|_| channel()).unzip();
        let ends = Ends { first, others };
        let read = move || read_pieces(stream, &given_back, &ends);
        thread::Builder::new()
            .name("unpack".to_owned())
            .spawn(read)?;
        let ends = Readers {
            first: taken,
            others: others_taken,
        };
        Ok(ends.map(|full| ReadAhead {
            full,
            empty: empty.clone(),
            after: After::More,
        }))
    }
}

impl Pieces for ReadAhead {
    fn next(&mut self, used: Piece) -> io::Result<Piece> {
        // Whoever is the last to be done with a piece gives it back. Nobody takes it any more where the thread is at
        // its end, and its last pieces are still to come.
        if let Some(used) = Arc::into_inner(used) {
            let _ = self.empty.send(used);
        }
        if !self.after.has_more()? {
            return Ok(Piece::default());
        }
        let broken = |_| io::Error::other("the thread that unpacks it broke down");
        let (piece, after) = self.full.recv().map_err(broken)?;
        self.after = after;
        if piece.is_empty() {
            self.after.has_more()?;
        }
        Ok(piece)
    }
}

impl Ends {
    /// Hands it over; says whether anyone is interested.
    fn send(&self, piece: (Piece, After)) -> bool {
        for other in &self.others {
            // It may have come to its end already.
            let _ = other.send(piece.clone());
        }
        self.first.send(piece).is_ok()
    }
}

/// Fills pieces until the stream or the interest in it ends.
fn read_pieces(mut stream: Stream, empty: &Receiver<Octets>, ends: &Ends) {
    loop {
        let mut piece = empty.try_recv().unwrap_or_default();
        let after = fill(&mut piece, PIECE, |free| stream.read(free));
        let is_last = !matches!(after, After::More);
        if !ends.send((Arc::new(piece), after)) || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use super::*;
    use crate::capture::build::{Drip, Failing};

    fn one(stream: Stream) -> ReadAhead {
        ReadAhead::of(stream, 0).unwrap().first
    }

    /// All that is read, and the error behind it, if there is one.
    fn read(mut ahead: ReadAhead) -> (Vec<u8>, Option<io::Error>) {
        let mut read = Vec::new();
        let mut piece = Piece::default();
        loop {
            match ahead.next(piece) {
                Ok(next) if next.is_empty() => return (read, None),
                Ok(next) => piece = next,
                Err(error) => return (read, Some(error)),
            }
            read.extend_from_slice(&piece);
        }
    }

    fn octets(count: usize) -> Vec<u8> {
        (0..count).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn all_octets_come_in_order() {
        for length in [0, 1, PIECE, PIECE + 1, 6 * PIECE] {
            let octets = octets(length);
            let (read, error) = read(one(Box::new(Drip::new(octets.clone(), 5000))));
            assert!(read == octets && error.is_none(), "{length}");
        }
    }

    #[test]
    fn all_readers_read_the_same_however_far_one_is_behind() {
        let octets = octets(9 * PIECE);
        let ends = ReadAhead::of(Box::new(Drip::new(octets.clone(), 5000)), 2).unwrap();
        for (read, error) in ends.map(read).each() {
            assert!(read == octets && error.is_none());
        }
    }

    #[test]
    fn an_error_comes_behind_what_was_read_before_it() {
        for length in [0, 10, PIECE] {
            let octets = vec![7; length];
            let ends = ReadAhead::of(Box::new(Failing::after(octets.clone())), 1).unwrap();
            for (read, error) in ends.map(read).each() {
                assert_eq!(error.unwrap().to_string(), "the disk is on fire");
                assert_eq!(read, octets);
            }
        }
    }

    #[test]
    fn dropping_it_ends_the_thread() {
        struct Endless(#[expect(dead_code, reason = "it is dropped with the stream")] Sender<()>);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                Ok(buffer.len())
            }
        }
        let (alive, dropped) = channel();
        let mut ahead = one(Box::new(Endless(alive)));
        ahead.next(Piece::default()).unwrap();
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
        let mut ahead = one(Box::new(Broken));
        assert!(ahead.next(Piece::default()).is_err());
    }
}
