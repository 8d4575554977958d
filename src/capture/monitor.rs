//! How far reading has come, and whether it is to go on: for whoever watches it from another thread.
//!
//! In: the octets of files as they are read, before anything is unpacked. Out: their number. It is asked for a block at
//! a time, never for a packet.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared by those who read captures and those who watch them.
#[derive(Debug, Default)]
pub struct Monitor {
    octets: AtomicU64,
    captures: AtomicU64,
    stopped: AtomicBool,
}

impl Monitor {
    /// How many octets of files were read.
    pub fn octets(&self) -> u64 {
        self.octets.load(Ordering::Relaxed)
    }

    /// How many captures are done.
    pub fn captures(&self) -> u64 {
        self.captures.load(Ordering::Relaxed)
    }

    pub(super) fn count_octets(&self, octets: usize) {
        self.octets.fetch_add(octets as u64, Ordering::Relaxed);
    }

    /// Notes a capture that is done.
    pub fn count_capture(&self) {
        self.captures.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts from nothing again.
    pub fn start_over(&self) {
        self.octets.store(0, Ordering::Relaxed);
        self.captures.store(0, Ordering::Relaxed);
    }

    /// Lets reading end where it is: captures end as if there were nothing more of them.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// A file or stream whose octets are counted.
pub(super) struct Watched<R> {
    source: R,
    monitor: Arc<Monitor>,
}

impl<R> Watched<R> {
    pub(super) fn new(source: R, monitor: &Arc<Monitor>) -> Self {
        Watched {
            source,
            monitor: Arc::clone(monitor),
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.monitor.is_stopped() {
            return Ok(0);
        }
        let read = self.source.read(buffer)?;
        self.monitor.count_octets(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::PcapFile;
    use crate::capture::byte_order::ByteOrder;
    use crate::capture::{Problem, Source};

    #[test]
    fn what_was_read_is_counted_and_a_stop_is_an_end_without_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.pcap");
        let one = PcapFile::new(ByteOrder::Little);
        let file = (0..2000).fold(one, |file, second| file.record(second, 0, &[7; 1400]));
        std::fs::write(&path, &file.octets).unwrap();
        let source = Source::File(path);

        let monitor = Arc::default();
        let mut capture = source.open_watched(usize::MAX, &monitor).unwrap();
        while capture.next_packet().is_some() {}
        assert_eq!(monitor.octets(), file.octets.len() as u64);

        let monitor: Arc<Monitor> = Arc::default();
        let mut capture = source.open_watched(usize::MAX, &monitor).unwrap();
        assert!(capture.next_packet().is_some());
        monitor.stop();
        while capture.next_packet().is_some() {}
        let summary = capture.finish();
        assert!(0 < summary.packets && summary.packets < 2000);
        assert_eq!(summary.damaged, 0);
        let refused = source.open_watched(usize::MAX, &monitor).err().unwrap();
        assert!(matches!(refused.problem, Problem::Stopped));
    }
}
