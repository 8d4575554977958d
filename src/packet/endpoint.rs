//! One end of a connection.
//!
//! In: an IP address and a port. Out: the same, held so that two of them are compared in few steps: that is done several
//! times for each packet.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// An address and a port.
#[derive(Clone, Copy, Eq, Serialize, Deserialize)]
#[serde(from = "Named", into = "Named")]
pub struct Endpoint {
    /// The upper half of an IPv6 address.
    high: u64,
    /// The lower half.
    low: u64,
    /// The port; above it [`V6`], if it is of IPv6; and above that the address, if it is of IPv4: then all of it is here.
    key: u64,
}

const V6: u64 = 1 << 16;

/// How many bits lie below the address of IPv4.
const ABOVE: u32 = 17;

/// The same by its parts.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Endpoint")]
struct Named {
    ip: IpAddr,
    port: u16,
}

impl Endpoint {
    /// This TCP port at this address.
    #[inline]
    pub fn new(ip: IpAddr, port: u16) -> Self {
        match ip {
            IpAddr::V4(ip) => Endpoint::v4(ip.to_bits(), port),
            IpAddr::V6(ip) => Endpoint {
                high: (ip.to_bits() >> u64::BITS) as u64,
                low: ip.to_bits() as u64,
                key: V6 | u64::from(port),
            },
        }
    }

    /// This TCP port at this address of IPv4.
    #[inline]
    pub(super) fn v4(address: u32, port: u16) -> Self {
        Endpoint {
            high: 0,
            low: 0,
            key: u64::from(address) << ABOVE | u64::from(port),
        }
    }

    /// The same with a port, where it had none yet, which is port 0.
    #[inline]
    pub(super) fn at_port(self, port: u16) -> Self {
        Endpoint {
            key: self.key | u64::from(port),
            ..self
        }
    }

    /// The IP address.
    pub fn ip(&self) -> IpAddr {
        if !self.is_v6() {
            return Ipv4Addr::from_bits((self.key >> ABOVE) as u32).into();
        }
        let high = u128::from(self.high) << u64::BITS;
        Ipv6Addr::from_bits(high | u128::from(self.low)).into()
    }

    /// The TCP port.
    #[inline]
    pub fn port(&self) -> u16 {
        self.key as u16
    }

    #[inline]
    fn is_v6(&self) -> bool {
        self.key & V6 != 0
    }

    /// What tells it from all others, if it is of IPv4.
    #[inline]
    pub(crate) fn key4(&self) -> Option<u64> {
        (!self.is_v6()).then_some(self.key)
    }

    /// Whether it is the one of IPv4 that this tells from all others.
    #[inline]
    pub(crate) fn has_key4(&self, key: u64) -> bool {
        self.key == key
    }

    /// The address of both versions in 64 bits, in which some addresses of IPv6 are the same.
    #[inline]
    pub(crate) fn folded_address(&self) -> u64 {
        self.high ^ self.low ^ (self.key >> ABOVE)
    }

    /// All of it in 48 bits, if it is of IPv4.
    #[inline]
    pub(crate) fn packed4(&self) -> Option<u64> {
        let address = self.key >> ABOVE;
        (!self.is_v6()).then_some(address << u16::BITS | u64::from(self.port()))
    }

    /// The endpoint of IPv4 of which these are the 48 bits.
    #[inline]
    pub(crate) fn from_packed4(packed: u64) -> Self {
        Endpoint::v4((packed >> 16) as u32, packed as u16)
    }
}

/// In one step: how much of two endpoints is the same cannot be foretold.
impl PartialEq for Endpoint {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let address = (self.high ^ other.high) | (self.low ^ other.low);
        address | (self.key ^ other.key) == 0
    }
}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.high, self.low, self.key).hash(state);
    }
}

/// By address, IPv4 first, then by port.
impl Ord for Endpoint {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |of: &Endpoint| (of.is_v6(), of.high, of.low, of.key);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Endpoint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `192.0.2.1:80`, `[2001:db8::1]:80`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.ip(), self.port()).fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Named> for Endpoint {
    fn from(Named { ip, port }: Named) -> Self {
        Endpoint::new(ip, port)
    }
}

impl From<Endpoint> for Named {
    fn from(endpoint: Endpoint) -> Self {
        Named {
            ip: endpoint.ip(),
            port: endpoint.port(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_versions_are_kept_and_told_apart() {
        let addresses = [
            "0.0.0.0",
            "10.0.0.1",
            "255.255.255.255",
            "::",
            "::10.0.0.1",
            "::ffff:10.0.0.1",
            "2001:db8::1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ];
        let addresses: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        let ports = [0, 80, u16::MAX];
        let parts = |ip: &IpAddr| ports.map(|port| (*ip, port));
        let parts: Vec<_> = addresses.iter().flat_map(parts).collect();
        // They are in order by the standard library, too.
        assert!(parts.is_sorted());
        let endpoints: Vec<_> = parts
            .iter()
            .map(|&(ip, port)| Endpoint::new(ip, port))
            .collect();
        assert!(endpoints.is_sorted_by(|a, b| a < b && a != b));
        for (endpoint, &(ip, port)) in endpoints.iter().zip(&parts) {
            assert_eq!((endpoint.ip(), endpoint.port()), (ip, port));
            assert_eq!(endpoint.to_string(), SocketAddr::new(ip, port).to_string());
        }
    }
}
