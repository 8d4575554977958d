//! The plain case, which is most of every capture: TCP in an IP datagram without options, extensions or fragments,
//! straight behind the header of a usual link type.
//!
//! In: a packet. Out: its segment, the same that the walk along the layers ends at but many times as fast; `None`
//! where anything is unusual, for that walk to look at.

use super::endpoint::Endpoint;
use super::header::Fields;
use super::segment::Segment;
use crate::capture::{LinkType, Packet};
use crate::time::At;

/// The segment of the plainest of all packets: IPv4 straight behind the header of Ethernet.
#[inline]
pub(super) fn segment4<'a>(packet: &Packet<'a>) -> Option<Segment<'a>> {
    if packet.link != LinkType(1) {
        return None;
    }
    let (&[.., high, low, first], _) = packet.octets.split_first_chunk::<15>()?;
    if [high, low, first] != [0x08, 0x00, 0x45] {
        return None;
    }
    let (_, octets) = packet.octets.split_first_chunk::<14>()?;
    behind_ip(packet, octets, &datagram4(octets)?)
}

/// The segment of a plain packet.
pub(super) fn segment<'a>(packet: &Packet<'a>) -> Option<Segment<'a>> {
    let octets = behind_link(packet.link, packet.octets)?;
    match octets.first()? {
        0x45 => behind_ip(packet, octets, &datagram4(octets)?),
        0x60..=0x6f => behind_ip(packet, octets, &datagram6(octets)?),
        _ => None,
    }
}

/// An IP datagram that carries TCP.
struct Datagram<'a> {
    /// The sender, and the receiver, without their ports.
    src: Endpoint,
    dst: Endpoint,
    header_len: usize,
    /// The length of all of it, as its header says.
    len: usize,
    /// The first octets behind its header.
    tcp: &'a [u8; 16],
}

/// The segment that a datagram carries, which begins `octets`.
#[inline(always)]
fn behind_ip<'a>(
    packet: &Packet<'a>,
    octets: &'a [u8],
    datagram: &Datagram<'a>,
) -> Option<Segment<'a>> {
    let fields = Fields::read(datagram.tcp);
    if fields.words < 5 {
        return None;
    }
    let start = datagram.header_len + 4 * fields.words;
    let (payload, cut) = match octets.get(..datagram.len) {
        Some(whole) => (whole.get(start..)?, 0),
        None => cut_payload(&{ *packet }, octets, start, datagram.len)?,
    };
    Some(Segment {
        at: At {
            frame: packet.frame,
            time: packet.time,
        },
        src: datagram.src.at_port(fields.src_port),
        dst: datagram.dst.at_port(fields.dst_port),
        seq: fields.seq,
        ack: fields.ack,
        flags: fields.flags,
        window: fields.window,
        payload,
        cut,
    })
}

/// What is left of a payload that was not captured whole, and how many octets of it are missing. It begins at `start`
/// in `octets`, and as the header says, it ends at `end`.
#[inline(never)]
fn cut_payload<'a>(
    packet: &Packet<'a>,
    octets: &'a [u8],
    start: usize,
    end: usize,
) -> Option<(&'a [u8], u32)> {
    let beyond = (packet.wire_len as usize).saturating_sub(packet.octets.len());
    let end = end.min(octets.len().saturating_add(beyond));
    let payload_len = end.checked_sub(start)?;
    let payload = octets.get(start..end.min(octets.len())).unwrap_or_default();
    Some((payload, (payload_len - payload.len()) as u32))
}

/// What follows the header of the link layer, if that says nothing but that IP follows.
fn behind_link(link: LinkType, octets: &[u8]) -> Option<&[u8]> {
    match link.0 {
        1 => behind_ethernet(octets),
        12 | 14 | 101 | 228 | 229 => Some(octets),
        0 | 108 => match octets.split_first_chunk()? {
            ([0, 0, 0, 2 | 10 | 24 | 28 | 30] | [2 | 10 | 24 | 28 | 30, 0, 0, 0], rest) => {
                Some(rest)
            }
            _ => None,
        },
        113 => {
            let (&[_, _, arp0, arp1, .., high, low], rest) = octets.split_first_chunk::<16>()?;
            is_cooked_ip([arp0, arp1], [high, low]).then_some(rest)
        }
        276 => {
            let (&[high, low, _, _, _, _, _, _, arp0, arp1, ..], rest) =
                octets.split_first_chunk::<20>()?;
            is_cooked_ip([arp0, arp1], [high, low]).then_some(rest)
        }
        _ => None,
    }
}

/// Whether Linux captured IP on Ethernet or the loopback interface (ARPHRD_ETHER, ARPHRD_LOOPBACK).
fn is_cooked_ip(hardware: [u8; 2], protocol: [u8; 2]) -> bool {
    matches!(hardware, [0, 1] | [3, 4]) && matches!(protocol, [0x08, 0x00] | [0x86, 0xdd])
}

/// Each VLAN tag takes four octets away, so this ends.
fn behind_ethernet(octets: &[u8]) -> Option<&[u8]> {
    let (&[.., high, low], mut rest) = octets.split_first_chunk::<14>()?;
    let mut ether_type = [high, low];
    loop {
        match ether_type {
            [0x08, 0x00] | [0x86, 0xdd] => return Some(rest),
            [0x81, 0x00] | [0x88, 0xa8] | [0x91, 0x00] => {
                let (&[_, _, high, low], tagged) = rest.split_first_chunk()?;
                (ether_type, rest) = ([high, low], tagged);
            }
            _ => return None,
        }
    }
}

/// A header of five words, neither more fragments nor an offset. A length of zero says nothing of the payload's.
#[inline]
fn datagram4(octets: &[u8]) -> Option<Datagram<'_>> {
    let (first, rest) = octets.first_chunk::<36>()?.split_first_chunk::<12>()?;
    let &[
        _,
        _,
        len0,
        len1,
        _,
        _,
        fragment0,
        fragment1,
        _,
        protocol,
        _,
        _,
    ] = first;
    if protocol != 6 || u16::from_be_bytes([fragment0, fragment1]) & 0x3fff != 0 {
        return None;
    }
    let (&src, rest) = rest.split_first_chunk::<4>()?;
    let (&dst, rest) = rest.split_first_chunk::<4>()?;
    let host = |address| Endpoint::v4(u32::from_be_bytes(address), 0);
    Some(Datagram {
        src: host(src),
        dst: host(dst),
        header_len: 20,
        len: usize::from(u16::from_be_bytes([len0, len1])),
        tcp: rest.first_chunk()?,
    })
}

/// No extension headers. A length of zero is left to the walk here, too.
#[inline]
fn datagram6(octets: &[u8]) -> Option<Datagram<'_>> {
    let (first, rest) = octets.first_chunk::<56>()?.split_first_chunk::<8>()?;
    let &[_, _, _, _, len0, len1, next, _] = first;
    if next != 6 {
        return None;
    }
    let (&src, rest) = rest.split_first_chunk::<16>()?;
    let (&dst, rest) = rest.split_first_chunk::<16>()?;
    let host = |address: [u8; 16]| Endpoint::new(address.into(), 0);
    Some(Datagram {
        src: host(src),
        dst: host(dst),
        header_len: 40,
        len: 40 + usize::from(u16::from_be_bytes([len0, len1])),
        tcp: rest.first_chunk()?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::craft::*;
    use super::super::{Decoded, Decoder};
    use super::*;

    fn plain() -> Vec<(u16, Vec<u8>)> {
        let tags = |ether_type: &[u8], ip: &[u8]| {
            let tags = join(&[&[0, 1, 0x81, 0, 0, 2], ether_type, ip]);
            ethernet(0x88a8, &tags)
        };
        let cooked = |hardware: &[u8]| join(&[&[0, 0], hardware, &[0; 10], &[8, 0], &ip4()]);
        let cooked2 = join(&[&[0x86, 0xdd, 0, 0, 0, 0, 0, 1, 0, 1], &[0; 10], &ip6()]);
        vec![
            (1, ethernet(0x0800, &ip4())),
            (1, ethernet(0x86dd, &ip6())),
            (1, ethernet(0x8100, &join(&[&[0, 7, 8, 0], &ip4()]))),
            (1, tags(&[8, 0], &ip4())),
            (1, tags(&[0x86, 0xdd], &ip6())),
            (1, ethernet(0x0800, &join(&[&ip4(), b"padding"]))),
            (1, over4(6, &tcp_with(6, &join(&[&[1; 4], PAYLOAD])))),
            (101, ip4()),
            (228, ip4()),
            (229, ip6()),
            (0, join(&[&[2, 0, 0, 0], &ip4()])),
            (0, join(&[&[30, 0, 0, 0], &ip6()])),
            (108, join(&[&[0, 0, 0, 24], &ip6()])),
            (113, cooked(&[0, 1])),
            (113, cooked(&[3, 4])),
            (276, cooked2),
        ]
    }

    /// What differs from the plain ones by one thing.
    fn odd() -> Vec<(u16, Vec<u8>)> {
        let unsized4 = {
            let mut datagram = ip4();
            datagram[2..4].copy_from_slice(&[0, 0]);
            datagram
        };
        let radiotap = join(&[&[0, 0, 3, 35], &[0; 10], &[8, 0], &ip4()]);
        vec![
            (1, ethernet(0x0800, &v4_options(&[1, 1, 1, 0]))),
            (1, ethernet(0x0800, &v4_part(7, 0x2000, 6, &tcp()))),
            (1, ethernet(0x0800, &v4_part(7, 0x0001, 6, &tcp()))),
            (
                1,
                ethernet(0x86dd, &v6(60, &join(&[&[6, 0, 1, 4, 0, 0, 0, 0], &tcp()]))),
            ),
            (1, over4(17, &tcp())),
            (1, over4(4, &ip4())),
            (1, over4(6, &tcp_with(4, PAYLOAD))),
            (1, over4(6, &tcp_with(15, PAYLOAD))),
            (1, ethernet(0x0806, &ip4())),
            (1, ethernet(60, &snap(0x0800, &ip4()))),
            (101, unsized4),
            (0, join(&[&[7, 0, 0, 0], &ip4()])),
            (113, radiotap),
            (147, ip4()),
        ]
    }

    /// Whether a packet is taken for a plain one; then the walk must say the same of it.
    fn is_taken(packet: &Packet<'_>) -> bool {
        let plainest = segment4(packet);
        let Some(segment) = segment(packet) else {
            assert_eq!(plainest, None, "{packet:?}");
            return false;
        };
        assert!(plainest.is_none_or(|plainest| plainest == segment));
        let mut decoder = Decoder::new();
        assert_eq!(
            decoder.walk(packet),
            Decoded::Segment(segment),
            "{packet:?}"
        );
        true
    }

    #[test]
    fn the_plainest_are_those_of_ipv4_on_ethernet() {
        let plainest = [
            ethernet(0x0800, &ip4()),
            ethernet(0x0800, &join(&[&ip4(), b"more"])),
        ];
        for frame in plainest {
            assert!(segment4(&packet(1, &frame)).is_some(), "{frame:?}");
            assert!(segment4(&packet(228, &frame)).is_none(), "{frame:?}");
        }
        for (link, frame) in odd() {
            assert!(
                segment4(&packet(link, &frame)).is_none(),
                "{link}: {frame:?}"
            );
        }
    }

    #[test]
    fn plain_packets_are_taken_and_no_others() {
        for (link, frame) in plain() {
            assert!(is_taken(&packet(link, &frame)), "{link}: {frame:?}");
        }
        for (link, frame) in odd() {
            assert!(!is_taken(&packet(link, &frame)), "{link}: {frame:?}");
        }
    }

    #[test]
    fn what_is_taken_is_what_the_walk_finds() {
        let frames = [plain(), odd()].concat();
        let mut random = fastrand::Rng::with_seed(5);
        let mut taken = 0;
        for round in 0..40_000 {
            let (link, frame) = &frames[round % frames.len()];
            let mut frame = frame.clone();
            for _ in 0..random.usize(..3) {
                let at = random.usize(..frame.len());
                frame[at] = if random.bool() {
                    random.u8(..)
                } else {
                    frame[at] ^ (1 << random.u8(..8))
                };
            }
            let captured = random.usize(frame.len() / 2..=frame.len());
            let packet = Packet {
                octets: &frame[..captured],
                wire_len: random.u32(..2 * frame.len() as u32),
                ..packet(*link, &frame)
            };
            taken += usize::from(is_taken(&packet));
        }
        assert!(taken > 5_000, "{taken}");
    }
}
