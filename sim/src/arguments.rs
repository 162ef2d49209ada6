//! The command line.

use clap::{Args, Parser, Subcommand};

/// Tries the promises of the batpak store on a simulated machine whose disk loses, fails and lies.
///
/// Every property is tried with seeds; a seed that fails is printed with the command that replays
/// it. With one build a seed does the same thing each time.
#[derive(Debug, Parser)]
#[command(name = "sim")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the properties, with how often each is tried at each tier.
    List,
    /// Tries every property for some minutes.
    Pr(Chosen),
    /// Tries every property about twenty times as often, within two hours.
    Nightly(Chosen),
    /// Tries every property for hours.
    Release(Chosen),
    /// Tries one seed of one property again; a failure is shrunk and its trace printed.
    Replay {
        /// The property's name.
        property: String,
        /// The seed.
        #[arg(long)]
        seed: u64,
    },
    /// Wakes one planted bug after the other and expects that a property catches it.
    Teeth {
        /// Only these bugs.
        #[arg(long)]
        only: Vec<String>,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Chosen {
    /// Only the property of this name; may be given more than once.
    #[arg(long)]
    pub(crate) only: Vec<String>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}
