//! Most packets are read without a walk along their layers: over all samples, whole, cut and damaged, that makes no
//! difference to the walk.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail where it stands"
)]

use std::fs;
use std::path::Path;

use keepcap::capture::{Capture, LinkType, Packet};
use keepcap::packet::{Decoded, Decoder};

/// Two decoders that see the same packets, one of them in an envelope of per-packet information, which tells the link
/// type of what follows and has to be walked through.
#[derive(Default)]
struct Both {
    direct: Decoder,
    walking: Decoder,
    segments: usize,
}

impl Both {
    fn decode(&mut self, packet: &Packet<'_>) {
        let [low, high] = packet.link.0.to_le_bytes();
        let enveloped = [&[0, 0, 8, 0, low, high, 0, 0], packet.octets].concat();
        let walked = self.walking.decode(&Packet {
            link: LinkType(192),
            octets: &enveloped,
            wire_len: packet.wire_len.saturating_add(8),
            ..*packet
        });
        let direct = self.direct.decode(packet);
        self.segments += usize::from(matches!(direct, Decoded::Segment(_)));
        assert_eq!(direct, walked, "{packet:?}");
    }
}

#[test]
fn packets_read_without_a_walk_are_what_a_walk_finds() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut random = fastrand::Rng::with_seed(7);
    let mut both = Both::default();
    for sample in fs::read_dir(samples).unwrap() {
        let Ok(mut capture) = Capture::open(&sample.unwrap().path()) else {
            continue;
        };
        while let Some(packet) = capture.next_packet() {
            both.decode(&packet);
            if packet.octets.is_empty() {
                continue;
            }
            let octets = &packet.octets[..random.usize(1..=packet.octets.len())];
            both.decode(&Packet { octets, ..packet });
            let mut damaged = octets.to_vec();
            let at = random.usize(..damaged.len().min(80));
            damaged[at] = random.u8(..);
            both.decode(&Packet {
                octets: &damaged,
                wire_len: packet.wire_len / random.u32(1..4),
                ..packet
            });
        }
    }
    assert!(both.segments > 500, "{}", both.segments);
}
