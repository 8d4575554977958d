//! Captures that are made to exhaust: what is kept of them stays within its bounds, what hits a bound says so, and
//! everything else goes on.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is a test"
)]

use std::convert::Infallible;
use std::fs;
use std::io::{Cursor, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use keepcap::audit::{self, Extent, Plan, Selection, Surveying};
use keepcap::capture::{self, Capture, Source};
use keepcap::connection::{Beside, Connection, MAX_EXCHANGES, Targets, Tracker};
use keepcap::packet::MAX_DATAGRAMS;
use keepcap::rules::Settings;
use keepcap::tcp::{Bounds, MAX_WAITING_OCTETS, SHARDS};
use keepcap::time::Span;
use serde_json::{Value, json};

mod captures;
mod text;
mod texts;

/// The connections in so many of a kind.
fn read(name: &str, size: u64, bounds: Bounds) -> Vec<Connection> {
    read_all(name, size, bounds).0
}

/// All that comes out of so many of a kind.
fn read_all(name: &str, size: u64, bounds: Bounds) -> (Vec<Connection>, Beside) {
    let kind = captures::KINDS
        .iter()
        .find(|kind| kind.name == name)
        .unwrap();
    let octets = captures::capture(kind, size);
    let mut capture = Capture::from_reader(Cursor::new(octets), name.as_ref()).unwrap();
    let mut tracker = Tracker::new(bounds, Targets::Kept);
    let mut connections = Vec::new();
    while let Some(packet) = capture.next_packet() {
        tracker.take(&packet, &mut |connection| connections.push(connection));
    }
    let beside = tracker.finish(&mut |connection| connections.push(connection));
    let packets: u64 = connections
        .iter()
        .map(|connection: &Connection| connection.facts.packets)
        .sum();
    let ignored: u64 = beside.ignored.iter().map(|(_, count)| count).sum();
    assert_eq!(packets + ignored, capture.finish().packets, "{name}");
    (connections, beside)
}

/// For so little memory that much has to give way.
fn plan() -> Plan {
    Plan {
        settings: Settings::default(),
        selection: Selection::default(),
        extent: Extent::Connection,
        tell: None,
        survey: Surveying::Asked,
        memory: 4 << 20,
        threads: NonZeroUsize::MIN,
        monitor: Arc::default(),
    }
}

/// What comes out of several captures on so many threads.
fn audit(sources: &[Source], threads: usize) -> Vec<String> {
    let plan = Plan {
        threads: threads.try_into().unwrap(),
        ..plan()
    };
    let mut told = Vec::new();
    let taken = audit::audit(sources, &plan, &mut |source, outcome| {
        told.push(format!("{source:?} {outcome:?}"));
        Ok::<(), Infallible>(())
    });
    taken.map(|()| told).unwrap()
}

#[test]
fn what_gives_way_does_not_depend_on_the_threads() {
    let directory = tempfile::tempdir().unwrap();
    let mut sources = Vec::new();
    for kind in captures::KINDS {
        let path = directory.path().join(kind.name);
        let size = (kind.full / 1000).clamp(100, 3000);
        fs::write(&path, captures::capture(kind, size)).unwrap();
        sources.push(Source::File(path));
    }
    let one = audit(&sources, 1);
    assert!(one.iter().any(|told| told.contains("what: Memory")));
    for threads in [2, 3, 8] {
        let many = audit(&sources, threads);
        let same = one.iter().zip(&many).take_while(|(one, many)| one == many);
        let same = same.count();
        assert_eq!(one.get(same), many.get(same), "{same} on {threads} threads");
        assert_eq!(one.len(), many.len());
    }
}

#[test]
fn nothing_more_is_read_where_the_results_are_not_wanted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let sources = capture::find([path]).sources;
    for threads in [1, 2, 8] {
        let plan = Plan {
            threads: threads.try_into().unwrap(),
            ..plan()
        };
        let mut taken = 0;
        let result = audit::audit(&sources, &plan, &mut |_, _| {
            taken += 1;
            if taken < 5 { Ok(()) } else { Err("enough") }
        });
        assert_eq!((result, taken), (Err("enough"), 5));
    }
}

/// How much there was of what a connection had too much of.
fn limited(connection: &Connection, what: &str) -> Option<u64> {
    let limit = connection
        .limits
        .iter()
        .find(|limit| limit.what.name() == what)?;
    Some(limit.amount)
}

#[test]
fn every_kind_is_read_to_its_end_in_little_memory() {
    for kind in captures::KINDS {
        let size = (kind.full / 1000).max(100);
        read(kind.name, size, Bounds::of_memory(1 << 20));
    }
}

#[test]
fn the_least_recently_active_connection_gives_way_where_too_many_are_open() {
    let bounds = Bounds {
        connections: 100,
        ..Bounds::default()
    };
    let connections = read("half-open", 1000, bounds);
    let (ended, left): (Vec<_>, Vec<_>) = connections
        .iter()
        .partition(|connection| !connection.limits.is_empty());
    assert!((890..910).contains(&ended.len()), "{}", ended.len());
    let left: Vec<u64> = left.iter().map(|left| left.facts.stream).collect();
    assert!(left.is_sorted() && left.first() > Some(&850), "{left:?}");
    let open = ended.iter().map(|connection| {
        limited(
            connection,
            "connections open at once in its part of the table",
        )
    });
    let part = 100 / SHARDS as u64;
    assert!(
        open.flatten()
            .all(|open| (part - 1..=part + 1).contains(&open))
    );
}

#[test]
fn closed_connections_give_way_unharmed_and_are_counted() {
    let bounds = Bounds {
        connections: 100,
        ..Bounds::default()
    };
    let (connections, beside) = read_all("short-lived", 1000, bounds);
    assert_eq!(connections.len(), 1000);
    assert!(connections.iter().all(|one| one.limits.is_empty()));
    assert!((900..910).contains(&beside.forgotten.early));
    assert_eq!(beside.forgotten.resumed, 0);
}

#[test]
fn what_goes_on_after_a_closed_connection_was_forgotten_is_another_stream_and_is_counted() {
    // The first thousand are forgotten before their last packets come, the others by then.
    let (connections, beside) = read_all("zombies", 3000, Bounds::default());
    assert_eq!(connections.len(), 6000);
    assert_eq!(
        (beside.forgotten.early, beside.forgotten.resumed),
        (0, 3000)
    );
}

#[test]
fn incomplete_datagrams_give_way_and_are_counted() {
    let (connections, beside) = read_all("fragments", 10_000, Bounds::default());
    assert!(connections.is_empty());
    assert_eq!(beside.fragments.evicted, 10_000 - MAX_DATAGRAMS as u64);
}

#[test]
fn so_many_octets_may_wait_in_one_direction() {
    let [connection] =
        <[Connection; 1]>::try_from(read("large-behind-hole", 300, Bounds::default())).unwrap();
    let limit = limited(&connection, "octets waiting ahead of a hole").unwrap();
    let most = MAX_WAITING_OCTETS as u64;
    assert!((most..most + 60_001).contains(&limit), "{limit}");
    assert_eq!(connection.missing(), 1000);
}

#[test]
fn what_takes_too_much_memory_is_ended_and_the_rest_goes_on() {
    let connections = read("slow-heads", 100_000, Bounds::of_memory(1 << 20));
    let marked = connections
        .iter()
        .filter(|connection| limited(connection, "memory of its part of the table").is_some());
    assert!(marked.count() > 1000);
    assert!(
        connections
            .iter()
            .any(|connection| connection.limits.is_empty())
    );
}

#[test]
fn holes_are_given_up_where_too_much_waits_over_all() {
    let bounds = Bounds {
        waiting: 1 << 20,
        ..Bounds::default()
    };
    let connections = read("holes-on-many", 5000, bounds);
    assert_eq!(connections.len(), 1000);
    let waited: Vec<u64> = connections
        .iter()
        .filter_map(|connection| limited(connection, "octets waiting ahead of a hole"))
        .collect();
    assert!(waited.len() > 500 && waited.iter().all(|octets| *octets <= 5 * 1024));
    assert!(
        connections
            .iter()
            .all(|connection| connection.missing() == 2000)
    );
}

#[test]
fn holes_are_given_up_where_too_much_waits_in_one_direction() {
    let [connection] =
        <[Connection; 1]>::try_from(read("reverse", 10_000, Bounds::default())).unwrap();
    assert_eq!(
        limited(&connection, "octets waiting ahead of a hole"),
        Some(4097)
    );
    assert_eq!(connection.facts.sides.client.octets, 4097);
    assert_eq!(connection.missing(), 10_000 - 4097);
}

#[test]
fn beyond_the_exchanges_that_are_kept_all_counts_stay_exact() {
    let size = MAX_EXCHANGES as u64 + 50;
    let [connection] = <[Connection; 1]>::try_from(read("busy", size, Bounds::default())).unwrap();
    let tally = &connection.tally;
    assert_eq!(
        (tally.requests, tally.responses, tally.complete),
        (size, size, size)
    );
    assert_eq!(tally.unanswered(), 0);
    assert_eq!(connection.exchanges.len(), MAX_EXCHANGES);
    assert_eq!(limited(&connection, "exchanges kept"), Some(50));
    assert!(tally.idle_max.unwrap() > Span::from_secs(5));
    assert!(connection.idle_last.unwrap() > Span::from_secs(3));
}

#[test]
fn a_head_without_end_is_given_up_and_nobody_acknowledging_anything_is_no_limit() {
    let [connection] =
        <[Connection; 1]>::try_from(read("endless-head", 300, Bounds::default())).unwrap();
    assert!(
        limited(&connection, "size of a head").unwrap() > keepcap::http::MAX_HEAD_OCTETS as u64
    );
    let [connection] =
        <[Connection; 1]>::try_from(read("requests-only", 3000, Bounds::default())).unwrap();
    assert_eq!(
        (connection.tally.requests, connection.tally.unanswered()),
        (3000, 3000)
    );
    assert!(connection.limits.is_empty());
    let [connection] =
        <[Connection; 1]>::try_from(read("lost-answers", 3000, Bounds::default())).unwrap();
    assert_eq!(connection.tally.responses, 3000);
}

/// What the program makes of so many of a kind: its exit status, the capture in its JSON, and what it says.
fn run(name: &str, size: u64, options: &[&str]) -> (Option<i32>, Value, String) {
    let kind = captures::KINDS
        .iter()
        .find(|kind| kind.name == name)
        .unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_keepcap"))
        .args(["--format", "json", "-"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    input.write_all(&captures::capture(kind, size)).unwrap();
    drop(input);
    let output = program.wait_with_output().unwrap();
    let mut document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), document["captures"][0].take(), told)
}

#[test]
fn what_was_given_up_for_want_of_room_is_told() {
    let (status, capture, told) = run("fragments", 5000, &[]);
    assert_eq!(status, Some(3));
    let given_up = json!({"too_old": 0, "too_many": 5000 - MAX_DATAGRAMS, "contradictory": 0});
    assert_eq!(capture["fragments_given_up"], given_up);
    let expected =
        "keepcap: -: a bound was met: incomplete IP datagrams kept at once (given up: 904)\n";
    assert_eq!(told, expected);

    let (status, capture, told) = run("short-lived", 20_000, &["--memory", "16M", "-v"]);
    let early = capture["forgotten_early"].as_u64().unwrap();
    assert!(early > 1000);
    assert_eq!(status, Some(0), "nothing is missing in what is told");
    assert!(told.contains(&format!(
        "closed connections forgotten early, for want of room: {early}\n"
    )));
}

#[test]
fn streams_behind_closed_connections_are_told() {
    let (status, capture, told) = run("zombies", 20, &["-v"]);
    assert_eq!((status, &capture["resumed"]), (Some(0), &json!(20)));
    assert!(told.contains(
        "keepcap: -: streams without a SYN where a connection had been closed and forgotten: 20\n"
    ));
    assert_eq!(run("zombies", 20, &[]).2, "");
}

/// Rows wait until all are known; what there is no room for is counted, said, and not listed.
#[test]
fn rows_that_do_not_fit_are_counted_and_said() {
    let kind = captures::KINDS
        .iter()
        .find(|kind| kind.name == "half-open")
        .unwrap();
    let capture = captures::capture(kind, 20_000);
    let run = |format: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_keepcap"))
            .args(["--all", "--memory", "16M", "--format", format, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        program.stdin.take().unwrap().write_all(&capture).unwrap();
        let output = program.wait_with_output().unwrap();
        let lines = output
            .stdout
            .iter()
            .filter(|&&octet| octet == b'\n')
            .count();
        let said = String::from_utf8(output.stderr).unwrap();
        (lines, said, output.status.code())
    };
    let (lines, said, status) = run("csv");
    let left_out: usize = said
        .lines()
        .find_map(|line| {
            let (_, rest) = line.split_once("a bound was met: ")?;
            let (count, _) = rest.split_once(" connections are counted and not listed")?;
            count.parse().ok()
        })
        .unwrap();
    assert!(left_out > 0, "{said}");
    assert_eq!(lines, 1 + 20_000 - left_out);
    assert_eq!(status, Some(3));
    let (lines, said, _) = run("ndjson");
    assert_eq!(lines, 20_000);
    assert!(!said.contains("not listed"), "{said}");
}
