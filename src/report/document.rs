//! All that a report is made from.

use std::borrow::Cow;
use std::path::Path;

use crate::audit::{Reading, Row, Totals};
use crate::capture::Part;

/// What was read, what is listed, and the sums over it.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// The captures, in order.
    pub readings: &'a [Reading],
    /// The connections that are listed, by capture, then by stream.
    pub rows: &'a [Row],
    /// The sums over them.
    pub totals: &'a Totals,
}

impl<'a> Document<'a> {
    /// The path of a row's capture, as given. What is no Unicode in it is replaced.
    pub(super) fn capture(&self, row: &Row) -> Cow<'a, str> {
        let reading = self.readings.get(row.capture);
        reading
            .map_or(Path::new(""), |reading| &reading.path)
            .to_string_lossy()
    }

    /// The files of a row's capture that were read as one, if it was several.
    pub(super) fn parts(&self, row: &Row) -> &'a [Part] {
        let reading = self.readings.get(row.capture);
        reading.map_or(&[], |reading| &reading.parts)
    }

    /// Connections of the captures that are not listed.
    pub(super) fn unlisted(&self) -> u64 {
        let all: u64 = self
            .readings
            .iter()
            .map(|reading| reading.connections)
            .sum();
        all.saturating_sub(self.rows.len() as u64)
    }
}
