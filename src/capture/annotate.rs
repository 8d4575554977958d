//! Writes a capture back as pcapng, with comments on its packets.
//!
//! In: a capture, and texts by frame. Out: every packet as it was, at its time. All that a pcapng file holds beside
//! stays too, octet for octet and in its place, but for what would then be wrong: the length of a section becomes
//! unknown, a Simple Packet Block that gets a comment becomes an Enhanced one, which alone can hold it, and what could not be read
//! is left out. What the comments say is the business of [`report`](crate::report).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use pcap_parser::{EPB_MAGIC, IDB_MAGIC, SHB_MAGIC, SPB_MAGIC};

use super::byte_order::ByteOrder;
use super::clock::Clock;
use super::pcapng::{BODY_START, PB_MAGIC, clock};
use super::read::Part;
use super::recognise::Format;
use super::step::Record;
use super::{Capture, Reason, Summary, pcap};
use crate::time::Time;

/// Octets of comments that one packet gets at most; a note behind them tells of the rest. A block that holds more
/// is read by nobody.
const MAX_ON_A_PACKET: usize = 1 << 20;

/// Octets of one comment: as many as the length of an option can tell, less those that fill it up.
const MAX_COMMENT: usize = 0xfffc;

/// The options that are written (draft-ietf-opsawg-pcapng 3.5, 4.2).
const COMMENT: u16 = 1;
const TIME_RESOLUTION: u16 = 9;
const FCS_LENGTH: u16 = 13;
const END_OF_OPTIONS: [u8; 4] = [0; 4];

/// What is said of the packets of a capture.
#[derive(Clone, Debug, Default)]
pub struct Comments {
    by_frame: BTreeMap<u64, OnPacket>,
}

#[derive(Clone, Debug, Default)]
struct OnPacket {
    texts: Vec<String>,
    octets: usize,
    /// Texts for which there was no room.
    left_out: u64,
}

impl Comments {
    /// Adds a text to what is said of a packet. It is written as it is.
    pub fn add(&mut self, frame: u64, mut text: String) {
        text.truncate(text.floor_char_boundary(MAX_COMMENT));
        let on_packet = self.by_frame.entry(frame).or_default();
        on_packet.octets += text.len();
        if on_packet.octets > MAX_ON_A_PACKET {
            on_packet.left_out += 1;
        } else {
            on_packet.texts.push(text);
        }
    }

    fn on(&self, frame: u64) -> Option<&OnPacket> {
        self.by_frame.get(&frame)
    }
}

/// Writes the capture with these comments to `out`, and tells what was read of it.
///
/// The comments of a packet stand before those that it had. Of a capture in several parts, each becomes a section or
/// more.
///
/// # Errors
///
/// Those of `out`.
pub fn annotate(
    capture: Capture,
    comments: &Comments,
    out: &mut impl Write,
) -> io::Result<Summary> {
    let mut result = Ok(());
    let mut write = |octets: &[u8]| {
        if result.is_ok() {
            result = out.write_all(octets);
        }
    };
    let mut copy = Copy::new(comments);
    let mut conversion = Conversion::new(comments);
    let summary = capture.walk(&mut |format, part| match format {
        Format::Pcapng => write(&copy.part(part)),
        Format::Pcap => write(&conversion.part(&part)),
    });
    result.map(|()| summary)
}

/// From pcapng to pcapng.
struct Copy<'a> {
    comments: &'a Comments,
    order: ByteOrder,
    /// That of the first interface of the section, to which Simple Packet Blocks belong.
    first_clock: Option<Clock>,
}

impl<'a> Copy<'a> {
    fn new(comments: &'a Comments) -> Self {
        Copy {
            comments,
            order: ByteOrder::Little,
            first_clock: None,
        }
    }

    /// What is written for a part.
    fn part<'p>(&mut self, part: Part<'p>) -> Cow<'p, [u8]> {
        match part {
            Part::Packet {
                frame,
                time,
                octets,
                record,
            } => match self.comments.on(frame) {
                Some(on_packet) => self.commented(on_packet, time, octets, &record).into(),
                None => octets.into(),
            },
            Part::Passed(octets) => self.passed(octets),
            Part::More(octets) => octets.into(),
            Part::Damaged { octets, reason } => self.instead_of(octets, &reason).into(),
        }
    }

    fn passed<'p>(&mut self, octets: &'p [u8]) -> Cow<'p, [u8]> {
        match self.order.u32(octets, 0) {
            Some(SHB_MAGIC) => {
                self.begin_section(octets);
                with_unknown_length(octets).into()
            }
            Some(IDB_MAGIC) => {
                self.first_clock = self.first_clock.or_else(|| clock(octets, self.order));
                octets.into()
            }
            _ => octets.into(),
        }
    }

    fn begin_section(&mut self, header: &[u8]) {
        let magic = header.get(8..12).unwrap_or_default();
        self.order = ByteOrder::of_section(magic).unwrap_or(self.order);
        self.first_clock = None;
    }

    /// The block of a packet, with comments before its other options.
    fn commented(
        &self,
        on_packet: &OnPacket,
        time: Time,
        block: &[u8],
        record: &Record,
    ) -> Vec<u8> {
        let kind = self.order.u32(block, 0).unwrap_or_default();
        let behind_packet = record.octets.end.next_multiple_of(4);
        let body = block.get(BODY_START..behind_packet).unwrap_or_default();
        let options = block.get(behind_packet..block.len().saturating_sub(4));
        let mut writer = Block::of(self.order);
        match (kind, body.split_first_chunk::<4>()) {
            (SPB_MAGIC, Some((wire_len, octets))) => {
                let ticks = self.first_clock.map_or(0, |clock| clock.ticks(time));
                writer.packet_header(ticks, record.octets.len() as u32);
                writer.octets(wire_len).octets(octets);
            }
            _ => _ = writer.octets(body),
        }
        writer.comments(on_packet);
        match options.unwrap_or_default() {
            [] => writer.octets(&END_OF_OPTIONS),
            options => writer.octets(options),
        };
        writer.finish(if kind == PB_MAGIC {
            PB_MAGIC
        } else {
            EPB_MAGIC
        })
    }

    /// What stands for a block that does not add up. Other blocks rest on descriptions: an empty one is put in
    /// their place. Anything else is left out, because nobody could read on behind it.
    fn instead_of(&mut self, octets: &[u8], reason: &Reason) -> Vec<u8> {
        match *reason {
            Reason::Block(SHB_MAGIC) => {
                self.begin_section(octets);
                section_header(self.order)
            }
            Reason::Block(IDB_MAGIC) => Block::of(self.order).octets(&[0; 8]).finish(IDB_MAGIC),
            _ => Vec::new(),
        }
    }
}

/// The section header with a length that nobody needs to keep right.
fn with_unknown_length(header: &[u8]) -> Vec<u8> {
    let mut header = header.to_vec();
    if let Some(length) = header.get_mut(16..24) {
        length.fill(0xff);
    }
    header
}

fn section_header(order: ByteOrder) -> Vec<u8> {
    let mut block = Block::of(order);
    block.number(0x1a2b_3c4d).short(1).short(0);
    block.octets(&[0xff; 8]).finish(SHB_MAGIC)
}

/// From pcap to pcapng.
struct Conversion<'a> {
    comments: &'a Comments,
    nanos_per_unit: i64,
}

impl<'a> Conversion<'a> {
    const ORDER: ByteOrder = ByteOrder::Little;

    fn new(comments: &'a Comments) -> Self {
        Conversion {
            comments,
            nanos_per_unit: 1,
        }
    }

    fn part(&mut self, part: &Part<'_>) -> Vec<u8> {
        match part {
            Part::Packet {
                frame,
                time,
                octets,
                record,
            } => {
                let packet = octets.get(record.octets.clone()).unwrap_or_default();
                self.packet(*frame, *time, packet, record.wire_len)
            }
            Part::Passed(header) => self.header(header),
            Part::More(_) | Part::Damaged { .. } => Vec::new(),
        }
    }

    /// A section with the one interface that the file header describes.
    fn header(&mut self, header: &[u8]) -> Vec<u8> {
        let Some(described) = pcap::describe(header) else {
            return Vec::new();
        };
        self.nanos_per_unit = described.nanos_per_unit;
        let resolution = match described.nanos_per_unit {
            1 => 9,
            _ => Clock::MICROSECONDS,
        };
        let mut interface = Block::of(Self::ORDER);
        interface.short(described.link.0).short(0);
        interface.number(described.snap_length);
        interface.option(TIME_RESOLUTION, &[resolution]);
        if let Some(bits) = described.fcs_bits {
            interface.option(FCS_LENGTH, &[bits]);
        }
        interface.octets(&END_OF_OPTIONS);
        let mut octets = section_header(Self::ORDER);
        octets.extend(interface.finish(IDB_MAGIC));
        octets
    }

    fn packet(&self, frame: u64, time: Time, packet: &[u8], wire_len: u32) -> Vec<u8> {
        // The seconds of pcap have no sign.
        let ticks = time.nanos() / self.nanos_per_unit;
        let mut block = Block::of(Self::ORDER);
        block.packet_header(ticks as u64, packet.len() as u32);
        block.number(wire_len).padded(packet);
        if let Some(on_packet) = self.comments.on(frame) {
            block.comments(on_packet).octets(&END_OF_OPTIONS);
        }
        block.finish(EPB_MAGIC)
    }
}

/// A block under construction.
struct Block {
    order: ByteOrder,
    /// All but the second length; the first eight octets are filled in at the end.
    octets: Vec<u8>,
}

impl Block {
    fn of(order: ByteOrder) -> Self {
        Block {
            order,
            octets: vec![0; BODY_START],
        }
    }

    fn octets(&mut self, octets: &[u8]) -> &mut Self {
        self.octets.extend_from_slice(octets);
        self
    }

    fn padded(&mut self, octets: &[u8]) -> &mut Self {
        self.octets(octets);
        let length = self.octets.len().next_multiple_of(4);
        self.octets.resize(length, 0);
        self
    }

    fn number(&mut self, number: u32) -> &mut Self {
        let octets = self.order.octets(number.to_le_bytes());
        self.octets(&octets)
    }

    fn short(&mut self, number: u16) -> &mut Self {
        let octets = self.order.octets(number.to_le_bytes());
        self.octets(&octets)
    }

    /// An Enhanced Packet Block of the first interface, up to its captured length.
    fn packet_header(&mut self, ticks: u64, captured: u32) -> &mut Self {
        let (high, low) = ((ticks >> 32) as u32, ticks as u32);
        self.number(0).number(high).number(low).number(captured)
    }

    fn option(&mut self, code: u16, value: &[u8]) -> &mut Self {
        self.short(code).short(value.len() as u16).padded(value)
    }

    fn comments(&mut self, on_packet: &OnPacket) -> &mut Self {
        for text in &on_packet.texts {
            self.option(COMMENT, text.as_bytes());
        }
        if on_packet.left_out > 0 {
            let note = format!("{} more comments are left out", on_packet.left_out);
            self.option(COMMENT, note.as_bytes());
        }
        self
    }

    /// The whole of it.
    fn finish(&mut self, kind: u32) -> Vec<u8> {
        let mut octets = std::mem::take(&mut self.octets);
        let length = self.order.octets((octets.len() as u32 + 4).to_le_bytes());
        let kind = self.order.octets(kind.to_le_bytes());
        octets.extend(length);
        for (place, octet) in octets.iter_mut().zip(kind.into_iter().chain(length)) {
            *place = octet;
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::{Drip, PcapFile, PcapngFile, Seen, packets};
    use crate::capture::byte_order::ByteOrder::{Big, Little};

    fn open(octets: &[u8]) -> Capture {
        Capture::from_reader(Drip::new(octets.to_vec(), 1000), "-".as_ref()).unwrap()
    }

    fn seen(octets: &[u8]) -> Vec<Seen> {
        packets(&mut open(octets))
    }

    fn annotated(octets: &[u8], comments: &[(u64, &str)]) -> Vec<u8> {
        let mut all = Comments::default();
        for (frame, text) in comments {
            all.add(*frame, (*text).to_owned());
        }
        let mut out = Vec::new();
        annotate(open(octets), &all, &mut out).unwrap();
        out
    }

    /// The options of the block that holds this text: code and value, up to the end of the options.
    fn options_with(octets: &[u8], order: ByteOrder, text: &str) -> Vec<(u16, Vec<u8>)> {
        let mut options = Vec::new();
        let mut at = octets
            .windows(text.len())
            .position(|window| window == text.as_bytes())
            .unwrap()
            - 4;
        loop {
            let code = order.u16(octets, at).unwrap();
            let length = usize::from(order.u16(octets, at + 2).unwrap());
            if code == 0 {
                return options;
            }
            options.push((code, octets[at + 4..at + 4 + length].to_vec()));
            at += 4 + length.next_multiple_of(4);
        }
    }

    fn comment(text: &str) -> (u16, Vec<u8>) {
        (1, text.as_bytes().to_vec())
    }

    /// An Enhanced Packet Block of the first interface with options that a user has written.
    fn enhanced_with_options(file: PcapngFile, packet: &[u8], options: &[u8]) -> PcapngFile {
        let mut behind = packet.to_vec();
        behind.resize(packet.len().next_multiple_of(4), 0);
        behind.extend(options);
        let length = packet.len() as u32;
        file.enhanced_claiming([0, 0, 77, length, length], &behind)
    }

    #[test]
    fn without_comments_a_pcapng_file_stays_what_it_is_octet_for_octet() {
        for order in [Little, Big] {
            let file = PcapngFile::new(order).interface_with(1, 60, &[(9, &[9]), (2, b"eth0")]);
            let file = file
                .enhanced(0, 1, b"one")
                .block(5, &[7; 12])
                .simple(3, b"two");
            let file = file
                .obsolete(0, 2, b"three")
                .block(0xbad, b"custom")
                .block(10, b"secrets");
            let file = file.section(Big, 1).interface(101).enhanced(0, 3, b"four");
            assert_eq!(annotated(&file.octets, &[]), file.octets);
            assert_eq!(
                annotated(&file.octets, &[(99, "of no packet")]),
                file.octets
            );
        }
    }

    #[test]
    fn comments_come_before_the_options_that_were_there_and_nothing_else_changes() {
        for order in [Little, Big] {
            let users = Block::of(order)
                .option(1, b"a user's")
                .option(2, &[0, 0, 0, 1])
                .octets(&END_OF_OPTIONS)
                .octets
                .split_off(BODY_START);
            let file = PcapngFile::new(order).interface(1).enhanced(0, 1, b"first");
            let file = enhanced_with_options(file, b"second", &users).obsolete(0, 5, b"3rd");
            let comments = [(2, "one"), (2, "another"), (3, "obsolete")];
            let written = annotated(&file.octets, &comments);
            assert_eq!(seen(&written), seen(&file.octets));
            let flags = (2, vec![0, 0, 0, 1]);
            let expected = [
                comment("one"),
                comment("another"),
                comment("a user's"),
                flags,
            ];
            assert_eq!(options_with(&written, order, "one"), expected);
            assert_eq!(
                options_with(&written, order, "obsolete"),
                [comment("obsolete")]
            );
        }
    }

    #[test]
    fn a_simple_packet_becomes_one_that_can_hold_a_comment() {
        for order in [Little, Big] {
            let file = PcapngFile::new(order).interface_with(1, 4, &[(9, &[9])]);
            let file = file
                .enhanced(0, 1_700_000_000_123_456_789, b"a")
                .simple(3, b"abc");
            let file = file
                .simple(6, b"cut!")
                .enhanced(0, 1_700_000_001_000_000_000, b"z");
            let written = annotated(&file.octets, &[(2, "whole"), (3, "cut off")]);
            // Its time is that of the packet before, as it was read.
            assert_eq!(seen(&written), seen(&file.octets));
            assert_eq!(open(&written).walk(&mut |_, _| {}).untimed, 0);
            assert_eq!(
                options_with(&written, order, "cut off"),
                [comment("cut off")]
            );
        }
    }

    #[test]
    fn every_kind_of_pcap_becomes_pcapng_with_its_resolution() {
        for (magic, resolution) in [(0xa1b2_c3d4, 6), (0xa1b2_3c4d, 9), (0xa1b2_cd34, 6)] {
            for order in [Little, Big] {
                let file = PcapFile::with(order, magic, 276).record(1_700_000_000, 123_457, b"abc");
                // A fraction of more than a second, and a packet cut by the snap length.
                let file = file.record(u32::MAX, 3_000_000, b"");
                let file = file.claiming([1_700_000_001, 1, 4, 1500], b"four");
                let written = annotated(&file.octets, &[(3, "a comment")]);
                assert_eq!(seen(&written), seen(&file.octets), "{magic:x} {order:?}");
                assert_eq!(
                    options_with(&written, Little, "a comment"),
                    [comment("a comment")]
                );
                let described = Block::of(Little)
                    .short(276)
                    .short(0)
                    .number(65535)
                    .option(TIME_RESOLUTION, &[resolution])
                    .octets(&END_OF_OPTIONS)
                    .finish(IDB_MAGIC);
                assert_eq!(written[28..28 + described.len()], described);
            }
        }
    }

    #[test]
    fn the_length_of_the_frame_check_sequence_is_kept() {
        let file = PcapFile::with(Big, 0xa1b2_c3d4, 0x2400_0001).record(0, 0, b"packet");
        let written = annotated(&file.octets, &[]);
        let mut option = Block::of(Little);
        let option = &option.option(FCS_LENGTH, &[32]).octets[BODY_START..];
        assert!(written.windows(option.len()).any(|window| window == option));
        assert_eq!(seen(&written)[0].link, 1);
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_the_rest_keeps_its_meaning() {
        let file = PcapngFile::new(Big).interface(1).block(1, b"bad");
        let file = file
            .interface(113)
            .enhanced(2, 1, b"of the third")
            .enhanced(1, 2, b"of none");
        let file = file
            .enhanced_claiming([0, 0, 3, 999, 999], b"too short")
            .enhanced(0, 4, b"last");
        // A section header that is too short, and blocks in the order that it began.
        let header = [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
        let mut octets = file.octets;
        octets.extend(Block::of(Little).octets(&header).finish(SHB_MAGIC));
        octets.extend(
            &PcapngFile::new(Little)
                .interface(101)
                .enhanced(0, 5, b"new")
                .octets[28..],
        );

        let written = annotated(&octets, &[(2, "of the last of the first section")]);
        assert_eq!(seen(&written), seen(&octets));
        assert_eq!(open(&octets).walk(&mut |_, _| {}).damaged, 4);
        assert_eq!(open(&written).walk(&mut |_, _| {}).damaged, 0);
    }

    #[test]
    fn a_capture_cut_anywhere_is_written_up_to_there() {
        let pcap = PcapFile::new(Little)
            .record(1, 0, b"one")
            .record(2, 0, b"second");
        let pcapng = PcapngFile::new(Big).interface(1).enhanced(0, 1, b"one");
        for whole in [pcap.octets, pcapng.simple(6, b"second").octets] {
            for cut in 4..whole.len() {
                let written = annotated(&whole[..cut], &[(1, "a comment")]);
                assert_eq!(seen(&written), seen(&whole[..cut]));
                let damage = open(&written).walk(&mut |_, _| {}).damage;
                assert!(damage.iter().all(|damage| damage.reason == Reason::Empty));
            }
        }
    }

    #[test]
    fn the_length_of_a_section_becomes_unknown() {
        let mut octets = PcapngFile::new(Little)
            .interface(1)
            .enhanced(0, 1, b"a")
            .octets;
        let expected = annotated(&octets, &[(1, "x")]);
        octets[16..24].copy_from_slice(&56_u64.to_le_bytes());
        assert_eq!(annotated(&octets, &[(1, "x")]), expected);
    }

    #[test]
    fn a_block_too_long_to_be_looked_at_is_copied_all_the_same() {
        let file = PcapngFile::new(Little)
            .interface(1)
            .enhanced(0, 1, b"before");
        let file = file
            .block(10, &vec![0x0a; 17 << 20])
            .enhanced(0, 2, b"behind");
        assert!(annotated(&file.octets, &[]) == file.octets);
    }

    #[test]
    fn a_packet_gets_only_so_many_comments_and_says_how_many_more_there_are() {
        let file = PcapngFile::new(Little)
            .interface(1)
            .enhanced(0, 1, b"packet");
        let long = "ä".repeat(40_000);
        let comments: Vec<_> = (0..50).map(|_| (1, long.as_str())).collect();
        let written = annotated(&file.octets, &comments);
        assert_eq!(seen(&written), seen(&file.octets));
        let options = options_with(&written, Little, &"ä".repeat(500));
        assert_eq!(options.len(), 17);
        assert_eq!(options[0].1.len(), MAX_COMMENT);
        assert_eq!(options[16], comment("34 more comments are left out"));
    }
}
