//! For a terminal: the list of the rules, and the explanation of one.

use std::io::{self, Write};

use comfy_table::Cell;

use super::look::{Colour, FAINT, Look, READABLE, STRONG, level_style, wrapped};
use super::table::{BLANKS, empty_table};
use crate::rules::{CATALOG, Rule};

/// Writes a line for each rule.
///
/// # Errors
///
/// Those of `out`.
pub fn write_rules(look: Look, out: &mut impl Write) -> io::Result<()> {
    let mut table = empty_table(look);
    table.set_header(["rule", "level", "at fault", "source", "finds that"]);
    for rule in CATALOG {
        let texts = [
            rule.name,
            rule.level.name(),
            rule.at_fault.name(),
            rule.source,
            rule.summary,
        ];
        table.add_row(texts.map(Cell::new));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, BLANKS));
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes all that is to be known of a rule.
///
/// # Errors
///
/// Those of `out`.
pub fn write_explanation(rule: &Rule, look: Look, out: &mut impl Write) -> io::Result<()> {
    let level = look
        .colour
        .paint(level_style(rule.level), rule.level.name());
    writeln!(
        out,
        "{}: {}",
        look.colour.paint(STRONG, rule.name),
        rule.summary
    )?;
    writeln!(
        out,
        "{level}, at fault: {}; {}",
        rule.at_fault.name(),
        rule.source
    )?;
    let explain = &rule.explain;
    let texts = [
        ("What it checks", explain.checks),
        ("Why it matters", explain.matters),
        ("When it is silent", explain.silent),
        ("What to do", explain.remedy),
    ];
    for (heading, text) in texts {
        write_heading(heading, look.colour, out)?;
        for line in wrapped(text, "  ", look.width.unwrap_or(READABLE)) {
            writeln!(out, "{line}")?;
        }
    }
    let scripts = [
        ("A connection in which it finds something", explain.fails),
        ("One like it in which it does not", explain.passes),
    ];
    for (heading, script) in scripts {
        write_heading(heading, look.colour, out)?;
        for line in script.lines() {
            writeln!(out, "  {line}")?;
        }
    }
    writeln!(out, "\n{}", look.colour.paint(FAINT, LEGEND))
}

const LEGEND: &str = "(> a request, < a response, | between its fields, ~ time that passes)";

fn write_heading(heading: &str, colour: Colour, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{}", colour.paint(STRONG, heading))
}
