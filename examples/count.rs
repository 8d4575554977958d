//! Reads a capture through the whole library and prints only counts: what the library itself takes, in time and
//! memory, without any output format.
//!
//! `count CAPTURE [MEMORY]`, where MEMORY is the bound on what is kept, in MiB.

use std::collections::BTreeMap;

use keepcap::capture::Source;
use keepcap::connection::{Connection, Targets, Tracker};
use keepcap::rules::{Settings, judge};
use keepcap::tcp::{Bounds, MEMORY};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: count CAPTURE [MEMORY]")?;
    let memory = match arguments.next() {
        Some(memory) => memory.parse::<usize>()? << 20,
        None => MEMORY,
    };
    let mut capture = Source::File(path.into()).open_within(memory)?;
    let mut tracker = Tracker::new(Bounds::of_memory(memory - capture.window()), Targets::Kept);
    let settings = Settings::default();
    let mut verdicts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut limits: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut exchanges, mut missing) = (0, 0);
    let mut finished = |connection: Connection| {
        let judgement = judge(&connection, &settings);
        *verdicts.entry(judgement.verdict.name()).or_default() += 1;
        for limit in &connection.limits {
            *limits.entry(limit.what.name()).or_default() += 1;
        }
        exchanges += connection.tally.complete;
        missing += connection.missing();
    };
    while let Some(packet) = capture.next_packet() {
        tracker.take(&packet, &mut finished);
    }
    tracker.finish(&mut finished);
    let summary = capture.finish();
    println!("{} packets, {} damaged", summary.packets, summary.damaged);
    println!("connections {verdicts:?}, complete exchanges {exchanges}, octets missing {missing}");
    println!("limits {limits:?}");
    Ok(())
}
