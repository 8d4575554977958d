//! Many closes in one instant: a restart or a deploy, and no timer.
//!
//! In: when a server closed which of its connections, and how long each had been idle. Out: the instants in which it
//! closed many. A timer makes closes alike in idleness, at any time; whoever stops a server makes them alike in time,
//! after any idleness. So an [`Event`] is a second with at least [`LEAST`] closes, far more than in the minute around
//! it, whose longest idle is at least twice the shortest (in the middle of an exchange it is none).

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::{Span, Time};

/// So many connections are closed in an event.
pub const LEAST: u64 = 5;

/// An event is no longer than this.
const INSTANT: Span = Span::from_secs(1);

/// So much around an instant tells what is usual, on either side.
const AROUND: Span = Span::from_secs(30);

/// A server closed many connections in one instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// Its capture, as given.
    pub capture: Arc<str>,
    /// The first close, in nanoseconds since the epoch.
    pub nanos: i64,
    /// From the first close to the last.
    pub lasted: Span,
    /// How many connections were closed.
    pub connections: u64,
    /// Those that a message had announced the close of.
    pub announced: u64,
    /// Those that were in the middle of an exchange.
    pub interrupted: u64,
    /// Requests that were lost on them.
    pub lost: u64,
}

/// A connection that a server closed first.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct ServerClose {
    pub(super) at: Time,
    pub(super) stream: u64,
    /// How long it had been idle.
    pub(super) idle: Option<Span>,
    pub(super) why: Why,
    /// Requests that were lost on it.
    pub(super) lost: u64,
}

/// Why it did, as far as that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Why {
    /// It was idle, and nothing else is known.
    Idle,
    /// A message had said so.
    Announced,
    /// In the middle of an exchange.
    Interrupted,
    /// For another reason.
    Other,
}

/// The events among the closes of one server, which come in order of time: which of them each takes up.
pub(super) fn events(closes: &[ServerClose]) -> Vec<Range<usize>> {
    let mut events = Vec::new();
    let mut start = 0;
    while let Some(range) = instant(closes, start) {
        if is_event(closes, &range) {
            let fullest = fullest(closes, range);
            start = fullest.end;
            events.push(fullest);
        } else {
            start += 1;
        }
    }
    events
}

/// The instant with most closes, of those that begin within this one.
fn fullest(closes: &[ServerClose], range: Range<usize>) -> Range<usize> {
    let mut fullest = range.clone();
    for start in range {
        match instant(closes, start) {
            Some(other) if other.len() > fullest.len() => fullest = other,
            _ => {}
        }
    }
    fullest
}

impl Event {
    /// What these closes were together.
    pub(super) fn of(closes: &[ServerClose], capture: &Arc<str>) -> Option<Self> {
        let (first, last) = (closes.first()?, closes.last()?);
        let with = |why| closes.iter().filter(|close| close.why == why).count() as u64;
        Some(Event {
            capture: Arc::clone(capture),
            nanos: first.at.nanos(),
            lasted: last.at.since(first.at),
            connections: closes.len() as u64,
            announced: with(Why::Announced),
            interrupted: with(Why::Interrupted),
            lost: closes.iter().map(|close| close.lost).sum(),
        })
    }
}

/// The closes from this one on that came within an instant.
fn instant(closes: &[ServerClose], start: usize) -> Option<Range<usize>> {
    let end = behind(closes, closes.get(start)?.at + INSTANT);
    Some(start..end)
}

/// The number of the first close after this time.
fn behind(closes: &[ServerClose], time: Time) -> usize {
    closes.partition_point(|close| close.at <= time)
}

fn is_event(closes: &[ServerClose], range: &Range<usize>) -> bool {
    let Some(these) = closes.get(range.clone()) else {
        return false;
    };
    let count = these.len() as u64;
    count >= LEAST && is_mixed(these) && count >= LEAST + 4 * usual(closes, these)
}

/// Whether idleness differs as no timer makes it differ.
fn is_mixed(closes: &[ServerClose]) -> bool {
    let idle = |close: &ServerClose| match close.why {
        Why::Idle | Why::Other => close.idle.unwrap_or_default().max(Span::ZERO),
        Why::Announced | Why::Interrupted => Span::ZERO,
    };
    let least = closes.iter().map(idle).min().unwrap_or_default();
    let most = closes.iter().map(idle).max().unwrap_or_default();
    most >= least + least && most >= INSTANT
}

/// How many closes an instant around these usually has, rounded up.
fn usual(closes: &[ServerClose], these: &[ServerClose]) -> u64 {
    let (Some(first), Some(last)) = (these.first(), these.last()) else {
        return 0;
    };
    let before = Span::ZERO - AROUND;
    let start = closes.partition_point(|close| close.at < first.at + before);
    let end = behind(closes, last.at + AROUND);
    let others = (end - start).saturating_sub(these.len()) as u64;
    let instants = (2 * AROUND.nanos() / INSTANT.nanos()).unsigned_abs();
    others.div_ceil(instants)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(millis: i64, idle: i64, why: Why) -> ServerClose {
        ServerClose {
            at: Time::default() + Span::from_millis(millis),
            stream: 0,
            idle: Some(Span::from_millis(idle)),
            why,
            lost: 0,
        }
    }

    fn found(mut closes: Vec<ServerClose>) -> Vec<(i64, u64)> {
        closes.sort_by_key(|close| close.at);
        let found = events(&closes).into_iter().map(|range| {
            let event = Event::of(&closes[range], &"a.pcap".into()).unwrap();
            (event.nanos / 1_000_000, event.connections)
        });
        found.collect()
    }

    /// Closes by a timer of 5 s, one about every so many milliseconds, for ten minutes.
    fn usual_traffic(random: &mut fastrand::Rng, every: i64) -> Vec<ServerClose> {
        let mut at = 0;
        let mut closes = Vec::new();
        while at < 600_000 {
            at += random.i64(1..2 * every);
            closes.push(close(at, 5_000 + random.i64(0..20), Why::Idle));
        }
        closes
    }

    #[test]
    fn a_restart_is_one_event_and_usual_traffic_is_none() {
        for seed in 0..50 {
            let mut random = fastrand::Rng::with_seed(seed);
            for every in [200, 1_000, 20_000] {
                let mut closes = usual_traffic(&mut random, every);
                assert_eq!(found(closes.clone()), [], "seed {seed}, every {every} ms");
                let number = 80;
                let instant = (0..number).map(|_| {
                    let idle = random.i64(0..5_000);
                    close(300_000 + random.i64(0..200), idle, Why::Idle)
                });
                closes.extend(instant.collect::<Vec<_>>());
                let events = found(closes);
                assert!(
                    matches!(events.as_slice(), [(at, count)] if (299_000..300_200).contains(at) && *count >= number),
                    "seed {seed}, every {every} ms: {events:?}"
                );
            }
        }
    }

    #[test]
    fn what_a_timer_or_a_batch_does_is_no_event() {
        let alike = (0..50).map(|number| close(number, 5_000 + number, Why::Idle));
        assert_eq!(found(alike.collect()), []);
        let answers = (0..50).map(|number| close(number, 0, Why::Announced));
        assert_eq!(found(answers.collect()), []);
        // A purge every ten seconds takes whatever is older than ten.
        let purge = (0..60).flat_map(|tick| {
            (0..20)
                .map(move |number| close(tick * 10_000 + number, 10_000 + 480 * number, Why::Idle))
        });
        assert_eq!(found(purge.collect()), []);
    }

    #[test]
    fn an_event_tells_what_was_announced_and_interrupted() {
        let closes = [
            close(0, 0, Why::Announced),
            close(10, 0, Why::Interrupted),
            close(20, 900, Why::Idle),
            close(30, 4_000, Why::Idle),
            close(40, 70, Why::Other),
        ];
        let event = Event::of(&closes, &"a.pcap".into()).unwrap();
        assert_eq!(events(&closes).first(), Some(&(0..5)));
        assert_eq!(
            (
                event.connections,
                event.announced,
                event.interrupted,
                event.lasted
            ),
            (5, 1, 1, Span::from_millis(40))
        );
    }
}
