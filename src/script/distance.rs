//! One history of a connection, as it is captured at different places.
//!
//! In: what each host does, at which time of its own, over a network that delays every packet. Out: what is found at
//! the client, half-way and at the server. The hosts acknowledge what reaches them, by themselves, and answer by a
//! RST where their socket is gone, so that the numbers are those of a real exchange.
//!
//! ```text
//! 1.0 > GET /a                       the client's time, in seconds; messages as in the scripts of one place
//! 1.1 < 200 | Content-Length: 2      the server's time
//! 3.0 server FIN                     it goes on reading
//! 3.0 server close                   a FIN as well, but what comes behind it is answered by a RST
//! 3.0 client RST                     the connection is gone
//! 3.0 server forgets                 the same without a packet
//! ```
//!
//! The client's SYN is sent at 0, and every packet is under way for 50 ms.

use std::collections::BTreeMap;

use super::{ACK, FIN, Played, RST, SYN, Sent, content, packet, peer, run};
use crate::tcp::{Peer, PerPeer};
use crate::time::Time;

const ON_THE_WAY: i128 = 50_000_000;

/// Where a capture is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Client,
    HalfWay,
    Server,
}

impl Place {
    pub(crate) const ALL: [Place; 3] = [Place::Client, Place::HalfWay, Place::Server];

    /// When a packet of `from` that was sent at this time passes here.
    fn passes(self, from: Peer, sent: i128) -> i128 {
        match (self, from) {
            (Place::HalfWay, _) => sent + ON_THE_WAY / 2,
            (Place::Client, Peer::Client) | (Place::Server, Peer::Server) => sent,
            (Place::Client, Peer::Server) | (Place::Server, Peer::Client) => sent + ON_THE_WAY,
        }
    }
}

/// Plays a history, and says what is found of it at this place.
pub(crate) fn play_at(place: Place, history: &str) -> Played {
    let mut network = Network::default();
    network.happen(0, Event::Act(Peer::Client, "SYN".into()));
    for line in history
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (time, what) = line.split_once(' ').unwrap();
        let time = (time.parse::<f64>().unwrap() * 1e9) as i128;
        let (who, act) = match what.split_once(' ').unwrap() {
            (">", _) => (Peer::Client, what),
            ("<", _) => (Peer::Server, what),
            (who, act) => (peer(who), act),
        };
        network.happen(time, Event::Act(who, act.into()));
    }
    network.go_on();
    let mut sent = network.sent;
    sent.sort_by_key(|sent| place.passes(sent.from, sent.time));
    let packets: Vec<Sent> = sent.iter().map(|sent| sent.passing(place)).collect();
    let [played] = <[Played; 1]>::try_from(run(&packets)).unwrap();
    played
}

#[derive(Debug)]
enum Event {
    Act(Peer, String),
    Arrive(Segment),
}

#[derive(Clone, Debug)]
struct Segment {
    from: Peer,
    time: i128,
    flags: u8,
    seq: u32,
    ack: u32,
    octets: Vec<u8>,
}

impl Segment {
    /// How much of the sequence space it takes.
    fn len(&self) -> u32 {
        self.octets.len() as u32 + u32::from(self.flags & (SYN | FIN) != 0)
    }

    fn passing(&self, place: Place) -> Sent {
        let numbers = (self.seq, self.ack);
        let octets = packet(self.from, self.flags, numbers, &self.octets, 1000);
        let time = 1_700_000_000_000_000_000 + place.passes(self.from, self.time);
        Sent {
            time: Time::from_nanos(time),
            wire_len: octets.len() as u32,
            octets,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Socket {
    #[default]
    Open,
    /// Closed in both directions by its owner: data is refused.
    Closed,
    Gone,
}

#[derive(Debug, Default)]
struct Host {
    next: u32,
    /// What it has of the other.
    has: u32,
    socket: Socket,
}

#[derive(Debug, Default)]
struct Network {
    hosts: PerPeer<Host>,
    /// By time, then in the order in which they were foreseen.
    to_come: BTreeMap<(i128, usize), Event>,
    foreseen: usize,
    sent: Vec<Segment>,
}

impl Network {
    fn happen(&mut self, time: i128, event: Event) {
        self.foreseen += 1;
        self.to_come.insert((time, self.foreseen), event);
    }

    fn go_on(&mut self) {
        while let Some(((time, _), event)) = self.to_come.pop_first() {
            match event {
                Event::Act(who, act) => self.act(time, who, &act),
                Event::Arrive(segment) => self.arrive(time, &segment),
            }
        }
    }

    fn act(&mut self, time: i128, who: Peer, act: &str) {
        match act {
            "SYN" => self.send(time, who, SYN, &[]),
            "FIN" => self.send(time, who, FIN | ACK, &[]),
            "close" => {
                self.send(time, who, FIN | ACK, &[]);
                self.hosts[who].socket = Socket::Closed;
            }
            "RST" => {
                self.send(time, who, RST | ACK, &[]);
                self.hosts[who].socket = Socket::Gone;
            }
            "forgets" => self.hosts[who].socket = Socket::Gone,
            message => self.send(time, who, ACK, &content(&message[1..])),
        }
    }

    fn arrive(&mut self, time: i128, segment: &Segment) {
        let who = segment.from.other();
        let host = &mut self.hosts[who];
        if segment.flags & RST != 0 {
            host.socket = Socket::Gone;
            return;
        }
        let refused = host.socket == Socket::Gone
            || (host.socket == Socket::Closed && !segment.octets.is_empty());
        if refused {
            // Without ACK, with the number that the segment acknowledges.
            let answer = Segment {
                from: who,
                time,
                flags: RST,
                seq: segment.ack,
                ack: 0,
                octets: Vec::new(),
            };
            host.socket = Socket::Gone;
            return self.put(answer);
        }
        if segment.len() == 0 {
            return;
        }
        host.has = segment.seq.wrapping_add(segment.len());
        let flags = match segment.flags & (SYN | ACK) {
            SYN => SYN | ACK,
            _ => ACK,
        };
        self.send(time, who, flags, &[]);
    }

    fn send(&mut self, time: i128, from: Peer, flags: u8, octets: &[u8]) {
        let host = &mut self.hosts[from];
        let segment = Segment {
            from,
            time,
            flags,
            seq: host.next,
            ack: host.has,
            octets: octets.to_vec(),
        };
        host.next = host.next.wrapping_add(segment.len());
        self.put(segment);
    }

    fn put(&mut self, segment: Segment) {
        self.sent.push(segment.clone());
        self.happen(segment.time + ON_THE_WAY, Event::Arrive(segment));
    }
}
