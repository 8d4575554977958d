//! Finds the connection that a segment belongs to.
//!
//! In: segments in the order of the capture. Out: each to its connection, numbered as Wireshark numbers
//! `tcp.stream`; connections that are finished, with what listened to them.

use std::collections::{HashMap, VecDeque};

use super::Facts;
use super::flow::{Flow, Listener};
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
    flows: Vec<Option<Flow<L>>>,
    free: Vec<usize>,
    /// The closed ones, by the time when they were last looked at.
    closed: VecDeque<Closed>,
    streams: u64,
    /// The latest time of any packet so far.
    clock: Time,
    last: At,
}

/// Two endpoints, the lower first: the same for both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pair(Endpoint, Endpoint);

impl Pair {
    fn between(a: Endpoint, b: Endpoint) -> Self {
        Pair(a.min(b), a.max(b))
    }
}

#[derive(Debug)]
struct Closed {
    slot: usize,
    stream: u64,
    last: At,
}

impl<L: Listener> Default for Table<L> {
    fn default() -> Self {
        Table {
            by_pair: HashMap::new(),
            flows: Vec::new(),
            free: Vec::new(),
            closed: VecDeque::new(),
            streams: 0,
            clock: Time::from_nanos(i128::MIN),
            last: At::default(),
        }
    }
}

impl<L: Listener> Table<L> {
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
        if flow.stream != closed.stream || !flow.is_closed() {
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
        let was_closed = flow.is_closed();
        flow.take(segment);
        if !was_closed && flow.is_closed() {
            self.closed.push_back(Closed {
                slot,
                stream: flow.stream,
                last: segment.at,
            });
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
        let flow = Flow::new(self.streams, src, dst);
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
        let (client, server) = (flow.ends.client, flow.ends.server);
        self.by_pair
            .remove(&Pair(client.min(server), client.max(server)));
        conclude(flow, self.last, finished);
    }

    /// The capture is over: finishes all, by number.
    pub fn finish_all(mut self, finished: &mut impl FnMut(Facts, L)) {
        let mut open: Vec<_> = self.flows.drain(..).flatten().collect();
        open.sort_unstable_by_key(|flow| flow.stream);
        open.into_iter()
            .for_each(|flow| conclude(flow, self.last, finished));
    }
}

fn conclude<L: Listener>(flow: Flow<L>, last: At, finished: &mut impl FnMut(Facts, L)) {
    if flow.was_seen() {
        let (facts, listener) = flow.finish(last);
        finished(facts, listener);
    }
}
