//! For how long the connections to a server idled, drawn: above the axis those that it left open, below it those that
//! it closed.
//!
//! In: the sums of a server and what follows from them. Out: places on a logarithmic time axis; the template makes SVG
//! of them.

use super::scale::{Place, Tick};
use crate::audit::conclusions::Conclusions;
use crate::audit::histogram::Bucket;
use crate::audit::server::Server;
use crate::report::advice::{grouped, timeout_cell};
use crate::report::duration::readable;
use crate::time::Span;

/// So many bars to a tenfold length of time.
const TO_A_DECADE: f64 = 10.0;

/// Shorter gaps share the first bar.
const SHORTEST: f64 = 1e-3;

/// The height of the tallest bar, in pixels.
const TALLEST: f64 = 44.0;

/// A bar is no lower than that, or it would not be seen.
const LOWEST: f64 = 2.0;

/// Idle gaps, drawn.
#[derive(Debug)]
pub(super) struct IdleHistogram {
    /// Left open.
    pub(super) above: Vec<Bar>,
    /// Closed.
    pub(super) below: Vec<Bar>,
    /// What the tallest bar of each stands for.
    pub(super) most_above: String,
    pub(super) most_below: String,
    /// What the server advertises.
    pub(super) advertised: Vec<Advertised>,
    /// What was inferred.
    pub(super) inferred: Vec<Inferred>,
    /// The same in words.
    pub(super) timeout: String,
    pub(super) ticks: Vec<Tick>,
    pub(super) description: String,
}

/// Gaps of about the same length.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) from: Place,
    pub(super) width: Place,
    /// In pixels.
    pub(super) height: f64,
    pub(super) title: String,
}

/// A timeout that the server advertises.
#[derive(Debug)]
pub(super) struct Advertised {
    pub(super) place: Place,
    pub(super) label: String,
}

/// An interval in which the server closes.
#[derive(Debug)]
pub(super) struct Inferred {
    pub(super) from: Place,
    pub(super) width: Place,
}

impl IdleHistogram {
    /// `None` where nothing idled.
    pub(super) fn of(server: &Server, conclusions: &Conclusions) -> Option<Self> {
        let axis = Axis::of(server)?;
        let open = Bins::of(&axis, server.outlived.buckets());
        let closed = Bins::of(&axis, server.closes.buckets());
        let modes = conclusions.timeout.modes.iter();
        Some(IdleHistogram {
            most_above: grouped(open.most()),
            most_below: grouped(closed.most()),
            above: open.bars(&axis, "left open"),
            below: closed.bars(&axis, "closed by the server"),
            advertised: timeouts(server)
                .map(|seconds| Advertised {
                    place: axis.place(f64::from(seconds)),
                    label: format!("timeout={seconds}"),
                })
                .collect(),
            inferred: modes
                .map(|mode| axis.interval(mode.from.seconds(), mode.to.seconds()))
                .collect(),
            timeout: format!("inferred: {}", timeout_cell(&conclusions.timeout)),
            ticks: axis.ticks(),
            description: description(server, conclusions),
        })
    }
}

impl IdleHistogram {
    /// The lower end of what is drawn below the axis, in pixels: without closes that is little.
    pub(super) fn bottom(&self) -> u32 {
        if self.below.is_empty() { 90 } else { 134 }
    }

    /// Where the first interval stands, for its label.
    pub(super) fn inferred_place(&self) -> Place {
        self.inferred
            .first()
            .map_or(Place(0.0), |interval| interval.from)
    }

    /// What is drawn, and how to read its heights.
    pub(super) fn caption(&self) -> String {
        let below = match self.below.is_empty() {
            true => "none was closed by the server".to_owned(),
            false => format!(
                "closed by the server below it (up to {} a bar)",
                self.most_below
            ),
        };
        let above = match self.above.is_empty() {
            true => "none was left open".to_owned(),
            false => format!("left open above the line (up to {} a bar)", self.most_above),
        };
        format!("For how long connections idled: {above}, {below}")
    }
}

/// The timeouts that a server advertises, the shortest first.
fn timeouts(server: &Server) -> impl Iterator<Item = u32> {
    let mut timeouts: Vec<u32> = server
        .advertised
        .iter()
        .filter_map(|(advertised, _)| advertised.timeout)
        .collect();
    timeouts.dedup();
    timeouts.into_iter()
}

/// A logarithmic time axis from one decade to another.
struct Axis {
    /// The powers of ten at its ends.
    from: f64,
    to: f64,
}

impl Axis {
    fn of(server: &Server) -> Option<Self> {
        let open = server.outlived.buckets();
        let closed = server.closes.buckets();
        let spans = open.map(spans_of).chain(closed.map(spans_of));
        let (least, most) = spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
        let most = timeouts(server).fold(most, |most, seconds| most.max(f64::from(seconds)));
        let from = least.max(SHORTEST).log10().floor();
        // What stands at the very end has no room for its label.
        let to = (most.max(SHORTEST) * 1.3).log10().ceil().max(from + 1.0);
        Some(Axis { from, to })
    }

    fn place(&self, seconds: f64) -> Place {
        let power = seconds.max(SHORTEST).log10();
        let share = (power - self.from) / (self.to - self.from);
        Place((share * 100.0).clamp(0.0, 100.0))
    }

    fn interval(&self, from: f64, to: f64) -> Inferred {
        let (from, to) = (self.place(from), self.place(to));
        Inferred {
            from,
            width: Place((to.0 - from.0).max(0.4)),
        }
    }

    /// How many bars it has room for.
    fn bins(&self) -> usize {
        ((self.to - self.from) * TO_A_DECADE).round() as usize
    }

    /// The powers of ten.
    fn ticks(&self) -> Vec<Tick> {
        let powers = self.from as i32..=self.to as i32;
        powers
            .map(|power| {
                let seconds = 10_f64.powi(power);
                Tick {
                    place: self.place(seconds),
                    label: label(power, seconds),
                }
            })
            .collect()
    }
}

fn label(power: i32, seconds: f64) -> String {
    if power < 0 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    format!("{} s", grouped(seconds as u64))
}

fn spans_of(bucket: &Bucket) -> (f64, f64) {
    (bucket.least.seconds(), bucket.most.seconds())
}

/// Gaps, counted by their place on the axis.
struct Bins(Vec<Bin>);

#[derive(Clone, Copy, Default)]
struct Bin {
    count: u64,
    least: Option<Span>,
    most: Option<Span>,
}

impl Bins {
    fn of<'a>(axis: &Axis, buckets: impl Iterator<Item = &'a Bucket>) -> Self {
        let number = axis.bins();
        let mut bins = vec![Bin::default(); number];
        for bucket in buckets {
            let place = axis.place(bucket.least.seconds()).0 / 100.0;
            let bin = ((place * number as f64) as usize).min(number.saturating_sub(1));
            if let Some(bin) = bins.get_mut(bin) {
                bin.count += bucket.count;
                bin.least = Some(
                    bin.least
                        .map_or(bucket.least, |least| least.min(bucket.least)),
                );
                bin.most = bin.most.max(Some(bucket.most));
            }
        }
        Bins(bins)
    }

    fn most(&self) -> u64 {
        self.0.iter().map(|bin| bin.count).max().unwrap_or_default()
    }

    fn bars(&self, axis: &Axis, what: &str) -> Vec<Bar> {
        let (most, width) = (self.most() as f64, 100.0 / axis.bins() as f64);
        let bars = self.0.iter().enumerate().filter(|(_, bin)| bin.count > 0);
        bars.map(|(number, bin)| {
            let height = bin.count as f64 / most * TALLEST;
            Bar {
                from: Place(number as f64 * width),
                width: Place(width),
                height: (height * 10.0).round().max(LOWEST * 10.0) / 10.0,
                title: bin.title(what),
            }
        })
        .collect()
    }
}

impl Bin {
    /// `12 left open, idle for 1.9 ms to 2.3 ms`
    fn title(&self, what: &str) -> String {
        let least = readable(self.least.unwrap_or_default());
        let most = readable(self.most.unwrap_or_default());
        let range = if least == most {
            least
        } else {
            format!("{least} to {most}")
        };
        format!("{} {what}, idle for {range}", grouped(self.count))
    }
}

/// For whoever cannot see the drawing.
fn description(server: &Server, conclusions: &Conclusions) -> String {
    let range = |least: Option<&Bucket>, most: Option<&Bucket>| match (least, most) {
        (Some(least), Some(most)) => format!(
            " after {} to {}",
            readable(least.least),
            readable(most.most)
        ),
        _ => String::new(),
    };
    let open = range(
        server.outlived.buckets().next(),
        server.outlived.buckets().next_back(),
    );
    let closed = range(
        server.closes.buckets().next(),
        server.closes.buckets().next_back(),
    );
    let timeouts: Vec<String> = timeouts(server)
        .map(|seconds| format!("{seconds} s"))
        .collect();
    let advertised = match timeouts.as_slice() {
        [] => "no timeout is advertised".to_owned(),
        some => format!("advertised: {}", some.join(", ")),
    };
    format!(
        "{} idle connections were used again or otherwise left open{open}; {} were closed by the server{closed}; \
         {advertised}; inferred timeout: {}",
        grouped(server.outlived.count()),
        grouped(server.closes.count()),
        timeout_cell(&conclusions.timeout)
    )
}
