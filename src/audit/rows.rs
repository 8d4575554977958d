//! The connections that are listed, where they have to be kept until all are known.
//!
//! In: rows. Out: as many of them as there is memory for, by capture and stream, and how many there were no room for.

use std::mem::size_of_val;

use super::Row;

/// Where rows are kept, this part of the memory is for them.
pub const SHARE: usize = 4;

/// Rows within a bound.
#[derive(Debug)]
pub struct Rows {
    rows: Vec<Row>,
    /// What they take beside their own size, in octets.
    beside: usize,
    most: usize,
    left_out: u64,
}

impl Rows {
    /// For so many octets of memory.
    pub fn within(most: usize) -> Self {
        Rows {
            rows: Vec::new(),
            beside: 0,
            most,
            left_out: 0,
        }
    }

    /// Adds one, if there is room.
    pub fn push(&mut self, row: Row) {
        let beside = self.beside + weight(&row);
        let mut room = self.rows.capacity();
        if self.rows.len() == room {
            room = (2 * room).max(16);
        }
        if beside + room * size_of::<Row>() > self.most {
            self.left_out += 1;
            return;
        }
        self.rows.reserve_exact(room - self.rows.len());
        self.beside = beside;
        self.rows.push(row);
    }

    /// Those that were kept, by capture, then by stream.
    pub fn sorted(&mut self) -> &[Row] {
        self.rows
            .sort_unstable_by_key(|row| (row.capture, row.stream));
        &self.rows
    }

    /// How many there was no room for.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// What a row takes beside its own size, in octets.
fn weight(row: &Row) -> usize {
    let findings = row.findings.iter();
    let texts: usize = findings
        .map(|finding| finding.message.len() + size_of_val(&*finding.frames))
        .sum();
    let exchanges = row.exchanges.iter().flatten();
    let lines: usize = exchanges
        .map(|exchange| {
            exchange
                .request
                .as_ref()
                .map_or(0, |asked| asked.line.len())
        })
        .sum();
    let lists = size_of_val(&*row.findings)
        + row.idle_gaps.weight()
        + size_of_val(&*row.limits)
        + row.exchanges.as_deref().map_or(0, size_of_val)
        + row.sides.as_deref().map_or(0, size_of_val);
    texts + lines + lists + row.unknown_because.as_deref().map_or(0, str::len)
}
