//! What a field of the record holds, and how JSON and CSV both write it: as plain text, without quotes and escapes.

use std::io::Write;
use std::net::IpAddr;

use crate::digits::{ZEROS, of_eight};
use crate::time::{Span, Time};

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

    /// Writes it as it is; what is unknown is nothing.
    #[inline(always)]
    pub(super) fn push_plain(self, out: &mut Vec<u8>) {
        match self {
            Value::Unknown => {}
            Value::Flag(flag) => out.extend_from_slice(if flag { b"true" } else { b"false" }),
            Value::Number(number) => push_number(number, out),
            Value::Word(text) | Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Address(address) => push_address(address, out),
            Value::Time(time) => push_time(time, out),
            Value::Seconds(span) => push_seconds(span, out),
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
fn push_number(number: u64, out: &mut Vec<u8>) {
    match number {
        0..10 => out.push(b'0' + number as u8),
        10..100_000_000 => push_digits(number, out),
        _ => push_long(number, out),
    }
}

#[inline(never)]
fn push_long(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Up to eight digits, without zeros in front.
#[inline(never)]
fn push_digits(number: u64, out: &mut Vec<u8>) {
    let digits = of_eight(number);
    let zeros = digits.trailing_zeros() / 8;
    // No number gets here that has none: its digits are not all shifted out.
    let text = digits.wrapping_add(ZEROS) >> (8 * (zeros & 7));
    let len = out.len() + 8 - zeros as usize;
    out.extend_from_slice(&text.to_le_bytes());
    out.truncate(len);
}

/// The numbers below 256 with a point behind them, and how long that is.
const WITH_POINT: [([u8; 4], u8); 256] = {
    let mut texts = [([b'.'; 4], 2); 256];
    let (mut rest, mut number) = (texts.as_mut_slice(), 0);
    while let Some((text, others)) = rest.split_first_mut() {
        let [hundreds, tens, ones] = [number / 100, number / 10 % 10, number % 10];
        let [hundreds, tens, ones] = [b'0' + hundreds, b'0' + tens, b'0' + ones];
        *text = match number {
            0..10 => ([ones, b'.', 0, 0], 2),
            10..100 => ([tens, ones, b'.', 0], 3),
            _ => ([hundreds, tens, ones, b'.'], 4),
        };
        number = number.wrapping_add(1);
        rest = others;
    }
    texts
};

fn push_address(address: IpAddr, out: &mut Vec<u8>) {
    let IpAddr::V4(address) = address else {
        // Writing to a vector cannot fail.
        _ = write!(out, "{address}");
        return;
    };
    for octet in address.octets() {
        let (text, len) = WITH_POINT
            .get(usize::from(octet))
            .copied()
            .unwrap_or_default();
        let end = out.len() + usize::from(len);
        out.extend_from_slice(&text);
        out.truncate(end);
    }
    out.pop();
}

#[inline(never)]
fn push_time(time: Time, out: &mut Vec<u8>) {
    out.extend_from_slice(&time.rfc3339());
}

/// Every nanosecond of it that matters, and never an exponent.
#[inline(never)]
fn push_seconds(span: Span, out: &mut Vec<u8>) {
    const SECOND: u64 = 1_000_000_000;
    if span < Span::ZERO {
        out.push(b'-');
    }
    let nanos = span.nanos().unsigned_abs();
    push_number(nanos / SECOND, out);
    let nanos = nanos % SECOND;
    if nanos == 0 {
        return;
    }
    let (first, others) = (nanos / 100_000_000, of_eight(nanos % 100_000_000));
    let [a, b, c, d, e, f, g, h] = others.wrapping_add(ZEROS).to_le_bytes();
    let zeros = others.leading_zeros() / 8;
    let len = out.len() + 10 - zeros as usize;
    out.extend_from_slice(&[b'.', b'0' + first as u8, a, b, c, d, e, f, g, h]);
    out.truncate(len);
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
