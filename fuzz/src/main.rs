//! Tries hostile bytes and vandalised directories for as long as one likes.

use batpak_fuzz::bodies::{TARGETS, Target, target};
use batpak_fuzz::campaign::{Vandalism, campaign, input, try_input, vandalise};
use clap::{Parser, Subcommand, ValueEnum};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Gives hostile bytes to everything in batpak that reads bytes.
///
/// Every input follows from a seed. One that fails is printed with the command that tries it
/// again; once it is mended, keep it in fuzz/corpus, which `cargo test -p batpak-fuzz` tries.
#[derive(Debug, Parser)]
#[command(name = "batpak-fuzz")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the targets.
    List,
    /// Tries inputs of one target, or of all.
    Run {
        /// The target's name; `all` for all of them.
        target: String,
        /// How many inputs of each target.
        #[arg(long, default_value_t = 100_000)]
        runs: u64,
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// How many threads; as many as there are cores when not given.
        #[arg(long)]
        threads: Option<u64>,
    },
    /// Tries one seed of one target again, or the bytes of a file.
    Replay {
        /// The target's name.
        target: String,
        /// The seed.
        #[arg(long, required_unless_present = "input", conflicts_with = "input")]
        seed: Option<u64>,
        /// A file with the input.
        #[arg(long)]
        input: Option<PathBuf>,
        /// Writes the input to this file first.
        #[arg(long)]
        save: Option<PathBuf>,
    },
    /// Writes a valid input of each kind into a folder for each target: where a fuzzer begins.
    Samples {
        /// The folder above.
        folder: PathBuf,
    },
    /// Removes, exchanges, cuts and flips the files of stores.
    Vandal {
        /// How much is done.
        #[arg(long, value_enum, default_value_t = Tier::Nightly)]
        tier: Tier,
        /// The first seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tier {
    /// Some minutes.
    Nightly,
    /// Every bit of some stores: hours.
    Release,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !matches!(arguments.command, Command::Replay { .. }) {
        // What panics comes back as a failure.
        std::panic::set_hook(Box::new(|_| {}));
    }
    let passed = match arguments.command {
        Command::List => list(),
        Command::Run {
            target,
            runs,
            seed,
            threads,
        } => run(&target, runs, seed, threads),
        Command::Replay {
            target,
            seed,
            input,
            save,
        } => replay(&target, seed.unwrap_or_default(), input, save),
        Command::Samples { folder } => save_samples(&folder),
        Command::Vandal { tier, seed } => vandal(tier, seed),
    };
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn list() -> bool {
    for target in &TARGETS {
        println!("{:12} {}", target.name, target.about);
    }
    true
}

fn known(name: &str) -> Option<&'static Target> {
    let found = target(name);
    if found.is_none() {
        eprintln!("no target is called {name}; see: batpak-fuzz list");
    }
    found
}

fn run(name: &str, runs: u64, seed: u64, threads: Option<u64>) -> bool {
    let cores = || std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let threads = threads.unwrap_or_else(cores).clamp(1, runs.max(1));
    let targets: Vec<_> = match name {
        "all" => TARGETS.iter().collect(),
        name => known(name).into_iter().collect(),
    };
    let mut passed = !targets.is_empty();
    for target in targets {
        let report = campaign(target, runs, seed, threads);
        let verdict = if report.failures.is_empty() {
            "ok"
        } else {
            "FAILED"
        };
        let (name, seconds) = (target.name, report.elapsed.as_secs_f64());
        let (runs, read) = (report.runs, report.read);
        println!("{name:12} {runs:>9} runs, {read:>9} read, {seconds:>7.1} s  {verdict}");
        for (seed, text) in &report.failures {
            passed = false;
            println!("  seed {seed}: {text}");
            println!("  again: batpak-fuzz replay {name} --seed {seed}");
        }
    }
    passed
}

fn replay(name: &str, seed: u64, from: Option<PathBuf>, save: Option<PathBuf>) -> bool {
    let Some(target) = known(name) else {
        return false;
    };
    let data = match from.map(fs::read) {
        Some(Ok(data)) => data,
        Some(Err(error)) => {
            eprintln!("the input cannot be read: {error}");
            return false;
        }
        None => input(target, &(target.samples)(), seed),
    };
    if let Some(Err(error)) = save.map(|path| fs::write(path, &data)) {
        eprintln!("the input cannot be saved: {error}");
        return false;
    }
    match try_input(target, &data) {
        Ok(()) => println!("{name}: {} bytes pass", data.len()),
        Err(text) => {
            println!("{name}: {} bytes fail: {text}", data.len());
            return false;
        }
    }
    true
}

fn save_samples(folder: &std::path::Path) -> bool {
    let save = |target: &Target| {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (nth, sample) in (target.samples)().into_iter().enumerate() {
            fs::write(folder.join(format!("sample-{nth:03}")), sample)?;
        }
        Ok(())
    };
    let saved: std::io::Result<()> = TARGETS.iter().try_for_each(save);
    saved.inspect_err(|error| eprintln!("{error}")).is_ok()
}

fn vandal(tier: Tier, seed: u64) -> bool {
    let vandalism = match tier {
        Tier::Nightly => Vandalism {
            stores: 4,
            flip_every: 211,
            real_every: 10,
        },
        Tier::Release => Vandalism {
            stores: 4,
            flip_every: 1,
            real_every: 1,
        },
    };
    let (damages, failures) = vandalise(vandalism, seed);
    println!("{damages} damages, {failures} failures");
    failures == 0
}
