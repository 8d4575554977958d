//! The verdict on a connection, and why there is none.

use serde::{Deserialize, Serialize};

use super::duty::may_be_neglected;
use super::{CATALOG, Judgement, Level, Rule, Ruling, Settings, Subject, Traits};
use crate::connection::{Connection, LostTo, Protocol, ones};
use crate::tcp::Peer;

/// What is said of a connection in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// At least one exchange is complete, and all that was looked at is right.
    Ok,
    /// The capture does not tell.
    Unknown,
    /// The worst finding is a warning.
    Warning,
    /// The worst finding is a violation.
    Violation,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 4] = [
        Verdict::Ok,
        Verdict::Warning,
        Verdict::Violation,
        Verdict::Unknown,
    ];

    /// `ok`, `unknown`, `warning` or `violation`.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Unknown => "unknown",
            Verdict::Warning => "warning",
            Verdict::Violation => "violation",
        }
    }
}

/// Asks all rules about a connection, but for those that are left out.
pub fn judge(connection: &Connection, settings: &Settings) -> Judgement {
    let mut ruling = Ruling::default();
    if connection.protocol == Protocol::Http1 {
        let has_a_say = |rule: &Rule| {
            (rule.subject == Subject::Message || connection.tunnel.is_none())
                && !settings.left_out.contains(&rule.name)
        };
        let traits = traits(connection, settings);
        // Most rules have nothing to look at, so that is asked first.
        let concerned = |rule: &&Rule| traits.contain(rule.needs) && has_a_say(rule);
        debug_assert!(
            CATALOG
                .iter()
                .filter(|&&rule| !traits.contain(rule.needs) && has_a_say(rule))
                .all(|rule| is_silent(rule, connection, settings)),
            "a rule says something of a connection without what it needs"
        );
        for rule in candidates(traits).filter(concerned) {
            (rule.check)(connection, settings, &mut ruling);
        }
    }
    let Ruling {
        mut findings,
        unproven,
    } = ruling;
    findings.sort_by_key(|finding| finding.at.frame);
    let worst = findings.iter().map(|finding| finding.rule.level).max();
    let (verdict, unknown_because) = match worst {
        Some(Level::Violation) => (Verdict::Violation, None),
        Some(Level::Warning) => (Verdict::Warning, None),
        Some(Level::Note) | None => match unknown_because(connection).or(unproven) {
            Some(because) => (Verdict::Unknown, Some(because)),
            None => (Verdict::Ok, None),
        },
    };
    Judgement {
        verdict,
        unknown_because,
        findings,
    }
}

/// What a connection shows at a glance.
fn traits(connection: &Connection, settings: &Settings) -> Traits {
    const OBLIGING: Traits = Traits::ENDING.and(Traits::BAD_FRAMING);
    let kept_open = connection.exchanges.any_that_shows(OBLIGING, |exchange| {
        may_be_neglected(exchange, connection, settings)
    });
    connection.traits().and(Traits::KEPT_OPEN.given(kept_open))
}

/// The rules of which the last trait that they need is among these, in the order of the catalogue. As the last traits
/// are rare, these are few.
fn candidates(traits: Traits) -> impl Iterator<Item = &'static Rule> {
    let with = |rules, number| rules | BY_LAST_NEED.get(number).copied().unwrap_or(0);
    let rules = traits.numbers().fold(0, with);
    ones(rules).filter_map(|number| CATALOG.get(number).copied())
}

/// For each trait the rules that need it, and none behind it: a bit each, by their places in the catalogue.
static BY_LAST_NEED: [u64; Traits::COUNT] = {
    let mut by_last = [0; Traits::COUNT];
    let (mut places, mut number) = (by_last.as_mut_slice(), 0);
    while let Some((place, others)) = places.split_first_mut() {
        *place = with_last_need(number);
        (places, number) = (others, number + 1);
    }
    by_last
};

const fn with_last_need(number: u32) -> u64 {
    assert!(CATALOG.len() <= u64::BITS as usize, "a rule has a bit");
    let (mut rules, mut bit, mut found) = (CATALOG, 1, 0);
    while let Some((rule, others)) = rules.split_first() {
        let last = rule.needs.last();
        assert!(last.is_some(), "a rule needs something");
        if matches!(last, Some(last) if last == number) {
            found |= bit;
        }
        (rules, bit) = (others, bit << 1);
    }
    found
}

fn is_silent(rule: &Rule, connection: &Connection, settings: &Settings) -> bool {
    let mut ruling = Ruling::default();
    (rule.check)(connection, settings, &mut ruling);
    ruling.findings.is_empty() && ruling.unproven.is_none()
}

/// What keeps the rules from looking at a connection as a whole.
fn unknown_because(connection: &Connection) -> Option<String> {
    let facts = &connection.facts;
    if connection.protocol != Protocol::Http1 {
        let protocol = connection.protocol.name();
        return Some(format!("carries no HTTP/1 ({protocol})"));
    }
    if !facts.handshake.is_complete() {
        return Some("the capture starts inside the connection".to_owned());
    }
    missing(connection)
        .or_else(|| {
            let limit = connection.limits.iter().find(|limit| limit.hides())?;
            Some(format!(
                "a bound was met: {} ({})",
                limit.what, limit.amount
            ))
        })
        .or_else(|| lost(connection))
        .or_else(|| ended_early(connection))
        .or_else(|| (connection.tally.complete == 0).then(|| "no complete exchange".to_owned()))
}

fn missing(connection: &Connection) -> Option<String> {
    let missing = connection.missing();
    if missing == 0 {
        return None;
    }
    let behind = Peer::BOTH.map(|peer| connection.facts.sides[peer].behind_hole);
    let first = behind.into_iter().flatten().map(|at| at.frame).min();
    let octets = if missing == 1 { "byte" } else { "bytes" };
    Some(match first {
        Some(frame) => format!("{missing} {octets} missing before frame {frame}"),
        None => format!("{missing} {octets} missing, though acknowledged"),
    })
}

fn lost(connection: &Connection) -> Option<String> {
    let (peer, lost) = Peer::BOTH
        .iter()
        .find_map(|&peer| Some((peer, connection.lost[peer]?)))?;
    let who = peer.name();
    if lost.to == LostTo::SnapLength {
        return Some(format!("the snap length cut off what the {who} said"));
    }
    Some(match connection.unreadable[peer] {
        Some(place) => format!(
            "what the {who} sent in frame {} is no HTTP/1",
            place.stamp.at.frame
        ),
        None => format!("where a message of the {who} ends cannot be told"),
    })
}

/// The capture ends inside an exchange.
fn ended_early(connection: &Connection) -> Option<String> {
    if connection.facts.close.is_some() || connection.tunnel.is_some() {
        return None;
    }
    let last = connection.exchanges.last()?;
    if last.is_complete() {
        return None;
    }
    let request = last.request.as_ref()?;
    let Some(end) = request.message.end_at() else {
        return Some("the capture ends inside a request".to_owned());
    };
    if last.response.is_some() {
        return Some("the capture ends inside a response".to_owned());
    }
    let after = connection.facts.seen_until.time.since(end.time);
    Some(format!(
        "the capture ends {after} after a request, before its response"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{play, play_all};

    fn because(script: &str) -> String {
        let played = play(script);
        assert_eq!(played.judgement.verdict, Verdict::Unknown, "{script}");
        played.judgement.unknown_because.unwrap()
    }

    #[test]
    fn unknown_says_why() {
        for (script, reason) in [
            (
                "inside\n> GET /\n< 204\nclient FIN\nserver FIN\n",
                "the capture starts inside the connection",
            ),
            (
                "> GET / | Connection: close\n< 200 | Content-Length: 2 | Connection: close\n~ 800ms\nelsewhere\n",
                "the capture ends 0.800 s after the last response",
            ),
            (
                "> GET /\n< 204\n~ 1s\n> GET /\n~ 500ms\nelsewhere\n",
                "the capture ends 0.500 s after a request, before its response",
            ),
            (
                "> GET /\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n",
                "the capture ends inside a response",
            ),
            (
                "> raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n",
                "the capture ends inside a request",
            ),
            (
                "> GET /\n< raw SSH-2.0-OpenSSH_9\\r\\n\nserver FIN\nclient FIN\n",
                "what the server sent in frame 6 is no HTTP/1",
            ),
            ("> GET /\nclient FIN\nserver FIN\n", "no complete exchange"),
        ] {
            let because = because(script);
            // Frames differ where each octet has a packet of its own; the whole script was played first.
            assert_eq!(because, reason, "{script}");
        }
    }

    #[test]
    fn a_hole_is_named_with_its_size_and_the_frame_behind_it() {
        let played = play_all(
            "> GET /\n< raw HTTP/1.1 200 A\\r\\nContent-Length: 100\\r\\n\\r\\n\nhole server 60\n~ 2s\n< raw bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n",
        );
        let judgement = &played.first().unwrap().judgement;
        assert_eq!(
            judgement.unknown_because.as_deref(),
            Some("60 bytes missing before frame 9")
        );
        let played = play_all("> GET /\n< 204\nhole server 1\n");
        let judgement = &played.first().unwrap().judgement;
        assert_eq!(
            judgement.unknown_because.as_deref(),
            Some("1 byte missing, though acknowledged")
        );
    }

    #[test]
    fn a_head_that_the_snap_length_cut_is_named_so() {
        let played = play_all("> GET /\n< 204\nsnap 60\n> GET /\n< 204\n");
        let judgement = &played.first().unwrap().judgement;
        assert_eq!(
            judgement.unknown_because.as_deref(),
            Some("the snap length cut off what the client said")
        );
    }

    #[test]
    fn a_preamble_keeps_no_rule_from_looking() {
        let played = play(
            "> raw PROXY TCP4 192.0.2.1 192.0.2.2 1 80\\r\\n\n> GET /\n< 204\n~ 5s\nserver FIN\nclient FIN\n",
        );
        assert_eq!(played.judgement.verdict, Verdict::Ok);
    }

    #[test]
    fn rules_that_are_left_out_are_not_asked() {
        let played = play("> GET /\n< 200 | Content-Length: 2\nserver FIN\nclient FIN\n");
        assert_eq!(played.judgement.verdict, Verdict::Warning);
        let settings = Settings {
            left_out: vec!["unannounced-close"],
            ..Settings::default()
        };
        let judgement = judge(&played.connection, &settings);
        assert!(judgement.findings.is_empty());
        assert_eq!(judgement.verdict, Verdict::Ok);
    }
}
