//! How a connection was opened (RFC 9293 3.5).

use super::{Peer, PerPeer};
use crate::packet::{Flags, Segment};
use crate::time::{Span, Time};

/// The packets of the handshake that are in the capture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Handshake {
    /// The latest SYN without ACK of each side, before the SYN-ACK.
    syn: PerPeer<Option<Time>>,
    /// Whether each side answered with a SYN-ACK.
    answer: PerPeer<Answer>,
    /// The first ACK of the SYN-ACK.
    established: Option<Time>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    None,
    SynAck,
}

impl Handshake {
    /// Whether both the SYN and the SYN-ACK were captured.
    pub fn is_complete(&self) -> bool {
        self.syn_of_answered().is_some()
    }

    /// From the SYN to the ACK of the SYN-ACK, where all three are there.
    pub fn rtt(&self) -> Option<Span> {
        Some(self.established?.since(self.syn_of_answered()?))
    }

    /// The SYN that a SYN-ACK answered, whichever side is called the client.
    fn syn_of_answered(&self) -> Option<Time> {
        if self.is_answered(Peer::Client) {
            self.syn.client
        } else if self.is_answered(Peer::Server) {
            self.syn.server
        } else {
            None
        }
    }

    fn is_answered(&self, peer: Peer) -> bool {
        self.answer[peer.other()] == Answer::SynAck
    }

    /// Takes notice of a segment that is no RST.
    pub(super) fn note(&mut self, from: Peer, segment: &Segment<'_>) {
        if self.established.is_some() {
            return;
        }
        let time = segment.at.time;
        match (segment.flags.has(Flags::SYN), segment.flags.has(Flags::ACK)) {
            (true, false) if !self.is_answered(from) => self.syn[from] = Some(time),
            (true, true) => self.answer[from] = Answer::SynAck,
            (false, true) if self.is_answered(from) => self.established = Some(time),
            _ => {}
        }
    }

    /// Whether nothing but a SYN can still change it.
    pub(super) fn is_settled(&self) -> bool {
        self.established.is_some() || !Peer::BOTH.into_iter().any(|peer| self.is_answered(peer))
    }

    /// Whether `peer` sent a SYN without ACK.
    pub(super) fn has_syn_of(&self, peer: Peer) -> bool {
        self.syn[peer].is_some()
    }

    pub(super) fn swap(&mut self) {
        self.syn.swap();
        self.answer.swap();
    }
}
