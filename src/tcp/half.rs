//! One direction of a connection: what its sender sent, how far it was acknowledged, where it ended.
//!
//! In: segments of one sender, acknowledgements of the other side. Out: positions as offsets, the runs that are in
//! order, and whether a hole is to be waited for. What crosses between the directions is the business of
//! [`flow`](super::flow).

use super::acknowledging::{Acknowledging, Offset};
use super::assembler::{Assembler, Run};
use super::{Acked, AckedUpTo, CloseKind, FIRST_OCTET, Fin, Rst, Side, Stamp};
use crate::packet::{Flags, Segment, Seq};
use crate::time::{At, Span, Time};

/// How long a hole that the other side has acknowledged is waited for, in capture time.
///
/// Data can be captured after its own acknowledgement, so that the acknowledgement alone proves nothing. And where that
/// was lost on its way, the sender sends once more, on common systems after 200 to 300 ms.
pub const HOLE_PATIENCE: Span = Span::from_millis(400);

/// How many octets behind an acknowledged hole, of either side, end the wait for it.
pub const HOLE_OCTETS: usize = 256 * 1024;

/// How many octets may wait ahead of a hole in one direction; at this bound the hole is given up.
pub const MAX_WAITING_OCTETS: usize = 8 * 1024 * 1024;

/// How many runs of octets may wait ahead of a hole in one direction; at this bound the hole is given up.
pub const MAX_WAITING_RUNS: usize = 4096;

/// One direction. Many thousands are kept at once: what most of them lack is in [`Rare`].
#[derive(Debug)]
#[repr(C)]
pub(super) struct Half {
    /// The sequence number that offset [`FIRST_OCTET`] stands for.
    base: Seq,
    base_source: BaseSource,
    ending: Ending,
    pub(super) assembler: Assembler,
    /// The highest offset behind an octet that was sent.
    sent: u64,
    /// The highest offset that the other side has acknowledged.
    acked: u64,
    /// The packet that did.
    acked_by: Option<Acked>,
    acks: Acknowledging,
    /// Where one came.
    fin: Option<FirstFin>,
    rare: Option<Box<Rare>>,
}

/// What only some directions have.
#[derive(Debug, Default)]
struct Rare {
    /// How far before [`FIRST_OCTET`] the octets begin, where the first segment turned out to lie before it.
    early: u64,
    /// Octets that were given up.
    missing: u64,
    behind_hole: Option<At>,
    /// The latest packet among those that carried what was handed out while something waited.
    completed: At,
    /// Since when the other side has acknowledged what did not come.
    unseen_since: Option<Time>,
    /// The offset before which octets of the other side come before the FIN, where that came late.
    fin_after: Option<u64>,
    rst: Option<Rst>,
    keepalives: u64,
    zero_window: Option<Time>,
    limit: Option<usize>,
}

/// The first FIN, as far as it is not told by what else is known.
#[derive(Clone, Copy, Debug)]
struct FirstFin {
    at: At,
    offset: u64,
    ack: Option<Offset>,
    /// The first packet of the other side that acknowledged it.
    acked: Option<Acked>,
}

/// What is next in a direction. Octets of the other side come before it, up to an offset that it can have acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// What did not come, up to this offset.
    Hole(u64),
    /// The first run that waits, behind the octets of the other side before this offset.
    Run(Option<u64>),
    /// The FIN at this offset.
    End { offset: u64, after: Option<u64> },
}

impl Due {
    /// Whether it came, and so did what comes before it of the other side.
    pub(super) fn has_cause(&self, other: &Half) -> bool {
        match self {
            Due::Hole(_) => false,
            Due::Run(after) | Due::End { after, .. } => other.has_come(*after),
        }
    }
}

/// What tells the sequence number with which a direction starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BaseSource {
    /// Nothing yet.
    Unknown,
    Syn,
    Segment,
    Ack,
}

/// How far a direction is with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// No FIN came.
    Open,
    /// One came, and not all before it was handed out.
    Begun,
    /// The octets were handed out up to the FIN.
    Over,
}

impl Half {
    pub(super) fn new() -> Self {
        Half {
            base: Seq(0),
            base_source: BaseSource::Unknown,
            ending: Ending::Open,
            assembler: Assembler::starting_at(FIRST_OCTET),
            sent: FIRST_OCTET,
            acked: FIRST_OCTET,
            acked_by: None,
            acks: Acknowledging::default(),
            fin: None,
            rare: None,
        }
    }

    /// The memory that it has taken beside its own size and beside what waits, in octets.
    pub(super) fn weight(&self) -> usize {
        match self.rare {
            Some(_) => size_of::<Rare>(),
            None => 0,
        }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Whether anything but acknowledgements by the other side told of this direction.
    pub(super) fn was_seen(&self) -> bool {
        matches!(self.base_source, BaseSource::Syn | BaseSource::Segment)
    }

    /// Learns the numbering from a segment of this side.
    #[inline]
    pub(super) fn see(&mut self, segment: &Segment<'_>) {
        if segment.flags.has(Flags::SYN) {
            self.see_syn(segment.seq.plus(1));
            return;
        }
        let seq = segment.seq;
        match self.base_source {
            BaseSource::Segment => return,
            BaseSource::Unknown => self.base = seq,
            // A sender whose SYN takes no number (some generators of packets) has its data where the SYN is.
            BaseSource::Syn => {
                if seq.plus(1) == self.base && segment.payload_len() > 1 && self.untouched() {
                    self.base = seq;
                }
                return;
            }
            // An acknowledgement gave the numbering. Where the capture begins inside the connection, the first octets
            // of this side may still lie before it: captured behind their own acknowledgement, or sent once more.
            BaseSource::Ack => {
                let offset = self.offset_of(seq);
                if self.untouched() && segment.payload_len() > 1 && offset < FIRST_OCTET {
                    self.assembler.restart_at(offset);
                    self.rare().early = FIRST_OCTET - offset;
                }
            }
        }
        self.base_source = BaseSource::Segment;
    }

    /// A SYN gives the numbering for certain, unless octets of this side went through already. What came before it in
    /// another numbering (a forged FIN, say) was not of this connection.
    fn see_syn(&mut self, seq: Seq) {
        if !self.untouched() {
            return;
        }
        if self.base_source != BaseSource::Unknown && self.base != seq {
            let rst = self.rst();
            *self = Half::new();
            if rst.is_some() {
                self.rare().rst = rst;
            }
        }
        self.base = seq;
        self.base_source = BaseSource::Syn;
    }

    fn untouched(&self) -> bool {
        self.assembler.next() == self.start() && self.assembler.is_empty()
    }

    /// The offset with which the octets begin.
    fn start(&self) -> u64 {
        FIRST_OCTET - self.rare.as_ref().map_or(0, |rare| rare.early)
    }

    /// The offset that a sequence number of this side stands for, near to what is expected next.
    pub(super) fn offset_of(&self, seq: Seq) -> u64 {
        let next = self.assembler.next();
        if self.base_source == BaseSource::Unknown {
            return next;
        }
        let expected = self.base.plus((next.wrapping_sub(FIRST_OCTET)) as u32);
        next.saturating_add_signed(seq.from_base(expected))
    }

    /// Whether nothing about it is open: what is next in order and acknowledges nothing unseen changes but a few
    /// numbers.
    pub(super) fn is_steady(&self) -> bool {
        let is_usual = |rare: &Rare| rare.unseen_since.is_none() && rare.rst.is_none();
        self.was_seen() && !self.is_pending() && self.rare.as_deref().is_none_or(is_usual)
    }

    /// The offset of a segment of a steady side that begins where all that was sent ends.
    #[inline]
    pub(super) fn next_in_order(&self, segment: &Segment<'_>) -> Option<u64> {
        if self.ending == Ending::Over && segment.carries_anything() {
            return None;
        }
        let offset = self.reached();
        let in_order =
            self.sent <= offset && segment.seq == self.base.plus((offset - FIRST_OCTET) as u32);
        in_order.then_some(offset)
    }

    /// The offset that an acknowledgement of a steady side stands for, unless that goes beyond what was handed out.
    #[inline]
    pub(super) fn acknowledged_seen(&self, ack: Seq) -> Option<u64> {
        let reached = self.reached();
        let expected = self.base.plus(reached.wrapping_sub(FIRST_OCTET) as u32);
        let unacknowledged = u64::try_from(expected.from_base(ack)).ok()?;
        Some(reached.saturating_sub(unacknowledged))
    }

    /// The same as what is noted of any such segment.
    #[inline]
    pub(super) fn note_next(&mut self, offset: u64, ack: u64, end: u64) {
        if offset > self.sent {
            self.acks.note_jump(offset, ack, self.assembler.next());
        }
        self.acks.note(ack);
        self.sent = end;
        if self.ending != Ending::Over {
            self.assembler.skip_to(end);
        }
    }

    /// Notes that the other side acknowledged up to `ack`, which is at `offset`; says whether that is further than
    /// before.
    #[inline]
    pub(super) fn acknowledge(&mut self, ack: Seq, offset: u64, by: Acked) -> bool {
        if self.base_source == BaseSource::Unknown {
            self.base = ack;
            self.base_source = BaseSource::Ack;
        }
        let further = self.acknowledge_seen(offset, by);
        if further && offset > self.reached() {
            self.rare().unseen_since.get_or_insert(by.at.time);
        }
        further
    }

    /// The same where the numbering is known, and no more is acknowledged than was handed out.
    #[inline]
    pub(super) fn acknowledge_seen(&mut self, offset: u64, by: Acked) -> bool {
        if self.has_fin()
            && let Some(fin) = &mut self.fin
            && offset > fin.offset
        {
            fin.acked.get_or_insert(by);
        }
        let further = offset > self.acked;
        if further {
            (self.acked, self.acked_by) = (offset, Some(by));
        }
        further
    }

    /// How far the other side has acknowledged it, if at all.
    #[inline]
    pub(super) fn acked(&self) -> Option<AckedUpTo> {
        let offset = self.acked;
        self.acked_by.map(|by| AckedUpTo { offset, by })
    }

    /// The offset up to which all was handed out, the FIN counted as one.
    pub(super) fn reached(&self) -> u64 {
        self.assembler.next() + u64::from(self.ending == Ending::Over)
    }

    /// Notes a segment that is a keep-alive probe: it asks for an ACK with the number before the next one to be sent.
    pub(super) fn note_keepalive(&mut self, segment: &Segment<'_>, offset: u64) {
        const OTHERWISE: [Flags; 3] = [Flags::SYN, Flags::FIN, Flags::RST];
        if segment.payload_len() <= 1
            && offset + 1 == self.sent
            && !OTHERWISE.iter().any(|&flag| segment.flags.has(flag))
        {
            self.rare().keepalives += 1;
        }
    }

    /// What a segment acknowledged when it was first sent.
    #[inline]
    pub(super) fn as_first_sent(&mut self, offset: u64, stamp: Stamp) -> Stamp {
        match stamp.ack() {
            Some(ack) if offset < self.sent => self.acks.of_late(offset, ack, stamp),
            Some(ack) => {
                if offset > self.sent {
                    self.acks.note_jump(offset, ack, self.assembler.next());
                }
                self.acks.note(ack);
                stamp
            }
            None => stamp,
        }
    }

    /// Notes how far a segment went.
    pub(super) fn note_sent(&mut self, end: u64) {
        self.sent = self.sent.max(end);
    }

    /// Notes that the sender can take nothing.
    pub(super) fn note_zero_window(&mut self, time: Time) {
        self.rare().zero_window = Some(time);
    }

    pub(super) fn note_fin(&mut self, offset: u64, stamp: Stamp) {
        if self.has_fin() {
            return;
        }
        self.ending = Ending::Begun;
        self.fin = Some(FirstFin {
            at: stamp.at,
            offset,
            ack: stamp.ack().map(Offset::of),
            acked: self.acked_by.filter(|_| self.acked > offset),
        });
        if stamp.after() != stamp.ack() {
            self.rare().fin_after = stamp.after();
        }
    }

    /// The first FIN.
    pub(super) fn fin(&self) -> Option<Fin> {
        self.fin.map(|fin| Fin {
            at: fin.at,
            offset: fin.offset,
            ack: fin.ack.map(Offset::get),
            acked: fin.acked,
        })
    }

    pub(super) fn note_rst(&mut self, seq: Seq, stamp: Stamp, other: &Half) {
        let offset = self.offset_of(seq);
        self.rare().rst.get_or_insert(Rst {
            at: stamp.at,
            offset,
            ack: stamp.ack(),
            other_sent: other.sent,
        });
    }

    /// The first RST that still counts.
    pub(super) fn rst(&self) -> Option<Rst> {
        self.rare.as_ref()?.rst
    }

    /// A side that acknowledges data sent after its own RST did not send that RST, or it closed nothing.
    pub(super) fn withdraw_rst_if_alive(&mut self, acks: u64) {
        if let Some(rare) = &mut self.rare {
            rare.rst = rare.rst.filter(|rst| acks <= rst.other_sent);
        }
    }

    /// Whether it sent a FIN.
    pub(super) fn has_fin(&self) -> bool {
        self.ending != Ending::Open
    }

    /// Whether anything is still to be handed out.
    pub(super) fn is_pending(&self) -> bool {
        !self.assembler.is_empty() || self.ending == Ending::Begun
    }

    /// What is next of what did not go through yet.
    pub(super) fn due(&self) -> Option<Due> {
        let next = self.assembler.next();
        let (offset, due) = match self.assembler.front() {
            Some(held) => (held.offset, Due::Run(held.stamp.after())),
            None => {
                let fin = self.fin.filter(|_| self.ending == Ending::Begun)?;
                let late = self.rare.as_ref().and_then(|rare| rare.fin_after);
                let (offset, after) = (fin.offset, late.or(fin.ack.map(Offset::get)));
                (offset, Due::End { offset, after })
            }
        };
        Some(if offset > next {
            Due::Hole(offset)
        } else {
            due
        })
    }

    /// Whether all came that it sent before this offset, as far as anything of it is in the capture.
    pub(super) fn has_come(&self, offset: Option<u64>) -> bool {
        offset.is_none_or(|offset| offset <= self.reached()) || !self.was_seen()
    }

    /// The same, or nothing more of it is expected: then nothing that is here could come before what the other side sends.
    pub(super) fn lets_pass(&self, offset: Option<u64>, now: Time) -> bool {
        self.has_come(offset) || !self.is_pending() && self.lost_patience(now)
    }

    /// Takes the FIN that is next; says which packet made it so.
    pub(super) fn end(&mut self) -> Option<At> {
        let fin = self.fin?;
        self.ending = Ending::Over;
        self.skip_to(fin.offset);
        Some(self.completed_by(fin.at))
    }

    /// Takes a run that is next in order; says which packet made it so.
    #[inline]
    pub(super) fn take(&mut self, run: &Run<'_>) -> At {
        let completed = self.completed_by(run.stamp.at);
        // Only what waits can be completed by a packet before that which carries it.
        if self.is_pending() {
            self.rare().completed = completed;
        }
        self.skip_to(run.end());
        completed
    }

    fn completed_by(&self, carrier: At) -> At {
        match &self.rare {
            Some(rare) => rare.completed.later(carrier),
            None => carrier,
        }
    }

    /// Gives up what lies before `offset`; says how many octets that is.
    pub(super) fn give_up_to(&mut self, offset: u64) -> u64 {
        if self.has_too_much_waiting() {
            self.note_limit();
        }
        let behind = self.assembler.front().map(|held| held.stamp.at);
        let behind = behind.or(self.fin.map(|fin| fin.at));
        let lost = offset.saturating_sub(self.assembler.next());
        let rare = self.rare();
        rare.behind_hole = rare.behind_hole.or(behind);
        rare.missing += lost;
        self.skip_to(offset);
        lost
    }

    fn skip_to(&mut self, offset: u64) {
        self.assembler.skip_to(offset);
        if let Some(rare) = &mut self.rare
            && self.assembler.next() + u64::from(self.ending == Ending::Over) >= self.acked
        {
            rare.unseen_since = None;
        }
    }

    /// Whether the hole up to `end` is to be given up.
    pub(super) fn gives_up_hole(&self, other: &Half, end: u64, now: Time) -> bool {
        let is_enough = || self.has_enough_waiting() || other.has_enough_waiting();
        self.has_too_much_waiting() || self.acked >= end && (is_enough() || self.lost_patience(now))
    }

    fn has_too_much_waiting(&self) -> bool {
        let (octets, runs) = self.assembler.waiting();
        octets > MAX_WAITING_OCTETS || runs > MAX_WAITING_RUNS
    }

    /// Notes that what waits is too much, if anything does.
    pub(super) fn note_limit(&mut self) {
        let (octets, runs) = self.assembler.waiting();
        if runs > 0 {
            let rare = self.rare();
            rare.limit = rare.limit.max(Some(octets));
        }
    }

    /// Whether so much waits that it is handed out although its cause may still come.
    pub(super) fn has_enough_waiting(&self) -> bool {
        let (octets, runs) = self.assembler.waiting();
        octets >= HOLE_OCTETS || runs > MAX_WAITING_RUNS
    }

    /// Whether what the other side acknowledged has not come for so long that it will not come.
    pub(super) fn lost_patience(&self, now: Time) -> bool {
        let unseen_since = self.rare.as_ref().and_then(|rare| rare.unseen_since);
        unseen_since.is_some_and(|since| now.since(since) >= HOLE_PATIENCE)
    }

    /// Octets that the other side acknowledged and the capture lacks, behind all that came.
    pub(super) fn acknowledged_unseen(&self) -> u64 {
        self.acked.saturating_sub(self.reached())
    }

    /// How this side closed: of its FIN and a later RST, the FIN counts.
    pub(super) fn closed_with(&self) -> Option<(CloseKind, At)> {
        let rst = self.rare.as_ref().and_then(|rare| rare.rst.as_ref());
        match (&self.fin, rst) {
            (Some(fin), Some(rst)) if rst.at.frame < fin.at.frame => Some((CloseKind::Rst, rst.at)),
            (Some(fin), _) => Some((CloseKind::Fin, fin.at)),
            (None, rst) => rst.map(|rst| (CloseKind::Rst, rst.at)),
        }
    }

    /// Whether its sender has closed it, all was handed out, and the other side has acknowledged all.
    pub(super) fn is_over(&self) -> bool {
        self.ending == Ending::Over && self.assembler.is_empty() && self.acked >= self.reached()
    }

    /// What this side did, now that all is known.
    pub(super) fn conclude(&self) -> Side {
        let mut side = Side {
            octets: self.assembler.next().saturating_sub(self.start()),
            missing: self.acknowledged_unseen(),
            behind_hole: None,
            reached: self.reached(),
            keepalives: 0,
            fin: self.fin(),
            rst: None,
            zero_window: None,
            limit: None,
        };
        if let Some(rare) = &self.rare {
            side.octets = side.octets.saturating_sub(rare.missing);
            side.missing += rare.missing;
            side.behind_hole = rare.behind_hole;
            side.keepalives = rare.keepalives;
            side.rst = rare.rst;
            side.zero_window = rare.zero_window;
            side.limit = rare.limit;
        }
        side
    }
}

#[cfg(test)]
mod tests {
    use super::super::Acks;
    use super::*;

    fn at(frame: u64) -> At {
        At {
            frame,
            time: Time::default(),
        }
    }

    /// The frame of the packet that acknowledged the FIN, where the other side acknowledged first, then the FIN came, and
    /// then the other side acknowledged the same again, and more.
    fn fin_acked(fin: u64) -> Option<u64> {
        let mut half = Half::new();
        let by = |frame| Acked {
            at: at(frame),
            offset: FIRST_OCTET,
        };
        half.acknowledge(Seq(1000), FIRST_OCTET, by(1));
        half.acknowledge(Seq(1010), FIRST_OCTET + 10, by(2));
        half.note_fin(
            fin,
            Stamp {
                at: at(3),
                acks: Some(Acks::Exactly(FIRST_OCTET)),
            },
        );
        half.acknowledge(Seq(1010), FIRST_OCTET + 10, by(4));
        half.acknowledge(Seq(1011), FIRST_OCTET + 11, by(5));
        half.fin()?.acked.map(|acked| acked.at.frame)
    }

    #[test]
    fn a_fin_is_acknowledged_by_the_first_packet_that_goes_beyond_it() {
        assert_eq!(fin_acked(FIRST_OCTET + 11), None);
        assert_eq!(fin_acked(FIRST_OCTET + 10), Some(5));
        // It was captured behind its acknowledgement.
        assert_eq!(fin_acked(FIRST_OCTET + 9), Some(2));
    }

    #[test]
    fn a_fin_before_all_that_is_known_is_acknowledged_by_what_repeats_that() {
        let mut half = Half::new();
        let by = |frame| Acked {
            at: at(frame),
            offset: FIRST_OCTET,
        };
        half.acknowledge(Seq(1000), FIRST_OCTET, by(1));
        let stamp = Stamp {
            at: at(2),
            acks: None,
        };
        half.note_fin(FIRST_OCTET - 1, stamp);
        half.acknowledge(Seq(1000), FIRST_OCTET, by(3));
        assert_eq!(half.fin().unwrap().acked, Some(by(3)));
    }
}
