//! What one client did with its connections to one server, as sums.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Row;
use super::histogram::{Coarse, Fine, Witness};
use super::loss::LossKind;
use super::sighting::{Idleness, LastIdle};
use crate::time::Span;

/// Stands for a client, so that those that matter come first: proxies and load balancers mostly have addresses that are
/// not routed, and browsers are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientKey {
    reach: Reach,
    /// Its address.
    pub ip: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Near,
    Global,
}

impl ClientKey {
    /// That of this address.
    pub fn new(ip: IpAddr) -> Self {
        let near = match ip {
            IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
            IpAddr::V6(v6) => {
                v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local()
            }
        };
        let reach = if near { Reach::Near } else { Reach::Global };
        ClientKey { reach, ip }
    }
}

/// What one client did with its connections to one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its connections.
    pub connections: u64,
    /// Its requests.
    pub requests: u64,
    /// For how long its connections had been idle when it used them again, whatever came of it.
    pub reuses: Coarse,
    /// After how long it closed idle connections.
    pub closes: Fine,
    /// For how long it left idle connections open: until it used them again, the server closed, or the capture ended.
    pub outlived: Coarse,
    /// Idle connections that the server closed under its hands.
    pub closed_by_server: u64,
    /// Times from SYN to ACK.
    pub rtt: Sum,
    /// Its requests that met a closing connection.
    pub lost: BTreeMap<LossKind, u64>,
}

impl Client {
    pub(super) fn add(&mut self, row: &Row, idleness: &Idleness) {
        self.connections += 1;
        self.requests += row.requests;
        if let Some(rtt) = row.rtt {
            self.rtt.add(rtt);
        }
        for &(gap, _) in &idleness.gaps {
            self.reuses.add(gap, Witness::New);
            self.outlived.add(gap, Witness::New);
        }
        let Some((last, ended_by)) = idleness.last else {
            return;
        };
        match ended_by {
            LastIdle::Client => self.closes.add(last, Witness::New),
            _ => self.outlived.add(last, Witness::New),
        }
        self.closed_by_server += u64::from(ended_by == LastIdle::Server);
    }

    /// Adds what was seen elsewhere.
    pub fn merge(&mut self, other: &Client) {
        self.connections += other.connections;
        self.requests += other.requests;
        self.reuses.merge(&other.reuses);
        self.closes.merge(&other.closes);
        self.outlived.merge(&other.outlived);
        self.closed_by_server += other.closed_by_server;
        self.rtt.merge(other.rtt);
        for (&kind, number) in &other.lost {
            *self.lost.entry(kind).or_default() += number;
        }
    }
}

/// A sum of spans, and of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Their sum in nanoseconds.
    pub nanos: i128,
}

impl Sum {
    /// Adds a span.
    pub fn add(&mut self, span: Span) {
        self.count += 1;
        self.nanos += i128::from(span.nanos());
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Sum) {
        self.count += other.count;
        self.nanos += other.nanos;
    }

    /// Their mean.
    pub fn mean(self) -> Option<Span> {
        let mean = self.nanos.checked_div(i128::from(self.count))?;
        i64::try_from(mean).ok().map(Span::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_near_come_first() {
        let key = |text: &str| ClientKey::new(text.parse().unwrap());
        let mut keys = [
            "8.8.8.8",
            "192.168.0.1",
            "2001:db8::1",
            "127.0.0.1",
            "fd00::1",
        ]
        .map(key);
        keys.sort();
        let order = keys.map(|key| key.ip.to_string());
        assert_eq!(
            order,
            [
                "127.0.0.1",
                "192.168.0.1",
                "fd00::1",
                "8.8.8.8",
                "2001:db8::1"
            ]
        );
    }
}
