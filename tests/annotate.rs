//! `--annotate`: what is written is the capture that was read, with the findings in it.

// A test that cannot go on is to say so.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use keepcap::capture::{Capture, find};
use serde_json::Value;
use tempfile::TempDir;

fn keepcap(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepcap"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let sources = find([folder]).sources;
    sources
        .iter()
        .map(|source| source.path().to_owned())
        .collect()
}

/// What a packet is: its frame, its time in nanoseconds, its link type, its octets and its length on the wire.
type Seen = (u64, i64, u16, Vec<u8>, u32);

fn packets(path: &Path) -> Vec<Seen> {
    let mut capture = Capture::open(path).expect("a capture");
    let mut seen = Vec::new();
    while let Some(packet) = capture.next_packet() {
        let (time, link) = (packet.time.nanos(), packet.link.0);
        seen.push((
            packet.frame,
            time,
            link,
            packet.octets.to_vec(),
            packet.wire_len,
        ));
    }
    assert_eq!(capture.finish().damaged, 0, "{}", path.display());
    seen
}

/// The blocks of a little-endian pcapng file, without those comments that keepcap wrote, and what these say by frame.
fn blocks(octets: &[u8]) -> (Vec<Vec<u8>>, Vec<(u64, String)>) {
    let number = |at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap()) as usize;
    let (mut blocks, mut comments, mut at, mut frame) = (Vec::new(), Vec::new(), 0, 0);
    while at < octets.len() {
        let length = number(at + 4);
        let mut block = octets[at..at + length].to_vec();
        if number(at) == 6 {
            frame += 1;
            let options = 28 + number(at + 20).next_multiple_of(4);
            let added = own_comments(&block[options..length - 4]);
            let mut left: usize = added
                .iter()
                .map(|text| 4 + text.len().next_multiple_of(4))
                .sum();
            // Where there were no options, their end came with the comments.
            if left > 0 && options + left + 8 == length {
                left += 4;
            }
            block.drain(options..options + left);
            let length = (block.len() as u32).to_le_bytes();
            block[4..8].copy_from_slice(&length);
            let end = block.len() - 4;
            block[end..].copy_from_slice(&length);
            comments.extend(added.into_iter().map(|text| (frame, text)));
        }
        blocks.push(block);
        at += length;
    }
    (blocks, comments)
}

fn own_comments(mut options: &[u8]) -> Vec<String> {
    let mut comments = Vec::new();
    while let [1, 0, low, high, rest @ ..] = options {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let text = String::from_utf8(rest[..length].to_vec()).unwrap();
        if !text.starts_with("keepcap: ") {
            break;
        }
        comments.push(text);
        options = &rest[length.next_multiple_of(4)..];
    }
    comments
}

/// The frames on which findings are, and their messages.
fn findings(path: &Path) -> Vec<(u64, String)> {
    let run = keepcap(&[path.to_str().unwrap(), "--format", "json"]);
    let document: Value = serde_json::from_slice(&run.stdout).unwrap();
    let connections = document["connections"].as_array().unwrap();
    let findings = connections
        .iter()
        .flat_map(|row| row["findings"].as_array().unwrap());
    findings
        .map(|finding| {
            let rule = finding["rule"].as_str().unwrap();
            let message = finding["message"].as_str().unwrap();
            let level = finding["level"].as_str().unwrap();
            let text = format!("keepcap: {level} {rule}: {message}; stream ");
            (finding["frame"].as_u64().unwrap(), text)
        })
        .collect()
}

#[test]
fn every_sample_stays_what_it_is_and_has_every_finding() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("annotated.pcapng");
    let mut found = 0;
    for sample in samples() {
        let run = keepcap(&[
            sample.to_str().unwrap(),
            "-q",
            "--annotate",
            out.to_str().unwrap(),
        ]);
        assert_eq!(
            run.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        assert!(packets(&out) == packets(&sample), "{}", sample.display());
        let (written, comments) = blocks(&fs::read(&out).unwrap());
        let original = fs::read(&sample).unwrap();
        if original.starts_with(b"\n\r\r\n") {
            assert!(written == blocks(&original).0, "{}", sample.display());
        }
        let findings = findings(&sample);
        for (frame, text) in &findings {
            let told = comments
                .iter()
                .any(|(on, comment)| on == frame && comment.starts_with(text));
            assert!(
                told,
                "{text} on {frame} of {}: {comments:#?}",
                sample.display()
            );
        }
        assert_eq!(comments.is_empty(), findings.is_empty());
        found += findings.len();
    }
    assert!(found > 20, "the samples have findings");
}

#[test]
fn what_was_annotated_is_annotated_once_more_and_keeps_its_comments() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (once, twice) = (path("once.pcapng"), path("twice.pcapng"));
    let sample = "samples/early-idle-close.pcap";
    keepcap(&[sample, "--annotate", &once]);
    keepcap(&[&once, "--annotate", &twice]);
    let comments = |path: &str| blocks(&fs::read(path).unwrap()).1;
    let (first, second) = (comments(&once), comments(&twice));
    let frames: Vec<u64> = first.iter().map(|(frame, _)| *frame).collect();
    assert_eq!(frames, [6, 8]);
    assert_eq!(first[0].1, "keepcap: warning early-idle-close: see frame 8");
    let doubled: Vec<_> = first
        .iter()
        .flat_map(|comment| [comment, comment])
        .cloned()
        .collect();
    assert_eq!(second, doubled);
}

#[test]
fn only_what_is_listed_is_told() {
    let folder = TempDir::new().unwrap();
    let out = folder
        .path()
        .join("out.pcapng")
        .to_str()
        .unwrap()
        .to_owned();
    keepcap(&[
        "samples/early-idle-close.pcap",
        "--stream",
        "1",
        "--annotate",
        &out,
    ]);
    assert!(blocks(&fs::read(&out).unwrap()).1.is_empty());
}

#[test]
fn a_damaged_capture_is_written_as_far_as_it_is_read() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (cut, out) = (path("cut.pcap"), path("out.pcapng"));
    let whole = fs::read("samples/early-idle-close.pcap").unwrap();
    fs::write(&cut, &whole[..whole.len() - 5]).unwrap();
    let run = keepcap(&[&cut, "--annotate", &out]);
    assert_eq!(run.status.code(), Some(3));
    let all = packets(Path::new("samples/early-idle-close.pcap"));
    assert!(packets(Path::new(&out)) == all[..all.len() - 1]);
}

#[cfg(feature = "compression")]
#[test]
fn a_compressed_capture_is_written_unpacked() {
    use std::io::Write;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (packed, out) = (path("packed.pcap.gz"), path("out.pcapng"));
    let whole = fs::read("samples/early-idle-close.pcap").unwrap();
    let file = fs::File::create(&packed).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    encoder.write_all(&whole).unwrap();
    encoder.finish().unwrap();
    let run = keepcap(&[&packed, "--annotate", &out]);
    assert_eq!(run.status.code(), Some(0));
    assert!(packets(Path::new(&out)) == packets(Path::new("samples/early-idle-close.pcap")));
}

#[test]
fn where_it_cannot_be_done_nothing_is_written() {
    let folder = TempDir::new().unwrap();
    let out = folder
        .path()
        .join("out.pcapng")
        .to_str()
        .unwrap()
        .to_owned();
    let copy = folder.path().join("copy.pcap").to_str().unwrap().to_owned();
    let sample = "samples/early-idle-close.pcap";
    fs::copy(sample, &copy).unwrap();
    let cases: [(&[&str], &str); 7] = [
        (&["-", "--annotate", &out], "reads the capture twice"),
        (
            &["/dev/null", "--annotate", &out],
            "reads the capture twice",
        ),
        (
            &[sample, &copy, "--annotate", &out],
            "takes one capture, and there are 2",
        ),
        (&[&copy, "--annotate", &copy], "would replace this capture"),
        (&[sample, "--annotate", &out, "-o", &out], "two outputs"),
        (
            &[sample, "--annotate", "/does/not/exist/out.pcapng"],
            "cannot be written",
        ),
        (
            &["/does/not/exist.pcap", "--annotate", &out],
            "cannot be read",
        ),
    ];
    for (arguments, message) in cases {
        let run = keepcap(arguments);
        let err = String::from_utf8(run.stderr).unwrap();
        assert_eq!((run.status.code(), run.stdout.len()), (Some(2), 0), "{err}");
        assert!(err.contains(message), "{message} in {err}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(fs::read(&copy).unwrap(), fs::read(sample).unwrap());
}
