//! When was that? The clock of a pcapng interface.
//!
//! In: its resolution and offset (options if_tsresol and if_tsoffset), and a packet's ticks. Out: a [`Time`].

use std::num::NonZeroU64;

use crate::time::Time;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// How the ticks of one interface become time.
///
/// Own arithmetic, because pcap-parser knows neither resolutions that are powers of two nor negative offsets, and
/// cuts seconds to 32 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    tick: Tick,
    offset_nanos: i128,
    /// Nanoseconds in a tick, where there is no more to it than that.
    plain: Option<NonZeroU64>,
}

/// The length of a tick. Three shapes, so that the usual ones need no division of 128 bits for each packet.
#[derive(Clone, Copy, Debug)]
enum Tick {
    /// A tick is so many nanoseconds.
    Nanos(i128),
    /// So many ticks are a nanosecond.
    PerNano(i128),
    /// Two to this power of ticks are a second.
    PowerOfTwo(u32),
}

impl Clock {
    /// What holds where an interface says nothing: microseconds since the epoch.
    pub(super) const MICROSECONDS: u8 = 6;

    /// `resolution` is the value of if_tsresol: a negative power of ten, or of two where the highest bit is set.
    pub(super) fn new(resolution: u8, offset_seconds: i64) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let tick = match exponent {
            _ if resolution & 0x80 != 0 => Tick::PowerOfTwo(exponent),
            0..=9 => Tick::Nanos(10_i128.pow(9 - exponent)),
            _ => Tick::PerNano(10_i128.saturating_pow(exponent - 9)),
        };
        let offset_nanos = i128::from(offset_seconds) * NANOS_PER_SECOND;
        let plain = match tick {
            Tick::Nanos(nanos) if offset_nanos == 0 => {
                u64::try_from(nanos).ok().and_then(NonZeroU64::new)
            }
            _ => None,
        };
        Clock {
            tick,
            offset_nanos,
            plain,
        }
    }

    /// The time at so many ticks; what is shorter than a nanosecond is cut off.
    ///
    /// Ticks have no sign by the standard. Where that puts a packet behind every time there is, its writer meant a
    /// negative number, and at least the times between packets are what they were.
    pub(super) fn time(&self, ticks: u64) -> Time {
        let mut nanos = self.nanos(i128::from(ticks));
        if nanos > i128::from(i64::MAX) {
            nanos = self.nanos(i128::from(ticks.cast_signed()));
        }
        Time::from_nanos(nanos)
    }

    /// The same, where ticks are nanoseconds or a multiple of them, count from the epoch and stay far from the edge of
    /// all time; `None` where anything is unusual.
    #[inline]
    pub(super) fn plain_time(&self, ticks: u64) -> Option<Time> {
        let nanos_per_tick = self.plain?;
        let nanos = ticks.checked_mul(nanos_per_tick.get())?;
        let nanos = i64::try_from(nanos).ok()?;
        Some(Time::exact(nanos))
    }

    /// The last tick that is not behind `time`, held at the edge of what a packet can tell.
    pub(super) fn ticks(&self, time: Time) -> u64 {
        let nanos = i128::from(time.nanos()) - self.offset_nanos;
        let ticks = match self.tick {
            Tick::Nanos(nanos_per_tick) => nanos.div_euclid(nanos_per_tick),
            Tick::PerNano(ticks_per_nano) => nanos.saturating_mul(ticks_per_nano),
            Tick::PowerOfTwo(exponent) => {
                // From here on, 64 bits of ticks are less than a second.
                let ticks_per_second = 1_i128 << exponent.min(64);
                let ticks = nanos.saturating_mul(ticks_per_second);
                ticks.div_euclid(NANOS_PER_SECOND)
            }
        };
        ticks.clamp(0, i128::from(u64::MAX)) as u64
    }

    fn nanos(&self, ticks: i128) -> i128 {
        let since_offset = match self.tick {
            Tick::Nanos(nanos) => ticks * nanos,
            Tick::PerNano(ticks_per_nano) => ticks / ticks_per_nano,
            Tick::PowerOfTwo(exponent) => (ticks * NANOS_PER_SECOND) >> exponent,
        };
        since_offset + self.offset_nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(resolution: u8, offset_seconds: i64, ticks: u64) -> i64 {
        Clock::new(resolution, offset_seconds).time(ticks).nanos()
    }

    #[test]
    fn powers_of_ten() {
        assert_eq!(nanos(0, 0, 1_700_000_000), 1_700_000_000_000_000_000);
        assert_eq!(
            nanos(6, 0, 1_700_000_000_123_456),
            1_700_000_000_123_456_000
        );
        assert_eq!(
            nanos(9, 0, 1_700_000_000_123_456_789),
            1_700_000_000_123_456_789
        );
        // Picoseconds: 64 bits of them last for 213 days.
        assert_eq!(
            nanos(12, 0, 17_000_000_012_776_324_999),
            17_000_000_012_776_324
        );
        assert_eq!(nanos(19, 0, 17_000_000_001_234_567_890), 1_700_000_000);
        assert_eq!(nanos(127, 0, 17_000_000_001_234_567_890), 0);
    }

    #[test]
    fn a_plain_time_is_the_time() {
        let mut random = fastrand::Rng::with_seed(6);
        let mut plain = 0;
        for _ in 0..20_000 {
            let resolution = random
                .choice([0, 3, 6, 9, 10, 0x80, 0x94])
                .unwrap_or_default();
            let offset = random.choice([0, 0, 1, -3600]).unwrap_or_default();
            let clock = Clock::new(resolution, offset);
            let ticks = random.u64(..) >> random.u32(..64);
            if let Some(time) = clock.plain_time(ticks) {
                assert_eq!(time, clock.time(ticks), "{resolution} {ticks}");
                plain += 1;
            }
        }
        assert!(plain > 1_000, "{plain}");
        assert!(Clock::new(6, 0).plain_time(1_700_000_000_123_456).is_some());
        assert!(
            Clock::new(9, 0)
                .plain_time(1_700_000_000_123_456_789)
                .is_some()
        );
    }

    #[test]
    fn powers_of_two() {
        let half_past = (1_700_000_000 << 20) | (1 << 19);
        assert_eq!(nanos(0x94, -3600, half_past), 1_699_996_400_500_000_000);
        assert_eq!(nanos(0x80, 0, 1_700_000_000), 1_700_000_000_000_000_000);
        assert_eq!(nanos(0x80 | 63, 0, 3 << 62), 1_500_000_000);
        assert_eq!(nanos(0xff, 0, u64::MAX), 0);
    }

    #[test]
    fn offsets_go_both_ways_and_the_range_is_held() {
        assert_eq!(nanos(6, -5, 0), -5_000_000_000);
        assert_eq!(nanos(6, 5, 1), 5_000_001_000);
        assert_eq!(nanos(0, i64::MAX, u64::MAX), i64::MAX);
        assert_eq!(nanos(0, i64::MIN, 0), i64::MIN + 1);
    }

    #[test]
    fn a_time_goes_back_to_the_tick_that_it_came_from() {
        for (resolution, offset_seconds, ticks) in [
            (6, 0, 1_700_000_000_123_456),
            (9, -3600, 1_700_000_000_123_456_789),
            (0, 5, 1_700_000_000),
            (0x94, -3600, (1_700_000_000 << 20) | (1 << 19)),
        ] {
            let clock = Clock::new(resolution, offset_seconds);
            assert_eq!(clock.ticks(clock.time(ticks)), ticks, "{resolution:x}");
        }
        let before = Time::from_nanos(-1);
        assert_eq!(Clock::new(6, 0).ticks(before), 0);
        assert_eq!(Clock::new(127, 0).ticks(Time::from_nanos(1)), u64::MAX);
        let a_second = Time::from_nanos(1_000_000_000);
        assert_eq!(Clock::new(0xff, 0).ticks(a_second), u64::MAX);
    }

    #[test]
    fn ticks_beyond_all_time_were_negative() {
        let before_the_epoch = 505_425_222_u64.wrapping_neg();
        assert_eq!(nanos(6, 0, before_the_epoch), -505_425_222_000);
        assert_eq!(nanos(6, 0, before_the_epoch + 9), -505_425_213_000);
    }
}
