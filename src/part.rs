//! Where a partial result goes (`--part`): a file that is written whole or not at all.

use std::io;
use std::path::Path;

use keepcap::audit::{Reading, Row, Sighting};
use keepcap::capture::{OpenError, Source};
use keepcap::partial::{Manifest, Writer};

use crate::annotation::unwritable;
use crate::output::Output;

/// Takes what comes of captures; it is there for others only after [`PartFile::finish`]. What fails is told in a line.
pub(crate) struct PartFile<'a> {
    path: &'a Path,
    writer: Writer<Output>,
}

impl<'a> PartFile<'a> {
    /// To this path.
    pub(crate) fn open(path: &'a Path, manifest: &Manifest) -> Result<Self, String> {
        let writer = Output::open(Some(path)).and_then(|output| Writer::new(output, manifest));
        let writer = writer.map_err(|error| unwritable(path, &error))?;
        Ok(PartFile { path, writer })
    }

    /// Where it goes.
    pub(crate) fn output(&self) -> &Output {
        self.writer.output()
    }

    pub(crate) fn row(
        &mut self,
        source: &Source,
        row: &Row,
        sighting: Option<&Sighting>,
    ) -> Result<(), String> {
        let written = self.writer.row(source, row, sighting);
        self.told(written)
    }

    pub(crate) fn read(&mut self, source: &Source, reading: &Reading) -> Result<(), String> {
        let written = self.writer.read(source, reading);
        self.told(written)
    }

    pub(crate) fn unreadable(&mut self, error: &OpenError) -> Result<(), String> {
        let written = self.writer.unreadable(error);
        self.told(written)
    }

    /// Makes it visible.
    pub(crate) fn finish(self) -> Result<(), String> {
        let written = self.writer.finish().and_then(Output::finish);
        written.map_err(|error| unwritable(self.path, &error))
    }

    fn told(&self, written: io::Result<()>) -> Result<(), String> {
        written.map_err(|error| unwritable(self.path, &error))
    }
}
