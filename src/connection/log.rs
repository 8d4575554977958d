//! Requests meet responses.
//!
//! In: the beginnings, heads and ends of the messages of both sides, in the order of cause and effect. Out: the
//! exchanges, and the counts over all of them, also of those that are no longer kept.

use serde::{Deserialize, Serialize};

use super::exchange::{End, HeadPlace, Interim};
use super::kept::{Begin, Kept};
use super::line::Line;
use super::unacked::{Part, Queue, Unacked};
use super::waiting::Waiting;
use super::{Exchanges, MAX_KEPT_TARGET, Targets};
use crate::http::{
    Broken, Framing, Head, Kind, Method, Place, Says, Sink, StartLine, Version, request_framing,
    response_framing, says,
};
use crate::tcp::{Acked, AckedUpTo, Handshake, Peer, PerPeer};
use crate::time::{At, Span};

/// Counts over all exchanges of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Requests of which the start line is complete.
    pub requests: u64,
    /// Final responses of which the status line is complete.
    pub responses: u64,
    /// Requests that got a final response, or the beginning of one.
    pub answered: u64,
    /// Complete exchanges.
    pub complete: u64,
    /// The versions of the requests.
    pub version: Option<Versions>,
    /// What the last request with a complete head says of persistence.
    pub client_asks: Option<Says>,
    /// What the last final response with a complete head says of persistence.
    pub server_says: Option<Says>,
    /// The first advertised timeout, in seconds.
    pub timeout: Option<u32>,
    /// The first advertised max.
    pub max: Option<u32>,
    /// The largest gap between exchanges.
    pub idle_max: Option<Span>,
}

impl Tally {
    /// Requests without any octet of a final response.
    pub fn unanswered(&self) -> u64 {
        self.requests - self.answered
    }
}

/// The versions of several messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versions {
    /// All of one.
    All(Version),
    /// More than one.
    Mixed,
}

impl Versions {
    /// `1.0`, `1.1` or `mixed`.
    pub fn name(self) -> &'static str {
        match self {
            Versions::All(version) => version.name(),
            Versions::Mixed => "mixed",
        }
    }
}

/// The exchanges of a connection while it is read.
#[derive(Debug)]
pub(super) struct Log {
    targets: Targets,
    exchanges: Kept,
    /// The requests that may still get a response.
    waiting: Waiting,
    request: Option<u64>,
    response: Option<Incoming>,
    requester: Option<Peer>,
    /// Ends of heads and messages that wait for their acknowledgement, by the side that sent them.
    unacked: PerPeer<Queue>,
    pub(super) tally: Tally,
    /// Boxed, since there are many connections, and few have it.
    rare: Option<Box<Rare>>,
}

/// What few connections have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rare {
    /// Ends that waited too long for their acknowledgement.
    forgotten: PerPeer<Option<Forgotten>>,
    /// How many of them were acknowledged after all.
    pub(super) acked_too_late: u64,
    /// From which offset on responses may have gone by unseen.
    responses_lost: Option<u64>,
    lost: PerPeer<Option<Lost>>,
    /// The first octets of each side that came before its first message and are none.
    preamble: PerPeer<Option<Place>>,
    /// The interim response that is being received.
    interim: Option<Interim>,
    pub(super) interims: Interims,
    pub(super) tunnel: Option<Place>,
    pub(super) unreadable: PerPeer<Option<Place>>,
    pub(super) too_large: Option<usize>,
    /// The longest method and target of which not all is kept.
    pub(super) too_long: Option<usize>,
}

/// From where on the messages of a side are not certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The offset.
    pub offset: u64,
    /// What they were lost to.
    pub to: LostTo,
}

/// What messages were lost to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostTo {
    /// The capture lacks octets.
    Hole,
    /// The snap length cut octets off.
    SnapLength,
    /// Octets are no message, or a message whose end cannot be told.
    Unreadable,
}

/// The interim responses that rules ask about; no other is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interims {
    /// The first with a field that frames a body.
    pub framed: Option<Interim>,
    /// The first that came while no request waited for a response.
    pub uncalled: Option<Interim>,
    /// The offset behind the last one that is complete.
    pub until: Option<u64>,
}

/// The response that is being received.
#[derive(Clone, Copy, Debug)]
enum Incoming {
    /// A 1xx, other than 101.
    Interim,
    /// The final one of an exchange.
    Final(u64),
    /// None, since the last one is complete.
    Over,
}

/// Ends that are no longer looked at when an acknowledgement comes.
#[derive(Clone, Copy, Debug)]
struct Forgotten {
    /// The offset of the first of them.
    offset: u64,
    count: u64,
}

impl Log {
    /// An empty one.
    #[inline]
    pub(super) fn keeping(targets: Targets) -> Self {
        Log {
            targets,
            exchanges: Kept::default(),
            waiting: Waiting::default(),
            request: None,
            response: None,
            requester: None,
            unacked: PerPeer::default(),
            tally: Tally::default(),
            rare: None,
        }
    }

    pub(super) fn requester(&self) -> Option<Peer> {
        self.requester
    }

    pub(super) fn swap(&mut self) {
        self.requester = self.requester.map(Peer::other);
        self.unacked.swap();
        if let Some(rare) = &mut self.rare {
            rare.forgotten.swap();
            rare.unreadable.swap();
            rare.lost.swap();
            rare.preamble.swap();
        }
    }

    /// What few connections have, where this one has any of it.
    pub(super) fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Whether the connection carries something else by now.
    pub(super) fn is_tunnel(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.tunnel.is_some())
    }

    /// What hears the messages of `from`, which was acknowledged so far.
    #[inline]
    pub(super) fn hear(&mut self, from: Peer, acked: Option<AckedUpTo>) -> Heard<'_> {
        Heard {
            log: self,
            from,
            acked,
            loss: LostTo::Unreadable,
        }
    }

    /// From where on the messages of each side are not certain. What comes before the first message is a preamble
    /// where the connection is there from its beginning, and else may be the rest of a message.
    pub(super) fn lost(&self, rare: &Rare, handshake: Handshake) -> PerPeer<Option<Lost>> {
        let mut lost = rare.lost;
        for peer in Peer::BOTH {
            let is_preamble = handshake.is_complete() && self.has_message_of(peer);
            if let Some(place) = rare.preamble[peer].filter(|_| !is_preamble) {
                lost[peer] = Some(Lost {
                    offset: place.offset,
                    to: LostTo::Unreadable,
                });
            }
        }
        lost
    }

    fn has_message_of(&self, peer: Peer) -> bool {
        match self.requester {
            Some(requester) if requester == peer => self.tally.requests > 0,
            Some(_) => self.response.is_some(),
            None => false,
        }
    }

    fn lose(&mut self, of: Peer, offset: u64, to: LostTo) {
        self.rare_mut().lost[of].get_or_insert(Lost { offset, to });
    }

    /// The memory that it has taken beside its own size, in octets.
    pub(super) fn weight(&self) -> usize {
        let unacked = self.unacked.client.weight() + self.unacked.server.weight();
        let rare = self.rare.as_ref().map_or(0, |_| size_of::<Rare>());
        self.exchanges.weight() + unacked + self.waiting.weight() + rare
    }

    /// Gives back what it has taken and needs no more.
    pub(super) fn shrink(&mut self) {
        self.exchanges.settle(self.settled());
        self.exchanges.shrink();
        self.unacked.client.shrink();
        self.unacked.server.shrink();
        self.waiting.shrink();
    }

    /// Takes all that are kept; nothing may happen to any of them after that.
    #[inline(always)]
    pub(super) fn take_exchanges(&mut self) -> Exchanges {
        self.exchanges.take()
    }

    #[inline(always)]
    fn push_request(&mut self, begin: Begin, line: Line) -> u64 {
        self.settle_if_due();
        self.exchanges.push_request(begin, line)
    }

    #[inline]
    fn settle_if_due(&mut self) {
        if self.exchanges.is_due() {
            self.exchanges.settle(self.settled());
        }
    }

    /// The number before which nothing happens to an exchange any more: whatever may come is for later ones.
    fn settled(&self) -> u64 {
        let incoming = match self.response {
            Some(Incoming::Final(number)) => number,
            _ => u64::MAX,
        };
        let unacked = &self.unacked;
        incoming
            .min(self.request.unwrap_or(u64::MAX))
            .min(self.waiting.first().unwrap_or(u64::MAX))
            .min(unacked.client.lowest_exchange())
            .min(unacked.server.lowest_exchange())
    }

    /// Has fetched where the next exchange will lie.
    #[inline]
    pub(super) fn fetch(&self) {
        self.exchanges.fetch();
    }

    /// Takes notice that the octets of `of` before `upto` were acknowledged.
    #[inline]
    pub(super) fn acknowledged(&mut self, of: Peer, upto: u64, by: Acked) {
        if self.unacked[of].has_up_to(upto) {
            self.set_acked_up_to(of, upto, by);
        }
        if let Some(rare) = &mut self.rare
            && let Some(forgotten) = rare.forgotten[of].take_if(|first| first.offset <= upto)
        {
            rare.acked_too_late += forgotten.count;
        }
    }

    fn set_acked_up_to(&mut self, of: Peer, upto: u64, by: Acked) {
        while let Some(unacked) = self.unacked[of].pop_up_to(upto) {
            self.set_acked(of, unacked, by);
        }
    }

    #[inline(always)]
    fn await_ack(&mut self, of: Peer, unacked: Unacked) {
        if let Some(first) = self.unacked[of].push(unacked) {
            let offset = first.offset;
            let forgotten = &mut self.rare_mut().forgotten[of];
            let forgotten = forgotten.get_or_insert(Forgotten { offset, count: 0 });
            forgotten.count += 1;
        }
    }

    fn set_acked(&mut self, of: Peer, unacked: Unacked, by: Acked) {
        let kind = self.kind_of(of);
        self.exchanges
            .set_acked(unacked.exchange(), kind, unacked.part(), by);
    }

    fn start_request(&mut self, begin: Begin, line: Line) {
        self.count_request(begin);
        let number = self.push_request(begin, line);
        self.waiting.push(number);
        self.request = Some(number);
    }

    /// A request begins whose head came with it, and its end, if that is where it ends.
    #[inline(always)]
    fn start_request_with_head(
        &mut self,
        from: Peer,
        begin: Begin,
        line: Line,
        head: &Head,
        place: &HeadPlace,
        acked: Option<Acked>,
    ) {
        self.count_request(begin);
        self.settle_if_due();
        let (_, version) = begin;
        self.tally.client_asks = Some(says(version, head.options));
        let ends = place.framing.ends_with_head();
        let end = ends.then_some(End {
            offset: place.end,
            at: Some(place.at),
            acked,
        });
        let exchanges = &mut self.exchanges;
        let number = exchanges.push_request_with_head(begin, line, head, place, end.as_ref());
        self.waiting.push(number);
        self.request = (!ends).then_some(number);
        if ends && acked.is_none() {
            self.await_ack(from, Unacked::new(place.end, number, Part::Whole));
        }
    }

    #[inline(always)]
    fn count_request(&mut self, (place, version): Begin) {
        self.tally.requests += 1;
        self.tally.version = Some(match self.tally.version {
            None => Versions::All(version),
            Some(Versions::All(all)) if all == version => Versions::All(all),
            _ => Versions::Mixed,
        });
        let pause = self.exchanges.last_pause();
        let gap = pause.and_then(|pause| pause.until(place));
        self.tally.idle_max = self.tally.idle_max.max(gap);
    }

    fn start_response(&mut self, status: u16, begin: Begin) {
        let (place, _) = begin;
        self.pass_over_lost_answers();
        if is_interim(status) {
            return self.start_interim(status, place);
        }
        self.tally.responses += 1;
        let number = match self.question(place) {
            Some(number) => {
                self.count_answer();
                self.exchanges.answer(number, status, begin);
                number
            }
            None => {
                self.settle_if_due();
                self.exchanges.push_response(status, begin)
            }
        };
        self.response = Some(Incoming::Final(number));
    }

    fn start_interim(&mut self, status: u16, place: Place) {
        let interim = Interim {
            status,
            start: place,
        };
        let called = self.question(place).is_some();
        let rare = self.rare_mut();
        rare.interim = Some(interim);
        if !called {
            rare.interims.uncalled.get_or_insert(interim);
        }
        self.response = Some(Incoming::Interim);
    }

    /// The first that waits has its answer.
    #[inline]
    fn count_answer(&mut self) {
        self.waiting.pop();
        self.tally.answered += 1;
    }

    /// The number of the exchange that a response which begins here answers: the first that waits for one, if the
    /// server had received any of its request by then. A 408 to nobody can cross a request on the wire.
    fn question(&mut self, response: Place) -> Option<u64> {
        let number = self.waiting.first()?;
        // Of one that is no longer kept it is long known.
        let Some(start) = self.exchanges.asked_offset(number) else {
            return Some(number);
        };
        let received = response.stamp.after().is_none_or(|ack| ack > start);
        received.then_some(number)
    }

    /// Behind a hole in the responses: a request that another followed which had seen octets of that hole was
    /// answered there.
    fn pass_over_lost_answers(&mut self) {
        let rare = self.rare.as_mut();
        let Some(lost) = rare.and_then(|rare| rare.responses_lost.take()) else {
            return;
        };
        while let Some(second) = self.waiting.second() {
            let asked = self.exchanges.asked_start(second);
            let ack = asked.and_then(|request| request.stamp.after());
            if ack.is_none_or(|ack| ack <= lost) {
                return;
            }
            self.waiting.pop();
        }
    }

    /// Which messages this side sends, as far as that is known.
    #[inline]
    fn kind_of(&self, peer: Peer) -> Kind {
        match self.requester == Some(peer) {
            true => Kind::Request,
            false => Kind::Response,
        }
    }

    /// A head is complete; tells where its body ends.
    fn finish_head(
        &mut self,
        from: Peer,
        acked: Option<AckedUpTo>,
        head: &Head,
        at: At,
        end: u64,
    ) -> Framing {
        if self.kind_of(from) == Kind::Request {
            let framing = request_framing(head.body);
            if let Some(number) = self.request
                && let Some(version) = self.exchanges.asked_version(number)
            {
                self.tally.client_asks = Some(says(version, head.options));
                let place = HeadPlace { at, end, framing };
                self.exchanges.set_asked_head(number, head, &place);
            }
            return framing;
        }
        match self.response {
            Some(Incoming::Final(number)) => {
                self.finish_final_head(number, from, acked, head, at, end)
            }
            Some(Incoming::Interim) if head.body.is_framed() => {
                let rare = self.rare_mut();
                rare.interims.framed = rare.interims.framed.or(rare.interim);
                Framing::None
            }
            _ => Framing::None,
        }
    }

    fn finish_final_head(
        &mut self,
        number: u64,
        from: Peer,
        acked: Option<AckedUpTo>,
        head: &Head,
        at: At,
        end: u64,
    ) -> Framing {
        let Some((method, version, status)) = self.exchanges.told_line(number) else {
            return Framing::Unknown;
        };
        let framing = response_framing(status, method, head.body);
        let place = HeadPlace { at, end, framing };
        let acked = self.hear_final_head(number, from, version, head, &place, acked);
        self.exchanges.set_told_head(number, head, &place, acked);
        if framing == Framing::Tunnel {
            self.rare_mut().tunnel = self.exchanges.told_start(number);
        }
        framing
    }

    /// What the head of a final response says; who has acknowledged it, if that is known and matters.
    #[inline]
    fn hear_final_head(
        &mut self,
        number: u64,
        from: Peer,
        version: Version,
        head: &Head,
        place: &HeadPlace,
        acked: Option<AckedUpTo>,
    ) -> Option<Acked> {
        let says = says(version, head.options);
        self.tally.server_says = Some(says);
        if let Some(keep_alive) = head.keep_alive.filter(|_| head.options.keep_alive) {
            self.tally.timeout = self.tally.timeout.or(keep_alive.timeout);
            self.tally.max = self.tally.max.or(keep_alive.max);
        }
        // Who goes on asking behind a head that ends persistence is asked whether he had seen it.
        if says.persists() {
            return None;
        }
        let acked = acked.and_then(|acked| acked.covers(place.end));
        if acked.is_none() {
            self.await_ack(from, Unacked::new(place.end, number, Part::Head));
        }
        acked
    }

    /// The response to a request that waits for it begins, and its head came with it; tells where its body ends. `None`
    /// where it is none.
    #[inline(always)]
    fn answer_with_head(
        &mut self,
        from: Peer,
        (status, begin): (u16, Begin),
        head: &Head,
        (at, end): (At, u64),
        acked: Option<AckedUpTo>,
    ) -> Option<Framing> {
        let (start, version) = begin;
        if is_interim(status) {
            return None;
        }
        self.pass_over_lost_answers();
        let number = self.question(start)?;
        let method = self.exchanges.method(number)?;
        let framing = response_framing(status, Some(method), head.body);
        if framing == Framing::Tunnel {
            return None;
        }
        self.tally.responses += 1;
        self.count_answer();
        let place = HeadPlace { at, end, framing };
        let acked = self.hear_final_head(number, from, version, head, &place, acked);
        let exchanges = &mut self.exchanges;
        exchanges.answer_with_head(number, (status, begin), head, &place, acked);
        self.response = Some(Incoming::Final(number));
        Some(framing)
    }

    fn finish_message(&mut self, from: Peer, at: Option<At>, end: u64, acked: Option<Acked>) {
        let kind = self.kind_of(from);
        let number = match (kind, self.response) {
            (Kind::Request, _) => self.request,
            (_, Some(Incoming::Final(number))) => Some(number),
            (_, Some(Incoming::Interim)) => {
                self.rare_mut().interims.until = Some(end);
                None
            }
            _ => None,
        };
        let Some(number) = number else { return };
        let finished = End {
            offset: end,
            at,
            acked,
        };
        let Some(is_complete) = self.exchanges.set_end(number, kind, &finished) else {
            return;
        };
        self.tally.complete += u64::from(is_complete);
        match kind {
            Kind::Request => self.request = None,
            Kind::Response => self.response = Some(Incoming::Over),
        }
        if acked.is_none() {
            self.await_ack(from, Unacked::new(end, number, Part::Whole));
        }
    }
}

/// What hears the messages of one side.
pub(super) struct Heard<'a> {
    log: &'a mut Log,
    from: Peer,
    /// How far they were acknowledged by then.
    acked: Option<AckedUpTo>,
    /// What is lost now is lost to this.
    pub(super) loss: LostTo,
}

impl Sink for Heard<'_> {
    fn started(&mut self, line: &StartLine<'_>, place: Place) {
        match *line {
            StartLine::Request {
                method,
                name,
                target,
                version,
            } => {
                self.log.requester.get_or_insert(self.from);
                let line = self.line(method, name, target);
                self.log.start_request((place, version), line);
            }
            StartLine::Response { status, version } => {
                self.log.requester.get_or_insert(self.from.other());
                self.log.start_response(status, (place, version));
            }
        }
    }

    fn started_with_head(
        &mut self,
        line: &StartLine<'_>,
        place: Place,
        head: &Head,
        at: At,
        end: u64,
    ) -> Option<Framing> {
        match *line {
            StartLine::Request {
                method,
                name,
                target,
                version,
            } => {
                if !self.asks(self.from) {
                    return None;
                }
                let line = self.line(method, name, target);
                let framing = request_framing(head.body);
                let head_place = HeadPlace { at, end, framing };
                let acked = self.acked.and_then(|acked| acked.covers(end));
                let begin = (place, version);
                self.log
                    .start_request_with_head(self.from, begin, line, head, &head_place, acked);
                Some(framing)
            }
            StartLine::Response { status, version } => {
                if !self.asks(self.from.other()) {
                    return None;
                }
                let begin = (status, (place, version));
                let framing =
                    self.log
                        .answer_with_head(self.from, begin, head, (at, end), self.acked)?;
                if framing.ends_with_head() {
                    self.ended(Some(at), end);
                }
                Some(framing)
            }
        }
    }

    fn head(&mut self, head: &Head, at: At, end: u64) -> Framing {
        self.log.finish_head(self.from, self.acked, head, at, end)
    }

    fn ended(&mut self, at: Option<At>, end: u64) {
        let acked = self.acked.and_then(|acked| acked.covers(end));
        self.log.finish_message(self.from, at, end, acked);
    }

    fn broken(&mut self, why: Broken) {
        if let Broken::TooLarge(amount) = why {
            let rare = self.log.rare_mut();
            rare.too_large = rare.too_large.max(Some(amount));
        }
    }

    fn stray(&mut self, place: Place) {
        let from = self.from;
        self.log.rare_mut().unreadable[from].get_or_insert(place);
        if self.log.has_message_of(from) {
            self.log.lose(from, place.offset, LostTo::Unreadable);
        } else {
            self.log.rare_mut().preamble[from].get_or_insert(place);
        }
    }

    fn lost(&mut self, offset: u64) {
        self.log.lose(self.from, offset, self.loss);
        if self.log.requester == Some(self.from.other()) {
            self.log.rare_mut().responses_lost.get_or_insert(offset);
        }
    }
}

impl Heard<'_> {
    /// Whether this side sends the requests, as far as the other is not known to.
    #[inline]
    fn asks(&mut self, requester: Peer) -> bool {
        *self.log.requester.get_or_insert(requester) == requester
    }

    /// The line of a request as it is kept.
    #[inline(always)]
    fn line(&mut self, method: Method, name: &str, target: &[u8]) -> Line {
        let len = name.len() + 1 + target.len();
        if len > MAX_KEPT_TARGET {
            let rare = self.log.rare_mut();
            rare.too_long = rare.too_long.max(Some(len));
        }
        match self.log.targets {
            Targets::Kept => Line::Text(method, kept_line(name, target)),
            Targets::NotKept => Line::of_method(method, name),
        }
    }
}

/// Whether a response with this status is no final one.
fn is_interim(status: u16) -> bool {
    matches!(status, 100..=199) && status != 101
}

/// Method and target as they are kept: not longer than the bound, cut between characters.
fn kept_line(name: &str, target: &[u8]) -> Box<str> {
    let target = String::from_utf8_lossy(target);
    let mut line = String::with_capacity((name.len() + 1 + target.len()).min(MAX_KEPT_TARGET));
    for part in [name, " ", &*target] {
        let room = part.floor_char_boundary(MAX_KEPT_TARGET - line.len());
        line.push_str(part.get(..room).unwrap_or_default());
    }
    line.into()
}
