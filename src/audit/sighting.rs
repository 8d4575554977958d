//! What a connection tells of its server and of its client beside its [`Row`](super::Row).
//!
//! In: a connection and what is said of it. Out: a [`Sighting`]: what is compared with other connections, and for how
//! long each side left the connection open while it was idle.

use serde::{Deserialize, Serialize};

use super::again::Sent;
use super::event::{ServerClose, Why};
use super::loss::{LostRequest, losses};
use crate::connection::{CloseCause, Connection, Exchange, Opened, idle_gap};
use crate::rules::Judgement;
use crate::tcp::{CloseKind, Peer};
use crate::time::Span;

/// What a connection tells beside its row.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sighting {
    /// Its requests.
    pub(super) sent: Vec<Sent>,
    /// Those that were lost; the capture is not yet named in them.
    pub(super) lost: Vec<(LostRequest, Sent)>,
    /// Where the server closed it first.
    pub(super) close: Option<ServerClose>,
    pub(super) idleness: Idleness,
}

/// For how long a connection was left open while it was idle; nothing, where not all of it was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Idleness {
    /// The gaps before requests, and what came of those.
    pub(super) gaps: Vec<(Span, Reuse)>,
    /// From the last exchange to the end, where the connection was to persist.
    pub(super) last: Option<(Span, LastIdle)>,
}

/// What came of a request on an idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reuse {
    /// It was answered.
    Answered,
    /// It was not.
    Unanswered,
}

/// What ended the last idleness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum LastIdle {
    /// The server's timer, or whatever made it close an idle connection.
    Server,
    /// The client's timer, or whatever made it do so.
    Client,
    /// The server, for another reason.
    ServerOtherwise,
    /// The client, for another reason.
    ClientOtherwise,
    /// Nothing: the capture ended.
    Nobody,
}

impl Sighting {
    /// What this connection tells.
    pub fn new(connection: &Connection, judgement: &Judgement) -> Self {
        let facts = &connection.facts;
        let client = facts.ends[connection.as_opened(Peer::Client)].ip();
        let sent = |line: &str, at| Sent::new(client, line, at, facts.stream);
        let requests = connection.exchanges.iter();
        let requests = requests.filter_map(|exchange| exchange.request.as_ref());
        let lost: Vec<_> = losses(connection, judgement)
            .map(|loss| {
                let request = loss.request;
                (loss.record(facts.stream), sent(&request.line, loss.at.time))
            })
            .collect();
        let number = lost.len() as u64;
        let ordinary = connection.opened == Opened::ByClient && is_all_seen(connection);
        Sighting {
            sent: requests
                .map(|request| sent(&request.line, request.message.start_at().time))
                .collect(),
            lost,
            close: server_close(connection, number),
            idleness: if ordinary {
                Idleness::of(connection)
            } else {
                Idleness::default()
            },
        }
    }
}

impl Sighting {
    /// Gives its connection the number that it has.
    pub(super) fn number(&mut self, stream: u64) {
        let lost = self.lost.iter_mut();
        let again = lost.map(|(lost, sent)| {
            lost.stream = stream;
            sent
        });
        for sent in self.sent.iter_mut().chain(again) {
            sent.stream = stream;
        }
        if let Some(close) = &mut self.close {
            close.stream = stream;
        }
    }
}

/// Whether no octet is missing and every message was understood: else what seems to be one gap may be several.
fn is_all_seen(connection: &Connection) -> bool {
    connection.missing() == 0
        && connection.lost.client.is_none()
        && connection.lost.server.is_none()
        && connection.tunnel.is_none()
}

fn server_close(connection: &Connection, lost: u64) -> Option<ServerClose> {
    let close = connection.facts.close?;
    if close.by != Peer::Server || connection.opened != Opened::ByClient {
        return None;
    }
    let why = match connection.close_cause() {
        Some(CloseCause::IdleTimeout) if is_by_choice(connection) && is_all_seen(connection) => {
            Why::Idle
        }
        Some(CloseCause::Announced) => Why::Announced,
        Some(CloseCause::Aborted) => Why::Interrupted,
        _ => Why::Other,
    };
    Some(ServerClose {
        at: close.at.time,
        stream: connection.facts.stream,
        idle: connection.idle_last,
        why,
        lost,
    })
}

/// A RST without ACK answers a segment.
fn is_by_choice(connection: &Connection) -> bool {
    connection.facts.close.is_some_and(|close| {
        let rst = connection.facts.sides[close.by].rst;
        close.kind == CloseKind::Fin || rst.is_some_and(|rst| rst.ack.is_some())
    })
}

impl Idleness {
    fn of(connection: &Connection) -> Self {
        let gap = |pair: &[Exchange]| match pair {
            [before, next] => {
                let came_of_it = match next.response {
                    Some(_) => Reuse::Answered,
                    None => Reuse::Unanswered,
                };
                Some((idle_gap(before, next)?, came_of_it))
            }
            _ => None,
        };
        let last = connection.idle_last.filter(|_| connection.persists());
        Idleness {
            gaps: connection.exchanges.windows(2).filter_map(gap).collect(),
            last: last.map(|last| (last, LastIdle::of(connection, last))),
        }
    }
}

/// Who closes sooner than this after the last message has no further use for the connection; that is no timer.
const AT_ONCE: Span = Span::from_millis(100);

impl LastIdle {
    fn of(connection: &Connection, idle: Span) -> Self {
        let by = connection.facts.close.map(|close| close.by);
        let by_choice = is_by_choice(connection) && idle > AT_ONCE;
        match (by, connection.close_cause()) {
            (Some(Peer::Server), Some(CloseCause::IdleTimeout)) if by_choice => LastIdle::Server,
            (Some(Peer::Client), Some(CloseCause::IdleClient)) if by_choice => LastIdle::Client,
            (Some(Peer::Server), _) => LastIdle::ServerOtherwise,
            (Some(Peer::Client), _) => LastIdle::ClientOtherwise,
            (None, _) => LastIdle::Nobody,
        }
    }
}
