//! Shows that the loom models have teeth: breaks the shipping code in one place after the other
//! and expects the models of that edge to fail.

mod checkout;
mod run;
mod table;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use checkout::Checkout;
use run::{Outcome, run};
use table::{MUTATIONS, Mutation};

const HELP: &str = "\
Breaks the shipping code in one place after the other and expects the loom models to fail.

Usage: cargo loom-mutations [--list] [NAME]...

  NAME      runs only this mutation, or those of this edge; without one all are run
  --list    prints the table and runs nothing
  --help    prints this

First the models of the edges are run as they are, and must pass. A mutation is good when it
builds and one of the models fails; a model that goes on for too long has not failed. The exit
code is 1 when a mutation survives, does not build or does not fit the sources any more.

The sources are copied to target/loom-mutations and broken there.";

/// How long the models of one edge may run, mutated or not.
const LIMIT: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|word| word == "--help" || word == "-h")
    {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let done = chosen(&arguments).and_then(|mutations| {
        if arguments.iter().any(|word| word == "--list") {
            list(&mutations);
            return Ok(true);
        }
        check(&mutations)
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the mutations that the command line names.
fn chosen(arguments: &[String]) -> Result<Vec<&'static Mutation>, String> {
    let names: Vec<_> = arguments.iter().filter(|word| *word != "--list").collect();
    let fits = |mutation: &Mutation, name: &str| mutation.name == name || mutation.edge == name;
    if let Some(unknown) = names
        .iter()
        .find(|name| !MUTATIONS.iter().any(|mutation| fits(mutation, name)))
    {
        return Err(format!("there is no mutation {unknown:?}; see --help"));
    }
    let wanted =
        |mutation: &&Mutation| names.is_empty() || names.iter().any(|name| fits(mutation, name));
    Ok(MUTATIONS.iter().filter(wanted).collect())
}

fn list(mutations: &[&Mutation]) {
    for mutation in mutations {
        println!("{} ({}, {})", mutation.name, mutation.edge, mutation.path);
        println!("    {}", mutation.why);
    }
}

/// Runs the models whole and mutated; returns whether all went as it should.
fn check(mutations: &[&Mutation]) -> Result<bool, String> {
    let started = Instant::now();
    let checkout = Checkout::of(&workspace())?;
    let stale: Vec<_> = mutations
        .iter()
        .filter_map(|mutation| checkout.fits(mutation).err())
        .collect();
    if !stale.is_empty() {
        return Err(stale.join("\nerror: "));
    }
    let edges: BTreeSet<_> = mutations.iter().map(|mutation| mutation.edge).collect();
    for edge in edges {
        let program = checkout.build(edge)?;
        let started = Instant::now();
        match run(&program, LIMIT)? {
            Outcome::Green => println!("green     {edge}, as it is ({})", seconds(started)),
            Outcome::Red(reason) => return Err(format!("{edge} fails as it is: {reason}")),
            Outcome::TimedOut => return Err(format!("{edge} takes too long as it is")),
        }
    }
    let survived = mutations
        .iter()
        .filter(|mutation| !is_noticed(&checkout, mutation))
        .count();
    let count = mutations.len();
    println!(
        "{} of {count} mutations were noticed ({})",
        count - survived,
        seconds(started)
    );
    Ok(survived == 0)
}

/// Applies one mutation, prints what became of it, and returns whether a model failed.
fn is_noticed(checkout: &Checkout, mutation: &Mutation) -> bool {
    let Mutation { name, edge, .. } = mutation;
    let started = Instant::now();
    let outcome = checkout.with(mutation, || {
        let program = checkout.build(edge)?;
        run(&program, LIMIT)
    });
    let seconds = seconds(started);
    match outcome {
        Ok(Outcome::Red(reason)) => {
            println!("red       {name} ({seconds}): {edge}: {reason}");
            true
        }
        Ok(Outcome::Green) => {
            println!(
                "SURVIVED  {name} ({seconds}): {edge} passes, though {}",
                mutation.why
            );
            false
        }
        Ok(Outcome::TimedOut) => {
            println!("TIMED OUT {name} ({seconds}): no model of {edge} has failed");
            false
        }
        Err(error) => {
            println!("BROKEN    {name} ({seconds}): {error}");
            false
        }
    }
}

fn seconds(started: Instant) -> String {
    format!("{:.1} s", started.elapsed().as_secs_f64())
}

/// Returns the folder of the workspace: cargo says where this package is when it runs it.
fn workspace() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let package = Path::new(&package);
    package.parent().unwrap_or(package).to_owned()
}
