//! After how long does a side close idle connections? Inferred from what it did, not from what it says.
//!
//! In: after how long it closed idle connections, and for how long it left others open; pure functions over two
//! histograms. Out: an [`IdleTimeout`], an interval with its evidence.
//!
//! **What is counted.** A close is a sample: the side closed first, nothing was outstanding, no message had announced
//! it, the advertised `max` was not used up, and more than 100 ms had passed; closes of many connections in one instant
//! are left out (see [`event`](super::event)). Every other idleness is censored: a gap before a request that was
//! answered, an idleness that the other side ended or an event or the end of the capture, tell only that the timeout is
//! longer. Connections with octets missing tell nothing.
//!
//! **What is measured.** From the end of the last exchange to the FIN, both where the capture was taken. A timer that
//! started when the response was written, and not when it was sent, makes that shorter; a slow event loop, a timer
//! that looks only now and then, and jitter make it longer. So the answer is an interval and its edges are what was
//! seen: the lower one is what a client must stay below, no estimate of a configured number.
//!
//! **How it is told.** Samples that lie within 3 % and 50 ms of each other are a cluster; only clusters with three
//! witnesses and 5 % of the samples count. Connections that were closed within a quarter of a second of each other are
//! one witness. Then:
//!
//! - One cluster, nine in ten of it no wider than 10 %, with nine in ten of the samples: [`Kind::Steady`]. Two witnesses suffice where
//!   there is nothing else.
//! - Several such, well apart: [`Kind::Several`], two settings or two machines behind one address. So is one where other
//!   connections were left open for much longer.
//! - No such clusters, but all samples between one length and somewhat more than twice that: [`Kind::Stepwise`], a purge
//!   that runs now and then (a timeout `T` looked at every `g` closes after `T` to `T + g`).
//! - Anything else is [`Kind::Scattered`]: no timer, such as a bound on open connections, or restarts one by one.
//! - One witness is [`Kind::Once`], and two that differ are nothing: [`Kind::Unknown`].
//! - No sample: [`Kind::NoneSeen`], with the longest idleness that was survived.

use super::histogram::{Bucket, Coarse, Fine};
use crate::time::Span;

/// After how long a side closes idle connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleTimeout {
    /// What can be told.
    pub kind: Kind,
    /// The intervals in which it closes, the shortest first; empty where nothing can be told.
    pub modes: Vec<Mode>,
    /// How many closes were seen.
    pub samples: u64,
    /// Those of them that lie outside the intervals.
    pub outside: u64,
    /// The longest that an idle connection was left open.
    pub survived: Option<Span>,
}

/// What can be told of a side's idle timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is one.
    Steady,
    /// There is one that is looked at now and then.
    Stepwise,
    /// There are several, or it does not hold for all connections.
    Several,
    /// Idle connections are closed after any time.
    Scattered,
    /// Idle connections were closed at one time only.
    Once,
    /// No idle connection was closed.
    NoneSeen,
    /// Too little was seen.
    Unknown,
}

impl Kind {
    /// `steady`, `stepwise`, `several`, `scattered`, `once`, `none-seen` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Steady => "steady",
            Kind::Stepwise => "stepwise",
            Kind::Several => "several",
            Kind::Scattered => "scattered",
            Kind::Once => "once",
            Kind::NoneSeen => "none-seen",
            Kind::Unknown => "unknown",
        }
    }
}

/// An interval in which idle connections are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// The soonest close.
    pub from: Span,
    /// When nine in ten of them had come.
    pub mostly_by: Span,
    /// The latest.
    pub to: Span,
    /// How many closes.
    pub samples: u64,
    /// How many of them bear witness by themselves.
    pub occasions: u64,
}

impl IdleTimeout {
    /// From when on a connection may be closed: the soonest close of a timer, where there is one.
    pub fn soonest(&self) -> Option<Span> {
        match self.kind {
            Kind::Steady | Kind::Stepwise | Kind::Several => Some(self.modes.first()?.from),
            Kind::Scattered | Kind::Once | Kind::NoneSeen | Kind::Unknown => None,
        }
    }

    /// The latest close of such a timer.
    pub fn latest(&self) -> Option<Span> {
        self.soonest()?;
        Some(self.modes.last()?.to)
    }
}

/// Tells after how long a side closes idle connections, from when it `closed` them and for how long it left others
/// open.
pub fn infer(closed: &Fine, outlived: &Coarse) -> IdleTimeout {
    let samples = closed.count();
    let clusters = clusters(closed);
    let occasions: u64 = clusters.iter().map(|cluster| cluster.occasions).sum();
    let (kind, modes) = match (samples, occasions) {
        (0, _) => (none_seen(outlived), Vec::new()),
        (_, 0 | 1) => (Kind::Once, clusters),
        _ => shape(clusters, samples, occasions),
    };
    let inside: u64 = modes.iter().map(|mode| mode.samples).sum();
    let told = IdleTimeout {
        kind,
        outside: samples - inside,
        modes,
        samples,
        survived: outlived.most(),
    };
    reconciled(told, outlived)
}

/// Whoever was left idle for less than this tells nothing of a timeout.
const WORTH_TELLING: Span = Span::from_secs(1);

fn none_seen(outlived: &Coarse) -> Kind {
    match outlived.most() {
        Some(most) if most >= WORTH_TELLING => Kind::NoneSeen,
        _ => Kind::Unknown,
    }
}

/// The samples, those together that lie close to each other.
fn clusters(closed: &Fine) -> Vec<Mode> {
    let mut clusters: Vec<Vec<&Bucket>> = Vec::new();
    for bucket in closed.buckets() {
        match clusters.last_mut() {
            Some(cluster)
                if cluster
                    .last()
                    .is_some_and(|last| is_close(last.most, bucket.least)) =>
            {
                cluster.push(bucket);
            }
            _ => clusters.push(vec![bucket]),
        }
    }
    let modes = clusters.iter().filter_map(|buckets| Mode::of(buckets));
    modes.collect()
}

fn is_close(one: Span, next: Span) -> bool {
    next - one <= part(one, 3) + Span::from_millis(50)
}

/// So many hundredths of a span.
fn part(span: Span, hundredths: i64) -> Span {
    Span::from_nanos(span.nanos() / 100 * hundredths)
}

impl Mode {
    fn of(buckets: &[&Bucket]) -> Option<Self> {
        let samples = buckets.iter().map(|bucket| bucket.count).sum();
        Some(Mode {
            from: buckets.first()?.least,
            mostly_by: mostly_by(buckets, samples)?,
            to: buckets.last()?.most,
            samples,
            occasions: buckets.iter().map(|bucket| bucket.occasions).sum(),
        })
    }

    /// Of nine tenths of it: the more samples, the farther out lie the last.
    fn width(&self) -> Span {
        self.mostly_by - self.from
    }

    /// Whether one timer, with the noise of one, can have done all of it.
    fn is_narrow(&self) -> bool {
        self.width() <= part(self.from, 10).max(Span::from_millis(150))
    }
}

/// When nine in ten of these samples had come.
fn mostly_by(buckets: &[&Bucket], samples: u64) -> Option<Span> {
    let mut count = 0;
    let mut until = buckets.iter().skip_while(|bucket| {
        count += bucket.count;
        count * 10 < samples * 9
    });
    until.next().map(|bucket| bucket.most)
}

/// What the samples look like, which are of two occasions at least.
fn shape(clusters: Vec<Mode>, samples: u64, occasions: u64) -> (Kind, Vec<Mode>) {
    let all = all_together(&clusters);
    let least = (samples / 20).max(MODE);
    let mut modes = clusters;
    if occasions >= MODE {
        modes.retain(|mode| mode.occasions >= MODE && mode.samples >= least);
    }
    let inside: u64 = modes.iter().map(|mode| mode.samples).sum();
    let most_inside = samples - inside <= (samples / 10).max(u64::from(samples > MODE));
    let narrow = modes.iter().all(Mode::is_narrow);
    match modes.as_slice() {
        [_] if most_inside && narrow => (Kind::Steady, modes),
        [_, _, ..] if most_inside && narrow && are_apart(&modes) && occasions >= MODE => {
            (Kind::Several, modes)
        }
        _ if occasions < MODE => (Kind::Unknown, Vec::new()),
        _ => spread(all, samples),
    }
}

/// So many witnesses make a mode.
const MODE: u64 = 3;

fn all_together(clusters: &[Mode]) -> Option<Mode> {
    let (first, last) = (clusters.first()?, clusters.last()?);
    Some(Mode {
        from: first.from,
        mostly_by: last.mostly_by,
        to: last.to,
        samples: clusters.iter().map(|mode| mode.samples).sum(),
        occasions: clusters.iter().map(|mode| mode.occasions).sum(),
    })
}

/// Whether modes lie far apart, compared with how wide they are.
fn are_apart(modes: &[Mode]) -> bool {
    modes.windows(2).all(|pair| match pair {
        [one, next] => {
            let width = one.width().max(next.width());
            next.from - one.to >= width + width + width
        }
        _ => true,
    })
}

/// Samples that do not gather anywhere.
fn spread(all: Option<Mode>, samples: u64) -> (Kind, Vec<Mode>) {
    let Some(all) = all else {
        return (Kind::Unknown, Vec::new());
    };
    let purge = all.to <= part(all.from, 220) && samples >= 5;
    if purge {
        (Kind::Stepwise, vec![all])
    } else if samples >= 5 {
        (Kind::Scattered, vec![all])
    } else {
        (Kind::Unknown, Vec::new())
    }
}

/// What was told, in the light of connections that were left open for longer than the latest close.
fn reconciled(mut told: IdleTimeout, outlived: &Coarse) -> IdleTimeout {
    let (Some(survived), Some(latest)) = (told.survived, told.modes.last().map(|mode| mode.to))
    else {
        return told;
    };
    if outlived.longer_than(latest + part(latest, 5) + Span::from_millis(100)) == 0 {
        return told;
    }
    let from = told.modes.first().map_or(latest, |mode| mode.from);
    let in_steps = survived <= part(from, 220);
    match (told.kind, told.modes.last_mut()) {
        (Kind::Steady | Kind::Stepwise, Some(mode)) if in_steps => {
            mode.mostly_by = survived;
            mode.to = survived;
            told.kind = Kind::Stepwise;
        }
        (Kind::Steady | Kind::Stepwise, _) => told.kind = Kind::Several,
        (Kind::Once, _) => told.kind = Kind::Unknown,
        _ => {}
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::histogram::Witness;

    /// A server and its clients, as they are drawn.
    #[derive(Clone)]
    struct Population {
        /// The timeouts in seconds; each connection has one of them.
        timeouts: Vec<f64>,
        /// How often the server looks.
        step: f64,
        /// The mean of the noise above the timeout, in seconds.
        noise: f64,
        /// The mean of the gaps between requests.
        gap: f64,
        /// After how long the client closes.
        client: f64,
        connections: usize,
        /// The share of closes that have nothing to do with a timer, in hundredths.
        strays: u32,
        /// The share of connections that the end of the capture cuts, in hundredths.
        cut: u32,
    }

    const PLAIN: Population = Population {
        timeouts: Vec::new(),
        step: 0.0,
        noise: 0.003,
        gap: 3.0,
        client: f64::INFINITY,
        connections: 40,
        strays: 0,
        cut: 5,
    };

    fn span(seconds: f64) -> Span {
        Span::from_nanos((seconds * 1e9) as i64)
    }

    fn exponential(random: &mut fastrand::Rng, mean: f64) -> f64 {
        -mean * (1.0 - random.f64()).ln()
    }

    impl Population {
        fn draw(&self, seed: u64) -> IdleTimeout {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut closed, mut outlived) = (Fine::default(), Coarse::default());
            for _ in 0..self.connections {
                self.connection(&mut random, &mut closed, &mut outlived);
            }
            infer(&closed, &outlived)
        }

        fn connection(&self, random: &mut fastrand::Rng, closed: &mut Fine, outlived: &mut Coarse) {
            let timeout = self
                .timeouts
                .get(random.usize(0..self.timeouts.len().max(1)));
            let timeout = timeout.copied().unwrap_or(f64::INFINITY);
            for _ in 0..20 {
                let gap = exponential(random, self.gap);
                let look = random.f64() * self.step;
                let close = timeout + look + exponential(random, self.noise);
                let stray = exponential(random, timeout.min(60.0));
                let others = gap.min(self.client);
                if random.u32(0..100) < self.strays && stray < others.min(close) {
                    return closed.add(span(stray), Witness::New);
                }
                if close < others {
                    return closed.add(span(close), Witness::New);
                }
                let cut = random.u32(0..100) < self.cut;
                let seen = if cut { others * random.f64() } else { others };
                outlived.add(span(seen), Witness::New);
                if cut || self.client < gap {
                    return;
                }
            }
        }

        /// How many of a hundred draws are as they should be.
        #[track_caller]
        fn is(&self, right: impl Fn(&IdleTimeout) -> bool) {
            let told: Vec<IdleTimeout> = (0..100).map(|seed| self.draw(seed)).collect();
            let wrong: Vec<&IdleTimeout> = told.iter().filter(|told| !right(told)).collect();
            assert!(
                wrong.len() <= 5,
                "{} wrong: {:#?}",
                wrong.len(),
                wrong.first()
            );
        }
    }

    /// Whether this is the one interval, from `from` to at most `to` seconds.
    fn closes(told: &IdleTimeout, kinds: &[Kind], from: f64, to: f64) -> bool {
        let (Some(soonest), Some(latest)) = (told.soonest(), told.latest()) else {
            return false;
        };
        kinds.contains(&told.kind)
            && (from..to).contains(&soonest.seconds())
            && (from..to).contains(&latest.seconds())
    }

    #[test]
    fn a_timer_is_found_whatever_its_length_and_noise() {
        for timeout in [0.5, 1.0, 2.0, 5.0, 15.0, 65.0, 75.0, 300.0] {
            for (noise, gap) in [(0.001, 0.6), (0.02, 0.5), (0.02, 0.25)] {
                let population = Population {
                    timeouts: vec![timeout],
                    noise,
                    gap: timeout * gap,
                    ..PLAIN
                };
                let most = timeout + (timeout * 0.08).max(0.2);
                population.is(|told| closes(told, &[Kind::Steady], timeout, most));
            }
        }
    }

    #[test]
    fn it_is_found_behind_clients_that_close_most_connections_and_behind_strays() {
        let clients = Population {
            timeouts: vec![5.0],
            gap: 4.0,
            client: 5.002,
            connections: 100,
            ..PLAIN
        };
        clients.is(|told| closes(told, &[Kind::Steady], 5.0, 5.2));
        let strays = Population {
            timeouts: vec![5.0],
            connections: 200,
            strays: 2,
            ..PLAIN
        };
        // A stray close may lie close by, and cannot be told from the timer's.
        strays.is(|told| closes(told, &[Kind::Steady], 4.7, 5.3));
    }

    #[test]
    fn of_few_connections_it_tells_the_right_thing_or_nothing() {
        for connections in [2, 3, 4, 6, 10] {
            let population = Population {
                timeouts: vec![5.0],
                connections,
                strays: 3,
                ..PLAIN
            };
            let kinds = [Kind::Steady, Kind::Stepwise];
            population.is(|told| told.soonest().is_none() || closes(told, &kinds, 4.7, 5.3));
        }
    }

    #[test]
    fn a_purge_in_steps_is_an_interval_of_its_own() {
        for (timeout, step) in [(2.0, 1.0), (5.0, 5.0), (20.0, 15.0), (30.0, 10.0)] {
            for connections in [30, 60, 500] {
                let population = Population {
                    timeouts: vec![timeout],
                    step,
                    gap: timeout,
                    connections,
                    ..PLAIN
                };
                let most = timeout + step * 1.1;
                population.is(|told| closes(told, &[Kind::Stepwise, Kind::Steady], timeout, most));
            }
        }
    }

    #[test]
    fn two_settings_are_told_apart() {
        for (one, other) in [(5.0, 15.0), (5.0, 6.0), (60.0, 75.0), (1.0, 65.0)] {
            let population = Population {
                timeouts: vec![one, other],
                gap: one,
                connections: 120,
                noise: 0.005,
                ..PLAIN
            };
            population.is(|told| {
                let modes: Vec<f64> = told.modes.iter().map(|mode| mode.from.seconds()).collect();
                let near = |found: f64, meant: f64| (meant..meant * 1.02).contains(&found);
                told.kind == Kind::Several
                    && near(modes[0], one)
                    && modes.get(1).is_none_or(|&mode| near(mode, other))
            });
        }
    }

    #[test]
    fn where_nothing_is_closed_it_tells_how_long_that_was_survived() {
        let open = Population { gap: 20.0, ..PLAIN };
        open.is(|told| told.kind == Kind::NoneSeen && told.survived > Some(Span::from_secs(30)));
        // The client's own limit lies below the server's, which so is never seen.
        let hurried = Population {
            timeouts: vec![75.0],
            client: 4.0,
            ..PLAIN
        };
        hurried.is(|told| told.kind == Kind::NoneSeen && told.survived <= Some(Span::from_secs(4)));
    }

    #[test]
    fn where_the_data_cannot_tell_nothing_is_claimed() {
        // Closes that follow no timer at all.
        for connections in [5, 8, 20, 40, 200] {
            let random = Population {
                timeouts: vec![1e9],
                strays: 100,
                gap: 60.0,
                connections,
                ..PLAIN
            };
            random.is(|told| told.soonest().is_none());
        }
        let once = infer_of(&[5.0], &[1.0, 2.0]);
        assert_eq!((once.kind, once.soonest()), (Kind::Once, None));
        assert_eq!(infer_of(&[5.0], &[30.0]).kind, Kind::Unknown);
        assert_eq!(infer_of(&[2.0, 7.0], &[]).kind, Kind::Unknown);
        assert_eq!(infer_of(&[], &[0.2]).kind, Kind::Unknown);
        assert_eq!(infer_of(&[5.0, 5.01], &[4.0]).kind, Kind::Steady);
    }

    fn infer_of(closed: &[f64], outlived: &[f64]) -> IdleTimeout {
        let (mut fine, mut coarse) = (Fine::default(), Coarse::default());
        closed
            .iter()
            .for_each(|&seconds| fine.add(span(seconds), Witness::New));
        outlived
            .iter()
            .for_each(|&seconds| coarse.add(span(seconds), Witness::New));
        infer(&fine, &coarse)
    }

    #[test]
    fn connections_that_fell_idle_together_are_one_witness() {
        let mut closed = Fine::default();
        closed.add(span(2.3), Witness::New);
        (0..5).for_each(|_| closed.add(span(2.3), Witness::Echo));
        let told = infer(&closed, &Coarse::default());
        assert_eq!((told.kind, told.samples), (Kind::Once, 6));
    }

    #[test]
    fn connections_left_open_for_longer_speak_against_one_timeout() {
        let several = infer_of(&[5.0, 5.01, 5.0, 5.02], &[4.0, 30.0]);
        assert_eq!(
            (several.kind, several.survived),
            (Kind::Several, Some(span(30.0)))
        );
        let steps = infer_of(&[2.0, 2.05, 2.1], &[2.9]);
        assert_eq!(
            (steps.kind, steps.latest()),
            (Kind::Stepwise, Some(span(2.9)))
        );
    }
}
