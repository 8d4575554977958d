//! Exchanges in few octets.
//!
//! In: exchanges to which nothing can happen any more. Out: the same, in order. An exchange has places and times that
//! lie close together: what is kept is how far each is from the one before it, in as few octets as that takes.

use std::mem::discriminant;

use super::exchange::{End, Exchange, Message, MessageHead, Request, Response};
use crate::http::{
    ContentLength, Framing, Head, HeadShape, KeepAlive, Method, Place, Syntax, TransferEncoding,
    Version,
};
use crate::tcp::{Acked, Acks, FIRST_OCTET, Peer, PerPeer, Stamp};
use crate::time::{At, Time};

/// A queue of exchanges.
#[derive(Debug, Default)]
pub(super) struct Packed {
    octets: Vec<u8>,
    /// How many octets at the beginning were taken out already.
    gone: usize,
    len: usize,
}

impl Packed {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, mut exchange: Exchange) {
        // Not twice the room whenever it is full: there are many of these.
        if self.octets.capacity() - self.octets.len() < USUAL {
            self.octets.reserve_exact(USUAL.max(self.octets.len() / 2));
        }
        let mut writer = Writer::behind(&mut self.octets);
        Layout::over(&mut writer).exchange(&mut exchange);
        self.len += 1;
    }

    pub(super) fn drop_first(&mut self) {
        self.len = self.len.saturating_sub(1);
        let rest = self.octets.get(self.gone..).unwrap_or_default();
        let mut reader = Reader::new(rest);
        Layout::over(&mut reader).exchange(&mut Exchange::default());
        self.gone = self.octets.len() - reader.octets.len();
        if self.gone > self.octets.len() / 2 {
            self.octets.drain(..self.gone);
            self.gone = 0;
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Exchange> {
        let mut rest = self.octets.get(self.gone..).unwrap_or_default();
        (0..self.len).map(move |_| {
            let mut reader = Reader::new(rest);
            let mut exchange = Exchange::default();
            Layout::over(&mut reader).exchange(&mut exchange);
            rest = reader.octets;
            exchange
        })
    }

    /// The memory that it has taken beside its own size, in octets.
    pub(super) fn weight(&self) -> usize {
        self.octets.capacity()
    }

    pub(super) fn shrink(&mut self) {
        self.octets.shrink_to_fit();
    }
}

/// Most exchanges take no more, in octets.
const USUAL: usize = 128;

/// Numbers from here on do not fit into eight octets with two bits that tell how many octets there are.
const LARGE: u64 = u64::MAX >> 2;

/// How many octets all choices of a message take.
const CHOICES: usize = 5;

/// What an exchange is written to or read from: what is written comes back as it is, what is read is told.
trait Wire {
    /// A message begins, or the lack of it.
    fn begin(&mut self);

    /// One of a few values, so many bits of it.
    fn choice(&mut self, bits: u32, value: u64) -> u64;

    fn number(&mut self, value: u64) -> u64;

    fn text(&mut self, text: &mut Box<str>);

    fn end(&mut self) {}
}

struct Writer<'a> {
    choices: u64,
    bits: u32,
    /// Where the choices go.
    at: usize,
    octets: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    fn behind(octets: &'a mut Vec<u8>) -> Self {
        Writer {
            choices: 0,
            bits: 0,
            at: 0,
            octets,
        }
    }
}

impl Wire for Writer<'_> {
    fn begin(&mut self) {
        (self.choices, self.bits, self.at) = (0, 0, self.octets.len());
        self.octets.extend_from_slice(&[0; CHOICES]);
    }

    #[inline(always)]
    fn choice(&mut self, bits: u32, value: u64) -> u64 {
        self.choices |= value << self.bits;
        self.bits += bits;
        value
    }

    fn end(&mut self) {
        let octets = self.octets.iter_mut().skip(self.at).take(CHOICES);
        for (octet, choices) in octets.zip(self.choices.to_le_bytes()) {
            *octet = choices;
        }
    }

    fn number(&mut self, value: u64) -> u64 {
        let out = &mut *self.octets;
        match value {
            0..0x40 => out.push((value << 2) as u8),
            0x40..0x4000 => out.extend_from_slice(&((value << 2 | 1) as u16).to_le_bytes()),
            0x4000..0x4000_0000 => out.extend_from_slice(&((value << 2 | 2) as u32).to_le_bytes()),
            0x4000_0000..LARGE => out.extend_from_slice(&(value << 2 | 3).to_le_bytes()),
            LARGE.. => {
                out.extend_from_slice(&u64::MAX.to_le_bytes());
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        value
    }

    fn text(&mut self, text: &mut Box<str>) {
        self.number(text.len() as u64);
        self.octets.extend_from_slice(text.as_bytes());
    }
}

struct Reader<'a> {
    choices: u64,
    octets: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(octets: &'a [u8]) -> Self {
        Reader { choices: 0, octets }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.octets.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.octets = rest;
        *taken
    }
}

impl Wire for Reader<'_> {
    fn begin(&mut self) {
        let [a, b, c, d, e] = self.take();
        self.choices = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
    }

    #[inline(always)]
    fn choice(&mut self, bits: u32, _: u64) -> u64 {
        let value = self.choices & ((1 << bits) - 1);
        self.choices >>= bits;
        value
    }

    fn number(&mut self, _: u64) -> u64 {
        match self.octets.first().map(|octet| octet & 3) {
            Some(0) => u64::from(u8::from_le_bytes(self.take())) >> 2,
            Some(1) => u64::from(u16::from_le_bytes(self.take())) >> 2,
            Some(2) => u64::from(u32::from_le_bytes(self.take())) >> 2,
            _ => match u64::from_le_bytes(self.take()) >> 2 {
                LARGE => u64::from_le_bytes(self.take()),
                value => value,
            },
        }
    }

    fn text(&mut self, text: &mut Box<str>) {
        let len = usize::try_from(self.number(0)).unwrap_or(usize::MAX);
        let (octets, rest) = self.octets.split_at_checked(len).unwrap_or_default();
        self.octets = rest;
        *text = std::str::from_utf8(octets).unwrap_or_default().into();
    }
}

/// How an exchange is laid out: one description for both ways. Parts are written as they are, or are read over what is
/// there, which may be anything.
struct Layout<'a, W> {
    wire: &'a mut W,
    /// The place before.
    at: At,
    /// The offset before, of the side that asks and of the one that answers.
    offsets: PerPeer<u64>,
}

impl<'a, W: Wire> Layout<'a, W> {
    fn over(wire: &'a mut W) -> Self {
        Layout {
            wire,
            at: At::default(),
            offsets: PerPeer {
                client: FIRST_OCTET,
                server: FIRST_OCTET,
            },
        }
    }

    fn exchange(&mut self, exchange: &mut Exchange) {
        self.wire.begin();
        if let Some(request) = self.option(&mut exchange.request, blank_request) {
            self.message(Peer::Client, &mut request.message);
            self.one_of(&METHODS, &mut request.method);
            self.wire.text(&mut request.line);
        }
        self.wire.end();
        self.wire.begin();
        if let Some(response) = self.option(&mut exchange.response, blank_response) {
            self.message(Peer::Server, &mut response.message);
            response.status = self.wire.number(response.status.into()) as u16;
        }
        self.wire.end();
    }

    fn message(&mut self, peer: Peer, message: &mut Message) {
        self.offset(peer, &mut message.start.offset);
        self.at(&mut message.start.stamp.at);
        let acks = &mut message.start.stamp.acks;
        if let Some(acks) = self.option(acks, || Acks::Exactly(0)) {
            self.one_of(&[Acks::Exactly(0), Acks::AtMost(0)], acks);
            let (Acks::Exactly(offset) | Acks::AtMost(offset)) = acks;
            self.offset(peer.other(), offset);
        }
        self.one_of(&[Version::Http10, Version::Http11], &mut message.version);
        if let Some(head) = self.option(&mut message.head, blank_head) {
            self.at(&mut head.at);
            self.offset(peer, &mut head.end);
            self.acked(peer, &mut head.acked);
            self.head(&mut head.head);
            self.one_of(&FRAMINGS, &mut head.framing);
            if let Framing::Length(octets) = &mut head.framing {
                let said = match head.head.body.content_length {
                    ContentLength::Octets(octets) => octets,
                    _ => 0,
                };
                *octets = self.distance(said, *octets);
                // That is where the end is expected.
                self.offsets[peer] = head.end.wrapping_add(*octets);
            }
        }
        if let Some(end) = self.option(&mut message.end, blank_end) {
            self.offset(peer, &mut end.offset);
            if let Some(at) = self.option(&mut end.at, At::default) {
                self.at(at);
            }
            self.acked(peer, &mut end.acked);
        }
    }

    fn head(&mut self, head: &mut Head) {
        self.flag(&mut head.options.close);
        self.flag(&mut head.options.keep_alive);
        self.one_of(&[HeadShape::WellFormed, HeadShape::Mended], &mut head.shape);
        if let Some(keep_alive) = self.option(&mut head.keep_alive, KeepAlive::default) {
            self.seconds_or_count(&mut keep_alive.timeout);
            self.seconds_or_count(&mut keep_alive.max);
            let syntaxes = [Syntax::WellFormed, Syntax::Malformed];
            self.one_of(&syntaxes, &mut keep_alive.syntax);
        }
        self.one_of(&CODINGS, &mut head.body.transfer_encoding);
        self.one_of(&LENGTHS, &mut head.body.content_length);
        if let ContentLength::Octets(octets) = &mut head.body.content_length {
            *octets = self.wire.number(*octets);
        }
    }

    fn seconds_or_count(&mut self, number: &mut Option<u32>) {
        if let Some(number) = self.option(number, || 0) {
            *number = self.wire.number((*number).into()) as u32;
        }
    }

    /// By the other side of `peer`, which had sent so much by then.
    fn acked(&mut self, peer: Peer, acked: &mut Option<Acked>) {
        if let Some(acked) = self.option(acked, blank_acked) {
            self.at(&mut acked.at);
            self.offset(peer.other(), &mut acked.offset);
        }
    }

    fn at(&mut self, at: &mut At) {
        let mut same = self.at == *at;
        self.flag(&mut same);
        if same {
            *at = self.at;
            return;
        }
        at.frame = self.way(self.at.frame, at.frame);
        let (before, now) = (self.at.time.nanos(), at.time.nanos());
        let nanos = self.way(before.cast_unsigned(), now.cast_unsigned());
        at.time = Time::from_nanos(nanos.cast_signed().into());
        self.at = *at;
    }

    fn offset(&mut self, peer: Peer, offset: &mut u64) {
        *offset = self.distance(self.offsets[peer], *offset);
        self.offsets[peer] = *offset;
    }

    /// A number that is often another one, or else near it.
    fn distance(&mut self, from: u64, to: u64) -> u64 {
        let mut same = from == to;
        self.flag(&mut same);
        if same { from } else { self.way(from, to) }
    }

    /// A number that is near another one: the way to it is short, in either direction.
    fn way(&mut self, from: u64, to: u64) -> u64 {
        let ahead = to.wrapping_sub(from).cast_signed();
        let zigzag = (ahead << 1 ^ ahead >> 63).cast_unsigned();
        let zigzag = self.wire.number(zigzag);
        from.wrapping_add(zigzag >> 1 ^ (zigzag & 1).wrapping_neg())
    }

    fn flag(&mut self, flag: &mut bool) {
        *flag = self.wire.choice(1, u64::from(*flag)) != 0;
    }

    fn option<'v, T>(
        &mut self,
        value: &'v mut Option<T>,
        blank: impl FnOnce() -> T,
    ) -> Option<&'v mut T> {
        match self.wire.choice(1, u64::from(value.is_some())) {
            0 => None,
            _ => Some(value.get_or_insert_with(blank)),
        }
    }

    /// Which of these it is, whatever it holds beside that.
    fn one_of<T: Copy>(&mut self, all: &[T], value: &mut T) {
        let same = |other: &T| discriminant(other) == discriminant(value);
        let index = all.iter().position(same).unwrap_or_default();
        let bits = usize::BITS - (all.len() - 1).leading_zeros();
        let told = self.wire.choice(bits, index as u64);
        if told != index as u64
            && let Some(other) = usize::try_from(told).ok().and_then(|told| all.get(told))
        {
            *value = *other;
        }
    }
}

const METHODS: [Method; 5] = [
    Method::Head,
    Method::Connect,
    Method::Get,
    Method::Idempotent,
    Method::Other,
];
const CODINGS: [TransferEncoding; 3] = [
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
        line: Box::default(),
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

fn blank_acked() -> Acked {
    Acked {
        at: At::default(),
        offset: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{BodyFields, Options};

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

    #[test]
    fn what_is_packed_comes_out_again_from_either_end() {
        let mut any = Any(fastrand::Rng::with_seed(1));
        let exchanges: Vec<_> = (0..2_000).map(|_| any.exchange()).collect();
        let mut packed = Packed::default();
        exchanges
            .iter()
            .for_each(|exchange| packed.push(exchange.clone()));
        for first in [0, 1, 2, 1_500, 2_000] {
            while packed.len() > exchanges.len() - first {
                packed.drop_first();
            }
            assert_eq!(packed.iter().len(), exchanges.len() - first);
            for (out, exchange) in packed.iter().zip(&exchanges[first..]) {
                assert_eq!(format!("{out:?}"), format!("{exchange:?}"));
            }
        }
    }
}
