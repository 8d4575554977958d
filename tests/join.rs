//! Rotated captures: what was cut up is read as one recording, and what only looks so is left alone.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is a test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const SAMPLE: &str = "samples/node-agent.pcap";

/// The sample cut up into files of so many packets, named as dumpcap names them.
fn cut_up(packets: usize) -> (TempDir, Vec<PathBuf>) {
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(SAMPLE)).unwrap();
    let (header, mut rest) = whole.split_at(24);
    let mut files: Vec<Vec<u8>> = Vec::new();
    let mut count = 0;
    while let Some(captured) = rest.get(8..12) {
        let captured = u32::from_le_bytes(captured.try_into().unwrap()) as usize;
        let (record, behind) = rest.split_at(16 + captured);
        if count % packets == 0 {
            files.push(header.to_owned());
        }
        files.last_mut().unwrap().extend(record);
        count += 1;
        rest = behind;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (number, octets) in (1..).zip(files) {
        let name = format!("ring_{number:05}_20260131{number:06}.pcap");
        paths.push(folder.path().join(name));
        fs::write(paths.last().unwrap(), octets).unwrap();
    }
    (folder, paths)
}

fn keepcap(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_keepcap"));
    program.current_dir(env!("CARGO_MANIFEST_DIR"));
    program.args(arguments).output().unwrap()
}

/// The connections with their exchanges, without what tells of files.
fn connections(document: &Value) -> Vec<Value> {
    let mut connections = document["connections"].as_array().unwrap().clone();
    for connection in &mut connections {
        connection["capture"] = Value::Null;
        for list in ["findings", "exchanges"] {
            for item in connection[list].as_array_mut().unwrap() {
                let item = item.as_object_mut().unwrap();
                item.remove("file");
                item.remove("file_frame");
            }
        }
    }
    connections
}

fn json(arguments: &[&str]) -> Value {
    let output = keepcap(&[&["--format", "json", "--exchanges", "--all"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_ring_buffer_gives_what_the_whole_recording_gives() {
    let (folder, paths) = cut_up(7);
    assert!(paths.len() > 3);
    let folder = folder.path().to_str().unwrap();
    let whole = json(&[SAMPLE]);
    for threads in ["1", "2", "8"] {
        let joined = json(&["--join", "--threads", threads, folder]);
        assert_eq!(connections(&joined), connections(&whole));
        let captures = joined["captures"].as_array().unwrap();
        assert_eq!(captures.len(), 1);
        assert_eq!(captures[0]["packets"], whole["captures"][0]["packets"]);
        let parts = captures[0]["parts"].as_array().unwrap();
        assert_eq!(parts.len(), paths.len());
        for (number, (part, path)) in parts.iter().zip(&paths).enumerate() {
            assert_eq!(part["path"].as_str(), path.to_str());
            assert_eq!(part["frames_before"].as_u64(), Some(7 * number as u64));
        }
        for exchange in joined["connections"][0]["exchanges"].as_array().unwrap() {
            let frame = exchange["request_frame"].as_u64().unwrap();
            assert_eq!(exchange["file_frame"].as_u64(), Some((frame - 1) % 7 + 1));
            let file = paths[(frame as usize - 1) / 7].to_str();
            assert_eq!(exchange["file"].as_str(), file);
        }
    }
}

#[test]
fn without_the_option_parts_stay_single_and_are_pointed_out() {
    let (folder, paths) = cut_up(7);
    let output = keepcap(&["--format", "json", folder.path().to_str().unwrap()]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["captures"].as_array().unwrap().len(), paths.len());
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "{} and {} more follow on, as parts of one recording do; --join reads them as one",
        paths[0].display(),
        paths.len() - 1
    );
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn a_copy_of_a_part_is_said_and_left_out() {
    let (folder, paths) = cut_up(7);
    let again = folder.path().join("ring_00099_20260131000099.pcap");
    fs::copy(&paths[0], &again).unwrap();
    let folder = folder.path().to_str().unwrap();
    let output = keepcap(&["--join", "--format", "json", folder]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let captures = document["captures"].as_array().unwrap();
    let parts = captures[0]["parts"].as_array().unwrap();
    assert_eq!((captures.len(), parts.len()), (2, paths.len()));
    let (first, again) = (paths[0].display(), again.display());
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!("the packets of {again} are in {first}, too; it was not joined");
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn parts_that_overlap_in_part_are_said_and_left_single() {
    let (folder, paths) = cut_up(7);
    let mut both = fs::read(&paths[0]).unwrap();
    let next = fs::read(&paths[1]).unwrap();
    // Two packets of the second are in the first, too.
    let record = |at: usize| {
        let captured = u32::from_le_bytes(next[at + 8..at + 12].try_into().unwrap());
        at + 16 + captured as usize
    };
    both.extend(&next[24..record(record(24))]);
    fs::write(&paths[0], both).unwrap();
    let folder = folder.path().to_str().unwrap();
    let output = keepcap(&["--join", "--format", "json", folder]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let captures = document["captures"].as_array().unwrap();
    assert_eq!(captures.len(), paths.len());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("2 packets are in both; they were not joined"),
        "{said}"
    );
}

/// Everything on standard error.
fn said(arguments: &[&str]) -> String {
    String::from_utf8(keepcap(arguments).stderr).unwrap()
}

#[test]
fn captures_with_packets_in_common_are_said_whatever_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy of monday");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(SAMPLE), &copy).unwrap();
    let copy = copy.to_str().unwrap();
    let expected = format!(
        "keepcap: {SAMPLE} and {copy} have packets in common; connections that are in both are counted twice\n"
    );
    for format in ["table", "ndjson"] {
        assert_eq!(said(&[SAMPLE, copy, "--format", format]), expected);
    }
    assert_eq!(said(&[SAMPLE, copy, "--by", "server"]), expected);
    assert_eq!(
        said(&[SAMPLE, SAMPLE]),
        format!("keepcap: {SAMPLE} was read twice; its connections are counted twice\n")
    );
    assert_eq!(said(&["samples"]), "");
}

#[test]
fn what_is_named_twice_and_joined_is_read_once() {
    let (folder, paths) = cut_up(7);
    let folder = folder.path().to_str().unwrap();
    let arguments = ["--join", folder, paths[2].to_str().unwrap()];
    assert_eq!(
        connections(&json(&arguments)),
        connections(&json(&[SAMPLE]))
    );
    assert_eq!(said(&arguments), "");
}

#[test]
fn what_is_written_back_is_the_whole_recording() {
    let (folder, _) = cut_up(7);
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("whole.pcapng");
    let (folder, out) = (folder.path().to_str().unwrap(), out.to_str().unwrap());
    let joined = json(&["--join", folder, "--annotate", out]);
    let written = connections(&json(&[out]));
    assert!(!written.is_empty());

    assert_eq!(written, connections(&joined));
}

#[test]
fn a_partial_result_of_parts_gives_what_a_run_gives() {
    let (folder, _) = cut_up(7);
    let part = folder.path().join("part");
    let (folder, part) = (folder.path().to_str().unwrap(), part.to_str().unwrap());
    let view = ["--format", "json", "--exchanges"];
    let run = keepcap(&[&view[..], &["--join", "--part", part, folder]].concat());
    let merged = keepcap(&[&["merge", part][..], &view].concat());
    assert_eq!(run.status.code(), Some(0));
    assert_eq!(merged.stdout, run.stdout);
    assert_eq!(merged.stderr, run.stderr);
}
