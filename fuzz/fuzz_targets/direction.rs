//! One direction's octets: whatever pieces they come in, the same messages begin and end at the same offsets.
//!
//! The first octet says where the capture begins, and where a hole lies.
#![no_main]

use keepcap::http::{
    Broken, Framing, Head, Method, Place, Reader, Sink, StartLine, request_framing,
    response_framing,
};
use keepcap::tcp::{FIRST_OCTET, Hole, Octets, Origin, Stamp};
use keepcap::time::At;
use libfuzzer_sys::fuzz_target;

#[derive(Default)]
struct Heard {
    /// The status of the message that is being read; `None` for a request.
    status: Option<u16>,
    log: Vec<String>,
}

impl Sink for Heard {
    fn started(&mut self, line: &StartLine<'_>, place: Place) {
        self.status = match *line {
            StartLine::Request { .. } => None,
            StartLine::Response { status, .. } => Some(status),
        };
        self.log.push(format!("{line:?} {}", place.offset));
        assert!(place.stamp.at.frame <= place.offset);
    }

    fn head(&mut self, head: &Head, _: At, end: u64) -> Framing {
        self.log.push(format!("{head:?} {end}"));
        match self.status {
            Some(status) => response_framing(status, Some(Method::Get), head.body),
            None => request_framing(head.body),
        }
    }

    fn ended(&mut self, at: Option<At>, end: u64) {
        self.log.push(format!("ended {} {end}", at.is_some()));
    }

    fn broken(&mut self, why: Broken) {
        self.log.push(match why {
            // How much there was when the bound was met depends on the pieces.
            Broken::TooLarge(_) => "broken: too large".to_owned(),
            why => format!("broken: {why:?}"),
        });
    }

    fn stray(&mut self, place: Place) {
        self.log.push(format!("stray {}", place.offset));
    }

    fn lost(&mut self, offset: u64) {
        self.log.push(format!("lost {offset}"));
    }
}

/// What is heard when the octets come in pieces of these lengths, over and over.
fn hear(
    octets: &[u8],
    origin: Origin,
    hole: Option<(usize, u64)>,
    lengths: &[usize],
) -> Vec<String> {
    let mut heard = Heard::default();
    let mut reader = Reader::new(origin);
    let mut offset = FIRST_OCTET;
    let parts = match hole {
        Some((at, len)) => {
            let (before, after) = octets.split_at(at.min(octets.len()));
            [(before, Some(len)), (after, None)]
        }
        None => [(octets, None), (&[][..], None)],
    };
    for (mut part, hole) in parts {
        for &length in lengths.iter().cycle() {
            if part.is_empty() {
                break;
            }
            let (piece, rest) = part.split_at(length.min(part.len()));
            part = rest;
            let at = At {
                frame: offset,
                ..At::default()
            };
            let stamp = Stamp { at, acks: None };
            let octets = Octets {
                offset,
                octets: piece,
                stamp,
                completed: at,
            };
            reader.octets(octets, &mut heard);
            offset += piece.len() as u64;
        }
        if let Some(len) = hole {
            reader.hole(
                Hole {
                    offset,
                    len,
                    carried: None,
                },
                &mut heard,
            );
            offset += len;
        }
    }
    reader.end(
        At {
            frame: offset,
            ..At::default()
        },
        offset,
        &mut heard,
    );
    heard
        .log
        .push(format!("{:?} {:?}", reader.kind(), reader.foreign()));
    heard.log
}

fuzz_target!(|input: &[u8]| {
    let Some((&[first, second, third], octets)) = input.split_first_chunk::<3>() else {
        return;
    };
    let origin = if first & 1 == 0 {
        Origin::Syn
    } else {
        Origin::Inside
    };
    let hole = (first & 2 != 0).then_some((usize::from(second), 1 + u64::from(third)));
    let whole = hear(octets, origin, hole, &[usize::MAX]);
    let lengths = [1 + usize::from(first >> 2), 1 + usize::from(second), 1];
    for lengths in [&lengths[..], &[1]] {
        let split = hear(octets, origin, hole, lengths);
        assert_eq!(whole, split, "in pieces of {lengths:?}");
    }
});
