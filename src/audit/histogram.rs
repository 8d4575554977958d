//! Lengths of time, counted in fixed buckets: what many connections leave behind in little room.
//!
//! In: spans. Out: how many lay where, with the exact least and most of each bucket. Two histograms unite bucket by
//! bucket, in any order, to what one would have been.

use std::collections::BTreeMap;

use crate::time::Span;

/// Spans in buckets, `1 << FINENESS` of them to each doubling; below about a millisecond there is one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram<const FINENESS: u32> {
    buckets: BTreeMap<u32, Bucket>,
}

/// For what a timer did: 256 buckets to a doubling, so that one is 0.3 % wide.
pub type Fine = Histogram<8>;

/// For how long connections idled: 32 buckets to a doubling, so that one is 3 % wide.
pub type Coarse = Histogram<5>;

/// The spans of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// How many.
    pub count: u64,
    /// Those of them that bear witness by themselves: several that were seen together tell no more than one.
    pub occasions: u64,
    /// The shortest.
    pub least: Span,
    /// The longest.
    pub most: Span,
}

/// Whether a span is one more witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// It is.
    New,
    /// It was seen together with another one like it.
    Echo,
}

impl<const FINENESS: u32> Histogram<FINENESS> {
    /// Adds a span; a negative one tells nothing, and is passed over.
    pub fn add(&mut self, span: Span, witness: Witness) {
        let Ok(nanos) = u64::try_from(span.nanos()) else {
            return;
        };
        let bucket = Bucket {
            count: 1,
            occasions: u64::from(witness == Witness::New),
            least: span,
            most: span,
        };
        self.unite(number::<FINENESS>(nanos), &bucket);
    }

    /// Adds all of another one.
    pub fn merge(&mut self, other: &Self) {
        for (&number, bucket) in &other.buckets {
            self.unite(number, bucket);
        }
    }

    fn unite(&mut self, number: u32, other: &Bucket) {
        let bucket = self.buckets.entry(number).or_insert(Bucket {
            count: 0,
            occasions: 0,
            ..*other
        });
        bucket.count += other.count;
        bucket.occasions += other.occasions;
        bucket.least = bucket.least.min(other.least);
        bucket.most = bucket.most.max(other.most);
    }

    /// The buckets that are not empty, the shortest spans first.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = &Bucket> {
        self.buckets.values()
    }

    /// How many spans.
    pub fn count(&self) -> u64 {
        self.buckets().map(|bucket| bucket.count).sum()
    }

    /// The longest span.
    pub fn most(&self) -> Option<Span> {
        self.buckets().next_back().map(|bucket| bucket.most)
    }

    /// How many are longer than this, but for those that share its bucket.
    pub fn longer_than(&self, span: Span) -> u64 {
        let longer = self
            .buckets()
            .rev()
            .take_while(|bucket| bucket.least > span);
        longer.map(|bucket| bucket.count).sum()
    }
}

/// The shift below which all spans share the first bucket: 2^20 ns.
const FIRST: u32 = 20;

/// The number of a span's bucket: its magnitude, and behind that its next `FINENESS` binary digits.
fn number<const FINENESS: u32>(nanos: u64) -> u32 {
    let magnitude = nanos.checked_ilog2().unwrap_or_default();
    let Some(above) = magnitude.checked_sub(FIRST) else {
        return 0;
    };
    let digits = (nanos >> (magnitude - FINENESS)) as u32 & ((1 << FINENESS) - 1);
    1 + ((above << FINENESS) | digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: &[i64]) -> Fine {
        let mut histogram = Fine::default();
        for &millis in millis {
            histogram.add(Span::from_millis(millis), Witness::New);
        }
        histogram
    }

    #[test]
    fn buckets_follow_each_other_and_are_narrow() {
        let mut last = 0;
        let mut nanos: u64 = 1;
        while nanos < 1 << 50 {
            let number = number::<8>(nanos);
            assert!(number == last || number == last + 1, "{nanos}");
            last = number;
            nanos += 1 + nanos / 1000;
        }
        let apart = of(&[5_000, 5_020]);
        assert_eq!(apart.buckets().count(), 2);
    }

    #[test]
    fn extremes_are_exact() {
        let histogram = of(&[5_004, 5_001, 5_007, -3, 0]);
        assert_eq!(histogram.count(), 4);
        assert_eq!(histogram.most(), Some(Span::from_millis(5_007)));
        assert_eq!(histogram.longer_than(Span::from_millis(4_990)), 3);
        assert_eq!(histogram.longer_than(Span::from_secs(6)), 0);
        assert_eq!(of(&[]).most(), None);
    }

    #[test]
    fn halves_unite_to_the_whole_in_any_order() {
        let mut random = fastrand::Rng::with_seed(6);
        let all: Vec<i64> = (0..500).map(|_| random.i64(0..20_000)).collect();
        let (one, other) = all.split_at(123);
        let (mut forth, mut back) = (of(one), of(other));
        forth.merge(&of(other));
        back.merge(&of(one));
        assert_eq!(forth, of(&all));
        assert_eq!(back, of(&all));
    }
}
