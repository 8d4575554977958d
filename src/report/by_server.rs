//! A row for each server: how its connections went, and what it did with idle ones.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::columns::Alignment::{Left, Right};
use super::document::Document;
use super::listing::{Captures, Listing, ListingColumn, Remark, Value};
use super::words;
use crate::audit::Survey;
use crate::audit::loss::{Again, LossKind, LostRequest, Resending};
use crate::audit::server::{Advertised, Ends, SeenAgain, Server};
use crate::audit::{client::Client, event::Event};
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
    idle_closes: u64,
    closed_by_server: u64,
    lost: BTreeMap<&'static str, u64>,
}

impl<'a> ServerRecord<'a> {
    fn new(endpoint: &Endpoint, server: &'a Server) -> Self {
        let totals = &server.totals;
        let told: u64 = server
            .clients
            .iter()
            .map(|(_, client)| client.connections)
            .sum();
        ServerRecord {
            server_ip: endpoint.ip,
            server_port: endpoint.port,
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
        ClientRecord {
            client_ip,
            connections: client.connections,
            requests: client.requests,
            reuse_max_s: client.reuses.most().map(Span::seconds),
            idle_closes: client.closes.count(),
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
        self.survey.servers.iter().map(|(endpoint, server)| {
            FIELDS
                .iter()
                .map(|(_, value)| value(endpoint, server))
                .collect()
        })
    }

    fn columns(&self) -> &[ListingColumn] {
        &COLUMNS
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let servers = self.survey.servers.iter();
        servers
            .map(|(endpoint, server)| cells(endpoint, server))
            .collect()
    }

    fn remarks(&self) -> Vec<Remark> {
        Vec::new()
    }
}

type ValueOf = fn(&Endpoint, &Server) -> Value;

const FIELDS: [(&str, ValueOf); 27] = [
    ("server_ip", |endpoint, _| {
        Value::Text(endpoint.ip.to_string())
    }),
    ("server_port", |endpoint, _| {
        Value::Int(endpoint.port.into())
    }),
    ("start", |_, server| {
        Value::of(server.seen, |(first, _)| Value::Text(first.to_string()))
    }),
    ("end", |_, server| {
        Value::of(server.seen, |(_, last)| Value::Text(last.to_string()))
    }),
    ("connections", |_, server| {
        Value::Int(server.totals.connections)
    }),
    ("requests", |_, server| Value::Int(server.totals.requests)),
    ("responses", |_, server| Value::Int(server.totals.responses)),
    ("unanswered", |_, server| {
        Value::Int(server.totals.unanswered)
    }),
    ("reused", |_, server| Value::Int(server.reused)),
    ("server_fin", |_, server| Value::Int(server.ends.server_fin)),
    ("server_rst", |_, server| Value::Int(server.ends.server_rst)),
    ("client_fin", |_, server| Value::Int(server.ends.client_fin)),
    ("client_rst", |_, server| Value::Int(server.ends.client_rst)),
    ("open", |_, server| Value::Int(server.ends.open)),
    ("advertised", |_, server| Value::Text(advertised(server))),
    ("lost", |_, server| Value::Int(server.lost_with(|_| true))),
    ("lost_not_idempotent", |_, server| {
        Value::Int(server.lost_with(|sort| sort.resending == Resending::Unsafe))
    }),
    ("lost_seen_again", |_, server| {
        Value::Int(server.lost_with(|sort| sort.seen_again == SeenAgain::Yes))
    }),
    ("events", |_, server| Value::Int(server.events.events)),
    ("event_connections", |_, server| {
        Value::Int(server.events.connections)
    }),
    ("clients", |_, server| {
        Value::Int(server.clients.iter().count() as u64)
    }),
    ("ok", |_, server| {
        Value::Int(server.totals.with(Verdict::Ok))
    }),
    ("warning", |_, server| {
        Value::Int(server.totals.with(Verdict::Warning))
    }),
    ("violation", |_, server| {
        Value::Int(server.totals.with(Verdict::Violation))
    }),
    ("unknown", |_, server| {
        Value::Int(server.totals.with(Verdict::Unknown))
    }),
    ("verdict", |_, server| {
        Value::of(server.totals.worst(), |worst| {
            Value::Text(worst.name().into())
        })
    }),
    ("findings", |_, server| {
        Value::Text(words::rules_found(&server.totals))
    }),
];

const COLUMNS: [ListingColumn; 9] = [
    ListingColumn::new("server", Left),
    ListingColumn::new("connec-\ntions", Right),
    ListingColumn::new("requests", Right),
    ListingColumn::new("per conn.", Right),
    ListingColumn::new("reused", Right),
    ListingColumn::new("closed by\nserver, client", Right),
    ListingColumn::new("advertised", Left),
    ListingColumn::new("lost", Right),
    ListingColumn::new("verdict", Left),
];

fn cells(endpoint: &Endpoint, server: &Server) -> Vec<String> {
    let Server { totals, ends, .. } = server;
    vec![
        endpoint.to_string(),
        totals.connections.to_string(),
        totals.requests.to_string(),
        ratio(totals.requests, totals.connections),
        percent(server.reused, totals.connections),
        format!(
            "{}, {}",
            ends.server_fin + ends.server_rst,
            ends.client_fin + ends.client_rst
        ),
        words::or_nothing(advertised(server)),
        server.lost_with(|_| true).to_string(),
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
