//! What a capture proves: what several rules ask before they blame anybody.
//!
//! In: a [`Connection`]. Out: what of it is certain, who closed by choice, and in which order things happened: within
//! a direction by sequence number, between the directions by acknowledgement number, by arrival where both are silent.

use super::{Finding, Ruling};
use crate::connection::{Connection, Exchange, Message, Request};
use crate::http::{Head, HeadShape, Says};
use crate::tcp::{Acked, CloseKind, Peer};
use crate::time::{At, Span};

/// Room for an empty line behind a request, which old clients send (RFC 9112 2.2).
const EMPTY_LINE: u64 = 2;

/// The exchanges up to where messages of either side may have gone by unseen, or be taken for messages that are none.
pub(super) fn certain(connection: &Connection) -> &[Exchange] {
    let lost = connection
        .lost
        .map(|lost| lost.map_or(u64::MAX, |lost| lost.offset));
    if lost.client == u64::MAX && lost.server == u64::MAX {
        return &connection.exchanges;
    }
    let uncertain = |exchange: &Exchange| {
        let request = exchange.request.as_ref();
        request.is_some_and(|request| request.message.start.offset >= lost.client)
            || exchange
                .response
                .is_some_and(|response| response.message.start.offset >= lost.server)
    };
    let end = connection.exchanges.iter().position(uncertain);
    let end = end.unwrap_or(connection.exchanges.len());
    connection.exchanges.get(..end).unwrap_or_default()
}

/// The certain exchanges, where it is also certain that each response answers the request beside it: the capture has
/// the connection from its beginning.
pub(super) fn paired(connection: &Connection) -> &[Exchange] {
    if connection.facts.handshake.is_complete() {
        certain(connection)
    } else {
        &[]
    }
}

/// Whether every octet of both sides is there and was understood.
pub(super) fn sees_all(connection: &Connection) -> bool {
    let lost = &connection.lost;
    connection.missing() == 0 && lost.client.is_none() && lost.server.is_none()
}

/// Whether all of it is there from the first packet on, and every exchange was kept.
pub(super) fn sees_all_from_the_first(connection: &Connection) -> bool {
    sees_all(connection) && connection.facts.handshake.is_complete() && all_kept(connection)
}

/// Whether every exchange was kept: else the first that is there is not the first.
pub(super) fn all_kept(connection: &Connection) -> bool {
    connection.tally.requests <= connection.exchanges.len() as u64
}

/// The certain messages: requests, and final responses.
pub(super) fn messages(connection: &Connection) -> impl Iterator<Item = (Peer, &Message)> {
    certain(connection).iter().flat_map(|exchange| {
        let request = exchange.request.as_ref().map(|request| &request.message);
        let response = exchange.response.as_ref().map(|response| &response.message);
        [(Peer::Client, request), (Peer::Server, response)]
            .into_iter()
            .filter_map(|(peer, message)| Some((peer, message?)))
    })
}

/// What a message's head says, where it keeps to the grammar: of one that was mended, others may read other fields.
pub(super) fn well_formed(message: &Message) -> Option<Head> {
    let head = message.head?.head;
    (head.shape == HeadShape::WellFormed).then_some(head)
}

/// For each side, finds what is wrong with the first of its messages for which `holds`, and says of how many more it
/// does.
pub(super) fn first_of_each_side(
    connection: &Connection,
    ruling: &mut Ruling,
    holds: impl Fn(&Message) -> bool,
    finding: impl Fn(Peer, &Message) -> Finding,
) {
    for side in Peer::BOTH {
        let mut wrong =
            messages(connection).filter(|&(peer, message)| peer == side && holds(message));
        let Some((_, first)) = wrong.next() else {
            continue;
        };
        let mut found = finding(side, first);
        found.message += &and_more(wrong.count(), noun(side));
        ruling.found(found);
    }
}

/// What messages of `peer` are called.
pub(super) fn noun(peer: Peer) -> &'static str {
    match peer {
        Peer::Client => "request",
        Peer::Server => "response",
    }
}

/// The end of a message of a finding that holds for so many others too.
pub(super) fn and_more(count: usize, what: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!("; so does a later {what}"),
        _ => format!("; so do {count} later {what}s"),
    }
}

/// A close by choice: a FIN, or a RST that acknowledges something. A RST without ACK answers a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    pub(super) at: At,
    pub(super) kind: CloseKind,
    /// The offset behind the last octet before it.
    pub(super) offset: u64,
    /// How far it acknowledged the other side.
    pub(super) ack: u64,
}

/// How `peer` closed, if it did so by choice. Of its FIN and its RST, the FIN counts.
pub(super) fn closing(connection: &Connection, peer: Peer) -> Option<Closing> {
    let side = &connection.facts.sides[peer];
    if let Some(fin) = side.fin {
        return Some(Closing {
            at: fin.at,
            kind: CloseKind::Fin,
            offset: fin.offset,
            ack: fin.ack?,
        });
    }
    let rst = side.rst?;
    // Behind what was captured of its sender something else may have gone by: a FIN, say.
    (rst.offset <= side.reached).then_some(Closing {
        at: rst.at,
        kind: CloseKind::Rst,
        offset: rst.offset,
        ack: rst.ack?,
    })
}

/// Whether `peer` had closed before the other side's `closing`.
pub(super) fn closed_before(connection: &Connection, peer: Peer, closing: &Closing) -> bool {
    let side = &connection.facts.sides[peer];
    let by_fin = side.fin.is_some_and(|fin| {
        // Of two FINs the numbers tell; one that crossed a RST was sent before that came.
        let crossed = closing.kind == CloseKind::Fin;
        closing.ack > fin.offset || (!crossed && fin.at.frame < closing.at.frame)
    });
    let by_rst = side.rst.is_some_and(|rst| {
        let had_it = rst.ack.is_some_and(|ack| ack > closing.offset);
        !had_it && rst.at.frame < closing.at.frame
    });
    by_fin || by_rst
}

/// The close of `peer` by choice behind all that it sent, where the other side had not closed before.
pub(super) fn close_inside(connection: &Connection, peer: Peer) -> Option<Closing> {
    let close = closing(connection, peer)?;
    // A RST with another number than the next one may be somebody else's.
    let behind_all = close.offset == sent_until(connection, peer);
    (behind_all && !closed_before(connection, peer.other(), &close)).then_some(close)
}

/// Whether `peer` closed without knowing of the other side's `closing`: the two crossed, or it was first.
pub(super) fn closed_unknowing(connection: &Connection, peer: Peer, closing: &Closing) -> bool {
    let side = &connection.facts.sides[peer];
    let knew = |ack: Option<u64>, at: At| match closing.kind {
        CloseKind::Fin => {
            let acked = connection.facts.sides[peer.other()]
                .fin
                .and_then(|fin| fin.acked);
            ack.is_some_and(|ack| ack > closing.offset)
                || acked.is_some_and(|acked| acked.at.frame < at.frame)
        }
        // Nobody acknowledges a RST, and nobody closes after one that reached him.
        CloseKind::Rst => false,
    };
    match (side.fin, side.rst) {
        (Some(fin), _) => !knew(fin.ack, fin.at),
        (None, Some(rst)) => !knew(rst.ack, rst.at),
        (None, None) => false,
    }
}

/// An idle connection that the server closed by choice while it was to persist.
#[derive(Clone, Debug)]
pub(super) struct IdleClose {
    pub(super) close: Closing,
    /// The exchange before it.
    pub(super) exchange: Exchange,
    /// When that was over.
    pub(super) end: At,
}

/// The server's close of an idle connection that was to persist, where it came first, all of it was seen, and the
/// client was not closing as well.
pub(super) fn idle_close_by_server(connection: &Connection) -> Option<IdleClose> {
    let first = connection.facts.close?;
    let close = closing(connection, Peer::Server)?;
    if first.at != close.at
        || closed_unknowing(connection, Peer::Client, &close)
        || !sees_all(connection)
        || !connection.persists()
    {
        return None;
    }
    let exchange = connection.last_before_idle_close()?;
    let asked = exchange.request.as_ref()?.message.end?.offset;
    let answered = connection
        .exchanges
        .last()?
        .response
        .or(exchange.response)?;
    let nothing_else = close.ack <= asked + EMPTY_LINE
        && close.offset <= answered.message.end?.offset + EMPTY_LINE;
    let end = exchange.end()?;
    nothing_else.then_some(IdleClose {
        close,
        exchange,
        end,
    })
}

/// A request on an idle connection that was to persist, which nobody answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct LostReuse<'a> {
    pub(super) request: &'a Request,
    /// How far it acknowledged the server.
    pub(super) ack: u64,
    /// The exchange before it.
    pub(super) before: &'a Exchange,
}

impl LostReuse<'_> {
    /// How long the connection had been idle, as far as the packets tell.
    pub(super) fn idle(&self) -> Option<Span> {
        let sent = self.request.message.start_at().time;
        Some(sent.since(self.before.end()?.time))
    }
}

/// The first request that nobody answered, where it was sent on an idle connection that was to persist.
pub(super) fn lost_reuse(connection: &Connection) -> Option<LostReuse<'_>> {
    if !sees_all(connection) {
        return None;
    }
    let mut before: Option<&Exchange> = None;
    let mut timeout_sent = u64::MAX;
    for exchange in &connection.exchanges {
        match (&exchange.request, &exchange.response) {
            (Some(request), None) => {
                let before = before?;
                let (ack, end) = (
                    request.message.start.stamp.ack()?,
                    before.response?.message.end?,
                );
                return (end.offset..=timeout_sent)
                    .contains(&ack)
                    .then_some(LostReuse {
                        request,
                        ack,
                        before,
                    });
            }
            // A 408 that the request crossed did not end the connection for its sender.
            (None, Some(response)) if exchange.is_idle_timeout() => {
                timeout_sent = response.message.start.offset;
            }
            _ if persists(exchange) => before = Some(exchange),
            _ => return None,
        }
    }
    None
}

/// Whether both messages of an exchange, as far as they are there, left the connection persistent.
pub(super) fn persists(exchange: &Exchange) -> bool {
    let persists = |message: &Message| message.says().is_some_and(Says::persists);
    let request = exchange.request.as_ref();
    request.is_none_or(|request| persists(&request.message))
        && exchange
            .response
            .is_none_or(|response| persists(&response.message))
}

/// Whether an earlier packet than that of `request` acknowledged this. Of a request that is sent once more it is not
/// certain what it acknowledged: that is to be asked for, too.
pub(super) fn acked_before(acked: Option<Acked>, request: &Request) -> bool {
    acked.is_some_and(|acked| acked.at.frame < request.message.start_at().frame)
}

/// The offset behind what `peer` sent as messages: its FIN is no octet of them.
pub(super) fn sent_until(connection: &Connection, peer: Peer) -> u64 {
    let side = &connection.facts.sides[peer];
    side.fin.map_or(side.reached, |fin| fin.offset)
}

/// The latest timeout that one of these responses advertised, in seconds, with the packet that it began with.
pub(super) fn latest_timeout(exchanges: &[Exchange]) -> Option<(At, u32)> {
    exchanges.iter().rev().find_map(|exchange| {
        let message = exchange.response?.message;
        Some((message.start_at(), message.keep_alive()?.timeout?))
    })
}

/// Whether the sender of `request` had the head of `response`, which ended persistence. Where its packet is the first
/// to acknowledge that head, and the request before it still waited for its response, it may have been under way
/// already.
pub(super) fn had_head(
    response: &Message,
    request: &Request,
    asked_last: Option<&Exchange>,
) -> bool {
    let (Some(ack), Some(head)) = (request.message.start.stamp.ack(), response.head) else {
        return false;
    };
    // Responses come in the order of their requests: where the last one has begun, all have.
    let answered = |exchange: &Exchange| {
        exchange
            .response
            .is_some_and(|response| response.message.start.offset < ack)
    };
    ack >= head.end && (acked_before(head.acked, request) || asked_last.is_none_or(answered))
}

#[cfg(test)]
mod tests {
    use crate::rules::{Settings, judge};
    use crate::script::play;

    /// What is found where the first exchange was not kept, as it happens behind very many.
    fn found_without_the_first(script: &str) -> Vec<&'static str> {
        let mut connection = play(script).connection;
        connection.exchanges.change(|exchanges| {
            exchanges.remove(0);
        });
        let judgement = judge(&connection, &Settings::default());
        let findings = judgement.findings.iter();
        findings.map(|finding| finding.rule.name).collect()
    }

    #[test]
    fn the_first_that_was_kept_is_not_the_first() {
        let ask = "> GET /\n";
        let max = "< 204 | Connection: keep-alive | Keep-Alive: max=2\n";
        for script in [
            format!("{ask}< 204\n{ask}< 204 | Connection: close\nserver FIN\n"),
            format!("{ask}< 204\n{ask}< 204\n~ 1s\nclient FIN\n"),
            format!("{ask}{max}{ask}{max}{ask}{max}{ask}< 204\n~ 5s\nserver FIN\n"),
            format!("{ask}< 204\n< 204\n~ 5s\nserver FIN\n"),
        ] {
            assert_eq!(found_without_the_first(&script), [""; 0], "{script}");
        }
    }
}
