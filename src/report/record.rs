//! The record of a connection as other programs read it. Its fields, their names and their order are fixed; those of
//! the domain types are not.
//!
//! In: a row. Out: name after name with its value, to the [`Fields`] of a format.

use super::object::{List, Name, Object, name};
use super::value::Value;
use crate::audit::Row;
use crate::capture::Part;
use crate::connection::{CloseCause, Exchange, Message, Request, Versions};
use crate::http::{Framing, Says};
use crate::rules::Finding;
use crate::tcp::{CloseKind, CloseOrder, Peer};
use crate::time::At;

/// Takes the fields of a record in order, as a header or with the values of one row.
pub(super) trait Fields {
    /// A value.
    fn one(&mut self, name: Name, value: impl Fn(Source<'_>) -> Value<'_>);

    /// A list. In a flat record something else stands for it.
    fn list(
        &mut self,
        name: Name,
        items: impl Fn(Source<'_>, &mut List<'_>),
        flat_name: Name,
        flat: impl Fn(&Row) -> String,
    );
}

/// What a record is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) row: &'a Row,
    /// The path of its capture, as given.
    pub(super) capture: &'a str,
    /// The files that were read as one, if the capture is several.
    pub(super) parts: &'a [Part],
}

/// A connection, without its exchanges.
#[inline(always)]
pub(super) fn connection(fields: &mut impl Fields) {
    identity(fields);
    story(fields);
}

/// The path of its capture, as given.
pub(super) const CAPTURE: Name = name!("capture");
/// Its number there.
pub(super) const STREAM: Name = name!("stream");

/// Which connection it is.
#[inline(always)]
fn identity(fields: &mut impl Fields) {
    fields.one(CAPTURE, |of| Value::Text(of.capture));
    fields.one(STREAM, |of| of.row.stream.into());
}

/// What happened on it.
// All of it is to be one function with what takes the fields: what that holds stays in registers, and the kind of each
// value is known.
#[inline(always)]
pub(super) fn story(fields: &mut impl Fields) {
    fields.one(name!("client_ip"), |of| of.row.client.ip().into());
    fields.one(name!("client_port"), |of| of.row.client.port().into());
    fields.one(name!("server_ip"), |of| of.row.server.ip().into());
    fields.one(name!("server_port"), |of| of.row.server.port().into());
    fields.one(name!("protocol"), |of| of.row.protocol.name().into());
    fields.one(name!("first_frame"), |of| of.row.first.frame.into());
    fields.one(name!("start"), |of| of.row.first.time.into());
    fields.one(name!("end"), |of| of.row.last.time.into());
    fields.one(name!("duration_s"), |of| {
        of.row.last.time.since(of.row.first.time).into()
    });
    fields.one(name!("packets"), |of| of.row.packets.into());
    fields.one(name!("client_bytes"), |of| of.row.client_octets.into());
    fields.one(name!("server_bytes"), |of| of.row.server_octets.into());
    fields.one(name!("complete"), |of| of.row.whole.into());
    fields.one(name!("handshake"), |of| of.row.handshake.into());
    fields.one(name!("rtt_s"), |of| of.row.rtt.into());
    fields.one(name!("missing_bytes"), |of| of.row.missing.into());
    fields.one(name!("tcp_keepalives"), |of| of.row.keepalives.into());
    messages(fields);
    ending(fields);
}

#[inline(always)]
fn messages(fields: &mut impl Fields) {
    fields.one(name!("requests"), |of| of.row.requests.into());
    fields.one(name!("responses"), |of| of.row.responses.into());
    fields.one(name!("unanswered"), |of| of.row.unanswered.into());
    fields.one(name!("http_version"), |of| {
        of.row.version.map(Versions::name).into()
    });
    fields.one(name!("client_asks"), |of| {
        of.row.client_asks.map(Says::name).into()
    });
    fields.one(name!("server_says"), |of| {
        of.row.server_says.map(Says::name).into()
    });
    fields.one(name!("timeout_s"), |of| of.row.timeout.into());
    fields.one(name!("max"), |of| of.row.max.into());
    fields.list(
        name!("idle_gaps_s"),
        |of, list| {
            let gaps = of.row.idle_gaps.iter();
            gaps.for_each(|gap| list.value(gap.into()));
        },
        name!("idle_gaps"),
        |row| row.idle_gaps.len().to_string(),
    );
    fields.one(name!("idle_max_s"), |of| of.row.idle_max.into());
    fields.one(name!("idle_last_s"), |of| of.row.idle_last.into());
}

#[inline(always)]
fn ending(fields: &mut impl Fields) {
    fields.one(name!("closed_by"), |of| {
        of.row.close.map(|close| close.by.name()).into()
    });
    fields.one(name!("close_kind"), |of| {
        of.row.close.map(|close| kind_name(close.kind)).into()
    });
    fields.one(name!("close_frame"), |of| {
        of.row.close.map(|close| close.at.frame).into()
    });
    fields.one(name!("close_time"), |of| {
        of.row.close.map(|close| close.at.time).into()
    });
    fields.one(name!("simultaneous"), |of| {
        let crossed = CloseOrder::Simultaneous;
        of.row
            .close
            .is_some_and(|close| close.order == crossed)
            .into()
    });
    fields.one(name!("close_cause"), |of| {
        of.row.close_cause.map(CloseCause::name).into()
    });
    fields.one(name!("verdict"), |of| of.row.verdict.name().into());
    fields.one(name!("unknown_because"), |of| {
        Value::text(of.row.unknown_because.as_deref())
    });
    fields.list(
        name!("limited"),
        |of, list| {
            for limit in &of.row.limits {
                list.object(|object| {
                    object.member(name!("what"), limit.what.name().into());
                    object.member(name!("amount"), limit.amount.into());
                });
            }
        },
        name!("limited"),
        |row| row.limits.len().to_string(),
    );
    fields.list(
        name!("findings"),
        |of, list| {
            for found in &of.row.findings {
                list.object(|object| finding(found, of.parts, object));
            }
        },
        name!("findings"),
        |row| names(&row.findings),
    );
}

fn kind_name(kind: CloseKind) -> &'static str {
    match kind {
        CloseKind::Fin => "fin",
        CloseKind::Rst => "rst",
    }
}

/// The names of the rules that found something, with blanks between.
fn names(findings: &[Finding]) -> String {
    let names: Vec<_> = findings.iter().map(|finding| finding.rule.name).collect();
    names.join(" ")
}

fn finding(finding: &Finding, parts: &[Part], object: &mut Object<'_>) {
    object.member(name!("rule"), finding.rule.name.into());
    object.member(name!("level"), finding.rule.level.name().into());
    object.member(name!("side"), finding.side.map(Peer::name).into());
    object.member(name!("frame"), finding.at.frame.into());
    object.list(name!("frames"), |list| {
        finding
            .frames
            .iter()
            .for_each(|&frame| list.value(frame.into()));
    });
    object.member(name!("time"), finding.at.time.into());
    object.member(name!("message"), Value::Text(&finding.message));
    place_in_part(Some(finding.at.frame), parts, object);
}

/// Where a frame is in the file that has it, if several were read as one.
fn place_in_part(frame: Option<u64>, parts: &[Part], object: &mut Object<'_>) {
    if parts.is_empty() {
        return;
    }
    let place = frame.and_then(|frame| Part::with(parts, frame));
    let file = place.map(|(part, _)| part.path.to_string_lossy());
    object.member(name!("file"), Value::text(file.as_deref()));
    object.member(name!("file_frame"), place.map(|(_, frame)| frame).into());
}

/// An exchange.
pub(super) fn exchange(exchange: &Exchange, parts: &[Part], object: &mut Object<'_>) {
    let line = exchange.request.as_ref().map(Request::method_and_target);
    let request = exchange.request.as_ref().map(|request| &request.message);
    let response = exchange.response.as_ref().map(|response| &response.message);
    let keep_alive = response.and_then(Message::keep_alive);
    let says = |message: Option<&Message>| message.and_then(Message::says).map(Says::name);
    let framing =
        |message: Option<&Message>| message.and_then(Message::framing).and_then(Framing::name);
    object.member(name!("method"), Value::text(line.map(|(method, _)| method)));
    object.member(name!("target"), Value::text(line.map(|(_, target)| target)));
    object.member(
        name!("status"),
        exchange.response.map(|response| response.status).into(),
    );
    let time = |at: Option<At>| Value::from(at.map(|at| at.time));
    let at = request.map(Message::start_at);
    object.member(name!("request_frame"), at.map(|at| at.frame).into());
    object.member(name!("request_start"), time(at));
    object.member(
        name!("request_end"),
        time(request.and_then(Message::end_at)),
    );
    let at = response.map(Message::start_at);
    object.member(name!("response_frame"), at.map(|at| at.frame).into());
    object.member(name!("response_start"), time(at));
    object.member(
        name!("response_end"),
        time(response.and_then(Message::end_at)),
    );
    object.member(name!("client_says"), says(request).into());
    object.member(name!("server_says"), says(response).into());
    object.member(
        name!("timeout_s"),
        keep_alive.and_then(|keep_alive| keep_alive.timeout).into(),
    );
    object.member(
        name!("max"),
        keep_alive.and_then(|keep_alive| keep_alive.max).into(),
    );
    object.member(name!("request_framing"), framing(request).into());
    object.member(name!("response_framing"), framing(response).into());
    let complete = response.is_some_and(|message| message.end.is_some());
    object.member(name!("response_complete"), complete.into());
    let asked = request.map(Message::start_at);
    let first = asked.or(response.map(Message::start_at));
    place_in_part(first.map(|at| at.frame), parts, object);
}
