//! Link layers: what a frame begins with, up to IP.
//!
//! In: the octets of one layer. Out: the next layer and its octets. IEEE 802.11 has a file of its own, `wlan`.

use super::layer::{Layer, Step};
use super::octets::Octets;
use super::reason::Reason;
use super::{tunnel, wlan};
use crate::capture::LinkType;

/// What a packet of that link type begins with. The numbers are those of the pcap registry; 12 and 14 are what some
/// systems wrote for raw IP.
pub(super) fn first(link: LinkType) -> Result<Layer, Reason> {
    match link.0 {
        0 | 108 => Ok(Layer::Wrapping(loopback)),
        1 => Ok(Layer::Wrapping(ethernet)),
        6 => Ok(Layer::Wrapping(token_ring)),
        9 | 50 => Ok(Layer::Wrapping(ppp)),
        10 => Ok(Layer::Wrapping(fddi)),
        12 | 14 | 101 | 228 | 229 => Ok(Layer::Ip),
        51 => Ok(Layer::Wrapping(pppoe)),
        // RFC 2684 over ATM, with a header.
        100 => Ok(Layer::Wrapping(llc)),
        104 => Ok(Layer::Wrapping(hdlc)),
        105 => Ok(Layer::Wrapping(wlan::frame)),
        107 => Ok(Layer::Wrapping(frame_relay)),
        109 => Ok(Layer::Wrapping(ip_behind::<12>)),
        113 => Ok(Layer::Wrapping(cooked)),
        117 => Ok(Layer::Wrapping(pflog)),
        119 => Ok(Layer::Wrapping(wlan::prism)),
        // IP over Fibre Channel: two addresses.
        122 => Ok(Layer::Wrapping(llc_behind::<16>)),
        127 => Ok(Layer::Wrapping(wlan::radiotap)),
        // IP over IEEE 1394: two addresses and an EtherType.
        138 => Ok(Layer::Wrapping(tag::<16>)),
        163 => Ok(Layer::Wrapping(wlan::avs)),
        192 => Ok(Layer::Wrapping(ppi)),
        204 => Ok(Layer::Wrapping(ppp_with_direction)),
        239 => Ok(Layer::Wrapping(nflog)),
        258 => Ok(Layer::Wrapping(pktap)),
        276 => Ok(Layer::Wrapping(cooked2)),
        _ => Err(Reason::UnknownLink),
    }
}

/// Values up to this one in the place of an EtherType are lengths (IEEE 802.3 3.2.6).
const MAX_LENGTH: u16 = 1500;

pub(super) fn ethernet(octets: Octets<'_>) -> Step<'_> {
    let ([.., high, low], rest) = octets.split::<14>()?;
    typed(u16::from_be_bytes([high, low]), rest)
}

/// A VLAN tag or one of its kin: so many octets, and the type of what is tagged.
pub(super) fn tag<const LEN: usize>(octets: Octets<'_>) -> Step<'_> {
    let ([high, low], rest) = octets.skip(LEN)?.split()?;
    typed(u16::from_be_bytes([high, low]), rest)
}

fn typed(type_or_length: u16, rest: Octets<'_>) -> Step<'_> {
    if type_or_length <= MAX_LENGTH {
        Ok((
            Layer::Wrapping(llc),
            rest.limit(usize::from(type_or_length)),
        ))
    } else {
        Ok((Layer::of_ether_type(type_or_length)?, rest))
    }
}

/// IEEE 802.2: only unnumbered information carries datagrams, and mostly with a SNAP header.
pub(super) fn llc(octets: Octets<'_>) -> Step<'_> {
    let ([dsap, ssap, control], rest) = octets.split()?;
    if control != 0x03 {
        return Err(Reason::NotIp);
    }
    match (dsap, ssap) {
        (0xaa, 0xaa) => snap(rest),
        (0x06, _) => Ok((Layer::Ip, rest)),
        _ => Err(Reason::NotIp),
    }
}

fn snap(octets: Octets<'_>) -> Step<'_> {
    let ([oui0, oui1, oui2, high, low], rest) = octets.split()?;
    match [oui0, oui1, oui2] {
        // Encapsulated Ethernet (RFC 1042), and what Cisco uses for the same.
        [0, 0, 0] | [0, 0, 0xf8] => {
            let layer = Layer::of_ether_type(u16::from_be_bytes([high, low]))?;
            Ok((layer, rest))
        }
        _ => Err(Reason::NotIp),
    }
}

pub(super) fn fddi(octets: Octets<'_>) -> Step<'_> {
    let ([control, ..], rest) = octets.split::<13>()?;
    if control & 0xf0 == 0x50 {
        Ok((Layer::Wrapping(llc), rest))
    } else {
        Err(Reason::NotIp)
    }
}

/// Token Ring (IEEE 802.5): where the source's first bit is set, its header is followed by a route that begins with its
/// own length.
pub(super) fn token_ring(octets: Octets<'_>) -> Step<'_> {
    let ([_, control, _, _, _, _, _, _, source, ..], rest) = octets.split::<14>()?;
    if control & 0xc0 != 0x40 {
        return Err(Reason::NotIp);
    }
    let mut route_len = 0;
    if source & 0x80 != 0 {
        let ([first], _) = rest.split()?;
        route_len = usize::from(first & 0x1f);
    }
    Ok((Layer::Wrapping(llc), rest.skip(route_len)?))
}

/// An address family in four octets, which the capturing host may have written in either order; or PPP, which some
/// systems put there.
pub(super) fn loopback(octets: Octets<'_>) -> Step<'_> {
    let (header, rest) = octets.split::<4>()?;
    match header {
        [0xff, 0x03, ..] => Ok((Layer::Wrapping(ppp), octets)),
        // AF_INET, and AF_INET6 as Linux, NetBSD and OpenBSD, FreeBSD and macOS number it.
        [0, 0, 0, 2 | 10 | 24 | 28 | 30] | [2 | 10 | 24 | 28 | 30, 0, 0, 0] => {
            Ok((Layer::Ip, rest))
        }
        _ => Err(Reason::NotIp),
    }
}

pub(super) fn cooked(octets: Octets<'_>) -> Step<'_> {
    let ([_, _, arp0, arp1, .., high, low], rest) = octets.split::<16>()?;
    cooked_payload([arp0, arp1], [high, low], rest)
}

pub(super) fn cooked2(octets: Octets<'_>) -> Step<'_> {
    let ([high, low, _, _, _, _, _, _, arp0, arp1, ..], rest) = octets.split::<20>()?;
    cooked_payload([arp0, arp1], [high, low], rest)
}

/// Linux puts an EtherType there, or one of its own small numbers.
fn cooked_payload(hardware: [u8; 2], protocol: [u8; 2], rest: Octets<'_>) -> Step<'_> {
    /// ARPHRD_NETLINK: the protocol field is no EtherType.
    const NETLINK: u16 = 824;
    /// ARPHRD_IEEE80211_RADIOTAP: the protocol field means nothing.
    const RADIOTAP: u16 = 803;
    match (u16::from_be_bytes(hardware), u16::from_be_bytes(protocol)) {
        (NETLINK, _) => Err(Reason::NotIp),
        (RADIOTAP, 0..=0x0600) => Ok((Layer::Wrapping(wlan::radiotap), rest)),
        (_, 3) => Ok((Layer::Wrapping(ethernet), rest)),
        (_, 4) => Ok((Layer::Wrapping(llc), rest)),
        (_, 7) => Ok((Layer::Wrapping(ppp), rest)),
        (_, ether_type) => Ok((Layer::of_ether_type(ether_type)?, rest)),
    }
}

/// The packet filter's log of the BSDs: its own length without the padding to a word, and then IP.
pub(super) fn pflog(octets: Octets<'_>) -> Step<'_> {
    let ([len], _) = octets.split()?;
    Ok((
        Layer::Ip,
        octets.skip(usize::from(len).next_multiple_of(4))?,
    ))
}

/// IP behind so many octets that need not be understood: OpenBSD's view of what IPsec takes off.
pub(super) fn ip_behind<const LEN: usize>(octets: Octets<'_>) -> Step<'_> {
    Ok((Layer::Ip, octets.skip(LEN)?))
}

fn llc_behind<const LEN: usize>(octets: Octets<'_>) -> Step<'_> {
    Ok((Layer::Wrapping(llc), octets.skip(LEN)?))
}

/// Frame relay with addresses of two octets: RFC 2427, or an EtherType as Cisco has it.
pub(super) fn frame_relay(octets: Octets<'_>) -> Step<'_> {
    const UNNUMBERED: u8 = 0x03;
    let ([_, _, control, next], rest) = octets.split()?;
    let (next, rest) = match (control, next) {
        (UNNUMBERED, 0) => rest.split()?,
        (UNNUMBERED, next) => ([next], rest),
        (high, low) => return typed(u16::from_be_bytes([high, low]), rest),
    };
    match next {
        [0x80] => snap(rest),
        [0xcc | 0x8e] => Ok((Layer::Ip, rest)),
        _ => Err(Reason::NotIp),
    }
}

/// Netfilter log: records of a length and a type, one of which is the packet.
pub(super) fn nflog(octets: Octets<'_>) -> Step<'_> {
    const PAYLOAD: u8 = 9;
    let (_, mut records) = octets.split::<4>()?;
    loop {
        let ([len0, len1, type0, type1], value) = records.split()?;
        // Both are in the byte order of the capturing host, which the type gives away: all types are small.
        let (len, kind) = match [type0, type1] {
            [kind, 0] => (u16::from_le_bytes([len0, len1]), kind),
            [0, kind] => (u16::from_be_bytes([len0, len1]), kind),
            _ => return Err(Reason::Malformed),
        };
        let Some(value_len) = len.checked_sub(4) else {
            return Err(Reason::Malformed);
        };
        if kind == PAYLOAD {
            return Ok((Layer::Ip, value.limit(usize::from(value_len))));
        }
        records = records.skip(usize::from(len).next_multiple_of(4))?;
    }
}

/// PKTAP (Apple): its own length, a record type and the link type of what follows, each little-endian.
pub(super) fn pktap(octets: Octets<'_>) -> Step<'_> {
    const PACKET: [u8; 4] = [1, 0, 0, 0];
    let ([len0, len1, 0, 0, r0, r1, r2, r3, link0, link1, 0, 0], _) = octets.split()? else {
        return Err(Reason::Malformed);
    };
    if [r0, r1, r2, r3] != PACKET {
        return Err(Reason::NotIp);
    }
    let header_len = usize::from(u16::from_le_bytes([len0, len1]));
    enclosed([link0, link1], octets.skip(header_len.max(12))?)
}

/// Per-packet information: its own length and the link type of what follows, each little-endian.
pub(super) fn ppi(octets: Octets<'_>) -> Step<'_> {
    let ([_, _, len0, len1, link0, link1, 0, 0], _) = octets.split()? else {
        return Err(Reason::Malformed);
    };
    let header_len = usize::from(u16::from_le_bytes([len0, len1]));
    enclosed([link0, link1], octets.skip(header_len.max(8))?)
}

fn enclosed(link: [u8; 2], rest: Octets<'_>) -> Step<'_> {
    Ok((first(LinkType(u16::from_le_bytes(link)))?, rest))
}

/// PPP (RFC 1661, 1662): address and control octets may be left out, and the protocol's first octet if it is zero.
pub(super) fn ppp(octets: Octets<'_>) -> Step<'_> {
    let ([address], _) = octets.split()?;
    let octets = match address {
        0x0f | 0x8f => return Ok((Layer::Wrapping(hdlc), octets)),
        0xff => octets.skip(2)?,
        _ => octets,
    };
    let ([high], rest) = octets.split()?;
    // Only the last octet of a protocol number is odd.
    if high & 1 == 1 {
        return Ok((of_ppp_protocol(u16::from(high))?, rest));
    }
    let ([low], rest) = rest.split()?;
    Ok((of_ppp_protocol(u16::from_be_bytes([high, low]))?, rest))
}

/// One octet before it says who sent it.
pub(super) fn ppp_with_direction(octets: Octets<'_>) -> Step<'_> {
    Ok((Layer::Wrapping(ppp), octets.skip(1)?))
}

/// Multilink PPP (RFC 1990 3) with long sequence numbers; a packet that is a fragment is not put together.
fn multilink(octets: Octets<'_>) -> Step<'_> {
    const WHOLE: u8 = 0xc0;
    let ([flags, ..], rest) = octets.split::<4>()?;
    if flags & WHOLE != WHOLE {
        return Err(Reason::NotIp);
    }
    Ok((Layer::Wrapping(ppp), rest))
}

fn of_ppp_protocol(protocol: u16) -> Result<Layer, Reason> {
    match protocol {
        0x0021 | 0x0057 => Ok(Layer::Ip),
        0x003d => Ok(Layer::Wrapping(multilink)),
        0x0281 | 0x0283 => Ok(Layer::Wrapping(tunnel::mpls)),
        _ => Err(Reason::NotIp),
    }
}

pub(super) fn hdlc(octets: Octets<'_>) -> Step<'_> {
    let ([_, _, high, low], rest) = octets.split()?;
    Ok((Layer::of_ether_type(u16::from_be_bytes([high, low]))?, rest))
}

/// PPPoE in its session stage (RFC 2516 4).
pub(super) fn pppoe(octets: Octets<'_>) -> Step<'_> {
    let ([_, _, _, _, len0, len1], rest) = octets.split()?;
    let len = usize::from(u16::from_be_bytes([len0, len1]));
    Ok((Layer::Wrapping(ppp), rest.limit(len)))
}

#[cfg(test)]
mod tests {
    use super::super::craft::*;
    use super::super::reason::Reason;

    #[test]
    fn raw_ip_needs_no_link_layer() {
        for link in [12, 14, 101, 228] {
            check4(link, &ip4());
        }
        check6(229, &ip6());
    }

    #[test]
    fn ethernet_carries_both_versions() {
        check4(1, &ethernet(0x0800, &ip4()));
        check6(1, &ethernet(0x86dd, &ip6()));
        check4(1, &ethernet(0x6558, &ethernet(0x0800, &ip4())));
    }

    #[test]
    fn tags_may_be_stacked() {
        let tags = [0x8100u16, 0x88a8, 0x9100, 0x8100, 0x8100];
        let (mut ether_type, mut payload) = (0x0800u16, ip4());
        for tag in tags {
            payload = join(&[&[0, 5], &ether_type.to_be_bytes(), &payload]);
            ether_type = tag;
            check4(1, &ethernet(ether_type, &payload));
        }
    }

    #[test]
    fn cisco_and_bridges_have_tags_of_their_own() {
        let tagged = |len: usize| join(&[&vec![0; len - 2], &[8, 0], &ip4()]);
        check4(1, &ethernet(0x8926, &tagged(6)));
        check4(1, &ethernet(0x8909, &tagged(8)));
        check4(1, &ethernet(0x893f, &tagged(8)));
    }

    #[test]
    fn some_types_put_ethernet_or_logical_links_inside() {
        let inner = ethernet(0x0800, &ip4());
        check4(1, &ethernet(0x88e7, &join(&[&[0, 0, 0, 5], &inner])));
        check4(
            1,
            &ethernet(0x22f3, &join(&[&[0, 0x3f, 0, 1, 0, 2], &inner])),
        );
        let trill = [0, 0x7f, 0, 1, 0, 2, 0, 0, 0, 0];
        check4(1, &ethernet(0x22f3, &join(&[&trill, &inner])));
        check4(1, &ethernet(0x8870, &snap(0x0800, &ip4())));
        for redundant in [0x892f, 0xf1c1] {
            check4(
                1,
                &ethernet(redundant, &join(&[&[0, 60, 0, 1, 8, 0], &ip4()])),
            );
        }
    }

    #[test]
    fn a_length_in_place_of_a_type_means_logical_link_control() {
        let frame = |llc: &[u8]| ethernet(llc.len() as u16, &join(&[llc, &[0; 9]]));
        check4(1, &frame(&snap(0x0800, &ip4())));
        check6(1, &frame(&snap(0x86dd, &ip6())));
        check4(1, &frame(&join(&[&[6, 6, 3], &ip4()])));
        let mut cisco = snap(0x0800, &ip4());
        cisco[5] = 0xf8;
        check4(1, &frame(&cisco));
        let tag = join(&[&[0, 5, 0, 46 + 20], &snap(0x0800, &ip4())]);
        check4(1, &ethernet(0x8100, &tag));
    }

    #[test]
    fn other_logical_links_are_not_ip() {
        let frame = |llc: &[u8]| ethernet(llc.len() as u16, llc);
        assert_eq!(reason(1, &frame(&[0x42, 0x42, 3, 0, 0])), Reason::NotIp);
        assert_eq!(reason(1, &frame(&[0xff; 40])), Reason::NotIp);
        assert_eq!(reason(1, &ethernet(0x0600, &[0; 40])), Reason::NotIp);
        assert_eq!(reason(1, &ethernet(0, &[0; 40])), Reason::Malformed);
    }

    #[test]
    fn loopback_has_either_byte_order() {
        for link in [0, 108] {
            check4(link, &join(&[&[0, 0, 0, 2], &ip4()]));
            check4(link, &join(&[&[2, 0, 0, 0], &ip4()]));
            for family in [10, 24, 28, 30] {
                check6(link, &join(&[&[0, 0, 0, family], &ip6()]));
                check6(link, &join(&[&[family, 0, 0, 0], &ip6()]));
            }
            check4(link, &join(&[&[0xff, 3, 0, 0x21], &ip4()]));
            assert_eq!(reason(link, &[0, 0, 0, 7, 0]), Reason::NotIp);
        }
    }

    fn cooked_header(hardware: u16, protocol: u16) -> Vec<u8> {
        let (hardware, protocol) = (hardware.to_be_bytes(), protocol.to_be_bytes());
        join(&[&[0, 0], &hardware, &[0, 6], &[0; 8], &protocol])
    }

    #[test]
    fn linux_cooked_captures_name_the_protocol() {
        let llc = snap(0x0800, &ip4());
        let radiotap = join(&[&[0, 0, 8, 0, 0, 0, 0, 0, 8, 0], &[0; 22], &llc]);
        for (hardware, protocol, payload) in [
            (1, 0x0800, ip4()),
            (512, 0x0800, ip4()),
            (1, 0x8100, join(&[&[0, 5, 8, 0], &ip4()])),
            (1, 3, ethernet(0x0800, &ip4())),
            (1, 4, llc),
            (512, 7, join(&[&[0xff, 3, 0, 0x21], &ip4()])),
            (803, 4, radiotap),
        ] {
            check4(113, &join(&[&cooked_header(hardware, protocol), &payload]));
            let (hardware, protocol) = (u16::to_be_bytes(hardware), u16::to_be_bytes(protocol));
            let header = join(&[&protocol, &[0; 6], &hardware, &[0; 10]]);
            check4(276, &join(&[&header, &payload]));
        }
        check6(113, &join(&[&cooked_header(1, 0x86dd), &ip6()]));
        let netlink = join(&[&cooked_header(824, 0x0800), &ip4()]);
        assert_eq!(reason(113, &netlink), Reason::NotIp);
    }

    #[test]
    fn netfilter_log_has_either_byte_order() {
        let len = 4 + ip4().len() as u8;
        let little = [2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 1, 0, 5, 0, 10, 0, 0, 0, 0, 0];
        check4(239, &join(&[&little, &[len, 0, 9, 0], &ip4()]));
        let big = [2, 0, 0, 0, 0, 8, 0, 1, 8, 0, 1, 0, 0, 5, 0, 10, 0, 0, 0, 0];
        check4(239, &join(&[&big, &[0, len, 0, 9], &ip4()]));
        assert_eq!(reason(239, &[2, 0, 0, 0, 3, 0, 1, 0]), Reason::Malformed);
    }

    #[test]
    fn frame_relay_has_two_ways_to_say_what_it_carries() {
        check4(107, &join(&[&[0x18, 0x41, 3, 0xcc], &ip4()]));
        check6(107, &join(&[&[0x18, 0x41, 3, 0x8e], &ip6()]));
        let snap = snap(0x0800, &ip4());
        check4(107, &join(&[&[0x18, 0x41, 3, 0, 0x80], &snap[3..]]));
        check4(107, &join(&[&[0x18, 0x41, 8, 0], &ip4()]));
        assert_eq!(reason(107, &[0x18, 0x41, 3, 8, 0]), Reason::NotIp);
    }

    #[test]
    fn what_comes_before_ip_or_a_logical_link_may_be_skipped() {
        // OpenBSD's pf, FreeBSD's, and one whose length is no multiple of four.
        for (len, padded) in [(100, 100), (61, 64), (45, 48)] {
            let header = join(&[&[len, 2, 0, 0], &vec![0; padded - 4]]);
            check4(117, &join(&[&header, &ip4()]));
            check6(117, &join(&[&header, &ip6()]));
        }
        check4(109, &join(&[&[2, 0, 0, 0], &[0; 8], &ip4()]));
        check4(100, &snap(0x0800, &ip4()));
        check4(122, &join(&[&[0; 16], &snap(0x0800, &ip4())]));
        check4(138, &join(&[&[0; 16], &[8, 0], &ip4()]));
    }

    #[test]
    fn some_headers_name_another_link_type() {
        let pktap = |kind, link| join(&[&[108, 0, 0, 0, kind, 0, 0, 0, link, 0, 0, 0], &[0; 96]]);
        check4(258, &join(&[&pktap(1, 12), &ip4()]));
        check4(258, &join(&[&pktap(1, 1), &ethernet(0x0800, &ip4())]));
        assert_eq!(reason(258, &join(&[&pktap(0, 12), &ip4()])), Reason::NotIp);
        let ppi = [0, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        check4(192, &join(&[&ppi, &ethernet(0x0800, &ip4())]));
        assert_eq!(
            reason(192, &[0, 0, 8, 0, 147, 0, 0, 0]),
            Reason::UnknownLink
        );
    }

    #[test]
    fn ppp_may_leave_octets_out() {
        for link in [9, 50] {
            check4(link, &join(&[&[0xff, 3, 0, 0x21], &ip4()]));
            check4(link, &join(&[&[0xff, 3, 0x21], &ip4()]));
            check4(link, &join(&[&[0, 0x21], &ip4()]));
            check6(link, &join(&[&[0x57], &ip6()]));
            check4(link, &join(&[&[0x0f, 0, 8, 0], &ip4()]));
            assert_eq!(reason(link, &[0xff, 3, 0xc0, 0x21, 1]), Reason::NotIp);
        }
        check4(204, &join(&[&[0, 0xff, 3, 0, 0x21], &ip4()]));
        check4(204, &join(&[&[1, 0x21], &ip4()]));
    }

    #[test]
    fn ppp_may_use_several_links() {
        let multilink = |flags| join(&[&[0, 0x3d, flags, 0, 0, 1, 0, 0x21], &ip4()]);
        check4(9, &multilink(0xc0));
        assert_eq!(reason(9, &multilink(0x80)), Reason::NotIp);
    }

    #[test]
    fn ppp_may_run_over_ethernet() {
        let session = |ppp: &[u8]| join(&[&[0x11, 0, 0, 7, 0, ppp.len() as u8], ppp, &[0; 7]]);
        let ppp = join(&[&[0, 0x21], &ip4()]);
        check4(51, &session(&ppp));
        check4(1, &ethernet(0x8864, &session(&ppp)));
    }

    #[test]
    fn token_ring_may_route() {
        let ring = |control, source, route: &[u8]| {
            let header = join(&[&[0x10, control], &[2; 6], &[source], &[2; 5], route]);
            join(&[&header, &snap(0x0800, &ip4())])
        };
        check4(6, &ring(0x40, 0, &[]));
        check4(6, &ring(0x40, 0x80, &[6, 0, 0, 0, 0, 0]));
        assert_eq!(reason(6, &ring(0, 0, &[])), Reason::NotIp);
    }

    #[test]
    fn hdlc_and_fddi_carry_ip() {
        check4(104, &join(&[&[0x0f, 0, 8, 0], &ip4()]));
        check6(104, &join(&[&[0x8f, 0, 0x86, 0xdd], &ip6()]));
        let fddi = |control| join(&[&[control], &[2; 12], &snap(0x0800, &ip4())]);
        check4(10, &fddi(0x50));
        assert_eq!(reason(10, &fddi(0x41)), Reason::NotIp);
    }
}
