//! What each piece of advice in `docs/tuning.md` is worth: `cargo bench -p batpak-benches --bench
//! tuning`.
//!
//! Each comparison has a few choices that are measured in turn, round by round, so that all of them
//! meet the same machine; a ratio is taken within a round. Words choose sections (`-- latency
//! memory`), `--rounds 9` measures more, `--smoke` only tries whether it works.

mod comparison;
mod latency;
mod many_stores;
mod memory;
mod plan;
mod process;
mod reading;
mod segments;
mod throughput;

use std::env;
use std::process::ExitCode;

use plan::Plan;

type Section = fn(&Plan);

/// Where stores are made: a temporary folder is often memory, which no disk is like.
const DISK: &str = env!("CARGO_TARGET_TMPDIR");
const SECTIONS: [(&str, Section); 6] = [
    ("latency", latency::compare_all),
    ("throughput", throughput::compare_all),
    ("segments", segments::compare_all),
    ("reading", reading::compare_all),
    ("memory", memory::compare_all),
    ("many-stores", many_stores::compare_all),
];

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if let Some((child, rest)) = words.split_first()
        && child == process::CHILD
    {
        return measure_in_child(rest);
    }
    let Some((plan, chosen)) = understand(&words) else {
        let names = SECTIONS.map(|(name, _)| name).join(", ");
        eprintln!("usage: [--smoke] [--rounds <number>] [section ...]; sections: {names}");
        return ExitCode::FAILURE;
    };
    println!(
        "Medians of {} rounds; x is the median of the ratios to the first row.",
        plan.rounds
    );
    for (name, compare_all) in SECTIONS {
        if chosen.is_empty() || chosen.contains(&name) {
            compare_all(&plan);
        }
    }
    ExitCode::SUCCESS
}

/// Returns what is to be measured; `None` for words that mean nothing.
fn understand(words: &[String]) -> Option<(Plan, Vec<&str>)> {
    let mut rounds = None;
    let (mut plan, mut chosen) = (Plan::full(), Vec::new());
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            // What cargo says to every benchmark.
            "--bench" => {}
            "--smoke" => plan = Plan::smoke(),
            "--rounds" => rounds = Some(words.next()?.parse().ok().filter(|rounds| *rounds > 0)?),
            name if SECTIONS.iter().any(|(section, _)| *section == name) => chosen.push(name),
            _ => return None,
        }
    }
    plan.rounds = rounds.unwrap_or(plan.rounds);
    Some((plan, chosen))
}

/// Does what a comparison has started this process for.
fn measure_in_child(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["memory", words @ ..] => memory::measure_here(words),
        ["many-stores", words @ ..] => many_stores::measure_here(words),
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}
