//! `keepcap merge`: from partial results to the results, as if their captures had been read here.

use keepcap::partial::{Replay, unite};
use keepcap::tcp::MEMORY;

use crate::also::Also;
use crate::cli::Merge;
use crate::failure::Failure;
use crate::job::Job;
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
    let extent = results.extent(union.captures());
    let wanted = Replay {
        selection: results.selection(),
        extent,
        survey: results.survey(),
    };
    let mut job = Job::new(results, extent, MEMORY, messages, output, also);
    union.replay(&wanted, &mut |source, outcome| job.take(source, outcome))?;
    job.finish()
}
