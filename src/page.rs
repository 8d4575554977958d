//! Where the page goes (`--report`): a file that is written whole or not at all.

use std::path::Path;

use keepcap::audit::{Row, Survey};
use keepcap::capture::OpenError;
use keepcap::report::{self, Document, Shown};

use crate::annotation::unwritable;
use crate::output::Output;

/// Takes what comes of captures, as much as the page shows. What fails is told in a line.
pub(crate) struct PageFile<'a> {
    path: &'a Path,
    output: Output,
    shown: Shown,
}

impl<'a> PageFile<'a> {
    /// To this path. Where so many octets of memory may be taken, a small part of that is for the page.
    pub(crate) fn open(path: &'a Path, memory: usize) -> Result<Self, String> {
        let output = Output::open(Some(path)).map_err(|error| unwritable(path, &error))?;
        Ok(PageFile {
            path,
            output,
            shown: Shown::within(memory),
        })
    }

    /// Where it goes.
    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    pub(crate) fn row(&mut self, row: &Row) {
        self.shown.add(row);
    }

    pub(crate) fn unreadable(&mut self, error: &OpenError) {
        self.shown.add_unreadable(error);
    }

    /// Writes it, and makes it visible.
    pub(crate) fn finish(self, document: &Document<'_>, survey: &Survey) -> Result<(), String> {
        let PageFile {
            path,
            mut output,
            shown,
        } = self;
        let written = report::write_page(document, survey, &shown, &mut output);
        let written = written.and_then(|()| output.finish());
        written.map_err(|error| unwritable(path, &error))
    }
}
