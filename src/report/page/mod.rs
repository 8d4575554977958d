//! The page: one HTML file that shows all there is to see, for whoever looks before reading.
//!
//! In: what was read, the survey of the servers, and the connections that [`Shown`] has kept. Out: text. The page needs
//! nothing else: no network, and no script but for sorting and filtering; a content security policy lets just that
//! one script run, by its hash. `page.html` and what it includes say how it looks; all that they fill in goes through `inert`.

mod entry;
mod histogram;
mod inert;
mod lane;
mod scale;
mod server;
mod shown;
mod skipped;

use std::collections::BTreeSet;
use std::io::{self, Write};

use askama::Template;

pub use self::shown::Shown;

use self::entry::{Entry, with_columns};
use self::lane::{Known, Lane};
use self::scale::Place;
use self::server::ServerCard;
use self::shown::{MOST_CHOSEN, MOST_LANES, OF_A_RULE, Whereabouts};
use self::skipped::CaptureCard;
use super::advice::grouped;
use super::columns::{Alignment, CAPTURE, columns};
use super::document::Document;
use super::markdown::one_line;
use super::words;
use crate::audit::{Survey, Totals};
use crate::rules::{CATALOG, Level, Rule, Verdict};

/// Sorts and filters the table of connections.
const SCRIPT: &str = include_str!("page.js");

/// What the browser allows to run, which is that script: its SHA-256 in Base64. A test works it out anew.
const SCRIPT_HASH: &str = "zoZ7X2/ut+ViJCxZ/1t4B04J44z8zpiHLvCemDGcBz4=";

const STYLE: &str = include_str!("page.css");

/// Writes the page.
///
/// # Errors
///
/// Those of `out`.
pub fn write_page(
    document: &Document<'_>,
    survey: &Survey,
    shown: &Shown,
    out: &mut impl Write,
) -> io::Result<()> {
    Page::new(document, survey, shown).write_into(out)?;
    writeln!(out)
}

#[derive(Template)]
#[template(path = "page.html", config = "src/report/page/askama.toml")]
struct Page<'a> {
    document: &'a Document<'a>,
    summary: String,
    span: Option<(String, String)>,
    tiles: Vec<Tile>,
    /// The verdicts as parts of a whole, in percent.
    shares: Vec<Share>,
    found: Vec<Found>,
    servers: Vec<ServerCard>,
    more_servers: usize,
    lanes: Vec<&'a Lane>,
    drawn: BTreeSet<Whereabouts>,
    heads: Vec<HeadCell>,
    entries: Vec<&'a Entry>,
    captures: Vec<CaptureCard>,
    more_captures: usize,
    unreadable: &'a [String],
    more_unreadable: u64,
    reasons: Vec<(String, &'a str)>,
    unlisted: u64,
}

/// No column of the table is wider, in digits.
const WIDEST: usize = 26;

/// The verdicts as the page has them everywhere.
const WORST_FIRST: [Verdict; 4] = [
    Verdict::Violation,
    Verdict::Warning,
    Verdict::Unknown,
    Verdict::Ok,
];

/// A number that sums something up.
struct Tile {
    label: &'static str,
    value: String,
    remark: String,
    /// The verdict that it counts.
    verdict: Option<Verdict>,
}

/// How much of all a verdict has.
struct Share {
    verdict: Verdict,
    from: Place,
    width: Place,
}

/// A rule that found something.
struct Found {
    rule: &'static Rule,
    findings: String,
    /// Some connections on which it did, and how they are called.
    examples: Vec<(String, String)>,
}

/// The heading of a column of the table.
struct HeadCell {
    text: String,
    class: &'static str,
}

impl<'a> Page<'a> {
    fn new(document: &'a Document<'a>, survey: &Survey, shown: &'a Shown) -> Self {
        let totals = document.totals;
        let lanes = shown.lanes();
        let (servers, more_servers) = server::cards(survey);
        let (captures, more_captures) = skipped::cards(document.readings);
        let (unreadable, more_unreadable) = shown.unreadable();
        let connections = document.readings.iter().map(|reading| reading.connections);
        Page {
            document,
            summary: words::summary(document),
            span: span(document),
            tiles: tiles(document, survey),
            shares: shares(totals),
            found: found(document, &lanes),
            servers,
            more_servers,
            drawn: lanes.iter().map(|lane| lane.whereabouts).collect(),
            lanes,
            heads: heads(document),
            entries: shown.entries(),
            captures,
            more_captures,
            unreadable,
            more_unreadable,
            reasons: reasons(document, shown),
            unlisted: connections.sum::<u64>().saturating_sub(totals.connections),
        }
    }

    /// The path of the capture in which a connection is.
    fn capture(&self, whereabouts: &Whereabouts) -> String {
        let reading = self.document.readings.get(whereabouts.0);
        reading.map_or(String::new(), |reading| {
            reading.path.to_string_lossy().into_owned()
        })
    }

    fn has_several_captures(&self) -> bool {
        self.document.readings.len() > 1
    }

    fn is_drawn(&self, entry: &Entry) -> bool {
        self.drawn.contains(&entry.whereabouts)
    }

    /// How wide the columns of the table are. Rows that are laid out by themselves can be left alone until they come into
    /// view: with thousands of them a browser would take seconds to find out itself.
    fn list_style(&self) -> String {
        let mut widths: Vec<usize> = self
            .heads
            .iter()
            .map(|head| head.text.chars().count() + 2)
            .collect();
        let several = usize::from(self.has_several_captures());
        let fit = |widths: &mut Vec<usize>, at: usize, text: usize| {
            if let Some(width) = widths.get_mut(at) {
                *width = text.max(*width).min(WIDEST);
            }
        };
        for entry in &self.entries {
            fit(&mut widths, several, entry.whereabouts.1.to_string().len());
            for (at, cell) in entry.cells.iter().enumerate() {
                fit(&mut widths, several + 3 + at, cell.chars().count());
            }
        }
        for reading in self.document.readings.iter().filter(|_| several > 0) {
            fit(
                &mut widths,
                0,
                reading.path.to_string_lossy().chars().count(),
            );
        }
        fit(&mut widths, several + 1, "violation".len() + 3);
        fit(&mut widths, several + 2, WIDEST);
        let width: usize = widths.iter().sum();
        let gaps = widths.len();
        let columns = widths.iter().enumerate().map(|(at, width)| match at {
            // What is left over goes to the findings.
            at if at == several + 2 => format!("minmax({width}ch,1fr)"),
            _ => format!("{width}ch"),
        });
        let columns: Vec<String> = columns.collect();
        format!(
            "--columns:{};min-width:calc({width}ch + {gaps}*1.3rem)",
            columns.join(" ")
        )
    }

    /// Connections that have no line in the table.
    fn more_entries(&self) -> u64 {
        let listed = self.entries.len() as u64;
        self.document.totals.connections.saturating_sub(listed)
    }

    /// Which lanes are drawn, where that is not all.
    fn choice(&self) -> Option<String> {
        let connections = self.document.totals.connections;
        let drawn = self.lanes.len() as u64;
        (drawn < connections).then(|| {
            format!(
                "{} of {} connections are drawn: the first {OF_A_RULE} of each rule that found something, then the \
                 worst verdicts, up to {MOST_CHOSEN} of these together, then an even sample of the others, up to \
                 {MOST_LANES} in all. The other {} are in the table below; --stream tells the story of any of them.",
                grouped(drawn),
                grouped(connections),
                grouped(connections - drawn),
            )
        })
    }

    /// Whether lanes lack their exchanges.
    fn lacks_exchanges(&self) -> bool {
        self.lanes.iter().any(|lane| lane.known == Known::Outline)
    }
}

/// From the first packet of any capture to the last.
fn span(document: &Document<'_>) -> Option<(String, String)> {
    let times = || {
        let readings = document.readings.iter();
        readings.filter_map(|reading| reading.summary.times)
    };
    let first = times().map(|(first, _)| first).min()?;
    let last = times().map(|(_, last)| last).max()?;
    Some((first.to_string(), last.to_string()))
}

fn tiles(document: &Document<'_>, survey: &Survey) -> Vec<Tile> {
    let totals = document.totals;
    let tile = |label, value, remark: String| Tile {
        label,
        value: grouped(value),
        remark,
        verdict: None,
    };
    let verdicts = WORST_FIRST.into_iter().map(|verdict| Tile {
        label: verdict_label(verdict),
        value: grouped(totals.with(verdict)),
        remark: share_of(totals.with(verdict), totals.connections),
        verdict: Some(verdict),
    });
    let captures = document.readings.len() as u64;
    let packets: u64 = document
        .readings
        .iter()
        .map(|reading| reading.summary.packets)
        .sum();
    let servers = survey.servers.values();
    let lost: u64 = servers.map(|server| server.lost_with(|_| true)).sum();
    let counted = |number: u64, one: &str, several: &str| {
        format!(
            "{} {}",
            grouped(number),
            if number == 1 { one } else { several }
        )
    };
    let read = format!(
        "{}, {}",
        counted(captures, "capture", "captures"),
        counted(packets, "packet", "packets")
    );
    let mut tiles = vec![tile("connections", totals.connections, read)];
    tiles.extend(verdicts);
    let unanswered = format!("{} unanswered", grouped(totals.unanswered));
    tiles.push(tile("requests", totals.requests, unanswered));
    tiles.push(tile(
        "lost requests",
        lost,
        "met a closing connection".to_owned(),
    ));
    let servers = survey.servers.len() as u64;
    tiles.push(tile("servers", servers, "address and port".to_owned()));
    tiles
}

fn verdict_label(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Unknown => "unknown",
        Verdict::Warning => "warnings",
        Verdict::Violation => "violations",
    }
}

/// `12 % of them`, with a decimal where that is little.
fn share_of(part: u64, whole: u64) -> String {
    if whole == 0 {
        return words::NOTHING.to_owned();
    }
    let percent = part as f64 / whole as f64 * 100.0;
    match part {
        0 => "none".to_owned(),
        _ if percent < 0.1 => "less than 0.1 %".to_owned(),
        _ if percent < 10.0 => format!("{percent:.1} %"),
        // Nearly all is not all.
        _ if percent > 99.0 && part < whole => format!("{:.1} %", (percent * 10.0).floor() / 10.0),
        _ => format!("{percent:.0} %"),
    }
}

fn shares(totals: &Totals) -> Vec<Share> {
    let mut from = 0.0;
    let mut shares = Vec::new();
    for verdict in WORST_FIRST.into_iter() {
        let width = totals.with(verdict) as f64 / totals.connections.max(1) as f64 * 100.0;
        if width > 0.0 {
            shares.push(Share {
                verdict,
                from: Place(from),
                width: Place(width),
            });
        }
        from += width;
    }
    shares
}

/// The rules that found something, the worst first, as they are listed.
fn found(document: &Document<'_>, lanes: &[&Lane]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for &rule in CATALOG {
        let Some(&findings) = document.totals.findings.get(rule.name) else {
            continue;
        };
        let has = |lane: &&&Lane| lane.findings.iter().any(|told| told.rule == rule.name);
        let examples = lanes.iter().filter(has).take(OF_A_RULE);
        found.push(Found {
            rule,
            findings: grouped(findings),
            examples: examples
                .map(|lane| (lane.anchor(), name(document, lane.whereabouts)))
                .collect(),
        });
    }
    found.sort_by_key(|found| std::cmp::Reverse(found.rule.level));
    found
}

/// `stream 3`, with the name of its file where there are several.
fn name(document: &Document<'_>, (capture, stream): Whereabouts) -> String {
    let reading = document.readings.get(capture);
    let file = reading.and_then(|reading| reading.path.file_name());
    match file.filter(|_| document.readings.len() > 1) {
        Some(file) => format!("{} {stream}", file.to_string_lossy()),
        None => format!("stream {stream}"),
    }
}

fn heads(document: &Document<'_>) -> Vec<HeadCell> {
    let mut heads: Vec<HeadCell> = with_columns(|single| {
        let columns = columns(single).map(|column| HeadCell {
            text: one_line(column.head.heading),
            class: match column.head.alignment {
                Alignment::Left => "t",
                Alignment::Right => "n",
            },
        });
        columns.collect()
    });
    let text = |text: &str| HeadCell {
        text: text.to_owned(),
        class: "t",
    };
    // What was found stands beside the verdict that it makes, and so does why there is none.
    let verdict = heads.pop();
    let judged = verdict.into_iter().chain([text("findings")]);
    heads.splice(1..1, judged);
    if document.readings.len() > 1 {
        heads.insert(0, text(CAPTURE));
    }
    heads
}

/// Of how many connections nothing can be said, why, and where the first of them is.
fn reasons<'a>(document: &Document<'_>, shown: &'a Shown) -> Vec<(String, &'a str)> {
    let mut reasons: Vec<_> = shown.reasons().collect();
    reasons.sort_by_key(|(because, reason)| (std::cmp::Reverse(reason.connections), *because));
    reasons
        .into_iter()
        .map(|(because, reason)| {
            let first = reason.first.map_or(String::new(), |(capture, stream)| {
                let path = document
                    .readings
                    .get(capture)
                    .map(|reading| reading.path.display());
                path.map_or(String::new(), |path| {
                    format!(", the first: {path}, stream {stream}")
                })
            });
            let connections = words::counted(reason.connections, "connection", "connections");
            (format!("{connections}{first}"), because)
        })
        .collect()
}

#[cfg(test)]
mod tests;
