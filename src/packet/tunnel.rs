//! Tunnels: packets that carry packets.
//!
//! In: the octets of a tunnel's header. Out: the layer inside and its octets. What comes over a tunnel's UDP port
//! need not be that tunnel, so each checks what its header allows to check.

use super::layer::{Layer, Step};
use super::octets::Octets;
use super::reason::Reason;
use super::{link, wlan};

/// UDP (RFC 768). The lower port is asked first: ephemeral ports are high ones.
pub(super) fn udp(octets: Octets<'_>) -> Step<'_> {
    let ([s0, s1, d0, d1, l0, l1, _, _], rest) = octets.split()?;
    let source = u16::from_be_bytes([s0, s1]);
    let destination = u16::from_be_bytes([d0, d1]);
    let layer = Layer::of_port(source.min(destination))
        .or_else(|| Layer::of_port(source.max(destination)))
        .ok_or(Reason::NotTcp)?;
    let payload_len = usize::from(u16::from_be_bytes([l0, l1]))
        .checked_sub(8)
        .ok_or(Reason::Malformed)?;
    Ok((layer, rest.limit(payload_len)))
}

/// GRE (RFC 2784, 2890), with PPP inside also in its enhanced form (RFC 2637).
pub(super) fn gre(octets: Octets<'_>) -> Step<'_> {
    const CHECKSUM: u8 = 0x80;
    const ROUTING: u8 = 0x40;
    const KEY: u8 = 0x20;
    const SEQUENCE: u8 = 0x10;
    const PPP: u16 = 0x880b;
    const ACKNOWLEDGEMENT: u8 = 0x80;
    let ([flags, version, high, low], rest) = octets.split()?;
    let protocol = u16::from_be_bytes([high, low]);
    // The offset into a source route stands beside the checksum, so that either brings both.
    let mut words = [CHECKSUM | ROUTING, KEY, SEQUENCE]
        .into_iter()
        .filter(|&field| flags & field != 0)
        .count();
    if protocol == PPP && version & ACKNOWLEDGEMENT != 0 {
        words += 1;
    }
    let mut rest = rest.skip(words.saturating_mul(4))?;
    if flags & ROUTING != 0 {
        rest = source_route(rest)?;
    }
    let layer = match protocol {
        PPP => Layer::Wrapping(link::ppp),
        // Without a sequence number this is ERSPAN type I, which has no header.
        0x88be if flags & SEQUENCE == 0 => Layer::Wrapping(link::ethernet),
        0x88be | 0x22eb => Layer::Wrapping(erspan),
        0x883e => Layer::Wrapping(wccp),
        // MikroTik's Ethernet over IP.
        0x6400 => Layer::Wrapping(link::ethernet),
        // Aruba's access points, one number a kind of traffic.
        0x8200..=0x8370 if protocol.trailing_zeros() >= 4 => Layer::Wrapping(wlan::frame),
        other => Layer::of_ether_type(other)?,
    };
    Ok((layer, rest))
}

/// A source route (RFC 1701): entries of an address family, an offset and a length, the last of them without any.
fn source_route(octets: Octets<'_>) -> Result<Octets<'_>, Reason> {
    let mut rest = octets;
    loop {
        let ([family0, family1, _, len], after) = rest.split()?;
        rest = after.skip(usize::from(len))?;
        if [family0, family1, len] == [0; 3] {
            return Ok(rest);
        }
    }
}

/// ERSPAN types II and III (draft-foschiano-erspan-03); the version says which.
pub(super) fn erspan(octets: Octets<'_>) -> Step<'_> {
    match octets.version()? {
        1 => Ok((Layer::Wrapping(link::ethernet), octets.skip(8)?)),
        2 => {
            let ([.., kind, options], rest) = octets.split::<12>()?;
            if kind & 0x7c != 0 {
                return Err(Reason::NotIp);
            }
            let subheader_len = if options & 1 == 0 { 0 } else { 8 };
            Ok((Layer::Wrapping(link::ethernet), rest.skip(subheader_len)?))
        }
        _ => Err(Reason::NotIp),
    }
}

/// WCCP: version 2 puts four octets before the packet, and nothing says which version it is.
pub(super) fn wccp(octets: Octets<'_>) -> Step<'_> {
    let header_len = if octets.version()? == 4 { 0 } else { 4 };
    Ok((Layer::Ip, octets.skip(header_len)?))
}

/// EtherIP (RFC 3378). Its version is not checked, since some systems are known to write it into the wrong half.
pub(super) fn etherip(octets: Octets<'_>) -> Step<'_> {
    ethernet_behind::<2>(octets)
}

/// Ethernet behind so many octets that need not be understood.
pub(super) fn ethernet_behind<const LEN: usize>(octets: Octets<'_>) -> Step<'_> {
    Ok((Layer::Wrapping(link::ethernet), octets.skip(LEN)?))
}

/// TRILL (RFC 6325 3): Ethernet between routing bridges, behind options of so many words.
pub(super) fn trill(octets: Octets<'_>) -> Step<'_> {
    let ([high, low, ..], rest) = octets.split::<6>()?;
    let words = u16::from_be_bytes([high, low]) >> 6 & 0x1f;
    let rest = rest.skip(usize::from(words).saturating_mul(4))?;
    Ok((Layer::Wrapping(link::ethernet), rest))
}

/// MPLS (RFC 3032). Nothing says what follows the labels but its own first bits (RFC 4385, RFC 4928).
pub(super) fn mpls(octets: Octets<'_>) -> Step<'_> {
    let mut rest = octets;
    loop {
        let ([_, _, bottom, _], after) = rest.split()?;
        rest = after;
        if bottom & 1 == 1 {
            break;
        }
    }
    match rest.version()? {
        4 | 6 => Ok((Layer::Ip, rest)),
        0 => pseudowire(rest),
        _ => Err(Reason::NotIp),
    }
}

/// Ethernet, with a control word of zeros before it or without: the EtherType says where it begins.
fn pseudowire(octets: Octets<'_>) -> Step<'_> {
    let ([.., high, low], _) = octets.split::<14>()?;
    let without_word = Layer::of_ether_type(u16::from_be_bytes([high, low]));
    let word_len = if without_word.is_ok() { 0 } else { 4 };
    Ok((Layer::Wrapping(link::ethernet), octets.skip(word_len)?))
}

/// Network service header (RFC 8300).
pub(super) fn nsh(octets: Octets<'_>) -> Step<'_> {
    let ([_, len, _, next], _) = octets.split()?;
    let header_len = usize::from(len & 0x3f).saturating_mul(4).max(8);
    Ok((Layer::of_next_protocol(next)?, octets.skip(header_len)?))
}

/// VXLAN (RFC 7348 5): the flag of a valid identifier is always set.
pub(super) fn vxlan(octets: Octets<'_>) -> Step<'_> {
    let ([flags, ..], rest) = octets.split::<8>()?;
    if flags & 0x08 == 0 {
        return Err(Reason::NotTcp);
    }
    Ok((Layer::Wrapping(link::ethernet), rest))
}

/// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe): version 0, and the flag of a next protocol.
pub(super) fn vxlan_gpe(octets: Octets<'_>) -> Step<'_> {
    let ([flags, _, _, next, ..], rest) = octets.split::<8>()?;
    if flags & 0x34 != 0x04 {
        return Err(Reason::NotTcp);
    }
    Ok((Layer::of_next_protocol(next)?, rest))
}

/// Geneve (RFC 8926): version 0.
pub(super) fn geneve(octets: Octets<'_>) -> Step<'_> {
    let ([version_and_len, _, high, low, ..], rest) = octets.split::<8>()?;
    if version_and_len >> 6 != 0 {
        return Err(Reason::NotTcp);
    }
    let options_len = usize::from(version_and_len & 0x3f).saturating_mul(4);
    let layer = Layer::of_ether_type(u16::from_be_bytes([high, low]))?;
    Ok((layer, rest.skip(options_len)?))
}

/// GTP-U (3GPP TS 29.281 5.1): version 1, a G-PDU.
pub(super) fn gtp(octets: Octets<'_>) -> Step<'_> {
    const USER_DATA: u8 = 0xff;
    let ([flags, message, len0, len1, ..], rest) = octets.split::<8>()?;
    if flags >> 4 != 0x03 || message != USER_DATA {
        return Err(Reason::NotTcp);
    }
    let mut rest = rest.limit(usize::from(u16::from_be_bytes([len0, len1])));
    // Any of the three flags brings the fields of all of them.
    if flags & 0x07 != 0 {
        let ([_, _, _, next], after) = rest.split()?;
        let has_extensions = flags & 0x04 != 0;
        rest = if has_extensions {
            gtp_extensions(next, after)?
        } else {
            after
        };
    }
    match rest.version()? {
        4 | 6 => Ok((Layer::Ip, rest)),
        _ => Ok((Layer::Wrapping(link::ethernet), rest)),
    }
}

/// GTP version 0 (GSM 09.60 6): a header of 20 octets.
pub(super) fn gtp0(octets: Octets<'_>) -> Step<'_> {
    const USER_DATA: u8 = 0xff;
    let ([flags, message, len0, len1, ..], rest) = octets.split::<20>()?;
    if flags >> 4 != 0x01 || message != USER_DATA {
        return Err(Reason::NotTcp);
    }
    let len = usize::from(u16::from_be_bytes([len0, len1]));
    Ok((Layer::Ip, rest.limit(len)))
}

/// LISP data (RFC 6830 5.1): eight octets, whatever their flags say of them.
pub(super) fn lisp(octets: Octets<'_>) -> Step<'_> {
    Ok((Layer::Ip, octets.skip(8)?))
}

/// CAPWAP data in the clear (RFC 5415 4.3): the header's length in words, what it carries, and whether it is a fragment.
pub(super) fn capwap(octets: Octets<'_>) -> Step<'_> {
    const NATIVE: u8 = 0x01;
    const FRAGMENT: u8 = 0x80;
    let ([preamble, words, native, more], _) = octets.split()?;
    if preamble != 0 || more & FRAGMENT != 0 {
        return Err(Reason::NotTcp);
    }
    let rest = octets.skip(usize::from(words >> 3).saturating_mul(4))?;
    let layer = match native & NATIVE {
        0 => Layer::Wrapping(link::ethernet),
        _ => Layer::Wrapping(wlan::swapped),
    };
    Ok((layer, rest))
}

/// TZSP: what it carries, and tagged fields up to an end.
pub(super) fn tzsp(octets: Octets<'_>) -> Step<'_> {
    const PADDING: u8 = 0;
    const END: u8 = 1;
    let ([version, _, high, low], mut rest) = octets.split()?;
    if version != 1 {
        return Err(Reason::NotTcp);
    }
    loop {
        let ([tag], after) = rest.split()?;
        rest = match tag {
            END => {
                rest = after;
                break;
            }
            PADDING => after,
            _ => {
                let ([len], after) = after.split()?;
                after.skip(usize::from(len))?
            }
        };
    }
    let layer = match [high, low] {
        [0, 0x01] => Layer::Wrapping(link::ethernet),
        [0, 0x12] => Layer::Wrapping(wlan::frame),
        _ => return Err(Reason::NotIp),
    };
    Ok((layer, rest))
}

/// Extension headers count their length in words, and end with the type of the next one.
fn gtp_extensions(first: u8, octets: Octets<'_>) -> Result<Octets<'_>, Reason> {
    let mut next = first;
    let mut rest = octets;
    while next != 0 {
        let ([words], _) = rest.split()?;
        let type_at = usize::from(words)
            .saturating_mul(4)
            .checked_sub(1)
            .ok_or(Reason::Malformed)?;
        ([next], rest) = rest.skip(type_at)?.split()?;
    }
    Ok(rest)
}

/// L2TP version 2 (RFC 2661 3.1): data messages carry PPP.
pub(super) fn l2tp(octets: Octets<'_>) -> Step<'_> {
    const CONTROL: u8 = 0x80;
    const LENGTH: u8 = 0x40;
    const SEQUENCE: u8 = 0x08;
    const OFFSET: u8 = 0x02;
    let ([flags, version, len0, len1], _) = octets.split()?;
    if version & 0x0f != 2 || flags & CONTROL != 0 {
        return Err(Reason::NotTcp);
    }
    let mut header_len = 6;
    let mut message = octets;
    if flags & LENGTH != 0 {
        header_len += 2;
        message = octets.limit(usize::from(u16::from_be_bytes([len0, len1])));
    }
    if flags & SEQUENCE != 0 {
        header_len += 4;
    }
    let mut rest = message.skip(header_len)?;
    if flags & OFFSET != 0 {
        let ([pad0, pad1], after) = rest.split()?;
        rest = after.skip(usize::from(u16::from_be_bytes([pad0, pad1])))?;
    }
    Ok((Layer::Wrapping(link::ppp), rest))
}

/// Teredo (RFC 4380 5.1.1): IPv6, perhaps behind an authentication header and an origin indication.
pub(super) fn teredo(octets: Octets<'_>) -> Step<'_> {
    let mut rest = octets;
    if let ([0, 1, id_len, value_len], after) = rest.split()? {
        let len = usize::from(id_len).saturating_add(usize::from(value_len));
        // A nonce and a confirmation octet end it.
        rest = after.skip(len.saturating_add(9))?;
    }
    if let ([0, 0], _) = rest.split()? {
        rest = rest.skip(8)?;
    }
    match rest.version()? {
        6 => Ok((Layer::Ip, rest)),
        _ => Err(Reason::NotTcp),
    }
}

#[cfg(test)]
mod tests {
    use super::super::craft::*;
    use super::super::reason::Reason;

    fn ethernet4() -> Vec<u8> {
        ethernet(0x0800, &ip4())
    }

    /// GRE with that first octet and that protocol, and what follows.
    fn gre(flags: u8, protocol: u16, rest: &[&[u8]]) -> Vec<u8> {
        let header = join(&[&[flags, 0], &protocol.to_be_bytes()]);
        over4(47, &join(&[&header, &rest.concat()]))
    }

    #[test]
    fn gre_may_have_a_checksum_a_key_and_a_sequence_number() {
        check4(1, &gre(0, 0x0800, &[&ip4()]));
        check6(1, &gre(0, 0x86dd, &[&ip6()]));
        for flag in [0x80, 0x20, 0x10] {
            check4(1, &gre(flag, 0x0800, &[&[0; 4], &ip4()]));
        }
        check4(1, &gre(0xb0, 0x0800, &[&[0; 12], &ip4()]));
        let route = [&[0, 0, 0, 0][..], &[8, 0, 4, 4, 9, 9, 9, 9], &[0; 4]].concat();
        check4(1, &gre(0x40, 0x0800, &[&route, &ip4()]));
        check4(1, &gre(0xc0, 0x0800, &[&[0; 8], &ip4()]));
        let endless = gre(0x40, 0x0800, &[&[0; 4], &[8, 0, 0, 0], &[1; 24]]);
        assert_eq!(reason(1, &endless), Reason::Malformed);
    }

    #[test]
    fn gre_carries_links_as_well() {
        check4(1, &gre(0, 0x6558, &[&ethernet4()]));
        check4(1, &gre(0x20, 0x6400, &[&[0; 4], &ethernet4()]));
        check4(1, &gre(0, 0x8847, &[&[0, 1, 1, 64], &ip4()]));
        let wlan = join(&[&[8, 1], &[0; 22], &snap(0x0800, &ip4())]);
        check4(1, &gre(0, 0x8200, &[&wlan]));
        check4(1, &gre(0, 0x8370, &[&wlan]));
        assert_eq!(reason(1, &gre(0, 0x8208, &[&wlan])), Reason::NotIp);
    }

    #[test]
    fn wccp_has_a_header_since_its_second_version() {
        check4(1, &gre(0, 0x883e, &[&ip4()]));
        check4(1, &gre(0, 0x883e, &[&[0, 0, 0, 0], &ip4()]));
    }

    #[test]
    fn pptp_acknowledges() {
        let ppp = join(&[&[0xff, 3, 0, 0x21], &ip4()]);
        check4(1, &gre(0x30, 0x880b, &[&[0; 8], &ppp]));
        let mut acknowledging = gre(0x30, 0x880b, &[&[0; 12], &ppp]);
        acknowledging[14 + 20 + 1] = 0x81;
        check4(1, &acknowledging);
    }

    #[test]
    fn erspan_has_three_types() {
        let third = |kind, options| join(&[&[0x20, 5], &[0; 8], &[kind, options]]);
        check4(1, &gre(0, 0x88be, &[&ethernet4()]));
        check4(
            1,
            &gre(0x10, 0x88be, &[&[0; 4], &[0x10, 5], &[0; 6], &ethernet4()]),
        );
        check4(
            1,
            &gre(0x10, 0x22eb, &[&[0; 4], &third(0, 0), &ethernet4()]),
        );
        check4(
            1,
            &gre(
                0x10,
                0x22eb,
                &[&[0; 4], &third(0, 1), &[0; 8], &ethernet4()],
            ),
        );
        let infiniband = gre(0x10, 0x22eb, &[&[0; 4], &third(4, 0), &ethernet4()]);
        assert_eq!(reason(1, &infiniband), Reason::NotIp);
    }

    #[test]
    fn ethernet_in_ip() {
        check4(1, &over4(97, &join(&[&[0x30, 0], &ethernet4()])));
    }

    #[test]
    fn mpls_labels_may_be_stacked() {
        let labels = [0, 1, 0, 64, 0, 2, 1, 64];
        check4(1, &ethernet(0x8847, &join(&[&labels, &ip4()])));
        check6(1, &ethernet(0x8848, &join(&[&labels[4..], &ip6()])));
        check4(1, &over4(137, &join(&[&labels, &ip4()])));
        check4(1, &over_udp(6635, &join(&[&labels, &ip4()])));
        assert_eq!(
            reason(1, &ethernet(0x8847, &[0, 1, 0, 64])),
            Reason::Malformed
        );
    }

    #[test]
    fn a_pseudowire_may_have_a_control_word() {
        let wire = |rest: &[&[u8]]| ethernet(0x8847, &join(&[&[0, 2, 1, 64], &rest.concat()]));
        check4(1, &wire(&[&[0, 0, 0, 0], &ethernet4()]));
        check4(1, &wire(&[&[0, 0, 0, 9], &ethernet4()]));
        check4(1, &wire(&[&ethernet4()]));
    }

    #[test]
    fn the_network_service_header_has_metadata() {
        let nsh = |words, next| join(&[&[0, words, 1, next], &vec![0; usize::from(words) * 4 - 4]]);
        check4(1, &ethernet(0x894f, &join(&[&nsh(6, 1), &ip4()])));
        check6(1, &ethernet(0x894f, &join(&[&nsh(2, 2), &ip6()])));
        check4(1, &ethernet(0x894f, &join(&[&nsh(2, 3), &ethernet4()])));
        check4(
            1,
            &ethernet(0x894f, &join(&[&nsh(2, 4), &nsh(2, 1), &ip4()])),
        );
    }

    #[test]
    fn vxlan_carries_ethernet() {
        let vxlan = [8, 0, 0, 0, 0, 0, 1, 0];
        for port in [4789, 8472] {
            check4(1, &over_udp(port, &join(&[&vxlan, &ethernet4()])));
            let unflagged = join(&[&[0; 8], &ethernet4()]);
            assert_eq!(reason(1, &over_udp(port, &unflagged)), Reason::NotTcp);
        }
        let inner = over_udp(4789, &join(&[&vxlan, &ethernet4()]));
        check4(1, &over_udp(4789, &join(&[&vxlan, &inner])));
    }

    #[test]
    fn vxlan_gpe_says_what_it_carries() {
        let gpe = |flags, next| [flags, 0, 0, next, 0, 0, 1, 0];
        check4(1, &over_udp(4790, &join(&[&gpe(0x0c, 1), &ip4()])));
        check6(1, &over_udp(4790, &join(&[&gpe(0x0c, 2), &ip6()])));
        check4(1, &over_udp(4790, &join(&[&gpe(0x0c, 3), &ethernet4()])));
        check4(
            1,
            &over_udp(4790, &join(&[&gpe(0x0c, 5), &[0, 1, 1, 9], &ip4()])),
        );
        assert_eq!(reason(1, &over_udp(4790, &gpe(0x08, 1))), Reason::NotTcp);
    }

    #[test]
    fn geneve_has_options() {
        let geneve = |words, kind: [u8; 2]| join(&[&[words, 0], &kind, &[0; 4]]);
        check4(
            1,
            &over_udp(6081, &join(&[&geneve(0, [0x65, 0x58]), &ethernet4()])),
        );
        check4(
            1,
            &over_udp(6081, &join(&[&geneve(2, [8, 0]), &[0; 8], &ip4()])),
        );
        assert_eq!(
            reason(1, &over_udp(6081, &geneve(0x40, [8, 0]))),
            Reason::NotTcp
        );
    }

    #[test]
    fn gtp_has_optional_fields_and_extensions() {
        let gtp = |flags, rest: &[&[u8]]| {
            let rest = rest.concat();
            let len = (rest.len() as u16).to_be_bytes();
            over_udp(2152, &join(&[&[flags, 0xff], &len, &[0; 4], &rest]))
        };
        check4(1, &gtp(0x30, &[&ip4()]));
        check6(1, &gtp(0x30, &[&ip6()]));
        check4(1, &gtp(0x30, &[&ethernet4()]));
        check4(1, &gtp(0x32, &[&[0, 7, 0, 0], &ip4()]));
        check4(1, &gtp(0x34, &[&[0, 0, 0, 0x85], &[1, 0, 1, 0], &ip4()]));
        let two = [1, 0, 0, 0xc0, 2, 0, 0, 0, 0, 0, 0, 0];
        check4(1, &gtp(0x36, &[&[0, 0, 0, 0x85], &two, &ip4()]));
        let endless = gtp(0x34, &[&[0, 0, 0, 0x85], &[0, 0, 1, 0], &ip4()]);
        assert_eq!(reason(1, &endless), Reason::Malformed);
        assert_eq!(
            reason(1, &over_udp(2152, &[0x30, 1, 0, 0, 0, 0, 0, 0])),
            Reason::NotTcp
        );
    }

    #[test]
    fn l2tp_has_optional_fields() {
        let ppp = join(&[&[0xff, 3, 0, 0x21], &ip4()]);
        let l2tp = |flags, fields: &[u8]| over_udp(1701, &join(&[&[flags, 2], fields, &ppp]));
        check4(1, &l2tp(0, &[0; 4]));
        let len = 8 + ppp.len() as u8;
        check4(1, &l2tp(0x40, &[0, len, 0, 0, 0, 0]));
        check4(1, &l2tp(0x0a, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]));
        assert_eq!(reason(1, &l2tp(0xc8, &[0; 10])), Reason::NotTcp);
        assert_eq!(
            reason(1, &over_udp(1701, &[0, 3, 0, 0, 0, 0])),
            Reason::NotTcp
        );
    }

    #[test]
    fn gtp_had_a_longer_header_before() {
        let len = (ip4().len() as u16).to_be_bytes();
        let gtp = |flags| join(&[&[flags, 0xff], &len, &[0; 16], &ip4()]);
        check4(1, &over_udp(3386, &gtp(0x1e)));
        assert_eq!(reason(1, &over_udp(3386, &gtp(0x0e))), Reason::NotTcp);
    }

    #[test]
    fn lisp_carries_ip() {
        check4(1, &over_udp(4341, &join(&[&[0x80], &[0; 7], &ip4()])));
        check6(1, &over_udp(4341, &join(&[&[0; 8], &ip6()])));
    }

    #[test]
    fn access_points_carry_either_kind_of_frame() {
        let capwap = |native, fragment| [0, 0x10, native, fragment, 0, 0, 0, 0];
        let wlan = join(&[&[1, 8], &[0; 22], &snap(0x0800, &ip4())]);
        check4(1, &over_udp(5247, &join(&[&capwap(2, 0), &ethernet4()])));
        check4(1, &over_udp(5247, &join(&[&capwap(3, 0), &wlan])));
        let fragment = join(&[&capwap(2, 0x80), &ethernet4()]);
        assert_eq!(reason(1, &over_udp(5247, &fragment)), Reason::NotTcp);
        let encrypted = join(&[&[1, 0, 0, 0], &ethernet4()]);
        assert_eq!(reason(1, &over_udp(5247, &encrypted)), Reason::NotTcp);
    }

    #[test]
    fn tzsp_has_tagged_fields() {
        let wlan = join(&[&[8, 1], &[0; 22], &snap(0x0800, &ip4())]);
        check4(
            1,
            &over_udp(37008, &join(&[&[1, 0, 0, 1, 1], &ethernet4()])),
        );
        let fields = [1, 0, 0, 1, 0, 10, 1, 0x55, 41, 2, 0, 1, 1];
        check4(1, &over_udp(37008, &join(&[&fields, &ethernet4()])));
        check4(1, &over_udp(37008, &join(&[&[1, 0, 0, 0x12, 1], &wlan])));
        assert_eq!(reason(1, &over_udp(37008, &[1, 0, 0, 7, 1])), Reason::NotIp);
        assert_eq!(
            reason(1, &over_udp(37008, &[2, 0, 0, 1, 1])),
            Reason::NotTcp
        );
    }

    #[test]
    fn teredo_may_authenticate_and_tell_its_origin() {
        let authentication = [0, 1, 2, 3, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let origin = [0, 0, 1, 2, 3, 4, 5, 6];
        check6(1, &over_udp(3544, &ip6()));
        check6(1, &over_udp(3544, &join(&[&authentication, &ip6()])));
        check6(1, &over_udp(3544, &join(&[&origin, &ip6()])));
        check6(
            1,
            &over_udp(3544, &join(&[&authentication, &origin, &ip6()])),
        );
        assert_eq!(reason(1, &over_udp(3544, &ip4())), Reason::NotTcp);
    }

    #[test]
    fn either_port_may_be_the_tunnels() {
        let mut reply = over_udp(4754, &join(&[&[0, 0, 8, 0], &ip4()]));
        check4(1, &reply);
        let ports = 34..36;
        reply.copy_within(36..38, ports.start);
        reply[36..38].copy_from_slice(&55_555u16.to_be_bytes());
        check4(1, &reply);
        assert_eq!(reason(1, &over_udp(53, &ip4())), Reason::NotTcp);
    }

    #[test]
    fn a_udp_length_ends_the_payload() {
        let mut short = over_udp(4754, &join(&[&[0, 0, 8, 0], &ip4()]));
        short[39] = 7;
        assert_eq!(reason(1, &short), Reason::Malformed);
        short[39] = 8 + 4 + 20 + 8;
        assert_eq!(reason(1, &short), Reason::Malformed);
    }
}
