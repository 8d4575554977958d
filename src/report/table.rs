//! For a terminal: the table, then the findings, then a line of sums.

use std::io::{self, Write};

use anstyle::Style;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, Width};

use super::columns::{Alignment, Head, columns};
use super::document::Document;
use super::escape::for_terminal;
use super::fit::{Fit, fit};
use super::look::{Colour, Detail, FAINT, Look, STRONG, level_style, verdict_colour};
use super::unknown::unknowns;
use super::words;
use crate::audit::Row;
use crate::rules::{Finding, Level, Verdict};

/// Blanks behind a column where there is room.
pub(super) const BLANKS: u16 = 2;

/// Writes the table, the findings and the sums.
///
/// # Errors
///
/// Those of `out`.
pub fn write_table(document: &Document<'_>, look: Look, out: &mut impl Write) -> io::Result<()> {
    if !document.rows.is_empty() {
        write_rows(document, look, out)?;
    }
    for row in document.rows {
        for finding in &row.findings {
            write_finding(document, row, finding, look, out)?;
        }
    }
    write_unknowns(document, look, out)?;
    writeln!(
        out,
        "{}",
        look.colour.paint(STRONG, &words::summary(document))
    )
}

fn write_rows(document: &Document<'_>, look: Look, out: &mut impl Write) -> io::Result<()> {
    let heads: Vec<&Head> = columns(document).map(|column| &column.head).collect();
    let rows = document.rows.iter().map(|row| cells(document, row));
    write_cells(&heads, rows, look, out)
}

/// Draws a table; the last column holds verdicts. The rows are gone through twice, and drawn some at a time, since
/// whoever draws them takes several kB for each.
pub(super) fn write_cells(
    heads: &[&Head],
    rows: impl Iterator<Item = Vec<String>> + Clone,
    look: Look,
    out: &mut impl Write,
) -> io::Result<()> {
    let fit = fit(heads, rows.clone(), look.width.map(usize::from), BLANKS);
    let mut header = Some(heads.iter().map(|head| head.heading));
    let mut rows = rows.map(|cells| fit.cells(heads, cells)).peekable();
    while rows.peek().is_some() {
        let mut table = Table::new();
        table.load_style(NOTHING.header_separator(LineStyle::none().fill('─')));
        if let Some(header) = header.take() {
            table.set_header(header);
        }
        table.add_rows(rows.by_ref().take(DRAWN_AT_ONCE));
        set_columns(&mut table, heads, &fit);
        for line in table.lines() {
            writeln!(out, "{}", coloured(&line, look.colour))?;
        }
    }
    writeln!(out)
}

fn set_columns(table: &mut Table, heads: &[&Head], fit: &Fit) {
    let columns = table.column_iter_mut().zip(heads).zip(&fit.widths);
    for ((column, head), &width) in columns {
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        column.set_padding((0, fit.blanks));
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(
            width.saturating_add(fit.blanks),
        )));
        column.set_cell_alignment(match head.alignment {
            Alignment::Left => CellAlignment::Left,
            Alignment::Right => CellAlignment::Right,
        });
    }
}

/// So many rows are drawn at once.
const DRAWN_AT_ONCE: usize = 256;

fn cells(document: &Document<'_>, row: &Row) -> Vec<String> {
    let texts = columns(document).map(|column| (column.cell)(document, row));
    texts.map(|text| for_terminal(&text).into_owned()).collect()
}

/// A table without rows, fitted to the width.
pub(super) fn empty_table(look: Look) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING.header_separator(LineStyle::none().fill('─')));
    match look.width {
        Some(width) => table
            .set_width(width)
            .set_content_arrangement(ContentArrangement::Dynamic),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table
}

/// The line with its verdict, which stands at its end, in colour.
fn coloured(line: &str, colour: Colour) -> String {
    let line = line.trim_end();
    let verdict = Verdict::ALL.into_iter().find_map(|verdict| {
        let before = line.strip_suffix(verdict.name())?;
        Some((before.strip_suffix(' ')?, verdict))
    });
    match verdict {
        Some((before, verdict)) => {
            let style = verdict_colour(verdict).on_default();
            format!("{before} {}", colour.paint(style, verdict.name()))
        }
        None => line.to_owned(),
    }
}

fn write_finding(
    document: &Document<'_>,
    row: &Row,
    finding: &Finding,
    look: Look,
    out: &mut impl Write,
) -> io::Result<()> {
    let level = finding.rule.level;
    let name = look.colour.paint(
        level_style(level),
        &format!("{} {}", level.name(), finding.rule.name),
    );
    let place = format!(
        "{}, {}",
        words::connection(document, row),
        words::frames(finding)
    );
    writeln!(out, "{name}")?;
    write_indented(out, look, &place, style_of(level))?;
    write_indented(out, look, &finding.message, style_of(level))?;
    write_indented(out, look, &words::fault(finding), FAINT)?;
    if look.detail == Detail::Verbose {
        write_indented(out, look, &words::display_filter(row, finding), FAINT)?;
    }
    writeln!(out)
}

/// Notes count for nothing and stand back.
fn style_of(level: Level) -> Style {
    match level {
        Level::Note => FAINT,
        Level::Warning | Level::Violation => Style::new(),
    }
}

pub(super) fn write_indented(
    out: &mut impl Write,
    look: Look,
    text: &str,
    style: Style,
) -> io::Result<()> {
    for line in look.wrapped(&for_terminal(text), "  ") {
        writeln!(out, "{}", look.colour.paint(style, &line))?;
    }
    Ok(())
}

fn write_unknowns(document: &Document<'_>, look: Look, out: &mut impl Write) -> io::Result<()> {
    let unknowns = unknowns(document);
    if unknowns.is_empty() {
        return Ok(());
    }
    let style = verdict_colour(Verdict::Unknown).on_default().bold();
    writeln!(out, "{}", look.colour.paint(style, Verdict::Unknown.name()))?;
    for line in unknowns {
        write_indented(out, look, &line, Style::new())?;
    }
    writeln!(out)
}
