//! Tries the promises of the store on a simulated machine.

mod arguments;
mod campaign;
mod model;
mod plan;
mod properties;
mod property;
mod scenario;
mod shrink;
#[cfg(planted_bugs)]
mod teeth;
#[cfg(test)]
mod tests;
mod world;

use arguments::{Arguments, Command};
use campaign::{campaign, guarded};
use clap::Parser;
use property::{Effort, Property, Tier};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    // Actors are made to panic by the thousand; what matters of it comes back as a failure.
    std::panic::set_hook(Box::new(|_| {}));
    let passed = match Arguments::parse().command {
        Command::List => list(),
        Command::Pr(chosen) => try_all(Tier::Pr, &chosen),
        Command::Nightly(chosen) => try_all(Tier::Nightly, &chosen),
        Command::Release(chosen) => try_all(Tier::Release, &chosen),
        Command::Replay { property, seed } => replay(&property, seed),
        #[cfg(planted_bugs)]
        Command::Teeth { only } => teeth::bite(&only),
        #[cfg(not(planted_bugs))]
        Command::Teeth { .. } => {
            eprintln!("this build has no planted bugs; run it as: cargo teeth");
            false
        }
    };
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn list() -> bool {
    for property in properties::all() {
        let [pr, nightly, release] = property.counts;
        let (name, unit) = (property.name, property.unit);
        println!("{name:20} {}", property.promise);
        println!("{:20}   {pr} / {nightly} / {release} {unit}", "");
    }
    true
}

fn try_all(tier: Tier, chosen: &arguments::Chosen) -> bool {
    let begun = Instant::now();
    let (mut passed, mut tried) = (true, 0);
    let mut total = Effort::default();
    for property in properties::all() {
        if !chosen.only.is_empty() && !chosen.only.iter().any(|name| name == property.name) {
            continue;
        }
        tried += 1;
        let report = campaign(&property, tier, chosen.seed);
        total.add(&report.effort);
        let verdict = if report.failures.is_empty() {
            "ok"
        } else {
            "FAILED"
        };
        let (name, unit) = (property.name, property.unit);
        let (count, seconds) = (report.effort.count, report.elapsed.as_secs_f64());
        println!("{name:20} {count:>9} {unit:28} {seconds:>7.1} s  {verdict}");
        for (seed, text) in &report.failures {
            passed = false;
            println!("  seed {seed}: {text}");
            println!("  replay it: cargo sim replay {name} --seed {seed}");
        }
    }
    if tried == 0 {
        eprintln!("no property has this name; see: cargo sim list");
        return false;
    }
    print_total(&total, begun.elapsed());
    passed
}

fn print_total(total: &Effort, elapsed: Duration) {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let per_second = |count: u64| {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = count as f64 / seconds;
        format!("{rate:.0}")
    };
    println!(
        "{} operations ({}/s), {} crash images ({}/s), {} faults struck, {} sequences compared, \
         {seconds:.0} s",
        total.operations,
        per_second(total.operations),
        total.images,
        per_second(total.images),
        total.struck,
        total.sequences,
    );
}

/// Tries one seed again and, if it fails, shows the shortest way there.
fn replay(name: &str, seed: u64) -> bool {
    let all = properties::all();
    let Some(property) = all.iter().find(|property| property.name == name) else {
        eprintln!("no property is called {name}; see: cargo sim list");
        return false;
    };
    let mut effort = Effort::default();
    match guarded(property, seed, &mut effort) {
        Ok(()) => {
            println!("seed {seed} of {name} passes");
            true
        }
        Err(text) => {
            println!("seed {seed} of {name} fails: {text}");
            show_shortest(property, seed);
            false
        }
    }
}

fn show_shortest(property: &Property, seed: u64) {
    let Some((scenario, text, trace)) = shrink::shrink(property, seed) else {
        return;
    };
    println!("shrunk to {} operations: {text}", scenario.operations.len());
    println!("{:?}", scenario.knobs);
    println!("{:?}", scenario.trouble);
    for line in trace {
        println!("{line}");
    }
}
