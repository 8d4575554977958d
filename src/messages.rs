//! What goes to standard error: one line each, harmless for a terminal.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;

use keepcap::report::for_terminal;

/// How much is said there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loudness {
    /// Errors.
    Quiet,
    /// What is missing in the results, too.
    Usual,
    /// What was passed over as it should be, too.
    Verbose,
}

/// Says as much as was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages(pub(crate) Loudness);

impl Messages {
    /// Something that was asked for could not be done.
    pub(crate) fn error(self, message: impl Display) {
        self.say(Loudness::Quiet, message);
    }

    /// Something is missing in the results.
    pub(crate) fn warning(self, message: impl Display) {
        self.say(Loudness::Usual, message);
    }

    /// Something was left out as it should be.
    pub(crate) fn detail(self, message: impl Display) {
        self.say(Loudness::Verbose, message);
    }

    fn say(self, least: Loudness, message: impl Display) {
        if self.0 >= least {
            let message = message.to_string();
            let say = || {
                // Where standard error is closed there is nobody to tell.
                _ = writeln!(io::stderr(), "keepcap: {}", for_terminal(&message));
            };
            match &*shown() {
                Some(bar) => bar.suspend(say),
                None => say(),
            }
        }
    }
}

/// The bar at the bottom of standard error, of which there is one.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn shown() -> MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows this bar, around which messages are said.
pub(crate) fn show(bar: ProgressBar) -> ProgressBar {
    shown().insert(bar).clone()
}

/// Takes the bar away.
pub(crate) fn hide() {
    if let Some(bar) = shown().take() {
        bar.finish_and_clear();
    }
}
