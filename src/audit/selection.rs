//! Which connections are listed.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Row;
use crate::connection::Protocol;
use crate::packet::Endpoint;
use crate::rules::Verdict;

/// What was asked for; an empty list asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// What they carry; empty for anything.
    pub protocols: Vec<Protocol>,
    /// Their numbers in their captures.
    pub streams: Vec<u64>,
    /// Their servers.
    pub servers: Vec<ServerFilter>,
    /// What is said of them.
    pub verdicts: Vec<Verdict>,
}

/// A server, on any port or on one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFilter {
    /// Its address.
    pub ip: IpAddr,
    /// Its port; `None` for any.
    pub port: Option<u16>,
}

impl ServerFilter {
    fn matches(&self, server: Endpoint) -> bool {
        self.ip == server.ip() && self.port.is_none_or(|port| port == server.port())
    }
}

impl Selection {
    /// Whether this connection was asked for.
    pub fn includes(&self, row: &Row) -> bool {
        is_among(&self.protocols, &row.protocol)
            && is_among(&self.streams, &row.stream)
            && is_among(&self.verdicts, &row.verdict)
            && (self.servers.is_empty()
                || self.servers.iter().any(|filter| filter.matches(row.server)))
    }
}

fn is_among<T: PartialEq>(wanted: &[T], found: &T) -> bool {
    wanted.is_empty() || wanted.contains(found)
}
