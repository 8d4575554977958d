//! What a connection says while it is read: a reader for each side, and the log that both write to.

use super::log::{Log, LostTo, Rare};
use super::{Bounded, Connection, Limit, Opened, Protocol, last_idle};
use crate::http::{Foreign, Kind, Reader};
use crate::tcp::{Acked, Ahead, Crowd, Facts, Hole, Listener, Octets, Origin, Peer, PerPeer};
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

    fn new(targets: Targets) -> Self {
        Conversation {
            readers: readers(Origin::Inside),
            log: Log::keeping(targets),
        }
    }

    fn begin(&mut self) {
        self.readers = readers(Origin::Syn);
    }

    fn octets(&mut self, from: Peer, octets: Octets<'_>) {
        self.readers[from].octets(octets, &mut self.log.hear(from));
        self.share_what_is_known(from);
    }

    fn hole(&mut self, from: Peer, hole: Hole) {
        let why = match hole.carried {
            Some(_) => LostTo::SnapLength,
            None => LostTo::Hole,
        };
        self.readers[from].hole(hole, &mut self.log.hear_of_loss(from, why));
    }

    fn end(&mut self, from: Peer, offset: u64, at: At) {
        self.readers[from].end(at, offset, &mut self.log.hear(from));
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

    /// The record of a connection that is finished.
    pub fn conclude(&mut self, mut facts: Facts) -> Connection {
        let protocol = self.protocol(&facts);
        let log = &mut self.log;
        let opened = match log.requester() {
            Some(Peer::Server) => {
                facts.swap();
                log.swap();
                Opened::ByServer
            }
            _ => Opened::ByClient,
        };
        let limits = limits(&facts, log);
        let Rare {
            tunnel,
            unreadable,
            interims,
            ..
        } = log.rare();
        let (tally, lost) = (log.tally, log.lost(facts.handshake));
        let exchanges = log.take_exchanges();
        let idle_last = last_idle(&facts, &exchanges, tunnel);
        Connection {
            facts,
            opened,
            protocol,
            exchanges,
            tally,
            idle_last,
            tunnel,
            unreadable,
            lost,
            interims,
            limits,
        }
    }
}

fn readers(origin: Origin) -> PerPeer<Reader> {
    PerPeer {
        client: Reader::new(origin),
        server: Reader::new(origin),
    }
}

fn limits(facts: &Facts, log: &Log) -> Vec<Limit> {
    let waiting = Peer::BOTH
        .iter()
        .filter_map(|&peer| facts.sides[peer].limit)
        .max();
    let limit = |what, amount| Limit { what, amount };
    let waiting = waiting.map(|octets| limit(Bounded::Waiting, octets as u64));
    let Rare {
        too_large,
        too_long,
        acked_too_late,
        ..
    } = log.rare();
    let head = too_large.map(|amount| limit(Bounded::Head, amount as u64));
    let line = too_long.map(|amount| limit(Bounded::Target, amount as u64));
    let dropped = (log.dropped() > 0).then(|| limit(Bounded::Exchanges, log.dropped()));
    let late = (acked_too_late > 0).then(|| limit(Bounded::Unacknowledged, acked_too_late));
    let crowd = facts.crowded_out.map(|crowd| match crowd {
        Crowd::Connections(open) => limit(Bounded::Open, open),
        Crowd::Memory(octets) => limit(Bounded::Memory, octets),
    });
    [waiting, head, dropped, late, crowd, line]
        .into_iter()
        .flatten()
        .collect()
}
