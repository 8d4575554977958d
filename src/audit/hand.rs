//! Some of the tables of a capture, in the hand of one thread.
//!
//! In: the capture, in steps that end with the same packets for all hands. Out: a [`Yield`] for each: what began and what
//! was finished there. Each hand goes through the whole capture, and keeps the connections of its own tables: so nothing
//! has to go from one thread to another but what is known of finished connections.
//!
//! Connections have no numbers yet, which depend on the other tables, too: the frame with which one began stands for
//! it, as no frame begins two.

use std::mem;

use super::finished::{Finished, MAX_KEPT, Texts, What};
use super::judged::Judged;
use super::{Plan, Totals};
use crate::capture::{Capture, Damage, Source, Summary};
use crate::connection::{Beside, Conversation, Tables};
use crate::slab::{Slab, Spot};
use crate::tcp::{Facts, Latest, Registry, Rest};
use crate::time::At;

/// How many packets one step has, and how many octets of them: it ends with whichever is reached first.
const STEP: (u32, usize) = (1024, 1 << 18);

/// Its tables, or what is left of them.
pub(super) struct Hand {
    stage: Stage,
    judged: Slab<Judged>,
}

enum Stage {
    Reading(Box<Reading>),
    Over(Rest<Conversation, Spot>),
}

struct Reading {
    capture: Capture,
    tables: Tables<Spot>,
}

/// To finish what is left and began before the frame `before`; the capture is over, and `last` is its last packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remains {
    pub(super) before: u64,
    pub(super) last: At,
}

/// What was read of a capture once nothing is left to be read.
pub(super) struct End {
    /// Its last packet.
    pub(super) last: At,
    /// The memory that the connections take which are left, in octets.
    pub(super) left: usize,
    /// What there was beside the connections; of what tables forgot, that of this hand.
    pub(super) beside: Beside,
    pub(super) summary: Summary,
    /// What is said where it went on for other hands.
    pub(super) too_early: Damage,
}

/// What came of a step. It goes to another thread as few pieces of memory, and comes back, to be used again: a piece that
/// one thread takes and another gives back is locked for both.
#[derive(Debug, Default)]
pub(super) struct Yield {
    /// The frames with which connections began.
    pub(super) begun: Vec<u64>,
    /// The frames of those that are nobody's.
    pub(super) forgotten: Vec<u64>,
    /// The connections that were finished; their numbers are the frames with which they began.
    pub(super) finished: Vec<Finished>,
    pub(super) texts: Texts,
    weight: usize,
}

impl Hand {
    /// The hand of this number, of so many that share the tables of a capture.
    pub(super) fn new(capture: Capture, plan: &Plan, number: usize, of: usize) -> Self {
        let bounds = plan.bounds(capture.window());
        let tables = Tables::new(bounds, plan.targets(), |table| table % of == number);
        let reading = Box::new(Reading { capture, tables });
        Hand {
            stage: Stage::Reading(reading),
            judged: Slab::default(),
        }
    }

    /// The memory that its connections take, in octets.
    pub(super) fn weight(&self) -> usize {
        match &self.stage {
            Stage::Reading(reading) => reading.tables.weight(),
            Stage::Over(_) => 0,
        }
    }

    /// Takes the packets of the next step, into what came of an earlier one and is not needed any more. Says what there
    /// was where it was the last.
    pub(super) fn read(
        &mut self,
        mut spare: Yield,
        source: &Source,
        plan: &Plan,
    ) -> (Yield, Option<Box<End>>) {
        spare.empty();
        let Stage::Reading(reading) = &mut self.stage else {
            return (spare, None);
        };
        let mut noting = Noting {
            plan,
            source,
            judged: &mut self.judged,
            yielded: spare,
        };
        let (mut packets, mut octets) = STEP;
        while let Some(packet) = reading.capture.next_packet() {
            reading.tables.take(&packet, &mut noting);
            packets -= 1;
            octets = octets.saturating_sub(packet.octets.len());
            if packets == 0 || octets == 0 {
                return (noting.yielded, None);
            }
        }
        let yielded = noting.yielded;
        (yielded, self.end().map(Box::new))
    }

    fn end(&mut self) -> Option<End> {
        let Stage::Reading(reading) = mem::replace(&mut self.stage, Stage::Over(Rest::default()))
        else {
            return None;
        };
        let Reading { capture, tables } = *reading;
        let end = End {
            last: tables.last(),
            left: tables.weight(),
            beside: tables.beside(),
            too_early: capture.falls_short("it changed while it was read"),
            summary: capture.finish(),
        };
        self.stage = Stage::Over(tables.into_rest());
        Some(end)
    }

    /// Finishes some of what is left, into what came of an earlier step and is not needed any more.
    pub(super) fn finish(
        &mut self,
        remains: Remains,
        mut spare: Yield,
        source: &Source,
        plan: &Plan,
    ) -> Yield {
        spare.empty();
        let mut noting = Noting {
            plan,
            source,
            judged: &mut self.judged,
            yielded: spare,
        };
        if let Stage::Over(rest) = &mut self.stage {
            let Remains { before, last } = remains;
            while rest.next_stream().is_some_and(|stream| stream < before) {
                rest.finish_next(last, &mut noting);
            }
        }
        noting.yielded
    }
}

impl Yield {
    /// The memory that it takes, in octets.
    pub(super) fn weight(&self) -> usize {
        self.weight
            + self.texts.written.capacity()
            + size_of::<u64>() * (self.begun.len() + self.forgotten.len())
    }

    /// Forgets all of it, and keeps some of the memory.
    fn empty(&mut self) {
        self.begun.clear();
        self.forgotten.clear();
        self.finished.clear();
        self.texts.written.clear(MAX_KEPT);
        self.texts.totals = Totals::default();
        self.weight = 0;
    }
}

struct Noting<'a> {
    plan: &'a Plan,
    source: &'a Source,
    judged: &'a mut Slab<Judged>,
    yielded: Yield,
}

impl Registry<Conversation> for Noting<'_> {
    type Record = Spot;

    fn begin(&mut self, at: At) -> u64 {
        self.yielded.begun.push(at.frame);
        at.frame
    }

    fn conclude(&mut self, facts: Facts, conversation: &mut Conversation) -> Spot {
        let mut connection = conversation.conclude(facts);
        let judged = Judged::new(&mut connection, self.plan);
        self.judged.add(judged)
    }

    fn weight(&self, &spot: &Spot) -> usize {
        self.judged.get(spot).map_or(0, Judged::weight)
    }

    fn fetch(&self, &spot: &Spot) {
        self.judged.fetch(spot);
    }

    fn finish(&mut self, spot: Spot, latest: Latest) {
        let beside = self.weight(&spot);
        let Yield {
            finished,
            texts,
            weight,
            ..
        } = &mut self.yielded;
        let one = Finished::new(self.judged, spot, latest, self.source, self.plan, texts);
        let Some(one) = one else {
            return;
        };
        *weight += size_of::<Finished>();
        if let What::Row(..) = one.what {
            *weight += beside;
        }
        finished.push(one);
    }

    fn forget(&mut self, stream: u64) {
        self.yielded.forgotten.push(stream);
    }
}
