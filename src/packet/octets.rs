//! [`Octets`]: what of a packet is still to be read, as far as it was captured, and how much of it was sent.
//!
//! Headers give lengths as they were sent; the snap length cuts what was captured. Keeping both side by side is
//! what makes payload lengths right in captures that hold little more than headers.

use super::reason::Reason;

/// Some octets of a packet. Never more captured than sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Octets<'a> {
    captured: &'a [u8],
    sent: usize,
}

impl<'a> Octets<'a> {
    /// `sent` octets, of which these were captured. Captured octets beyond that are no part of it: padding, or a
    /// frame check sequence.
    pub(super) fn new(captured: &'a [u8], sent: usize) -> Self {
        Octets {
            captured: captured.get(..sent).unwrap_or(captured),
            sent,
        }
    }

    /// Those that were captured.
    pub(super) fn captured(self) -> &'a [u8] {
        self.captured
    }

    /// How many were sent.
    pub(super) fn sent(self) -> usize {
        self.sent
    }

    /// How many were sent but not captured.
    pub(super) fn cut(self) -> usize {
        self.sent.saturating_sub(self.captured.len())
    }

    /// A header of `N` octets, and what follows it.
    pub(super) fn split<const N: usize>(self) -> Result<([u8; N], Octets<'a>), Reason> {
        let (header, rest) = self
            .captured
            .split_first_chunk()
            .ok_or_else(|| self.lacks(N))?;
        Ok((*header, Octets::new(rest, self.sent.saturating_sub(N))))
    }

    /// What follows a header of that length, even where the capture ends inside the header.
    pub(super) fn skip(self, header_len: usize) -> Result<Octets<'a>, Reason> {
        let sent = self.sent.checked_sub(header_len).ok_or(Reason::Malformed)?;
        Ok(Octets::new(
            self.captured.get(header_len..).unwrap_or_default(),
            sent,
        ))
    }

    /// The same without what comes after `len` octets.
    pub(super) fn limit(self, len: usize) -> Octets<'a> {
        Octets::new(self.captured, self.sent.min(len))
    }

    /// Why there are no `len` octets to read: the snap length, or a header that promises too much.
    pub(super) fn lacks(self, len: usize) -> Reason {
        if len <= self.sent {
            Reason::Cut
        } else {
            Reason::Malformed
        }
    }

    /// The upper half of the first octet: for IP, the version.
    pub(super) fn version(self) -> Result<u8, Reason> {
        let ([first], _) = self.split()?;
        Ok(first >> 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_what_was_sent() {
        let octets = Octets::new(&[1, 2, 3, 4, 5, 6], 10);
        let (header, rest) = octets.split::<4>().unwrap();
        assert_eq!(header, [1, 2, 3, 4]);
        assert_eq!(
            (rest.captured(), rest.sent(), rest.cut()),
            (&[5, 6][..], 6, 4)
        );

        let beyond = octets.skip(8).unwrap();
        assert_eq!((beyond.captured(), beyond.sent()), (&[][..], 2));
        assert_eq!(octets.skip(11).unwrap_err(), Reason::Malformed);

        let limited = octets.limit(5);
        assert_eq!(
            (limited.captured(), limited.cut()),
            (&[1, 2, 3, 4, 5][..], 0)
        );
        assert_eq!(octets.limit(99).sent(), 10);
    }

    #[test]
    fn what_lacks_was_cut_off_or_never_sent() {
        let octets = Octets::new(&[1, 2], 3);
        assert_eq!(octets.split::<3>().unwrap_err(), Reason::Cut);
        assert_eq!(octets.split::<4>().unwrap_err(), Reason::Malformed);
        assert_eq!(
            Octets::new(&[], 0).version().unwrap_err(),
            Reason::Malformed
        );
    }

    #[test]
    fn what_follows_the_end_is_no_part_of_it() {
        assert_eq!(Octets::new(&[1, 2, 3], 2).captured(), [1, 2]);
    }
}
