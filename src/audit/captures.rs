//! Takes captures through the whole pipeline.
//!
//! In: captures, and a [`Plan`] of what is asked for. Out: each [`Outcome`], in the order of the captures, and of one
//! capture in the order in which its connections were finished. What becomes of it is left to the caller.

use super::reading::{Reading, read};
use super::{Extent, Row, Selection, Sighting};
use crate::capture::{OpenError, Source};
use crate::rules::{Settings, judge};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the rules hold connections to.
    pub settings: Settings,
    /// Which connections are wanted.
    pub selection: Selection,
    /// How much of each.
    pub extent: Extent,
    /// Whether a survey is made of them.
    pub survey: Surveying,
    /// How many octets of memory may be taken.
    pub memory: usize,
}

/// Whether what connections tell of their servers is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surveying {
    /// It is.
    Asked,
    /// It is not.
    NotAsked,
}

/// Something that came out of a capture.
#[derive(Debug)]
pub enum Outcome {
    /// A connection that is wanted, and what it tells of its server, where that is asked for.
    Row(Row, Option<Box<Sighting>>),
    /// The capture was read, and all its rows have come.
    Read(Reading),
    /// Nothing could be read of it.
    Unreadable(OpenError),
}

/// Audits all captures, and hands what comes of each to `take`.
///
/// # Errors
///
/// Those of `take`, after which nothing more is read.
pub fn audit<E>(
    sources: &[Source],
    plan: &Plan,
    take: &mut impl FnMut(&Source, Outcome) -> Result<(), E>,
) -> Result<(), E> {
    let mut readings = 0;
    for source in sources {
        let capture = match source.open_within(plan.memory) {
            Ok(capture) => capture,
            Err(error) => {
                take(source, Outcome::Unreadable(error))?;
                continue;
            }
        };
        let path = source.path().to_owned();
        let reading = read(path, capture, plan.memory, &mut |connection| {
            let judgement = judge(&connection, &plan.settings);
            if !plan.selection.includes(&connection, &judgement) {
                return Ok(());
            }
            let sighting = match plan.survey {
                Surveying::Asked => Some(Box::new(Sighting::new(&connection, &judgement))),
                Surveying::NotAsked => None,
            };
            let row = Row::new(readings, connection, judgement, plan.extent);
            take(source, Outcome::Row(row, sighting))
        })?;
        take(source, Outcome::Read(reading))?;
        readings += 1;
    }
    Ok(())
}
