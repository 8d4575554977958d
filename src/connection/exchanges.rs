//! The exchanges of a connection that is finished.
//!
//! In: the exchanges as they were kept while it was read: most of them as records, with what was noted of them. Out: each
//! of them, in order; they are made when they are first asked for one by one. What they show together, how many they are,
//! and the last of them are there without that.

use std::mem;
use std::ops::Deref;
use std::slice;
use std::sync::OnceLock;

use super::beside::{Beside, whole};
use super::brief::Brief;
use super::noted::Noted;
use super::record::Record;
use super::records::Records;
use super::{Exchange, Gaps, Traits};
#[cfg(test)]
use super::{kept::Kept, line::LineKind};

/// The exchanges of a connection, in order.
#[derive(Clone, Debug, Default)]
pub struct Exchanges {
    records: Records,
    beside: Option<Box<Beside>>,
    /// What they show.
    show: Traits,
    /// The idle gaps between them.
    gaps: Gaps,
    /// Each of them, once they were asked for.
    all: OnceLock<Box<[Exchange]>>,
}

impl Exchanges {
    /// Takes those out that these records are of, and what was noted of them.
    #[inline(always)]
    pub(super) fn take(
        records: &mut Records,
        beside: &mut Option<Box<Beside>>,
        noted: &mut Noted,
    ) -> Self {
        let gaps = noted.gaps.finish();
        Exchanges {
            records: records.take(),
            beside: beside.take(),
            show: noted.traits,
            gaps,
            all: OnceLock::new(),
        }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many came before the first, which were not kept.
    pub(super) fn dropped(&self) -> u64 {
        self.records.first()
    }

    /// The last.
    pub fn last(&self) -> Option<Exchange> {
        self.latest_first().next()
    }

    /// From the last to the first.
    pub fn latest_first(&self) -> impl Iterator<Item = Exchange> {
        let records = self.records.latest_first();
        records.map(|(number, record)| self.whole(number, record))
    }

    /// Each in brief, in order.
    pub(super) fn briefs(&self) -> impl Iterator<Item = Brief> {
        let records = self.records.iter();
        records.map(|(number, record)| self.brief(number, record))
    }

    /// The same, from the last to the first.
    pub(super) fn briefs_latest_first(&self) -> impl Iterator<Item = Brief> {
        let records = self.records.latest_first();
        records.map(|(number, record)| self.brief(number, record))
    }

    /// What they show together.
    pub(super) fn traits(&self) -> Traits {
        self.show
    }

    /// Whether that is so for one of those of which each shows any of these by itself.
    #[inline]
    pub(crate) fn any_that_shows(&self, traits: Traits, is_so: impl Fn(&Brief) -> bool) -> bool {
        if !self.show.touch(traits) {
            return false;
        }
        // In this order the first, which is the only one of most, lies with the rest of what is looked at. What one shows
        // alone, all show.
        self.records.latest_first().any(|(number, record)| {
            let shows = self.len() == 1 || self.traits_of(number, record).touch(traits);
            shows && is_so(&self.brief(number, record))
        })
    }

    /// The idle gaps between them.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Takes the idle gaps out.
    pub(crate) fn take_gaps(&mut self) -> Gaps {
        mem::take(&mut self.gaps)
    }

    /// How many of them are records.
    #[cfg(test)]
    pub(super) fn records(&self) -> usize {
        let records = self.records.iter();
        records.filter(|(_, record)| !record.is_odd()).count()
    }

    /// Others may be there in a test than any script brings about.
    #[cfg(test)]
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Vec<Exchange>)) {
        let mut all = self.to_vec();
        change(&mut all);
        let mut kept = Kept::default();
        for exchange in all {
            kept.push_odd(LineKind::None, exchange);
        }
        *self = kept.take();
    }

    fn whole(&self, number: u64, record: &Record) -> Exchange {
        whole(record, number, self.beside.as_deref())
    }

    fn traits_of(&self, number: u64, record: &Record) -> Traits {
        match record.is_odd() {
            false => record.traits(),
            true => Traits::of(&self.whole(number, record)),
        }
    }

    #[inline(always)]
    fn brief(&self, number: u64, record: &Record) -> Brief {
        match record.is_odd() {
            false => record.brief(),
            true => self.brief_of_odd(number, record),
        }
    }

    #[cold]
    fn brief_of_odd(&self, number: u64, record: &Record) -> Brief {
        Brief::from(&self.whole(number, record))
    }
}

impl Deref for Exchanges {
    type Target = [Exchange];

    fn deref(&self) -> &[Exchange] {
        self.all.get_or_init(|| {
            let mut all = Vec::with_capacity(self.len());
            let records = self.records.iter();
            all.extend(records.map(|(number, record)| self.whole(number, record)));
            all.into()
        })
    }
}

impl<'a> IntoIterator for &'a Exchanges {
    type Item = &'a Exchange;
    type IntoIter = slice::Iter<'a, Exchange>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Exchanges> for Box<[Exchange]> {
    fn from(mut exchanges: Exchanges) -> Self {
        let _ = exchanges.deref();
        exchanges.all.take().unwrap_or_default()
    }
}
