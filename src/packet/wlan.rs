//! IEEE 802.11: data frames in the clear, and the radio headers that may stand before them.
//!
//! In: the octets of a radio header or of a frame. Out: logical link control and its octets. Protected frames are
//! not decrypted, fragments of frames not put together, aggregates of several not taken apart.

use super::layer::{Layer, Step};
use super::link;
use super::octets::Octets;
use super::reason::Reason;

/// Radiotap: its own length, and fields of which only the flags matter here.
pub(super) fn radiotap(octets: Octets<'_>) -> Step<'_> {
    let ([_, _, len0, len1], fields) = octets.split()?;
    let rest = octets.skip(usize::from(u16::from_le_bytes([len0, len1])))?;
    let (control, _) = rest.split()?;
    data(rest, control, header_alignment(fields)?)
}

/// Some drivers pad the frame's header to a multiple of four octets, and say so in the radiotap flags.
fn header_alignment(octets: Octets<'_>) -> Result<usize, Reason> {
    const TIME_PRESENT: u8 = 0x01;
    const FLAGS_PRESENT: u8 = 0x02;
    const PADDED: u8 = 0x20;
    let ([present, _, _, mut more], mut rest) = octets.split()?;
    // Fields are aligned to their size, counted from the start of the header.
    let mut position = 8usize;
    while more & 0x80 != 0 {
        ([_, _, _, more], rest) = rest.split()?;
        position = position.saturating_add(4);
    }
    if present & TIME_PRESENT != 0 {
        let aligned = position.next_multiple_of(8);
        rest = rest.skip(aligned.saturating_sub(position).saturating_add(8))?;
    }
    if present & FLAGS_PRESENT == 0 {
        return Ok(1);
    }
    let ([flags], _) = rest.split()?;
    Ok(if flags & PADDED == 0 { 1 } else { 4 })
}

/// A Prism header, an AVS header in its place, or none: drivers that write one on received frames may leave it out on
/// sent ones.
pub(super) fn prism(octets: Octets<'_>) -> Step<'_> {
    const PRISM_LEN: usize = 144;
    match octets.split()?.0 {
        [0x80, 0x21, 0x10, 0x01 | 0x02] => avs(octets),
        [0, 0, 0, 0x41 | 0x44] | [0x41 | 0x44, 0, 0, 0] => frame(octets.skip(PRISM_LEN)?),
        _ => frame(octets),
    }
}

/// An AVS header, which says how long it is.
pub(super) fn avs(octets: Octets<'_>) -> Step<'_> {
    let ([_, _, _, _, l0, l1, l2, l3], _) = octets.split()?;
    let len = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3]));
    frame(octets.skip(len.map_err(|_| Reason::Malformed)?)?)
}

/// A frame, its header as the standard has it.
pub(super) fn frame(octets: Octets<'_>) -> Step<'_> {
    let (control, _) = octets.split()?;
    data(octets, control, 1)
}

/// The same with the two octets of frame control the other way round, as access points put it into CAPWAP.
pub(super) fn swapped(octets: Octets<'_>) -> Step<'_> {
    let ([flags, control], _) = octets.split()?;
    data(octets, [control, flags], 1)
}

/// Only data frames go on (IEEE 802.11-2020 9.2.4, 9.3.2).
fn data(octets: Octets<'_>, [control, flags]: [u8; 2], alignment: usize) -> Step<'_> {
    const DATA: u8 = 0x08;
    const NO_DATA: u8 = 0x40;
    const PROTECTED: u8 = 0x40;
    const MORE_FRAGMENTS: u8 = 0x04;
    if control & 0x0f != DATA || control & NO_DATA != 0 {
        return Err(Reason::NotIp);
    }
    if flags & PROTECTED != 0 {
        return Err(Reason::Encrypted);
    }
    // A last fragment is known by its number alone, but some cards number frames that they have put together. What
    // really is one does not begin like logical link control.
    if flags & MORE_FRAGMENTS != 0 {
        return Err(Reason::PartialFrame);
    }
    body(octets, control, flags, alignment)
}

fn body(octets: Octets<'_>, control: u8, flags: u8, alignment: usize) -> Step<'_> {
    const BOTH_WAYS: u8 = 0x03;
    const QUALITY_OF_SERVICE: u8 = 0x80;
    const HIGH_THROUGHPUT: u8 = 0x80;
    const AGGREGATE: u8 = 0x80;
    let mut header_len: usize = match flags & BOTH_WAYS {
        BOTH_WAYS => 30,
        _ => 24,
    };
    let mut quality = 0;
    if control & QUALITY_OF_SERVICE != 0 {
        ([quality, _], _) = octets.skip(header_len)?.split()?;
        header_len += if flags & HIGH_THROUGHPUT == 0 { 2 } else { 6 };
    }
    let rest = octets.skip(header_len.next_multiple_of(alignment))?;
    if quality & AGGREGATE == 0 {
        Ok((Layer::Wrapping(link::llc), rest))
    } else {
        only_one(rest)
    }
}

/// An aggregate of a single frame is as good as the frame.
fn only_one(octets: Octets<'_>) -> Step<'_> {
    let ([.., len0, len1], rest) = octets.split::<14>()?;
    let len = usize::from(u16::from_be_bytes([len0, len1]));
    // Another one would follow at a multiple of four octets; a check sequence is shorter than its header.
    if rest.sent() > len.next_multiple_of(4).saturating_add(14) {
        return Err(Reason::PartialFrame);
    }
    Ok((Layer::Wrapping(link::llc), rest.limit(len)))
}

#[cfg(test)]
mod tests {
    use super::super::craft::*;
    use super::super::reason::Reason;

    /// A header of that length with those two first octets, and a segment behind it.
    fn data(control: u8, flags: u8, header_len: usize) -> Vec<u8> {
        let header = join(&[&[control, flags], &vec![0; header_len - 2]]);
        join(&[&header, &snap(0x0800, &ip4())])
    }

    #[test]
    fn data_frames_have_headers_of_several_lengths() {
        check4(105, &data(0x08, 0x01, 24));
        check4(105, &data(0x08, 0x02, 24));
        check4(105, &data(0x08, 0x03, 30));
        check4(105, &data(0x88, 0x01, 26));
        check4(105, &data(0x88, 0x03, 32));
        check4(105, &data(0x88, 0x81, 30));
        // Without a quality of service, that flag means strict order, and lengthens nothing.
        check4(105, &data(0x08, 0x81, 24));
    }

    #[test]
    fn other_frames_are_ignored() {
        assert_eq!(reason(105, &data(0x80, 0, 24)), Reason::NotIp);
        assert_eq!(reason(105, &data(0x48, 0x01, 24)), Reason::NotIp);
        assert_eq!(
            reason(105, &[0xd4, 0, 0, 0, 2, 0, 0, 0, 0, 1]),
            Reason::NotIp
        );
        assert_eq!(reason(105, &data(0x88, 0x41, 26)), Reason::Encrypted);
        assert_eq!(reason(105, &data(0x08, 0x05, 24)), Reason::PartialFrame);
    }

    fn aggregate(frames: usize) -> Vec<u8> {
        let frame = snap(0x0800, &ip4());
        let len = (frame.len() as u16).to_be_bytes();
        let padded = join(&[&[2; 12], &len, &frame, &[0; 2]]);
        let header = join(&[&[0x88, 0x01], &[0; 22], &[0x80, 0]]);
        join(&[&header, &padded.repeat(frames)])
    }

    #[test]
    fn an_aggregate_of_one_is_that_one() {
        check4(105, &aggregate(1));
        assert_eq!(reason(105, &aggregate(2)), Reason::PartialFrame);
    }

    #[test]
    fn radiotap_tells_of_padding() {
        let frame = data(0x88, 0x01, 26);
        let padded = data(0x88, 0x01, 28);
        check4(127, &join(&[&[0, 0, 8, 0, 0, 0, 0, 0], &frame]));
        let flags_only = |flags| [0, 0, 9, 0, 2, 0, 0, 0, flags];
        check4(127, &join(&[&flags_only(0), &frame]));
        check4(127, &join(&[&flags_only(0x20), &padded]));
        let with_time = join(&[&[0, 0, 17, 0, 3, 0, 0, 0], &[0; 8], &[0x20]]);
        check4(127, &join(&[&with_time, &padded]));
        // A second word of flags moves the time to the next multiple of eight.
        let two_words = [0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0];
        let two_words = join(&[&two_words, &[0; 12], &[0x20]]);
        check4(127, &join(&[&two_words, &padded]));
    }

    #[test]
    fn other_radio_headers_are_skipped() {
        let frame = data(0x08, 0x01, 24);
        let prism = |magic: [u8; 4]| join(&[&magic, &[0; 140], &frame]);
        check4(119, &prism([0x44, 0, 0, 0]));
        check4(119, &prism([0, 0, 0, 0x41]));
        check4(119, &frame);
        let avs = join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &frame]);
        check4(119, &avs);
        check4(163, &avs);
    }
}
