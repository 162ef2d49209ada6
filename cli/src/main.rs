//! The program `batpak`: records, queries and verifies event histories from the command line.

mod arguments;
mod batching;
mod clock_text;
mod commands;
mod entries;
mod event_line;
mod failure;
mod git;
mod hex;
mod interrupt;
mod json_value;
mod output;
mod place;
mod progress;
mod recorder;

use arguments::{Arguments, Command, Export, Import};
use clap::Parser;
use failure::Failure;
use output::Output;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::new(arguments.json);
    let done = run(arguments.command, &mut output).and_then(|()| output.flush());
    let Err(failure) = done else {
        return ExitCode::SUCCESS;
    };
    // What was found before the failure is part of the answer; that it may have nobody to read it
    // changes nothing now.
    let _ = output.flush();
    if !matches!(failure, Failure::OutputClosed) {
        eprintln!("batpak: {}", output::clean(&failure.to_string()));
    }
    failure.exit_code()
}

fn run(command: Command, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Import(Import::Git {
            repository,
            store,
            all,
            name,
        }) => commands::import_git::run(&repository, &store, all, name.as_deref(), output),
        Command::Import(Import::Ndjson { file, store, batch }) => {
            commands::import_ndjson::run(&file, &store, batch, output)
        }
        Command::Export(Export::Ndjson {
            store,
            file,
            content,
        }) => commands::export_ndjson::run(&store, &file, content, output),
        Command::Stats { store } => commands::stats::run(&store, output),
        Command::Stream { store, entity } => commands::stream::run(&store, &entity, output),
        Command::Show {
            store,
            event,
            causes,
        } => commands::show::run(&store, &event, causes, output),
        Command::Tail {
            store,
            follow,
            lines,
        } => commands::tail::run(&store, follow, lines, output),
        Command::Verify { store } => commands::verify::run(&store, output),
        Command::Snapshot { store, dest } => commands::snapshot::run(&store, &dest, output),
        Command::Compact {
            store,
            remove_older_than,
            tombstones,
        } => {
            let removing = commands::compact::Removing {
                older_than_days: remove_older_than,
                tombstones,
            };
            commands::compact::run(&store, removing, output)
        }
        Command::Repair { store, dest } => commands::repair::run(&store, &dest, output),
        Command::Check { store } => commands::check::run(&store, output),
    }
}
