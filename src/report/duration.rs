//! Lengths of time as a person reads them.

use crate::time::Span;

/// Three or four digits that matter, with the unit that suits them: `59 µs`, `12.3 ms`, `5.005 s`, `2 h 05 min`.
pub(super) fn readable(span: Span) -> String {
    let seconds = span.seconds();
    let micros = seconds * 1e6;
    // Each bound is where the figure of its branch would round up to a figure of the next.
    match seconds.abs() {
        size if size < 999.5e-9 => format!("{} ns", span.nanos()),
        size if size < 999.5e-6 => format!("{micros:.0} µs"),
        size if size < 0.999_95 => format!("{:.1} ms", seconds * 1e3),
        size if size < 99.9995 => format!("{seconds:.3} s"),
        size if size < 999.95 => format!("{seconds:.1} s"),
        _ => in_minutes(span),
    }
}

fn in_minutes(span: Span) -> String {
    let seconds = span.nanos() / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match hours {
        0 => format!("{minutes} min {:02} s", (seconds % 60).abs()),
        _ => format!("{hours} h {:02} min", minutes.abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_the_unit_that_suits_it() {
        let cases = [
            (0, "0 ns"),
            (400, "400 ns"),
            (999_499, "999 µs"),
            (999_500, "1.0 ms"),
            (59_000, "59 µs"),
            (12_345_678, "12.3 ms"),
            (999_949_999, "999.9 ms"),
            (999_960_000, "1.000 s"),
            (5_004_770_000, "5.005 s"),
            (75_066_000_000, "75.066 s"),
            (123_456_000_000, "123.5 s"),
            (1_000_000_000_000, "16 min 40 s"),
            (7_512_000_000_000, "2 h 05 min"),
            (-5_004_770_000, "-5.005 s"),
            (-1_000_000_000_000, "-16 min 40 s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(readable(Span::from_nanos(nanos)), text);
        }
    }
}
