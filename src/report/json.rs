//! The record as JSON: one object a line, or all in one document.
//!
//! Control characters are escaped beyond what JSON asks for, so that the output does no harm in a terminal.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::document::Document;
use super::escape::is_control;
use super::record::{Record, Shape};
use crate::audit::{BoundMet, Reading, Row};
use crate::capture::Damage;
use crate::rules::Verdict;

/// The version of the document and of the record. It changes when a field goes or changes its meaning.
pub const SCHEMA: u32 = 1;

/// Writes everything as one JSON object.
///
/// # Errors
///
/// Those of `out`.
pub fn write_json(document: &Document<'_>, out: &mut impl Write) -> io::Result<()> {
    let whole = Whole {
        schema: SCHEMA,
        keepcap: env!("CARGO_PKG_VERSION"),
        captures: document.readings.iter().map(CaptureRecord::new).collect(),
        connections: Connections(document),
        summary: SummaryRecord::new(document),
    };
    write_line(&whole, out)
}

/// Writes a row as one line of NDJSON. `capture` is the path as given.
///
/// # Errors
///
/// Those of `out`.
pub fn write_ndjson_line(row: &Row, capture: &str, out: &mut impl Write) -> io::Result<()> {
    write_line(&Record::new(row, capture.into(), Shape::Nested), out)
}

fn write_line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Harmless))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: u32,
    keepcap: &'static str,
    captures: Vec<CaptureRecord<'a>>,
    connections: Connections<'a>,
    summary: SummaryRecord<'a>,
}

#[derive(Serialize)]
struct CaptureRecord<'a> {
    path: Cow<'a, str>,
    packets: u64,
    bytes: u64,
    connections: u64,
    /// Packets without a TCP segment, by reason.
    skipped: BTreeMap<String, u64>,
    /// Blocks of pcapng that hold no packet.
    other_blocks: u64,
    events: u64,
    untimed_packets: u64,
    /// Places that could not be read; the first of them are listed.
    damaged: u64,
    damage: Vec<DamageRecord>,
    /// Connections that ran into a bound.
    limited: u64,
    /// The first of them.
    bounds_met: Vec<BoundRecord>,
}

#[derive(Serialize)]
struct BoundRecord {
    stream: u64,
    last_frame: u64,
    what: &'static str,
    amount: u64,
}

#[derive(Serialize)]
struct DamageRecord {
    offset: u64,
    /// How the capture was compressed; the offset is one in what was unpacked.
    compression: Option<String>,
    frame: u64,
    reason: String,
}

/// Made into records one by one as they are written.
struct Connections<'a>(&'a Document<'a>);

#[derive(Serialize)]
struct SummaryRecord<'a> {
    captures: usize,
    connections: u64,
    requests: u64,
    responses: u64,
    unanswered: u64,
    verdicts: BTreeMap<&'static str, u64>,
    findings: &'a BTreeMap<&'static str, u64>,
}

impl<'a> CaptureRecord<'a> {
    fn new(reading: &'a Reading) -> Self {
        let summary = &reading.summary;
        let skipped = reading.ignored.iter();
        CaptureRecord {
            path: reading.path.to_string_lossy(),
            packets: summary.packets,
            bytes: summary.octets,
            connections: reading.connections,
            skipped: skipped
                .map(|(reason, packets)| (reason.to_string(), packets))
                .collect(),
            other_blocks: summary.other_blocks,
            events: summary.events,
            untimed_packets: summary.untimed,
            damaged: summary.damaged,
            damage: summary.damage.iter().map(DamageRecord::new).collect(),
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
            what: met.limit.what,
            amount: met.limit.amount,
        }
    }
}

impl DamageRecord {
    fn new(damage: &Damage) -> Self {
        DamageRecord {
            offset: damage.offset,
            compression: damage
                .compression
                .map(|compression| compression.to_string()),
            frame: damage.frame,
            reason: damage.reason.to_string(),
        }
    }
}

impl Serialize for Connections<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document = self.0;
        let record = |row| Record::new(row, document.capture(row), Shape::Nested);
        serializer.collect_seq(document.rows.iter().map(record))
    }
}

impl<'a> SummaryRecord<'a> {
    fn new(document: &Document<'a>) -> Self {
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
    use crate::time::Span;

    fn json(value: &impl Serialize) -> String {
        let mut octets = Vec::new();
        write_line(value, &mut octets).unwrap();
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn a_string_holds_nothing_for_a_terminal_and_reads_back() {
        let text = "a\"\\\n\u{1b}[0m\u{7f}\u{9b}ü\u{202e}\u{2028}\u{feff}.";
        let written = json(&text);
        assert_eq!(
            written,
            "\"a\\\"\\\\\\n\\u001b[0m\\u007f\\u009bü\\u202e\\u2028\\ufeff.\"\n"
        );
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn durations_keep_every_nanosecond() {
        let cases = [
            (5_004_770_000, "5.00477"),
            (59_000, "0.000059"),
            (1, "0.000000001"),
            (-2_000_000_001, "-2.000000001"),
            (0, "0"),
            (4_000_000_123_456_789, "4000000.123456789"),
        ];
        for (nanos, text) in cases {
            assert_eq!(json(&Span::from_nanos(nanos).seconds()).trim_end(), text);
        }
    }
}
