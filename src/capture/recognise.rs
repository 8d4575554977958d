//! What kind of file begins like this?
//!
//! In: the first octets of a file. Out: a capture format, or what else it looks like, for a message that helps.

use std::fmt;

use super::byte_order::ByteOrder;
use super::pcap;

/// Octets by which everything here can be told.
pub(super) const FIRST_OCTETS: usize = 64;

/// The capture formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Pcap,
    Pcapng,
}

/// What a file that is no capture looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Likeness {
    /// A capture of another format, by its name; `editcap` converts it.
    OtherCapture(&'static str),
    /// A compressed file or an archive, by the name of its kind.
    Packed(&'static str),
    /// A pcapng file whose beginning is missing.
    HeadlessPcapng,
    /// An HTML page, as a download often turns out to be.
    Html,
    /// Some other text.
    Text,
    /// Anything else, with its first octets, at most four.
    Unknown(Vec<u8>),
}

/// Formats that are told by their first octets.
const OTHERS: [(&[u8], Likeness); 15] = [
    (b"snoop\0\0\0", Likeness::OtherCapture("snoop")),
    (b"GMBU", Likeness::OtherCapture("Network Monitor")),
    (b"RTSS", Likeness::OtherCapture("Network Monitor")),
    (b"XCP\0", Likeness::OtherCapture("NetXray")),
    (b"TRSNIFF data", Likeness::OtherCapture("Sniffer")),
    (
        &[0xac, 0x01, 0x00, 0x1c],
        Likeness::OtherCapture("Ixia lcap"),
    ),
    (
        &[0x1c, 0x00, 0x01, 0xac],
        Likeness::OtherCapture("Ixia lcap"),
    ),
    (&[0x1f, 0x8b], Likeness::Packed("gzip")),
    (&[0x28, 0xb5, 0x2f, 0xfd], Likeness::Packed("zstd")),
    (&[0x04, 0x22, 0x4d, 0x18], Likeness::Packed("lz4")),
    (
        &[0xfd, b'7', b'z', b'X', b'Z', 0x00],
        Likeness::Packed("xz"),
    ),
    (b"BZh", Likeness::Packed("bzip2")),
    (b"PK\x03\x04", Likeness::Packed("ZIP")),
    (
        &[b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c],
        Likeness::Packed("7-Zip"),
    ),
    (b"Rar!", Likeness::Packed("RAR")),
];

/// Tells captures from the rest by at most [`FIRST_OCTETS`] octets. Extensions do not count.
pub(super) fn recognise(first: &[u8]) -> Result<Format, Likeness> {
    if pcap::MAGICS.iter().any(|magic| first.starts_with(magic)) {
        return Ok(Format::Pcap);
    }
    if begins_section(first) {
        return Ok(Format::Pcapng);
    }
    Err(likeness(first))
}

/// A section header's type alone could be text, four line ends; what follows its length tells. A file cut off
/// before that is given the benefit of the doubt.
fn begins_section(first: &[u8]) -> bool {
    let magic = first.get(8..12);
    first.starts_with(b"\n\r\r\n")
        && magic.is_none_or(|magic| ByteOrder::of_section(magic).is_some())
}

fn likeness(first: &[u8]) -> Likeness {
    if let Some((_, other)) = OTHERS.iter().find(|(begin, _)| first.starts_with(begin)) {
        return other.clone();
    }
    if is_block(first, ByteOrder::Little) || is_block(first, ByteOrder::Big) {
        return Likeness::HeadlessPcapng;
    }
    let text = first.trim_ascii_start().to_ascii_lowercase();
    if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") {
        return Likeness::Html;
    }
    if first
        .iter()
        .all(|octet| octet.is_ascii_graphic() || octet.is_ascii_whitespace())
    {
        return Likeness::Text;
    }
    Likeness::Unknown(first.iter().copied().take(4).collect())
}

/// Whether this could be a pcapng block that describes an interface or holds a packet.
fn is_block(first: &[u8], order: ByteOrder) -> bool {
    let kind = order.u32(first, 0);
    let length = order.u32(first, 4);
    matches!(kind, Some(1..=6))
        && length.is_some_and(|length| (12..=1 << 18).contains(&length) && length % 4 == 0)
}

/// What it is, and what to do about it.
impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Likeness::OtherCapture(format) => {
                write!(
                    f,
                    "a capture in {format} format, which is not read here; convert it with editcap -F pcapng"
                )
            }
            Likeness::Packed(kind) => write!(f, "{kind} data; unpack it first"),
            Likeness::HeadlessPcapng => write!(
                f,
                "a pcapng file without the section header that must come first"
            ),
            Likeness::Html => write!(f, "an HTML page and no capture; was the download refused?"),
            Likeness::Text => write!(f, "text and no capture; pcap and pcapng files are read"),
            Likeness::Unknown(octets) => {
                write!(
                    f,
                    "no capture; pcap and pcapng files are read, and this begins with the octets"
                )?;
                octets
                    .iter()
                    .try_for_each(|octet| write!(f, " {octet:02x}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_told_by_their_first_octets() {
        for magic in pcap::MAGICS {
            assert_eq!(recognise(&magic), Ok(Format::Pcap));
        }
        assert_eq!(
            recognise(b"\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a"),
            Ok(Format::Pcapng)
        );
        assert_eq!(
            recognise(b"\n\r\r\n\0\0\0\x1c\x1a\x2b\x3c\x4d"),
            Ok(Format::Pcapng)
        );
        assert_eq!(recognise(b"\n\r\r\n\0\0"), Ok(Format::Pcapng));
    }

    #[test]
    fn what_is_no_capture_is_named() {
        let named = |octets: &[u8]| recognise(octets).unwrap_err().to_string();
        assert!(named(b"\n\r\r\nfour empty lines").starts_with("text"));
        assert!(named(b" <!DOCTYPE HTML>").starts_with("an HTML page"));
        assert!(named(b"snoop\0\0\0\0\0\0\x02").starts_with("a capture in snoop format"));
        assert!(named(b"PK\x03\x04\x14\0").starts_with("ZIP data"));
        assert!(named(b"\x06\0\0\0\x5c\0\0\0").contains("without the section header"));
        assert!(named(b"\0\0\0\x01\0\0\0\x14").contains("without the section header"));
        assert!(named(b"\xffGIF89a").ends_with("begins with the octets ff 47 49 46"));
    }
}
