//! One capture, read from front to back.
//!
//! In: a file or a stream. Out: [`Packet`]s, then a [`Summary`]. Where a packet lies is the business of the formats,
//! what it means that of [`packet`](crate::packet).

use std::collections::VecDeque;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Packet;
use super::blocks::Blocks;
use super::compression::{Compression, MAX_WINDOW};
use super::damage::{Damage, Reason, Summary};
use super::open::{OpenError, Problem};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::readers::Readers;
use super::recognise::{FIRST_OCTETS, Format, Likeness, recognise};
use super::step::{Passed, Record, Step};
use super::supply::{How, Opened, Origin, Supply};
use crate::time::Time;

/// A capture that is being read: a pcap or pcapng file or stream, plain or compressed.
///
/// It is read once, in memory that does not grow with it: a block of 256 KiB, or up to 16 MiB where one record is
/// that long. Damage ends it or is skipped, and is told in the [`Summary`].
///
/// ```no_run
/// # use keepcap::capture::{Capture, OpenError};
/// let mut capture = Capture::open("a.pcap".as_ref())?;
/// while let Some(packet) = capture.next_packet() {
///     println!("{} {} {}", packet.frame, packet.time, packet.octets.len());
/// }
/// for damage in capture.finish().damage {
///     eprintln!("a.pcap: {damage}");
/// }
/// # Ok::<(), OpenError>(())
/// ```
pub struct Capture {
    blocks: Blocks,
    parser: Parser,
    compression: Option<Compression>,
    window: usize,
    /// How many files were read before this one.
    part: usize,
    /// Those to be read behind it.
    supply: Supply,
    summary: Summary,
    /// Number of the last packet or event. How many of them were packets is counted at the end.
    frame: u64,
    /// Time of the last packet that had one.
    time: Time,
}

/// So much of the next packet is fetched while one is looked at: its record, and what is in front of what it carries.
const FETCHED: usize = 128;

/// A part of a capture as it stands in the file.
pub(super) enum Part<'a> {
    /// A packet with its record around it, in which `record` tells the place of its octets.
    Packet {
        frame: u64,
        time: Time,
        octets: &'a [u8],
        record: Record,
    },
    /// What is no packet, or the beginning of it where it is very long.
    Passed(&'a [u8]),
    /// What follows on the part before.
    More(&'a [u8]),
    /// What could not be read.
    Damaged { octets: &'a [u8], reason: Reason },
}

enum Parser {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Capture {
    /// Opens a file, or whatever else can be read under this path.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened or read, or is no capture. An empty file is a damaged capture and no error.
    pub fn open(path: &Path) -> Result<Capture, OpenError> {
        let opened = Capture::open_parts([path.to_owned()], How::alone(MAX_WINDOW))?;
        Ok(opened.first)
    }

    /// Opens the first of these files, behind which the others are read as if they were one. Where one of the others
    /// cannot be read, that is damage.
    pub(super) fn open_parts(
        paths: impl IntoIterator<Item = PathBuf>,
        how: How,
    ) -> Result<Readers<Capture>, OpenError> {
        let mut paths = paths.into_iter();
        let first = paths.next().unwrap_or_default();
        let origin = Origin::file(&first)
            .map_err(|error| OpenError::new(&first, Problem::Unreadable(error)))?;
        Capture::open_all(origin, &first, paths.collect(), how)
    }

    /// Reads a stream, which messages will call `name`.
    ///
    /// # Errors
    ///
    /// Where not even its first octets can be read, or it is no capture.
    pub fn from_reader(
        source: impl Read + Send + 'static,
        name: &Path,
    ) -> Result<Capture, OpenError> {
        Capture::from_reader_within(source, name, MAX_WINDOW)
    }

    /// The same, and where it is compressed with zstd or xz, with no more than so many octets to refer back to. Below
    /// 8 MiB, zstd takes those.
    ///
    /// # Errors
    ///
    /// Those of [`Capture::from_reader`].
    pub fn from_reader_within(
        source: impl Read + Send + 'static,
        name: &Path,
        window: usize,
    ) -> Result<Capture, OpenError> {
        let opened = Capture::open_stream(source, name, How::alone(window))?;
        Ok(opened.first)
    }

    pub(super) fn open_stream(
        source: impl Read + Send + 'static,
        name: &Path,
        how: How,
    ) -> Result<Readers<Capture>, OpenError> {
        let origin = Origin::Stream(Box::new(source));
        Capture::open_all(origin, name, VecDeque::new(), how)
    }

    fn open_all(
        origin: Origin,
        name: &Path,
        later: VecDeque<PathBuf>,
        how: How,
    ) -> Result<Readers<Capture>, OpenError> {
        // Nobody knows yet how later parts are packed.
        let later_window = if later.is_empty() { 0 } else { how.window };
        let window = how.window;
        let open = |(supply, (stream, compression)): (Supply, Opened)| {
            let window = compression.map_or(0, |packed| packed.window(window));
            let blocks = Blocks::new(stream);
            Ok(Capture {
                window: window.max(later_window),
                ..Capture::new(blocks, compression, supply)?
            })
        };
        let supplies = Supply::open(origin, later, how).map_err(Problem::Unreadable);
        supplies
            .and_then(|supplies| supplies.map(open).all())
            .map_err(|problem| OpenError::new(name, problem))
    }

    /// The memory that unpacking it may take, in octets, beside a few MiB.
    pub fn window(&self) -> usize {
        self.window
    }

    /// The next packet, or `None` at the end of the capture or where it can be read no further.
    ///
    /// A packet without a time gets that of the packet before it, so that none seems to lie decades from its
    /// neighbours (Wireshark shows no time for it). They are counted in [`Summary::untimed`].
    #[inline(always)]
    pub fn next_packet(&mut self) -> Option<Packet<'_>> {
        let (taken, record) = self.next_record()?;
        self.count(&record);
        self.blocks.fetch(taken, FETCHED);
        let start = self.blocks.pass(taken);
        let octets = start + record.octets.start..start + record.octets.end;
        Some(Packet {
            frame: self.frame,
            time: self.time,
            link: record.link,
            octets: self.blocks.at(octets),
            wire_len: record.wire_len,
        })
    }

    /// Shows every part of it to `each`, in order, packets and all else, with the format of its file: what a copy is
    /// made of.
    pub(super) fn walk(mut self, each: &mut impl FnMut(Format, Part<'_>)) -> Summary {
        loop {
            let format = self.parser.format();
            match self.parser.step(self.blocks.unread()) {
                Step::Packet { taken, record } => {
                    self.count(&record);
                    let packet = Part::Packet {
                        frame: self.frame,
                        time: self.time,
                        octets: self.blocks.take(taken),
                        record,
                    };
                    each(format, packet);
                }
                step => {
                    if self
                        .pass_over(step, &mut |part| each(format, part))
                        .is_none()
                    {
                        return self.finish();
                    }
                }
            }
        }
    }

    /// What was read up to here, and what was damaged.
    pub fn finish(self) -> Summary {
        let first = self.summary.times.map(|(first, _)| first);
        Summary {
            packets: self.frame - self.summary.events,
            octets: self.summary.octets + self.blocks.octets_read(),
            times: first.map(|first| (first, self.time)),
            ..self.summary
        }
    }

    fn new(
        mut blocks: Blocks,
        compression: Option<Compression>,
        supply: Supply,
    ) -> Result<Capture, Problem> {
        let mut capture = Capture {
            parser: Parser::of(&mut blocks, compression)?,
            blocks,
            compression,
            window: 0,
            part: 0,
            supply,
            summary: Summary::default(),
            frame: 0,
            time: Time::default(),
        };
        capture.note_if_empty();
        Ok(capture)
    }

    fn note_if_empty(&mut self) {
        if self.blocks.unread().is_empty() {
            self.add_damage(0, Reason::Empty);
        }
    }

    #[inline(always)]
    fn next_record(&mut self) -> Option<(usize, Record)> {
        match self.parser.plain(self.blocks.unread()) {
            Some(packet) => Some(packet),
            None => self.search_record(),
        }
    }

    #[inline(never)]
    fn search_record(&mut self) -> Option<(usize, Record)> {
        loop {
            match self.parser.step(self.blocks.unread()) {
                Step::Packet { taken, record } => return Some((taken, record)),
                step => self.pass_over(step, &mut |_| {})?,
            }
        }
    }

    #[inline(always)]
    fn count(&mut self, record: &Record) {
        self.frame += 1;
        match record.time {
            Some(time) => self.time = time,
            None => self.summary.untimed += 1,
        }
        if self.summary.times.is_none() {
            self.summary.times = Some((self.time, self.time));
        }
    }

    /// Goes on behind what is no packet, which `each` sees; `None` at the end.
    #[cold]
    fn pass_over(&mut self, step: Step, each: &mut impl FnMut(Part<'_>)) -> Option<()> {
        match step {
            Step::Packet { .. } => {}
            Step::Passed { taken, what } => self.pass(taken, what, each),
            Step::Damaged { taken, reason } => {
                self.add_damage(self.blocks.offset(), reason.clone());
                let octets = self.blocks.take(taken);
                each(Part::Damaged { octets, reason });
            }
            Step::Need(octets) if self.blocks.fill(octets) => {}
            Step::Need(_) => {
                self.end(self.blocks.offset());
                self.open_next_part()?;
            }
            Step::Stop(reason) => {
                self.stop(self.blocks.offset(), reason);
                self.open_next_part()?;
            }
        }
        Some(())
    }

    /// Goes on with the next part; `None` where none is left.
    #[cold]
    fn open_next_part(&mut self) -> Option<()> {
        let opened = self.supply.next()?;
        self.part += 1;
        match opened
            .map_err(Problem::Unreadable)
            .and_then(|opened| self.read_part(opened))
        {
            Ok(()) => self.note_if_empty(),
            Err(problem) => self.stop(0, Reason::Unreadable(problem.to_string())),
        }
        Some(())
    }

    fn read_part(&mut self, (stream, compression): Opened) -> Result<(), Problem> {
        self.summary.octets += self.blocks.octets_read();
        self.blocks.read_from(stream);
        self.compression = compression;
        self.parser = Parser::of(&mut self.blocks, compression)?;
        Ok(())
    }

    fn pass(&mut self, taken: usize, what: Passed, each: &mut impl FnMut(Part<'_>)) {
        let offset = self.blocks.offset();
        let mut seen = false;
        let mut see = |octets: &[u8]| match std::mem::replace(&mut seen, true) {
            false => each(Part::Passed(octets)),
            true => each(Part::More(octets)),
        };
        if !self.blocks.skip(taken, &mut see) {
            return self.end(offset);
        }
        match what {
            Passed::Description => {}
            Passed::OtherBlock => self.summary.other_blocks += 1,
            Passed::Event => {
                self.summary.events += 1;
                self.frame += 1;
            }
        }
    }

    /// The source has ended, and with it what began at `offset`, if anything did.
    fn end(&mut self, offset: u64) {
        let end = self.blocks.octets_read();
        if let Some(error) = self.blocks.take_error() {
            self.stop(end, Reason::Unreadable(error.to_string()));
        } else if end > offset {
            self.stop(offset, Reason::CutOff);
        }
    }

    fn stop(&mut self, offset: u64, reason: Reason) {
        self.add_damage(offset, reason);
        self.blocks.close();
    }

    /// That it could be read no further than it was, though it should go on.
    #[cold]
    pub(crate) fn falls_short(&self, why: &str) -> Damage {
        self.damage_at(self.blocks.offset(), Reason::Unreadable(why.to_owned()))
    }

    fn damage_at(&self, offset: u64, reason: Reason) -> Damage {
        Damage {
            part: self.part,
            offset,
            compression: self.compression,
            frame: self.frame + 1,
            reason,
        }
    }

    #[cold]
    fn add_damage(&mut self, offset: u64, reason: Reason) {
        // What is not there any more was not asked for.
        if self.supply.is_stopped() {
            return;
        }
        self.summary.add_damage(self.damage_at(offset, reason));
    }
}

impl Parser {
    fn format(&self) -> Format {
        match self {
            Parser::Pcap(_) => Format::Pcap,
            Parser::Pcapng(_) => Format::Pcapng,
        }
    }

    fn of(blocks: &mut Blocks, compression: Option<Compression>) -> Result<Parser, Problem> {
        blocks.fill(FIRST_OCTETS);
        if blocks.unread().is_empty()
            && let Some(error) = blocks.take_error()
        {
            return Err(Problem::Unreadable(error));
        }
        Parser::choose(blocks.unread())
            .map_err(|likeness| Problem::NoCapture(compression, likeness))
    }

    /// By the first octets. An empty file may be of any format: there is nothing to be read of it.
    fn choose(first: &[u8]) -> Result<Parser, Likeness> {
        if first.is_empty() {
            return Ok(Parser::Pcap(Pcap::default()));
        }
        match recognise(first.get(..FIRST_OCTETS).unwrap_or(first))? {
            Format::Pcap => Ok(Parser::Pcap(Pcap::default())),
            Format::Pcapng => Ok(Parser::Pcapng(Pcapng::new())),
        }
    }

    /// The packet at the front of `octets`, where that is seen at a glance.
    #[inline(always)]
    fn plain(&self, octets: &[u8]) -> Option<(usize, Record)> {
        match self {
            Parser::Pcap(pcap) => pcap.plain(octets),
            Parser::Pcapng(pcapng) => pcapng.plain(octets),
        }
    }

    fn step(&mut self, octets: &[u8]) -> Step {
        match self {
            Parser::Pcap(pcap) => pcap.step(octets),
            Parser::Pcapng(pcapng) => pcapng.step(octets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::{Drip, Failing, PcapFile, PcapngFile, Seen, damage, packets};
    use crate::capture::byte_order::ByteOrder;
    use crate::capture::pieces::{Alone, PIECE};

    fn read(octets: &[u8]) -> (Vec<Seen>, Summary) {
        read_from(Drip::new(octets.to_vec(), usize::MAX), PIECE)
    }

    fn read_from(source: impl Read + Send + 'static, block: usize) -> (Vec<Seen>, Summary) {
        let blocks = Blocks::new(Box::new(Alone::new(Box::new(source), block)));
        let mut capture = Capture::new(blocks, None, Supply::nothing()).ok().unwrap();
        let seen = packets(&mut capture);
        assert!(capture.next_packet().is_none(), "the end stays the end");
        (seen, capture.finish())
    }

    fn small_pcap() -> Vec<u8> {
        let file = PcapFile::new(ByteOrder::Little);
        let file = file.record(1, 0, b"one").record(2, 0, b"second");
        file.record(3, 0, b"").octets
    }

    fn small_pcapng() -> Vec<u8> {
        let file = PcapngFile::new(ByteOrder::Big).interface(1);
        let file = file.enhanced(0, 1, b"one").block(5, &[0; 12]);
        file.obsolete(0, 2, b"second").simple(3, b"3rd").octets
    }

    #[test]
    fn a_capture_cut_anywhere_is_read_up_to_there() {
        for whole in [small_pcap(), small_pcapng()] {
            let (all, summary) = read(&whole);
            assert_eq!((all.len(), summary.damaged), (3, 0));
            for cut in 4..whole.len() {
                let (seen, summary) = read(&whole[..cut]);
                assert_eq!(seen[..], all[..seen.len()]);
                assert_eq!(summary.packets, seen.len() as u64);
                assert_eq!(summary.octets, cut as u64);
                assert!(
                    summary
                        .damage
                        .iter()
                        .all(|damage| damage.reason == Reason::CutOff)
                );
                assert!(
                    summary
                        .damage
                        .iter()
                        .all(|damage| damage.offset < cut as u64)
                );
                assert!(
                    summary
                        .damage
                        .iter()
                        .all(|damage| damage.frame == summary.packets + 1)
                );
            }
        }
    }

    #[test]
    fn a_cut_between_two_records_is_an_end_like_any_other() {
        let whole = PcapFile::new(ByteOrder::Little).record(1, 0, b"one").octets;
        let damaged = |cut| read(&whole[..cut]).1.damaged;
        let cuts_without_damage: Vec<_> =
            (4..=whole.len()).filter(|cut| damaged(*cut) == 0).collect();
        assert_eq!(cuts_without_damage, [24, 43]);
    }

    #[test]
    fn readers_that_give_little_and_blocks_that_hold_little_change_nothing() {
        for whole in [small_pcap(), small_pcapng()] {
            let expected = read(&whole);
            for at_once in [1, 10] {
                for block in [1, 16, 1000] {
                    let (seen, summary) = read_from(Drip::new(whole.clone(), at_once), block);
                    assert_eq!(seen, expected.0);
                    assert_eq!(summary.octets, expected.1.octets);
                }
            }
        }
    }

    #[test]
    fn flipped_octets_end_no_worse_than_in_damage() {
        for whole in [small_pcap(), small_pcapng()] {
            for at in 0..whole.len() {
                for mask in [0x01, 0x80, 0xff] {
                    let mut flipped = whole.clone();
                    flipped[at] ^= mask;
                    let opened = Capture::from_reader(Drip::new(flipped, 1000), Path::new("-"));
                    let seen = opened.map_or(0, |mut capture| packets(&mut capture).len());
                    assert!(seen <= 8, "no packet is shorter than its header");
                }
            }
        }
    }

    #[test]
    fn lengths_that_lie_allocate_nothing() {
        let pcap = PcapFile::new(ByteOrder::Little)
            .claiming([0, 0, u32::MAX, u32::MAX], b"")
            .octets;
        let pcapng = PcapngFile::new(ByteOrder::Little)
            .block_claiming(6, &[0; 20], [u32::MAX, 32])
            .octets;
        let within_bounds = PcapngFile::new(ByteOrder::Little)
            .block_claiming(6, &[0; 20], [16 << 20, 32])
            .octets;
        for octets in [pcap, pcapng, within_bounds] {
            let mut capture = Capture::from_reader(Drip::new(octets, 9), Path::new("-"))
                .ok()
                .unwrap();
            assert!(capture.next_packet().is_none());
            assert!(capture.blocks.capacity() < PIECE + 1000);
            assert_eq!(capture.finish().damaged, 1);
        }
    }

    #[test]
    fn a_record_longer_than_a_block_is_read() {
        let packet = vec![7; 262_144];
        let octets = PcapFile::new(ByteOrder::Big)
            .record(1, 0, &packet)
            .record(2, 0, b"next")
            .octets;
        let (seen, summary) = read_from(Drip::new(octets, usize::MAX), 1 << 16);
        assert_eq!((seen.len(), summary.damaged), (2, 0));
        assert_eq!(seen[0].octets, packet);
    }

    #[test]
    fn a_source_that_fails_ends_the_capture_with_its_reason() {
        let mut octets = small_pcap();
        octets.truncate(50);
        let (seen, summary) = read_from(Failing::after(octets), PIECE);
        assert_eq!(seen.len(), 1);
        let reason = Reason::Unreadable("the disk is on fire".to_owned());
        assert_eq!(summary.damage, [damage(50, 2, reason)]);
    }

    #[test]
    fn a_source_that_fails_at_once_is_an_error() {
        let opened = Capture::from_reader(Failing::after(Vec::new()), Path::new("-"));
        let message = opened.err().unwrap().to_string();
        assert_eq!(message, "-: cannot be read: the disk is on fire");
    }

    #[test]
    fn an_empty_file_is_damaged_and_a_capture_without_packets_is_not() {
        let (_, empty) = read(&[]);
        assert_eq!(empty.damage, [damage(0, 1, Reason::Empty)]);
        for whole in [
            PcapFile::new(ByteOrder::Big).octets,
            PcapngFile::new(ByteOrder::Big).octets,
        ] {
            let (seen, summary) = read(&whole);
            assert_eq!((seen.len(), summary.damaged), (0, 0));
        }
    }

    #[test]
    fn all_damage_is_counted_and_some_of_it_kept() {
        let mut file = PcapngFile::new(ByteOrder::Little);
        for _ in 0..150 {
            file = file.enhanced(0, 0, b"on an interface that nobody described");
        }
        let (seen, summary) = read(&file.octets);
        assert_eq!(
            (seen.len(), summary.damaged, summary.damage.len()),
            (0, 150, Summary::DAMAGE_KEPT)
        );
        assert_eq!(summary.damage[99].frame, 1);
    }

    #[test]
    fn a_file_that_is_no_capture_is_said_to_be_none() {
        let opened = Capture::from_reader(&b"GET / HTTP/1.1\r\n"[..], Path::new("a.txt"));
        let message = opened.err().unwrap().to_string();
        assert_eq!(
            message,
            "a.txt: text and no capture; pcap and pcapng files are read"
        );
        let missing = Capture::open(Path::new("no-such-file.pcap")).err().unwrap();
        assert!(
            missing
                .to_string()
                .starts_with("no-such-file.pcap: cannot be read: ")
        );
    }
}
