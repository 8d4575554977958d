//! A row for each server: how its connections went, and what it did with idle ones.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::advice::{grouped, sentences, timeout_cell};
use super::columns::{Break, Head};
use super::document::Document;
use super::listing::{Captures, Listing, Remark, Value};
use super::words;
use crate::audit::Survey;
use crate::audit::conclusions::Conclusions;
use crate::audit::idle_timeout::{IdleTimeout, Mode, infer};
use crate::audit::loss::{Again, LossKind, LostRequest, Resending};
use crate::audit::mismatch::Mismatch;
use crate::audit::server::{Advertised, Ends, SeenAgain, Server};
use crate::audit::{client::Client, defaults, event::Event};
use crate::packet::Endpoint;
use crate::rules::Verdict;
use crate::time::{Span, Time};

/// What was read, and what all servers did.
#[derive(Clone, Copy, Debug)]
pub struct ByServer<'a> {
    /// What was read, and the sums over everything.
    pub document: Document<'a>,
    /// The servers.
    pub survey: &'a Survey,
}

/// A server.
#[derive(Serialize)]
pub struct ServerRecord<'a> {
    server_ip: IpAddr,
    server_port: u16,
    start: Option<String>,
    end: Option<String>,
    connections: u64,
    requests: u64,
    responses: u64,
    unanswered: u64,
    reused: u64,
    ends: EndsRecord,
    causes: &'a BTreeMap<&'static str, u64>,
    advertised: Vec<AdvertisedRecord>,
    idle_timeout: IdleTimeoutRecord,
    /// Whether that is what is advertised.
    promise: Option<&'static str>,
    /// Products with such a timeout by default.
    likely: Vec<&'static str>,
    mismatches: Vec<MismatchRecord>,
    lost: LostRecord,
    events: EventsRecord<'a>,
    clients: Vec<ClientRecord>,
    /// Connections of clients that are not told apart.
    other_clients: u64,
    verdict: Option<&'static str>,
    verdicts: BTreeMap<&'static str, u64>,
    findings: &'a BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct EndsRecord {
    server_fin: u64,
    server_rst: u64,
    client_fin: u64,
    client_rst: u64,
    open: u64,
}

#[derive(Serialize)]
struct AdvertisedRecord {
    timeout_s: Option<u32>,
    max: Option<u32>,
    connections: u64,
}

#[derive(Serialize)]
struct IdleTimeoutRecord {
    kind: &'static str,
    from_s: Option<f64>,
    to_s: Option<f64>,
    samples: u64,
    outside: u64,
    survived_s: Option<f64>,
    modes: Vec<ModeRecord>,
}

#[derive(Serialize)]
struct ModeRecord {
    from_s: f64,
    mostly_by_s: f64,
    to_s: f64,
    samples: u64,
}

#[derive(Serialize)]
struct MismatchRecord {
    client_ip: IpAddr,
    reuse_max_s: Option<f64>,
    requests: u64,
    lost: u64,
    expected_per_10000: Option<f64>,
    set_client_below_s: f64,
    set_server_above_s: Option<f64>,
}

#[derive(Serialize)]
struct LostRecord {
    requests: u64,
    not_idempotent: u64,
    seen_again: u64,
    kinds: BTreeMap<&'static str, u64>,
    first: Vec<LostRequestRecord>,
}

#[derive(Serialize)]
struct LostRequestRecord {
    capture: String,
    stream: u64,
    frame: u64,
    time: String,
    kind: &'static str,
    idle_s: Option<f64>,
    method: String,
    target: String,
    idempotent: bool,
    seen_again_s: Option<f64>,
}

#[derive(Serialize)]
struct EventsRecord<'a> {
    events: u64,
    connections: u64,
    announced: u64,
    lost: u64,
    first: Vec<EventRecord<'a>>,
}

#[derive(Serialize)]
struct EventRecord<'a> {
    capture: &'a str,
    start: String,
    duration_s: f64,
    connections: u64,
    announced: u64,
    interrupted: u64,
    lost: u64,
}

#[derive(Serialize)]
struct ClientRecord {
    client_ip: IpAddr,
    connections: u64,
    requests: u64,
    reuse_max_s: Option<f64>,
    idle_timeout: IdleTimeoutRecord,
    likely: Vec<&'static str>,
    closed_by_server: u64,
    lost: BTreeMap<&'static str, u64>,
}

impl<'a> ServerRecord<'a> {
    fn new(endpoint: &Endpoint, server: &'a Server) -> Self {
        let totals = &server.totals;
        let conclusions = server.conclusions();
        let told: u64 = server
            .clients
            .iter()
            .map(|(_, client)| client.connections)
            .sum();
        ServerRecord {
            server_ip: endpoint.ip(),
            server_port: endpoint.port(),
            start: server.seen.map(|(first, _)| first.to_string()),
            end: server.seen.map(|(_, last)| last.to_string()),
            connections: totals.connections,
            requests: totals.requests,
            responses: totals.responses,
            unanswered: totals.unanswered,
            reused: server.reused,
            ends: EndsRecord::new(server.ends),
            causes: &server.causes,
            advertised: server
                .advertised
                .iter()
                .map(AdvertisedRecord::new)
                .collect(),
            idle_timeout: IdleTimeoutRecord::new(&conclusions.timeout),
            promise: conclusions.promise.map(|promise| promise.kept.name()),
            likely: conclusions.likely,
            mismatches: conclusions
                .mismatches
                .iter()
                .map(MismatchRecord::new)
                .collect(),
            lost: LostRecord::new(server),
            events: EventsRecord::new(server),
            clients: clients(server).map(ClientRecord::new).collect(),
            other_clients: totals.connections.saturating_sub(told),
            verdict: totals.worst().map(Verdict::name),
            verdicts: words::verdicts(totals),
            findings: &totals.findings,
        }
    }
}

/// The clients of a server, those with most connections first.
fn clients(server: &Server) -> impl Iterator<Item = (IpAddr, &Client)> {
    let mut clients: Vec<_> = server.clients.iter().collect();
    clients.sort_by_key(|&(key, client)| (u64::MAX - client.connections, *key));
    clients.into_iter().map(|(key, client)| (key.ip, client))
}

impl EndsRecord {
    fn new(ends: Ends) -> Self {
        EndsRecord {
            server_fin: ends.server_fin,
            server_rst: ends.server_rst,
            client_fin: ends.client_fin,
            client_rst: ends.client_rst,
            open: ends.open,
        }
    }
}

impl AdvertisedRecord {
    fn new((advertised, &connections): (&Advertised, &u64)) -> Self {
        AdvertisedRecord {
            timeout_s: advertised.timeout,
            max: advertised.max,
            connections,
        }
    }
}

impl IdleTimeoutRecord {
    fn new(timeout: &IdleTimeout) -> Self {
        IdleTimeoutRecord {
            kind: timeout.kind.name(),
            from_s: timeout.soonest().map(Span::seconds),
            to_s: timeout.latest().map(Span::seconds),
            samples: timeout.samples,
            outside: timeout.outside,
            survived_s: timeout.survived.map(Span::seconds),
            modes: timeout.modes.iter().map(ModeRecord::new).collect(),
        }
    }
}

impl ModeRecord {
    fn new(mode: &Mode) -> Self {
        ModeRecord {
            from_s: mode.from.seconds(),
            mostly_by_s: mode.mostly_by.seconds(),
            to_s: mode.to.seconds(),
            samples: mode.samples,
        }
    }
}

impl MismatchRecord {
    fn new(mismatch: &Mismatch) -> Self {
        MismatchRecord {
            client_ip: mismatch.client,
            reuse_max_s: mismatch.reuses_up_to.map(Span::seconds),
            requests: mismatch.requests,
            lost: mismatch.lost,
            expected_per_10000: mismatch.expected.map(to_hundredths),
            set_client_below_s: mismatch.client_below.seconds(),
            set_server_above_s: mismatch.server_above.map(Span::seconds),
        }
    }
}

/// An expectation has no more digits than that.
fn to_hundredths(expected: f64) -> f64 {
    (expected * 100.0).round() / 100.0
}

impl LostRecord {
    fn new(server: &Server) -> Self {
        let of_kind = |kind| (kind, server.lost_with(|sort| sort.kind == kind));
        let kinds = LossKind::ALL.into_iter().map(of_kind);
        LostRecord {
            requests: server.lost_with(|_| true),
            not_idempotent: server.lost_with(|sort| sort.resending == Resending::Unsafe),
            seen_again: server.lost_with(|sort| sort.seen_again == SeenAgain::Yes),
            kinds: kinds
                .filter(|&(_, count)| count > 0)
                .map(|(kind, count)| (kind.name(), count))
                .collect(),
            first: server
                .lost_requests
                .iter()
                .map(|(request, ())| LostRequestRecord::new(request))
                .collect(),
        }
    }
}

impl LostRequestRecord {
    fn new(request: &LostRequest) -> Self {
        let (method, target) = request.line.split_once(' ').unwrap_or((&request.line, ""));
        LostRequestRecord {
            capture: request.capture.to_string(),
            stream: request.stream,
            frame: request.frame,
            time: Time::from_nanos(request.nanos.into()).to_string(),
            kind: request.kind.name(),
            idle_s: request.idle.map(Span::seconds),
            method: method.to_owned(),
            target: target.to_owned(),
            idempotent: request.resending == Resending::Safe,
            seen_again_s: match request.again {
                Again::After(span) => Some(span.seconds()),
                Again::NotSeen => None,
            },
        }
    }
}

impl<'a> EventsRecord<'a> {
    fn new(server: &'a Server) -> Self {
        EventsRecord {
            events: server.events.events,
            connections: server.events.connections,
            announced: server.events.announced,
            lost: server.events.lost,
            first: server
                .first_events
                .iter()
                .map(|(event, ())| EventRecord::new(event))
                .collect(),
        }
    }
}

impl<'a> EventRecord<'a> {
    fn new(event: &'a Event) -> Self {
        EventRecord {
            capture: &event.capture,
            start: Time::from_nanos(event.nanos.into()).to_string(),
            duration_s: event.lasted.seconds(),
            connections: event.connections,
            announced: event.announced,
            interrupted: event.interrupted,
            lost: event.lost,
        }
    }
}

impl ClientRecord {
    fn new((client_ip, client): (IpAddr, &Client)) -> Self {
        let timeout = infer(&client.closes, &client.outlived);
        ClientRecord {
            client_ip,
            connections: client.connections,
            requests: client.requests,
            reuse_max_s: client.reuses.most().map(Span::seconds),
            likely: defaults::clients(&timeout),
            idle_timeout: IdleTimeoutRecord::new(&timeout),
            closed_by_server: client.closed_by_server,
            lost: client
                .lost
                .iter()
                .map(|(kind, &count)| (kind.name(), count))
                .collect(),
        }
    }
}

impl Listing for ByServer<'_> {
    type Record<'a>
        = ServerRecord<'a>
    where
        Self: 'a;

    const NAME: &'static str = "servers";

    const CAPTURES: Captures = Captures::Listed;

    fn document(&self) -> Document<'_> {
        self.document
    }

    fn records(&self) -> impl Iterator<Item = ServerRecord<'_>> {
        let servers = self.survey.servers.iter();
        servers.map(|(endpoint, server)| ServerRecord::new(endpoint, server))
    }

    fn fields(&self) -> Vec<&'static str> {
        FIELDS.iter().map(|&(name, _)| name).collect()
    }

    fn flat(&self) -> impl Iterator<Item = Vec<Value>> {
        self.survey.servers.iter().map(|server| {
            let told = Told::new(server);
            FIELDS.iter().map(|(_, value)| value(&told)).collect()
        })
    }

    fn columns(&self) -> &[Head] {
        &COLUMNS
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let servers = self.survey.servers.iter();
        servers.map(|server| cells(&Told::new(server))).collect()
    }

    fn remarks(&self) -> Vec<Remark> {
        let servers = self.survey.servers.iter();
        let remarks = servers.map(|(endpoint, server)| Remark {
            subject: endpoint.to_string(),
            weight: server.totals.worst(),
            texts: sentences(endpoint, server, &server.conclusions()),
        });
        remarks.filter(|remark| !remark.texts.is_empty()).collect()
    }
}

/// A server with what follows from its sums.
pub(super) struct Told<'a> {
    endpoint: &'a Endpoint,
    server: &'a Server,
    pub(super) conclusions: Conclusions,
}

impl<'a> Told<'a> {
    pub(super) fn new((endpoint, server): (&'a Endpoint, &'a Server)) -> Self {
        Told {
            endpoint,
            server,
            conclusions: server.conclusions(),
        }
    }

    /// The mismatch with most lost requests.
    fn worst(&self) -> Option<&Mismatch> {
        self.conclusions.mismatches.first()
    }
}

type ValueOf = fn(&Told<'_>) -> Value;

const FIELDS: [(&str, ValueOf); 40] = [
    ("server_ip", |of| Value::Text(of.endpoint.ip().to_string())),
    ("server_port", |of| Value::Int(of.endpoint.port().into())),
    ("start", |of| {
        Value::of(of.server.seen, |(first, _)| Value::Time(first))
    }),
    ("end", |of| {
        Value::of(of.server.seen, |(_, last)| Value::Time(last))
    }),
    ("connections", |of| Value::Int(of.server.totals.connections)),
    ("requests", |of| Value::Int(of.server.totals.requests)),
    ("responses", |of| Value::Int(of.server.totals.responses)),
    ("unanswered", |of| Value::Int(of.server.totals.unanswered)),
    ("reused", |of| Value::Int(of.server.reused)),
    ("server_fin", |of| Value::Int(of.server.ends.server_fin)),
    ("server_rst", |of| Value::Int(of.server.ends.server_rst)),
    ("client_fin", |of| Value::Int(of.server.ends.client_fin)),
    ("client_rst", |of| Value::Int(of.server.ends.client_rst)),
    ("open", |of| Value::Int(of.server.ends.open)),
    ("advertised", |of| Value::Text(advertised(of.server))),
    ("idle_timeout", |of| {
        Value::Text(of.conclusions.timeout.kind.name().into())
    }),
    ("idle_from_s", |of| {
        Value::of(of.conclusions.timeout.soonest(), Value::Seconds)
    }),
    ("idle_to_s", |of| {
        Value::of(of.conclusions.timeout.latest(), Value::Seconds)
    }),
    ("idle_samples", |of| {
        Value::Int(of.conclusions.timeout.samples)
    }),
    ("idle_survived_s", |of| {
        Value::of(of.conclusions.timeout.survived, Value::Seconds)
    }),
    ("promise", |of| {
        Value::of(of.conclusions.promise, |promise| {
            Value::Text(promise.kept.name().into())
        })
    }),
    ("likely", |of| Value::Text(of.conclusions.likely.join(", "))),
    ("mismatches", |of| {
        Value::Int(of.conclusions.mismatches.len() as u64)
    }),
    ("mismatch_client_ip", |of| {
        Value::of(of.worst(), |mismatch| {
            Value::Text(mismatch.client.to_string())
        })
    }),
    ("mismatch_reuse_max_s", |of| {
        Value::of(
            of.worst().and_then(|mismatch| mismatch.reuses_up_to),
            Value::Seconds,
        )
    }),
    ("mismatch_expected_per_10000", |of| {
        let expected = of.worst().and_then(|mismatch| mismatch.expected);
        Value::of(expected.map(to_hundredths), Value::Ratio)
    }),
    ("mismatch_set_client_below_s", |of| {
        Value::of(
            of.worst().map(|mismatch| mismatch.client_below),
            Value::Seconds,
        )
    }),
    ("mismatch_set_server_above_s", |of| {
        Value::of(
            of.worst().and_then(|mismatch| mismatch.server_above),
            Value::Seconds,
        )
    }),
    ("lost", |of| Value::Int(of.server.lost_with(|_| true))),
    ("lost_not_idempotent", |of| {
        Value::Int(
            of.server
                .lost_with(|sort| sort.resending == Resending::Unsafe),
        )
    }),
    ("lost_seen_again", |of| {
        Value::Int(
            of.server
                .lost_with(|sort| sort.seen_again == SeenAgain::Yes),
        )
    }),
    ("events", |of| Value::Int(of.server.events.events)),
    ("event_connections", |of| {
        Value::Int(of.server.events.connections)
    }),
    ("clients", |of| {
        Value::Int(of.server.clients.iter().count() as u64)
    }),
    ("ok", |of| Value::Int(of.server.totals.with(Verdict::Ok))),
    ("warning", |of| {
        Value::Int(of.server.totals.with(Verdict::Warning))
    }),
    ("violation", |of| {
        Value::Int(of.server.totals.with(Verdict::Violation))
    }),
    ("unknown", |of| {
        Value::Int(of.server.totals.with(Verdict::Unknown))
    }),
    ("verdict", |of| {
        Value::of(of.server.totals.worst(), |worst| {
            Value::Text(worst.name().into())
        })
    }),
    ("findings", |of| {
        Value::Text(words::rules_found(&of.server.totals))
    }),
];

pub(super) const COLUMNS: [Head; 10] = [
    Head::left("server", Break::BeforePort),
    Head::right("connec-\ntions"),
    Head::right("requests"),
    Head::right("per\nconn."),
    Head::right("reused"),
    Head::right("closed\nby it"),
    Head::left("advertised", Break::BehindCommas),
    Head::left("idle timeout", Break::BehindCommas),
    Head::right("lost"),
    Head::left("verdict", Break::Nowhere),
];

pub(super) fn cells(told: &Told<'_>) -> Vec<String> {
    let Server { totals, ends, .. } = told.server;
    vec![
        told.endpoint.to_string(),
        grouped(totals.connections),
        grouped(totals.requests),
        ratio(totals.requests, totals.connections),
        percent(told.server.reused, totals.connections),
        percent(ends.server_fin + ends.server_rst, totals.connections),
        words::or_nothing(advertised(told.server)),
        timeout_cell(&told.conclusions.timeout),
        grouped(told.server.lost_with(|_| true)),
        totals
            .worst()
            .map_or(words::NOTHING, Verdict::name)
            .to_owned(),
    ]
}

/// `4.3`
fn ratio(number: u64, of: u64) -> String {
    if of == 0 {
        return words::NOTHING.to_owned();
    }
    format!("{:.1}", number as f64 / of as f64)
}

/// `98 %`
fn percent(number: u64, of: u64) -> String {
    if of == 0 {
        return words::NOTHING.to_owned();
    }
    format!("{} %", (number * 100 + of / 2) / of)
}

/// `timeout=5, max=100`, each distinct pair behind the other.
fn advertised(server: &Server) -> String {
    let pairs = server.advertised.iter().filter_map(|(advertised, _)| {
        let parts = [("timeout", advertised.timeout), ("max", advertised.max)];
        let parts: Vec<String> = parts
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", (*value)?)))
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    });
    let pairs: Vec<String> = pairs.collect();
    pairs.join("; ")
}
