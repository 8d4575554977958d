//! What the listings by server and by capture have in common: each format writes any of them.
//!
//! In: a [`Listing`]. Out: text. What a row says is the business of `by_server` and `by_capture`.

use std::io::{self, Write};

use ::csv::WriterBuilder;
use anstyle::Style;
use serde::Serialize;

use super::columns::Head;
use super::csv::{into_io, push_cell};
use super::document::Document;
use super::escape::for_terminal;
use super::json::{CaptureRecord, SCHEMA, SummaryRecord};
use super::look::{Look, STRONG, verdict_colour};
use super::markdown::{escaped, one_line, write_cells};
use super::object::write_value;
use super::table::{self, write_indented};
use super::value;
use super::words;
use crate::rules::Verdict;
use crate::time::{Span, Time};

/// Rows that stand for more than one connection.
pub trait Listing {
    /// A row as other programs read it.
    type Record<'a>: Serialize
    where
        Self: 'a;

    /// What the rows are called in JSON.
    const NAME: &'static str;

    /// What was read, and the sums over all connections that were asked for.
    fn document(&self) -> Document<'_>;

    /// Whether JSON lists the captures beside the rows.
    const CAPTURES: Captures;

    /// The rows as other programs read them, in order.
    fn records(&self) -> impl Iterator<Item = Self::Record<'_>>;

    /// The names of the fields of a flat record, in order.
    fn fields(&self) -> Vec<&'static str>;

    /// The rows as flat records.
    fn flat(&self) -> impl Iterator<Item = Vec<Value>>;

    /// The columns for people.
    fn columns(&self) -> &[Head];

    /// The cells in them, row by row.
    fn cells(&self) -> Vec<Vec<String>>;

    /// What there is to say below the rows.
    fn remarks(&self) -> Vec<Remark>;
}

/// Whether JSON lists the captures beside the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captures {
    /// It does.
    Listed,
    /// They are the rows.
    AreRows,
}

/// Something to say below the rows.
#[derive(Clone, Debug)]
pub struct Remark {
    /// What it is about.
    pub(super) subject: String,
    /// How bad it is.
    pub(super) weight: Option<Verdict>,
    /// Sentences.
    pub(super) texts: Vec<String>,
}

/// What stands in a field of a flat record.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text that may come from outside.
    Text(String),
    /// A number.
    Int(u64),
    /// A point in time.
    Time(Time),
    /// A length of time.
    Seconds(Span),
    /// A number that is no integer.
    Ratio(f64),
    /// Nothing is known, or there is nothing.
    Null,
}

impl Value {
    /// The value, or nothing.
    pub(super) fn of<T>(value: Option<T>, make: impl FnOnce(T) -> Value) -> Value {
        value.map_or(Value::Null, make)
    }

    /// As records of connections have it, which have no ratios.
    pub(super) fn plain(&self) -> Option<value::Value<'_>> {
        Some(match self {
            Value::Text(text) => value::Value::Text(text),
            Value::Int(number) => value::Value::Number(*number),
            Value::Time(time) => value::Value::Time(*time),
            Value::Seconds(span) => value::Value::Seconds(*span),
            Value::Ratio(_) => return None,
            Value::Null => value::Value::Unknown,
        })
    }

    fn cell(&self) -> Vec<u8> {
        let mut cell = Vec::new();
        match (self, self.plain()) {
            (Value::Ratio(ratio), _) => cell.extend(ratio.to_string().into_bytes()),
            (_, plain) => push_cell(plain.unwrap_or(value::Value::Unknown), &mut cell),
        }
        cell
    }
}

/// Writes a listing as one JSON object.
///
/// # Errors
///
/// Those of `out`.
pub fn write_listing_json<L: Listing>(listing: &L, out: &mut impl Write) -> io::Result<()> {
    let document = listing.document();
    let keepcap = env!("CARGO_PKG_VERSION");
    write!(out, r#"{{"schema":{SCHEMA},"keepcap":"{keepcap}""#)?;
    if L::CAPTURES == Captures::Listed {
        let captures: Vec<_> = document.readings.iter().map(CaptureRecord::new).collect();
        out.write_all(br#","captures":"#)?;
        write_value(&captures, out)?;
    }
    write!(out, r#","{}":["#, L::NAME)?;
    for (number, record) in listing.records().enumerate() {
        out.write_all(if number > 0 { b"," } else { b"" })?;
        write_value(&record, out)?;
    }
    out.write_all(br#"],"summary":"#)?;
    write_value(&SummaryRecord::new(&document), out)?;
    out.write_all(b"}\n")
}

/// Writes a listing as one JSON object a line.
///
/// # Errors
///
/// Those of `out`.
pub fn write_listing_ndjson<L: Listing>(listing: &L, out: &mut impl Write) -> io::Result<()> {
    listing.records().try_for_each(|record| {
        write_value(&record, out)?;
        out.write_all(b"\n")
    })
}

/// Writes a listing as comma-separated values with a header row; lists become counts.
///
/// # Errors
///
/// Those of `out`.
pub fn write_listing_csv<L: Listing>(listing: &L, out: &mut impl Write) -> io::Result<()> {
    let mut writer = WriterBuilder::new().from_writer(out);
    writer.write_record(listing.fields()).map_err(into_io)?;
    for values in listing.flat() {
        let cells = values.iter().map(Value::cell);
        writer.write_record(cells).map_err(into_io)?;
    }
    writer.flush()
}

/// Writes a listing for a terminal: the table, what there is to say, and a line of sums.
///
/// # Errors
///
/// Those of `out`.
pub fn write_listing_table<L: Listing>(
    listing: &L,
    look: Look,
    out: &mut impl Write,
) -> io::Result<()> {
    let rows = listing.cells().into_iter();
    let rows: Vec<Vec<String>> = rows.map(|cells| harmless(&cells)).collect();
    if !rows.is_empty() {
        let heads: Vec<&Head> = listing.columns().iter().collect();
        table::write_cells(&heads, rows.iter().cloned(), look, out)?;
    }
    for remark in listing.remarks() {
        write_remark(&remark, look, out)?;
    }
    let summary = words::summary(&listing.document());
    writeln!(out, "{}", look.colour.paint(STRONG, &summary))
}

fn harmless(cells: &[String]) -> Vec<String> {
    let texts = cells.iter().map(|text| for_terminal(text).into_owned());
    texts.collect()
}

fn write_remark(remark: &Remark, look: Look, out: &mut impl Write) -> io::Result<()> {
    let style = match remark.weight {
        Some(verdict) => verdict_colour(verdict).on_default().bold(),
        None => STRONG,
    };
    let subject = for_terminal(&remark.subject);
    writeln!(out, "{}", look.colour.paint(style, &subject))?;
    for text in &remark.texts {
        write_indented(out, look, text, Style::new())?;
    }
    writeln!(out)
}

/// Writes a listing in Markdown: the table, a list of what there is to say, and a line of sums.
///
/// # Errors
///
/// Those of `out`.
pub fn write_listing_markdown<L: Listing>(listing: &L, out: &mut impl Write) -> io::Result<()> {
    let rows = listing.cells();
    if !rows.is_empty() {
        let columns = listing.columns().iter();
        write_cells(columns.clone().map(|column| one_line(column.heading)), out)?;
        write_cells(
            columns.map(|column| column.alignment.rule().to_owned()),
            out,
        )?;
        for row in rows {
            write_cells(row.iter().map(|cell| escaped(cell)), out)?;
        }
        writeln!(out)?;
    }
    let remarks = listing.remarks();
    for remark in &remarks {
        let texts = remark.texts.iter().map(|text| escaped(text));
        let texts: Vec<String> = texts.collect();
        writeln!(
            out,
            "- **{}**: {}",
            escaped(&remark.subject),
            texts.join(" ")
        )?;
    }
    if !remarks.is_empty() {
        writeln!(out)?;
    }
    writeln!(out, "{}", words::summary(&listing.document()))
}
