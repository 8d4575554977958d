//! Connections as scripts, for the tests: turned into packets and taken through the whole pipeline, so that no test
//! describes a connection that could not be.
//!
//! A line is something that happens; the other side has it at once and acknowledges it, unless the line ends with
//! `unseen`: then it has it only after the next thing that it does itself.
//!
//! ```text
//! > GET /a HTTP/1.0 | Connection: close     a request; HTTP/1.1 unless told
//! < 200 | Content-Length: 5                 a response with its body; a chunked one gets two chunks
//! > raw GET / HT                            octets as they stand, \r and \n and \x00 understood
//! ~ 1.5s                                    time goes by
//! client FIN, server RST, client RST bare   `bare` is without ACK: it answers the other side's last segment
//! client RST behind 9                       with a number that lies 9 octets behind; `bare`, too
//! client ACK                                a side acknowledges what it has not noticed yet, and does nothing else
//! server window 0                           a side says that it can take nothing
//! hole server 100                           the server sends 100 octets that the capture lacks
//! again server                              the server's last data segment once more
//! inside                                    as the first line: the capture begins without the handshake
//! elsewhere                                 a packet of another connection
//! reopen                                    the same endpoints once more, with other numbers
//! earlier 2                                 the last packet was captured two packets earlier
//! lost                                      the last packet is not in the capture
//! only server                               from here on the capture has the packets of this side alone
//! snap 60                                   packets from here on are cut to 60 octets
//! probe client                              a TCP keep-alive probe
//! ```

pub(crate) mod distance;

use etherparse::PacketBuilder;

use crate::capture::{LinkType, Packet};
use crate::connection::{Connection, Tracker};
use crate::rules::{Judgement, Rule, Settings, judge};
use crate::tcp::{Peer, PerPeer};
use crate::time::Time;

/// What came out of a script.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) connection: Connection,
    pub(crate) judgement: Judgement,
}

impl Played {
    /// The names of the rules that found something, in order.
    pub(crate) fn found(&self) -> Vec<&'static str> {
        self.judgement
            .findings
            .iter()
            .map(|finding| finding.rule.name)
            .collect()
    }

    /// All that must be the same in whatever pieces the octets came.
    fn essence(&self) -> String {
        let connection = &self.connection;
        let exchanges: Vec<String> = connection
            .exchanges
            .iter()
            .map(|exchange| {
                let request = exchange.request.as_ref().map(|request| {
                    let end = request
                        .message
                        .end
                        .map(|end| (end.offset, end.at.map(|at| at.time)));
                    (
                        request.line.clone(),
                        request.message.says(),
                        request.message.framing(),
                        end,
                    )
                });
                let response = exchange.response.map(|response| {
                    let end = response
                        .message
                        .end
                        .map(|end| (end.offset, end.at.map(|at| at.time)));
                    (
                        response.status,
                        response.message.says(),
                        response.message.framing(),
                        end,
                    )
                });
                format!("{request:?} {response:?}")
            })
            .collect();
        let close = connection
            .facts
            .close
            .map(|close| (close.by, close.kind, close.at.time, close.order));
        let gaps: Vec<_> = connection.idle_gaps().collect();
        let sides = &connection.facts.sides;
        let octets = (
            sides.client.octets,
            sides.server.octets,
            connection.missing(),
        );
        // The reason may name a frame, and frames differ.
        let because = self
            .judgement
            .unknown_because
            .as_deref()
            .unwrap_or_default();
        let because = because.replace(|c: char| c.is_ascii_digit(), "");
        // In pieces, findings of one packet come in the order of their octets.
        let mut found = self.found();
        found.sort_unstable();
        let verdict = (self.judgement.verdict, because, found);
        format!(
            "{exchanges:#?} {gaps:?} {:?} {close:?} {octets:?} {verdict:?}",
            connection.idle_last
        )
    }
}

/// Plays a script of one connection, whole and an octet at a time: both must tell the same.
pub(crate) fn play(script: &str) -> Played {
    let [whole] = <[Played; 1]>::try_from(play_all(script)).unwrap();
    let split = run(&packets(script, Pieces::Octets));
    assert_eq!(
        whole.essence(),
        split.first().unwrap().essence(),
        "an octet at a time: {script}"
    );
    whole
}

/// Asserts that `rule` speaks of each of these scripts; before each stands what it shows.
pub(crate) fn speaks(rule: &Rule, scripts: &[(&str, &str)]) {
    for (what, script) in scripts {
        let found = found(script);
        assert!(found.contains(&rule.name), "{what}: {found:?}\n{script}");
    }
}

/// Asserts that `rule` is silent on each of these scripts; before each stands why.
pub(crate) fn is_silent(rule: &Rule, scripts: &[(&str, &str)]) {
    for (why, script) in scripts {
        assert!(!found(script).contains(&rule.name), "{why}\n{script}");
    }
}

/// The message of what `rule` found in a script, with its frame and the others.
pub(crate) fn finding(rule: &Rule, script: &str) -> (u64, Vec<u64>, String) {
    let played = play_all(script);
    let found = played.iter().flat_map(|played| &played.judgement.findings);
    let finding = found
        .into_iter()
        .find(|finding| finding.rule.name == rule.name);
    let finding = finding.unwrap_or_else(|| panic!("nothing was found: {script}"));
    (
        finding.at.frame,
        finding.frames.clone(),
        finding.message.clone(),
    )
}

/// What is found in a script, whole and, where that makes sense, an octet at a time.
fn found(script: &str) -> Vec<&'static str> {
    // These lines are about single packets.
    let of_packets = ["earlier", "lost", "snap", "again", "window"];
    if of_packets.iter().any(|word| script.contains(word)) {
        return play_all(script).iter().flat_map(Played::found).collect();
    }
    play(script).found()
}

/// Plays a script of any number of connections, that of `elsewhere` left out; in order of their numbers.
pub(crate) fn play_all(script: &str) -> Vec<Played> {
    run(&packets(script, Pieces::Segments))
}

fn run(packets: &[Sent]) -> Vec<Played> {
    let mut tracker = Tracker::default();
    let mut played = Vec::new();
    let mut finished = |connection: Connection| {
        let judgement = judge(&connection, &Settings::default());
        if connection.facts.ends.client.port() != ELSEWHERE {
            played.push(Played {
                connection,
                judgement,
            });
        }
    };
    for (frame, sent) in (1..).zip(packets) {
        let Sent {
            time,
            ref octets,
            wire_len,
        } = *sent;
        tracker.take(
            &Packet {
                frame,
                time,
                link: LinkType(1),
                octets,
                wire_len,
            },
            &mut finished,
        );
    }
    tracker.finish(&mut finished);
    played.sort_by_key(|played| played.connection.facts.stream);
    played
}

const CLIENT: u16 = 40_000;
const SERVER: u16 = 80;
const ELSEWHERE: u16 = 50_000;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// In which pieces the payload is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pieces {
    Segments,
    Octets,
}

struct Sent {
    time: Time,
    octets: Vec<u8>,
    wire_len: u32,
}

struct Stage {
    packets: Vec<Sent>,
    nanos: i128,
    pieces: Pieces,
    /// The next number of each side.
    next: PerPeer<u32>,
    /// What each side has of the other, as it acknowledges it.
    has: PerPeer<u32>,
    /// What each side has not noticed yet.
    unseen: PerPeer<bool>,
    last: PerPeer<(u32, Vec<u8>)>,
    snap: usize,
    only: Option<Peer>,
}

fn packets(script: &str, pieces: Pieces) -> Vec<Sent> {
    // Numbers that wrap on the way.
    let next = PerPeer {
        client: u32::MAX - 20,
        server: u32::MAX - 50,
    };
    let has = PerPeer {
        client: next.server,
        server: next.client,
    };
    let mut stage = Stage {
        packets: Vec::new(),
        nanos: 1_700_000_000_000_000_000,
        pieces,
        next,
        has,
        unseen: PerPeer::default(),
        last: PerPeer::default(),
        snap: usize::MAX,
        only: None,
    };
    let mut lines = script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .peekable();
    if lines.next_if_eq(&"inside").is_none() {
        stage.handshake();
    }
    lines.for_each(|line| stage.line(line));
    stage.packets
}

impl Stage {
    fn handshake(&mut self) {
        self.send(Peer::Client, SYN, &[]);
        self.next.client = self.next.client.wrapping_add(1);
        self.has.server = self.next.client;
        self.send(Peer::Server, SYN | ACK, &[]);
        self.next.server = self.next.server.wrapping_add(1);
        self.has.client = self.next.server;
        self.send(Peer::Client, ACK, &[]);
    }

    fn line(&mut self, line: &str) {
        let (line, seen) = match line.strip_suffix(" unseen") {
            Some(line) => (line, false),
            None => (line, true),
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words.as_slice() {
            ["~", span] => {
                let (number, unit) = span.split_at(span.find(|c: char| c.is_alphabetic()).unwrap());
                let scale = match unit {
                    "s" => 1e9,
                    "ms" => 1e6,
                    "us" => 1e3,
                    _ => panic!("a unit: {span}"),
                };
                self.nanos += (number.parse::<f64>().unwrap() * scale) as i128;
            }
            [">", ..] => self.act(Peer::Client, ACK, &content(&line[1..]), seen),
            ["<", ..] => self.act(Peer::Server, ACK, &content(&line[1..]), seen),
            [who, "FIN"] => self.act(peer(who), FIN | ACK, &[], seen),
            [who, "RST"] => self.send(peer(who), RST | ACK, &[]),
            [who, "RST", "bare"] => self.reset_bare(peer(who), 0),
            [who, "RST", "bare", "behind", octets] => {
                self.reset_bare(peer(who), octets.parse().unwrap());
            }
            [who, "RST", "behind", octets] => {
                let behind: u32 = octets.parse().unwrap();
                let number = self.next[peer(who)].wrapping_sub(behind);
                self.push(peer(who), RST | ACK, number, &[], 0);
            }
            [who, "ACK"] => {
                self.unseen[peer(who)] = false;
                self.notice(peer(who).other());
            }
            ["only", who] => self.only = Some(peer(who)),
            [who, "window", "0"] => self.push(peer(who), ACK, self.next[peer(who)], &[], 0),
            ["hole", who, octets] => {
                let who = peer(who);
                self.next[who] = self.next[who].wrapping_add(octets.parse().unwrap());
                self.notice(who);
            }
            ["again", who] => {
                let (seq, octets) = self.last[peer(who)].clone();
                self.push(peer(who), ACK, seq, &octets, 1000);
            }
            ["reopen"] => {
                self.next = PerPeer {
                    client: 7_000,
                    server: 9_000,
                };
                self.has = PerPeer {
                    client: 9_000,
                    server: 7_000,
                };
                self.handshake();
            }
            ["earlier", places] => {
                let places: usize = places.parse().unwrap();
                let to = self.packets.len() - 1 - places;
                let sent = self.packets.pop().unwrap();
                self.packets.insert(to, sent);
            }
            ["lost"] => drop(self.packets.pop()),
            ["snap", octets] => self.snap = octets.parse().unwrap(),
            ["probe", who] => {
                let who = peer(who);
                self.push(who, ACK, self.next[who].wrapping_sub(1), &[], 1000);
                self.send(who.other(), ACK, &[]);
            }
            ["elsewhere"] => {
                let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(
                    [192, 0, 2, 9],
                    [192, 0, 2, 2],
                    64,
                );
                self.record(written(builder.tcp(ELSEWHERE, SERVER, 1, 1000).ack(1), &[]));
            }
            _ => panic!("no such line in a script: {line}"),
        }
    }

    fn reset_bare(&mut self, who: Peer, behind: u32) {
        let number = self.has[who.other()].wrapping_sub(behind);
        self.push(who, RST, number, &[], 0);
    }

    /// `who` sends something, and the other side has it, at once or later.
    fn act(&mut self, who: Peer, flags: u8, octets: &[u8], seen: bool) {
        self.last[who] = (self.next[who], octets.to_vec());
        match self.pieces {
            Pieces::Octets if octets.len() > 1 => octets
                .chunks(1)
                .for_each(|octet| self.advance(who, flags, octet)),
            _ => self.advance(who, flags, octets),
        }
        if std::mem::take(&mut self.unseen[who]) {
            self.notice(who.other());
        }
        if seen {
            self.notice(who);
        } else {
            self.unseen[who.other()] = true;
        }
    }

    fn advance(&mut self, who: Peer, flags: u8, octets: &[u8]) {
        self.push(who, flags, self.next[who], octets, 1000);
        self.next[who] =
            self.next[who].wrapping_add(octets.len() as u32 + u32::from(flags & FIN != 0));
    }

    /// The other side has all that `who` sent, and says so.
    fn notice(&mut self, who: Peer) {
        self.has[who.other()] = self.next[who];
        self.send(who.other(), ACK, &[]);
    }

    fn send(&mut self, who: Peer, flags: u8, octets: &[u8]) {
        self.push(who, flags, self.next[who], octets, 1000);
    }

    fn push(&mut self, who: Peer, flags: u8, seq: u32, octets: &[u8], window: u16) {
        if self.only.is_none_or(|only| only == who) {
            self.record(packet(who, flags, (seq, self.has[who]), octets, window));
        }
    }

    fn record(&mut self, mut octets: Vec<u8>) {
        let wire_len = octets.len() as u32;
        octets.truncate(self.snap);
        self.packets.push(Sent {
            time: Time::from_nanos(self.nanos),
            octets,
            wire_len,
        });
    }
}

/// A packet of this side, with these numbers; it acknowledges where the flags say so.
fn packet(from: Peer, flags: u8, (seq, ack): (u32, u32), octets: &[u8], window: u16) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let mut tcp = match from {
        Peer::Client => builder
            .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
            .tcp(CLIENT, SERVER, seq, window),
        Peer::Server => builder
            .ipv4([192, 0, 2, 2], [192, 0, 2, 1], 64)
            .tcp(SERVER, CLIENT, seq, window),
    };
    for (flag, set) in [
        (FIN, etherparse::PacketBuilderStep::fin as fn(_) -> _),
        (SYN, etherparse::PacketBuilderStep::syn),
        (RST, etherparse::PacketBuilderStep::rst),
    ] {
        if flags & flag != 0 {
            tcp = set(tcp);
        }
    }
    if flags & ACK != 0 {
        tcp = tcp.ack(ack);
    }
    written(tcp, octets)
}

fn written(tcp: etherparse::PacketBuilderStep<etherparse::TcpHeader>, octets: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    tcp.write(&mut packet, octets).unwrap();
    packet
}

fn peer(word: &str) -> Peer {
    match word {
        "client" => Peer::Client,
        "server" => Peer::Server,
        _ => panic!("client or server: {word}"),
    }
}

/// The octets of a message line.
fn content(line: &str) -> Vec<u8> {
    if let Some(raw) = line.trim_start().strip_prefix("raw ") {
        return unescape(raw);
    }
    let mut parts = line.split(" | ").map(str::trim);
    let start = parts.next().unwrap();
    let (start, version) = match start.split_once(" HTTP/") {
        Some((start, version)) => (start, version),
        None => (start, "1.1"),
    };
    let start = match start.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("HTTP/{version} {start} X"),
        false => format!("{start} HTTP/{version}"),
    };
    let fields: Vec<&str> = parts.collect();
    let mut octets = format!(
        "{start}\r\n{}\r\n",
        fields
            .iter()
            .map(|field| format!("{field}\r\n"))
            .collect::<String>()
    );
    if fields
        .iter()
        .any(|field| field.eq_ignore_ascii_case("transfer-encoding: chunked"))
    {
        octets.push_str("5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n");
    } else if let Some(length) = fields
        .iter()
        .find_map(|field| field.strip_prefix("Content-Length: "))
    {
        octets.push_str(&"b".repeat(length.parse().unwrap_or(0)));
    }
    octets.into_bytes()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (octet, len) = match (first, rest.get(1..2)) {
            ('\\', Some("r")) => (b'\r', 2),
            ('\\', Some("n")) => (b'\n', 2),
            ('\\', Some("x")) => (u8::from_str_radix(&rest[2..4], 16).unwrap(), 4),
            _ => (u8::try_from(first).unwrap(), 1),
        };
        octets.push(octet);
        rest = &rest[len..];
    }
    octets
}
