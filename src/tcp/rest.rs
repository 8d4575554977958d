//! How connections are finished, and those that are left at the end of a capture.
//!
//! In: connections that are over, and such as are not. Out: to a [`Registry`], what has become of them.

use std::vec;

use super::flow::{Flow, Listener};
use super::registry::Registry;
use super::remembered::{AHEAD, Remembered};
use super::table::Table;
use crate::slab::{Slab, Spot};
use crate::time::At;

/// The connections that are left at the end of a capture, by number.
#[derive(Debug)]
pub struct Rest<L, R> {
    left: vec::IntoIter<Left>,
    open: Vec<Option<Box<Flow<L>>>>,
    /// Those that are over, by tables.
    over: Vec<Slab<Remembered<R>>>,
}

#[derive(Debug)]
struct Left {
    stream: u64,
    place: Place,
}

/// Where one is kept. There may be many, which are put in order: so it is small.
#[derive(Debug)]
enum Place {
    Open(u32),
    Over { table: u16, spot: Spot },
}

impl<L, R> Default for Rest<L, R> {
    fn default() -> Self {
        Rest {
            left: Vec::new().into_iter(),
            open: Vec::new(),
            over: Vec::new(),
        }
    }
}

impl<L: Listener, R> Rest<L, R> {
    /// What is left of these tables.
    pub fn of(tables: impl IntoIterator<Item = Table<L, R>>) -> Self {
        let (mut left, mut open, mut over) = (Vec::new(), Vec::new(), Vec::new());
        for (table, rest) in (0..).zip(tables) {
            let (flows, memory) = rest.into_left();
            for flow in flows {
                left.push(Left {
                    stream: flow.stream,
                    place: Place::Open(open.len() as u32),
                });
                open.push(Some(flow));
            }
            let (remembered, places) = memory.into_all();
            left.extend(places.map(|(stream, spot)| Left {
                stream,
                place: Place::Over { table, spot },
            }));
            over.push(remembered);
        }
        left.sort_unstable_by_key(|left| left.stream);
        Rest {
            left: left.into_iter(),
            open,
            over,
        }
    }

    /// The number of the next.
    pub fn next_stream(&self) -> Option<u64> {
        self.left.as_slice().first().map(|left| left.stream)
    }

    /// Has that fetched which will be needed for one of those behind it, and the record of one that comes earlier.
    fn fetch(&self, registry: &impl Registry<L, Record = R>) {
        let left = self.left.as_slice();
        if let Some((over, spot)) = self.over(left.get(AHEAD)) {
            over.fetch(spot);
        }
        if let Some((over, spot)) = self.over(left.get(AHEAD / 2))
            && let Some(remembered) = over.get(spot)
        {
            registry.fetch(&remembered.record);
        }
    }

    fn over(&self, left: Option<&Left>) -> Option<(&Slab<Remembered<R>>, Spot)> {
        match left?.place {
            Place::Over { table, spot } => Some((self.over.get(usize::from(table))?, spot)),
            Place::Open(_) => None,
        }
    }

    /// Finishes the next; this is the last packet of the capture.
    pub fn finish_next(&mut self, last: At, registry: &mut impl Registry<L, Record = R>) {
        self.fetch(registry);
        match self.left.next().map(|left| left.place) {
            Some(Place::Open(number)) => {
                let flow = self.open.get_mut(number as usize);
                if let Some(mut flow) = flow.and_then(Option::take) {
                    finish_flow(&mut flow, last, registry);
                }
            }
            Some(Place::Over { table, spot }) => {
                let table = self.over.get_mut(usize::from(table));
                if let Some(remembered) = table.and_then(|table| table.take(spot)) {
                    finish_remembered(remembered, last, registry);
                }
            }
            None => {}
        }
    }
}

pub(super) fn finish_flow<L: Listener, G: Registry<L>>(
    flow: &mut Flow<L>,
    last: At,
    registry: &mut G,
) {
    if !flow.was_seen() {
        return registry.forget(flow.stream);
    }
    let record = flow.conclude(last, registry);
    registry.finish(record, flow.latest(last));
}

pub(super) fn finish_remembered<L, G: Registry<L>>(
    remembered: Remembered<G::Record>,
    last: At,
    registry: &mut G,
) {
    let latest = remembered.latest(last);
    registry.finish(remembered.record, latest);
}
