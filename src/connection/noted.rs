//! What is noted of exchanges, so that most need not be looked at again.
//!
//! In: exchanges to which nothing can happen any more, one after the other. Out: what they show together, and the idle
//! gaps between them.

use super::exchange::{Exchange, Request};
use super::gaps::Growing;
use super::{Message, Traits};
use crate::http::Method;
use crate::time::{Span, Time};

/// The gap between an exchange and the request behind it: `None` where the exchange is not complete, or the request
/// was sent ahead of the response's end.
pub fn idle_gap(before: &Exchange, next: &Exchange) -> Option<Span> {
    let request = next.request.as_ref()?;
    pause_behind(before)?.until(&request.message)
}

/// What comes behind a complete exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    since: Time,
    /// The offset behind the response.
    offset: u64,
}

pub(super) fn pause_behind(exchange: &Exchange) -> Option<Pause> {
    Some(Pause {
        offset: exchange.response.as_ref()?.message.end.as_ref()?.offset,
        since: exchange.end()?.time,
    })
}

impl Pause {
    /// How long it was, where the sender of this request had all of the response.
    pub(super) fn until(self, request: &Message) -> Option<Span> {
        let start = request.start;
        let idle = start.stamp.at.time.since(self.since);
        let waited = start.stamp.ack().is_some_and(|ack| ack >= self.offset);
        (waited && idle >= Span::ZERO).then_some(idle)
    }
}

/// What is noted of exchanges.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    /// How many they are.
    pub(super) len: usize,
    pub(super) traits: Traits,
    /// The idle gaps between them.
    pub(super) gaps: Growing,
    /// The pause behind the last of them.
    pub(super) pause: Option<Pause>,
    /// Where the last of them may be unsafe to send again: the offset at which its response begins, or the greatest
    /// where there is none. Otherwise no request acknowledges so little.
    unsafe_until: u64,
}

impl Noted {
    /// Notes the next exchange.
    #[inline]
    pub(super) fn add(&mut self, exchange: &Exchange) {
        let is_behind = self.len > 0;
        let shown = Traits::of_exchange(exchange).except(Traits::REFUSED.given(is_behind));
        let request = exchange.request.as_ref();
        let gap = request.and_then(|request| self.pause?.until(&request.message));
        let behind_unsafe = request.is_some_and(|request| self.is_ahead(request));
        let behind_close = self.traits.contain(Traits::CLOSE);
        self.traits = self
            .traits
            .and(shown)
            .and(Traits::BEHIND_CLOSE.given(behind_close))
            .and(Traits::BEHIND_UNSAFE.given(behind_unsafe));
        if let Some(gap) = gap {
            self.gaps.push(gap);
        }
        self.len += 1;
        self.pause = pause_behind(exchange);
        let is_unsafe = request.is_some_and(|request| request.method == Method::Other);
        let response = exchange.response.as_ref();
        let answered = response.map_or(u64::MAX, |response| response.message.start.offset);
        self.unsafe_until = if is_unsafe { answered } else { 0 };
    }

    /// Whether this request, behind one that may be unsafe to send again, acknowledges nothing of the response to that.
    fn is_ahead(&self, request: &Request) -> bool {
        let ack = request.message.start.stamp.ack();
        ack.is_some_and(|ack| ack <= self.unsafe_until)
    }
}
