//! Writes a capture that is made to exhaust memory or time, or to mislead whatever shows its text, to standard output:
//! `hostile KIND [SIZE]`.
//!
//! Without arguments it lists the kinds and their full sizes.

use std::io::{self, BufWriter, Write};

#[path = "../tests/hostile/captures.rs"]
mod captures;
#[path = "../tests/hostile/texts.rs"]
mod texts;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        for kind in kinds() {
            println!("{} {}", kind.name, kind.full);
        }
        return Ok(());
    };
    let kind = kinds()
        .find(|kind| kind.name == name)
        .ok_or("no such kind")?;
    let size = match arguments.next() {
        Some(size) => size.parse()?,
        None => kind.full,
    };
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    captures::write(kind, size, &mut out)?;
    out.flush()?;
    Ok(())
}

fn kinds() -> impl Iterator<Item = &'static captures::Kind> {
    captures::KINDS.iter().chain([&texts::TEXTS])
}
