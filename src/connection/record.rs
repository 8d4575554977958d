//! An exchange as it mostly is, in few octets, from its first packet on.
//!
//! In: what happens to an exchange, one thing after the other. Out: that it was noted, or that it is not as exchanges
//! mostly are; and the [`Exchange`] again. What is left out is taken to be as it mostly is: a request in one packet, a
//! response whose head came in one, lengths that are kept to.

use std::borrow::Cow;

use super::brief::{Asked, Brief, Told};
use super::exchange::{End, Exchange, HeadPlace, Message, MessageHead, Request, Response};
use super::line::LineKind;
use super::noted::{Noting, Pause};
use super::{Traits, unacked};
use crate::http::{
    BodyFields, ContentLength, Framing, Head, HeadShape, KeepAlive, Kind, Method, Options, Place,
    Syntax, TransferEncoding, Version,
};
use crate::tcp::{Acked, Acks, FIRST_OCTET, Stamp};
use crate::time::{At, Time};

/// An exchange in 104 octets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// When the request came.
    start: At,
    asked: Part,
    told: Part,
    /// When the response began, behind `start`.
    answer: Later,
    /// When it ended, behind `start`.
    end: Later,
    /// What acknowledged the request, behind `start`.
    asked_by: By,
    /// What acknowledged the response, behind `start`.
    told_by: By,
    status: u16,
    timeout: Param,
    max: Param,
    line: LineKind,
    coding: TransferEncoding,
}

/// One of its messages.
#[derive(Clone, Copy, Debug)]
struct Part {
    offset: Offset,
    acks: Offset,
    /// The octets of its head.
    head: u32,
    /// Those of its body.
    body: u32,
    stage: Stage,
    length: Length,
    framing: Framed,
    flags: u8,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
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
const ACKED: u8 = 1 << 4;
/// Its head was, and it is one of which that is asked.
const HEAD_ACKED: u8 = 1 << 5;
/// It has a Keep-Alive field.
const FIELD: u8 = 1 << 6;

/// An offset less [`FIRST_OCTET`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Offset(u32);

/// How far behind another packet one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Later {
    frames: u32,
    nanos: u32,
}

/// Who acknowledged something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct By {
    later: Later,
    offset: Offset,
}

/// A parameter of a Keep-Alive field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Param(u16);

impl Offset {
    fn of(offset: u64) -> Option<Self> {
        u32::try_from(offset.wrapping_sub(FIRST_OCTET))
            .ok()
            .map(Offset)
    }

    fn get(self) -> u64 {
        FIRST_OCTET + u64::from(self.0)
    }
}

impl Later {
    #[inline]
    fn between(from: At, to: At) -> Option<Self> {
        let nanos = to.time.nanos().wrapping_sub(from.time.nanos());
        Some(Later {
            frames: u32::try_from(to.frame.wrapping_sub(from.frame)).ok()?,
            nanos: u32::try_from(nanos).ok()?,
        })
    }

    #[inline]
    fn behind(self, from: At) -> At {
        At {
            frame: from.frame.wrapping_add(self.frames.into()),
            time: Time::exact(from.time.nanos().wrapping_add(self.nanos.into())),
        }
    }
}

impl By {
    #[inline]
    fn behind(from: At, by: Acked) -> Option<Self> {
        Some(By {
            later: Later::between(from, by.at)?,
            offset: Offset::of(by.offset)?,
        })
    }

    fn get(self, from: At) -> Acked {
        Acked {
            at: self.later.behind(from),
            offset: self.offset.get(),
        }
    }
}

impl Param {
    const NONE: u16 = u16::MAX;

    fn of(value: Option<u32>) -> Option<Self> {
        match value {
            None => Some(Param(Param::NONE)),
            Some(value) => u16::try_from(value)
                .ok()
                .filter(|value| *value != Param::NONE)
                .map(Param),
        }
    }

    fn get(self) -> Option<u32> {
        (self.0 != Param::NONE).then_some(self.0.into())
    }
}

impl Part {
    const NOTHING: Part = Part {
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
    fn begun(place: Place, version: Version) -> Option<Self> {
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
    fn set_head(&mut self, fields: &Head, place: &HeadPlace) -> Option<()> {
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
    fn set_end(&mut self, offset: u64) -> Option<()> {
        let octets = offset.wrapping_sub(self.head_end());
        let octets = u32::try_from(octets).ok()?;
        let is_kept = !self.framing.is_told() || octets == self.body;
        if self.stage != Stage::Headed || !is_kept {
            return None;
        }
        (self.body, self.stage) = (octets, Stage::Complete);
        Some(())
    }

    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn head_end(&self) -> u64 {
        self.offset.get() + u64::from(self.head)
    }

    fn end(&self) -> u64 {
        self.head_end() + u64::from(self.body)
    }

    #[inline]
    fn place(&self, at: At) -> Place {
        let acks = || Acks::Exactly(self.acks.get());
        Place {
            offset: self.offset.get(),
            stamp: Stamp {
                at,
                acks: self.has(ACKS).then(acks),
            },
        }
    }

    const fn version(&self) -> Version {
        match self.has(HTTP11) {
            false => Version::Http10,
            true => Version::Http11,
        }
    }

    const fn options(&self) -> Options {
        Options {
            close: self.has(CLOSE),
            keep_alive: self.has(KEEP_ALIVE),
        }
    }

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
    fn traits(&self, coding: TransferEncoding) -> Traits {
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
    fn is_framed(&self, coding: TransferEncoding) -> bool {
        (coding != TransferEncoding::Absent) | (self.length != Length::Absent)
    }

    /// It, as it began at `at`.
    fn message(&self, at: At, keep_alive: Option<KeepAlive>, coding: TransferEncoding) -> Message {
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

impl Record {
    /// What stands where an exchange is not as it mostly is.
    pub(super) fn of_odd(line: LineKind) -> Self {
        Record {
            start: At::default(),
            asked: Part::NOTHING,
            told: Part::NOTHING,
            answer: Later::default(),
            end: Later::default(),
            asked_by: By::default(),
            told_by: By::default(),
            status: 0,
            timeout: Param(Param::NONE),
            max: Param(Param::NONE),
            line,
            coding: TransferEncoding::Absent,
        }
    }

    /// A request that begins.
    #[inline]
    pub(super) fn begun(place: Place, version: Version, line: LineKind) -> Option<Self> {
        Some(Record {
            start: place.stamp.at,
            asked: Part::begun(place, version)?,
            ..Record::of_odd(line)
        })
    }

    /// Whether it stands for an exchange that is not as it mostly is.
    #[inline]
    pub(super) fn is_odd(&self) -> bool {
        self.asked.stage == Stage::Nothing
    }

    pub(super) fn line(&self) -> LineKind {
        self.line
    }

    /// Notes that the response begins, if it is as it mostly is. So do those below; where they do not, nothing has
    /// changed.
    #[inline]
    pub(super) fn set_answer(&mut self, place: Place, version: Version, status: u16) -> Option<()> {
        let answer = Later::between(self.start, place.stamp.at)?;
        let told = Part::begun(place, version)?;
        if self.told.stage != Stage::Nothing {
            return None;
        }
        (self.told, self.answer, self.status) = (told, answer, status);
        Some(())
    }

    /// Notes a complete head of the request.
    #[inline(always)]
    pub(super) fn set_asked_head(&mut self, head: &Head, place: &HeadPlace) -> Option<()> {
        let is_usual = place.at == self.start
            && head.keep_alive.is_none()
            && head.body.transfer_encoding == TransferEncoding::Absent;
        if !is_usual {
            return None;
        }
        self.asked.set_head(head, place)
    }

    /// Notes a complete head of the response.
    #[inline(always)]
    pub(super) fn set_told_head(
        &mut self,
        head: &Head,
        place: &HeadPlace,
        acked: Option<Acked>,
    ) -> Option<()> {
        let (field, coding) = (&head.keep_alive, head.body.transfer_encoding);
        if place.at != self.answer.behind(self.start) || acked.is_some() {
            return None;
        }
        if let Some(field) = field {
            let (timeout, max) = (Param::of(field.timeout)?, Param::of(field.max)?);
            if field.syntax != Syntax::WellFormed {
                return None;
            }
            self.told.set_head(head, place)?;
            self.told.flags |= FIELD;
            (self.timeout, self.max) = (timeout, max);
        } else {
            self.told.set_head(head, place)?;
        }
        self.coding = coding;
        Some(())
    }

    /// Notes the end of a message.
    #[inline]
    pub(super) fn set_end(&mut self, kind: Kind, end: &End) -> Option<()> {
        let at = end.at?;
        match kind {
            Kind::Request => {
                let by = end.acked.map(|by| By::behind(self.start, by));
                let by = by.map_or(Some(None), |by| by.map(Some))?;
                if at != self.start {
                    return None;
                }
                self.asked.set_end(end.offset)?;
                if let Some(by) = by {
                    (self.asked_by, self.asked.flags) = (by, self.asked.flags | ACKED);
                }
            }
            Kind::Response => {
                let later = Later::between(self.start, at)?;
                let by = end.acked.map(|by| By::behind(self.start, by));
                let by = by.map_or(Some(None), |by| by.map(Some))?;
                self.told.set_end(end.offset)?;
                self.end = later;
                if let Some(by) = by {
                    (self.told_by, self.told.flags) = (by, self.told.flags | ACKED);
                }
            }
        }
        Some(())
    }

    /// Notes who acknowledged a part of a message first.
    #[inline]
    pub(super) fn set_acked(&mut self, kind: Kind, part: unacked::Part, by: Acked) -> Option<()> {
        let (message, place) = match kind {
            Kind::Request => (&mut self.asked, &mut self.asked_by),
            Kind::Response => (&mut self.told, &mut self.told_by),
        };
        let (flag, least) = match part {
            unacked::Part::Whole => (ACKED, Stage::Complete),
            unacked::Part::Head => (HEAD_ACKED, Stage::Headed),
        };
        if message.stage < least || message.has(flag) {
            // There is nothing to be acknowledged, or it is known already by whom.
            return Some(());
        }
        if message.stage < Stage::Complete || kind == Kind::Request && flag == HEAD_ACKED {
            return None;
        }
        let by = By::behind(self.start, by)?;
        if message.has(ACKED | HEAD_ACKED) && *place != by {
            return None;
        }
        *place = by;
        message.flags |= flag;
        Some(())
    }

    /// The offset at which the request begins.
    #[inline]
    pub(super) fn asked_offset(&self) -> u64 {
        self.asked.offset.get()
    }

    /// Where it begins.
    #[inline]
    pub(super) fn asked_start(&self) -> Place {
        self.asked.place(self.start)
    }

    #[inline]
    pub(super) fn asked_version(&self) -> Version {
        self.asked.version()
    }

    /// Where the response begins, where there is one.
    pub(super) fn told_start(&self) -> Option<Place> {
        let place = || self.told.place(self.answer.behind(self.start));
        (self.told.stage > Stage::Nothing).then(place)
    }

    /// Its version and status.
    #[inline]
    pub(super) fn told_line(&self) -> Option<(Version, u16)> {
        let line = (self.told.version(), self.status);
        (self.told.stage > Stage::Nothing).then_some(line)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.asked.stage == Stage::Complete && self.told.stage == Stage::Complete
    }

    /// What it shows.
    #[inline]
    pub(super) fn traits(&self) -> Traits {
        let asked = self.asked.traits(TransferEncoding::Absent);
        if self.told.stage == Stage::Nothing {
            return Traits::of_pair(asked, Traits::UNANSWERED);
        }
        let connects = self.line.method() == Method::Connect;
        let bodiless = connects | matches!(self.status, 101 | 204);
        let framed = bodiless & self.told.is_framed(self.coding);
        Traits::of_pair(asked, self.told.traits(self.coding))
            .and(Traits::FRAMED_BODILESS.given(framed))
    }

    /// What is asked of it most.
    #[inline]
    pub(super) fn brief(&self) -> Brief {
        let start = self.start;
        let asked = Asked {
            start: self.asked.place(start),
            head_at: (self.asked.stage >= Stage::Headed).then_some(start),
            end_at: (self.asked.stage == Stage::Complete).then_some(start),
        };
        let end = || self.end.behind(start);
        let is_complete = self.told.stage == Stage::Complete;
        let told = || Told {
            end_at: is_complete.then(end),
            status: self.status,
        };
        Brief {
            asked: Some(asked),
            told: (self.told.stage > Stage::Nothing).then(told),
        }
    }

    /// What comes behind it, where it is complete.
    #[inline]
    pub(super) fn pause(&self) -> Option<Pause> {
        self.is_complete().then(|| {
            let end = self.end.behind(self.start);
            Pause::new(self.start.later(end).time, self.told.end())
        })
    }

    /// What is noted of it.
    #[inline(always)]
    pub(super) fn noting(&self) -> Noting {
        let is_unsafe = self.line.is_unsafe();
        let has_answer = self.told.stage > Stage::Nothing;
        let answered = if has_answer {
            self.told.offset.get()
        } else {
            u64::MAX
        };
        Noting {
            start: Some(self.asked.place(self.start)),
            traits: self.traits(),
            pause: self.pause(),
            unsafe_until: if is_unsafe { answered } else { 0 },
        }
    }

    /// The exchange, with this line.
    pub(super) fn exchange(&self, line: Cow<'static, str>) -> Exchange {
        let (start, answer) = (self.start, self.answer.behind(self.start));
        let mut asked = self.asked.message(start, None, TransferEncoding::Absent);
        if let Some(end) = &mut asked.end {
            let by = || self.asked_by.get(start);
            end.acked = self.asked.has(ACKED).then(by);
        }
        let keep_alive = || KeepAlive {
            timeout: self.timeout.get(),
            max: self.max.get(),
            syntax: Syntax::WellFormed,
        };
        let keep_alive = self.told.has(FIELD).then(keep_alive);
        let mut told = self.told.message(answer, keep_alive, self.coding);
        let end = self.end.behind(start);
        let by = || self.told_by.get(start);
        if let Some(head) = &mut told.head {
            head.acked = self.told.has(HEAD_ACKED).then(by);
        }
        if let Some(place) = &mut told.end {
            (place.at, place.acked) = (Some(end), self.told.has(ACKED).then(by));
        }
        let response = Response {
            message: told,
            status: self.status,
        };
        Exchange {
            request: Some(Request {
                message: asked,
                method: self.line.method(),
                line,
            }),
            response: (self.told.stage > Stage::Nothing).then_some(response),
        }
    }
}
