//! Packets of a capture, sorted by the table that their connection is in.
//!
//! In: a [`Capture`]. Out: a [`Batch`] for each of its blocks. The payload stays where it was read: batches own their
//! block, so that several threads can look at it at once. What becomes of the packets is left to `part`.

use super::part::Part;
use crate::capture::{Capture, Place, Summary};
use crate::connection::{Beside, Targets};
use crate::packet::{Decoded, Decoder, Header, Ignored, Segment};
use crate::tcp::{Bounds, Checkpoint, Checkpoints, SHARDS, shard};
use crate::time::At;

/// What there is to do for each table, in the order of the capture.
#[derive(Debug, Default)]
pub(super) struct Batch {
    block: Vec<u8>,
    /// The payloads that lie in no block, having been put together from fragments.
    gathered: Vec<u8>,
    items: [Vec<Item>; SHARDS],
}

/// Something that a table takes.
#[derive(Clone, Copy, Debug)]
enum Item {
    /// A segment, of which the payload is kept apart.
    Segment(Segment<'static>, Payload),
    Header(Header, At),
    Checkpoint(Checkpoint),
}

/// Where the payload of a segment lies.
#[derive(Clone, Copy, Debug)]
struct Payload {
    place: Kept,
    start: usize,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kept {
    InBlock,
    Gathered,
}

/// What a table takes, in its order.
pub(super) enum Taken<'a> {
    Segment(Segment<'a>),
    Header(&'a Header, At),
    Checkpoint(Checkpoint),
}

impl Batch {
    /// What there is for this table.
    pub(super) fn items(&self, shard: usize) -> impl Iterator<Item = Taken<'_>> {
        let items = self.items.get(shard).map(Vec::as_slice).unwrap_or_default();
        items.iter().map(|item| match item {
            Item::Segment(segment, payload) => Taken::Segment(Segment {
                payload: self.payload(*payload),
                ..*segment
            }),
            Item::Header(header, at) => Taken::Header(header, *at),
            Item::Checkpoint(checkpoint) => Taken::Checkpoint(*checkpoint),
        })
    }

    fn payload(&self, payload: Payload) -> &[u8] {
        let octets = match payload.place {
            Kept::InBlock => &self.block,
            Kept::Gathered => &self.gathered,
        };
        let end = payload.start.saturating_add(payload.len);
        octets.get(payload.start..end).unwrap_or_default()
    }

    fn add(&mut self, shard: usize, item: Item) {
        if let Some(items) = self.items.get_mut(shard) {
            items.push(item);
        }
    }

    /// Notes where the payload lies, in this block or nowhere yet.
    fn keep(&mut self, block: &[u8], payload: &[u8]) -> Payload {
        let (start, len) = (payload.as_ptr().addr(), payload.len());
        let before = start.wrapping_sub(block.as_ptr().addr());
        if before <= block.len() && len <= block.len() - before {
            let place = Kept::InBlock;
            return Payload {
                place,
                start: before,
                len,
            };
        }
        let start = self.gathered.len();
        self.gathered.extend_from_slice(payload);
        Payload {
            place: Kept::Gathered,
            start,
            len,
        }
    }

    fn clear(&mut self) {
        self.gathered.clear();
        self.items.iter_mut().for_each(Vec::clear);
    }
}

/// Reads a capture and sorts its packets.
pub(super) struct Intake {
    capture: Capture,
    decoder: Decoder,
    ignored: Ignored,
    checkpoints: Checkpoints,
    last: At,
    bounds: Bounds,
    targets: Targets,
    /// What lies in the block that was begun last.
    begun: Batch,
}

/// What was read of a capture once nothing is left to be read.
pub(super) struct End {
    /// Its last packet.
    pub(super) last: At,
    /// Without what tables tell.
    pub(super) beside: Beside,
    pub(super) summary: Summary,
}

/// Whether there is more to be read.
pub(super) enum More {
    Yes(Box<Intake>),
    No(Box<End>),
}

impl Intake {
    pub(super) fn new(capture: Capture, bounds: Bounds, targets: Targets) -> Self {
        Intake {
            capture,
            decoder: Decoder::within(bounds.fragments),
            ignored: Ignored::default(),
            checkpoints: Checkpoints::default(),
            last: At::default(),
            bounds,
            targets,
            begun: Batch::default(),
        }
    }

    /// A table for a part of its connections.
    pub(super) fn new_part(&self, number: usize) -> Part {
        Part::new(number, self.bounds, self.targets)
    }

    /// The next block and its packets; `spare` is a batch that is no longer looked at.
    pub(super) fn read(mut self: Box<Self>, mut spare: Batch) -> (Batch, More) {
        spare.clear();
        self.capture.give_back(std::mem::take(&mut spare.block));
        while let Some(place) = self.capture.next_place() {
            if let Some(block) = self.capture.lent_before() {
                let mut whole = std::mem::replace(&mut self.begun, spare);
                whole.block = block;
                self.sort(&place);
                return (whole, More::Yes(self));
            }
            self.sort(&place);
        }
        let mut whole = std::mem::take(&mut self.begun);
        whole.block = self.capture.lent_last();
        let end = End {
            last: self.last,
            beside: Beside {
                ignored: self.ignored,
                fragments: self.decoder.fragment_losses(),
                ..Beside::default()
            },
            summary: self.capture.finish(),
        };
        (whole, More::No(Box::new(end)))
    }

    fn sort(&mut self, place: &Place) {
        self.capture.lend_block();
        let at = At {
            frame: place.frame,
            time: place.time,
        };
        self.last = at;
        if let Some(checkpoint) = self.checkpoints.pass(at) {
            (0..SHARDS).for_each(|shard| self.begun.add(shard, Item::Checkpoint(checkpoint)));
        }
        match self.decoder.decode(&self.capture.packet(place)) {
            Decoded::Segment(segment) => {
                let payload = self.begun.keep(self.capture.block(), segment.payload);
                let stripped = Segment {
                    at: segment.at,
                    src: segment.src,
                    dst: segment.dst,
                    seq: segment.seq,
                    ack: segment.ack,
                    flags: segment.flags,
                    window: segment.window,
                    payload: &[],
                    cut: segment.cut,
                };
                let shard = shard(segment.src, segment.dst);
                self.begun.add(shard, Item::Segment(stripped, payload));
            }
            Decoded::Header(header) => {
                self.ignored.count(header.reason);
                let shard = shard(header.src, header.dst);
                self.begun.add(shard, Item::Header(header, at));
            }
            Decoded::Ignored(reason) => self.ignored.count(reason),
        }
    }
}
