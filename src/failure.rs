//! Why there are no results, though there could be.

use std::io;

use keepcap::partial::PartError;

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The results cannot be written.
    Output(io::Error),
    /// Something else, which is told in this line.
    Other(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

impl From<String> for Failure {
    fn from(told: String) -> Self {
        Failure::Other(told)
    }
}

impl From<PartError> for Failure {
    fn from(error: PartError) -> Self {
        Failure::Other(error.to_string())
    }
}
