//! The chunked coding (RFC 9112 7.1): chunk sizes, data and trailers, counted and not kept.

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

/// The size that a line begins with. httparse takes an empty line for the last chunk, so the first digit is ours to
/// ask for, and a bare LF for an error, though recipients take it for a line end (RFC 9112 2.2).
fn size(line: &[u8]) -> Option<u64> {
    if !line.first()?.is_ascii_hexdigit() {
        return None;
    }
    let content = line.strip_suffix(b"\n")?;
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    match httparse::parse_chunk_size(&[content, b"\r\n"].concat()) {
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
    fn trailers_end_at_the_empty_line() {
        assert_eq!(
            Chunked::Trailer.after_line(b"Digest: x\r\n"),
            Some(Chunked::Trailer)
        );
        assert_eq!(Chunked::Trailer.after_line(b"\r\n"), Some(Chunked::Over));
        assert_eq!(Chunked::DataEnd.after_line(b"x\r\n"), None);
    }
}
