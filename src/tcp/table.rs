//! Finds the connection that a segment belongs to.
//!
//! In: segments in the order of the capture. Out: each to its connection; to a [`Registry`], which connections begin
//! and which are finished, with what listened to them.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};
use std::vec;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::bounds::{Bounds, Load};
use super::checkpoint::{Checkpoint, FRAMES};
use super::flow::{Flow, Listener, Waits, Watch};
use super::forgotten::{Forgotten, Pairs};
use super::half::HOLE_PATIENCE;
use super::numbering::Numbers;
use super::{Facts, PerPeer};
use crate::packet::{Endpoint, Flags, Header, Segment};
use crate::time::{At, Span};

/// How long a closed connection is remembered after its last packet, in capture time. A later packet of that pair of
/// endpoints begins a new connection, also without a SYN.
pub const REMEMBERED: Span = Span::from_secs(120);

/// How many further packets of the capture a closed connection is kept for at least. Its own clock decides whether a
/// packet is still its own; the clocks of other interfaces may be years ahead.
const KEPT_PACKETS: u64 = 1000;

/// Connections that are not finished.
#[derive(Debug)]
pub struct Table<L> {
    /// The slots, by the two endpoints.
    by_ends: HashTable<usize>,
    /// Seeded anew for each table: who makes a capture cannot know what meets.
    seed: DefaultHashBuilder,
    flows: Vec<Option<Box<Flow<L>>>>,
    free: Vec<usize>,
    /// Where the last packet belonged: the next one often follows it there.
    latest: usize,
    /// The closed ones, by the time when they were last looked at.
    closed: VecDeque<Due>,
    /// Those with octets that wait, by the time when they were last looked at.
    waiting: VecDeque<Due>,
    /// The latest packet of the capture that this table knows of.
    last: At,
    bounds: Bounds,
    load: Load,
    gone: Pairs,
    forgotten: Forgotten,
}

/// Who gives connections their numbers, and takes them when they are finished.
pub trait Registry<L> {
    /// A connection begins with this packet; its number.
    fn begin(&mut self, at: At) -> u64;

    /// A connection is finished; `facts.seen_until` is the packet by which that was known.
    fn finish(&mut self, facts: Facts, listener: L);

    /// This number is nobody's: of that connection there were only headers without data.
    fn forget(&mut self, stream: u64);
}

/// A connection in the order in which they give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Aged {
    open: bool,
    /// Its last frame.
    last: u64,
    slot: usize,
}

/// A connection that is to be looked at again.
#[derive(Clone, Copy, Debug)]
struct Due {
    slot: usize,
    stream: u64,
    last: At,
}

impl<L: Listener> Table<L> {
    /// For connections of which no more is kept than that.
    pub fn new(bounds: Bounds) -> Self {
        Table {
            by_ends: HashTable::new(),
            seed: DefaultHashBuilder::default(),
            flows: Vec::new(),
            free: Vec::new(),
            latest: 0,
            closed: VecDeque::new(),
            waiting: VecDeque::new(),
            last: At::default(),
            bounds,
            load: Load::default(),
            gone: Pairs::default(),
            forgotten: Forgotten::default(),
        }
    }

    /// The memory that its connections take, in octets.
    pub fn weight(&self) -> usize {
        self.load.weight.kept
    }

    /// Hands out the closed connections that nothing can belong to any more, and gives up what connections wait for in
    /// vain: they may have had their last packet.
    pub fn check(&mut self, checkpoint: Checkpoint, registry: &mut impl Registry<L>) {
        self.last = checkpoint.at;
        let is_due = |due: &Due, after: Span| {
            checkpoint.clock.since(due.last.time) > after
                && checkpoint.at.frame > due.last.frame + KEPT_PACKETS
        };
        while let Some(closed) = self.closed.pop_front_if(|due| is_due(due, REMEMBERED)) {
            self.forget_or_requeue(&closed, registry);
        }
        // No more than there were packets: some wait until they are forgotten.
        for _ in 0..FRAMES {
            let Some(waiting) = self.waiting.pop_front_if(|due| is_due(due, HOLE_PATIENCE)) else {
                return;
            };
            self.lose_patience(waiting, checkpoint);
        }
    }

    fn lose_patience(&mut self, due: Due, checkpoint: Checkpoint) {
        let Some(Some(flow)) = self.flows.get_mut(due.slot) else {
            return;
        };
        if flow.stream != due.stream {
            return;
        }
        let was_quiet = flow.last == due.last;
        if was_quiet {
            let before = flow.weight;
            flow.release_until(checkpoint.clock);
            self.load.exchange(before, flow.weigh());
        }
        if flow.weight.waiting == 0 {
            flow.waits = Waits::Unwatched;
            return;
        }
        self.waiting.push_back(Due {
            last: if was_quiet { checkpoint.at } else { flow.last },
            ..due
        });
    }

    fn forget_or_requeue(&mut self, closed: &Due, registry: &mut impl Registry<L>) {
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
            self.forget(closed.slot, registry);
        } else {
            self.closed.push_back(Due {
                last: flow.last,
                ..*closed
            });
        }
    }

    /// Takes the next segment of the capture that belongs here.
    pub fn take(&mut self, segment: &Segment<'_>, registry: &mut impl Registry<L>) {
        self.last = segment.at;
        let slot = self.slot(segment.src, segment.dst, segment.into(), registry);
        let Some(Some(flow)) = self.flows.get_mut(slot) else {
            return;
        };
        if !flow.was_seen() {
            let resumes = self.gone.take(segment.src, segment.dst);
            self.forgotten.resumed += u64::from(resumes && !segment.flags.has(Flags::SYN));
        }
        let before = flow.weight;
        flow.take(segment);
        let closes = flow.is_closed() && flow.watch == Watch::Open;
        if closes {
            flow.shrink();
        }
        self.load.exchange(before, flow.weigh());
        let due = Due {
            slot,
            stream: flow.stream,
            last: segment.at,
        };
        if closes {
            flow.watch = Watch::Closed;
            self.closed.push_back(due);
        }
        if flow.weight.waiting > 0 && flow.waits == Waits::Unwatched {
            flow.waits = Waits::Watched;
            self.waiting.push_back(due);
        }
        if self.bounds.are_met(&self.load) {
            self.make_room(registry);
        }
    }

    /// Gives up holes, then connections, until the load is well within the bounds: those that are closed before those
    /// that are open, in the order in which they were last active.
    fn make_room(&mut self, registry: &mut impl Registry<L>) {
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
            match self.flows.get_mut(slot) {
                Some(Some(flow)) if !flow.is_closed() => {
                    flow.crowded_out = Some(crowd);
                    self.finish(slot, registry);
                }
                // Of a closed one nothing is missing.
                _ => {
                    self.forgotten.early += 1;
                    self.forget(slot, registry);
                }
            }
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
    pub fn skip(&mut self, header: &Header, at: At, registry: &mut impl Registry<L>) {
        self.last = at;
        let slot = self.slot(header.src, header.dst, header.into(), registry);
        if let Some(Some(flow)) = self.flows.get_mut(slot) {
            flow.skip(header);
        }
        if self.bounds.are_met(&self.load) {
            self.make_room(registry);
        }
    }

    /// Where the connection of a packet is kept; a new one is begun where it belongs to none.
    fn slot(
        &mut self,
        src: Endpoint,
        dst: Endpoint,
        numbers: Numbers,
        registry: &mut impl Registry<L>,
    ) -> usize {
        if self.is_between(self.latest, src, dst) && self.goes_on(self.latest, src, numbers) {
            return self.latest;
        }
        let hash = hash_of(&self.seed, src, dst);
        let is_there = |&slot: &usize| self.is_between(slot, src, dst);
        if let Some(&slot) = self.by_ends.find(hash, is_there) {
            if self.goes_on(slot, src, numbers) {
                self.latest = slot;
                return slot;
            }
            self.forget(slot, registry);
        }
        let mut flow = Box::new(Flow::new(registry.begin(self.last), src, dst));
        self.load.add(flow.weigh());
        self.latest = self.free.pop().unwrap_or(self.flows.len());
        match self.flows.get_mut(self.latest) {
            Some(empty) => *empty = Some(flow),
            None => self.flows.push(Some(flow)),
        }
        let rehash = |&slot: &usize| match self.flows.get(slot) {
            Some(Some(flow)) => hash_of(&self.seed, flow.ends.client, flow.ends.server),
            _ => 0,
        };
        self.by_ends.insert_unique(hash, self.latest, rehash);
        self.latest
    }

    fn is_between(&self, slot: usize, a: Endpoint, b: Endpoint) -> bool {
        let Some(Some(flow)) = self.flows.get(slot) else {
            return false;
        };
        let PerPeer { client, server } = flow.ends;
        (a == client && b == server) || (a == server && b == client)
    }

    /// Whether a packet of `src` with these numbers belongs to the connection there, and to no later one.
    fn goes_on(&self, slot: usize, src: Endpoint, numbers: Numbers) -> bool {
        let Some(Some(flow)) = self.flows.get(slot) else {
            return false;
        };
        !flow.is_another(src, numbers) && !self.is_forgotten(flow)
    }

    fn is_forgotten(&self, flow: &Flow<L>) -> bool {
        flow.is_closed() && self.last.time.since(flow.last.time) > REMEMBERED
    }

    /// Finishes a closed connection of which packets may still come.
    fn forget(&mut self, slot: usize, registry: &mut impl Registry<L>) {
        if let Some(Some(flow)) = self.flows.get(slot) {
            self.gone.add(flow.ends.client, flow.ends.server);
        }
        self.finish(slot, registry);
    }

    fn finish(&mut self, slot: usize, registry: &mut impl Registry<L>) {
        let Some(flow) = self.flows.get_mut(slot).and_then(Option::take) else {
            return;
        };
        self.free.push(slot);
        self.forget_finished();
        self.load.remove(flow.weight);
        let hash = hash_of(&self.seed, flow.ends.client, flow.ends.server);
        if let Ok(entry) = self.by_ends.find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
        conclude(flow, self.last, registry);
    }

    /// Drops from what is to be looked at again those that are finished already, once they are most of them: where the clock stands
    /// still, none would ever come to the front.
    fn forget_finished(&mut self) {
        if self.closed.len().max(self.waiting.len())
            < 2 * self.load.connections + KEPT_PACKETS as usize
        {
            return;
        }
        let flows = &self.flows;
        let is_there = |due: &Due| {
            let flow = flows.get(due.slot).and_then(Option::as_ref);
            flow.is_some_and(|flow| flow.stream == due.stream)
        };
        self.closed.retain(is_there);
        self.waiting.retain(is_there);
    }

    /// What was forgotten so far.
    pub fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// The capture is over: what is left.
    pub fn into_rest(self) -> Rest<L> {
        let mut flows: Vec<_> = self.flows.into_iter().flatten().collect();
        flows.sort_unstable_by_key(|flow| flow.stream);
        Rest(flows.into_iter())
    }
}

/// The connections that are left at the end of a capture, by number.
#[derive(Debug)]
pub struct Rest<L>(vec::IntoIter<Box<Flow<L>>>);

impl<L> Default for Rest<L> {
    fn default() -> Self {
        Rest(Vec::new().into_iter())
    }
}

impl<L: Listener> Rest<L> {
    /// The number of the next.
    pub fn next_stream(&self) -> Option<u64> {
        self.0.as_slice().first().map(|flow| flow.stream)
    }

    /// Finishes the next; this is the last packet of the capture.
    pub fn finish_next(&mut self, last: At, registry: &mut impl Registry<L>) {
        if let Some(flow) = self.0.next() {
            conclude(flow, last, registry);
        }
    }
}

/// What the two endpoints of a connection give, whichever comes first.
fn hash_of(seed: &DefaultHashBuilder, a: Endpoint, b: Endpoint) -> u64 {
    let mut hasher = seed.build_hasher();
    if let (IpAddr::V4(a_ip), IpAddr::V4(b_ip)) = (a.ip, b.ip) {
        let end = |ip: Ipv4Addr, port| u64::from(ip.to_bits()) << 16 | u64::from(port);
        let (a, b) = (end(a_ip, a.port), end(b_ip, b.port));
        hasher.write_u64(a.min(b));
        hasher.write_u64(a.max(b));
    } else {
        a.min(b).hash(&mut hasher);
        a.max(b).hash(&mut hasher);
    }
    hasher.finish()
}

fn conclude<L: Listener>(flow: Box<Flow<L>>, last: At, registry: &mut impl Registry<L>) {
    if !flow.was_seen() {
        return registry.forget(flow.stream);
    }
    let (facts, listener) = flow.finish(last);
    registry.finish(facts, listener);
}
