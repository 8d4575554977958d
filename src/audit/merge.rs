//! What came of all parts of a capture, put together.
//!
//! In: what each step through the capture yielded. Out: judged connections with their numbers, in the order in which
//! they were finished, and at the end the steps in which what is left is finished.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;

use super::judged::Judged;
use super::part::{Work, Yield};
use crate::time::At;

/// How many connections are finished in one step at the end.
const STEP: usize = 2048;

/// Numbers connections in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Merge {
    streams: u64,
    /// The numbers of those that are not finished, by the frames with which they began.
    numbers: HashMap<u64, u64>,
}

impl Merge {
    /// The connections of the next step, by the frame by which they were known to be finished, then by number.
    pub(super) fn put_together(&mut self, yields: Vec<Yield>) -> Vec<Judged> {
        let mut begun: Vec<u64> = yields
            .iter()
            .flat_map(|yielded| &yielded.begun)
            .copied()
            .collect();
        begun.sort_unstable();
        for frame in begun {
            self.numbers.insert(frame, self.streams);
            self.streams += 1;
        }
        let mut finished: Vec<Judged> = Vec::new();
        for yielded in yields {
            for frame in yielded.forgotten {
                self.numbers.remove(&frame);
            }
            let text = Arc::new(yielded.text);
            let received = yielded.finished.into_iter();
            finished.extend(received.map(|finished| finished.received(&text)));
        }
        for judged in &mut finished {
            // That it is there is sure: it began in this step or in one before.
            let stream = self.numbers.remove(&judged.row.stream);
            judged.number(stream.unwrap_or(u64::MAX));
        }
        finished.sort_unstable_by_key(|judged| (judged.known_by, judged.row.stream));
        finished
    }

    /// The steps in which those that are left are finished, by number; this is the last packet of the capture.
    pub(super) fn last_steps(&self, last: At) -> VecDeque<Work> {
        let mut frames: Vec<u64> = self.numbers.keys().copied().collect();
        frames.sort_unstable();
        let ends = frames.chunks(STEP).filter_map(|step| step.last());
        ends.map(|frame| Work::Rest {
            before: frame + 1,
            last,
        })
        .collect()
    }
}
