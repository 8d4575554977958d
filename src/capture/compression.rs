//! How a capture was compressed, and what it was before.
//!
//! In: a stream. Out: the octets that were packed, or the stream as it is. One level of compression is undone.

use std::fmt;
use std::io::{self, Cursor, Read};

use serde::{Deserialize, Serialize};

/// How many octets of what was unpacked zstd and xz keep at most to refer back to. `zstd -d` allows as many, and
/// `xz -9` asks for half of it.
pub const MAX_WINDOW: usize = 128 << 20;

/// A kind of compression that is undone while reading, told by its first octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Compression {
    /// RFC 1952, also of several members.
    Gzip,
    /// RFC 8878, also of several frames, with windows up to [`MAX_WINDOW`] octets.
    Zstd,
    /// The LZ4 frame format, also of several frames.
    Lz4,
    /// The .xz format, also of several streams, that needs at most [`MAX_WINDOW`] octets of memory.
    Xz,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
            Compression::Xz => "xz",
        })
    }
}

/// A stream that can be handed to another thread.
pub(super) type Stream = Box<dyn Read + Send>;

/// Octets by which compression can be told.
const MAGIC: u64 = 6;

/// The octets inside `stream`, unpacked with a window of so many octets, and how they were packed if they were.
pub(super) fn unpacked(
    mut stream: Stream,
    window: usize,
) -> io::Result<(Stream, Option<Compression>)> {
    let mut first = Vec::new();
    stream.by_ref().take(MAGIC).read_to_end(&mut first)?;
    let compression = Compression::of(&first);
    let whole: Stream = Box::new(Cursor::new(first).chain(stream));
    match compression {
        Some(packed) => Ok((packed.unpack(whole, window)?, compression)),
        None => Ok((whole, None)),
    }
}

/// How what a stream holds is packed, if it is.
pub(super) fn compression_of(stream: &mut impl Read) -> io::Result<Option<Compression>> {
    let mut first = Vec::new();
    stream.take(MAGIC).read_to_end(&mut first)?;
    Ok(Compression::of(&first))
}

impl Compression {
    fn of(first: &[u8]) -> Option<Compression> {
        match first {
            [0x1f, 0x8b, 0x08, ..] => Some(Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Compression::Zstd),
            // A frame to be skipped. Parallel compressors put one in front, in which they note sizes.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Compression::Zstd),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Compression::Lz4),
            [0xfd, b'7', b'z', b'X', b'Z', 0x00, ..] => Some(Compression::Xz),
            _ => None,
        }
    }

    /// How much of the window it may take; the others need next to nothing.
    pub(super) fn window(self, most: usize) -> usize {
        match self {
            Compression::Zstd | Compression::Xz => most,
            Compression::Gzip | Compression::Lz4 => 0,
        }
    }

    #[cfg(feature = "compression")]
    fn unpack(self, stream: Stream, window: usize) -> io::Result<Stream> {
        super::unpack::unpack(self, stream, window)
    }

    #[cfg(not(feature = "compression"))]
    fn unpack(self, _: Stream, _: usize) -> io::Result<Stream> {
        let missing = format!(
            "this build lacks {self}; unpack it first, or build with the feature `compression`"
        );
        Err(io::Error::new(io::ErrorKind::Unsupported, missing))
    }
}
