//! Octets judged many at a time: how long is the run of one class that they begin with?

use wide::u8x16;

/// So many octets are judged at once.
pub(super) const WIDTH: usize = 32;

const HALF: usize = WIDTH / 2;

/// How many letters or `-` a window begins with.
#[inline]
pub(super) fn letters(window: &[u8; WIDTH]) -> usize {
    let [first, second] = halves(window);
    // Few names are longer than half a window.
    match run(letter(first)) {
        HALF => HALF + run(letter(second)),
        short => short,
    }
}

/// How many octets of printable ASCII, the blank among them, a window begins with.
#[inline]
pub(super) fn printable(window: &[u8; WIDTH]) -> usize {
    let [first, second] = halves(window);
    both(within(first, b' ', b'~'), within(second, b' ', b'~'))
}

/// How many octets of visible ASCII, the blank not among them, a window begins with.
#[inline]
pub(super) fn visible(window: &[u8; WIDTH]) -> usize {
    let [first, second] = halves(window);
    both(within(first, b'!', b'~'), within(second, b'!', b'~'))
}

/// How many octets there are before one that is not of the class whose runs `run` measures, where there is one.
#[inline]
pub(super) fn len_of_run(octets: &[u8], run: impl Fn(&[u8; WIDTH]) -> usize) -> Option<usize> {
    let mut rest = octets;
    while let Some((window, behind)) = rest.split_first_chunk() {
        let len = run(window);
        if len < WIDTH {
            return Some(octets.len() - rest.len() + len);
        }
        rest = behind;
    }
    let len = run(&padded(rest)?);
    (len < rest.len()).then_some(octets.len() - rest.len() + len)
}

/// A copy of fewer octets than `LEN`, with zeros behind them: these end a run of any class.
#[inline]
pub(super) fn padded<const LEN: usize>(octets: &[u8]) -> Option<[u8; LEN]> {
    let mut copy = [0; LEN];
    copy.get_mut(..octets.len())?.copy_from_slice(octets);
    Some(copy)
}

#[inline]
fn halves(window: &[u8; WIDTH]) -> [u8x16; 2] {
    match window.as_chunks() {
        ([first, second], _) => [u8x16::new(*first), u8x16::new(*second)],
        _ => [u8x16::splat(0); 2],
    }
}

#[inline]
fn letter(octets: u8x16) -> u8x16 {
    let small = octets | u8x16::splat(0x20);
    within(small, b'a', b'z') | octets.simd_eq(u8x16::splat(b'-'))
}

#[inline]
fn within(octets: u8x16, first: u8, last: u8) -> u8x16 {
    (octets - u8x16::splat(first)).simd_le(u8x16::splat(last - first))
}

/// How many octets are of a class before one that is not.
#[inline]
fn run(are: u8x16) -> usize {
    are.to_bitmask().trailing_ones() as usize
}

#[inline]
fn both(first: u8x16, second: u8x16) -> usize {
    let bits = first.to_bitmask() | second.to_bitmask() << HALF;
    bits.trailing_ones() as usize
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
        for place in 0..WIDTH {
            for octet in 0..=u8::MAX {
                let mut window = [b'a'; WIDTH];
                window[place] = octet;
                let len = |belongs: bool| if belongs { WIDTH } else { place };
                let what = format!("{octet} at {place}");
                assert_eq!(letters(&window), len(is_letter(octet)), "{what}");
                assert_eq!(printable(&window), len(is_printable(octet)), "{what}");
                assert_eq!(visible(&window), len(octet.is_ascii_graphic()), "{what}");
            }
        }
    }

    #[test]
    fn a_run_ends_at_the_first_of_several() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let mut octets = vec![b'Z'; random.usize(..4 * WIDTH)];
            for _ in 0..random.usize(..4).min(octets.len()) {
                let at = random.usize(..octets.len());
                octets[at] = random.u8(..);
            }
            let first = octets.iter().position(|&octet| !is_printable(octet));
            assert_eq!(len_of_run(&octets, printable), first, "{octets:?}");
            let first = octets.iter().position(|octet| !octet.is_ascii_graphic());
            assert_eq!(len_of_run(&octets, visible), first, "{octets:?}");
            let first = octets.iter().position(|&octet| !is_letter(octet));
            assert_eq!(len_of_run(&octets, letters), first, "{octets:?}");
        }
    }
}
