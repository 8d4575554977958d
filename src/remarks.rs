//! What there is to say of captures that were read beside each other.
//!
//! In: what was read of them. Out: messages.

use keepcap::audit::{Reading, Twice};
use keepcap::capture;

use crate::messages::Messages;

/// How many pairs of captures with packets in common are named.
const NAMED: usize = 8;

/// Says which captures are plainly parts of one recording, and were not read as one.
pub(crate) fn on_parts(readings: &[Reading], messages: Messages) {
    let single = readings.iter().filter(|reading| reading.parts.is_empty());
    let captures: Vec<_> = single
        .filter_map(|reading| Some((reading.path.as_path(), reading.summary.times?)))
        .collect();
    for (first, count) in capture::seem_to_be_parts(&captures) {
        let first = first.display();
        messages.warning(format_args!(
            "{first} and {} more follow on, as parts of one recording do; --join reads them as one",
            count - 1
        ));
    }
}

/// Says which captures have packets in common. Nothing of them is left out.
pub(crate) fn on_copies(twice: &Twice, readings: &[Reading], messages: Messages) {
    let path = |number: usize| readings.get(number).map(|reading| &reading.path);
    let mut pairs = twice.pairs();
    for (one, other) in pairs.by_ref().take(NAMED) {
        let (Some(one), Some(other)) = (path(one), path(other)) else {
            continue;
        };
        let (first, second) = (one.display(), other.display());
        messages.warning(if one == other {
            format!("{first} was read twice; its connections are counted twice")
        } else {
            format!(
                "{first} and {second} have packets in common; connections that are in both are counted twice"
            )
        });
    }
    if pairs.len() > 0 {
        messages.warning(format_args!(
            "more pairs of captures that have packets in common: {}",
            pairs.len()
        ));
    }
}
