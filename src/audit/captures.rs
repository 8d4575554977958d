//! Takes captures through the whole pipeline.
//!
//! In: captures, and a [`Plan`] of what is asked for. Out: each [`Outcome`], in the order of the captures, and of one
//! capture in the order in which its connections were finished. What becomes of it is left to the caller.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::account::Account;
use super::finished::{Finished, MAX_KEPT, Texts};
use super::judged::Judged;
use super::{Extent, Print, Reading, Row, Selection, Sighting, Totals, pool};
use crate::capture::{Capture, Monitor, OpenError, Part, Source};
use crate::connection::{Connection, Recorder, Targets, Tracker};
use crate::rules::Settings;
use crate::slab::{Slab, Spot};
use crate::tcp::{Bounds, Latest};
use crate::written::Written;

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
    /// How many threads may work on it. What comes out does not depend on that.
    pub threads: NonZeroUsize,
    /// Where nothing is wanted of a row but a text: says it. Rows do not come out then, unless they are chosen by their
    /// numbers.
    pub tell: Option<Tell>,
    /// Tells how far it has come, and may stop it.
    pub monitor: Arc<Monitor>,
}

/// Adds to a text what is to be said of a row, whose number is not known yet; with the parts that its capture consists
/// of, if those are several.
pub type Tell = fn(&Row, &[Part], &mut Written);

/// Where there are several captures, this part of the memory is for those that are read before their turn.
pub(super) const BESIDE: usize = 4;

impl Plan {
    /// The same, where `memory` is what each of so many captures may take. That must depend on nothing but the
    /// captures, because what gives way depends on it.
    fn for_captures(&self, captures: usize) -> Plan {
        let beside = if captures > 1 {
            self.memory / BESIDE
        } else {
            0
        };
        Plan {
            memory: self.memory - beside,
            ..self.clone()
        }
    }

    /// Whether anything that comes out has the targets of requests.
    pub(super) fn targets(&self) -> Targets {
        match (self.extent, self.survey) {
            (Extent::Connection, Surveying::NotAsked) => Targets::NotKept,
            _ => Targets::Kept,
        }
    }

    /// How much is kept of a capture that takes so many octets to unpack it.
    pub(super) fn bounds(&self, window: usize) -> Bounds {
        Bounds::of_memory(self.memory.saturating_sub(window))
    }
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
pub enum Outcome<'a> {
    /// A connection that is wanted, and what it tells of its server, where that is asked for.
    Row(Box<Row>, Option<Box<Sighting>>),
    /// What was said of a connection that is wanted.
    Text(Text<'a>),
    /// The capture was read, and all its rows and texts have come; the sums are over those connections of which only
    /// texts came.
    Read(Box<Reading>, Box<Totals>),
    /// Nothing could be read of it.
    Unreadable(OpenError),
}

/// What was said of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Its number in the capture.
    pub stream: u64,
    /// By what it is known again.
    pub print: Print,
    /// What [`Plan::tell`] said of it.
    pub octets: &'a [u8],
}

/// Audits all captures, and hands what comes of each to `take`.
///
/// # Errors
///
/// Those of `take`, after which nothing more is read.
pub fn audit<E>(
    sources: &[Source],
    plan: &Plan,
    take: &mut impl FnMut(&Source, Outcome<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let plan = &plan.for_captures(sources.len());
    if plan.threads.get() > 1 {
        return pool::audit(sources, plan, take);
    }
    let mut readings = 0;
    for source in sources {
        let outcome = match source.open_watched(plan.memory, &plan.monitor) {
            Ok(capture) => {
                let account = Account::new(source, &plan.selection, readings);
                readings += 1;
                read(capture, source, plan, account, take)?
            }
            Err(error) => Outcome::Unreadable(error),
        };
        take(source, outcome)?;
    }
    Ok(())
}

/// Reads a capture to its end on this thread.
fn read<E>(
    mut capture: Capture,
    source: &Source,
    plan: &Plan,
    mut account: Account<'_>,
    take: &mut impl FnMut(&Source, Outcome<'_>) -> Result<(), E>,
) -> Result<Outcome<'static>, E> {
    let mut tracker = Tracker::new(plan.bounds(capture.window()), plan.targets());
    let mut judging = Judging {
        source,
        plan,
        account: &mut account,
        judged: Slab::default(),
        texts: Texts::default(),
        take,
        result: Ok(()),
    };
    while judging.result.is_ok()
        && let Some(packet) = capture.next_packet()
    {
        tracker.take(&packet, &mut judging);
    }
    let beside = tracker.finish(&mut judging);
    judging.result?;
    let told = judging.texts.totals;
    account.add_totals(&told);
    account.note_end(beside, capture.finish());
    Ok(account.close())
}

/// Judges connections, and hands on those that are finished, until that fails.
struct Judging<'a, 'b, T, E> {
    source: &'a Source,
    plan: &'a Plan,
    account: &'a mut Account<'b>,
    judged: Slab<Judged>,
    texts: Texts,
    take: &'a mut T,
    result: Result<(), E>,
}

impl<T, E> Recorder for Judging<'_, '_, T, E>
where
    T: FnMut(&Source, Outcome<'_>) -> Result<(), E>,
{
    type Record = Spot;

    fn record(&mut self, mut connection: Connection) -> Spot {
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
        if self.result.is_err() {
            return;
        }
        self.texts.written.clear(MAX_KEPT);
        let (judged, texts) = (&mut self.judged, &mut self.texts);
        let finished = Finished::new(judged, spot, latest, self.source, self.plan, texts);
        if let Some(finished) = finished {
            let text = self.texts.written.octets();
            self.result = self.account.add(finished, text, self.take);
        }
    }
}
