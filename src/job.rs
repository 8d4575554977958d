//! What becomes of all that comes out of captures: rows, readings, and what could not be read.
//!
//! In: outcomes, in the order of the results, from captures or from partial results. Out: the results, whole or broken
//! off, messages on the way, and how it went.

use std::io;

use keepcap::audit::{
    self, Extent, Outcome, Print, Reading, Row, Rows, Sighting, Survey, Surveying, Totals, Twice,
    Watch,
};
use keepcap::capture::{Found, OpenError, Problem, Source};
use keepcap::connection::Beside;
use keepcap::report::{self, ByCapture, ByServer, Document, Listing, Look, NdjsonLines};
use keepcap::rules::Verdict;

use crate::also::Also;
use crate::cli::{By, Format, Results};
use crate::failure::Failure;
use crate::messages::Messages;
use crate::output::{self, Output};
use crate::remarks;
use crate::run::Status;

/// What has come of the captures so far.
pub(crate) struct Job<'a> {
    results: &'a Results,
    /// How much of each connection the results take.
    extent: Extent,
    messages: Messages,
    output: Output,
    /// Where results are written line by line.
    lines: NdjsonLines,
    /// The capture that they are of.
    lines_of: Option<usize>,
    also: Also<'a>,
    status: Status,
    readings: Vec<Reading>,
    rows: Rows,
    totals: Totals,
    /// Over the connections of each capture that was read.
    of_captures: Vec<Totals>,
    /// Over those of the capture that is being read.
    of_capture: Totals,
    survey: Survey,
    /// What is seen of servers in the capture that is being read.
    watch: Option<Watch>,
    /// Where there are several captures.
    twice: Option<Twice>,
}

/// How much there is to come, and how much of it may be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// So many captures.
    pub(crate) captures: usize,
    /// So many octets of memory for rows.
    pub(crate) rows: usize,
}

impl<'a> Job<'a> {
    pub(crate) fn new(
        results: &'a Results,
        extent: Extent,
        bounds: Bounds,
        messages: Messages,
        output: Output,
        also: Also<'a>,
    ) -> Self {
        Job {
            results,
            extent,
            messages,
            output,
            lines: NdjsonLines::default(),
            lines_of: None,
            also,
            status: Status::Done,
            readings: Vec::new(),
            rows: Rows::within(bounds.rows),
            totals: Totals::default(),
            of_captures: Vec::new(),
            of_capture: Totals::default(),
            survey: Survey::default(),
            watch: None,
            twice: (bounds.captures > 1).then(Twice::default),
        }
    }

    pub(crate) fn note(&mut self, found: &Found) -> Result<(), Failure> {
        for error in &found.errors {
            self.note_unreadable(error)?;
        }
        if found.passed_over > 0 {
            let count = found.passed_over;
            self.messages.detail(format_args!(
                "passed over in directories, being no captures: {count}"
            ));
        }
        Ok(())
    }

    fn note_unreadable(&mut self, error: &OpenError) -> Result<(), Failure> {
        self.status = Status::Incomplete;
        self.messages.error(error);
        self.also.note_unreadable(error)?;
        Ok(())
    }

    /// Takes everything that comes of the captures, in the order of the results.
    pub(crate) fn take(&mut self, source: &Source, outcome: Outcome<'_>) -> Result<(), Failure> {
        match outcome {
            Outcome::Row(mut row, sighting) => {
                self.also.note_row(source, &mut row, sighting.as_deref())?;
                if self.extent == Extent::Connection {
                    (row.exchanges, row.sides) = (None, None);
                }
                self.list(row, sighting, source)?;
            }
            Outcome::Text(text) => {
                let capture = self.readings.len();
                if let Some(twice) = &mut self.twice {
                    twice.note(text.print, capture);
                }
                self.begin_lines(capture, source);
                self.lines
                    .write_told(text.stream, text.octets, &mut self.output)?;
            }
            Outcome::Read(reading, told) => {
                self.totals.merge(&told);
                self.of_capture.merge(&told);
                self.also.note_reading(source, &reading)?;
                self.note_reading(&source.path().to_string_lossy(), &reading);
                self.readings.push(*reading);
                self.of_captures.push(std::mem::take(&mut self.of_capture));
                if let Some(watch) = self.watch.take() {
                    self.survey.merge(watch.finish());
                }
            }
            Outcome::Unreadable(OpenError {
                problem: Problem::Stopped,
                ..
            }) => {}
            Outcome::Unreadable(error) => self.note_unreadable(&error)?,
        }
        Ok(())
    }

    fn list(
        &mut self,
        row: Box<Row>,
        sighting: Option<Box<Sighting>>,
        source: &Source,
    ) -> io::Result<()> {
        self.totals.add(&row);
        self.of_capture.add(&row);
        if let Some(twice) = &mut self.twice {
            twice.note(Print::of(&row), row.capture);
        }
        if let (Surveying::Asked, Some(sighting)) = (self.results.survey(), sighting) {
            let watch = self
                .watch
                .get_or_insert_with(|| Watch::new(&source.path().to_string_lossy()));
            watch.take(&row, *sighting);
        }
        match (self.results.by, self.results.format) {
            (By::Connection, Format::Ndjson) => {
                self.begin_lines(row.capture, source);
                self.lines.write(&row, source.parts(), &mut self.output)?;
            }
            (By::Connection, _) => self.rows.push(*row),
            (By::Server | By::Capture, _) => {}
        }
        Ok(())
    }

    /// The next line is of this capture.
    fn begin_lines(&mut self, capture: usize, source: &Source) {
        if self.lines_of != Some(capture) {
            self.lines_of = Some(capture);
            self.lines = NdjsonLines::of(&source.path().to_string_lossy());
        }
    }

    fn note_reading(&mut self, name: &str, reading: &Reading) {
        for damage in &reading.summary.damage {
            let file = reading.path_of(damage).display();
            self.messages.warning(format_args!("{file}: {damage}"));
        }
        let untold = reading
            .summary
            .damaged
            .saturating_sub(reading.summary.damage.len() as u64);
        if untold > 0 {
            self.messages
                .warning(format_args!("{name}: damaged in {untold} more places"));
        }
        for met in &reading.bounds_met {
            self.messages.warning(format_args!("{name}: {met}"));
        }
        let untold = reading
            .limited
            .saturating_sub(reading.bounds_met.len() as u64);
        if untold > 0 {
            self.messages.warning(format_args!(
                "{name}: {untold} more connections ran into a bound"
            ));
        }
        let evicted = reading.beside.fragments.evicted;
        if evicted > 0 {
            self.messages.warning(format_args!(
                "{name}: a bound was met: incomplete IP datagrams kept at once (given up: {evicted})"
            ));
        }
        if reading.summary.damaged > 0 || reading.is_limited() {
            self.status = Status::Incomplete;
        }
        self.messages.detail(format_args!(
            "{name}: packets: {}, connections: {}",
            reading.summary.packets, reading.connections
        ));
        self.note_beside(name, &reading.beside);
    }

    fn note_beside(&self, name: &str, beside: &Beside) {
        for (reason, packets) in beside.ignored.iter() {
            self.messages.detail(format_args!(
                "{name}: packets passed over as {reason}: {packets}"
            ));
        }
        for (what, count) in beside.losses() {
            self.messages
                .detail(format_args!("{name}: {what}: {count}"));
        }
    }

    /// Makes the results visible.
    pub(crate) fn finish(mut self) -> Result<Status, Failure> {
        self.also.finish_part()?;
        if self.readings.is_empty() {
            return Ok(Status::Impossible);
        }
        remarks::on_parts(&self.readings, self.messages);
        if let Some(twice) = &self.twice {
            remarks::on_copies(twice, &self.readings, self.messages);
        }
        self.note_left_out();
        self.write()?;
        self.output.finish()?;
        let document = Document {
            readings: &self.readings,
            rows: &[],
            totals: &self.totals,
        };
        self.also.finish(&document, &self.survey)?;
        let fail_on = self.results.fail_on;
        let failed = fail_on.is_some_and(|least| self.totals.worst() >= Some(least));
        let verdict = if failed { Status::Failed } else { Status::Done };
        Ok(self.status.max(verdict))
    }

    /// Writes what there is, which is not all.
    pub(crate) fn break_off(mut self) -> Result<Status, Failure> {
        let file = match &self.results.output {
            Some(path) => format!("; {} was not written", path.display()),
            None => String::new(),
        };
        self.messages.error(format_args!(
            "stopped: the results are partial, up to where it was stopped{file}"
        ));
        self.write()?;
        self.output.break_off()?;
        Ok(Status::Stopped)
    }

    fn note_left_out(&mut self) {
        let left_out = self.rows.left_out();
        if left_out > 0 {
            self.status = self.status.max(Status::Incomplete);
            self.messages.warning(format_args!(
                "a bound was met: {left_out} connections are counted and not listed, for want of memory; \
                 --memory grants more, and ndjson needs none"
            ));
        }
    }

    /// Writes what was collected.
    fn write(&mut self) -> io::Result<()> {
        let document = Document {
            readings: &self.readings,
            rows: self.rows.sorted(),
            totals: &self.totals,
        };
        let look = look(self.results, &self.output);
        let out = &mut self.output;
        match self.results.by {
            By::Connection => {}
            By::Server => {
                let survey = &self.survey;
                let servers = ByServer { document, survey };
                return write_listing(&servers, self.results.format, look, out);
            }
            By::Capture => {
                let totals = &self.of_captures;
                let captures = ByCapture { document, totals };
                return write_listing(&captures, self.results.format, look, out);
            }
        }
        match self.results.format {
            Format::Table => match document.rows {
                [row] if row.exchanges.is_some() => report::write_story(&document, row, look, out),
                _ => report::write_table(&document, look, out),
            },
            Format::Json => report::write_json(&document, out),
            Format::Csv => report::write_csv(&document, out),
            Format::Markdown => report::write_markdown(&document, out),
            #[cfg(feature = "parquet")]
            Format::Parquet => report::write_parquet(&document, out),
            Format::Sarif => report::write_sarif(&document, out),
            Format::Junit => {
                let least = self.results.fail_on.unwrap_or(Verdict::Warning);
                report::write_junit(&document, least, out)
            }
            // These were written while they were found.
            Format::Ndjson => Ok(()),
        }
    }
}

fn write_listing<L: Listing>(
    listing: &L,
    format: Format,
    look: Look,
    out: &mut Output,
) -> io::Result<()> {
    match format {
        Format::Table => report::write_listing_table(listing, look, out),
        Format::Json => report::write_listing_json(listing, out),
        Format::Ndjson => report::write_listing_ndjson(listing, out),
        Format::Csv => report::write_listing_csv(listing, out),
        Format::Markdown => report::write_listing_markdown(listing, out),
        #[cfg(feature = "parquet")]
        Format::Parquet => report::write_listing_parquet(listing, out),
        // These tell of connections, and were refused.
        Format::Sarif | Format::Junit => Ok(()),
    }
}

/// How much of the memory is for rows that wait until all are known.
pub(crate) fn memory_of_rows(results: &Results, memory: usize) -> usize {
    match (results.by, results.format) {
        (By::Connection, Format::Ndjson) | (By::Server | By::Capture, _) => 0,
        (By::Connection, _) => memory / audit::SHARE,
    }
}

/// How results of this kind look there.
pub(crate) fn look(results: &Results, output: &Output) -> Look {
    Look {
        width: output.width(),
        colour: output.colour(results.color),
        detail: if results.verbose {
            report::Detail::Verbose
        } else {
            report::Detail::Usual
        },
        symbols: output::symbols(),
    }
}
