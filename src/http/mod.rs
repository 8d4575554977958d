//! Where does a message begin and end, and does it let the connection live on?
//!
//! In: the octets of one side, in order, in pieces of any size, and the holes between them. Out: to a [`Sink`], the
//! beginning, the head and the end of each message; never a body. Which response answers which request is the
//! business of [`connection`](crate::connection).
//!
//! [`Reader`] is the machine; `head` reads a head (`plain` one that is as most are, over `window`s), `framing` says where the body ends (RFC 9112 6.3),
//! `persistence` what a message says of the connection (RFC 9112 9.3), `recognise` what begins here at all.

mod chunked;
mod framing;
mod head;
mod lines;
mod persistence;
mod plain;
mod reader;
mod recognise;
mod window;

pub use framing::{
    BodyFields, ContentLength, Framing, FramingDefect, TransferEncoding, request_framing,
    response_framing,
};
pub use head::{Head, HeadShape, MAX_FIELDS, MAX_HEAD_OCTETS, Method, StartLine, Version};
pub use persistence::{KeepAlive, Options, Says, Syntax, says};
pub use reader::{Broken, Kind, MAX_PREAMBLE, Place, Reader, Sink};
pub use recognise::Foreign;
