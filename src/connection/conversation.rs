//! What a connection says while it is read: a reader for each side, and the log that both write to.

use super::log::{Log, LostTo};
use super::{Bounded, Connection, Interims, Limit, Opened, Protocol, last_idle};
use crate::http::{Foreign, Kind, Reader};
use crate::tcp::{
    Acked, AckedUpTo, Ahead, Crowd, Facts, Hole, Listener, Octets, Origin, Peer, PerPeer,
};
use crate::time::At;

/// Whether the targets of requests are kept, which no rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// They are.
    Kept,
    /// They are not.
    NotKept,
}

/// Listens to one connection.
#[derive(Debug)]
pub struct Conversation {
    readers: PerPeer<Reader>,
    log: Log,
}

impl Listener for Conversation {
    type Asked = Targets;

    #[inline(always)]
    fn new(targets: Targets) -> Self {
        Conversation {
            readers: readers(Origin::Inside),
            log: Log::keeping(targets),
        }
    }

    fn begin(&mut self) {
        self.readers = readers(Origin::Syn);
    }

    fn octets(&mut self, from: Peer, octets: Octets<'_>, acked: Option<AckedUpTo>) {
        self.log.fetch();
        self.readers[from].octets(octets, &mut self.log.hear(from, acked));
        self.share_what_is_known(from);
    }

    fn hole(&mut self, from: Peer, hole: Hole, acked: Option<AckedUpTo>) {
        let why = match hole.carried {
            Some(_) => LostTo::SnapLength,
            None => LostTo::Hole,
        };
        let mut heard = self.log.hear(from, acked);
        heard.loss = why;
        self.readers[from].hole(hole, &mut heard);
    }

    fn end(&mut self, from: Peer, offset: u64, at: At, acked: Option<AckedUpTo>) {
        self.readers[from].end(at, offset, &mut self.log.hear(from, acked));
    }

    fn counts(&self, from: Peer) -> u64 {
        self.readers[from].counts()
    }

    fn ahead(&self, from: Peer, octets: &[u8]) -> Option<Ahead> {
        self.readers[from].ahead(octets)
    }

    fn acknowledged(&mut self, of: Peer, upto: u64, by: Acked) {
        self.log.acknowledged(of, upto, by);
    }

    fn requester(&self) -> Option<Peer> {
        self.log.requester()
    }

    fn swap(&mut self) {
        self.readers.swap();
        self.log.swap();
    }

    fn shrink(&mut self) {
        self.readers.client.shrink();
        self.readers.server.shrink();
        self.log.shrink();
    }

    fn weight(&self) -> usize {
        self.readers.client.weight() + self.readers.server.weight() + self.log.weight()
    }
}

impl Conversation {
    /// What one side sends tells what the other sends, and a tunnel is one in both directions.
    fn share_what_is_known(&mut self, from: Peer) {
        let (this, other) = self.readers.split_mut(from);
        match this.kind() {
            Some(Kind::Request) if other.kind().is_none() => other.expect(Kind::Response),
            Some(Kind::Response) if other.kind().is_none() => other.expect(Kind::Request),
            _ => {}
        }
        if self.log.is_tunnel() && self.log.requester() == Some(from.other()) {
            other.become_tunnel();
        }
    }

    fn protocol(&self, facts: &Facts) -> Protocol {
        if self.log.requester().is_some() {
            return Protocol::Http1;
        }
        let foreign = Peer::BOTH.map(|peer| self.readers[peer].foreign());
        if foreign.contains(&Some(Foreign::Http2)) {
            Protocol::Http2
        } else if foreign.contains(&Some(Foreign::Tls)) {
            Protocol::Tls
        } else if facts.sides.client.octets + facts.sides.server.octets > 0 {
            Protocol::Other
        } else {
            Protocol::None
        }
    }

    /// The record of a connection that is finished. It is large: as nothing is done to it once it is put together, that is
    /// done where it is to be.
    #[inline(always)]
    pub fn conclude(&mut self, mut facts: Facts) -> Connection {
        let protocol = self.protocol(&facts);
        let opened = match self.log.requester() {
            Some(Peer::Server) => Opened::ByServer,
            _ => Opened::ByClient,
        };
        if opened == Opened::ByServer {
            facts.swap();
            self.log.swap();
        }
        let exchanges = self.log.take_exchanges();
        let (log, rare) = (&self.log, self.log.rare());
        let tunnel = rare.and_then(|rare| rare.tunnel);
        Connection {
            opened,
            protocol,
            tally: log.tally,
            idle_last: last_idle(&facts, &exchanges, tunnel),
            tunnel,
            unreadable: rare.map_or_else(PerPeer::default, |rare| rare.unreadable),
            lost: rare.map_or_else(PerPeer::default, |rare| log.lost(rare, facts.handshake)),
            interims: rare.map_or_else(Interims::default, |rare| rare.interims),
            limits: limits(&facts, log, exchanges.dropped()),
            exchanges,
            facts,
        }
    }
}

fn readers(origin: Origin) -> PerPeer<Reader> {
    PerPeer {
        client: Reader::new(origin),
        server: Reader::new(origin),
    }
}

fn limits(facts: &Facts, log: &Log, dropped: u64) -> Vec<Limit> {
    let mut limits = Vec::new();
    let mut note = |what, amount: Option<u64>| {
        if let Some(amount) = amount {
            limits.push(Limit { what, amount });
        }
    };
    let octets = |octets: usize| octets as u64;
    let some = |number: u64| (number > 0).then_some(number);
    let rare = log.rare();
    let waiting = facts.sides.client.limit.max(facts.sides.server.limit);
    let head = rare.and_then(|rare| rare.too_large);
    let late = rare.and_then(|rare| some(rare.acked_too_late));
    let line = rare.and_then(|rare| rare.too_long);
    note(Bounded::Waiting, waiting.map(octets));
    note(Bounded::Head, head.map(octets));
    note(Bounded::Exchanges, some(dropped));
    note(Bounded::Unacknowledged, late);
    match facts.crowded_out {
        Some(Crowd::Connections(open)) => note(Bounded::Open, Some(open)),
        Some(Crowd::Memory(octets)) => note(Bounded::Memory, Some(octets)),
        None => {}
    }
    note(Bounded::Target, line.map(octets));
    limits
}

#[cfg(test)]
mod tests {
    use super::super::MAX_EXCHANGES;
    use super::*;
    use crate::tcp::{Acks, FIRST_OCTET, Stamp};

    /// What is known once the server has sent a response, in two pieces, to more requests than are kept.
    fn told(cut: usize) -> String {
        let mut conversation = Conversation::new(Targets::NotKept);
        conversation.begin();
        let mut ends = PerPeer {
            client: FIRST_OCTET,
            server: FIRST_OCTET,
        };
        let mut send = |from: Peer, octets: &[u8]| {
            let at = At::default();
            let acks = Some(Acks::Exactly(ends[from.other()]));
            let octets = Octets {
                offset: ends[from],
                octets,
                stamp: Stamp { at, acks },
                completed: at,
            };
            ends[from] += octets.octets.len() as u64;
            conversation.octets(from, octets, None);
        };
        for _ in 0..=MAX_EXCHANGES {
            send(Peer::Client, b"GET / HTTP/1.1\r\n\r\n");
        }
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde";
        let (first, rest) = response.split_at(cut);
        send(Peer::Server, first);
        send(Peer::Server, rest);
        format!("{:?} {:?}", conversation.readers, conversation.log.tally)
    }

    #[test]
    fn an_answer_to_what_is_not_kept_is_the_same_in_whatever_pieces_it_comes() {
        assert_eq!(told(0), told(20));
    }
}
