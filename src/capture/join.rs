//! Which captures are parts of one recording?
//!
//! In: captures in the order in which they were named or found. Out: the same, with the parts of a recording in one
//! place, in the order of time. That a name counts up is not enough: the packets of each part must follow on those
//! of the part before, so captures are read here for their times. What overlaps stays apart, and is said.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::rotated::{Rotated, Series};
use super::{Capture, Monitor, Part, Source};
use crate::time::{Span, Time};

/// How much earlier than the end of a part the next may begin, if no packet is in both. Where several interfaces are
/// recorded, packets are not always written in the order of time.
pub const OVERLAP: Span = Span::from_secs(1);

/// How many packets of an overlap are compared.
const COMPARED: usize = 100_000;

/// How many captures are read for their times at once: each may take a quarter of the memory to be unpacked.
const AT_ONCE: usize = 4;

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
    /// How many packets of the second were compared: the first ones.
    pub compared: usize,
    /// How many of those are in the first, too.
    pub same: usize,
    /// How the second ends.
    pub end: OverlapEnd,
}

/// Where the second of two captures that overlap ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverlapEnd {
    /// Not behind the first.
    Within,
    /// Behind it.
    Behind,
}

impl Overlap {
    /// Whether the second has nothing that is not in the first, too.
    fn is_copy(&self) -> bool {
        self.end == OverlapEnd::Within && self.same == self.compared && self.same > 0
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Overlap {
            first,
            second,
            time,
            same,
            ..
        } = self;
        let (first, second) = (first.display(), second.display());
        if self.is_copy() {
            return write!(
                f,
                "the packets of {second} are in {first}, too; it was not joined"
            );
        }
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

/// A capture of which something is known.
#[derive(Clone, Copy, Debug)]
struct File<'a> {
    path: &'a Path,
    extent: Extent,
}

/// What reading captures for their times may take.
#[derive(Clone, Debug)]
pub struct Means {
    /// So many octets of memory.
    pub memory: usize,
    /// So many threads.
    pub threads: NonZeroUsize,
    /// Who watches.
    pub monitor: Arc<Monitor>,
}

/// Joins the captures that are parts of one recording: those whose names differ only in what counts up, and those
/// that are `named` one by one, whatever their names; in both cases only where their times follow on. What is only a copy
/// of a part is left out of the recording.
pub fn join(sources: Vec<Source>, named: &[PathBuf], means: &Means) -> Joined {
    let one_by_one = named_files(&sources, named);
    let series = series(&sources);
    let groups = series.values().chain([&one_by_one]);
    let known = extents(groups.filter(|group| group.len() > 1).flatten(), means);
    let mut joined = Joined::default();
    let mut sets = Vec::new();
    match in_order(&one_by_one, &known) {
        Ok(set) if set.parts.len() > 1 => {
            sets.push(set.parts);
            joined.overlaps = set.copies;
        }
        _ => {
            for members in series.values() {
                match in_order(members, &known) {
                    Ok(set) => {
                        joined.overlaps.extend(set.copies);
                        sets.extend((set.parts.len() > 1).then_some(set.parts));
                    }
                    Err(overlap) => joined.overlaps.push(overlap),
                }
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
    let mut plain = BTreeSet::new();
    for &(path, times) in captures {
        if let Some(rotated) = Rotated::of(path) {
            // The first part that tcpdump -G -C writes at a time has no counter yet.
            if rotated.is_plain() {
                plain.insert(rotated.series.clone());
            }
            let members = series.entry(rotated.series).or_default();
            members.push((times, path));
        }
    }
    series.retain(|series, _| plain.contains(series));
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

/// Each of them once, however often it is named.
fn named_files<'a>(sources: &'a [Source], named: &[PathBuf]) -> BTreeSet<&'a Path> {
    let named: BTreeSet<&Path> = named.iter().map(PathBuf::as_path).collect();
    let files = sources.iter().filter_map(Source::file);
    files.filter(|path| named.contains(path)).collect()
}

/// Those whose names differ only in what counts up.
fn series(sources: &[Source]) -> BTreeMap<Series, BTreeSet<&Path>> {
    let mut series: BTreeMap<Series, BTreeSet<&Path>> = BTreeMap::new();
    for path in sources.iter().filter_map(Source::file) {
        if let Some(rotated) = Rotated::of(path) {
            series.entry(rotated.series).or_default().insert(path);
        }
    }
    series
}

/// Captures that follow on, and copies of what is in them.
struct Ordered {
    parts: Vec<Part>,
    copies: Vec<Overlap>,
}

/// All of them in the order of time, if each begins where the one before has ended.
fn in_order(
    members: &BTreeSet<&Path>,
    known: &BTreeMap<&Path, Extent>,
) -> Result<Ordered, Overlap> {
    // What has no packets, or cannot be read, is left where it is.
    let extents = members.iter().filter_map(|path| known.get_key_value(path));
    let mut files: Vec<File<'_>> = extents
        .map(|(&path, &extent)| File { path, extent })
        .collect();
    files.sort_unstable_by_key(|file| (file.extent.times, Rotated::of(file.path), file.path));
    let mut ordered = Ordered {
        parts: Vec::new(),
        copies: Vec::new(),
    };
    let mut before: Option<File<'_>> = None;
    let mut frames_before = 0;
    for file in files {
        match before.and_then(|before| overlap(before, file)) {
            Some(overlap) if overlap.is_copy() => {
                ordered.copies.push(overlap);
                continue;
            }
            Some(overlap) => return Err(overlap),
            None => before = Some(file),
        }
        ordered.parts.push(Part {
            path: file.path.to_owned(),
            frames_before,
        });
        frames_before += file.extent.frames;
    }
    Ok(ordered)
}

/// How the second overlaps the first, where that keeps it from being the next part.
fn overlap(first: File<'_>, second: File<'_>) -> Option<Overlap> {
    let time = first.extent.times.1.since(second.extent.times.0);
    if time <= Span::ZERO {
        return None;
    }
    let overlap = compare(first, second, time);
    (time > OVERLAP || overlap.same > 0).then_some(overlap)
}

/// What is known of these captures, those left out of which nothing is.
fn extents<'a>(
    paths: impl Iterator<Item = &'a &'a Path>,
    means: &Means,
) -> BTreeMap<&'a Path, Extent> {
    let paths: BTreeSet<&Path> = paths.copied().collect();
    let paths: Vec<&Path> = paths.into_iter().collect();
    let (next, known) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        while let Some(&path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(extent) = extent(path, means) {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(path, extent);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..means.threads.get().min(AT_ONCE).min(paths.len()) {
            // Where the system gives no more threads, fewer do.
            _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    known.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn extent(path: &Path, means: &Means) -> Option<Extent> {
    let source = Source::File(path.to_owned());
    let mut capture = source.open_watched(means.memory, &means.monitor).ok()?;
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

/// Compares the packets of the first, from where the second begins, with those that the second begins with.
fn compare(first: File<'_>, second: File<'_>, time: Span) -> Overlap {
    let (since, until) = second.extent.times;
    let hasher = RandomState::new();
    let some_of = |path: &Path| -> Vec<u64> {
        let Ok(mut capture) = Capture::open(path) else {
            return Vec::new();
        };
        let mut some = Vec::new();
        while some.len() < COMPARED
            && let Some(packet) = capture.next_packet()
        {
            if packet.time >= since {
                some.push(hasher.hash_one((packet.time, packet.octets)));
            }
        }
        some
    };
    let of_first: HashSet<u64> = some_of(first.path).into_iter().collect();
    let of_second = some_of(second.path);
    Overlap {
        first: first.path.to_owned(),
        second: second.path.to_owned(),
        time,
        compared: of_second.len(),
        end: if until <= first.extent.times.1 {
            OverlapEnd::Within
        } else {
            OverlapEnd::Behind
        },
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

    /// Joins with all that is needed.
    fn join(sources: Vec<Source>, named: &[PathBuf]) -> Joined {
        let means = Means {
            memory: usize::MAX,
            threads: NonZeroUsize::new(3).unwrap(),
            monitor: Arc::default(),
        };
        super::join(sources, named, &means)
    }

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
    fn a_copy_of_a_part_is_noticed_and_the_others_are_joined() {
        let folder = Folder::with(&[
            ("a1.pcap", &[10, 11, 12]),
            ("a2.pcap", &[12, 20, 21, 22]),
            ("a3.pcap", &[30, 31]),
            ("a7.pcap", &[20, 21]),
        ]);
        let names = ["a1.pcap", "a2.pcap", "a3.pcap", "a7.pcap"];
        let joined = join(folder.files(&names), &[]);
        let set = folder.parts(&[("a1.pcap", 0), ("a2.pcap", 3), ("a3.pcap", 7)]);
        let copy = folder.files(&["a7.pcap"]);
        assert_eq!(joined.sources, [vec![set], copy].concat());
        let [overlap] = joined.overlaps.as_slice() else {
            panic!("{:?}", joined.overlaps);
        };
        let said = overlap.to_string();
        assert!(said.ends_with("a2.pcap, too; it was not joined"), "{said}");
        assert!(said.contains("a7.pcap are in"), "{said}");
    }

    #[test]
    fn a_part_that_is_named_twice_is_read_once() {
        let folder = Folder::with(&[("a1.pcap", &[10, 11]), ("a2.pcap", &[20, 21])]);
        let joined = join(folder.files(&["a1.pcap", "a2.pcap", "a1.pcap"]), &[]);
        let set = folder.parts(&[("a1.pcap", 0), ("a2.pcap", 2)]);
        assert_eq!((joined.sources, joined.overlaps), (vec![set], Vec::new()));
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
            (path("d-20260131120000.pcap"), (at(10), at(15))),
            (path("d-20260131120000.pcap1"), (at(15), at(20))),
            (path("d-20260131120500.pcap"), (at(20), at(30))),
            (path("b.pcap"), (at(10), at(20))),
            (path("b.pcap1"), (at(20), at(30))),
            (path("c_00001_20260131120000.pcapng"), (at(10), at(20))),
            (path("c_00002_20260131120005.pcapng"), (at(15), at(30))),
        ];
        let found = seem_to_be_parts(&captures);
        assert_eq!(
            found,
            [
                (path("a_00001_20260131120000.pcapng"), 2),
                (path("d-20260131120000.pcap"), 3)
            ]
        );
    }
}
