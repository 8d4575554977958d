//! Packets of any link layer: two octets of link type, then packets with a length of two octets each. One decoder
//! takes all of them, so that fragments meet.
#![no_main]

use keepcap::capture::{LinkType, Packet};
use keepcap::packet::{Decoded, Decoder};
use keepcap::time::Time;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((link, mut rest)) = input.split_at_checked(2) else {
        return;
    };
    let link = LinkType(u16::from_le_bytes([link[0], link[1]]));
    let mut decoder = Decoder::new();
    let mut frame = 0;
    while let Some((head, after)) = rest.split_at_checked(2) {
        let claimed = usize::from(u16::from_le_bytes([head[0], head[1]]));
        let (octets, after) = after.split_at(claimed.min(after.len()));
        rest = after;
        frame += 1;
        let packet = Packet {
            frame,
            time: Time::from_nanos(i128::from(frame)),
            link,
            octets,
            wire_len: claimed as u32,
        };
        if let Decoded::Segment(segment) = decoder.decode(&packet) {
            assert!(segment.payload.len() <= 65_535);
            assert_eq!(segment.at.frame, frame);
        }
    }
});
