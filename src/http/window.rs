//! Octets judged many at a time: which are of a class, and how long is the run of it that they begin with?

use wide::{i8x16, u8x16};

/// So many octets are judged at once.
pub(super) const WIDTH: usize = 16;

/// So many have a bit each.
pub(super) const BLOCK: usize = u64::BITS as usize;

/// Printable ASCII, the blank among it.
#[inline(always)]
pub(super) fn printable(octets: u8x16) -> i8x16 {
    ascii_from(b' ', octets)
}

/// Visible ASCII, the blank not among it.
#[inline(always)]
pub(super) fn visible(octets: u8x16) -> i8x16 {
    ascii_from(b'!', octets)
}

/// Which octets of the block that begins `at` are not of a class: a bit for each, the lowest for the first. A class is
/// a function that is negative where they are not. `None` where there are no octets any more; where there are too few
/// for a block, the bits behind them are not set.
#[inline(always)]
pub(super) fn others(octets: &[u8], at: usize, class: impl Fn(u8x16) -> i8x16) -> Option<u64> {
    match octets.get(at..)?.first_chunk() {
        Some(block) => Some(others_of(block, class)),
        None => others_at_end(octets, at, class),
    }
}

/// The same where octets end before the block does.
#[inline(never)]
fn others_at_end(octets: &[u8], at: usize, class: impl Fn(u8x16) -> i8x16) -> Option<u64> {
    let left = octets.len().checked_sub(at).filter(|&left| left > 0)?;
    match octets.last_chunk() {
        Some(block) => Some(others_of(block, class) >> (BLOCK - left)),
        None => Some(others_of_few(octets, class) >> at),
    }
}

/// The same where there is no whole block: many a request is that short. A letter is of every class.
#[inline(never)]
fn others_of_few(octets: &[u8], class: impl Fn(u8x16) -> i8x16) -> u64 {
    let (windows, rest) = octets.as_chunks();
    let others = others_of_windows(windows, &class);
    if rest.is_empty() {
        return others;
    }
    let before_last = octets.len().saturating_sub(WIDTH);
    let last = octets.last_chunk().copied().unwrap_or_else(|| {
        let mut window = [b'a'; WIDTH];
        if let Some(begin) = window.get_mut(..rest.len()) {
            begin.copy_from_slice(rest);
        }
        window
    });
    others | others_of_windows(&[last], class) << before_last
}

#[inline(always)]
fn others_of(block: &[u8; BLOCK], class: impl Fn(u8x16) -> i8x16) -> u64 {
    let (windows, _) = block.as_chunks();
    others_of_windows(windows, class)
}

#[inline(always)]
fn others_of_windows(windows: &[[u8; WIDTH]], class: impl Fn(u8x16) -> i8x16) -> u64 {
    let bits = |window: &[u8; WIDTH]| u64::from(class(u8x16::new(*window)).to_bitmask());
    let places = (0..).step_by(WIDTH);
    let all = windows.iter().zip(places);
    all.fold(0, |others, (window, place)| others | bits(window) << place)
}

/// Where the first octet from `at` on is that is not of a class.
#[inline(always)]
pub(super) fn end_of_run(
    octets: &[u8],
    mut at: usize,
    class: impl Fn(u8x16) -> i8x16 + Copy,
) -> Option<usize> {
    loop {
        match others(octets, at, class)? {
            0 => at += BLOCK,
            others => return Some(at + others.trailing_zeros() as usize),
        }
    }
}

/// How many letters or `-` a window begins with.
#[inline(always)]
pub(super) fn letters(window: &[u8; WIDTH]) -> usize {
    let octets = u8x16::new(*window);
    let small = octets | u8x16::splat(0x20);
    let beyond_z = u8x16::splat(0x80 - (b'z' + 1));
    let other = at_least(0x80 - (b'z' + 1) + b'a', small + beyond_z);
    let dash = octets.simd_eq(u8x16::splat(b'-')).cast_signed();
    let others = (other & !dash).to_bitmask();
    (others | 1 << WIDTH).trailing_zeros() as usize
}

/// From this octet up to `~`, behind which the highest comes that counts as positive: with one more, it is that.
#[inline(always)]
fn ascii_from(first: u8, octets: u8x16) -> i8x16 {
    at_least(first + 1, octets + u8x16::splat(1))
}

/// Negative where octets are less than `least`, or beyond those that count as positive.
#[inline(always)]
fn at_least(least: u8, octets: u8x16) -> i8x16 {
    octets
        .cast_signed()
        .saturating_sub(i8x16::splat(least.cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_letter(octet: u8) -> bool {
        octet.is_ascii_alphabetic() || octet == b'-'
    }

    fn is_printable(octet: u8) -> bool {
        octet == b' ' || octet.is_ascii_graphic()
    }

    #[test]
    fn a_run_ends_at_any_octet_of_another_class_wherever_it_stands() {
        for place in 0..BLOCK {
            for octet in 0..=u8::MAX {
                let mut block = [b'a'; BLOCK];
                block[place] = octet;
                let other = |belongs: bool| Some(u64::from(!belongs) << place);
                let what = format!("{octet} at {place}");
                let printable = others(&block, 0, printable);
                assert_eq!(printable, other(is_printable(octet)), "{what}");
                let visible = others(&block, 0, visible);
                assert_eq!(visible, other(octet.is_ascii_graphic()), "{what}");
                if let Some(window) = block.first_chunk()
                    && place < WIDTH
                {
                    let len = if is_letter(octet) { WIDTH } else { place };
                    assert_eq!(letters(window), len, "{what}");
                }
            }
        }
    }

    #[test]
    fn a_run_ends_at_the_first_of_several_wherever_it_begins_and_the_octets_end() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let mut octets = vec![b'Z'; random.usize(..3 * BLOCK)];
            for _ in 0..random.usize(..4).min(octets.len()) {
                let at = random.usize(..octets.len());
                octets[at] = random.u8(..);
            }
            let from = random.usize(..=octets.len());
            let first = |is: fn(&u8) -> bool| {
                let other = octets[from..].iter().position(|octet| !is(octet));
                other.map(|at| from + at)
            };
            let end = end_of_run(&octets, from, printable);
            assert_eq!(
                end,
                first(|&octet| is_printable(octet)),
                "{from} {octets:?}"
            );
            let end = end_of_run(&octets, from, visible);
            assert_eq!(end, first(u8::is_ascii_graphic), "{from} {octets:?}");
        }
    }
}
