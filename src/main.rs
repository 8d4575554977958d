//! The command `keepcap`: reads what was asked for, hands it through the library, writes the results, and says how it
//! went by the exit status.

mod also;
mod annotation;
mod cli;
mod failure;
mod job;
mod merge;
mod messages;
mod output;
mod page;
mod part;
mod paths;
mod progress;
mod remarks;
mod run;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Arguments::try_parse() {
        Ok(arguments) => run::run(&arguments).into(),
        Err(error) => {
            // Where even that cannot be said, the exit status says it.
            _ = error.print();
            u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
    }
}
