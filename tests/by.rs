//! Rows that stand for servers and for captures, in every format.

// A test that cannot go on is to say so.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)]

use std::process::Command;

use serde_json::Value;

const MISMATCH: &str = "samples/nginx-node-mismatch.pcap";

/// What a run prints.
fn keepcap(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_keepcap"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("results in UTF-8")
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&keepcap(&[arguments, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn a_proxy_that_waits_longer_than_its_server_is_told_what_to_set() {
    let told = json(&[MISMATCH, "--by", "server"]);
    let [server] = told["servers"].as_array().unwrap().as_slice() else {
        panic!("one server: {told}");
    };
    // The proxy's log has as many errors as requests were lost.
    assert_eq!(server["lost"]["requests"], 3);
    assert_eq!(server["lost"]["kinds"]["dropped"], 3);
    assert_eq!(server["lost"]["not_idempotent"], 2);
    // nginx sends only the GET again.
    assert_eq!(server["lost"]["seen_again"], 1);
    let timeout = &server["idle_timeout"];
    assert_eq!(
        (&timeout["kind"], &timeout["samples"]),
        (&"steady".into(), &21.into())
    );
    let from = timeout["from_s"].as_f64().unwrap();
    let to = timeout["to_s"].as_f64().unwrap();
    assert!(1.98 < from && from < 2.0 && to < 2.2, "{timeout}");
    let mismatch = &server["mismatches"][0];
    assert_eq!(
        (&mismatch["lost"], &mismatch["requests"]),
        (&3.into(), &340.into())
    );
    assert_eq!(mismatch["set_client_below_s"], 1.5);
    let text = keepcap(&[MISMATCH, "--by", "server"]);
    assert!(
        text.contains("127.0.0.1:8108 closes after 1.99–2.12 s: 3 of 340 requests met a closing connection (3 dropped)"),
        "{text}"
    );
    assert!(
        text.contains("set the client's idle limit below 1.50 s"),
        "{text}"
    );
}

#[test]
fn servers_are_united_over_captures() {
    let captures = [
        "samples/keep-alive-race-at-client.pcap",
        "samples/stale-reuse.pcap",
        MISMATCH,
    ];
    let one = keepcap(&[&captures[..], &["--by", "server", "--format", "ndjson"]].concat());
    let apart: String = [
        "samples/stale-reuse.pcap",
        MISMATCH,
        "samples/keep-alive-race-at-client.pcap",
    ]
    .iter()
    .map(|capture| keepcap(&[capture, "--by", "server", "--format", "ndjson"]))
    .collect();
    assert_eq!(one, apart);
    let twice = json(&[MISMATCH, MISMATCH, "--by", "server"]);
    assert_eq!(twice["servers"][0]["connections"], 48);
    assert_eq!(twice["servers"][0]["lost"]["requests"], 6);
}

#[test]
fn what_was_not_asked_for_is_not_summed_up() {
    let servers = |more: &[&str]| {
        let told = json(&[&["samples", "--by", "server"], more].concat());
        told["servers"].as_array().unwrap().clone()
    };
    assert_eq!(servers(&["--server", "127.0.0.1:8094"]).len(), 1);
    let none = servers(&["--server", "127.0.0.1:8094", "--allow", "stale-reuse"]);
    assert_eq!(none[0]["lost"]["requests"], 0);
    assert!(
        servers(&["--only", "violation"])
            .iter()
            .all(|server| server["verdict"] == "violation")
    );
}

#[test]
fn every_format_lists_the_same_servers_and_captures() {
    for by in ["server", "capture"] {
        let all = ["samples", "--by", by];
        let of = |format| keepcap(&[&all[..], &["--format", format]].concat());
        let number = json(&all)[format!("{by}s")].as_array().unwrap().len();
        assert_eq!(of("ndjson").lines().count(), number);
        assert_eq!(of("csv").lines().count(), number + 1);
        let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| ---");
        assert_eq!(of("markdown").lines().filter(is_row).count(), number + 1);
        let table = of("table");
        let rows = table.lines().skip(3).take_while(|line| !line.is_empty());
        assert_eq!(rows.count(), number);
    }
}

#[test]
fn a_capture_has_what_was_read_and_what_was_found() {
    let told = json(&["samples/early-idle-close.pcap", "--by", "capture"]);
    let capture = &told["captures"][0];
    assert_eq!(capture["path"], "samples/early-idle-close.pcap");
    assert_eq!(capture["packets"], 20);
    assert_eq!(
        (&capture["connections"], &capture["listed"]),
        (&2.into(), &2.into())
    );
    assert_eq!(capture["findings"]["early-idle-close"], 1);
    assert_eq!(capture["verdicts"]["warning"], 1);
    assert_eq!(told["summary"]["connections"], 2);
}
