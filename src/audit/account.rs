//! What came of one capture up to now.
//!
//! In: its connections, judged and numbered, in the order in which they were finished. Out: those that are wanted, and
//! at the end the [`Reading`].

use super::finished::{Finished, What};
use super::{Outcome, Reading, Selection, Text, Totals};
use crate::capture::{Source, Summary};
use crate::connection::Beside;

/// Keeps account of a capture.
pub(super) struct Account<'a> {
    source: &'a Source,
    selection: &'a Selection,
    /// How many captures were read before it.
    number: usize,
    reading: Reading,
    /// Over those of which only texts are handed on.
    totals: Totals,
}

impl<'a> Account<'a> {
    pub(super) fn new(source: &'a Source, selection: &'a Selection, number: usize) -> Self {
        Account {
            source,
            selection,
            number,
            reading: Reading {
                path: source.path().to_owned(),
                parts: source.parts().to_vec(),
                ..Reading::default()
            },
            totals: Totals::default(),
        }
    }

    /// Adds a connection, and hands on what is wanted of it; `texts` are those that it may be in.
    pub(super) fn add<E>(
        &mut self,
        finished: Finished,
        texts: &[u8],
        take: &mut impl FnMut(&Source, Outcome<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Finished {
            stream, met, what, ..
        } = finished;
        self.reading.note(met);
        let outcome = match what {
            What::Count => return Ok(()),
            What::Text(part, print) => Outcome::Text(Text {
                stream,
                print,
                octets: texts.get(part).unwrap_or_default(),
            }),
            What::Row(row, _) if !self.selection.includes(&row) => return Ok(()),
            What::Row(mut row, sighting) => {
                row.capture = self.number;
                Outcome::Row(row, sighting)
            }
        };
        take(self.source, outcome)
    }

    /// Adds up connections of which texts were handed on.
    pub(super) fn add_totals(&mut self, totals: &Totals) {
        self.totals.merge(totals);
    }

    /// Notes what is known once all was read.
    pub(super) fn note_end(&mut self, beside: Beside, summary: Summary) {
        self.reading.beside = beside;
        self.reading.summary = summary;
    }

    /// All of it has come.
    pub(super) fn close(self) -> Outcome<'static> {
        Outcome::Read(self.reading.into(), self.totals.into())
    }
}
