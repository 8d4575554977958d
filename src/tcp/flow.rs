//! One connection: its two directions, held in the order of cause and effect.
//!
//! In: the segments of one pair of endpoints. Out: to a [`Listener`], the octets of both directions, each in order,
//! and none before the octets of the other side that its sender had acknowledged: so an answer never comes before
//! what it answers, whatever the order of the packets in the capture.

use super::assembler::{Ahead, Run, Taken};
use super::bounds::{Crowd, Weight};
use super::ends::Ends;
use super::half::{Due, Half};
use super::numbering::{Numbering, Numbers};
use super::registry::Registry;
use super::remembered::Latest;
use super::{Acked, AckedUpTo, Acks, Close, Facts, Handshake, Peer, PerPeer, Stamp};
use crate::packet::{Endpoint, Flags, Header, Segment};
use crate::time::{At, Time};

/// Octets of one side that are in order.
#[derive(Clone, Copy, Debug)]
pub struct Octets<'a> {
    /// The offset of the first of them.
    pub offset: u64,
    /// The octets.
    pub octets: &'a [u8],
    /// The packet that carried them.
    pub stamp: Stamp,
    /// The packet that put them in order: the same, or one that filled a hole before them.
    pub completed: At,
}

/// Octets of one side that are not there.
#[derive(Clone, Copy, Debug)]
pub struct Hole {
    /// The offset of the first of them.
    pub offset: u64,
    /// How many; at least one.
    pub len: u64,
    /// The packet that carried them, where the snap length cut them off; `None` where the capture lacks them.
    pub carried: Option<At>,
}

/// Whether the capture has a connection from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It begins with a SYN.
    Syn,
    /// The capture begins inside it.
    Inside,
}

/// Who takes what a connection carries.
pub trait Listener {
    /// What is asked of it, the same for all connections.
    type Asked: Copy + std::fmt::Debug;

    /// For a connection of which nothing is known yet: the capture may begin inside it.
    fn new(asked: Self::Asked) -> Self;

    /// The connection begins here, with a SYN; told before anything else.
    fn begin(&mut self);

    /// `from` sent these, next in order; so far it was acknowledged by then. So it is below.
    fn octets(&mut self, from: Peer, octets: Octets<'_>, acked: Option<AckedUpTo>);

    /// The next octets of `from` are not there.
    fn hole(&mut self, from: Peer, hole: Hole, acked: Option<AckedUpTo>);

    /// `from` ended its direction by a FIN, in order, behind the octet before `offset`.
    fn end(&mut self, from: Peer, offset: u64, at: At, acked: Option<AckedUpTo>);

    /// How many of the next octets of `from` it only counts: whether they come or are cut off is all the same to it.
    fn counts(&self, from: Peer) -> u64;

    /// What stands where `octets` begin, where that is certain: asked of octets of `from` that lie ahead, right behind
    /// those that it only counts or behind those that it has said it of before.
    fn ahead(&self, from: Peer, octets: &[u8]) -> Option<Ahead>;

    /// The other side has acknowledged the octets of `of` before offset `upto`, further than before.
    fn acknowledged(&mut self, of: Peer, upto: u64, by: Acked);

    /// Which side sends the requests, once that is known.
    fn requester(&self) -> Option<Peer>;

    /// The two sides change their names.
    fn swap(&mut self);

    /// The memory that it has taken beside its own size, in octets.
    fn weight(&self) -> usize;

    /// Gives back what it has taken and needs no more: the connection is closed, and only remembered.
    fn shrink(&mut self);
}

/// What the names of the two sides rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Roles {
    /// A SYN without ACK from one side only, or a SYN-ACK.
    Handshake,
    /// The ports: holds until it is known who sends requests.
    Ports,
}

/// A connection while it is read. What is looked at for every packet lies together, and behind that the rest: with many
/// connections, each packet finds its own far away.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Flow<L> {
    pub(super) listener: L,
    pub(super) ends: PerPeer<Endpoint>,
    pub(super) last: At,
    pub(super) packets: u64,
    /// What the listener had taken when that was last asked, as far as there is room for it.
    listener_weight: u32,
    pub(super) watch: Watch,
    pub(super) waits: Waits,
    pace: Pace,
    roles: Roles,
    halves: PerPeer<Half>,
    /// What all of it weighed then.
    pub(super) weight: Weight,
    /// Of the ends.
    pub(super) hash: u64,
    pub(super) stream: u64,
    first: At,
    handshake: Handshake,
    pub(super) numbering: Numbering,
    pub(super) crowded_out: Option<Crowd>,
}

/// Whether most packets of a connection change but a few numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// Anything may be open about it.
    Unsteady,
    /// It goes on as it was: it is known who is who, and nothing waits.
    Steady,
}

/// Whether the table looks for a connection whose octets wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// Not yet.
    Unwatched,
    /// Among those with octets that wait.
    Watched,
}

/// Where the table looks for a connection that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// Not yet.
    Open,
    /// Among those that are closed.
    Closed,
    /// Among those that are over.
    Over,
}

/// What it takes to find a connection, in octets: its place in a hash table that is being enlarged, and in the order of
/// those that are closed.
const PLACE: usize = 224;

impl<L: Listener> Flow<L> {
    /// A connection between two endpoints of which no packet was taken yet.
    pub(super) fn new(stream: u64, hash: u64, ends: &Ends<'_>, listener: L) -> Self {
        Flow {
            stream,
            ends: PerPeer {
                client: *ends.src,
                server: *ends.dst,
            },
            hash,
            roles: Roles::Ports,
            first: At::default(),
            last: At::default(),
            packets: 0,
            numbering: Numbering::default(),
            handshake: Handshake::default(),
            halves: PerPeer {
                client: Half::new(),
                server: Half::new(),
            },
            // Nothing was taken for it yet.
            weight: Weight {
                kept: size_of::<Self>() + PLACE,
                waiting: 0,
            },
            listener_weight: 0,
            crowded_out: None,
            watch: Watch::Open,
            waits: Waits::Unwatched,
            pace: Pace::Unsteady,
            listener,
        }
    }

    /// Whether the listener has taken more memory than it had when the connection was weighed, or less.
    #[inline]
    pub(super) fn listens_with_more(&self) -> bool {
        u32::try_from(self.listener.weight()) != Ok(self.listener_weight)
    }

    /// What it weighs now.
    pub(super) fn weigh(&mut self) -> Weight {
        let (client, server) = (&self.halves.client, &self.halves.server);
        let waiting = client.assembler.weight() + server.assembler.weight();
        let listener = self.listener.weight();
        self.listener_weight = u32::try_from(listener).unwrap_or(0);
        let beside = client.weight() + server.weight() + listener;
        let kept = size_of::<Self>() + PLACE + waiting + beside;
        self.weight = Weight { kept, waiting };
        self.weight
    }

    /// Gives back the memory that a closed connection needs no more.
    pub(super) fn shrink(&mut self) {
        self.listener.shrink();
    }

    /// Hands out what needs to wait no longer by this time, without a packet.
    pub(super) fn release_until(&mut self, now: Time) {
        self.pump(Wait::AsLongAsUseful(now));
        self.follow_requester();
    }

    /// Hands out all that waits, whatever it waits for.
    pub(super) fn give_up_waiting(&mut self) {
        for peer in Peer::BOTH {
            self.halves[peer].note_limit();
        }
        self.pump(Wait::NoLonger);
        self.follow_requester();
    }

    /// What the first packet tells.
    fn begin(&mut self, segment: &Segment<'_>) {
        self.first = segment.at;
        let (roles, sender) = first_roles(segment);
        self.roles = roles;
        if self.sender(&segment.src) != sender {
            self.swap();
        }
        if segment.flags.has(Flags::SYN) {
            self.listener.begin();
        }
    }

    /// Which side `src` is.
    #[inline]
    fn sender(&self, src: &Endpoint) -> Peer {
        if *src == self.ends.client {
            Peer::Client
        } else {
            Peer::Server
        }
    }

    /// Whether a packet of `src` with these numbers belongs to another connection of the same endpoints.
    pub(super) fn is_another(&self, from: Peer, numbers: Numbers) -> bool {
        self.numbering.is_another(from, numbers)
    }

    /// Takes notice of a header that is nobody's data.
    pub(super) fn skip(&mut self, header: &Header) {
        self.numbering.note(self.sender(&header.src), header.into());
    }

    /// Whether any packet of it was seen; else it is but a number.
    pub(super) fn was_seen(&self) -> bool {
        self.packets > 0
    }

    /// Whether both sides are done: both sent a FIN, or one a RST.
    pub(super) fn is_closed(&self) -> bool {
        (self.halves.client.has_fin() && self.halves.server.has_fin()) || self.has_rst()
    }

    pub(super) fn has_rst(&self) -> bool {
        self.halves.client.rst().is_some() || self.halves.server.rst().is_some()
    }

    /// Takes a segment that is next in order on a steady connection, and says whether it is one. All that
    /// [`Flow::take`] does with such a segment is done here in fewer steps.
    #[inline]
    pub(super) fn take_next(&mut self, from: Peer, segment: &Segment<'_>) -> bool {
        let (Pace::Steady, Some(ack), true) =
            (self.pace, segment.ack, segment.flags.are_only_ack_or_fin())
        else {
            return false;
        };
        if segment.window == 0 || segment.cut > 0 {
            return false;
        }
        let (half, other) = self.halves.split_mut(from);
        let (Some(offset), Some(upto)) =
            (half.next_in_order(segment), other.acknowledged_seen(ack))
        else {
            return false;
        };
        let at = segment.at;
        self.packets += 1;
        self.last = at;
        // Made anew for each who takes it: what lies in memory would have to be copied from there.
        let by = || Acked { at, offset };
        if other.acknowledge_seen(upto, by()) {
            self.listener.acknowledged(from.other(), upto, by());
        }
        let stamp = || Stamp {
            at,
            acks: Some(Acks::Exactly(upto)),
        };
        let end = offset + segment.payload.len() as u64;
        half.note_next(offset, upto, end);
        if !segment.payload.is_empty() {
            let octets = Octets {
                offset,
                octets: segment.payload,
                stamp: stamp(),
                completed: at,
            };
            self.listener.octets(from, octets, half.acked());
        }
        if segment.flags.has(Flags::FIN) {
            half.note_fin(end, stamp());
            if let Some(at) = half.end() {
                self.listener.end(from, end, at, half.acked());
            }
        }
        true
    }

    fn pace(&self) -> Pace {
        let roles =
            self.roles == Roles::Handshake || self.listener.requester() == Some(Peer::Client);
        let steady = roles
            && self.numbering.is_settled()
            && self.handshake.is_settled()
            && self.halves.client.is_steady()
            && self.halves.server.is_steady();
        match steady {
            true => Pace::Steady,
            false => Pace::Unsteady,
        }
    }

    /// Takes the next segment of this connection. Most are taken otherwise: this is kept out of their way.
    #[inline(never)]
    pub(super) fn take(&mut self, segment: &Segment<'_>) {
        self.take_any(segment);
        self.pace = self.pace();
    }

    fn take_any(&mut self, segment: &Segment<'_>) {
        if !self.was_seen() {
            self.begin(segment);
        }
        self.packets += 1;
        self.last = segment.at;
        let from = self.settle_roles(segment);
        self.numbering.note(from, segment.into());
        let (half, other) = self.halves.split_mut(from);
        let stamp = Stamp {
            at: segment.at,
            acks: segment.ack.map(|ack| Acks::Exactly(other.offset_of(ack))),
        };
        if segment.flags.has(Flags::RST) {
            half.note_rst(segment.seq, stamp, other);
            return;
        }
        half.see(segment);
        self.handshake.note(from, segment);
        if segment.window == 0 {
            half.note_zero_window(segment.at.time);
        }
        let offset = half.offset_of(segment.seq);
        let by = Acked {
            at: segment.at,
            offset,
        };
        if let (Some(ack), Some(upto)) = (segment.ack, stamp.ack())
            && other.acknowledge(ack, upto, by)
        {
            half.withdraw_rst_if_alive(upto);
            self.listener.acknowledged(from.other(), upto, by);
        }
        self.take_octets(from, segment, offset, stamp);
        self.pump(Wait::AsLongAsUseful(segment.at.time));
        self.follow_requester();
    }

    /// The payload and the FIN.
    fn take_octets(&mut self, from: Peer, segment: &Segment<'_>, offset: u64, stamp: Stamp) {
        let (half, other) = self.halves.split_mut(from);
        half.note_keepalive(segment, offset);
        // The SYN takes one number of its own; data may follow it in the same segment.
        let offset = offset + u64::from(segment.flags.has(Flags::SYN));
        let stamp = half.as_first_sent(offset, stamp);
        let run = Run {
            offset,
            octets: segment.payload,
            cut: u64::from(segment.cut),
            stamp,
        };
        if run.end() > run.offset {
            match half.assembler.in_order(&run) {
                Some(part) if other.lets_pass(stamp.after(), segment.at.time) => {
                    deliver(half, &mut self.listener, from, &part);
                }
                _ => {
                    let listener = &self.listener;
                    let look = |octets: &[u8]| listener.ahead(from, octets);
                    half.assembler.hold(&run, listener.counts(from), &look);
                }
            }
        }
        half.note_sent(run.end());
        if segment.flags.has(Flags::FIN) {
            half.note_fin(run.end(), stamp);
        }
    }

    /// Hands out what waits, as far as it is waited for no longer. Mostly nothing does.
    #[inline]
    fn pump(&mut self, wait: Wait) {
        while self.is_pending() && self.release_next(wait) {}
    }

    fn is_pending(&self) -> bool {
        self.halves.client.is_pending() || self.halves.server.is_pending()
    }

    /// Hands out what is next, and says whether there was anything: what has all before it; where that is nothing, the
    /// hole before what waits, so that its cause may come; and only where that is none, what came without its cause.
    #[inline(never)]
    fn release_next(&mut self, wait: Wait) -> bool {
        let halves = &self.halves;
        let due = Peer::BOTH.map(|from| halves[from].due());
        let first = |goes: &dyn Fn(&Due, &Half, &Half) -> bool| {
            let mut due = Peer::BOTH.into_iter().zip(due);
            due.find_map(|(from, due)| {
                let due = due.filter(|due| goes(due, &halves[from], &halves[from.other()]))?;
                Some((from, due))
            })
        };
        let next = first(&|due, _, other| due.has_cause(other))
            .or_else(|| first(&|due, half, other| wait.gives_up_hole(due, half, other)))
            .or_else(|| first(&|due, half, other| wait.gives_up_cause(due, half, other)));
        let Some((from, due)) = next else {
            return false;
        };
        self.hand_out(from, due);
        true
    }

    /// Hands out what is due of `from`.
    fn hand_out(&mut self, from: Peer, due: Due) {
        let half = &mut self.halves[from];
        match due {
            Due::Hole(end) => {
                let offset = half.assembler.next();
                let hole = Hole {
                    offset,
                    len: half.give_up_to(end),
                    carried: None,
                };
                self.listener.hole(from, hole, half.acked());
            }
            Due::Run(_) => {
                let taken = half.assembler.pop();
                for part in taken.iter().flat_map(Taken::parts) {
                    deliver(half, &mut self.listener, from, &part);
                }
            }
            Due::End { offset, .. } => {
                if let Some(at) = half.end() {
                    self.listener.end(from, offset, at, half.acked());
                }
            }
        }
    }

    /// Names the sides anew where the handshake tells more than was known, and says who sent `segment`.
    fn settle_roles(&mut self, segment: &Segment<'_>) -> Peer {
        let from = self.sender(&segment.src);
        if !segment.flags.has(Flags::SYN) {
            return from;
        }
        let opens = !segment.flags.has(Flags::ACK);
        let client = if opens { from } else { from.other() };
        let simultaneous = opens && self.handshake.has_syn_of(from.other());
        match (self.roles, simultaneous) {
            (Roles::Handshake, true) => self.roles = Roles::Ports,
            (Roles::Ports, false) if self.listener.requester().is_none() => {
                self.roles = Roles::Handshake;
                if client == Peer::Server {
                    self.swap();
                    return from.other();
                }
            }
            _ => {}
        }
        from
    }

    /// Without a handshake the client is the side that sends the requests.
    fn follow_requester(&mut self) {
        if self.roles == Roles::Ports && self.listener.requester() == Some(Peer::Server) {
            self.swap();
        }
    }

    fn swap(&mut self) {
        self.ends.swap();
        self.halves.swap();
        self.numbering.swap();
        self.handshake.swap();
        self.listener.swap();
    }

    /// Whether nothing can happen to it any more: both sides sent a FIN and acknowledged all. What still comes repeats
    /// what there was (RFC 9293 3.10.7.4).
    pub(super) fn is_over(&self) -> bool {
        self.halves.client.is_over() && self.halves.server.is_over()
    }

    /// What is known of it apart from the record.
    pub(super) fn latest(&self, seen_until: At) -> Latest {
        Latest {
            stream: self.stream,
            ends: self.ends,
            packets: self.packets,
            last: self.last,
            seen_until,
        }
    }

    /// Ends the connection: hands out what waits, and has its record made.
    pub(super) fn conclude<G: Registry<L>>(
        &mut self,
        seen_until: At,
        registry: &mut G,
    ) -> G::Record {
        self.pump(Wait::NoLonger);
        for peer in Peer::BOTH {
            let half = &self.halves[peer];
            let (offset, unseen) = (half.reached(), half.acknowledged_unseen());
            if unseen > 0 {
                let hole = Hole {
                    offset,
                    len: unseen,
                    carried: None,
                };
                self.listener.hole(peer, hole, half.acked());
            }
        }
        self.follow_requester();
        let facts = Facts {
            stream: self.stream,
            ends: self.ends,
            first: self.first,
            last: self.last,
            seen_until,
            packets: self.packets,
            handshake: self.handshake,
            sides: PerPeer {
                client: self.halves.client.conclude(),
                server: self.halves.server.conclude(),
            },
            close: Close::of(&self.halves),
            crowded_out: self.crowded_out,
        };
        registry.conclude(facts, &mut self.listener)
    }
}

/// How long what cannot be handed out yet is waited for.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// As long as it may still come; this is the time now.
    AsLongAsUseful(Time),
    NoLonger,
}

impl Wait {
    /// Whether this is a hole that is waited for no longer.
    fn gives_up_hole(self, due: &Due, half: &Half, other: &Half) -> bool {
        match (due, self) {
            (Due::Hole(end), Wait::AsLongAsUseful(now)) => half.gives_up_hole(other, *end, now),
            (Due::Hole(_), Wait::NoLonger) => true,
            _ => false,
        }
    }

    /// Whether this waits for octets of `other` no longer.
    fn gives_up_cause(self, due: &Due, half: &Half, other: &Half) -> bool {
        match (due, self) {
            (Due::Hole(_), _) => false,
            (_, Wait::AsLongAsUseful(now)) => other.lost_patience(now) || half.has_enough_waiting(),
            (_, Wait::NoLonger) => true,
        }
    }
}

/// Hands out a run that is next in order.
fn deliver<L: Listener>(half: &mut Half, listener: &mut L, from: Peer, run: &Run<'_>) {
    let completed = half.take(run);
    let captured = run.octets.len() as u64;
    if captured > 0 {
        let octets = Octets {
            offset: run.offset,
            octets: run.octets,
            stamp: run.stamp,
            completed,
        };
        listener.octets(from, octets, half.acked());
    }
    if run.cut > 0 {
        let hole = Hole {
            offset: run.offset + captured,
            len: run.cut,
            carried: Some(completed),
        };
        listener.hole(from, hole, half.acked());
    }
}

/// What the first segment of a connection says of its sender, and on what grounds.
fn first_roles(segment: &Segment<'_>) -> (Roles, Peer) {
    match (segment.flags.has(Flags::SYN), segment.flags.has(Flags::ACK)) {
        (true, false) => (Roles::Handshake, Peer::Client),
        (true, true) => (Roles::Handshake, Peer::Server),
        _ if segment.src.port() < segment.dst.port() => (Roles::Ports, Peer::Server),
        _ => (Roles::Ports, Peer::Client),
    }
}

#[cfg(test)]
mod tests {
    use super::super::assembler::RUN;
    use super::*;
    use crate::connection::{Conversation, Targets};
    use crate::packet::Seq;
    use crate::time::Span;

    #[test]
    fn a_connection_takes_little_room_beside_its_listener() {
        let room = size_of::<Flow<Conversation>>() - size_of::<Conversation>();
        assert!(room <= 512, "{room}");
    }

    #[test]
    fn a_connection_weighs_at_first_what_it_says() {
        let PerPeer { client, server } = Talk::new(0).ends;
        let between = Ends {
            src: &client,
            dst: &server,
        };
        let mut flow = Flow::new(0, 0, &between, Conversation::new(Targets::Kept));
        assert!(!flow.listens_with_more());
        let at_first = flow.weight;
        assert_eq!(flow.weigh(), at_first);
    }

    /// Two sides that send each other anything, mostly in order.
    struct Talk {
        random: fastrand::Rng,
        at: At,
        ends: PerPeer<Endpoint>,
        /// The next number of each side.
        next: PerPeer<u32>,
    }

    impl Talk {
        fn new(seed: u64) -> Self {
            let mut random = fastrand::Rng::with_seed(seed);
            let end = |ip: [u8; 4], port| Endpoint::new(ip.into(), port);
            Talk {
                at: At::default(),
                ends: PerPeer {
                    client: end([192, 0, 2, 1], 40_000),
                    server: end([192, 0, 2, 2], 80),
                },
                next: PerPeer {
                    client: random.u32(..),
                    server: random.u32(..),
                },
                random,
            }
        }

        fn segment<'a>(&mut self, from: Peer, flags: Flags, payload: &'a [u8]) -> Segment<'a> {
            self.at.frame += 1;
            self.at.time = self.at.time + Span::from_millis(self.random.i64(0..400));
            let acks = flags.has(Flags::ACK);
            Segment {
                at: self.at,
                src: self.ends[from],
                dst: self.ends[from.other()],
                seq: Seq(self.next[from]),
                ack: acks.then_some(Seq(self.next[from.other()])),
                flags,
                window: 1000,
                payload,
                cut: 0,
            }
        }

        /// What a side sends next; now and then nothing usual.
        fn next<'a>(&mut self, payload: &'a [u8]) -> Segment<'a> {
            let from = if self.random.bool() {
                Peer::Client
            } else {
                Peer::Server
            };
            let flags = match self.random.u8(..100) {
                0 | 6 => Flags::ACK | Flags::FIN,
                1 => Flags::ACK | Flags::RST,
                2 => Flags::RST,
                3 => Flags::NONE,
                4 => Flags::ACK | Flags::SYN,
                _ => Flags::ACK,
            };
            let len = [0, 0, 1, payload.len()][self.random.usize(..4)];
            let segment = self.segment(from, flags, &payload[..len]);
            // Some say that they end, and go on where they were.
            let counts = flags.has(Flags::FIN) && self.random.u8(..4) > 0;
            let mut sent = segment.payload.len() as u32 + u32::from(counts);
            let odd = self.random.u32(0..2000);
            let segment = match self.random.u8(..40) {
                0 => Segment {
                    seq: segment.seq.plus(odd),
                    ..segment
                },
                1 => Segment {
                    seq: segment.seq.plus(odd.wrapping_neg()),
                    ..segment
                },
                2 => Segment {
                    ack: segment.ack.map(|ack| ack.plus(odd)),
                    ..segment
                },
                3 => Segment {
                    ack: segment.ack.map(|ack| ack.plus(odd.wrapping_neg())),
                    ..segment
                },
                4 => Segment {
                    window: 0,
                    ..segment
                },
                5 => {
                    sent += odd;
                    Segment {
                        cut: odd,
                        ..segment
                    }
                }
                // It is not captured.
                6 => {
                    self.next[from] = self.next[from].wrapping_add(sent);
                    return self.next(payload);
                }
                _ => segment,
            };
            self.next[from] = self.next[from].wrapping_add(sent);
            segment
        }
    }

    #[test]
    fn what_is_taken_in_fewer_steps_leaves_the_same_behind() {
        let message = b"GET /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 204 A\r\n\r\n";
        let (mut taken, mut ends, mut behind) = (0, 0, 0);
        for seed in 0..2_000 {
            let mut talk = Talk::new(seed);
            let PerPeer { client, server } = talk.ends;
            let between = Ends {
                src: &client,
                dst: &server,
            };
            let flow = || Flow::new(0, 0, &between, Conversation::new(Targets::Kept));
            let (mut one, mut other) = (flow(), flow());
            let syn = talk.segment(Peer::Client, Flags::SYN, &[]);
            talk.next.client = talk.next.client.wrapping_add(1);
            let syn_ack = talk.segment(Peer::Server, Flags::SYN | Flags::ACK, &[]);
            talk.next.server = talk.next.server.wrapping_add(1);
            let begun = [syn, syn_ack];
            // Some captures begin inside the connection.
            let first = talk.random.usize(..=begun.len());
            let rest = (0..40).map(|_| talk.next(message));
            for segment in begun
                .into_iter()
                .skip(first)
                .chain(rest.collect::<Vec<_>>())
            {
                let from = one.sender(&segment.src);
                let ended = one.halves[from].has_fin();
                if one.take_next(from, &segment) {
                    taken += 1;
                    ends += usize::from(segment.flags.has(Flags::FIN));
                    behind += usize::from(ended);
                } else {
                    one.take(&segment);
                }
                other.take(&segment);
                assert_eq!(format!("{one:?}"), format!("{other:?}"), "seed {seed}");
            }
        }
        assert!(
            taken > 10_000 && ends > 100 && behind > 100,
            "{taken} {ends} {behind}"
        );
    }

    /// The same listener, but for whom all octets are kept.
    struct Keeping(Conversation);

    impl Listener for Keeping {
        type Asked = Targets;

        fn new(targets: Targets) -> Self {
            Keeping(Conversation::new(targets))
        }

        fn begin(&mut self) {
            self.0.begin();
        }

        fn octets(&mut self, from: Peer, octets: Octets<'_>, acked: Option<AckedUpTo>) {
            self.0.octets(from, octets, acked);
        }

        fn hole(&mut self, from: Peer, hole: Hole, acked: Option<AckedUpTo>) {
            self.0.hole(from, hole, acked);
        }

        fn end(&mut self, from: Peer, offset: u64, at: At, acked: Option<AckedUpTo>) {
            self.0.end(from, offset, at, acked);
        }

        fn counts(&self, _: Peer) -> u64 {
            0
        }

        fn ahead(&self, _: Peer, _: &[u8]) -> Option<Ahead> {
            None
        }

        fn acknowledged(&mut self, of: Peer, upto: u64, by: Acked) {
            self.0.acknowledged(of, upto, by);
        }

        fn requester(&self) -> Option<Peer> {
            self.0.requester()
        }

        fn swap(&mut self) {
            self.0.swap();
        }

        fn weight(&self) -> usize {
            self.0.weight()
        }

        fn shrink(&mut self) {
            self.0.shrink();
        }
    }

    /// A body in chunks; now and then none that is well-formed.
    fn chunks(random: &mut fastrand::Rng) -> Vec<u8> {
        let mut body = Vec::new();
        for _ in 0..random.u8(1..12) {
            let len = random.usize(1..400);
            let size = match random.u8(..40) {
                0..20 => format!("{len:x}\r\n"),
                20..25 => format!("{len:X}\n"),
                25..30 => format!("{len:06x};a=b\r\n"),
                30..35 => format!("{len:x};name=\"much too long to be looked at ahead\"\r\n"),
                35 => "fffffffffffffff0\r\n".to_owned(),
                36 => format!("x{len:x}\r\n"),
                37 => format!("{len:x}{len:x}\r\n"),
                38 => "0\r\nX: y\r\n".to_owned(),
                _ => String::new(),
            };
            body.extend(size.bytes());
            // What is only counted looks like what is read.
            body.extend(
                b"\r\n5\r\nabcde\r\n0\r\n\r\nHTTP/1.1 "
                    .iter()
                    .cycle()
                    .take(len),
            );
            body.extend([&b"\r\n"[..], b"\r\n", b"\n"][random.usize(..3)]);
        }
        body.extend(b"0\r\n\r\n");
        body
    }

    fn responses(random: &mut fastrand::Rng) -> Vec<u8> {
        let mut responses = Vec::new();
        for _ in 0..6 {
            if random.u8(..3) > 0 {
                responses.extend(b"HTTP/1.1 200 A\r\nTransfer-Encoding: chunked\r\n\r\n");
                responses.extend(chunks(random));
            } else {
                let len = random.usize(..900);
                let head = format!("HTTP/1.1 200 A\r\nContent-Length: {len}\r\n\r\n");
                responses.extend(head.bytes());
                responses.extend(b"HTTP/1.1 404 B\r\n\r\n".iter().cycle().take(len));
            }
        }
        responses
    }

    /// The octets in pieces, of which some come late, and some never.
    fn pieces<'a>(octets: &'a [u8], random: &mut fastrand::Rng) -> Vec<(usize, &'a [u8])> {
        let (mut pieces, mut at) = (Vec::new(), 0);
        let most = [20, 100, 400, 1448][random.usize(..4)];
        let late = random.usize(1..60);
        while at < octets.len() {
            let len = random.usize(1..=most).min(octets.len() - at);
            let due = pieces.len() + [0, late][usize::from(random.u8(..10) == 0)];
            pieces.push((due, at, &octets[at..at + len]));
            at += len;
        }
        pieces.sort_by_key(|(due, ..)| *due);
        pieces.retain(|_| random.u8(..30) > 0);
        pieces
            .into_iter()
            .map(|(_, at, piece)| (at, piece))
            .collect()
    }

    #[test]
    fn a_listener_hears_the_same_where_what_it_only_counts_is_not_kept() {
        let request = b"GET /a HTTP/1.1\r\n\r\n";
        let mut kept = [0, 0];
        for seed in 0..150 {
            let mut talk = Talk::new(seed);
            let PerPeer { client, server } = talk.ends;
            let between = Ends {
                src: &client,
                dst: &server,
            };
            let mut one = Flow::new(0, 0, &between, Conversation::new(Targets::Kept));
            let mut other = Flow::new(0, 0, &between, Keeping::new(Targets::Kept));
            let mut take = |segment: &Segment<'_>| {
                one.take(segment);
                other.take(segment);
                for peer in Peer::BOTH {
                    let (some, all) = (&one.halves[peer].assembler, &other.halves[peer].assembler);
                    assert_eq!(some.waiting(), all.waiting(), "seed {seed}");
                    assert_eq!(some.next(), all.next(), "seed {seed}");
                    assert!(some.weight() <= all.weight(), "seed {seed}");
                    kept[0] += some.weight() - some.waiting().1 * RUN;
                    kept[1] += all.weight() - all.waiting().1 * RUN;
                }
                let (heard, all) = (&one.listener, &other.listener.0);
                assert_eq!(format!("{heard:?}"), format!("{all:?}"), "seed {seed}");
            };
            for _ in 0..6 {
                take(&talk.segment(Peer::Client, Flags::ACK, request));
                talk.next.client = talk.next.client.wrapping_add(request.len() as u32);
            }
            let responses = responses(&mut talk.random);
            let cuts = [2, 30][talk.random.usize(..2)];
            let (begin, mut sent) = (talk.next.server, 0);
            for (at, piece) in pieces(&responses, &mut talk.random) {
                sent = sent.max(at + piece.len());
                talk.next.server = begin.wrapping_add(at as u32);
                let mut segment = talk.segment(Peer::Server, Flags::ACK, piece);
                if talk.random.u8(..cuts) == 0 {
                    let cut = talk.random.usize(..piece.len());
                    (segment.payload, segment.cut) = (&piece[..piece.len() - cut], cut as u32);
                }
                take(&segment);
                if talk.random.u8(..8) == 0 {
                    let acknowledged = talk.random.usize(..=sent);
                    talk.next.server = begin.wrapping_add(acknowledged as u32);
                    take(&talk.segment(Peer::Client, Flags::ACK, &[]));
                }
            }
            one.pump(Wait::NoLonger);
            other.pump(Wait::NoLonger);
            let (heard, all) = (&one.listener, &other.listener.0);
            assert_eq!(format!("{heard:?}"), format!("{all:?}"), "seed {seed}");
        }
        assert!(kept[0] < kept[1] / 2, "{kept:?}");
    }
}
