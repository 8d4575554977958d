//! The record as JSON: one object a line, or all in one document.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::document::Document;
use super::object::{List, Name, Object, name, write_value};
use super::record::{self, Fields, Source};
use super::value::Value;
use crate::audit::{BoundMet, Reading, Row};
use crate::capture::{Damage, Part};
use crate::connection::Beside;
use crate::rules::Verdict;
use crate::written::{Room, Written};

/// The version of the document and of the record. It changes when a field goes or changes its meaning.
pub const SCHEMA: u32 = 1;

/// Writes everything as one JSON object.
///
/// # Errors
///
/// Those of `out`.
pub fn write_json(document: &Document<'_>, out: &mut impl Write) -> io::Result<()> {
    let keepcap = env!("CARGO_PKG_VERSION");
    write!(
        out,
        r#"{{"schema":{SCHEMA},"keepcap":"{keepcap}","captures":"#
    )?;
    let captures: Vec<_> = document.readings.iter().map(CaptureRecord::new).collect();
    write_value(&captures, out)?;
    out.write_all(br#","connections":["#)?;
    let mut record = Written::default();
    let mut between: &[u8] = b"";
    for row in document.rows {
        let source = Source {
            row,
            capture: &document.capture(row),
            parts: document.parts(row),
        };
        out.write_all(between)?;
        record.clear(MAX_KEPT);
        add_record(source, &mut record);
        out.write_all(record.octets())?;
        between = b",";
    }
    out.write_all(br#"],"summary":"#)?;
    write_value(&SummaryRecord::new(document), out)?;
    out.write_all(b"}\n")
}

/// Writes the rows of a capture as lines of NDJSON, each of which is put together in the same memory.
#[derive(Debug, Default)]
pub struct NdjsonLines {
    /// The latest. What it begins with, all before the number of the connection, stays there for the next.
    line: Written,
    /// How many octets that is.
    start: usize,
}

impl NdjsonLines {
    /// Of the capture with this path as given, that of its first part where several files were read as one.
    pub fn of(capture: &str) -> Self {
        let mut line = Written::default();
        line.add(|room| {
            let mut object = Object::begin(room);
            object.member(record::CAPTURE, Value::Text(capture));
            object.name(record::STREAM);
            object.leave()
        });
        let start = line.len();
        NdjsonLines { line, start }
    }

    /// Writes a row as one line. `parts` are the files that were read as one, if it was several.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&mut self, row: &Row, parts: &[Part], out: &mut impl Write) -> io::Result<()> {
        self.begin(row.stream);
        add_ndjson_story(row, parts, &mut self.line);
        out.write_all(self.line.octets())
    }

    /// Writes a line of which all behind the number is known, from [`add_ndjson_story`].
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_told(
        &mut self,
        stream: u64,
        story: &[u8],
        out: &mut impl Write,
    ) -> io::Result<()> {
        self.begin(stream);
        out.write_all(self.line.octets())?;
        out.write_all(story)
    }

    fn begin(&mut self, stream: u64) {
        self.line.cut(self.start, MAX_KEPT);
        self.line.add(|mut room| {
            Value::Number(stream).put_plain(&mut room);
            room
        });
    }
}

/// What a line of NDJSON has of a row behind its number, to its end: all that can be written before that is known.
pub fn add_ndjson_story(row: &Row, parts: &[Part], out: &mut Written) {
    let source = Source {
        row,
        capture: "",
        parts,
    };
    out.add(|room| {
        let mut room = story(source, room);
        room.put(b"\n");
        room
    });
}

/// So many octets of memory are kept from one line to the next. Hardly any line is longer.
const MAX_KEPT: usize = 1 << 20;

fn add_record(source: Source<'_>, out: &mut Written) {
    out.add(|room| {
        let mut object = Object::begin(room);
        object.member(record::CAPTURE, Value::Text(source.capture));
        object.member(record::STREAM, source.row.stream.into());
        story(source, object.leave())
    });
}

#[inline(never)]
fn story<'a>(source: Source<'_>, room: Room<'a>) -> Room<'a> {
    let object = Object::go_on(room);
    let mut nested = Nested { source, object };
    record::story(&mut nested);
    let Nested { mut object, .. } = nested;
    if let Some(exchanges) = &source.row.exchanges {
        // A 408 that was sent while nothing was asked belongs to no exchange.
        let asked = exchanges
            .iter()
            .filter(|exchange| !exchange.is_idle_timeout());
        object.list(name!("exchanges"), |list| {
            asked.for_each(|exchange| {
                list.object(|object| record::exchange(exchange, source.parts, object));
            });
        });
    }
    object.end()
}

/// A record with lists in it.
struct Nested<'a, 'b> {
    source: Source<'a>,
    object: Object<'b>,
}

impl Fields for Nested<'_, '_> {
    #[inline(always)]
    fn one(&mut self, name: Name, value: impl Fn(Source<'_>) -> Value<'_>) {
        self.object.member(name, value(self.source));
    }

    #[inline(always)]
    fn list(
        &mut self,
        name: Name,
        items: impl Fn(Source<'_>, &mut List<'_>),
        _: Name,
        _: impl Fn(&Row) -> String,
    ) {
        self.object.list(name, |list| items(self.source, list));
    }
}

#[derive(Serialize)]
pub(super) struct CaptureRecord<'a> {
    path: Cow<'a, str>,
    /// The files that were read as one, if it was several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartRecord<'a>>,
    packets: u64,
    bytes: u64,
    connections: u64,
    /// Packets without a TCP segment, by reason.
    skipped: BTreeMap<String, u64>,
    /// Fragmented IP datagrams that were given up, by reason.
    fragments_given_up: FragmentsRecord,
    /// Closed connections that were forgotten early, for want of room.
    forgotten_early: u64,
    /// Streams without a SYN where a connection had been closed and forgotten.
    resumed: u64,
    /// Blocks of pcapng that hold no packet.
    other_blocks: u64,
    events: u64,
    untimed_packets: u64,
    /// Places that could not be read; the first of them are listed.
    damaged: u64,
    damage: Vec<DamageRecord<'a>>,
    /// Connections that ran into a bound.
    limited: u64,
    /// The first of them.
    bounds_met: Vec<BoundRecord>,
}

#[derive(Serialize)]
struct PartRecord<'a> {
    path: Cow<'a, str>,
    /// A frame of the capture is so much higher than the same frame in this file.
    frames_before: u64,
}

#[derive(Serialize)]
struct FragmentsRecord {
    too_old: u64,
    too_many: u64,
    contradictory: u64,
}

#[derive(Serialize)]
struct BoundRecord {
    stream: u64,
    last_frame: u64,
    what: &'static str,
    amount: u64,
}

#[derive(Serialize)]
struct DamageRecord<'a> {
    /// The file, if several were read as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Cow<'a, str>>,
    offset: u64,
    /// How the capture was compressed; the offset is one in what was unpacked.
    compression: Option<String>,
    frame: u64,
    reason: String,
}

#[derive(Serialize)]
pub(super) struct SummaryRecord<'a> {
    captures: usize,
    connections: u64,
    requests: u64,
    responses: u64,
    unanswered: u64,
    verdicts: BTreeMap<&'static str, u64>,
    findings: &'a BTreeMap<&'static str, u64>,
}

impl<'a> CaptureRecord<'a> {
    pub(super) fn new(reading: &'a Reading) -> Self {
        let summary = &reading.summary;
        let Beside {
            ignored,
            fragments,
            forgotten,
        } = &reading.beside;
        CaptureRecord {
            path: reading.path.to_string_lossy(),
            parts: reading.parts.iter().map(PartRecord::new).collect(),
            packets: summary.packets,
            bytes: summary.octets,
            connections: reading.connections,
            skipped: ignored
                .iter()
                .map(|(reason, packets)| (reason.to_string(), packets))
                .collect(),
            fragments_given_up: FragmentsRecord {
                too_old: fragments.too_old,
                too_many: fragments.evicted,
                contradictory: fragments.contradictory,
            },
            forgotten_early: forgotten.early,
            resumed: forgotten.resumed,
            other_blocks: summary.other_blocks,
            events: summary.events,
            untimed_packets: summary.untimed,
            damaged: summary.damaged,
            damage: summary
                .damage
                .iter()
                .map(|damage| DamageRecord::new(damage, reading))
                .collect(),
            limited: reading.limited,
            bounds_met: reading.bounds_met.iter().map(BoundRecord::new).collect(),
        }
    }
}

impl BoundRecord {
    fn new(met: &BoundMet) -> Self {
        BoundRecord {
            stream: met.stream,
            last_frame: met.last_frame,
            what: met.limit.what.name(),
            amount: met.limit.amount,
        }
    }
}

impl<'a> PartRecord<'a> {
    fn new(part: &'a Part) -> Self {
        PartRecord {
            path: part.path.to_string_lossy(),
            frames_before: part.frames_before,
        }
    }
}

impl<'a> DamageRecord<'a> {
    fn new(damage: &Damage, reading: &'a Reading) -> Self {
        let several = !reading.parts.is_empty();
        DamageRecord {
            file: several.then(|| reading.path_of(damage).to_string_lossy()),
            offset: damage.offset,
            compression: damage
                .compression
                .map(|compression| compression.to_string()),
            frame: damage.frame,
            reason: damage.reason.to_string(),
        }
    }
}

impl<'a> SummaryRecord<'a> {
    pub(super) fn new(document: &Document<'a>) -> Self {
        let totals = document.totals;
        SummaryRecord {
            captures: document.readings.len(),
            connections: totals.connections,
            requests: totals.requests,
            responses: totals.responses,
            unanswered: totals.unanswered,
            verdicts: Verdict::ALL
                .map(|verdict| (verdict.name(), totals.with(verdict)))
                .into(),
            findings: &totals.findings,
        }
    }
}
