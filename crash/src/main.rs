//! Tries the promises of the store with real processes on the real operating system.

mod arguments;
mod campaign;
mod child;
mod history;
mod ledger;
mod mounts;
mod plan;
mod process;
mod row;
mod rows;
mod strace;
#[cfg(test)]
mod tests;

use arguments::{Arguments, Chosen, Command};
use campaign::campaign;
use clap::Parser;
use row::Tier;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let passed = match Arguments::parse().command {
        Command::List => list(),
        Command::Pr(chosen) => try_all(Tier::Pr, &chosen),
        Command::Nightly(chosen) => try_all(Tier::Nightly, &chosen),
        Command::Release(chosen) => try_all(Tier::Release, &chosen),
        Command::Child(part) => match child::play(&part) {
            Ok(()) => true,
            Err(error) => {
                eprintln!("{error:#}");
                false
            }
        },
    };
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn list() -> bool {
    for row in rows::ALL {
        let [pr, nightly, release] = row.counts;
        let (name, unit) = (row.name, row.unit);
        println!("{name:20} {}", row.promise);
        println!("{:20}   {pr} / {nightly} / {release} {unit}", "");
    }
    true
}

fn try_all(tier: Tier, chosen: &Chosen) -> bool {
    let begun = Instant::now();
    let unknown = chosen
        .only
        .iter()
        .find(|name| rows::ALL.iter().all(|row| row.name != name.as_str()));
    if let Some(name) = unknown {
        eprintln!("no row is called {name}; see: cargo crash list");
        return false;
    }
    let mut passed = true;
    for row in rows::ALL {
        let name = row.name;
        if !chosen.only.is_empty() && !chosen.only.iter().any(|only| only == name) {
            continue;
        }
        if let Some(reason) = (row.why_not)() {
            println!("{name:20} skipped: {reason}");
            continue;
        }
        let target = row.target(tier);
        let target = chosen.at_most.map_or(target, |most| target.min(most));
        let report = campaign(row, target, chosen);
        let verdict = match report.failures.is_empty() {
            true => "ok",
            false => "FAILED",
        };
        let (count, unit, seconds) = (report.count, row.unit, report.elapsed.as_secs_f64());
        println!("{name:20} {count:>7} {unit:30} {seconds:>7.1} s  {verdict}");
        for failure in &report.failures {
            passed = false;
            println!("  seed {}: {}", failure.seed, failure.text);
            if let Some(room) = &failure.room {
                println!("  kept: {}", room.display());
            }
            let seed = failure.seed;
            println!("  try it again: cargo crash pr --only {name} --seed {seed} --jobs 1");
        }
    }
    println!("{:.0} s", begun.elapsed().as_secs_f64());
    passed
}
