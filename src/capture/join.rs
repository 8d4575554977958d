//! Which captures are parts of one recording?
//!
//! In: captures in the order in which they were named or found. Out: the same, with the parts of a recording in one
//! place, in the order of time. That a name counts up is not enough: the packets of each part must follow on those
//! of the part before, so captures are read here for their times. What overlaps stays apart, and is said.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use super::rotated::{Rotated, Series};
use super::{Capture, Part, Source};
use crate::time::{Span, Time};

/// How much earlier than the end of a part the next may begin, if no packet is in both. Where several interfaces are
/// recorded, packets are not always written in the order of time.
pub const OVERLAP: Span = Span::from_secs(1);

/// How many packets of an overlap are compared.
const COMPARED: usize = 100_000;

/// Captures, and recordings made of several.
#[derive(Debug, Default)]
pub struct Joined {
    /// In the order in which they were named or found, a recording in the place of its first part.
    pub sources: Vec<Source>,
    /// Parts that would have made a recording, but for their times.
    pub overlaps: Vec<Overlap>,
}

/// Two captures by whose names one would follow on the other, and whose times overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The one that begins first.
    pub first: PathBuf,
    /// The other.
    pub second: PathBuf,
    /// How long.
    pub time: Span,
    /// How many packets are in both, of those that were compared.
    pub same: usize,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Overlap {
            first,
            second,
            time,
            same,
        } = self;
        let (first, second) = (first.display(), second.display());
        write!(f, "{first} and {second} overlap by {time}")?;
        match same {
            0 => write!(f, ", with other packets; they were not joined"),
            1 => write!(f, ", and a packet is in both; they were not joined"),
            _ => write!(f, ", and {same} packets are in both; they were not joined"),
        }
    }
}

/// The time of the first and of the last packet.
type Times = (Time, Time);

/// What is known of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    times: Times,
    frames: u64,
}

/// Joins the captures that are parts of one recording: those whose names differ only in what counts up, and those
/// that are `named` one by one, whatever their names; in both cases only where their times follow on.
pub fn join(sources: Vec<Source>, named: &[PathBuf]) -> Joined {
    let mut joined = Joined::default();
    let mut known = BTreeMap::new();
    let one_by_one = named_files(&sources, named);
    let mut sets: Vec<Vec<Part>> = Vec::new();
    if let Some(set) = in_order(&one_by_one, &mut known).ok().flatten() {
        sets.push(set);
    } else {
        for members in series(&sources).values() {
            match in_order(members, &mut known) {
                Ok(set) => sets.extend(set),
                Err(overlap) => joined.overlaps.push(overlap),
            }
        }
    }
    joined.sources = unite(sources, sets);
    joined
}

/// Captures by whose names and times one recording seems to have been cut up, the first and how many there are of each
/// recording. The times are those of the first and of the last packet.
pub fn seem_to_be_parts<'a>(captures: &[(&'a Path, Times)]) -> Vec<(&'a Path, usize)> {
    let mut series: BTreeMap<Series, Vec<(Times, &Path)>> = BTreeMap::new();
    for &(path, times) in captures {
        if let Some(rotated) = Rotated::of(path).filter(Rotated::is_plain) {
            series
                .entry(rotated.series)
                .or_default()
                .push((times, path));
        }
    }
    let mut found = Vec::new();
    for mut members in series.into_values() {
        members.sort_unstable();
        let follow_on =
            members.is_sorted_by(|(one, _), (next, _)| next.0.since(one.1) >= Span::ZERO - OVERLAP);
        if let [(_, first), _, ..] = members.as_slice()
            && follow_on
        {
            found.push((*first, members.len()));
        }
    }
    found
}

fn named_files<'a>(sources: &'a [Source], named: &[PathBuf]) -> Vec<&'a Path> {
    let files = sources.iter().filter_map(Source::file);
    files
        .filter(|path| named.iter().any(|name| name == path))
        .collect()
}

/// Those whose names differ only in what counts up.
fn series(sources: &[Source]) -> BTreeMap<Series, Vec<&Path>> {
    let mut series: BTreeMap<Series, Vec<&Path>> = BTreeMap::new();
    for path in sources.iter().filter_map(Source::file) {
        if let Some(rotated) = Rotated::of(path) {
            series.entry(rotated.series).or_default().push(path);
        }
    }
    series
}

/// Two or more of them in the order of time, if each begins where the one before has ended.
fn in_order(
    members: &[&Path],
    known: &mut BTreeMap<PathBuf, Option<Extent>>,
) -> Result<Option<Vec<Part>>, Overlap> {
    if members.len() < 2 {
        return Ok(None);
    }
    let mut files: Vec<(Extent, &Path)> = Vec::new();
    for &path in members {
        let extent = *known.entry(path.to_owned()).or_insert_with(|| extent(path));
        // What has no packets, or cannot be read, is left where it is.
        files.extend(extent.map(|extent| (extent, path)));
    }
    files.sort_unstable_by_key(|&(extent, path)| (extent.times, Rotated::of(path), path));
    for pair in files.windows(2) {
        if let [(one, first), (next, second)] = pair {
            let time = one.times.1.since(next.times.0);
            if time > Span::ZERO {
                let overlap = overlap(first, second, next.times.0, time);
                if time > OVERLAP || overlap.same > 0 {
                    return Err(overlap);
                }
            }
        }
    }
    let mut frames_before = 0;
    let mut parts = Vec::new();
    for (extent, path) in files {
        parts.push(Part {
            path: path.to_owned(),
            frames_before,
        });
        frames_before += extent.frames;
    }
    Ok((parts.len() > 1).then_some(parts))
}

fn extent(path: &Path) -> Option<Extent> {
    let mut capture = Capture::open(path).ok()?;
    let mut times: Option<Times> = None;
    while let Some(packet) = capture.next_packet() {
        times = match times {
            None => Some((packet.time, packet.time)),
            Some((first, last)) => Some((first.min(packet.time), last.max(packet.time))),
        };
    }
    let summary = capture.finish();
    let frames = summary.packets + summary.events;
    times.map(|times| Extent { times, frames })
}

/// Compares the packets of the first from `since` on with those that the second begins with.
fn overlap(first: &Path, second: &Path, since: Time, time: Span) -> Overlap {
    let hasher = RandomState::new();
    let some_of = |path: &Path| -> Vec<u64> {
        let Ok(mut capture) = Capture::open(path) else {
            return Vec::new();
        };
        let mut some = Vec::new();
        while let Some(packet) = capture.next_packet() {
            if packet.time >= since && some.len() < COMPARED {
                some.push(hasher.hash_one((packet.time, packet.octets)));
            }
        }
        some
    };
    let of_first: HashSet<u64> = some_of(first).into_iter().collect();
    let of_second = some_of(second);
    Overlap {
        first: first.to_owned(),
        second: second.to_owned(),
        time,
        same: of_second
            .iter()
            .filter(|packet| of_first.contains(packet))
            .count(),
    }
}

/// Puts each set in the place of the first of its parts.
fn unite(sources: Vec<Source>, sets: Vec<Vec<Part>>) -> Vec<Source> {
    let mut set_of = BTreeMap::new();
    for (number, set) in sets.iter().enumerate() {
        set_of.extend(set.iter().map(|part| (part.path.clone(), number)));
    }
    let mut sets: Vec<Option<Vec<Part>>> = sets.into_iter().map(Some).collect();
    let mut united = Vec::new();
    for source in sources {
        match source.file().and_then(|path| set_of.get(path)) {
            None => united.push(source),
            Some(&number) => {
                united.extend(
                    sets.get_mut(number)
                        .and_then(Option::take)
                        .map(Source::Parts),
                );
            }
        }
    }
    united
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::PcapFile;
    use crate::capture::byte_order::ByteOrder;

    /// Captures in a folder of their own, each with packets at these seconds that carry their second.
    struct Folder(tempfile::TempDir);

    impl Folder {
        fn with(captures: &[(&str, &[u32])]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (name, seconds) in captures {
                let empty = PcapFile::new(ByteOrder::Little);
                let file = seconds.iter().fold(empty, |file, &second| {
                    file.record(second, 0, &second.to_be_bytes())
                });
                std::fs::write(folder.path().join(name), file.octets).unwrap();
            }
            Folder(folder)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn files(&self, names: &[&str]) -> Vec<Source> {
            names
                .iter()
                .map(|name| Source::File(self.path(name)))
                .collect()
        }

        fn parts(&self, parts: &[(&str, u64)]) -> Source {
            let part = |&(name, frames_before): &(&str, u64)| Part {
                path: self.path(name),
                frames_before,
            };
            Source::Parts(parts.iter().map(part).collect())
        }
    }

    #[test]
    fn parts_become_one_in_the_order_of_time_and_the_rest_stays() {
        let folder = Folder::with(&[
            ("a.pcap", &[10, 19]),
            ("a.pcap1", &[20, 29]),
            ("a.pcap10", &[40]),
            ("a.pcap2", &[30]),
            ("b.pcap", &[10]),
            ("c1.pcap", &[10, 30]),
            ("c2.pcap", &[11, 31]),
        ]);
        let names = [
            "b.pcap", "a.pcap", "a.pcap1", "a.pcap10", "a.pcap2", "c1.pcap", "c2.pcap",
        ];
        let joined = join(folder.files(&names), &[]);
        let expected = [
            folder.files(&["b.pcap"]),
            vec![folder.parts(&[
                ("a.pcap", 0),
                ("a.pcap1", 2),
                ("a.pcap2", 4),
                ("a.pcap10", 5),
            ])],
            folder.files(&["c1.pcap", "c2.pcap"]),
        ];
        assert_eq!(joined.sources, expected.concat());
        let [overlap] = joined.overlaps.as_slice() else {
            panic!("{:?}", joined.overlaps);
        };
        assert_eq!((overlap.time, overlap.same), (Span::from_secs(19), 0));
    }

    #[test]
    fn captures_named_one_by_one_are_joined_whatever_their_names() {
        let folder = Folder::with(&[("late.pcap", &[20]), ("early.pcap", &[10, 20])]);
        let sources = folder.files(&["late.pcap", "early.pcap"]);
        let named = [folder.path("late.pcap"), folder.path("early.pcap")];
        let joined = join(sources.clone(), &named);
        assert_eq!(
            joined.sources,
            [folder.parts(&[("early.pcap", 0), ("late.pcap", 2)])]
        );
        assert_eq!(join(sources.clone(), &[]).sources, sources);
    }

    #[test]
    fn the_same_packets_twice_are_noticed() {
        let folder = Folder::with(&[
            ("x1.pcap", &[10, 11, 12, 13]),
            ("x2.pcap", &[11, 12, 13, 14]),
        ]);
        let joined = join(folder.files(&["x1.pcap", "x2.pcap"]), &[]);
        let [overlap] = joined.overlaps.as_slice() else {
            panic!("{:?}", joined.overlaps);
        };
        assert_eq!((overlap.time, overlap.same), (Span::from_secs(2), 3));
        assert!(overlap.to_string().ends_with(
            "x2.pcap overlap by 2.000 s, and 3 packets are in both; they were not joined"
        ));
    }

    #[test]
    fn frames_count_on_through_all_parts() {
        let folder = Folder::with(&[
            ("a.pcap", &[10, 19]),
            ("a.pcap1", &[]),
            ("a.pcap2", &[20, 29]),
        ]);
        let parts = folder.parts(&[
            ("a.pcap", 0),
            ("a.pcap1", 2),
            ("missing.pcap", 2),
            ("a.pcap2", 2),
        ]);
        let mut capture = parts.open().unwrap();
        let mut seen = Vec::new();
        while let Some(packet) = capture.next_packet() {
            seen.push((packet.frame, packet.octets.to_vec()));
        }
        let expected = [10u32, 19, 20, 29].map(|second| second.to_be_bytes().to_vec());
        assert_eq!(seen, (1..).zip(expected).collect::<Vec<_>>());
        let summary = capture.finish();
        assert_eq!((summary.packets, summary.octets), (4, 2 * 64 + 24));
        let damaged: Vec<_> = summary
            .damage
            .iter()
            .map(|damage| (damage.part, damage.frame))
            .collect();
        assert_eq!(damaged, [(2, 3)], "the part that is missing");
        let place = |frame| {
            Part::with(parts.parts(), frame).map(|(part, frame)| (part.path.clone(), frame))
        };
        assert_eq!(place(2), Some((folder.path("a.pcap"), 2)));
        assert_eq!(place(3), Some((folder.path("a.pcap2"), 1)));
        assert_eq!(place(0), None);
    }

    #[test]
    fn ring_buffers_are_recognised_by_their_names_and_times() {
        let at = |seconds: i64| Time::from_nanos(i128::from(seconds) * 1_000_000_000);
        let path = Path::new;
        let captures = [
            (path("a_00002_20260131120500.pcapng"), (at(20), at(30))),
            (path("a_00001_20260131120000.pcapng"), (at(10), at(20))),
            (path("b.pcap"), (at(10), at(20))),
            (path("b.pcap1"), (at(20), at(30))),
            (path("c_00001_20260131120000.pcapng"), (at(10), at(20))),
            (path("c_00002_20260131120005.pcapng"), (at(15), at(30))),
        ];
        let found = seem_to_be_parts(&captures);
        assert_eq!(found, [(path("a_00001_20260131120000.pcapng"), 2)]);
    }
}
