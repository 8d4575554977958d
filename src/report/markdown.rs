//! In Markdown: the table, then the findings as a list, then a line of sums.

use std::io::{self, Write};

use super::columns::{Alignment, columns};
use super::document::Document;
use super::escape::for_terminal;
use super::unknown::unknowns;
use super::words;
use crate::audit::Row;
use crate::rules::Finding;

/// Writes the table, the findings and the sums.
///
/// # Errors
///
/// Those of `out`.
pub fn write_markdown(document: &Document<'_>, out: &mut impl Write) -> io::Result<()> {
    if !document.rows.is_empty() {
        write_cells(
            columns(document).map(|column| one_line(column.head.heading)),
            out,
        )?;
        let rules = columns(document).map(|column| column.head.alignment.rule().to_owned());
        write_cells(rules, out)?;
        for row in document.rows {
            write_cells(
                columns(document).map(|column| escaped(&(column.cell)(document, row))),
                out,
            )?;
        }
        writeln!(out)?;
    }
    let findings = document.rows.iter().flat_map(|row| {
        let lines = row.findings.iter();
        lines.map(move |finding| finding_line(document, row, finding))
    });
    let unknowns = unknowns(document).into_iter();
    let unknowns = unknowns.map(|line| format!("**unknown**, {}", escaped(&line)));
    let mut list = findings.chain(unknowns).peekable();
    if list.peek().is_some() {
        list.try_for_each(|line| writeln!(out, "- {line}"))?;
        writeln!(out)?;
    }
    writeln!(out, "{}", words::summary(document))
}

/// A heading without the places where it may be broken.
pub(super) fn one_line(heading: &str) -> String {
    heading.replace("/\n", "/").replace('\n', " ")
}

impl Alignment {
    /// What stands below the heading of such a column.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Alignment::Left => "---",
            Alignment::Right => "---:",
        }
    }
}

pub(super) fn write_cells(
    cells: impl Iterator<Item = String>,
    out: &mut impl Write,
) -> io::Result<()> {
    for cell in cells {
        write!(out, "| {cell} ")?;
    }
    writeln!(out, "|")
}

fn finding_line(document: &Document<'_>, row: &Row, finding: &Finding) -> String {
    let rule = finding.rule;
    format!(
        "**{} {}**, {}, {}: {} ({})",
        rule.level.name(),
        rule.name,
        escaped(&words::connection(document, row)),
        words::frames(finding),
        escaped(&finding.message),
        escaped(&words::fault(finding))
    )
}

/// The text with nothing left in it that Markdown or HTML would act on.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in for_terminal(text).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '[' | ']' | '\\' | '`' | '*' | '_' | '~' | '#' => {
                escaped.extend(['\\', character]);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escaped("a|b <i>[x](y) `c` *d* _e_ \\ & \u{1b}[0m\n"),
            "a\\|b &lt;i&gt;\\[x\\](y) \\`c\\` \\*d\\* \\_e\\_ \\\\ &amp; \\\\x1b\\[0m\\\\x0a"
        );
    }
}
