//! Text from the wire and from file names through every format: nothing in the output acts on a terminal, a
//! spreadsheet, a page or a table.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::captures::capture;
use crate::texts::TEXTS;

fn keepcap(folder: &Path, name: &str, options: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_keepcap"))
        .current_dir(folder)
        .args(options)
        .args(["--", name])
        .output()
        .unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (text(output.stdout), text(output.stderr))
}

fn is_harmless(character: char) -> bool {
    let is_invisible = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}');
    character == '\n' || !(character.is_control() || is_invisible)
}

const NAMES: &[&str] = &[
    "=cmd|'a'!A0\u{1b}]52;c;aGk=\u{7}\r\n\u{9b}\u{202e}.pcap",
    "<script>alert(1)<|`[x](y).pcap",
    "-1+@.pcap",
];

#[test]
fn nothing_hostile_comes_out_of_any_format() {
    let folder = tempfile::tempdir().unwrap();
    let mut octets = capture(&TEXTS, 1);
    // Cut off, so that the damage is told, too.
    octets.pop();
    for name in NAMES {
        fs::write(folder.path().join(name), &octets).unwrap();
    }
    for format in ["table", "json", "ndjson", "csv", "markdown"] {
        for rest in [
            &["--all"][..],
            &["--all", "-v", "--exchanges"],
            &["--by", "server"],
            &["--by", "capture"],
        ] {
            for name in NAMES {
                let options = [&["--format", format], rest].concat();
                let (out, told) = keepcap(folder.path(), name, &options);
                assert!(told.contains("frame"), "{options:?}: {told}");
                assert!(told.chars().all(is_harmless), "{options:?}: {told:?}");
                assert!(out.chars().all(is_harmless), "{options:?}: {out:?}");
                match format {
                    "csv" => no_formula(&out),
                    "markdown" => assert!(!out.contains('<'), "{out}"),
                    _ => {}
                }
            }
        }
    }
}

fn no_formula(csv: &str) {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    for record in reader.records() {
        for cell in &record.unwrap() {
            let is_formula = cell.starts_with(['=', '+', '@', '\t', '\r', '-']);
            assert!(!is_formula || cell.parse::<f64>().is_ok(), "{cell}");
        }
    }
}

#[test]
fn hostile_texts_are_kept_where_they_can_be_read_back() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(NAMES[0]), capture(&TEXTS, 1)).unwrap();
    let (out, _) = keepcap(
        folder.path(),
        NAMES[0],
        &["--format", "json", "--exchanges"],
    );
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["captures"][0]["path"], NAMES[0]);
    let exchanges = document["connections"].as_array().unwrap().iter();
    let exchanges = exchanges.flat_map(|connection| connection["exchanges"].as_array().unwrap());
    let targets: Vec<&str> = exchanges
        .filter_map(|exchange| exchange["target"].as_str())
        .collect();
    for target in [
        "/</script><script>alert(1)</script>",
        "/=cmd|'/C'!A0",
        "/\u{202e}fdp.exe",
    ] {
        assert!(targets.contains(&target), "{target}: {targets:?}");
    }
}
