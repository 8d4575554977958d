//! `keepcap merge`: from partial results to the results, as if their captures had been read here.

use keepcap::partial::{Replay, unite};
use keepcap::tcp::MEMORY;

use crate::also::Also;
use crate::cli::Merge;
use crate::failure::Failure;
use crate::job::{Bounds, Job, memory_of_rows};
use crate::messages::Messages;
use crate::output::Output;
use crate::run::{Status, all_paths};

/// Unites what was named.
pub(crate) fn merge_all(
    merge: &Merge,
    messages: Messages,
    output: Output,
) -> Result<Status, Failure> {
    let Some(paths) = all_paths(&merge.parts, &merge.list, messages) else {
        return Ok(Status::Impossible);
    };
    if let Some(path) = paths.iter().find(|path| output.replaces(path)) {
        let path = path.display();
        messages.error(format_args!(
            "{path}: the results would replace this partial result; name another output"
        ));
        return Ok(Status::Impossible);
    }
    let Some(union) = unite(&paths)? else {
        messages.error("no partial result was named");
        return Ok(Status::Impossible);
    };
    let results = &merge.results;
    let captures = union.captures();
    let extent = results.extent(captures);
    let wanted = Replay {
        selection: results.selection(),
        extent,
        survey: results.survey(),
    };
    let rows = memory_of_rows(results, MEMORY);
    let bounds = Bounds { captures, rows };
    let mut job = Job::new(results, extent, bounds, messages, output, Also::default());
    union.replay(&wanted, &mut |source, outcome| job.take(source, outcome))?;
    job.finish()
}
