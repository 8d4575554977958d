//! How connections are finished, and those that are left at the end of a capture.
//!
//! In: connections that are over, and such as are not. Out: to a [`Registry`], what has become of them.

use std::vec;

use super::flow::{Flow, Listener};
use super::registry::Registry;
use super::remembered::{Latest, Remembered};
use super::table::Table;
use crate::time::At;

/// The connections that are left at the end of a capture, by number.
#[derive(Debug)]
pub struct Rest<L, R>(vec::IntoIter<Left<L, R>>);

#[derive(Debug)]
enum Left<L, R> {
    Open(Box<Flow<L>>),
    Over(Box<Remembered<R>>),
}

impl<L, R> Left<L, R> {
    fn stream(&self) -> u64 {
        match self {
            Left::Open(flow) => flow.stream,
            Left::Over(remembered) => remembered.stream,
        }
    }
}

impl<L, R> Default for Rest<L, R> {
    fn default() -> Self {
        Rest(Vec::new().into_iter())
    }
}

impl<L: Listener, R> Rest<L, R> {
    /// What is left of these tables.
    pub fn of(tables: impl IntoIterator<Item = Table<L, R>>) -> Self {
        let left = tables.into_iter().flat_map(|table| {
            let (open, over) = table.into_left();
            let open = open.map(Left::Open);
            open.chain(over.map(Left::Over))
        });
        let mut left: Vec<_> = left.collect();
        // Each is looked at once: they lie anywhere in memory.
        left.sort_by_cached_key(Left::stream);
        Rest(left.into_iter())
    }

    /// The number of the next.
    pub fn next_stream(&self) -> Option<u64> {
        self.0.as_slice().first().map(Left::stream)
    }

    /// Finishes the next; this is the last packet of the capture.
    pub fn finish_next(&mut self, last: At, registry: &mut impl Registry<L, Record = R>) {
        match self.0.next() {
            Some(Left::Open(mut flow)) => finish_flow(&mut flow, last, registry),
            Some(Left::Over(remembered)) => finish_remembered(*remembered, last, registry),
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
