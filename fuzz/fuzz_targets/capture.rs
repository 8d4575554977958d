//! A whole capture file, of any format and compression: reading ends, nothing panics, and what is counted adds up.
#![no_main]

use std::io::Cursor;

use keepcap::capture::Capture;
use keepcap::connection::{Connection, Targets, Tracker};
use keepcap::rules::{Settings, judge};
use keepcap::tcp::Bounds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let Ok(mut capture) = Capture::from_reader(Cursor::new(file.to_vec()), "-".as_ref()) else {
        return;
    };
    // Little, so that bounds are met.
    let bounds = Bounds {
        connections: 16,
        ..Bounds::of_memory(1 << 16)
    };
    let mut tracker = Tracker::new(bounds, Targets::Kept);
    let mut packets = 0;
    let mut finished = |connection: Connection| {
        packets += connection.facts.packets;
        let judgement = judge(&connection, &Settings::default());
        assert_eq!(
            judgement.verdict.name() == "unknown",
            judgement.unknown_because.is_some()
        );
        assert!(
            connection.exchanges.len() as u64
                <= connection.tally.requests + connection.tally.responses
        );
    };
    while let Some(packet) = capture.next_packet() {
        tracker.take(&packet, &mut finished);
    }
    let beside = tracker.finish(&mut finished);
    let summary = capture.finish();
    assert_eq!(
        packets + beside.ignored.iter().map(|(_, count)| count).sum::<u64>(),
        summary.packets
    );
});
