//! The exchanges of a connection that are kept while it is read, numbered one after the other.
//!
//! In: exchanges as they begin, what happens to them, and which of them can still change. Out: what is asked of one, and
//! all of them in the end. Mostly an exchange is a [`Record`]; where it is not as exchanges mostly are, it lies beside.

use super::beside::Beside;
use super::exchange::{End, Exchange, HeadPlace, Message, Request, Response};
use super::gaps::Growing;
use super::line::{Line, LineKind};
use super::noted::{Noted, Noting, Pause};
use super::record::Record;
use super::records::Records;
use super::unacked::Part;
use super::{Exchanges, MAX_EXCHANGES};
use crate::http::{Head, Kind, Method, Place, Version};
use crate::tcp::Acked;

/// The latest exchanges.
#[derive(Debug, Default)]
pub(super) struct Kept {
    records: Records,
    /// The number of the first that can still change.
    open: u64,
    /// How many that can change there may be until it is asked again which can.
    patience: u64,
    /// What is noted of those that cannot change.
    noted: Noted,
    /// Boxed, since there are many connections, and few have it.
    beside: Option<Box<Beside>>,
    /// The memory that all but the records take, in octets, when it was last looked at.
    rare_weight: usize,
}

/// How a message begins: where, and with which version.
pub(super) type Begin = (Place, Version);

impl Kept {
    /// Whether it is to be asked again which exchanges can still change.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.next() - self.open > self.patience
    }

    /// Has fetched where the next exchange will lie.
    #[inline]
    pub(super) fn fetch(&self) {
        self.records.fetch();
    }

    /// Adds an exchange that begins with a request, and tells its number.
    #[inline]
    pub(super) fn push_request(&mut self, (place, version): Begin, line: Line) -> u64 {
        self.make_room();
        let (number, kind) = (self.next(), line.kind());
        if let Line::Text(_, text) = line {
            self.add_line(number, text);
        }
        match Record::begun(place, version, kind) {
            Some(record) => self.records.push(record),
            None => self.push_odd(
                kind,
                Exchange {
                    request: Some(Request {
                        message: Message::new(place, version),
                        method: kind.method(),
                        line: "".into(),
                    }),
                    response: None,
                },
            ),
        }
        number
    }

    /// Adds an exchange that begins with a request whose head came with it, and perhaps its end; tells its number.
    #[inline(always)]
    pub(super) fn push_request_with_head(
        &mut self,
        begin: Begin,
        line: Line,
        head: &Head,
        place: &HeadPlace,
        end: Option<&End>,
    ) -> u64 {
        if let Line::Known(kind) = line
            && let Some(record) = Record::with_head(begin, kind, head, place, end)
        {
            self.make_room();
            let number = self.next();
            self.records.push(record);
            return number;
        }
        let number = self.push_request(begin, line);
        self.set_asked_head(number, head, place);
        if let Some(end) = end {
            self.set_end(number, Kind::Request, end);
        }
        number
    }

    #[inline(never)]
    fn add_line(&mut self, number: u64, line: Box<str>) {
        self.beside.get_or_insert_default().add_line(number, line);
        self.weigh();
    }

    /// Adds an exchange that is nothing but a response, and tells its number.
    #[cold]
    pub(super) fn push_response(&mut self, status: u16, (place, version): Begin) -> u64 {
        self.make_room();
        let number = self.next();
        let response = Response {
            message: Message::new(place, version),
            status,
        };
        let exchange = Exchange {
            request: None,
            response: Some(response),
        };
        self.push_odd(LineKind::None, exchange);
        number
    }

    #[cold]
    pub(super) fn push_odd(&mut self, kind: LineKind, exchange: Exchange) {
        let number = self.next();
        self.beside.get_or_insert_default().add(number, exchange);
        self.records.push(Record::of_odd(kind));
        self.weigh();
    }

    /// The response to the request of this number begins.
    #[inline]
    pub(super) fn answer(&mut self, number: u64, status: u16, (place, version): Begin) {
        self.change(
            number,
            |record| record.set_answer(place, version, status),
            |exchange| {
                exchange.response = Some(Response {
                    message: Message::new(place, version),
                    status,
                });
                Some(())
            },
        );
    }

    /// The same, and its head came with it, and was acknowledged, if that is known.
    #[inline(always)]
    pub(super) fn answer_with_head(
        &mut self,
        number: u64,
        (status, begin): (u16, Begin),
        head: &Head,
        place: &HeadPlace,
        acked: Option<Acked>,
    ) {
        let (start, version) = begin;
        self.change(
            number,
            |record| {
                record.set_answer(start, version, status)?;
                record.set_told_head(head, place, acked)
            },
            |exchange| {
                // It may have begun in the record: then it begins anew.
                let mut message = Message::new(start, version);
                message.head = Some(place.head(head, acked));
                exchange.response = Some(Response { message, status });
                Some(())
            },
        );
    }

    /// The head of the request of this number is complete.
    #[inline(always)]
    pub(super) fn set_asked_head(&mut self, number: u64, head: &Head, place: &HeadPlace) {
        self.change(
            number,
            |record| record.set_asked_head(head, place),
            |exchange| {
                exchange.request.as_mut()?.message.head = Some(place.head(head, None));
                Some(())
            },
        );
    }

    /// That of its response is, and was acknowledged, if that is known.
    #[inline(always)]
    pub(super) fn set_told_head(
        &mut self,
        number: u64,
        head: &Head,
        place: &HeadPlace,
        acked: Option<Acked>,
    ) {
        self.change(
            number,
            |record| record.set_told_head(head, place, acked),
            |exchange| {
                exchange.response.as_mut()?.message.head = Some(place.head(head, acked));
                Some(())
            },
        );
    }

    /// A message of the exchange of this number is complete; says whether the exchange is, where it has such a message.
    #[inline]
    pub(super) fn set_end(&mut self, number: u64, kind: Kind, end: &End) -> Option<bool> {
        self.change(
            number,
            |record| {
                record.set_end(kind, end)?;
                Some(record.is_complete())
            },
            |exchange| {
                exchange.message(kind)?.end = Some(*end);
                Some(exchange.is_complete())
            },
        )
    }

    /// Part of a message of the exchange of this number is acknowledged for the first time.
    #[inline]
    pub(super) fn set_acked(&mut self, number: u64, kind: Kind, part: Part, by: Acked) {
        self.change(
            number,
            |record| record.set_acked(kind, part, by),
            |exchange| {
                let message = exchange.message(kind)?;
                let acked = match part {
                    Part::Head => &mut message.head.as_mut()?.acked,
                    Part::Whole => &mut message.end.as_mut()?.acked,
                };
                acked.get_or_insert(by);
                Some(())
            },
        );
    }

    /// The offset at which the request of this number begins, if it can still change.
    #[inline]
    pub(super) fn asked_offset(&mut self, number: u64) -> Option<u64> {
        match self.record(number) {
            Some(record) if !record.is_odd() => Some(record.asked_offset()),
            _ => Some(self.asked_start(number)?.offset),
        }
    }

    /// Where it begins.
    pub(super) fn asked_start(&mut self, number: u64) -> Option<Place> {
        let record = self.record(number)?;
        if !record.is_odd() {
            return Some(record.asked_start());
        }
        Some(self.odd(number)?.request.as_ref()?.message.start)
    }

    /// The version of that request.
    #[inline]
    pub(super) fn asked_version(&mut self, number: u64) -> Option<Version> {
        let record = self.record(number)?;
        if !record.is_odd() {
            return Some(record.asked_version());
        }
        Some(self.odd(number)?.request.as_ref()?.message.version)
    }

    /// Where the response of this number begins, if it can still change.
    pub(super) fn told_start(&mut self, number: u64) -> Option<Place> {
        let record = self.record(number)?;
        if !record.is_odd() {
            return record.told_start();
        }
        Some(self.odd(number)?.response.as_ref()?.message.start)
    }

    /// The method of the request of this number, where there is one, with the version and the status of its response, if
    /// they can still change.
    #[inline]
    pub(super) fn told_line(&mut self, number: u64) -> Option<(Option<Method>, Version, u16)> {
        let record = self.record(number)?;
        if !record.is_odd() {
            let (version, status) = record.told_line()?;
            return Some((Some(record.line().method()), version, status));
        }
        let Exchange { request, response } = self.odd(number)?;
        let method = request.as_ref().map(|request| request.method);
        let response = response.as_ref()?;
        Some((method, response.message.version, response.status))
    }

    /// The method of the request of this number, where there is one and it can still change.
    #[inline]
    pub(super) fn method(&mut self, number: u64) -> Option<Method> {
        let record = self.record(number)?;
        if !record.is_odd() {
            return Some(record.line().method());
        }
        Some(self.odd(number)?.request.as_ref()?.method)
    }

    /// The pause behind the last of them.
    #[inline(always)]
    pub(super) fn last_pause(&mut self) -> Option<Pause> {
        let last = self.next().checked_sub(1)?;
        if last < self.open {
            return self.noted.pause;
        }
        let record = self.record(last)?;
        if !record.is_odd() {
            return record.pause();
        }
        Pause::behind(&*self.beside.as_ref()?.exchange(last)?)
    }

    /// Takes notice that nothing happens any more to those before this number.
    pub(super) fn settle(&mut self, settled: u64) {
        let settled = settled.min(self.next());
        self.open = self.open.max(self.records.first());
        while self.open < settled {
            self.note(self.open);
            if let Some(beside) = &mut self.beside {
                beside.pack(self.open);
            }
            self.open += 1;
        }
        // Where many can change, it takes long to ask.
        let open = self.next() - self.open;
        self.patience = open + open / 2;
        self.weigh();
    }

    /// Takes all of them out.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Exchanges {
        if self.records.first() > 0 {
            // Of those that were dropped, nothing is to be told.
            (self.noted, self.open) = (Noted::default(), self.records.first());
        }
        (self.open..self.next()).for_each(|number| self.note(number));
        (self.open, self.rare_weight) = (0, 0);
        Exchanges::take(&mut self.records, &mut self.beside, &mut self.noted)
    }

    /// The memory that it has taken beside its own size, in octets.
    #[inline]
    pub(super) fn weight(&self) -> usize {
        self.records.weight() + self.rare_weight
    }

    fn weigh(&mut self) {
        let beside = self.beside.as_ref().map_or(0, |beside| beside.weight());
        self.rare_weight = self.noted.gaps.weight() + beside;
    }

    /// Gives back what it has taken and needs no more.
    pub(super) fn shrink(&mut self) {
        self.records.shrink();
    }

    /// The number of the next.
    #[inline]
    fn next(&self) -> u64 {
        self.records.next()
    }

    #[inline]
    fn record(&mut self, number: u64) -> Option<&mut Record> {
        self.records.get_mut(number)
    }

    fn odd(&mut self, number: u64) -> Option<&mut Exchange> {
        self.beside.as_mut()?.open(number)
    }

    /// Changes the exchange of this number as a record, or where it cannot be one, as an exchange.
    #[inline(always)]
    fn change<T>(
        &mut self,
        number: u64,
        usual: impl FnOnce(&mut Record) -> Option<T>,
        odd: impl FnOnce(&mut Exchange) -> Option<T>,
    ) -> Option<T> {
        let record = self.record(number)?;
        if !record.is_odd()
            && let Some(done) = usual(record)
        {
            return Some(done);
        }
        odd(self.make_odd(number)?)
    }

    /// The exchange of this number, which is no record any more.
    #[cold]
    fn make_odd(&mut self, number: u64) -> Option<&mut Exchange> {
        let record = self.record(number)?;
        if record.is_odd() {
            return self.odd(number);
        }
        let exchange = record.exchange("".into());
        *record = Record::of_odd(record.line());
        self.beside.get_or_insert_default().add(number, exchange);
        self.weigh();
        self.odd(number)
    }

    /// Notes the exchange of this number.
    #[inline]
    fn note(&mut self, number: u64) {
        match self.record(number) {
            Some(record) if !record.is_odd() => {
                let noting = record.noting();
                self.noted.add(&noting);
            }
            _ => self.note_odd(number),
        }
    }

    #[cold]
    fn note_odd(&mut self, number: u64) {
        let beside = self.beside.as_ref();
        if let Some(exchange) = beside.and_then(|beside| beside.exchange(number)) {
            self.noted.add(&Noting::from(&*exchange));
        }
    }

    #[inline]
    fn make_room(&mut self) {
        if self.records.len() >= MAX_EXCHANGES {
            self.drop_first();
        }
    }

    #[cold]
    fn drop_first(&mut self) {
        self.records.drop_first();
        if let Some(beside) = &mut self.beside {
            beside.drop_before(self.records.first());
        }
        // All is noted anew in the end.
        self.noted.gaps = Growing::default();
    }
}

#[cfg(test)]
mod tests;
