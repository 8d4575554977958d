//! Why partial results cannot be united.

use std::io;
use std::path::{Path, PathBuf};
use std::{error, fmt};

/// A file that is no partial result, or that does not go with the others. It prints as one line, in which paths may
/// hold control characters.
#[derive(Debug)]
pub struct PartError {
    path: PathBuf,
    reason: Reason,
}

/// What is wrong with a partial result.
#[derive(Debug)]
pub(super) enum Reason {
    Unreadable(io::Error),
    /// There is no manifest.
    NoPart,
    /// It was written by this.
    Version(String),
    /// There is no last line.
    CutOff,
    /// This line is none that could be.
    Line(u64, String),
    /// This option was another one for that part.
    Option(&'static str, PathBuf),
    /// What is asked for takes parts that were made with this option.
    Lacks(&'static str),
    /// That part tells something else of this capture.
    Contradiction(PathBuf, PathBuf),
}

impl PartError {
    pub(super) fn new(path: &Path, reason: Reason) -> Self {
        PartError {
            path: path.to_owned(),
            reason,
        }
    }
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.reason {
            Reason::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Reason::NoPart => write!(f, "no partial result; --part writes one"),
            Reason::Version(by) => write!(
                f,
                "a partial result of {by}, which keepcap {} cannot use",
                env!("CARGO_PKG_VERSION")
            ),
            Reason::CutOff => write!(f, "a partial result that was cut off"),
            Reason::Line(number, problem) => write!(f, "line {number}: {problem}"),
            Reason::Option(option, other) => write!(
                f,
                "made with another {option} than {}; give the same to all",
                other.display()
            ),
            Reason::Lacks(option) => write!(
                f,
                "made without {option}, so that something would be missing"
            ),
            Reason::Contradiction(capture, other) => write!(
                f,
                "tells something else of the capture {} than {}; captures that differ need paths that differ",
                capture.display(),
                other.display()
            ),
        }
    }
}

impl error::Error for PartError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.reason {
            Reason::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}
