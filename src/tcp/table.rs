//! Finds the connection that a segment belongs to.
//!
//! In: segments in the order of the capture. Out: each to its connection, numbered as Wireshark numbers
//! `tcp.stream`; connections that are finished, with what listened to them.

use std::collections::{HashMap, VecDeque};

use super::Facts;
use super::bounds::{Bounds, Load};
use super::flow::{Flow, Listener, Watch};
use super::numbering::Numbers;
use crate::packet::{Endpoint, Header, Segment};
use crate::time::{At, Span, Time};

/// How long a closed connection is remembered after its last packet, in capture time. A later packet of that pair of
/// endpoints begins a new connection, also without a SYN.
pub const REMEMBERED: Span = Span::from_secs(120);

/// How many further packets of the capture a closed connection is kept for at least. Its own clock decides whether a
/// packet is still its own; the clocks of other interfaces may be years ahead.
const KEPT_PACKETS: u64 = 1000;

/// All connections that are not finished.
#[derive(Debug)]
pub struct Table<L> {
    by_pair: HashMap<Pair, usize>,
    flows: Vec<Option<Box<Flow<L>>>>,
    free: Vec<usize>,
    /// The closed ones, by the time when they were last looked at.
    closed: VecDeque<Closed>,
    streams: u64,
    /// The latest time of any packet so far.
    clock: Time,
    last: At,
    bounds: Bounds,
    load: Load,
}

/// Two endpoints, the lower first: the same for both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pair(Endpoint, Endpoint);

impl Pair {
    fn between(a: Endpoint, b: Endpoint) -> Self {
        Pair(a.min(b), a.max(b))
    }
}

/// A connection in the order in which they give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Aged {
    open: bool,
    /// Its last frame.
    last: u64,
    slot: usize,
}

#[derive(Debug)]
struct Closed {
    slot: usize,
    stream: u64,
    last: At,
}

impl<L: Listener> Default for Table<L> {
    fn default() -> Self {
        Table::new(Bounds::default())
    }
}

impl<L: Listener> Table<L> {
    /// For a capture of which no more is kept than that.
    pub fn new(bounds: Bounds) -> Self {
        Table {
            by_pair: HashMap::new(),
            flows: Vec::new(),
            free: Vec::new(),
            closed: VecDeque::new(),
            streams: 0,
            clock: Time::from_nanos(i128::MIN),
            last: At::default(),
            bounds,
            load: Load::default(),
        }
    }

    /// Notes a packet of the capture, whatever it carries: time goes on. Connections that are finished by then are
    /// handed to `finished`.
    pub fn tick(&mut self, at: At, finished: &mut impl FnMut(Facts, L)) {
        self.clock = self.clock.max(at.time);
        self.last = at;
        let (clock, frame) = (self.clock, at.frame);
        let is_due = |closed: &mut Closed| {
            clock.since(closed.last.time) > REMEMBERED && frame > closed.last.frame + KEPT_PACKETS
        };
        while let Some(closed) = self.closed.pop_front_if(is_due) {
            self.forget_or_requeue(&closed, finished);
        }
    }

    fn forget_or_requeue(&mut self, closed: &Closed, finished: &mut impl FnMut(Facts, L)) {
        let Some(Some(flow)) = self.flows.get_mut(closed.slot) else {
            return;
        };
        if flow.stream != closed.stream {
            return;
        }
        if !flow.is_closed() {
            flow.watch = Watch::Open;
            return;
        }
        if flow.last == closed.last {
            self.finish(closed.slot, finished);
        } else {
            self.closed.push_back(Closed {
                last: flow.last,
                ..*closed
            });
        }
    }

    /// Takes the next segment of the capture.
    pub fn take(&mut self, segment: &Segment<'_>, finished: &mut impl FnMut(Facts, L)) {
        self.tick(segment.at, finished);
        let slot = self.slot(segment.src, segment.dst, segment.into(), finished);
        let Some(Some(flow)) = self.flows.get_mut(slot) else {
            return;
        };
        let before = flow.weight;
        flow.take(segment);
        let closes = flow.is_closed() && flow.watch == Watch::Open;
        if closes {
            flow.shrink();
        }
        self.load.exchange(before, flow.weigh());
        if closes {
            flow.watch = Watch::Closed;
            self.closed.push_back(Closed {
                slot,
                stream: flow.stream,
                last: segment.at,
            });
        }
        if self.bounds.are_met(&self.load) {
            self.make_room(finished);
        }
    }

    /// Gives up holes, then connections, until the load is well within the bounds: those that are closed before those
    /// that are open, in the order in which they were last active.
    fn make_room(&mut self, finished: &mut impl FnMut(Facts, L)) {
        let by_age = self.by_age();
        let goal = self.bounds.with_room();
        if self.load.weight.waiting > self.bounds.waiting {
            self.give_up_holes(&by_age, &goal);
        }
        if self.bounds.crowd(&self.load).is_none() {
            return;
        }
        for Aged { slot, .. } in by_age {
            let Some(crowd) = goal.crowd(&self.load) else {
                return;
            };
            // Of a closed one nothing is missing.
            if let Some(Some(flow)) = self.flows.get_mut(slot)
                && !flow.is_closed()
            {
                flow.crowded_out = Some(crowd);
            }
            self.finish(slot, finished);
        }
    }

    fn by_age(&self) -> Vec<Aged> {
        let aged = |(slot, flow): (usize, &Option<Box<Flow<L>>>)| {
            let flow = flow.as_ref()?;
            Some(Aged {
                open: !flow.is_closed(),
                last: flow.last.frame,
                slot,
            })
        };
        let mut by_age: Vec<Aged> = self.flows.iter().enumerate().filter_map(aged).collect();
        by_age.sort_unstable();
        by_age
    }

    fn give_up_holes(&mut self, by_age: &[Aged], goal: &Bounds) {
        for &Aged { slot, .. } in by_age {
            if self.load.weight.waiting <= goal.waiting {
                return;
            }
            if let Some(Some(flow)) = self.flows.get_mut(slot) {
                let before = flow.weight;
                flow.give_up_waiting();
                self.load.exchange(before, flow.weigh());
            }
        }
    }

    /// Takes a TCP header that is nobody's data. Wireshark numbers it all the same; where a packet of that pair
    /// follows, it has the number, else nobody has.
    pub fn skip(&mut self, header: &Header, at: At, finished: &mut impl FnMut(Facts, L)) {
        self.tick(at, finished);
        let slot = self.slot(header.src, header.dst, header.into(), finished);
        if let Some(Some(flow)) = self.flows.get_mut(slot) {
            flow.skip(header);
        }
        if self.bounds.are_met(&self.load) {
            self.make_room(finished);
        }
    }

    /// Where the connection of a packet is kept; a new one is begun where it belongs to none.
    fn slot(
        &mut self,
        src: Endpoint,
        dst: Endpoint,
        numbers: Numbers,
        finished: &mut impl FnMut(Facts, L),
    ) -> usize {
        let pair = Pair::between(src, dst);
        if let Some(&slot) = self.by_pair.get(&pair) {
            match self.flows.get(slot) {
                Some(Some(flow)) if !flow.is_another(src, numbers) && !self.is_forgotten(flow) => {
                    return slot;
                }
                _ => self.finish(slot, finished),
            }
        }
        let mut flow = Box::new(Flow::new(self.streams, src, dst));
        self.load.add(flow.weigh());
        self.streams += 1;
        let slot = self.free.pop().unwrap_or(self.flows.len());
        match self.flows.get_mut(slot) {
            Some(empty) => *empty = Some(flow),
            None => self.flows.push(Some(flow)),
        }
        self.by_pair.insert(pair, slot);
        slot
    }

    fn is_forgotten(&self, flow: &Flow<L>) -> bool {
        flow.is_closed() && self.last.time.since(flow.last.time) > REMEMBERED
    }

    fn finish(&mut self, slot: usize, finished: &mut impl FnMut(Facts, L)) {
        let Some(flow) = self.flows.get_mut(slot).and_then(Option::take) else {
            return;
        };
        self.free.push(slot);
        self.forget_finished();
        self.load.remove(flow.weight);
        let (client, server) = (flow.ends.client, flow.ends.server);
        self.by_pair
            .remove(&Pair(client.min(server), client.max(server)));
        conclude(*flow, self.last, finished);
    }

    /// Drops from the closed ones those that are finished already, once they are most of them: where the clock stands
    /// still, none would ever come to the front.
    fn forget_finished(&mut self) {
        if self.closed.len() < 2 * self.load.connections + KEPT_PACKETS as usize {
            return;
        }
        let flows = &self.flows;
        self.closed.retain(|closed| {
            let flow = flows.get(closed.slot).and_then(Option::as_ref);
            flow.is_some_and(|flow| flow.stream == closed.stream)
        });
    }

    /// The capture is over: finishes all, by number.
    pub fn finish_all(mut self, finished: &mut impl FnMut(Facts, L)) {
        let mut open: Vec<_> = self.flows.drain(..).flatten().collect();
        open.sort_unstable_by_key(|flow| flow.stream);
        open.into_iter()
            .for_each(|flow| conclude(*flow, self.last, finished));
    }
}

fn conclude<L: Listener>(flow: Flow<L>, last: At, finished: &mut impl FnMut(Facts, L)) {
    if flow.was_seen() {
        let (facts, listener) = flow.finish(last);
        finished(facts, listener);
    }
}
