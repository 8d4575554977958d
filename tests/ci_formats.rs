//! The formats for CI systems: what they say is what JSON says.

// A test that cannot go on is to say so.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::process::{Command, Output, Stdio};

use keepcap::rules::CATALOG;
use roxmltree::{Document, Node};
use serde_json::Value;

fn keepcap(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepcap"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
}

fn printed(arguments: &[&str]) -> String {
    String::from_utf8(keepcap(arguments).stdout).expect("UTF-8")
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(arguments)).expect("JSON")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().expect("a list")
}

/// The connections of all samples, whatever they carry.
fn connections() -> Vec<Value> {
    let document = json(&["samples", "--all", "--format", "json"]);
    list(&document, "connections").to_vec()
}

fn sarif(arguments: &[&str]) -> Value {
    let log = json(&[arguments, &["--format", "sarif"]].concat());
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(list(&log, "runs").len(), 1);
    log["runs"][0].clone()
}

#[test]
fn sarif_has_every_rule_and_every_finding() {
    let run = sarif(&["samples", "--all"]);
    let driver = &run["tool"]["driver"];
    let rules: Vec<&str> = list(driver, "rules")
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    let catalogue: Vec<&str> = CATALOG.iter().map(|rule| rule.name).collect();
    assert_eq!(rules, catalogue);

    let found: Vec<Vec<Value>> = connections()
        .iter()
        .flat_map(|row| {
            let findings = list(row, "findings").to_vec();
            let (row, fields) = (row.clone(), ["frame", "frames", "side", "time"]);
            findings.into_iter().map(move |finding| {
                let level = if finding["level"] == "violation" {
                    "error".into()
                } else {
                    finding["level"].clone()
                };
                let of_row = [
                    row["capture"].clone(),
                    row["stream"].clone(),
                    finding["rule"].clone(),
                    level,
                ];
                of_row
                    .into_iter()
                    .chain(fields.map(|field| finding[field].clone()))
                    .collect()
            })
        })
        .collect();
    let results: Vec<Vec<Value>> = list(&run, "results")
        .iter()
        .map(|result| {
            let rule = &driver["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
            assert_eq!(rule["id"], result["ruleId"]);
            let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            let properties = &result["properties"];
            let of_row = [
                uri.clone(),
                properties["stream"].clone(),
                result["ruleId"].clone(),
                result["level"].clone(),
            ];
            let fields = ["frame", "frames", "side", "time"].map(|field| properties[field].clone());
            of_row.into_iter().chain(fields).collect()
        })
        .collect();
    assert!(results.len() > 40);
    assert_eq!(results, found);
}

#[test]
fn a_result_has_a_message_a_place_and_a_fingerprint_of_its_own() {
    let run = sarif(&["samples/early-idle-close.pcap"]);
    let [result] = list(&run, "results") else {
        panic!("{run}")
    };
    let message = result["message"]["text"].as_str().unwrap();
    assert!(message.starts_with(
        "advertised timeout 10 s in frame 6, closed after 2.000 s idle in frame 8; stream 0, "
    ));
    let name = |location: &Value| location["logicalLocations"][0]["fullyQualifiedName"].clone();
    assert_eq!(name(&result["locations"][0]), "stream 0, frame 8");
    assert_eq!(name(&result["relatedLocations"][0]), "stream 0, frame 6");
    assert_eq!(
        result["partialFingerprints"]["keepcap/v1"],
        "early-idle-close 127.0.0.1:8096 1"
    );

    let run = sarif(&["samples/nginx-node-mismatch.pcap"]);
    let mut fingerprints: Vec<String> = list(&run, "results")
        .iter()
        .map(|result| result["partialFingerprints"].to_string())
        .collect();
    let results = fingerprints.len();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), results);
}

/// How many elements of this name are below a node.
fn count(node: Node<'_, '_>, name: &str) -> usize {
    node.descendants()
        .filter(|node| node.has_tag_name(name))
        .count()
}

fn number(node: Node<'_, '_>, name: &str) -> usize {
    node.attribute(name).unwrap().parse().unwrap()
}

#[test]
fn junit_has_a_test_for_every_connection() {
    let connections = connections();
    for (fail_on, failing) in [
        (None, &["warning", "violation"][..]),
        (Some("warning"), &["warning", "violation"]),
        (Some("violation"), &["violation"]),
    ] {
        let mut arguments = vec!["samples", "--all", "--format", "junit"];
        arguments.extend(fail_on.into_iter().flat_map(|level| ["--fail-on", level]));
        let text = printed(&arguments);
        let document = Document::parse(&text).unwrap();
        let cases = document
            .descendants()
            .filter(|node| node.has_tag_name("testcase"));
        let mut cases = cases.collect::<Vec<_>>().into_iter();
        for row in &connections {
            let case = cases.next().unwrap();
            let verdict = row["verdict"].as_str().unwrap();
            assert_eq!(case.attribute("classname"), row["capture"].as_str());
            let stream = format!("stream {}: ", row["stream"]);
            assert!(case.attribute("name").unwrap().starts_with(&stream));
            assert_eq!(
                count(case, "failure") == 1,
                failing.contains(&verdict),
                "{row}"
            );
            assert_eq!(count(case, "skipped") == 1, verdict == "unknown", "{row}");
            for finding in list(row, "findings") {
                let message = finding["message"].as_str().unwrap();
                let told = case.descendants().filter_map(|node| node.text());
                assert!(
                    told.into_iter().any(|text| text.contains(message)),
                    "{finding}"
                );
            }
        }
        assert!(cases.next().is_none());
        for node in document.descendants() {
            if node.has_tag_name("testsuite") || node.has_tag_name("testsuites") {
                for (counted, element) in [
                    ("tests", "testcase"),
                    ("failures", "failure"),
                    ("errors", "error"),
                    ("skipped", "skipped"),
                ] {
                    assert_eq!(number(node, counted), count(node, element), "{counted}");
                }
            }
        }
    }
}

#[test]
fn what_could_not_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read("samples/early-idle-close.pcap").unwrap();
    // A name that is hostile to both formats and to terminals.
    let path = folder.path().join("a\"<&>\u{1b}]\u{202e} ä.pcap");
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let path = path.to_str().unwrap();

    let run = sarif(&[path]);
    let notification = &run["invocations"][0]["toolExecutionNotifications"][0];
    assert_eq!(notification["level"], "warning");
    assert!(
        notification["message"]["text"]
            .as_str()
            .unwrap()
            .contains("cut off")
    );
    let uri = run["artifacts"][0]["location"]["uri"].as_str().unwrap();
    assert!(
        uri.ends_with("/a%22%3C%26%3E%1B%5D%E2%80%AE%20%C3%A4.pcap"),
        "{uri}"
    );

    let text = printed(&[path, "--format", "junit"]);
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    let document = Document::parse(&text).unwrap();
    assert_eq!(count(document.root(), "error"), 1);
    let suite = document
        .descendants()
        .find(|node| node.has_tag_name("testsuite"));
    let name = suite.unwrap().attribute("name").unwrap();
    assert!(name.ends_with("/a\"<&>\\x1b]\\u{202e} ä.pcap"), "{name}");
}

#[test]
fn they_tell_of_connections_only() {
    for format in ["sarif", "junit"] {
        let run = keepcap(&["samples", "--by", "server", "--format", format]);
        assert_eq!((run.status.code(), run.stdout.len()), (Some(2), 0));
    }
}
