//! How much is kept of one capture, over all its connections.
//!
//! In: the memory that was granted. Out: when there is too much, and which of the bounds that is. What gives way is
//! decided in `table`: always what was active least recently, by the order of the capture.

use super::shard::SHARDS;

/// How many connections are open at once unless the memory allows for fewer.
pub const MAX_CONNECTIONS: usize = 1 << 20;

/// How much memory is granted unless told, in octets.
pub const MEMORY: usize = 512 << 20;

/// How much room is made at once where a bound is met: this part of it.
const ROOM: usize = 16;

/// Bounds over all connections of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many are open at once. The one that was active least recently is ended, a closed one before an open one:
    /// of a closed one nothing is missing, so that it is but counted ([`Forgotten`](super::Forgotten)).
    pub connections: usize,
    /// How many octets of memory they take together. Again the one that was active least recently is ended.
    pub memory: usize,
    /// How many of these may be octets that wait ahead of a hole. The connection that was active least recently
    /// gives up its holes.
    pub waiting: usize,
    /// How many octets of memory fragments take beside that.
    pub fragments: usize,
}

impl Bounds {
    /// For so many octets of memory in all.
    pub fn of_memory(memory: usize) -> Self {
        let fragments = memory / 16;
        Bounds {
            connections: MAX_CONNECTIONS,
            memory: memory - fragments,
            waiting: memory / 2,
            fragments,
        }
    }

    /// The part of one of the tables that the connections are spread over.
    pub fn of_a_shard(&self) -> Bounds {
        Bounds {
            connections: (self.connections / SHARDS).max(1),
            memory: self.memory / SHARDS,
            waiting: self.waiting / SHARDS,
            fragments: 0,
        }
    }

    /// Whether `load` is too much.
    pub(super) fn are_met(&self, load: &Load) -> bool {
        load.connections > self.connections
            || load.weight.kept > self.memory
            || load.weight.waiting > self.waiting
    }

    /// The same with room for more.
    pub(super) fn with_room(&self) -> Bounds {
        let less = |bound: usize| bound - bound / ROOM;
        Bounds {
            connections: less(self.connections),
            memory: less(self.memory),
            waiting: less(self.waiting),
            ..*self
        }
    }

    /// Why a connection has to go, if one has to.
    pub(super) fn crowd(&self, load: &Load) -> Option<Crowd> {
        if load.connections > self.connections {
            Some(Crowd::Connections(load.connections as u64))
        } else if load.weight.kept > self.memory {
            Some(Crowd::Memory(load.weight.kept as u64))
        } else {
            None
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds::of_memory(MEMORY)
    }
}

/// Why a connection was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// So many were open at once.
    Connections(u64),
    /// All together took so many octets of memory.
    Memory(u64),
}

/// What is kept of a connection, in octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// All of it.
    pub(super) kept: usize,
    /// What waits ahead of a hole, or for what it answers.
    pub(super) waiting: usize,
}

/// What is kept of all connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) connections: usize,
    pub(super) weight: Weight,
}

impl Load {
    pub(super) fn add(&mut self, weight: Weight) {
        self.connections += 1;
        self.weight.kept += weight.kept;
        self.weight.waiting += weight.waiting;
    }

    pub(super) fn remove(&mut self, weight: Weight) {
        self.connections = self.connections.saturating_sub(1);
        self.exchange(weight, Weight::default());
    }

    /// A connection weighs something else now.
    pub(super) fn exchange(&mut self, before: Weight, now: Weight) {
        self.weight.kept = (self.weight.kept + now.kept).saturating_sub(before.kept);
        self.weight.waiting = (self.weight.waiting + now.waiting).saturating_sub(before.waiting);
    }
}
