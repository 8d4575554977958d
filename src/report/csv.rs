//! The record as comma-separated values (RFC 4180), with a header row; lists become counts.

use std::io::{self, Write};

use ::csv::{ByteRecord, ErrorKind, WriterBuilder};

use super::document::Document;
use super::escape::for_terminal;
use super::object::{List, Name};
use super::record::{self, Fields, Source};
use super::value::Value;
use crate::audit::Row;

/// Writes the header row and a row for each connection.
///
/// # Errors
///
/// Those of `out`.
pub fn write_csv(document: &Document<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut writer = WriterBuilder::new().from_writer(out);
    let mut header = Header(Vec::new());
    record::connection(&mut header);
    writer.write_record(header.0).map_err(into_io)?;
    for row in document.rows {
        let capture = document.capture(row);
        let mut cells = Cells::of(Source {
            row,
            capture: &capture,
            parts: document.parts(row),
        });
        record::connection(&mut cells);
        writer.write_byte_record(&cells.record).map_err(into_io)?;
    }
    writer.flush()
}

struct Header(Vec<&'static str>);

impl Fields for Header {
    fn one(&mut self, name: Name, _: impl Fn(Source<'_>) -> Value<'_>) {
        self.0.push(name.plain);
    }

    fn list(
        &mut self,
        _: Name,
        _: impl Fn(Source<'_>, &mut List<'_>),
        flat_name: Name,
        _: impl Fn(&Row) -> String,
    ) {
        self.0.push(flat_name.plain);
    }
}

struct Cells<'a> {
    source: Source<'a>,
    record: ByteRecord,
    /// The text of one cell.
    text: Vec<u8>,
}

impl<'a> Cells<'a> {
    fn of(source: Source<'a>) -> Self {
        Cells {
            source,
            record: ByteRecord::new(),
            text: Vec::new(),
        }
    }
}

impl Fields for Cells<'_> {
    fn one(&mut self, _: Name, value: impl Fn(Source<'_>) -> Value<'_>) {
        self.text.clear();
        push_cell(value(self.source), &mut self.text);
        self.record.push_field(&self.text);
    }

    fn list(
        &mut self,
        _: Name,
        _: impl Fn(Source<'_>, &mut List<'_>),
        _: Name,
        flat: impl Fn(&Row) -> String,
    ) {
        let text = flat(self.source.row);
        self.record.push_field(text.as_bytes());
    }
}

/// A spreadsheet takes what begins like this for a formula, and a terminal acts on control characters: either could do
/// harm.
pub(super) fn push_cell(value: Value<'_>, text: &mut Vec<u8>) {
    let Value::Text(outside) = value else {
        return value.push_plain(text);
    };
    if outside.starts_with(['=', '+', '-', '@']) {
        text.push(b'\'');
    }
    text.extend(for_terminal(outside).as_bytes());
}

/// The error as it came from the output, by whose kind a closed pipe is known.
pub(super) fn into_io(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_formula_and_no_command() {
        for (text, defused) in [
            ("=1+1", "'=1+1"),
            ("-", "'-"),
            ("a=b", "a=b"),
            ("", ""),
            ("\t@", "\\x09@"),
            ("=\u{1b}]52;c;aGk=\u{7}", "'=\\x1b]52;c;aGk=\\x07"),
        ] {
            let mut cell = Vec::new();
            push_cell(Value::Text(text), &mut cell);
            assert_eq!(cell, defused.as_bytes());
        }
    }
}
