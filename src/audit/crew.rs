//! One capture that several threads work on.
//!
//! In: what was done. Out: what can be done next, by any thread, and what came of a step through the capture once it was
//! done by all hands. Nothing is done here and nobody waits here: that is left to [`pool`](super::pool).
//!
//! How many hands there are, and which threads they are in, makes no difference to what comes of them.

use std::collections::VecDeque;
use std::mem;

use super::Plan;
use super::hand::{End, Hand, Remains, Yield};
use crate::capture::{Capture, OpenError, Readers, Source};
use crate::time::At;

/// A capture, and how far it is.
pub(super) struct Crew {
    /// How many hands it has.
    size: usize,
    stage: Stage,
    seats: Vec<Seat>,
    steps: VecDeque<Step>,
    /// The number of the oldest of these.
    first: usize,
    /// Yields that were handed out. They are used again by the hands that they are of, and with them the memory that
    /// they are in: what one thread takes and another gives back ends up in the share of the wrong one.
    spare: Vec<Vec<Yield>>,
    /// What unpacking may take.
    window: usize,
}

enum Stage {
    Unopened,
    /// It takes too much memory to open it before its turn.
    Postponed,
    /// Someone is opening it.
    Opening,
    Unreadable(OpenError),
    Reading,
    /// All was read, and whoever hands out what came of it takes notice of that.
    Ended,
    /// What is left is finished in these steps.
    Finishing(VecDeque<Remains>),
    Over,
}

/// The place of a hand.
struct Seat {
    /// `None` while someone works with it.
    hand: Option<Box<Hand>>,
    /// The thread that took it first. What a hand keeps is given back by the thread that took it: memory that goes from
    /// one thread to another is locked for both, and lies idle in the share of the first.
    owner: Option<usize>,
    /// The number of its next step.
    next: usize,
    weight: usize,
    /// Where it has read all.
    end: Option<Box<End>>,
}

/// One of the threads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    pub(super) number: usize,
    /// How many there are.
    pub(super) of: usize,
}

/// Something to do for all hands.
struct Step {
    /// What is to be finished; packets are to be read otherwise.
    remains: Option<Remains>,
    /// What came of it, in the order of the hands; or room for it.
    yields: Vec<Yield>,
    /// The memory that what came of it takes, in octets.
    weight: usize,
    /// How many of them are done with it.
    done: usize,
}

/// How much of a capture is done ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// How many steps that are not done by all hands may be begun.
    pub(super) steps: usize,
    /// How many octets of memory what is to be handed out may take by then.
    pub(super) untold: usize,
    /// How many it may take in all, beside what is read.
    pub(super) memory: usize,
}

/// What a thread can do next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// To open it, if that takes no more than so many octets of memory.
    Open(usize),
    /// To let the hand of this number do its next step.
    GoOn(usize),
}

/// That, with all it takes.
pub(super) enum Task {
    /// To open it for so many hands, if that takes no more than so many octets of memory.
    Open(usize, usize),
    Read(usize, Box<Hand>, Yield),
    Finish(usize, Box<Hand>, Remains, Yield),
}

/// What was done.
pub(super) enum Done {
    Postponed,
    Opened(Result<Vec<Hand>, OpenError>, usize),
    /// By the hand of this number, which may have come to the end.
    Stepped(usize, Box<Hand>, Yield, Option<Box<End>>),
}

/// What comes of a capture next.
pub(super) enum Ready {
    Unreadable(OpenError),
    Yields(Vec<Yield>),
    /// All was read. What is left is finished in the steps that [`Crew::finish`] is told.
    End(Box<End>),
    Over,
}

impl Task {
    /// Does it.
    pub(super) fn perform(self, source: &Source, plan: &Plan) -> Done {
        match self {
            Task::Open(_, room) if room < source.window(plan.memory) => Done::Postponed,
            Task::Open(size, _) => {
                let opened = source.open_for(size - 1, plan.memory, &plan.monitor);
                let window = opened.as_ref().map_or(0, |opened| opened.first.window());
                let hands = opened.map(|opened| hands(opened, size, plan));
                Done::Opened(hands, window)
            }
            Task::Read(number, mut hand, spare) => {
                let (yielded, end) = hand.read(spare, source, plan);
                Done::Stepped(number, hand, yielded, end)
            }
            Task::Finish(number, mut hand, remains, spare) => {
                let yielded = hand.finish(remains, spare, source, plan);
                Done::Stepped(number, hand, yielded, None)
            }
        }
    }
}

fn hands(opened: Readers<Capture>, of: usize, plan: &Plan) -> Vec<Hand> {
    let captures = opened.each().enumerate();
    captures
        .map(|(number, capture)| Hand::new(capture, plan, number, of))
        .collect()
}

impl Crew {
    /// Of so many hands, at least one.
    pub(super) fn of(size: usize) -> Self {
        Crew {
            size,
            stage: Stage::Unopened,
            seats: Vec::new(),
            steps: VecDeque::new(),
            first: 0,
            spare: Vec::new(),
            window: 0,
        }
    }

    /// What there is to do for this thread, as far as there is room.
    pub(super) fn next(&self, thread: Thread, room: Room) -> Option<Next> {
        match self.stage {
            Stage::Postponed if room.memory < usize::MAX => None,
            Stage::Unopened | Stage::Postponed => {
                self.has_room(room).then_some(Next::Open(room.memory))
            }
            _ => self.furthest_behind(thread, room),
        }
    }

    fn has_room(&self, room: Room) -> bool {
        let undone = |step: &&Step| step.done < self.size;
        let untold = self.untold();
        self.steps.iter().filter(undone).count() < room.steps
            && untold <= room.untold
            && self.window + self.kept() + untold <= room.memory
    }

    /// The hand of this thread that is furthest behind, of those that can go on.
    fn furthest_behind(&self, thread: Thread, room: Room) -> Option<Next> {
        let seats = self.seats.iter().enumerate();
        let mine = seats.filter(|(number, _)| self.may_take(*number, thread));
        let (number, seat) = mine
            .filter(|(_, seat)| seat.next < self.begun() || self.is_reading(seat))
            .min_by_key(|(_, seat)| seat.next)?;
        let goes_on = seat.next < self.begun() || self.has_room(room);
        goes_on.then_some(Next::GoOn(number))
    }

    /// How many steps were begun.
    fn begun(&self) -> usize {
        self.first + self.steps.len()
    }

    fn is_reading(&self, seat: &Seat) -> bool {
        matches!(self.stage, Stage::Reading) && seat.end.is_none()
    }

    /// Gives it to this thread, whom it was for.
    pub(super) fn begin(&mut self, next: Next, thread: Thread) -> Option<Task> {
        match next {
            Next::Open(memory) => {
                self.stage = Stage::Opening;
                Some(Task::Open(self.size, memory))
            }
            Next::GoOn(number) => {
                let seat = self.seats.get_mut(number)?;
                seat.owner = Some(thread.number);
                let (hand, next) = (seat.hand.take()?, seat.next);
                if next == self.begun() {
                    self.begin_step(None);
                }
                let step = self.steps.get_mut(next - self.first)?;
                let spare = step.yields.get_mut(number).map(mem::take)?;
                Some(match step.remains {
                    Some(remains) => Task::Finish(number, hand, remains, spare),
                    None => Task::Read(number, hand, spare),
                })
            }
        }
    }

    /// Whether the hand is there, and this thread's: either already, or it is nobody's, and the others have theirs.
    fn may_take(&self, number: usize, thread: Thread) -> bool {
        let has = |seat: &Seat| seat.owner == Some(thread.number);
        self.seats.get(number).is_some_and(|seat| {
            let owned = || self.seats.iter().filter(|seat| has(seat)).count();
            let is_free = || seat.owner.is_none() && owned() < self.size.div_ceil(thread.of);
            seat.hand.is_some() && (has(seat) || is_free())
        })
    }

    /// There is nothing to do for those who have read all, unless something is to be finished.
    fn begin_step(&mut self, remains: Option<Remains>) {
        let mut done = 0;
        if remains.is_none() {
            for seat in self.seats.iter_mut().filter(|seat| seat.end.is_some()) {
                seat.next += 1;
                done += 1;
            }
        }
        let new = || (0..self.size).map(|_| Yield::default()).collect();
        self.steps.push_back(Step {
            remains,
            yields: self.spare.pop().unwrap_or_else(new),
            weight: 0,
            done,
        });
    }

    /// Takes notice of what was done.
    pub(super) fn accept(&mut self, done: Done) {
        match done {
            Done::Postponed => self.stage = Stage::Postponed,
            Done::Opened(Ok(hands), window) => {
                self.window = window;
                self.seats = hands.into_iter().map(Seat::of).collect();
                self.stage = Stage::Reading;
            }
            Done::Opened(Err(error), _) => self.stage = Stage::Unreadable(error),
            Done::Stepped(number, hand, yielded, end) => self.land(number, hand, yielded, end),
        }
    }

    fn land(&mut self, number: usize, hand: Box<Hand>, yielded: Yield, end: Option<Box<End>>) {
        let begun = self.begun();
        let Some(seat) = self.seats.get_mut(number) else {
            return;
        };
        seat.weight = hand.weight();
        seat.hand = Some(hand);
        let steps = seat.next - self.first..;
        seat.next = match end {
            Some(_) => begun,
            None => seat.next + 1,
        };
        let count = seat.next - self.first - steps.start;
        seat.end = end;
        let mut done = self.steps.range_mut(steps).take(count);
        if let Some(step) = done.next() {
            step.done += 1;
            step.weight += yielded.weight();
            if let Some(place) = step.yields.get_mut(number) {
                *place = yielded;
            }
        }
        done.for_each(|step| step.done += 1);
    }

    /// Whether it is known what comes of it next.
    fn is_ready(&self) -> bool {
        match self.steps.front() {
            Some(step) => step.done == self.size,
            None => match self.stage {
                Stage::Unreadable(_) | Stage::Over => true,
                Stage::Reading => self.seats.iter().all(|seat| seat.end.is_some()),
                _ => false,
            },
        }
    }

    /// Whether so many steps are ready, or nobody makes more ready.
    pub(super) fn is_ready_with(&self, steps: usize) -> bool {
        let is_done = |step: &&Step| step.done == self.size;
        let ready = self.steps.iter().take(steps).filter(is_done).count();
        let is_idle = || self.seats.iter().all(|seat| seat.hand.is_some());
        self.is_ready() && (ready == steps || is_idle())
    }

    /// What comes of it next, if that is known already.
    pub(super) fn ready(&mut self) -> Option<Ready> {
        if !self.is_ready() {
            return None;
        }
        if let Some(step) = self.steps.pop_front() {
            self.first += 1;
            self.finish_more();
            return Some(Ready::Yields(step.yields));
        }
        match mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Unreadable(error) => Some(Ready::Unreadable(error)),
            Stage::Over => Some(Ready::Over),
            _ => self.end().map(Ready::End),
        }
    }

    /// What there was in the capture. Where some hands came to its end before others, packets of their connections are
    /// missing.
    fn end(&mut self) -> Option<Box<End>> {
        let mut ends = self.seats.iter_mut().filter_map(|seat| seat.end.take());
        let mut end = ends.next()?;
        let others: Vec<_> = ends.collect();
        let lasts = others.iter().map(|other| other.last);
        let last = lasts.fold(end.last, At::later);
        if end.last != last {
            end.summary.add_damage(end.too_early.clone());
        }
        for other in others {
            let forgotten = [end.beside.forgotten, other.beside.forgotten];
            end.beside.forgotten = forgotten.into_iter().sum();
            end.left += other.left;
            if other.last != last {
                end.summary.add_damage(other.too_early);
            }
        }
        end.last = last;
        Some(end)
    }

    /// Takes back what was handed out, in the order of the hands.
    pub(super) fn take_back(&mut self, yields: Vec<Yield>) {
        self.spare.push(yields);
    }

    /// All was read: the steps in which what is left is finished.
    pub(super) fn finish(&mut self, steps: VecDeque<Remains>) {
        self.stage = Stage::Finishing(steps);
        self.finish_more();
    }

    /// Begins several further steps of the end where few are left: then nobody waits for each of them.
    fn finish_more(&mut self) {
        if self.steps.len() > STEPS_LEFT {
            return;
        }
        while let Stage::Finishing(steps) = &mut self.stage
            && self.steps.len() < STEPS_AHEAD
        {
            match steps.pop_front() {
                Some(remains) => self.begin_step(Some(remains)),
                None => self.stage = Stage::Over,
            }
        }
    }

    /// The memory that its tables take, in octets.
    fn kept(&self) -> usize {
        self.seats.iter().map(|seat| seat.weight).sum()
    }

    /// The memory that what is to be handed out takes, in octets.
    fn untold(&self) -> usize {
        self.steps.iter().map(|step| step.weight).sum()
    }
}

impl Seat {
    fn of(hand: Hand) -> Self {
        Seat {
            hand: Some(Box::new(hand)),
            owner: None,
            next: 0,
            weight: 0,
            end: None,
        }
    }
}

/// How many steps of the end are worked on at once.
const STEPS_AHEAD: usize = 6;

/// How many of them are left when further ones are begun.
const STEPS_LEFT: usize = STEPS_AHEAD / 2;

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::{fs, slice};

    use super::*;
    use crate::audit::{Extent, Selection, Surveying};
    use crate::rules::Settings;
    use crate::tcp::MEMORY;

    const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/early-idle-close.pcap");

    const ROOM: Room = Room {
        steps: 2,
        untold: usize::MAX,
        memory: usize::MAX,
    };

    fn plan() -> Plan {
        Plan {
            settings: Settings::default(),
            selection: Selection::default(),
            extent: Extent::Connection,
            survey: Surveying::NotAsked,
            memory: MEMORY,
            threads: NonZeroUsize::MIN,
            tell: None,
            monitor: Arc::default(),
        }
    }

    /// Hands that read these, as if they were one capture.
    fn hands_of(paths: &[PathBuf], plan: &Plan) -> Vec<Hand> {
        let hand = |(number, path): (usize, &PathBuf)| {
            let capture = Capture::open(path).unwrap();
            Hand::new(capture, plan, number, paths.len())
        };
        paths.iter().enumerate().map(hand).collect()
    }

    /// What there was when all had read all, one thread having done all there was to do.
    fn read_by(hands: Vec<Hand>, plan: &Plan) -> Box<End> {
        let source = Source::File(SAMPLE.into());
        let thread = Thread { number: 0, of: 1 };
        let mut crew = Crew::of(hands.len());
        crew.accept(Done::Opened(Ok(hands), 0));
        loop {
            match crew.ready() {
                Some(Ready::End(end)) => return end,
                Some(Ready::Yields(yields)) => crew.take_back(yields),
                Some(_) => panic!("nothing is over yet"),
                None => {
                    let next = crew.next(thread, ROOM).unwrap();
                    let task = crew.begin(next, thread).unwrap();
                    crew.accept(task.perform(&source, plan));
                }
            }
        }
    }

    #[test]
    fn where_one_hand_finds_less_than_others_that_is_said() {
        let plan = plan();
        let folder = tempfile::tempdir().unwrap();
        let whole = fs::read(SAMPLE).unwrap();
        let shorter = folder.path().join("shorter.pcap");
        fs::write(&shorter, &whole[..whole.len() - 100]).unwrap();
        let sample = PathBuf::from(SAMPLE);
        let all = read_by(hands_of(slice::from_ref(&sample), &plan), &plan);
        assert_eq!(all.summary.damaged, 0);

        let alike = [sample.clone(), sample.clone(), sample.clone()];
        let end = read_by(hands_of(&alike, &plan), &plan);
        assert_eq!((end.last, end.summary.damaged), (all.last, 0));

        let end = read_by(hands_of(&[sample.clone(), shorter.clone()], &plan), &plan);
        assert_eq!((end.last, end.summary.damaged), (all.last, 1));
        let said = end.summary.damage[0].to_string();
        assert!(said.contains("it changed while it was read"), "{said}");
        assert!(end.summary.damage[0].frame <= all.last.frame);

        // The first has seen the cut itself.
        let end = read_by(hands_of(&[shorter, sample], &plan), &plan);
        assert_eq!((end.last, end.summary.damaged), (all.last, 2));
    }

    #[test]
    fn nobody_is_further_ahead_than_there_is_room() {
        let plan = plan();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.pcap");
        long_capture(&path);
        let hands = hands_of(&[path.clone(), path.clone()], &plan);
        let source = Source::File(path);
        let (one, other) = (Thread { number: 0, of: 2 }, Thread { number: 1, of: 2 });
        let mut crew = Crew::of(2);
        crew.accept(Done::Opened(Ok(hands), 0));
        let step = |crew: &mut Crew, thread| {
            let next = crew.next(thread, ROOM)?;
            let task = crew.begin(next, thread)?;
            crew.accept(task.perform(&source, &plan));
            Some(())
        };
        assert!(step(&mut crew, one).is_some() && step(&mut crew, one).is_some());
        assert!(step(&mut crew, one).is_none());
        assert!(crew.ready().is_none());
        // Either may be ahead.
        for _ in 0..4 {
            assert!(step(&mut crew, other).is_some());
        }
        assert!(step(&mut crew, other).is_none());
        assert!(matches!(crew.ready(), Some(Ready::Yields(_))));
    }

    /// One of many steps: a sample, again and again.
    fn long_capture(path: &Path) {
        let sample = fs::read(SAMPLE).unwrap();
        let (header, records) = sample.split_at(24);
        let mut octets = header.to_vec();
        while octets.len() < 4 << 20 {
            octets.extend_from_slice(records);
        }
        fs::write(path, octets).unwrap();
    }
}
