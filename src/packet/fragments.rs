//! Puts IP datagrams together from fragments that come in any order, within fixed bounds.
//!
//! In: fragments, each captured whole. Out: the datagram, with the fragment that completes it. What was given up on
//! the way is counted in [`FragmentLosses`]. Whatever happens depends on the capture alone.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::time::{Span, Time};

/// How many incomplete datagrams are kept; the one that began first gives way.
pub const MAX_DATAGRAMS: usize = 4096;
/// How many octets of memory they may take unless told; again the one that began first gives way.
pub const MAX_OCTETS: usize = 32 << 20;
/// How long a datagram may take from its first fragment to its last.
pub const MAX_AGE: Span = Span::from_secs(30);

/// What it takes to keep a datagram, or a piece of one, beside the octets in it: a guess, and rather too much.
const OVERHEAD: usize = 128;

/// How long an IP datagram can be.
const MAX_DATAGRAM: u32 = 65_535;

/// How many datagrams were given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentLosses {
    /// They were not complete within [`MAX_AGE`].
    pub too_old: u64,
    /// They gave way to others, for want of room.
    pub evicted: u64,
    /// Their fragments overlapped with different octets, or ended in different places.
    pub contradictory: u64,
}

/// Where a fragment belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The identification of the datagram.
    pub(super) id: u32,
    /// What the datagram carries; in IPv6 the first fragment alone knows.
    pub(super) protocol: u8,
    /// Octets of the datagram before this fragment.
    pub(super) offset: u32,
    pub(super) place: Place,
}

/// Whether a fragment ends its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// More fragments follow it.
    Inner,
    /// It is the end.
    Last,
}

/// Which datagram a fragment belongs to (RFC 791 2.3, RFC 8200 4.5: IPv6 leaves the protocol out).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    protocol: Option<u8>,
}

impl Key {
    pub(super) fn new(src: IpAddr, dst: IpAddr, part: Part) -> Self {
        Key {
            src,
            dst,
            id: part.id,
            protocol: src.is_ipv4().then_some(part.protocol),
        }
    }
}

/// What became of a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gathered {
    /// Its datagram is not complete.
    Waiting,
    /// It contradicts another fragment, or an earlier one of its datagram did.
    Contradictory,
    /// It completes its datagram.
    Whole(Whole),
}

/// A datagram that was put together: what it carries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) protocol: u8,
    pub(super) octets: Vec<u8>,
}

/// The incomplete datagrams.
#[derive(Debug)]
pub(super) struct Fragments {
    /// How many octets of memory they may take.
    most: usize,
    numbers: HashMap<Key, u64>,
    /// By number, so that the one that began first comes first.
    datagrams: BTreeMap<u64, Datagram>,
    begun: u64,
    octets: usize,
    losses: FragmentLosses,
}

impl Default for Fragments {
    fn default() -> Self {
        Fragments::within(MAX_OCTETS)
    }
}

impl Fragments {
    /// That take no more than so many octets of memory.
    pub(super) fn within(most: usize) -> Self {
        Fragments {
            most,
            numbers: HashMap::new(),
            datagrams: BTreeMap::new(),
            begun: 0,
            octets: 0,
            losses: FragmentLosses::default(),
        }
    }

    /// Takes one more fragment.
    pub(super) fn add(&mut self, key: Key, part: Part, octets: &[u8], now: Time) -> Gathered {
        self.give_up_old(now);
        let (number, mut datagram) = self.take(key, now);
        let gathered = match &mut datagram.pieces {
            None => Gathered::Contradictory,
            Some(pieces) => match pieces.add(part, octets) {
                Ok(()) if pieces.is_complete() => return Gathered::Whole(pieces.whole()),
                Ok(()) => Gathered::Waiting,
                Err(Contradiction) => {
                    self.losses.contradictory += 1;
                    datagram.pieces = None;
                    Gathered::Contradictory
                }
            },
        };
        self.keep(number, datagram);
        gathered
    }

    /// What was given up so far.
    pub(super) fn losses(&self) -> FragmentLosses {
        self.losses
    }

    fn give_up_old(&mut self, now: Time) {
        while let Some((&number, datagram)) = self.datagrams.first_key_value()
            && now.since(datagram.since) > MAX_AGE
        {
            self.losses.too_old += self.give_up(number);
        }
    }

    fn take(&mut self, key: Key, now: Time) -> (u64, Datagram) {
        if let Some(&number) = self.numbers.get(&key)
            && let Some(datagram) = self.remove(number)
        {
            return (number, datagram);
        }
        self.begun += 1;
        let datagram = Datagram {
            key,
            since: now,
            pieces: Some(Pieces::default()),
        };
        (self.begun, datagram)
    }

    fn keep(&mut self, number: u64, datagram: Datagram) {
        self.octets = self.octets.saturating_add(datagram.cost());
        self.numbers.insert(datagram.key, number);
        self.datagrams.insert(number, datagram);
        while (self.datagrams.len() > MAX_DATAGRAMS || self.octets > self.most)
            && let Some((&first, _)) = self.datagrams.first_key_value()
        {
            self.losses.evicted += self.give_up(first);
        }
    }

    /// How many were given up by that: none if it had been already.
    fn give_up(&mut self, number: u64) -> u64 {
        let datagram = self.remove(number);
        u64::from(datagram.is_some_and(|datagram| datagram.pieces.is_some()))
    }

    fn remove(&mut self, number: u64) -> Option<Datagram> {
        let datagram = self.datagrams.remove(&number)?;
        self.numbers.remove(&datagram.key);
        self.octets = self.octets.saturating_sub(datagram.cost());
        Some(datagram)
    }
}

#[derive(Debug)]
struct Datagram {
    key: Key,
    since: Time,
    /// None once they contradicted each other: those still to come are not to be believed either (RFC 5722 4).
    pieces: Option<Pieces>,
}

impl Datagram {
    fn cost(&self) -> usize {
        let pieces = self.pieces.as_ref().map_or(0, Pieces::cost);
        OVERHEAD.saturating_add(pieces)
    }
}

/// What is known of a datagram. No octet is kept twice.
#[derive(Debug, Default)]
struct Pieces {
    protocol: u8,
    /// By offset; they do not overlap.
    pieces: BTreeMap<u32, Box<[u8]>>,
    octets: u32,
    end: Option<u32>,
}

struct Contradiction;

impl Pieces {
    fn add(&mut self, part: Part, octets: &[u8]) -> Result<(), Contradiction> {
        let start = part.offset;
        let end = u32::try_from(octets.len())
            .ok()
            .and_then(|len| start.checked_add(len))
            .filter(|&end| end <= MAX_DATAGRAM)
            .ok_or(Contradiction)?;
        self.check_end(end, part.place)?;
        if start == 0 {
            self.protocol = part.protocol;
        }
        for gap in self.gaps(start..end, octets)? {
            let piece = within(octets, start, &gap).ok_or(Contradiction)?;
            self.octets = self
                .octets
                .saturating_add(gap.end.saturating_sub(gap.start));
            self.pieces.insert(gap.start, piece.into());
        }
        Ok(())
    }

    /// A datagram has one end, and nothing beyond it.
    fn check_end(&mut self, end: u32, place: Place) -> Result<(), Contradiction> {
        let furthest = self.pieces.last_key_value();
        let furthest = furthest.map_or(0, |(&at, piece)| end_of(at, piece));
        match (self.end, place) {
            (None, Place::Inner) => Ok(()),
            (None, Place::Last) if furthest <= end => {
                self.end = Some(end);
                Ok(())
            }
            (Some(known), Place::Last) if known == end => Ok(()),
            (Some(known), Place::Inner) if end <= known => Ok(()),
            _ => Err(Contradiction),
        }
    }

    /// What of that range is not known yet. What is known must be the same.
    fn gaps(&self, range: Range<u32>, octets: &[u8]) -> Result<Vec<Range<u32>>, Contradiction> {
        let mut gaps = Vec::new();
        let mut from = range.start;
        let before = self.pieces.range(..range.start).next_back();
        for (&at, piece) in before.into_iter().chain(self.pieces.range(range.clone())) {
            let common = at.max(range.start)..end_of(at, piece).min(range.end);
            if common.is_empty() {
                continue;
            }
            if within(octets, range.start, &common) != within(piece, at, &common) {
                return Err(Contradiction);
            }
            if from < common.start {
                gaps.push(from..common.start);
            }
            from = common.end;
        }
        if from < range.end {
            gaps.push(from..range.end);
        }
        Ok(gaps)
    }

    fn is_complete(&self) -> bool {
        self.end == Some(self.octets)
    }

    fn whole(&self) -> Whole {
        Whole {
            protocol: self.protocol,
            octets: self.pieces.values().flatten().copied().collect(),
        }
    }

    fn cost(&self) -> usize {
        let octets = usize::try_from(self.octets).unwrap_or(usize::MAX);
        self.pieces
            .len()
            .saturating_mul(OVERHEAD)
            .saturating_add(octets)
    }
}

fn end_of(at: u32, piece: &[u8]) -> u32 {
    u32::try_from(piece.len()).map_or(u32::MAX, |len| at.saturating_add(len))
}

/// The octets at a range of the datagram, out of those that begin at `at`.
fn within<'a>(octets: &'a [u8], at: u32, range: &Range<u32>) -> Option<&'a [u8]> {
    let start = usize::try_from(range.start.checked_sub(at)?).ok()?;
    let end = usize::try_from(range.end.checked_sub(at)?).ok()?;
    octets.get(start..end)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn part(id: u32, offset: u32, place: Place) -> Part {
        Part {
            id,
            protocol: 6,
            offset,
            place,
        }
    }

    fn seconds(seconds: i64) -> Time {
        Time::from_nanos(i128::from(seconds) * 1_000_000_000)
    }

    fn add(fragments: &mut Fragments, part: Part, octets: &[u8], now: Time) -> Gathered {
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        fragments.add(Key::new(address, address, part), part, octets, now)
    }

    fn whole(octets: &[u8]) -> Gathered {
        Gathered::Whole(Whole {
            protocol: 6,
            octets: octets.to_vec(),
        })
    }

    /// All orders of so many things.
    fn orders(things: usize) -> Vec<Vec<usize>> {
        let Some(rest) = things.checked_sub(1) else {
            return vec![vec![]];
        };
        let insert = |order: &Vec<usize>, at| {
            let mut order = order.clone();
            order.insert(at, rest);
            order
        };
        let shorter = orders(rest);
        shorter
            .iter()
            .flat_map(|order| (0..things).map(move |at| insert(order, at)))
            .collect()
    }

    #[test]
    fn any_order_gives_the_datagram() {
        let octets: Vec<u8> = (0..40).collect();
        let bounds = [0, 8, 9, 24, 40];
        for order in orders(4) {
            let mut fragments = Fragments::default();
            for (nth, &at) in order.iter().enumerate() {
                let (start, end) = (bounds[at], bounds[at + 1]);
                let place = if end == 40 { Place::Last } else { Place::Inner };
                let part = part(1, start as u32, place);
                let gathered = add(&mut fragments, part, &octets[start..end], seconds(0));
                let expected = if nth == 3 {
                    whole(&octets)
                } else {
                    Gathered::Waiting
                };
                assert_eq!(gathered, expected, "{order:?}");
            }
            assert_eq!((fragments.octets, fragments.numbers.len()), (0, 0));
        }
    }

    #[test]
    fn overlaps_with_the_same_octets_are_fine() {
        let octets: Vec<u8> = (0..40).collect();
        for order in orders(4) {
            let mut fragments = Fragments::default();
            let ranges = [0..24, 8..16, 16..32, 30..40];
            let mut results = Vec::new();
            for &at in &order {
                let range = ranges[at].clone();
                let place = if range.end == 40 {
                    Place::Last
                } else {
                    Place::Inner
                };
                let part = part(1, range.start as u32, place);
                results.push(add(&mut fragments, part, &octets[range], seconds(0)));
            }
            let done = results
                .iter()
                .position(|gathered| *gathered == whole(&octets));
            assert!(done.is_some(), "{order:?}: {results:?}");
        }
    }

    #[test]
    fn a_contradiction_ends_the_datagram_for_good() {
        let mut fragments = Fragments::default();
        let steps = [
            (part(1, 8, Place::Inner), 8, Gathered::Waiting),
            (part(1, 8, Place::Inner), 9, Gathered::Contradictory),
            (part(1, 0, Place::Inner), 8, Gathered::Contradictory),
            (part(1, 8, Place::Last), 8, Gathered::Contradictory),
            (part(2, 0, Place::Last), 8, whole(&[8; 8])),
        ];
        for (part, octet, expected) in steps {
            assert_eq!(add(&mut fragments, part, &[octet; 8], seconds(0)), expected);
        }
        assert_eq!(fragments.losses().contradictory, 1);
    }

    #[test]
    fn a_datagram_has_one_end() {
        for second in [
            part(1, 8, Place::Last),
            part(1, 24, Place::Last),
            part(1, 24, Place::Inner),
            part(1, 65_528, Place::Inner),
        ] {
            let mut fragments = Fragments::default();
            add(
                &mut fragments,
                part(1, 16, Place::Last),
                &[0; 8],
                seconds(0),
            );
            let gathered = add(&mut fragments, second, &[0; 8], seconds(0));
            assert_eq!(gathered, Gathered::Contradictory, "{second:?}");
        }
        let mut fragments = Fragments::default();
        add(
            &mut fragments,
            part(1, 16, Place::Inner),
            &[0; 8],
            seconds(0),
        );
        let early = add(&mut fragments, part(1, 8, Place::Last), &[0; 8], seconds(0));
        assert_eq!(early, Gathered::Contradictory);
    }

    #[test]
    fn the_protocol_separates_ipv4_datagrams_only() {
        let other = |version| {
            let address: IpAddr = match version {
                4 => Ipv4Addr::LOCALHOST.into(),
                _ => std::net::Ipv6Addr::LOCALHOST.into(),
            };
            let key = |protocol| {
                let part = Part {
                    protocol,
                    ..part(1, 0, Place::Inner)
                };
                Key::new(address, address, part)
            };
            key(6) == key(17)
        };
        assert!(!other(4));
        assert!(other(6));
    }

    #[test]
    fn half_a_minute_is_enough() {
        let mut fragments = Fragments::default();
        add(
            &mut fragments,
            part(1, 0, Place::Inner),
            &[1; 8],
            seconds(0),
        );
        add(
            &mut fragments,
            part(2, 0, Place::Inner),
            &[2; 8],
            seconds(1),
        );
        let late = add(
            &mut fragments,
            part(2, 8, Place::Last),
            &[2; 8],
            seconds(31),
        );
        assert_eq!(late, whole(&[2; 16]));
        assert_eq!(fragments.losses().too_old, 1);
        let reused = add(
            &mut fragments,
            part(1, 8, Place::Last),
            &[3; 8],
            seconds(31),
        );
        assert_eq!(reused, Gathered::Waiting);
    }

    #[test]
    fn a_flood_stays_within_bounds() {
        let mut fragments = Fragments::default();
        for id in 0..20_000 {
            add(
                &mut fragments,
                part(id, 8, Place::Inner),
                &[0; 8],
                seconds(0),
            );
            assert!(fragments.datagrams.len() <= MAX_DATAGRAMS);
        }
        assert_eq!(fragments.numbers.len(), MAX_DATAGRAMS);
        assert_eq!(fragments.losses().evicted, 20_000 - MAX_DATAGRAMS as u64);
        // The latest are there, the earliest are not.
        let latest = add(
            &mut fragments,
            part(19_999, 0, Place::Inner),
            &[0; 8],
            seconds(0),
        );
        let end = part(19_999, 16, Place::Last);
        assert_eq!(latest, Gathered::Waiting);
        assert_eq!(
            add(&mut fragments, end, &[0; 8], seconds(0)),
            whole(&[0; 24])
        );
    }

    #[test]
    fn large_fragments_stay_within_bounds_too() {
        let mut fragments = Fragments::default();
        for id in 0..2_000 {
            add(
                &mut fragments,
                part(id, 8, Place::Inner),
                &[0; 40_000],
                seconds(0),
            );
            assert!(fragments.octets <= MAX_OCTETS);
        }
        let kept = fragments
            .datagrams
            .values()
            .map(Datagram::cost)
            .sum::<usize>();
        assert_eq!(fragments.octets, kept);
        assert!(kept > MAX_OCTETS / 2);
    }

    #[test]
    fn many_tiny_overlapping_fragments_are_kept_once() {
        let mut fragments = Fragments::default();
        for len in (8..60_000).step_by(8) {
            add(
                &mut fragments,
                part(1, 8, Place::Inner),
                &vec![0; len],
                seconds(0),
            );
        }
        let pieces = fragments.datagrams.values().next().unwrap().pieces.as_ref();
        assert_eq!(pieces.unwrap().octets, 59_992);
    }
}
