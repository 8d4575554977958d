//! The two sides of a connection: [`Peer`] says who, [`PerPeer`] holds one of each.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Peer {
    /// The side that opened the connection, or sends the requests.
    Client,
    /// The side that accepted it.
    Server,
}

impl Peer {
    /// Both, the client first.
    pub const BOTH: [Peer; 2] = [Peer::Client, Peer::Server];

    /// The other side.
    pub fn other(self) -> Peer {
        match self {
            Peer::Client => Peer::Server,
            Peer::Server => Peer::Client,
        }
    }

    /// `client` or `server`.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Client => "client",
            Peer::Server => "server",
        }
    }
}

/// One of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerPeer<T> {
    /// The client's.
    pub client: T,
    /// The server's.
    pub server: T,
}

impl<T> PerPeer<T> {
    /// `peer`'s and the other side's, in that order.
    pub fn split_mut(&mut self, peer: Peer) -> (&mut T, &mut T) {
        match peer {
            Peer::Client => (&mut self.client, &mut self.server),
            Peer::Server => (&mut self.server, &mut self.client),
        }
    }

    /// Exchanges the two: who was taken for the client is the server.
    pub fn swap(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
    }

    /// One of each, worked out from these.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> PerPeer<U> {
        PerPeer {
            client: f(self.client),
            server: f(self.server),
        }
    }
}

impl<T> Index<Peer> for PerPeer<T> {
    type Output = T;

    fn index(&self, peer: Peer) -> &T {
        match peer {
            Peer::Client => &self.client,
            Peer::Server => &self.server,
        }
    }
}

impl<T> IndexMut<Peer> for PerPeer<T> {
    fn index_mut(&mut self, peer: Peer) -> &mut T {
        match peer {
            Peer::Client => &mut self.client,
            Peer::Server => &mut self.server,
        }
    }
}
