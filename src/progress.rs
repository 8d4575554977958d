//! Shows how far the work has come, on standard error, once it takes long; and lets Ctrl-C end it.

use std::io::{self, IsTerminal};
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keepcap::capture::{Monitor, Source};

use crate::messages;

/// What is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

const STYLE: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}";
const STYLE_OF_STREAM: &str = "{spinner} {bytes}, {bytes_per_sec}, {msg}";

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Parts of one recording are looked for.
    Joining,
    /// Captures are read for the results.
    Reading,
}

/// A bar that is there until it is dropped.
pub(crate) struct Progress {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Over these captures; nothing where standard error is no terminal.
    pub(crate) fn over(
        sources: &[Source],
        stage: Stage,
        monitor: &Arc<Monitor>,
    ) -> Option<Progress> {
        if !io::stderr().is_terminal() {
            return None;
        }
        let (end, ended) = channel();
        let monitor = Arc::clone(monitor);
        let (octets, captures) = (octets_of(sources), sources.len());
        let draw = move || {
            let ends = |pause| ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
            if ends(PATIENCE) {
                return;
            }
            let bar = messages::show(bar(octets));
            // What was read before there was a bar says nothing of the rate.
            bar.set_position(monitor.octets());
            bar.reset_eta();
            while !ends(PAUSE) {
                bar.set_position(monitor.octets());
                bar.set_message(match stage {
                    Stage::Joining => "looking for what follows on".to_owned(),
                    Stage::Reading => told(monitor.captures(), captures),
                });
            }
            messages::hide();
        };
        let thread = thread::Builder::new()
            .name("progress".to_owned())
            .spawn(draw);
        Some(Progress {
            end: Some(end),
            thread: thread.ok(),
        })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end.take();
        // A bar that broke down is no reason to lose the results.
        _ = self.thread.take().map(JoinHandle::join);
    }
}

fn bar(octets: Option<u64>) -> ProgressBar {
    let style = match octets {
        Some(_) => STYLE,
        None => STYLE_OF_STREAM,
    };
    let style = ProgressStyle::with_template(style);
    let bar = ProgressBar::with_draw_target(octets, ProgressDrawTarget::stderr());
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn told(done: u64, captures: usize) -> String {
    match captures {
        1 => "1 capture".to_owned(),
        _ => format!("{done} of {captures} captures"),
    }
}

/// What is to be read; `None` where that is not known.
fn octets_of(sources: &[Source]) -> Option<u64> {
    let mut octets = sources.iter().map(Source::octets);
    octets.try_fold(0, |sum: u64, octets| Some(sum.saturating_add(octets?)))
}

/// Ends reading at the first Ctrl-C, and the program at the second.
pub(crate) fn stop_on_interrupt(monitor: &Arc<Monitor>) {
    let monitor = Arc::clone(monitor);
    let interrupted = move || {
        if monitor.is_stopped() {
            process::exit(i32::from(STOPPED));
        }
        monitor.stop();
    };
    // Without it, Ctrl-C ends the program as the system does.
    _ = ctrlc::set_handler(interrupted);
}

/// The exit status of a program that Ctrl-C stopped.
pub(crate) const STOPPED: u8 = 130;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_can_be_read() {
        for style in [STYLE, STYLE_OF_STREAM] {
            assert!(ProgressStyle::with_template(style).is_ok(), "{style}");
        }
    }

    #[test]
    fn it_says_how_many_captures_are_done() {
        assert_eq!(told(0, 1), "1 capture");
        assert_eq!(told(12, 2000), "12 of 2000 captures");
    }

    #[test]
    fn what_is_to_be_read_is_known_of_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, [7; 10]).unwrap();
        let file = Source::File(path);
        assert_eq!(octets_of(&[file.clone(), file.clone()]), Some(20));
        assert_eq!(octets_of(&[file, Source::StandardInput]), None);
    }
}
