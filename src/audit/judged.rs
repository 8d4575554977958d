//! A connection and what is said of it, on its way to the results.

use super::{Plan, Row, Sighting, Surveying};
use crate::connection::{Connection, Exchange};
use crate::rules::judge;
use crate::tcp::Latest;

/// A connection that was judged.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) row: Row,
    /// What it tells of its server, where that is asked for.
    pub(super) sighting: Option<Box<Sighting>>,
}

impl Judged {
    pub(super) fn new(mut connection: Connection, plan: &Plan) -> Self {
        let judgement = judge(&connection, &plan.settings);
        let sighting = match plan.survey {
            Surveying::Asked => Some(Box::new(Sighting::new(&connection, &judgement))),
            Surveying::NotAsked => None,
        };
        Judged {
            sighting,
            row: Row::of(&mut connection, judgement, plan.extent),
        }
    }

    /// Takes notice of the packets that still came when it had been judged.
    pub(super) fn amend(&mut self, latest: Latest) {
        (self.row.packets, self.row.last) = (latest.packets, latest.last);
    }

    /// The memory that it takes, in octets: more or less.
    pub(super) fn weight(&self) -> usize {
        let row = &self.row;
        let exchanges = row
            .exchanges
            .as_ref()
            .map_or(0, |exchanges| exchanges.len());
        size_of::<Self>()
            + size_of_val(&*row.idle_gaps)
            + row.findings.len() * FINDING
            + exchanges * (size_of::<Exchange>() + TARGET)
    }
}

/// What a finding takes with its message and frames.
const FINDING: usize = 256;

/// What the method and target of a request usually take.
const TARGET: usize = 64;
