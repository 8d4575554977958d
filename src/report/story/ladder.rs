//! Draws the ladder: the two sides as lines downwards, and an arrow for all that one of them sends.
//!
//! In: lines. Out: text that fits the width.

use std::collections::BTreeSet;
use std::iter;

use anstyle::{AnsiColor, Style};
use textwrap::core::display_width;

use super::axis::{Axis, Line};
use super::moments::{Moment, What};
use crate::audit::Row;
use crate::report::escape::for_terminal;
use crate::report::look::{FAINT, Look, READABLE, STRONG, Symbols, level_style};
use crate::rules::{Finding, Level};
use crate::tcp::{Peer, PerPeer};

/// Columns between the two sides at least, whatever the width.
const LEAST: usize = 24;

/// What is drawn with.
struct Strokes {
    line: &'static str,
    /// Of a side that has closed.
    closed: &'static str,
    shaft: &'static str,
    to_right: &'static str,
    to_left: &'static str,
    promise: &'static str,
    cut: &'static str,
}

const UNICODE: Strokes = Strokes {
    line: "│",
    closed: "┊",
    shaft: "─",
    to_right: "▶",
    to_left: "◀",
    promise: "┄",
    cut: "…",
};

const ASCII: Strokes = Strokes {
    line: "|",
    closed: ":",
    shaft: "-",
    to_right: ">",
    to_left: "<",
    promise: "~",
    cut: "..",
};

/// A drawing under way.
pub(super) struct Ladder<'a> {
    row: &'a Row,
    look: Look,
    strokes: &'static Strokes,
    /// Columns of the widest frame number.
    frame_width: usize,
    /// Columns between the two sides.
    room: usize,
    /// Who has closed so far.
    closed: PerPeer<bool>,
    /// Findings of which the packet was drawn.
    marked: BTreeSet<usize>,
}

/// Columns of the time, to the microsecond as Wireshark has it, for a day and more.
const TIME: usize = 12;

impl<'a> Ladder<'a> {
    pub(super) fn new(row: &'a Row, look: Look) -> Self {
        let frame_width = row.last.frame.to_string().len().max("frame".len());
        let marks = if row.findings.is_empty() { 0 } else { MARKS };
        let width = usize::from(look.width.unwrap_or(READABLE).min(READABLE));
        let taken = TIME + 2 + frame_width + 2 + 2 + marks;
        Ladder {
            row,
            look,
            strokes: match look.symbols {
                Symbols::Unicode => &UNICODE,
                Symbols::Ascii => &ASCII,
            },
            frame_width,
            room: width.saturating_sub(taken).max(LEAST),
            closed: PerPeer::default(),
            marked: BTreeSet::new(),
        }
    }

    /// All lines, the headings first.
    pub(super) fn draw(mut self, axis: &Axis<'_>) -> Vec<String> {
        let mut lines = self.headings();
        for line in &axis.lines {
            lines.push(match line {
                Line::Moment(moment) => self.moment(moment),
                Line::Time(label) => {
                    let label = self.centred(&self.shortened(label, self.room), " ");
                    self.line("", "", &self.look.colour.paint(FAINT, &label), "")
                }
            });
        }
        lines
    }

    /// The names of the sides and their addresses above their lines.
    fn headings(&self) -> Vec<String> {
        let row = self.row;
        let before = TIME + 2 + self.frame_width + 2;
        let columns = format!("{:>TIME$}  {:>2$}  ", "time", "frame", self.frame_width);
        let pair = |left: &str, right: &str| {
            let between = (self.room + 2).saturating_sub(left.len() + right.len());
            format!("{left}{}{right}", " ".repeat(between.max(1)))
        };
        let strong = |text: &str| self.look.colour.paint(STRONG, text);
        let (client, server) = (row.client.to_string(), row.server.to_string());
        let names = format!("{columns}{}", strong(&pair("client", "server")));
        if client.len() + server.len() < self.room + 2 {
            let blanks = " ".repeat(before);
            return vec![names, format!("{blanks}{}", pair(&client, &server))];
        }
        let addresses = [format!("client {client}"), format!("server {server}")];
        addresses.into_iter().chain([names]).collect()
    }

    fn moment(&mut self, moment: &Moment) -> String {
        let remark = self.written(&moment.remark);
        let room = self.room.saturating_sub(6 + display_width(&remark));
        let label = self.shortened(&self.written(&moment.label), room) + &remark;
        let (drawn, style) = match moment.what {
            What::Sent(from) => (self.arrow(from, &label), Style::new()),
            What::Fin(from) => (self.arrow(from, &label), STRONG),
            What::Rst(from) => (self.arrow(from, &label), AnsiColor::Red.on_default().bold()),
            What::Promise => {
                let drawn = self.centred(&format!(" {label} "), self.strokes.promise);
                (drawn, AnsiColor::Cyan.on_default())
            }
            What::Packet | What::Untold | What::Edge => (self.centred(&label, " "), FAINT),
        };
        let time = moment.at.time.since(self.row.first.time).seconds();
        let frame = match moment.what {
            What::Promise | What::Edge => String::new(),
            _ => moment.at.frame.to_string(),
        };
        let marks = self.marks(moment);
        let drawn = self.look.colour.paint(style, &drawn);
        let line = self.line(&format!("{time:.6}"), &frame, &drawn, &marks);
        match moment.what {
            What::Fin(from) => self.closed[from] = true,
            What::Rst(_) => {
                self.closed = PerPeer {
                    client: true,
                    server: true,
                }
            }
            _ => {}
        }
        line
    }

    fn written(&self, text: &str) -> String {
        self.look.symbols.written(&for_terminal(text)).into_owned()
    }

    /// All columns; `drawn` fills the room between the two sides.
    fn line(&self, time: &str, frame: &str, drawn: &str, marks: &str) -> String {
        let side = |peer| match self.closed[peer] {
            true => self.strokes.closed,
            false => self.strokes.line,
        };
        let when = format!("{time:>TIME$}  {frame:>0$}", self.frame_width);
        let (client, server) = (side(Peer::Client), side(Peer::Server));
        let when = self.look.colour.paint(FAINT, &when);
        let line = format!("{when}  {client}{drawn}{server}{marks}");
        line.trim_end().to_owned()
    }

    /// An arrow from one side to the other, its label at the end that it comes from.
    fn arrow(&self, from: Peer, label: &str) -> String {
        let Strokes { shaft, .. } = self.strokes;
        let label = self.shortened(label, self.room.saturating_sub(6));
        let rest = self.room.saturating_sub(display_width(&label) + 5);
        let rest = shaft.repeat(rest);
        match from {
            Peer::Client => format!("{shaft}{shaft} {label} {rest}{}", self.strokes.to_right),
            Peer::Server => format!("{}{rest} {label} {shaft}{shaft}", self.strokes.to_left),
        }
    }

    fn centred(&self, text: &str, fill: &str) -> String {
        let around = self.room.saturating_sub(display_width(text));
        let before = around / 2;
        format!(
            "{}{text}{}",
            fill.repeat(before),
            fill.repeat(around - before)
        )
    }

    /// The text, cut where it takes more columns than there are.
    fn shortened(&self, text: &str, columns: usize) -> String {
        if display_width(text) <= columns {
            return text.to_owned();
        }
        let columns = columns.saturating_sub(display_width(self.strokes.cut));
        let mut taken = 0;
        let fits = |character: &char| {
            taken += display_width(character.encode_utf8(&mut [0; 4]));
            taken <= columns
        };
        let kept = text.chars().take_while(fits);
        kept.chain(self.strokes.cut.chars()).collect()
    }

    /// The numbers of the findings that look at this packet: in brackets where it is the packet to look at, in
    /// parentheses where it only proves them.
    fn marks(&mut self, moment: &Moment) -> String {
        let within = |frame: &u64| (moment.at.frame..=moment.until.frame).contains(frame);
        if matches!(moment.what, What::Promise | What::Edge) {
            return String::new();
        }
        let mut marks: Vec<(String, Level)> = Vec::new();
        for (number, finding) in (1..).zip(&self.row.findings) {
            let mark = |mark: String, finding: &Finding| (mark, finding.rule.level);
            if within(&finding.at.frame) {
                if self.marked.insert(number) {
                    marks.push(mark(format!("[{number}]"), finding));
                }
            } else if moment.what != What::Untold && finding.frames.iter().any(within) {
                marks.push(mark(format!("({number})"), finding));
            }
        }
        let mut width = 0;
        let (fit, rest): (Vec<_>, Vec<_>) = marks.into_iter().partition(|(mark, _)| {
            width += mark.len();
            width + 2 < MARKS
        });
        let painted = fit
            .iter()
            .map(|(mark, level)| self.look.colour.paint(level_style(*level), mark));
        let more = (!rest.is_empty()).then(|| "+".to_owned());
        iter::once(" ".to_owned())
            .chain(painted)
            .chain(more)
            .collect()
    }
}

/// Columns for the numbers of findings.
const MARKS: usize = 9;
