//! The classic pcap format, in micro- or nanoseconds, of either byte order, plain or "modified".
//!
//! In: a slice that begins at the file header or at a record. Out: a [`Step`].

use pcap_parser::nom::bytes::streaming::take;
use pcap_parser::nom::number::streaming::be_u32;
use pcap_parser::nom::{Err, IResult, Needed};
use pcap_parser::{
    LegacyPcapBlock, PcapError, PcapHeader, parse_pcap_frame, parse_pcap_frame_be,
    parse_pcap_frame_modified, parse_pcap_header,
};

use super::LinkType;
use super::damage::Reason;
use super::step::{MAX_CAPTURED, Passed, Record, Step};
use crate::time::Time;

/// The first octets of a file of the "modified" format in big-endian order, which pcap-parser does not know.
const MODIFIED_BIG: [u8; 4] = [0xa1, 0xb2, 0xcd, 0x34];
/// The same of the plain format.
const PLAIN_BIG: [u8; 4] = [0xa1, 0xb2, 0xc3, 0xd4];

/// The first octets of every kind of pcap file: microseconds, nanoseconds, and the "modified" format, in both orders.
pub(super) const MAGICS: [[u8; 4]; 6] = [
    PLAIN_BIG,
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    MODIFIED_BIG,
    [0x34, 0xcd, 0xb2, 0xa1],
];

/// Octets of the file header.
const HEADER: usize = 24;

/// A pcap file, as far as its header tells.
#[derive(Default)]
pub(super) struct Pcap {
    records: Option<Records>,
}

/// How the records of this file are to be read.
#[derive(Clone, Copy)]
struct Records {
    layout: Layout,
    nanos_per_unit: i64,
    link: LinkType,
}

/// How a record is laid out.
#[derive(Clone, Copy)]
enum Layout {
    Little,
    Big,
    ModifiedLittle,
    ModifiedBig,
}

type ParsedRecord<'a> = IResult<&'a [u8], LegacyPcapBlock<'a>, PcapError<&'a [u8]>>;

impl Pcap {
    /// The packet at the front of `octets` and how many octets belong to it, where its record is as most are: in
    /// little-endian order, of a length that may be, and wholly here. That is what [`step`](Self::step) would find.
    #[inline(always)]
    pub(super) fn plain(&self, octets: &[u8]) -> Option<(usize, Record)> {
        let records = self.records.as_ref()?;
        let Layout::Little = records.layout else {
            return None;
        };
        let (header, rest) = octets.split_first_chunk::<16>()?;
        // The first field is the lowest quarter.
        let header = u128::from_le_bytes(*header);
        let captured = (header >> 64) as u32;
        let len = captured as usize;
        if captured > MAX_CAPTURED || len > rest.len() {
            return None;
        }
        let record = Record {
            time: Some(records.time(header as u32, (header >> 32) as u32)),
            link: records.link,
            octets: 16..16 + len,
            wire_len: (header >> 96) as u32,
        };
        Some((16 + len, record))
    }

    /// Looks at the front of `octets`.
    pub(super) fn step(&mut self, octets: &[u8]) -> Step {
        match self.records {
            Some(records) => records.step(octets),
            None => self.read_header(octets),
        }
    }

    fn read_header(&mut self, octets: &[u8]) -> Step {
        let Some(octets) = octets.first_chunk::<HEADER>() else {
            return Step::Need(HEADER);
        };
        let Some(header) = parse_header(*octets) else {
            return Step::Stop(Reason::ByteOrder);
        };
        let layout = match octets.starts_with(&MODIFIED_BIG) {
            true => Layout::ModifiedBig,
            false => Layout::of(&header),
        };
        self.records = Some(Records {
            layout,
            nanos_per_unit: nanos_per_unit(&header),
            link: link_type(&header),
        });
        Step::Passed {
            taken: HEADER,
            what: Passed::Description,
        }
    }
}

impl Records {
    fn step(&self, octets: &[u8]) -> Step {
        match self.layout.parse(octets) {
            Ok((_, record)) if record.caplen > MAX_CAPTURED => {
                Step::Stop(Reason::RecordLength(record.caplen))
            }
            Ok((rest, record)) => self.packet(octets.len() - rest.len(), &record),
            Err(Err::Incomplete(Needed::Size(more))) => {
                self.need(octets.len().saturating_add(more.get()))
            }
            // The parsers only ever lack octets, and know how many.
            Err(_) => Step::Stop(Reason::CutOff),
        }
    }

    /// A record of `total` octets is not all here: to be waited for, unless no packet can be that long.
    fn need(&self, total: usize) -> Step {
        let claimed =
            u32::try_from(total.saturating_sub(self.layout.header_len())).unwrap_or(u32::MAX);
        if claimed > MAX_CAPTURED {
            return Step::Stop(Reason::RecordLength(claimed));
        }
        Step::Need(total)
    }

    fn packet(&self, taken: usize, record: &LegacyPcapBlock<'_>) -> Step {
        let record = Record {
            time: Some(self.time(record.ts_sec, record.ts_usec)),
            link: self.link,
            octets: taken - record.data.len()..taken,
            wire_len: record.origlen,
        };
        Step::Packet { taken, record }
    }

    #[inline]
    fn time(&self, seconds: u32, fraction: u32) -> Time {
        // Both are 32 bits wide, so that nothing is out of range.
        let seconds = i64::from(seconds) * 1_000_000_000;
        let fraction = i64::from(fraction) * self.nanos_per_unit;
        Time::exact(seconds + fraction)
    }
}

impl Layout {
    fn of(header: &PcapHeader) -> Self {
        if header.is_modified_format() {
            Layout::ModifiedLittle
        } else if header.is_bigendian() {
            Layout::Big
        } else {
            Layout::Little
        }
    }

    fn parse(self, octets: &[u8]) -> ParsedRecord<'_> {
        match self {
            Layout::Little => parse_pcap_frame(octets),
            Layout::Big => parse_pcap_frame_be(octets),
            Layout::ModifiedLittle => parse_pcap_frame_modified(octets),
            Layout::ModifiedBig => parse_pcap_frame_modified_be(octets),
        }
    }

    /// How long a record's header is.
    fn header_len(self) -> usize {
        match self {
            Layout::Little | Layout::Big => 16,
            Layout::ModifiedLittle | Layout::ModifiedBig => 24,
        }
    }
}

/// What the header of a file tells of all its packets, as far as pcapng has a place for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) link: LinkType,
    pub(super) snap_length: u32,
    /// Nanoseconds in a unit of its time stamps: 1 or 1000.
    pub(super) nanos_per_unit: i64,
    /// Bits of the frame check sequence behind each packet, where the header says that it knows.
    pub(super) fcs_bits: Option<u8>,
}

/// What the file header at the front of `octets` tells.
pub(super) fn describe(octets: &[u8]) -> Option<Described> {
    let header = parse_header(*octets.first_chunk()?)?;
    // The upper half of the field: a flag, and a number of 16-bit words.
    let network = header.network.0.cast_unsigned();
    let fcs_words = (network >> 28) as u8;
    Some(Described {
        link: link_type(&header),
        snap_length: header.snaplen,
        nanos_per_unit: nanos_per_unit(&header),
        fcs_bits: (network & 0x0400_0000 != 0).then_some(fcs_words * 16),
    })
}

/// Only the records of the plain and the "modified" format differ, so a plain header is what pcap-parser is shown.
fn parse_header(mut octets: [u8; HEADER]) -> Option<PcapHeader> {
    if octets.starts_with(&MODIFIED_BIG)
        && let Some(magic) = octets.first_chunk_mut()
    {
        *magic = PLAIN_BIG;
    }
    parse_pcap_header(&octets).ok().map(|(_, header)| header)
}

fn nanos_per_unit(header: &PcapHeader) -> i64 {
    match header.is_nanosecond_precision() {
        true => 1,
        false => 1000,
    }
}

/// The upper 16 bits tell the length of a frame check sequence behind each packet. It is let go: an IP packet
/// knows its own length, and what follows it is padding.
fn link_type(header: &PcapHeader) -> LinkType {
    LinkType((header.network.0 & 0xffff) as u16)
}

/// A record of the "modified" format in big-endian order, which pcap-parser lacks: 16 octets as everywhere, 8 about
/// the interface, and the packet.
fn parse_pcap_frame_modified_be(octets: &[u8]) -> ParsedRecord<'_> {
    let (octets, ts_sec) = be_u32(octets)?;
    let (octets, ts_usec) = be_u32(octets)?;
    let (octets, caplen) = be_u32(octets)?;
    let (octets, origlen) = be_u32(octets)?;
    let (octets, _interface) = take(8_usize)(octets)?;
    let (octets, data) = take(caplen)(octets)?;
    Ok((
        octets,
        LegacyPcapBlock {
            ts_sec,
            ts_usec,
            caplen,
            origlen,
            data,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::{PcapFile, Seen, packets};
    use crate::capture::byte_order::ByteOrder::{Big, Little};
    use crate::capture::{Capture, Summary};

    fn read(octets: Vec<u8>) -> (Vec<Seen>, Summary) {
        let mut capture = Capture::from_reader(std::io::Cursor::new(octets), "-".as_ref()).unwrap();
        (packets(&mut capture), capture.finish())
    }

    #[test]
    fn all_kinds_in_both_orders() {
        let kinds = [
            (0xa1b2_c3d4, 123_456_000),
            (0xa1b2_3c4d, 123_456),
            (0xa1b2_cd34, 123_456_000),
        ];
        for (magic, fraction) in kinds {
            for order in [Little, Big] {
                let file = PcapFile::with(order, magic, 113)
                    .claiming([1_700_000_000, 123_456, 3, 1500], b"abc");
                let (seen, summary) = read(file.record(1_700_000_001, 0, b"").octets);
                let first = Seen {
                    frame: 1,
                    nanos: 1_700_000_000_000_000_000 + fraction,
                    link: 113,
                    octets: b"abc".to_vec(),
                    wire_len: 1500,
                };
                assert_eq!(seen[0], first, "{magic:x} {order:?}");
                assert_eq!((seen.len(), seen[1].frame, summary.damaged), (2, 2, 0));
            }
        }
    }

    #[test]
    fn what_is_taken_for_plain_is_what_the_parser_finds() {
        let mut random = fastrand::Rng::with_seed(11);
        let kinds = [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34];
        let mut taken_for_plain = 0;
        for round in 0..20_000 {
            let order = if random.u8(..8) == 0 { Big } else { Little };
            let file = PcapFile::with(order, kinds[round % kinds.len()], random.u32(..));
            let mut pcap = Pcap::default();
            assert!(matches!(pcap.step(&file.octets), Step::Passed { .. }));
            let len = random.u32(..40);
            let claimed = match random.u8(..8) {
                0 => random.u32(..),
                1 => MAX_CAPTURED - 1 + random.u32(..3),
                2 => len + random.u32(..3),
                _ => len,
            };
            let fields = [random.u32(..), random.u32(..), claimed, random.u32(..)];
            let file = file.claiming(fields, &vec![7; len as usize]);
            let long = [&file.octets[HEADER..], &[9; 270_000]].concat();
            let octets = match random.u8(..4) {
                0 => &long[..],
                1 => &long[..random.usize(..70)],
                _ => &file.octets[HEADER..],
            };
            let step = pcap.step(octets);
            let Some((taken, record)) = pcap.plain(octets) else {
                let is_packet = matches!(step, Step::Packet { .. });
                assert!(!is_packet || order == Big || round % kinds.len() == 2);
                continue;
            };
            taken_for_plain += 1;
            assert_eq!(step, Step::Packet { taken, record });
        }
        assert!(taken_for_plain > 5_000, "{taken_for_plain}");
        assert_eq!(Pcap::default().plain(&[0; 100]), None);
    }

    #[test]
    fn seconds_are_unsigned_and_fractions_may_exceed_a_second() {
        let file = PcapFile::new(Little).record(u32::MAX, 3_000_000, b"");
        assert_eq!(read(file.octets).0[0].nanos, 4_294_967_298_000_000_000);
    }

    #[test]
    fn the_bits_for_the_frame_check_sequence_are_no_part_of_the_link_type() {
        let file = PcapFile::with(Little, 0xa1b2_c3d4, 0x2400_0001).record(0, 0, b"");
        assert_eq!(read(file.octets).0[0].link, 1);
    }

    #[test]
    fn reading_stops_at_the_first_impossible_record() {
        for captured in [262_145, u32::MAX] {
            let file = PcapFile::new(Big).record(1, 0, &[0; 262_144]);
            let file = file.claiming([2, 0, captured, captured], &[0; 300_000]);
            let (seen, summary) = read(file.record(3, 0, b"lost").octets);
            assert_eq!(seen.len(), 1);
            let [damage] = &summary.damage[..] else {
                panic!("{summary:?}")
            };
            assert_eq!((damage.offset, damage.frame), (24 + 16 + 262_144, 2));
            assert_eq!(damage.reason, Reason::RecordLength(captured));
        }
    }
}
