//! Whether a client sent a lost request again.
//!
//! In: every request of a capture, and which of them were lost. Out: for each lost one, how much later the same client
//! sent the same method and target on another connection, within [`SOON`]. One request stands for one lost one. Only
//! so many requests are remembered, the latest; lines are compared by 64 bits of a hash.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::loss::Again;
use crate::time::{Span, Time};

/// How soon a request must follow to be the lost one, sent again.
pub const SOON: Span = Span::from_secs(1);

/// How many requests are remembered of a capture; at most twice as many between two clearances.
const REMEMBERED: usize = 250_000;

/// A request, as far as it can be the same as another one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Stands for the client, the method and the target.
    same: u64,
    at: Time,
    pub(super) stream: u64,
}

impl Sent {
    pub(super) fn new(client: IpAddr, line: &str, at: Time, stream: u64) -> Self {
        let mut hasher = DefaultHasher::new();
        (client, line).hash(&mut hasher);
        Sent {
            same: hasher.finish(),
            at,
            stream,
        }
    }
}

/// The requests of a capture.
#[derive(Debug, Default)]
pub(super) struct Requests {
    sent: Vec<Sent>,
    lost: HashSet<u64>,
}

impl Requests {
    /// A request was sent.
    pub(super) fn note(&mut self, sent: Sent) {
        self.sent.push(sent);
        if self.sent.len() >= 2 * REMEMBERED {
            self.forget();
        }
    }

    /// A request was lost, and is to be looked for.
    pub(super) fn note_lost(&mut self, sent: Sent) {
        self.lost.insert(sent.same);
    }

    /// Forgets the earlier half, but for what may be a lost request sent again.
    fn forget(&mut self) {
        let earlier = self.sent.len() - REMEMBERED;
        let mut number = 0;
        let lost = &self.lost;
        self.sent.retain(|sent| {
            number += 1;
            number > earlier || lost.contains(&sent.same)
        });
        let excess = self.sent.len().saturating_sub(REMEMBERED * 3 / 2);
        self.sent.drain(..excess);
    }

    /// What became of each of these requests, which were lost, in their order.
    pub(super) fn find(&self, lost: &[Sent]) -> Vec<Again> {
        let mut sent: HashMap<u64, Vec<Sent>> = HashMap::new();
        for &request in &self.sent {
            if self.lost.contains(&request.same) {
                sent.entry(request.same).or_default().push(request);
            }
        }
        for requests in sent.values_mut() {
            requests.sort_by_key(|request| (request.at, request.stream));
        }
        let mut by_time: Vec<usize> = (0..lost.len()).collect();
        by_time.sort_by_key(|&number| lost.get(number).map(|lost| (lost.at, lost.stream)));
        let mut found = vec![Again::NotSeen; lost.len()];
        for number in by_time {
            if let (Some(lost), Some(again)) = (lost.get(number), found.get_mut(number))
                && let Some(requests) = sent.get_mut(&lost.same)
            {
                *again = take_next(requests, *lost);
            }
        }
        found
    }
}

/// Takes the first of these requests that can be `lost`, sent again.
fn take_next(requests: &mut Vec<Sent>, lost: Sent) -> Again {
    let follows = |request: &Sent| {
        let after = request.at.since(lost.at);
        request.stream != lost.stream && after >= Span::ZERO && after <= SOON
    };
    match requests.iter().position(follows) {
        Some(number) => Again::After(requests.remove(number).at.since(lost.at)),
        None => Again::NotSeen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(line: &str, millis: i64, stream: u64) -> Sent {
        let client = IpAddr::from([10, 0, 0, 9]);
        Sent::new(
            client,
            line,
            Time::default() + Span::from_millis(millis),
            stream,
        )
    }

    fn found(all: &[Sent], lost: &[Sent]) -> Vec<Again> {
        let mut requests = Requests::default();
        all.iter().for_each(|&sent| requests.note(sent));
        lost.iter().for_each(|&sent| requests.note_lost(sent));
        requests.find(lost)
    }

    #[test]
    fn the_same_request_soon_on_another_connection() {
        let lost = sent("POST /a", 5_000, 1);
        let after = |millis| Again::After(Span::from_millis(millis));
        assert_eq!(
            found(&[lost, sent("POST /a", 5_002, 2)], &[lost]),
            [after(2)]
        );
        for other in [
            sent("POST /a", 5_002, 1),
            sent("POST /b", 5_002, 2),
            sent("POST /a", 4_999, 2),
            sent("POST /a", 6_001, 2),
        ] {
            assert_eq!(
                found(&[lost, other], &[lost]),
                [Again::NotSeen],
                "{other:?}"
            );
        }
        let elsewhere = IpAddr::from([10, 0, 0, 8]);
        let other = Sent::new(elsewhere, "POST /a", lost.at, 2);
        assert_eq!(found(&[lost, other], &[lost]), [Again::NotSeen]);
    }

    #[test]
    fn one_request_stands_for_one_lost_one_the_earlier_first() {
        let (early, late) = (sent("GET /", 100, 1), sent("GET /", 200, 2));
        let again = [early, late, sent("GET /", 210, 3)];
        assert_eq!(
            found(&again, &[late, early]),
            [
                Again::After(Span::from_millis(10)),
                Again::After(Span::from_millis(100))
            ]
        );
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut requests = Requests::default();
        let lost = sent("GET /lost", 0, 0);
        requests.note_lost(lost);
        requests.note(sent("GET /lost", 7, 1));
        for number in 0..3 * REMEMBERED as i64 {
            requests.note(sent("GET /", number, 2));
        }
        assert!(requests.sent.len() < 2 * REMEMBERED);
        assert_eq!(requests.find(&[lost]), [Again::After(Span::from_millis(7))]);
    }
}
