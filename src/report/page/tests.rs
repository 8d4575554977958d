//! The page, without a browser.

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use roxmltree::{Document as Tree, Node, ParsingOptions};
use sha2::{Digest, Sha256};

use super::shown::{MOST_ENTRIES, MOST_LANES};
use super::*;
use crate::audit::{Extent, Reading, Row, Sighting, Watch};
use crate::script::{play, play_all};

/// The rows of these connections, and the survey of their servers.
fn rows(script: &str, extent: Extent) -> (Vec<Row>, Survey) {
    let mut watch = Watch::new("a.pcap");
    let mut rows = Vec::new();
    for played in play_all(script) {
        let sighting = Sighting::new(&played.connection, &played.judgement);
        let row = Row::new(played.connection, played.judgement, extent);
        watch.take(&row, sighting);
        rows.push(row);
    }
    (rows, watch.finish())
}

fn page_of(rows: &[Row], survey: &Survey) -> String {
    let (mut shown, mut totals) = (Shown::within(1 << 30), Totals::default());
    for row in rows {
        shown.add(row);
        totals.add(row);
    }
    let reading = Reading {
        path: PathBuf::from("<b>a.pcap"),
        connections: rows.len() as u64,
        ..Reading::default()
    };
    let document = Document {
        readings: &[reading],
        rows: &[],
        totals: &totals,
    };
    let mut out = Vec::new();
    write_page(&document, survey, &shown, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The page of one connection.
fn page(script: &str) -> String {
    let (rows, survey) = rows(script, Extent::Exchanges);
    page_of(&rows, &survey)
}

/// The page as XML, which it is but for what is in its script.
fn tree(page: &str) -> Tree<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Tree::parse_with_options(page, options).unwrap()
}

fn without_script(page: &str) -> String {
    let (before, rest) = page.split_once("<script>").unwrap();
    let (script, behind) = rest.split_once("</script>").unwrap();
    assert_eq!(script, format!("\n{SCRIPT}"));
    format!("{before}{behind}")
}

fn elements<'a>(tree: &'a Tree<'_>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    tree.descendants()
        .filter(move |node| node.has_tag_name(name))
}

/// A server that closes early, one lost request, and another connection without fault.
const STORY: &str = "> GET /a
< 200 | Connection: keep-alive | Keep-Alive: timeout=10 | Content-Length: 0
~ 2s
> GET /b
< 204 | Connection: keep-alive | Keep-Alive: timeout=10
~ 4s
server FIN
client FIN
reopen
> GET /c
< 200 | Content-Length: 0
~ 1s
client FIN
server FIN
";

#[test]
fn the_policy_lets_just_this_script_run() {
    let hash = Sha256::digest(format!("\n{SCRIPT}"));
    assert_eq!(
        SCRIPT_HASH,
        BASE64_STANDARD.encode(hash),
        "of page.js as it is now"
    );
    let page = page(STORY);
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; \
         form-action 'none'"
    );
    let (head, _) = page.split_once("<style>").unwrap();
    assert!(head.contains(&format!("content=\"{policy}\"")));
    assert_eq!(page.matches("<script").count(), 1);
}

#[test]
fn the_page_is_well_formed_and_every_link_leads_somewhere() {
    let page = without_script(&page(STORY));
    let tree = tree(&page);
    let mut ids: Vec<&str> = tree
        .descendants()
        .filter_map(|node| node.attribute("id"))
        .collect();
    let number = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), number, "an id is there once");
    for node in tree.descendants() {
        if let Some(link) = node.attribute("href") {
            let target = link.strip_prefix('#').expect("a link within the page");
            assert!(ids.contains(&target), "{link}");
        }
        for id in node
            .attribute("aria-labelledby")
            .unwrap_or_default()
            .split_whitespace()
        {
            assert!(ids.contains(&id), "{id}");
        }
        for name in ["src", "srcset", "action", "onclick", "onload"] {
            assert_eq!(node.attribute(name), None);
        }
    }
    let mut links = elements(&tree, "a").filter_map(|node| node.attribute("href"));
    assert!(links.any(|link| link == "#rule-early-idle-close"));
    for drawing in elements(&tree, "svg").filter(|node| node.attribute("role") == Some("img")) {
        assert!(drawing.children().any(|node| node.has_tag_name("title")));
    }
    for table in elements(&tree, "table") {
        assert!(table.children().any(|node| node.has_tag_name("caption")));
    }
}

#[test]
fn headings_follow_each_other_in_order() {
    let page = without_script(&page(STORY));
    let tree = tree(&page);
    let mut level = 0;
    for node in tree.descendants() {
        let name = node.tag_name().name();
        if let Some(depth @ 1..) = name.strip_prefix('h').and_then(|depth| depth.parse().ok()) {
            assert!(depth <= level + 1, "{name} behind h{level}");
            level = depth;
        }
    }
    assert_eq!(level, 3);
}

#[test]
fn a_lane_shows_exchanges_gaps_the_promise_the_close_and_the_finding() {
    let page = without_script(&page(STORY));
    let tree = tree(&page);
    let lane = tree
        .descendants()
        .find(|node| node.attribute("id") == Some("lane-0-0"))
        .unwrap();
    let drawn = |class: &str| {
        let nodes = lane.descendants();
        let nodes = nodes.filter(|node| node.attribute("class") == Some(class));
        nodes
            .filter(|node| node.has_tag_name("rect") || node.has_tag_name("text"))
            .count()
    };
    assert_eq!(drawn("answered"), 2);
    assert_eq!((drawn("close"), drawn("promise")), (1, 1));
    let texts: Vec<&str> = lane.descendants().filter_map(|node| node.text()).collect();
    for text in [
        "2.000 s",
        "4.000 s",
        "server FIN",
        "timeout=10: promised until here",
    ] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
    assert_eq!(
        elements(&tree, "li")
            .filter(|node| node
                .descendants()
                .any(|node| node.text() == Some("early-idle-close")))
            .count(),
        1
    );
}

#[test]
fn what_comes_off_the_wire_is_inert() {
    let hostile = [
        "/</title></style><script>alert(1)</script>",
        "/\"onload=alert(1)//'><img/src=x>",
        "/&lt;b&gt;",
    ];
    for target in hostile {
        let script = format!(
            "> GET {target}\n< 200 | Keep-Alive: timeout=5, {target} | Connection: keep-alive | Content-Length: 0\n~ 1s\nserver FIN\n"
        );
        let page = without_script(&page(&script));
        let tree = tree(&page);
        assert_eq!(
            elements(&tree, "script").count() + elements(&tree, "img").count(),
            0
        );
        assert_eq!(
            elements(&tree, "style").count() + elements(&tree, "b").count(),
            1
        );
        let told = tree.descendants().filter_map(|node| node.text());
        assert!(
            told.clone()
                .any(|text| text.contains(&format!("GET {target}"))),
            "{target}"
        );
    }
}

/// Many connections like this one.
fn many(script: &str, number: u64) -> Vec<Row> {
    let played = play(script);
    let row = Row::new(played.connection, played.judgement, Extent::Exchanges);
    (0..number)
        .map(|stream| Row {
            stream,
            ..row.clone()
        })
        .collect()
}

const OK: &str = "> GET /\n< 204\n~ 1s\nclient FIN\nserver FIN\n";
const EARLY: &str = "> GET /\n< 204 | Connection: keep-alive | Keep-Alive: timeout=10\n~ 4s\nserver FIN\nclient FIN\n";

#[test]
fn what_is_left_out_is_said() {
    let mut rows = many(OK, MOST_ENTRIES as u64 + 10);
    for row in many(EARLY, 5) {
        rows.push(Row {
            stream: row.stream + 1_000_000,
            ..row
        });
    }
    let text = page_of(&rows, &Survey::default());
    assert!(text.contains("200 of 20,015 connections are drawn"));
    assert!(text.contains("The table has 20000 connections, those with the worst verdicts first in line; 15 are left out"));
    assert_eq!(text.matches("<article class=\"lane\"").count(), MOST_LANES);
    // Those with findings are there, in the table and as the first lanes.
    assert!(text.contains("<tr role=\"row\" class=\"warning\">"));
    let (_, lanes) = text.split_once("<article class=\"lane\"").unwrap();
    assert!(lanes.trim_start().starts_with("id=\"lane-0-1000000\""));
    let few = page_of(&many(OK, 3), &Survey::default());
    assert!(!few.contains("left out") && !few.contains("are drawn"));
}

#[test]
fn the_choice_does_not_depend_on_the_order_in_which_connections_come() {
    let mut rows = many(OK, 700);
    rows.extend(
        many(EARLY, 300)
            .into_iter()
            .map(|row| Row { capture: 1, ..row }),
    );
    let there = page_of(&rows, &Survey::default());
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..3 {
        random.shuffle(&mut rows);
        assert_eq!(page_of(&rows, &Survey::default()), there);
    }
}

#[test]
fn a_connection_without_its_exchanges_is_drawn_as_far_as_it_is_known() {
    let (rows, survey) = rows(STORY, Extent::Connection);
    let page = without_script(&page_of(&rows, &survey));
    assert!(page.contains("Some of these timelines lack their exchanges"));
    assert!(page.contains("server FIN") && page.contains("4.000 s"));
    tree(&page);
}

#[test]
fn the_longest_connection_takes_little_room() {
    let script = "> GET /a-target-that-is-rather-long\n< 204\n~ 10ms\n".repeat(3_000);
    let long = page(&format!("{script}client FIN\nserver FIN\n"));
    let short = page(OK);
    assert!(long.len() < short.len() + 100_000, "{}", long.len());
}

#[test]
fn nearly_all_is_not_all() {
    let shares = [
        (0, "none"),
        (1, "less than 0.1 %"),
        (50, "0.5 %"),
        (2_500, "25 %"),
    ];
    let others = [(9_996, "99.9 %"), (10_000, "100 %")];
    for (part, told) in shares.into_iter().chain(others) {
        assert_eq!(share_of(part, 10_000), told);
    }
}
