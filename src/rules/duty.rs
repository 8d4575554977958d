//! The duty to close, and whether it was done in time: what the rules on 'not closed in time' share.

use super::{Finding, Rule, Ruling, Settings};
use crate::connection::{Brief, Connection, Exchange};
use crate::tcp::{Peer, PerPeer, Side};
use crate::time::{At, Span, Time};

/// Something that obliges a side to close.
#[derive(Clone, Copy, Debug)]
pub(super) struct Duty {
    /// The side that is to close.
    side: Peer,
    /// The packet that completed the message which created it.
    pub(super) created: At,
    /// When the time begins to run.
    since: At,
    /// What happened then.
    event: &'static str,
    /// Since when the other side may have been unable to take anything.
    started: Time,
    /// Whether the message that created it was acknowledged.
    acked: bool,
}

/// What became of a duty.
enum Outcome {
    /// It was done, or somebody's RST ended the connection.
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
    /// The server's duty that comes with the end of `exchange`, if both of its messages are complete and the packets
    /// that completed them are known.
    pub(super) fn of_server(exchange: &Exchange) -> Option<Duty> {
        if exchange.is_idle_timeout() {
            return Duty::with_response(exchange, exchange.response.as_ref()?.message.end_at()?);
        }
        Duty::with_response(exchange, exchange.end()?)
    }

    /// The server's duty that comes with the response of `exchange`, where nobody can tell where its request ends.
    pub(super) fn of_server_at_response(exchange: &Exchange) -> Option<Duty> {
        let response = exchange.response.as_ref()?.message.end_at()?;
        let request = exchange.request.as_ref()?.message.head.as_ref()?.at;
        Duty::with_response(exchange, response.later(request))
    }

    /// The client's duty that comes with the end of `exchange` and with its acknowledgement of the server's FIN.
    pub(super) fn of_client(exchange: &Exchange, fin_acked: At) -> Option<Duty> {
        let duty = Duty::of_server(exchange)?;
        Some(Duty {
            side: Peer::Client,
            since: duty.since.later(fin_acked),
            event: "the client acknowledged the server's close",
            ..duty
        })
    }

    fn with_response(exchange: &Exchange, since: At) -> Option<Duty> {
        let response = exchange.response.as_ref()?;
        let end = response.message.end?;
        let request = exchange.request.as_ref();
        let started = request.map_or(response.message.start_at(), |request| {
            request.message.start_at()
        });
        Some(Duty {
            side: Peer::Server,
            created: end.at?,
            since,
            event: "the last response",
            started: started.time,
            acked: end.acked.is_some(),
        })
    }

    /// Speaks for `rule` where the duty was neglected, and says so where the capture does not tell. The message goes
    /// on behind `because`; `others` are packets that prove it too.
    pub(super) fn enforce(
        &self,
        rule: &'static Rule,
        (connection, settings): (&Connection, &Settings),
        ruling: &mut Ruling,
        others: &[At],
        because: impl FnOnce() -> String,
    ) {
        let closed = match self.outcome(connection, settings) {
            Outcome::Done => return,
            Outcome::Unproven(because) => return ruling.cannot_tell(because),
            Outcome::Neglected { closed } => closed,
        };
        let fate = match closed {
            Some(at) => format!(
                "closed in frame {} after {}",
                at.frame,
                at.time.since(self.since.time)
            ),
            None => "still open at the end of the capture".to_owned(),
        };
        let grace = settings.close_grace;
        let message = format!("{}, not closed within {grace}: {fate}", because());
        let others = others.iter().copied().chain(closed);
        ruling.found(Finding::new(
            rule,
            Some(self.side),
            self.created,
            others,
            message,
        ));
    }

    fn outcome(&self, connection: &Connection, settings: &Settings) -> Outcome {
        let deadline = self.since.time + settings.close_grace;
        let sides = &connection.facts.sides;
        let (own, other) = (&sides[self.side], &sides[self.side.other()]);
        let closed = closed(own, other);
        if closed.is_some_and(|at| at.time <= deadline) {
            return Outcome::Done;
        }
        let seen_until = connection.facts.seen_until.time;
        if seen_until <= deadline {
            let after = seen_until.since(self.since.time);
            return Outcome::Unproven(format!("the capture ends {after} after {}", self.event));
        }
        if own.missing > 0 {
            return Outcome::Unproven(format!(
                "whether the {} closed in time was not captured",
                self.side.name()
            ));
        }
        if !self.acked {
            let frame = self.created.frame;
            return Outcome::Unproven(format!(
                "the response that ended in frame {frame} was not acknowledged"
            ));
        }
        if other.zero_window.is_some_and(|time| time >= self.started) {
            return Outcome::Unproven(format!(
                "the {} could take nothing (window of zero)",
                self.side.other().name()
            ));
        }
        Outcome::Neglected { closed }
    }
}

/// Whether a duty that comes with `exchange` may have been neglected: not, where both sides had done theirs within the
/// grace, from whichever packet on the time runs.
#[inline]
pub(super) fn may_be_neglected(
    exchange: &Brief,
    connection: &Connection,
    settings: &Settings,
) -> bool {
    let PerPeer { client, server } = &connection.facts.sides;
    let (Some(by_client), Some(by_server)) = (closed(client, server), closed(server, client))
    else {
        return true;
    };
    // What began earlier than this was done too late.
    let done = by_client.time.max(by_server.time);
    let earliest = done + (Span::ZERO - settings.close_grace);
    let in_time = |at: Option<At>| at.is_none_or(|at| at.time >= earliest);
    let (asked, told) = (exchange.asked.as_ref(), exchange.told.as_ref());
    let acked = server.fin.as_ref().and_then(|fin| fin.acked.as_ref());
    let all_in_time = in_time(asked.and_then(|asked| asked.head_at))
        && in_time(asked.and_then(|asked| asked.end_at))
        && in_time(told.and_then(|told| told.end_at))
        && in_time(acked.map(|acked| acked.at));
    !all_in_time
}

/// When a side's duty was done: by its FIN, or by anybody's RST.
fn closed(own: &Side, other: &Side) -> Option<At> {
    let rst = |side: &Side| side.rst.as_ref().map(|rst| rst.at);
    let fin = own.fin.as_ref().map(|fin| fin.at);
    At::earliest(fin, At::earliest(rst(own), rst(other)))
}
