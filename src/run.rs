//! The main job: from the captures that were named to the results and the exit status.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use keepcap::audit::{
    self, Extent, Outcome, Plan, Reading, Row, Rows, Sighting, Survey, Surveying, Totals, Watch,
};
use keepcap::capture::{self, Found, Monitor, OpenError, Part, Problem, Source};
use keepcap::connection::Beside;
use keepcap::report::{self, ByCapture, ByServer, Document, Listing, Look};
use keepcap::rules::{Settings, Verdict};

use crate::also::Also;
use crate::annotation::unwritable;
use crate::cli::{Arguments, By, Format, PathList, Results, Task};
use crate::failure::Failure;
use crate::merge::merge_all;
use crate::messages::Messages;
use crate::output::{self, Output};
use crate::paths::listed_paths;
use crate::progress::{STOPPED, stop_on_interrupt};

/// How it went, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// Every capture was read to its end.
    Done,
    /// `--fail-on` was met.
    Failed,
    /// Something is missing in the results.
    Incomplete,
    /// There are none.
    Impossible,
    /// Ctrl-C ended it early.
    Stopped,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(match status {
            Status::Done => 0,
            Status::Failed => 1,
            Status::Incomplete => 3,
            Status::Impossible => 2,
            Status::Stopped => STOPPED,
        })
    }
}

/// Does what was asked.
pub(crate) fn run(arguments: &Arguments) -> Status {
    let results = match &arguments.task {
        Some(Task::Merge(merge)) => &merge.results,
        None => &arguments.results,
    };
    let messages = Messages(results.loudness());
    if results.by != By::Connection && matches!(results.format, Format::Sarif | Format::Junit) {
        messages
            .error("sarif and junit tell of connections; leave out --by, or name another format");
        return Status::Impossible;
    }
    match try_run(arguments, results, messages) {
        Ok(status) => status,
        // Whoever read the results wants no more of them.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Status::Done,
        Err(Failure::Output(error)) => {
            let path = results.output.as_deref();
            let path = path.unwrap_or(Path::new("standard output"));
            messages.error(unwritable(path, &error));
            Status::Impossible
        }
        Err(Failure::Other(told)) => {
            messages.error(told);
            Status::Impossible
        }
    }
}

fn try_run(
    arguments: &Arguments,
    results: &Results,
    messages: Messages,
) -> Result<Status, Failure> {
    let mut output = Output::open(results.output.as_deref())?;
    let look = look(results, &output);
    if let Some(Task::Merge(merge)) = &arguments.task {
        return merge_all(merge, messages, output);
    }
    if arguments.rules {
        report::write_rules(look, &mut output)?;
    } else if let Some(rule) = arguments.explain {
        report::write_explanation(rule, look, &mut output)?;
    } else {
        return audit_all(arguments, messages, output);
    }
    output.finish()?;
    Ok(Status::Done)
}

fn look(results: &Results, output: &Output) -> Look {
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

fn audit_all(arguments: &Arguments, messages: Messages, output: Output) -> Result<Status, Failure> {
    let Some(paths) = all_paths(&arguments.captures, &arguments.list, messages) else {
        return Ok(Status::Impossible);
    };
    let mut found = capture::find(paths);
    if found.sources.is_empty() && found.errors.is_empty() {
        messages.error("no capture was named");
    }
    if arguments.join {
        let joined = capture::join(found.sources, &arguments.captures);
        for overlap in joined.overlaps {
            messages.warning(overlap);
        }
        found.sources = joined.sources;
    }
    let captures = found.sources.len() + found.errors.len();
    let extent = arguments.results.extent(captures);
    let monitor = Arc::default();
    let plan = plan(arguments, extent, &monitor);
    let also = Also::open(arguments, &plan, &found.sources, &output)?;
    let mut job = Job::new(
        &arguments.results,
        extent,
        arguments.memory,
        messages,
        output,
        also,
    );
    job.note(&found)?;
    stop_on_interrupt(&monitor);
    let progress = arguments.progress(&found.sources, &monitor);
    audit::audit(&found.sources, &plan, &mut |source, outcome| {
        if let Outcome::Read(_) = outcome {
            monitor.count_capture();
        }
        job.take(source, outcome)
    })?;
    drop(progress);
    if monitor.is_stopped() {
        return job.break_off();
    }
    job.finish()
}

/// Those that were named, and those of the list; `None` where that cannot be read.
pub(crate) fn all_paths(
    named: &[PathBuf],
    list: &PathList,
    messages: Messages,
) -> Option<Vec<PathBuf>> {
    let mut paths = named.to_vec();
    if let Some(file) = &list.files_from {
        match listed_paths(file, list.separator()) {
            Ok(listed) => paths.extend(listed),
            Err(error) => {
                messages.error(format_args!("{}: cannot be read: {error}", file.display()));
                return None;
            }
        }
    }
    Some(paths)
}

/// A partial result has all that any other results are made from.
fn plan(arguments: &Arguments, extent: Extent, monitor: &Arc<Monitor>) -> Plan {
    let results = &arguments.results;
    let partial = arguments.part.is_some();
    Plan {
        settings: Settings {
            close_grace: arguments.close_grace,
            left_out: arguments.left_out(),
        },
        selection: results.selection(),
        extent: match extent {
            Extent::Connection if partial && results.exchanges => Extent::Exchanges,
            extent => extent,
        },
        survey: match results.survey() {
            Surveying::NotAsked if partial => Surveying::Asked,
            survey => survey,
        },
        memory: arguments.memory - memory_of_rows(results, arguments.memory),
        threads: arguments.threads(),
        monitor: Arc::clone(monitor),
    }
}

/// How much of the memory is for rows that wait until all are known.
fn memory_of_rows(results: &Results, memory: usize) -> usize {
    match (results.by, results.format) {
        (By::Connection, Format::Ndjson) | (By::Server | By::Capture, _) => 0,
        (By::Connection, _) => memory / audit::SHARE,
    }
}

/// What has come of the captures so far.
pub(crate) struct Job<'a> {
    results: &'a Results,
    /// How much of each connection the results take.
    extent: Extent,
    messages: Messages,
    output: Output,
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
}

impl<'a> Job<'a> {
    pub(crate) fn new(
        results: &'a Results,
        extent: Extent,
        memory: usize,
        messages: Messages,
        output: Output,
        also: Also<'a>,
    ) -> Self {
        Job {
            results,
            extent,
            messages,
            output,
            also,
            status: Status::Done,
            readings: Vec::new(),
            rows: Rows::within(memory_of_rows(results, memory)),
            totals: Totals::default(),
            of_captures: Vec::new(),
            of_capture: Totals::default(),
            survey: Survey::default(),
            watch: None,
        }
    }

    fn note(&mut self, found: &Found) -> Result<(), Failure> {
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
    pub(crate) fn take(&mut self, source: &Source, outcome: Outcome) -> Result<(), Failure> {
        let name = source.path().to_string_lossy();
        match outcome {
            Outcome::Row(mut row, sighting) => {
                self.also.note_row(source, &row, sighting.as_deref())?;
                if self.extent == Extent::Connection {
                    (row.exchanges, row.sides) = (None, None);
                }
                self.list(row, sighting, &name, source.parts())?;
            }
            Outcome::Read(reading) => {
                self.also.note_reading(source, &reading)?;
                self.note_reading(&name, &reading);
                self.readings.push(reading);
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
        row: Row,
        sighting: Option<Box<Sighting>>,
        capture: &str,
        parts: &[Part],
    ) -> io::Result<()> {
        self.totals.add(&row);
        self.of_capture.add(&row);
        if let (By::Server, Some(sighting)) = (self.results.by, sighting) {
            let watch = self.watch.get_or_insert_with(|| Watch::new(capture));
            watch.take(&row, *sighting);
        }
        match (self.results.by, self.results.format) {
            (By::Connection, Format::Ndjson) => {
                report::write_ndjson_line(&row, capture, parts, &mut self.output)?;
            }
            (By::Connection, _) => self.rows.push(row),
            (By::Server | By::Capture, _) => {}
        }
        Ok(())
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
        let Beside {
            fragments,
            forgotten,
            ..
        } = beside;
        let counts = [
            (
                "IP datagrams that were not complete in time",
                fragments.too_old,
            ),
            (
                "IP datagrams whose fragments contradict each other",
                fragments.contradictory,
            ),
            (
                "closed connections forgotten early, for want of room",
                forgotten.early,
            ),
            (
                "streams without a SYN where a connection had been closed and forgotten",
                forgotten.resumed,
            ),
        ];
        for (what, count) in counts.into_iter().filter(|&(_, count)| count > 0) {
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
        self.point_out_parts();
        self.note_left_out();
        self.write()?;
        self.output.finish()?;
        self.also.finish(self.readings.first())?;
        let fail_on = self.results.fail_on;
        let failed = fail_on.is_some_and(|least| self.totals.worst() >= Some(least));
        let verdict = if failed { Status::Failed } else { Status::Done };
        Ok(self.status.max(verdict))
    }

    /// Writes what there is, which is not all.
    fn break_off(mut self) -> Result<Status, Failure> {
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

    /// Says which captures are plainly parts of one recording, and were not read as one.
    fn point_out_parts(&self) {
        let single = self
            .readings
            .iter()
            .filter(|reading| reading.parts.is_empty());
        let captures: Vec<_> = single
            .filter_map(|reading| Some((reading.path.as_path(), reading.summary.times?)))
            .collect();
        for (first, count) in capture::seem_to_be_parts(&captures) {
            let first = first.display();
            self.messages.warning(format_args!(
                "{first} and {} more follow on, as parts of one recording do; --join reads them as one",
                count - 1
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
        // These tell of connections, and were refused.
        Format::Sarif | Format::Junit => Ok(()),
    }
}
