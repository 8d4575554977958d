//! Idle gaps in little memory: of a connection that is remembered, they are what takes most.
//!
//! In: spans. Out: the same, in order.

use std::mem;

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// The idle gaps of a connection, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<Span>", into = "Vec<Span>")]
pub struct Gaps(Kept);

#[derive(Clone, Debug)]
enum Kept {
    /// In nanoseconds, where all are shorter than 4.3 s.
    Short(Vec<u32>),
    Any(Vec<Span>),
}

impl Gaps {
    /// Adds one behind the others.
    fn push(&mut self, gap: Span) {
        match (&mut self.0, u32::try_from(gap.nanos())) {
            (Kept::Short(short), Ok(nanos)) => short.push(nanos),
            (Kept::Any(any), _) => any.push(gap),
            (Kept::Short(_), Err(_)) => self.0 = Kept::Any(self.iter().chain([gap]).collect()),
        }
    }

    /// Makes room for so many more, and for no others.
    fn reserve_exact(&mut self, more: usize) {
        match &mut self.0 {
            Kept::Short(short) => short.reserve_exact(more),
            Kept::Any(any) => any.reserve_exact(more),
        }
    }

    /// Gives back the memory that it needs no more.
    fn shrink(&mut self) {
        match &mut self.0 {
            Kept::Short(short) => short.shrink_to_fit(),
            Kept::Any(any) => any.shrink_to_fit(),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Span> + Clone {
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
    pub(crate) fn weight(&self) -> usize {
        match &self.0 {
            Kept::Short(short) => short.capacity() * size_of::<u32>(),
            Kept::Any(any) => any.capacity() * size_of::<Span>(),
        }
    }
}

/// Gaps to which more are added.
#[derive(Clone, Debug, Default)]
pub(super) struct Growing {
    /// Short ones that go behind the others once they are many: those lie where nobody has looked for long.
    recent: [u32; RECENT],
    count: u32,
    others: Gaps,
}

/// Most connections have no more.
const RECENT: usize = 15;

impl Growing {
    /// Adds one behind the others.
    #[inline]
    pub(super) fn push(&mut self, gap: Span) {
        let Ok(nanos) = u32::try_from(gap.nanos()) else {
            return self.push_any(gap);
        };
        if self.count as usize == RECENT {
            self.gather();
        }
        if let Some(place) = self.recent.get_mut(self.count as usize) {
            (*place, self.count) = (nanos, self.count + 1);
        }
    }

    #[cold]
    fn push_any(&mut self, gap: Span) {
        self.gather();
        self.others.push(gap);
    }

    /// Puts the recent ones behind the others.
    fn gather(&mut self) {
        let recent = self.recent.get(..self.count as usize).unwrap_or_default();
        match &mut self.others.0 {
            Kept::Short(short) => short.extend_from_slice(recent),
            Kept::Any(any) => {
                any.extend(recent.iter().map(|gap| Span::from_nanos(i64::from(*gap))));
            }
        }
        self.count = 0;
    }

    /// Takes all of them out.
    pub(super) fn finish(&mut self) -> Gaps {
        if self.count > 0 {
            self.others.reserve_exact(self.count as usize);
            self.gather();
        }
        let mut all = mem::take(&mut self.others);
        all.shrink();
        all
    }

    /// The memory that they take beside their own size, in octets.
    pub(super) fn weight(&self) -> usize {
        self.others.weight()
    }
}

impl FromIterator<Span> for Gaps {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut gaps = Growing::default();
        spans.into_iter().for_each(|gap| gaps.push(gap));
        gaps.finish()
    }
}

impl From<Vec<Span>> for Gaps {
    fn from(gaps: Vec<Span>) -> Self {
        gaps.into_iter().collect()
    }
}

impl From<Gaps> for Vec<Span> {
    fn from(gaps: Gaps) -> Self {
        gaps.iter().collect()
    }
}

impl Default for Gaps {
    fn default() -> Self {
        Gaps(Kept::Short(Vec::new()))
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
            let gaps: Gaps = spans.clone().collect();
            assert!(gaps.iter().eq(spans), "{gaps:?}");
            assert_eq!((gaps.len(), gaps.weight()), (nanos.len(), octets));
            assert_eq!(gaps.is_empty(), nanos.is_empty());
        }
    }

    #[test]
    fn any_number_of_them_is_kept_wherever_the_first_long_one_is() {
        let short = |gap: usize| gap as i64;
        let long = |gap: usize| (gap as i64) << 32;
        for (count, first_long) in [
            (14, 99),
            (15, 99),
            (16, 99),
            (40, 99),
            (40, 0),
            (40, 15),
            (40, 16),
        ] {
            let nanos = (1..=count).map(|gap| {
                if gap > first_long {
                    long(gap)
                } else {
                    short(gap)
                }
            });
            let spans = nanos.map(Span::from_nanos);
            let gaps: Gaps = spans.clone().collect();
            assert!(gaps.iter().eq(spans), "{gaps:?}");
        }
        let nanos = (1..=40).map(|gap| if gap % 7 == 0 { long(gap) } else { short(gap) });
        let spans = nanos.map(Span::from_nanos);
        assert!(spans.clone().collect::<Gaps>().iter().eq(spans));
    }
}
