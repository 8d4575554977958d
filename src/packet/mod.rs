//! Is this packet a TCP segment?
//!
//! In: [`Packet`]s. Out: a [`Segment`], or a [`Reason`] why not. Which connection a segment belongs to is the business
//! of [`tcp`](crate::tcp).
//!
//! A packet is a row of layers, each of which says what the next one is. [`Decoder::decode`] walks along it; how a
//! layer is read is a function from octets to the next layer and its octets, in `link`, `wlan`, `ip` and `tunnel`.
//! What Wireshark makes of a packet by default is the model, down to the payload lengths. Most packets need no walk:
//! `plain` knows their layers beforehand.

#[cfg(test)]
mod craft;
mod endpoint;
mod fragments;
mod header;
mod ip;
mod layer;
mod link;
mod octets;
mod plain;
mod reason;
mod segment;
mod tunnel;
mod wlan;

use std::net::{IpAddr, Ipv4Addr};

pub use endpoint::Endpoint;
pub use fragments::{FragmentLosses, MAX_AGE, MAX_DATAGRAMS, MAX_OCTETS};
pub use header::Header;
pub use reason::{Ignored, Reason};
pub use segment::{Flags, Segment, Seq};

use crate::capture::Packet;
use crate::time::At;
use fragments::{Fragments, Gathered, Key, Part, Whole};
use layer::{Layer, Step};
use octets::Octets;

/// How many IP headers are followed, one inside the other.
pub const MAX_DEPTH: usize = 8;

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A TCP segment.
    Segment(Segment<'a>),
    /// A TCP header without one, to be counted as ignored: it takes part in Wireshark's numbering of streams alone.
    Header(Header),
    /// Something else.
    Ignored(Reason),
}

/// Takes packets apart. It remembers fragments, so one decoder takes all packets of a capture, in their order.
#[derive(Debug, Default)]
pub struct Decoder {
    fragments: Fragments,
    /// What was put together, one inside the other where fragments carry fragments.
    wholes: [Whole; MAX_DEPTH],
}

impl Decoder {
    /// A decoder that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with no more than so many octets of memory for fragments.
    pub fn within(fragments: usize) -> Self {
        Decoder {
            fragments: Fragments::within(fragments.min(MAX_OCTETS)),
            ..Self::default()
        }
    }

    /// Says what a packet is. The payload of a segment lies in the packet, or in the decoder if it was fragmented.
    #[inline]
    pub fn decode<'a>(&'a mut self, packet: &Packet<'a>) -> Decoded<'a> {
        match Decoder::plainest(packet) {
            Some(segment) => Decoded::Segment(segment),
            None => self.decode_other(packet),
        }
    }

    /// The segment of a packet where that is seen at once: IPv4 on Ethernet, without anything unusual.
    #[inline]
    pub(crate) fn plainest<'a>(packet: &Packet<'a>) -> Option<Segment<'a>> {
        plain::segment4(packet)
    }

    /// Says what a packet is that is none of the plainest.
    #[inline(never)]
    pub(crate) fn decode_other<'a>(&'a mut self, packet: &Packet<'a>) -> Decoded<'a> {
        match plain::segment(packet) {
            Some(segment) => Decoded::Segment(segment),
            None => self.walk(packet),
        }
    }

    /// The same for every packet, the plain ones among them.
    fn walk<'a>(&'a mut self, packet: &Packet<'a>) -> Decoded<'a> {
        // Some writers give no length on the wire, or a wrong one; what was captured was sent.
        let sent = usize::try_from(packet.wire_len).unwrap_or(usize::MAX);
        let octets = Octets::new(packet.octets, sent.max(packet.octets.len()));
        let mut path = Path::new(packet);
        let mut end = link::first(packet.link)
            .and_then(|layer| path.walk(&mut self.fragments, layer, octets));
        for whole in &mut self.wholes {
            let Ok(Found::Whole(found)) = end else {
                break;
            };
            *whole = found;
            let octets = Octets::new(&whole.octets, whole.octets.len());
            end = Layer::of_protocol(whole.protocol)
                .and_then(|layer| path.walk(&mut self.fragments, layer, octets));
        }
        match end {
            Ok(Found::Decoded(decoded)) => decoded,
            Ok(Found::Whole(_)) => Decoded::Ignored(Reason::TooDeep),
            Err(reason) => Decoded::Ignored(reason),
        }
    }

    /// How many fragmented datagrams were given up so far.
    pub fn fragment_losses(&self) -> FragmentLosses {
        self.fragments.losses()
    }
}

/// Whether what is being read was sent by the hosts whose addresses it bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It was.
    Own,
    /// An ICMP error quotes it.
    Quoted,
    /// It begins a fragment that was cut, so that its end is nowhere.
    Cut,
}

/// Where a walk along the layers ends, if it does not fail.
enum Found<'a> {
    Decoded(Decoded<'a>),
    /// The packet completes a fragmented datagram, in which the walk goes on.
    Whole(Whole),
}

/// A walk along the layers of a packet: what is known by now.
#[derive(Debug)]
struct Path {
    at: At,
    /// The addresses of the innermost IP header so far; unspecified before the first.
    src: IpAddr,
    dst: IpAddr,
    depth: usize,
    standing: Standing,
}

impl Path {
    fn new(packet: &Packet<'_>) -> Self {
        Path {
            at: At {
                frame: packet.frame,
                time: packet.time,
            },
            src: Ipv4Addr::UNSPECIFIED.into(),
            dst: Ipv4Addr::UNSPECIFIED.into(),
            depth: 0,
            standing: Standing::Own,
        }
    }

    /// Every layer takes octets away or is followed by one that does, so this ends.
    fn walk<'a>(
        &mut self,
        fragments: &mut Fragments,
        mut layer: Layer,
        mut octets: Octets<'a>,
    ) -> Result<Found<'a>, Reason> {
        loop {
            (layer, octets) = match layer {
                Layer::Tcp => return header::tcp(self, octets).map(Found::Decoded),
                Layer::Ip => self.ip(octets)?,
                Layer::Routing => self.routing(octets)?,
                Layer::Icmp => self.icmp(octets)?,
                Layer::Icmp6 => self.icmp6(octets)?,
                Layer::Fragment(part) if self.can_gather(octets) => {
                    return self.gather(fragments, part, octets.captured());
                }
                Layer::Fragment(part) => self.lone_fragment(part, octets)?,
                Layer::Wrapping(open) => open(octets)?,
            };
        }
    }

    fn ip<'a>(&mut self, octets: Octets<'a>) -> Step<'a> {
        if self.depth >= MAX_DEPTH {
            return Err(Reason::TooDeep);
        }
        let datagram = ip::datagram(octets)?;
        self.depth += 1;
        self.src = datagram.src;
        self.dst = datagram.dst;
        Ok((datagram.layer, datagram.payload))
    }

    fn routing<'a>(&mut self, octets: Octets<'a>) -> Step<'a> {
        let (layer, rest, destination) = ip::routing(octets)?;
        self.dst = destination.unwrap_or(self.dst);
        Ok((layer, rest))
    }

    /// Destination unreachable, source quench, time exceeded and parameter problem quote the packet that they are
    /// about (RFC 792). So do redirects, but too little of it.
    fn icmp<'a>(&mut self, octets: Octets<'a>) -> Step<'a> {
        match octets.split::<8>()? {
            ([3 | 4 | 11 | 12, ..], quoted) => self.quoted(quoted),
            _ => Err(Reason::NotTcp),
        }
    }

    /// The same for ICMPv6 (RFC 4443 2.1): destination unreachable, packet too big, time exceeded, parameter problem.
    fn icmp6<'a>(&mut self, octets: Octets<'a>) -> Step<'a> {
        match octets.split::<8>()? {
            ([1..=4, ..], quoted) => self.quoted(quoted),
            _ => Err(Reason::NotTcp),
        }
    }

    fn quoted<'a>(&mut self, octets: Octets<'a>) -> Step<'a> {
        self.standing = Standing::Quoted;
        Ok((Layer::Ip, octets))
    }

    fn can_gather(&self, octets: Octets<'_>) -> bool {
        self.standing == Standing::Own && octets.cut() == 0
    }

    fn gather<'a>(
        &self,
        fragments: &mut Fragments,
        part: Part,
        octets: &[u8],
    ) -> Result<Found<'a>, Reason> {
        let key = Key::new(self.src, self.dst, part);
        match fragments.add(key, part, octets, self.at.time) {
            Gathered::Whole(whole) => Ok(Found::Whole(whole)),
            Gathered::Waiting => Err(Reason::Fragment),
            Gathered::Contradictory => Err(Reason::FragmentConflict),
        }
    }

    /// A fragment that cannot be put together with others. The first one has the headers; Wireshark reads them in IPv4.
    fn lone_fragment<'a>(&mut self, part: Part, octets: Octets<'a>) -> Step<'a> {
        if part.offset > 0 || self.src.is_ipv6() {
            return Err(Reason::FragmentCut);
        }
        if self.standing == Standing::Own {
            self.standing = Standing::Cut;
        }
        Ok((Layer::of_protocol(part.protocol)?, octets))
    }
}

#[cfg(test)]
mod tests {
    use super::craft::*;
    use super::*;

    fn icmp(kind: u8, quoted: &[u8]) -> Vec<u8> {
        over4(1, &join(&[&[kind, 1, 0, 0, 0, 0, 0, 0], quoted]))
    }

    fn icmp6(kind: u8, quoted: &[u8]) -> Vec<u8> {
        let message = join(&[&[kind, 1, 0, 0, 0, 0, 0, 0], quoted]);
        ethernet(0x86dd, &v6(58, &message))
    }

    #[test]
    fn an_icmp_error_quotes_a_header() {
        for kind in [3, 4, 11, 12] {
            let quoted = header(1, &icmp(kind, &ip4()));
            assert_eq!(quoted.reason, Reason::Quoted);
            assert_eq!((quoted.src.ip(), quoted.dst.ip()), (client4(), server4()));
            assert_eq!((quoted.seq, quoted.ack), (SEQ, Some(ACK)));
        }
        for kind in 1..=4 {
            assert_eq!(header(1, &icmp6(kind, &ip6())).src.ip(), client6());
        }
    }

    #[test]
    fn other_icmp_messages_quote_nothing() {
        for kind in [0, 5, 8, 13] {
            assert_eq!(reason(1, &icmp(kind, &ip4())), Reason::NotTcp);
        }
        for kind in [0, 5, 128, 135] {
            assert_eq!(reason(1, &icmp6(kind, &ip6())), Reason::NotTcp);
        }
    }

    #[test]
    fn a_quoted_header_needs_sixteen_octets() {
        let datagram = ip4();
        assert_eq!(header(1, &icmp(3, &datagram[..36])).seq, SEQ);
        assert_eq!(reason(1, &icmp(3, &datagram[..35])), Reason::Malformed);
    }

    #[test]
    fn what_is_quoted_may_be_in_a_tunnel_or_a_first_fragment() {
        let tunnelled = v4(47, &join(&[&[0, 0, 8, 0], &ip4()]));
        assert_eq!(header(1, &icmp(3, &tunnelled)).reason, Reason::Quoted);
        let fragment = v4_part(9, 0x2000, 6, &tcp());
        assert_eq!(header(1, &icmp(3, &fragment)).reason, Reason::Quoted);
        let later = v4_part(9, 0x2003, 6, &tcp());
        assert_eq!(reason(1, &icmp(3, &later)), Reason::FragmentCut);
    }

    #[test]
    fn eight_headers_are_followed_and_no_more() {
        let nested = |times| (1..times).fold(ip4(), |inner, _| v4(4, &inner));
        check4(101, &nested(MAX_DEPTH));
        assert_eq!(reason(101, &nested(MAX_DEPTH + 1)), Reason::TooDeep);
    }

    #[test]
    fn what_was_captured_was_sent() {
        let frame = ip4();
        let packet = Packet {
            wire_len: 0,
            ..packet(101, &frame)
        };
        let mut decoder = Decoder::new();
        let decoded = decoder.decode(&packet);
        assert!(matches!(decoded, Decoded::Segment(segment) if segment.payload == PAYLOAD));
    }

    #[test]
    fn what_is_not_tcp_has_a_reason() {
        assert_eq!(reason(147, &ip4()), Reason::UnknownLink);
        assert_eq!(reason(1, &ethernet(0x0806, &[0; 28])), Reason::NotIp);
        assert_eq!(reason(1, &over4(132, &[0; 40])), Reason::NotTcp);
        assert_eq!(reason(1, &over4(50, &[0; 40])), Reason::Encrypted);
        assert_eq!(reason(1, &ethernet(0x88e5, &[0; 40])), Reason::Encrypted);
        assert_eq!(reason(1, &[]), Reason::Malformed);
    }

    /// For each fragment the length of the payload, if it completes a segment.
    fn decode_fragments(decoder: &mut Decoder, parts: &[Vec<u8>]) -> Vec<Option<usize>> {
        let mut found = Vec::new();
        for part in parts {
            found.push(match decoder.decode(&packet(101, part)) {
                Decoded::Segment(segment) => {
                    assert_eq!(segment.payload, PAYLOAD);
                    Some(segment.payload.len())
                }
                Decoded::Ignored(Reason::Fragment) => None,
                other => panic!("{other:?}"),
            });
        }
        found
    }

    #[test]
    fn fragments_make_a_segment_when_the_last_one_comes() {
        let tcp = tcp();
        let parts = [
            v4_part(9, 0x2000, 6, &tcp[..16]),
            v4_part(9, 0x2002, 6, &tcp[16..24]),
            v4_part(9, 0x0003, 6, &tcp[24..]),
        ];
        let [a, b, c] = parts;
        for order in [[&a, &b, &c], [&c, &b, &a], [&b, &c, &a], [&c, &a, &b]] {
            let mut decoder = Decoder::new();
            let found = decode_fragments(&mut decoder, &order.map(Clone::clone));
            assert_eq!(found, [None, None, Some(PAYLOAD.len())]);
            assert_eq!(decoder.fragment_losses(), FragmentLosses::default());
        }
    }

    fn v6_part(offset_and_more: u16, next: u8, payload: &[u8]) -> Vec<u8> {
        let offset = offset_and_more.to_be_bytes();
        v6(44, &join(&[&[next, 0], &offset, &[0, 0, 0, 9], payload]))
    }

    #[test]
    fn ipv6_fragments_may_begin_with_more_extension_headers() {
        let payload = join(&[&[6, 0, 1, 4, 0, 0, 0, 0], &tcp()]);
        let parts = [
            // Only the first fragment's next header counts.
            v6_part(24, 59, &payload[24..]),
            v6_part(1, 60, &payload[..24]),
        ];
        let found = decode_fragments(&mut Decoder::new(), &parts);
        assert_eq!(found, [None, Some(PAYLOAD.len())]);
        check6(101, &v6_part(0, 60, &payload));
    }

    #[test]
    fn fragments_may_carry_fragments() {
        let tcp = tcp();
        let outer = |id, inner: Vec<u8>| {
            let payload = join(&[&[0, 0, 8, 0], &inner]);
            [
                v4_part(id, 0x2000, 47, &payload[..24]),
                v4_part(id, 0x0003, 47, &payload[24..]),
            ]
        };
        let [a, b] = outer(1, v4_part(9, 0x0002, 6, &tcp[16..]));
        let [c, d] = outer(2, v4_part(9, 0x2000, 6, &tcp[..16]));
        let found = decode_fragments(&mut Decoder::new(), &[a, b, c, d]);
        assert_eq!(found, [None, None, None, Some(PAYLOAD.len())]);
    }

    #[test]
    fn a_cut_fragment_is_not_put_together() {
        let cut = |frame: &[u8], captured| {
            let packet = Packet {
                octets: &frame[..captured],
                ..packet(101, frame)
            };
            format!("{:?}", Decoder::new().decode(&packet))
        };
        let first = v4_part(9, 0x2000, 6, &tcp());
        assert!(cut(&first, 40).starts_with("Header"));
        assert!(cut(&first, 35).contains("Cut"));
        assert!(cut(&v4_part(9, 0x0002, 6, &tcp()), 40).contains("FragmentCut"));
        assert!(cut(&v6_part(1, 6, &tcp()), 70).contains("FragmentCut"));
    }

    #[test]
    fn contradictory_fragments_make_nothing() {
        let mut decoder = Decoder::new();
        let parts = [
            v4_part(9, 0x2000, 6, &[1; 24]),
            v4_part(9, 0x2001, 6, &[2; 8]),
            v4_part(9, 0x0003, 6, &[1; 8]),
        ];
        let reasons = parts.map(|part| match decoder.decode(&packet(101, &part)) {
            Decoded::Ignored(reason) => reason,
            other => panic!("{other:?}"),
        });
        let conflict = Reason::FragmentConflict;
        assert_eq!(reasons, [Reason::Fragment, conflict, conflict]);
        assert_eq!(decoder.fragment_losses().contradictory, 1);
    }
}
