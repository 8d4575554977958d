//! What each sample shows, in the words of the script that recorded it: every connection with who asked how often,
//! how long it idled, who closed with which packet, what was promised, and what keepcap says of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail where it stands"
)]

use std::collections::BTreeSet;
use std::path::Path;

use keepcap::capture::Capture;
use keepcap::connection::{Connection, Tracker};
use keepcap::rules::{CATALOG, Judgement, Settings, judge};

/// All connections of a sample, by their numbers.
fn read(name: &str) -> Vec<(Connection, Judgement)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(name);
    let mut capture = Capture::open(&path).unwrap();
    let mut tracker = Tracker::default();
    let mut connections = Vec::new();
    let mut finished = |connection: Connection| {
        let judgement = judge(&connection, &Settings::default());
        connections.push((connection, judgement));
    };
    while let Some(packet) = capture.next_packet() {
        tracker.take(&packet, &mut finished);
    }
    tracker.finish(&mut finished);
    assert_eq!(capture.finish().damaged, 0, "{name} is a whole capture");
    connections.sort_by_key(|(connection, _)| connection.facts.stream);
    connections
}

/// A connection in a line: counts, gaps, last idle, close, promise, verdict and findings.
fn told((connection, judgement): &(Connection, Judgement)) -> String {
    let tally = &connection.tally;
    let gaps: Vec<String> = connection
        .idle_gaps()
        .map(|gap| format!("{:.3}", gap.seconds()))
        .collect();
    let last = connection
        .idle_last
        .map_or("none".into(), |idle| format!("{:.3}", idle.seconds()));
    let close = connection.facts.close.map_or("open".into(), |close| {
        format!(
            "{} {} in frame {}",
            close.by.name(),
            close.kind.name(),
            close.at.frame
        )
    });
    let promise = match (tally.timeout, tally.max) {
        (Some(timeout), Some(max)) => format!("timeout={timeout}, max={max}"),
        (Some(timeout), None) => format!("timeout={timeout}"),
        _ => "nothing".into(),
    };
    let says = tally.server_says.map_or("nothing", |says| says.name());
    let findings: Vec<&str> = judgement
        .findings
        .iter()
        .map(|finding| finding.rule.name)
        .collect();
    format!(
        "{}/{}; gaps [{}], last {last}; {close}; promised {promise}; says {says}; {} {}",
        tally.requests,
        tally.responses,
        gaps.join(" "),
        judgement.verdict.name(),
        findings.join(" ")
    )
}

/// The sample tells exactly this of its connections.
#[track_caller]
fn tells(name: &str, expected: &[&str]) {
    let connections = read(name);
    let lines: Vec<String> = connections.iter().map(told).collect();
    let trimmed: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    assert_eq!(trimmed, expected, "{name}");
}

#[test]
fn the_three_telnet_sessions_with_apache() {
    tells(
        "apache-telnet.pcap",
        &[
            // HTTP/1.1 is kept as promised, and closed by the server about five seconds later: not exactly five.
            "1/1; gaps [], last 5.005; server FIN in frame 14; promised timeout=5, max=100; says keep-alive; ok",
            // HTTP/1.0 is told close, and closed at once.
            "1/1; gaps [], last 0.000; server FIN in frame 26; promised nothing; says close; ok",
            // HTTP/1.0 that asks for keep-alive gets it.
            "1/1; gaps [], last 5.005; server FIN in frame 40; promised timeout=5, max=100; says keep-alive; ok",
        ],
    );
}

#[test]
fn apache_without_keep_alive_says_so_whether_asked_for_it_or_not() {
    tells(
        "apache-keepalive-off.pcap",
        &[
            "1/1; gaps [], last 0.000; server FIN in frame 8; promised nothing; says close; ok keep-alive-refused",
            "1/1; gaps [], last 0.000; server FIN in frame 18; promised nothing; says close; ok keep-alive-refused",
        ],
    );
}

#[test]
fn apaches_max_counts_the_requests_that_are_left_after_this_one() {
    tells(
        "apache-max-requests.pcap",
        &[
            // MaxKeepAliveRequests 3 serves four requests: max=3, 2, 1, then close.
            "4/4; gaps [0.221 0.223 0.200], last 0.000; server FIN in frame 17; promised timeout=5, max=3; says close; ok",
            // Five at once: the fifth is acknowledged and rightly not answered, since the fourth response said close.
            "5/4; gaps [], last none; server FIN in frame 33; promised timeout=5, max=3; says close; ok",
        ],
    );
    let max = read("apache-max-requests.pcap")
        .into_iter()
        .next()
        .map(|(connection, _)| {
            let of = |exchange: &keepcap::connection::Exchange| {
                exchange.response?.message.keep_alive()?.max
            };
            connection.exchanges.iter().map(of).collect::<Vec<_>>()
        });
    assert_eq!(max, Some(vec![Some(3), Some(2), Some(1), None]));
}

#[test]
fn nginx_closes_idle_connections_silently_or_as_it_says() {
    tells(
        "nginx-silent-idle.pcap",
        &[
            "2/2; gaps [1.503], last 4.004; server FIN in frame 11; promised nothing; says keep-alive; ok",
        ],
    );
    tells(
        "nginx-default-75s.pcap",
        &[
            "1/1; gaps [], last 75.001; server FIN in frame 8; promised nothing; says keep-alive; ok",
        ],
    );
    tells(
        "nginx-5s-5s.pcap",
        &[
            "1/1; gaps [], last 5.003; server FIN in frame 8; promised timeout=5; says keep-alive; ok",
        ],
    );
}

#[test]
fn pipelined_requests_leave_no_gap() {
    tells(
        "nginx-pipelining.pcap",
        &[
            "3/3; gaps [], last 0.543; client FIN in frame 12; promised nothing; says keep-alive; ok",
        ],
    );
}

#[test]
fn lighttpd_over_ipv6_closes_a_second_after_its_five_seconds() {
    tells(
        "lighttpd-idle.pcap",
        &[
            "2/2; gaps [1.000], last 6.006; server FIN in frame 11; promised nothing; says default; ok",
        ],
    );
}

#[test]
fn both_legs_of_a_proxy() {
    tells(
        "haproxy-front.pcapng",
        &[
            // The client's leg: HAProxy closes after its http-keep-alive timeout of 3 s.
            "2/2; gaps [1.007], last 3.001; server FIN in frame 20; promised nothing; says default; ok",
            // The server's leg: HAProxy resets the idle connection when it purges its pool.
            "2/2; gaps [1.007], last 13.997; client RST in frame 23; promised nothing; says keep-alive; warning reset-while-idle",
        ],
    );
}

#[test]
fn node_closes_a_second_later_than_it_says() {
    tells(
        "node-late-close.pcap",
        &[
            "2/2; gaps [1.000], last 6.002; server FIN in frame 11; promised timeout=5; says keep-alive; ok",
        ],
    );
}

#[test]
fn nodes_agent_heeds_the_promise_and_its_probes_end_no_idleness() {
    tells(
        "node-agent.pcap",
        &[
            "2/2; gaps [1.017], last 6.002; server FIN in frame 46; promised timeout=5; says keep-alive; ok",
            "2/2; gaps [1.016], last 4.001; client FIN in frame 39; promised timeout=5; says keep-alive; ok",
        ],
    );
    let probes = |(connection, _): &(Connection, _)| connection.facts.sides.client.keepalives;
    assert_eq!(
        read("node-agent.pcap")
            .iter()
            .map(probes)
            .collect::<Vec<_>>(),
        [6, 4]
    );
}

#[test]
fn pythons_server_speaks_http_1_0_and_does_not_say_anything() {
    tells(
        "python-http-server.pcap",
        &[
            "1/1; gaps [], last 0.000; server FIN in frame 10; promised nothing; says none; ok",
            "1/1; gaps [], last 0.000; server FIN in frame 22; promised nothing; says none; ok",
        ],
    );
}

#[test]
fn curl_closes_when_it_has_all_urls() {
    tells(
        "curl-several-urls.pcap",
        &[
            "4/4; gaps [0.000 0.000 0.000], last 0.000; client FIN in frame 14; promised nothing; says keep-alive; ok",
        ],
    );
}

#[test]
fn behind_an_upgrade_nothing_is_idle() {
    tells(
        "websocket-upgrade.pcap",
        &["1/1; gaps [], last none; server FIN in frame 16; promised nothing; says default; ok"],
    );
}

#[test]
fn a_request_behind_or_across_the_servers_close_is_never_answered() {
    // Sent 0.3 s after the FIN was acknowledged.
    tells(
        "stale-reuse.pcap",
        &[
            "2/1; gaps [2.300], last 2.002; server FIN in frame 8; promised nothing; says keep-alive; warning stale-reuse",
        ],
    );
    // The same connection from both ends: at the client the request comes first, at the server the FIN.
    tells(
        "keep-alive-race-at-client.pcap",
        &[
            "2/1; gaps [1.975], last 2.002; server FIN in frame 9; promised nothing; says keep-alive; warning keep-alive-race",
        ],
    );
    tells(
        "keep-alive-race-at-server.pcap",
        &[
            "2/1; gaps [2.076], last 2.002; server FIN in frame 8; promised nothing; says keep-alive; warning keep-alive-race",
        ],
    );
}

#[test]
fn wrong_servers_and_clients_beside_right_ones() {
    tells(
        "early-idle-close.pcap",
        &[
            // 10 s promised and 2 s held; then 10 s held.
            "1/1; gaps [], last 2.000; server FIN in frame 8; promised timeout=10; says keep-alive; warning early-idle-close",
            "1/1; gaps [], last 10.000; server FIN in frame 18; promised timeout=10; says keep-alive; ok",
        ],
    );
    tells(
        "unannounced-close.pcap",
        &[
            "1/1; gaps [], last 0.000; server FIN in frame 8; promised nothing; says default; warning unannounced-close",
            "1/1; gaps [], last 0.000; server FIN in frame 18; promised nothing; says close; ok keep-alive-refused",
        ],
    );
    tells(
        "server-kept-open-after-close.pcap",
        &[
            "1/1; gaps [], last 4.500; client FIN in frame 8; promised nothing; says close; violation server-kept-open-after-close keep-alive-refused",
            "1/1; gaps [], last 0.000; server FIN in frame 18; promised nothing; says close; ok keep-alive-refused",
        ],
    );
    tells(
        "http10-kept-open.pcap",
        &[
            "1/1; gaps [], last 4.500; client FIN in frame 8; promised nothing; says none; violation http10-kept-open",
            "1/1; gaps [], last 0.000; server FIN in frame 18; promised nothing; says none; ok",
        ],
    );
    tells(
        "request-after-close.pcap",
        &[
            "2/1; gaps [0.315], last none; server FIN in frame 10; promised nothing; says close; violation keep-alive-refused request-after-close",
            "1/1; gaps [], last 0.000; server FIN in frame 20; promised nothing; says close; ok keep-alive-refused",
        ],
    );
}

#[test]
fn a_real_server_misused_or_set_up_wrongly() {
    tells(
        "nginx-misused.pcap",
        &[
            "2/2; gaps [1.500], last 3.003; server FIN in frame 11; promised timeout=1; says keep-alive; warning reuse-past-timeout late-idle-close",
            "1/0; gaps [], last none; server FIN in frame 19; promised nothing; says nothing; warning request-dropped",
            "1/1; gaps [], last 3.003; server FIN in frame 29; promised nothing; says keep-alive; ok malformed-keep-alive",
            "1/1; gaps [], last 0.000; client FIN in frame 39; promised nothing; says close; ok conflicting-options keep-alive-refused",
            "1/0; gaps [], last none; client FIN in frame 47; promised nothing; says nothing; warning request-truncated",
            "2/2; gaps [], last 0.000; client FIN in frame 59; promised nothing; says keep-alive; warning unsafe-pipelining",
            "1/1; gaps [], last 0.000; server FIN in frame 69; promised nothing; says close; violation client-kept-open-after-close",
            "1/1; gaps [], last 0.000; client FIN in frame 80; promised nothing; says keep-alive; ok never-reused",
        ],
    );
    // What Connection does not list counts for nothing, also as a promise.
    tells(
        "lighttpd-own-field.pcap",
        &[
            "1/1; gaps [], last 6.064; server FIN in frame 8; promised nothing; says default; violation keep-alive-not-nominated",
        ],
    );
}

#[test]
fn a_proxy_that_waits_longer_than_the_server_behind_it() {
    let connections = read("nginx-node-mismatch.pcap");
    assert_eq!(connections.len(), 24);
    let findings = connections
        .iter()
        .flat_map(|(connection, judgement)| {
            let stream = connection.facts.stream;
            let of = move |finding: &keepcap::rules::Finding| {
                (finding.rule.name, stream, finding.at.frame)
            };
            judgement.findings.iter().map(of)
        })
        .collect::<Vec<_>>();
    let of = |rule| findings.iter().filter(move |finding| finding.0 == rule);
    // The server's timer fired while these requests lay in its kernel: its RST acknowledges them.
    let dropped: Vec<_> = of("request-dropped")
        .map(|&(_, stream, at)| (stream, at))
        .collect();
    assert_eq!(dropped, [(4, 369), (18, 1322), (20, 1164)]);
    // One finding for each connection that was used past the second that the server had promised.
    assert_eq!(of("reuse-past-timeout").count(), 20);
    assert_eq!(findings.len(), 23);
}

#[test]
fn a_mistake_in_each_connection() {
    tells(
        "made-up-mistakes.pcap",
        &[
            "2/2; gaps [], last 0.000; server FIN in frame 12; promised nothing; says default; violation keep-alive-refused response-after-close",
            "1/1; gaps [], last 2.500; client FIN in frame 22; promised nothing; says none; violation server-ignored-client-close",
            "2/2; gaps [0.100], last 0.000; server FIN in frame 35; promised nothing; says none; violation http10-unconfirmed-reuse",
            "1/1; gaps [], last 2.500; client FIN in frame 45; promised nothing; says default; violation conflicting-framing open-after-bad-framing never-reused",
            "1/1; gaps [], last 0.000; server FIN in frame 55; promised nothing; says close; violation chunked-to-http10",
            "1/1; gaps [], last 0.000; client FIN in frame 65; promised nothing; says default; violation framing-on-bodiless never-reused",
            "1/1; gaps [], last none; server FIN in frame 75; promised nothing; says default; warning response-truncated",
            "1/1; gaps [], last 0.000; server FIN in frame 85; promised nothing; says default; warning close-not-echoed",
            "1/1; gaps [], last none; server FIN in frame 95; promised nothing; says keep-alive; warning keep-alive-without-length",
            "2/1; gaps [0.400], last none; server RST in frame 106; promised nothing; says default; warning reset-on-reuse",
            "4/4; gaps [0.000 0.000 0.000], last 0.000; server RST in frame 120; promised nothing; says close; warning response-lost-to-reset",
            "1/1; gaps [], last 0.200; client FIN in frame 128; promised nothing; says default; warning unsolicited-response",
            "3/3; gaps [0.000 0.000], last 0.000; server FIN in frame 142; promised nothing; says close; ok max-exceeded",
        ],
    );
}

#[test]
fn every_rule_has_a_sample() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let names = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let samples = names.filter(|name| name.ends_with(".pcap") || name.ends_with(".pcapng"));
    let found: BTreeSet<&str> = samples
        .flat_map(|name| read(&name))
        .flat_map(|(_, judgement)| judgement.findings)
        .map(|finding| finding.rule.name)
        .collect();
    let all: BTreeSet<&str> = CATALOG.iter().map(|rule| rule.name).collect();
    assert_eq!(found, all);
}

#[test]
fn every_sample_is_told_of_here() {
    let here = include_str!("samples.rs");
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".pcap") || name.ends_with(".pcapng") {
            assert!(here.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}
