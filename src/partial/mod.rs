//! How do results of several machines become one?
//!
//! In: what comes of captures, as [`audit`](crate::audit) hands it on. Out: a partial result, which is a file that
//! holds just that; and from any number of these the same again, in one order, as if all captures had been read here.
//! What is made of it is the same in both cases, and so are its octets.
//!
//! A partial result has an object of JSON a line: a manifest; then for each capture what it is, its connections in the
//! order in which they were finished, and what was read of it; and a line that tells how many captures there are, so
//! that one which was cut off is noticed. All numbers are whole; what can be worked out of others is not there. The
//! file is for the version of keepcap that wrote it: others refuse it.

mod error;
mod index;
mod manifest;
mod union;
mod write;

pub use error::PartError;
pub use manifest::{Manifest, SCHEMA};
pub use union::{Replay, Union, unite};
pub use write::Writer;
