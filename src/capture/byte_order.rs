//! Numbers of either byte order.
//!
//! In: octets and a place in them. Out: the number there, or `None` where the octets end before it does.

/// Which octet of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// By the byte-order magic of a pcapng section header.
    pub(super) fn of_section(magic: &[u8]) -> Option<ByteOrder> {
        match magic {
            [0x4d, 0x3c, 0x2b, 0x1a] => Some(ByteOrder::Little),
            [0x1a, 0x2b, 0x3c, 0x4d] => Some(ByteOrder::Big),
            _ => None,
        }
    }

    /// The octets of a number.
    pub(super) fn octets<const N: usize>(self, little_endian: [u8; N]) -> [u8; N] {
        let mut octets = little_endian;
        if self == ByteOrder::Big {
            octets.reverse();
        }
        octets
    }

    pub(super) fn u16(self, octets: &[u8], at: usize) -> Option<u16> {
        let number = octets.get(at..)?.first_chunk()?;
        Some(match self {
            ByteOrder::Little => u16::from_le_bytes(*number),
            ByteOrder::Big => u16::from_be_bytes(*number),
        })
    }

    pub(super) fn u32(self, octets: &[u8], at: usize) -> Option<u32> {
        let [number] = self.u32s(octets, at)?;
        Some(number)
    }

    /// Several, one behind the other.
    #[inline]
    pub(super) fn u32s<const N: usize>(self, octets: &[u8], at: usize) -> Option<[u32; N]> {
        let (numbers, _) = octets.get(at..)?.as_chunks();
        let numbers: &[[u8; 4]; N] = numbers.first_chunk()?;
        Some(match self {
            ByteOrder::Little => numbers.map(u32::from_le_bytes),
            ByteOrder::Big => numbers.map(u32::from_be_bytes),
        })
    }

    pub(super) fn i64(self, octets: &[u8], at: usize) -> Option<i64> {
        let number = octets.get(at..)?.first_chunk()?;
        Some(match self {
            ByteOrder::Little => i64::from_le_bytes(*number),
            ByteOrder::Big => i64::from_be_bytes(*number),
        })
    }
}
