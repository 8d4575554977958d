//! The exchanges of a connection that is finished.
//!
//! In: the exchanges as they were kept while it was read: most of them packed, with what was noted of them. Out: each of
//! them, in order; they are unpacked when they are first asked for one by one. What they show together, how many they
//! are, and the last of them are there without that.

use std::collections::VecDeque;
use std::iter;
use std::mem;
use std::ops::Deref;
use std::slice;
use std::sync::OnceLock;

use super::noted::Noted;
use super::packed::Packed;
use super::{Exchange, Gaps, Traits};

/// The exchanges of a connection, in order.
#[derive(Clone, Debug, Default)]
pub struct Exchanges {
    packed: Packed,
    /// What those that are packed show.
    packed_show: Traits,
    /// Those behind the packed ones.
    open: VecDeque<Exchange>,
    /// What all show.
    show: Traits,
    /// The idle gaps between them.
    gaps: Gaps,
    /// All of them, where some are packed and were asked for.
    all: OnceLock<Vec<Exchange>>,
}

impl Exchanges {
    /// Those that are packed, of which this was noted, and these behind them.
    pub(super) fn new(packed: Packed, mut noted: Noted, mut open: VecDeque<Exchange>) -> Self {
        let packed_show = noted.traits;
        open.make_contiguous()
            .iter()
            .for_each(|exchange| noted.add(exchange));
        Exchanges {
            packed,
            packed_show,
            open,
            show: noted.traits,
            gaps: noted.gaps.finish(),
            all: OnceLock::new(),
        }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.packed.len() + self.open.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last.
    pub fn last(&self) -> Option<&Exchange> {
        self.latest_first().next()
    }

    /// From the last to the first.
    pub fn latest_first(&self) -> impl Iterator<Item = &Exchange> {
        let packed = iter::once_with(|| self.all().get(..self.packed.len()).unwrap_or_default());
        let packed = packed.flat_map(|packed| packed.iter().rev());
        self.open.iter().rev().chain(packed)
    }

    /// What they show together.
    pub(super) fn traits(&self) -> Traits {
        self.show
    }

    /// Those of which each shows any of these by itself, in order.
    pub(crate) fn that_show(&self, traits: Traits) -> impl Iterator<Item = &Exchange> {
        let exchanges = if self.packed_show.touch(traits) {
            self.all()
        } else {
            self.open.as_slices().0
        };
        let shows = move |exchange: &&Exchange| Traits::of_exchange(exchange).touch(traits);
        exchanges.iter().filter(shows)
    }

    /// The idle gaps between them.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Takes the idle gaps out.
    pub(crate) fn take_gaps(&mut self) -> Gaps {
        mem::take(&mut self.gaps)
    }

    /// The memory of those that are not packed, of which none is left.
    pub(super) fn into_memory(self) -> VecDeque<Exchange> {
        let mut open = self.open;
        open.clear();
        open
    }

    /// Others may be there in a test than any script brings about.
    #[cfg(test)]
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Vec<Exchange>)) {
        let mut all = Vec::from(mem::take(self));
        change(&mut all);
        *self = all.into();
    }

    fn all(&self) -> &[Exchange] {
        if self.packed.len() == 0 {
            return self.open.as_slices().0;
        }
        self.all.get_or_init(|| {
            let mut all = Vec::with_capacity(self.len());
            self.packed.unpack(&mut all);
            all.extend(self.open.iter().cloned());
            all
        })
    }
}

impl Deref for Exchanges {
    type Target = [Exchange];

    fn deref(&self) -> &[Exchange] {
        self.all()
    }
}

impl<'a> IntoIterator for &'a Exchanges {
    type Item = &'a Exchange;
    type IntoIter = slice::Iter<'a, Exchange>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Vec<Exchange>> for Exchanges {
    fn from(exchanges: Vec<Exchange>) -> Self {
        Exchanges::new(Packed::default(), Noted::default(), exchanges.into())
    }
}

impl From<Exchanges> for Vec<Exchange> {
    fn from(exchanges: Exchanges) -> Self {
        let Exchanges {
            packed, open, all, ..
        } = exchanges;
        all.into_inner().unwrap_or_else(|| {
            let mut all = Vec::with_capacity(packed.len() + open.len());
            packed.unpack(&mut all);
            all.extend(open);
            all
        })
    }
}
