//! Idle gaps in little memory: of a connection that is remembered, they are what takes most.
//!
//! In: spans. Out: the same, in order.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// The idle gaps of a connection, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<Span>", into = "Vec<Span>")]
pub struct Gaps(Kept);

#[derive(Clone, Debug)]
enum Kept {
    /// In nanoseconds, where all are shorter than 4.3 s.
    Short(Box<[u32]>),
    Any(Box<[Span]>),
}

impl Gaps {
    /// These, of which there are so many at most.
    pub fn of(most: usize, gaps: impl Iterator<Item = Span> + Clone) -> Self {
        let mut short = Vec::with_capacity(most);
        for gap in gaps.clone() {
            match u32::try_from(gap.nanos()) {
                Ok(gap) => short.push(gap),
                Err(_) => return Gaps(Kept::Any(gaps.collect())),
            }
        }
        Gaps(Kept::Short(short.into()))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Span> {
        let (short, any): (&[u32], &[Span]) = match &self.0 {
            Kept::Short(short) => (short, &[]),
            Kept::Any(any) => (&[], any),
        };
        let short = short.iter().map(|gap| Span::from_nanos(i64::from(*gap)));
        short.chain(any.iter().copied())
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Kept::Short(short) => short.len(),
            Kept::Any(any) => any.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that they take beside their own size, in octets.
    pub(super) fn weight(&self) -> usize {
        match &self.0 {
            Kept::Short(short) => size_of_val(&**short),
            Kept::Any(any) => size_of_val(&**any),
        }
    }
}

impl From<Vec<Span>> for Gaps {
    fn from(gaps: Vec<Span>) -> Self {
        Gaps::of(gaps.len(), gaps.iter().copied())
    }
}

impl From<Gaps> for Vec<Span> {
    fn from(gaps: Gaps) -> Self {
        gaps.iter().collect()
    }
}

impl Default for Gaps {
    fn default() -> Self {
        Gaps(Kept::Short(Box::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_ones_are_kept_as_they_are() {
        const MOST: i64 = u32::MAX as i64;
        for (nanos, octets) in [
            (vec![], 0),
            (vec![0, 7, MOST], 12),
            (vec![7, MOST + 1, 0], 24),
            (vec![i64::MAX], 8),
            (vec![-1], 8),
        ] {
            let spans = nanos.iter().copied().map(Span::from_nanos);
            let gaps = Gaps::of(nanos.len(), spans.clone());
            assert!(gaps.iter().eq(spans), "{gaps:?}");
            assert_eq!((gaps.len(), gaps.weight()), (nanos.len(), octets));
            assert_eq!(gaps.is_empty(), nanos.is_empty());
        }
    }
}
