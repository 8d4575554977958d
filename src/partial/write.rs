//! Writes a partial result.

use std::io::{self, Write};

use serde::Serialize;

use super::Manifest;
use crate::audit::{Reading, Row, Sighting};
use crate::capture::{OpenError, Source};
use crate::report::write_value;

/// A line, as it is written.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Manifest(&'a Manifest),
    Capture(&'a Source),
    Row(&'a Row, Option<&'a Sighting>),
    Read(&'a Reading),
    Unreadable(String),
    End { captures: u64 },
}

/// A partial result that is being written.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    captures: u64,
    /// Whether the capture of the lines that come next was named.
    capture: Named,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Yes,
    No,
}

impl<W: Write> Writer<W> {
    /// Begins with what it is.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(out: W, manifest: &Manifest) -> io::Result<Self> {
        let mut writer = Writer {
            out,
            captures: 0,
            capture: Named::No,
        };
        writer.line(&Line::Manifest(manifest))?;
        Ok(writer)
    }

    /// Where it is written to.
    pub fn output(&self) -> &W {
        &self.out
    }

    /// Adds a connection of this capture.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn row(
        &mut self,
        source: &Source,
        row: &Row,
        sighting: Option<&Sighting>,
    ) -> io::Result<()> {
        self.name(source)?;
        self.line(&Line::Row(row, sighting))
    }

    /// Adds what was read of this capture, which is its last.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn read(&mut self, source: &Source, reading: &Reading) -> io::Result<()> {
        self.name(source)?;
        self.line(&Line::Read(reading))?;
        self.capture = Named::No;
        Ok(())
    }

    /// Adds that nothing could be read of something.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn unreadable(&mut self, error: &OpenError) -> io::Result<()> {
        self.name(&Source::File(error.path.clone()))?;
        self.line(&Line::Unreadable(error.problem.to_string()))?;
        self.capture = Named::No;
        Ok(())
    }

    /// Ends it, and gives the output back.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        let captures = self.captures;
        self.line(&Line::End { captures })?;
        Ok(self.out)
    }

    fn name(&mut self, source: &Source) -> io::Result<()> {
        if self.capture == Named::No {
            self.line(&Line::Capture(source))?;
            self.capture = Named::Yes;
            self.captures += 1;
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        write_value(line, &mut self.out)?;
        self.out.write_all(b"\n")
    }
}
