//! The captures that speed is measured with hold what their generator says, and keepcap finds all of it.

use std::io::{self, Cursor};
use std::path::Path;

use keepcap::capture::Capture;
use keepcap::connection::Tracker;
use keepcap::rules::{Settings, Verdict, judge};
use keepcap::time::Span;

#[path = "../benches/traffic/mod.rs"]
mod traffic;

use traffic::{Plan, Profile, Truth};

fn made(plan: &Plan) -> io::Result<(Vec<u8>, Truth)> {
    let mut octets = Vec::new();
    let truth = traffic::write(plan, &mut octets)?;
    Ok((octets, truth))
}

#[test]
fn what_was_made_is_found() {
    for profile in Profile::ALL {
        // Enough of the short ones for some to begin where others have ended.
        let connections = match profile {
            Profile::Bulk => 3,
            Profile::Churn => 600,
            Profile::Small | Profile::Mixed => 40,
        };
        let plan = Plan {
            profile,
            connections,
            seed: 7,
        };
        let (octets, truth) = made(&plan).unwrap();
        let mut capture =
            Capture::from_reader(Cursor::new(octets), Path::new("-")).expect("a capture");
        let mut found = Truth::default();
        let mut finished = |connection: keepcap::connection::Connection| {
            found.packets += connection.facts.packets;
            found.connections += 1;
            found.requests += connection.tally.complete;
            assert!(connection.is_whole(), "{profile:?}");
            let verdict = judge(&connection, &Settings::default()).verdict;
            assert_eq!(verdict, Verdict::Ok, "{profile:?}");
        };
        let mut tracker = Tracker::default();
        let mut times = Vec::new();
        while let Some(packet) = capture.next_packet() {
            times.push(packet.time);
            tracker.take(&packet, &mut finished);
        }
        tracker.finish(&mut finished);
        assert_eq!(found, truth, "{profile:?}");
        assert!(times.is_sorted(), "{profile:?}");
        let lasted = times.last().unwrap().since(*times.first().unwrap());
        assert!(lasted < Span::from_secs(3600), "{profile:?}: {lasted}");
        assert_eq!(capture.finish().damaged, 0, "{}", profile.name());
    }
}

#[test]
fn the_same_plan_makes_the_same_capture_and_another_seed_another() {
    let plan = Plan {
        profile: Profile::Mixed,
        connections: 5,
        seed: 1,
    };
    assert!(made(&plan).unwrap() == made(&plan).unwrap());
    assert!(made(&plan).unwrap() != made(&Plan { seed: 2, ..plan }).unwrap());
}
