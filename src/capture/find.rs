//! Which captures are meant by these arguments?
//!
//! In: paths of files and directories, and `-`. Out: the captures in order, not yet opened, and what went wrong.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::{DirEntry, WalkDir};

use serde::{Deserialize, Serialize};

use super::compression::{MAX_WINDOW, compression_of, unpacked};
use super::monitor::Monitor;
use super::open::{OpenError, Problem};
use super::path_text;
use super::read::Capture;
use super::readers::Readers;
use super::recognise::{FIRST_OCTETS, recognise};
use super::supply::How;

/// The argument that stands for standard input. A file of this name is `./-`.
const STANDARD_INPUT: &str = "-";

/// A capture to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Standard input, `-`.
    StandardInput,
    /// A file, or a pipe or device that was named.
    File(#[serde(with = "path_text")] PathBuf),
    /// Files that are read as one, in this order.
    Parts(Vec<Part>),
}

/// A file of those that are read as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its path as given, or as found in a directory.
    #[serde(with = "path_text")]
    pub path: PathBuf,
    /// How many frames the parts before it have: those of the whole are so much higher than its own.
    pub frames_before: u64,
}

impl Part {
    /// The part that has this frame of the whole, and which frame of the part it is; `None` where there are no parts.
    pub fn with(parts: &[Part], frame: u64) -> Option<(&Part, u64)> {
        let behind = parts.partition_point(|part| part.frames_before < frame);
        let part = parts.get(behind.checked_sub(1)?)?;
        Some((part, frame - part.frames_before))
    }
}

impl Source {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// Those of [`Capture::open`].
    pub fn open(&self) -> Result<Capture, OpenError> {
        self.open_within(usize::MAX)
    }

    /// Opens it, and takes no more than a quarter of so many octets of memory to unpack it (but 8 MiB at least);
    /// [`Capture::window`] says how many.
    ///
    /// # Errors
    ///
    /// Those of [`Capture::open`].
    pub fn open_within(&self, memory: usize) -> Result<Capture, OpenError> {
        self.open_watched(memory, &Arc::default())
    }

    /// The same, watched from outside.
    ///
    /// # Errors
    ///
    /// Those of [`Capture::open`], and [`Problem::Stopped`].
    pub fn open_watched(
        &self,
        memory: usize,
        monitor: &Arc<Monitor>,
    ) -> Result<Capture, OpenError> {
        Ok(self.open_for(0, memory, monitor)?.first)
    }

    /// The same for one and so many others.
    ///
    /// # Errors
    ///
    /// Those of [`open_watched`](Self::open_watched).
    pub fn open_for(
        &self,
        others: usize,
        memory: usize,
        monitor: &Arc<Monitor>,
    ) -> Result<Readers<Capture>, OpenError> {
        if monitor.is_stopped() {
            return Err(OpenError::new(self.path(), Problem::Stopped));
        }
        let how = How {
            others,
            window: (memory / 4).min(MAX_WINDOW),
            monitor: Arc::clone(monitor),
        };
        match self {
            Source::StandardInput => Capture::open_stream(io::stdin(), self.path(), how),
            Source::File(path) => Capture::open_parts([path.clone()], how),
            Source::Parts(parts) => {
                let paths = parts.iter().map(|part| part.path.clone());
                Capture::open_parts(paths, how)
            }
        }
    }

    /// How many octets its files have together; `None` where that is not known.
    pub fn octets(&self) -> Option<u64> {
        self.paths().try_fold(0, |sum: u64, path| {
            let metadata = path?.metadata().ok()?;
            let octets = metadata.is_file().then_some(metadata.len())?;
            Some(sum.saturating_add(octets))
        })
    }

    /// How many octets of memory opening it within so many may take, as far as that can be told without taking anything
    /// from a stream.
    pub(crate) fn window(&self, memory: usize) -> usize {
        let most = (memory / 4).min(MAX_WINDOW);
        match self {
            Source::File(path) if path.is_file() => {
                let compression = File::open(path).and_then(|file| compression_of(&mut &file));
                compression.map_or(0, |packed| packed.map_or(0, |packed| packed.window(most)))
            }
            Source::File(_) | Source::StandardInput | Source::Parts(_) => most,
        }
    }

    /// The path as given, or as found in a directory, that of the first part; `-` for standard input.
    pub fn path(&self) -> &Path {
        match self {
            Source::StandardInput => Path::new(STANDARD_INPUT),
            Source::File(path) => path,
            Source::Parts(parts) => parts.first().map_or(Path::new(""), |part| &part.path),
        }
    }

    /// The paths of all its files; `None` stands for standard input.
    pub fn paths(&self) -> impl Iterator<Item = Option<&Path>> {
        let single = match self {
            Source::StandardInput => Some(None),
            Source::File(path) => Some(Some(path.as_path())),
            Source::Parts(_) => None,
        };
        let parts = self.parts().iter().map(|part| Some(part.path.as_path()));
        single.into_iter().chain(parts)
    }

    /// The files that are read as one, if it is several.
    pub fn parts(&self) -> &[Part] {
        match self {
            Source::StandardInput | Source::File(_) => &[],
            Source::Parts(parts) => parts,
        }
    }

    /// The path of a single file.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Source::File(path) => Some(path),
            Source::StandardInput | Source::Parts(_) => None,
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The captures: in the order of the arguments, those of a directory in byte order of their paths.
    pub sources: Vec<Source>,
    /// Things in directories that are no captures: files of other kinds, empty ones, pipes, devices, sockets, and
    /// links that lead in a circle.
    pub passed_over: u64,
    /// Paths that do not exist or cannot be read, and directories without a capture.
    pub errors: Vec<OpenError>,
}

/// Finds the captures among files, directories (searched recursively, through links) and `-`.
///
/// A file that is named is always taken, and its content left to [`Source::open`]. In a directory only regular
/// files are opened, and only their first octets read.
pub fn find(arguments: impl IntoIterator<Item = PathBuf>) -> Found {
    let mut found = Found::default();
    for path in arguments {
        found.add_argument(path);
    }
    found
}

impl Found {
    fn add_argument(&mut self, path: PathBuf) {
        if path.as_os_str() == STANDARD_INPUT {
            return self.sources.push(Source::StandardInput);
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => self.add_directory(&path),
            Ok(_) => self.sources.push(Source::File(path)),
            Err(error) => self.add_error(&path, Problem::Unreadable(error)),
        }
    }

    fn add_directory(&mut self, directory: &Path) {
        let mut captures = Vec::new();
        for entry in WalkDir::new(directory)
            .follow_links(true)
            .sort_by_file_name()
        {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => captures.extend(self.capture_in(entry)),
                Err(error) if error.loop_ancestor().is_some() => self.passed_over += 1,
                Err(error) => self.add_walk_error(directory, error),
            }
        }
        if captures.is_empty() {
            self.add_error(directory, Problem::NoneInside);
        }
        // The order of a walk differs from this: `a-b` comes before `a/b`, but not before `a`.
        captures.sort_by(|one, other| octets_of(one).cmp(octets_of(other)));
        self.sources.extend(captures.into_iter().map(Source::File));
    }

    /// The path of this entry if it is a capture. Only a regular file is opened: a pipe would wait, and a device
    /// might act.
    fn capture_in(&mut self, entry: DirEntry) -> Option<PathBuf> {
        if !entry.file_type().is_file() {
            self.passed_over += 1;
            return None;
        }
        match is_capture(entry.path()) {
            Ok(true) => return Some(entry.into_path()),
            Ok(false) => self.passed_over += 1,
            Err(error) => self.add_error(entry.path(), Problem::Unreadable(error)),
        }
        None
    }

    fn add_walk_error(&mut self, directory: &Path, error: walkdir::Error) {
        let path = error.path().unwrap_or(directory).to_owned();
        let error = error
            .into_io_error()
            .unwrap_or_else(|| io::ErrorKind::Other.into());
        self.add_error(&path, Problem::Unreadable(error));
    }

    fn add_error(&mut self, path: &Path, problem: Problem) {
        self.errors.push(OpenError::new(path, problem));
    }
}

fn octets_of(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// By the first octets, of what is inside where it is compressed.
fn is_capture(path: &Path) -> io::Result<bool> {
    let (stream, compression) = unpacked(Box::new(File::open(path)?), MAX_WINDOW)?;
    let mut first = Vec::new();
    let read = stream.take(FIRST_OCTETS as u64).read_to_end(&mut first);
    // What cannot be unpacked shows no capture, unless it did so before it broke.
    if compression.is_none() {
        read?;
    }
    Ok(!first.is_empty() && recognise(&first).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::build::{PcapFile, PcapngFile};
    use crate::capture::byte_order::ByteOrder::{Big, Little};

    fn write(directory: &Path, name: &str, octets: &[u8]) {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    }

    fn names(found: &Found, directory: &Path) -> Vec<String> {
        let relative = |source: &Source| source.path().strip_prefix(directory).unwrap().to_owned();
        found
            .sources
            .iter()
            .map(|source| relative(source).display().to_string())
            .collect()
    }

    #[test]
    fn a_directory_gives_its_captures_in_byte_order_of_their_paths() {
        let directory = tempfile::tempdir().unwrap();
        let pcap = PcapFile::new(Little).octets;
        write(directory.path(), "README.md", b"# Captures");
        write(directory.path(), "a/z.bin", &pcap);
        write(
            directory.path(),
            "a/deep/er/x.pcapng",
            &PcapngFile::new(Big).octets,
        );
        write(directory.path(), "a-b/1.pcap", &pcap);
        write(directory.path(), "Z.pcap", &pcap);
        write(directory.path(), "empty.pcap", b"");
        let found = find([directory.path().to_owned()]);
        assert_eq!(
            names(&found, directory.path()),
            ["Z.pcap", "a-b/1.pcap", "a/deep/er/x.pcapng", "a/z.bin"]
        );
        assert_eq!(found.passed_over, 2);
        assert!(found.errors.is_empty());
        assert!(found.sources.iter().all(|source| source.open().is_ok()));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles_and_sockets_are_left_alone() {
        use std::os::unix::fs::symlink;
        use std::os::unix::net::UnixListener;

        let directory = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        write(
            elsewhere.path(),
            "linked.pcap",
            &PcapFile::new(Little).octets,
        );
        symlink(elsewhere.path(), directory.path().join("link")).unwrap();
        symlink(directory.path(), directory.path().join("circle")).unwrap();
        let _socket = UnixListener::bind(directory.path().join("socket")).unwrap();
        let found = find([directory.path().to_owned()]);
        assert_eq!(names(&found, directory.path()), ["link/linked.pcap"]);
        assert_eq!(found.passed_over, 2);
        assert!(found.errors.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "a.pcap", &PcapFile::new(Little).octets);
        std::os::unix::fs::symlink("nowhere", directory.path().join("dangling")).unwrap();
        let found = find([directory.path().to_owned()]);
        assert_eq!(names(&found, directory.path()), ["a.pcap"]);
        let [error] = &found.errors[..] else {
            panic!("{found:?}")
        };
        assert_eq!(error.path, directory.path().join("dangling"));
    }

    #[test]
    fn arguments_keep_their_order_and_named_files_are_always_taken() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "text", b"no capture");
        write(
            directory.path(),
            "captures/a.pcap",
            &PcapFile::new(Little).octets,
        );
        let path = |name: &str| directory.path().join(name);
        let found = find([path("text"), "-".into(), path("captures"), path("text")]);
        let expected = [
            Source::File(path("text")),
            Source::StandardInput,
            Source::File(path("captures/a.pcap")),
            Source::File(path("text")),
        ];
        assert_eq!(found.sources, expected);
        assert!(matches!(
            found.sources[0].open().err().unwrap().problem,
            Problem::NoCapture(..)
        ));
    }

    #[test]
    fn what_is_missing_is_an_error_and_so_is_a_directory_without_captures() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "notes.txt", b"none here");
        let found = find([
            directory.path().join("missing.pcap"),
            directory.path().to_owned(),
        ]);
        assert!(found.sources.is_empty());
        let [missing, none_inside] = &found.errors[..] else {
            panic!("{found:?}")
        };
        assert!(matches!(missing.problem, Problem::Unreadable(_)));
        assert!(matches!(none_inside.problem, Problem::NoneInside));
        assert_eq!(none_inside.path, directory.path());
    }
}
