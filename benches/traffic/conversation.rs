//! One connection: which packets it has, and when.

use std::collections::VecDeque;
use std::io::Write;
use std::ops::Range;
use std::rc::Rc;

use fastrand::Rng;

use super::Profile;

/// Nanoseconds.
const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// 2024-01-01.
pub(super) const BEGIN: u64 = 1_704_067_200 * SECOND;

const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// The payload of a full segment.
const SEGMENT: usize = 1428;

/// Who sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    V4,
    V6,
}

/// Where a connection runs.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub(super) network: Network,
    pub(super) vlan: Option<u16>,
    /// Address (the last 32 bits of one of IPv6) and port.
    pub(super) client: (u32, u16),
    pub(super) server: (u32, u16),
}

/// A packet.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    /// Nanoseconds since 1970.
    pub(super) time: u64,
    pub(super) from: Side,
    pub(super) flags: u8,
    pub(super) seq: u32,
    pub(super) ack: u32,
    message: Rc<[u8]>,
    range: Range<usize>,
}

impl Packet {
    pub(super) fn octets(&self) -> &[u8] {
        self.message.get(self.range.clone()).unwrap_or_default()
    }

    /// Whether it is a SYN.
    pub(super) fn opens(&self) -> bool {
        self.flags & SYN != 0
    }
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    /// So many exchanges are to come.
    Open(u32),
    Closed,
}

/// A connection while it is written.
#[derive(Debug)]
pub(super) struct Conversation {
    profile: Profile,
    ends: Ends,
    stage: Stage,
    /// When all that is planned so far is over.
    time: u64,
    round_trip: u64,
    /// The next sequence numbers.
    client: u32,
    server: u32,
    requests: u64,
    /// By time.
    planned: VecDeque<Packet>,
    nothing: Rc<[u8]>,
}

impl Conversation {
    /// A connection that begins so many nanoseconds after the first.
    pub(super) fn new(profile: Profile, number: u32, time: u64, rng: &mut Rng) -> Self {
        let mixed = profile == Profile::Mixed;
        let ends = Ends {
            network: if mixed && rng.u8(..4) == 0 {
                Network::V6
            } else {
                Network::V4
            },
            vlan: (mixed && rng.u8(..4) == 0).then_some(100),
            client: (
                0x0a00_0001 + number / 50_000,
                10_000 + (number % 50_000) as u16,
            ),
            server: (0xc0a8_0101 + rng.u32(..3), 80),
        };
        let mut conversation = Conversation {
            profile,
            ends,
            stage: Stage::New,
            time,
            round_trip: rng.u64(150 * MICRO..30 * MILLI),
            client: rng.u32(..),
            server: rng.u32(..),
            requests: 0,
            planned: VecDeque::new(),
            nothing: Rc::default(),
        };
        conversation.plan(rng);
        conversation
    }

    pub(super) fn ends(&self) -> &Ends {
        &self.ends
    }

    /// How many requests were sent.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// When its next packet is sent, or it was over.
    pub(super) fn due(&self) -> u64 {
        self.planned.front().map_or(self.time, |packet| packet.time)
    }

    /// The next packet, until it is closed.
    pub(super) fn next_packet(&mut self, rng: &mut Rng) -> Option<Packet> {
        let packet = self.planned.pop_front();
        if self.planned.is_empty() {
            self.plan(rng);
        }
        packet
    }

    /// Plans what comes next, if anything does.
    fn plan(&mut self, rng: &mut Rng) {
        match self.stage {
            Stage::New => {
                self.open();
                let (least, most) = self.profile.exchanges();
                self.stage = Stage::Open(rng.u32(least..=most));
            }
            Stage::Open(0) => {
                self.close();
                self.stage = Stage::Closed;
            }
            Stage::Open(left) => {
                let pipelined = self.profile == Profile::Mixed && rng.u8(..20) == 0;
                let now = if pipelined { left.min(3) } else { 1 };
                self.exchange(now, left == now, rng);
                self.stage = Stage::Open(left - now);
            }
            Stage::Closed => {}
        }
        self.planned
            .make_contiguous()
            .sort_by_key(|packet| packet.time);
    }

    fn open(&mut self) {
        self.bare(Side::Client, SYN, 0);
        self.client = self.client.wrapping_add(1);
        self.bare(Side::Server, SYN | ACK, 20 * MICRO);
        self.server = self.server.wrapping_add(1);
        self.bare(Side::Client, ACK, self.round_trip);
    }

    /// By the server, at once: its last response has said so.
    fn close(&mut self) {
        self.bare(Side::Server, FIN | ACK, 30 * MICRO);
        self.server = self.server.wrapping_add(1);
        self.bare(Side::Client, FIN | ACK, self.round_trip);
        self.client = self.client.wrapping_add(1);
        self.bare(Side::Server, ACK, 10 * MICRO);
    }

    /// So many requests at once, then their responses.
    fn exchange(&mut self, count: u32, last: bool, rng: &mut Rng) {
        self.requests += u64::from(count);
        let (mut requests, mut responses) = (Vec::new(), Vec::new());
        for number in 1..=count {
            let option = if last && number == count {
                "Connection: close\r\n"
            } else {
                ""
            };
            write_request(&mut requests, option, rng);
            self.write_response(&mut responses, option, rng);
        }
        self.time += if rng.u8(..32) == 0 {
            rng.u64(SECOND..5 * SECOND)
        } else {
            rng.u64(MILLI..40 * MILLI)
        };
        self.send(Side::Client, requests, rng);
        self.time += rng.u64(60 * MICRO..6 * MILLI);
        self.send(Side::Server, responses, rng);
        self.bare(Side::Client, ACK, self.round_trip);
    }

    fn write_response(&self, out: &mut Vec<u8>, option: &str, rng: &mut Rng) {
        let (least, most) = self.profile.body();
        // As many of a hundred octets as of a thousand and of a million.
        let ratio = f64::from(most) / f64::from(least);
        let length = (f64::from(least) * ratio.powf(rng.f64())) as usize;
        // A Vec takes all that is written.
        let _ = write!(
            out,
            "HTTP/1.1 200 OK\r\nServer: made-up\r\nContent-Type: application/json\r\n{option}"
        );
        if self.profile == Profile::Mixed && rng.bool() {
            out.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            let mut left = length;
            while left > 0 {
                let chunk = rng.usize(1..=16_384).min(left);
                let _ = write!(out, "{chunk:x}\r\n");
                out.resize(out.len() + chunk, b'b');
                out.extend(b"\r\n");
                left -= chunk;
            }
            out.extend(b"0\r\n\r\n");
        } else {
            let _ = write!(out, "Content-Length: {length}\r\n\r\n");
            out.resize(out.len() + length, b'b');
        }
    }

    /// A message in full segments, each second one acknowledged.
    fn send(&mut self, from: Side, message: Vec<u8>, rng: &mut Rng) {
        let message: Rc<[u8]> = message.into();
        for (number, start) in (0..message.len()).step_by(SEGMENT).enumerate() {
            let end = message.len().min(start + SEGMENT);
            let flags = if end == message.len() { PSH | ACK } else { ACK };
            let packet = self.packet(from, flags, Rc::clone(&message), start..end);
            let sent = match from {
                Side::Client => &mut self.client,
                Side::Server => &mut self.server,
            };
            *sent = sent.wrapping_add((end - start) as u32);
            self.put(packet, rng);
            self.time += 12 * MICRO;
            if number % 2 == 1 {
                let other = match from {
                    Side::Client => Side::Server,
                    Side::Server => Side::Client,
                };
                self.bare(other, ACK, 5 * MICRO);
            }
        }
    }

    /// Now and then of mixed traffic, a segment comes twice.
    fn put(&mut self, packet: Packet, rng: &mut Rng) {
        if self.profile == Profile::Mixed && rng.u8(..100) == 0 {
            let time = packet.time + 3 * MILLI;
            self.planned.push_back(Packet {
                time,
                ..packet.clone()
            });
        }
        let late = self.profile == Profile::Mixed && rng.u8(..100) == 0;
        let time = packet.time
            + if late {
                rng.u64(20 * MICRO..2 * MILLI)
            } else {
                0
            };
        self.planned.push_back(Packet { time, ..packet });
        self.time = self.time.max(time);
    }

    /// A packet without payload, so much later.
    fn bare(&mut self, from: Side, flags: u8, later: u64) {
        self.time += later;
        let packet = self.packet(from, flags, Rc::clone(&self.nothing), 0..0);
        self.planned.push_back(packet);
    }

    fn packet(&self, from: Side, flags: u8, message: Rc<[u8]>, range: Range<usize>) -> Packet {
        let (seq, ack) = match from {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        };
        let ack = if flags & ACK == 0 { 0 } else { ack };
        Packet {
            time: self.time,
            from,
            flags,
            seq,
            ack,
            message,
            range,
        }
    }
}

fn write_request(out: &mut Vec<u8>, option: &str, rng: &mut Rng) {
    let trace = rng.u64(..);
    let host = rng.u8(..5);
    let _ = write!(
        out,
        "GET /api/items?trace={trace:016x} HTTP/1.1\r\nHost: service{host}.example.test\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n{option}\r\n"
    );
}
