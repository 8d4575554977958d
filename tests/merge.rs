//! Partial results: united, they are what one run over everything gives, octet by octet.

// A test that cannot go on is to say so.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn keepcap<S: AsRef<std::ffi::OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepcap"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The samples, some in folders whose names try the order, and two that are damaged.
fn tree() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    for (number, name) in captures_in(&samples).into_iter().enumerate() {
        let place = ["all", "all/a", "all/a-b"][number % 3];
        fs::create_dir_all(folder.path().join(place)).unwrap();
        let octets = fs::read(samples.join(&name)).unwrap();
        let (whole, half) = (octets.len(), octets.len() / 2);
        let len = if number % 13 == 5 { half } else { whole };
        fs::write(folder.path().join(place).join(&name), &octets[..len]).unwrap();
    }
    folder
}

fn captures_in(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut captures: Vec<_> = names.filter(|name| name.contains(".pcap")).collect();
    captures.sort();
    captures
}

fn captures(tree: &TempDir) -> Vec<String> {
    let folders = ["all", "all/a", "all/a-b"];
    let inside = |folder: &str| {
        let names = captures_in(&tree.path().join(folder));
        let paths = names.into_iter().map(|name| format!("{folder}/{name}"));
        paths.collect::<Vec<_>>()
    };
    folders.iter().flat_map(|folder| inside(folder)).collect()
}

/// What is asked of a run and of a merge: one whose parts have more than that among them.
const VIEWS: [&[&str]; 11] = [
    &["--format", "sarif"],
    &["--format", "junit"],
    &["--format", "table"],
    &["--format", "json", "--exchanges"],
    &["--format", "ndjson"],
    &["--format", "csv", "--all"],
    &[
        "--format",
        "markdown",
        "--only",
        "warning",
        "--only",
        "violation",
    ],
    &["--by", "server", "--format", "json", "-v"],
    &[
        "--by",
        "server",
        "--server",
        "127.0.0.1",
        "--fail-on",
        "warning",
    ],
    &["--by", "capture", "--format", "csv"],
    &["--by", "capture", "--all", "--format", "markdown"],
];

#[test]
fn whatever_the_parts_are_they_unite_to_what_one_run_gives() {
    let tree = tree();
    let folder = tree.path();
    let expected: Vec<Output> = VIEWS
        .iter()
        .map(|view| keepcap(folder, [&["all"], *view].concat()))
        .collect();
    for seed in 0..3 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut all = captures(&tree);
        random.shuffle(&mut all);
        // Some captures are in two parts, and some parts are named twice.
        let again: Vec<_> = all.iter().take(4).cloned().collect();
        all.extend(again);
        let mut parts = Vec::new();
        while !all.is_empty() {
            let some = all.split_off(all.len().saturating_sub(random.usize(1..12)));
            let part = format!("{seed}-{}.part", parts.len());
            let options = ["--all", "--exchanges", "--part", &part, "-o", "/dev/null"];
            let names = some.iter().map(String::as_str);
            keepcap(folder, options.into_iter().chain(names));
            parts.push(part);
        }
        parts.push(parts[random.usize(..parts.len())].clone());
        random.shuffle(&mut parts);
        for (view, expected) in VIEWS.iter().zip(&expected) {
            let names = parts.iter().map(String::as_str);
            let merged = keepcap(
                folder,
                ["merge"]
                    .into_iter()
                    .chain(names)
                    .chain(view.iter().copied()),
            );
            assert_eq!(
                String::from_utf8_lossy(&merged.stdout),
                String::from_utf8_lossy(&expected.stdout),
                "seed {seed}, {view:?}\n{}",
                told(&merged)
            );
            assert_eq!(merged.status, expected.status, "seed {seed}, {view:?}");
            let lines = |output| {
                told(output)
                    .lines()
                    .filter(|line| !line.contains("passed over"))
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(lines(&merged), lines(expected), "seed {seed}, {view:?}");
        }
    }
}

/// Writes a part, and returns its path.
fn part(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let options = ["--part", name, "-o", "/dev/null"];
    let output = keepcap(folder, options.iter().chain(arguments));
    assert!(path.exists(), "{}", told(&output));
    path
}

fn sample(name: &str) -> String {
    format!("{}/samples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// That these parts are refused, and what is said.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str], parts: &[&str]) {
    let output = keepcap(folder, ["merge"].iter().chain(arguments));
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(output.stdout.is_empty());
    for part in parts {
        assert!(
            told(&output).contains(part),
            "{part:?} in {}",
            told(&output)
        );
    }
}

#[test]
fn parts_that_do_not_go_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (one, other) = (sample("apache-telnet.pcap"), sample("stale-reuse.pcap"));
    part(folder, "one", &[&one]);
    for (number, (option, named)) in [
        ("--close-grace=3", "--close-grace"),
        ("--allow=stale-reuse", "--allow"),
        ("--all", "--all"),
        ("--stream=1", "--all"),
        ("--server=127.0.0.1", "--server"),
        ("--only=ok", "--only"),
        ("--exchanges", "--exchanges"),
        ("--memory=1G", "--memory"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("other-{number}");
        part(folder, &name, &[option, &other]);
        refused(folder, &["one", &name], &[&name, named, "one"]);
    }
    refused(folder, &["one", "--all"], &["one: ", "without --all"]);
    let json = ["one", "--exchanges", "--format", "json"];
    refused(folder, &json, &["one: ", "without --exchanges"]);
    let text = fs::read_to_string(folder.join("one")).unwrap();
    for (name, changed, said) in [
        (
            "older",
            text.replacen("\"keepcap\":\"", "\"keepcap\":\"0.", 1),
            "keepcap 0.",
        ),
        (
            "newer",
            text.replacen("\"schema\":", "\"schema\":9", 1),
            "schema 9",
        ),
        ("cut", text[..text.len() - 20].to_owned(), "line"),
        (
            "short",
            text.lines()
                .take(3)
                .map(|line| format!("{line}\n"))
                .collect(),
            "cut off",
        ),
        ("long", format!("{text}{text}"), "behind the end"),
        (
            "unknown",
            text.replace("\"protocol\":\"Http1\"", "\"protocol\":\"Spdy\""),
            "line 3",
        ),
        ("foreign", "{}\n".to_owned(), "no partial result"),
        ("empty", String::new(), "no partial result"),
    ] {
        fs::write(folder.join(name), changed).unwrap();
        refused(folder, &[name], &[name, said]);
    }
    refused(folder, &["missing"], &["missing", "cannot be read"]);
    refused(folder, &["one", "-o", "one"], &["one", "replace"]);
}

#[test]
fn a_path_stands_for_one_capture() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::copy(sample("apache-telnet.pcap"), folder.join("a.pcap")).unwrap();
    part(folder, "one", &["a.pcap"]);
    part(folder, "same", &["a.pcap", "a.pcap"]);
    let once = keepcap(folder, ["a.pcap"]).stdout;
    assert_eq!(keepcap(folder, ["merge", "one", "same"]).stdout, once);
    fs::copy(sample("stale-reuse.pcap"), folder.join("a.pcap")).unwrap();
    part(folder, "other", &["a.pcap"]);
    refused(folder, &["one", "other"], &["other: ", "a.pcap", "one"]);
    // Whoever could read it knows better, in any order.
    fs::remove_file(folder.join("a.pcap")).unwrap();
    part(folder, "none", &["a.pcap"]);
    for order in [["none", "one"], ["one", "none"]] {
        let merged = keepcap(folder, ["merge"].iter().chain(&order));
        assert_eq!((merged.status.code(), &merged.stdout), (Some(0), &once));
    }
    let merged = keepcap(folder, ["merge", "none"]);
    assert_eq!(merged.status.code(), Some(2));
    assert!(
        told(&merged).starts_with("keepcap: a.pcap: cannot be read: "),
        "{}",
        told(&merged)
    );
}

#[test]
fn a_story_is_told_from_a_part_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let capture = sample("apache-telnet.pcap");
    part(folder, "one", &["--all", "--exchanges", &capture]);
    let story = keepcap(folder, ["--stream", "1", &capture]).stdout;
    let table = keepcap(folder, ["--all", &capture]).stdout;
    assert_ne!(story, table);
    assert_eq!(
        keepcap(folder, ["merge", "one", "--stream", "1"]).stdout,
        story
    );
    assert_eq!(keepcap(folder, ["merge", "one", "--all"]).stdout, table);
}

#[test]
fn a_capture_may_be_called_merge() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::copy(sample("apache-telnet.pcap"), folder.join("merge")).unwrap();
    let expected = keepcap(folder, ["--format", "csv", "./merge"]).stdout;
    assert!(String::from_utf8_lossy(&expected).contains("./merge,0,127.0.0.1,"));
    let behind = keepcap(folder, ["--format", "csv", "./merge", "merge"]);
    assert!(String::from_utf8_lossy(&behind.stdout).contains("\nmerge,0,127.0.0.1,"));
}

#[test]
fn a_part_is_written_whole_or_not_at_all_and_replaces_no_capture() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::copy(sample("apache-telnet.pcap"), folder.join("a.pcap")).unwrap();
    for (arguments, said) in [
        (
            ["a.pcap", "--part", "a.pcap", "-o", "out"],
            "would replace this capture",
        ),
        (
            ["a.pcap", "--part", "out", "-o", "out"],
            "this is to be two outputs",
        ),
        (
            ["a.pcap", "--part", "no/such", "-o", "out"],
            "no/such: cannot be written",
        ),
    ] {
        let output = keepcap(folder, arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(told(&output).contains(said), "{}", told(&output));
        assert_eq!(
            fs::read_dir(folder).unwrap().count(),
            1,
            "nothing is left behind"
        );
    }
}

#[test]
fn a_part_holds_whole_numbers_and_nothing_for_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let samples = sample("");
    let path = part(folder.path(), "all", &["--all", "--exchanges", &samples]);
    let text = fs::read_to_string(path).unwrap();
    assert!(
        !text
            .chars()
            .any(|character| character.is_control() && character != '\n')
    );
    for line in text.lines() {
        assert!(is_exact(&serde_json::from_str(line).unwrap()), "{line}");
    }
}

fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64() || number.is_u64(),
        Value::Array(values) => values.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(unix)]
#[test]
fn a_path_that_is_no_unicode_comes_through() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let names = [
        &b"b\xff.pcap"[..],
        b"b\xfe.pcap",
        "b\u{10ffff}.pcap".as_bytes(),
    ];
    fs::create_dir(folder.join("all")).unwrap();
    for name in names {
        let path = folder.join("all").join(std::ffi::OsStr::from_bytes(name));
        fs::copy(sample("stale-reuse.pcap"), path).unwrap();
    }
    part(folder, "part", &["all"]);
    for by in ["connection", "capture"] {
        let expected = keepcap(folder, ["all", "--by", by]).stdout;
        assert_eq!(
            keepcap(folder, ["merge", "part", "--by", by]).stdout,
            expected
        );
        assert!(String::from_utf8_lossy(&expected).contains("all/b\u{fffd}.pcap"));
    }
}
