//! One capture that several threads work on.
//!
//! In: what was done. Out: what can be done next, by any thread, and what came of all parts of a batch once all are
//! done. Nothing is done here and nobody waits here: that is left to [`pool`](super::pool).
//!
//! A capture is read by one thread at a time, and so is each of its tables worked on by one, each in the order of the
//! capture; which threads these are makes no difference to what comes of it.

use std::array;
use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use super::Plan;
use super::batch::{Batch, End, Intake, More};
use super::part::{Part, Work, Yield};
use crate::capture::{Capture, OpenError, Source};
use crate::tcp::SHARDS;

/// A capture, and how far it is.
pub(super) struct Crew {
    stage: Stage,
    seats: [Seat; SHARDS],
    flights: VecDeque<Flight>,
    /// The number of the oldest of these.
    first: usize,
    spare: Vec<Batch>,
    /// What unpacking may take.
    window: usize,
}

enum Stage {
    Unopened,
    /// It takes too much memory to open it before its turn.
    Postponed,
    /// Someone is opening or reading it.
    Busy,
    Unreadable(OpenError),
    Open(Box<Intake>),
    Ended(Box<End>),
    /// What was left at its end is finished in these steps.
    Rest(VecDeque<Work>),
    Over,
}

/// One of its tables.
struct Seat {
    /// `None` while someone works on it.
    part: Option<Part>,
    /// The number of the next flight that is for it.
    next: usize,
    weight: usize,
}

/// One of the threads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    /// Its number, from 0.
    pub(super) number: usize,
    /// How many there are.
    pub(super) of: usize,
}

impl Thread {
    /// Whether this table is its own. What a table keeps is given back by the thread that took it: memory that goes
    /// from one thread to another is locked for both, and lies idle in the share of the first.
    fn has(self, seat: usize) -> bool {
        seat % self.of == self.number
    }
}

/// Work for all tables.
struct Flight {
    work: Arc<Work>,
    /// What came of it: it is done when all tables yielded something, be it nothing.
    yields: Vec<Yield>,
}

/// How much of a capture is done ahead of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// How many batches are worked on at once.
    pub(super) flights: usize,
    /// How many octets of memory what is to be handed out may take by then.
    pub(super) untold: usize,
    /// How many it may take in all, beside the batches.
    pub(super) memory: usize,
}

/// Something that a thread can do.
pub(super) enum Task {
    /// To open it, if that takes no more than so many octets of memory.
    Open(usize),
    Read(Box<Intake>, Batch),
    Work(usize, Part, Vec<Arc<Work>>),
}

/// What was done.
pub(super) enum Done {
    Postponed,
    Opened(Result<Box<Intake>, OpenError>, usize),
    Read(Batch, More),
    Worked(usize, Part, Vec<Yield>),
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
            Task::Open(room) if room < source.window(plan.memory) => Done::Postponed,
            Task::Open(_) => {
                let capture = source.open_watched(plan.memory, &plan.monitor);
                let window = capture.as_ref().map_or(0, Capture::window);
                let bounds = plan.bounds(window);
                let intake =
                    capture.map(|capture| Box::new(Intake::new(capture, bounds, plan.targets())));
                Done::Opened(intake, window)
            }
            Task::Read(intake, spare) => {
                let (batch, more) = intake.read(spare);
                Done::Read(batch, more)
            }
            Task::Work(seat, mut part, work) => {
                let yields = work
                    .iter()
                    .map(|work| part.work(work, source, plan))
                    .collect();
                Done::Worked(seat, part, yields)
            }
        }
    }
}

impl Flight {
    fn is_done(&self) -> bool {
        self.yields.len() == SHARDS
    }
}

impl Crew {
    pub(super) fn new() -> Self {
        Crew {
            stage: Stage::Unopened,
            seats: array::from_fn(|_| Seat {
                part: None,
                next: 0,
                weight: 0,
            }),
            flights: VecDeque::new(),
            first: 0,
            spare: Vec::new(),
            window: 0,
        }
    }

    /// Something for this thread to do, as far as there is room.
    pub(super) fn next_task(&mut self, thread: Thread, room: Room) -> Option<Task> {
        let task = self.read_on(room);
        task.or_else(|| self.work_on(thread))
    }

    fn read_on(&mut self, room: Room) -> Option<Task> {
        let working = self.flights.iter().filter(|flight| !flight.is_done());
        let untold = self.untold();
        if working.count() >= room.flights
            || untold > room.untold
            || self.window + self.kept() + untold > room.memory
        {
            return None;
        }
        match mem::replace(&mut self.stage, Stage::Busy) {
            Stage::Unopened => Some(Task::Open(room.memory)),
            Stage::Postponed if room.memory == usize::MAX => Some(Task::Open(room.memory)),
            Stage::Open(intake) => Some(Task::Read(intake, self.spare.pop().unwrap_or_default())),
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// All that waits for the table of this thread that is furthest behind.
    fn work_on(&mut self, thread: Thread) -> Option<Task> {
        let (first, end) = (self.first, self.first + self.flights.len());
        let seats = self.seats.iter_mut().enumerate();
        let seats = seats
            .filter(|(number, seat)| thread.has(*number) && seat.part.is_some() && seat.next < end);
        let (number, seat) = seats.min_by_key(|(_, seat)| seat.next)?;
        let waiting = self.flights.range(seat.next - first..);
        let work = waiting.map(|flight| Arc::clone(&flight.work)).collect();
        Some(Task::Work(number, seat.part.take()?, work))
    }

    /// Takes notice of what was done.
    pub(super) fn accept(&mut self, done: Done) {
        match done {
            Done::Postponed => self.stage = Stage::Postponed,
            Done::Opened(Ok(intake), window) => {
                self.window = window;
                for (number, seat) in self.seats.iter_mut().enumerate() {
                    seat.part = Some(intake.new_part(number));
                }
                self.stage = Stage::Open(intake);
            }
            Done::Opened(Err(error), _) => self.stage = Stage::Unreadable(error),
            Done::Read(batch, more) => {
                self.launch(Work::Packets(batch));
                self.stage = match more {
                    More::Yes(intake) => Stage::Open(intake),
                    More::No(end) => Stage::Ended(end),
                };
            }
            Done::Worked(number, part, yields) => self.land(number, part, yields),
        }
    }

    fn launch(&mut self, work: Work) {
        self.flights.push_back(Flight {
            work: Arc::new(work),
            yields: Vec::new(),
        });
    }

    fn land(&mut self, number: usize, part: Part, yields: Vec<Yield>) {
        let Some(seat) = self.seats.get_mut(number) else {
            return;
        };
        seat.weight = part.weight();
        seat.part = Some(part);
        let flights = self.flights.range_mut(seat.next - self.first..);
        seat.next += yields.len();
        for (flight, yielded) in flights.zip(yields) {
            flight.yields.push(yielded);
            if flight.yields.len() < SHARDS {
                continue;
            }
            // All others are done with it, so that it is nobody else's.
            let done = mem::replace(&mut flight.work, Arc::new(Work::None));
            if let Some(Work::Packets(batch)) = Arc::into_inner(done) {
                self.spare.push(batch);
            }
        }
    }

    /// What comes of it next, if that is known already.
    pub(super) fn ready(&mut self) -> Option<Ready> {
        if let Some(flight) = self.flights.pop_front_if(|flight| flight.is_done()) {
            self.first += 1;
            self.next_step();
            return Some(Ready::Yields(flight.yields));
        }
        if !self.flights.is_empty() {
            return None;
        }
        match mem::replace(&mut self.stage, Stage::Busy) {
            Stage::Unreadable(error) => Some(Ready::Unreadable(error)),
            Stage::Ended(mut end) => {
                let parts = self.seats.iter().filter_map(|seat| seat.part.as_ref());
                end.beside.forgotten = parts.map(Part::forgotten).sum();
                Some(Ready::End(end))
            }
            Stage::Over => Some(Ready::Over),
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// All was read: the steps in which what is left is finished.
    pub(super) fn finish(&mut self, steps: VecDeque<Work>) {
        self.spare.clear();
        self.stage = Stage::Rest(steps);
        (0..STEPS_AHEAD).for_each(|_| self.next_step());
    }

    fn next_step(&mut self) {
        if let Stage::Rest(steps) = &mut self.stage {
            match steps.pop_front() {
                Some(step) => self.launch(step),
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
        let yields = self.flights.iter().flat_map(|flight| &flight.yields);
        yields.map(Yield::weight).sum()
    }
}

/// How many steps of the end are worked on at once.
const STEPS_AHEAD: usize = 3;
