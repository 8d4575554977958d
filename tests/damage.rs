//! Samples that are damaged in every place: cut off at every octet, and with every octet flipped in turn. Nothing
//! panics, and reading ends; what is right of the rest is tested elsewhere.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is a test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use keepcap::capture::Capture;
use keepcap::connection::Tracker;
use keepcap::rules::{Settings, judge};

/// Longer samples are left out.
const LONGEST: usize = 10_000;

fn read(octets: Vec<u8>) {
    let longest = octets.len() as u64;
    let Ok(mut capture) = Capture::from_reader(Cursor::new(octets), "-".as_ref()) else {
        return;
    };
    let mut tracker = Tracker::default();
    let mut packets = 0;
    let mut finished = |connection: keepcap::connection::Connection| {
        packets += connection.facts.packets;
        judge(&connection, &Settings::default());
    };
    while let Some(packet) = capture.next_packet() {
        tracker.take(&packet, &mut finished);
    }
    let beside = tracker.finish(&mut finished);
    let ignored: u64 = beside.ignored.iter().map(|(_, count)| count).sum();
    let summary = capture.finish();
    assert_eq!(packets + ignored, summary.packets);
    assert!(summary.octets <= longest);
}

fn samples() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let captures = files.filter(|path| {
        let extension = path.extension().unwrap_or_default();
        extension == "pcap" || extension == "pcapng"
    });
    let mut captures: Vec<PathBuf> = captures.collect();
    captures.sort();
    captures
}

/// Does something with the octets of each sample, on two threads.
fn each(act: impl Fn(&[u8]) + Sync) {
    let left = Mutex::new(samples());
    let next = || left.lock().unwrap().pop();
    let work = || {
        while let Some(path) = next() {
            let octets = fs::read(path).unwrap();
            if octets.len() <= LONGEST {
                act(&octets);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
}

#[test]
fn samples_cut_off_anywhere_are_read() {
    each(|octets| {
        for cut in 0..=octets.len() {
            read(octets[..cut].to_vec());
        }
    });
}

#[test]
fn samples_with_any_octet_flipped_are_read() {
    each(|octets| {
        for at in 0..octets.len() {
            for mask in [0x01, 0x10, 0x80, 0xff] {
                let mut flipped = octets.to_vec();
                flipped[at] ^= mask;
                read(flipped);
            }
        }
    });
}

/// With the damage spread over each sample: its header, records and packets.
#[test]
fn the_program_says_of_damaged_samples_that_they_are_read_in_part_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.pcap");
    let status = |octets: &[u8]| {
        fs::write(&path, octets).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_keepcap"))
            .args(["--all", "--format", "csv"])
            .arg(&path)
            .output()
            .unwrap();
        let status = output.status.code();
        assert!(matches!(status, Some(0 | 2 | 3)), "{status:?}");
        assert_eq!(status == Some(0), output.stderr.is_empty());
        status
    };
    let mut seen = BTreeSet::new();
    for (number, path) in samples().into_iter().enumerate() {
        let octets = fs::read(path).unwrap();
        let at = octets.len() * number / 30;
        seen.insert(status(&octets[..at]));
        let mut flipped = octets;
        flipped[at] ^= 0xff;
        seen.insert(status(&flipped));
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}
