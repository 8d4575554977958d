//! What follows from the sums of one server.
//!
//! In: a [`Server`]. Out: after how long it closes idle connections, whether that is what it advertises, whose default
//! that is, and which clients wait longer.

use super::defaults::{self, Hint};
use super::idle_timeout::{IdleTimeout, infer};
use super::mismatch::{Mismatch, mismatches};
use super::server::{Advertised, Server};
use crate::time::Span;

/// What follows from the sums of one server.
#[derive(Clone, Debug, PartialEq)]
pub struct Conclusions {
    /// After how long it closes idle connections.
    pub timeout: IdleTimeout,
    /// Whether that is what it advertises; `None` where it advertises no timeout, or several, or nothing is known.
    pub promise: Option<Promise>,
    /// Products with such a timeout by default: a guess.
    pub likely: Vec<&'static str>,
    /// Clients that wait longer.
    pub mismatches: Vec<Mismatch>,
}

/// Whether a server closes when it says it will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The timeout that it advertises.
    pub advertised: Span,
    /// Whether it keeps to that.
    pub kept: Kept,
}

/// How a promise was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// To the letter, nearly.
    Kept,
    /// It closes sooner.
    Early,
    /// It closes considerably later, which harms nobody.
    Late,
}

impl Kept {
    /// `kept`, `early` or `late`.
    pub fn name(self) -> &'static str {
        match self {
            Kept::Kept => "kept",
            Kept::Early => "early",
            Kept::Late => "late",
        }
    }
}

impl Server {
    /// What follows from these sums.
    pub fn conclusions(&self) -> Conclusions {
        let timeout = infer(&self.closes, &self.outlived);
        Conclusions {
            promise: self.promise(&timeout),
            likely: defaults::servers(&timeout, self.hint()),
            mismatches: mismatches(self, &timeout),
            timeout,
        }
    }

    fn promise(&self, timeout: &IdleTimeout) -> Option<Promise> {
        let mut advertised: Vec<u32> = self.advertised_timeouts().collect();
        advertised.dedup();
        let &[seconds] = advertised.as_slice() else {
            return None;
        };
        let advertised = Span::from_secs(seconds.into());
        let (soonest, latest) = (timeout.soonest()?, timeout.latest()?);
        let kept = match () {
            () if soonest < advertised - tolerance(advertised) => Kept::Early,
            () if latest > advertised + LATE => Kept::Late,
            () => Kept::Kept,
        };
        Some(Promise { advertised, kept })
    }

    /// In ascending order.
    fn advertised_timeouts(&self) -> impl Iterator<Item = u32> {
        self.advertised.iter().filter_map(|(pair, _)| pair.timeout)
    }

    fn hint(&self) -> Hint {
        let pairs: Vec<&Advertised> = self.advertised.iter().map(|(pair, _)| pair).collect();
        let has_max = |pair: &&Advertised| pair.timeout.is_some() && pair.max.is_some();
        match pairs.as_slice() {
            pairs if pairs.iter().any(has_max) => Hint::TimeoutAndMax,
            pairs if pairs.iter().any(|pair| pair.timeout.is_some()) => Hint::Timeout,
            _ => Hint::Nothing,
        }
    }
}

/// Sooner than this many after an advertised timeout a close is as promised: as in `late-idle-close`.
const LATE: Span = Span::from_millis(1500);

/// As in `early-idle-close`: 2 %, at least the lesser of half a second and half the timeout.
fn tolerance(timeout: Span) -> Span {
    let least = Span::from_millis(500).min(Span::from_nanos(timeout.nanos() / 2));
    least.max(Span::from_nanos(timeout.nanos() / 50))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::histogram::Witness;

    fn server(closes: &[i64], advertised: &[Option<u32>]) -> Conclusions {
        let mut server = Server::default();
        for &millis in closes {
            server.closes.add(Span::from_millis(millis), Witness::New);
        }
        for &timeout in advertised {
            let pair = Advertised { timeout, max: None };
            server.advertised.entry(&pair);
        }
        server.conclusions()
    }

    #[test]
    fn a_promise_is_kept_or_not() {
        let kept = |closes, advertised| server(closes, advertised).promise.map(|told| told.kept);
        let five = [5_001, 5_002, 5_003];
        assert_eq!(kept(&five, &[Some(5)]), Some(Kept::Kept));
        assert_eq!(kept(&five, &[None, Some(5)]), Some(Kept::Kept));
        assert_eq!(kept(&five, &[Some(10)]), Some(Kept::Early));
        assert_eq!(kept(&five, &[Some(2)]), Some(Kept::Late));
        assert_eq!(kept(&five, &[Some(5), Some(10)]), None);
        assert_eq!(kept(&five, &[None]), None);
        assert_eq!(kept(&[5_001], &[Some(5)]), None);
    }

    #[test]
    fn a_default_is_guessed() {
        assert_eq!(
            server(&[5_001, 5_002], &[Some(5)]).likely,
            ["Node.js up to 24"]
        );
        assert_eq!(
            server(&[5_001, 5_002, 9_000, 9_001], &[Some(5)])
                .likely
                .len(),
            0
        );
    }
}
