//! The connections of one table.
//!
//! In: batches, in the order of the capture. Out: a [`Yield`] for each: what began and what was finished there.
//! Connections have no numbers yet, which depend on the other tables, too: the frame with which one began stands for
//! it, as no frame begins two.

use std::mem;
use std::ops::Range;
use std::sync::Arc;

use super::batch::{Batch, Taken};
use super::judged::Judged;
use super::{Plan, Row, Sighting, Told};
use crate::capture::Source;
use crate::connection::{Conversation, Targets};
use crate::tcp::{Bounds, Facts, Forgotten, Latest, Registry, Rest, Table};
use crate::time::At;

/// A table, or what is left of it.
pub(super) struct Part {
    shard: usize,
    table: Stage,
}

enum Stage {
    Reading(Box<Table<Conversation, Judged>>),
    Over(Rest<Conversation, Judged>),
}

/// What is to be done next.
pub(super) enum Work {
    /// To take these packets.
    Packets(Batch),
    /// To finish what is left and began before the frame `before`; the capture is over.
    Rest { before: u64, last: At },
    /// Nothing any more.
    None,
}

/// What came of that.
#[derive(Debug, Default)]
pub(super) struct Yield {
    /// The frames with which connections began.
    pub(super) begun: Vec<u64>,
    /// The frames of those that are nobody's.
    pub(super) forgotten: Vec<u64>,
    /// The connections that were finished; their numbers are the frames with which they began.
    pub(super) finished: Vec<Finished>,
    /// What is said of them.
    pub(super) text: Vec<u8>,
    weight: usize,
}

/// A connection that was finished. It goes to another thread as a part of one piece of memory, since a piece that one
/// thread takes and another gives back is locked for both.
#[derive(Debug)]
pub(super) struct Finished {
    known_by: u64,
    row: Row,
    sighting: Option<Box<Sighting>>,
    /// Which part of the text is about it.
    told: Option<Range<usize>>,
}

impl Finished {
    /// The same on the thread where it is wanted, with the text of its yield.
    pub(super) fn received(self, text: &Arc<Vec<u8>>) -> Judged {
        let told = self.told.map(|part| Told {
            text: Arc::clone(text),
            part,
        });
        Judged {
            known_by: self.known_by,
            row: Box::new(Row { told, ..self.row }),
            sighting: self.sighting,
        }
    }
}

impl Part {
    pub(super) fn new(shard: usize, bounds: Bounds, targets: Targets) -> Self {
        Part {
            shard,
            table: Stage::Reading(Box::new(Table::new(bounds.of_a_shard(), targets))),
        }
    }

    /// The memory that its connections take, in octets.
    pub(super) fn weight(&self) -> usize {
        match &self.table {
            Stage::Reading(table) => table.weight(),
            Stage::Over(_) => 0,
        }
    }

    /// The connections that were forgotten early; before the rest is finished.
    pub(super) fn forgotten(&self) -> Forgotten {
        match &self.table {
            Stage::Reading(table) => table.forgotten(),
            Stage::Over(_) => Forgotten::default(),
        }
    }

    /// Does it, and says what came of it.
    pub(super) fn work(&mut self, work: &Work, source: &Source, plan: &Plan) -> Yield {
        let mut noting = Noting {
            plan,
            source,
            yielded: Yield::default(),
        };
        match work {
            Work::Packets(batch) => self.take(batch, &mut noting),
            &Work::Rest { before, last } => self.finish(before, last, &mut noting),
            Work::None => {}
        }
        noting.yielded
    }

    fn take(&mut self, batch: &Batch, noting: &mut Noting<'_>) {
        let Stage::Reading(table) = &mut self.table else {
            return;
        };
        for taken in batch.items(self.shard) {
            match taken {
                Taken::Segment(segment) => table.take(&segment, noting),
                Taken::Header(header, at) => table.skip(header, at, noting),
                Taken::Checkpoint(checkpoint) => table.check(checkpoint, noting),
            }
        }
    }

    fn finish(&mut self, before: u64, last: At, noting: &mut Noting<'_>) {
        let stage = mem::replace(&mut self.table, Stage::Over(Rest::default()));
        let mut rest = match stage {
            Stage::Reading(table) => table.into_rest(),
            Stage::Over(rest) => rest,
        };
        while rest.next_stream().is_some_and(|stream| stream < before) {
            rest.finish_next(last, noting);
        }
        self.table = Stage::Over(rest);
    }
}

impl Yield {
    /// The memory that it takes, in octets.
    pub(super) fn weight(&self) -> usize {
        self.weight
            + self.text.capacity()
            + size_of::<u64>() * (self.begun.len() + self.forgotten.len())
    }
}

struct Noting<'a> {
    plan: &'a Plan,
    source: &'a Source,
    yielded: Yield,
}

impl Noting<'_> {
    fn tell(&mut self, row: &Row) -> Option<Range<usize>> {
        let tell = self
            .plan
            .tell
            .filter(|_| self.plan.selection.includes(row))?;
        let text = &mut self.yielded.text;
        let start = text.len();
        tell(row, self.source.parts(), text);
        Some(start..text.len())
    }
}

impl Registry<Conversation> for Noting<'_> {
    type Record = Judged;

    fn begin(&mut self, at: At) -> u64 {
        self.yielded.begun.push(at.frame);
        at.frame
    }

    fn conclude(&mut self, facts: Facts, conversation: &mut Conversation) -> Judged {
        Judged::new(conversation.conclude(facts), self.plan)
    }

    fn weight(judged: &Judged) -> usize {
        judged.weight()
    }

    fn finish(&mut self, mut judged: Judged, latest: Latest) {
        judged.amend(latest);
        self.yielded.weight += judged.weight();
        let told = self.tell(&judged.row);
        let Judged {
            known_by,
            row,
            sighting,
        } = judged;
        self.yielded.finished.push(Finished {
            known_by,
            row: *row,
            sighting,
            told,
        });
    }

    fn forget(&mut self, stream: u64) {
        self.yielded.forgotten.push(stream);
    }
}
