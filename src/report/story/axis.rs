//! How far apart moments are in lines, so that equal times look equal.
//!
//! In: the moments. Out: the lines of the drawing, from top to bottom, and what one of them stands for.

use super::moments::{Moment, Phase, What};
use crate::report::duration::readable;
use crate::time::{Span, Time};

/// So many lines at most are left empty for time that goes by, where no gap needs the one that it has at least.
const EMPTY_LINES: i64 = 20;

/// The lines of the drawing.
pub(super) struct Axis<'m> {
    pub(super) lines: Vec<Line<'m>>,
    /// The time that an empty line stands for.
    line: Span,
}

/// One line.
pub(super) enum Line<'m> {
    /// Something happened.
    Moment(&'m Moment),
    /// Time goes by, and what there is to be said of it.
    Time(String),
}

impl<'m> Axis<'m> {
    /// The moments with the time between them.
    pub(super) fn over(moments: &'m [Moment]) -> Self {
        let total = pairs(moments).map(|(before, next)| between(before, next).nanos());
        let total = total.fold(0, i64::saturating_add);
        let line = Span::from_nanos(round_up(total / EMPTY_LINES));
        let mut lines = Vec::new();
        for (number, moment) in moments.iter().enumerate() {
            lines.push(Line::Moment(moment));
            let behind = moments.get(number + 1..).unwrap_or_default();
            if let Some(next) = behind.first() {
                let empty = empty_lines(moment, between(moment, next), line);
                let label = label(moment, behind);
                let said = |at| {
                    if at == (empty - 1) / 2 {
                        label.clone()
                    } else {
                        String::new()
                    }
                };
                lines.extend((0..empty).map(|at| Line::Time(said(at))));
            }
        }
        Axis { lines, line }
    }

    /// How it is to be read.
    pub(super) fn legend(&self) -> String {
        let time = "seconds from the first packet";
        match self.lines.iter().any(|line| matches!(line, Line::Time(_))) {
            true => format!(
                "{time}; an empty line is {}, and an idle gap has one at least",
                round(self.line)
            ),
            false => time.to_owned(),
        }
    }
}

/// A length of time that is a 1, 2 or 5 with noughts, without those behind the point.
fn round(span: Span) -> String {
    let text = readable(span);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            let number = number.trim_end_matches('0').trim_end_matches('.');
            format!("{number} {unit}")
        }
        _ => text,
    }
}

fn pairs(moments: &[Moment]) -> impl Iterator<Item = (&Moment, &Moment)> {
    moments.iter().zip(moments.iter().skip(1))
}

/// A clock may go back.
fn between(before: &Moment, next: &Moment) -> Span {
    next.at.time.since(before.until.time).max(Span::ZERO)
}

fn empty_lines(before: &Moment, span: Span, line: Span) -> i64 {
    let rounded = (span.nanos() + line.nanos() / 2) / line.nanos().max(1);
    match (before.then, before.what) {
        (Phase::Idle, what) if what != What::Promise => rounded.max(1),
        _ => rounded,
    }
}

/// What is said of the time behind `moment`, up to the next thing that happened.
fn label(moment: &Moment, behind: &[Moment]) -> String {
    let next = behind.iter().find(|next| next.what != What::Promise);
    let phase = match moment.then {
        _ if moment.what == What::Promise => return String::new(),
        Phase::Silent => "nothing said for",
        Phase::Waiting => "waiting",
        Phase::Idle => "idle",
        Phase::Tunnel => "tunnel",
        Phase::HalfClosed => "half closed",
        Phase::Over => return String::new(),
    };
    let until: Option<Time> = next.map(|next| next.at.time);
    let Some(until) = until else {
        return String::new();
    };
    format!("{phase} {}", readable(until.since(moment.until.time)))
}

/// The next 1, 2 or 5 with noughts behind it.
fn round_up(nanos: i64) -> i64 {
    let power = 10_i64.pow(nanos.max(1).ilog10());
    let steps = [1, 2, 5, 10].map(|step| power.saturating_mul(step));
    steps
        .into_iter()
        .find(|&step| step >= nanos)
        .unwrap_or(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_for_a_round_length_of_time() {
        let cases = [
            (0, 1),
            (1, 1),
            (3, 5),
            (51, 100),
            (100, 100),
            (240_000, 500_000),
        ];
        for (nanos, rounded) in cases {
            assert_eq!(round_up(nanos), rounded);
        }
        assert_eq!(round_up(i64::MAX), i64::MAX);
        let said = [
            (200_000_000, "200 ms"),
            (10_000_000_000, "10 s"),
            (50, "50 ns"),
        ];
        for (nanos, text) in said {
            assert_eq!(round(Span::from_nanos(nanos)), text);
        }
    }
}
