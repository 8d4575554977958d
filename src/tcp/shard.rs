//! Which of a fixed number of tables a connection is in.
//!
//! In: two endpoints. Out: a number that is the same for both directions, and the same today and tomorrow: each table
//! has its own part of the bounds, so that what gives way must not depend on a seed, nor on how many threads there are.

use crate::packet::Endpoint;

/// How many tables the connections of a capture are spread over. Few, because one connection may take no more memory
/// than is granted to its table; and whoever keeps some of them has to read all of the capture.
pub const SHARDS: usize = 1 << SHARD_BITS;

const SHARD_BITS: u32 = 2;

/// 2 to the power of 64 by the golden ratio: multiples of it lie apart (Knuth, The Art of Computer Programming 6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number of the table that the connection between these is in, below [`SHARDS`].
pub fn shard(a: Endpoint, b: Endpoint) -> usize {
    let addresses = a.folded_address().wrapping_add(b.folded_address());
    let ports = u64::from(a.port()) + u64::from(b.port());
    let spread = addresses
        .wrapping_mul(SPREAD)
        .rotate_left(32)
        .wrapping_add(ports);
    (spread.wrapping_mul(SPREAD) >> (u64::BITS - SHARD_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(ip: &str, port: u16) -> Endpoint {
        Endpoint::new(ip.parse().unwrap(), port)
    }

    #[test]
    fn both_directions_are_in_one() {
        for ips in [
            ("192.0.2.1", "198.51.100.7"),
            ("2001:db8::1", "2001:db8::2"),
        ] {
            for port in 1024..2048 {
                let (a, b) = (endpoint(ips.0, port), endpoint(ips.1, 80));
                assert_eq!(shard(a, b), shard(b, a));
            }
        }
    }

    #[test]
    fn many_connections_are_spread_evenly() {
        let near = |counts: [u32; SHARDS]| counts.iter().all(|count| (900..1100).contains(count));
        let spread = |pairs: &mut dyn Iterator<Item = (Endpoint, Endpoint)>| {
            let mut counts = [0; SHARDS];
            pairs.for_each(|(a, b)| counts[shard(a, b)] += 1);
            counts
        };
        let server = endpoint("192.0.2.1", 80);
        let ports = spread(&mut (30_000..34_000).map(|port| (endpoint("192.0.2.9", port), server)));
        assert!(near(ports), "{ports:?}");
        // Linux gives every other port to those who connect.
        let odd = (30_001..38_001).step_by(2);
        let odd = spread(&mut odd.map(|port| (endpoint("2001:db8::7", port), server)));
        assert!(near(odd), "{odd:?}");
        let host = |host: u32| std::net::Ipv4Addr::from_bits(0x0a00_0000 + host);
        let hosts = (0..4000).map(|number| Endpoint::new(host(number).into(), 4000));
        let hosts = spread(&mut hosts.map(|host| (host, server)));
        assert!(near(hosts), "{hosts:?}");
    }
}
