//! The command line: what goes in and out of the program, and its exit status.

// A test that cannot go on is to say so.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a run left behind.
struct Run {
    status: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Run {
            status: output.status.code().expect("an exit status"),
            out: String::from_utf8(output.stdout).expect("results in UTF-8"),
            err: String::from_utf8(output.stderr).expect("messages in UTF-8"),
        }
    }

    /// One line was said, which names all of this.
    #[track_caller]
    fn says_in_one_line(&self, parts: &[&str]) {
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        parts
            .iter()
            .for_each(|part| assert!(self.err.contains(part), "{part:?} in {}", self.err));
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepcap"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null());
    command
}

fn keepcap(arguments: &[&str]) -> Run {
    Run::of(program().args(arguments).output().expect("it runs"))
}

fn with_input(arguments: &[&str], input: &[u8]) -> Run {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input)
        .expect("it reads");
    Run::of(child.wait_with_output().expect("it ends"))
}

const TELNET: &str = "samples/apache-telnet.pcap";
const WARNING: &str = "samples/early-idle-close.pcap";
const VIOLATION: &str = "samples/request-after-close.pcap";

fn records(ndjson: &str) -> Vec<Value> {
    ndjson
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect()
}

/// A folder with these files in it.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, octets) in files {
        fs::write(folder.path().join(name), octets).expect("a file");
    }
    folder
}

fn path_in(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().expect("UTF-8").to_owned()
}

fn names_in(folder: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path()).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").file_name().into())
        .collect()
}

fn sample(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a sample")
}

/// Where each record of a little-endian pcap file begins.
fn record_offsets(pcap: &[u8]) -> Vec<usize> {
    let mut offsets = vec![24];
    while let Some(length) = offsets
        .last()
        .and_then(|last| pcap.get(last + 8..last + 12))
    {
        let length = u32::from_le_bytes(length.try_into().expect("four octets")) as usize;
        offsets.push(offsets[offsets.len() - 1] + 16 + length);
    }
    offsets.pop();
    offsets
}

// Exit statuses, and what is said of bad input.

#[test]
fn all_samples_are_read_to_their_end() {
    let run = keepcap(&["samples"]);
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    assert!(run.out.lines().last().unwrap().contains(" captures: "));
}

#[test]
fn what_cannot_be_read_is_named_in_one_line() {
    let folder = folder(&[
        ("notes.txt", b"nothing but text\n"),
        ("other.bin", &[7; 99]),
    ]);
    for path in [
        "/does/not/exist.pcap",
        &path_in(&folder, "notes.txt"),
        &path_in(&folder, "other.bin"),
        folder.path().to_str().unwrap(),
    ] {
        let alone = keepcap(&[path]);
        assert_eq!((alone.status, alone.out.as_str()), (2, ""), "{path}");
        alone.says_in_one_line(&[path]);
        let among_others = keepcap(&[path, TELNET]);
        assert_eq!(among_others.status, 3, "{path}");
        among_others.says_in_one_line(&[path]);
        assert!(among_others.out.contains("3 connections in 1 capture"));
    }
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder(&[("secret.pcap", &sample(TELNET))]);
    let path = path_in(&folder, "secret.pcap");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Whoever may read everything, as root, cannot be kept from it.
    if File::open(&path).is_err() {
        let run = keepcap(&[&path]);
        assert_eq!(run.status, 2);
        run.says_in_one_line(&[&path]);
    }
}

#[test]
fn an_empty_file_is_damaged() {
    let folder = folder(&[("empty.pcap", b"")]);
    let path = path_in(&folder, "empty.pcap");
    let run = keepcap(&[&path]);
    assert_eq!(run.status, 3);
    run.says_in_one_line(&[&path, "byte 0", "empty"]);
}

#[test]
fn a_capture_without_packets_is_fine() {
    let folder = folder(&[("none.pcap", &sample(TELNET)[..24])]);
    let run = keepcap(&[&path_in(&folder, "none.pcap")]);
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    assert_eq!(run.out, "no connection in 1 capture\n");
}

#[test]
fn a_capture_that_is_cut_off_is_read_to_there() {
    let whole = sample(TELNET);
    let offsets = record_offsets(&whole);
    let (frame, offset) = (offsets.len(), offsets[offsets.len() - 1]);
    let folder = folder(&[("cut.pcap", &whole[..whole.len() - 1])]);
    let path = path_in(&folder, "cut.pcap");
    let run = keepcap(&["--format", "json", &path]);
    assert_eq!(run.status, 3);
    run.says_in_one_line(&[
        &path,
        &format!("byte {offset}"),
        &format!("frame {frame}"),
        "cut off",
    ]);
    let document: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(document["connections"].as_array().unwrap().len(), 3);
    let damage = &document["captures"][0]["damage"][0];
    assert_eq!(damage["offset"], offset);
    assert_eq!(damage["frame"], frame);
    assert!(damage["reason"].as_str().unwrap().contains("cut off"));
    let quiet = keepcap(&["-q", &path]);
    assert_eq!((quiet.status, quiet.err.as_str()), (3, ""));
}

#[test]
fn files_of_other_kinds_in_a_folder_are_passed_over() {
    let folder = folder(&[("README", b"text"), ("a.pcap", &sample(TELNET)), ("b", b"")]);
    let path = folder.path().to_str().unwrap();
    let run = keepcap(&[path]);
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    let verbose = keepcap(&["-v", path]);
    assert_eq!(verbose.status, 0);
    assert!(
        verbose
            .err
            .contains("passed over in directories, being no captures: 2")
    );
}

#[test]
fn fail_on_is_met_by_that_verdict_or_a_worse_one() {
    for (level, path, status) in [
        ("warning", TELNET, 0),
        ("warning", WARNING, 1),
        ("warning", VIOLATION, 1),
        ("violation", WARNING, 0),
        ("violation", VIOLATION, 1),
    ] {
        for format in ["table", "ndjson"] {
            let run = keepcap(&["--fail-on", level, "--format", format, path]);
            assert_eq!(run.status, status, "{level} {path}");
        }
    }
    let missing = keepcap(&["--fail-on", "violation", VIOLATION, "/does/not/exist"]);
    assert_eq!(missing.status, 3);
}

#[test]
fn a_wrong_command_line_is_2() {
    for arguments in [
        &[][..],
        &["--format", "yaml", TELNET],
        &["--only", "fine", TELNET],
        &["--server", "localhost", TELNET],
        &["--close-grace", "-1", TELNET],
        &["--close-grace", "nan", TELNET],
        &["--stream", "-1", TELNET],
        &["-0", TELNET],
        &["-q", "-v", TELNET],
    ] {
        let run = keepcap(arguments);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(!run.err.is_empty());
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_format_that_this_build_lacks_is_refused_with_the_way_to_get_it() {
    let parquet = keepcap(&["--format", "parquet", TELNET]);
    assert_eq!((parquet.status, parquet.out.as_str()), (2, ""));
    parquet.says_in_one_line(&["parquet", "--features parquet", "ndjson"]);
}

#[test]
fn help_and_version_are_results() {
    for (argument, text) in [
        ("-h", "--format"),
        ("--help", "Exit status"),
        ("--version", env!("CARGO_PKG_VERSION")),
    ] {
        let run = keepcap(&[argument]);
        assert_eq!((run.status, run.err.as_str()), (0, ""));
        assert!(run.out.contains(text));
    }
}

// Input.

#[test]
fn standard_input_is_a_capture() {
    let run = with_input(&["--format", "ndjson", "-"], &sample(TELNET));
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    let records = records(&run.out);
    assert_eq!(records.len(), 3);
    assert_eq!(records[0]["capture"], "-");
    let nothing = with_input(&["-"], b"");
    assert_eq!(nothing.status, 3);
    nothing.says_in_one_line(&["-: ", "byte 0"]);
}

#[test]
fn captures_are_named_in_a_list() {
    let lines = format!("{TELNET}\n\n{WARNING}\n");
    let lists = folder(&[
        ("lines", lines.as_bytes()),
        ("nuls", lines.trim_end().replace('\n', "\0").as_bytes()),
        ("none", b"\n"),
    ]);
    let named = |run: Run| {
        assert_eq!(run.status, 0, "{}", run.err);
        run.out.lines().last().unwrap().to_owned()
    };
    let expected = named(keepcap(&[TELNET, WARNING]));
    let list = path_in(&lists, "lines");
    assert_eq!(named(keepcap(&["--files-from", &list])), expected);
    assert_eq!(
        named(keepcap(&["--files-from", &path_in(&lists, "nuls"), "-0"])),
        expected
    );
    assert_eq!(
        named(with_input(&["--files-from", "-"], lines.as_bytes())),
        expected
    );
    for bad in [path_in(&lists, "none"), path_in(&lists, "missing")] {
        let run = keepcap(&["--files-from", &bad]);
        assert_eq!(run.status, 2);
        run.says_in_one_line(&["keepcap: "]);
    }
}

// Output.

#[test]
fn a_closed_pipe_ends_it_quietly() {
    for format in ["table", "json", "ndjson", "csv", "markdown"] {
        let mut child = program()
            .args(["--format", format, "samples"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let run = Run::of(child.wait_with_output().unwrap());
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{format}");
    }
}

#[test]
fn whoever_reads_a_line_and_leaves_is_no_trouble() {
    let many = vec!["samples"; 40];
    let mut child = program()
        .args(["--format", "ndjson"])
        .args(many)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.status, run.err.as_str()), (0, ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    for format in ["table", "json", "ndjson", "csv", "markdown"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = program()
            .args(["--format", format, TELNET])
            .stdout(full)
            .output();
        let run = Run::of(output.unwrap());
        assert_eq!(run.status, 2, "{format}");
        run.says_in_one_line(&["standard output", "cannot be written"]);
    }
    assert_eq!(keepcap(&["-o", "/dev/full", TELNET]).status, 2);
}

#[test]
fn an_output_file_is_written_whole_or_not_at_all() {
    let folder = folder(&[("old", b"old")]);
    let (old, new) = (path_in(&folder, "old"), path_in(&folder, "new"));
    let failed = keepcap(&["-o", &old, "/does/not/exist.pcap"]);
    assert_eq!(failed.status, 2);
    assert_eq!(fs::read(&old).unwrap(), b"old");
    assert_eq!(names_in(&folder), [PathBuf::from("old")]);

    let printed = keepcap(&[TELNET]).out;
    for path in [&old, &new] {
        let run = keepcap(&["-o", path, TELNET]);
        assert_eq!((run.status, run.out.as_str()), (0, ""));
        assert_eq!(fs::read_to_string(path).unwrap(), printed);
    }
    assert_eq!(names_in(&folder).len(), 2);
}

#[test]
fn an_output_that_cannot_be_written_is_2() {
    let folder = folder(&[("a.pcap", &sample(TELNET))]);
    let capture = path_in(&folder, "a.pcap");
    for output in [
        folder.path().to_str().unwrap(),
        &path_in(&folder, "missing/out"),
        &capture,
    ] {
        let run = keepcap(&["-o", output, &capture]);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{output}");
        run.says_in_one_line(&[output]);
    }
    assert_eq!(fs::read(&capture).unwrap(), sample(TELNET));
    assert_eq!(names_in(&folder).len(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_and_a_device_stay_what_they_are() {
    let folder = folder(&[("target", b"old")]);
    let link = path_in(&folder, "link");
    std::os::unix::fs::symlink("target", &link).unwrap();
    assert_eq!(keepcap(&["-o", &link, TELNET]).status, 0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_ne!(fs::read(path_in(&folder, "target")).unwrap(), b"old");
    assert_eq!(keepcap(&["-o", "/dev/null", TELNET]).status, 0);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[cfg(unix)]
#[test]
fn a_hostile_file_name_does_no_harm() {
    let folder = folder(&[]);
    let name = "=a\u{1b}[31m\r\u{202e}|<b>`.pcap";
    let path = path_in(&folder, name);
    fs::write(&path, sample(WARNING)).unwrap();
    for format in ["table", "markdown", "json", "ndjson"] {
        let run = keepcap(&["--format", format, &path, TELNET]);
        assert_eq!(run.status, 0);
        for hostile in ['\u{1b}', '\r', '\u{202e}'] {
            assert!(!run.out.contains(hostile), "{format}: {hostile:?}");
        }
    }
    let table = keepcap(&[&path, TELNET]).out;
    assert!(table.contains("=a\\x1b[31m\\x0d\\u{202e}|<b>`.pcap"));
    let markdown = keepcap(&["--format", "markdown", &path, TELNET]).out;
    assert!(markdown.contains("\\|&lt;b&gt;\\`.pcap"));
    let missing = keepcap(&["\u{1b}]0;title\u{7}.pcap"]);
    missing.says_in_one_line(&["\\x1b]0;title\\x07.pcap"]);

    let relative = Run::of(
        program()
            .current_dir(folder.path())
            .args(["--format", "csv", name])
            .output()
            .unwrap(),
    );
    let mut reader = csv::Reader::from_reader(relative.out.as_bytes());
    let row = reader.records().next().unwrap().unwrap();
    assert_eq!(&row[0], "'=a\\x1b[31m\\x0d\\u{202e}|<b>`.pcap");
}

#[test]
fn colours_are_there_where_they_are_wanted() {
    let escape = |run: Run| run.out.contains('\u{1b}');
    assert!(!escape(keepcap(&[WARNING])));
    assert!(escape(keepcap(&["--color", "always", WARNING])));
    assert!(!escape(keepcap(&["--color", "never", WARNING])));
    let with = |variable: &str, arguments: &[&str]| {
        let output = program().env(variable, "1").args(arguments).output();
        escape(Run::of(output.unwrap()))
    };
    assert!(!with("NO_COLOR", &[WARNING]));
    assert!(with("NO_COLOR", &["--color", "always", WARNING]));
    assert!(with("CLICOLOR_FORCE", &[WARNING]));
    assert!(!with("CLICOLOR_FORCE", &["--format", "csv", WARNING]));
}

#[test]
fn the_table_is_as_wide_as_it_is_where_nobody_watches() {
    let run = keepcap(&[TELNET]);
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(lines[3].contains("127.0.0.1:8080  1.1    1/1  timeout=5, max=100"));
    assert!(lines[3].ends_with("server FIN  ok"));
    assert!(lines[4].contains("1.0    1/1  HTTP/1.0, close"));
    assert_eq!(lines.last(), Some(&"3 connections in 1 capture: 3 ok"));
    assert!(!lines[0].contains("capture"));
    assert!(keepcap(&[TELNET, WARNING]).out.starts_with("capture "));
}

#[test]
fn one_connection_has_its_story_told() {
    let told = |arguments: &[&str], locale: &str| {
        let run = program()
            .args(arguments)
            .env_remove("LC_ALL")
            .env_remove("LC_CTYPE")
            .env("LANG", locale)
            .output();
        Run::of(run.expect("it runs")).out
    };
    let story = [WARNING, "--stream", "0"];
    let beginning = "samples/early-idle-close.pcap, stream 0\nHTTP/1.1, 1 request, ";
    for (locale, arrow) in [
        ("de_DE.UTF-8", "│── GET / ──"),
        ("en_US.utf8", "│── GET / ──"),
        ("C", "|-- GET / --"),
        ("", "|-- GET / --"),
    ] {
        let out = told(&story, locale);
        assert!(
            out.starts_with(beginning) && out.contains(arrow),
            "{locale}: {out}"
        );
        assert!(out.ends_with("\nverdict warning\nWireshark: tcp.stream eq 0\n"));
    }
    // Several connections or captures, and other formats, are listed.
    for more in [&["--stream", "1"][..], &[TELNET], &["--format", "markdown"]] {
        let out = told(&[&story[..], more].concat(), "C");
        assert!(!out.contains("-- GET / --"), "{out}");
    }
    let none = told(&[WARNING, "--stream", "99"], "C");
    assert_eq!(none, "nothing to list of the 2 connections in 1 capture\n");
}

#[test]
fn a_finding_is_told_with_its_packets_and_its_source() {
    let run = keepcap(&[VIOLATION]);
    for part in [
        "violation request-after-close",
        "samples/request-after-close.pcap, stream 0, frame 8 (with 6)",
        "at fault: client; RFC 9112 9.6",
    ] {
        assert!(run.out.contains(part), "{part}");
    }
    assert!(!run.out.contains("tcp.stream"));
    let verbose = keepcap(&["-v", VIOLATION]);
    let filter = "tcp.stream eq 0 && frame.number in {6,8}";
    assert!(verbose.out.contains(filter));
}

// The record.

const FIELDS: [&str; 40] = [
    "capture",
    "stream",
    "client_ip",
    "client_port",
    "server_ip",
    "server_port",
    "protocol",
    "first_frame",
    "start",
    "end",
    "duration_s",
    "packets",
    "client_bytes",
    "server_bytes",
    "complete",
    "handshake",
    "rtt_s",
    "missing_bytes",
    "tcp_keepalives",
    "requests",
    "responses",
    "unanswered",
    "http_version",
    "client_asks",
    "server_says",
    "timeout_s",
    "max",
    "idle_gaps_s",
    "idle_max_s",
    "idle_last_s",
    "closed_by",
    "close_kind",
    "close_frame",
    "close_time",
    "simultaneous",
    "close_cause",
    "verdict",
    "unknown_because",
    "limited",
    "findings",
];

const EXCHANGE_FIELDS: [&str; 16] = [
    "method",
    "target",
    "status",
    "request_frame",
    "request_start",
    "request_end",
    "response_frame",
    "response_start",
    "response_end",
    "client_says",
    "server_says",
    "timeout_s",
    "max",
    "request_framing",
    "response_framing",
    "response_complete",
];

fn keys(object: &Value) -> BTreeSet<&str> {
    let object = object.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

#[test]
fn a_record_has_these_fields_in_this_order() {
    let run = keepcap(&["--all", "--format", "ndjson", "samples"]);
    for (line, record) in run.out.lines().zip(records(&run.out)) {
        assert_eq!(keys(&record), BTreeSet::from(FIELDS));
        let places = FIELDS.map(|field| line.find(&format!("\"{field}\":")));
        assert!(places.is_sorted());
    }
}

#[test]
fn a_record_tells_what_happened() {
    let run = keepcap(&["--format", "ndjson", "--stream", "0", TELNET]);
    let record = &records(&run.out)[0];
    let expected = serde_json::json!({
        "capture": TELNET, "stream": 0, "client_ip": "127.0.0.1", "server_ip": "127.0.0.1", "server_port": 8080,
        "protocol": "http/1", "first_frame": 1, "packets": 16, "complete": true, "handshake": true,
        "missing_bytes": 0, "requests": 1, "responses": 1, "unanswered": 0, "http_version": "1.1",
        "server_says": "keep-alive", "timeout_s": 5, "max": 100, "idle_gaps_s": [], "idle_max_s": null,
        "closed_by": "server", "close_kind": "fin", "simultaneous": false, "close_cause": "idle-timeout",
        "verdict": "ok", "unknown_because": null, "limited": [], "findings": [],
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&record[field], value, "{field}");
    }
    let idle = record["idle_last_s"].as_f64().unwrap();
    assert!((5.0..5.1).contains(&idle));
    let start = record["start"].as_str().unwrap();
    assert_eq!((start.len(), start.ends_with('Z')), (30, true));
}

#[test]
fn a_finding_in_a_record_has_these_fields() {
    let rule = ["--only-rule", "request-after-close"];
    let run = keepcap(&[
        "--format",
        "ndjson",
        "--only",
        "violation",
        rule[0],
        rule[1],
        VIOLATION,
    ]);
    let finding = &records(&run.out)[0]["findings"][0];
    let fields = [
        "rule", "level", "side", "frame", "frames", "time", "message",
    ];
    assert_eq!(keys(finding), BTreeSet::from(fields));
    assert_eq!(finding["rule"], "request-after-close");
    assert_eq!(finding["level"], "violation");
    assert_eq!(finding["side"], "client");
    assert_eq!(finding["frame"], 8);
    assert_eq!(finding["frames"], serde_json::json!([6]));
}

#[test]
fn rules_can_be_left_out_or_kept_alone() {
    let rules = |arguments: &[&str]| {
        let run = keepcap(&[&["--format", "csv", "--stream", "0", VIOLATION], arguments].concat());
        let line = run.out.lines().nth(1).unwrap().to_owned();
        line.rsplit(',').next().unwrap().to_owned()
    };
    assert_eq!(rules(&[]), "keep-alive-refused request-after-close");
    assert_eq!(
        rules(&["--allow", "request-after-close"]),
        "keep-alive-refused"
    );
    assert_eq!(
        rules(&["--only-rule", "request-after-close"]),
        "request-after-close"
    );
    let both = ["--only-rule", "never-reused", "--allow", "never-reused"];
    assert_eq!(rules(&both), "");
}

#[test]
fn exchanges_are_there_where_they_are_asked_for() {
    let run = keepcap(&["--format", "ndjson", "--exchanges", "samples"]);
    for record in records(&run.out) {
        let exchanges = record["exchanges"].as_array().unwrap();
        assert_eq!(exchanges.len() as u64, record["requests"]);
        for exchange in exchanges {
            assert_eq!(keys(exchange), BTreeSet::from(EXCHANGE_FIELDS));
        }
    }
    let run = keepcap(&["--format", "json", "--exchanges", "--stream", "0", TELNET]);
    let document: Value = serde_json::from_str(&run.out).unwrap();
    let exchange = &document["connections"][0]["exchanges"][0];
    assert_eq!(exchange["method"], "GET");
    assert_eq!(exchange["target"], "/");
    assert_eq!(exchange["status"], 200);
    assert_eq!(exchange["response_framing"], "length");
    assert_eq!(exchange["response_complete"], true);
}

#[test]
fn json_is_one_document() {
    let run = keepcap(&["--format", "json", "samples"]);
    let document: Value = serde_json::from_str(&run.out).unwrap();
    let fields = ["schema", "keepcap", "captures", "connections", "summary"];
    assert_eq!(keys(&document), BTreeSet::from(fields));
    assert_eq!(document["schema"], 1);
    let connections = document["connections"].as_array().unwrap();
    let lines = records(&keepcap(&["--format", "ndjson", "samples"]).out);
    assert_eq!(connections.len(), lines.len());
    assert!(connections.iter().all(|record| lines.contains(record)));
    let place = |record: &Value| {
        (
            record["capture"].as_str().unwrap().to_owned(),
            record["stream"].as_u64(),
        )
    };
    assert!(connections.is_sorted_by_key(place));
    let summary = &document["summary"];
    assert_eq!(summary["connections"], connections.len());
    assert_eq!(
        summary["captures"],
        document["captures"].as_array().unwrap().len()
    );
    let verdicts = summary["verdicts"].as_object().unwrap().values();
    let verdicts: u64 = verdicts.filter_map(Value::as_u64).sum();
    assert_eq!(verdicts, connections.len() as u64);
    assert_eq!(summary["findings"]["request-after-close"], 1);
    let capture = &document["captures"][0];
    for field in [
        "path",
        "packets",
        "bytes",
        "skipped",
        "damage",
        "bounds_met",
    ] {
        assert!(!capture[field].is_null(), "{field}");
    }
}

#[test]
fn csv_has_the_same_columns_less_the_lists() {
    let run = keepcap(&["--format", "csv", "samples"]);
    let expected = FIELDS.map(|field| field.replace("idle_gaps_s", "idle_gaps"));
    let mut reader = csv::Reader::from_reader(run.out.as_bytes());
    assert_eq!(reader.headers().unwrap(), expected.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let document = keepcap(&["--format", "json", "samples"]).out;
    let document: Value = serde_json::from_str(&document).unwrap();
    let records = document["connections"].as_array().unwrap();
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(records) {
        for (field, cell) in FIELDS.iter().zip(row) {
            assert_eq!(cell, flat(field, &record[field]), "{field}");
        }
    }
    let nothing = keepcap(&["--format", "csv", "--stream", "99", TELNET]);
    assert_eq!(nothing.out, format!("{}\n", expected.join(",")));
}

/// How a value of JSON stands in CSV.
fn flat(field: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().unwrap().to_string(),
        Value::Array(list) if field == "findings" => {
            let names = list.iter().map(|finding| finding["rule"].as_str().unwrap());
            names.collect::<Vec<_>>().join(" ")
        }
        Value::Array(list) => list.len().to_string(),
        other => other.to_string(),
    }
}

#[test]
fn markdown_is_a_table_and_a_list() {
    let rule = "request-after-close";
    let run = keepcap(&[
        "--format",
        "markdown",
        "--only-rule",
        rule,
        TELNET,
        VIOLATION,
    ]);
    let lines: Vec<&str> = run.out.lines().collect();
    let bars = |line: &str| line.matches('|').count();
    assert!(lines[0].starts_with("| capture | stream |"));
    assert!(lines[1].starts_with("| --- | ---: |"));
    assert!(lines[..7].iter().all(|line| bars(line) == bars(lines[0])));
    assert!(lines[8].starts_with("- **violation request-after-close**, samples/"));
}

// Selection.

#[test]
fn connections_without_http_are_listed_where_they_are_asked_for() {
    let folder = folder(&[("syn.pcap", &only_first_packet(&sample(TELNET)))]);
    let path = path_in(&folder, "syn.pcap");
    let usual = keepcap(&[&path]);
    assert_eq!(
        usual.out,
        "nothing to list of the 1 connection in 1 capture\n"
    );
    for (arguments, verdict) in [
        (
            ["--all", &path].as_slice(),
            "1 connection in 1 capture: 1 unknown",
        ),
        (
            &["--stream", "0", &path],
            "verdict unknown: carries no HTTP/1",
        ),
    ] {
        let run = keepcap(arguments);
        assert!(run.out.contains("no data"), "{}", run.out);
        assert!(run.out.contains(verdict), "{}", run.out);
    }
}

fn only_first_packet(pcap: &[u8]) -> Vec<u8> {
    pcap[..record_offsets(pcap)[1]].to_vec()
}

#[test]
fn what_is_kept_is_what_was_asked_for() {
    let count = |arguments: &[&str]| {
        let mut all = vec!["--format", "ndjson"];
        all.extend(arguments);
        all.push("samples");
        records(&keepcap(&all).out).len()
    };
    let all = count(&[]);
    let (ok, warning) = (count(&["--only", "ok"]), count(&["--only", "warning"]));
    assert!(ok > 0 && warning > 0 && ok + warning < all);
    assert_eq!(count(&["--only", "ok", "--only", "warning"]), ok + warning);
    assert_eq!(count(&["--server", "127.0.0.1:8080"]), 3);
    assert_eq!(count(&["--server", "::1"]), 1);
    assert_eq!(count(&["--server", "[::1]"]), 1);
    assert_eq!(count(&["--server", "[::1]:8086"]), 1);
    assert_eq!(count(&["--server", "[::1]:1"]), 0);
    assert_eq!(
        count(&["--server", "[::1]", "--server", "127.0.0.1:8080"]),
        4
    );
    assert_eq!(count(&["--server", "127.0.0.1:8080", "--stream", "2"]), 1);
    assert_eq!(count(&["--stream", "2"]), 4);
}

#[test]
fn a_longer_grace_forgives() {
    let path = "samples/http10-kept-open.pcap";
    for (seconds, violations) in [("2", 1), ("4.4", 1), ("4.6", 0)] {
        let run = keepcap(&[
            "--format",
            "ndjson",
            "--only",
            "violation",
            "--close-grace",
            seconds,
            path,
        ]);
        assert_eq!(run.out.lines().count(), violations, "{seconds}");
    }
}

// The rules.

#[test]
fn every_rule_is_listed_and_explained() {
    let list = keepcap(&["--rules"]);
    assert_eq!(list.status, 0);
    for rule in keepcap::rules::CATALOG {
        assert!(list.out.contains(rule.name));
        let run = keepcap(&["--explain", rule.name]);
        assert_eq!((run.status, run.err.as_str()), (0, ""));
        for text in [
            rule.name,
            rule.level.name(),
            rule.source,
            "What to do",
            "> ",
        ] {
            assert!(run.out.contains(text), "{}: {text}", rule.name);
        }
        assert!(run.out.lines().all(|line| line.chars().count() <= 140));
    }
}

#[test]
fn a_rule_that_is_unknown_is_guessed_at() {
    let run = keepcap(&["--explain", "early-idle-closed"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.contains("similar"));
    assert!(run.err.contains("'early-idle-close'"));
}
