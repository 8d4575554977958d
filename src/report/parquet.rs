//! The record as Apache Parquet: the same columns as in CSV, with types; lists become counts.
//!
//! In: the [`Document`], or a [`Listing`]. Out: octets, some rows at a time, so that memory stays bounded. Texts are as they
//! came off the wire: whoever shows them escapes them.

use std::io::{self, Write};
use std::sync::Arc;

use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use ::parquet::errors::Result;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::parser::parse_message_type;

use super::document::Document;
use super::listing::{self, Listing};
use super::object::{List, Name};
use super::record::{self, Fields, Source};
use super::value::Value;
use crate::audit::Row;

/// How many rows are collected before they are written: what is read side by side, and some 10 MB.
const GROUP: usize = 16_384;

/// Writes a row for each connection.
///
/// # Errors
///
/// Those of `out`.
pub fn write_parquet(document: &Document<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut columns = Columns::default();
    record::connection(&mut columns);
    let mut file = File::new(columns.0)?;
    for rows in document.rows.chunks(GROUP) {
        for row in rows {
            let capture = document.capture(row);
            let mut cells = Cells {
                source: Source {
                    row,
                    capture: &capture,
                    parts: document.parts(row),
                },
                columns: file.columns.iter_mut(),
                result: Ok(()),
            };
            record::connection(&mut cells);
            cells.result?;
        }
        file.write_group(out)?;
    }
    file.finish(out)
}

/// Writes a row for each row of the listing.
///
/// # Errors
///
/// Those of `out`.
pub fn write_listing_parquet<L: Listing>(listing: &L, out: &mut impl Write) -> io::Result<()> {
    let columns = listing.fields().into_iter().map(Column::new);
    let mut file = File::new(columns.collect())?;
    for (number, values) in (1..).zip(listing.flat()) {
        for (column, value) in file.columns.iter_mut().zip(&values) {
            column.push_flat(value)?;
        }
        if number % GROUP == 0 {
            file.write_group(out)?;
        }
    }
    file.write_group(out)?;
    file.finish(out)
}

/// What a column holds. Names that stand in several records mean the same in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Count,
    Real,
    Flag,
    Time,
    Text,
}

impl Kind {
    fn of(name: &str) -> Kind {
        match name {
            "start" | "end" | "close_time" => Kind::Time,
            "complete" | "handshake" | "simultaneous" => Kind::Flag,
            "mismatch_expected_per_10000" => Kind::Real,
            "capture" | "client_ip" | "server_ip" | "mismatch_client_ip" | "protocol"
            | "http_version" | "client_asks" | "server_says" | "closed_by" | "close_kind"
            | "close_cause" | "verdict" | "unknown_because" | "findings" | "advertised"
            | "idle_timeout" | "promise" | "likely" => Kind::Text,
            // Durations, in seconds.
            name if name.ends_with("_s") => Kind::Real,
            _ => Kind::Count,
        }
    }

    /// As the format's own language has it.
    fn declaration(self) -> (&'static str, &'static str) {
        match self {
            Kind::Count => ("INT64", ""),
            Kind::Real => ("DOUBLE", ""),
            Kind::Flag => ("BOOLEAN", ""),
            Kind::Time => ("INT64", " (TIMESTAMP(NANOS,true))"),
            Kind::Text => ("BYTE_ARRAY", " (STRING)"),
        }
    }
}

/// A column of the rows that are collected.
#[derive(Debug)]
struct Column {
    name: &'static str,
    kind: Kind,
    /// What is known.
    values: Values,
    /// Of each row, 1 where something is known, else 0.
    known: Vec<i16>,
}

#[derive(Debug)]
enum Values {
    Numbers(Vec<i64>),
    Reals(Vec<f64>),
    Flags(Vec<bool>),
    Texts(Vec<ByteArray>),
}

impl Column {
    fn new(name: &'static str) -> Self {
        let kind = Kind::of(name);
        Column {
            name,
            kind,
            values: match kind {
                Kind::Count | Kind::Time => Values::Numbers(Vec::new()),
                Kind::Real => Values::Reals(Vec::new()),
                Kind::Flag => Values::Flags(Vec::new()),
                Kind::Text => Values::Texts(Vec::new()),
            },
            known: Vec::new(),
        }
    }

    fn push(&mut self, value: Value<'_>) -> io::Result<()> {
        match (&mut self.values, value) {
            (_, Value::Unknown) => {
                self.known.push(0);
                return Ok(());
            }
            (Values::Texts(texts), value) => {
                let mut text = Vec::new();
                value.push_plain(&mut text);
                texts.push(text.into());
            }
            (Values::Numbers(numbers), Value::Number(number)) if self.kind == Kind::Count => {
                numbers.push(i64::try_from(number).unwrap_or(i64::MAX));
            }
            (Values::Numbers(numbers), Value::Time(time)) if self.kind == Kind::Time => {
                numbers.push(time.nanos());
            }
            (Values::Reals(reals), Value::Seconds(span)) => reals.push(span.seconds()),
            // Advertised timeouts are whole seconds, and fit.
            (Values::Reals(reals), Value::Number(number)) => reals.push(number as f64),
            (Values::Flags(flags), Value::Flag(flag)) => flags.push(flag),
            (_, value) => return Err(self.misfit(&value)),
        }
        self.known.push(1);
        Ok(())
    }

    fn push_flat(&mut self, value: &listing::Value) -> io::Result<()> {
        match (value, &mut self.values) {
            (listing::Value::Ratio(ratio), Values::Reals(reals)) => {
                reals.push(*ratio);
                self.known.push(1);
                Ok(())
            }
            (value, _) => match value.plain() {
                Some(plain) => self.push(plain),
                None => Err(self.misfit(value)),
            },
        }
    }

    /// What stands in the place of a list.
    fn push_text(&mut self, text: &str) -> io::Result<()> {
        match (self.kind, text.parse()) {
            (Kind::Count, Ok(count)) => self.push(Value::Number(count)),
            _ => self.push(Value::Text(text)),
        }
    }

    fn misfit(&self, value: &dyn std::fmt::Debug) -> io::Error {
        let Column { name, kind, .. } = self;
        io::Error::other(format!("{name} holds {kind:?}, and is to hold {value:?}"))
    }

    /// Writes what was collected, and forgets it.
    fn write(&mut self, mut writer: SerializedColumnWriter<'_>) -> Result<()> {
        let known = Some(self.known.as_slice());
        match &mut self.values {
            Values::Numbers(numbers) => {
                let writer = writer.typed::<Int64Type>();
                writer.write_batch(numbers, known, None)?;
                numbers.clear();
            }
            Values::Reals(reals) => {
                let writer = writer.typed::<DoubleType>();
                writer.write_batch(reals, known, None)?;
                reals.clear();
            }
            Values::Flags(flags) => {
                let writer = writer.typed::<BoolType>();
                writer.write_batch(flags, known, None)?;
                flags.clear();
            }
            Values::Texts(texts) => {
                let writer = writer.typed::<ByteArrayType>();
                writer.write_batch(texts, known, None)?;
                texts.clear();
            }
        }
        self.known.clear();
        writer.close()
    }
}

/// Takes the names of the columns.
#[derive(Default)]
struct Columns(Vec<Column>);

impl Fields for Columns {
    fn one(&mut self, name: Name, _: impl Fn(Source<'_>) -> Value<'_>) {
        self.0.push(Column::new(name.plain));
    }

    fn list(
        &mut self,
        _: Name,
        _: impl Fn(Source<'_>, &mut List<'_>),
        flat_name: Name,
        _: impl Fn(&Row) -> String,
    ) {
        self.0.push(Column::new(flat_name.plain));
    }
}

/// Takes the values of one row.
struct Cells<'a> {
    source: Source<'a>,
    columns: std::slice::IterMut<'a, Column>,
    result: io::Result<()>,
}

impl Cells<'_> {
    fn push(&mut self, push: impl FnOnce(&mut Column) -> io::Result<()>) {
        if let (Ok(()), Some(column)) = (&self.result, self.columns.next()) {
            self.result = push(column);
        }
    }
}

impl Fields for Cells<'_> {
    fn one(&mut self, _: Name, value: impl Fn(Source<'_>) -> Value<'_>) {
        let value = value(self.source);
        self.push(|column| column.push(value));
    }

    fn list(
        &mut self,
        _: Name,
        _: impl Fn(Source<'_>, &mut List<'_>),
        _: Name,
        flat: impl Fn(&Row) -> String,
    ) {
        let text = flat(self.source.row);
        self.push(|column| column.push_text(&text));
    }
}

/// A file that is being written, by way of memory: the writer of the format wants to own what it writes to.
struct File {
    columns: Vec<Column>,
    writer: SerializedFileWriter<Vec<u8>>,
}

impl File {
    fn new(columns: Vec<Column>) -> io::Result<Self> {
        let declared = columns.iter().map(|column| {
            let (physical, logical) = column.kind.declaration();
            format!("OPTIONAL {physical} {}{logical};", column.name)
        });
        let schema = format!("message keepcap {{ {} }}", declared.collect::<String>());
        let by = format!("keepcap version {}", env!("CARGO_PKG_VERSION"));
        let properties = WriterProperties::builder().set_created_by(by).build();
        let schema = Arc::new(parse_message_type(&schema)?);
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        Ok(File { columns, writer })
    }

    /// Writes the rows that were collected.
    fn write_group(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.columns.iter().all(|column| column.known.is_empty()) {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            if let Some(writer) = group.next_column()? {
                column.write(writer)?;
            }
        }
        group.close()?;
        self.writer.flush()?;
        let written = self.writer.inner_mut();
        out.write_all(written)?;
        written.clear();
        Ok(())
    }

    /// Writes what tells where everything is.
    fn finish(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.writer.into_inner()?)
    }
}
