//! Where the octets of a capture come from, however many read it at once.
//!
//! In: files that are read as one, or a stream. Out: for each reader the streams of the same parts, one after the
//! other. A plain file is read by each for itself: its octets are in the memory of the system, from where they come
//! faster than from another processor. All else is read, and unpacked, once, on a thread of its own.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::ahead::ReadAhead;
use super::compression::{Compression, Stream, compression_of, unpacked};
use super::monitor::{Monitor, Watched};
use super::readers::Readers;

/// What is read.
pub(super) enum Origin {
    File(File),
    Stream(Stream),
}

/// How captures are opened.
pub(super) struct How {
    /// How many read at once, beside the first.
    pub(super) followers: usize,
    /// How many octets unpacking may refer back to.
    pub(super) window: usize,
    /// Watches the first reader.
    pub(super) monitor: Arc<Monitor>,
}

/// A part that was opened, and how it is compressed.
pub(super) type Opened = (Stream, Option<Compression>);

/// The parts behind the first, for one of the readers.
pub(super) enum Supply {
    /// It opens them, and hands them to these others, too.
    Opening {
        later: VecDeque<PathBuf>,
        how: How,
        others: Vec<Sender<Opened>>,
    },
    /// Someone else opens them.
    Handed(Receiver<Opened>),
}

impl How {
    /// With nobody beside.
    pub(super) fn alone(window: usize) -> Self {
        How {
            followers: 0,
            window,
            monitor: Arc::default(),
        }
    }
}

impl Origin {
    pub(super) fn file(path: &Path) -> io::Result<Origin> {
        Ok(Origin::File(File::open(path)?))
    }

    /// For each reader a stream of what is in it, unpacked where it is compressed.
    fn open(self, how: &How) -> io::Result<Readers<Opened>> {
        let stream: Stream = match self {
            Origin::File(file) if is_plain(&file)? => {
                let file = FromFront::new(Arc::new(file));
                let follower = |_| -> Opened { (Box::new(file.clone()), None) };
                let followers = (0..how.followers).map(follower).collect();
                let leader = Box::new(Watched::new(file, &how.monitor));
                return Ok(Readers {
                    leader: (leader, None),
                    followers,
                });
            }
            Origin::File(file) => Box::new(file),
            Origin::Stream(stream) => stream,
        };
        let watched = Box::new(Watched::new(stream, &how.monitor));
        let (stream, compression) = unpacked(watched, how.window)?;
        if compression.is_none() && how.followers == 0 {
            return Ok(Readers {
                leader: (stream, None),
                followers: Vec::new(),
            });
        }
        let ends = ReadAhead::of(stream, how.followers)?;
        Ok(ends.map(|end| -> Opened { (Box::new(end), compression) }))
    }
}

impl Supply {
    /// There are none.
    #[cfg(test)]
    pub(super) fn nothing() -> Self {
        Supply::Handed(channel().1)
    }

    /// Opens the first part.
    pub(super) fn open(
        first: Origin,
        later: VecDeque<PathBuf>,
        how: How,
    ) -> io::Result<Readers<(Supply, Opened)>> {
        let opened = first.open(&how)?;
        let (others, followers) = opened
            .followers
            .into_iter()
            .map(|opened| {
                let (other, parts) = channel();
                (other, (Supply::Handed(parts), opened))
            })
            .unzip();
        let leader = Supply::Opening { later, how, others };
        Ok(Readers {
            leader: (leader, opened.leader),
            followers,
        })
    }

    /// The next part; `None` where there is none.
    pub(super) fn next(&mut self) -> Option<io::Result<Opened>> {
        match self {
            // Who is ahead has opened it before.
            Supply::Handed(parts) => parts.try_recv().ok().map(Ok),
            Supply::Opening { how, .. } if how.monitor.is_stopped() => None,
            Supply::Opening { later, how, others } => {
                let path = later.pop_front()?;
                let opened = Origin::file(&path).and_then(|origin| origin.open(how));
                Some(opened.map(|opened| {
                    for (other, opened) in others.iter().zip(opened.followers) {
                        // It may have come to its end already.
                        let _ = other.send(opened);
                    }
                    opened.leader
                }))
            }
        }
    }

    /// Whether reading was stopped from outside.
    pub(super) fn is_stopped(&self) -> bool {
        match self {
            Supply::Opening { how, .. } => how.monitor.is_stopped(),
            Supply::Handed(_) => false,
        }
    }
}

/// A regular file, read from its front, whoever else reads it.
#[derive(Clone)]
struct FromFront<F> {
    file: F,
    read: u64,
}

impl<F> FromFront<F> {
    fn new(file: F) -> Self {
        FromFront { file, read: 0 }
    }
}

impl<F: Deref<Target = File>> Read for FromFront<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = read_at(&self.file, buffer, self.read)?;
        self.read += count as u64;
        Ok(count)
    }
}

/// Whether it can be read by several at once, as it is.
fn is_plain(mut file: &File) -> io::Result<bool> {
    if !cfg!(any(unix, windows)) || !file.metadata()?.is_file() {
        return Ok(false);
    }
    let compression = compression_of(&mut FromFront::new(file))?;
    // Some systems read on from where somebody else read.
    file.rewind()?;
    Ok(compression.is_none())
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(not(any(unix, windows)))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use crate::capture::build::{Drip, PcapFile, PcapngFile, packets};
    use crate::capture::byte_order::ByteOrder;
    use crate::capture::supply::How;
    use crate::capture::{Capture, Monitor, Part, Readers, Source};

    fn pcap() -> Vec<u8> {
        let one = PcapFile::new(ByteOrder::Little);
        let file = (0..700).fold(one, |file, second| file.record(second, 0, &[7; 1400]));
        file.octets
    }

    fn pcapng() -> Vec<u8> {
        let file = PcapngFile::new(ByteOrder::Big).interface(1);
        file.enhanced(0, 1, b"one").simple(3, b"3rd").octets
    }

    /// Reads one after the other; says what each has seen.
    fn read(opened: Readers<Capture>) -> Vec<Vec<u64>> {
        let read = opened.map(|mut capture| {
            let packets = packets(&mut capture);
            packets.iter().map(|packet| packet.frame).collect()
        });
        [vec![read.leader], read.followers].concat()
    }

    #[test]
    fn every_reader_finds_all_packets_of_all_parts() {
        let folder = tempfile::tempdir().unwrap();
        let part = |name: &str, octets: Option<&[u8]>| {
            let path = folder.path().join(name);
            if let Some(octets) = octets {
                fs::write(&path, octets).unwrap();
            }
            Part {
                path,
                frames_before: 0,
            }
        };
        let whole = pcap();
        let parts = vec![
            part("1.pcap", Some(&whole)),
            part("2.pcap", None),
            part("3.pcapng", Some(&pcapng())),
            part("4.txt", Some(b"no capture")),
            part("5.pcap", Some(&whole[..5000])),
            #[cfg(feature = "compression")]
            part(
                "6.pcap.zst",
                Some(&zstd::encode_all(whole.as_slice(), 1).unwrap()),
            ),
        ];
        let expected = if cfg!(feature = "compression") {
            1405
        } else {
            705
        };
        let source = Source::Parts(parts);
        let monitor: Arc<Monitor> = Arc::default();
        let seen = read(source.open_for(2, usize::MAX, &monitor).unwrap());
        let all: Vec<u64> = (1..=expected).collect();
        assert!(seen == [all.clone(), all.clone(), all]);
        // Only the first of them is counted.
        let octets = source
            .parts()
            .iter()
            .filter_map(|part| fs::metadata(&part.path).ok());
        assert_eq!(monitor.octets(), octets.map(|file| file.len()).sum::<u64>());
    }

    #[test]
    fn a_stream_is_read_once_for_all() {
        let how = How {
            followers: 2,
            ..How::alone(0)
        };
        let stream = Drip::new(pcap(), 1000);
        let seen = read(Capture::open_stream(stream, "-".as_ref(), how).unwrap());
        let all: Vec<u64> = (1..=700).collect();
        assert!(seen == [all.clone(), all.clone(), all]);
    }
}
