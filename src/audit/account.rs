//! What came of one capture up to now.
//!
//! In: its connections, judged and numbered, in the order in which they were finished. Out: those that are wanted, and
//! at the end the [`Reading`].

use super::judged::Judged;
use super::{Outcome, Plan, Reading};
use crate::capture::{Source, Summary};
use crate::connection::Beside;

/// Keeps account of a capture.
pub(super) struct Account<'a> {
    source: &'a Source,
    plan: &'a Plan,
    /// How many captures were read before it.
    number: usize,
    reading: Reading,
}

impl<'a> Account<'a> {
    pub(super) fn new(source: &'a Source, plan: &'a Plan, number: usize) -> Self {
        Account {
            source,
            plan,
            number,
            reading: Reading {
                path: source.path().to_owned(),
                parts: source.parts().to_vec(),
                ..Reading::default()
            },
        }
    }

    /// Adds a connection, and hands it on if it is wanted.
    pub(super) fn add<E>(
        &mut self,
        judged: Judged,
        take: &mut impl FnMut(&Source, Outcome) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut row = judged.row;
        self.reading.note(&row);
        if !self.plan.selection.includes(&row) {
            return Ok(());
        }
        row.capture = self.number;
        take(self.source, Outcome::Row(row, judged.sighting))
    }

    /// Notes what is known once all was read.
    pub(super) fn note_end(&mut self, beside: Beside, summary: Summary) {
        self.reading.beside = beside;
        self.reading.summary = summary;
    }

    pub(super) fn into_reading(self) -> Reading {
        self.reading
    }
}
