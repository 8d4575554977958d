//! Some of the tables of a capture, in the hand of one thread.
//!
//! In: the capture, read to a certain packet. Out: a [`Yield`]: what began and what was finished there. Each hand reads
//! the whole capture for itself, and keeps the connections of its own tables: so nothing has to go from one thread to
//! another but what is known of finished connections. One of them leads; the others read no further than it.
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
use crate::tcp::{Facts, Forgotten, Latest, Registry, Rest};
use crate::time::At;

/// How many packets the one that leads takes in one step, and how many octets of them.
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
    /// Where it ended before the one that leads did.
    short: Option<Damage>,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// To take the packets up to this one.
    Packets { until: u64 },
    /// To finish what is left and began before the frame `before`; the capture is over, and `last` is its last packet.
    Rest { before: u64, last: At },
}

/// What came of packets that were read ahead of the others.
#[derive(Default)]
pub(super) struct Led {
    /// The last of these packets.
    pub(super) until: u64,
    pub(super) yielded: Yield,
    /// Where they were the last of the capture.
    pub(super) end: Option<Box<End>>,
}

/// What was read of a capture once nothing is left to be read.
#[derive(Default)]
pub(super) struct End {
    /// Its last packet.
    pub(super) last: At,
    /// What there was beside the connections; of what tables forgot, that of the hand which leads.
    pub(super) beside: Beside,
    pub(super) summary: Summary,
}

/// What came of that. It goes to another thread as few pieces of memory, and comes back, to be used again: a piece that
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
        let reading = Reading {
            capture,
            tables,
            short: None,
        };
        Hand {
            stage: Stage::Reading(Box::new(reading)),
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

    /// Connections of its tables that were forgotten early; before the rest is finished.
    pub(super) fn forgotten(&self) -> Forgotten {
        match &self.stage {
            Stage::Reading(reading) => reading.tables.beside().forgotten,
            Stage::Over(_) => Forgotten::default(),
        }
    }

    /// Where the capture ended before it did for the one that leads; before the rest is finished. Then packets of its
    /// connections are missing.
    pub(super) fn shortfall(&self) -> Option<&Damage> {
        match &self.stage {
            Stage::Reading(reading) => reading.short.as_ref(),
            Stage::Over(_) => None,
        }
    }

    /// Takes the next packets; `spare` is empty.
    pub(super) fn lead(&mut self, spare: Yield, source: &Source, plan: &Plan) -> Led {
        let Stage::Reading(reading) = &mut self.stage else {
            return Led::default();
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
                return Led {
                    until: reading.tables.last().frame,
                    yielded: noting.yielded,
                    end: None,
                };
            }
        }
        let yielded = noting.yielded;
        let end = self.end();
        Led {
            until: end.last.frame,
            yielded,
            end: Some(Box::new(end)),
        }
    }

    fn end(&mut self) -> End {
        match mem::replace(&mut self.stage, Stage::Over(Rest::default())) {
            Stage::Reading(reading) => {
                let Reading {
                    capture, tables, ..
                } = *reading;
                let end = End {
                    last: tables.last(),
                    beside: tables.beside(),
                    summary: capture.finish(),
                };
                self.stage = Stage::Over(tables.into_rest());
                end
            }
            Stage::Over(_) => End::default(),
        }
    }

    /// Does it, and says what came of it; `spare` is empty.
    pub(super) fn work(&mut self, work: Work, spare: Yield, source: &Source, plan: &Plan) -> Yield {
        let mut noting = Noting {
            plan,
            source,
            judged: &mut self.judged,
            yielded: spare,
        };
        match work {
            Work::Packets { until } => self.stage.follow(until, &mut noting),
            Work::Rest { before, last } => self.stage.finish(before, last, &mut noting),
        }
        noting.yielded
    }
}

impl Stage {
    fn follow(&mut self, until: u64, noting: &mut Noting<'_>) {
        let Stage::Reading(reading) = self else {
            return;
        };
        while reading.tables.last().frame < until {
            let Some(packet) = reading.capture.next_packet() else {
                let short = || reading.capture.falls_short("it changed while it was read");
                reading.short.get_or_insert_with(short);
                return;
            };
            reading.tables.take(&packet, noting);
        }
    }

    fn finish(&mut self, before: u64, last: At, noting: &mut Noting<'_>) {
        let mut rest = match mem::replace(self, Stage::Over(Rest::default())) {
            Stage::Reading(reading) => reading.tables.into_rest(),
            Stage::Over(rest) => rest,
        };
        while rest.next_stream().is_some_and(|stream| stream < before) {
            rest.finish_next(last, noting);
        }
        *self = Stage::Over(rest);
    }
}

impl Yield {
    /// The memory that it takes, in octets.
    pub(super) fn weight(&self) -> usize {
        self.weight
            + self.texts.written.capacity()
            + size_of::<u64>() * (self.begun.len() + self.forgotten.len())
    }

    /// The same with nothing in it.
    pub(super) fn emptied(mut self) -> Self {
        self.begun.clear();
        self.forgotten.clear();
        self.finished.clear();
        self.texts.written.clear(MAX_KEPT);
        Yield {
            texts: Texts {
                totals: Totals::default(),
                ..self.texts
            },
            weight: 0,
            ..self
        }
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
        self.judged
            .add(Judged::new(conversation.conclude(facts), self.plan))
    }

    fn weight(&self, &spot: &Spot) -> usize {
        self.judged.get(spot).map_or(0, Judged::weight)
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Arc;

    use super::*;
    use crate::audit::{Extent, Selection, Surveying};
    use crate::rules::Settings;
    use crate::tcp::MEMORY;

    #[test]
    fn what_ends_before_it_should_is_said() {
        let plan = Plan {
            settings: Settings::default(),
            selection: Selection::default(),
            extent: Extent::Connection,
            survey: Surveying::NotAsked,
            memory: MEMORY,
            threads: NonZeroUsize::MIN,
            tell: None,
            monitor: Arc::default(),
        };
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/early-idle-close.pcap");
        let source = Source::File(sample.into());
        let opened = source.open_for(1, MEMORY, &plan.monitor).unwrap();
        let mut leader = Hand::new(opened.leader, &plan, 0, 2);
        let led = leader.lead(Yield::default(), &source, &plan);
        assert!(led.end.is_some() && led.until > 0);
        let follower = opened.followers.into_iter().next().unwrap();
        let mut follower = Hand::new(follower, &plan, 1, 2);
        for (more, short) in [(0, false), (1, true)] {
            let until = led.until + more;
            follower.work(Work::Packets { until }, Yield::default(), &source, &plan);
            assert_eq!(follower.shortfall().is_some(), short);
        }
        assert_eq!(follower.shortfall().unwrap().frame, led.until + 1);
    }
}
