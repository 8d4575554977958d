//! Which captures may be parts of one recording, by their names?
//!
//! In: paths. Out: what of a name stays the same in all parts, and what counts up: `tcpdump -C` appends a counter,
//! `-G` takes a time stamp into the name, and the ring buffers of dumpcap have both
//! (`a_00001_20260131120000.pcapng`). Whether the packets follow on is not asked here.

use std::path::{Path, PathBuf};

/// A name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rotated {
    /// The folder, and the name without what counts up.
    pub(super) series: Series,
    /// The digits of its time stamp.
    stamp: String,
    /// `None` sorts first: `tcpdump -C` appends nothing to the name of its first file.
    counter: Option<u64>,
}

/// What the parts of one recording have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    folder: PathBuf,
    name: String,
}

/// Endings that tell how a capture was compressed; they belong to no name.
const PACKED: [&str; 4] = [".gz", ".zst", ".lz4", ".xz"];

/// How many digits dumpcap gives a counter at least.
const DUMPCAP_DIGITS: usize = 5;

impl Rotated {
    pub(super) fn of(path: &Path) -> Option<Rotated> {
        let name = path.file_name()?.to_str()?;
        let name = PACKED
            .iter()
            .find_map(|ending| name.strip_suffix(ending))
            .unwrap_or(name);
        let runs = runs(name);
        let stamp = stamp(&runs);
        let counter = counter(&runs, stamp);
        let is_stamp = |at: usize| stamp.is_some_and(|(from, to)| (from..to).contains(&at));
        let mut kept = String::new();
        let mut digits = String::new();
        for (at, run) in runs.iter().enumerate() {
            if is_stamp(at) {
                digits.push_str(run.digits());
            } else if counter != Some(at) {
                kept.push_str(run.text);
            }
        }
        let counted = counter.and_then(|at| runs.get(at));
        Some(Rotated {
            series: Series {
                folder: path.parent().unwrap_or(Path::new("")).to_owned(),
                name: kept,
            },
            stamp: digits,
            counter: counted.and_then(|run| run.text.parse().ok()),
        })
    }

    /// Whether the name alone tells that something cut this recording up: it has a counter and a time stamp.
    pub(super) fn is_plain(&self) -> bool {
        self.counter.is_some() && !self.stamp.is_empty()
    }
}

/// Characters of one kind, as many as there are in a row.
#[derive(Clone, Copy, Debug)]
struct Run<'a> {
    text: &'a str,
}

impl<'a> Run<'a> {
    /// Its digits; nothing where it has none.
    fn digits(self) -> &'a str {
        if self.text.starts_with(|first: char| first.is_ascii_digit()) {
            self.text
        } else {
            ""
        }
    }

    /// Whether it may stand between the parts of a time stamp.
    fn is_separator(self) -> bool {
        matches!(self.text, "-" | "_" | "." | ":" | "T" | " ")
    }
}

/// A name as runs of digits and of other characters, which take turns.
fn runs(name: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest
            .find(|next: char| next.is_ascii_digit() != digits)
            .unwrap_or(rest.len());
        let (text, behind) = rest.split_at(end);
        runs.push(Run { text });
        rest = behind;
    }
    runs
}

/// Where the time stamp begins and ends, if there is one: `20260131`, `20260131120000`, `2026-01-31_12.00.00`, or
/// seconds since 1970.
fn stamp(runs: &[Run<'_>]) -> Option<(usize, usize)> {
    let digits = |at: usize| runs.get(at).map_or("", |run| run.digits());
    let follows = |at: usize, lengths: &[usize]| {
        runs.get(at).is_some_and(|run| run.is_separator())
            && lengths.contains(&digits(at + 1).len())
    };
    let begins = |&at: &usize| {
        let first = digits(at);
        let year = first.starts_with("19") || first.starts_with("20");
        match first.len() {
            4 => year && follows(at + 1, &[2]) && follows(at + 3, &[2]),
            8 | 12 | 14 => year,
            10 => first.starts_with('1'),
            _ => false,
        }
    };
    let from = (0..runs.len()).find(begins)?;
    let mut to = from + 1;
    // Day and month, hours, minutes and seconds, in one run or in several.
    while to - from < 11 && follows(to, &[2, 4, 6]) {
        to += 2;
    }
    Some((from, to))
}

/// Which run is the counter. Beside a time stamp only what programs put there: the counter of dumpcap before it, that
/// of tcpdump at the end. Else the last number of the name.
fn counter(runs: &[Run<'_>], stamp: Option<(usize, usize)>) -> Option<usize> {
    let is_number = |at: usize| runs.get(at).is_some_and(|run| !run.digits().is_empty());
    let Some((from, to)) = stamp else {
        return (0..runs.len()).rev().find(|&at| is_number(at));
    };
    let before = from.checked_sub(2).filter(|&at| {
        runs.get(at)
            .is_some_and(|run| run.digits().len() >= DUMPCAP_DIGITS)
    });
    let last = runs.len().checked_sub(1);
    before.or(last.filter(|&at| at >= to && is_number(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Rotated {
        Rotated::of(Path::new(path)).unwrap()
    }

    #[test]
    fn names_of_one_recording_are_alike() {
        let recordings = [
            vec!["a.pcap", "a.pcap1", "a.pcap2", "a.pcap10"],
            vec!["a.pcap00", "a.pcap01.gz", "a.pcap02"],
            vec![
                "a_00001_20260131120000.pcapng",
                "a_00002_20260131120500.pcapng.zst",
                "a_00010_20260131130000.pcapng",
            ],
            vec![
                "eth0-2026-01-31_12.00.00.pcap",
                "eth0-2026-01-31_13.00.00.pcap",
            ],
            vec!["web1-20260131-1200.pcap", "web1-20260201-1200.pcap"],
            vec!["trace1769860800", "trace1769864400"],
            vec!["x-20260131120000.pcap", "x-20260131120000.pcap1"],
            vec!["dir.1/part9.cap", "dir.1/part10.cap"],
        ];
        for names in recordings {
            let parts: Vec<Rotated> = names.iter().map(|name| of(name)).collect();
            assert!(parts.is_sorted(), "{parts:?}");
            let series = parts.iter().all(|part| part.series == parts[0].series);
            assert!(series, "{parts:?}");
        }
    }

    #[test]
    fn names_of_others_are_not() {
        let others = [
            (
                "web1_00001_20260131120000.pcap",
                "web2_00001_20260131120000.pcap",
            ),
            ("web1-20260131120000.pcap", "web2-20260131120000.pcap"),
            ("a/part1.pcap", "b/part2.pcap"),
            ("10.0.0.1-80.pcap", "10.0.0.2-80.pcap"),
            ("monday.pcap", "tuesday.pcap"),
            ("a.pcap", "a.pcapng"),
        ];
        for (one, other) in others {
            assert_ne!(of(one).series, of(other).series);
        }
    }

    #[test]
    fn only_a_counter_beside_a_time_stamp_is_plain() {
        assert!(of("a_00001_20260131120000.pcapng").is_plain());
        for name in ["a.pcap", "a.pcap1", "a-20260131.pcap", "a"] {
            assert!(!of(name).is_plain(), "{name}");
        }
    }
}
