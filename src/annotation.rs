//! Writes the capture once more with what was found in it (`--annotate`).
//!
//! In: the one capture that was named, and what comes of it. Out: a file in pcapng that is there whole or not at all.
//! It is read a second time, because what is found at its end may concern its first packet.

use std::fs;
use std::path::Path;

use keepcap::audit::{Reading, Row};
use keepcap::capture::{self, Comments, Source};
use keepcap::report;

use crate::output::Output;

/// What is to be written, as far as it is known.
pub(crate) struct Annotation<'a> {
    path: &'a Path,
    /// How many octets of memory reading may take.
    memory: usize,
    source: Source,
    output: Output,
    comments: Comments,
}

impl<'a> Annotation<'a> {
    /// To be written to `path`, if there is one capture and it can be read twice; else why not.
    pub(crate) fn open(path: &'a Path, memory: usize, sources: &[Source]) -> Result<Self, String> {
        let source = only_source(sources)?;
        let output = Output::open(Some(path)).map_err(|error| unwritable(path, &error))?;
        Ok(Annotation {
            path,
            memory,
            source,
            output,
            comments: Comments::default(),
        })
    }

    /// Where it goes.
    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    /// Takes what was found on a connection.
    pub(crate) fn note(&mut self, row: &Row) {
        report::comment_on(row, &mut self.comments);
    }

    /// Reads the capture, as it was when this was read of it, and writes it.
    pub(crate) fn write(mut self, reading: &Reading) -> Result<(), String> {
        let capture = self
            .source
            .open_within(self.memory)
            .map_err(|error| error.to_string())?;
        let summary = capture::annotate(capture, &self.comments, &mut self.output)
            .map_err(|error| unwritable(self.path, &error))?;
        let seen = (summary.packets, summary.octets, summary.damaged);
        let first = &reading.summary;
        if seen != (first.packets, first.octets, first.damaged) {
            let source = self.source.path().display();
            let path = self.path.display();
            return Err(format!(
                "{source}: it changed while it was read; {path} is not written"
            ));
        }
        self.output
            .finish()
            .map_err(|error| unwritable(self.path, &error))
    }
}

fn only_source(sources: &[Source]) -> Result<Source, String> {
    let [source] = sources else {
        let count = sources.len();
        return Err(format!(
            "--annotate takes one capture, and there are {count}"
        ));
    };
    // What cannot be looked at cannot be read either, of which will be told.
    let is_stream = files(source).into_iter().any(|path| {
        let metadata = fs::metadata(path);
        metadata.is_ok_and(|metadata| !metadata.is_file())
    });
    if *source == Source::StandardInput || is_stream {
        let path = source.path().display();
        return Err(format!(
            "{path}: --annotate reads the capture twice, and this is no file"
        ));
    }
    Ok(source.clone())
}

/// The files of a capture.
pub(crate) fn files(source: &Source) -> Vec<&Path> {
    match source.parts() {
        [] => vec![source.path()],
        parts => parts.iter().map(|part| part.path.as_path()).collect(),
    }
}

/// What is said where an output cannot be written.
pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!("{}: cannot be written: {error}", path.display())
}
