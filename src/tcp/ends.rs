//! The two ends of a packet.
//!
//! In: its sender and its receiver. Out: what the table finds their connection by, and which side of it sent the
//! packet.

use std::hash::{BuildHasher, Hash, Hasher};

use super::{Peer, PerPeer};
use crate::packet::Endpoint;

/// The endpoints of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends<'a> {
    pub(super) src: &'a Endpoint,
    pub(super) dst: &'a Endpoint,
}

impl Ends<'_> {
    /// The same whichever of them sends.
    #[inline]
    pub(super) fn hash(&self, seed: &impl BuildHasher) -> u64 {
        let mut hasher = seed.build_hasher();
        if let Some((src, dst)) = self.keys4() {
            hasher.write_u64(src.min(dst));
            hasher.write_u64(src.max(dst));
        } else {
            self.src.min(self.dst).hash(&mut hasher);
            self.src.max(self.dst).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// What tells them from all others, if they are of IPv4.
    #[inline]
    fn keys4(&self) -> Option<(u64, u64)> {
        Some((self.src.key4()?, self.dst.key4()?))
    }

    /// Their ports, added, which is the same whichever of them sends.
    #[inline]
    pub(super) fn added_ports(&self) -> u32 {
        u32::from(self.src.port()) + u32::from(self.dst.port())
    }

    /// Which side sent the packet, if it belongs to a connection between these.
    #[inline]
    pub(super) fn sender_between(&self, ends: &PerPeer<Endpoint>) -> Option<Peer> {
        let sender = |is_client: bool| match is_client {
            true => Peer::Client,
            false => Peer::Server,
        };
        // Which of them sends cannot be foretold: so both are looked at.
        let (from, is_between) = match self.keys4() {
            Some((src, dst)) => {
                let from = sender(ends.client.has_key4(src));
                let is_dst = ends[from.other()].has_key4(dst);
                (from, ends[from].has_key4(src) & is_dst)
            }
            None => {
                let from = sender(*self.src == ends.client);
                let is_dst = *self.dst == ends[from.other()];
                (from, (*self.src == ends[from]) & is_dst)
            }
        };
        is_between.then_some(from)
    }
}

/// The two endpoints of a connection, in little memory if they are of IPv4: of those that are over, very many are kept.
#[derive(Debug)]
pub(super) enum Packed {
    V4 {
        addresses: PerPeer<u32>,
        ports: PerPeer<u16>,
    },
    Any(Box<PerPeer<Endpoint>>),
}

impl Packed {
    #[inline]
    pub(super) fn new(ends: &PerPeer<Endpoint>) -> Self {
        match (ends.client.packed4(), ends.server.packed4()) {
            (Some(client), Some(server)) => {
                let ends = PerPeer { client, server };
                Packed::V4 {
                    addresses: ends.map(|end| (end >> u16::BITS) as u32),
                    ports: ends.map(|end| end as u16),
                }
            }
            _ => Packed::Any(Box::new(*ends)),
        }
    }

    #[inline]
    pub(super) fn get(&self) -> PerPeer<Endpoint> {
        let endpoint = |address: u32, port: u16| {
            Endpoint::from_packed4(u64::from(address) << u16::BITS | u64::from(port))
        };
        match self {
            Packed::V4 { addresses, ports } => PerPeer {
                client: endpoint(addresses.client, ports.client),
                server: endpoint(addresses.server, ports.server),
            },
            Packed::Any(ends) => **ends,
        }
    }

    /// The memory that they take beside their own size, in octets.
    pub(super) fn weight(&self) -> usize {
        match self {
            Packed::V4 { .. } => 0,
            Packed::Any(_) => size_of::<PerPeer<Endpoint>>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use hashbrown::DefaultHashBuilder;

    use super::*;

    #[test]
    fn both_directions_have_one_hash_and_tell_who_sent() {
        let seed = DefaultHashBuilder::default();
        let all = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "::192.0.2.1"];
        let all = all.map(|ip| [80, 40_000].map(|port| Endpoint::new(ip.parse().unwrap(), port)));
        let all = all.concat();
        for (&client, &server) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
            let connection = PerPeer { client, server };
            let ends = |src, dst| Ends { src, dst };
            let (there, back) = (ends(&client, &server), ends(&server, &client));
            assert_eq!(there.hash(&seed), back.hash(&seed));
            assert_eq!(Packed::new(&connection).get(), connection);
            assert_eq!(there.sender_between(&connection), Some(Peer::Client));
            // Who sends to itself is called the client.
            let other = if client == server {
                Peer::Client
            } else {
                Peer::Server
            };
            assert_eq!(back.sender_between(&connection), Some(other));
            for third in all.iter().filter(|end| ![client, server].contains(end)) {
                let elsewhere = [ends(&client, third), ends(third, &server)];
                for ends in elsewhere {
                    assert_eq!(ends.sender_between(&connection), None);
                }
            }
        }
    }
}
