//! Why something could not be opened as a capture.
//!
//! In: a path and what went wrong. Out: one line that says what it is and what to do.

use std::path::{Path, PathBuf};
use std::{error, fmt, io};

use super::compression::Compression;
use super::recognise::Likeness;

/// A file, directory or stream of which no packet could be read.
///
/// It prints as one line, `a.txt: text and no capture; ...`, in which the path may hold control characters.
#[derive(Debug)]
pub struct OpenError {
    /// The path as given, or as found in a directory.
    pub path: PathBuf,
    /// What went wrong.
    pub problem: Problem,
}

/// What kept a path from being read as a capture.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// The system would not open or read it.
    Unreadable(io::Error),
    /// It is something else, or holds something else where it is compressed.
    NoCapture(Option<Compression>, Likeness),
    /// It is a directory without any capture in it.
    NoneInside,
    /// Reading was stopped before it was opened.
    Stopped,
    /// Whoever tried to open it said this.
    Told(String),
}

impl OpenError {
    pub(super) fn new(path: &Path, problem: Problem) -> Self {
        OpenError {
            path: path.to_owned(),
            problem,
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Problem::NoCapture(None, likeness) => likeness.fmt(f),
            Problem::NoCapture(Some(packed), likeness) => {
                write!(f, "{packed} data, and in it {likeness}")
            }
            Problem::Told(why) => f.write_str(why),
            Problem::NoneInside => write!(f, "there is no capture in this directory"),
            Problem::Stopped => write!(f, "not read, since reading was stopped"),
        }
    }
}

impl error::Error for OpenError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.problem {
            Problem::Unreadable(error) => Some(error),
            Problem::NoCapture(..) | Problem::NoneInside | Problem::Stopped | Problem::Told(_) => {
                None
            }
        }
    }
}
