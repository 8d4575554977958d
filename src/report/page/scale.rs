//! Where a moment stands on the time axis of a connection.

use std::fmt;

use crate::time::{Span, Time};

/// A place along an axis, in percent of its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub(super) struct Place(pub(super) f64);

/// With as many digits as can be seen.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 * 100.0).round() / 100.0;
        write!(f, "{hundredths}%")
    }
}

impl Place {
    /// To which side of it a text stands, so that it stays within the axis.
    pub(super) fn anchor(self) -> &'static str {
        match self.0 {
            near if near < 12.0 => "start",
            far if far > 88.0 => "end",
            _ => "middle",
        }
    }

    /// The same for a text that has one side of it to itself.
    pub(super) fn side(self) -> &'static str {
        if self.0 < 50.0 { "start" } else { "end" }
    }

    /// How far such a text stands away from it, in pixels.
    pub(super) fn distance(self) -> i32 {
        if self.0 < 50.0 { 5 } else { -5 }
    }
}

/// The time axis of a connection: linear, from its first packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: Time,
    span: Span,
}

/// A mark on an axis.
#[derive(Clone, Debug)]
pub(super) struct Tick {
    pub(super) place: Place,
    pub(super) label: String,
}

/// Shorter connections are drawn as if they had lasted so long.
const SHORTEST: Span = Span::from_nanos(10_000);

impl Scale {
    pub(super) fn new(from: Time, to: Time) -> Self {
        Scale {
            from,
            span: to.since(from).max(SHORTEST),
        }
    }

    /// Where this time is; what lies beyond an end is held there.
    pub(super) fn place(&self, time: Time) -> Place {
        let share = time.since(self.from).nanos() as f64 / self.span.nanos() as f64;
        Place((share * 100.0).clamp(0.0, 100.0))
    }

    /// Round lengths of time, five of them at most beside the beginning.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let length = self.span.nanos();
        let step = steps().find(|step| length / step <= 5).unwrap_or(length);
        let marks = (0..=length / step).map(|number| Span::from_nanos(number * step));
        marks
            .map(|since| Tick {
                place: Place(since.nanos() as f64 / length as f64 * 100.0),
                label: round(since),
            })
            .collect()
    }
}

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// The lengths of time in which people count, in nanoseconds.
fn steps() -> impl Iterator<Item = i64> {
    let decimal = (3..10).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_i64.pow(power)));
    let clock = [10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200];
    let days = [14_400, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000];
    let years = (0..5).map(|power| 2_592_000 * 6_i64.pow(power));
    let seconds = clock.into_iter().chain(days).chain(years);
    decimal.chain(seconds.map(|seconds| seconds * SECOND))
}

/// A round length of time, without the digits that are zero.
fn round(span: Span) -> String {
    let nanos = span.nanos();
    let minutes = nanos % (60 * SECOND) == 0;
    let hours = nanos % (3_600 * SECOND) == 0;
    let (unit, name) = match nanos {
        0 => return "0".to_owned(),
        _ if hours => (3_600 * SECOND, "h"),
        _ if minutes => (60 * SECOND, "min"),
        ..1_000_000 => (1_000, "µs"),
        1_000_000..SECOND => (1_000_000, "ms"),
        _ => (SECOND, "s"),
    };
    format!("{} {name}", nanos as f64 / unit as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(millis: i64) -> Vec<String> {
        let from = Time::from_nanos(0);
        let to = Time::from_nanos(i128::from(millis) * 1_000_000);
        let ticks = Scale::new(from, to).ticks();
        ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn an_axis_has_few_round_marks() {
        assert_eq!(labels(5_005), ["0", "1 s", "2 s", "3 s", "4 s", "5 s"]);
        assert_eq!(labels(75_200), ["0", "20 s", "40 s", "1 min"]);
        assert_eq!(
            labels(3),
            ["0", "500 µs", "1 ms", "1.5 ms", "2 ms", "2.5 ms", "3 ms"]
                .into_iter()
                .step_by(2)
                .collect::<Vec<_>>()
        );
        assert_eq!(labels(4 * 3_600_000), ["0", "1 h", "2 h", "3 h", "4 h"]);
        assert!(labels(i64::MAX / 1_000_000).len() < 7);
    }

    #[test]
    fn places_are_on_the_axis() {
        let at = |nanos| Time::from_nanos(nanos);
        let scale = Scale::new(at(1_000_000), at(4_000_000));
        assert_eq!(scale.place(at(2_000_000)).to_string(), "33.33%");
        assert_eq!(scale.place(at(0)).to_string(), "0%");
        assert_eq!(scale.place(at(9_000_000)).to_string(), "100%");
    }
}
