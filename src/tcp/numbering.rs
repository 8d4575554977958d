//! When Wireshark begins a new `tcp.stream` on a pair of endpoints that has one.
//!
//! In: the SYNs and numbers of a stream's packets. Out: whether a packet belongs to another one. What is modelled is
//! the dissector of Wireshark 4.0: it knows one base number for each direction, and a SYN that differs from it begins
//! a stream, whether the old one was closed or not.

use super::{Peer, PerPeer};
use crate::packet::{Flags, Header, Reason, Segment, Seq};

/// The base numbers of a stream: of the SYN, or the one before the first number seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbering(PerPeer<Option<Seq>>);

/// What of a TCP header bears on the numbering.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    seq: Seq,
    ack: Option<Seq>,
    flags: Flags,
    /// Whether Wireshark goes on to analyse the sequence numbers; it does not in what an ICMP error quotes.
    analysed: bool,
}

impl Numbers {
    /// Whether it may begin a stream.
    #[inline]
    pub(super) fn opens(self) -> bool {
        self.flags.has(Flags::SYN) && !self.flags.has(Flags::ACK)
    }
}

impl From<&Segment<'_>> for Numbers {
    fn from(segment: &Segment<'_>) -> Self {
        Numbers {
            seq: segment.seq,
            ack: segment.ack,
            flags: segment.flags,
            analysed: true,
        }
    }
}

impl From<&Header> for Numbers {
    fn from(header: &Header) -> Self {
        let analysed = header.reason == Reason::TcpOffset;
        Numbers {
            seq: header.seq,
            ack: header.ack,
            flags: header.flags,
            analysed,
        }
    }
}

impl Numbering {
    /// Whether a packet of `from` with these numbers begins another stream.
    pub(super) fn is_another(&self, from: Peer, numbers: Numbers) -> bool {
        numbers.opens() && self.0[from].is_some_and(|base| base != numbers.seq)
    }

    /// Whether no packet without a SYN tells it anything more.
    pub(super) fn is_settled(&self) -> bool {
        self.0.client.is_some() && self.0.server.is_some()
    }

    /// Takes notice of a packet of this stream.
    pub(super) fn note(&mut self, from: Peer, numbers: Numbers) {
        let syn = numbers.flags.has(Flags::SYN);
        if !syn && self.is_settled() {
            return;
        }
        if syn && numbers.flags.has(Flags::ACK) && self.0[from].is_some() {
            self.0[from] = Some(numbers.seq);
        }
        if !numbers.analysed {
            return;
        }
        self.0[from].get_or_insert(if syn {
            numbers.seq
        } else {
            before(numbers.seq)
        });
        if let Some(ack) = numbers.ack {
            self.0[from.other()].get_or_insert(before(ack));
        }
    }

    pub(super) fn swap(&mut self) {
        self.0.swap();
    }
}

fn before(seq: Seq) -> Seq {
    seq.plus(u32::MAX)
}
