//! Is this packet a TCP segment?
//!
//! In: [`Packet`](crate::capture::Packet)s. Out: a [`Segment`], or a reason why not. Which connection a segment
//! belongs to is the business of [`tcp`](crate::tcp).

mod fragments;
mod octets;
mod reason;
mod segment;

pub use reason::{Ignored, Reason};
pub use segment::{Endpoint, Flags, Segment, Seq};
