//! Memory that will be needed soon, fetched while something else is done.
//!
//! In: where it lies. Out: nothing, but that nobody waits for it later. What was not looked at for long takes a processor
//! as long to fetch as some hundred instructions, and whoever writes there holds up all that is written behind it.

use prefetch_index::prefetch_index;

/// How many octets are fetched at once.
const LINE: usize = 64;

/// So many of these octets from there on, which may lie in the room behind them.
#[inline]
pub(crate) fn octets(octets: &[u8], from: usize, count: usize) {
    for place in (0..count).step_by(LINE) {
        prefetch_index(octets, from + place);
    }
}

/// One of these values: as much of it as is within two lines.
#[inline]
pub(crate) fn value<T>(values: &[T], index: usize) {
    prefetch_index(values, index);
    prefetch_index(values, index + 1);
}
