//! Captures for tests, octet by octet, and readers that behave badly.

use std::io::{self, Read};

use super::byte_order::ByteOrder;
use super::{Capture, Damage, Packet, Reason};

/// A pcap file under construction.
pub(super) struct PcapFile {
    order: ByteOrder,
    /// Octets between a record's header and its packet: 8 in the "modified" format.
    gap: usize,
    pub(super) octets: Vec<u8>,
}

impl PcapFile {
    /// Ethernet, microseconds.
    pub(super) fn new(order: ByteOrder) -> Self {
        Self::with(order, 0xa1b2_c3d4, 1)
    }

    pub(super) fn with(order: ByteOrder, magic: u32, network: u32) -> Self {
        let gap = if magic == 0xa1b2_cd34 { 8 } else { 0 };
        let mut file = PcapFile {
            order,
            gap,
            octets: Vec::new(),
        };
        file.u32s(&[magic]);
        file.octets.extend(u16_octets(order, 2));
        file.octets.extend(u16_octets(order, 4));
        file.u32s(&[0, 0, 65535, network]);
        file
    }

    /// A record that was captured whole.
    pub(super) fn record(self, seconds: u32, fraction: u32, packet: &[u8]) -> Self {
        let length = packet.len() as u32;
        self.claiming([seconds, fraction, length, length], packet)
    }

    /// A record with any header: seconds, fraction, captured and original length.
    pub(super) fn claiming(mut self, header: [u32; 4], packet: &[u8]) -> Self {
        self.u32s(&header);
        self.octets.extend(vec![0; self.gap]);
        self.octets.extend(packet);
        self
    }

    fn u32s(&mut self, numbers: &[u32]) {
        let order = self.order;
        self.octets
            .extend(numbers.iter().flat_map(|number| u32_octets(order, *number)));
    }
}

/// A pcapng file under construction.
pub(super) struct PcapngFile {
    order: ByteOrder,
    pub(super) octets: Vec<u8>,
}

impl PcapngFile {
    pub(super) fn new(order: ByteOrder) -> Self {
        PcapngFile {
            order,
            octets: Vec::new(),
        }
        .section(order, 1)
    }

    /// A section header of this version, after which everything is in this order.
    pub(super) fn section(mut self, order: ByteOrder, version: u16) -> Self {
        self.order = order;
        let mut body = u32_octets(order, 0x1a2b_3c4d).to_vec();
        body.extend(u16_octets(order, version));
        body.extend([0, 0]);
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    /// An interface in microseconds without a snap length.
    pub(super) fn interface(self, link: u16) -> Self {
        self.interface_with(link, 0, &[])
    }

    pub(super) fn interface_with(
        self,
        link: u16,
        snap_length: u32,
        options: &[(u16, &[u8])],
    ) -> Self {
        let mut body = u16_octets(self.order, link).to_vec();
        body.extend([0, 0]);
        body.extend(u32_octets(self.order, snap_length));
        for (code, value) in options {
            body.extend(u16_octets(self.order, *code));
            body.extend(u16_octets(self.order, value.len() as u16));
            body.extend(padded(value));
        }
        self.block(1, &body)
    }

    /// An Enhanced Packet Block that was captured whole.
    pub(super) fn enhanced(self, interface: u32, ticks: u64, packet: &[u8]) -> Self {
        let length = packet.len() as u32;
        self.enhanced_claiming(
            [
                interface,
                (ticks >> 32) as u32,
                ticks as u32,
                length,
                length,
            ],
            packet,
        )
    }

    /// An Enhanced Packet Block with any fields: interface, ticks in two halves, captured and original length.
    pub(super) fn enhanced_claiming(self, fields: [u32; 5], packet: &[u8]) -> Self {
        let mut body = self.u32s(&fields);
        body.extend(packet);
        self.block(6, &body)
    }

    pub(super) fn simple(self, wire_len: u32, packet: &[u8]) -> Self {
        let mut body = self.u32s(&[wire_len]);
        body.extend(packet);
        self.block(3, &body)
    }

    pub(super) fn obsolete(self, interface: u16, ticks: u64, packet: &[u8]) -> Self {
        let length = packet.len() as u32;
        let mut body = u16_octets(self.order, interface).to_vec();
        // So many packets were dropped before this one: unknown.
        body.extend([0xff, 0xff]);
        body.extend(self.u32s(&[(ticks >> 32) as u32, ticks as u32, length, length]));
        body.extend(packet);
        self.block(2, &body)
    }

    pub(super) fn block(self, kind: u32, body: &[u8]) -> Self {
        let body = padded(body);
        let length = body.len() as u32 + 12;
        self.block_claiming(kind, &body, [length, length])
    }

    /// A block with any two lengths, its body not padded.
    pub(super) fn block_claiming(mut self, kind: u32, body: &[u8], lengths: [u32; 2]) -> Self {
        let [front, back] = lengths;
        self.octets.extend(self.u32s(&[kind, front]));
        self.octets.extend(body);
        self.octets.extend(self.u32s(&[back]));
        self
    }

    fn u32s(&self, numbers: &[u32]) -> Vec<u8> {
        numbers
            .iter()
            .flat_map(|number| u32_octets(self.order, *number))
            .collect()
    }
}

pub(super) fn i64_octets(order: ByteOrder, number: i64) -> [u8; 8] {
    match order {
        ByteOrder::Little => number.to_le_bytes(),
        ByteOrder::Big => number.to_be_bytes(),
    }
}

fn u32_octets(order: ByteOrder, number: u32) -> [u8; 4] {
    match order {
        ByteOrder::Little => number.to_le_bytes(),
        ByteOrder::Big => number.to_be_bytes(),
    }
}

fn u16_octets(order: ByteOrder, number: u16) -> [u8; 2] {
    match order {
        ByteOrder::Little => number.to_le_bytes(),
        ByteOrder::Big => number.to_be_bytes(),
    }
}

fn padded(octets: &[u8]) -> Vec<u8> {
    let mut padded = octets.to_vec();
    padded.resize(octets.len().next_multiple_of(4), 0);
    padded
}

/// Hands out a few octets at a time, and is interrupted between.
pub(super) struct Drip {
    octets: io::Cursor<Vec<u8>>,
    at_once: usize,
    interrupted: bool,
}

impl Drip {
    pub(super) fn new(octets: Vec<u8>, at_once: usize) -> Self {
        Drip {
            octets: io::Cursor::new(octets),
            at_once,
            interrupted: false,
        }
    }
}

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = buffer.len().min(self.at_once);
        self.octets.read(&mut buffer[..count])
    }
}

/// Fails after its octets, as a disk or a network file system does.
pub(super) struct Failing(io::Cursor<Vec<u8>>);

impl Failing {
    pub(super) fn after(octets: Vec<u8>) -> Self {
        Failing(io::Cursor::new(octets))
    }
}

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is on fire")),
            count => Ok(count),
        }
    }
}

/// What the tests look at in a packet.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) frame: u64,
    pub(super) nanos: i64,
    pub(super) link: u16,
    pub(super) octets: Vec<u8>,
    pub(super) wire_len: u32,
}

impl Seen {
    fn of(packet: Packet<'_>) -> Self {
        Seen {
            frame: packet.frame,
            nanos: packet.time.nanos(),
            link: packet.link.0,
            octets: packet.octets.to_vec(),
            wire_len: packet.wire_len,
        }
    }
}

/// Every packet up to the end.
pub(super) fn packets(capture: &mut Capture) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let Some(packet) = capture.next_packet() {
        seen.push(Seen::of(packet));
    }
    seen
}

/// Damage in a capture that was not compressed.
pub(super) fn damage(offset: u64, frame: u64, reason: Reason) -> Damage {
    Damage {
        part: 0,
        offset,
        compression: None,
        frame,
        reason,
    }
}
