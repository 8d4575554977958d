//! `--report`: a page beside whatever results are asked for, whole or not at all.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is a test"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn keepcap(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepcap"))
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A folder with some samples.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    for name in [
        "early-idle-close.pcap",
        "made-up-mistakes.pcap",
        "nginx-node-mismatch.pcap",
    ] {
        fs::copy(samples.join(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn it_is_the_same_whatever_else_is_written_and_on_any_number_of_threads() {
    let folder = folder();
    let folder = folder.path();
    let mut pages = Vec::new();
    for rest in [
        &["--threads", "1"][..],
        &["--threads", "2", "--format", "ndjson"],
        &["--threads", "8", "--format", "json", "--exchanges"],
        &["--format", "junit"],
        &["--by", "server"],
        &["--by", "capture", "--format", "csv"],
        &["--part", "x.part"],
    ] {
        let plain = keepcap(folder, &[rest, &["."]].concat());
        let beside = keepcap(folder, &[rest, &[".", "--report", "page.html"]].concat());
        assert_eq!(beside, plain, "{rest:?}");
        pages.push(read(folder, "page.html"));
        fs::remove_file(folder.join("page.html")).unwrap();
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
    assert!(pages[0].contains("href=\"#rule-early-idle-close\""));
    assert!(pages[0].ends_with("</html>\n"));
}

#[test]
fn a_partial_result_is_the_same_beside_a_page() {
    let folder = folder();
    let folder = folder.path();
    keepcap(folder, &[".", "--part", "plain.part"]);
    keepcap(
        folder,
        &[".", "--part", "beside.part", "--report", "page.html"],
    );
    assert_eq!(read(folder, "plain.part"), read(folder, "beside.part"));
}

#[test]
fn merging_parts_gives_the_page_of_one_run() {
    let folder = folder();
    let folder = folder.path();
    keepcap(folder, &[".", "--report", "page.html"]);
    let first = ["./early-idle-close.pcap", "./made-up-mistakes.pcap"];
    let second = ["./nginx-node-mismatch.pcap"];
    let options = ["--format", "json", "--exchanges", "--part"];
    keepcap(folder, &[&options[..], &["1.part"], &first].concat());
    keepcap(folder, &[&options[..], &["2.part"], &second].concat());
    let merged = ["merge", "2.part", "1.part", "--report", "merged.html"];
    assert_eq!(keepcap(folder, &merged).status.code(), Some(0));
    assert_eq!(read(folder, "merged.html"), read(folder, "page.html"));
}

#[test]
fn parts_without_exchanges_give_a_page_that_says_so() {
    let folder = folder();
    let folder = folder.path();
    keepcap(folder, &["early-idle-close.pcap", "--part", "x.part"]);
    let merged = keepcap(folder, &["merge", "x.part", "--report", "page.html"]);
    assert_eq!(merged.status.code(), Some(0));
    let page = read(folder, "page.html");
    assert!(page.contains("Some of these timelines lack their exchanges"));
    assert!(page.contains("server FIN"));
}

#[test]
fn it_replaces_no_capture_no_part_and_no_other_output() {
    let folder = folder();
    let folder = folder.path();
    keepcap(folder, &["early-idle-close.pcap", "--part", "x.part"]);
    let capture = "early-idle-close.pcap";
    for (arguments, told) in [
        (
            &[capture, "--report", "./early-idle-close.pcap"][..],
            "would replace this capture",
        ),
        (&[capture, "-o", "a", "--report", "a"], "two outputs"),
        (&[capture, "--part", "a", "--report", "a"], "two outputs"),
        (
            &["merge", "x.part", "--report", "x.part"],
            "would replace this partial result",
        ),
        (
            &["merge", "x.part", "-o", "a", "--report", "a"],
            "two outputs",
        ),
        (
            &[capture, "--report", "no-such-folder/a"],
            "cannot be written",
        ),
    ] {
        let octets = fs::read(folder.join(capture)).unwrap();
        let output = keepcap(folder, arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(told), "{arguments:?}: {error}");
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        assert_eq!(fs::read(folder.join(capture)).unwrap(), octets);
    }
}

#[test]
fn what_could_not_be_read_is_on_it() {
    let folder = folder();
    let folder = folder.path();
    let octets = fs::read(folder.join("early-idle-close.pcap")).unwrap();
    fs::write(folder.join("cut.pcap"), &octets[..octets.len() - 10]).unwrap();
    let output = keepcap(
        folder,
        &["cut.pcap", "missing.pcap", "--report", "page.html"],
    );
    assert_eq!(output.status.code(), Some(3));
    let page = read(folder, "page.html");
    assert!(page.contains("cut.pcap: byte ") && page.contains("missing.pcap"));
    // Where nothing can be read there is nothing to show.
    let output = keepcap(folder, &["missing.pcap", "--report", "nothing.html"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!folder.join("nothing.html").exists());
}
