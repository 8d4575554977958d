//! Writes a capture of made-up traffic to standard output: `traffic PROFILE CONNECTIONS [SEED]`, where PROFILE is bulk,
//! small, churn or mixed. What it holds is said on standard error.

use std::io::{self, BufWriter, Write};

#[path = "../benches/traffic/mod.rs"]
mod traffic;

use traffic::{Plan, Profile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: traffic bulk|small|churn|mixed CONNECTIONS [SEED]";
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or(usage)?;
    let plan = Plan {
        profile: Profile::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or(usage)?,
        connections: arguments.next().ok_or(usage)?.parse()?,
        seed: arguments.next().map_or(Ok(1), |seed| seed.parse())?,
    };
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let truth = traffic::write(&plan, &mut out)?;
    out.flush()?;
    eprintln!("{truth:?}");
    Ok(())
}
