//! What came of all hands of a capture, put together.
//!
//! In: what each step through the capture yielded. Out: finished connections with their numbers, in the order in which
//! they were finished, and at the end the steps in which what is left is finished.

use std::collections::VecDeque;
use std::mem;

use super::finished::{Finished, What};
use super::hand::{End, Remains, Yield};
use super::numbers::Numbers;

/// How many connections are finished in one step at the end, and how much memory they take, in octets, as far as those
/// that are left are alike: it ends with whichever is reached first.
const STEP: (usize, usize) = (256, 1 << 17);

/// Numbers connections in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Merge {
    numbers: Numbers,
    /// What begins in a step.
    begun: Vec<u64>,
    /// What is finished there: by which frame that is known, with which it began, and in which yield it is, and where.
    order: Vec<(u64, u64, u32, u32)>,
}

impl Merge {
    /// The connections of the next step, by the frame by which they were known to be finished, then by number; with
    /// what is said of all that are in the same yield.
    pub(super) fn put_together<'a>(
        &'a mut self,
        yields: &'a mut [Yield],
    ) -> impl Iterator<Item = (Finished, &'a [u8])> {
        self.number(yields);
        let Merge { numbers, order, .. } = self;
        order.clear();
        for (at, yielded) in (0..).zip(&*yields) {
            let finished = (0..).zip(&yielded.finished);
            order.extend(finished.map(|(place, one)| (one.known_by, one.stream, at, place)));
        }
        // What each hand finished is mostly in order.
        order.sort();
        let (mut texts, mut finished): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
        for yielded in yields {
            texts.push(yielded.texts.written.octets());
            finished.push(yielded.finished.as_mut_slice());
        }
        order.iter().filter_map(move |&(_, begun, at, place)| {
            let one = finished.get_mut(at as usize)?.get_mut(place as usize)?;
            let what = mem::replace(&mut one.what, What::Count);
            let mut one = Finished { what, ..*one };
            // That it is there is sure: it began in this step or in one before. In this order it is mostly the first.
            one.number(numbers.take(begun).unwrap_or(u64::MAX));
            Some((one, *texts.get(at as usize)?))
        })
    }

    fn number(&mut self, yields: &[Yield]) {
        self.begun.clear();
        for yielded in yields {
            self.begun.extend_from_slice(&yielded.begun);
        }
        self.begun.sort();
        for frame in self.begun.drain(..) {
            self.numbers.give(frame);
        }
        for frame in yields.iter().flat_map(|yielded| &yielded.forgotten) {
            self.numbers.take(*frame);
        }
    }

    /// The steps in which those that are left are finished, by number.
    pub(super) fn last_steps(&self, end: &End) -> VecDeque<Remains> {
        let frames: Vec<u64> = self.numbers.frames().collect();
        let (most, octets) = STEP;
        let alike = frames.len().saturating_mul(octets) / end.left.max(1);
        let last = end.last;
        let ends = frames
            .chunks(alike.clamp(1, most))
            .filter_map(|step| step.last());
        ends.map(|frame| Remains {
            before: frame + 1,
            last,
        })
        .collect()
    }
}
