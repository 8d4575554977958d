//! The verdicts as a JUnit report, for CI systems that show tests.
//!
//! A capture is a suite and a connection a test: it fails where its verdict is the least that is to fail or a worse one, and is skipped
//! where nothing can be said of it. All other findings are its output. A capture that was not read whole is an error.

use std::io::{self, Write};

use super::document::Document;
use super::escape::for_terminal;
use super::words;
use crate::audit::{Reading, Row};
use crate::rules::{Finding, Level, Verdict};

/// Writes a suite for each capture; connections fail from `least` on.
///
/// # Errors
///
/// Those of `out`.
pub fn write_junit(
    document: &Document<'_>,
    least: Verdict,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    let report = Report { document, least };
    let suites = (0..document.readings.len()).map(|capture| report.counts(capture));
    let all = suites.fold(Counts::default(), Counts::plus);
    writeln!(out, r#"<testsuites name="keepcap"{}>"#, all.attributes())?;
    for (capture, reading) in document.readings.iter().enumerate() {
        report.write_suite(capture, reading, out)?;
    }
    writeln!(out, "</testsuites>")
}

struct Report<'a> {
    document: &'a Document<'a>,
    least: Verdict,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    tests: u64,
    failures: u64,
    errors: u64,
    skipped: u64,
}

impl Counts {
    fn plus(self, other: Counts) -> Counts {
        Counts {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
            skipped: self.skipped + other.skipped,
        }
    }

    fn attributes(self) -> String {
        let Counts {
            tests,
            failures,
            errors,
            skipped,
        } = self;
        format!(r#" tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}""#)
    }
}

impl Report<'_> {
    fn rows(&self, capture: usize) -> &[Row] {
        let rows = self.document.rows;
        let start = rows.partition_point(|row| row.capture < capture);
        let end = rows.partition_point(|row| row.capture <= capture);
        rows.get(start..end).unwrap_or_default()
    }

    fn counts(&self, capture: usize) -> Counts {
        let rows = self.rows(capture);
        let with = |holds: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| holds(row)).count();
        let incomplete = self
            .document
            .readings
            .get(capture)
            .is_some_and(is_incomplete);
        Counts {
            tests: rows.len() as u64 + u64::from(incomplete),
            failures: with(&|row| self.fails(row)) as u64,
            errors: incomplete.into(),
            skipped: with(&|row| row.verdict == Verdict::Unknown) as u64,
        }
    }

    fn fails(&self, row: &Row) -> bool {
        match row.verdict {
            Verdict::Ok | Verdict::Unknown => false,
            verdict => verdict >= self.least,
        }
    }

    fn write_suite(
        &self,
        capture: usize,
        reading: &Reading,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let path = escaped(&reading.path.to_string_lossy());
        let counts = self.counts(capture).attributes();
        writeln!(out, r#"<testsuite name="{path}"{counts}>"#)?;
        if is_incomplete(reading) {
            write_error(reading, &path, out)?;
        }
        for row in self.rows(capture) {
            self.write_case(row, &path, out)?;
        }
        writeln!(out, "</testsuite>")
    }

    fn write_case(&self, row: &Row, path: &str, out: &mut impl Write) -> io::Result<()> {
        let name = format!("stream {}: {} to {}", row.stream, row.client, row.server);
        let seconds = row.last.time.since(row.first.time).seconds().max(0.0);
        writeln!(
            out,
            r#"<testcase name="{}" classname="{path}" time="{seconds:.6}">"#,
            escaped(&name)
        )?;
        if self.fails(row) {
            let worst = row.findings.iter().map(|finding| finding.rule.level).max();
            let failing = |finding: &&Finding| Some(finding.rule.level) == worst;
            let message = row
                .findings
                .iter()
                .find(failing)
                .map(|finding| &*finding.message);
            writeln!(
                out,
                r#"<failure type="{}" message="{}">"#,
                row.verdict.name(),
                escaped(message.unwrap_or_default())
            )?;
            write_findings(row, out)?;
            writeln!(out, "</failure>")?;
        } else if row.verdict == Verdict::Unknown {
            let because = escaped(row.unknown_because.as_deref().unwrap_or_default());
            writeln!(out, r#"<skipped message="{because}"/>"#)?;
        }
        if !self.fails(row) && !row.findings.is_empty() {
            writeln!(out, "<system-out>")?;
            write_findings(row, out)?;
            writeln!(out, "</system-out>")?;
        }
        writeln!(out, "</testcase>")
    }
}

fn is_incomplete(reading: &Reading) -> bool {
    reading.summary.damaged > 0 || reading.is_limited()
}

fn write_error(reading: &Reading, path: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        r#"<testcase name="the whole capture is read" classname="{path}">"#
    )?;
    writeln!(
        out,
        r#"<error type="incomplete" message="not all of it was read">"#
    )?;
    for line in words::missing(reading) {
        writeln!(out, "{}", escaped(&line))?;
    }
    writeln!(out, "</error>\n</testcase>")
}

fn write_findings(row: &Row, out: &mut impl Write) -> io::Result<()> {
    for finding in &row.findings {
        let Finding { rule, message, .. } = finding;
        let line = format!(
            "{} {}: {}; {}; {}",
            Level::name(rule.level),
            rule.name,
            message,
            words::frames(finding),
            words::fault(finding)
        );
        writeln!(out, "{}", escaped(&line))?;
    }
    Ok(())
}

/// The text with nothing in it that XML would act on, or does not allow (XML 1.0 2.2).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in for_terminal(text).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.extend(character.escape_unicode()),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup_and_all_of_it_is_allowed() {
        assert_eq!(
            escaped("<a b=\"c\">&amp;'\u{1b}\0\n\u{fffe}\u{ffff}ä"),
            "&lt;a b=&quot;c&quot;&gt;&amp;amp;'\\x1b\\x00\\x0a\\u{fffe}\\u{ffff}ä"
        );
    }
}
