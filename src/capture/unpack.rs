//! The decompressors.
//!
//! In: a compressed stream. Out: a stream of what was in it, to its very end where it has several parts, in memory
//! that does not depend on its length. What is cut off or damaged ends it with an error.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use lz4_flex::frame::FrameDecoder;

use super::compression::{Compression, Stream};

/// Octets of compressed data that are read at once. 128 KiB or more would mostly begin 16 octets behind the beginning of
/// a page, which some processors fill slowly (see [`Octets`](super::octets::Octets)).
const INPUT: usize = 1 << 16;

/// What was packed into `stream`, unpacked with a window of at most so many octets.
pub(super) fn unpack(
    compression: Compression,
    stream: Stream,
    window: usize,
) -> io::Result<Stream> {
    let input = BufReader::with_capacity(INPUT, Uninterrupted(stream));
    Ok(match compression {
        Compression::Gzip => Box::new(MultiGzDecoder::new(input)),
        Compression::Zstd => Box::new(Within(zstd_decoder(input, window)?, window)),
        Compression::Lz4 => Box::new(Lz4Decoder::new(input)),
        Compression::Xz => Box::new(Within(xz_decoder(input, window)?, window)),
    })
}

/// A decompressor that takes no more than so many octets of memory, and says so where it would take more.
struct Within<R>(R, usize);

impl<R: Read> Read for Within<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            // zstd has no other name for it than its text, and that of xz speaks of memory, too.
            if !error.to_string().contains("memory") {
                return error;
            }
            let mib = self.1 >> 20;
            io::Error::other(format!(
                "to unpack it takes more memory than may be used for that ({mib} MiB)"
            ))
        })
    }
}

/// A stream that goes on by itself after a signal, because a decompressor may not find back to where it was.
struct Uninterrupted(Stream);

impl Read for Uninterrupted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

fn zstd_decoder<R: BufRead>(input: R, window: usize) -> io::Result<zstd::Decoder<'static, R>> {
    let mut decoder = zstd::Decoder::with_buffer(input)?;
    // A power of two, at least the one that every decoder is to take (RFC 8878 3.1.1.1.2: 8 MiB).
    decoder.window_log_max(window.checked_ilog2().unwrap_or(0).max(23))?;
    Ok(decoder)
}

fn xz_decoder<R: BufRead>(input: R, window: usize) -> io::Result<XzDecoder<R>> {
    let stream =
        liblzma::stream::Stream::new_stream_decoder(window as u64, liblzma::stream::CONCATENATED)?;
    Ok(XzDecoder::new_stream(input, stream))
}

/// All frames of an LZ4 stream as one.
///
/// lz4_flex reports an end behind each frame, and also where a frame breaks off between two blocks: which of them
/// it is shows in whether it ran into the end of its input.
struct Lz4Decoder<R: BufRead> {
    frames: FrameDecoder<Input<R>>,
    between_frames: bool,
}

struct Input<R> {
    octets: R,
    ran_out: bool,
}

impl<R: BufRead> Lz4Decoder<R> {
    fn new(octets: R) -> Self {
        let input = Input {
            octets,
            ran_out: false,
        };
        Lz4Decoder {
            frames: FrameDecoder::new(input),
            between_frames: true,
        }
    }
}

impl<R: BufRead> Read for Lz4Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.between_frames && self.frames.get_mut().octets.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.between_frames = false;
            let count = self.frames.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            if self.frames.get_ref().ran_out {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.between_frames = true;
        }
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.octets.read(buffer)?;
        self.ran_out |= count == 0 && !buffer.is_empty();
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::{Drip, PcapFile, PcapngFile, Seen, packets};
    use crate::capture::byte_order::ByteOrder;
    use crate::capture::{Capture, Likeness, OpenError, Problem, Reason, Summary, find};
    use std::io::{Cursor, Write};
    use std::path::Path;

    const ALL: [Compression; 4] = [
        Compression::Gzip,
        Compression::Zstd,
        Compression::Lz4,
        Compression::Xz,
    ];

    fn packed(compression: Compression, octets: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(octets).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => zstd::encode_all(octets, 1).unwrap(),
            Compression::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(octets).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Xz => liblzma::encode_all(octets, 1).unwrap(),
        }
    }

    fn read(octets: Vec<u8>) -> Result<(Vec<Seen>, Summary), OpenError> {
        let mut capture = Capture::from_reader(Drip::new(octets, 100), Path::new("-"))?;
        Ok((packets(&mut capture), capture.finish()))
    }

    fn three_packets() -> Vec<u8> {
        let file = PcapFile::new(ByteOrder::Big).record(1, 0, b"a first packet");
        file.record(2, 0, &[7; 500]).record(3, 0, b"third").octets
    }

    #[test]
    fn captures_are_read_through_each_compression() {
        let pcapng = PcapngFile::new(ByteOrder::Little)
            .interface(1)
            .enhanced(0, 1, b"packet");
        for octets in [three_packets(), pcapng.octets] {
            let plain = read(octets.clone()).unwrap();
            for compression in ALL {
                let (seen, summary) = read(packed(compression, &octets)).unwrap();
                assert_eq!(seen, plain.0, "{compression}");
                assert_eq!((summary.octets, summary.damaged), (octets.len() as u64, 0));
            }
        }
    }

    #[test]
    fn an_archive_of_several_parts_is_read_to_its_end() {
        let octets = three_packets();
        for compression in ALL {
            let parts = octets.chunks(100).map(|part| packed(compression, part));
            let (seen, summary) = read(parts.collect::<Vec<_>>().concat()).unwrap();
            assert_eq!(
                (seen.len(), summary.damaged),
                (3, 0),
                "{compression} {summary:?}"
            );
        }
    }

    #[test]
    fn an_archive_cut_anywhere_gives_what_came_before_and_damage() {
        let (all, _) = read(three_packets()).unwrap();
        for compression in ALL {
            let whole = packed(compression, &three_packets());
            for cut in 6..whole.len() {
                let Ok((seen, summary)) = read(whole[..cut].to_vec()) else {
                    continue;
                };
                assert_eq!(seen[..], all[..seen.len()]);
                assert_eq!(
                    summary.damaged,
                    1,
                    "{compression} cut at {cut} of {}",
                    whole.len()
                );
                assert_eq!(summary.damage[0].offset, summary.octets);
                assert_eq!(summary.damage[0].compression, Some(compression));
            }
        }
    }

    #[test]
    fn an_archive_with_flipped_bits_ends_no_worse_than_in_damage() {
        for compression in ALL {
            let whole = packed(compression, &three_packets());
            for at in 0..whole.len() {
                let mut flipped = whole.clone();
                flipped[at] ^= 0x10;
                let packets = read(flipped).map_or(0, |(seen, _)| seen.len());
                assert!(packets <= 3);
            }
        }
    }

    #[test]
    fn no_more_memory_is_taken_to_unpack_than_is_granted() {
        // Incompressible, so that the window is needed.
        let mut random = fastrand::Rng::with_seed(1);
        let packet: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
            .take(200_000)
            .collect();
        let octets = PcapFile::new(ByteOrder::Big).record(1, 0, &packet).octets;
        let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
        options.dict_size(64 << 20);
        let mut filters = liblzma::stream::Filters::new();
        filters.lzma2(&options);
        let check = liblzma::stream::Check::Crc32;
        let encoder = liblzma::stream::Stream::new_stream_encoder(&filters, check).unwrap();
        let mut xz = Vec::new();
        liblzma::bufread::XzEncoder::new_stream(&octets[..], encoder)
            .read_to_end(&mut xz)
            .unwrap();
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(26).unwrap();
        encoder.write_all(&octets).unwrap();
        let zstd = encoder.finish().unwrap();
        for packed in [xz, zstd] {
            let read = |window| {
                let packed = Cursor::new(packed.clone());
                Capture::from_reader_within(packed, Path::new("-"), window)
            };
            let mut capture = read(128 << 20).unwrap();
            assert_eq!(
                (packets(&mut capture).len(), capture.window()),
                (1, 128 << 20)
            );
            let error = read(32 << 20).err().unwrap().to_string();
            assert!(
                error.ends_with("takes more memory than may be used for that (32 MiB)"),
                "{error}"
            );
        }
    }

    #[test]
    fn damage_is_told_in_octets_of_what_was_unpacked() {
        let mut octets = three_packets();
        octets.pop();
        let (seen, summary) = read(packed(Compression::Zstd, &octets)).unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!(summary.damage[0].reason, Reason::CutOff);
        let told = summary.damage[0].to_string();
        assert!(
            told.starts_with("byte 570 of the unpacked zstd data, frame 3: "),
            "{told}"
        );
    }

    #[test]
    fn a_frame_to_be_skipped_may_come_first() {
        let mut octets = vec![0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
        octets.extend(packed(Compression::Zstd, &three_packets()));
        assert_eq!(read(octets).unwrap().0.len(), 3);
    }

    #[test]
    fn one_level_is_undone_and_what_is_inside_is_named() {
        let twice = packed(
            Compression::Xz,
            &packed(Compression::Gzip, &three_packets()),
        );
        let error = read(twice).unwrap_err();
        assert!(matches!(
            error.problem,
            Problem::NoCapture(Some(Compression::Xz), Likeness::Packed("gzip"))
        ));
        let error = read(packed(Compression::Lz4, b"notes")).unwrap_err();
        let expected = "-: lz4 data, and in it text and no capture; pcap and pcapng files are read";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_directory_is_searched_for_compressed_captures_too() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, octets: Vec<u8>| {
            std::fs::write(directory.path().join(name), octets).unwrap();
        };
        write("notes.txt.gz", packed(Compression::Gzip, b"no capture"));
        write("nothing.gz", packed(Compression::Gzip, b""));
        write("broken.pcap.xz", b"\xfd7zXZ\0 and no more".to_vec());
        for compression in ALL {
            write(
                &format!("{compression}.bin"),
                packed(compression, &three_packets()),
            );
        }
        let found = find([directory.path().to_owned()]);
        let names: Vec<_> = found
            .sources
            .iter()
            .map(|source| source.path().file_name().unwrap())
            .collect();
        assert_eq!(names, ["gzip.bin", "lz4.bin", "xz.bin", "zstd.bin"]);
        assert_eq!((found.passed_over, found.errors.len()), (3, 0));
    }
}
