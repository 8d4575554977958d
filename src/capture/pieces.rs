//! The octets of a capture, piece by piece.
//!
//! In: a stream. Out: pieces of it. Nobody copies a piece to look at it, so that several may look at one; the memory of
//! one that nobody looks at any more is used again.

use std::io::{self, Read};
use std::sync::Arc;

use super::compression::Stream;
use super::octets::Octets;

/// Octets of each piece but the last.
pub(super) const PIECE: usize = 1 << 18;

/// A piece. Only the last one is empty.
pub(super) type Piece = Arc<Octets>;

/// Whoever gives pieces.
pub(super) trait Pieces: Send {
    /// The next piece, or an empty one at the end. What is given for it is not looked at any more.
    ///
    /// # Errors
    ///
    /// Where what is behind the last piece cannot be read. After that there is nothing more.
    fn next(&mut self, used: Piece) -> io::Result<Piece>;
}

/// What is behind a piece.
#[derive(Clone, Debug)]
pub(super) enum After {
    /// More, perhaps.
    More,
    Nothing,
    Failure(Arc<io::Error>),
}

impl After {
    /// Whether there may be more. A failure is told once.
    pub(super) fn has_more(&mut self) -> io::Result<bool> {
        match self {
            After::More => Ok(true),
            After::Nothing => Ok(false),
            After::Failure(error) => {
                let error = io::Error::new(error.kind(), error.to_string());
                *self = After::Nothing;
                Err(error)
            }
        }
    }
}

/// Fills a piece with so many octets, or with those that come before the end or a failure.
pub(super) fn fill(
    piece: &mut Octets,
    size: usize,
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> After {
    if piece.len() < size {
        *piece = Octets::zeroed(size);
    }
    let mut end = 0;
    let after = loop {
        let free = piece.get_mut(end..size).unwrap_or_default();
        if free.is_empty() {
            break After::More;
        }
        match read(free) {
            Ok(0) => break After::Nothing,
            Ok(count) => end += count.min(free.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break After::Failure(Arc::new(error)),
        }
    };
    piece.truncate(end);
    after
}

/// The pieces of a stream, for one who looks at them.
pub(super) struct Alone {
    stream: Stream,
    size: usize,
    after: After,
}

impl Alone {
    /// With so many octets in each piece, at least one.
    pub(super) fn new(stream: Stream, size: usize) -> Self {
        Alone {
            stream,
            size,
            after: After::More,
        }
    }
}

impl Pieces for Alone {
    fn next(&mut self, used: Piece) -> io::Result<Piece> {
        if !self.after.has_more()? {
            return Ok(Piece::default());
        }
        let mut piece = used;
        let memory = Arc::make_mut(&mut piece);
        self.after = fill(memory, self.size, |free| self.stream.read(free));
        if piece.is_empty() {
            self.after.has_more()?;
        }
        Ok(piece)
    }
}
