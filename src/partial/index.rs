//! Reads partial results: once over to see what is there, then each capture when its turn comes.
//!
//! In: a file. Out: where in it each capture lies, and what comes of that.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::Deserialize;

use super::error::{PartError, Reason};
use super::manifest::{Manifest, Origin};
use crate::audit::{Reading, Row, Sighting};
use crate::capture::Source;

/// A line, as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Manifest(Manifest),
    Capture(Source),
    Row(Box<Row>, Option<Box<Sighting>>),
    Read(Box<Reading>),
    Unreadable(String),
    End { captures: u64 },
}

/// How a line of a connection begins; most lines do.
const ROW: &[u8] = b"{\"row\":";

/// What a partial result has of a capture.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The file that it is in.
    pub(super) part: Rc<Path>,
    pub(super) source: Source,
    pub(super) came: Came,
    /// The offset of the line behind that which names the capture, and the number of that line, from 1.
    start: u64,
    line: u64,
    /// The offset behind its last line.
    end: u64,
}

/// What came of a capture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Came {
    /// It was read.
    Read,
    /// It was not, and this is why.
    Unreadable(String),
}

/// The manifest of a partial result, and what it has of each capture.
pub(super) fn index(path: &Path) -> Result<(Manifest, Vec<Block>), PartError> {
    let part = Rc::from(path);
    let mut lines = Lines::open(path)?;
    let manifest = lines.manifest()?;
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    loop {
        if !lines.advance()? {
            return Err(PartError::new(path, Reason::CutOff));
        }
        if lines.octets.starts_with(ROW) && open.is_some() {
            continue;
        }
        let came = match (lines.parse()?, &open) {
            (Line::Capture(source), None) => {
                open = Some(Block {
                    part: Rc::clone(&part),
                    source,
                    came: Came::Read,
                    start: lines.offset,
                    line: lines.number,
                    end: lines.offset,
                });
                continue;
            }
            (Line::Read(_), Some(_)) => Came::Read,
            (Line::Unreadable(why), Some(_)) => Came::Unreadable(why),
            (Line::End { captures }, None) if captures == blocks.len() as u64 => break,
            _ => return Err(lines.wrong("it has no place here")),
        };
        let end = lines.offset;
        blocks.extend(open.take().map(|block| Block { came, end, ..block }));
    }
    if lines.advance()? {
        return Err(lines.wrong("there is something behind the end"));
    }
    Ok((manifest, blocks))
}

impl Block {
    /// Its lines.
    pub(super) fn lines(&self) -> Result<Lines, PartError> {
        let mut lines = Lines::open(&self.part)?;
        let behind = lines.file.seek(SeekFrom::Start(self.start));
        lines.offset = behind.map_err(|error| lines.failed(error))?;
        lines.number = self.line;
        Ok(lines)
    }

    /// Whether the two tell the same of the same capture.
    pub(super) fn is_same(&self, other: &Block) -> Result<bool, PartError> {
        if self.source != other.source || self.end - self.start != other.end - other.start {
            return Ok(false);
        }
        let (mut one, mut two) = (self.octets()?, other.octets()?);
        loop {
            let (these, those) = (self.next(&mut one)?, other.next(&mut two)?);
            let len = these.len().min(those.len());
            if these.get(..len) != those.get(..len) {
                return Ok(false);
            }
            if len == 0 {
                return Ok(true);
            }
            one.consume(len);
            two.consume(len);
        }
    }

    fn octets(&self) -> Result<impl BufRead + use<>, PartError> {
        Ok(self.lines()?.file.take(self.end - self.start))
    }

    fn next<'a>(&self, octets: &'a mut impl BufRead) -> Result<&'a [u8], PartError> {
        octets
            .fill_buf()
            .map_err(|error| PartError::new(&self.part, Reason::Unreadable(error)))
    }
}

/// The lines of a partial result.
pub(super) struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    octets: Vec<u8>,
    /// The number of the line that was read last, from 1.
    number: u64,
    /// The offset behind it.
    offset: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, PartError> {
        let file =
            File::open(path).map_err(|error| PartError::new(path, Reason::Unreadable(error)))?;
        Ok(Lines {
            path: path.to_owned(),
            file: BufReader::new(file),
            octets: Vec::new(),
            number: 0,
            offset: 0,
        })
    }

    fn manifest(&mut self) -> Result<Manifest, PartError> {
        #[derive(Deserialize)]
        struct First {
            manifest: Origin,
        }
        let first = self.advance().ok().filter(|&more| more);
        let first = first.and_then(|_| serde_json::from_slice(&self.octets).ok());
        let Some(First { manifest }) = first else {
            return Err(PartError::new(&self.path, Reason::NoPart));
        };
        if let Some(other) = manifest.other_version() {
            return Err(PartError::new(&self.path, Reason::Version(other)));
        }
        match self.parse()? {
            Line::Manifest(manifest) => Ok(manifest),
            _ => Err(PartError::new(&self.path, Reason::NoPart)),
        }
    }

    /// The next line.
    pub(super) fn next(&mut self) -> Result<Line, PartError> {
        if self.advance()? {
            self.parse()
        } else {
            Err(PartError::new(&self.path, Reason::CutOff))
        }
    }

    /// Reads a line, if there is one.
    fn advance(&mut self) -> Result<bool, PartError> {
        self.octets.clear();
        let read = self.file.read_until(b'\n', &mut self.octets);
        let read = read.map_err(|error| self.failed(error))?;
        self.offset += read as u64;
        self.number += 1;
        Ok(read > 0)
    }

    fn parse(&self) -> Result<Line, PartError> {
        serde_json::from_slice(&self.octets).map_err(|error| self.wrong(&error.to_string()))
    }

    /// That the last line is none that could be.
    pub(super) fn wrong(&self, problem: &str) -> PartError {
        PartError::new(&self.path, Reason::Line(self.number, problem.to_owned()))
    }

    fn failed(&self, error: io::Error) -> PartError {
        PartError::new(&self.path, Reason::Unreadable(error))
    }
}
