//! What a table asks of whoever keeps the books of a capture.
//!
//! In: which connections begin, what is known of them in the end, and when they are finished. Out: their numbers, and
//! the records that are made of them.

use super::{Facts, Latest};
use crate::time::At;

/// Who gives connections their numbers, makes records of them, and takes these when they are finished.
pub trait Registry<L> {
    /// What is made of a connection.
    type Record;

    /// A connection begins with this packet; its number.
    fn begin(&mut self, at: At) -> u64;

    /// Nothing can happen to a connection any more, but that packets still come which repeat what there was. Its
    /// listener is asked nothing any more.
    fn conclude(&mut self, facts: Facts, listener: &mut L) -> Self::Record;

    /// The memory that a record takes beside its own size, in octets.
    fn weight(&self, record: &Self::Record) -> usize;

    /// The connection of this record will be finished soon: what lies far away may be fetched meanwhile.
    fn fetch(&self, _record: &Self::Record) {}

    /// A connection is finished, with this number of packets.
    fn finish(&mut self, record: Self::Record, latest: Latest);

    /// This number is nobody's: of that connection there were only headers without data.
    fn forget(&mut self, stream: u64);
}
