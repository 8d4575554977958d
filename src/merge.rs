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
    let results = &merge.results;
    let also = Also::beside_merged(results, &paths, &output)?;
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
    let mut job = Job::new(results, extent, bounds, messages, output, also);
    union.replay(&wanted, &mut |source, outcome| job.take(source, outcome))?;
    job.finish()
}
