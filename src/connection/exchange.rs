//! A request, a response, and the exchange that they make up: what rules and reports see of HTTP.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::http::{Framing, Head, KeepAlive, Kind, Method, Place, Says, Version, says};
use crate::tcp::Acked;
use crate::time::At;

/// What a request and a response have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Where it begins: the packet that carried its first octet.
    pub start: Place,
    /// The version of its start line.
    pub version: Version,
    /// Its head, once complete.
    pub head: Option<MessageHead>,
    /// Its end, once complete.
    pub end: Option<End>,
}

/// A complete head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageHead {
    /// What it says.
    pub head: Head,
    /// The packet that completed it in sequence.
    pub at: At,
    /// The offset behind its last octet.
    pub end: u64,
    /// How the end of the body is found.
    pub framing: Framing,
    /// The first packet of the other side that acknowledged all of it; known of heads that end persistence only.
    pub acked: Option<Acked>,
}

/// Where a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The offset behind its last octet.
    pub offset: u64,
    /// The packet that completed it in sequence; `None` where a hole swallowed its last octet.
    pub at: Option<At>,
    /// The first packet of the other side that acknowledged all of it.
    pub acked: Option<Acked>,
}

impl Message {
    pub(super) fn new(start: Place, version: Version) -> Self {
        Message {
            start,
            version,
            head: None,
            end: None,
        }
    }

    /// What it says of persistence; `None` where its head is not complete.
    pub fn says(&self) -> Option<Says> {
        let head = self.head.as_ref()?;
        Some(says(self.version, head.head.options))
    }

    /// Whether it has the close option.
    pub fn says_close(&self) -> bool {
        self.says() == Some(Says::Close)
    }

    /// Its Keep-Alive parameters, where its Connection names the field; otherwise they are to be ignored
    /// (RFC 9110 7.6.1).
    pub fn keep_alive(&self) -> Option<KeepAlive> {
        let head = &self.head.as_ref()?.head;
        head.keep_alive.filter(|_| head.options.keep_alive)
    }

    /// How the end of its body is found; `None` where its head is not complete.
    pub fn framing(&self) -> Option<Framing> {
        self.head.as_ref().map(|head| head.framing)
    }

    /// The packet that carried its first octet.
    pub fn start_at(&self) -> At {
        self.start.stamp.at
    }

    /// The packet that completed it, where that is known.
    pub fn end_at(&self) -> Option<At> {
        self.end.as_ref()?.at
    }
}

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// What every message has.
    pub message: Message,
    /// Its method, as it bears on framing.
    pub method: Method,
    /// Method and target as they were sent, with a blank between them, up to
    /// [`MAX_KEPT_TARGET`](super::MAX_KEPT_TARGET) octets; the method alone where [targets](super::Targets) are not
    /// kept.
    pub line: Cow<'static, str>,
}

impl Request {
    /// The method and the target, as they were sent.
    pub fn method_and_target(&self) -> (&str, &str) {
        self.line.split_once(' ').unwrap_or((&self.line, ""))
    }
}

/// A final response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// What every message has.
    pub message: Message,
    /// Its status code.
    pub status: u16,
}

/// A response that ends nothing: 1xx, other than 101.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interim {
    /// Its status code.
    pub status: u16,
    /// Where it begins.
    pub start: Place,
}

/// A request with its final response, as far as either was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Exchange {
    /// `None` where a response came to which no request was seen.
    pub request: Option<Request>,
    /// `None` while there is none.
    pub response: Option<Response>,
}

/// Where a head is complete, and how the end of the body behind it is found.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadPlace {
    pub(super) at: At,
    pub(super) end: u64,
    pub(super) framing: Framing,
}

impl HeadPlace {
    /// This head, which is complete there, and was acknowledged, if that is known.
    pub(super) fn head(&self, head: &Head, acked: Option<Acked>) -> MessageHead {
        MessageHead {
            head: *head,
            at: self.at,
            end: self.end,
            framing: self.framing,
            acked,
        }
    }
}

impl Exchange {
    /// The message of this kind.
    #[inline]
    pub(super) fn message(&mut self, kind: Kind) -> Option<&mut Message> {
        match kind {
            Kind::Request => Some(&mut self.request.as_mut()?.message),
            Kind::Response => Some(&mut self.response.as_mut()?.message),
        }
    }

    /// The later of the request's end and the response's, where both are complete.
    pub fn end(&self) -> Option<At> {
        let request = self.request.as_ref()?.message.end_at()?;
        Some(request.later(self.response.as_ref()?.message.end_at()?))
    }

    /// Whether both the request and the final response are complete.
    pub fn is_complete(&self) -> bool {
        let (request, response) = (self.request.as_ref(), self.response.as_ref());
        request.is_some_and(|request| request.message.end.is_some())
            && response.is_some_and(|response| response.message.end.is_some())
    }

    /// Whether a 408 was sent while nothing was asked (RFC 9110 15.5.9).
    pub fn is_idle_timeout(&self) -> bool {
        let response = self.response.as_ref();
        self.request.is_none() && response.is_some_and(|response| response.status == 408)
    }
}
