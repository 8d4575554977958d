//! Two streams, cut into segments: see `tests/segments/oracle.rs`, which is run on what was found before by
//! `cargo test`, too.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/segments/oracle.rs"]
mod oracle;

fuzz_target!(|input: &[u8]| oracle::check(input));
