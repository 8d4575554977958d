//! A packet as it stands in a file: record, link layer, IP and TCP.

use super::conversation::{Ends, Network, Packet, Side};

/// The format of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// With microseconds.
    Pcap,
    /// With one interface and nanoseconds.
    Pcapng,
}

const ETHERNET: u16 = 1;
const TCP: u8 = 6;

impl Format {
    /// What stands before the first packet.
    pub(super) fn header(self) -> Vec<u8> {
        let words = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        let ethernet = u32::from(ETHERNET);
        match self {
            Format::Pcap => words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, ethernet]),
            Format::Pcapng => {
                let section = [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28];
                // The option if_tsresol (9) says nanoseconds.
                let interface = [1, 32, ethernet, 262_144, 0x0001_0009, 9, 0, 32];
                words(&[section.as_slice(), &interface].concat())
            }
        }
    }

    /// Puts the record of a packet into `out`, in place of what is there.
    pub(super) fn frame(self, ends: &Ends, packet: &Packet, out: &mut Vec<u8>) {
        out.clear();
        match self {
            Format::Pcap => {
                let micros = packet.time / 1000;
                put(out, (micros / 1_000_000) as u32);
                put(out, (micros % 1_000_000) as u32);
                out.extend([0; 8]);
                let length = link(ends, packet, out);
                set(out, 8, length);
                set(out, 12, length);
            }
            Format::Pcapng => {
                put(out, 6);
                out.extend([0; 8]);
                put(out, (packet.time >> 32) as u32);
                put(out, packet.time as u32);
                out.extend([0; 8]);
                let length = link(ends, packet, out);
                set(out, 20, length);
                set(out, 24, length);
                out.resize(out.len().next_multiple_of(4), 0);
                let total = out.len() as u32 + 4;
                put(out, total);
                set(out, 4, total);
            }
        }
    }
}

fn put(out: &mut Vec<u8>, word: u32) {
    out.extend(word.to_le_bytes());
}

fn set(out: &mut [u8], at: usize, word: u32) {
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&word.to_le_bytes());
    }
}

/// The packet from its link layer on; says how many octets that are.
fn link(ends: &Ends, packet: &Packet, out: &mut Vec<u8>) -> u32 {
    let start = out.len();
    out.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
    if let Some(vlan) = ends.vlan {
        out.extend([0x81, 0]);
        out.extend(vlan.to_be_bytes());
    }
    let octets = packet.octets();
    let options = if packet.opens() { 20 } else { 12 };
    let length = 20 + options + octets.len();
    let (src, dst) = match packet.from {
        Side::Client => (ends.client, ends.server),
        Side::Server => (ends.server, ends.client),
    };
    match ends.network {
        Network::V4 => {
            out.extend([8, 0, 0x45, 0]);
            out.extend((20 + length as u16).to_be_bytes());
            out.extend([0, 0, 0x40, 0, 64, TCP, 0, 0]);
            out.extend(src.0.to_be_bytes());
            out.extend(dst.0.to_be_bytes());
        }
        Network::V6 => {
            out.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            out.extend((length as u16).to_be_bytes());
            out.extend([TCP, 64]);
            for (address, _) in [src, dst] {
                out.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
                out.extend(address.to_be_bytes());
            }
        }
    }
    out.extend(src.1.to_be_bytes());
    out.extend(dst.1.to_be_bytes());
    out.extend(packet.seq.to_be_bytes());
    out.extend(packet.ack.to_be_bytes());
    out.extend([
        (5 + options as u8 / 4) << 4,
        packet.flags,
        0xff,
        0xff,
        0,
        0,
        0,
        0,
    ]);
    // All of them no-operations: nobody reads them here.
    out.resize(out.len() + options, 1);
    out.extend(octets);
    (out.len() - start) as u32
}
