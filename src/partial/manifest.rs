//! What a partial result is, and with what options it was made.

use serde::{Deserialize, Serialize};

use crate::audit::{Extent, Plan, Selection};
use crate::connection::Protocol;
use crate::time::Span;

/// The version of what lines of partial results hold; it rises with every change of that.
pub const SCHEMA: u32 = 1;

/// The version of keepcap, which decides on what rules find.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Stands at the head of a partial result. Those that are to be united have the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    keepcap: String,
    schema: u32,
    close_grace: Span,
    left_out: Vec<String>,
    selection: Selection,
    extent: Extent,
    memory: usize,
}

impl Manifest {
    /// Of what comes of this plan.
    pub fn of(plan: &Plan) -> Self {
        Manifest {
            keepcap: VERSION.to_owned(),
            schema: SCHEMA,
            close_grace: plan.settings.close_grace,
            left_out: plan
                .settings
                .left_out
                .iter()
                .map(|&rule| rule.into())
                .collect(),
            selection: plan.selection.clone(),
            extent: plan.extent,
            memory: plan.memory,
        }
    }

    /// Which option made the difference between the two.
    pub(super) fn difference(&self, other: &Manifest) -> Option<&'static str> {
        let (these, those) = (&self.selection, &other.selection);
        let options = [
            (self.close_grace == other.close_grace, "--close-grace"),
            (
                self.left_out == other.left_out,
                "--allow or another --only-rule",
            ),
            (these.protocols == those.protocols, "--all"),
            (these.streams == those.streams, "--stream"),
            (these.servers == those.servers, "--server"),
            (these.verdicts == those.verdicts, "--only"),
            (self.extent == other.extent, "--exchanges"),
            (self.memory == other.memory, "--memory"),
        ];
        let differs = options.into_iter().find(|(same, _)| !same);
        differs.map(|(_, option)| option)
    }

    /// The option without which parts lack something that is asked for.
    pub(super) fn lacks(&self, protocols: &[Protocol], extent: Extent) -> Option<&'static str> {
        if !self.selection.protocols.is_empty() && self.selection.protocols != protocols {
            return Some("--all");
        }
        let has = extent == Extent::Connection || self.extent == Extent::Exchanges;
        (!has).then_some("--exchanges")
    }
}

/// Of a manifest, what is the same in all versions.
#[derive(Debug, Deserialize)]
pub(super) struct Origin {
    keepcap: String,
    schema: u32,
}

impl Origin {
    /// By what it was written, if that was not this version.
    pub(super) fn other_version(&self) -> Option<String> {
        let Origin { keepcap, schema } = self;
        let same = keepcap == VERSION && *schema == SCHEMA;
        (!same).then(|| format!("keepcap {keepcap} (schema {schema})"))
    }
}
