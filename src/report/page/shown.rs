//! Which connections the page shows, in bounded room.
//!
//! In: every connection that is listed, as it comes. Out: those that have a line in the table, and those of which a lane is
//! drawn. Which these are depends on nothing but the connections: not on the order in which they come, nor on threads.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::entry::Entry;
use super::lane::Lane;
use crate::audit::Row;
use crate::audit::least::Least;
use crate::capture::OpenError;
use crate::connection::Protocol;
use crate::rules::Verdict;

/// So many connections have a line in the table, where there is memory for them,
pub(super) const MOST_ENTRIES: usize = 20_000;

/// which there is for one in so many octets of all that may be taken.
const PER_ENTRY: usize = 3_200;

/// So many lanes are drawn.
pub(super) const MOST_LANES: usize = 200;

/// So many of them at most are of connections that were chosen for what was found; the others are a sample.
pub(super) const MOST_CHOSEN: usize = 150;

/// So many of them are of the first connections of each rule that found something.
pub(super) const OF_A_RULE: usize = 3;

/// So many different reasons why nothing can be said of connections are told.
const MOST_REASONS: usize = 100;

/// So many captures that could not be read are named.
const MOST_UNREADABLE: usize = 200;

/// Where a connection is: the number of its capture, and its own there.
pub(super) type Whereabouts = (usize, u64);

/// What is kept of the connections for the page.
#[derive(Debug)]
pub struct Shown {
    most_entries: usize,
    /// The worst first.
    entries: BTreeMap<(Rank, Whereabouts), Entry>,
    of_rules: BTreeMap<&'static str, BTreeMap<Whereabouts, Rc<Lane>>>,
    worst: BTreeMap<(Rank, Whereabouts), Rc<Lane>>,
    sample: BTreeMap<(u64, Whereabouts), Rc<Lane>>,
    reasons: Least<Box<str>, Reason, MOST_REASONS>,
    unreadable: Vec<String>,
    more_unreadable: u64,
}

/// How far to the front a connection comes: the worst first, then those that are unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Violation,
    Warning,
    Unknown,
    Ok,
}

impl Rank {
    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Violation => Rank::Violation,
            Verdict::Warning => Rank::Warning,
            Verdict::Unknown => Rank::Unknown,
            Verdict::Ok => Rank::Ok,
        }
    }
}

/// Why nothing can be said of some connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reason {
    pub(super) connections: u64,
    /// One of them.
    pub(super) first: Option<Whereabouts>,
}

impl Shown {
    /// Nothing yet, and no more than suits so many octets of memory.
    pub fn within(memory: usize) -> Self {
        Shown {
            most_entries: (memory / PER_ENTRY).min(MOST_ENTRIES),
            entries: BTreeMap::new(),
            of_rules: BTreeMap::new(),
            worst: BTreeMap::new(),
            sample: BTreeMap::new(),
            reasons: Least::default(),
            unreadable: Vec::new(),
            more_unreadable: 0,
        }
    }

    /// Takes a connection into account, with its exchanges where they are known.
    pub fn add(&mut self, row: &Row) {
        let whereabouts = (row.capture, row.stream);
        let place = (Rank::of(row.verdict), whereabouts);
        insert_least(&mut self.entries, self.most_entries, place, || {
            Entry::new(row)
        });
        self.note_reason(row);
        let mut lane = Once::of(row);
        for finding in &row.findings {
            let of_rule = self.of_rules.entry(finding.rule.name).or_default();
            insert_least(of_rule, OF_A_RULE, whereabouts, || lane.get());
        }
        if place.0 <= Rank::Warning {
            insert_least(&mut self.worst, MOST_CHOSEN, place, || lane.get());
        }
        let drawn = (scattered(whereabouts), whereabouts);
        insert_least(&mut self.sample, MOST_LANES, drawn, || lane.get());
    }

    /// Takes into account what could not be read.
    pub fn add_unreadable(&mut self, error: &OpenError) {
        if self.unreadable.len() < MOST_UNREADABLE {
            self.unreadable.push(error.to_string());
        } else {
            self.more_unreadable += 1;
        }
    }

    fn note_reason(&mut self, row: &Row) {
        let Some(because) = &row.unknown_because else {
            return;
        };
        // That a connection carries no HTTP/1 is told by its line.
        if row.protocol != Protocol::Http1 {
            return;
        }
        if let Some(reason) = self.reasons.entry(because) {
            let whereabouts = (row.capture, row.stream);
            reason.connections += 1;
            let first = reason.first.get_or_insert(whereabouts);
            *first = whereabouts.min(*first);
        }
    }

    /// The lines of the table, by capture and stream.
    pub(super) fn entries(&self) -> Vec<&Entry> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|((_, whereabouts), _)| *whereabouts);
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// The lanes, the worst first: some of each rule, then the worst, then the sample.
    pub(super) fn lanes(&self) -> Vec<&Lane> {
        let mut lanes: BTreeMap<Whereabouts, &Lane> = BTreeMap::new();
        let of_rules = self.of_rules.values().flat_map(BTreeMap::values);
        let tiers: [(usize, Vec<&Rc<Lane>>); 3] = [
            (MOST_CHOSEN, of_rules.collect()),
            (MOST_CHOSEN, self.worst.values().collect()),
            (MOST_LANES, self.sample.values().collect()),
        ];
        for (most, tier) in tiers {
            for lane in tier {
                if lanes.len() < most {
                    lanes.insert(lane.whereabouts, lane);
                }
            }
        }
        let mut lanes: Vec<&Lane> = lanes.into_values().collect();
        lanes.sort_by_key(|lane| (Rank::of(lane.verdict), lane.whereabouts));
        lanes
    }

    /// Why nothing can be said of some connections.
    pub(super) fn reasons(&self) -> impl Iterator<Item = (&str, &Reason)> {
        let reasons = self.reasons.iter();
        reasons.map(|(because, reason)| (&**because, reason))
    }

    /// What could not be read, and how many more there are.
    pub(super) fn unreadable(&self) -> (&[String], u64) {
        (&self.unreadable, self.more_unreadable)
    }
}

/// The lane of a connection, drawn if it is asked for.
struct Once<'a> {
    row: &'a Row,
    lane: Option<Rc<Lane>>,
}

impl<'a> Once<'a> {
    fn of(row: &'a Row) -> Self {
        Once { row, lane: None }
    }

    fn get(&mut self) -> Rc<Lane> {
        let lane = self
            .lane
            .get_or_insert_with(|| Rc::new(Lane::new(self.row)));
        Rc::clone(lane)
    }
}

/// Adds what is made, unless there are `most` with lesser keys.
fn insert_least<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    most: usize,
    key: K,
    make: impl FnOnce() -> V,
) {
    let is_full = map.len() >= most;
    if is_full && map.last_key_value().is_none_or(|(last, _)| *last <= key) {
        return;
    }
    map.insert(key, make());
    if map.len() > most {
        map.pop_last();
    }
}

/// A number that has nothing to do with the place of a connection, so that those with the least are an even sample
/// (the finalizer of SplitMix64).
fn scattered((capture, stream): Whereabouts) -> u64 {
    let mut number = (capture as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(stream);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
