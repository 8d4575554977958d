//! Exchanges in few octets, where they are not as they mostly are.
//!
//! In: an exchange to which nothing can happen any more. Out: octets, and that exchange again. An exchange has places and
//! times that lie close together: what is kept is how far each is from the one before it, in as few octets as that takes.

use super::exchange::{End, Exchange, Message, MessageHead, Request, Response};
use super::layout::{Layout, Reader, Wire, Writer};
use crate::http::{
    ContentLength, Framing, Head, HeadShape, KeepAlive, Method, Place, Syntax, TransferEncoding,
    Version,
};
use crate::tcp::{Acks, Peer, Stamp};
use crate::time::At;

/// An exchange but for its request's line, which is kept elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    pub(super) fn of(exchange: &mut Exchange) -> Self {
        let mut writer = Writer::default();
        lay_out(&mut Layout::over(&mut writer), exchange);
        Packed(writer.octets().into())
    }

    pub(super) fn unpack(&self) -> Exchange {
        let mut reader = Reader::new(&self.0);
        let mut exchange = Exchange::default();
        lay_out(&mut Layout::over(&mut reader), &mut exchange);
        exchange
    }

    /// The memory that it takes beside its own size, in octets.
    pub(super) fn weight(&self) -> usize {
        self.0.len()
    }
}

fn lay_out<W: Wire>(layout: &mut Layout<'_, W>, exchange: &mut Exchange) {
    layout.group(|layout| {
        if let Some(request) = layout.option(&mut exchange.request, blank_request) {
            message(layout, Peer::Client, &mut request.message);
            layout.one_of(&METHODS, &mut request.method);
        }
    });
    layout.group(|layout| {
        if let Some(response) = layout.option(&mut exchange.response, blank_response) {
            message(layout, Peer::Server, &mut response.message);
            layout.narrow(&mut response.status);
        }
    });
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
        line: "".into(),
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
    use crate::tcp::Acked;
    use crate::time::Time;

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
            Exchange {
                request: self.maybe(|any| Request {
                    message: any.message(),
                    method: any.one_of(&METHODS),
                    line: "GET /ä".into(),
                }),
                response: self.maybe(|any| Response {
                    message: any.message(),
                    status: any.0.u16(..),
                }),
            }
        }
    }

    #[test]
    fn what_is_packed_comes_out_again_but_for_its_line() {
        let mut any = Any(fastrand::Rng::with_seed(1));
        for _ in 0..10_000 {
            let mut exchange = any.exchange();
            let unpacked = Packed::of(&mut exchange).unpack();
            if let Some(request) = &mut exchange.request {
                request.line = "".into();
            }
            assert_eq!(format!("{unpacked:?}"), format!("{exchange:?}"));
        }
    }
}
