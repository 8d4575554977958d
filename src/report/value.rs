//! What a field of the record holds, and how JSON and CSV both write it: as plain text, without quotes and escapes.

use std::io::Write;
use std::net::IpAddr;

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

fn push_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn push_address(address: IpAddr, out: &mut Vec<u8>) {
    let IpAddr::V4(address) = address else {
        // Writing to a vector cannot fail.
        _ = write!(out, "{address}");
        return;
    };
    let [first, others @ ..] = address.octets();
    push_number(first.into(), out);
    for octet in others {
        out.push(b'.');
        push_number(octet.into(), out);
    }
}

fn push_time(time: Time, out: &mut Vec<u8>) {
    out.extend_from_slice(&time.rfc3339());
}

/// Every nanosecond of it that matters, and never an exponent.
fn push_seconds(span: Span, out: &mut Vec<u8>) {
    const SECOND: u64 = 1_000_000_000;
    if span < Span::ZERO {
        out.push(b'-');
    }
    let nanos = span.nanos().unsigned_abs();
    push_number(nanos / SECOND, out);
    if nanos.is_multiple_of(SECOND) {
        return;
    }
    // A second in front holds the zeros behind the point in their places.
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(SECOND + nanos % SECOND).as_bytes();
    out.push(b'.');
    out.extend_from_slice(digits.get(1..).unwrap_or_default());
    while out.pop_if(|digit| *digit == b'0').is_some() {}
}

#[cfg(test)]
mod tests {
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
            (i64::MIN, "-9223372036.854775808"),
        ] {
            assert_eq!(plain(Span::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn addresses_are_written_as_everywhere() {
        for text in ["0.0.0.0", "192.0.2.10", "255.255.255.255", "2001:db8::1"] {
            assert_eq!(plain(text.parse::<IpAddr>().unwrap()), text);
        }
    }
}
