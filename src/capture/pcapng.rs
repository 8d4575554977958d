//! The pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces, and four kinds of packet blocks.
//!
//! In: a slice that begins at a block. Out: a [`Step`]. Blocks are framed here, so that one that does not add up
//! can be skipped; pcap-parser reads section headers and interface descriptions. The packet blocks are read by hand:
//! pcap-parser allocates for the options of each packet, which are not needed here, has no obsolete Packet Block,
//! and takes the captured length of a Simple Packet Block from the wrong field.

use std::ops::{Range, RangeInclusive};

use pcap_parser::{
    CB_MAGIC, DCB_MAGIC, EPB_MAGIC, IDB_MAGIC, InterfaceDescriptionBlock, OptionCode, SHB_MAGIC,
    SJE_MAGIC, SPB_MAGIC, parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_sectionheaderblock,
};

use super::LinkType;
use super::byte_order::ByteOrder;
use super::clock::Clock;
use super::damage::Reason;
use super::step::{MAX_CAPTURED, Passed, Record, Step};

/// The obsolete Packet Block, which the Enhanced one replaced.
pub(super) const PB_MAGIC: u32 = 2;
/// What Wireshark numbers like packets: journal entries, custom blocks, and sysdig's events.
const EVENTS: [u32; 6] = [SJE_MAGIC, CB_MAGIC, DCB_MAGIC, 0x204, 0x216, 0x221];

/// Octets that a block can have: from type and two lengths to Wireshark's bound.
const BLOCK_LENGTHS: RangeInclusive<u32> = 12..=128 << 20;
/// Octets of the longest block that is looked at whole. A longer one can be passed over, if it holds no packet:
/// the secrets of a busy TLS proxy can be that long.
const MAX_WHOLE: usize = 16 << 20;
/// Octets before the packet of an Enhanced Packet Block.
const BEFORE_PACKET: usize = 28;
/// Octets before a block's body.
pub(super) const BODY_START: usize = 8;
/// Interfaces that one section may describe: no obsolete Packet Block could name more.
const MAX_INTERFACES: usize = 1 << 16;

/// A pcapng file, as far as its current section tells.
pub(super) struct Pcapng {
    order: ByteOrder,
    /// `None` stands for a description that could not be read: the numbers of the others stay right.
    interfaces: Vec<Option<Interface>>,
}

#[derive(Clone, Copy)]
struct Interface {
    link: LinkType,
    /// Octets that are captured of a packet at most; 0 is no limit.
    snap_length: u32,
    clock: Clock,
}

/// A block whose two lengths agree.
struct Block<'a> {
    kind: u32,
    /// All of it, from its type to its second length.
    whole: &'a [u8],
    /// What lies between the lengths.
    body: &'a [u8],
}

impl Pcapng {
    /// Before the first section header, which decides the byte order.
    pub(super) fn new() -> Self {
        Pcapng {
            order: ByteOrder::Little,
            interfaces: Vec::new(),
        }
    }

    /// The packet at the front of `octets` and how many octets belong to it, where its block is as most are: an
    /// Enhanced Packet Block in little-endian order, of lengths that may be, and wholly here, and its interface's
    /// clock is a usual one. That is what [`step`](Self::step) would find.
    #[inline]
    pub(super) fn plain(&self, octets: &[u8]) -> Option<(usize, Record)> {
        let (front, rest) = octets.split_first_chunk::<BEFORE_PACKET>()?;
        let (&[kind, length, interface, high, low, captured, wire_len], _) = front.as_chunks()
        else {
            return None;
        };
        let [length, captured] = [length, captured].map(u32::from_le_bytes);
        if kind != EPB_MAGIC.to_le_bytes() || self.order != ByteOrder::Little {
            return None;
        }
        // The packet, options and the second length are left.
        let (len, left) = (
            captured as usize,
            (length as usize).checked_sub(BEFORE_PACKET)?,
        );
        let behind = left.checked_sub(4)?;
        if length % 4 != 0 || captured > MAX_CAPTURED || len > behind || length as usize > MAX_WHOLE
        {
            return None;
        }
        let second = rest.get(behind..left)?.first_chunk()?;
        if u32::from_le_bytes(*second) != length {
            return None;
        }
        let [interface, high, low, wire_len] =
            [interface, high, low, wire_len].map(u32::from_le_bytes);
        let interface = self.interfaces.get(interface as usize)?.as_ref()?;
        let ticks = u64::from(high) << 32 | u64::from(low);
        let record = Record {
            time: Some(interface.clock.plain_time(ticks)?),
            link: interface.link,
            wire_len,
            octets: BEFORE_PACKET..BEFORE_PACKET + len,
        };
        Some((length as usize, record))
    }

    /// Looks at the front of `octets`.
    pub(super) fn step(&mut self, octets: &[u8]) -> Step {
        let block = match self.frame(octets) {
            Ok(block) => block,
            Err(step) => return step,
        };
        let packet = match block.kind {
            EPB_MAGIC => self.enhanced_packet(&block),
            SPB_MAGIC => self.simple_packet(&block),
            PB_MAGIC => self.obsolete_packet(&block),
            _ => return self.other_block(&block),
        };
        let taken = block.whole.len();
        match packet {
            Ok(record) => Step::Packet { taken, record },
            Err(reason) => Step::Damaged { taken, reason },
        }
    }

    /// Finds the end of the block at the front of `octets`.
    ///
    /// Some writers forget that a length must be a multiple of four. Like Wireshark, this rounds it up.
    fn frame<'a>(&mut self, octets: &'a [u8]) -> Result<Block<'a>, Step> {
        if self.order.u32(octets, 0) == Some(SHB_MAGIC) {
            self.begin_section(octets)?;
        }
        let order = self.order;
        let [kind, front] = order.u32s(octets, 0).ok_or(Step::Need(8))?;
        let length = front.checked_next_multiple_of(4);
        let length = length.filter(|length| BLOCK_LENGTHS.contains(length));
        let total = length.ok_or(Step::Stop(Reason::BlockLength(front)))? as usize;
        if total > MAX_WHOLE {
            return Err(pass_long_block(kind, front, total));
        }
        let whole = octets.get(..total).ok_or(Step::Need(total))?;
        let back = order.u32(whole, total - 4).unwrap_or_default();
        if back.checked_next_multiple_of(4) != length {
            return Err(Step::Stop(Reason::BlockLengthsDiffer { front, back }));
        }
        let body = whole.get(BODY_START..total - 4).unwrap_or_default();
        Ok(Block { kind, whole, body })
    }

    /// A section has its own byte order, in which the length of its header already is, and its own interfaces.
    fn begin_section(&mut self, octets: &[u8]) -> Result<(), Step> {
        let magic = octets.get(8..12).ok_or(Step::Need(12))?;
        self.order = ByteOrder::of_section(magic).ok_or(Step::Stop(Reason::ByteOrder))?;
        self.interfaces.clear();
        Ok(())
    }

    fn enhanced_packet(&self, block: &Block<'_>) -> Result<Record, Reason> {
        let interface = self.field(block, 0)?;
        self.timed_packet(block, interface)
    }

    /// The same but for its first field, which is a shorter interface number and a count of drops.
    fn obsolete_packet(&self, block: &Block<'_>) -> Result<Record, Reason> {
        let interface = self
            .order
            .u16(block.body, 0)
            .ok_or(Reason::Block(block.kind))?;
        self.timed_packet(block, interface.into())
    }

    fn timed_packet(&self, block: &Block<'_>, interface: u32) -> Result<Record, Reason> {
        let interface = self.interface(interface)?;
        let fields = self.order.u32s(block.body, 4);
        let [high, low, captured, wire_len] = fields.ok_or(Reason::Block(block.kind))?;
        let ticks = u64::from(high) << 32 | u64::from(low);
        Ok(Record {
            time: Some(interface.clock.time(ticks)),
            link: interface.link,
            wire_len,
            octets: packet_octets(block, 20, captured)?,
        })
    }

    /// It has no time, belongs to the first interface, and was captured as far as that one's snap length.
    fn simple_packet(&self, block: &Block<'_>) -> Result<Record, Reason> {
        let interface = self.interface(0)?;
        let wire_len = self.field(block, 0)?;
        let captured = match interface.snap_length {
            0 => wire_len,
            snap_length => wire_len.min(snap_length),
        };
        let octets = packet_octets(block, 4, captured)?;
        Ok(Record {
            time: None,
            link: interface.link,
            wire_len,
            octets,
        })
    }

    fn other_block(&mut self, block: &Block<'_>) -> Step {
        let taken = block.whole.len();
        match block.kind {
            SHB_MAGIC => read_section_header(block),
            IDB_MAGIC => self.describe_interface(block),
            kind => Step::Passed {
                taken,
                what: passed(kind),
            },
        }
    }

    fn describe_interface(&mut self, block: &Block<'_>) -> Step {
        let taken = block.whole.len();
        if self.interfaces.len() >= MAX_INTERFACES {
            return Step::Damaged {
                taken,
                reason: Reason::Interfaces,
            };
        }
        let interface = Interface::read(block.whole, self.order);
        self.interfaces.push(interface);
        match interface {
            Some(_) => Step::Passed {
                taken,
                what: Passed::Description,
            },
            None => Step::Damaged {
                taken,
                reason: Reason::Block(block.kind),
            },
        }
    }

    fn interface(&self, id: u32) -> Result<&Interface, Reason> {
        let interface = self.interfaces.get(id as usize).and_then(Option::as_ref);
        interface.ok_or(Reason::Interface(id))
    }

    fn field(&self, block: &Block<'_>, at: usize) -> Result<u32, Reason> {
        self.order
            .u32(block.body, at)
            .ok_or(Reason::Block(block.kind))
    }
}

/// The clock of the interface that this block describes.
pub(super) fn clock(description: &[u8], order: ByteOrder) -> Option<Clock> {
    Interface::read(description, order).map(|interface| interface.clock)
}

impl Interface {
    fn read(block: &[u8], order: ByteOrder) -> Option<Self> {
        let parsed = match order {
            ByteOrder::Little => parse_interfacedescriptionblock_le(block),
            ByteOrder::Big => parse_interfacedescriptionblock_be(block),
        };
        let (_, described) = parsed.ok()?;
        Some(Interface::new(&described, order))
    }

    fn new(described: &InterfaceDescriptionBlock<'_>, order: ByteOrder) -> Self {
        // Decoded here and not by pcap-parser, which takes every offset for a little-endian one, lets the last of
        // several options win where Wireshark lets the first, and reads on behind the end of the options.
        let option = |code, length| {
            let mut options = described
                .options
                .iter()
                .take_while(|option| option.code != OptionCode::EndOfOpt);
            options.find(|option| option.code == code && option.len == length)
        };
        let resolution =
            option(OptionCode::IfTsresol, 1).and_then(|option| option.value().first().copied());
        let offset =
            option(OptionCode::IfTsoffset, 8).and_then(|option| order.i64(option.value(), 0));
        Interface {
            link: LinkType(described.linktype.0 as u16),
            snap_length: described.snaplen,
            clock: Clock::new(
                resolution.unwrap_or(Clock::MICROSECONDS),
                offset.unwrap_or(0),
            ),
        }
    }
}

/// Where in the block the octets of its packet are, `start` being their place in its body.
fn packet_octets(block: &Block<'_>, start: usize, captured: u32) -> Result<Range<usize>, Reason> {
    let fits = block
        .body
        .len()
        .checked_sub(start)
        .is_some_and(|room| captured as usize <= room);
    if !fits || captured > MAX_CAPTURED {
        return Err(Reason::PacketLength(captured));
    }
    let start = BODY_START + start;
    Ok(start..start + captured as usize)
}

/// What a block is that is neither a description nor a packet.
fn passed(kind: u32) -> Passed {
    if EVENTS.contains(&kind) {
        Passed::Event
    } else {
        Passed::OtherBlock
    }
}

/// What to do about a block of `taken` octets that is too long to be looked at.
fn pass_long_block(kind: u32, length: u32, taken: usize) -> Step {
    match kind {
        SHB_MAGIC | IDB_MAGIC | EPB_MAGIC | SPB_MAGIC | PB_MAGIC => {
            Step::Stop(Reason::BlockLength(length))
        }
        kind => Step::Passed {
            taken,
            what: passed(kind),
        },
    }
}

fn read_section_header(block: &Block<'_>) -> Step {
    let taken = block.whole.len();
    let Ok((_, header)) = parse_sectionheaderblock(block.whole) else {
        return Step::Damaged {
            taken,
            reason: Reason::Block(block.kind),
        };
    };
    if header.major_version != 1 {
        let (major, minor) = (header.major_version, header.minor_version);
        return Step::Stop(Reason::Version { major, minor });
    }
    Step::Passed {
        taken,
        what: Passed::Description,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::{PcapngFile, Seen, damage, i64_octets, packets};
    use crate::capture::byte_order::ByteOrder::{Big, Little};
    use crate::capture::{Capture, Damage, Summary};

    fn read(file: PcapngFile) -> (Vec<Seen>, Summary) {
        let source = std::io::Cursor::new(file.octets);
        let mut capture = Capture::from_reader(source, "-".as_ref()).unwrap();
        (packets(&mut capture), capture.finish())
    }

    fn only_damage(summary: &Summary) -> &Damage {
        let [damage] = &summary.damage[..] else {
            panic!("{summary:?}")
        };
        damage
    }

    /// Steps over what describes the section, and tells where the first packet block begins.
    fn described(file: &PcapngFile) -> (Pcapng, usize) {
        let (mut pcapng, mut start) = (Pcapng::new(), 0);
        while start < file.octets.len() {
            let (Step::Passed { taken, .. } | Step::Damaged { taken, .. }) =
                pcapng.step(&file.octets[start..])
            else {
                panic!("no description")
            };
            start += taken;
        }
        (pcapng, start)
    }

    #[test]
    fn what_is_taken_for_plain_is_what_the_walk_finds() {
        let mut random = fastrand::Rng::with_seed(12);
        let mut taken_for_plain = 0;
        for round in 0..20_000 {
            let order = if random.u8(..8) == 0 { Big } else { Little };
            let file = PcapngFile::new(order)
                .interface(1)
                .interface_with(276, 0, &[(9, &[9])])
                .interface_with(101, 64, &[(9, &[0x94]), (14, &[1; 8])]);
            let (mut pcapng, start) = described(&file);
            let packet = vec![7; random.usize(..40)];
            let ticks = random.u64(..) >> random.u32(..64);
            let interface = random.u32(..4);
            let file = match random.u8(..8) {
                0 => file.obsolete(1, ticks, &packet),
                1 => file.simple(packet.len() as u32, &packet),
                2 => file.enhanced_claiming(
                    [interface, 0, 9, packet.len() as u32 + random.u32(..6), 9],
                    &packet,
                ),
                _ => file.enhanced(interface, ticks, &packet),
            };
            let mut octets = file.octets[start..].to_vec();
            if round % 2 == 0 {
                let at = random.usize(..octets.len());
                octets[at] ^= 1 << random.u8(..8);
            }
            octets.extend(vec![9; random.usize(..100)]);
            octets.truncate(random.usize(octets.len() / 2..2 * octets.len()));
            if let Some((taken, record)) = pcapng.plain(&octets) {
                taken_for_plain += 1;
                let packet = Step::Packet { taken, record };
                assert_eq!(pcapng.step(&octets), packet, "{octets:?}");
            }
        }
        assert!(taken_for_plain > 3_000, "{taken_for_plain}");
    }

    #[test]
    fn packets_of_the_greatest_length_are_plain_and_longer_ones_are_not() {
        for (len, is_plain) in [(MAX_CAPTURED, true), (MAX_CAPTURED + 1, false)] {
            let file = PcapngFile::new(Little).interface(1);
            let (mut pcapng, start) = described(&file);
            let file = file.enhanced(0, 5, &vec![7; len as usize]);
            let octets = &file.octets[start..];
            assert_eq!(pcapng.plain(octets).is_some(), is_plain);
            assert_eq!(matches!(pcapng.step(octets), Step::Packet { .. }), is_plain);
        }
    }

    #[test]
    fn packet_blocks_in_both_orders() {
        for order in [Little, Big] {
            let file = PcapngFile::new(order).interface(1).interface(276);
            let file = file
                .enhanced(0, 1_700_000_000_123_456, b"enhanced")
                .obsolete(1, 1 << 33, b"obsolete");
            let (seen, summary) = read(file.enhanced_claiming([1, 0, 7, 3, 1500], b"cut"));
            let seen_as = |frame, nanos, link, octets: &[u8], wire_len| Seen {
                frame,
                nanos,
                link,
                octets: octets.to_vec(),
                wire_len,
            };
            let expected = [
                seen_as(1, 1_700_000_000_123_456_000, 1, b"enhanced", 8),
                seen_as(2, (1 << 33) * 1000, 276, b"obsolete", 8),
                seen_as(3, 7000, 276, b"cut", 1500),
            ];
            assert_eq!(seen, expected, "{order:?}");
            assert_eq!(summary.damaged, 0);
        }
    }

    #[test]
    fn each_interface_has_its_own_clock() {
        for order in [Little, Big] {
            let half_past = (1_700_000_000 << 20) | (1 << 19);
            let an_hour_back = i64_octets(order, -3600);
            let file = PcapngFile::new(order)
                .interface_with(1, 0, &[(9, &[0x94]), (14, &an_hour_back), (0, &[])])
                .interface_with(1, 0, &[(2, b"eth0"), (9, &[12])])
                .enhanced(0, half_past, b"")
                .enhanced(1, 17_000_000_012_776_324_999, b"");
            let nanos: Vec<_> = read(file).0.iter().map(|seen| seen.nanos).collect();
            assert_eq!(
                nanos,
                [1_699_996_400_500_000_000, 17_000_000_012_776_324],
                "{order:?}"
            );
        }
    }

    #[test]
    fn options_count_as_in_wireshark() {
        let first_wins = [(9, &[9][..]), (9, &[0])];
        let wrong_length = [(9, &[][..]), (9, &[9, 0, 0, 0]), (14, &[1, 0, 0, 0])];
        let behind_the_end = [(0, &[][..]), (9, &[9])];
        let nanos = |options: &[(u16, &[u8])]| {
            let file = PcapngFile::new(Little).interface_with(1, 0, options);
            read(file.enhanced(0, 1_000_000_000, b"")).0[0].nanos
        };
        assert_eq!(nanos(&first_wins), 1_000_000_000);
        assert_eq!(nanos(&wrong_length), 1_000_000_000_000);
        assert_eq!(nanos(&behind_the_end), 1_000_000_000_000);
    }

    #[test]
    fn a_section_has_its_own_order_and_interfaces() {
        let file = PcapngFile::new(Little)
            .interface(1)
            .interface(101)
            .enhanced(1, 1, b"a");
        let file = file
            .section(Big, 1)
            .interface(113)
            .enhanced(0, 2, b"b")
            .enhanced(1, 3, b"none");
        let (seen, summary) = read(file.section(Little, 1).interface(0).enhanced(0, 4, b"c"));
        let links: Vec<_> = seen.iter().map(|seen| (seen.frame, seen.link)).collect();
        assert_eq!(links, [(1, 101), (2, 113), (3, 0)]);
        assert_eq!(only_damage(&summary).reason, Reason::Interface(1));
        assert_eq!(only_damage(&summary).frame, 3);
    }

    #[test]
    fn a_simple_packet_is_cut_at_the_snap_length_and_has_the_time_before_it() {
        let at_40 = PcapngFile::new(Big)
            .interface_with(1, 40, &[])
            .simple(60, &[7; 40]);
        let (seen, summary) = read(at_40.enhanced(0, 5, b"").simple(38, &[8; 38]));
        assert_eq!(
            (seen[0].octets.len(), seen[0].wire_len, seen[0].nanos),
            (40, 60, 0)
        );
        assert_eq!(
            (seen[2].octets.len(), seen[2].wire_len, seen[2].nanos),
            (38, 38, 5000)
        );
        assert_eq!((summary.untimed, summary.damaged), (2, 0));

        let unlimited = PcapngFile::new(Big)
            .interface(1)
            .simple(61, &[7; 61])
            .simple(61, &[7; 40]);
        let (seen, summary) = read(unlimited);
        assert_eq!((seen.len(), seen[0].octets.len()), (1, 61));
        assert_eq!(only_damage(&summary).reason, Reason::PacketLength(61));
    }

    #[test]
    fn what_wireshark_numbers_uses_up_a_frame() {
        for kind in EVENTS {
            let file = PcapngFile::new(Little)
                .interface(1)
                .enhanced(0, 0, b"a")
                .block(kind, &[0; 40]);
            let (seen, summary) = read(file.enhanced(0, 0, b"b"));
            assert_eq!((seen[1].frame, summary.packets, summary.events), (3, 2, 1));
        }
        // Names, statistics, secrets, process information, and whatever may come.
        for kind in [4, 5, 10, 0x8000_0001, 0xc000_0bad, 0x1234_5678] {
            let file = PcapngFile::new(Little)
                .interface(1)
                .enhanced(0, 0, b"a")
                .block(kind, &[0; 40]);
            let (seen, summary) = read(file.enhanced(0, 0, b"b"));
            assert_eq!(
                (seen[1].frame, summary.other_blocks, summary.damaged),
                (2, 1, 0)
            );
        }
    }

    #[test]
    fn a_packet_longer_than_its_block_is_skipped_and_the_rest_read() {
        for captured in [13, u32::MAX] {
            let mut file = PcapngFile::new(Little).interface(1).enhanced(0, 0, b"good");
            let damaged_at = file.octets.len() as u64;
            file = file.enhanced_claiming([0, 0, 0, captured, captured], &[0; 12]);
            for _ in 0..50 {
                file = file.enhanced(0, 0, b"good");
            }
            let (seen, summary) = read(file);
            assert_eq!((seen.len(), seen[50].frame), (51, 51));
            let expected = damage(damaged_at, 2, Reason::PacketLength(captured));
            assert_eq!(summary.damage, [expected]);
        }
    }

    #[test]
    fn blocks_shorter_than_their_kind_are_skipped() {
        for kind in [2, 3, 6] {
            let file = PcapngFile::new(Big).interface(1).block(kind, b"");
            let (seen, summary) = read(file.enhanced(0, 0, b"good"));
            assert_eq!(seen.len(), 1);
            assert_eq!(only_damage(&summary).reason, Reason::Block(kind));
        }
    }

    #[test]
    fn an_unreadable_description_leaves_the_numbers_of_the_others() {
        let file = PcapngFile::new(Little)
            .interface(1)
            .block(1, b"?")
            .interface(113);
        let (seen, summary) = read(file.enhanced(1, 0, b"unknown").enhanced(2, 0, b"known"));
        assert_eq!((seen.len(), seen[0].link), (1, 113));
        let reasons: Vec<_> = summary.damage.iter().map(|damage| &damage.reason).collect();
        assert_eq!(reasons, [&Reason::Block(1), &Reason::Interface(1)]);
    }

    #[test]
    fn lengths_that_are_no_multiple_of_four_are_rounded_up() {
        let mut body = vec![0; 20];
        body[12] = 61;
        body[16] = 61;
        body.extend([7; 64]);
        for lengths in [[93, 93], [93, 96], [96, 93]] {
            let file = PcapngFile::new(Little)
                .interface(1)
                .block_claiming(6, &body, lengths);
            let (seen, summary) = read(file.enhanced(0, 0, b"next"));
            assert_eq!(
                (seen.len(), seen[0].octets.len(), summary.damaged),
                (2, 61, 0)
            );
        }
    }

    #[test]
    fn broken_framing_ends_the_capture() {
        let good = || PcapngFile::new(Little).interface(1).enhanced(0, 0, b"good");
        let offset = good().octets.len() as u64;
        let claiming = |kind, front, back| good().block_claiming(kind, &[0; 20], [front, back]);
        let (whole, bound) = (MAX_WHOLE as u32, *BLOCK_LENGTHS.end());
        let broken = [
            (
                claiming(6, 32, 36),
                Reason::BlockLengthsDiffer {
                    front: 32,
                    back: 36,
                },
            ),
            (claiming(7, 8, 32), Reason::BlockLength(8)),
            (claiming(7, u32::MAX, 32), Reason::BlockLength(u32::MAX)),
            (claiming(7, bound + 4, 32), Reason::BlockLength(bound + 4)),
            (claiming(6, whole + 4, 32), Reason::BlockLength(whole + 4)),
            (claiming(SHB_MAGIC, 32, 32), Reason::ByteOrder),
            (
                good().section(Big, 2),
                Reason::Version { major: 2, minor: 0 },
            ),
        ];
        for (file, reason) in broken {
            let (seen, summary) = read(file.enhanced(0, 0, b"lost"));
            assert_eq!(seen.len(), 1);
            assert_eq!(summary.damage, [damage(offset, 2, reason)]);
        }
    }

    #[test]
    fn a_block_too_long_to_be_looked_at_is_passed_over() {
        let secrets = vec![0; MAX_WHOLE];
        let file = PcapngFile::new(Little).interface(1).block(10, &secrets);
        let (seen, summary) = read(file.enhanced(0, 0, b"next"));
        assert_eq!(
            (seen.len(), summary.other_blocks, summary.damaged),
            (1, 1, 0)
        );

        let mut cut = PcapngFile::new(Little).interface(1).block(10, &secrets);
        cut.octets.pop();
        let (_, summary) = read(cut);
        assert_eq!(
            (summary.other_blocks, only_damage(&summary).offset),
            (0, 48)
        );
        assert_eq!(only_damage(&summary).reason, Reason::CutOff);
    }

    #[test]
    fn descriptions_of_interfaces_are_bounded() {
        let mut file = PcapngFile::new(Little);
        for _ in 0..=MAX_INTERFACES {
            file = file.interface(1);
        }
        let (seen, summary) = read(file.enhanced(65_535, 0, b"last"));
        assert_eq!(seen.len(), 1);
        assert_eq!(only_damage(&summary).reason, Reason::Interfaces);
    }
}
