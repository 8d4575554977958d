//! What was asked: the command line.
//!
//! In: arguments. Out: [`Arguments`], in the types of the library; what is wrong in them is said by clap.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use clap::builder::{EnumValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, Command, Parser, Subcommand, ValueEnum};
use keepcap::audit::{Extent, Selection, ServerFilter, Surveying};
use keepcap::capture::{Monitor, Source};
use keepcap::connection::Protocol;
use keepcap::rules::{self, Rule, Verdict};
use keepcap::time::Span;

use crate::messages::Loudness;
use crate::paths::Separator;
use crate::progress::{Progress, Stage};

/// Tells for every HTTP/1 connection of a packet capture whether keep-alive worked as promised.
///
/// keepcap reads recorded packet captures, rebuilds the TCP connections, pairs HTTP/1 requests with their responses,
/// and says of each connection how persistence was negotiated, how long it idled, who closed it and when, and whether
/// both sides kept to the rules. It never touches the network.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = EXIT_STATUS,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Arguments {
    /// Captures (pcap or pcapng, also compressed), directories to search for them, or - for standard input
    #[arg(value_name = "CAPTURE", required_unless_present_any = ["files_from", "rules", "explain"])]
    pub(crate) captures: Vec<PathBuf>,

    #[command(subcommand)]
    pub(crate) task: Option<Task>,

    #[command(flatten)]
    pub(crate) list: PathList,

    #[command(flatten)]
    pub(crate) results: Results,

    /// Read rotated captures (tcpdump -C, -G, -W; ring buffers of dumpcap) as the one recording that they are parts of
    #[arg(long, help_heading = "Input")]
    pub(crate) join: bool,

    /// How long a side that must close may take
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_seconds, help_heading = "Rules")]
    pub(crate) close_grace: Span,

    /// Leave this rule out; may be repeated
    #[arg(long, value_name = "RULE", value_parser = rule_parser(), hide_possible_values = true, help_heading = "Rules")]
    pub(crate) allow: Vec<&'static Rule>,

    /// Keep only this rule; may be repeated
    #[arg(long, value_name = "RULE", value_parser = rule_parser(), hide_possible_values = true, help_heading = "Rules")]
    pub(crate) only_rule: Vec<&'static Rule>,

    /// List the rules
    #[arg(long, help_heading = "Rules")]
    pub(crate) rules: bool,

    /// Explain a rule: what it checks, why that matters, and what to do
    #[arg(long, value_name = "RULE", value_parser = rule_parser(), hide_possible_values = true, help_heading = "Rules")]
    pub(crate) explain: Option<&'static Rule>,

    /// Also write the capture to FILE, as pcapng, with the findings that are listed as comments on their packets; it
    /// is read twice, so it must be one file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) annotate: Option<PathBuf>,

    /// Also write a partial result to FILE, which keepcap merge unites with others
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) part: Option<PathBuf>,

    /// Show no progress on standard error
    #[arg(long, help_heading = "Output")]
    pub(crate) no_progress: bool,

    /// Keep no more than SIZE in memory, as in 512M or 2G; what does not fit is ended early and said so
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = parse_size, help_heading = "Input")]
    pub(crate) memory: usize,

    /// Work on so many threads, unless told on as many as there are processors; the results are the same
    #[arg(long, value_name = "N", help_heading = "Input")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// Something else than to read captures.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Unite partial results that --part wrote, as if all their captures had been read at once
    ///
    /// The order in which they are named does not matter: captures come in byte order of their paths, and each counts
    /// once, however often it is there. All must have been made by the same version of keepcap with the same options.
    #[command(max_term_width = 100, after_help = EXIT_STATUS)]
    Merge(Merge),
}

/// What is asked of partial results.
#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// Partial results
    #[arg(value_name = "PART", required_unless_present = "files_from")]
    pub(crate) parts: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) list: PathList,

    #[command(flatten)]
    pub(crate) results: Results,
}

/// More paths than those that were named.
#[derive(Debug, Args)]
pub(crate) struct PathList {
    /// Read more paths from FILE, one a line (- for standard input)
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(crate) files_from: Option<PathBuf>,

    /// The paths in that file end with NUL instead of a line feed
    #[arg(short = '0', requires = "files_from", help_heading = "Input")]
    pub(crate) nul: bool,
}

/// Which results are wanted, and how.
#[derive(Debug, Args)]
pub(crate) struct Results {
    /// What a row of the results stands for
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        default_value_t,
        help_heading = "Selection"
    )]
    pub(crate) by: By,

    /// List also connections that carry no HTTP/1
    #[arg(long, help_heading = "Selection")]
    pub(crate) all: bool,

    /// Keep connections of this verdict; may be repeated
    #[arg(long, value_name = "LEVEL", value_parser = verdict_parser(&Verdict::ALL), help_heading = "Selection")]
    pub(crate) only: Vec<Verdict>,

    /// Keep connections to this server, as in 192.0.2.1, 192.0.2.1:80, 2001:db8::1 or [2001:db8::1]:80; may be
    /// repeated
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = parse_server, help_heading = "Selection")]
    pub(crate) server: Vec<ServerFilter>,

    /// Keep connections of this number (Wireshark's tcp.stream), whatever they carry; may be repeated. A single one of
    /// one capture has its story told, unless another format than the table is asked for
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub(crate) stream: Vec<u64>,

    /// Exit with 1 where a connection has this verdict or a worse one
    #[arg(long, value_name = "LEVEL", value_parser = verdict_parser(&FAILURES), help_heading = "Rules")]
    pub(crate) fail_on: Option<Verdict>,

    /// How the results are written
    #[arg(long, value_parser = FormatParser, default_value = "table", help_heading = "Output")]
    pub(crate) format: Format,

    /// Write the results to FILE instead of standard output, whole or not at all
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    /// Also write a page to FILE: one self-contained HTML file with servers, timelines, connections and findings
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) report: Option<PathBuf>,

    /// Put each exchange into the records of json and ndjson
    #[arg(long, help_heading = "Output")]
    pub(crate) exchanges: bool,

    /// When to use colours; NO_COLOR is honoured
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        help_heading = "Output"
    )]
    pub(crate) color: Color,

    /// Say nothing on standard error but errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Say more: what was read, what was passed over and why, and a display filter of Wireshark for each finding
    #[arg(short, long, help_heading = "Output")]
    pub(crate) verbose: bool,
}

impl Arguments {
    /// The names of the rules that are left out: those of `--allow`, and where `--only-rule` is there, all others.
    pub(crate) fn left_out(&self) -> Vec<&'static str> {
        let named = |rules: &[&Rule], name: &str| rules.iter().any(|rule| rule.name == name);
        let kept = |name: &str| self.only_rule.is_empty() || named(&self.only_rule, name);
        let names = rules::CATALOG.iter().map(|rule| rule.name);
        names
            .filter(|name| !kept(name) || named(&self.allow, name))
            .collect()
    }

    /// How many threads may work.
    pub(crate) fn threads(&self) -> NonZeroUsize {
        let processors = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(processors)
    }

    /// What shows how far the work has come, where that is wanted. Rows that come to a terminal as they are found show
    /// it themselves.
    pub(crate) fn progress(
        &self,
        sources: &[Source],
        stage: Stage,
        monitor: &Arc<Monitor>,
    ) -> Option<Progress> {
        let results = &self.results;
        let rows = results.format == Format::Ndjson && results.output.is_none();
        let shown = rows && io::stdout().is_terminal();
        let wanted = !self.no_progress && !results.quiet && !shown;
        let progress = || Progress::over(sources, stage, monitor);
        wanted.then(progress).flatten()
    }
}

impl PathList {
    /// What ends a path in a list of them.
    pub(crate) fn separator(&self) -> Separator {
        if self.nul {
            Separator::Nul
        } else {
            Separator::LineFeed
        }
    }
}

impl Results {
    /// Whether each connection becomes a line of NDJSON.
    pub(crate) fn is_ndjson(&self) -> bool {
        (self.by, self.format) == (By::Connection, Format::Ndjson)
    }

    /// Which connections are listed.
    pub(crate) fn selection(&self) -> Selection {
        let http = [Protocol::Http1];
        let any = self.all || !self.stream.is_empty();
        Selection {
            protocols: if any { Vec::new() } else { http.into() },
            streams: self.stream.clone(),
            servers: self.server.clone(),
            verdicts: self.only.clone(),
        }
    }

    /// How much of each, where there are so many captures.
    pub(crate) fn extent(&self, captures: usize) -> Extent {
        match self.format {
            Format::Json | Format::Ndjson if self.exchanges => Extent::Exchanges,
            // One connection has its story told.
            Format::Table if self.stream.len() == 1 && captures == 1 => Extent::Exchanges,
            _ => Extent::Connection,
        }
    }

    /// Whether a survey is made of them.
    pub(crate) fn survey(&self) -> Surveying {
        match self.by {
            By::Server => Surveying::Asked,
            // The page tells of servers, whatever else is asked for.
            By::Connection | By::Capture if self.report.is_some() => Surveying::Asked,
            By::Connection | By::Capture => Surveying::NotAsked,
        }
    }

    /// How much is said on standard error.
    pub(crate) fn loudness(&self) -> Loudness {
        match (self.quiet, self.verbose) {
            (true, _) => Loudness::Quiet,
            (_, true) => Loudness::Verbose,
            _ => Loudness::Usual,
        }
    }
}

const EXIT_STATUS: &str = "\
Exit status:
    0  every capture was read to its end
    1  --fail-on was met
    2  it could not be done: wrong command line, output not writable, or no capture that could be read
    3  done, but a capture was missing, damaged, cut off or ran into a limit
  130  stopped by Ctrl-C: what was done by then is printed";

/// What a row of the results stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// A connection
    #[default]
    Connection,
    /// An address and port over all captures: how its connections went, and what became of idle ones
    Server,
    /// A capture: what was read of it, and what was found
    Capture,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people, then the findings
    Table,
    /// One JSON document
    Json,
    /// A JSON object a line for each connection, as soon as it is finished
    Ndjson,
    /// Comma-separated values with a header row
    Csv,
    /// A Markdown table, then the findings
    Markdown,
    /// Apache Parquet, with the columns of csv
    #[cfg(feature = "parquet")]
    Parquet,
    /// The findings in SARIF 2.1.0, for code scanning and the like
    Sarif,
    /// A JUnit report: a connection is a test, which fails from the verdict of --fail-on on (warning unless told)
    Junit,
}

/// Knows of a format that this build lacks.
#[derive(Clone, Debug)]
struct FormatParser;

impl TypedValueParser for FormatParser {
    type Value = Format;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Format, clap::Error> {
        if value == "parquet" && cfg!(not(feature = "parquet")) {
            let lack = "this build of keepcap cannot write parquet; build it with \
                `cargo install --path . --features parquet`, or convert what it writes as ndjson or csv\n";
            return Err(clap::Error::raw(ErrorKind::InvalidValue, lack).with_cmd(command));
        }
        EnumValueParser::<Format>::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = Format::value_variants().iter();
        Some(Box::new(values.filter_map(ValueEnum::to_possible_value)))
    }
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    #[default]
    Auto,
    /// Whatever the output is
    Always,
    /// At no time
    Never,
}

const FAILURES: [Verdict; 2] = [Verdict::Warning, Verdict::Violation];

fn verdict_parser(allowed: &'static [Verdict]) -> impl TypedValueParser<Value = Verdict> {
    PossibleValuesParser::new(allowed.iter().map(|verdict| verdict.name())).try_map(|name| {
        let named = Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.name() == name);
        named.ok_or("no verdict")
    })
}

fn rule_parser() -> impl TypedValueParser<Value = &'static Rule> {
    PossibleValuesParser::new(rules::CATALOG.iter().map(|rule| rule.name))
        .try_map(|name| rules::find(&name).ok_or("no rule"))
}

fn parse_server(text: &str) -> Result<ServerFilter, String> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(ServerFilter { ip, port: None });
    }
    if let Ok(address) = text.parse::<std::net::SocketAddr>() {
        return Ok(ServerFilter {
            ip: address.ip(),
            port: Some(address.port()),
        });
    }
    let bracketed = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match bracketed.and_then(|text| text.parse().ok()) {
        Some(ip) => Ok(ServerFilter {
            ip: IpAddr::V6(ip),
            port: None,
        }),
        None => Err(
            "an IP address, or one with a port, as in 192.0.2.1:80 or [2001:db8::1]:80".to_owned(),
        ),
    }
}

/// Octets, or so many KiB, MiB or GiB: `16777216`, `512M`, `512MiB`, `2g`.
fn parse_size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text
        .strip_prefix(digits)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let scale: usize = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return Err("a size, as in 512M or 2G".to_owned()),
    };
    let number: usize = digits
        .parse()
        .map_err(|_| "a size, as in 512M or 2G".to_owned())?;
    let octets = number.checked_mul(scale).ok_or("too large")?;
    if octets < LEAST_MEMORY {
        return Err("16M at least".to_owned());
    }
    Ok(octets)
}

/// Less would end connections that anyone would expect to be followed.
const LEAST_MEMORY: usize = 16 << 20;

fn parse_seconds(text: &str) -> Result<Span, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "a number of seconds, as in 2 or 0.5".to_owned())?;
    if !(0.0..=MOST_SECONDS).contains(&seconds) {
        return Err(format!("from 0 to {MOST_SECONDS} seconds"));
    }
    Ok(Span::from_nanos((seconds * 1e9).round() as i64))
}

/// A day: a longer grace would only hide what it is to find.
const MOST_SECONDS: f64 = 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, octets) in [
            ("16777216", 16 << 20),
            ("512M", 512 << 20),
            ("512MiB", 512 << 20),
            ("512mb", 512 << 20),
            ("2g", 2 << 30),
        ] {
            assert_eq!(parse_size(text), Ok(octets), "{text}");
        }
        for text in [
            "",
            "M",
            "1.5G",
            "-1M",
            "12 M",
            "10T",
            "1000",
            "99999999999999999999G",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
