//! The timeline of one connection: what is drawn of it, and what is told beside that.
//!
//! In: a row, with its exchanges where they are known. Out: places on its time axis, as many as can be told apart, and
//! texts; the template makes SVG of them. A lane takes little room, whatever the connection did.

use super::scale::{Place, Scale, Tick};
use super::shown::Whereabouts;
use crate::audit::Row;
use crate::connection::{Exchange, idle_gap};
use crate::report::duration::readable;
use crate::report::story::moments::{Moment, What, extent, moments};
use crate::report::words;
use crate::rules::{Finding, Level, Verdict};
use crate::tcp::Peer;
use crate::time::{Span, Time};

/// So many findings of a connection are told, the worst first.
const MOST_FINDINGS: usize = 20;

/// So many characters of a target are shown.
const MOST_CHARACTERS: usize = 120;

/// Blocks that lie closer together than this, in percent of the axis, are drawn as one.
const APART: f64 = 0.3;

/// What takes less than this, in percent of the axis, is drawn as if it took so long: nothing at all would not be drawn.
const SEEN: f64 = 0.02;

/// An idle gap is labelled from this part of the axis on, in percent.
const LABELLED: f64 = 8.0;

/// A promise is drawn to its end where that is no further than so many times the length of the connection.
const IN_SIGHT: i64 = 8;

/// What is shown of a connection.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) whereabouts: Whereabouts,
    pub(super) verdict: Verdict,
    /// `127.0.0.1:53414 → 127.0.0.1:8096`
    pub(super) ends: String,
    /// What it was, in a line.
    pub(super) outline: String,
    pub(super) because: Option<Box<str>>,
    /// Its first packet.
    pub(super) start: Time,
    pub(super) frame: u64,
    /// Whether its exchanges are known.
    pub(super) known: Known,
    /// From its first packet to its last.
    pub(super) life: Block,
    pub(super) blocks: Vec<Block>,
    pub(super) gaps: Vec<Gap>,
    pub(super) marks: Vec<Mark>,
    pub(super) promises: Vec<Mark>,
    pub(super) flags: Vec<Flag>,
    pub(super) ticks: Vec<Tick>,
    pub(super) findings: Vec<Told>,
    /// How many findings are not told.
    pub(super) more_findings: usize,
    pub(super) steps: Vec<Step>,
    /// What the drawing shows, in words.
    pub(super) description: String,
}

/// Whether the exchanges of a connection are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Exchanges,
    Outline,
}

/// Something that took its time.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) from: Place,
    pub(super) width: Place,
    /// The part of it in which the response was awaited.
    pub(super) awaited: Option<Place>,
    pub(super) kind: &'static str,
    pub(super) title: String,
}

/// An idle gap.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) from: Place,
    pub(super) until: Place,
    pub(super) middle: Place,
    /// For how long, where there is room to say so.
    pub(super) label: Option<String>,
    /// Whether the label fits on a narrow screen, too.
    pub(super) room: &'static str,
}

/// Something that happened at once.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) place: Place,
    pub(super) kind: &'static str,
    pub(super) label: String,
}

/// Where findings have their packets.
#[derive(Clone, Debug)]
pub(super) struct Flag {
    pub(super) place: Place,
    /// The worst level of them.
    pub(super) level: Level,
    /// Their numbers.
    pub(super) label: String,
}

/// A finding in words.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) level: &'static str,
    pub(super) rule: &'static str,
    pub(super) message: String,
    pub(super) frames: String,
    pub(super) fault: String,
    pub(super) filter: String,
}

/// A moment in words.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) since: String,
    pub(super) frame: String,
    pub(super) who: &'static str,
    pub(super) what: String,
}

impl Lane {
    pub(super) fn new(row: &Row) -> Self {
        let findings = worst(&row.findings);
        let exchanges = row.exchanges.as_deref();
        let moments = moments(row, &findings);
        let scale = scale(row, &moments);
        let flags = flags(&findings, &scale);
        Lane {
            whereabouts: (row.capture, row.stream),
            verdict: row.verdict,
            ends: format!("{} → {}", row.client, row.server),
            outline: words::outline(row),
            because: row.unknown_because.clone(),
            start: row.first.time,
            frame: row.first.frame,
            known: match exchanges {
                Some(_) => Known::Exchanges,
                None => Known::Outline,
            },
            life: life(row, &scale),
            blocks: blocks(row, exchanges.unwrap_or_default(), &scale),
            gaps: gaps(row, exchanges.unwrap_or_default(), &scale),
            marks: marks(row, &moments, &scale),
            promises: promises(&moments, &scale),
            flags,
            ticks: scale.ticks(),
            more_findings: row.findings.len() - findings.len(),
            findings: findings
                .iter()
                .map(|finding| Told::new(row, finding))
                .collect(),
            steps: steps(row, exchanges.is_some(), &moments),
            description: description(row, &findings),
        }
    }

    /// How the lane is named where it is linked to.
    pub(super) fn anchor(&self) -> String {
        anchor(self.whereabouts)
    }

    /// How high the drawing is, in pixels: flags and promises take a row each.
    pub(super) fn height(&self) -> u32 {
        let row = |is_empty| if is_empty { 0 } else { 16 };
        78 + row(self.flags.is_empty()) + row(self.promises.is_empty())
    }
}

/// How the lane of a connection is named where it is linked to.
pub(super) fn anchor((capture, stream): Whereabouts) -> String {
    format!("lane-{capture}-{stream}")
}

/// The worst findings, as many as are told, in order of frames.
fn worst(findings: &[Finding]) -> Vec<Finding> {
    let mut worst: Vec<(usize, &Finding)> = findings.iter().enumerate().collect();
    if worst.len() > MOST_FINDINGS {
        worst.sort_by_key(|&(number, finding)| (std::cmp::Reverse(finding.rule.level), number));
        worst.truncate(MOST_FINDINGS);
        worst.sort_by_key(|&(number, _)| number);
    }
    worst
        .into_iter()
        .map(|(_, finding)| finding.clone())
        .collect()
}

/// From the first packet to the last that is told of, or to the end of what was promised.
fn scale(row: &Row, moments: &[Moment]) -> Scale {
    let start = row.first.time;
    let is_promise = |moment: &&Moment| moment.what == What::Promise;
    let told = moments.iter().filter(|moment| !is_promise(moment));
    let end = told.map(|moment| moment.until.time).max();
    let end = end.unwrap_or(start).max(row.last.time);
    let length = end.since(start).nanos().max(1);
    let sight = end + Span::from_nanos(length.saturating_mul(IN_SIGHT - 1));
    let promised = moments.iter().filter(is_promise);
    let promised = promised.map(|moment| moment.at.time);
    let promised = promised.filter(|until| *until <= sight).max();
    let end = promised.map_or(end, |promised| promised.max(end));
    // What stands at the very end of the axis has no room for its label.
    Scale::new(start, end + Span::from_nanos(end.since(start).nanos() / 50))
}

fn life(row: &Row, scale: &Scale) -> Block {
    let until = match (row.close, row.idle_last) {
        (None, Some(idle)) => last_exchange(row).map_or(row.last.time, |last| last + idle),
        _ => row.last.time,
    };
    let lasted = readable(row.last.time.since(row.first.time));
    block(
        scale,
        row.first.time,
        until,
        "life",
        format!("{} packets in {lasted}", row.packets),
    )
}

fn block(scale: &Scale, from: Time, until: Time, kind: &'static str, title: String) -> Block {
    let (from, until) = (scale.place(from), scale.place(until));
    Block {
        from,
        width: Place((until.0 - from.0).max(SEEN)),
        awaited: None,
        kind,
        title,
    }
}

/// The exchanges; those that cannot be told apart are one block.
fn blocks(row: &Row, exchanges: &[Exchange], scale: &Scale) -> Vec<Block> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for exchange in exchanges {
        let (Some(first), Some(last)) = extent(exchange) else {
            continue;
        };
        // Without an end, it went on for as long as the connection did.
        let until = match exchange.end() {
            Some(_) => last.time,
            None => row
                .close
                .map_or(row.last.time, |close| close.at.time)
                .max(last.time),
        };
        let run = Run {
            first: exchange,
            count: 1,
            from: first.time,
            until,
            is_answered: exchange.response.is_some(),
        };
        let near = |before: &Run<'_>| scale.place(run.from).0 - scale.place(before.until).0 < APART;
        match runs.last_mut() {
            Some(before) if near(before) && before.is_answered == run.is_answered => {
                before.count += 1;
                before.until = before.until.max(run.until);
            }
            _ => runs.push(run),
        }
    }
    runs.iter().map(|run| run.block(scale)).collect()
}

/// Exchanges that are drawn as one block.
struct Run<'a> {
    first: &'a Exchange,
    count: u64,
    from: Time,
    until: Time,
    is_answered: bool,
}

impl Run<'_> {
    fn block(&self, scale: &Scale) -> Block {
        let lasted = readable(self.until.since(self.from));
        let kind = if self.is_answered {
            "answered"
        } else {
            "unanswered"
        };
        let title = match self.count {
            1 => format!("{} in {lasted}", exchange_title(self.first)),
            count => format!("{count} exchanges in {lasted}"),
        };
        let response = self.first.response.filter(|_| self.count == 1);
        let response = response.map(|response| scale.place(response.message.start_at().time));
        let block = block(scale, self.from, self.until, kind, title);
        let awaited = response.map(|start| Place(start.0 - block.from.0));
        Block {
            awaited: awaited.filter(|awaited| awaited.0 > APART),
            ..block
        }
    }
}

/// `GET /a: 200`
fn exchange_title(exchange: &Exchange) -> String {
    let request = exchange.request.as_ref();
    let asked = request.map_or("a response without request", |request| &*request.line);
    let answer = exchange
        .response
        .map(|response| response.status.to_string());
    let answer = answer.unwrap_or_else(|| "no response".to_owned());
    format!("{}: {answer}", shortened(asked))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The idle gaps that are long enough to be seen, and the last idleness.
fn gaps(row: &Row, exchanges: &[Exchange], scale: &Scale) -> Vec<Gap> {
    let between = exchanges.windows(2).filter_map(|pair| match pair {
        [before, next] => Some((before.end()?.time, idle_gap(before, next)?)),
        _ => None,
    });
    let last = row.idle_last.and_then(|idle| {
        let end = last_exchange(row).or_else(|| Some(row.close?.at.time + (Span::ZERO - idle)));
        Some((end?, idle))
    });
    // A request that crossed the close ended the same idleness that the close did.
    let mut spans: Vec<(Time, Span)> = between.collect();
    spans.extend(last.filter(|last| spans.last().is_none_or(|span| span.0 != last.0)));
    let gaps = spans.into_iter();
    gaps.filter_map(|(from, idle)| Gap::new(scale, from, idle))
        .collect()
}

impl Gap {
    fn new(scale: &Scale, from: Time, idle: Span) -> Option<Self> {
        let (from, until) = (scale.place(from), scale.place(from + idle));
        let width = until.0 - from.0;
        (width >= 2.0 * APART).then(|| Gap {
            from,
            until,
            middle: Place(from.0 + width / 2.0),
            label: (width >= LABELLED).then(|| readable(idle)),
            room: if width < 2.5 * LABELLED {
                "narrow"
            } else {
                "wide"
            },
        })
    }
}

/// When the last exchange that was completed before the close ended.
fn last_exchange(row: &Row) -> Option<Time> {
    let close = row.close.map(|close| close.at.frame);
    let exchanges = row.exchanges.as_deref()?.iter().rev();
    let ends = exchanges.filter_map(|exchange| match exchange.is_idle_timeout() {
        true => exchange.response?.message.end_at(),
        false => exchange.end(),
    });
    let mut ends = ends.filter(|end| close.is_none_or(|close| end.frame <= close));
    ends.next().map(|end| end.time)
}

/// How it began, where that is not in the capture, and how it ended.
fn marks(row: &Row, moments: &[Moment], scale: &Scale) -> Vec<Mark> {
    let mark = |time, kind, label: &str| Mark {
        place: scale.place(time),
        kind,
        label: label.to_owned(),
    };
    let mut marks = Vec::new();
    if let Some(close) = row.close {
        marks.push(mark(close.at.time, "close", &words::closed_by(row.close)));
    }
    for moment in moments {
        let is_close = row
            .close
            .is_some_and(|close| close.at.frame == moment.at.frame);
        let (kind, label) = match moment.what {
            What::Fin(peer) | What::Rst(peer) if !is_close => {
                ("answer", format!("{} {}", peer.name(), moment.label))
            }
            What::Edge if moment.at != row.first => ("open", "still open".to_owned()),
            _ => continue,
        };
        marks.push(mark(moment.at.time, kind, &label));
    }
    marks
}

/// Until when the server had promised to wait.
fn promises(moments: &[Moment], scale: &Scale) -> Vec<Mark> {
    let promises = moments.iter().filter(|moment| moment.what == What::Promise);
    let mut promises: Vec<Mark> = promises
        .map(|moment| Mark {
            place: scale.place(moment.at.time),
            kind: "promise",
            label: moment.label.clone(),
        })
        .collect();
    // The earlier ones were kept, or moot: the last is the one that mattered.
    promises.drain(..promises.len().saturating_sub(1));
    promises
}

/// Where findings have their packets; those that lie close together share a flag.
fn flags(findings: &[Finding], scale: &Scale) -> Vec<Flag> {
    const WIDTH: f64 = 5.0;
    let mut flags: Vec<Flag> = Vec::new();
    for (number, finding) in (1..).zip(findings) {
        let place = scale.place(finding.at.time);
        let level = finding.rule.level;
        match flags.last_mut() {
            Some(flag) if (place.0 - flag.place.0).abs() < WIDTH => {
                let first = flag.label.split('–').next().unwrap_or_default().to_owned();
                flag.label = format!("{first}–{number}");
                flag.level = flag.level.max(level);
            }
            _ => flags.push(Flag {
                place,
                level,
                label: number.to_string(),
            }),
        }
    }
    flags
}

impl Told {
    fn new(row: &Row, finding: &Finding) -> Self {
        Told {
            level: finding.rule.level.name(),
            rule: finding.rule.name,
            message: finding.message.clone(),
            frames: words::frames(finding),
            fault: words::fault(finding),
            filter: words::display_filter(row, finding),
        }
    }
}

fn steps(row: &Row, has_exchanges: bool, moments: &[Moment]) -> Vec<Step> {
    let told = moments.iter().filter(|_| has_exchanges);
    told.map(|moment| Step {
        since: seconds(moment.at.time.since(row.first.time)),
        frame: match moment.what {
            What::Promise => String::new(),
            What::Edge if moment.at != row.first => String::new(),
            _ => moment.at.frame.to_string(),
        },
        who: match moment.what {
            What::Sent(peer) | What::Fin(peer) | What::Rst(peer) => sender(peer),
            What::Packet | What::Untold | What::Promise | What::Edge => "",
        },
        what: format!("{}{}", shortened(&moment.label), moment.remark),
    })
    .collect()
}

fn sender(peer: Peer) -> &'static str {
    match peer {
        Peer::Client => "client →",
        Peer::Server => "← server",
    }
}

/// With microseconds, so that they stand below each other.
fn seconds(span: Span) -> String {
    format!("{:.6}", span.seconds())
}

/// For whoever cannot see the drawing.
fn description(row: &Row, findings: &[Finding]) -> String {
    let lasted = readable(row.last.time.since(row.first.time));
    let mut parts = vec![format!(
        "{lasted} from the first packet to the last: {}",
        words::outline(row)
    )];
    if let Some(longest) = row.idle_max {
        parts.push(format!("longest idle gap {}", readable(longest)));
    }
    if let Some(last) = row.idle_last {
        parts.push(format!("idle at last for {}", readable(last)));
    }
    let start = row.first.time;
    parts.extend(findings.iter().map(|finding| {
        let at = readable(finding.at.time.since(start));
        format!(
            "{} {} at {at}",
            finding.rule.level.name(),
            finding.rule.name
        )
    }));
    parts.join("; ")
}
