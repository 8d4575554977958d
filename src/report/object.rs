//! Objects, lists and values of JSON, written as they come; other documents by way of serde.
//!
//! Control characters are escaped beyond what JSON asks for, so that the output does no harm in a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::escape::is_control;
use super::value::Value;

/// An object that is being written.
pub(super) struct Object<'a>(&'a mut Vec<u8>);

impl Object<'_> {
    /// Writes an object with the members that `members` adds.
    pub(super) fn write(out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        members(&mut Object(out));
        out.push(b'}');
    }

    #[inline]
    pub(super) fn member(&mut self, name: Name, value: Value<'_>) {
        self.name(name);
        push_value(value, self.0);
    }

    pub(super) fn list(&mut self, name: Name, items: impl FnOnce(&mut List<'_>)) {
        self.name(name);
        self.0.push(b'[');
        items(&mut List(self.0));
        self.0.push(b']');
    }

    #[inline]
    fn name(&mut self, name: Name) {
        if self.0.ends_with(b"{") {
            self.0.extend_from_slice(name.first.as_bytes());
        } else {
            self.0.extend_from_slice(name.further.as_bytes());
        }
    }
}

/// The name of a member, with the signs that JSON has around it: they are put together when the program is compiled.
/// Names are ours, and nothing in them is to be escaped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) plain: &'static str,
    /// For the first member of an object.
    pub(super) first: &'static str,
    /// For those behind it.
    pub(super) further: &'static str,
}

macro_rules! name {
    ($name:literal) => {
        crate::report::object::Name {
            plain: $name,
            first: concat!("\"", $name, "\":"),
            further: concat!(",\"", $name, "\":"),
        }
    };
}
pub(super) use name;

/// A list that is being written.
pub(super) struct List<'a>(&'a mut Vec<u8>);

impl List<'_> {
    pub(super) fn value(&mut self, value: Value<'_>) {
        self.separate();
        push_value(value, self.0);
    }

    pub(super) fn object(&mut self, members: impl FnOnce(&mut Object<'_>)) {
        self.separate();
        Object::write(self.0, members);
    }

    fn separate(&mut self) {
        if !self.0.ends_with(b"[") {
            self.0.push(b',');
        }
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

/// Whether a text is JSON and harmless as it is. Not as soon as that is known, but in a loop without branches.
fn is_plain(text: &str) -> bool {
    let plain = |octet: u8| matches!(octet, b' '..=b'~') & (octet != b'"') & (octet != b'\\');
    text.bytes().fold(true, |all, octet| all & plain(octet))
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
