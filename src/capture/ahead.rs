//! Reading ahead on another thread, for one reader or several.
//!
//! In: a stream that takes work, such as a decompressor. Out: for each reader a stream of the same octets, a few pieces
//! of which are made while earlier ones are used.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::{mem, thread};

use super::compression::Stream;
use super::readers::Readers;

/// Octets that are handed over at once.
const PIECE: u64 = 1 << 18;
/// Pieces that wait for the first reader; one more is made, and one used.
const WAITING: usize = 2;

/// The end of the thread that takes the octets. It must not be read on behind its end.
///
/// When the first of them is dropped, the other thread ends too, as soon as it has its next piece.
pub(super) struct ReadAhead {
    full: Receiver<Piece>,
    empty: Sender<Vec<u8>>,
    current: Arc<Vec<u8>>,
    /// How much of it was read.
    read: usize,
}

#[derive(Clone)]
enum Piece {
    Octets(Arc<Vec<u8>>),
    End,
    Failed(Arc<io::Error>),
}

/// The other ends.
struct Ends {
    /// The one that is waited for.
    first: SyncSender<Piece>,
    /// Those that are not: whoever reads here has to see to it that they keep up with the first.
    others: Vec<Sender<Piece>>,
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
            leader: taken,
            followers: others_taken,
        };
        Ok(ends.map(|full| ReadAhead {
            full,
            empty: empty.clone(),
            current: Arc::default(),
            read: 0,
        }))
    }

    fn next_piece(&mut self) -> io::Result<()> {
        self.read = 0;
        // Whoever is the last to be done with a piece gives it back. Nobody takes it any more where the thread is at
        // its end, and its last pieces are still to come.
        if let Some(used) = Arc::into_inner(mem::take(&mut self.current)) {
            let _ = self.empty.send(used);
        }
        match self.full.recv() {
            Ok(Piece::Octets(octets)) => self.current = octets,
            Ok(Piece::End) => {}
            Ok(Piece::Failed(error)) => {
                return Err(io::Error::new(error.kind(), error.to_string()));
            }
            Err(_) => return Err(io::Error::other("the thread that unpacks it broke down")),
        }
        Ok(())
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.current.len() {
            self.next_piece()?;
        }
        let count = self
            .current
            .get(self.read..)
            .unwrap_or_default()
            .read(buffer)?;
        self.read += count;
        Ok(count)
    }
}

impl Ends {
    /// Hands it over; says whether anyone is interested.
    fn send(&self, piece: Piece) -> bool {
        for other in &self.others {
            // It may have come to its end already.
            let _ = other.send(piece.clone());
        }
        self.first.send(piece).is_ok()
    }
}

/// Fills pieces until the stream or the interest in it ends.
fn read_pieces(mut stream: Stream, empty: &Receiver<Vec<u8>>, ends: &Ends) {
    loop {
        let mut piece = empty.try_recv().unwrap_or_default();
        piece.clear();
        let read = stream.by_ref().take(PIECE).read_to_end(&mut piece);
        // What came before an error is in the piece, too.
        if !piece.is_empty() && !ends.send(Piece::Octets(Arc::new(piece))) {
            return;
        }
        let last = match read {
            Ok(octets) if octets as u64 == PIECE => continue,
            Ok(_) => Piece::End,
            Err(error) => Piece::Failed(Arc::new(error)),
        };
        // Whether anyone hears of the end does not matter here.
        ends.send(last);
        return;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::{Drip, Failing};
    use std::time::Duration;

    fn one(stream: Stream) -> ReadAhead {
        ReadAhead::of(stream, 0).unwrap().leader
    }

    #[test]
    fn all_octets_come_in_order() {
        for length in [0, 1, PIECE, PIECE + 1, 6 * PIECE] {
            let octets: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut ahead = one(Box::new(Drip::new(octets.clone(), 5000)));
            let mut read = Vec::new();
            ahead.by_ref().read_to_end(&mut read).unwrap();
            assert!(read == octets, "{length}");
        }
    }

    #[test]
    fn all_readers_read_the_same_however_far_one_is_behind() {
        let octets: Vec<u8> = (0..9 * PIECE).map(|at| (at % 251) as u8).collect();
        let ends = ReadAhead::of(Box::new(Drip::new(octets.clone(), 5000)), 2).unwrap();
        let read = ends.map(|mut end| {
            let mut read = Vec::new();
            end.read_to_end(&mut read).unwrap();
            read
        });
        assert!(read.leader == octets);
        assert!(read.followers.len() == 2 && read.followers.iter().all(|read| *read == octets));
    }

    #[test]
    fn an_error_comes_behind_what_was_read_before_it() {
        for length in [0, 10, PIECE] {
            let octets = vec![7; length as usize];
            let ends = ReadAhead::of(Box::new(Failing::after(octets.clone())), 1).unwrap();
            for mut ahead in ends.followers.into_iter().chain([ends.leader]) {
                let mut read = Vec::new();
                let error = ahead.read_to_end(&mut read).unwrap_err();
                assert_eq!(error.to_string(), "the disk is on fire");
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
        let mut ahead = one(Box::new(Broken));
        assert!(ahead.read(&mut [0; 10]).is_err());
    }
}
