//! Where a client leaves connections idle for longer than the server keeps them, so that requests meet a close.
//!
//! In: what a client did with its connections to a server, and after how long the server closes. Out: a [`Mismatch`]
//! with numbers and what to set.
//!
//! **Who must give up first.** Whoever sends the requests must: the other side cannot know that one is under way. So a
//! client's limit belongs below the server's, by more than a round trip and the noise of both timers.
//!
//! **What is to be expected.** A request is lost where it leaves the client before the close is there, and reaches the
//! server after the timer was due. Counted in idleness as the client sees it, that is a window of one round trip below
//! the timeout. A server that is busy when its timer is due closes later, and drops what has come in the meantime
//! unread: so the window is longer by how late it closes on the average (not that of a purge in steps: until that comes,
//! requests are served). As many reuses lie in the window as lie, on average, in an equally long stretch of the last
//! quarter below the timeout, or of the last half where that has fewer than five; with fewer in both, nothing is said.
//! This takes for granted that the client does not hold back by itself near the timeout, and counts as late what is
//! noise of the network.

use std::net::IpAddr;

use super::client::{Client, ClientKey, Sum};
use super::histogram::Fine;
use super::idle_timeout::{IdleTimeout, Kind, infer};
use super::loss::LossKind;
use super::server::Server;
use crate::time::Span;

/// A client leaves connections idle for longer than the server keeps them.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The client.
    pub client: IpAddr,
    /// The longest idleness after which it used a connection again, or tried to.
    pub reuses_up_to: Option<Span>,
    /// After how long it closes idle connections itself.
    pub closes_after: IdleTimeout,
    /// When the server may close them at the soonest.
    pub server_from: Span,
    /// When it does at the latest.
    pub server_to: Span,
    /// The client's requests.
    pub requests: u64,
    /// Those of them that met a closing connection.
    pub lost: u64,
    /// How many of 10,000 requests will, by the gaps between them.
    pub expected: Option<f64>,
    /// Below which the client's limit belongs.
    pub client_below: Span,
    /// Or above which the server's does, where it is known how long the client waits.
    pub server_above: Option<Span>,
}

/// The mismatches of a server with its clients, those with most lost requests first.
pub fn mismatches(server: &Server, timeout: &IdleTimeout) -> Vec<Mismatch> {
    let late = lateness(&server.closes, timeout);
    let clients = server.clients.iter();
    let mut found: Vec<Mismatch> = clients
        .filter_map(|(key, client)| mismatch(key, client, timeout, late))
        .collect();
    found.sort_by_key(|mismatch| (u64::MAX - mismatch.lost, u64::MAX - mismatch.requests));
    found
}

fn mismatch(
    key: &ClientKey,
    client: &Client,
    timeout: &IdleTimeout,
    late: Span,
) -> Option<Mismatch> {
    let (server_from, server_to) = (timeout.soonest()?, timeout.latest()?);
    let closes_after = infer(&client.closes, &client.outlived);
    let gives_up = closes_after.latest();
    let lost = met_a_close(client);
    let reuses_up_to = client.reuses.most();
    let expected = expected(client, timeout, late);
    let is_safe = gives_up.is_some_and(|gives_up| gives_up < server_from);
    let comes_near = reuses_up_to.is_some_and(|reuse| reuse >= part(server_from, 80));
    let is_likely = expected.is_some_and(|expected| expected >= 0.5);
    if lost == 0 && (is_safe || !comes_near && !is_likely) {
        return None;
    }
    let waits = gives_up.max(reuses_up_to.filter(|&reuse| reuse > server_to));
    Some(Mismatch {
        client: key.ip,
        reuses_up_to,
        closes_after,
        server_from,
        server_to,
        requests: client.requests,
        lost,
        expected,
        client_below: below(server_from),
        server_above: waits.map(above),
    })
}

/// Requests that an idle limit cost: a response that was cut short was none.
fn met_a_close(client: &Client) -> u64 {
    let by_limit = client
        .lost
        .iter()
        .filter(|&(&kind, _)| kind != LossKind::Cut);
    by_limit.map(|(_, count)| count).sum()
}

/// So few reuses tell nothing of how often they come.
const TELLING: u64 = 5;

/// How much later than at the soonest a server closes on the average, where it has one timer.
fn lateness(closes: &Fine, timeout: &IdleTimeout) -> Span {
    let (Kind::Steady, [mode]) = (timeout.kind, timeout.modes.as_slice()) else {
        return Span::ZERO;
    };
    let within = closes
        .buckets()
        .filter(|bucket| bucket.least >= mode.from && bucket.most <= mode.to);
    let mut late = Sum::default();
    for bucket in within {
        let middle = (bucket.least - mode.from).nanos() / 2 + (bucket.most - mode.from).nanos() / 2;
        late.merge(Sum {
            count: bucket.count,
            nanos: i128::from(middle) * i128::from(bucket.count),
        });
    }
    late.mean().unwrap_or_default()
}

/// How many of 10,000 requests of this client meet the close of a server that closes so late.
fn expected(client: &Client, timeout: &IdleTimeout, late: Span) -> Option<f64> {
    let from = timeout.soonest()?;
    let window = client.rtt.mean()? + late;
    let stretch = [25, 50].map(|hundredths| part(from, hundredths));
    let near = stretch.map(|stretch| {
        let reuses = client.reuses.buckets();
        let within = reuses.filter(|bucket| bucket.least >= from - stretch && bucket.most < from);
        (stretch, within.map(|bucket| bucket.count).sum::<u64>())
    });
    let (stretch, count) = near.into_iter().find(|&(_, count)| count >= TELLING)?;
    let in_window = count as f64 * window.seconds() / stretch.seconds();
    Some(10_000.0 * in_window / client.requests as f64)
}

/// So many hundredths of a span.
fn part(span: Span, hundredths: i64) -> Span {
    Span::from_nanos(span.nanos() / 100 * hundredths)
}

/// A limit that is safely below: whole seconds, one less at least; of short ones four fifths, in tenths of a second.
fn below(span: Span) -> Span {
    let seconds = span.nanos() / 1_000_000_000 - 1;
    if seconds > 0 {
        Span::from_secs(seconds)
    } else {
        Span::from_millis(span.nanos() / 1_000_000 * 8 / 1000 * 100)
    }
}

/// A limit that is safely above: whole seconds, and more than one in between.
fn above(span: Span) -> Span {
    let margin = Span::from_secs(1).max(part(span, 2));
    Span::from_secs((span + margin).nanos() / 1_000_000_000 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::histogram::{Coarse, Witness};

    fn span(seconds: f64) -> Span {
        Span::from_nanos((seconds * 1e9) as i64)
    }

    fn timeout(seconds: f64) -> IdleTimeout {
        let mut closed = Fine::default();
        (0..9).for_each(|number| {
            closed.add(span(seconds + 0.001 * f64::from(number)), Witness::New);
        });
        infer(&closed, &Coarse::default())
    }

    fn client(requests: u64, reuses: &[f64], rtt: f64) -> Client {
        let mut client = Client {
            requests,
            ..Client::default()
        };
        client.rtt.add(span(rtt));
        for &reuse in reuses {
            client.reuses.add(span(reuse), Witness::New);
            client.outlived.add(span(reuse), Witness::New);
        }
        client
    }

    fn found(client: &Client, server: f64) -> Option<Mismatch> {
        let key = ClientKey::new(IpAddr::from([10, 0, 0, 9]));
        mismatch(&key, client, &timeout(server), Span::ZERO)
    }

    #[test]
    fn lost_requests_are_told_with_what_to_set() {
        let mut client = client(41_000, &[1.0, 2.0, 58.0], 0.001);
        client.lost.insert(LossKind::Stale, 37);
        let told = found(&client, 5.0).unwrap();
        assert_eq!((told.lost, told.requests), (37, 41_000));
        assert_eq!(told.reuses_up_to, Some(span(58.0)));
        assert_eq!(told.client_below, span(4.0));
        assert_eq!(told.server_above, Some(span(60.0)));
    }

    #[test]
    fn a_healthy_capture_warns_already() {
        // A request a second before the timeout, evenly: one in 40 of the last quarter lies within a round trip.
        let reuses: Vec<f64> = (0..1000).map(|number| f64::from(number) * 0.005).collect();
        let told = found(&client(1000, &reuses, 0.03), 5.0).unwrap();
        assert_eq!(told.lost, 0);
        assert!((told.expected.unwrap() - 60.0).abs() < 5.0, "{told:?}");
        // No limit of the client was seen, so none can be named for the server.
        assert_eq!(told.server_above, None);
    }

    #[test]
    fn the_expectation_is_what_a_simulation_gives() {
        for (mean, rtt, late) in [
            (2.0, 0.02, 0.0),
            (5.0, 0.1, 0.0),
            (1.5, 0.05, 0.03),
            (3.0, 0.001, 0.05),
        ] {
            let mut random = fastrand::Rng::with_seed(9);
            let exponential =
                |random: &mut fastrand::Rng, mean| -f64::ln(1.0 - random.f64()) * mean;
            let (mut lost, mut requests, mut reuses) = (0, 0_u64, Vec::new());
            let mut closes = Fine::default();
            for _ in 0..200_000 {
                let gap = exponential(&mut random, mean);
                let close = 5.0 + exponential(&mut random, late);
                requests += 1;
                // The server's idleness is longer by a round trip than the client's.
                if gap + rtt > 5.0 && gap < close {
                    lost += 1;
                } else if gap > close {
                    closes.add(span(close), Witness::New);
                }
                if gap < close {
                    reuses.push(gap);
                }
            }
            let seen = 10_000.0 * f64::from(lost) / requests as f64;
            let told = infer(&closes, &Coarse::default());
            let client = client(requests, &reuses, rtt);
            let expected = expected(&client, &told, lateness(&closes, &told)).unwrap();
            assert!(
                (0.6..1.7).contains(&(expected / seen)),
                "{expected} for {seen}"
            );
        }
    }

    #[test]
    fn where_nothing_can_be_lost_nothing_is_said() {
        // Reuses end well before the timeout.
        assert_eq!(found(&client(1000, &[0.1; 900], 0.03), 5.0), None);
        // The client gives up first.
        let mut hurried = client(1000, &[4.2; 900], 0.03);
        (0..5).for_each(|_| hurried.closes.add(span(4.5), Witness::New));
        assert_eq!(found(&hurried, 5.0), None);
        // It is not known when the server closes.
        let unknown = infer(&Fine::default(), &Coarse::default());
        let key = ClientKey::new(IpAddr::from([10, 0, 0, 9]));
        let patient = client(1000, &[4.9; 900], 0.03);
        assert_eq!(mismatch(&key, &patient, &unknown, Span::ZERO), None);
    }

    #[test]
    fn limits_are_rounded_to_the_safe_side() {
        for (span_of, lower, upper) in [
            (5.004, 4.0, 7.0),
            (75.07, 74.0, 77.0),
            (1.0, 0.8, 3.0),
            (1.99, 1.5, 3.0),
        ] {
            assert_eq!(below(span(span_of)), span(lower));
            assert_eq!(above(span(span_of)), span(upper));
        }
    }
}
