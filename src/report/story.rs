//! One connection for a terminal: what happened on it, drawn as a ladder between its two sides, then what was found.
//!
//! In: a row with its exchanges. Out: text. `moments` says what is drawn and what is left out, `axis` how far apart in
//! lines, `ladder` draws it.

mod axis;
mod ladder;
pub(super) mod moments;

use std::io::{self, Write};

use anstyle::Style;

use self::axis::Axis;
use self::ladder::Ladder;
use self::moments::moments;
use super::document::Document;
use super::escape::for_terminal;
use super::look::{FAINT, Look, READABLE, STRONG, level_style, verdict_colour, wrapped};
use super::words;
use crate::audit::Row;
use crate::rules::Finding;

/// Writes what happened on one connection, of which the exchanges were kept.
///
/// # Errors
///
/// Those of `out`.
pub fn write_story(
    document: &Document<'_>,
    row: &Row,
    look: Look,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut page = Page { look, out };
    page.line(STRONG, "", &words::connection(document, row))?;
    page.line(Style::new(), "", &words::outline(row))?;
    page.blank()?;
    let moments = moments(row, &row.findings);
    let axis = Axis::over(&moments);
    for line in Ladder::new(row, look).draw(&axis) {
        writeln!(page.out, "{line}")?;
    }
    page.line(FAINT, "", &axis.legend())?;
    page.blank()?;
    for (number, finding) in (1..).zip(&row.findings) {
        page.finding(number, finding)?;
    }
    page.verdict(row)?;
    let filter = format!("Wireshark: tcp.stream eq {}", row.stream);
    page.line(Style::new(), "", &filter)
}

/// Where the text goes, line by line.
struct Page<'a, W> {
    look: Look,
    out: &'a mut W,
}

impl<W: Write> Page<'_, W> {
    /// A text, broken where it is too wide.
    fn line(&mut self, style: Style, indent: &str, text: &str) -> io::Result<()> {
        let text = for_terminal(text);
        let text = self.look.symbols.written(&text);
        let width = self.look.width.unwrap_or(READABLE);
        for line in wrapped(&text, indent, width) {
            writeln!(self.out, "{}", self.look.colour.paint(style, &line))?;
        }
        Ok(())
    }

    fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A finding, in plain words first.
    fn finding(&mut self, number: usize, finding: &Finding) -> io::Result<()> {
        let rule = finding.rule;
        let heading = format!("[{number}] {} {}", rule.level.name(), rule.name);
        self.line(level_style(rule.level), "", &heading)?;
        self.line(Style::new(), INDENT, rule.summary)?;
        let proof = format!("{}: {}", words::frames(finding), finding.message);
        self.line(Style::new(), INDENT, &proof)?;
        self.line(FAINT, INDENT, &words::fault(finding))?;
        self.blank()
    }

    /// What is said of it as a whole.
    fn verdict(&mut self, row: &Row) -> io::Result<()> {
        let style = verdict_colour(row.verdict).on_default().bold();
        let because = row.unknown_because.as_deref();
        let because = because.map_or(String::new(), |because| format!(": {because}"));
        let verdict = format!("verdict {}{because}", row.verdict.name());
        self.line(style, "", &verdict)
    }
}

/// As wide as the number of a finding.
const INDENT: &str = "    ";

#[cfg(test)]
mod tests;
