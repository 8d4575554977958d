//! What servers do with idle connections, in sentences: the same in every format for people.

use super::duration::readable;
use super::words::counted;
use crate::audit::conclusions::{Conclusions, Kept};
use crate::audit::event::Event;
use crate::audit::idle_timeout::{IdleTimeout, Kind, Mode};
use crate::audit::loss::{LossKind, Resending};
use crate::audit::mismatch::Mismatch;
use crate::audit::server::{SeenAgain, Server};
use crate::audit::{defaults, loss};
use crate::packet::Endpoint;
use crate::time::{Span, Time};

/// So many mismatches, and so many events, are told in sentences of one server.
const TOLD: usize = 3;

/// All there is to say of a server; nothing, where its row tells everything.
pub(super) fn sentences(
    endpoint: &Endpoint,
    server: &Server,
    conclusions: &Conclusions,
) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(timeout_sentence(conclusions));
    let mismatches = conclusions.mismatches.iter();
    sentences.extend(
        mismatches
            .take(TOLD)
            .map(|mismatch| mismatch_sentence(endpoint, server, mismatch)),
    );
    sentences.extend(others(
        conclusions.mismatches.len(),
        "client waits",
        "clients wait",
    ));
    sentences.extend(lost_sentence(server));
    let events = server.first_events.iter().take(TOLD);
    sentences.extend(events.map(|(event, ())| event_sentence(event)));
    let events = usize::try_from(server.events.events).unwrap_or(usize::MAX);
    sentences.extend(others(events, "such event was", "such events were"));
    sentences
}

/// That there are more than were told.
fn others(number: usize, one: &str, several: &str) -> Option<String> {
    let others = number.checked_sub(TOLD).filter(|&others| others > 0)?;
    let others = counted(others as u64, one, several);
    Some(format!(
        "{others} there besides; --format json lists all that were kept"
    ))
}

/// `5.00–5.02 s`, `> 118 s`; `-` where nothing is known.
pub(super) fn timeout_cell(timeout: &IdleTimeout) -> String {
    let modes = || timeout.modes.iter().map(interval).collect::<Vec<_>>();
    match timeout.kind {
        Kind::Steady | Kind::Stepwise => modes().join(", "),
        Kind::Several if timeout.modes.len() > 3 => "several".to_owned(),
        Kind::Several => modes().join(", "),
        Kind::Scattered => "no timer".to_owned(),
        Kind::Once => format!("{} once", modes().join(", ")),
        Kind::NoneSeen => format!(
            "> {}",
            seconds(timeout.survived.unwrap_or_default(), Edge::Lower)
        ),
        Kind::Unknown => super::words::NOTHING.to_owned(),
    }
}

fn timeout_sentence(conclusions: &Conclusions) -> Option<String> {
    let timeout = &conclusions.timeout;
    let mut sentence = format!("It {}", closes(timeout)?);
    if let Some(promise) = conclusions.promise {
        let advertised = promise.advertised.nanos() / 1_000_000_000;
        sentence += &match promise.kept {
            Kept::Kept => format!(", and keeps what it advertises (timeout={advertised})"),
            Kept::Early => format!(", sooner than advertised (timeout={advertised})"),
            Kept::Late => format!(", later than advertised (timeout={advertised})"),
        };
    }
    if !conclusions.likely.is_empty() {
        let names = listed(&conclusions.likely, "or");
        sentence += &format!("; a guess: the default of {names}");
    }
    Some(sentence + ".")
}

/// `closes idle connections after 5.00–5.02 s (41 samples, longest idle survived 4.97 s)`
fn closes(timeout: &IdleTimeout) -> Option<String> {
    let samples = counted_grouped(timeout.samples, "sample", "samples");
    let survived = timeout.survived.map_or(String::new(), |survived| {
        format!(", longest idle survived {}", seconds(survived, Edge::Upper))
    });
    let outside = match timeout.outside {
        0 => String::new(),
        outside => format!(", {} of them at other times", grouped(outside)),
    };
    let evidence = format!("({samples}{outside}{}{survived})", mostly_by(timeout));
    let modes: Vec<String> = timeout.modes.iter().map(interval).collect();
    let modes: Vec<&str> = modes.iter().map(String::as_str).collect();
    Some(match timeout.kind {
        Kind::Steady => format!(
            "closes idle connections after {} {evidence}",
            modes.concat()
        ),
        Kind::Stepwise => format!(
            "closes idle connections after {}, as a purge in steps does {evidence}",
            modes.concat()
        ),
        Kind::Several if modes.len() == 1 => format!(
            "closes some idle connections after {} and leaves others open for longer {evidence}",
            modes.concat()
        ),
        Kind::Several => format!(
            "closes idle connections after {}: several settings {evidence}",
            listed(&modes, "or")
        ),
        Kind::Scattered => format!(
            "closes idle connections after anything from {}: that is no timer {evidence}",
            modes.concat()
        ),
        Kind::Once => format!(
            "closed an idle connection after {} {evidence}",
            modes.concat()
        ),
        Kind::NoneSeen | Kind::Unknown => return None,
    })
}

/// Where the last samples lie far behind the others, which is for whoever waits for them.
fn mostly_by(timeout: &IdleTimeout) -> String {
    match timeout.modes.as_slice() {
        [mode] if mode.to - mode.mostly_by > mode.mostly_by - mode.from + Span::from_millis(20) => {
            format!(", nine in ten by {}", seconds(mode.mostly_by, Edge::Upper))
        }
        _ => String::new(),
    }
}

fn mismatch_sentence(endpoint: &Endpoint, server: &Server, mismatch: &Mismatch) -> String {
    let client = mismatch.client;
    let mut parts = Vec::new();
    if let Some(reuse) = mismatch.reuses_up_to {
        parts.push(format!(
            "{client} reuses connections idle up to {}",
            seconds(reuse, Edge::Upper)
        ));
    }
    let gives_up = &mismatch.closes_after;
    if gives_up.soonest().is_some() {
        let likely = defaults::clients(gives_up);
        let guess = match likely.as_slice() {
            [] => String::new(),
            names => format!(" (a guess: {})", listed(names, "or")),
        };
        parts.push(format!(
            "it gives up after {}{guess}",
            timeout_cell(gives_up)
        ));
    }
    parts.push(format!(
        "{endpoint} closes after {}",
        span_range(mismatch.server_from, mismatch.server_to)
    ));
    let mut sentence = parts.join("; ");
    sentence += &format!(
        ": {} of {} met a closing connection",
        grouped(mismatch.lost),
        counted_grouped(mismatch.requests, "request", "requests"),
    );
    sentence += &kinds(server, mismatch);
    if let Some(expected) = mismatch.expected {
        sentence += &format!(
            "; by the gaps between them, {} at least are to be expected",
            per_10_000(expected)
        );
    }
    sentence += &format!(
        "; set the client's idle limit below {}",
        seconds(mismatch.client_below, Edge::Lower)
    );
    sentence += &match mismatch.server_above {
        Some(above) => format!(" or the server's above {}.", seconds(above, Edge::Upper)),
        None => " or the server's above the client's.".to_owned(),
    };
    sentence
}

/// ` (30 crossed, 7 stale)`
fn kinds(server: &Server, mismatch: &Mismatch) -> String {
    let client = server
        .clients
        .iter()
        .find(|(key, _)| key.ip == mismatch.client);
    let Some((_, client)) = client.filter(|_| mismatch.lost > 0) else {
        return String::new();
    };
    let kinds = client
        .lost
        .iter()
        .filter(|&(&kind, _)| kind != LossKind::Cut);
    let kinds: Vec<String> = kinds
        .map(|(kind, count)| format!("{} {}", grouped(*count), kind.name()))
        .collect();
    format!(" ({})", kinds.join(", "))
}

fn lost_sentence(server: &Server) -> Option<String> {
    let lost = server.lost_with(|_| true);
    if lost == 0 {
        return None;
    }
    let kinds = LossKind::ALL.map(|kind| (kind, server.lost_with(|sort| sort.kind == kind)));
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|&&(_, count)| count > 0)
        .map(|(kind, count)| format!("{} {}", grouped(*count), lost_how(*kind)))
        .collect();
    let not_safe = match server.lost_with(|sort| sort.resending == Resending::Unsafe) {
        0 => "none".to_owned(),
        some => format!("{} ({})", grouped(some), first_unsafe(server)),
    };
    let again = match server.lost_with(|sort| sort.seen_again == SeenAgain::Yes) {
        0 => "none".to_owned(),
        some => grouped(some),
    };
    Some(format!(
        "Lost requests: {} ({}); not safe to send again: {not_safe}; seen again on another connection: {again}.",
        grouped(lost),
        kinds.join(", "),
    ))
}

fn lost_how(kind: LossKind) -> &'static str {
    match kind {
        LossKind::Crossed => "crossed the close",
        LossKind::Stale => "sent after the client had the close",
        LossKind::Forgotten => "reset by a side that had forgotten the connection",
        LossKind::Dropped => "acknowledged by the close and dropped",
        LossKind::Cut => "with a response cut short",
    }
}

/// `POST /orders in a.pcap, frame 17`
fn first_unsafe(server: &Server) -> String {
    let first = server
        .lost_requests
        .iter()
        .map(|(request, ())| request)
        .next();
    first.map_or(
        String::new(),
        |loss::LostRequest {
             line,
             capture,
             frame,
             ..
         }| { format!("the first: {line} in {capture}, frame {frame}") },
    )
}

fn event_sentence(event: &Event) -> String {
    let time = Time::from_nanos(event.nanos.into());
    let mut sentence = format!(
        "At {time} ({}) it closed {} within {}, idle for different times: a restart, not a timer; {} announced",
        event.capture,
        counted_grouped(event.connections, "connection", "connections"),
        readable(event.lasted),
        match event.announced {
            0 => "none was".to_owned(),
            1 => "1 was".to_owned(),
            several => format!("{} were", grouped(several)),
        }
    );
    if event.interrupted > 0 {
        sentence += &format!(
            ", {} in the middle of an exchange",
            grouped(event.interrupted)
        );
    }
    let lost = counted_grouped(event.lost, "request", "requests");
    sentence + &format!(", {lost} lost to it.")
}

/// `5.00–5.02 s`
fn interval(mode: &Mode) -> String {
    span_range(mode.from, mode.to)
}

fn span_range(from: Span, to: Span) -> String {
    if to - from < Span::from_millis(5) {
        return readable(from);
    }
    let (lower, upper) = (seconds(from, Edge::Lower), seconds(to, Edge::Upper));
    match (lower.strip_suffix(" s"), lower == upper) {
        (_, true) => upper,
        (Some(number), _) => format!("{number}–{upper}"),
        (None, _) => format!("{lower}–{upper}"),
    }
}

/// To which side a length is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Lower,
    Upper,
}

/// In seconds, down to a hundredth, or a tenth of long ones: `5.02 s`, `118.4 s`, `60 s`.
fn seconds(span: Span, edge: Edge) -> String {
    let unit = if span < Span::from_secs(100) {
        10_000_000
    } else {
        100_000_000
    };
    let nanos = span.nanos().max(0);
    let units = match edge {
        Edge::Lower => nanos / unit,
        Edge::Upper => nanos.saturating_add(unit - 1) / unit,
    };
    let value = units as f64 * unit as f64 / 1e9;
    match unit {
        _ if value.fract() == 0.0 && nanos % 1_000_000_000 == 0 => format!("{value:.0} s"),
        10_000_000 => format!("{value:.2} s"),
        _ => format!("{value:.1} s"),
    }
}

/// `4.2 of 10,000`
fn per_10_000(expected: f64) -> String {
    match expected {
        few if few < 0.1 => "less than 0.1 of 10,000".to_owned(),
        some if some < 10.0 => format!("about {some:.1} of 10,000"),
        many => format!("about {} of 10,000", grouped(many.round() as u64)),
    }
}

/// `a, b or c`
fn listed(names: &[&str], conjunction: &str) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [some @ .., last] => format!("{} {conjunction} {last}", some.join(", ")),
    }
}

fn counted_grouped(number: u64, one: &str, several: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { several }
    )
}

/// `41,000`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_rounded_outwards() {
        let span = |millis| Span::from_millis(millis);
        assert_eq!(span_range(span(5_001), span(5_011)), "5.00–5.02 s");
        assert_eq!(span_range(span(5_000), span(5_004)), "5.000 s");
        assert_eq!(seconds(span(118_420), Edge::Lower), "118.4 s");
        assert_eq!(seconds(span(60_000), Edge::Upper), "60 s");
        assert_eq!(seconds(span(800), Edge::Lower), "0.80 s");
    }

    #[test]
    fn numbers_are_grouped() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (41_000_000, "41,000,000"),
        ];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }
}
