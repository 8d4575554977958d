//! A connection that is finished, as far as it is wanted.
//!
//! In: a judged connection, on the thread that kept it. Out: what whoever hands out the results has to know of it. That
//! is little where only a text is wanted: a row holds pieces of memory that should stay where they were taken.

use std::ops::Range;

use super::judged::Judged;
use super::{BoundMet, Plan, Print, Row, Sighting, Totals};
use crate::capture::Source;
use crate::slab::{Slab, Spot};
use crate::tcp::Latest;
use crate::written::Written;

/// What is known of a finished connection.
#[derive(Debug)]
pub(super) struct Finished {
    /// The frame by which that was known.
    pub(super) known_by: u64,
    pub(super) stream: u64,
    pub(super) met: Option<BoundMet>,
    pub(super) what: What,
}

/// What is handed out of it.
#[derive(Debug)]
pub(super) enum What {
    /// Nothing: it is but counted.
    Count,
    /// This part of the [`Texts`].
    Text(Range<usize>, Print),
    Row(Box<Row>, Option<Box<Sighting>>),
}

/// What is said of connections, where no more is wanted of them than that.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) written: Written,
    /// Sums over these connections.
    pub(super) totals: Totals,
}

/// So many octets of memory are kept for further texts.
pub(super) const MAX_KEPT: usize = 1 << 17;

impl Finished {
    /// What is wanted of the judged connection that is kept there, and this is the latest that is known of it. It is kept
    /// no longer.
    pub(super) fn new(
        kept: &mut Slab<Judged>,
        spot: Spot,
        latest: Latest,
        source: &Source,
        plan: &Plan,
        texts: &mut Texts,
    ) -> Option<Self> {
        let mut judged = kept.take(spot)?;
        let sighting = judged.take_sighting();
        let row = judged.into_row(&latest);
        let met = BoundMet::of(&row);
        let what = match plan.tell {
            // Where connections are chosen by their numbers, that has to wait until these are known.
            _ if !plan.selection.streams.is_empty() => What::Row(Box::new(row), sighting),
            _ if !plan.selection.includes(&row) => What::Count,
            Some(tell) => {
                let start = texts.written.len();
                tell(&row, source.parts(), &mut texts.written);
                texts.totals.add(&row);
                What::Text(start..texts.written.len(), Print::of(&row))
            }
            None => What::Row(Box::new(row), sighting),
        };
        Some(Finished {
            known_by: latest.seen_until.frame,
            stream: latest.stream,
            met,
            what,
        })
    }

    /// Gives it the number that it has.
    pub(super) fn number(&mut self, stream: u64) {
        self.stream = stream;
        if let Some(met) = &mut self.met {
            met.stream = stream;
        }
        if let What::Row(row, sighting) = &mut self.what {
            row.stream = stream;
            if let Some(sighting) = sighting {
                sighting.number(stream);
            }
        }
    }
}
