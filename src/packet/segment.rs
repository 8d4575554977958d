//! The TCP segment as `tcp` sees it: addresses, numbers, flags and the payload as far as it was captured.

use super::endpoint::Endpoint;
use crate::time::At;

/// One TCP segment, its payload borrowed from the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The packet that carried it (of a fragmented datagram, the one that completed it).
    pub at: At,
    /// The sender.
    pub src: Endpoint,
    /// The receiver.
    pub dst: Endpoint,
    /// Sequence number of the first octet, or of the SYN.
    pub seq: Seq,
    /// The acknowledgement number, where the ACK flag is set.
    pub ack: Option<Seq>,
    /// The flags.
    pub flags: Flags,
    /// The window as sent, not scaled; zero means that the sender can take nothing.
    pub window: u16,
    /// The payload, as far as it was captured.
    pub payload: &'a [u8],
    /// Payload octets that were sent and cut off by the snap length.
    pub cut: u32,
}

impl Segment<'_> {
    /// Whether it is more than a SYN or an acknowledgement.
    pub(crate) fn carries_anything(&self) -> bool {
        // Which of them it is cannot be foretold: so all are looked at.
        (self.payload_len() > 0) | self.flags.has_any(Flags::FIN | Flags::RST)
    }

    /// Payload octets that were sent, captured or not.
    #[inline]
    pub fn payload_len(&self) -> u32 {
        (self.payload.len() as u32).saturating_add(self.cut)
    }
}

/// A sequence or acknowledgement number: 32 bits that wrap (RFC 9293 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// This number, so many octets on.
    #[inline]
    pub fn plus(self, octets: u32) -> Seq {
        Seq(self.0.wrapping_add(octets))
    }

    /// How far this lies behind `base`, taking the shorter way round: negative where it lies before it.
    #[inline]
    pub fn from_base(self, base: Seq) -> i64 {
        i64::from(self.0.wrapping_sub(base.0).cast_signed())
    }
}

/// The flags of a TCP header that matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// The sender has no more data.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x04);
    /// The acknowledgement number is valid.
    pub const ACK: Flags = Flags(0x10);

    /// From the low eight bits of the header's flags.
    #[inline]
    pub fn from_bits(bits: u8) -> Self {
        Flags(bits & 0x17)
    }

    /// Whether ACK is set, perhaps FIN, and nothing else that matters here.
    pub fn are_only_ack_or_fin(self) -> bool {
        self | Flags::FIN == Flags::ACK | Flags::FIN
    }

    /// Whether any of `others` is set.
    fn has_any(self, others: Flags) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether all of `other` are set.
    #[inline]
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Flags {
    type Output = Flags;

    #[inline]
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_wrap() {
        assert_eq!(Seq(5).from_base(Seq(u32::MAX)), 6);
        assert_eq!(Seq(u32::MAX).from_base(Seq(5)), -6);
        assert_eq!(Seq(u32::MAX).plus(3), Seq(2));
    }
}
