//! Puts the octets of one direction in order.
//!
//! In: [`Run`]s of octets at their offsets, in the order of the capture. Out: the same octets, each once, in the
//! order of the offsets. It knows offsets and lengths only; when a hole is given up is decided by its owner.

use super::Stamp;
use super::shelf::Shelf;

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

/// What stands behind octets that are only counted: octets that are read, and then octets that are only counted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// How many are read; at least one.
    pub read: usize,
    /// How many of those that follow are only counted.
    pub counted: u64,
}

/// Says what stands at the beginning of these octets, where that is certain.
pub(crate) type Look<'a> = &'a dyn Fn(&[u8]) -> Option<Ahead>;

/// How many octets are looked at to learn what stands there: room for the line end behind a chunk, and for the line
/// with the size of the next.
const LOOK: usize = 32;

/// Where a run that waits begins, and what carried it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front {
    pub(crate) offset: u64,
    pub(crate) stamp: Stamp,
}

/// A run that was taken out, in the parts that are there and those that are not.
#[derive(Debug)]
pub(crate) struct Taken {
    offset: u64,
    held: Held,
}

impl Taken {
    /// Its parts in order. What was only counted is apart from what the snap length cut off, which may reach beyond
    /// what is only counted.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Run<'_>> {
        let Held {
            counted,
            ref octets,
            captured,
            cut,
            stamp,
        } = self.held;
        let behind = captured - counted - octets.len();
        let mut end = self.offset;
        let parts = [
            (&[][..], counted as u64),
            (octets, behind as u64),
            (&[], cut),
        ];
        let parts = parts.into_iter().map(move |(octets, cut)| {
            let offset = end;
            end += octets.len() as u64 + cut;
            Run {
                offset,
                octets,
                cut,
                stamp,
            }
        });
        parts.filter(|part| part.end() > part.offset)
    }
}

/// A run that waits for what comes before it. Of the octets that were captured, those that are only counted are kept
/// neither at the beginning nor at the end.
#[derive(Debug)]
struct Held {
    /// How many are not kept at the beginning.
    counted: usize,
    octets: Box<[u8]>,
    /// How many were captured.
    captured: usize,
    /// Octets behind them that were cut off.
    cut: u64,
    stamp: Stamp,
}

impl Held {
    /// How many octets it takes up, there or not.
    fn len(&self) -> u64 {
        self.captured as u64 + self.cut
    }

    /// The octets from the one that is `at` octets behind its beginning, as far as they are kept.
    fn octets_from(&self, at: u64) -> Option<&[u8]> {
        let at = at.checked_sub(self.counted as u64)?;
        self.octets.get(usize::try_from(at).ok()?..)
    }

    /// Keeps no longer the octets from `from` to `to` behind its beginning, unless octets that are kept lie on both
    /// sides of them; says how many are dropped.
    fn drop_octets(&mut self, from: u64, to: u64) -> usize {
        let kept = self.octets.len();
        let within = |at: u64| {
            let at = at.saturating_sub(self.counted as u64);
            usize::try_from(at).map_or(kept, |at| at.min(kept))
        };
        let left = match (within(from), within(to)) {
            (0, to) => to..kept,
            (from, to) if to == kept => 0..from,
            _ => return 0,
        };
        if left.len() < kept {
            self.counted += left.start;
            self.octets = self.octets.get(left).unwrap_or_default().into();
        }
        kept - self.octets.len()
    }
}

/// What it takes to keep a run beside its octets: its place in a block that may be half full, and what an allocation
/// costs.
pub(super) const RUN: usize = 192;

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
    held: Shelf<Held>,
    /// How many octets were captured of what waits.
    octets: usize,
    /// How many of those are kept.
    kept: usize,
    /// Before this offset all is known of what waits: which octets are read, and which are only counted. What was
    /// learned once stays true, since the octets that tell it are here.
    known: u64,
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

    /// Keeps a copy of whatever `run` has that was not there yet, but for octets that whoever takes them only counts.
    /// Those are the next `counted` octets, and what `look` tells of those behind them.
    pub(crate) fn hold(&mut self, run: &Run<'_>, counted: u64, look: Look<'_>) {
        let from = run.offset.max(self.next);
        if from >= run.end() {
            return;
        }
        let counted = self.next.saturating_add(counted);
        let waiting = self.waiting.get_or_insert_default();
        waiting.learn(waiting.known, counted);
        // What is next itself may be anything: only behind what is counted it is certain what stands.
        let look = if waiting.known > self.next {
            look
        } else {
            &|_: &[u8]| None
        };
        waiting.hold(run, from, look);
    }

    /// The first run that waits.
    pub(crate) fn front(&self) -> Option<Front> {
        let &(offset, Held { stamp, .. }) = self.waiting.as_ref()?.held.first()?;
        Some(Front { offset, stamp })
    }

    /// Takes the first run that waits, and with it all that lies before its end.
    pub(crate) fn pop(&mut self) -> Option<Taken> {
        let waiting = self.waiting.as_mut()?;
        let (offset, held) = waiting.held.pop_first()?;
        waiting.octets -= held.captured;
        waiting.kept -= held.octets.len();
        if waiting.held.is_empty() {
            self.waiting = None;
        }
        self.next = offset + held.len();
        Some(Taken { offset, held })
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
    /// Takes notice that the octets from `data` to `end` are only counted, and that all before them is known.
    fn learn(&mut self, data: u64, end: u64) {
        if end <= self.known {
            return;
        }
        self.known = end;
        let held = self.held.around_mut(data);
        for (offset, held) in held.take_while(|(offset, _)| *offset < end) {
            self.kept -= held.drop_octets(data.saturating_sub(*offset), end - *offset);
        }
    }

    /// Keeps what of `run` lies behind `from` and in none of the runs that are here.
    fn hold(&mut self, run: &Run<'_>, mut from: u64, look: Look<'_>) {
        if let Some((offset, before)) = self.held.at_or_before(from) {
            from = from.max(offset + before.len());
        }
        while from < run.end() {
            let after = self.held.at_or_behind(from);
            let after = after.map(|(offset, held)| (*offset, offset + held.len()));
            let (stop, resume) = after.unwrap_or((u64::MAX, u64::MAX));
            if let Some(part) = run.between(from, stop) {
                self.insert(&part, look);
            }
            from = resume;
        }
    }

    fn insert(&mut self, part: &Run<'_>, look: Look<'_>) {
        let captured = part.octets.len();
        let within = |at: u64| {
            let at = at.saturating_sub(part.offset);
            usize::try_from(at).map_or(captured, |at| at.min(captured))
        };
        let counted = within(self.known);
        let read = within(self.look_ahead(part, look)).max(counted);
        let octets = part.octets.get(counted..read).unwrap_or_default();
        self.octets += captured;
        self.kept += octets.len();
        let held = Held {
            counted,
            octets: octets.into(),
            captured,
            cut: part.cut,
            stamp: part.stamp,
        };
        self.held.insert(part.offset, held);
    }

    /// Learns what can be learned from what waits, now that there is `part` too. From the offset that is returned to
    /// its end its octets are only counted.
    fn look_ahead(&mut self, part: &Run<'_>, look: Look<'_>) -> u64 {
        let end = part.offset + part.octets.len() as u64;
        let mut read = end;
        if self.known >= end {
            return end;
        }
        while let Some(ahead) = self.look_at(self.known, part, look) {
            let data = self.known.saturating_add(ahead.read as u64);
            self.learn(data, data.saturating_add(ahead.counted));
            if self.known >= end {
                read = read.min(data);
            }
        }
        read
    }

    /// What stands at this offset, as far as `part` and what waits tell.
    fn look_at(&self, offset: u64, part: &Run<'_>, look: Look<'_>) -> Option<Ahead> {
        let (mut octets, mut len) = ([0; LOOK], 0);
        while let Some(room @ [_, ..]) = octets.get_mut(len..)
            && let Some(more) = self.octets_at(offset.saturating_add(len as u64), part)
        {
            len += more.len().min(room.len());
            room.iter_mut()
                .zip(more)
                .for_each(|(place, octet)| *place = *octet);
        }
        look(octets.get(..len)?).filter(|ahead| ahead.read > 0)
    }

    /// The octets from this offset on that are there in one piece.
    fn octets_at<'a>(&'a self, offset: u64, part: &Run<'a>) -> Option<&'a [u8]> {
        let octets = match part.between(offset, u64::MAX) {
            Some(rest) if rest.offset == offset => rest.octets,
            _ => {
                let (start, held) = self.held.at_or_before(offset)?;
                held.octets_from(offset - start)?
            }
        };
        (!octets.is_empty()).then_some(octets)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
                assembler.hold(&run, 0, &|_: &[u8]| None);
            }
            while assembler
                .front()
                .is_some_and(|held| held.offset <= assembler.next())
            {
                for part in assembler.pop().unwrap().parts() {
                    out.extend((part.offset..).zip(part.octets.iter().copied()));
                }
            }
            let in_order = (1000..)
                .take_while(|at| model.contains_key(at))
                .last()
                .map_or(1000, |at| at + 1);
            assert_eq!(assembler.next(), in_order, "seed {seed}");
        }
        while let Some(taken) = assembler.pop() {
            assert!(
                out.last_key_value()
                    .is_none_or(|(last, _)| taken.offset > *last),
                "runs overlap, seed {seed}"
            );
            for part in taken.parts() {
                out.extend((part.offset..).zip(part.octets.iter().copied()));
            }
        }
        assert_eq!(out, model, "seed {seed}");
        assert_eq!(assembler.waiting(), (0, 0));
    }

    #[test]
    fn any_mix_of_reordering_duplicates_and_overlap_gives_the_first_copy_of_each_octet_in_order() {
        (0..500).for_each(check);
    }

    /// Octets of which some are only counted. What is read between two counted stretches begins with its own length
    /// and the length of the stretch behind it.
    struct Stream {
        octets: Vec<u8>,
        /// Where counted stretches begin and end.
        counted: Vec<(usize, usize)>,
    }

    impl Stream {
        fn new(random: &mut fastrand::Rng) -> Self {
            let (mut octets, mut counted) = (Vec::new(), Vec::new());
            for _ in 0..random.u8(1..9) {
                let begin = octets.len();
                let len = random.u8(1..90);
                octets.extend((0..len).map(|_| random.u8(..)));
                counted.push((begin, octets.len()));
                let read = random.u8(2..20);
                octets.extend([read, 0]);
                octets.extend((2..read).map(|_| random.u8(..)));
            }
            for pair in counted.windows(2) {
                octets[pair[0].1 + 1] = (pair[1].1 - pair[1].0) as u8;
            }
            Stream { octets, counted }
        }

        fn look(octets: &[u8]) -> Option<Ahead> {
            let &[read, counted, ..] = octets else {
                return None;
            };
            let read = usize::from(read);
            (octets.len() >= read && read >= 2 && counted > 0).then_some(Ahead {
                read,
                counted: counted.into(),
            })
        }

        /// How many octets are only counted from here on.
        fn counts(&self, at: u64) -> u64 {
            let at = at as usize;
            let here = self.counted.iter().find(|c| c.0 <= at && at < c.1);
            here.map_or(0, |(_, end)| (end - at) as u64)
        }

        /// Some of it.
        fn run(&self, random: &mut fastrand::Rng) -> Run<'_> {
            let from = random.usize(..self.octets.len());
            let len = random.usize(..50).min(self.octets.len() - from);
            let cut = random.usize(..3).saturating_sub(1) * random.usize(..=len);
            Run {
                offset: from as u64,
                octets: &self.octets[from..from + len - cut],
                cut: cut as u64,
                stamp: Stamp {
                    at: At::default(),
                    acks: None,
                },
            }
        }
    }

    /// The parts that are there of the next that waits, those that lie side by side joined, and where it ends.
    fn taken(assembler: &mut Assembler) -> (Vec<(u64, u8)>, u64) {
        let taken = assembler.pop().unwrap();
        let parts = taken.parts();
        let octets = parts.flat_map(|part| (part.offset..).zip(part.octets.iter().copied()));
        (octets.collect(), assembler.next())
    }

    /// Takes the same runs with and without knowledge of what is only counted; adds up what is kept of them.
    fn check_counted(seed: u64, kept: &mut (usize, usize)) {
        let mut random = fastrand::Rng::with_seed(seed);
        let stream = Stream::new(&mut random);
        let mut knowing = Assembler::starting_at(0);
        let mut keeping = Assembler::starting_at(0);
        for _ in 0..40 {
            let run = stream.run(&mut random);
            if let Some(part) = keeping.in_order(&run).filter(|_| random.bool()) {
                knowing.skip_to(part.end());
                keeping.skip_to(part.end());
            } else {
                keeping.hold(&run, 0, &|_: &[u8]| None);
                knowing.hold(&run, stream.counts(knowing.next()), &Stream::look);
            }
            kept.0 += knowing.weight();
            kept.1 += keeping.weight();
            // Now and then a hole is given up, and what is next waits for something else.
            let given_up = random.u8(..20) == 0;
            while let Some(front) = keeping.front()
                && (front.offset <= keeping.next() || given_up)
                && random.u8(..4) > 0
            {
                let (all, end) = taken(&mut keeping);
                let (some, same_end) = taken(&mut knowing);
                assert_eq!(end, same_end, "seed {seed}");
                let read = |octets: &Vec<(u64, u8)>| {
                    let read = octets.iter().filter(|(at, _)| stream.counts(*at) == 0);
                    read.copied().collect::<Vec<_>>()
                };
                assert_eq!(read(&some), read(&all), "seed {seed}");
            }
            assert_eq!(knowing.waiting(), keeping.waiting(), "seed {seed}");
        }
        while knowing.pop().is_some() {}
        assert_eq!(knowing.weight(), 0);
    }

    #[test]
    fn octets_that_are_read_come_out_the_same_where_those_that_are_counted_are_not_kept() {
        let mut kept = (0, 0);
        (0..3000).for_each(|seed| check_counted(seed, &mut kept));
        assert!(kept.0 < kept.1, "{kept:?}");
    }

    /// What waits of `stream` when all but its first octet has come in pieces of so many octets, in this order.
    fn kept_of(stream: &[u8], counted: u64, piece: usize, backwards: bool) -> usize {
        let mut pieces: Vec<_> = (1..)
            .step_by(piece)
            .zip(stream[1..].chunks(piece))
            .collect();
        if backwards {
            pieces.reverse();
        }
        let mut assembler = Assembler::starting_at(0);
        for (offset, octets) in pieces {
            let run = Run {
                offset,
                octets,
                cut: 0,
                stamp: Stamp {
                    at: At::default(),
                    acks: None,
                },
            };
            assembler.hold(&run, counted, &Stream::look);
        }
        let (_, runs) = assembler.waiting();
        assembler.weight() - runs * RUN
    }

    #[test]
    fn of_what_waits_only_what_is_read_is_kept() {
        let mut stream = vec![7; 200];
        for _ in 0..9 {
            stream.extend([4, 200, 4, 4]);
            stream.extend([7; 200]);
        }
        // With pieces of 50 octets none has two stretches that are read.
        for (piece, kept) in [(1, 36), (3, 36), (50, 36)] {
            assert_eq!(kept_of(&stream, 200, piece, false), kept);
        }
        assert_eq!(kept_of(&stream, 200, 50, true), 36, "backwards");
        assert_eq!(kept_of(&stream, u64::MAX, 50, false), 0);
        assert_eq!(kept_of(&stream, 0, 50, false), stream.len() - 1);
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
