//! The TCP header: a [`Segment`], or a [`Header`] that no segment comes with.
//!
//! In: the octets from a TCP header on, and the way that led there.

use super::endpoint::Endpoint;
use super::octets::Octets;
use super::reason::Reason;
use super::segment::{Flags, Segment, Seq};
use super::{Decoded, Path, Standing};

/// A TCP header without a segment that could be followed.
///
/// It carries nobody's data, but Wireshark counts it when it numbers streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sender.
    pub src: Endpoint,
    /// The receiver.
    pub dst: Endpoint,
    /// The sequence number.
    pub seq: Seq,
    /// The acknowledgement number, where the ACK flag is set.
    pub ack: Option<Seq>,
    /// The flags.
    pub flags: Flags,
    /// Why there is no segment.
    pub reason: Reason,
}

/// What matters here of a TCP header (RFC 9293 3.1).
///
/// Its first 16 octets say all that is needed, and Wireshark asks for no more. Captures that keep only the start of
/// each packet cut headers, so this is not left to etherparse, which wants them whole.
pub(super) struct Fields {
    pub(super) src_port: u16,
    pub(super) dst_port: u16,
    pub(super) seq: Seq,
    pub(super) ack: Option<Seq>,
    pub(super) flags: Flags,
    pub(super) window: u16,
    /// How long the header is, in words of four octets.
    pub(super) words: usize,
}

impl Fields {
    #[inline]
    pub(super) fn read(header: &[u8; 16]) -> Self {
        // The first field is the highest part; what is cut off are the fields before.
        let header = u128::from_be_bytes(*header);
        let flags = Flags::from_bits((header >> 16) as u8);
        let ack = Seq((header >> 32) as u32);
        Fields {
            src_port: (header >> 112) as u16,
            dst_port: (header >> 96) as u16,
            seq: Seq((header >> 64) as u32),
            ack: flags.has(Flags::ACK).then_some(ack),
            flags,
            window: header as u16,
            words: usize::from((header >> 24) as u8 >> 4),
        }
    }
}

/// Reads a TCP header and what follows it.
pub(super) fn tcp<'a>(path: &Path, octets: Octets<'a>) -> Result<Decoded<'a>, Reason> {
    let (header, _) = octets.split()?;
    let fields = Fields::read(&header);
    let src = Endpoint::new(path.src, fields.src_port);
    let dst = Endpoint::new(path.dst, fields.dst_port);
    let decoded = match payload(path.standing, fields.words, octets) {
        Ok(payload) => Decoded::Segment(Segment {
            at: path.at,
            src,
            dst,
            seq: fields.seq,
            ack: fields.ack,
            flags: fields.flags,
            window: fields.window,
            payload: payload.captured(),
            cut: u32::try_from(payload.cut()).unwrap_or(u32::MAX),
        }),
        Err(reason) => Decoded::Header(Header {
            src,
            dst,
            seq: fields.seq,
            ack: fields.ack,
            flags: fields.flags,
            reason,
        }),
    };
    Ok(decoded)
}

fn payload(standing: Standing, words: usize, octets: Octets<'_>) -> Result<Octets<'_>, Reason> {
    match standing {
        Standing::Quoted => Err(Reason::Quoted),
        Standing::Cut => Err(Reason::FragmentCut),
        Standing::Own if words < 5 => Err(Reason::TcpOffset),
        Standing::Own => octets
            .skip(words.saturating_mul(4))
            .map_err(|_| Reason::TcpShort),
    }
}

#[cfg(test)]
mod tests {
    use super::super::craft::*;
    use super::super::reason::Reason;

    #[test]
    fn options_are_no_payload() {
        check4(101, &v4(6, &tcp_with(15, &join(&[&[1; 40], PAYLOAD]))));
    }

    #[test]
    fn a_data_offset_below_five_is_malformed() {
        for words in 0..5 {
            let header = header(101, &v4(6, &tcp_with(words, PAYLOAD)));
            assert_eq!((header.reason, header.seq), (Reason::TcpOffset, SEQ));
        }
    }

    #[test]
    fn a_header_beyond_the_datagram_leaves_no_segment() {
        let header = header(101, &v4(6, &tcp_with(10, PAYLOAD)));
        assert_eq!((header.reason, header.ack), (Reason::TcpShort, Some(ACK)));
        assert_eq!(reason(101, &v4(6, &tcp()[..15])), Reason::Malformed);
    }
}
