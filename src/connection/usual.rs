//! The usual exchange in a fixed number of words, many times as fast as [`packed`](super::packed) takes for any.
//!
//! In: an exchange. Out: words that tell all of it but its line, and that exchange again. What is left out of them is
//! taken to be as it mostly is: a request in one packet, a response whose head came in one, lengths that are kept to.

use std::borrow::Cow;

use super::exchange::{End, Exchange, Message, MessageHead, Request, Response};
use super::packed::{CODINGS, METHODS};
use crate::http::{
    BodyFields, ContentLength, Framing, Head, HeadShape, KeepAlive, Method, Options, Place, Syntax,
    TransferEncoding, Version,
};
use crate::tcp::{Acked, Acks, FIRST_OCTET, Stamp};
use crate::time::{At, Time};

const WORDS: usize = 25;

/// How many octets the words are.
pub(super) const OCTETS: usize = 4 * WORDS;

/// Writes words into these [`OCTETS`].
#[inline]
pub(super) fn write(words: &[u32; WORDS], octets: &mut [u8]) {
    let places = octets.as_chunks_mut().0.iter_mut();
    places
        .zip(words)
        .for_each(|(place, word)| *place = word.to_le_bytes());
}

/// The exchange of these words, with this line.
#[inline]
pub(super) fn exchange(octets: &[u8; OCTETS], line: Cow<'static, str>) -> Exchange {
    let mut words = [0; WORDS];
    let places = octets.as_chunks().0.iter();
    words
        .iter_mut()
        .zip(places)
        .for_each(|(word, place)| *word = u32::from_le_bytes(*place));
    Words(words).exchange(line)
}

/// The words of an exchange; `None` where it is not a usual one.
pub(super) fn words(request: &Request, response: &Response) -> Option<[u32; WORDS]> {
    let (asked, told) = (Usual::of(&request.message)?, Usual::of(&response.message)?);
    let (start, answer) = (asked.start.stamp.at, told.start.stamp.at);
    let end = told.end.at?;
    let by = |acked: Option<Acked>| {
        acked.unwrap_or(Acked {
            at: start,
            offset: FIRST_OCTET,
        })
    };
    let (asked_by, told_by) = (by(asked.end.acked), by(told.end.acked));
    let keep_alive = told.head.head.keep_alive.unwrap_or_default();
    let (timeout, max) = (keep_alive.timeout.unwrap_or(0), keep_alive.max.unwrap_or(0));
    let is_usual = asked.end.at == Some(start)
        && asked.head.acked.is_none()
        && asked.head.head.keep_alive.is_none()
        && asked.head.head.body.transfer_encoding == TransferEncoding::Absent
        && told.head.acked.is_none_or(|by| told.end.acked == Some(by))
        && keep_alive.syntax == Syntax::WellFormed
        && timeout <= 0xffff
        && max <= 0xffff;
    if !is_usual {
        return None;
    }
    let mut bits = Bits::default();
    bits.put(3, request.method as u32);
    asked.put(&mut bits);
    told.put(&mut bits);
    bits.put(2, told.head.head.body.transfer_encoding as u32);
    bits.put(1, told.head.head.keep_alive.is_some().into());
    bits.put(1, keep_alive.timeout.is_some().into());
    bits.put(1, keep_alive.max.is_some().into());
    bits.put(1, asked.end.acked.is_some().into());
    bits.put(1, told.head.acked.is_some().into());
    bits.put(1, told.end.acked.is_some().into());
    let time = start.time.nanos().cast_unsigned();
    let mut fit = Fit::default();
    let words = [
        bits.word,
        start.frame as u32,
        (start.frame >> 32) as u32,
        time as u32,
        (time >> 32) as u32,
        fit.place(asked.start.offset),
        fit.place(told.start.offset),
        fit.place(asked.acks),
        fit.place(told.acks),
        fit.word(asked.head.end.wrapping_sub(asked.start.offset)),
        fit.word(asked.len),
        fit.word(told.head.end.wrapping_sub(told.start.offset)),
        fit.word(told.len),
        fit.frames(start, answer),
        fit.nanos(start, answer),
        fit.frames(answer, end),
        fit.nanos(answer, end),
        fit.frames(start, asked_by.at),
        fit.nanos(start, asked_by.at),
        fit.place(asked_by.offset),
        fit.frames(end, told_by.at),
        fit.nanos(end, told_by.at),
        fit.place(told_by.offset),
        response.status.into(),
        timeout | max << 16,
    ];
    (fit.beyond == 0).then_some(words)
}

/// A complete message as it mostly is: its head came with the packet that began it, and its body is as long as it says.
struct Usual<'a> {
    version: Version,
    start: Place,
    acks: u64,
    head: &'a MessageHead,
    end: End,
    /// Of the body.
    len: u64,
}

impl<'a> Usual<'a> {
    #[inline(always)]
    fn of(message: &'a Message) -> Option<Self> {
        let (head, end) = (message.head.as_ref()?, message.end?);
        let start = message.start;
        let len = end.offset.wrapping_sub(head.end);
        let is_kept = match head.head.body.content_length {
            ContentLength::Octets(octets) => octets == len,
            ContentLength::Absent | ContentLength::Invalid => true,
        };
        let is_framed = match head.framing {
            Framing::Length(octets) => octets == len,
            _ => true,
        };
        let acks = match start.stamp.acks {
            Some(Acks::Exactly(acks)) => acks,
            None => FIRST_OCTET,
            Some(Acks::AtMost(_)) => return None,
        };
        let is_usual = is_kept
            && is_framed
            && head.at == start.stamp.at
            && head.head.shape == HeadShape::WellFormed;
        is_usual.then_some(Usual {
            version: message.version,
            start,
            acks,
            head,
            end,
            len,
        })
    }

    #[inline(always)]
    fn put(&self, bits: &mut Bits) {
        let head = &self.head.head;
        bits.put(1, self.version as u32);
        bits.put(1, head.options.close.into());
        bits.put(1, head.options.keep_alive.into());
        bits.put(2, length_kind(head.body.content_length));
        bits.put(3, framing_kind(self.head.framing));
        bits.put(1, self.start.stamp.acks.is_some().into());
    }
}

struct Words([u32; WORDS]);

impl Words {
    #[inline]
    fn exchange(&self, line: Cow<'static, str>) -> Exchange {
        let [
            word,
            frame_low,
            frame_high,
            time_low,
            time_high,
            asked_offset,
            told_offset,
            asked_ack,
            told_ack,
            asked_head_len,
            asked_len,
            told_head_len,
            told_len,
            answer_frames,
            answer_nanos,
            end_frames,
            end_nanos,
            asked_by_frames,
            asked_by_nanos,
            asked_by_offset,
            told_by_frames,
            told_by_nanos,
            told_by_offset,
            status,
            keep_alive,
        ] = self.0;
        let start = At {
            frame: whole(frame_low, frame_high),
            time: time(whole(time_low, time_high).cast_signed()),
        };
        let answer = behind(start, answer_frames, answer_nanos);
        let end = behind(answer, end_frames, end_nanos);
        let asked_by = Acked {
            at: behind(start, asked_by_frames, asked_by_nanos),
            offset: offset(asked_by_offset),
        };
        let told_by = Acked {
            at: behind(end, told_by_frames, told_by_nanos),
            offset: offset(told_by_offset),
        };
        let mut bits = Bits { word, taken: 0 };
        let method = method(bits.take(3));
        let mut asked = message(
            &mut bits,
            start,
            asked_offset,
            asked_ack,
            [asked_head_len, asked_len],
        );
        let mut told = message(
            &mut bits,
            answer,
            told_offset,
            told_ack,
            [told_head_len, told_len],
        );
        let coding = coding(bits.take(2));
        let (has_keep_alive, has_timeout, has_max) = (bits.flag(), bits.flag(), bits.flag());
        if let Some(head) = &mut told.head {
            head.head.body.transfer_encoding = coding;
            head.head.keep_alive = has_keep_alive.then_some(KeepAlive {
                timeout: has_timeout.then_some(keep_alive & 0xffff),
                max: has_max.then_some(keep_alive >> 16),
                syntax: Syntax::WellFormed,
            });
        }
        let request_acked = bits.flag().then_some(asked_by);
        let head_acked = bits.flag().then_some(told_by);
        let response_acked = bits.flag().then_some(told_by);
        if let Some(head) = &mut told.head {
            head.acked = head_acked;
        }
        if let (Some(asked), Some(told)) = (&mut asked.end, &mut told.end) {
            asked.acked = request_acked;
            (told.at, told.acked) = (Some(end), response_acked);
        }
        Exchange {
            request: Some(Request {
                message: asked,
                method,
                line,
            }),
            response: Some(Response {
                message: told,
                status: status as u16,
            }),
        }
    }
}

/// A message that is complete with the packet that began it.
#[inline(always)]
fn message(bits: &mut Bits, at: At, start: u32, ack: u32, [head_len, len]: [u32; 2]) -> Message {
    let version = match bits.flag() {
        false => Version::Http10,
        true => Version::Http11,
    };
    let options = Options {
        close: bits.flag(),
        keep_alive: bits.flag(),
    };
    let content_length = match bits.take(2) {
        0 => ContentLength::Absent,
        1 => ContentLength::Octets(len.into()),
        _ => ContentLength::Invalid,
    };
    let framing = match bits.take(3) {
        0 => Framing::None,
        1 => Framing::Length(len.into()),
        2 => Framing::Chunked,
        3 => Framing::Close,
        4 => Framing::Tunnel,
        _ => Framing::Unknown,
    };
    let acks = bits.flag().then_some(Acks::Exactly(offset(ack)));
    let start = offset(start);
    let head_end = start.wrapping_add(head_len.into());
    Message {
        start: Place {
            offset: start,
            stamp: Stamp { at, acks },
        },
        version,
        head: Some(MessageHead {
            head: Head {
                options,
                keep_alive: None,
                body: BodyFields {
                    transfer_encoding: TransferEncoding::Absent,
                    content_length,
                },
                shape: HeadShape::WellFormed,
            },
            at,
            end: head_end,
            framing,
            acked: None,
        }),
        end: Some(End {
            offset: head_end.wrapping_add(len.into()),
            at: Some(at),
            acked: None,
        }),
    }
}

fn length_kind(length: ContentLength) -> u32 {
    match length {
        ContentLength::Absent => 0,
        ContentLength::Octets(_) => 1,
        ContentLength::Invalid => 2,
    }
}

fn framing_kind(framing: Framing) -> u32 {
    match framing {
        Framing::None => 0,
        Framing::Length(_) => 1,
        Framing::Chunked => 2,
        Framing::Close => 3,
        Framing::Tunnel => 4,
        Framing::Unknown => 5,
    }
}

fn method(number: u32) -> Method {
    let is_it = |method: &Method| *method as u32 == number;
    METHODS.into_iter().find(is_it).unwrap_or(Method::Other)
}

fn coding(number: u32) -> TransferEncoding {
    let is_it = |coding: &TransferEncoding| *coding as u32 == number;
    CODINGS.into_iter().find(is_it).unwrap_or_default()
}

/// Values of few bits in a word.
#[derive(Default)]
struct Bits {
    word: u32,
    taken: u32,
}

impl Bits {
    #[inline(always)]
    fn put(&mut self, bits: u32, value: u32) {
        self.word |= value << self.taken;
        self.taken += bits;
    }

    #[inline(always)]
    fn take(&mut self, bits: u32) -> u32 {
        let value = self.word >> self.taken & ((1 << bits) - 1);
        self.taken += bits;
        value
    }

    #[inline(always)]
    fn flag(&mut self) -> bool {
        self.take(1) != 0
    }
}

/// Whether numbers fit into words.
#[derive(Default)]
struct Fit {
    /// The bits of them that do not.
    beyond: u64,
}

impl Fit {
    #[inline(always)]
    fn word(&mut self, number: u64) -> u32 {
        self.beyond |= number >> 32;
        number as u32
    }

    #[inline(always)]
    fn place(&mut self, offset: u64) -> u32 {
        self.word(offset.wrapping_sub(FIRST_OCTET))
    }

    #[inline(always)]
    fn frames(&mut self, from: At, to: At) -> u32 {
        self.word(to.frame.wrapping_sub(from.frame))
    }

    #[inline(always)]
    fn nanos(&mut self, from: At, to: At) -> u32 {
        let nanos = to.time.nanos().wrapping_sub(from.time.nanos());
        self.word(nanos.cast_unsigned())
    }
}

fn whole(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn offset(place: u32) -> u64 {
    FIRST_OCTET + u64::from(place)
}

fn behind(at: At, frames: u32, nanos: u32) -> At {
    At {
        frame: at.frame.wrapping_add(frames.into()),
        time: time(at.time.nanos().wrapping_add(nanos.into())),
    }
}

fn time(nanos: i64) -> Time {
    Time::exact(nanos)
}
