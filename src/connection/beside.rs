//! What records of exchanges have no room for.
//!
//! In: the lines of requests that are no usual method, and exchanges that are not as they mostly are, with their numbers.
//! Out: the same, by their numbers.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use super::exchange::Exchange;
use super::line::LineKind;
use super::packed::Packed;
use super::record::Record;

/// Lines and exchanges, by ascending numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    lines: VecDeque<(u64, Box<str>)>,
    /// Which become odd in whatever order.
    odd: BTreeMap<u64, Odd>,
    /// The memory that they take in all, in octets.
    weight: usize,
}

#[derive(Clone, Debug)]
enum Odd {
    /// Something may still happen to it. Its line is not in it.
    Open(Box<Exchange>),
    Packed(Packed),
}

/// What an allocation costs, in octets.
const ALLOCATION: usize = 24;

impl Odd {
    fn weight(&self) -> usize {
        let octets = match self {
            Odd::Open(_) => size_of::<Exchange>(),
            Odd::Packed(packed) => packed.weight(),
        };
        octets + size_of::<(u64, Odd)>() + ALLOCATION
    }
}

fn line_weight(line: &str) -> usize {
    line.len() + size_of::<(u64, Box<str>)>() + ALLOCATION
}

impl Beside {
    /// Adds the line of this number, which is higher than those of all others.
    pub(super) fn add_line(&mut self, number: u64, line: Box<str>) {
        self.weight += line_weight(&line);
        self.lines.push_back((number, line));
    }

    /// Adds an exchange.
    pub(super) fn add(&mut self, number: u64, exchange: Exchange) {
        let odd = Odd::Open(Box::new(exchange));
        self.weight += odd.weight();
        self.odd.insert(number, odd);
    }

    /// The exchange of this number, if something may still happen to it.
    pub(super) fn open(&mut self, number: u64) -> Option<&mut Exchange> {
        match self.odd.get_mut(&number)? {
            Odd::Open(exchange) => Some(exchange),
            Odd::Packed(_) => None,
        }
    }

    /// Nothing happens to the exchange of this number any more.
    pub(super) fn pack(&mut self, number: u64) {
        if let Some(odd) = self.odd.get_mut(&number)
            && let Odd::Open(exchange) = odd
        {
            let packed = Odd::Packed(Packed::of(exchange));
            let (before, after) = (odd.weight(), packed.weight());
            *odd = packed;
            self.weight = self.weight - before + after;
        }
    }

    /// The exchange of this number, without its line.
    pub(super) fn exchange(&self, number: u64) -> Option<Cow<'_, Exchange>> {
        Some(match self.odd.get(&number)? {
            Odd::Open(exchange) => Cow::Borrowed(exchange),
            Odd::Packed(packed) => Cow::Owned(packed.unpack()),
        })
    }

    /// The line of this number.
    pub(super) fn line(&self, number: u64) -> Option<&str> {
        let place = self
            .lines
            .binary_search_by_key(&number, |(other, _)| *other);
        Some(&self.lines.get(place.ok()?)?.1)
    }

    /// Drops all with numbers below this.
    pub(super) fn drop_before(&mut self, number: u64) {
        while let Some((_, line)) = self.lines.pop_front_if(|(other, _)| *other < number) {
            self.weight -= line_weight(&line);
        }
        while let Some(first) = self.odd.first_entry()
            && *first.key() < number
        {
            self.weight -= first.remove().weight();
        }
    }

    pub(super) fn weight(&self) -> usize {
        size_of::<Beside>() + self.weight
    }
}

/// The exchange of this record and number, with what lies beside it.
pub(super) fn whole(record: &Record, number: u64, beside: Option<&Beside>) -> Exchange {
    let line = match record.line() {
        LineKind::Text(_) => {
            let line = beside.and_then(|beside| beside.line(number));
            Cow::Owned(line.unwrap_or_default().to_owned())
        }
        kind => kind.known(),
    };
    if !record.is_odd() {
        return record.exchange(line);
    }
    let odd = beside.and_then(|beside| beside.exchange(number));
    let mut exchange = odd.map(Cow::into_owned).unwrap_or_default();
    if let Some(request) = &mut exchange.request
        && record.line() != LineKind::None
    {
        request.line = line;
    }
    exchange
}
