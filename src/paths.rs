//! Reads a list of paths (`--files-from`).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What ends a path in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    LineFeed,
    Nul,
}

/// The paths in this file, or in standard input if it is `-`. Empty ones are passed over.
pub(crate) fn listed_paths(list: &Path, separator: Separator) -> io::Result<Vec<PathBuf>> {
    let mut octets = Vec::new();
    if list.as_os_str() == "-" {
        io::stdin().read_to_end(&mut octets)?;
    } else {
        File::open(list)?.read_to_end(&mut octets)?;
    }
    let separator = match separator {
        Separator::LineFeed => b'\n',
        Separator::Nul => b'\0',
    };
    let listed = octets.split(|&octet| octet == separator);
    listed
        .filter(|path| !path.is_empty())
        .map(to_path)
        .collect()
}

#[cfg(unix)]
fn to_path(octets: &[u8]) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::OsStr::from_bytes(octets).into())
}

#[cfg(not(unix))]
fn to_path(octets: &[u8]) -> io::Result<PathBuf> {
    let text = std::str::from_utf8(octets)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(text.trim_end_matches('\r').into())
}
