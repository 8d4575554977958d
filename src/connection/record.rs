//! An exchange as it mostly is, in few octets, from its first packet on.
//!
//! In: what happens to an exchange, one thing after the other. Out: that it was noted, or that it is not as exchanges
//! mostly are; and the [`Exchange`] again. What is left out is taken to be as it mostly is: a request in one packet, a
//! response whose head came in one, lengths that are kept to.

mod part;

use std::borrow::Cow;

use part::{ACKED, FIELD, HEAD_ACKED, Offset, Part, Stage};

use super::brief::{Asked, Brief, Told};
use super::exchange::{End, Exchange, HeadPlace, Request, Response};
use super::line::LineKind;
use super::noted::{Noting, Pause};
use super::{Traits, unacked};
use crate::http::{Head, KeepAlive, Kind, Method, Place, Syntax, TransferEncoding, Version};
use crate::tcp::Acked;
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

    /// The same of one whose head came with it, and perhaps its end.
    #[inline(always)]
    pub(super) fn with_head(
        (start, version): (Place, Version),
        line: LineKind,
        head: &Head,
        place: &HeadPlace,
        end: Option<&End>,
    ) -> Option<Self> {
        let mut record = Record::begun(start, version, line)?;
        record.set_asked_head(head, place)?;
        if let Some(end) = end {
            record.set_end(Kind::Request, end)?;
        }
        Some(record)
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
    #[inline(always)]
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
            is_complete: self.is_complete(),
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
