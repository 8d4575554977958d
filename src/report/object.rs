//! Objects, lists and values of JSON, written as they come; other documents by way of serde.
//!
//! Control characters are escaped beyond what JSON asks for, so that the output does no harm in a terminal.

use std::io::{self, Write};
use std::mem;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::escape::is_control;
use super::value::Value;
use crate::written::Room;

/// An object that is being written.
pub(super) struct Object<'a> {
    room: Room<'a>,
    /// What comes before the next member.
    next: Next,
}

/// A list that is being written.
pub(super) struct List<'a> {
    room: Room<'a>,
    /// What comes before the next item.
    next: Next,
}

/// What comes next in an object or a list.
#[derive(Clone, Copy)]
enum Next {
    /// The first, if there is any.
    First,
    /// One behind others.
    Further,
}

impl<'a> Object<'a> {
    /// Begins an object.
    #[inline(always)]
    pub(super) fn begin(room: Room<'a>) -> Self {
        let next = Next::First;
        Object { room, next }
    }

    /// Goes on with an object that has members.
    #[inline(always)]
    pub(super) fn go_on(room: Room<'a>) -> Self {
        let next = Next::Further;
        Object { room, next }
    }

    /// Leaves it as it is.
    #[inline(always)]
    pub(super) fn leave(self) -> Room<'a> {
        self.room
    }

    #[inline(always)]
    pub(super) fn end(mut self) -> Room<'a> {
        // Where it is known how long a text is, no function is called to copy it.
        match self.next {
            Next::First => self.room.put(b"{}"),
            Next::Further => self.room.put(b"}"),
        }
        self.room
    }

    // Where the name and the kind of value are known, little of this is left.
    #[inline(always)]
    pub(super) fn member(&mut self, name: Name, value: Value<'_>) {
        self.name(name);
        put_value(value, &mut self.room);
    }

    #[inline(always)]
    pub(super) fn list(&mut self, name: Name, items: impl FnOnce(&mut List<'a>)) {
        self.name(name);
        let mut list = List {
            room: mem::take(&mut self.room),
            next: Next::First,
        };
        items(&mut list);
        self.room = list.end();
    }

    /// Writes the name of a member, of which the value is to come.
    #[inline(always)]
    pub(super) fn name(&mut self, name: Name) {
        match self.next {
            Next::First => self.room.put(name.first.as_bytes()),
            Next::Further => name.put_further(&mut self.room),
        }
        self.next = Next::Further;
    }
}

impl<'a> List<'a> {
    #[inline(always)]
    pub(super) fn value(&mut self, value: Value<'_>) {
        self.separate();
        put_value(value, &mut self.room);
    }

    #[inline(always)]
    pub(super) fn object(&mut self, members: impl FnOnce(&mut Object<'a>)) {
        self.separate();
        let mut object = Object::begin(mem::take(&mut self.room));
        members(&mut object);
        self.room = object.end();
    }

    #[inline(always)]
    fn separate(&mut self) {
        self.room.put(match self.next {
            Next::First => b"[",
            Next::Further => b",",
        });
        self.next = Next::Further;
    }

    #[inline(always)]
    fn end(mut self) -> Room<'a> {
        match self.next {
            Next::First => self.room.put(b"[]"),
            Next::Further => self.room.put(b"]"),
        }
        self.room
    }
}

/// The name of a member, with the signs that JSON has around it: they are put together when the program is compiled.
/// Names are ours, and nothing in them is to be escaped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) plain: &'static str,
    /// As the first member of an object has it.
    first: &'static str,
    /// As a member behind others has it: `len` octets, with others behind them that mean nothing.
    further: [u8; 32],
    len: usize,
}

impl Name {
    /// Made by `name`; the program is not compiled where it is too long.
    pub(super) const fn of(
        plain: &'static str,
        first: &'static str,
        further: &'static str,
    ) -> Self {
        let mut padded = [0; 32];
        let len = further.len();
        padded
            .split_at_mut(len)
            .0
            .copy_from_slice(further.as_bytes());
        Name {
            plain,
            first,
            further: padded,
            len,
        }
    }

    /// Which of the lengths it has is known when the program is compiled.
    #[inline(always)]
    fn put_further(&self, room: &mut Room<'_>) {
        match self.further.first_chunk::<16>() {
            Some(start) if self.len <= 16 => room.put_first(self.len, *start),
            _ => room.put_first(self.len, self.further),
        }
    }
}

macro_rules! name {
    ($name:literal) => {
        const {
            crate::report::object::Name::of(
                $name,
                concat!("{\"", $name, "\":"),
                concat!(",\"", $name, "\":"),
            )
        }
    };
}
pub(super) use name;

#[inline(always)]
fn put_value(value: Value<'_>, room: &mut Room<'_>) {
    match value {
        Value::Unknown => room.put(b"null"),
        Value::Text(text) => *room = with_text(text, mem::take(room)),
        Value::Flag(_) | Value::Number(_) | Value::Seconds(_) => value.put_plain(room),
        Value::Word(_) | Value::Address(_) | Value::Time(_) => {
            room.put(b"\"");
            value.put_plain(room);
            room.put(b"\"");
        }
    }
}

fn with_text<'a>(text: &str, mut room: Room<'a>) -> Room<'a> {
    if is_plain(text) {
        room.put(b"\"");
        room.put(text.as_bytes());
        room.put(b"\"");
    } else {
        let mut escaped = Vec::new();
        // Writing to a vector cannot fail.
        _ = write_value(text, &mut escaped);
        room.put(&escaped);
    }
    room
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
    use crate::written::Written;

    fn json(write: impl Fn(Room<'_>) -> Room<'_>) -> String {
        let mut written = Written::default();
        written.add(write);
        String::from_utf8(written.octets().to_vec()).unwrap()
    }

    #[test]
    fn a_string_holds_nothing_for_a_terminal_and_reads_back() {
        let text = "a\"\\\n\u{1b}[0m\u{7f}\u{9b}ü\u{202e}\u{2028}\u{feff}.";
        let written = json(|room| with_text(text, room));
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
            let written = json(|room| with_text(&text, room));
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
        let written = json(|room| {
            let mut object = Object::begin(room);
            object.list(name!("none"), |_| {});
            object.list(name!("two"), |list| {
                list.value(Value::Unknown);
                list.object(|object| object.member(name!("a"), Value::Text("{")));
                list.object(|_| {});
            });
            object.member(name!("b"), Value::Flag(true));
            object.end()
        });
        assert_eq!(written, r#"{"none":[],"two":[null,{"a":"{"},{}],"b":true}"#);
    }
}
