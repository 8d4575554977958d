//! Objects, lists and values of JSON, written as they come; other documents by way of serde.
//!
//! Control characters are escaped beyond what JSON asks for, so that the output does no harm in a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::escape::is_control;
use super::value::Value;

/// An object that is being written: each member with a comma before it, the first of which becomes the brace.
pub(super) struct Object<'a>(&'a mut Vec<u8>);

impl Object<'_> {
    /// Writes an object with the members that `members` adds.
    #[inline]
    pub(super) fn write(out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        Object::begin(out, members);
        Object::end(out, |_| {});
    }

    /// Writes the beginning of an object, with these members.
    #[inline]
    pub(super) fn begin(out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        let start = out.len();
        members(&mut Object(out));
        open(b'{', start, out);
    }

    /// Writes the end of an object that has been begun, with these members.
    #[inline]
    pub(super) fn end(out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        members(&mut Object(out));
        out.push(b'}');
    }

    // Where the name and the kind of value are known, little of this is left.
    #[inline(always)]
    pub(super) fn member(&mut self, name: Name, value: Value<'_>) {
        self.0.extend_from_slice(name.member.as_bytes());
        push_value(value, self.0);
    }

    #[inline]
    pub(super) fn list(&mut self, name: Name, items: impl FnOnce(&mut List<'_>)) {
        self.0.extend_from_slice(name.member.as_bytes());
        let start = self.0.len();
        items(&mut List(self.0));
        open(b'[', start, self.0);
        self.0.push(b']');
    }
}

/// Makes the comma that everything from `start` on begins with a bracket, or writes one where there is nothing.
#[inline]
fn open(bracket: u8, start: usize, out: &mut Vec<u8>) {
    match out.get_mut(start) {
        Some(comma) => *comma = bracket,
        None => out.push(bracket),
    }
}

/// The name of a member, with the signs that JSON has around it: they are put together when the program is compiled.
/// Names are ours, and nothing in them is to be escaped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) plain: &'static str,
    /// With what stands before it and behind it in an object.
    pub(super) member: &'static str,
}

macro_rules! name {
    ($name:literal) => {
        crate::report::object::Name {
            plain: $name,
            member: concat!(",\"", $name, "\":"),
        }
    };
}
pub(super) use name;

/// A list that is being written, as an [`Object`] is.
pub(super) struct List<'a>(&'a mut Vec<u8>);

impl List<'_> {
    pub(super) fn value(&mut self, value: Value<'_>) {
        self.0.push(b',');
        push_value(value, self.0);
    }

    pub(super) fn object(&mut self, members: impl FnOnce(&mut Object<'_>)) {
        self.0.push(b',');
        Object::write(self.0, members);
    }
}

#[inline(always)]
fn push_value(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Unknown => out.extend_from_slice(b"null"),
        Value::Text(text) => push_text(text, out),
        Value::Flag(_) | Value::Number(_) | Value::Seconds(_) => value.push_plain(out),
        Value::Word(_) | Value::Address(_) | Value::Time(_) => {
            out.push(b'"');
            value.push_plain(out);
            out.push(b'"');
        }
    }
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    if !is_plain(text) {
        // Writing to a vector cannot fail.
        _ = write_value(text, out);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Whether a text is JSON and harmless as it is: printable ASCII without quotation marks and backslashes. Eight octets
/// are looked at together.
fn is_plain(text: &str) -> bool {
    let octets = text.as_bytes();
    let (chunks, rest) = octets.as_chunks::<8>();
    // The last eight once more, or what there is of them.
    let last = octets.last_chunk::<8>().copied().unwrap_or_else(|| {
        let mut last = [b' '; 8];
        last.iter_mut()
            .zip(rest)
            .for_each(|(last, octet)| *last = *octet);
        last
    });
    let odd = |chunk: &[u8; 8]| odd_octets(u64::from_le_bytes(*chunk));
    chunks
        .iter()
        .fold(odd(&last), |all, chunk| all | odd(chunk))
        == 0
}

/// Not zero where any of eight octets is no printable ASCII, a quotation mark or a backslash.
#[inline]
fn odd_octets(octets: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = ONES << 7;
    // The lowest octet for which this is so borrows from nobody and sets its highest bit, unless that was set before;
    // those above it do not matter any more.
    let below = |octets: u64, bound: u8| octets.wrapping_sub(ONES * u64::from(bound)) & !octets;
    let is = |octet: u8| below(octets ^ (ONES * u64::from(octet)), 1);
    (octets | below(octets, b' ') | is(b'"') | is(b'\\') | is(0x7f)) & HIGHEST
}

/// Writes what serde describes.
///
/// # Errors
///
/// Those of `out`.
pub(crate) fn write_value(
    value: &(impl Serialize + ?Sized),
    out: &mut impl Write,
) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Harmless))?;
    Ok(())
}

/// Writes numbers without exponents, and nothing into strings that a terminal might act on.
struct Harmless;

impl Formatter for Harmless {
    fn write_f64<W: Write + ?Sized>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        write!(out, "{value}")
    }

    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for piece in fragment.split_inclusive(is_control) {
            let plain = piece.trim_end_matches(is_control);
            out.write_all(plain.as_bytes())?;
            // All control characters lie in the first plane, where one escape holds a character.
            let control = piece.chars().next_back().filter(|&last| is_control(last));
            control.map_or(Ok(()), |control| {
                write!(out, "\\u{:04x}", u32::from(control))
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut octets = Vec::new();
        write(&mut octets);
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn a_string_holds_nothing_for_a_terminal_and_reads_back() {
        let text = "a\"\\\n\u{1b}[0m\u{7f}\u{9b}ü\u{202e}\u{2028}\u{feff}.";
        let written = json(|out| push_value(Value::Text(text), out));
        assert_eq!(
            written,
            "\"a\\\"\\\\\\n\\u001b[0m\\u007f\\u009bü\\u202e\\u2028\\ufeff.\""
        );
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn every_character_reads_back_and_is_escaped_where_it_must() {
        for character in ('\0'..='\u{3000}').chain(['\u{feff}', '\u{fff9}', '\u{1f600}']) {
            let text = character.to_string();
            let written = json(|out| push_value(Value::Text(&text), out));
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            assert!(!written.contains(is_control), "{written:?}");
        }
    }

    #[test]
    fn a_text_is_plain_where_all_its_octets_are() {
        let is_odd = |octet: u8| !matches!(octet, b' '..=b'~') || octet == b'"' || octet == b'\\';
        let mut random = fastrand::Rng::with_seed(9);
        for _ in 0..100_000 {
            let octets = [(); 8].map(|()| random.u8(..));
            let any = octets.into_iter().any(is_odd);
            assert_eq!(
                odd_octets(u64::from_le_bytes(octets)) != 0,
                any,
                "{octets:?}"
            );
        }
        for octet in 0..=255 {
            for at in 0..8 {
                let mut octets = *b"plain!~ ";
                octets[at] = octet;
                let odd = odd_octets(u64::from_le_bytes(octets)) != 0;
                assert_eq!(odd, is_odd(octet), "{octets:?}");
            }
        }
        for len in 0..30 {
            let text = "a".repeat(len);
            assert!(is_plain(&text));
            for at in 0..len {
                let mut text = text.clone();
                text.replace_range(at..=at, "\n");
                assert!(!is_plain(&text), "{text:?}");
            }
        }
    }

    #[test]
    fn members_and_items_are_separated() {
        let written = json(|out| {
            Object::write(out, |object| {
                object.list(name!("none"), |_| {});
                object.list(name!("two"), |list| {
                    list.value(Value::Unknown);
                    list.object(|object| object.member(name!("a"), Value::Text("{")));
                    list.object(|_| {});
                });
                object.member(name!("b"), Value::Flag(true));
            });
        });
        assert_eq!(written, r#"{"none":[],"two":[null,{"a":"{"},{}],"b":true}"#);
    }
}
