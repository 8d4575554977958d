//! What is kept of a connection that was judged until it is finished.
//!
//! In: a connection, and what the rules say of it. Out: its [`Row`], once the latest is known of it.

use std::mem;

use super::{Extent, Plan, Row, Sighting, Surveying};
use crate::connection::{CloseCause, Connection, Exchange, Gaps, Limit, Protocol, Versions};
use crate::http::Says;
use crate::rules::{Finding, Judgement, Verdict, judge};
use crate::tcp::{Close, Latest, Peer, PerPeer, Side};
use crate::time::{At, Span};

/// A connection that was judged: what its row will have, but for what is told when it is finished. Many thousands are
/// kept at once: what most of them lack is in [`Rare`].
#[derive(Debug)]
pub(super) struct Judged {
    first: At,
    close: Option<Close>,
    octets: PerPeer<u64>,
    requests: u64,
    responses: u64,
    rtt: Option<Span>,
    idle_last: Option<Span>,
    rare: Option<Box<Rare>>,
    protocol: Protocol,
    version: Option<Versions>,
    client_asks: Option<Says>,
    server_says: Option<Says>,
    close_cause: Option<CloseCause>,
    verdict: Verdict,
    requester: Peer,
    whole: bool,
    handshake: bool,
}

/// What only some connections have.
#[derive(Debug, Default)]
struct Rare {
    missing: u64,
    keepalives: u64,
    unanswered: u64,
    timeout: Option<u32>,
    max: Option<u32>,
    upgraded: bool,
    idle_gaps: Gaps,
    idle_max: Option<Span>,
    unknown_because: Option<Box<str>>,
    limits: Box<[Limit]>,
    findings: Box<[Finding]>,
    exchanges: Option<Box<[Exchange]>>,
    sides: Option<Box<PerPeer<Side>>>,
    sighting: Option<Box<Sighting>>,
}

impl Judged {
    /// What is kept of a connection as it is, is taken out of it.
    #[inline]
    pub(super) fn new(connection: &mut Connection, plan: &Plan) -> Self {
        let judgement = judge(connection, &plan.settings);
        let sighting = match plan.survey {
            Surveying::Asked => Some(Box::new(Sighting::new(connection, &judgement))),
            Surveying::NotAsked => None,
        };
        Judged::of(connection, judgement, plan.extent, sighting)
    }

    /// So much of a connection. What the row keeps of it as it is, is taken out of it.
    pub(super) fn of(
        connection: &mut Connection,
        judgement: Judgement,
        extent: Extent,
        sighting: Option<Box<Sighting>>,
    ) -> Self {
        let client = connection.as_opened(Peer::Client);
        let (verdict, close_cause) = (judgement.verdict, connection.close_cause());
        let rare = Rare::of(connection, judgement, extent, sighting);
        let (facts, tally) = (&connection.facts, &connection.tally);
        let close = facts.close.map(|close| Close {
            by: connection.as_opened(close.by),
            ..close
        });
        Judged {
            first: facts.first,
            close,
            octets: PerPeer {
                client: facts.sides[client].octets,
                server: facts.sides[client.other()].octets,
            },
            requests: tally.requests,
            responses: tally.responses,
            rtt: facts.handshake.rtt(),
            idle_last: connection.idle_last,
            rare,
            protocol: connection.protocol,
            version: tally.version,
            client_asks: tally.client_asks,
            server_says: tally.server_says,
            close_cause,
            verdict,
            requester: client,
            whole: connection.is_whole(),
            handshake: facts.handshake.is_complete(),
        }
    }

    /// What it tells of its server, where that is asked for: once.
    pub(super) fn take_sighting(&mut self) -> Option<Box<Sighting>> {
        self.rare.as_mut()?.sighting.take()
    }

    /// The row of the connection, of which this is the latest that is known.
    #[inline(always)]
    pub(super) fn into_row(self, latest: &Latest) -> Row {
        let rare = self.rare.map(|rare| *rare).unwrap_or_default();
        Row {
            capture: 0,
            stream: latest.stream,
            client: latest.ends.client,
            server: latest.ends.server,
            protocol: self.protocol,
            first: self.first,
            last: latest.last,
            packets: latest.packets,
            client_octets: self.octets.client,
            server_octets: self.octets.server,
            whole: self.whole,
            handshake: self.handshake,
            rtt: self.rtt,
            missing: rare.missing,
            keepalives: rare.keepalives,
            requests: self.requests,
            responses: self.responses,
            unanswered: rare.unanswered,
            version: self.version,
            client_asks: self.client_asks,
            server_says: self.server_says,
            timeout: rare.timeout,
            max: rare.max,
            upgraded: rare.upgraded,
            idle_gaps: rare.idle_gaps,
            idle_max: rare.idle_max,
            idle_last: self.idle_last,
            close: self.close,
            close_cause: self.close_cause,
            verdict: self.verdict,
            unknown_because: rare.unknown_because,
            limits: rare.limits,
            findings: rare.findings,
            requester: self.requester,
            exchanges: rare.exchanges,
            sides: rare.sides,
        }
    }

    /// The memory that it takes, in octets: more or less.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.rare.as_ref().map_or(0, |rare| rare.weight())
    }
}

impl Rare {
    /// What there is of that, where there is any. It is large: it is not put together where there is none.
    fn of(
        connection: &mut Connection,
        judgement: Judgement,
        extent: Extent,
        sighting: Option<Box<Sighting>>,
    ) -> Option<Box<Self>> {
        let is_wanted = extent == Extent::Exchanges || sighting.is_some();
        if !is_wanted && !Rare::is_in(connection, &judgement) {
            return None;
        }
        let idle_gaps = connection.exchanges.take_gaps();
        let client = connection.as_opened(Peer::Client);
        let (exchanges, sides) = match extent {
            Extent::Connection => (None, None),
            Extent::Exchanges => {
                let sides = &connection.facts.sides;
                let sides = PerPeer {
                    client: sides[client],
                    server: sides[client.other()],
                };
                let exchanges = mem::take(&mut connection.exchanges);
                (Some(exchanges.into()), Some(Box::new(sides)))
            }
        };
        let tally = &connection.tally;
        Some(Box::new(Rare {
            missing: connection.missing(),
            keepalives: connection.keepalives(),
            unanswered: tally.unanswered(),
            timeout: tally.timeout,
            max: tally.max,
            upgraded: connection.tunnel.is_some(),
            idle_gaps,
            idle_max: tally.idle_max,
            unknown_because: judgement.unknown_because.map(String::into_boxed_str),
            limits: mem::take(&mut connection.limits).into(),
            findings: judgement.findings.into(),
            exchanges,
            sides,
            sighting,
        }))
    }

    /// Whether a connection has any of it, or was judged so that it has.
    fn is_in(connection: &Connection, judgement: &Judgement) -> bool {
        let tally = &connection.tally;
        connection.missing() + connection.keepalives() + tally.unanswered() > 0
            || tally.timeout.is_some()
            || tally.max.is_some()
            || connection.tunnel.is_some()
            || !connection.exchanges.gaps().is_empty()
            || tally.idle_max.is_some()
            || judgement.unknown_because.is_some()
            || !connection.limits.is_empty()
            || !judgement.findings.is_empty()
    }

    fn weight(&self) -> usize {
        let exchanges = self.exchanges.as_ref();
        let exchanges = exchanges.map_or(0, |exchanges| exchanges.len());
        size_of::<Self>()
            + self.idle_gaps.weight()
            + self.findings.len() * FINDING
            + exchanges * (size_of::<Exchange>() + TARGET)
    }
}

/// What a finding takes with its message and frames.
const FINDING: usize = 256;

/// What the method and target of a request usually take.
const TARGET: usize = 64;
