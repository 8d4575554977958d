//! Two streams, cut into segments: whatever the cuts, the order of the segments, duplicates and retransmissions that
//! overlap, the same messages come out, with the same framing and options, and the same counts of octets.
//!
//! Eight octets of seed, one of flags, then what the two sides say in turns, the client first, each turn ended by
//! the octet 0xff. A turn is sent by a side that has all the turns before.
use keepcap::capture::{LinkType, Packet};
use keepcap::connection::{Connection, Message, Tracker};
use keepcap::rules::{Settings, judge};
use keepcap::tcp::MAX_WAITING_RUNS;
use keepcap::time::Time;

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// Numbers that wrap on the way.
const CLIENT: u32 = u32::MAX - 40;
const SERVER: u32 = u32::MAX - 90;

#[derive(Clone)]
struct Segment {
    from_server: bool,
    seq: u32,
    ack: u32,
    flags: u8,
    payload: Vec<u8>,
}

impl Segment {
    fn packet(&self) -> Vec<u8> {
        let (client, server) = ([10, 0, 0, 1, 0x9c, 0x40], [10, 0, 0, 2, 0, 80]);
        let (src, dst) = if self.from_server {
            (server, client)
        } else {
            (client, server)
        };
        let mut packet = vec![0x45, 0];
        packet.extend((40 + self.payload.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        packet.extend(&src[..4]);
        packet.extend(&dst[..4]);
        packet.extend(&src[4..]);
        packet.extend(&dst[4..]);
        packet.extend(self.seq.to_be_bytes());
        packet.extend(self.ack.to_be_bytes());
        packet.extend([0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(&self.payload);
        packet
    }
}

fn handshake() -> [Segment; 3] {
    let segment = |from_server, seq, ack, flags| Segment {
        from_server,
        seq,
        ack,
        flags,
        payload: Vec::new(),
    };
    [
        segment(false, CLIENT.wrapping_sub(1), 0, SYN),
        segment(true, SERVER.wrapping_sub(1), CLIENT, SYN | ACK),
        segment(false, CLIENT, SERVER, ACK),
    ]
}

/// The turns in segments of at most `most` octets, with FINs behind them.
fn segments(turns: &[&[u8]], fins: bool, mut most: impl FnMut() -> usize) -> Vec<Segment> {
    let mut next = [CLIENT, SERVER];
    let mut sent = Vec::new();
    for (number, turn) in turns.iter().enumerate() {
        let from = number % 2;
        let mut rest = *turn;
        while !rest.is_empty() {
            let (payload, after) = rest.split_at(most().clamp(1, rest.len()));
            rest = after;
            sent.push(Segment {
                from_server: from == 1,
                seq: next[from],
                ack: next[1 - from],
                flags: ACK,
                payload: payload.to_vec(),
            });
            next[from] = next[from].wrapping_add(payload.len() as u32);
        }
    }
    for from in [0, 1] {
        let (flags, len) = if fins { (FIN | ACK, 1) } else { (ACK, 0) };
        sent.push(Segment {
            from_server: from == 1,
            seq: next[from],
            ack: next[1 - from],
            flags,
            payload: Vec::new(),
        });
        next[from] = next[from].wrapping_add(len);
    }
    sent
}

/// The same with duplicates, and with retransmissions that are cut otherwise.
fn disturbed(turns: &[&[u8]], fins: bool, random: &mut fastrand::Rng) -> Vec<Segment> {
    let size = 1 + random.usize(..200);
    let mut sent = segments(turns, fins, || 1 + random.usize(..size));
    if random.bool() {
        let again = segments(turns, false, || 1 + random.usize(..2 * size));
        sent.extend(
            again
                .into_iter()
                .filter(|segment| !segment.payload.is_empty())
                .filter(|_| random.bool()),
        );
    }
    for _ in 0..random.usize(..4) {
        sent.push(sent[random.usize(..sent.len())].clone());
    }
    match random.u8(..3) {
        0 => random.shuffle(&mut sent),
        1 => {
            let window = 2 + random.usize(..8);
            sent.chunks_mut(window)
                .for_each(|chunk| random.shuffle(chunk));
        }
        _ => {}
    }
    sent
}

fn message(message: &Message) -> String {
    let head = message.head.map(|head| (head.head, head.end, head.framing));
    let end = message.end.map(|end| (end.offset, end.at.is_some()));
    format!(
        "{} {:?} {head:?} {end:?}",
        message.start.offset, message.version
    )
}

/// All that must not depend on the segments.
fn essence(connection: &Connection) -> Vec<String> {
    let mut essence: Vec<String> = Vec::new();
    for exchange in &connection.exchanges {
        let request = exchange.request.as_ref();
        let request = request.map(|request| (&request.line, message(&request.message)));
        let response = exchange.response;
        let response = response.map(|response| (response.status, message(&response.message)));
        essence.push(format!("{request:?} {response:?}"));
    }
    let tally = &connection.tally;
    essence.push(format!(
        "{:?} {} {} {} {} {:?} {:?} {:?} {:?} {:?}",
        connection.protocol,
        tally.requests,
        tally.responses,
        tally.answered,
        tally.complete,
        tally.version,
        tally.client_asks,
        tally.server_says,
        connection.tunnel.map(|place| place.offset),
        connection.opened,
    ));
    let sides = &connection.facts.sides;
    essence.push(format!(
        "{} {} {}",
        sides.client.octets,
        sides.server.octets,
        connection.missing()
    ));
    let unreadable = &connection.unreadable;
    essence.push(format!(
        "{:?}",
        [unreadable.client, unreadable.server].map(|place| place.map(|place| place.offset))
    ));
    essence
}

fn run(segments: &[Segment]) -> Vec<String> {
    let mut tracker = Tracker::default();
    let mut found = Vec::new();
    let mut finished = |connection: Connection| {
        judge(&connection, &Settings::default());
        assert!(connection.limits.is_empty());
        found.extend(essence(&connection));
    };
    for (frame, segment) in (1..).zip(handshake().iter().chain(segments)) {
        let octets = segment.packet();
        let packet = Packet {
            frame,
            time: Time::from_nanos(1000 * i128::from(frame)),
            link: LinkType(101),
            octets: &octets,
            wire_len: octets.len() as u32,
        };
        tracker.take(&packet, &mut finished);
    }
    tracker.finish(&mut finished);
    found
}

/// Panics where it is not so.
pub(crate) fn check(input: &[u8]) {
    let Some((&[a, b, c, d, e, f, g, h, flags], content)) = input.split_first_chunk::<9>() else {
        return;
    };
    // More could meet a bound in segments of one octet each, which is not what is looked at here.
    if content.len() > MAX_WAITING_RUNS {
        return;
    }
    let turns: Vec<&[u8]> = content.split(|&octet| octet == 0xff).collect();
    let fins = flags & 1 == 1;
    let whole = run(&segments(&turns, fins, || 10_000));
    let mut random = fastrand::Rng::with_seed(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    let sent = disturbed(&turns, fins, &mut random);
    assert_eq!(whole, run(&sent));
}
