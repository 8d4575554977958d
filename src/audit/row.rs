//! What is told of a connection that is finished: all that any format prints, and no more.

use serde::{Deserialize, Serialize};

use super::judged::Judged;
use crate::connection::{CloseCause, Connection, Exchange, Gaps, Limit, Protocol, Versions};
use crate::http::Says;
use crate::packet::Endpoint;
use crate::rules::{Finding, Judgement, Verdict};
use crate::tcp::{Close, Latest, Peer, PerPeer, Side};
use crate::time::{At, Span};

/// A connection and what is said of it. The client is the side that opened it, as in the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The number of its capture among those that were read, from 0.
    #[serde(skip)]
    pub capture: usize,
    /// Its number in the capture (Wireshark's `tcp.stream`).
    pub stream: u64,
    /// The side that opened it.
    pub client: Endpoint,
    /// The side that accepted it.
    pub server: Endpoint,
    /// What it carried.
    pub protocol: Protocol,
    /// Its first packet.
    pub first: At,
    /// Its last packet.
    pub last: At,
    /// Its packets.
    pub packets: u64,
    /// Payload octets that the client sent.
    pub client_octets: u64,
    /// Payload octets that the server sent.
    pub server_octets: u64,
    /// Whether all of it is in the capture.
    pub whole: bool,
    /// Whether its SYN and SYN-ACK are.
    pub handshake: bool,
    /// From the SYN to the ACK of the SYN-ACK.
    pub rtt: Option<Span>,
    /// Octets that the capture lacks.
    pub missing: u64,
    /// TCP keep-alive probes of both sides.
    pub keepalives: u64,
    /// Requests of which the start line is complete.
    pub requests: u64,
    /// Final responses of which the status line is complete.
    pub responses: u64,
    /// Requests without any octet of a final response.
    pub unanswered: u64,
    /// The versions of the requests.
    pub version: Option<Versions>,
    /// What the last request says of persistence.
    pub client_asks: Option<Says>,
    /// What the last final response says of persistence.
    pub server_says: Option<Says>,
    /// The first advertised timeout, in seconds.
    pub timeout: Option<u32>,
    /// The first advertised max.
    pub max: Option<u32>,
    /// Whether it became something else, by a 101 or a 2xx to CONNECT.
    pub upgraded: bool,
    /// The gaps between exchanges, in order.
    pub idle_gaps: Gaps,
    /// The largest of them.
    pub idle_max: Option<Span>,
    /// From the end of the last exchange to the close, or to the end of the capture.
    pub idle_last: Option<Span>,
    /// Who closed it.
    pub close: Option<Close>,
    /// Why.
    pub close_cause: Option<CloseCause>,
    /// What is said of it.
    pub verdict: Verdict,
    /// Why nothing can be said of it.
    pub unknown_because: Option<Box<str>>,
    /// The bounds that it ran into.
    pub limits: Box<[Limit]>,
    /// What was found, in order.
    pub findings: Box<[Finding]>,
    /// The side that sends the requests.
    pub requester: Peer,
    /// Its exchanges, where they were asked for.
    pub exchanges: Option<Box<[Exchange]>>,
    /// What each side did, where exchanges were asked for.
    pub sides: Option<Box<PerPeer<Side>>>,
}

/// How much is kept of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extent {
    /// What concerns it as a whole.
    Connection,
    /// Each exchange, too.
    Exchanges,
}

impl Row {
    /// So much of a connection of the first capture.
    pub fn new(mut connection: Connection, judgement: Judgement, extent: Extent) -> Self {
        let client = connection.as_opened(Peer::Client);
        let facts = &connection.facts;
        let latest = Latest {
            stream: facts.stream,
            ends: PerPeer {
                client: facts.ends[client],
                server: facts.ends[client.other()],
            },
            packets: facts.packets,
            last: facts.last,
            seen_until: facts.seen_until,
        };
        let judged = Judged::of(&mut connection, judgement, extent, None);
        judged.into_row(&latest)
    }
}
