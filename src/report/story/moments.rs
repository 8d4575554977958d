//! What is told of a connection: its moments in the order of the capture, less those of exchanges that are much like
//! their neighbours.

use crate::audit::Row;
use crate::connection::{Exchange, Message};
use crate::http::{Says, Version};
use crate::report::duration::readable;
use crate::rules::Finding;
use crate::tcp::{Peer, PerPeer};
use crate::time::{At, Span};

/// So many exchanges are told at each end of a connection,
const AT_ENDS: usize = 3;
/// and so many of those between them that findings name.
const NAMED: usize = 12;

/// Something that happened at a packet.
#[derive(Clone, Debug)]
pub(in crate::report) struct Moment {
    pub(in crate::report) at: At,
    /// Where it ends; the same for all but what stands for several moments.
    pub(in crate::report) until: At,
    pub(in crate::report) what: What,
    /// What it is, of which a part can be left out where there is no room.
    pub(in crate::report) label: String,
    /// What is said of it behind that.
    pub(in crate::report) remark: String,
    /// What goes on behind it.
    pub(in crate::report) then: Phase,
    /// Seconds for which the server has promised to wait from here on.
    pub(in crate::report) promised: Option<u32>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum What {
    /// This side sent something.
    Sent(Peer),
    /// This side closed its direction.
    Fin(Peer),
    /// This side ended the connection.
    Rst(Peer),
    /// A packet that only findings name.
    Packet,
    /// Exchanges that are not told, or what was carried is no HTTP/1.
    Untold,
    /// A timeout that the server has advertised is over.
    Promise,
    /// Where the capture begins or ends inside the connection.
    Edge,
}

/// What goes on between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Phase {
    /// Nothing was asked yet.
    Silent,
    /// A request waits for its response, or for the rest of either.
    Waiting,
    /// All that was asked is answered.
    Idle,
    /// Something else than HTTP.
    Tunnel,
    /// One side has closed its direction.
    HalfClosed,
    /// It is over.
    Over,
}

/// The moments of a connection, in order, with those packets that these of its findings name.
pub(in crate::report) fn moments(row: &Row, findings: &[Finding]) -> Vec<Moment> {
    let exchanges = row.exchanges.as_deref().unwrap_or_default();
    let mut moments = Vec::new();
    moments.push(beginning(row));
    let told = told(findings, exchanges);
    let mut number = 0;
    while let Some(exchange) = exchanges.get(number) {
        let untold = told.get(number..).unwrap_or_default();
        let untold = untold.iter().take_while(|told| !**told).count();
        match exchanges.get(number..number + untold) {
            // In the place of one exchange it can be told itself.
            Some(run @ [_, _, ..]) => {
                moments.extend(stand_in(run));
                number += untold;
            }
            _ => {
                tell(row, exchange, &mut moments);
                number += 1;
            }
        }
    }
    if exchanges.is_empty() && row.client_octets + row.server_octets > 0 {
        moments.push(other_protocol(row));
    }
    closes(row, &mut moments);
    named_packets(findings, &mut moments);
    // Of the same packet, what was found first stays first.
    moments.sort_by_key(|moment| moment.at.frame);
    end(row, &mut moments);
    set_phases(row, exchanges, &mut moments);
    mark_promises(&mut moments);
    moments
}

fn beginning(row: &Row) -> Moment {
    if !row.handshake {
        return moment(
            row.first,
            What::Edge,
            "no complete handshake in the capture",
        );
    }
    let remark = row.rtt.map(|rtt| format!(" in {}", readable(rtt)));
    Moment {
        remark: remark.unwrap_or_default(),
        ..moment(row.first, What::Sent(Peer::Client), "SYN, SYN-ACK, ACK")
    }
}

fn moment(at: At, what: What, label: impl Into<String>) -> Moment {
    Moment {
        at,
        until: at,
        what,
        label: label.into(),
        remark: String::new(),
        then: Phase::Silent,
        promised: None,
    }
}

/// Which exchanges are told: the first and the last, those around the longest gap, and those that findings name.
fn told(findings: &[Finding], exchanges: &[Exchange]) -> Vec<bool> {
    let mut told: Vec<bool> = (0..exchanges.len())
        .map(|number| number < AT_ENDS || number + AT_ENDS >= exchanges.len())
        .collect();
    let named = exchanges.iter().enumerate();
    let named = named.filter(|(_, exchange)| is_named(findings, exchange));
    let mut chosen: Vec<usize> = named.map(|(number, _)| number).take(NAMED).collect();
    let gaps = exchanges.windows(2).enumerate();
    let longest = gaps
        .filter_map(|(number, pair)| match pair {
            [before, next] => Some((crate::connection::idle_gap(before, next)?, number)),
            _ => None,
        })
        .max_by_key(|&(gap, number)| (gap, std::cmp::Reverse(number)));
    chosen.extend(longest.iter().flat_map(|&(_, number)| [number, number + 1]));
    for number in chosen {
        if let Some(told) = told.get_mut(number) {
            *told = true;
        }
    }
    told
}

fn is_named(findings: &[Finding], exchange: &Exchange) -> bool {
    let (first, last) = extent(exchange);
    let Some((first, last)) = first.zip(last) else {
        return false;
    };
    // They are in the order of their frames, and there may be as many as there are exchanges.
    let behind = findings.partition_point(|finding| finding.at.frame < first.frame);
    let next = findings.get(behind);
    next.is_some_and(|finding| finding.at.frame <= last.frame)
}

/// Its first and its last packet, as far as they are known.
pub(in crate::report) fn extent(exchange: &Exchange) -> (Option<At>, Option<At>) {
    let request = exchange.request.as_ref().map(|request| &request.message);
    let response = exchange.response.as_ref().map(|response| &response.message);
    let messages = || request.into_iter().chain(response);
    let first = messages().map(Message::start_at).min_by_key(|at| at.frame);
    let ends = messages().map(|message| message.end_at().unwrap_or(message.start_at()));
    (first, ends.max_by_key(|at| at.frame))
}

/// One moment in the place of several exchanges.
fn stand_in(run: &[Exchange]) -> Option<Moment> {
    let at = run.iter().find_map(|exchange| extent(exchange).0)?;
    let until = run.iter().rev().find_map(|exchange| extent(exchange).1)?;
    let label = format!(
        "{} more exchanges in {}, to frame {}",
        run.len(),
        readable(until.time.since(at.time)),
        until.frame
    );
    Some(Moment {
        until,
        ..moment(at, What::Untold, label)
    })
}

fn tell(row: &Row, exchange: &Exchange, moments: &mut Vec<Moment>) {
    let (asks, answers) = (row.requester, row.requester.other());
    if let Some(request) = &exchange.request {
        let message = &request.message;
        let mut remark = remarks(message);
        if exchange.response.is_none() {
            remark.push_str(" (no response)");
        }
        moments.push(Moment {
            remark,
            ..moment(message.start_at(), What::Sent(asks), &*request.line)
        });
        tell_end(message, What::Sent(asks), "end of request", moments);
    }
    if let Some(response) = exchange.response {
        let message = &response.message;
        let status = response.status.to_string();
        moments.push(Moment {
            remark: remarks(message),
            ..moment(message.start_at(), What::Sent(answers), status)
        });
        let end = format!("end of {}", response.status);
        tell_end(message, What::Sent(answers), &end, moments);
        let promised = message.keep_alive().filter(|_| !message.says_close());
        if let Some(last) = moments.last_mut().filter(|_| exchange.is_complete()) {
            last.promised = promised.and_then(|keep_alive| keep_alive.timeout);
        }
    }
}

/// The end of a message, where it came in another packet than its beginning.
fn tell_end(message: &Message, what: What, label: &str, moments: &mut Vec<Moment>) {
    let later = message
        .end_at()
        .filter(|end| end.frame != message.start_at().frame);
    moments.extend(later.map(|end| moment(end, what, label)));
}

/// What a message says of persistence: ` HTTP/1.0, close`, `, timeout=5, max=100`.
fn remarks(message: &Message) -> String {
    let mut remarks = String::new();
    if message.version == Version::Http10 {
        remarks.push_str(" HTTP/1.0");
    }
    let keep_alive = message.keep_alive().unwrap_or_default();
    let advertised = [("timeout", keep_alive.timeout), ("max", keep_alive.max)];
    for (name, value) in advertised {
        if let Some(value) = value {
            remarks.push_str(&format!(", {name}={value}"));
        }
    }
    match message.says() {
        Some(Says::Close) => remarks.push_str(", close"),
        Some(Says::KeepAlive) if keep_alive.timeout.or(keep_alive.max).is_none() => {
            remarks.push_str(", keep-alive");
        }
        _ => {}
    }
    remarks
}

fn other_protocol(row: &Row) -> Moment {
    let label = format!(
        "{}: {} octets from the client, {} from the server",
        row.protocol.name(),
        row.client_octets,
        row.server_octets
    );
    Moment {
        until: row.last,
        ..moment(row.first, What::Untold, label)
    }
}

fn closes(row: &Row, moments: &mut Vec<Moment>) {
    for peer in Peer::BOTH {
        let Some(side) = row.sides.as_deref().map(|sides| sides[peer]) else {
            continue;
        };
        moments.extend(side.fin.map(|fin| moment(fin.at, What::Fin(peer), "FIN")));
        moments.extend(side.rst.map(|rst| moment(rst.at, What::Rst(peer), "RST")));
    }
}

/// Packets of findings at which nothing else is told. Those inside exchanges that are not told are left out.
fn named_packets(findings: &[Finding], moments: &mut Vec<Moment>) {
    let known = moments.len();
    let mut last = None;
    for finding in findings {
        let at = finding.at;
        let is_there = |moment: &Moment| (moment.at.frame..=moment.until.frame).contains(&at.frame);
        let mut known = moments.iter().take(known);
        if last != Some(at.frame) && !known.any(is_there) {
            moments.push(moment(at, What::Packet, "a packet that proves it"));
            last = Some(at.frame);
        }
    }
}

/// A connection that nobody closed goes on to the end of the capture.
fn end(row: &Row, moments: &mut Vec<Moment>) {
    if row.close.is_some() {
        return;
    }
    let last = moments.last().map_or(row.last, |moment| moment.until);
    let until = match row.idle_last {
        Some(idle) => last.time + idle,
        None => last.time.max(row.last.time),
    };
    let frame = row.last.frame.max(last.frame);
    let at = At { frame, time: until };
    moments.push(moment(at, What::Edge, "the capture ends; still open"));
}

/// Says of each moment what goes on behind it.
fn set_phases(row: &Row, exchanges: &[Exchange], moments: &mut [Moment]) {
    let mut closed = PerPeer::default();
    for moment in moments {
        match moment.what {
            What::Fin(peer) => closed[peer] = true,
            What::Rst(_) => {
                closed = PerPeer {
                    client: true,
                    server: true,
                }
            }
            _ => {}
        }
        moment.then = match (closed.client, closed.server) {
            (true, true) => Phase::Over,
            (false, false) => phase(row, exchanges, moment.until),
            _ => Phase::HalfClosed,
        };
    }
}

/// What goes on behind this packet while both sides are open.
fn phase(row: &Row, exchanges: &[Exchange], at: At) -> Phase {
    let begun = exchanges.partition_point(|exchange| {
        let (first, _) = extent(exchange);
        first.is_none_or(|first| first.frame <= at.frame)
    });
    // Responses come in the order of their requests: the last exchange is the last to be over.
    let Some(last) = exchanges.get(..begun).and_then(<[Exchange]>::last) else {
        return Phase::Silent;
    };
    let is_over = last.is_idle_timeout() || last.end().is_some_and(|end| end.frame <= at.frame);
    match is_over {
        true if row.upgraded && begun == exchanges.len() => Phase::Tunnel,
        true => Phase::Idle,
        false => Phase::Waiting,
    }
}

/// Marks the ends of the promises that were put to the test: until then nothing more was asked, and the client did not
/// close.
fn mark_promises(moments: &mut Vec<Moment>) {
    let mut marks = Vec::new();
    for (number, made) in moments.iter().enumerate() {
        let Some(seconds) = made.promised else {
            continue;
        };
        let until = made.until.time + Span::from_secs(seconds.into());
        let behind = moments.get(number + 1..).unwrap_or_default();
        let before = behind.iter().take_while(|moment| moment.at.time <= until);
        let (mut place, mut broken) = (number + 1, false);
        let mut moot = false;
        for moment in before {
            place += 1;
            match moment.what {
                What::Fin(Peer::Server) | What::Rst(Peer::Server) | What::Edge => broken = true,
                What::Packet | What::Fin(_) | What::Rst(_) if broken => {}
                What::Packet => {}
                _ => moot = true,
            }
        }
        let label = match broken {
            true => format!("timeout={seconds}: promised until here"),
            false => format!("timeout={seconds} is over"),
        };
        let at = At {
            time: until,
            ..made.until
        };
        if !moot {
            marks.push((place, moment(at, What::Promise, label)));
        }
    }
    for (place, mark) in marks.into_iter().rev() {
        let then = moments
            .get(place.saturating_sub(1))
            .map(|before| before.then);
        let then = then.unwrap_or(Phase::Over);
        moments.insert(place, Moment { then, ..mark });
    }
}
