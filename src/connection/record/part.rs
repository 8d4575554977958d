//! One of the messages of a record.
//!
//! In: what happens to the message, one thing after the other. Out: that it was noted, or that it is not as messages
//! mostly are; and the [`Message`] again.

use crate::connection::Traits;
use crate::connection::exchange::{End, HeadPlace, Message, MessageHead};
use crate::http::{
    BodyFields, ContentLength, Framing, Head, HeadShape, KeepAlive, Options, Place,
    TransferEncoding, Version,
};
use crate::tcp::{Acks, FIRST_OCTET, Stamp};
use crate::time::At;

/// A message of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) offset: Offset,
    acks: Offset,
    /// The octets of its head.
    head: u32,
    /// Those of its body.
    body: u32,
    pub(super) stage: Stage,
    length: Length,
    framing: Framed,
    pub(super) flags: u8,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It is not there; or the exchange is not as it mostly is.
    Nothing,
    Begun,
    /// Its head is complete.
    Headed,
    Complete,
}

/// What Content-Length says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Absent,
    /// The length of the body.
    Kept,
    Invalid,
}

/// How the end of its body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framed {
    None,
    Length,
    Chunked,
    Close,
    Tunnel,
    Unknown,
}

const HTTP11: u8 = 1;
const CLOSE: u8 = 1 << 1;
const KEEP_ALIVE: u8 = 1 << 2;
/// Its first packet acknowledged something.
const ACKS: u8 = 1 << 3;
/// All of it was acknowledged.
pub(super) const ACKED: u8 = 1 << 4;
/// Its head was, and it is one of which that is asked.
pub(super) const HEAD_ACKED: u8 = 1 << 5;
/// It has a Keep-Alive field.
pub(super) const FIELD: u8 = 1 << 6;

/// An offset less [`FIRST_OCTET`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offset(u32);

impl Offset {
    #[inline]
    pub(super) fn of(offset: u64) -> Option<Self> {
        u32::try_from(offset.wrapping_sub(FIRST_OCTET))
            .ok()
            .map(Offset)
    }

    #[inline]
    pub(super) fn get(self) -> u64 {
        FIRST_OCTET + u64::from(self.0)
    }
}

impl Part {
    pub(super) const NOTHING: Part = Part {
        offset: Offset(0),
        acks: Offset(0),
        head: 0,
        body: 0,
        stage: Stage::Nothing,
        length: Length::Absent,
        framing: Framed::None,
        flags: 0,
    };

    #[inline]
    pub(super) fn begun(place: Place, version: Version) -> Option<Self> {
        let (acks, has_acks) = match place.stamp.acks {
            Some(Acks::Exactly(acks)) => (Offset::of(acks)?, ACKS),
            None => (Offset(0), 0),
            Some(Acks::AtMost(_)) => return None,
        };
        let version = match version {
            Version::Http10 => 0,
            Version::Http11 => HTTP11,
        };
        Some(Part {
            offset: Offset::of(place.offset)?,
            acks,
            stage: Stage::Begun,
            flags: has_acks | version,
            ..Part::NOTHING
        })
    }

    /// Notes its head, if it is as it mostly is.
    #[inline(always)]
    pub(super) fn set_head(&mut self, fields: &Head, place: &HeadPlace) -> Option<()> {
        let (framing, body) = match place.framing {
            Framing::None => (Framed::None, 0),
            Framing::Length(octets) => (Framed::Length, octets),
            Framing::Chunked => (Framed::Chunked, 0),
            Framing::Close => (Framed::Close, 0),
            Framing::Tunnel => (Framed::Tunnel, 0),
            Framing::Unknown => (Framed::Unknown, 0),
        };
        let length = match fields.body.content_length {
            ContentLength::Absent => Length::Absent,
            ContentLength::Octets(octets) if octets == body && framing.is_told() => Length::Kept,
            ContentLength::Octets(_) => return None,
            ContentLength::Invalid => Length::Invalid,
        };
        let octets = u32::try_from(place.end.wrapping_sub(self.offset.get())).ok()?;
        let body = u32::try_from(body).ok()?;
        if self.stage != Stage::Begun || fields.shape != HeadShape::WellFormed {
            return None;
        }
        (self.head, self.body) = (octets, body);
        (self.stage, self.length, self.framing) = (Stage::Headed, length, framing);
        let Options { close, keep_alive } = fields.options;
        self.flags |= CLOSE * u8::from(close);
        self.flags |= KEEP_ALIVE * u8::from(keep_alive);
        Some(())
    }

    /// Notes that it ends there, if that is where it mostly does.
    #[inline(always)]
    pub(super) fn set_end(&mut self, offset: u64) -> Option<()> {
        let octets = offset.wrapping_sub(self.head_end());
        let octets = u32::try_from(octets).ok()?;
        let is_kept = !self.framing.is_told() || octets == self.body;
        if self.stage != Stage::Headed || !is_kept {
            return None;
        }
        (self.body, self.stage) = (octets, Stage::Complete);
        Some(())
    }

    #[inline]
    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    #[inline]
    fn head_end(&self) -> u64 {
        self.offset.get() + u64::from(self.head)
    }

    #[inline]
    pub(super) fn end(&self) -> u64 {
        self.head_end() + u64::from(self.body)
    }

    #[inline]
    pub(super) fn place(&self, at: At) -> Place {
        let acks = || Acks::Exactly(self.acks.get());
        Place {
            offset: self.offset.get(),
            stamp: Stamp {
                at,
                acks: self.has(ACKS).then(acks),
            },
        }
    }

    #[inline]
    pub(super) const fn version(&self) -> Version {
        match self.has(HTTP11) {
            false => Version::Http10,
            true => Version::Http11,
        }
    }

    #[inline]
    const fn options(&self) -> Options {
        Options {
            close: self.has(CLOSE),
            keep_alive: self.has(KEEP_ALIVE),
        }
    }

    #[inline]
    fn framing(&self) -> Framing {
        match self.framing {
            Framed::None => Framing::None,
            Framed::Length => Framing::Length(self.body.into()),
            Framed::Chunked => Framing::Chunked,
            Framed::Close => Framing::Close,
            Framed::Tunnel => Framing::Tunnel,
            Framed::Unknown => Framing::Unknown,
        }
    }

    fn body(&self, transfer_encoding: TransferEncoding) -> BodyFields {
        BodyFields {
            transfer_encoding,
            content_length: match self.length {
                Length::Absent => ContentLength::Absent,
                Length::Kept => ContentLength::Octets(self.body.into()),
                Length::Invalid => ContentLength::Invalid,
            },
        }
    }

    /// What it shows.
    #[inline(always)]
    pub(super) fn traits(&self, coding: TransferEncoding) -> Traits {
        let kinds = usize::from(self.flags & (HTTP11 | CLOSE | KEEP_ALIVE));
        let is_coded = coding != TransferEncoding::Absent;
        let is_plain = self.stage == Stage::Complete
            && self.framing != Framed::Close
            && self.length != Length::Invalid
            && !(is_coded | self.has(FIELD));
        if is_plain {
            return OF_HEADED.get(kinds).copied().unwrap_or_default();
        }
        let by_kind = match self.stage {
            Stage::Nothing | Stage::Begun => &OF_BEGUN,
            Stage::Headed | Stage::Complete => &OF_HEADED,
        };
        let bad = (self.length == Length::Invalid) | (is_coded & (self.length == Length::Kept));
        let field = self.has(FIELD);
        by_kind
            .get(kinds)
            .copied()
            .unwrap_or_default()
            .and(Traits::INCOMPLETE.given(self.stage != Stage::Complete))
            .and(Traits::BAD_FRAMING.given(bad))
            .and(Traits::UNTIL_CLOSE.given(self.framing == Framed::Close))
            .and(Traits::KEEP_ALIVE.given(field))
            .and(Traits::NOT_NOMINATED.given(field & !self.has(KEEP_ALIVE)))
    }

    #[inline]
    pub(super) fn is_framed(&self, coding: TransferEncoding) -> bool {
        (coding != TransferEncoding::Absent) | (self.length != Length::Absent)
    }

    /// It, as it began at `at`.
    #[inline]
    pub(super) fn message(
        &self,
        at: At,
        keep_alive: Option<KeepAlive>,
        coding: TransferEncoding,
    ) -> Message {
        let head = || MessageHead {
            head: Head {
                options: self.options(),
                keep_alive,
                body: self.body(coding),
                shape: HeadShape::WellFormed,
            },
            at,
            end: self.head_end(),
            framing: self.framing(),
            acked: None,
        };
        let end = || End {
            offset: self.end(),
            at: Some(at),
            acked: None,
        };
        Message {
            start: self.place(at),
            version: self.version(),
            head: (self.stage >= Stage::Headed).then(head),
            end: (self.stage == Stage::Complete).then(end),
        }
    }
}

/// What a message shows whose head is complete, by its version and options.
static OF_HEADED: [Traits; 8] = of_versions_and_options(true);

/// The same, where it is not.
static OF_BEGUN: [Traits; 8] = of_versions_and_options(false);

const fn of_versions_and_options(is_headed: bool) -> [Traits; 8] {
    let mut all = [Traits::NONE; 8];
    let (mut places, mut flags) = (all.as_mut_slice(), 0);
    while let Some((place, rest)) = places.split_first_mut() {
        let part = Part {
            flags,
            ..Part::NOTHING
        };
        *place = Traits::of_start(part.version(), part.options(), is_headed);
        (places, flags) = (rest, flags + 1);
    }
    all
}

impl Framed {
    /// Whether the head tells where the body ends.
    fn is_told(self) -> bool {
        matches!(self, Framed::None | Framed::Length | Framed::Tunnel)
    }
}
