//! Where the octets of a capture come from, however many read it at once.
//!
//! In: files that are read as one, or a stream. Out: for each reader the streams of the same parts, one after the
//! other. A plain file is read by whoever needs its next octets; all else is read, and unpacked, once, on a thread of
//! its own.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ahead::ReadAhead;
use super::compression::{Compression, Stream, compression_of, unpacked};
use super::monitor::{Monitor, Watched};
use super::pieces::{Alone, PIECE, Pieces};
use super::readers::Readers;
use super::shared::SharedFile;

/// What is read.
pub(super) enum Origin {
    File(File),
    Stream(Stream),
}

/// How captures are opened.
pub(super) struct How {
    /// How many read at once, beside one.
    pub(super) others: usize,
    /// How many octets unpacking may refer back to.
    pub(super) window: usize,
    /// Counts the octets of files, and may end them.
    pub(super) monitor: Arc<Monitor>,
}

/// A part that was opened, and how it is compressed.
pub(super) type Opened = (Box<dyn Pieces>, Option<Compression>);

/// The parts behind the first, for one of the readers. Whoever needs one first opens it for all.
pub(super) struct Supply {
    later: Arc<Mutex<Later>>,
    /// Which of the readers it is for.
    reader: usize,
}

struct Later {
    paths: VecDeque<PathBuf>,
    how: How,
    /// For each reader, what others have opened.
    opened: Vec<VecDeque<Result<Opened, Arc<io::Error>>>>,
}

impl How {
    /// With nobody beside.
    pub(super) fn alone(window: usize) -> Self {
        How {
            others: 0,
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
            Origin::File(file) if how.others > 0 && is_plain(&file)? => {
                let files = SharedFile::of(file, how.others, &how.monitor);
                return Ok(files.map(|file| -> Opened { (Box::new(file), None) }));
            }
            Origin::File(file) => Box::new(file),
            Origin::Stream(stream) => stream,
        };
        let watched = Box::new(Watched::new(stream, &how.monitor));
        let (stream, compression) = unpacked(watched, how.window)?;
        if compression.is_none() && how.others == 0 {
            let first: Opened = (Box::new(Alone::new(stream, PIECE)), None);
            let others = Vec::new();
            return Ok(Readers { first, others });
        }
        let ends = ReadAhead::of(stream, how.others)?;
        Ok(ends.map(|end| -> Opened { (Box::new(end), compression) }))
    }
}

impl Supply {
    /// There are none.
    #[cfg(test)]
    pub(super) fn nothing() -> Self {
        Supply {
            later: Arc::new(Mutex::new(Later::new(VecDeque::new(), How::alone(0)))),
            reader: 0,
        }
    }

    /// Opens the first part.
    pub(super) fn open(
        first: Origin,
        later: VecDeque<PathBuf>,
        how: How,
    ) -> io::Result<Readers<(Supply, Opened)>> {
        let opened = first.open(&how)?;
        let later = Arc::new(Mutex::new(Later::new(later, how)));
        let mut readers = 0..;
        Ok(opened.map(|opened| {
            let supply = Supply {
                later: Arc::clone(&later),
                reader: readers.next().unwrap_or_default(),
            };
            (supply, opened)
        }))
    }

    /// The next part; `None` where there is none.
    pub(super) fn next(&mut self) -> Option<io::Result<Opened>> {
        let opened = self.later().next(self.reader)?;
        Some(opened.map_err(|error| io::Error::new(error.kind(), error.to_string())))
    }

    /// Whether reading was stopped from outside.
    pub(super) fn is_stopped(&self) -> bool {
        self.later().how.monitor.is_stopped()
    }

    fn later(&self) -> MutexGuard<'_, Later> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Later {
    fn new(paths: VecDeque<PathBuf>, how: How) -> Self {
        Later {
            paths,
            opened: (0..=how.others).map(|_| VecDeque::new()).collect(),
            how,
        }
    }

    fn next(&mut self, reader: usize) -> Option<Result<Opened, Arc<io::Error>>> {
        if let Some(opened) = self.opened.get_mut(reader)?.pop_front() {
            return Some(opened);
        }
        if self.how.monitor.is_stopped() {
            self.paths.clear();
        }
        let path = self.paths.pop_front()?;
        let readers = self.opened.iter_mut();
        match Origin::file(&path).and_then(|origin| origin.open(&self.how)) {
            Ok(all) => {
                readers
                    .zip(all.each())
                    .for_each(|(reader, opened)| reader.push_back(Ok(opened)));
            }
            Err(error) => {
                let error = Arc::new(error);
                readers.for_each(|reader| reader.push_back(Err(Arc::clone(&error))));
            }
        }
        self.opened.get_mut(reader)?.pop_front()
    }
}

/// Whether it can be read by several at once, as it is.
fn is_plain(mut file: &File) -> io::Result<bool> {
    if !cfg!(any(unix, windows)) || !file.metadata()?.is_file() {
        return Ok(false);
    }
    let compression = compression_of(&mut file)?;
    file.rewind()?;
    Ok(compression.is_none())
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
        read.each().collect()
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
            others: 2,
            ..How::alone(0)
        };
        let stream = Drip::new(pcap(), 1000);
        let seen = read(Capture::open_stream(stream, "-".as_ref(), how).unwrap());
        let all: Vec<u64> = (1..=700).collect();
        assert!(seen == [all.clone(), all.clone(), all]);
    }
}
