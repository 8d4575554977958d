//! IP: headers, extension headers, and who really talks to whom.
//!
//! In: the octets of an IP or extension header. Out: what follows, with the addresses where they matter. Fragments
//! are recognised here and put together in `fragments`. Checksums are not verified: a host that leaves them to its
//! network card captures wrong ones.

use std::net::{IpAddr, Ipv6Addr};

use etherparse::err::ipv4::HeaderSliceError as Error4;
use etherparse::err::ipv6::HeaderSliceError as Error6;
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

use super::fragments::{Part, Place};
use super::layer::{Layer, Step};
use super::octets::Octets;
use super::reason::Reason;

/// An IP header.
pub(super) struct Datagram<'a> {
    pub(super) src: IpAddr,
    /// The final destination, also where the packet is still on its way along a source route.
    pub(super) dst: IpAddr,
    pub(super) layer: Layer,
    pub(super) payload: Octets<'a>,
}

pub(super) fn datagram(octets: Octets<'_>) -> Result<Datagram<'_>, Reason> {
    match octets.version()? {
        4 => v4(octets),
        6 => v6(octets),
        _ => Err(Reason::MalformedIp),
    }
}

fn v4(octets: Octets<'_>) -> Result<Datagram<'_>, Reason> {
    let header = Ipv4HeaderSlice::from_slice(octets.captured()).map_err(|error| match error {
        Error4::Len(error) => octets.lacks(error.required_len),
        Error4::Content(_) => Reason::MalformedIp,
    })?;
    let header_len = header.slice().len();
    let payload = match usize::from(header.total_len()) {
        // Segmentation left to the network card: the length is that of what was captured.
        0 => octets.skip(header_len)?,
        len if len < header_len => return Err(Reason::MalformedIp),
        len => octets.limit(len).skip(header_len)?,
    };
    let protocol = header.protocol().0;
    let layer = if header.is_fragmenting_payload() {
        Layer::Fragment(Part {
            id: u32::from(header.identification()),
            protocol,
            offset: u32::from(header.fragments_offset().value()).saturating_mul(8),
            place: if header.more_fragments() {
                Place::Inner
            } else {
                Place::Last
            },
        })
    } else {
        Layer::of_protocol(protocol)?
    };
    let dst = source_route_end(header.options()).unwrap_or(header.destination());
    Ok(Datagram {
        src: header.source().into(),
        dst: dst.into(),
        layer,
        payload,
    })
}

/// The last address of a source route that is not used up (RFC 791 3.1).
fn source_route_end(options: &[u8]) -> Option<[u8; 4]> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const LOOSE_ROUTE: u8 = 131;
    const STRICT_ROUTE: u8 = 137;
    let mut rest = options;
    loop {
        rest = match *rest {
            [NO_OPERATION, ref after @ ..] => after,
            [] | [_] | [END, ..] | [_, 0 | 1, ..] => return None,
            [LOOSE_ROUTE | STRICT_ROUTE, len, ..] => {
                let option = rest.get(..usize::from(len))?;
                let pointer = *option.get(2)?;
                let is_used_up = pointer > len;
                let is_valid = pointer >= 4 && pointer % 4 == 0;
                return option
                    .last_chunk()
                    .copied()
                    .filter(|_| is_valid && !is_used_up);
            }
            [_, len, ..] => rest.get(usize::from(len)..)?,
        };
    }
}

fn v6(octets: Octets<'_>) -> Result<Datagram<'_>, Reason> {
    let header = Ipv6HeaderSlice::from_slice(octets.captured()).map_err(|error| match error {
        Error6::Len(error) => octets.lacks(error.required_len),
        Error6::Content(_) => Reason::MalformedIp,
    })?;
    let payload = octets.skip(header.slice().len())?;
    Ok(Datagram {
        src: header.source().into(),
        dst: header.destination().into(),
        layer: Layer::of_protocol(header.next_header().0)?,
        payload: match usize::from(header.payload_length()) {
            // A jumbogram, or segmentation left to the network card.
            0 => payload,
            len => payload.limit(len),
        },
    })
}

/// An extension header of type, length and options (RFC 8200 4.2).
pub(super) fn extension(octets: Octets<'_>) -> Step<'_> {
    let ([next, len], _) = octets.split()?;
    let rest = octets.skip(usize::from(len).saturating_add(1).saturating_mul(8))?;
    Ok((Layer::of_protocol(next)?, rest))
}

/// The authentication header (RFC 4302 2) counts differently from the others.
pub(super) fn authentication(octets: Octets<'_>) -> Step<'_> {
    let ([next, len], _) = octets.split()?;
    let rest = octets.skip(usize::from(len).saturating_add(2).saturating_mul(4))?;
    Ok((Layer::of_protocol(next)?, rest))
}

/// The fragment header (RFC 8200 4.5), which may also stand before a datagram that is whole (RFC 6946).
pub(super) fn fragment_header(octets: Octets<'_>) -> Step<'_> {
    let ([protocol, _, high, low, i0, i1, i2, i3], rest) = octets.split()?;
    let offset_and_more = u16::from_be_bytes([high, low]);
    let offset = u32::from(offset_and_more & 0xfff8);
    let place = if offset_and_more & 1 == 1 {
        Place::Inner
    } else {
        Place::Last
    };
    if offset == 0 && place == Place::Last {
        return Ok((Layer::of_protocol(protocol)?, rest));
    }
    let part = Part {
        id: u32::from_be_bytes([i0, i1, i2, i3]),
        protocol,
        offset,
        place,
    };
    Ok((Layer::Fragment(part), rest))
}

/// The routing header: what follows it, and the final destination if that is still ahead.
pub(super) fn routing(octets: Octets<'_>) -> Result<(Layer, Octets<'_>, Option<IpAddr>), Reason> {
    let ([_, len, kind, segments_left], _) = octets.split()?;
    let (layer, rest) = extension(octets)?;
    if segments_left == 0 {
        return Ok((layer, rest, None));
    }
    // Of the types that carry addresses, the segment routing header alone lists them backwards.
    let last_at = match kind {
        0 => usize::from(len).saturating_mul(8).saturating_sub(8),
        2 | 4 => 8,
        _ => return Ok((layer, rest, None)),
    };
    let (address, _) = octets.skip(last_at)?.split::<16>()?;
    Ok((layer, rest, Some(Ipv6Addr::from(address).into())))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::super::craft::*;
    use super::super::reason::Reason;

    #[test]
    fn both_versions_carry_segments() {
        check4(101, &ip4());
        check6(101, &ip6());
        check4(101, &v4(4, &ip4()));
        check6(101, &v4(41, &ip6()));
        check4(101, &v6(4, &ip4()));
        check6(101, &v6(41, &ip6()));
    }

    #[test]
    fn octets_after_the_datagram_are_no_payload() {
        check4(1, &join(&[&ethernet(0x0800, &ip4()), &[0; 12]]));
        check6(1, &join(&[&ethernet(0x86dd, &ip6()), &[0; 12]]));
    }

    #[test]
    fn without_a_length_the_packet_says_how_long_it_is() {
        let mut offloaded = ip4();
        offloaded[2..4].fill(0);
        check4(101, &offloaded);
        let mut jumbo = ip6();
        jumbo[4..6].fill(0);
        check6(101, &jumbo);
    }

    #[test]
    fn a_length_beyond_the_packet_ends_with_it() {
        let mut long = ip4();
        long[2] = 0x40;
        check4(101, &long);
    }

    #[test]
    fn extension_headers_are_skipped() {
        let tcp = tcp();
        let padding = [1, 4, 0, 0, 0, 0];
        let routing = [60, 2, 0, 0].into_iter().chain([0; 20]);
        let routing: Vec<u8> = routing.collect();
        let destination = [6, 1, 1, 12].into_iter().chain([0; 12]);
        let destination: Vec<u8> = destination.collect();
        check6(101, &v6(0, &join(&[&[6, 0], &padding, &tcp])));
        check6(
            101,
            &v6(
                0,
                &join(&[&[43, 0], &padding, &routing, &destination, &tcp]),
            ),
        );
        check6(101, &v6(140, &join(&[&[6, 0], &padding, &tcp])));
    }

    #[test]
    fn authentication_hides_nothing() {
        let header = join(&[&[6, 4], &[0; 22]]);
        check4(101, &v4(51, &join(&[&header, &tcp()])));
        check6(101, &v6(51, &join(&[&header, &tcp()])));
    }

    #[test]
    fn the_end_of_a_source_route_is_the_destination() {
        let end: IpAddr = Ipv4Addr::new(203, 0, 113, 9).into();
        let route = |kind, pointer| [1, kind, 11, pointer, 10, 0, 0, 1, 203, 0, 113, 9];
        check(101, &v4_options(&route(131, 4)), (client4(), end));
        check(101, &v4_options(&route(137, 8)), (client4(), end));
        check4(101, &v4_options(&route(131, 12)));
        check4(101, &v4_options(&route(131, 5)));
        check4(101, &v4_options(&[131, 40, 4, 1]));
        check4(101, &v4_options(&[68, 4, 0, 0, 0, 131, 7, 4]));
    }

    #[test]
    fn so_is_the_end_of_a_routing_header() {
        let end: IpAddr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9).into();
        let IpAddr::V6(end_address) = end else {
            unreachable!();
        };
        let (end_octets, via) = (end_address.octets(), [0xfd; 16]);
        let routed = |kind, left, addresses: &[[u8; 16]]| {
            let len = addresses.len() as u8 * 2;
            let header = [6, len, kind, left, 0, 0, 0, 0];
            v6(43, &join(&[&header, &addresses.concat(), &tcp()]))
        };
        let ends = (client6(), end);
        check(101, &routed(0, 1, &[via, end_octets]), ends);
        check(101, &routed(2, 1, &[end_octets]), ends);
        check(101, &routed(4, 1, &[end_octets, via]), ends);
        check6(101, &routed(0, 0, &[via, end_octets]));
        check6(101, &routed(9, 1, &[via]));
    }

    #[test]
    fn impossible_headers_are_malformed() {
        let with = |at: usize, octet| {
            let mut datagram = ip4();
            datagram[at] = octet;
            reason(101, &datagram)
        };
        assert_eq!(with(0, 0x44), Reason::MalformedIp);
        assert_eq!(with(0, 0x55), Reason::MalformedIp);
        assert_eq!(with(3, 19), Reason::MalformedIp);
        assert_eq!(reason(101, &ip4()[..19]), Reason::Malformed);
        assert_eq!(reason(101, &ip6()[..39]), Reason::Malformed);
        assert_eq!(reason(101, &v6(0, &[6, 9, 0, 0])), Reason::Malformed);
    }
}
