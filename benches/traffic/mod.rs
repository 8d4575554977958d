//! Captures of HTTP/1.1 traffic that never was: the same octets for the same [`Plan`].
//!
//! Connections run beside each other in the order of time. What is written is plain enough for the truth to be known:
//! [`Truth`] tells what a reader has to find. What is odd in real traffic is left to the samples.

mod conversation;
mod frame;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use conversation::{BEGIN, Conversation};
use fastrand::Rng;

/// What a capture is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// A few exchanges a connection, with bodies of up to 8 MB.
    Bulk,
    /// Many small exchanges on kept connections.
    Small,
    /// One small exchange a connection.
    Churn,
    /// Bodies of all sizes, half of them chunked; some requests pipelined, some segments late or sent twice; VLAN tags
    /// and IPv6; written as pcapng.
    Mixed,
}

impl Profile {
    /// All of them.
    pub(crate) const ALL: [Profile; 4] = [
        Profile::Bulk,
        Profile::Small,
        Profile::Churn,
        Profile::Mixed,
    ];

    /// `bulk`, `small`, `churn` or `mixed`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Profile::Bulk => "bulk",
            Profile::Small => "small",
            Profile::Churn => "churn",
            Profile::Mixed => "mixed",
        }
    }

    /// How many connections are open at once.
    fn beside(self) -> u32 {
        match self {
            Profile::Bulk | Profile::Mixed => 64,
            Profile::Churn => 500,
            Profile::Small => 5000,
        }
    }

    /// How many exchanges a connection has, at least and at most.
    fn exchanges(self) -> (u32, u32) {
        match self {
            Profile::Bulk => (1, 20),
            Profile::Small => (2, 40),
            Profile::Churn => (1, 1),
            Profile::Mixed => (1, 30),
        }
    }

    /// How long a body is, at least and at most, in octets.
    fn body(self) -> (u32, u32) {
        match self {
            Profile::Bulk => (100_000, 8_000_000),
            Profile::Small | Profile::Churn => (20, 400),
            Profile::Mixed => (50, 500_000),
        }
    }
}

/// What is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Of what kind.
    pub(crate) profile: Profile,
    /// How many connections.
    pub(crate) connections: u32,
    /// Other seeds, other traffic.
    pub(crate) seed: u64,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Truth {
    /// Packets.
    pub(crate) packets: u64,
    /// Connections, each with a handshake and an end.
    pub(crate) connections: u64,
    /// Requests, each answered.
    pub(crate) requests: u64,
}

/// Writes the capture that was planned.
///
/// # Errors
///
/// Those of `out`.
pub(crate) fn write(plan: &Plan, out: &mut impl Write) -> io::Result<Truth> {
    let mut rng = Rng::with_seed(plan.seed);
    let format = match plan.profile {
        Profile::Mixed => frame::Format::Pcapng,
        _ => frame::Format::Pcap,
    };
    out.write_all(&format.header())?;
    let mut truth = Truth::default();
    let mut octets = Vec::new();
    let mut conversations = Vec::new();
    let mut due = BinaryHeap::new();
    for number in 0..plan.profile.beside().min(plan.connections) {
        // They begin one after the other, so that nothing happens to all of them at once.
        let time = BEGIN + u64::from(number) * 31_000;
        let conversation = Conversation::new(plan.profile, number, time, &mut rng);
        due.push(Reverse((conversation.due(), conversations.len())));
        conversations.push(conversation);
    }
    let mut begun = conversations.len() as u32;
    while let Some(Reverse((time, slot))) = due.pop() {
        let Some(conversation) = conversations.get_mut(slot) else {
            continue;
        };
        if let Some(packet) = conversation.next_packet(&mut rng) {
            format.frame(conversation.ends(), &packet, &mut octets);
            out.write_all(&octets)?;
            truth.packets += 1;
            due.push(Reverse((conversation.due(), slot)));
            continue;
        }
        truth.connections += 1;
        truth.requests += conversation.requests();
        if begun < plan.connections {
            *conversation = Conversation::new(plan.profile, begun, time + 40_000, &mut rng);
            begun += 1;
            due.push(Reverse((conversation.due(), slot)));
        }
    }
    Ok(truth)
}
