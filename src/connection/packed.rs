//! Exchanges in few octets.
//!
//! In: exchanges to which nothing can happen any more. Out: the same, in order. An exchange has places and times that
//! lie close together: what is kept is how far each is from the one before it, in as few octets as that takes.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::mem;

use super::exchange::{End, Exchange, Message, MessageHead, Request, Response, kept};
use super::layout::{Layout, Reader, Wire, Writer};
use super::usual;
use crate::fetch;
use crate::http::{
    ContentLength, Framing, Head, HeadShape, KeepAlive, Method, Place, Syntax, TransferEncoding,
    Version,
};
use crate::tcp::{Acks, Peer, Stamp};
use crate::time::At;

/// A queue of exchanges, in blocks of memory: where one is full, another is begun, and what is in it stays there. It was
/// not looked at for long, and to move it would be to fetch all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    /// The block that is not full.
    last: Vec<u8>,
    /// Those before it.
    full: VecDeque<Vec<u8>>,
    len: usize,
    /// The memory that full blocks take, in octets.
    weight: usize,
    /// How many octets at the beginning of the first block were taken out already.
    gone: usize,
}

impl Packed {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an exchange.
    pub(super) fn push(&mut self, exchange: &mut Exchange) {
        if let Exchange {
            request: Some(request),
            response: Some(response),
        } = exchange
            && let Some(words) = usual::words(request, response)
            && let Ok(len) = u8::try_from(request.line.len())
        {
            let block = self.room(2 + usual::OCTETS + usize::from(len));
            block.extend_from_slice(&[USUAL, len]);
            let begin = block.len();
            block.resize(begin + usual::OCTETS, 0);
            usual::write(&words, block.get_mut(begin..).unwrap_or_default());
            block.extend_from_slice(request.line.as_bytes());
        } else {
            self.push_any(exchange);
        }
        self.len += 1;
        // The next one comes when this part of memory was not looked at for long.
        fetch::octets(&self.last, self.last.len(), NEXT);
    }

    fn push_any(&mut self, exchange: &mut Exchange) {
        let mut writer = Writer::default();
        lay_out(&mut Layout::over(&mut writer), exchange);
        let octets = writer.octets();
        let line = exchange.request.as_ref();
        let line = line.map_or("", |request| &*request.line);
        let block = self.room(1 + octets.len() + line.len());
        block.push(ANY);
        block.extend_from_slice(octets);
        block.extend_from_slice(line.as_bytes());
    }

    /// A block with room for so many octets behind what is in it.
    #[inline]
    fn room(&mut self, octets: usize) -> &mut Vec<u8> {
        if self.last.capacity() - self.last.len() < octets {
            self.begin_block(octets);
        }
        &mut self.last
    }

    #[inline(never)]
    fn begin_block(&mut self, octets: usize) {
        let (size, _) = BLOCKS
            .into_iter()
            .rfind(|(_, from)| self.full.len() >= *from)
            .unwrap_or_default();
        let next = Vec::with_capacity(size.max(octets));
        let block = mem::replace(&mut self.last, next);
        if !block.is_empty() {
            self.weight += block.capacity();
            self.full.push_back(block);
        }
    }

    pub(super) fn drop_first(&mut self) {
        self.len = self.len.saturating_sub(1);
        let block = self.full.front().unwrap_or(&self.last);
        let mut rest = block.get(self.gone..).unwrap_or_default();
        pass_over(&mut rest);
        self.gone = block.len() - rest.len();
        if rest.is_empty() {
            self.gone = 0;
            match self.full.pop_front() {
                Some(block) => self.weight -= block.capacity(),
                None => self.last.clear(),
            }
        }
    }

    /// Adds all of them to these.
    pub(super) fn unpack(&self, exchanges: &mut Vec<Exchange>) {
        let mut gone = self.gone;
        for block in self.full.iter().chain([&self.last]) {
            let mut rest = block.get(mem::take(&mut gone)..).unwrap_or_default();
            while !rest.is_empty() {
                // Each is made where it is to be: it is large.
                match take_usual(&mut rest) {
                    Some((words, line)) => exchanges.push(usual::exchange(words, line)),
                    None => exchanges.push(unpacked_any(&mut rest)),
                }
            }
        }
    }

    /// The memory that it has taken beside its own size, in octets.
    pub(super) fn weight(&self) -> usize {
        self.last.capacity() + self.weight
    }

    pub(super) fn shrink(&mut self) {
        self.last.shrink_to_fit();
    }
}

/// So many octets of room are fetched for the next exchange: more than most take.
const NEXT: usize = 192;

/// How large blocks are, in octets, from so many others on, unless one exchange is larger: one has room for four usual
/// exchanges, for eight where there are more, and for many where there are many. Blocks of few sizes are found again
/// sooner by whoever gives memory.
const BLOCKS: [(usize, usize); 3] = [(436, 0), (872, 2), (4096, 8)];

/// What an exchange begins with whose words follow: the length of its line is next.
const USUAL: u8 = 1;

/// What any other begins with.
const ANY: u8 = 0;

/// Passes over the first exchange of these octets, which those behind it remain of.
fn pass_over(octets: &mut &[u8]) {
    if take_usual(octets).is_none() {
        unpacked_any(octets);
    }
}

/// The words and the line of the first exchange of these octets, where it is a usual one; those behind it remain.
#[inline]
fn take_usual<'a>(octets: &mut &'a [u8]) -> Option<(&'a [u8; usual::OCTETS], Cow<'static, str>)> {
    let (&[USUAL, len], rest) = octets.split_first_chunk()? else {
        return None;
    };
    let (words, rest) = rest.split_first_chunk()?;
    *octets = rest;
    Some((words, take_line(octets, len.into())))
}

/// The first exchange of these octets, where it is any other; those behind it remain.
fn unpacked_any(octets: &mut &[u8]) -> Exchange {
    *octets = octets.get(1..).unwrap_or_default();
    let mut reader = Reader::new(octets);
    let mut exchange = Exchange::default();
    let len = lay_out(&mut Layout::over(&mut reader), &mut exchange);
    *octets = reader.rest();
    let line = take_line(octets, len);
    if let Some(request) = &mut exchange.request {
        request.line = line;
    }
    exchange
}

fn take_line(octets: &mut &[u8], len: u64) -> Cow<'static, str> {
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let (line, rest) = octets.split_at_checked(len).unwrap_or_default();
    *octets = rest;
    kept(line)
}

/// Tells the length of the request's line, which is kept behind it.
fn lay_out<W: Wire>(layout: &mut Layout<'_, W>, exchange: &mut Exchange) -> u64 {
    let mut line = 0;
    layout.group(|layout| {
        if let Some(request) = layout.option(&mut exchange.request, blank_request) {
            message(layout, Peer::Client, &mut request.message);
            layout.one_of(&METHODS, &mut request.method);
            line = request.line.len() as u64;
            layout.number(&mut line);
        }
    });
    layout.group(|layout| {
        if let Some(response) = layout.option(&mut exchange.response, blank_response) {
            message(layout, Peer::Server, &mut response.message);
            layout.narrow(&mut response.status);
        }
    });
    line
}

fn message<W: Wire>(layout: &mut Layout<'_, W>, peer: Peer, message: &mut Message) {
    layout.offset(peer, &mut message.start.offset);
    layout.at(&mut message.start.stamp.at);
    let acks = &mut message.start.stamp.acks;
    if let Some(acks) = layout.option(acks, || Acks::Exactly(0)) {
        layout.one_of(&[Acks::Exactly(0), Acks::AtMost(0)], acks);
        let (Acks::Exactly(offset) | Acks::AtMost(offset)) = acks;
        layout.offset(peer.other(), offset);
    }
    layout.one_of(&[Version::Http10, Version::Http11], &mut message.version);
    if let Some(head) = layout.option(&mut message.head, blank_head) {
        layout.at(&mut head.at);
        layout.offset(peer, &mut head.end);
        layout.acked(peer, &mut head.acked);
        self::head(layout, &mut head.head);
        layout.one_of(&FRAMINGS, &mut head.framing);
        if let Framing::Length(octets) = &mut head.framing {
            let said = match head.head.body.content_length {
                ContentLength::Octets(octets) => octets,
                _ => 0,
            };
            *octets = layout.distance(said, *octets);
            // That is where the end is expected.
            layout.expect(peer, head.end.wrapping_add(*octets));
        }
    }
    if let Some(end) = layout.option(&mut message.end, blank_end) {
        layout.offset(peer, &mut end.offset);
        if let Some(at) = layout.option(&mut end.at, At::default) {
            layout.at(at);
        }
        layout.acked(peer, &mut end.acked);
    }
}

fn head<W: Wire>(layout: &mut Layout<'_, W>, head: &mut Head) {
    layout.flag(&mut head.options.close);
    layout.flag(&mut head.options.keep_alive);
    layout.one_of(&[HeadShape::WellFormed, HeadShape::Mended], &mut head.shape);
    if let Some(keep_alive) = layout.option(&mut head.keep_alive, KeepAlive::default) {
        seconds_or_count(layout, &mut keep_alive.timeout);
        seconds_or_count(layout, &mut keep_alive.max);
        let syntaxes = [Syntax::WellFormed, Syntax::Malformed];
        layout.one_of(&syntaxes, &mut keep_alive.syntax);
    }
    layout.one_of(&CODINGS, &mut head.body.transfer_encoding);
    layout.one_of(&LENGTHS, &mut head.body.content_length);
    if let ContentLength::Octets(octets) = &mut head.body.content_length {
        layout.number(octets);
    }
}

fn seconds_or_count<W: Wire>(layout: &mut Layout<'_, W>, number: &mut Option<u32>) {
    if let Some(number) = layout.option(number, || 0) {
        layout.narrow(number);
    }
}

pub(super) const METHODS: [Method; 5] = [
    Method::Head,
    Method::Connect,
    Method::Get,
    Method::Idempotent,
    Method::Other,
];
pub(super) const CODINGS: [TransferEncoding; 3] = [
    TransferEncoding::Absent,
    TransferEncoding::Chunked,
    TransferEncoding::Other,
];
const LENGTHS: [ContentLength; 3] = [
    ContentLength::Absent,
    ContentLength::Octets(0),
    ContentLength::Invalid,
];
const FRAMINGS: [Framing; 6] = [
    Framing::None,
    Framing::Length(0),
    Framing::Chunked,
    Framing::Close,
    Framing::Tunnel,
    Framing::Unknown,
];

fn blank_request() -> Request {
    Request {
        message: blank_message(),
        method: Method::Get,
        line: Cow::Borrowed(""),
    }
}

fn blank_response() -> Response {
    Response {
        message: blank_message(),
        status: 0,
    }
}

fn blank_message() -> Message {
    let stamp = Stamp {
        at: At::default(),
        acks: None,
    };
    Message::new(Place { offset: 0, stamp }, Version::Http11)
}

fn blank_head() -> MessageHead {
    MessageHead {
        head: Head::default(),
        at: At::default(),
        end: 0,
        framing: Framing::None,
        acked: None,
    }
}

fn blank_end() -> End {
    End {
        offset: 0,
        at: None,
        acked: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{BodyFields, Options};
    use crate::tcp::{Acked, FIRST_OCTET};
    use crate::time::{Span, Time};

    /// Makes exchanges that hold anything, likely or not.
    struct Any(fastrand::Rng);

    impl Any {
        fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
            self.0.bool().then(|| make(self))
        }

        fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
            all[self.0.usize(..all.len())]
        }

        fn number(&mut self) -> u64 {
            let shift = self.0.u32(..64);
            self.0.u64(..) >> shift
        }

        fn at(&mut self) -> At {
            At {
                frame: self.number(),
                time: Time::from_nanos((self.number().cast_signed()).into()),
            }
        }

        fn acked(&mut self) -> Acked {
            let (at, offset) = (self.at(), self.number());
            Acked { at, offset }
        }

        fn head(&mut self) -> MessageHead {
            let octets = self.number();
            let keep_alive = |any: &mut Self| KeepAlive {
                timeout: any.maybe(|any| any.0.u32(..)),
                max: any.maybe(|any| any.0.u32(..)),
                syntax: any.one_of(&[Syntax::WellFormed, Syntax::Malformed]),
            };
            let head = Head {
                options: Options {
                    close: self.0.bool(),
                    keep_alive: self.0.bool(),
                },
                keep_alive: self.maybe(keep_alive),
                body: BodyFields {
                    transfer_encoding: self.one_of(&CODINGS),
                    content_length: self.one_of(&LENGTHS.map(|length| match length {
                        ContentLength::Octets(_) => ContentLength::Octets(octets),
                        other => other,
                    })),
                },
                shape: self.one_of(&[HeadShape::WellFormed, HeadShape::Mended]),
            };
            MessageHead {
                head,
                at: self.at(),
                end: self.number(),
                framing: self.one_of(&FRAMINGS.map(|framing| match framing {
                    Framing::Length(_) => Framing::Length(octets),
                    other => other,
                })),
                acked: self.maybe(Self::acked),
            }
        }

        fn message(&mut self) -> Message {
            let offset = self.number();
            Message {
                start: Place {
                    offset: self.number(),
                    stamp: Stamp {
                        at: self.at(),
                        acks: self.maybe(|any| {
                            any.one_of(&[Acks::Exactly(offset), Acks::AtMost(offset)])
                        }),
                    },
                },
                version: self.one_of(&[Version::Http10, Version::Http11]),
                head: self.maybe(Self::head),
                end: self.maybe(|any| End {
                    offset: any.number(),
                    at: any.maybe(Self::at),
                    acked: any.maybe(Self::acked),
                }),
            }
        }

        fn exchange(&mut self) -> Exchange {
            let target = "/ä".repeat(self.0.usize(..100));
            Exchange {
                request: self.maybe(|any| Request {
                    message: any.message(),
                    method: any.one_of(&METHODS),
                    line: format!("GET {target}").into(),
                }),
                response: self.maybe(|any| Response {
                    message: any.message(),
                    status: any.0.u16(..),
                }),
            }
        }
    }

    /// A request and its response, each in one packet, the other side acknowledging each a little later.
    fn usual(any: &mut Any) -> (Request, Response) {
        let mut at = At {
            frame: any.0.u64(1..1 << 40),
            time: Time::from_nanos(any.0.i64(0..1 << 62).into()),
        };
        let mut later = |any: &mut Any| {
            at.frame += any.0.u64(..1000);
            at.time = at.time + Span::from_nanos(any.0.i64(0..1_000_000_000));
            at
        };
        let (asked_at, told_at, told_acked) = (later(any), later(any), later(any));
        let offset = |any: &mut Any| FIRST_OCTET + any.0.u64(..1 << 20);
        let (asked_start, told_start) = (offset(any), offset(any));
        let message = |start, at, acks, length: u64, by| Message {
            start: Place {
                offset: start,
                stamp: Stamp {
                    at,
                    acks: Some(Acks::Exactly(acks)),
                },
            },
            version: Version::Http11,
            head: Some(MessageHead {
                head: Head {
                    body: BodyFields {
                        transfer_encoding: TransferEncoding::Absent,
                        content_length: ContentLength::Octets(length),
                    },
                    ..Head::default()
                },
                at,
                end: start + 100,
                framing: Framing::Length(length),
                acked: None,
            }),
            end: Some(End {
                offset: start + 100 + length,
                at: Some(at),
                acked: Some(by),
            }),
        };
        let told = Acked {
            at: told_at,
            offset: told_start,
        };
        let acked = Acked {
            at: told_acked,
            offset: asked_start + 130,
        };
        let request = Request {
            message: message(asked_start, asked_at, told_start, 30, told),
            method: any.one_of(&METHODS),
            line: kept(b"GET"),
        };
        let response = Response {
            message: message(told_start, told_at, asked_start + 130, 50, acked),
            status: any.0.u16(100..600),
        };
        (request, response)
    }

    /// The same but for a part of it that is anything.
    fn nearly_usual(any: &mut Any) -> Exchange {
        let (mut request, mut response) = usual(any);
        let other = any.message();
        let message = match any.0.bool() {
            true => &mut request.message,
            false => &mut response.message,
        };
        match any.0.u8(..12) {
            0 => message.start.offset = other.start.offset,
            1 => message.start.stamp = other.start.stamp,
            2 => message.version = other.version,
            3 => message.head = other.head,
            4 => message.end = other.end,
            5 => {
                message.head = message.head.map(|head| MessageHead {
                    acked: Some(any.acked()),
                    ..head
                });
            }
            6 => {
                message.head = message.head.map(|head| MessageHead {
                    framing: any.one_of(&FRAMINGS),
                    ..head
                });
            }
            7 => {
                message.head = message.head.map(|head| MessageHead {
                    head: any.head().head,
                    ..head
                });
            }
            8 => {
                message.head = message.head.map(|head| MessageHead {
                    end: head.end + any.0.u64(..3),
                    ..head
                });
            }
            9 => {
                message.end = message.end.map(|end| End {
                    at: Some(any.at()),
                    ..end
                });
            }
            10 => {
                message.end = message.end.map(|end| End {
                    acked: any.maybe(Any::acked),
                    ..end
                });
            }
            _ => request.line = "x".repeat(any.0.usize(250..260)).into(),
        }
        Exchange {
            request: Some(request),
            response: Some(response),
        }
    }

    #[test]
    fn a_usual_exchange_is_told_by_its_words() {
        let mut any = Any(fastrand::Rng::with_seed(2));
        for _ in 0..1_000 {
            let (request, response) = usual(&mut any);
            assert!(
                usual::words(&request, &response).is_some(),
                "{request:?} {response:?}"
            );
        }
    }

    #[test]
    fn what_is_packed_comes_out_again_from_either_end() {
        let mut any = Any(fastrand::Rng::with_seed(1));
        let mut exchanges: Vec<_> = (0..1_000).map(|_| any.exchange()).collect();
        exchanges.extend((0..9_000).map(|_| nearly_usual(&mut any)));
        any.0.shuffle(&mut exchanges);
        let mut packed = Packed::default();
        exchanges
            .iter()
            .for_each(|exchange| packed.push(&mut exchange.clone()));
        for first in [0, 1, 2, 1_500, 10_000] {
            while packed.len() > exchanges.len() - first {
                packed.drop_first();
            }
            let mut unpacked = Vec::new();
            packed.unpack(&mut unpacked);
            assert_eq!(unpacked.len(), exchanges.len() - first);
            for (out, exchange) in unpacked.iter().zip(&exchanges[first..]) {
                assert_eq!(format!("{out:?}"), format!("{exchange:?}"));
            }
        }
    }
}
