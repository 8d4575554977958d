//! Paths in partial results.
//!
//! In: a path. Out: the same as text; where it is no Unicode, its octets as a list of numbers.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(PathBuf),
    #[cfg(unix)]
    Octets(Vec<u8>),
}

pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    #[cfg(unix)]
    if path.to_str().is_none() {
        return path.as_os_str().as_encoded_bytes().serialize(serializer);
    }
    path.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Ok(match Written::deserialize(deserializer)? {
        Written::Text(path) => path,
        #[cfg(unix)]
        Written::Octets(octets) => {
            use std::os::unix::ffi::OsStringExt;
            std::ffi::OsString::from_vec(octets).into()
        }
    })
}
