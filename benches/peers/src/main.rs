//! Measures batpak side by side with its releases and with other embedded stores.
//!
//! `options` is the command line. `run` starts one child process for each measurement, round by
//! round, and keeps what they answer in `results`. A `child` does one job of `workloads` on one of
//! `engines`. `figures` says what is reported and what the targets are; `report` writes it down.
//! `scale` asks what becomes of the figures as a store grows.

mod child;
mod engines;
mod event;
mod figures;
mod machine;
mod options;
mod process;
mod report;
mod results;
mod run;
mod scale;
mod spawn;
mod statistics;
mod workloads;

use anyhow::Result;
use clap::Parser;

use options::{Command, Options};

fn main() -> Result<()> {
    let options = Options::parse();
    match &options.command {
        None => run::run(&options.run),
        Some(Command::Report(report)) => report::command(report),
        Some(Command::Scale(scale)) => scale::run(scale),
        Some(Command::Child(child)) => child::run(child),
    }
}
