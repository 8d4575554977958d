//! The record as comma-separated values (RFC 4180), with a header row; lists become counts.

use std::borrow::Cow;
use std::io::{self, Write};

use ::csv::{ErrorKind, WriterBuilder};

use super::document::Document;
use super::record::{FLAT_FIELDS, Record, Shape};

/// Writes the header row and a row for each connection.
///
/// # Errors
///
/// Those of `out`.
pub fn write_csv(document: &Document<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut writer = WriterBuilder::new().has_headers(false).from_writer(out);
    writer.write_record(FLAT_FIELDS).map_err(into_io)?;
    for row in document.rows {
        let mut record = Record::new(row, document.capture(row), Shape::Flat);
        record.texts_mut().for_each(defuse);
        writer.serialize(record).map_err(into_io)?;
    }
    writer.flush()
}

/// The error as it came from the output, by whose kind a closed pipe is known.
fn into_io(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A spreadsheet takes what begins like this for a formula, which could do harm.
fn defuse(text: &mut Cow<'_, str>) {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) {
        text.to_mut().insert(0, '\'');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_formula() {
        for (text, defused) in [
            ("=1+1", "'=1+1"),
            ("-", "'-"),
            ("a=b", "a=b"),
            ("", ""),
            ("\t@", "'\t@"),
        ] {
            let mut cell = Cow::Borrowed(text);
            defuse(&mut cell);
            assert_eq!(cell, defused);
        }
    }
}
