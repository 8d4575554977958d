//! The record of a connection as other programs read it. Its fields, their names and their order are fixed; those of
//! the domain types are not.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::audit::Row;
use crate::connection::{CloseCause, Exchange, Limit, Message, Request, Versions};
use crate::http::{Framing, Says};
use crate::rules::Finding;
use crate::tcp::{CloseKind, CloseOrder, Peer};
use crate::time::{At, Span, Time};

/// A connection.
#[derive(Serialize)]
pub(super) struct Record<'a> {
    capture: Cow<'a, str>,
    stream: u64,
    client_ip: IpAddr,
    client_port: u16,
    server_ip: IpAddr,
    server_port: u16,
    protocol: &'static str,
    first_frame: u64,
    start: String,
    end: String,
    duration_s: Seconds,
    packets: u64,
    client_bytes: u64,
    server_bytes: u64,
    complete: bool,
    handshake: bool,
    rtt_s: Option<Seconds>,
    missing_bytes: u64,
    tcp_keepalives: u64,
    requests: u64,
    responses: u64,
    unanswered: u64,
    http_version: Option<&'static str>,
    client_asks: Option<&'static str>,
    server_says: Option<&'static str>,
    timeout_s: Option<u32>,
    max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_gaps_s: Option<Vec<Seconds>>,
    /// How many they are, where they are not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_gaps: Option<usize>,
    idle_max_s: Option<Seconds>,
    idle_last_s: Option<Seconds>,
    closed_by: Option<&'static str>,
    close_kind: Option<&'static str>,
    close_frame: Option<u64>,
    close_time: Option<String>,
    simultaneous: bool,
    close_cause: Option<&'static str>,
    verdict: &'static str,
    unknown_because: Option<Cow<'a, str>>,
    limited: Listed<LimitRecord, usize>,
    findings: Listed<FindingRecord<'a>, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchanges: Option<Vec<ExchangeRecord<'a>>>,
}

/// The fields of a flat record, in order.
pub(super) const FLAT_FIELDS: [&str; 40] = [
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
    "idle_gaps",
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

/// Which form a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// With lists in it.
    Nested,
    /// With counts in place of lists, and the names of the rules in place of findings.
    Flat,
}

/// A list, or what stands for it.
#[derive(Serialize)]
#[serde(untagged)]
enum Listed<T, U> {
    List(Vec<T>),
    Instead(U),
}

impl<T, U> Listed<T, U> {
    fn of(shape: Shape, list: impl FnOnce() -> Vec<T>, instead: impl FnOnce() -> U) -> Self {
        match shape {
            Shape::Nested => Listed::List(list()),
            Shape::Flat => Listed::Instead(instead()),
        }
    }
}

/// A length of time as a number, down to the nanosecond for a length of up to 48 days, and never with an exponent.
struct Seconds(Span, Shape);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Shape::Nested => serializer.serialize_f64(self.0.seconds()),
            // Numbers in CSV are text without quotes.
            Shape::Flat => serializer.collect_str(&self.0.seconds()),
        }
    }
}

#[derive(Serialize)]
struct LimitRecord {
    what: &'static str,
    amount: u64,
}

#[derive(Serialize)]
struct FindingRecord<'a> {
    rule: &'static str,
    level: &'static str,
    side: Option<&'static str>,
    frame: u64,
    frames: &'a [u64],
    time: String,
    message: &'a str,
}

#[derive(Serialize)]
struct ExchangeRecord<'a> {
    method: Option<&'a str>,
    target: Option<&'a str>,
    status: Option<u16>,
    request_frame: Option<u64>,
    request_start: Option<String>,
    request_end: Option<String>,
    response_frame: Option<u64>,
    response_start: Option<String>,
    response_end: Option<String>,
    client_says: Option<&'static str>,
    server_says: Option<&'static str>,
    timeout_s: Option<u32>,
    max: Option<u32>,
    request_framing: Option<&'static str>,
    response_framing: Option<&'static str>,
    response_complete: bool,
}

impl<'a> Record<'a> {
    /// Its texts that are not fixed: all that may come from outside.
    pub(super) fn texts_mut(&mut self) -> impl Iterator<Item = &mut Cow<'a, str>> {
        [Some(&mut self.capture), self.unknown_because.as_mut()]
            .into_iter()
            .flatten()
    }

    pub(super) fn new(row: &'a Row, capture: Cow<'a, str>, shape: Shape) -> Self {
        let close = row.close;
        let seconds = |span: Span| Seconds(span, shape);
        let gaps = row.idle_gaps.iter().map(|&gap| seconds(gap));
        Record {
            capture,
            stream: row.stream,
            client_ip: row.client.ip,
            client_port: row.client.port,
            server_ip: row.server.ip,
            server_port: row.server.port,
            protocol: row.protocol.name(),
            first_frame: row.first.frame,
            start: row.first.time.to_string(),
            end: row.last.time.to_string(),
            duration_s: seconds(row.last.time.since(row.first.time)),
            packets: row.packets,
            client_bytes: row.client_octets,
            server_bytes: row.server_octets,
            complete: row.whole,
            handshake: row.handshake,
            rtt_s: row.rtt.map(seconds),
            missing_bytes: row.missing,
            tcp_keepalives: row.keepalives,
            requests: row.requests,
            responses: row.responses,
            unanswered: row.unanswered,
            http_version: row.version.map(Versions::name),
            client_asks: row.client_asks.map(Says::name),
            server_says: row.server_says.map(Says::name),
            timeout_s: row.timeout,
            max: row.max,
            idle_gaps_s: (shape == Shape::Nested).then(|| gaps.collect()),
            idle_gaps: (shape == Shape::Flat).then_some(row.idle_gaps.len()),
            idle_max_s: row.idle_max.map(seconds),
            idle_last_s: row.idle_last.map(seconds),
            closed_by: close.map(|close| close.by.name()),
            close_kind: close.map(|close| kind_name(close.kind)),
            close_frame: close.map(|close| close.at.frame),
            close_time: close.map(|close| close.at.time.to_string()),
            simultaneous: close.is_some_and(|close| close.order == CloseOrder::Simultaneous),
            close_cause: row.close_cause.map(CloseCause::name),
            verdict: row.verdict.name(),
            unknown_because: row.unknown_because.as_deref().map(Cow::Borrowed),
            limited: Listed::of(shape, || LimitRecord::all(&row.limits), || row.limits.len()),
            findings: Listed::of(
                shape,
                || FindingRecord::all(&row.findings),
                || names(&row.findings),
            ),
            exchanges: row
                .exchanges
                .as_ref()
                .map(|exchanges| ExchangeRecord::all(exchanges)),
        }
    }
}

/// The names of the rules that found something, with blanks between.
fn names(findings: &[Finding]) -> String {
    let names: Vec<_> = findings.iter().map(|finding| finding.rule.name).collect();
    names.join(" ")
}

fn kind_name(kind: CloseKind) -> &'static str {
    match kind {
        CloseKind::Fin => "fin",
        CloseKind::Rst => "rst",
    }
}

impl LimitRecord {
    fn all(limits: &[Limit]) -> Vec<Self> {
        let record = |limit: &Limit| LimitRecord {
            what: limit.what,
            amount: limit.amount,
        };
        limits.iter().map(record).collect()
    }
}

impl<'a> FindingRecord<'a> {
    fn all(findings: &'a [Finding]) -> Vec<Self> {
        findings.iter().map(FindingRecord::new).collect()
    }

    fn new(finding: &'a Finding) -> Self {
        FindingRecord {
            rule: finding.rule.name,
            level: finding.rule.level.name(),
            side: finding.side.map(Peer::name),
            frame: finding.at.frame,
            frames: &finding.frames,
            time: finding.at.time.to_string(),
            message: &finding.message,
        }
    }
}

impl<'a> ExchangeRecord<'a> {
    /// A 408 that was sent while nothing was asked belongs to no exchange.
    fn all(exchanges: &'a [Exchange]) -> Vec<Self> {
        let asked = exchanges
            .iter()
            .filter(|exchange| !exchange.is_idle_timeout());
        asked.map(ExchangeRecord::new).collect()
    }

    fn new(exchange: &'a Exchange) -> Self {
        let line = exchange.request.as_ref().map(Request::method_and_target);
        let request = exchange.request.as_ref().map(|request| &request.message);
        let response = exchange.response.as_ref().map(|response| &response.message);
        let keep_alive = response.and_then(Message::keep_alive);
        let says = |message: Option<&Message>| message.and_then(Message::says).map(Says::name);
        let framing =
            |message: Option<&Message>| message.and_then(Message::framing).and_then(Framing::name);
        let frame = |message: Option<&Message>| message.map(|message| message.start_at().frame);
        let start = |message: Option<&Message>| time(message.map(Message::start_at));
        let end = |message: Option<&Message>| time(message.and_then(Message::end_at));
        ExchangeRecord {
            method: line.map(|(method, _)| method),
            target: line.map(|(_, target)| target),
            status: exchange.response.map(|response| response.status),
            request_frame: frame(request),
            request_start: start(request),
            request_end: end(request),
            response_frame: frame(response),
            response_start: start(response),
            response_end: end(response),
            client_says: says(request),
            server_says: says(response),
            timeout_s: keep_alive.and_then(|keep_alive| keep_alive.timeout),
            max: keep_alive.and_then(|keep_alive| keep_alive.max),
            request_framing: framing(request),
            response_framing: framing(response),
            response_complete: response.is_some_and(|message| message.end.is_some()),
        }
    }
}

fn time(at: Option<At>) -> Option<String> {
    at.map(|at: At| Time::to_string(&at.time))
}
