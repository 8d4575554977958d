//! What is asked of most exchanges, without the rest of them.

use super::exchange::Exchange;
use crate::http::Place;
use crate::time::At;

/// What is asked of most exchanges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brief {
    pub(crate) asked: Option<Asked>,
    pub(crate) told: Option<Told>,
    /// See [`Exchange::is_complete`].
    pub(super) is_complete: bool,
}

/// Of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) start: Place,
    /// Where its head is complete.
    pub(crate) head_at: Option<At>,
    /// Where it is complete, if that is known.
    pub(crate) end_at: Option<At>,
}

/// Of the final response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// Where it is complete, if that is known.
    pub(crate) end_at: Option<At>,
    pub(super) status: u16,
}

impl Brief {
    /// See [`Exchange::end`].
    #[inline]
    pub(super) fn end(&self) -> Option<At> {
        Some(self.asked?.end_at?.later(self.told?.end_at?))
    }

    /// See [`Exchange::is_idle_timeout`].
    pub(super) fn is_idle_timeout(&self) -> bool {
        self.asked.is_none() && self.told.is_some_and(|told| told.status == 408)
    }
}

impl From<&Exchange> for Brief {
    fn from(exchange: &Exchange) -> Self {
        let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
        Brief {
            asked: request.map(|request| Asked {
                start: request.message.start,
                head_at: request.message.head.as_ref().map(|head| head.at),
                end_at: request.message.end_at(),
            }),
            told: response.map(|response| Told {
                end_at: response.message.end_at(),
                status: response.status,
            }),
            is_complete: exchange.is_complete(),
        }
    }
}
