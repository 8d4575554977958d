//! Puts the octets of one direction in order.
//!
//! In: [`Run`]s of octets at their offsets, in the order of the capture. Out: the same octets, each once, in the
//! order of the offsets. It knows offsets and lengths only; when a hole is given up is decided by its owner.

use std::collections::BTreeMap;

use super::Stamp;

/// Consecutive octets of one direction: those that were captured, then those that the snap length cut off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) offset: u64,
    pub(crate) octets: &'a [u8],
    pub(crate) cut: u64,
    pub(crate) stamp: Stamp,
}

impl<'a> Run<'a> {
    /// The offset behind the last octet.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.octets.len() as u64 + self.cut
    }

    /// The part of it from offset `from` to offset `to`, if any octet lies there.
    fn between(&self, from: u64, to: u64) -> Option<Run<'a>> {
        let (from, to) = (from.max(self.offset), to.min(self.end()));
        if from >= to {
            return None;
        }
        let captured = self.octets.len() as u64;
        let (start, stop) = (
            (from - self.offset).min(captured),
            (to - self.offset).min(captured),
        );
        let octets = self.octets.get(start as usize..stop as usize)?;
        Some(Run {
            offset: from,
            octets,
            cut: to - from - octets.len() as u64,
            stamp: self.stamp,
        })
    }
}

/// A run that waits for what comes before it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) offset: u64,
    octets: Box<[u8]>,
    /// Octets behind them that were cut off, or that nobody looks at.
    cut: u64,
    /// How many were captured.
    captured: usize,
    pub(crate) stamp: Stamp,
}

impl Held {
    pub(crate) fn as_run(&self) -> Run<'_> {
        Run {
            offset: self.offset,
            octets: &self.octets,
            cut: self.cut,
            stamp: self.stamp,
        }
    }
}

/// What it takes to keep a run beside its octets: its place in a tree whose nodes are half full, and what an
/// allocation costs.
const RUN: usize = 192;

/// What is to come next in one direction, and what came ahead of it.
///
/// Where copies of the same octets differ, the first that was captured counts.
#[derive(Debug)]
pub(crate) struct Assembler {
    next: u64,
    /// Mostly nothing waits; then this takes no more room than it must.
    waiting: Option<Box<Waiting>>,
}

/// Runs that came ahead: at least one.
#[derive(Debug, Default)]
struct Waiting {
    /// By offset; none overlaps another, and none begins before what is next.
    held: BTreeMap<u64, Held>,
    /// How many were captured of what waits.
    octets: usize,
    /// How many of those are kept.
    kept: usize,
}

impl Assembler {
    /// With the first octet expected at offset `next`.
    pub(crate) fn starting_at(next: u64) -> Self {
        Assembler {
            next,
            waiting: None,
        }
    }

    /// The offset of the first octet that was not handed out yet.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Octets that wait, and in how many runs.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let waiting = self.waiting.as_ref();
        waiting.map_or((0, 0), |waiting| (waiting.octets, waiting.held.len()))
    }

    /// The memory that they take, in octets.
    pub(crate) fn weight(&self) -> usize {
        let waiting = self.waiting.as_ref();
        waiting.map_or(0, |waiting| waiting.kept + waiting.held.len() * RUN)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_none()
    }

    /// The new part of `run`, where it follows on and nothing waits: the common case, without a copy.
    ///
    /// The caller takes it with [`Assembler::skip_to`].
    pub(crate) fn in_order<'a>(&self, run: &Run<'a>) -> Option<Run<'a>> {
        if !self.is_empty() || run.offset > self.next {
            return None;
        }
        if run.offset == self.next {
            return Some(*run);
        }
        run.between(self.next, u64::MAX)
    }

    /// Keeps a copy of whatever `run` has that was not there yet. Of the next octets, `counted` are only counted by
    /// whoever takes them: those are as good as cut off.
    pub(crate) fn hold(&mut self, run: &Run<'_>, counted: u64) {
        let from = run.offset.max(self.next);
        if from >= run.end() {
            return;
        }
        let counted = self.next.saturating_add(counted);
        let waiting = self.waiting.get_or_insert_default();
        waiting.hold(run, from, counted);
    }

    /// The first run that waits.
    pub(crate) fn front(&self) -> Option<&Held> {
        let (_, held) = self.waiting.as_ref()?.held.first_key_value()?;
        Some(held)
    }

    /// Takes the first run that waits, and with it all that lies before its end.
    pub(crate) fn pop(&mut self) -> Option<Held> {
        let waiting = self.waiting.as_mut()?;
        let (_, held) = waiting.held.pop_first()?;
        waiting.octets -= held.captured;
        waiting.kept -= held.octets.len();
        if waiting.held.is_empty() {
            self.waiting = None;
        }
        self.next = held.as_run().end();
        Some(held)
    }

    /// Goes on from `offset`: what lies before it was handed out, or is given up. Never backwards.
    pub(crate) fn skip_to(&mut self, offset: u64) {
        self.next = self.next.max(offset);
    }

    /// Starts at another offset, while nothing was handed out and nothing waits.
    pub(crate) fn restart_at(&mut self, offset: u64) {
        debug_assert!(self.is_empty());
        self.next = offset;
    }
}

impl Waiting {
    /// Keeps what of `run` lies behind `from` and in none of the runs that are here.
    fn hold(&mut self, run: &Run<'_>, mut from: u64, counted: u64) {
        if let Some((_, before)) = self.held.range(..from).next_back() {
            from = from.max(before.as_run().end());
        }
        while from < run.end() {
            let after = self.held.range(from..).next();
            let after = after.map(|(_, held)| (held.offset, held.as_run().end()));
            let (stop, resume) = after.unwrap_or((u64::MAX, u64::MAX));
            if let Some(part) = run.between(from, stop) {
                self.insert(&part, counted);
            }
            from = resume;
        }
    }

    /// The octets before offset `counted` are only counted.
    fn insert(&mut self, part: &Run<'_>, counted: u64) {
        let captured = part.octets.len();
        let (octets, dropped) = match part.offset + captured as u64 <= counted {
            true => (&[][..], captured as u64),
            false => (part.octets, 0),
        };
        self.octets += captured;
        self.kept += octets.len();
        let held = Held {
            offset: part.offset,
            octets: octets.into(),
            cut: part.cut + dropped,
            captured,
            stamp: part.stamp,
        };
        self.held.insert(part.offset, held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::At;

    /// The model: every octet in a map by offset, first copy kept.
    fn check(seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut assembler = Assembler::starting_at(1000);
        let mut model: BTreeMap<u64, u8> = BTreeMap::new();
        let mut out: BTreeMap<u64, u8> = BTreeMap::new();
        let stamp = Stamp {
            at: At::default(),
            acks: None,
        };
        for _ in 0..200 {
            let offset = 980 + random.u64(..400);
            // Each copy has octets of its own, so that it shows which one was taken.
            let octets: Vec<u8> = (0..random.u64(..40)).map(|_| random.u8(..)).collect();
            for (at, octet) in (offset..).zip(&octets) {
                if at >= assembler.next() {
                    model.entry(at).or_insert(*octet);
                }
            }
            let run = Run {
                offset,
                octets: &octets,
                cut: 0,
                stamp,
            };
            if let Some(part) = assembler.in_order(&run) {
                out.extend((part.offset..).zip(part.octets.iter().copied()));
                assembler.skip_to(part.end());
            } else {
                assembler.hold(&run, 0);
            }
            while assembler
                .front()
                .is_some_and(|held| held.offset <= assembler.next())
            {
                let held = assembler.pop().unwrap();
                out.extend((held.offset..).zip(held.octets.iter().copied()));
            }
            let in_order = (1000..)
                .take_while(|at| model.contains_key(at))
                .last()
                .map_or(1000, |at| at + 1);
            assert_eq!(assembler.next(), in_order, "seed {seed}");
        }
        while let Some(held) = assembler.pop() {
            assert!(
                out.last_key_value()
                    .is_none_or(|(last, _)| held.offset > *last),
                "runs overlap, seed {seed}"
            );
            out.extend((held.offset..).zip(held.octets.iter().copied()));
        }
        assert_eq!(out, model, "seed {seed}");
        assert_eq!(assembler.waiting(), (0, 0));
    }

    #[test]
    fn any_mix_of_reordering_duplicates_and_overlap_gives_the_first_copy_of_each_octet_in_order() {
        (0..500).for_each(check);
    }

    #[test]
    fn octets_cut_by_the_snap_length_take_their_room() {
        let stamp = Stamp {
            at: At::default(),
            acks: None,
        };
        let run = Run {
            offset: 10,
            octets: b"abcd",
            cut: 6,
            stamp,
        };
        let part = run.between(12, 18).unwrap();
        assert_eq!((part.offset, part.octets, part.cut), (12, &b"cd"[..], 4));
        let part = run.between(16, 99).unwrap();
        assert_eq!((part.offset, part.octets, part.cut), (16, &b""[..], 4));
        assert!(run.between(20, 30).is_none());
    }
}
