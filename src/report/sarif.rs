//! The findings in SARIF 2.1.0 (OASIS), for what shows such results: code scanning, editors, dashboards.
//!
//! A finding is a result at its capture; frame and stream are logical locations, since a capture has no lines. What
//! could not be judged or read is told as notifications of the run, so that their absence means something.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::document::Document;
use super::object::write_value;
use super::unknown::unknowns;
use super::words;
use crate::audit::{Reading, Row};
use crate::capture::Part;
use crate::packet::Endpoint;
use crate::rules::{CATALOG, Finding, Level, Rule};
use crate::tcp::Peer;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes the findings and the rules that they are of.
///
/// # Errors
///
/// Those of `out`.
pub fn write_sarif(document: &Document<'_>, out: &mut impl Write) -> io::Result<()> {
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run::new(document)],
    };
    write_value(&log, out)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
struct Run<'a> {
    tool: Tool,
    invocations: [Invocation; 1],
    artifacts: Vec<Artifact>,
    results: Results<'a>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

/// A rule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Text<'static>,
    full_description: Text<'static>,
    help: Text<'static>,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleProperties {
    at_fault: &'static str,
    source: &'static str,
}

#[derive(Serialize)]
struct Text<'a> {
    text: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text<'static>,
}

#[derive(Serialize)]
struct Artifact {
    location: ArtifactLocation,
    /// Octets of the capture, unpacked.
    length: u64,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

/// Made one by one as they are written.
struct Results<'a>(&'a Document<'a>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultObject<'a> {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text<'a>,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
    properties: ResultProperties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    logical_locations: [LogicalLocation; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text<'static>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    name: String,
    fully_qualified_name: String,
    kind: &'static str,
}

/// By what a result is known again where the same thing is captured once more.
#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "keepcap/v1")]
    first: String,
}

#[derive(Serialize)]
struct ResultProperties<'a> {
    stream: u64,
    frame: u64,
    frames: &'a [u64],
    client: String,
    server: String,
    side: Option<&'static str>,
    time: String,
}

impl<'a> Run<'a> {
    fn new(document: &'a Document<'a>) -> Self {
        let readings = document.readings.iter();
        Run {
            tool: Tool {
                driver: Driver {
                    name: env!("CARGO_PKG_NAME"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: CATALOG.iter().map(|rule| Descriptor::new(rule)).collect(),
                },
            },
            invocations: [Invocation {
                execution_successful: true,
                tool_execution_notifications: notifications(document),
            }],
            artifacts: readings.map(Artifact::new).collect(),
            results: Results(document),
        }
    }
}

impl Descriptor {
    fn new(rule: &'static Rule) -> Self {
        let explain = &rule.explain;
        let help = [
            explain.checks,
            explain.matters,
            explain.silent,
            explain.remedy,
        ];
        Descriptor {
            id: rule.name,
            short_description: Text::of(rule.summary),
            full_description: Text::of(explain.checks),
            help: Text::of(help.join("\n\n")),
            default_configuration: Configuration {
                level: level(rule.level),
            },
            properties: RuleProperties {
                at_fault: rule.at_fault.name(),
                source: rule.source,
            },
        }
    }
}

/// The words of SARIF for how much it weighs.
fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Violation => "error",
    }
}

impl<'a> Text<'a> {
    fn of(text: impl Into<Cow<'a, str>>) -> Self {
        Text { text: text.into() }
    }
}

/// What is missing in the captures, and of which connections nothing could be said.
fn notifications(document: &Document<'_>) -> Vec<Notification> {
    let missing = document.readings.iter().flat_map(words::missing);
    let missing = missing.map(|line| ("warning", line));
    let unknown = unknowns(document).into_iter().map(|line| ("note", line));
    missing
        .chain(unknown)
        .map(|(level, text)| Notification {
            level,
            message: Text::of(text),
        })
        .collect()
}

impl Artifact {
    fn new(reading: &Reading) -> Self {
        Artifact {
            location: ArtifactLocation::of(&reading.path.to_string_lossy()),
            length: reading.summary.octets,
        }
    }
}

impl ArtifactLocation {
    /// A path as a URI reference (RFC 3986 4.1); what is no plain letter, digit or one of `-._~/` is written in
    /// percents.
    fn of(path: &str) -> Self {
        let mut uri = if path.starts_with('/') {
            "file://".to_owned()
        } else {
            String::new()
        };
        for octet in path.bytes() {
            match octet {
                b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(octet.into()),
                _ if octet.is_ascii_alphanumeric() => uri.push(octet.into()),
                _ => uri.push_str(&format!("%{octet:02X}")),
            }
        }
        ArtifactLocation { uri }
    }
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document = self.0;
        let mut seen: BTreeMap<(usize, &str, Endpoint), u64> = BTreeMap::new();
        let findings = document.rows.iter().flat_map(|row| {
            let findings = row.findings.iter();
            findings.map(move |finding| (row, finding))
        });
        serializer.collect_seq(findings.map(move |(row, finding)| {
            let key = (row.capture, finding.rule.name, row.server);
            let before = seen.entry(key).or_default();
            *before += 1;
            ResultObject::new(document, row, finding, *before)
        }))
    }
}

impl<'a> ResultObject<'a> {
    /// `number` counts those of the same rule and server in the capture, from 1.
    fn new(document: &'a Document<'a>, row: &'a Row, finding: &'a Finding, number: u64) -> Self {
        let rule = finding.rule;
        let text = format!(
            "{}; stream {}, {}; {}",
            finding.message,
            row.stream,
            words::frames(finding),
            words::fault(finding)
        );
        let related = (1..).zip(&finding.frames).map(|(id, &frame)| Location {
            id: Some(id),
            message: Some(Text::of(format!("frame {frame}"))),
            ..Location::of(document, row, frame)
        });
        let index = CATALOG.iter().position(|listed| listed.name == rule.name);
        ResultObject {
            rule_id: rule.name,
            rule_index: index.unwrap_or_default(),
            level: level(rule.level),
            message: Text::of(text),
            locations: [Location::of(document, row, finding.at.frame)],
            related_locations: related.collect(),
            partial_fingerprints: Fingerprints {
                first: format!("{} {} {number}", rule.name, row.server),
            },
            properties: ResultProperties {
                stream: row.stream,
                frame: finding.at.frame,
                frames: &finding.frames,
                client: row.client.to_string(),
                server: row.server.to_string(),
                side: finding.side.map(Peer::name),
                time: finding.at.time.to_string(),
            },
        }
    }
}

impl Location {
    /// A packet, in the file that has it.
    fn of(document: &Document<'_>, row: &Row, frame: u64) -> Self {
        let capture = document.capture(row);
        let (path, frame) = match Part::with(document.parts(row), frame) {
            Some((part, frame)) => (part.path.to_string_lossy(), frame),
            None => (capture, frame),
        };
        Location {
            id: None,
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation::of(&path),
            },
            logical_locations: [LogicalLocation {
                name: format!("frame {frame}"),
                fully_qualified_name: format!("stream {}, frame {frame}", row.stream),
                kind: "packet",
            }],
            message: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_uri_reference() {
        for (path, uri) in [
            ("samples/a-b_1.pcap", "samples/a-b_1.pcap"),
            ("/tmp/a b.pcap", "file:///tmp/a%20b.pcap"),
            ("c:d?#[ä%].pcap", "c%3Ad%3F%23%5B%C3%A4%25%5D.pcap"),
            ("-", "-"),
        ] {
            assert_eq!(ArtifactLocation::of(path).uri, uri);
        }
    }
}
