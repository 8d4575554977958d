//! How connections are finished, and those that are left at the end of a capture.
//!
//! In: connections that are over, and such as are not. Out: to a [`Registry`], what has become of them.

use std::vec;

use super::flow::{Flow, Listener};
use super::numbered::Numbered;
use super::registry::Registry;
use super::remembered::Remembered;
use super::table::Table;
use crate::time::At;

/// The connections that are left at the end of a capture, by number.
#[derive(Debug)]
pub struct Rest<L, R> {
    open: vec::IntoIter<(u64, Box<Flow<L>>)>,
    over: Numbered<R>,
}

impl<L, R> Default for Rest<L, R> {
    fn default() -> Self {
        Rest {
            open: Vec::new().into_iter(),
            over: Numbered::of([]),
        }
    }
}

impl<L: Listener, R> Rest<L, R> {
    /// What is left of these tables.
    pub fn of(tables: impl IntoIterator<Item = Table<L, R>>) -> Self {
        let mut open = Vec::new();
        let over = Numbered::of(tables.into_iter().map(|table| {
            let (flows, memory) = table.into_left();
            open.extend(flows.map(|flow| (flow.stream, flow)));
            memory
        }));
        open.sort_unstable_by_key(|(stream, _)| *stream);
        let open = open.into_iter();
        Rest { open, over }
    }

    /// The number of the next.
    pub fn next_stream(&self) -> Option<u64> {
        let (open, over) = (self.next_open(), self.over.next_stream());
        open.into_iter().chain(over).min()
    }

    fn next_open(&self) -> Option<u64> {
        self.open.as_slice().first().map(|(stream, _)| *stream)
    }

    /// Finishes the next; this is the last packet of the capture.
    pub fn finish_next(&mut self, last: At, registry: &mut impl Registry<L, Record = R>) {
        if let Some(record) = self.over.fetch() {
            registry.fetch(record);
        }
        let open = self.next_open();
        if let Some(over) = self.over.next_stream()
            && open.is_none_or(|open| over < open)
        {
            if let Some(remembered) = self.over.take_next() {
                finish_remembered(remembered, last, registry);
            }
        } else if let Some((_, mut flow)) = self.open.next() {
            finish_flow(&mut flow, last, registry);
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
