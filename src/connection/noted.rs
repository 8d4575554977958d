//! What is noted of exchanges, so that most need not be looked at again.
//!
//! In: exchanges to which nothing can happen any more, one after the other. Out: what they show together, and the idle
//! gaps between them.

use super::Traits;
use super::exchange::Exchange;
use super::gaps::Growing;
use crate::http::{Method, Place};
use crate::time::{Span, Time};

/// The gap between an exchange and the request behind it: `None` where the exchange is not complete, or the request
/// was sent ahead of the response's end.
pub fn idle_gap(before: &Exchange, next: &Exchange) -> Option<Span> {
    let request = next.request.as_ref()?;
    Pause::behind(before)?.until(request.message.start)
}

/// What comes behind a complete exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    since: Time,
    /// The offset behind the response.
    offset: u64,
}

impl Pause {
    #[inline]
    pub(super) fn new(since: Time, offset: u64) -> Self {
        Pause { since, offset }
    }

    pub(super) fn behind(exchange: &Exchange) -> Option<Self> {
        Some(Pause {
            since: exchange.end()?.time,
            offset: exchange.response.as_ref()?.message.end.as_ref()?.offset,
        })
    }

    /// How long it was, where the sender of the request that begins there had all of the response.
    #[inline]
    pub(super) fn until(self, start: Place) -> Option<Span> {
        let idle = start.stamp.at.time.since(self.since);
        let waited = start.stamp.ack().is_some_and(|ack| ack >= self.offset);
        (waited && idle >= Span::ZERO).then_some(idle)
    }
}

/// What is noted of an exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noting {
    /// Where its request begins.
    pub(super) start: Option<Place>,
    pub(super) traits: Traits,
    /// What comes behind it, where it is complete.
    pub(super) pause: Option<Pause>,
    /// Where it may be unsafe to send it again: the offset at which its response begins, or the greatest where there is
    /// none. Otherwise an offset so low that no request acknowledges as little.
    pub(super) unsafe_until: u64,
}

impl From<&Exchange> for Noting {
    fn from(exchange: &Exchange) -> Self {
        let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
        let answered = response.map_or(u64::MAX, |response| response.message.start.offset);
        let is_unsafe = request.is_some_and(|request| request.method == Method::Other);
        Noting {
            start: request.map(|request| request.message.start),
            traits: Traits::of(exchange),
            pause: Pause::behind(exchange),
            unsafe_until: if is_unsafe { answered } else { 0 },
        }
    }
}

/// What is noted of several.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    pub(super) traits: Traits,
    /// The idle gaps between them.
    pub(super) gaps: Growing,
    /// The pause behind the last of them.
    pub(super) pause: Option<Pause>,
    /// That of the last of them.
    unsafe_until: u64,
    /// Whether there is any.
    has_any: bool,
}

impl Noted {
    /// Notes the next exchange.
    #[inline]
    pub(super) fn add(&mut self, next: &Noting) {
        if self.has_any {
            self.add_behind_others(next);
        } else {
            (self.traits, self.has_any) = (next.traits, true);
        }
        (self.pause, self.unsafe_until) = (next.pause, next.unsafe_until);
    }

    #[inline]
    fn add_behind_others(&mut self, next: &Noting) {
        let start = next.start;
        let ack = start.and_then(|start| start.stamp.ack());
        let behind_unsafe = ack.is_some_and(|ack| ack <= self.unsafe_until);
        let behind_close = self.traits.contain(Traits::CLOSE);
        self.traits = self
            .traits
            .and(next.traits.except(Traits::REFUSED))
            .and(Traits::BEHIND_CLOSE.given(behind_close))
            .and(Traits::BEHIND_UNSAFE.given(behind_unsafe));
        if let (Some(pause), Some(start)) = (self.pause, start)
            && let Some(gap) = pause.until(start)
        {
            self.gaps.push(gap);
        }
    }
}
