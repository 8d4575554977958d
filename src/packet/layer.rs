//! [`Layer`]: what the next octets are, and the registries that say so.
//!
//! In: an EtherType, an IP protocol, a UDP port. Out: the layer that it announces, or the reason why the packet
//! ends here.

use super::fragments::Part;
use super::octets::Octets;
use super::reason::Reason;
use super::{ip, link, tunnel};

/// What the next octets are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layer {
    /// TCP, where the walk ends.
    Tcp,
    /// IPv4 or IPv6.
    Ip,
    /// The IPv6 routing header.
    Routing,
    /// The payload of an IP fragment.
    Fragment(Part),
    /// ICMP.
    Icmp,
    /// ICMPv6.
    Icmp6,
    /// Anything else that only has to be taken off, with the function that does so.
    Wrapping(for<'a> fn(Octets<'a>) -> Step<'a>),
}

/// The next layer and its octets.
pub(super) type Step<'a> = Result<(Layer, Octets<'a>), Reason>;

impl Layer {
    /// What an EtherType announces.
    pub(super) fn of_ether_type(ether_type: u16) -> Result<Layer, Reason> {
        match ether_type {
            0x0800 | 0x86dd => Ok(Layer::Ip),
            0x8100 | 0x88a8 | 0x9100 => Ok(Layer::Wrapping(link::tag::<2>)),
            0x22f3 => Ok(Layer::Wrapping(tunnel::trill)),
            0x8870 => Ok(Layer::Wrapping(link::llc)),
            // Provider backbone bridging (IEEE 802.1ah): a service instance, and the customer's frame.
            0x88e7 => Ok(Layer::Wrapping(tunnel::ethernet_behind::<4>)),
            0x8847 | 0x8848 => Ok(Layer::Wrapping(tunnel::mpls)),
            0x8864 => Ok(Layer::Wrapping(link::pppoe)),
            0x6558 => Ok(Layer::Wrapping(link::ethernet)),
            0x894f => Ok(Layer::Wrapping(tunnel::nsh)),
            // Cisco MetaData, Cisco VN-Tag, IEEE 802.1BR E-Tag, IEC 62439-3 HSR, IEEE 802.1CB.
            0x8909 | 0x893f => Ok(Layer::Wrapping(link::tag::<6>)),
            0x8926 | 0x892f | 0xf1c1 => Ok(Layer::Wrapping(link::tag::<4>)),
            // MACsec.
            0x88e5 => Err(Reason::Encrypted),
            _ => Err(Reason::NotIp),
        }
    }

    /// What the protocol field of an IP header announces.
    pub(super) fn of_protocol(protocol: u8) -> Result<Layer, Reason> {
        match protocol {
            1 => Ok(Layer::Icmp),
            4 | 41 => Ok(Layer::Ip),
            6 => Ok(Layer::Tcp),
            17 => Ok(Layer::Wrapping(tunnel::udp)),
            // Hop-by-hop options, destination options, Shim6.
            0 | 60 | 140 => Ok(Layer::Wrapping(ip::extension)),
            43 => Ok(Layer::Routing),
            44 => Ok(Layer::Wrapping(ip::fragment_header)),
            47 => Ok(Layer::Wrapping(tunnel::gre)),
            // Encapsulating security payload.
            50 => Err(Reason::Encrypted),
            51 => Ok(Layer::Wrapping(ip::authentication)),
            58 => Ok(Layer::Icmp6),
            97 => Ok(Layer::Wrapping(tunnel::etherip)),
            137 => Ok(Layer::Wrapping(tunnel::mpls)),
            _ => Err(Reason::NotTcp),
        }
    }

    /// What a UDP port announces, if it is a tunnel's.
    pub(super) fn of_port(port: u16) -> Option<Layer> {
        match port {
            1701 => Some(Layer::Wrapping(tunnel::l2tp)),
            2152 => Some(Layer::Wrapping(tunnel::gtp)),
            3386 => Some(Layer::Wrapping(tunnel::gtp0)),
            3544 => Some(Layer::Wrapping(tunnel::teredo)),
            4341 => Some(Layer::Wrapping(tunnel::lisp)),
            4754 => Some(Layer::Wrapping(tunnel::gre)),
            // The second is what Linux took before the first was assigned.
            4789 | 8472 => Some(Layer::Wrapping(tunnel::vxlan)),
            4790 => Some(Layer::Wrapping(tunnel::vxlan_gpe)),
            5247 => Some(Layer::Wrapping(tunnel::capwap)),
            6081 => Some(Layer::Wrapping(tunnel::geneve)),
            6635 => Some(Layer::Wrapping(tunnel::mpls)),
            37008 => Some(Layer::Wrapping(tunnel::tzsp)),
            _ => None,
        }
    }

    /// What the "next protocol" of VXLAN-GPE and of the network service header announces: one registry for both.
    pub(super) fn of_next_protocol(next: u8) -> Result<Layer, Reason> {
        match next {
            1 | 2 => Ok(Layer::Ip),
            3 => Ok(Layer::Wrapping(link::ethernet)),
            4 => Ok(Layer::Wrapping(tunnel::nsh)),
            5 => Ok(Layer::Wrapping(tunnel::mpls)),
            _ => Err(Reason::NotIp),
        }
    }
}
