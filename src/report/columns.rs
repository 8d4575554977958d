//! The columns that people read, in the table as in Markdown.

use super::document::Document;
use super::words;
use crate::audit::Row;

/// How a column is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// What stands at its head; a line feed where it may be broken.
    pub(super) heading: &'static str,
    /// Where its cells stand.
    pub(super) alignment: Alignment,
    /// Where its cells may be broken.
    pub(super) breaks: Break,
}

impl Head {
    pub(super) const fn left(heading: &'static str, breaks: Break) -> Self {
        Head {
            heading,
            alignment: Alignment::Left,
            breaks,
        }
    }

    pub(super) const fn right(heading: &'static str) -> Self {
        Head {
            heading,
            alignment: Alignment::Right,
            breaks: Break::Nowhere,
        }
    }
}

/// A column.
pub(super) struct Column {
    pub(super) head: Head,
    /// Its cell in a row, as it came off the wire.
    pub(super) cell: CellOf,
}

/// The heading of the column of paths.
pub(super) const CAPTURE: &str = "capture";

/// Where the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alignment {
    Left,
    /// Of numbers.
    Right,
}

/// Where a cell bears to be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    Nowhere,
    AtBlanks,
    BehindCommas,
    /// Of an address with a port.
    BeforePort,
}

impl Break {
    /// The cell, broken where it bears it.
    pub(super) fn within(self, text: &str) -> String {
        match self {
            Break::Nowhere => text.to_owned(),
            Break::AtBlanks => text.replace(' ', "\n"),
            Break::BehindCommas => text.replace(", ", ",\n"),
            Break::BeforePort => match text.rsplit_once(':') {
                Some((ip, port)) => format!("{ip}\n:{port}"),
                None => text.to_owned(),
            },
        }
    }
}

/// The columns for this document: the capture is one where there are several.
pub(super) fn columns(document: &Document<'_>) -> impl Iterator<Item = &'static Column> {
    let skipped = usize::from(document.readings.len() < 2);
    COLUMNS.iter().skip(skipped)
}

const COLUMNS: [Column; 11] = [
    left(CAPTURE, Break::Nowhere, |document, row| {
        document.capture(row).into_owned()
    }),
    right("stream", |_, row| row.stream.to_string()),
    left("client", Break::BeforePort, |_, row| row.client.to_string()),
    left("server", Break::BeforePort, |_, row| row.server.to_string()),
    left("HTTP", Break::Nowhere, |_, row| {
        words::version(row).to_owned()
    }),
    right("req/\nresp", |_, row| words::messages(row)),
    left("negotiated", Break::BehindCommas, |_, row| {
        words::negotiated(row)
    }),
    right("longest\ngap", |_, row| words::span(row.idle_max)),
    right("last\nidle", |_, row| words::span(row.idle_last)),
    left("closed\nby", Break::AtBlanks, |_, row| {
        words::closed_by(row.close)
    }),
    left("verdict", Break::Nowhere, |_, row| {
        row.verdict.name().to_owned()
    }),
];

type CellOf = fn(&Document<'_>, &Row) -> String;

const fn left(heading: &'static str, breaks: Break, cell: CellOf) -> Column {
    Column {
        head: Head::left(heading, breaks),
        cell,
    }
}

const fn right(heading: &'static str, cell: CellOf) -> Column {
    Column {
        head: Head::right(heading),
        cell,
    }
}
