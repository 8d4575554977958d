//! Where results go: standard output, or a file that is written whole or not at all.

use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};
use keepcap::report::{Colour, Symbols};
use tempfile::{Builder, NamedTempFile};
use terminal_size::terminal_size_of;

use crate::cli::Color;

/// How many octets are written to standard output at once: a pipe takes so many.
const AT_ONCE: usize = 1 << 16;

/// Takes the results; those in a file are there for others only after [`Output::finish`].
pub(crate) enum Output {
    /// Standard output.
    Stream(BufWriter<StdoutLock<'static>>),
    /// What is no regular file (a pipe, a device) is written to as it is.
    Device(BufWriter<File>),
    /// A file, under another name in the same folder until it is whole.
    File {
        unfinished: BufWriter<NamedTempFile>,
        path: PathBuf,
    },
}

impl Output {
    /// To this path, or to standard output.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Output> {
        let Some(path) = path else {
            let out = BufWriter::with_capacity(AT_ONCE, io::stdout().lock());
            return Ok(Output::Stream(out));
        };
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Output::beside(path.to_owned())
            }
            Err(error) => Err(error),
            Ok(metadata) => {
                // A directory, or a file that must not be changed, is refused before anything is read.
                let existing = File::options().write(true).open(path)?;
                if !metadata.is_file() {
                    return Ok(Output::Device(BufWriter::new(existing)));
                }
                // A link goes on leading to the file that it leads to.
                Output::beside(fs::canonicalize(path)?)
            }
        }
    }

    /// Whether this file is what the results will replace.
    pub(crate) fn replaces(&self, file: &Path) -> bool {
        match self {
            Output::File { path, .. } => fs::canonicalize(file).is_ok_and(|file| file == *path),
            Output::Stream(_) | Output::Device(_) => false,
        }
    }

    /// How wide text may be: as wide as the terminal, where it goes to one.
    pub(crate) fn width(&self) -> Option<u16> {
        match self {
            Output::Stream(_) => terminal_size_of(io::stdout()).map(|(width, _)| width.0),
            Output::Device(_) | Output::File { .. } => None,
        }
    }

    /// Whether text is to have colours, where this was asked for.
    pub(crate) fn colour(&self, asked: Color) -> Colour {
        let on_terminal = || AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        match (asked, self) {
            (Color::Always, _) => Colour::Ansi,
            (Color::Auto, Output::Stream(_)) if on_terminal() => Colour::Ansi,
            (Color::Auto | Color::Never, _) => Colour::Plain,
        }
    }

    /// Makes the results visible.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Output::Stream(mut out) => out.flush(),
            Output::Device(mut out) => out.flush(),
            Output::File { unfinished, path } => {
                let file = unfinished
                    .into_inner()
                    .map_err(io::IntoInnerError::into_error)?;
                file.persist(path).map(drop).map_err(|error| error.error)
            }
        }
    }

    /// Lets go of results that are not whole: what goes to a stream is there, a file is not written.
    pub(crate) fn break_off(self) -> io::Result<()> {
        match self {
            Output::Stream(mut out) => out.flush(),
            Output::Device(mut out) => out.flush(),
            Output::File { .. } => Ok(()),
        }
    }

    fn beside(path: PathBuf) -> io::Result<Output> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = Builder::new();
        let unfinished = with_usual_permissions(builder.prefix(".keepcap-")).tempfile_in(folder)?;
        Ok(Output::File {
            unfinished: BufWriter::new(unfinished),
            path,
        })
    }
}

impl Write for Output {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stream(out) => out.write(octets),
            Output::Device(out) => out.write(octets),
            Output::File { unfinished, .. } => unfinished.write(octets),
        }
    }

    // Line after line goes through this: it is not to be asked anew which of them it is.
    fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Output::Stream(out) => out.write_all(octets),
            Output::Device(out) => out.write_all(octets),
            Output::File { unfinished, .. } => unfinished.write_all(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stream(out) => out.flush(),
            Output::Device(out) => out.flush(),
            Output::File { unfinished, .. } => unfinished.flush(),
        }
    }
}

/// What the locale can show (POSIX: the first of these that is set counts).
pub(crate) fn symbols() -> Symbols {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    match cfg!(windows) || locale.contains("utf-8") || locale.contains("utf8") {
        true => Symbols::Unicode,
        false => Symbols::Ascii,
    }
}

/// Those of any new file, where temporary ones are closed to others.
#[cfg(unix)]
fn with_usual_permissions<'a, 'b>(builder: &'a mut Builder<'b, 'b>) -> &'a mut Builder<'b, 'b> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn with_usual_permissions<'a, 'b>(builder: &'a mut Builder<'b, 'b>) -> &'a mut Builder<'b, 'b> {
    builder
}
