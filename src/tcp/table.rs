//! Finds the connection that a segment belongs to.
//!
//! In: segments in the order of the capture. Out: each to its connection; to a [`Registry`], which connections begin
//! and which are finished, with what listened to them.

use std::collections::VecDeque;
use std::mem;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::bounds::{Bounds, Load, Weight};
use super::checkpoint::{Checkpoint, FRAMES};
use super::ends::{Ends, Packed};
use super::flow::{Flow, Listener, Waits, Watch};
use super::forgotten::{Forgotten, Pairs};
use super::half::HOLE_PATIENCE;
use super::memory::{Hash, Known, Memory};
use super::numbering::Numbers;
use super::registry::Registry;
use super::remembered::Remembered;
use super::rest::{finish_flow, finish_remembered};
use super::{Peer, PerPeer};
use crate::packet::{Flags, Header, Segment};
use crate::time::{At, Span};

/// How long a closed connection is remembered after its last packet, in capture time. A later packet of that pair of
/// endpoints begins a new connection, also without a SYN.
pub const REMEMBERED: Span = Span::from_secs(120);

/// So many connections that are over are recorded one after the other: that takes much code, which every processor has
/// to fetch anew where packets come between.
const AT_ONCE: usize = 32;

/// The memory of a recorded connection is used for another one if it is no more than that, in octets.
const MAX_SPARE: usize = 8 << 10;

/// How many further packets of the capture a closed connection is kept for at least. Its own clock decides whether a
/// packet is still its own; the clocks of other interfaces may be years ahead.
const KEPT_PACKETS: u64 = 1000;

/// Connections that are not finished.
#[derive(Debug)]
pub struct Table<L: Listener, R> {
    /// By the two endpoints.
    flows: HashTable<Box<Flow<L>>>,
    /// Seeded anew for each table: who makes a capture cannot know what meets.
    seed: DefaultHashBuilder,
    /// Memory of recorded connections for further ones: no more than [`AT_ONCE`], each of no more than [`MAX_SPARE`].
    spare: Vec<Box<Flow<L>>>,
    /// Where the latest packets belonged, by the ports there: the next ones often follow them there.
    recent: [Recent; RECENT],
    /// What is asked of those who listen.
    asked: L::Asked,
    /// Those that are over and not recorded yet: fewer than [`AT_ONCE`].
    over: Vec<Key>,
    /// Those that are over.
    memory: Memory<R>,
    /// Those that are closed otherwise, by the time when they were last looked at.
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

/// A connection in the order in which they give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Aged {
    open: bool,
    /// Its last frame.
    last: u64,
    place: Place,
}

/// Of so many connections that had packets lately each is found again without a hash: a power of 2.
const RECENT: usize = 256;

/// A connection that had a packet lately.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    /// Its ports, added: those of other connections mostly are others.
    ports: u32,
    /// The bucket where it is.
    bucket: u32,
}

impl Recent {
    /// The place of one with these ports. Many systems give out every other port.
    #[inline]
    fn place(ports: u32) -> usize {
        (ports ^ (ports / RECENT as u32)) as usize % RECENT
    }
}

/// Where a connection is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Flow(Key),
    Memory(Known),
}

/// What a connection is found by again, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    stream: u64,
    /// Of its ends.
    hash: u64,
}

impl Key {
    fn of<L: Listener>(flow: &Flow<L>) -> Self {
        Key {
            stream: flow.stream,
            hash: flow.hash,
        }
    }

    fn find<L>(self, flows: &mut HashTable<Box<Flow<L>>>) -> Option<&mut Flow<L>> {
        let flow = flows.find_mut(self.hash, |flow| flow.stream == self.stream);
        flow.map(|flow| &mut **flow)
    }
}

/// A connection that is to be looked at again.
#[derive(Clone, Copy, Debug)]
struct Due {
    key: Key,
    last: At,
}

impl<L: Listener, R> Table<L, R> {
    /// For connections of which no more is kept than that.
    pub fn new(bounds: Bounds, asked: L::Asked) -> Self {
        Table {
            flows: HashTable::new(),
            seed: DefaultHashBuilder::default(),
            spare: Vec::new(),
            recent: [Recent::default(); RECENT],
            asked,
            over: Vec::new(),
            memory: Memory::new(),
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
    pub fn check(&mut self, checkpoint: Checkpoint, registry: &mut impl Registry<L, Record = R>) {
        self.last = checkpoint.at;
        self.remember_those_over(registry);
        self.forget_finished();
        let is_due = |last: &At, after: Span| {
            checkpoint.clock.since(last.time) > after
                && checkpoint.at.frame > last.frame + KEPT_PACKETS
        };
        while let Some(closed) = self
            .closed
            .pop_front_if(|due| is_due(&due.last, REMEMBERED))
        {
            self.forget_or_requeue(&closed, registry);
        }
        while let Some(remembered) = self.memory.pop_if(|last| is_due(&last, REMEMBERED)) {
            if let Some(record) = self.memory.fetch() {
                registry.fetch(record);
            }
            self.forget_remembered(remembered, registry);
        }
        // No more than there were packets: some wait until they are forgotten.
        for _ in 0..FRAMES {
            let Some(waiting) = self
                .waiting
                .pop_front_if(|due| is_due(&due.last, HOLE_PATIENCE))
            else {
                return;
            };
            self.lose_patience(waiting, checkpoint);
        }
    }

    fn lose_patience(&mut self, due: Due, checkpoint: Checkpoint) {
        let Some(flow) = due.key.find(&mut self.flows) else {
            return;
        };
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

    fn forget_or_requeue(&mut self, closed: &Due, registry: &mut impl Registry<L, Record = R>) {
        let Some(flow) = closed.key.find(&mut self.flows) else {
            return;
        };
        if !flow.is_closed() {
            flow.watch = Watch::Open;
            return;
        }
        if flow.last == closed.last {
            self.forget(closed.key, registry);
        } else {
            self.closed.push_back(Due {
                last: flow.last,
                ..*closed
            });
        }
    }

    /// Takes the next segment of the capture that belongs here.
    #[inline]
    pub fn take(&mut self, segment: &Segment<'_>, registry: &mut impl Registry<L, Record = R>) {
        self.last = segment.at;
        let numbers = segment.into();
        let ends = Ends {
            src: &segment.src,
            dst: &segment.dst,
        };
        let found = self.bucket(&ends, numbers, registry, |remembered| {
            remembered.note(segment);
        });
        let Some((bucket, from)) = found else {
            return;
        };
        let Some(flow) = self.flows.get_bucket_mut(bucket) else {
            return;
        };
        // What carries nothing changes nothing here, unless it ends a connection, or something waited for it.
        let carries = segment.carries_anything();
        let mut begins = false;
        let matters = if flow.take_next(from, segment) {
            let closes = segment.flags.has(Flags::FIN) && flow.is_closed();
            flow.watch == Watch::Closed || closes || carries && flow.listens_with_more()
        } else {
            begins = !flow.was_seen();
            if begins {
                let resumes = self.gone.take(segment.src, segment.dst);
                self.forgotten.resumed += u64::from(resumes && !segment.flags.has(Flags::SYN));
            }
            flow.take(segment);
            carries || flow.watch == Watch::Closed || flow.weight.waiting > 0
        };
        if matters {
            self.settle(bucket, registry);
        }
        if matters || begins {
            self.keep_within_bounds(registry);
        }
    }

    /// Sees what has become of the connection that had the last packet.
    fn settle(&mut self, bucket: usize, registry: &mut impl Registry<L, Record = R>) {
        let Some(flow) = self.flows.get_bucket_mut(bucket) else {
            return;
        };
        let key = Key::of(flow);
        let is_closed = flow.is_closed();
        if is_closed && flow.is_over() {
            flow.watch = Watch::Over;
            self.over.push(key);
            if self.over.len() == AT_ONCE {
                self.remember_those_over(registry);
            }
            return;
        }
        let due = Due {
            key,
            last: flow.last,
        };
        if is_closed && flow.watch == Watch::Open {
            // Behind two FINs it will be over soon.
            if flow.has_rst() {
                flow.shrink();
            }
            flow.watch = Watch::Closed;
            self.closed.push_back(due);
        }
        let before = flow.weight;
        self.load.exchange(before, flow.weigh());
        if flow.weight.waiting > 0 && flow.waits == Waits::Unwatched {
            flow.waits = Waits::Watched;
            self.waiting.push_back(due);
        }
    }

    fn remember_those_over(&mut self, registry: &mut impl Registry<L, Record = R>) {
        let mut over = mem::take(&mut self.over);
        for key in over.drain(..) {
            self.remember(key, registry);
        }
        self.over = over;
    }

    /// Makes the record of a connection that is over.
    fn remember(&mut self, key: Key, registry: &mut impl Registry<L, Record = R>) {
        let Some(mut flow) = self.take_out(key) else {
            return;
        };
        let seen_until = flow.last;
        let record = flow.conclude(seen_until, registry);
        let remembered = Remembered {
            ends: Packed::new(&flow.ends),
            stream: flow.stream,
            packets: flow.packets,
            last: flow.last,
            numbering: flow.numbering,
            record,
            hash: Hash::of(flow.hash),
        };
        self.load
            .exchange(flow.weight, weigh(&remembered, registry));
        self.memory.add(remembered);
        // Some hold long heads that never became complete.
        if self.spare.len() < AT_ONCE && flow.weight.kept <= MAX_SPARE {
            self.spare.push(flow);
        }
    }

    #[inline(always)]
    fn keep_within_bounds(&mut self, registry: &mut impl Registry<L, Record = R>) {
        if self.bounds.are_met(&self.load) {
            self.make_room(registry);
        }
    }

    /// Gives up holes, then connections, until the load is well within the bounds: those that are closed before those
    /// that are open, in the order in which they were last active.
    fn make_room(&mut self, registry: &mut impl Registry<L, Record = R>) {
        self.remember_those_over(registry);
        let by_age = self.by_age();
        let goal = self.bounds.with_room();
        if self.load.weight.waiting > self.bounds.waiting {
            self.give_up_holes(&by_age, &goal);
        }
        if self.bounds.crowd(&self.load).is_none() {
            return;
        }
        for Aged { place, .. } in by_age {
            let Some(crowd) = goal.crowd(&self.load) else {
                return;
            };
            let key = match place {
                Place::Flow(key) => key,
                Place::Memory(known) => {
                    if let Some(remembered) = self.memory.take(known) {
                        self.forgotten.early += 1;
                        self.forget_remembered(remembered, registry);
                    }
                    continue;
                }
            };
            match key.find(&mut self.flows) {
                Some(flow) if !flow.is_closed() => {
                    flow.crowded_out = Some(crowd);
                    self.finish(key, registry);
                }
                // Of a closed one nothing is missing.
                _ => {
                    self.forgotten.early += 1;
                    self.forget(key, registry);
                }
            }
        }
    }

    fn by_age(&self) -> Vec<Aged> {
        let aged = |flow: &Flow<L>| Aged {
            open: !flow.is_closed(),
            last: flow.last.frame,
            place: Place::Flow(Key::of(flow)),
        };
        let remembered = |(known, remembered): (Known, &Remembered<R>)| Aged {
            open: false,
            last: remembered.last.frame,
            place: Place::Memory(known),
        };
        let mut by_age: Vec<Aged> = self.flows.iter().map(|flow| aged(flow)).collect();
        by_age.extend(self.memory.iter().map(remembered));
        by_age.sort_unstable();
        by_age
    }

    fn give_up_holes(&mut self, by_age: &[Aged], goal: &Bounds) {
        for &Aged { place, .. } in by_age {
            let Place::Flow(key) = place else {
                continue;
            };
            if self.load.weight.waiting <= goal.waiting {
                return;
            }
            if let Some(flow) = key.find(&mut self.flows) {
                let before = flow.weight;
                flow.give_up_waiting();
                self.load.exchange(before, flow.weigh());
            }
        }
    }

    /// Takes a TCP header that is nobody's data. Wireshark numbers it all the same; where a packet of that pair
    /// follows, it has the number, else nobody has.
    pub fn skip(&mut self, header: &Header, at: At, registry: &mut impl Registry<L, Record = R>) {
        self.last = at;
        let ends = Ends {
            src: &header.src,
            dst: &header.dst,
        };
        let found = self.bucket(&ends, header.into(), registry, |remembered| {
            remembered.skip(header);
        });
        if let Some(flow) = found.and_then(|(bucket, _)| self.flows.get_bucket_mut(bucket)) {
            flow.skip(header);
        }
        self.keep_within_bounds(registry);
    }

    /// Where the connection of a packet is kept, and which side of it sent that; a new one is begun where it belongs to
    /// none. One that is over takes notice of it as `note` does, and is nowhere.
    #[inline]
    fn bucket(
        &mut self,
        ends: &Ends<'_>,
        numbers: Numbers,
        registry: &mut impl Registry<L, Record = R>,
        note: impl FnOnce(&mut Remembered<R>),
    ) -> Option<(usize, Peer)> {
        // Where one of the latest packets belonged, mostly: then no hash is needed.
        let ports = ends.added_ports();
        let place = Recent::place(ports);
        if let Some(recent) = self.recent.get(place)
            && recent.ports == ports
            && let bucket = recent.bucket as usize
            && let Some(flow) = self.flows.get_bucket(bucket)
            && let Some(from) = ends.sender_between(&flow.ends)
            && self.goes_on(flow, from, numbers)
        {
            return Some((bucket, from));
        }
        let hash = ends.hash(&self.seed);
        if let Some((bucket, from)) = self.find(hash, ends)
            && let Some(flow) = self.flows.get_bucket(bucket)
        {
            if self.goes_on(flow, from, numbers) {
                self.note_recent(ports, bucket);
                return Some((bucket, from));
            }
            if flow.watch == Watch::Over {
                self.remember_those_over(registry);
            } else {
                self.forget(Key::of(flow), registry);
            }
        }
        let now = self.last;
        if let Some(known) = self.memory.find(hash, ends) {
            let remembered = self.memory.get(known)?;
            if !is_past(remembered.last, now) && !remembered.is_another(ends.src, numbers) {
                self.memory.note(known, note);
                return None;
            }
            if let Some(remembered) = self.memory.take(known) {
                self.forget_remembered(remembered, registry);
            }
        }
        let bucket = self.begin(registry.begin(now), hash, ends);
        Some((bucket, Peer::Client))
    }

    /// Where the connection between these ends is, and which side of it the sender is.
    #[inline]
    fn find(&self, hash: u64, ends: &Ends<'_>) -> Option<(usize, Peer)> {
        let mut from = None;
        let bucket = self.flows.find_bucket_index(hash, |flow| {
            from = ends.sender_between(&flow.ends);
            from.is_some()
        })?;
        Some((bucket, from?))
    }

    /// Whether a packet of `from` with these numbers belongs to this connection, and to no later one.
    #[inline]
    fn goes_on(&self, flow: &Flow<L>, from: Peer, numbers: Numbers) -> bool {
        debug_assert!(flow.watch != Watch::Open || !flow.is_closed());
        let is_kept = match flow.watch {
            Watch::Open => true,
            Watch::Closed => !self.is_forgotten(flow),
            Watch::Over => false,
        };
        is_kept && !flow.is_another(from, numbers)
    }

    /// Begins a connection, and tells where it is.
    fn begin(&mut self, stream: u64, hash: u64, ends: &Ends<'_>) -> usize {
        let asked = self.asked;
        let flow = match self.spare.pop() {
            Some(mut spare) => {
                *spare = Flow::new(stream, hash, ends, L::new(asked));
                spare
            }
            None => Box::new(Flow::new(stream, hash, ends, L::new(asked))),
        };
        self.load.add(flow.weight);
        let entry = self.flows.insert_unique(hash, flow, |flow| flow.hash);
        let bucket = entry.bucket_index();
        self.note_recent(ends.added_ports(), bucket);
        bucket
    }

    #[inline]
    fn note_recent(&mut self, ports: u32, bucket: usize) {
        if let (Some(recent), Ok(bucket)) = (
            self.recent.get_mut(Recent::place(ports)),
            u32::try_from(bucket),
        ) {
            *recent = Recent { ports, bucket };
        }
    }

    fn is_forgotten(&self, flow: &Flow<L>) -> bool {
        is_past(flow.last, self.last) && flow.is_closed()
    }

    /// Finishes a closed connection of which packets may still come.
    fn forget(&mut self, key: Key, registry: &mut impl Registry<L, Record = R>) {
        if let Some(flow) = key.find(&mut self.flows) {
            self.gone.add(flow.ends.client, flow.ends.server);
        }
        self.finish(key, registry);
    }

    fn forget_remembered(
        &mut self,
        remembered: Remembered<R>,
        registry: &mut impl Registry<L, Record = R>,
    ) {
        let PerPeer { client, server } = remembered.ends.get();
        self.gone.add(client, server);
        self.load.remove(weigh(&remembered, registry));
        finish_remembered(remembered, self.last, registry);
    }

    fn finish(&mut self, key: Key, registry: &mut impl Registry<L, Record = R>) {
        if let Some(mut flow) = self.take_out(key) {
            self.load.remove(flow.weight);
            finish_flow(&mut flow, self.last, registry);
        }
    }

    /// Takes a connection out of those that are not finished.
    fn take_out(&mut self, key: Key) -> Option<Box<Flow<L>>> {
        let entry = self
            .flows
            .find_entry(key.hash, |flow| flow.stream == key.stream);
        Some(entry.ok()?.remove().0)
    }

    /// Drops from what is to be looked at again those that are finished already, once they are most of them: where the clock stands
    /// still, none would ever come to the front.
    fn forget_finished(&mut self) {
        let most = 2 * self.flows.len() + KEPT_PACKETS as usize;
        if self.closed.len().max(self.waiting.len()) < most {
            return;
        }
        let mut is_there = |due: &Due| due.key.find(&mut self.flows).is_some();
        self.closed.retain(&mut is_there);
        self.waiting.retain(is_there);
    }

    /// What was forgotten so far.
    pub fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// The capture is over: the connections that are left, open ones and such that are over.
    pub(super) fn into_left(self) -> (impl Iterator<Item = Box<Flow<L>>>, Memory<R>) {
        (self.flows.into_iter(), self.memory)
    }
}

/// What a connection that is over weighs, from when it is remembered until it is forgotten.
fn weigh<L, G: Registry<L>>(remembered: &Remembered<G::Record>, registry: &G) -> Weight {
    Weight {
        kept: remembered.weight(registry.weight(&remembered.record)),
        waiting: 0,
    }
}

fn is_past(last: At, now: At) -> bool {
    now.time.since(last.time) > REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{Conversation, Targets};
    use crate::packet::{Endpoint, Seq};
    use crate::tcp::{Facts, Latest};
    use crate::time::Time;

    /// Counts the connections that begin.
    struct Counting(u64);

    impl Registry<Conversation> for Counting {
        type Record = ();

        fn begin(&mut self, _: At) -> u64 {
            self.0 += 1;
            self.0 - 1
        }

        fn conclude(&mut self, _: Facts, _: &mut Conversation) {}

        fn weight(&self, (): &()) -> usize {
            0
        }

        fn finish(&mut self, (): (), _: Latest) {}

        fn forget(&mut self, _: u64) {}
    }

    #[test]
    fn connections_that_share_a_place_are_told_apart() {
        let mut table = Table::<Conversation, ()>::new(Bounds::default(), Targets::NotKept);
        let mut begun = Counting(0);
        let endpoint = |host: u8, port| Endpoint::new([10, 0, 0, host].into(), port);
        // Some have the same ports, some others that lead to the same place, and there are more than places.
        let connections: Vec<_> = (1..=3)
            .flat_map(|host| {
                (0..300).map(move |port| (endpoint(host, 40_000 + port), endpoint(9, 80)))
            })
            .collect();
        let mut frame = 0;
        for _ in 0..3 {
            for &(client, server) in &connections {
                for (src, dst) in [(client, server), (server, client)] {
                    frame += 1;
                    let segment = Segment {
                        at: At {
                            frame,
                            time: Time::default(),
                        },
                        src,
                        dst,
                        seq: Seq(1),
                        ack: None,
                        flags: Flags::NONE,
                        window: 1,
                        payload: &[],
                        cut: 0,
                    };
                    table.take(&segment, &mut begun);
                }
            }
            assert_eq!(begun.0, connections.len() as u64);
        }
        let packets = table.flows.iter().map(|flow| flow.packets);
        assert!(packets.eq(connections.iter().map(|_| 6)));
    }
}
