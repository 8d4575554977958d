//! Every command of the README prints what the README says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail where it stands"
)]

use std::path::Path;
use std::process::Command;

/// The commands of the README with what they print: the `console` blocks.
fn commands(readme: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                (None, last) => last
                    .expect("a command before its output")
                    .1
                    .push_str(&format!("{line}\n")),
            },
        }
    }
    commands
}

/// What the shell is to run: `keepcap` and `cargo run --release --` are the program under test.
fn shell(command: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_keepcap");
    let rest = command
        .strip_prefix("cargo run --release --")
        .or_else(|| command.strip_prefix("keepcap"))?;
    Some(format!("'{program}'{rest}"))
}

#[test]
fn every_command_prints_what_the_readme_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut run = 0;
    for (command, expected) in commands(&readme) {
        let Some(shell) = shell(&command) else {
            continue;
        };
        let output = Command::new("sh")
            .args(["-c", &shell])
            .current_dir(root)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        // A `...` at the end stands for what is left out.
        let printed = String::from_utf8(output.stdout).unwrap();
        let (printed, expected) = match expected.strip_suffix("...\n") {
            Some(beginning) => (
                printed
                    .get(..beginning.len())
                    .unwrap_or(&printed)
                    .to_owned(),
                beginning.to_owned(),
            ),
            None => (printed, expected),
        };
        assert_eq!(
            printed,
            expected,
            "$ {command}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        run += 1;
    }
    assert!(run >= 2, "the README shows commands");
}

#[test]
fn the_table_of_rules_is_the_catalogue() {
    let readme = include_str!("../README.md");
    let listed: Vec<&str> = readme
        .lines()
        .skip_while(|line| *line != "## The rules")
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("| `"))
        .collect();
    let catalogue: Vec<String> = keepcap::rules::CATALOG
        .iter()
        .map(|rule| {
            let (level, at_fault) = (rule.level.name(), rule.at_fault.name());
            format!(
                "| `{}` | {level} | {at_fault} | {} | {} |",
                rule.name, rule.source, rule.summary
            )
        })
        .collect();
    assert_eq!(listed, catalogue);
}
