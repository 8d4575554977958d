//! Why nothing can be said of some connections: one line for those of a capture that share a reason.

use std::collections::BTreeMap;

use super::document::Document;
use crate::audit::Row;
use crate::connection::Protocol;

/// So many streams are named in a line.
const NAMED: usize = 8;

/// `a.pcap, streams 0, 4 and 7: the capture starts inside the connection`, by capture and first stream.
pub(super) fn unknowns(document: &Document<'_>) -> Vec<String> {
    let mut groups: BTreeMap<(usize, &str), Vec<&Row>> = BTreeMap::new();
    for row in document.rows {
        if let Some(because) = because(row) {
            groups.entry((row.capture, because)).or_default().push(row);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|((capture, _), rows)| (*capture, rows.first().map(|row| row.stream)));
    let lines = groups.into_iter().filter_map(|((_, because), rows)| {
        let capture = document.capture(rows.first()?);
        Some(format!("{capture}, {}: {because}", streams(&rows)))
    });
    lines.collect()
}

/// That a connection carries no HTTP/1 is told by its row.
fn because(row: &Row) -> Option<&str> {
    let because = row.unknown_because.as_deref();
    because.filter(|_| row.protocol == Protocol::Http1)
}

fn streams(rows: &[&Row]) -> String {
    let names: Vec<String> = rows.iter().map(|row| row.stream.to_string()).collect();
    match names.as_slice() {
        [one] => format!("stream {one}"),
        [some @ .., last] if some.len() < NAMED => {
            format!("streams {} and {last}", some.join(", "))
        }
        many => {
            let (named, others) = many.split_at(many.len().min(NAMED));
            format!("streams {} and {} more", named.join(", "), others.len())
        }
    }
}
