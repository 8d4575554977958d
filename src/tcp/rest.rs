//! How connections are finished, and those that are left at the end of a capture.
//!
//! In: connections that are over, and such as are not. Out: to a [`Registry`], what has become of them.

use std::vec;

use super::flow::{Flow, Listener};
use super::registry::Registry;
use super::remembered::{Latest, Remembered};
use super::table::Table;
use crate::slab::{Slab, Spot};
use crate::time::At;

/// The connections that are left at the end of a capture, by number.
#[derive(Debug)]
pub struct Rest<L, R> {
    left: vec::IntoIter<Left<L>>,
    /// Those that are over, by tables.
    over: Vec<Slab<Remembered<R>>>,
}

#[derive(Debug)]
struct Left<L> {
    stream: u64,
    state: State<L>,
}

#[derive(Debug)]
enum State<L> {
    Open(Box<Flow<L>>),
    Over { table: usize, spot: Spot },
}

impl<L, R> Default for Rest<L, R> {
    fn default() -> Self {
        Rest {
            left: Vec::new().into_iter(),
            over: Vec::new(),
        }
    }
}

impl<L: Listener, R> Rest<L, R> {
    /// What is left of these tables.
    pub fn of(tables: impl IntoIterator<Item = Table<L, R>>) -> Self {
        let (mut left, mut over) = (Vec::new(), Vec::new());
        for (number, table) in tables.into_iter().enumerate() {
            let (flows, remembered) = table.into_left();
            left.extend(flows.map(|flow| Left {
                stream: flow.stream,
                state: State::Open(flow),
            }));
            left.extend(remembered.iter().map(|(spot, remembered)| Left {
                stream: remembered.stream,
                state: State::Over {
                    table: number,
                    spot,
                },
            }));
            over.push(remembered);
        }
        left.sort_unstable_by_key(|left| left.stream);
        Rest {
            left: left.into_iter(),
            over,
        }
    }

    /// The number of the next.
    pub fn next_stream(&self) -> Option<u64> {
        self.left.as_slice().first().map(|left| left.stream)
    }

    /// Finishes the next; this is the last packet of the capture.
    pub fn finish_next(&mut self, last: At, registry: &mut impl Registry<L, Record = R>) {
        match self.left.next().map(|left| left.state) {
            Some(State::Open(mut flow)) => finish_flow(&mut flow, last, registry),
            Some(State::Over { table, spot }) => {
                let table = self.over.get_mut(table);
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
    let latest = Latest {
        seen_until: last,
        ..remembered.latest
    };
    registry.finish(remembered.record, latest);
}
