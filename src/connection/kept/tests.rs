//! Whatever happens to exchanges, the same is told of them as of a plain list.

use super::*;
use crate::connection::MessageHead;
use crate::connection::{Brief, Gaps, Traits, idle_gap};
use crate::http::{
    BodyFields, ContentLength, Framing, Head, HeadShape, KeepAlive, Options, Syntax,
    TransferEncoding,
};
use crate::tcp::{Acks, FIRST_OCTET, Stamp};
use crate::time::{At, Span, Time};

/// A plain list of exchanges beside those that are kept.
struct Both {
    random: fastrand::Rng,
    now: At,
    offset: u64,
    kept: Kept,
    plain: Vec<Exchange>,
    /// Nothing happens to those before this number.
    settled: usize,
    /// Of how many things one is odd.
    odd: u32,
}

impl Both {
    fn new(seed: u64, odd: u32) -> Self {
        Both {
            random: fastrand::Rng::with_seed(seed),
            now: At {
                frame: 1,
                time: Time::from_nanos(1_700_000_000_000_000_000),
            },
            offset: FIRST_OCTET,
            kept: Kept::default(),
            plain: Vec::new(),
            settled: 0,
            odd,
        }
    }

    fn is_odd(&mut self) -> bool {
        self.random.u32(..self.odd) == 0
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.random.usize(..all.len())]
    }

    /// The next packet, which now and then comes very late, or seems to have come earlier.
    fn at(&mut self) -> At {
        let (least, most) = match self.is_odd() {
            true => (-5_000_000_000, 50_000_000_000),
            false => (0, 10_000_000),
        };
        self.now.frame += self.random.u64(1..1000);
        self.now.time = self.now.time + Span::from_nanos(self.random.i64(least..most));
        self.now
    }

    /// Somewhere behind the last place.
    fn offset(&mut self) -> u64 {
        let far = if self.is_odd() { 1 << 40 } else { 1000 };
        self.offset += self.random.u64(1..far);
        self.offset
    }

    fn begin(&mut self) -> Begin {
        let (at, offset, ack) = (self.at(), self.offset(), self.offset());
        let acks = match self.random.u32(..8) {
            0 => None,
            _ if self.is_odd() => Some(Acks::AtMost(ack)),
            _ => Some(Acks::Exactly(ack)),
        };
        let stamp = Stamp { at, acks };
        let version = self.one_of(&[Version::Http10, Version::Http11]);
        (Place { offset, stamp }, version)
    }

    fn acked(&mut self) -> Acked {
        let (at, offset) = (self.at(), self.offset());
        Acked { at, offset }
    }

    fn head(&mut self, begin: Place, kind: Kind) -> MessageHead {
        let octets = self.random.u64(..100);
        let body = match (kind, self.is_odd()) {
            (Kind::Request, false) => TransferEncoding::Absent,
            _ => self.one_of(&[TransferEncoding::Absent, TransferEncoding::Chunked]),
        };
        let framing = self.one_of(&[
            Framing::None,
            Framing::Length(octets),
            Framing::Length(octets),
            Framing::Chunked,
            Framing::Close,
            Framing::Unknown,
        ]);
        let length = match framing {
            _ if self.is_odd() => {
                let other = ContentLength::Octets(octets + 1);
                self.one_of(&[ContentLength::Invalid, other])
            }
            Framing::Length(_) => ContentLength::Octets(octets),
            Framing::Unknown => ContentLength::Invalid,
            _ => ContentLength::Absent,
        };
        let has_field = self.random.bool() && (kind == Kind::Response || self.is_odd());
        let (timeout, syntax) = match self.is_odd() {
            true => (
                self.one_of(&[Some(0xffff), Some(1 << 20), None]),
                Syntax::Malformed,
            ),
            false => (
                self.one_of(&[None, Some(5), Some(0xfffe)]),
                Syntax::WellFormed,
            ),
        };
        let keep_alive = KeepAlive {
            timeout,
            max: self.one_of(&[None, Some(0), Some(100)]),
            syntax: self.one_of(&[syntax, Syntax::WellFormed]),
        };
        let head = Head {
            options: Options {
                close: self.random.u32(..4) == 0,
                keep_alive: self.random.bool(),
            },
            keep_alive: has_field.then_some(keep_alive),
            body: BodyFields {
                transfer_encoding: body,
                content_length: length,
            },
            shape: match self.is_odd() {
                true => HeadShape::Mended,
                false => HeadShape::WellFormed,
            },
        };
        let at = if self.is_odd() {
            self.at()
        } else {
            begin.stamp.at
        };
        let acked = (kind == Kind::Response && self.is_odd()).then(|| self.acked());
        let end = begin.offset + self.random.u64(20..900);
        MessageHead {
            head,
            at,
            end,
            framing,
            acked,
        }
    }

    fn end(&mut self, message: &Message, kind: Kind) -> End {
        let head_end = message.head.map_or(message.start.offset, |head| head.end);
        let framing = message.framing();
        let octets = match framing {
            _ if self.is_odd() => self.random.u64(..1 << 34),
            Some(Framing::Length(octets)) => octets,
            Some(Framing::Chunked | Framing::Close | Framing::Unknown) => self.random.u64(..5000),
            _ => 0,
        };
        let at = match (kind, self.is_odd()) {
            (_, true) => None,
            (Kind::Request, false) => Some(message.start_at()),
            (Kind::Response, false) => Some(self.at()),
        };
        End {
            offset: head_end + octets,
            at,
            acked: self.random.bool().then(|| self.acked()),
        }
    }

    /// One thing happens.
    fn step(&mut self) {
        let open = self.settled..self.plain.len();
        if open.is_empty() || self.random.u32(..12) == 0 {
            return self.begin_one();
        }
        let number = self.random.usize(open);
        let place = number as u64;
        let kind = self.one_of(&[Kind::Request, Kind::Response]);
        let exchange = self.plain[number].clone();
        let message = match kind {
            Kind::Request => exchange.request.as_ref().map(|it| it.message),
            Kind::Response => exchange.response.map(|it| it.message),
        };
        match (self.random.u32(..12), message) {
            (0, _) => {
                self.kept.settle(place);
                self.settled = number;
            }
            (1..4, _) if exchange.request.is_some() && exchange.response.is_none() => {
                let (begin, status) = (self.begin(), self.one_of(&[200, 204, 304, 101]));
                self.kept.answer(place, status, begin);
                self.plain[number].response = Some(Response {
                    message: Message::new(begin.0, begin.1),
                    status,
                });
            }
            (4..7, Some(message)) if message.head.is_none() => {
                let head = self.head(message.start, kind);
                let MessageHead {
                    head: fields,
                    at,
                    end,
                    framing,
                    acked,
                } = head;
                let there = HeadPlace { at, end, framing };
                match kind {
                    Kind::Request => self.kept.set_asked_head(place, &fields, &there),
                    Kind::Response => self.kept.set_told_head(place, &fields, &there, acked),
                }
                self.message(number, kind).head = Some(head);
            }
            (7..10, Some(message)) if message.head.is_some() && message.end.is_none() => {
                let end = self.end(&message, kind);
                let is_complete = self.kept.set_end(place, kind, &end);
                self.message(number, kind).end = Some(end);
                assert_eq!(is_complete, Some(self.plain[number].is_complete()));
            }
            (_, Some(message)) => {
                let head_acked = message.head.and_then(|head| head.acked);
                let is_told = kind == Kind::Response && message.end.is_some();
                let part = match self.is_odd() || is_told && self.random.bool() {
                    true => Part::Head,
                    false => Part::Whole,
                };
                let by = head_acked.or(message.end.and_then(|end| end.acked));
                let by = by.filter(|_| !self.is_odd());
                let by = by.unwrap_or_else(|| self.acked());
                self.kept.set_acked(place, kind, part, by);
                let message = self.message(number, kind);
                let acked = match part {
                    Part::Head => message.head.as_mut().map(|head| &mut head.acked),
                    Part::Whole => message.end.as_mut().map(|end| &mut end.acked),
                };
                if let Some(acked) = acked {
                    acked.get_or_insert(by);
                }
            }
            _ => {}
        }
        self.compare(number);
    }

    fn begin_one(&mut self) {
        let begin = self.begin();
        let message = Message::new(begin.0, begin.1);
        if self.is_odd() {
            let number = self.kept.push_response(408, begin);
            assert_eq!(number, self.plain.len() as u64);
            return self.plain.push(Exchange {
                request: None,
                response: Some(Response {
                    message,
                    status: 408,
                }),
            });
        }
        let name = self.one_of(&["GET", "POST", "HEAD", "LOCK", "CONNECT"]);
        let method = Method::from_name(name);
        let (line, text) = match self.random.bool() {
            false => (Line::of_method(method, name), name.to_owned()),
            true => {
                let text = format!("{name} /{}", self.plain.len());
                (Line::Text(method, text.as_str().into()), text)
            }
        };
        self.kept.push_request(begin, line);
        self.plain.push(Exchange {
            request: Some(Request {
                message,
                method,
                line: text.into(),
            }),
            response: None,
        });
    }

    fn message(&mut self, number: usize, kind: Kind) -> &mut Message {
        self.plain[number].message(kind).unwrap()
    }

    /// What is asked of an exchange that can still change.
    fn compare(&mut self, number: usize) {
        let (exchange, place) = (&self.plain[number], number as u64);
        let request = exchange.request.as_ref();
        let start = request.map(|request| request.message.start);
        let response = exchange.response.as_ref();
        let line = response.map(|response| {
            let method = request.map(|request| request.method);
            (method, response.message.version, response.status)
        });
        if number >= self.settled {
            assert_eq!(self.kept.asked_start(place), start);
            let offset = start.map(|start| start.offset);
            assert_eq!(self.kept.asked_offset(place), offset);
            assert_eq!(self.kept.told_line(place), line);
            let begun = response.map(|response| response.message.start);
            assert_eq!(self.kept.told_start(place), begun);
        }
        let pause = |exchange| Pause::behind(exchange).map(|pause| format!("{pause:?}"));
        let last = self.kept.last_pause().map(|pause| format!("{pause:?}"));
        assert_eq!(last, self.plain.last().and_then(pause));
    }

    /// What is told in the end.
    fn finish(mut self) -> Exchanges {
        let exchanges = self.kept.take();
        assert_eq!(exchanges.len(), self.plain.len());
        let told = exchanges.latest_first().collect::<Vec<_>>();
        assert_eq!(
            format!("{:?}", told.iter().rev().collect::<Vec<_>>()),
            format!("{:?}", self.plain.iter().collect::<Vec<_>>())
        );
        assert_eq!(format!("{:?}", &*exchanges), format!("{:?}", self.plain));
        let brief = |exchange| format!("{:?}", Brief::from(exchange));
        let briefs = exchanges.briefs().map(|brief| format!("{brief:?}"));
        assert!(briefs.eq(self.plain.iter().map(brief)));
        let latest = exchanges.briefs_latest_first();
        let latest = latest.map(|brief| format!("{brief:?}"));
        assert!(latest.eq(self.plain.iter().rev().map(brief)));
        let gaps = self.plain.windows(2);
        let gaps: Gaps = gaps
            .filter_map(|pair| idle_gap(&pair[0], &pair[1]))
            .collect();
        assert!(exchanges.gaps().iter().eq(gaps.iter()));
        let mut noted = Noted::default();
        let notings = self.plain.iter().map(Noting::from);
        notings.for_each(|noting| noted.add(&noting));
        assert_eq!(exchanges.traits(), noted.traits);
        let unanswered = Traits::UNANSWERED;
        for traits in [
            Traits::ENDING,
            Traits::CLOSE,
            Traits::BAD_FRAMING,
            unanswered,
        ] {
            let shows = |exchange: &Exchange| Traits::of(exchange).contain(traits);
            let any = exchanges.any_that_shows(traits, |_| true);
            assert_eq!(any, self.plain.iter().any(shows));
        }
        exchanges
    }
}

#[test]
fn whatever_happens_the_same_is_told_as_of_a_plain_list() {
    let (mut records, mut all) = (0, 0);
    for seed in 0..3_000 {
        let mut both = Both::new(seed, [1 << 20, 30, 4][seed as usize % 3]);
        (0..seed % 400).for_each(|_| both.step());
        let exchanges = both.finish();
        records += exchanges.records();
        all += exchanges.len();
    }
    // Many of them are as exchanges mostly are: else nothing would be shown of those.
    assert!(records * 3 > all && records < all, "{records} of {all}");
}

#[test]
fn of_more_than_are_kept_the_latest_are() {
    let mut both = Both::new(7, 50);
    for number in 0..MAX_EXCHANGES + 250 {
        both.begin_one();
        if number % 100 == 0 {
            both.kept.settle(number as u64);
        }
    }
    both.plain.drain(..250);
    assert_eq!(both.finish().dropped(), 250);
}
