//! A row for each capture: what was read of it, what was passed over, and what was found in the connections that were
//! asked for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::advice::grouped;
use super::columns::{Break, CAPTURE, Head};
use super::document::Document;
use super::json::CaptureRecord;
use super::listing::{Captures, Listing, Remark, Value};
use super::words;
use crate::audit::{Reading, Totals};
use crate::rules::Verdict;

/// The captures that were read, each with the sums over its connections.
#[derive(Clone, Copy, Debug)]
pub struct ByCapture<'a> {
    /// What was read, and the sums over everything.
    pub document: Document<'a>,
    /// The sums over the connections of each capture, in the same order.
    pub totals: &'a [Totals],
}

/// What was read of a capture, and what was found.
#[derive(Serialize)]
pub struct ByCaptureRecord<'a> {
    #[serde(flatten)]
    read: CaptureRecord<'a>,
    /// Connections that were asked for.
    listed: u64,
    requests: u64,
    responses: u64,
    unanswered: u64,
    verdict: Option<&'static str>,
    verdicts: BTreeMap<&'static str, u64>,
    findings: &'a BTreeMap<&'static str, u64>,
}

impl<'a> ByCapture<'a> {
    fn rows(&self) -> impl Iterator<Item = (&'a Reading, &'a Totals)> {
        self.document.readings.iter().zip(self.totals)
    }
}

impl Listing for ByCapture<'_> {
    type Record<'a>
        = ByCaptureRecord<'a>
    where
        Self: 'a;

    const NAME: &'static str = "captures";

    const CAPTURES: Captures = Captures::AreRows;

    fn document(&self) -> Document<'_> {
        self.document
    }

    fn records(&self) -> impl Iterator<Item = ByCaptureRecord<'_>> {
        self.rows().map(|(reading, totals)| ByCaptureRecord {
            read: CaptureRecord::new(reading),
            listed: totals.connections,
            requests: totals.requests,
            responses: totals.responses,
            unanswered: totals.unanswered,
            verdict: totals.worst().map(Verdict::name),
            verdicts: words::verdicts(totals),
            findings: &totals.findings,
        })
    }

    fn fields(&self) -> Vec<&'static str> {
        FIELDS.iter().map(|&(name, _)| name).collect()
    }

    fn flat(&self) -> impl Iterator<Item = Vec<Value>> {
        self.rows().map(|(reading, totals)| {
            FIELDS
                .iter()
                .map(|(_, value)| value(reading, totals))
                .collect()
        })
    }

    fn columns(&self) -> &[Head] {
        &COLUMNS
    }

    fn cells(&self) -> Vec<Vec<String>> {
        self.rows()
            .map(|(reading, totals)| cells(reading, totals))
            .collect()
    }

    fn remarks(&self) -> Vec<Remark> {
        Vec::new()
    }
}

type ValueOf = fn(&Reading, &Totals) -> Value;

const FIELDS: [(&str, ValueOf); 20] = [
    ("capture", |reading, _| {
        Value::Text(path(reading).into_owned())
    }),
    ("packets", |reading, _| Value::Int(reading.summary.packets)),
    ("bytes", |reading, _| Value::Int(reading.summary.octets)),
    ("connections", |reading, _| Value::Int(reading.connections)),
    ("skipped", |reading, _| Value::Int(skipped(reading))),
    ("other_blocks", |reading, _| {
        Value::Int(reading.summary.other_blocks)
    }),
    ("events", |reading, _| Value::Int(reading.summary.events)),
    ("untimed_packets", |reading, _| {
        Value::Int(reading.summary.untimed)
    }),
    ("damaged", |reading, _| Value::Int(reading.summary.damaged)),
    ("limited", |reading, _| Value::Int(reading.limited)),
    ("listed", |_, totals| Value::Int(totals.connections)),
    ("requests", |_, totals| Value::Int(totals.requests)),
    ("responses", |_, totals| Value::Int(totals.responses)),
    ("unanswered", |_, totals| Value::Int(totals.unanswered)),
    ("ok", |_, totals| Value::Int(totals.with(Verdict::Ok))),
    ("warning", |_, totals| {
        Value::Int(totals.with(Verdict::Warning))
    }),
    ("violation", |_, totals| {
        Value::Int(totals.with(Verdict::Violation))
    }),
    ("unknown", |_, totals| {
        Value::Int(totals.with(Verdict::Unknown))
    }),
    ("verdict", |_, totals| {
        Value::of(totals.worst(), |worst| Value::Text(worst.name().into()))
    }),
    ("findings", |_, totals| {
        Value::Text(words::rules_found(totals))
    }),
];

fn path(reading: &Reading) -> Cow<'_, str> {
    reading.path.to_string_lossy()
}

fn skipped(reading: &Reading) -> u64 {
    reading
        .beside
        .ignored
        .iter()
        .map(|(_, packets)| packets)
        .sum()
}

const COLUMNS: [Head; 11] = [
    Head::left(CAPTURE, Break::Nowhere),
    Head::right("packets"),
    Head::right("passed\nover"),
    Head::right("connec-\ntions"),
    Head::right("listed"),
    Head::right("requests"),
    Head::right("unan-\nswered"),
    Head::right("damaged"),
    Head::right("warn-\nings"),
    Head::right("viola-\ntions"),
    Head::left("verdict", Break::Nowhere),
];

fn cells(reading: &Reading, totals: &Totals) -> Vec<String> {
    vec![
        path(reading).into_owned(),
        grouped(reading.summary.packets),
        grouped(skipped(reading)),
        grouped(reading.connections),
        grouped(totals.connections),
        grouped(totals.requests),
        grouped(totals.unanswered),
        grouped(reading.summary.damaged),
        grouped(totals.with(Verdict::Warning)),
        grouped(totals.with(Verdict::Violation)),
        totals
            .worst()
            .map_or(words::NOTHING, Verdict::name)
            .to_owned(),
    ]
}
