//! What each stage of the pipeline costs: `cargo bench`.
//!
//! Each stage is run with all those before it, over captures in memory; what a stage itself takes is the difference
//! to the one above it in the table.

#![allow(missing_docs, reason = "the macro makes public items")]
#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot run is to say so at once"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use keepcap::audit::{Extent, Row};
use keepcap::capture::Capture;
use keepcap::connection::{Connection, Tracker};
use keepcap::http::{
    Broken, Framing, Head, Place, Reader, Sink, StartLine, request_framing, response_framing,
};
use keepcap::packet::{Decoded, Decoder};
use keepcap::report::NdjsonLines;
use keepcap::rules::{Settings, judge};
use keepcap::tcp::{
    Acked, AckedUpTo, Ahead, Bounds, Facts, Hole, Latest, Listener, Octets, Origin, Peer, PerPeer,
    Registry, Rest, Table,
};
use keepcap::time::At;

mod traffic;

use traffic::{Plan, Profile, Truth};

fn main() {
    divan::main();
}

/// A capture in memory.
struct Made {
    octets: Vec<u8>,
    truth: Truth,
}

/// All of them some ten megabytes long, but for `bulk` with its large bodies.
static CAPTURES: LazyLock<BTreeMap<&str, Made>> = LazyLock::new(|| {
    let made = |profile: Profile| {
        let connections = match profile {
            Profile::Bulk => 3,
            Profile::Small => 1000,
            Profile::Churn => 10_000,
            Profile::Mixed => 10,
        };
        let plan = Plan {
            profile,
            connections,
            seed: 1,
        };
        let mut octets = Vec::new();
        let truth = traffic::write(&plan, &mut octets).expect("a Vec takes all that is written");
        (profile.name(), Made { octets, truth })
    };
    Profile::ALL.map(made).into()
});

const PROFILES: [&str; 4] = ["bulk", "small", "churn", "mixed"];

/// Measures `stage` over the capture of this profile.
fn over(bencher: Bencher<'_, '_>, profile: &str, stage: fn(Capture) -> u64) {
    let made = CAPTURES.get(profile).expect("it was made");
    bencher
        .counter(BytesCount::new(made.octets.len()))
        .counter(ItemsCount::new(made.truth.packets))
        .with_inputs(|| {
            Capture::from_reader(made.octets.as_slice(), Path::new(profile)).expect("a capture")
        })
        .bench_local_values(|capture| black_box(stage(capture)));
}

#[divan::bench(args = PROFILES)]
fn a_read(bencher: Bencher<'_, '_>, profile: &str) {
    over(bencher, profile, |mut capture| {
        let mut octets = 0;
        while let Some(packet) = capture.next_packet() {
            octets += packet.octets.len() as u64;
        }
        octets
    });
}

#[divan::bench(args = PROFILES)]
fn b_decode(bencher: Bencher<'_, '_>, profile: &str) {
    over(bencher, profile, |mut capture| {
        let mut decoder = Decoder::new();
        let mut octets = 0;
        while let Some(packet) = capture.next_packet() {
            if let Decoded::Segment(segment) = decoder.decode(&packet) {
                octets += segment.payload.len() as u64;
            }
        }
        octets
    });
}

/// Counts octets.
struct Count(u64);

impl Listener for Count {
    type Asked = ();

    fn new((): ()) -> Self {
        Count(0)
    }

    fn begin(&mut self) {}

    fn octets(&mut self, _: Peer, octets: Octets<'_>, _: Option<AckedUpTo>) {
        self.0 += octets.octets.len() as u64;
    }

    fn hole(&mut self, _: Peer, _: Hole, _: Option<AckedUpTo>) {}

    fn end(&mut self, _: Peer, _: u64, _: At, _: Option<AckedUpTo>) {}

    fn counts(&self, _: Peer) -> u64 {
        0
    }

    fn ahead(&self, _: Peer, _: &[u8]) -> Option<Ahead> {
        None
    }

    fn acknowledged(&mut self, _: Peer, _: u64, _: Acked) {}

    fn requester(&self) -> Option<Peer> {
        None
    }

    fn swap(&mut self) {}

    fn weight(&self) -> usize {
        0
    }

    fn shrink(&mut self) {}
}

/// Tells what a listener has counted.
trait Counted {
    fn counted(&self) -> u64;
}

impl Counted for Count {
    fn counted(&self) -> u64 {
        self.0
    }
}

/// Adds up what the connections of one table have counted.
#[derive(Default)]
struct Sum {
    streams: u64,
    counted: u64,
}

impl<L: Counted> Registry<L> for Sum {
    type Record = ();

    fn begin(&mut self, _: At) -> u64 {
        self.streams += 1;
        self.streams
    }

    fn conclude(&mut self, _: Facts, listener: &mut L) {
        self.counted += listener.counted();
    }

    fn weight(&self, (): &()) -> usize {
        0
    }

    fn finish(&mut self, (): (), _: Latest) {}

    fn forget(&mut self, _: u64) {}
}

/// Takes a capture through the pipeline up to its connections' octets, and returns what `L` counts in them.
fn assemble<L: Listener<Asked = ()> + Counted>(mut capture: Capture) -> u64 {
    let mut decoder = Decoder::new();
    let mut table = Table::<L, ()>::new(Bounds::default(), ());
    let mut sum = Sum::default();
    let mut last = At::default();
    while let Some(packet) = capture.next_packet() {
        if let Decoded::Segment(segment) = decoder.decode(&packet) {
            last = segment.at;
            table.take(&segment, &mut sum);
        }
    }
    let mut rest = Rest::of([table]);
    while rest.next_stream().is_some() {
        rest.finish_next(last, &mut sum);
    }
    sum.counted
}

#[divan::bench(args = PROFILES)]
fn c_assemble(bencher: Bencher<'_, '_>, profile: &str) {
    over(bencher, profile, assemble::<Count>);
}

/// Reads the messages of both directions, and counts their heads.
struct Messages(PerPeer<Direction>);

struct Direction {
    reader: Reader,
    heads: Heads,
}

/// Counts heads, and says where the bodies end. No request in the captures is a HEAD.
#[derive(Default)]
struct Heads {
    count: u64,
    /// Of the message that has begun, if it is a response.
    status: Option<u16>,
}

impl Listener for Messages {
    type Asked = ();

    fn new((): ()) -> Self {
        Messages(directions(Origin::Inside))
    }

    fn begin(&mut self) {
        self.0 = directions(Origin::Syn);
    }

    fn octets(&mut self, from: Peer, octets: Octets<'_>, _: Option<AckedUpTo>) {
        let Direction { reader, heads } = &mut self.0[from];
        reader.octets(octets, heads);
    }

    fn hole(&mut self, from: Peer, hole: Hole, _: Option<AckedUpTo>) {
        let Direction { reader, heads } = &mut self.0[from];
        reader.hole(hole, heads);
    }

    fn end(&mut self, from: Peer, offset: u64, at: At, _: Option<AckedUpTo>) {
        let Direction { reader, heads } = &mut self.0[from];
        reader.end(at, offset, heads);
    }

    fn counts(&self, _: Peer) -> u64 {
        0
    }

    fn ahead(&self, _: Peer, _: &[u8]) -> Option<Ahead> {
        None
    }

    fn acknowledged(&mut self, _: Peer, _: u64, _: Acked) {}

    fn requester(&self) -> Option<Peer> {
        None
    }

    fn swap(&mut self) {
        self.0.swap();
    }

    fn weight(&self) -> usize {
        0
    }

    fn shrink(&mut self) {}
}

fn directions(origin: Origin) -> PerPeer<Direction> {
    let direction = || Direction {
        reader: Reader::new(origin),
        heads: Heads::default(),
    };
    PerPeer {
        client: direction(),
        server: direction(),
    }
}

impl Sink for Heads {
    fn started(&mut self, line: &StartLine<'_>, _: Place) {
        self.status = match *line {
            StartLine::Request { .. } => None,
            StartLine::Response { status, .. } => Some(status),
        };
    }

    fn head(&mut self, head: &Head, _: At, _: u64) -> Framing {
        self.count += 1;
        match self.status {
            None => request_framing(head.body),
            Some(status) => response_framing(status, None, head.body),
        }
    }

    fn ended(&mut self, _: Option<At>, _: u64) {}

    fn broken(&mut self, _: Broken) {}

    fn stray(&mut self, _: Place) {}

    fn lost(&mut self, _: u64) {}
}

impl Counted for Messages {
    fn counted(&self) -> u64 {
        self.0.client.heads.count + self.0.server.heads.count
    }
}

#[divan::bench(args = PROFILES)]
fn d_heads(bencher: Bencher<'_, '_>, profile: &str) {
    over(bencher, profile, assemble::<Messages>);
}

/// Takes a capture through the pipeline up to its connections.
fn track(mut capture: Capture, mut finished: impl FnMut(Connection)) {
    let mut tracker = Tracker::default();
    while let Some(packet) = capture.next_packet() {
        tracker.take(&packet, &mut finished);
    }
    tracker.finish(&mut finished);
}

#[divan::bench(args = PROFILES)]
fn e_pair(bencher: Bencher<'_, '_>, profile: &str) {
    over(bencher, profile, |capture| {
        let mut requests = 0;
        track(capture, |connection| requests += connection.tally.requests);
        requests
    });
}

#[divan::bench(args = PROFILES)]
fn f_judge(bencher: Bencher<'_, '_>, profile: &str) {
    over(bencher, profile, |capture| {
        let settings = Settings::default();
        let mut findings = 0;
        track(capture, |connection| {
            findings += judge(&connection, &settings).findings.len() as u64;
        });
        findings
    });
}

#[divan::bench(args = PROFILES)]
fn g_write(bencher: Bencher<'_, '_>, profile: &str) {
    over(bencher, profile, |capture| {
        let settings = Settings::default();
        let (mut lines, mut written) = (NdjsonLines::of("made.pcap"), Vec::new());
        let mut octets = 0;
        track(capture, |connection| {
            let judgement = judge(&connection, &settings);
            let row = Row::new(connection, judgement, Extent::Connection);
            written.clear();
            lines
                .write(&row, &[], &mut written)
                .expect("a Vec takes all that is written");
            octets += written.len() as u64;
        });
        octets
    });
}
