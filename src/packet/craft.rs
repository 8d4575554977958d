//! Frames for the tests of this folder: each function puts one header before what it carries, and [`check`] decodes a
//! frame whole, cut at each octet, and damaged at each bit.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Decoded, Decoder, Header, Reason, Segment, Seq};
use crate::capture::{LinkType, Packet};
use crate::time::Time;

pub(super) const PAYLOAD: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
pub(super) const CLIENT_PORT: u16 = 40_000;
pub(super) const SERVER_PORT: u16 = 80;
pub(super) const SEQ: Seq = Seq(0x01020304);
pub(super) const ACK: Seq = Seq(0x05060708);
pub(super) const WINDOW: u16 = 0x1234;

pub(super) fn client4() -> IpAddr {
    Ipv4Addr::new(192, 0, 2, 1).into()
}

pub(super) fn server4() -> IpAddr {
    Ipv4Addr::new(198, 51, 100, 2).into()
}

pub(super) fn client6() -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()
}

pub(super) fn server6() -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2).into()
}

pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A TCP segment with that data offset (in words) and those octets after the first 20.
pub(super) fn tcp_with(words: u8, rest: &[u8]) -> Vec<u8> {
    join(&[
        &CLIENT_PORT.to_be_bytes(),
        &SERVER_PORT.to_be_bytes(),
        &SEQ.0.to_be_bytes(),
        &ACK.0.to_be_bytes(),
        &[words << 4, 0x18],
        &WINDOW.to_be_bytes(),
        &[0; 4],
        rest,
    ])
}

pub(super) fn tcp() -> Vec<u8> {
    tcp_with(5, PAYLOAD)
}

/// An IPv4 header with these octets in place of identification, flags and offset.
pub(super) fn v4_part(id: u16, flags_and_offset: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    join(&[
        &[0x45, 0],
        &(20 + payload.len() as u16).to_be_bytes(),
        &id.to_be_bytes(),
        &flags_and_offset.to_be_bytes(),
        &[64, protocol, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2],
        payload,
    ])
}

pub(super) fn v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    v4_part(7, 0x4000, protocol, payload)
}

/// An IPv4 datagram with options, which must fill whole words.
pub(super) fn v4_options(options: &[u8]) -> Vec<u8> {
    let mut datagram = v4(6, &tcp());
    datagram.splice(20..20, options.iter().copied());
    datagram[0] += options.len() as u8 / 4;
    datagram[3] += options.len() as u8;
    datagram
}

pub(super) fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let (IpAddr::V6(client), IpAddr::V6(server)) = (client6(), server6()) else {
        unreachable!();
    };
    join(&[
        &[0x60, 0, 0, 0],
        &(payload.len() as u16).to_be_bytes(),
        &[next, 64],
        &client.octets(),
        &server.octets(),
        payload,
    ])
}

/// A whole IPv4 datagram with a segment.
pub(super) fn ip4() -> Vec<u8> {
    v4(6, &tcp())
}

/// A whole IPv6 datagram with a segment.
pub(super) fn ip6() -> Vec<u8> {
    v6(6, &tcp())
}

pub(super) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[
        &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2],
        &ether_type.to_be_bytes(),
        payload,
    ])
}

/// Ethernet with an IPv4 datagram that carries this.
pub(super) fn over4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &v4(protocol, payload))
}

/// UDP over IPv4 over Ethernet to that port.
pub(super) fn over_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let datagram = join(&[
        &55_555u16.to_be_bytes(),
        &port.to_be_bytes(),
        &(8 + payload.len() as u16).to_be_bytes(),
        &[0, 0],
        payload,
    ]);
    over4(17, &datagram)
}

pub(super) fn snap(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let ether_type = ether_type.to_be_bytes();
    join(&[&[0xaa, 0xaa, 3, 0, 0, 0], &ether_type, payload])
}

pub(super) fn packet(link: u16, octets: &[u8]) -> Packet<'_> {
    Packet {
        frame: 1,
        time: Time::from_nanos(0),
        link: LinkType(link),
        octets,
        wire_len: octets.len() as u32,
    }
}

/// Why a frame is ignored.
#[track_caller]
pub(super) fn reason(link: u16, frame: &[u8]) -> Reason {
    match Decoder::new().decode(&packet(link, frame)) {
        Decoded::Ignored(reason) => reason,
        other => panic!("not ignored: {other:?}"),
    }
}

/// The header that a frame has without a segment.
#[track_caller]
pub(super) fn header(link: u16, frame: &[u8]) -> Header {
    match Decoder::new().decode(&packet(link, frame)) {
        Decoded::Header(header) => header,
        other => panic!("no lone header: {other:?}"),
    }
}

/// [`check`] for a segment in IPv4.
#[track_caller]
pub(super) fn check4(link: u16, frame: &[u8]) {
    check(link, frame, (client4(), server4()));
}

/// [`check`] for a segment in IPv6.
#[track_caller]
pub(super) fn check6(link: u16, frame: &[u8]) {
    check(link, frame, (client6(), server6()));
}

/// Holds that a frame is the segment that [`tcp`] makes, from and to these addresses; that it stays so wherever the
/// snap length cuts it, as far as that can be; and that no damage leads to a panic.
#[track_caller]
pub(super) fn check(link: u16, frame: &[u8], ends: (IpAddr, IpAddr)) {
    let tcp = tcp();
    let start = frame
        .windows(12)
        .rposition(|part| part == &tcp[..12])
        .expect("the frame has a segment");
    let header_len = usize::from(frame[start + 12] >> 4) * 4;
    for captured in 0..=frame.len() {
        let cut = Packet {
            octets: &frame[..captured],
            ..packet(link, frame)
        };
        let mut decoder = Decoder::new();
        match decoder.decode(&cut) {
            Decoded::Segment(segment) => {
                assert!(captured >= start + 16, "a segment from {captured} octets");
                check_segment(&segment, ends, captured.saturating_sub(start + header_len));
            }
            Decoded::Ignored(Reason::Cut) if captured < start + 16 => (),
            other => panic!("{captured} of {} octets: {other:?}", frame.len()),
        }
        // The same octets where nothing was cut: malformed rather than cut.
        let mut decoder = Decoder::new();
        let short = decoder.decode(&packet(link, &frame[..captured]));
        let is_cut = matches!(short, Decoded::Ignored(Reason::Cut));
        assert!(!is_cut, "{captured} octets: {short:?}");
    }
    damage(link, frame);
}

#[track_caller]
fn check_segment(segment: &Segment<'_>, ends: (IpAddr, IpAddr), captured: usize) {
    assert_eq!((segment.src.ip(), segment.dst.ip()), ends);
    assert_eq!(segment.src.port(), CLIENT_PORT);
    assert_eq!(segment.dst.port(), SERVER_PORT);
    assert_eq!((segment.seq, segment.ack), (SEQ, Some(ACK)));
    assert_eq!(segment.window, WINDOW);
    assert_eq!(segment.payload_len() as usize, PAYLOAD.len());
    assert_eq!(segment.payload, &PAYLOAD[..captured.min(PAYLOAD.len())]);
}

/// Turns each bit over, and sets each octet to its extremes.
fn damage(link: u16, frame: &[u8]) {
    let mut frame = frame.to_vec();
    let mut decoder = Decoder::new();
    for at in 0..frame.len() {
        let original = frame[at];
        let flipped = (0..8).map(|bit| original ^ (1 << bit));
        for octet in flipped.chain([0, 0xff]) {
            frame[at] = octet;
            decoder.decode(&packet(link, &frame));
        }
        frame[at] = original;
    }
}
