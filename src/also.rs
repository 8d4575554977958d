//! What is written beside the results: a partial result, the capture with its findings, the page.
//!
//! In: what comes of the captures, as it comes. Out: files that are there whole or not at all; what cannot be written
//! is told in a line.

use std::path::{Path, PathBuf};

use keepcap::audit::{Extent, Plan, Reading, Row, Sighting, Survey};
use keepcap::capture::{OpenError, Source};
use keepcap::partial::Manifest;
use keepcap::report::Document;
use keepcap::tcp::MEMORY;

use crate::annotation::{self, Annotation};
use crate::cli::{Arguments, Results};
use crate::output::Output;
use crate::page::PageFile;
use crate::part::PartFile;

/// What is written beside the results.
pub(crate) struct Also<'a> {
    annotation: Option<Annotation<'a>>,
    part: Option<PartFile<'a>>,
    /// How much of each connection the part takes.
    extent: Extent,
    page: Option<PageFile<'a>>,
}

impl<'a> Also<'a> {
    /// What was asked for, once it is certain that no output replaces what is read, or another one.
    pub(crate) fn open(
        arguments: &'a Arguments,
        plan: &Plan,
        sources: &[Source],
        output: &Output,
    ) -> Result<Self, String> {
        let annotate = arguments.annotate.as_deref();
        let annotate = annotate.filter(|_| !sources.is_empty());
        let part = arguments.part.as_deref();
        let results = &arguments.results;
        let report = results.report.as_deref();
        differ([results.output.as_deref(), annotate, part, report])?;
        let open = |path| Annotation::open(path, plan.memory, sources);
        let annotation = annotate.map(open).transpose()?;
        let open = |path| PartFile::open(path, &Manifest::of(plan));
        let part = part.map(open).transpose()?;
        let open = |path| PageFile::open(path, arguments.memory);
        let page = report.map(open).transpose()?;
        let outputs = [
            Some(output),
            annotation.as_ref().map(Annotation::output),
            part.as_ref().map(PartFile::output),
            page.as_ref().map(PageFile::output),
        ];
        for output in outputs.into_iter().flatten() {
            let mut files = sources.iter().flat_map(annotation::files);
            if let Some(file) = files.find(|file| output.replaces(file)) {
                return Err(format!(
                    "{}: the results would replace this capture; name another output",
                    file.display()
                ));
            }
        }
        Ok(Also {
            annotation,
            part,
            extent: plan.extent,
            page,
        })
    }

    /// What was asked for of these partial results, once it is certain that no output replaces one of them, or another
    /// output.
    pub(crate) fn beside_merged(
        results: &'a Results,
        parts: &[PathBuf],
        output: &Output,
    ) -> Result<Self, String> {
        let report = results.report.as_deref();
        differ([results.output.as_deref(), report, None, None])?;
        let open = |path| PageFile::open(path, MEMORY);
        let page = report.map(open).transpose()?;
        let outputs = [Some(output), page.as_ref().map(PageFile::output)];
        for output in outputs.into_iter().flatten() {
            if let Some(path) = parts.iter().find(|path| output.replaces(path)) {
                return Err(format!(
                    "{}: the results would replace this partial result; name another output",
                    path.display()
                ));
            }
        }
        Ok(Also {
            annotation: None,
            part: None,
            extent: Extent::Connection,
            page,
        })
    }

    pub(crate) fn note_row(
        &mut self,
        source: &Source,
        row: &mut Row,
        sighting: Option<&Sighting>,
    ) -> Result<(), String> {
        if let Some(annotation) = &mut self.annotation {
            annotation.note(row);
        }
        if let Some(page) = &mut self.page {
            page.row(row);
            if self.extent == Extent::Connection {
                (row.exchanges, row.sides) = (None, None);
            }
        }
        match &mut self.part {
            Some(part) => part.row(source, row, sighting),
            None => Ok(()),
        }
    }

    pub(crate) fn note_reading(
        &mut self,
        source: &Source,
        reading: &Reading,
    ) -> Result<(), String> {
        match &mut self.part {
            Some(part) => part.read(source, reading),
            None => Ok(()),
        }
    }

    pub(crate) fn note_unreadable(&mut self, error: &OpenError) -> Result<(), String> {
        if let Some(page) = &mut self.page {
            page.unreadable(error);
        }
        match &mut self.part {
            Some(part) => part.unreadable(error),
            None => Ok(()),
        }
    }

    /// Makes the partial result visible, also where nothing could be read: it tells just that.
    pub(crate) fn finish_part(&mut self) -> Result<(), String> {
        self.part.take().map_or(Ok(()), PartFile::finish)
    }

    /// Makes the rest visible.
    pub(crate) fn finish(self, document: &Document<'_>, survey: &Survey) -> Result<(), String> {
        if let (Some(annotation), Some(reading)) = (self.annotation, document.readings.first()) {
            annotation.write(reading)?;
        }
        match self.page {
            Some(page) => page.finish(document, survey),
            None => Ok(()),
        }
    }
}

/// Checks that no two outputs go to one file.
fn differ(paths: [Option<&Path>; 4]) -> Result<(), String> {
    let mut paths: Vec<&Path> = paths.into_iter().flatten().collect();
    paths.sort_unstable();
    let twice = paths.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(one),
        _ => None,
    });
    twice.map_or(Ok(()), |path| {
        Err(format!("{}: this is to be two outputs", path.display()))
    })
}
