//! Ctrl-C: what was done by then is printed and said to be partial, and no file is written.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "it is a test")]

use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

#[path = "../benches/traffic/mod.rs"]
mod traffic;

use traffic::{Plan, Profile};

/// Ten times what a pipe holds; what is printed of it fits into one.
fn capture() -> Vec<u8> {
    let small = |profile: &Profile| profile.name() == "small";
    let plan = Plan {
        profile: Profile::ALL.into_iter().find(small).unwrap(),
        connections: 100,
        seed: 3,
    };
    let mut octets = Vec::new();
    traffic::write(&plan, &mut octets).unwrap();
    assert!(octets.len() > 650_000, "{}", octets.len());
    octets
}

/// Begins to read what never ends, and is interrupted.
fn interrupted(arguments: &[&str]) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_keepcap"))
        .args(arguments)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    // More than the pipe holds: when this is written, the program is reading.
    input.write_all(&capture()).unwrap();
    let id = program.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.unwrap().success());
    // It may be waiting for octets, and hears of the signal when some come.
    while program.try_wait().unwrap().is_none() {
        match input.write_all(&[0]) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::BrokenPipe),
            Ok(()) => thread::sleep(Duration::from_millis(5)),
        }
    }
    program
}

fn text(from: &mut impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_was_done_is_printed_and_said_to_be_partial() {
    for threads in ["1", "2"] {
        let mut program = interrupted(&["--threads", threads]);
        assert_eq!(program.wait().unwrap().code(), Some(130));
        let said = text(program.stderr.as_mut().unwrap());
        assert_eq!(
            said,
            "keepcap: stopped: the results are partial, up to where it was stopped\n"
        );
        let printed = text(program.stdout.as_mut().unwrap());
        assert!(printed.contains(" connections in 1 capture: "), "{printed}");
    }
}

#[test]
fn no_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    let part = folder.path().join("out.part");
    let (name, part) = (path.to_str().unwrap(), part.to_str().unwrap());
    let mut program = interrupted(&["--format", "json", "-o", name, "--part", part]);
    assert_eq!(program.wait().unwrap().code(), Some(130));
    let said = text(program.stderr.as_mut().unwrap());
    assert!(said.ends_with("out.json was not written\n"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
