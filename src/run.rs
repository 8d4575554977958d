//! The main job: from the captures that were named to the results and the exit status.

use std::io;
#[cfg(feature = "parquet")]
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use keepcap::audit::{self, Extent, Outcome, Plan, Surveying, Tell};
use keepcap::capture::{self, Means, Monitor, Source};
use keepcap::report;
use keepcap::rules::Settings;

use crate::also::Also;
use crate::annotation::unwritable;
use crate::cli::{Arguments, By, Format, PathList, Results, Task};
use crate::failure::Failure;
use crate::job::{Bounds, Job, look, memory_of_rows};
use crate::merge::merge_all;
use crate::messages::Messages;
use crate::output::Output;
use crate::paths::listed_paths;
use crate::progress::{STOPPED, Stage, stop_on_interrupt};

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
    if let Some(why) = refusal(results) {
        messages.error(why);
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

/// Why results cannot be had like this, if so.
fn refusal(results: &Results) -> Option<&'static str> {
    match results.format {
        Format::Sarif | Format::Junit if results.by != By::Connection => {
            Some("sarif and junit tell of connections; leave out --by, or name another format")
        }
        #[cfg(feature = "parquet")]
        Format::Parquet if results.output.is_none() && io::stdout().is_terminal() => {
            Some("parquet is nothing for a terminal; name a file with --output")
        }
        _ => None,
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

fn audit_all(arguments: &Arguments, messages: Messages, output: Output) -> Result<Status, Failure> {
    let Some(paths) = all_paths(&arguments.captures, &arguments.list, messages) else {
        return Ok(Status::Impossible);
    };
    let mut found = capture::find(paths);
    if found.sources.is_empty() && found.errors.is_empty() {
        messages.error("no capture was named");
    }
    let monitor = Arc::default();
    stop_on_interrupt(&monitor);
    if arguments.join {
        found.sources = joined(found.sources, arguments, messages, &monitor);
    }
    let captures = found.sources.len() + found.errors.len();
    let extent = arguments.results.extent(captures);
    let plan = plan(arguments, extent, &monitor);
    let also = Also::open(arguments, &plan, &found.sources, &output)?;
    let plan = with_page(plan, arguments);
    let rows = memory_of_rows(&arguments.results, arguments.memory);
    let bounds = Bounds { captures, rows };
    let mut job = Job::new(&arguments.results, extent, bounds, messages, output, also);
    job.note(&found)?;
    let progress = arguments.progress(&found.sources, Stage::Reading, &monitor);
    audit::audit(&found.sources, &plan, &mut |source, outcome| {
        if let Outcome::Read(..) = outcome {
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

/// The captures, with the parts of one recording in one place.
fn joined(
    sources: Vec<Source>,
    arguments: &Arguments,
    messages: Messages,
    monitor: &Arc<Monitor>,
) -> Vec<Source> {
    let progress = arguments.progress(&sources, Stage::Joining, monitor);
    let means = Means {
        memory: arguments.memory,
        threads: arguments.threads(),
        monitor: Arc::clone(monitor),
    };
    let joined = capture::join(sources, &arguments.captures, &means);
    drop(progress);
    monitor.start_over();
    for overlap in joined.overlaps {
        messages.warning(overlap);
    }
    joined.sources
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
        tell: only_lines(arguments).then_some(report::add_ndjson_story as Tell),
        monitor: Arc::clone(monitor),
    }
}

/// Whether nothing is made of connections but a line for each.
fn only_lines(arguments: &Arguments) -> bool {
    let files = [
        &arguments.part,
        &arguments.annotate,
        &arguments.results.report,
    ];
    arguments.results.is_ndjson() && files.iter().all(|file| file.is_none())
}

/// The page draws exchanges; what else is written does not change with it.
fn with_page(plan: Plan, arguments: &Arguments) -> Plan {
    match arguments.results.report {
        Some(_) => Plan {
            extent: Extent::Exchanges,
            ..plan
        },
        None => plan,
    }
}
