//! When something was captured: [`Time`], the [`Span`] between two of them, and [`At`], which adds the frame.
//!
//! In: a capture's time stamps. Out: values that compare, subtract and print. What a resolution or an offset
//! means is the business of the capture formats.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digits::{ZEROS, of_eight, of_pairs};
use crate::written::Room;

/// Nanoseconds since 1970-01-01T00:00:00Z, from the year 1677 to 2262; what lies beyond is held at the edge.
///
/// A time that may be missing takes no more room than one that is there: millions of them are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(
    /// Nanoseconds since the earliest time that there is, less one: in the same order.
    NonZeroU64,
);

const EPOCH: u64 = 1 << 63;

impl Time {
    /// From nanoseconds since the epoch; values beyond the range are held at its edge.
    pub fn from_nanos(nanos: i128) -> Self {
        Time::exact(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// The same, where they cannot be out of range.
    #[inline]
    pub(crate) fn exact(nanos: i64) -> Self {
        Time(NonZeroU64::new(nanos.cast_unsigned() ^ EPOCH).unwrap_or(NonZeroU64::MIN))
    }

    /// Nanoseconds since the epoch.
    #[inline]
    pub fn nanos(self) -> i64 {
        (self.0.get() ^ EPOCH).cast_signed()
    }

    /// Puts it there by RFC 3339 in UTC with nine digits of a second, as in `2026-11-24T09:15:00.000000001Z`.
    #[inline(always)]
    pub(crate) fn put(self, room: &mut Room<'_>) {
        let (second, nanos) = div_rem(self.nanos(), 1_000_000_000);
        room.put_chunk::<30>(|room| {
            room.put_first(20, Second::text(second));
            let (first, others) = (nanos / 100_000_000, of_eight(nanos % 100_000_000));
            room.put(&[b'0' + first as u8]);
            room.put(&digits(others));
            room.put(b"Z");
        });
    }

    /// The time from `earlier` to this; negative where the clock went back.
    #[inline]
    pub fn since(self, earlier: Time) -> Span {
        Span::from_nanos(self.nanos().saturating_sub(earlier.nanos()))
    }
}

/// As nanoseconds since the epoch.
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.nanos().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Time::exact)
    }
}

/// The epoch.
impl Default for Time {
    fn default() -> Self {
        Time::exact(0)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Time({})", self.nanos())
    }
}

impl std::ops::Add<Span> for Time {
    type Output = Time;

    fn add(self, span: Span) -> Time {
        Time::exact(self.nanos().saturating_add(span.nanos()))
    }
}

/// By RFC 3339 in UTC with nine digits of a second, as in `2026-11-24T09:15:00.000000001Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (octets, len) = Room::fill::<31>(|mut room| {
            self.put(&mut room);
            room
        });
        let text = octets.get(..len).unwrap_or_default();
        f.write_str(std::str::from_utf8(text).unwrap_or_default())
    }
}

/// The quotient rounded down, and what is left.
fn div_rem(number: i64, by: i64) -> (i64, u64) {
    (number.div_euclid(by), number.rem_euclid(by).unsigned_abs())
}

/// A second, and how it is written.
struct Second {
    /// So many after the epoch.
    number: Cell<i64>,
    /// With the point behind it, and four octets that mean nothing.
    text: Cell<[u8; 24]>,
}

/// So many seconds are kept.
const KEPT: usize = 64;

thread_local! {
    /// Seconds that were written, each in its place: most times are written when others of the same second were.
    static WRITTEN: [Second; KEPT] = const {
        [const {
            Second {
                number: Cell::new(i64::MIN),
                text: Cell::new([0; 24]),
            }
        }; KEPT]
    };
}

impl Second {
    #[inline(always)]
    fn text(number: i64) -> [u8; 24] {
        WRITTEN.with(|seconds| {
            let second = seconds.get(number.cast_unsigned() as usize % KEPT);
            let known = second.filter(|second| second.number.get() == number);
            known.map_or_else(|| Second::write(number, second), |second| second.text.get())
        })
    }

    #[inline(never)]
    fn write(number: i64, place: Option<&Second>) -> [u8; 24] {
        let (days, second_of_day) = div_rem(number, 86_400);
        let (year, month, day) = date(days);
        let (minute_of_day, second) = (second_of_day / 60, second_of_day % 60);
        let (hour, minute) = (minute_of_day / 60, minute_of_day % 60);
        let [y, e, a, r, m, o, d, t] = digits(of_pairs([year / 100, year % 100, month, day]));
        let [h, u, i, n, s, c, ..] = digits(of_pairs([hour, minute, second, 0]));
        let text = [
            y, e, a, r, b'-', m, o, b'-', d, t, b'T', h, u, b':', i, n, b':', s, c, b'.', //
            0, 0, 0, 0,
        ];
        if let Some(place) = place {
            place.number.set(number);
            place.text.set(text);
        }
        text
    }
}

/// As ASCII.
fn digits(digits: u64) -> [u8; 8] {
    digits.wrapping_add(ZEROS).to_le_bytes()
}

/// Year, month and day of the day that comes so many days after 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March, so that a leap day is the last of its year; they repeat after 400. In place of
/// divisions, this multiplies (C. Neri and L. Schneider, Euclidean affine functions and their application to calendar
/// algorithms, 2022, section 6); it holds for all days that a [`Time`] can be in.
#[inline]
fn date(days: i64) -> (u64, u64, u64) {
    const FROM_MARCH_OF_0000: i64 = 719_468;
    let quarters = 4 * (days + FROM_MARCH_OF_0000) as u32 + 3;
    let (century, quarter) = (quarters / 146_097, quarters % 146_097);
    let years = u64::from(quarter | 3) * 2_939_745;
    let (year, part_of_year) = ((years >> 32) as u32, years as u32);
    let day = part_of_year / 2_939_745 / 4;
    let months = 2141 * day + 197_913;
    let (month, day) = (months >> 16, (months & 0xffff) / 2141 + 1);
    let year = 100 * century + year;
    // The months from March on are 3 to 14.
    if month > 12 {
        (u64::from(year + 1), u64::from(month - 12), u64::from(day))
    } else {
        (u64::from(year), u64::from(month), u64::from(day))
    }
}

/// A signed length of time in nanoseconds, held at the edges of the range: some 292 years either way.
///
/// Like a [`Time`], one that may be missing takes no more room than one that is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(
    /// Nanoseconds more than the least span that there is, less one: in the same order.
    NonZeroU64,
);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span::from_nanos(0);

    /// So many nanoseconds.
    #[inline]
    pub const fn from_nanos(nanos: i64) -> Self {
        match NonZeroU64::new(nanos.cast_unsigned() ^ EPOCH) {
            Some(span) => Span(span),
            None => Span(NonZeroU64::MIN),
        }
    }

    /// So many milliseconds, held at the edge of the range.
    pub const fn from_millis(millis: i64) -> Self {
        Span::from_nanos(millis.saturating_mul(1_000_000))
    }

    /// So many seconds, held at the edge of the range.
    pub const fn from_secs(secs: i64) -> Self {
        Span::from_nanos(secs.saturating_mul(1_000_000_000))
    }

    /// The whole of it in nanoseconds.
    #[inline]
    pub const fn nanos(self) -> i64 {
        (self.0.get() ^ EPOCH).cast_signed()
    }

    /// The same in seconds, for output.
    pub fn seconds(self) -> f64 {
        self.nanos() as f64 / 1e9
    }
}

/// None.
impl Default for Span {
    fn default() -> Self {
        Span::ZERO
    }
}

/// As nanoseconds.
impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.nanos().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Span::from_nanos)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Span({})", self.nanos())
    }
}

impl std::ops::Add for Span {
    type Output = Span;

    fn add(self, other: Span) -> Span {
        Span::from_nanos(self.nanos().saturating_add(other.nanos()))
    }
}

impl std::ops::Sub for Span {
    type Output = Span;

    fn sub(self, other: Span) -> Span {
        Span::from_nanos(self.nanos().saturating_sub(other.nanos()))
    }
}

/// As a person reads it: `5.003 s`, `27.5 ms`, `27 µs`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nanos().unsigned_abs() {
            0 => write!(f, "0 s"),
            1..1_000 => write!(f, "{} ns", self.nanos()),
            1_000..1_000_000 => write!(f, "{} µs", self.nanos() / 1_000),
            1_000_000..100_000_000 => write!(f, "{:.1} ms", self.seconds() * 1e3),
            _ => write!(f, "{:.3} s", self.seconds()),
        }
    }
}

/// A place in the capture: the packet and its time.
///
/// The frame counts every packet of the capture from 1 (Wireshark's `frame.number`). Frames order what happened;
/// times do not, since a clock can go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct At {
    /// Number of the packet in its capture, from 1.
    pub frame: u64,
    /// When it was captured.
    pub time: Time,
}

impl At {
    /// Whichever comes later in the capture.
    pub fn later(self, other: At) -> At {
        if other.frame > self.frame {
            other
        } else {
            self
        }
    }

    /// Of two that may be there whichever comes earlier in the capture, the first where they are the same.
    #[inline]
    pub(crate) fn earliest(first: Option<At>, second: Option<At>) -> Option<At> {
        match (first, second) {
            (Some(one), Some(other)) if other.frame < one.frame => second,
            (None, _) => second,
            _ => first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_prints_as_rfc_3339_with_nanoseconds() {
        assert_eq!(
            Time::from_nanos(0).to_string(),
            "1970-01-01T00:00:00.000000000Z"
        );
        assert_eq!(
            Time::from_nanos(1_700_000_000_123_456_789).to_string(),
            "2023-11-14T22:13:20.123456789Z"
        );
        assert_eq!(
            Time::from_nanos(-1).to_string(),
            "1969-12-31T23:59:59.999999999Z"
        );
    }

    #[test]
    fn seconds_that_are_kept_in_one_place_are_told_apart() {
        for (second, text) in [
            (0, "00:00"),
            (64, "01:04"),
            (0, "00:00"),
            (-64, "58:56"),
            (1, "00:01"),
        ] {
            for nanos in [0, 999_999_999] {
                let time = Time::from_nanos(second * 1_000_000_000 + nanos);
                assert_eq!(time.to_string().get(14..19), Some(text));
            }
        }
    }

    #[test]
    fn the_calendar_holds_for_every_day_that_there_is() {
        let (mut year, mut month, mut day) = (1677, 1, 1);
        for days in -107_015..106_752 {
            assert_eq!(date(days), (year, month, day), "{days}");
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                _ if day == last => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
        assert_eq!((year, month, day), (2262, 4, 12));
    }

    #[test]
    fn times_keep_their_order_and_a_missing_one_takes_no_room() {
        let times = [i128::MIN, i128::from(i64::MIN), -1, 0, 1, i128::MAX].map(Time::from_nanos);
        assert!(times.is_sorted());
        assert_eq!(
            times[2..5]
                .iter()
                .map(|time| time.nanos())
                .collect::<Vec<_>>(),
            [-1, 0, 1]
        );
        assert_eq!(size_of::<Option<At>>(), size_of::<At>());
        let spans = [i64::MIN, -1, 0, 1, i64::MAX].map(Span::from_nanos);
        assert!(spans.is_sorted() && spans[1].nanos() == -1);
        assert_eq!(size_of::<Option<Span>>(), size_of::<Span>());
    }

    #[test]
    fn a_span_prints_in_the_unit_that_shows_it() {
        for (nanos, shown) in [
            (0, "0 s"),
            (999, "999 ns"),
            (27_400, "27 µs"),
            (1_500_000, "1.5 ms"),
            (298_000_000, "0.298 s"),
            (5_003_000_000, "5.003 s"),
            (-2_000_000_000, "-2.000 s"),
        ] {
            assert_eq!(Span::from_nanos(nanos).to_string(), shown);
        }
    }

    #[test]
    fn times_out_of_range_are_held_at_the_edge() {
        assert_eq!(Time::from_nanos(i128::MAX).nanos(), i64::MAX);
        assert_eq!(
            Time::from_nanos(i128::MAX).to_string(),
            "2262-04-11T23:47:16.854775807Z"
        );
        assert_eq!(
            Time::from_nanos(i128::MIN)
                .since(Time::from_nanos(i128::MAX))
                .nanos(),
            i64::MIN + 1
        );
    }
}
