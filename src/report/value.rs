//! What a field of the record holds, and how JSON and CSV both write it: as plain text, without quotes and escapes.

use std::fmt::Write;
use std::mem;
use std::net::IpAddr;

use crate::digits::{ZEROS, of_eight, of_four};
use crate::time::{Span, Time};
use crate::written::Room;

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Unknown,
    Flag(bool),
    Number(u64),
    /// One of our own.
    Word(&'static str),
    /// What may come from outside.
    Text(&'a str),
    Address(IpAddr),
    Time(Time),
    Seconds(Span),
}

impl<'a> Value<'a> {
    pub(super) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Value::Unknown, Value::Text)
    }

    /// Adds it as it is; what is unknown is nothing.
    pub(super) fn push_plain(self, out: &mut Vec<u8>) {
        if let Value::Word(text) | Value::Text(text) = self {
            return out.extend_from_slice(text.as_bytes());
        }
        // Nothing else is nearly as long.
        let (octets, len) = Room::fill::<64>(|mut room| {
            self.put_plain(&mut room);
            room
        });
        out.extend(octets.iter().take(len));
    }

    /// The same into room that is there. Where the kind of value is known, little of this is left.
    #[inline(always)]
    pub(super) fn put_plain(self, room: &mut Room<'_>) {
        match self {
            Value::Unknown => {}
            Value::Flag(true) => room.put(b"true"),
            Value::Flag(false) => room.put(b"false"),
            Value::Number(number) => put_number(number, room),
            Value::Word(text) | Value::Text(text) => room.put(text.as_bytes()),
            Value::Address(address) => *room = with_address(address, mem::take(room)),
            Value::Time(time) => *room = with_time(time, mem::take(room)),
            Value::Seconds(span) => *room = with_seconds(span, mem::take(room)),
        }
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Value::Flag(flag)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Value::Number(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Value::Number(number.into())
    }
}

impl From<u16> for Value<'_> {
    fn from(number: u16) -> Self {
        Value::Number(number.into())
    }
}

impl From<&'static str> for Value<'_> {
    fn from(word: &'static str) -> Self {
        Value::Word(word)
    }
}

impl From<IpAddr> for Value<'_> {
    fn from(address: IpAddr) -> Self {
        Value::Address(address)
    }
}

impl From<Time> for Value<'_> {
    fn from(time: Time) -> Self {
        Value::Time(time)
    }
}

impl From<Span> for Value<'_> {
    fn from(span: Span) -> Self {
        Value::Seconds(span)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Unknown, Into::into)
    }
}

#[inline(always)]
fn put_number(number: u64, room: &mut Room<'_>) {
    match number {
        0..10 => room.put(&[b'0' + number as u8]),
        _ => *room = with_digits(number, mem::take(room)),
    }
}

/// Adds a number that is not 0.
#[inline(never)]
fn with_digits(number: u64, mut room: Room<'_>) -> Room<'_> {
    // As no number gets here that has no digits but zeros, they are not all shifted out.
    match number {
        0..10_000 => {
            let digits = of_four(number);
            let zeros = digits.trailing_zeros() / 8;
            let text = digits.wrapping_add(ZEROS as u32) >> (8 * (zeros & 3));
            room.put_first(4 - zeros as usize, text.to_le_bytes());
        }
        10_000..EIGHT_DIGITS => {
            let digits = of_eight(number);
            let zeros = digits.trailing_zeros() / 8;
            let text = digits.wrapping_add(ZEROS) >> (8 * (zeros & 7));
            room.put_first(8 - zeros as usize, text.to_le_bytes());
        }
        _ => {
            room = with_digits(number / EIGHT_DIGITS, room);
            let last = of_eight(number % EIGHT_DIGITS).wrapping_add(ZEROS);
            room.put(&last.to_le_bytes());
        }
    }
    room
}

/// What has so many digits is below that.
const EIGHT_DIGITS: u64 = 100_000_000;

/// The numbers below 256 with a point before them, which is the lowest octet.
const BEHIND_POINT: [u32; 256] = {
    let mut texts = [0; 256];
    let (mut rest, mut number) = (texts.as_mut_slice(), 0_u8);
    while let Some((text, others)) = rest.split_first_mut() {
        let [hundreds, tens, ones] = [number / 100, number / 10 % 10, number % 10];
        let [hundreds, tens, ones] = [b'0' + hundreds, b'0' + tens, b'0' + ones];
        *text = u32::from_le_bytes(match number {
            0..10 => [b'.', ones, 0, 0],
            10..100 => [b'.', tens, ones, 0],
            _ => [b'.', hundreds, tens, ones],
        });
        number = number.wrapping_add(1);
        rest = others;
    }
    texts
};

#[inline(never)]
fn with_address(address: IpAddr, mut room: Room<'_>) -> Room<'_> {
    match address {
        IpAddr::V4(address) => {
            let text = |octet| BEHIND_POINT.get(usize::from(octet)).copied();
            let [a, b, c, d] = address
                .octets()
                .map(|octet: u8| text(octet).unwrap_or_default());
            for text in [a >> 8, b, c, d] {
                let unused = text.leading_zeros() / 8;
                room.put_first(4 - unused as usize, text.to_le_bytes());
            }
        }
        // Whether it fits is known by the room.
        IpAddr::V6(address) => _ = write!(room, "{address}"),
    }
    room
}

#[inline(never)]
fn with_time(time: Time, mut room: Room<'_>) -> Room<'_> {
    time.put(&mut room);
    room
}

/// Adds every nanosecond of it that matters, and never an exponent.
#[inline(never)]
fn with_seconds(span: Span, mut room: Room<'_>) -> Room<'_> {
    const SECOND: u64 = 1_000_000_000;
    let nanos = span.nanos().unsigned_abs();
    let (seconds, nanos) = (nanos / SECOND, nanos % SECOND);
    if span < Span::ZERO {
        room.put(b"-");
    }
    put_number(seconds, &mut room);
    if nanos == 0 {
        return room;
    }
    let (first, others) = (nanos / EIGHT_DIGITS, of_eight(nanos % EIGHT_DIGITS));
    room.put(&[b'.', b'0' + first as u8]);
    let zeros = others.leading_zeros() / 8;
    let text = others.wrapping_add(ZEROS);
    room.put_first(8 - zeros as usize, text.to_le_bytes());
    room
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn plain<'a>(value: impl Into<Value<'a>>) -> String {
        let mut octets = Vec::new();
        value.into().push_plain(&mut octets);
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn durations_keep_every_nanosecond() {
        for (nanos, text) in [
            (5_004_770_000, "5.00477"),
            (59_000, "0.000059"),
            (1, "0.000000001"),
            (-2_000_000_001, "-2.000000001"),
            (0, "0"),
            (120_000_000_000, "120"),
            (4_000_000_123_456_789, "4000000.123456789"),
            (i64::MIN + 1, "-9223372036.854775807"),
        ] {
            assert_eq!(plain(Span::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn numbers_and_durations_are_written_as_everywhere() {
        let mut random = fastrand::Rng::with_seed(10);
        let edges = (0..20).flat_map(|power| [10_u64.pow(power) - 1, 10_u64.pow(power)]);
        let random = std::iter::repeat_with(|| random.u64(..) >> random.u32(..64));
        for number in edges.chain([u64::MAX]).chain(random.take(10_000)) {
            assert_eq!(plain(number), number.to_string());
            let nanos = number as i64;
            let sign = if nanos < 0 { "-" } else { "" };
            let (seconds, rest) = (
                nanos.unsigned_abs() / 1_000_000_000,
                nanos.unsigned_abs() % 1_000_000_000,
            );
            let text = format!("{sign}{seconds}.{rest:09}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            assert_eq!(plain(Span::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn addresses_are_written_as_everywhere() {
        for octet in 0..=255 {
            let address = Ipv4Addr::new(octet, 255 - octet, 0, octet / 2);
            assert_eq!(plain(IpAddr::V4(address)), address.to_string());
        }
        for text in ["0.0.0.0", "192.0.2.10", "255.255.255.255", "2001:db8::1"] {
            assert_eq!(plain(text.parse::<IpAddr>().unwrap()), text);
        }
    }
}
