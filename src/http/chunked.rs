//! The chunked coding (RFC 9112 7.1): chunk sizes, data and trailers, counted and not kept.

use crate::tcp::Ahead;

/// Where in a chunked body we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// At a line with the size of the next chunk.
    Size,
    /// Inside a chunk, with so many octets to come.
    Data(u64),
    /// At the line end behind a chunk.
    DataEnd,
    /// In the trailer section.
    Trailer,
    /// Behind the last line.
    Over,
}

/// The longest line of sizes or trailers that is read, in octets.
pub(super) const MAX_LINE: usize = 64 * 1024;

impl Chunked {
    /// What follows a line, its end included; `None` where it is no line that can stand here.
    pub(super) fn after_line(self, line: &[u8]) -> Option<Chunked> {
        let empty = matches!(line, b"\r\n" | b"\n");
        match self {
            Chunked::Size => match size(line)? {
                0 => Some(Chunked::Trailer),
                octets => Some(Chunked::Data(octets)),
            },
            Chunked::DataEnd => empty.then_some(Chunked::Size),
            Chunked::Trailer => Some(if empty {
                Chunked::Over
            } else {
                Chunked::Trailer
            }),
            Chunked::Data(_) | Chunked::Over => None,
        }
    }
}

/// What stands behind the data of a chunk, where `octets` begin with all of it and another chunk with data follows.
pub(super) fn behind_data(octets: &[u8]) -> Option<Ahead> {
    let (end, octets) = first_line(octets)?;
    let (size, _) = first_line(octets)?;
    match Chunked::DataEnd.after_line(end)?.after_line(size)? {
        Chunked::Data(counted) => Some(Ahead {
            read: end.len() + size.len(),
            counted,
        }),
        _ => None,
    }
}

/// The first line, its end included, and what follows it.
fn first_line(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    octets.split_at_checked(memchr::memchr(b'\n', octets)? + 1)
}

/// The size that a line begins with. httparse takes an empty line for the last chunk, so the first digit is ours to
/// ask for, and a bare LF for an error, though recipients take it for a line end (RFC 9112 2.2).
fn size(line: &[u8]) -> Option<u64> {
    if !line.first()?.is_ascii_hexdigit() {
        return None;
    }
    let parsed = match line.strip_suffix(b"\n")? {
        [.., b'\r'] => httparse::parse_chunk_size(line),
        content => httparse::parse_chunk_size(&[content, b"\r\n"].concat()),
    };
    match parsed {
        Ok(httparse::Status::Complete((_, octets))) => Some(octets),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (line, expected) in [
            (&b"5\r\n"[..], Some(Chunked::Data(5))),
            (b"1aF\n", Some(Chunked::Data(0x1af))),
            (b"00;last\r\n", Some(Chunked::Trailer)),
            (b"5 ; name=\"value\"\r\n", Some(Chunked::Data(5))),
            (b"ffffffffffffffff\r\n", Some(Chunked::Data(u64::MAX))),
            (b"\r\n", None),
            (b"-5\r\n", None),
            (b"xyz\r\n", None),
            (b"11111111111111111\r\n", None),
        ] {
            assert_eq!(Chunked::Size.after_line(line), expected, "{line:?}");
        }
    }

    #[test]
    fn what_stands_behind_the_data_of_a_chunk() {
        let ahead = |read, counted| Some(Ahead { read, counted });
        for (octets, expected) in [
            (&b"\r\n5\r\n"[..], ahead(5, 5)),
            (b"\r\n5\r\nabcde\r\n0\r\n\r\n", ahead(5, 5)),
            (b"\n1aF\nabc", ahead(5, 0x1af)),
            (b"\r\n0010;last=\"no\"\r\n", ahead(18, 16)),
            (b"\r\nffffffffffffffff\r\n", ahead(20, u64::MAX)),
            // The last chunk, and a body that is no chunked one.
            (b"\r\n0\r\n\r\n", None),
            (b"\r\n000;x\r\n", None),
            (b"\r\n\r\n5\r\n", None),
            (b"x\r\n5\r\n", None),
            (b"5\r\nabc\r\n", None),
            (b"\r\n-5\r\n", None),
            (b"\r\nHTTP/1.1 200 OK\r\n", None),
            (b"\r\n11111111111111111\r\n", None),
        ] {
            assert_eq!(behind_data(octets), expected, "{octets:?}");
            // Where a part of it is missing, nothing is said.
            for len in 0..expected.map_or(0, |ahead| ahead.read) {
                assert_eq!(behind_data(&octets[..len]), None, "{octets:?}");
            }
        }
    }

    #[test]
    fn trailers_end_at_the_empty_line() {
        assert_eq!(
            Chunked::Trailer.after_line(b"Digest: x\r\n"),
            Some(Chunked::Trailer)
        );
        assert_eq!(Chunked::Trailer.after_line(b"\r\n"), Some(Chunked::Over));
        assert_eq!(Chunked::DataEnd.after_line(b"x\r\n"), None);
    }
}
