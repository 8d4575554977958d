//! What all servers did, over any number of captures.
//!
//! A [`Watch`] takes the connections of one capture, as they are finished, and keeps of them no more than sums and a
//! bounded number of the latest closes and requests, which are compared with each other: closes in one instant are an
//! event, and a lost request may have been sent again. It ends as a [`Survey`]; surveys unite in any order.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::again::{Requests, Sent};
use super::client::ClientKey;
use super::event::{Event, ServerClose, Why, events};
use super::histogram::Witness;
use super::loss::LostRequest;
use super::server::Server;
use super::{Row, Sighting};
use crate::packet::Endpoint;
use crate::time::{Span, Time};

/// What all servers did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// By address and port.
    pub servers: BTreeMap<Endpoint, Server>,
}

impl Survey {
    /// Adds what was seen elsewhere.
    pub fn merge(&mut self, other: Survey) {
        for (endpoint, server) in other.servers {
            self.servers.entry(endpoint).or_default().merge(server);
        }
    }
}

/// How many closes of a capture are held back to be compared; the earlier half is let go at this bound.
const MAX_CLOSES: usize = 100_000;

/// How many lost requests of a capture wait to be seen again; at this bound nothing more is awaited for them.
const MAX_WAITING: usize = 20_000;

/// The survey of one capture, or of one joined set, while it is read.
///
/// Connections must come in an order that depends on the capture alone.
#[derive(Debug)]
pub struct Watch {
    capture: Arc<str>,
    survey: Survey,
    closes: Vec<(Endpoint, ServerClose)>,
    requests: Requests,
    lost: Vec<(Endpoint, ClientKey, LostRequest, Sent)>,
}

impl Watch {
    /// Of the capture with this path.
    pub fn new(capture: &str) -> Self {
        Watch {
            capture: capture.into(),
            survey: Survey::default(),
            closes: Vec::new(),
            requests: Requests::default(),
            lost: Vec::new(),
        }
    }

    /// Adds a connection.
    pub fn take(&mut self, row: &Row, sighting: Sighting) {
        let server = self.survey.servers.entry(row.server).or_default();
        server.add(row, &sighting.idleness);
        for sent in sighting.sent {
            self.requests.note(sent);
        }
        let client = ClientKey::new(row.client.ip());
        for (mut request, sent) in sighting.lost {
            request.capture = Arc::clone(&self.capture);
            self.requests.note_lost(sent);
            self.lost.push((row.server, client, request, sent));
        }
        if let Some(close) = sighting.close {
            self.closes.push((row.server, close));
        }
        if self.closes.len() >= MAX_CLOSES {
            self.compare_closes(MAX_CLOSES / 2);
        }
        if self.lost.len() >= MAX_WAITING {
            self.conclude_lost();
        }
    }

    /// The capture is over.
    pub fn finish(mut self) -> Survey {
        self.compare_closes(self.closes.len());
        self.conclude_lost();
        self.survey
    }

    /// Lets go of so many closes, the earliest of those that wait.
    fn compare_closes(&mut self, number: usize) {
        self.closes
            .sort_by_key(|(_, close)| (close.at, close.stream));
        let mut of_server: BTreeMap<Endpoint, Vec<ServerClose>> = BTreeMap::new();
        let kept = self.closes.split_off(number.min(self.closes.len()));
        for (endpoint, close) in std::mem::replace(&mut self.closes, kept) {
            of_server.entry(endpoint).or_default().push(close);
        }
        for (endpoint, closes) in of_server {
            let server = self.survey.servers.entry(endpoint).or_default();
            add_closes(server, &closes, &self.capture);
        }
    }

    /// Looks for the lost requests among all that were sent.
    fn conclude_lost(&mut self) {
        let sent: Vec<Sent> = self.lost.iter().map(|&(.., sent)| sent).collect();
        let again = self.requests.find(&sent);
        for ((endpoint, client, request, _), again) in self.lost.drain(..).zip(again) {
            let server = self.survey.servers.entry(endpoint).or_default();
            server.add_lost(client, &LostRequest { again, ..request });
        }
    }
}

/// Adds the closes of one server, in order of time: those of events as such, the other idle ones as the work of its
/// timer.
fn add_closes(server: &mut Server, closes: &[ServerClose], capture: &Arc<str>) {
    let events = events(closes);
    for range in &events {
        let event = closes.get(range.clone());
        if let Some(event) = event.and_then(|closes| Event::of(closes, capture)) {
            server.add_event(&event);
        }
    }
    let mut last: Option<Time> = None;
    for (number, close) in closes.iter().enumerate() {
        let (Why::Idle, Some(idle)) = (close.why, close.idle) else {
            continue;
        };
        if events.iter().any(|range| range.contains(&number)) {
            server.outlived.add(idle, Witness::New);
            continue;
        }
        // Connections that fell idle together are closed together, by whatever closes them: they are one witness.
        if last.is_some_and(|last| close.at.since(last) < TOGETHER) {
            server.closes.add(idle, Witness::Echo);
        } else {
            server.closes.add(idle, Witness::New);
            last = Some(close.at);
        }
    }
}

/// Closes that follow the last witness sooner than this are no further one.
const TOGETHER: Span = Span::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Extent;
    use crate::script::play_all;

    /// The survey of a capture that has these connections.
    fn survey(capture: &str, script: &str) -> Survey {
        let mut watch = Watch::new(capture);
        for played in play_all(script) {
            let sighting = Sighting::new(&played.connection, &played.judgement);
            let row = Row::new(played.connection, played.judgement, Extent::Connection);
            watch.take(&row, sighting);
        }
        watch.finish()
    }

    const OK: &str =
        "> GET /a\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5\n";

    fn captures() -> Vec<Survey> {
        [
            format!("{OK}~ 5s\nserver FIN\nclient FIN\n"),
            format!("{OK}~ 4s\n{OK}~ 5s\nserver FIN\nreopen\n{OK}~ 9s\nclient FIN\n"),
            format!("{OK}~ 5s\nserver FIN unseen\n> POST /b unseen\nserver RST bare\n"),
            format!("{OK}~ 70s\nserver FIN\n~ 1s\n> GET /b\nreopen\n> GET /b\n< 204\n"),
            "> GET /a\nserver FIN\n".to_owned(),
        ]
        .iter()
        .zip(["a", "b", "c", "d", "e"])
        .map(|(script, capture)| survey(capture, script))
        .collect()
    }

    #[test]
    fn surveys_unite_in_any_order_and_grouping() {
        let unite = |surveys: &[Survey]| {
            let mut united = Survey::default();
            surveys
                .iter()
                .for_each(|survey| united.merge(survey.clone()));
            united
        };
        let mut surveys = captures();
        let whole = unite(&surveys);
        let mut random = fastrand::Rng::with_seed(6);
        for _ in 0..50 {
            random.shuffle(&mut surveys);
            let (one, other) = surveys.split_at(random.usize(0..=surveys.len()));
            assert_eq!(unite(&[unite(one), unite(other)]), whole);
        }
    }

    #[test]
    fn a_server_is_summed_up() {
        let mut all = Survey::default();
        captures().into_iter().for_each(|survey| all.merge(survey));
        let [server] = all.servers.values().collect::<Vec<_>>()[..] else {
            panic!("one server");
        };
        assert_eq!((server.totals.connections, server.reused), (7, 3));
        assert_eq!(
            (
                server.ends.server_fin,
                server.ends.client_fin,
                server.ends.open
            ),
            (5, 1, 1)
        );
        let idle: Vec<f64> = server
            .closes
            .buckets()
            .map(|bucket| bucket.least.seconds())
            .collect();
        assert_eq!(idle, [5.0, 70.0]);
        assert_eq!(server.closes.count(), 4);
        assert_eq!(server.outlived.most(), Some(Span::from_secs(9)));
        assert_eq!(server.lost_with(|_| true), 3);
        let lost: Vec<&str> = server
            .lost_requests
            .iter()
            .map(|(lost, ())| &*lost.line)
            .collect();
        assert_eq!(lost, ["POST /b", "GET /b", "GET /a"]);
    }

    #[test]
    fn a_lost_request_is_seen_again_on_another_connection() {
        let again = |script: &str| {
            let survey = survey("a", script);
            let server = survey.servers.into_values().next().unwrap();
            server
                .lost_requests
                .iter()
                .map(|(lost, ())| lost.again)
                .collect::<Vec<_>>()
        };
        let stale = format!("{OK}~ 5s\nserver FIN\n~ 1s\n> GET /b\nserver RST bare\n");
        let after = super::super::loss::Again::After(Span::from_millis(200));
        assert_eq!(
            again(&format!("{stale}~ 200ms\nreopen\n> GET /b\n< 204\n")),
            [after]
        );
        let never = super::super::loss::Again::NotSeen;
        assert_eq!(
            again(&format!("{stale}~ 200ms\nreopen\n> GET /c\n< 204\n")),
            [never]
        );
    }
}
