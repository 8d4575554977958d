//! The duty to close, and whether it was done in time: what several rules share.

use super::Settings;
use crate::connection::{Connection, Exchange};
use crate::tcp::Peer;
use crate::time::{At, Time};

/// Something that obliges a side to close.
#[derive(Clone, Copy, Debug)]
pub(super) struct Duty {
    /// The packet that completed the message which created it.
    pub(super) created: At,
    /// When the time begins to run: the exchange was over.
    since: At,
    /// Since when the other side may have been unable to take anything.
    started: Time,
    acked: bool,
}

/// What became of a duty.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It was done, or it is not proven that it was neglected and nothing more can be expected of the capture.
    Done,
    /// The deadline passed.
    Neglected {
        /// When it was done in the end.
        closed: Option<At>,
    },
    /// The capture does not tell, for this reason.
    Unproven(String),
}

impl Duty {
    /// The duty that comes with the end of `exchange`, if both of its messages are complete and the packets that
    /// completed them are known.
    pub(super) fn at_end_of(exchange: &Exchange) -> Option<Duty> {
        let request = exchange.request.as_ref()?;
        let response = exchange.response?;
        let end = response.message.end?;
        Some(Duty {
            created: end.at?,
            since: exchange.end()?,
            started: request.message.start_at().time,
            acked: end.acked.is_some(),
        })
    }

    /// Whether `side` closed within the grace, by its FIN or anybody's RST.
    pub(super) fn outcome(
        &self,
        connection: &Connection,
        side: Peer,
        settings: &Settings,
    ) -> Outcome {
        let deadline = self.since.time + settings.close_grace;
        let sides = &connection.facts.sides;
        let (own, other) = (&sides[side], &sides[side.other()]);
        let closed = [
            own.fin.map(|fin| fin.at),
            own.rst.map(|rst| rst.at),
            other.rst.map(|rst| rst.at),
        ];
        let closed = closed.into_iter().flatten().min_by_key(|at| at.frame);
        if closed.is_some_and(|at| at.time <= deadline) {
            return Outcome::Done;
        }
        let seen_until = connection.facts.seen_until.time;
        if seen_until <= deadline {
            return Outcome::Unproven(format!(
                "the capture ends {} after the last response",
                seen_until.since(self.since.time)
            ));
        }
        if own.missing > 0 || !self.acked {
            return Outcome::Unproven(format!(
                "whether the {} closed in time was not captured",
                side.name()
            ));
        }
        if other.zero_window.is_some_and(|time| time >= self.started) {
            return Outcome::Unproven(format!(
                "the {} could take nothing (window of zero)",
                side.other().name()
            ));
        }
        Outcome::Neglected { closed }
    }

    /// `not closed within 2.000 s (closed in frame 12 after 4.500 s)`.
    pub(super) fn neglect(&self, closed: Option<At>, settings: &Settings) -> String {
        let fate = match closed {
            Some(at) => format!(
                "closed in frame {} after {}",
                at.frame,
                at.time.since(self.since.time)
            ),
            None => "still open at the end of the capture".to_owned(),
        };
        format!("not closed within {}: {fate}", settings.close_grace)
    }
}
