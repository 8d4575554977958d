//! Decimal digits, eight at a time.
//!
//! In: numbers. Out: their digits as ASCII. Nearly all that is written are numbers, times and lengths of time; what is
//! done here to all digits of a number at once is done digit by digit elsewhere.

/// One in each of four lanes of 16 bits.
const LANES: u64 = 0x0001_0001_0001_0001;

/// What makes digits of the numbers from 0 to 9.
pub(crate) const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The eight digits of four numbers below 100, each with two digits, as numbers from 0 to 9: the first of them in the
/// lowest octet.
#[inline]
pub(crate) fn of_pairs([a, b, c, d]: [u64; 4]) -> u64 {
    apart(a | b << 16 | c << 32 | d << 48)
}

/// The eight digits of a number below 100,000,000, as [`of_pairs`] has them.
#[inline]
pub(crate) fn of_eight(number: u64) -> u64 {
    let (high, low) = (number / 10_000, number % 10_000);
    // Two lanes of 32 bits. 10486/1048576 is near enough to a hundredth for what is below 10000.
    let fours = high | low << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    apart(hundreds | (fours - hundreds * 100) << 16)
}

/// The four digits of a number below 10,000, as [`of_eight`] has them.
#[inline]
pub(crate) fn of_four(number: u64) -> u32 {
    // 10486/1048576 is near enough to a hundredth.
    let hundreds = (number * 10_486) >> 20;
    apart(hundreds | (number - hundreds * 100) << 16) as u32
}

/// Tens and ones of the four numbers below 100 that lie in lanes of 16 bits.
#[inline]
fn apart(pairs: u64) -> u64 {
    // 103/1024 is near enough to a tenth, and 103 times a number fits into its lane.
    let tens = ((pairs * 103) >> 10) & (LANES * 0xf);
    tens | (pairs - tens * 10) << 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(digits: u64) -> String {
        String::from_utf8((digits + ZEROS).to_le_bytes().to_vec()).unwrap()
    }

    #[test]
    fn every_pair_in_every_place() {
        for number in 0..100 {
            let digits = format!("{number:02}");
            assert_eq!(
                text(of_pairs([number, 0, 99, 100 - number - 1])),
                format!("{digits}0099{:02}", 99 - number)
            );
            assert_eq!(
                text(of_pairs([0, number, number, 0])),
                format!("00{digits}{digits}00")
            );
        }
    }

    #[test]
    fn every_four_in_both_places() {
        for number in 0..10_000 {
            let other = 9_999 - number;
            let digits = text(of_eight(number * 10_000 + other));
            assert_eq!(digits, format!("{number:04}{other:04}"));
            let four = of_four(number).wrapping_add(ZEROS as u32).to_le_bytes();
            assert_eq!(four, digits.as_bytes()[..4]);
        }
    }

    #[test]
    fn eight_digits_are_those_of_the_number() {
        let mut random = fastrand::Rng::with_seed(8);
        let numbers = [0, 1, 9, 10, 99_999_999, 12_345_678];
        let random = (0..10_000).map(|_| random.u64(..100_000_000));
        for number in numbers.into_iter().chain(random) {
            assert_eq!(text(of_eight(number)), format!("{number:08}"));
        }
    }
}
