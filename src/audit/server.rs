//! What one server did over all its connections, as sums: a server is an address and a port.
//!
//! In: connections with what is said of each. Out: integers, and histograms of them, in bounded room; two servers'
//! sums unite to what one run over everything would have given, in any order.

use std::collections::BTreeMap;

use super::client::{Client, ClientKey};
use super::event::Event;
use super::histogram::{Coarse, Fine, Witness};
use super::least::Least;
use super::loss::{Again, LossKind, LostRequest, Resending};
use super::sighting::{Idleness, LastIdle, Reuse};
use super::{Row, Totals};
use crate::tcp::{Close, CloseKind, Peer};
use crate::time::Time;

/// What one server did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Counts, verdicts and findings.
    pub totals: Totals,
    /// The first packet and the last one, of any connection.
    pub seen: Option<(Time, Time)>,
    /// Connections with more than one request.
    pub reused: u64,
    /// How its connections ended.
    pub ends: Ends,
    /// Why, by the name of the cause; those of which it is not known are not there.
    pub causes: BTreeMap<&'static str, u64>,
    /// What it advertised first on how many connections; those without any response are not there.
    pub advertised: Least<Advertised, u64, MAX_ADVERTISED>,
    /// After how long it closed idle connections, without an event or an announcement.
    pub closes: Fine,
    /// For how long it left idle connections open: until the client used them again or closed, an event came, or the
    /// capture ended.
    pub outlived: Coarse,
    /// Its requests that met a closing connection.
    pub lost: BTreeMap<LostSort, u64>,
    /// The first of them, those that are not safe to send again before the others.
    pub lost_requests: Least<LostRequest, (), MAX_LOST>,
    /// How many connections were closed in events, and how many events there were.
    pub events: EventSums,
    /// The first of them.
    pub first_events: Least<Event, (), MAX_EVENTS>,
    /// Who used it.
    pub clients: Least<ClientKey, Client, MAX_CLIENTS>,
}

/// How many different advertised pairs are told of a server.
pub const MAX_ADVERTISED: usize = 16;

/// How many lost requests are told one by one of a server.
pub const MAX_LOST: usize = 100;

/// How many events are told one by one of a server.
pub const MAX_EVENTS: usize = 20;

/// How many clients are told apart of a server.
pub const MAX_CLIENTS: usize = 256;

/// How connections ended: with the first FIN or RST, by who sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// The server's FIN.
    pub server_fin: u64,
    /// The server's RST.
    pub server_rst: u64,
    /// The client's FIN.
    pub client_fin: u64,
    /// The client's RST.
    pub client_rst: u64,
    /// Not at all.
    pub open: u64,
}

/// What the first response that carries it advertises; both `None` where none does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advertised {
    /// The timeout in seconds.
    pub timeout: Option<u32>,
    /// The number of requests.
    pub max: Option<u32>,
}

/// What lost requests are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostSort {
    /// How they were lost.
    pub kind: LossKind,
    /// Whether it is safe to send them again.
    pub resending: Resending,
    /// Whether they were seen again.
    pub seen_again: SeenAgain,
}

/// Whether a lost request was seen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeenAgain {
    /// It was.
    Yes,
    /// Not in the capture.
    No,
}

/// Sums over events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventSums {
    /// How many.
    pub events: u64,
    /// Connections that were closed.
    pub connections: u64,
    /// Those of them that had been announced.
    pub announced: u64,
    /// Requests that were lost on them.
    pub lost: u64,
}

impl Server {
    /// Adds a connection; what depends on others of its time is added later.
    pub(super) fn add(&mut self, row: &Row, idleness: &Idleness) {
        self.totals.add(row);
        self.see(row.first.time, row.last.time);
        self.reused += u64::from(row.requests > 1);
        self.ends.add(row.close);
        if let Some(cause) = row.close_cause {
            *self.causes.entry(cause.name()).or_default() += 1;
        }
        if row.responses > 0 {
            let advertised = Advertised {
                timeout: row.timeout,
                max: row.max,
            };
            if let Some(count) = self.advertised.entry(&advertised) {
                *count += 1;
            }
        }
        for &(gap, came_of_it) in &idleness.gaps {
            if came_of_it == Reuse::Answered {
                self.outlived.add(gap, Witness::New);
            }
        }
        // What the server closed is added when it is known whether that was an event.
        if let Some((last, LastIdle::Client | LastIdle::ClientOtherwise | LastIdle::Nobody)) =
            idleness.last
        {
            self.outlived.add(last, Witness::New);
        }
        if let Some(client) = self.clients.entry(&ClientKey::new(row.client.ip())) {
            client.add(row, idleness);
        }
    }

    fn see(&mut self, first: Time, last: Time) {
        let (earliest, latest) = self.seen.get_or_insert((first, last));
        *earliest = first.min(*earliest);
        *latest = last.max(*latest);
    }

    /// Adds a lost request of this client.
    pub(super) fn add_lost(&mut self, client: ClientKey, request: &LostRequest) {
        let sort = LostSort {
            kind: request.kind,
            resending: request.resending,
            seen_again: match request.again {
                Again::After(_) => SeenAgain::Yes,
                Again::NotSeen => SeenAgain::No,
            },
        };
        *self.lost.entry(sort).or_default() += 1;
        self.lost_requests.entry(request);
        if let Some(client) = self.clients.entry(&client) {
            *client.lost.entry(request.kind).or_default() += 1;
        }
    }

    /// Adds an event.
    pub(super) fn add_event(&mut self, event: &Event) {
        self.events.merge(EventSums {
            events: 1,
            connections: event.connections,
            announced: event.announced,
            lost: event.lost,
        });
        self.first_events.entry(event);
    }

    /// Adds what was seen elsewhere.
    pub fn merge(&mut self, other: Server) {
        self.totals.merge(&other.totals);
        if let Some((first, last)) = other.seen {
            self.see(first, last);
        }
        self.reused += other.reused;
        self.ends.merge(other.ends);
        add_counts(&mut self.causes, &other.causes);
        self.advertised
            .merge(other.advertised, |sum, count| *sum += count);
        self.closes.merge(&other.closes);
        self.outlived.merge(&other.outlived);
        add_counts(&mut self.lost, &other.lost);
        self.lost_requests.merge(other.lost_requests, |(), ()| ());
        self.events.merge(other.events);
        self.first_events.merge(other.first_events, |(), ()| ());
        self.clients
            .merge(other.clients, |sum, client| sum.merge(&client));
    }

    /// How many requests were lost so.
    pub fn lost_with(&self, is_meant: impl Fn(&LostSort) -> bool) -> u64 {
        let meant = self.lost.iter().filter(|(sort, _)| is_meant(sort));
        meant.map(|(_, count)| count).sum()
    }
}

fn add_counts<K: Ord + Copy>(sums: &mut BTreeMap<K, u64>, counts: &BTreeMap<K, u64>) {
    for (&key, count) in counts {
        *sums.entry(key).or_default() += count;
    }
}

impl Ends {
    fn add(&mut self, close: Option<Close>) {
        *match close.map(|close| (close.by, close.kind)) {
            Some((Peer::Server, CloseKind::Fin)) => &mut self.server_fin,
            Some((Peer::Server, CloseKind::Rst)) => &mut self.server_rst,
            Some((Peer::Client, CloseKind::Fin)) => &mut self.client_fin,
            Some((Peer::Client, CloseKind::Rst)) => &mut self.client_rst,
            None => &mut self.open,
        } += 1;
    }

    fn merge(&mut self, other: Ends) {
        self.server_fin += other.server_fin;
        self.server_rst += other.server_rst;
        self.client_fin += other.client_fin;
        self.client_rst += other.client_rst;
        self.open += other.open;
    }
}

impl EventSums {
    fn merge(&mut self, other: EventSums) {
        self.events += other.events;
        self.connections += other.connections;
        self.announced += other.announced;
        self.lost += other.lost;
    }
}
