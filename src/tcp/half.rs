//! One direction of a connection: what its sender sent, how far it was acknowledged, where it ended.
//!
//! In: segments of one sender, acknowledgements of the other side. Out: positions as offsets, the runs that are in
//! order, and whether a hole is to be waited for. What crosses between the directions is the business of
//! [`flow`](super::flow).

use super::assembler::{Assembler, Run};
use super::{Acks, CloseKind, FIRST_OCTET, Stamp};
use crate::packet::{Flags, Segment, Seq};
use crate::time::{At, Span, Time};

/// How long a hole that the other side has acknowledged is waited for, in capture time.
///
/// Data can be captured after its own acknowledgement, so that the acknowledgement alone proves nothing.
pub const HOLE_PATIENCE: Span = Span::from_secs(1);

/// How many octets behind an acknowledged hole end the wait for it.
pub const HOLE_OCTETS: usize = 256 * 1024;

/// How many octets may wait ahead of a hole in one direction; at this bound the hole is given up.
pub const MAX_WAITING_OCTETS: usize = 8 * 1024 * 1024;

/// How many runs of octets may wait ahead of a hole in one direction; at this bound the hole is given up.
pub const MAX_WAITING_RUNS: usize = 4096;

/// The first FIN of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fin {
    /// The packet that carried it.
    pub at: At,
    /// The offset behind the last octet before it.
    pub offset: u64,
    /// How far it acknowledged the other side.
    pub ack: Option<u64>,
    /// The offset before which octets of the other side come first.
    pub(super) after: Option<u64>,
    /// The first packet of the other side that acknowledged it.
    pub acked: Option<Acked>,
}

/// The first packet that acknowledged something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    /// The packet.
    pub at: At,
    /// How far its sender had sent by then: the offset that its sequence number stands for. What lies behind was sent
    /// after it, what lies before had been sent already.
    pub offset: u64,
}

/// The first RST of a side that still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rst {
    /// The packet.
    pub at: At,
    /// The offset that its sequence number stands for.
    pub offset: u64,
    /// How far it acknowledged the other side; `None` for a RST without ACK.
    pub ack: Option<u64>,
    /// How far the other side had sent by then: an acknowledgement beyond it proves that the RST closed nothing.
    other_sent: u64,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Half {
    /// The sequence number that offset [`FIRST_OCTET`] stands for, once known.
    base: Option<Base>,
    pub(super) assembler: Assembler,
    /// The highest offset behind an octet that was sent.
    sent: u64,
    /// The highest offset that the other side has acknowledged.
    acked: u64,
    /// The packet that did.
    acked_by: Option<Acked>,
    /// The first packet behind octets that have not come: what comes late was sent before it.
    ahead: Option<Ahead>,
    /// What the last packet that was not late acknowledged.
    ack: Option<u64>,
    /// Since when the other side has acknowledged what did not come.
    unseen_since: Option<Time>,
    pub(super) fin: Option<Fin>,
    /// Whether the octets were handed out up to the FIN.
    pub(super) ended: Ended,
    pub(super) rst: Option<Rst>,
    pub(super) octets: u64,
    pub(super) missing: u64,
    pub(super) behind_hole: Option<At>,
    pub(super) keepalives: u64,
    pub(super) zero_window: Option<Time>,
    pub(super) limit: Option<usize>,
    /// The latest packet among those that carried what was handed out.
    pub(super) completed: At,
}

/// A packet that jumped ahead of octets which have not come.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    offset: u64,
    ack: u64,
    /// What the packets before it acknowledged.
    ack_before: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Base {
    seq: Seq,
    source: BaseSource,
}

/// What tells the sequence number with which a direction starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BaseSource {
    Syn,
    Segment,
    Ack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    No,
    Yes,
}

impl Half {
    pub(super) fn new() -> Self {
        Half {
            base: None,
            assembler: Assembler::starting_at(FIRST_OCTET),
            sent: FIRST_OCTET,
            acked: FIRST_OCTET,
            acked_by: None,
            ahead: None,
            ack: None,
            unseen_since: None,
            fin: None,
            ended: Ended::No,
            rst: None,
            octets: 0,
            missing: 0,
            behind_hole: None,
            keepalives: 0,
            zero_window: None,
            limit: None,
            completed: At::default(),
        }
    }

    /// Whether anything but acknowledgements by the other side told of this direction.
    pub(super) fn was_seen(&self) -> bool {
        self.base.is_some_and(|base| base.source != BaseSource::Ack)
    }

    /// Learns the numbering from a segment of this side.
    pub(super) fn see(&mut self, segment: &Segment<'_>) {
        if segment.flags.has(Flags::SYN) {
            self.see_syn(segment.seq.plus(1));
            return;
        }
        let Some(base) = self.base else {
            self.base = Some(Base {
                seq: segment.seq,
                source: BaseSource::Segment,
            });
            return;
        };
        // A sender whose SYN takes no number (some generators of packets) has its data where the SYN is.
        let over_syn = segment.seq.plus(1) == base.seq && segment.payload_len() > 1;
        if base.source == BaseSource::Syn && over_syn && self.untouched() {
            self.base = Some(Base {
                seq: segment.seq,
                ..base
            });
        }
        if base.source != BaseSource::Ack {
            return;
        }
        // An acknowledgement gave the numbering. Where the capture begins inside the connection, the first octets of
        // this side may still lie before it: captured behind their own acknowledgement, or sent once more.
        let offset = self.offset_of(segment.seq);
        if self.untouched() && segment.payload_len() > 1 && offset < FIRST_OCTET {
            self.assembler.restart_at(offset);
        }
        self.base = Some(Base {
            source: BaseSource::Segment,
            ..base
        });
    }

    /// A SYN gives the numbering for certain, unless octets of this side went through already. What came before it in
    /// another numbering (a forged FIN, say) was not of this connection.
    fn see_syn(&mut self, seq: Seq) {
        if !self.untouched() {
            return;
        }
        if self.base.is_some_and(|base| base.seq != seq) {
            *self = Half {
                rst: self.rst,
                ..Half::new()
            };
        }
        self.base = Some(Base {
            seq,
            source: BaseSource::Syn,
        });
    }

    fn untouched(&self) -> bool {
        self.octets == 0 && self.missing == 0 && self.assembler.is_empty()
    }

    /// The offset that a sequence number of this side stands for, near to what is expected next.
    pub(super) fn offset_of(&self, seq: Seq) -> u64 {
        let next = self.assembler.next();
        let Some(base) = self.base else { return next };
        let expected = base.seq.plus((next.wrapping_sub(FIRST_OCTET)) as u32);
        next.saturating_add_signed(seq.from_base(expected))
    }

    /// Notes that the other side acknowledged up to `ack`; says whether that is further than before.
    pub(super) fn acknowledge(&mut self, ack: Seq, by: Acked) -> Option<u64> {
        if self.base.is_none() {
            self.base = Some(Base {
                seq: ack,
                source: BaseSource::Ack,
            });
        }
        let offset = self.offset_of(ack);
        if let Some(fin) = self.fin.as_mut().filter(|fin| offset > fin.offset) {
            fin.acked.get_or_insert(by);
        }
        if offset <= self.acked {
            return None;
        }
        self.acked = offset;
        self.acked_by = Some(by);
        if offset > self.reached() {
            self.unseen_since.get_or_insert(by.at.time);
        }
        Some(offset)
    }

    /// The offset up to which all was handed out, the FIN counted as one.
    pub(super) fn reached(&self) -> u64 {
        self.assembler.next() + u64::from(self.ended == Ended::Yes)
    }

    /// Whether a segment is a keep-alive probe: it asks for an ACK with the number before the next one to be sent.
    pub(super) fn is_keepalive(&self, segment: &Segment<'_>) -> bool {
        let plain = !segment.flags.has(Flags::SYN)
            && !segment.flags.has(Flags::FIN)
            && !segment.flags.has(Flags::RST);
        plain
            && segment.payload_len() <= 1
            && self.was_seen()
            && self.offset_of(segment.seq) + 1 == self.sent
    }

    /// What a segment acknowledged when it was first sent. Where a packet that was sent behind it came before it, it
    /// may have been sent once more since then, and acknowledge more than it did; what it did lies between what the
    /// packets around it say.
    pub(super) fn as_first_sent(&mut self, offset: u64, stamp: Stamp) -> Stamp {
        let Some(ack) = stamp.ack() else {
            return stamp;
        };
        if offset >= self.sent {
            let filled = |ahead: Ahead| ahead.offset <= self.assembler.next();
            if offset > self.sent && self.ahead.is_none_or(filled) {
                self.ahead = Some(Ahead {
                    offset,
                    ack,
                    ack_before: self.ack,
                });
            }
            self.ack = Some(ack);
            return stamp;
        }
        let Some(ahead) = self.ahead.filter(|ahead| offset < ahead.offset) else {
            return stamp;
        };
        let most = ack.min(ahead.ack);
        let is_certain = ahead.ack_before.is_some_and(|least| least >= most);
        let acks = if is_certain {
            Acks::Exactly
        } else {
            Acks::AtMost
        };
        Stamp {
            acks: Some(acks(most)),
            ..stamp
        }
    }

    /// Notes how far a segment went.
    pub(super) fn note_sent(&mut self, end: u64) {
        self.sent = self.sent.max(end);
    }

    pub(super) fn note_fin(&mut self, offset: u64, stamp: Stamp) {
        let acked = self.acked_by.filter(|_| self.acked > offset);
        self.fin.get_or_insert(Fin {
            at: stamp.at,
            offset,
            ack: stamp.ack(),
            after: stamp.after(),
            acked,
        });
    }

    pub(super) fn note_rst(&mut self, seq: Seq, stamp: Stamp, other: &Half) {
        let offset = self.offset_of(seq);
        self.rst.get_or_insert(Rst {
            at: stamp.at,
            offset,
            ack: stamp.ack(),
            other_sent: other.sent,
        });
    }

    /// A side that acknowledges data sent after its own RST did not send that RST, or it closed nothing.
    pub(super) fn withdraw_rst_if_alive(&mut self, acks: u64) {
        if self.rst.is_some_and(|rst| acks > rst.other_sent) {
            self.rst = None;
        }
    }

    /// Takes a run that is next in order.
    pub(super) fn take(&mut self, run: &Run<'_>) {
        self.octets += run.octets.len() as u64 + run.cut;
        self.completed = self.completed.later(run.stamp.at);
        self.skip_to(run.end());
    }

    /// Gives up what lies before `offset`; says how many octets that is.
    pub(super) fn give_up_to(&mut self, offset: u64) -> u64 {
        let behind = self.assembler.front().map(|held| held.stamp.at);
        self.behind_hole = self.behind_hole.or(behind).or(self.fin.map(|fin| fin.at));
        let lost = offset.saturating_sub(self.assembler.next());
        self.missing += lost;
        self.skip_to(offset);
        lost
    }

    pub(super) fn skip_to(&mut self, offset: u64) {
        self.assembler.skip_to(offset);
        if self.reached() >= self.acked {
            self.unseen_since = None;
        }
    }

    /// Where the hole before what waits ends, if there is one.
    pub(super) fn hole_end(&self) -> Option<u64> {
        let behind = match (self.assembler.front(), self.fin, self.ended) {
            (Some(held), ..) => held.offset,
            (None, Some(fin), Ended::No) => fin.offset,
            _ => return None,
        };
        (behind > self.assembler.next()).then_some(behind)
    }

    /// Whether the hole up to `end` is to be given up.
    pub(super) fn gives_up_hole(&mut self, end: u64, now: Time) -> bool {
        let (octets, runs) = self.assembler.waiting();
        if octets > MAX_WAITING_OCTETS || runs > MAX_WAITING_RUNS {
            self.note_limit();
            return true;
        }
        self.acked >= end && (octets >= HOLE_OCTETS || self.lost_patience(now))
    }

    /// Notes that what waits is too much, if anything does.
    pub(super) fn note_limit(&mut self) {
        let (octets, runs) = self.assembler.waiting();
        if runs > 0 {
            self.limit = self.limit.max(Some(octets));
        }
    }

    /// Whether so much waits that it is handed out although its cause may still come.
    pub(super) fn has_enough_waiting(&self) -> bool {
        let (octets, runs) = self.assembler.waiting();
        octets >= HOLE_OCTETS || runs > MAX_WAITING_RUNS
    }

    /// Whether what the other side acknowledged has not come for so long that it will not come.
    pub(super) fn lost_patience(&self, now: Time) -> bool {
        self.unseen_since
            .is_some_and(|since| now.since(since) >= HOLE_PATIENCE)
    }

    /// Octets that the other side acknowledged and the capture lacks, behind all that came.
    pub(super) fn acknowledged_unseen(&self) -> u64 {
        self.acked.saturating_sub(self.reached())
    }

    /// How this side closed: of its FIN and a later RST, the FIN counts.
    pub(super) fn closed_with(&self) -> Option<(CloseKind, At)> {
        let fin = self.fin.map(|fin| (CloseKind::Fin, fin.at));
        let rst = self.rst.map(|rst| (CloseKind::Rst, rst.at));
        [fin, rst]
            .into_iter()
            .flatten()
            .min_by_key(|(_, at)| at.frame)
    }
}
