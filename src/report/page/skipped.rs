//! What was read of each capture, and what of it was skipped, and why.

use crate::audit::Reading;
use crate::report::advice::grouped;
use crate::report::words;

/// So many captures are told of.
pub(super) const MOST_CAPTURES: usize = 200;

/// A capture, as the page tells of it.
pub(super) struct CaptureCard {
    pub(super) path: String,
    pub(super) packets: String,
    pub(super) connections: String,
    /// From its first packet to its last.
    pub(super) times: Option<(String, String)>,
    /// Packets that were passed over, by reason.
    pub(super) passed_over: Vec<String>,
    /// What is missing of it.
    pub(super) missing: Vec<String>,
}

/// The captures that are told of, and how many are not: those that something is missing of come before the others.
pub(super) fn cards(readings: &[Reading]) -> (Vec<CaptureCard>, usize) {
    let is_whole = |reading: &&Reading| reading.summary.damaged == 0 && !reading.is_limited();
    let broken = readings.iter().filter(|reading| !is_whole(reading));
    let chosen = broken.chain(readings.iter().filter(is_whole));
    let left_out = readings.len().saturating_sub(MOST_CAPTURES);
    (chosen.take(MOST_CAPTURES).map(card).collect(), left_out)
}

fn card(reading: &Reading) -> CaptureCard {
    let summary = &reading.summary;
    CaptureCard {
        path: reading.path.to_string_lossy().into_owned(),
        packets: grouped(summary.packets),
        connections: grouped(reading.connections),
        times: summary
            .times
            .map(|(first, last)| (first.to_string(), last.to_string())),
        passed_over: passed_over(reading),
        missing: missing(reading),
    }
}

fn passed_over(reading: &Reading) -> Vec<String> {
    let ignored = reading.beside.ignored.iter();
    let ignored = ignored.filter(|&(_, packets)| packets > 0);
    let mut told: Vec<String> = ignored
        .map(|(reason, packets)| {
            let packets = words::counted(packets, "packet", "packets");
            format!("{packets}: {reason}")
        })
        .collect();
    let counts = [
        (
            "blocks that describe no packet",
            reading.summary.other_blocks,
        ),
        ("log entries and system events", reading.summary.events),
    ];
    let counts = counts.into_iter().filter(|&(_, count)| count > 0);
    let counts = reading.beside.losses().chain(counts);
    told.extend(counts.map(|(what, count)| format!("{}: {what}", grouped(count))));
    told
}

/// Damage and bounds that were met, as far as they are kept one by one.
fn missing(reading: &Reading) -> Vec<String> {
    let mut told = words::missing(reading);
    let more = [
        (
            reading
                .summary
                .damaged
                .saturating_sub(reading.summary.damage.len() as u64),
            "more places are damaged",
        ),
        (
            reading
                .limited
                .saturating_sub(reading.bounds_met.len() as u64),
            "more connections ran into a bound",
        ),
        (
            reading.beside.fragments.evicted,
            "incomplete IP datagrams were given up, because so many were kept at once",
        ),
    ];
    let more = more.iter().filter(|(count, _)| *count > 0);
    told.extend(more.map(|(count, what)| format!("{} {what}", grouped(*count))));
    told
}
