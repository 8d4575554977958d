//! The same captures give the same results, whatever seeds the hash maps have (each tracker has its own), and however
//! many threads there are.

#![allow(missing_docs, clippy::unwrap_used, reason = "it is a test")]

use std::fs;
use std::process::{Command, Output, Stdio};

use keepcap::capture::Capture;
use keepcap::connection::{Targets, Tracker};
use keepcap::rules::{Settings, judge};
use keepcap::tcp::Bounds;

#[path = "../benches/traffic/mod.rs"]
mod traffic;

use traffic::{Plan, Profile};

fn read(path: &std::path::Path, bounds: Bounds) -> Vec<String> {
    let mut capture = Capture::open(path).unwrap();
    let mut tracker = Tracker::new(bounds, Targets::Kept);
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

fn keepcap(arguments: &str, format: &str, threads: &str) -> Output {
    let mut keepcap = Command::new(env!("CARGO_BIN_EXE_keepcap"));
    keepcap.current_dir(env!("CARGO_MANIFEST_DIR"));
    keepcap.args(arguments.split(' '));
    keepcap.args(["-v", "--format", format, "--threads", threads]);
    keepcap.output().unwrap()
}

#[test]
fn any_number_of_threads_gives_the_same_results_and_messages() {
    for arguments in [
        "samples",
        "samples/missing samples README.md samples --all --only warning",
        "samples/made-up-mistakes.pcap --exchanges --stream 10 --stream 11",
    ] {
        for format in ["table", "json", "ndjson", "csv", "markdown"] {
            let one = keepcap(arguments, format, "1");
            assert!(!one.stdout.is_empty() && !one.stderr.is_empty());
            for threads in ["2", "3", "8"] {
                let many = keepcap(arguments, format, threads);
                assert_eq!(one, many, "{arguments} as {format} on {threads} threads");
            }
        }
    }
}

#[test]
fn so_it_does_with_long_captures_however_they_come() {
    let folder = tempfile::tempdir().unwrap();
    // Large enough for several blocks, and small enough to be read often.
    for (profile, connections) in Profile::ALL.into_iter().zip([1, 50, 2000, 20]) {
        let path = folder.path().join(profile.name());
        let plan = Plan {
            profile,
            connections,
            seed: 5,
        };
        traffic::write(&plan, &mut fs::File::create(&path).unwrap()).unwrap();
        let path = path.to_str().unwrap();
        for format in ["ndjson", "csv"] {
            let one = keepcap(path, format, "1");
            let as_stream = piped(path, format, "1");
            assert!(!one.stdout.is_empty() && !as_stream.stdout.is_empty());
            for threads in ["2", "3", "4"] {
                assert_eq!(one, keepcap(path, format, threads), "{path} {threads}");
                assert_eq!(as_stream, piped(path, format, threads), "{path} {threads}");
            }
        }
    }
}

/// What it prints of the same octets where they come through a pipe.
fn piped(path: &str, format: &str, threads: &str) -> Output {
    let mut cat = Command::new("cat")
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keepcap = Command::new(env!("CARGO_BIN_EXE_keepcap"));
    keepcap.args(["-", "-v", "--format", format, "--threads", threads]);
    let output = keepcap.stdin(cat.stdout.take().unwrap()).output().unwrap();
    assert!(cat.wait().unwrap().success());
    output
}
