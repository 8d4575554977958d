//! What was read of one capture, beside the connections that are listed.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Row;
use crate::capture::{Damage, Part, Summary};
use crate::connection::{Beside, Limit};

/// What was read of one capture.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reading {
    /// The path as given, that of the first part where several files were read as one.
    #[serde(skip)]
    pub path: PathBuf,
    /// The files that were read as one, if it was several.
    pub parts: Vec<Part>,
    /// Its packets, and what was damaged.
    pub summary: Summary,
    /// What there was beside its connections.
    pub beside: Beside,
    /// All its connections, whether they are listed or not.
    pub connections: u64,
    /// Those that ran into a bound.
    pub limited: u64,
    /// The first [`Reading::BOUNDS_KEPT`] of them, in the order in which they were finished.
    pub bounds_met: Vec<BoundMet>,
}

/// A connection that ran into a bound, so that not all can be known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundMet {
    /// The connection.
    pub stream: u64,
    /// Its last packet.
    pub last_frame: u64,
    /// The bound.
    pub limit: Limit,
}

impl fmt::Display for BoundMet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BoundMet {
            stream,
            last_frame,
            limit: Limit { what, amount },
        } = self;
        write!(
            f,
            "stream {stream}, up to frame {last_frame}: a bound was met: {what} ({amount})"
        )
    }
}

impl BoundMet {
    pub(super) fn of(row: &Row) -> Option<Self> {
        Some(BoundMet {
            stream: row.stream,
            last_frame: row.last.frame,
            limit: *row.limits.first()?,
        })
    }
}

impl Reading {
    /// How many connections that ran into a bound are kept one by one.
    pub const BOUNDS_KEPT: usize = 100;

    /// The path of the file in which this damage is.
    pub fn path_of(&self, damage: &Damage) -> &Path {
        let part = self.parts.get(damage.part);
        part.map_or(&self.path, |part| &part.path)
    }

    /// Whether a bound kept anything from being known.
    pub fn is_limited(&self) -> bool {
        self.limited > 0 || self.beside.fragments.evicted > 0
    }

    /// Adds a connection of it, and the bound that it ran into.
    pub(super) fn note(&mut self, met: Option<BoundMet>) {
        self.connections += 1;
        let Some(met) = met else {
            return;
        };
        self.limited += 1;
        if self.bounds_met.len() < Self::BOUNDS_KEPT {
            self.bounds_met.push(met);
        }
    }
}
