//! One capture that several threads work on.
//!
//! In: what was done. Out: what can be done next, by any thread, and what came of a step through the capture once it was
//! done by all hands. Nothing is done here and nobody waits here: that is left to [`pool`](super::pool).
//!
//! The first hand leads, which is to say that its steps are those of the others. How many hands there are, and which
//! threads they are in, makes no difference to what comes of them.

use std::collections::VecDeque;
use std::mem;

use super::Plan;
use super::hand::{End, Hand, Led, Work, Yield};
use crate::capture::{Capture, OpenError, Readers, Source};

/// A capture, and how far it is.
pub(super) struct Crew {
    /// How many hands it has.
    size: usize,
    stage: Stage,
    seats: Vec<Seat>,
    steps: VecDeque<Step>,
    /// The number of the oldest of these.
    first: usize,
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
    Open,
    Ended(Box<End>),
    /// What was left at its end is finished in these steps.
    Rest(VecDeque<Work>),
    Over,
}

/// The place of a hand.
struct Seat {
    /// `None` while someone works with it.
    hand: Option<Hand>,
    /// The thread that took it first. What a hand keeps is given back by the thread that took it: memory that goes from
    /// one thread to another is locked for both, and lies idle in the share of the first.
    owner: Option<usize>,
    /// The number of its next step.
    next: usize,
    weight: usize,
    /// Yields of it that were handed out.
    spare: Vec<Yield>,
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
    work: Work,
    /// What came of it, in the order of the hands.
    yields: Vec<Yield>,
    /// How many of them yielded something, be it nothing.
    done: usize,
}

/// How much of a capture is done ahead of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// How many steps the first hand may be ahead of the others.
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
    /// To go on with the first hand.
    Lead,
    /// To let the hand of this number do what the first has done.
    KeepUp(usize),
}

/// That, with all it takes.
pub(super) enum Task {
    /// To open it for so many hands, if that takes no more than so many octets of memory.
    Open(usize, usize),
    Lead(Hand, Yield),
    Work(usize, Hand, Vec<(Work, Yield)>),
}

/// What was done.
pub(super) enum Done {
    Postponed,
    Opened(Result<Vec<Hand>, OpenError>, usize),
    Led(Hand, Led),
    Worked(usize, Hand, Vec<Yield>),
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
                let window = opened.as_ref().map_or(0, |opened| opened.leader.window());
                Done::Opened(opened.map(|opened| hands(opened, plan)), window)
            }
            Task::Lead(mut hand, spare) => {
                let led = hand.lead(spare, source, plan);
                Done::Led(hand, led)
            }
            Task::Work(seat, mut hand, work) => {
                let work = work.into_iter();
                let yields = work.map(|(work, spare)| hand.work(work, spare, source, plan));
                let yields = yields.collect();
                Done::Worked(seat, hand, yields)
            }
        }
    }
}

fn hands(readers: Readers<Capture>, plan: &Plan) -> Vec<Hand> {
    let of = 1 + readers.followers.len();
    let captures = [readers.leader].into_iter().chain(readers.followers);
    let numbered = captures.enumerate();
    numbered
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
            window: 0,
        }
    }

    /// What there is to do for this thread, as far as there is room.
    pub(super) fn next(&self, thread: Thread, room: Room) -> Option<Next> {
        let has_room = self.has_room(room);
        let ahead = match self.stage {
            Stage::Postponed if room.memory < usize::MAX => None,
            Stage::Unopened | Stage::Postponed => Some(Next::Open(room.memory)),
            Stage::Open if self.may_take(0, thread) => Some(Next::Lead),
            _ => None,
        };
        // It costs more to wake a thread than to do one step.
        let at_least = match self.stage {
            Stage::Open if has_room => AT_ONCE,
            _ => 1,
        };
        let ahead = ahead.filter(|_| has_room);
        ahead.or_else(|| self.furthest_behind(thread, at_least))
    }

    fn has_room(&self, room: Room) -> bool {
        let undone = |step: &&Step| step.done < self.size;
        let untold = self.untold();
        self.steps.iter().filter(undone).count() < room.steps
            && untold <= room.untold
            && self.window + self.kept() + untold <= room.memory
    }

    /// The hand of this thread that is furthest behind, if so many steps are to be done by it.
    fn furthest_behind(&self, thread: Thread, at_least: usize) -> Option<Next> {
        let end = self.first + self.steps.len();
        let seats = self.seats.iter().enumerate();
        let behind = seats
            .filter(|(number, seat)| seat.next + at_least <= end && self.may_take(*number, thread));
        let (number, _) = behind.min_by_key(|(_, seat)| seat.next)?;
        Some(Next::KeepUp(number))
    }

    /// Gives it to this thread, whom it was for.
    pub(super) fn begin(&mut self, next: Next, thread: Thread) -> Option<Task> {
        match next {
            Next::Open(memory) => {
                self.stage = Stage::Opening;
                Some(Task::Open(self.size, memory))
            }
            Next::Lead => {
                let (hand, mut spare) = self.take(0, thread, 1)?;
                Some(Task::Lead(hand, spare.pop()?))
            }
            Next::KeepUp(number) => {
                let next = self.seats.get(number)?.next;
                let steps = self.steps.range(next - self.first..).take(AT_ONCE);
                let work: Vec<Work> = steps.map(|step| step.work).collect();
                let (hand, spare) = self.take(number, thread, work.len())?;
                Some(Task::Work(
                    number,
                    hand,
                    work.into_iter().zip(spare).collect(),
                ))
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

    /// The hand, for this thread from now on, and so many empty yields.
    fn take(&mut self, number: usize, thread: Thread, yields: usize) -> Option<(Hand, Vec<Yield>)> {
        let seat = self.seats.get_mut(number)?;
        seat.owner = Some(thread.number);
        let spare = (0..yields).map(|_| seat.spare.pop().unwrap_or_default());
        Some((seat.hand.take()?, spare.collect()))
    }

    /// Takes notice of what was done.
    pub(super) fn accept(&mut self, done: Done) {
        match done {
            Done::Postponed => self.stage = Stage::Postponed,
            Done::Opened(Ok(hands), window) => {
                self.window = window;
                self.seats = hands.into_iter().map(Seat::of).collect();
                self.stage = Stage::Open;
            }
            Done::Opened(Err(error), _) => self.stage = Stage::Unreadable(error),
            Done::Led(hand, led) => {
                self.add_step(Work::Packets { until: led.until });
                if let Some(end) = led.end {
                    self.stage = Stage::Ended(end);
                }
                self.land(0, hand, vec![led.yielded]);
            }
            Done::Worked(number, hand, yields) => self.land(number, hand, yields),
        }
    }

    fn add_step(&mut self, work: Work) {
        self.steps.push_back(Step {
            work,
            yields: (0..self.size).map(|_| Yield::default()).collect(),
            done: 0,
        });
    }

    fn land(&mut self, number: usize, hand: Hand, yields: Vec<Yield>) {
        let Some(seat) = self.seats.get_mut(number) else {
            return;
        };
        seat.weight = hand.weight();
        seat.hand = Some(hand);
        let steps = self.steps.range_mut(seat.next - self.first..);
        seat.next += yields.len();
        for (step, yielded) in steps.zip(yields) {
            step.done += 1;
            if let Some(place) = step.yields.get_mut(number) {
                *place = yielded;
            }
        }
    }

    /// Whether it is known what comes of it next.
    pub(super) fn is_ready(&self) -> bool {
        match self.steps.front() {
            Some(step) => step.done == self.size,
            None => matches!(
                self.stage,
                Stage::Unreadable(_) | Stage::Ended(_) | Stage::Over
            ),
        }
    }

    /// What comes of it next, if that is known already.
    pub(super) fn ready(&mut self) -> Option<Ready> {
        let size = self.size;
        if let Some(step) = self.steps.pop_front_if(|step| step.done == size) {
            self.first += 1;
            self.next_step();
            return Some(Ready::Yields(step.yields));
        }
        if !self.steps.is_empty() {
            return None;
        }
        match mem::replace(&mut self.stage, Stage::Opening) {
            Stage::Unreadable(error) => Some(Ready::Unreadable(error)),
            Stage::Ended(mut end) => {
                let hands = self.seats.iter().filter_map(|seat| seat.hand.as_ref());
                for hand in hands {
                    end.beside.forgotten =
                        [end.beside.forgotten, hand.forgotten()].into_iter().sum();
                    if let Some(short) = hand.shortfall() {
                        end.summary.add_damage(short.clone());
                    }
                }
                Some(Ready::End(end))
            }
            Stage::Over => Some(Ready::Over),
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// Takes back what was handed out, in the order of the hands.
    pub(super) fn take_back(&mut self, yields: Vec<Yield>) {
        for (seat, yielded) in self.seats.iter_mut().zip(yields) {
            seat.spare.push(yielded.emptied());
        }
    }

    /// All was read: the steps in which what is left is finished.
    pub(super) fn finish(&mut self, steps: VecDeque<Work>) {
        self.stage = Stage::Rest(steps);
        (0..STEPS_AHEAD).for_each(|_| self.next_step());
    }

    fn next_step(&mut self) {
        if let Stage::Rest(steps) = &mut self.stage {
            match steps.pop_front() {
                Some(step) => self.add_step(step),
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
        let yields = self.steps.iter().flat_map(|step| &step.yields);
        yields.map(Yield::weight).sum()
    }
}

impl Seat {
    fn of(hand: Hand) -> Self {
        Seat {
            hand: Some(hand),
            owner: None,
            next: 0,
            weight: 0,
            spare: Vec::new(),
        }
    }
}

/// How many steps those that keep up with the first hand do at once.
const AT_ONCE: usize = 8;

/// How many steps of the end are worked on at once.
const STEPS_AHEAD: usize = 3;
