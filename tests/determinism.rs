//! The same capture gives the same connections in the same order, whatever seeds the hash maps have: each tracker has
//! its own.

#![allow(missing_docs, clippy::unwrap_used, reason = "it is a test")]

use std::fs;

use keepcap::capture::Capture;
use keepcap::connection::Tracker;
use keepcap::rules::{Settings, judge};
use keepcap::tcp::Bounds;

fn read(path: &std::path::Path, bounds: Bounds) -> Vec<String> {
    let mut capture = Capture::open(path).unwrap();
    let mut tracker = Tracker::new(bounds);
    let mut told = Vec::new();
    let mut finished = |connection: keepcap::connection::Connection| {
        let judgement = judge(&connection, &Settings::default());
        let findings = judgement
            .findings
            .iter()
            .map(|finding| (finding.rule.name, finding.at));
        let findings: Vec<_> = findings.collect();
        told.push(format!(
            "{connection:?} {:?} {findings:?}",
            judgement.verdict
        ));
    };
    while let Some(packet) = capture.next_packet() {
        tracker.take(&packet, &mut finished);
    }
    tracker.finish(&mut finished);
    told
}

#[test]
fn connections_come_out_the_same_and_in_the_same_order_whatever_the_hash_seed() {
    let few = Bounds {
        connections: 2,
        ..Bounds::of_memory(1 << 20)
    };
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/samples")).unwrap() {
        let path = file.unwrap().path();
        if !path
            .extension()
            .is_some_and(|extension| extension == "pcap" || extension == "pcapng")
        {
            continue;
        }
        for bounds in [Bounds::default(), few] {
            let first = read(&path, bounds);
            for _ in 0..4 {
                assert_eq!(first, read(&path, bounds), "{}", path.display());
            }
        }
    }
}
