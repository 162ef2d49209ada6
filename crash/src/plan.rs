//! What the children write: every event follows from a seed and its token, so that the parent knows
//! all that could ever have been sent without being told.

use batpak::event::EventKind;
use batpak::prelude::*;

/// The kind of every event.
pub(crate) const KIND: EventKind = EventKind::custom(0xF, 1);
/// How many steps a thread may have handed over without having heard an answer.
pub(crate) const WINDOW_MAX: usize = 6;
/// How long a large payload is.
pub(crate) const LARGE_BYTES: usize = 64 * 1024;

/// Names an event: who sent it, and as which of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token {
    pub(crate) session: u16,
    pub(crate) thread: u8,
    pub(crate) number: u32,
}

impl Token {
    pub(crate) fn bits(self) -> u64 {
        u64::from(self.session) << 40 | u64::from(self.thread) << 32 | u64::from(self.number)
    }

    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        Some(Self {
            session: u16::try_from(bits >> 40).ok()?,
            thread: u8::try_from(bits >> 32 & 0xFF).ok()?,
            number: u32::try_from(bits & 0xFFFF_FFFF).ok()?,
        })
    }
}

/// What a thread does next, as far as it leaves events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Single,
    Batch { items: u32 },
    Fence { items: u32, commit: bool },
}

impl Step {
    /// How many tokens it takes.
    pub(crate) fn items(self) -> u32 {
        match self {
            Self::Single => 1,
            Self::Batch { items } | Self::Fence { items, .. } => items,
        }
    }

    /// Whether its events may ever be seen.
    pub(crate) fn shows(self) -> bool {
        !matches!(self, Self::Fence { commit: false, .. })
    }
}

/// What a thread does between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    Nothing,
    Retry,
    Sync,
    Compact,
    Snapshot,
}

/// An event as it is sent.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) coordinate: Coordinate,
    pub(crate) payload: (u64, String),
    pub(crate) key: Option<u128>,
    pub(crate) durability: Durability,
}

impl Planned {
    pub(crate) fn options(&self) -> AppendOptions {
        let options = AppendOptions::new().with_durability(self.durability);
        match self.key {
            Some(key) => options.with_idempotency(key),
            None => options,
        }
    }
}

/// What sort of history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Style {
    /// Everything that the store can do.
    Mixed,
    /// As mixed, with many more chores.
    Busy,
    /// Single appends with keys, each durable before its answer.
    Plain,
    /// As plain, with payloads of [`LARGE_BYTES`].
    Large,
}

impl Style {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Busy => "busy",
            Self::Plain => "plain",
            Self::Large => "large",
        }
    }

    /// Whether there is nothing but single durable appends.
    fn is_plain(self) -> bool {
        matches!(self, Self::Plain | Self::Large)
    }
}

/// A history, as far as it follows from its seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) style: Style,
}

impl Plan {
    /// Returns chance that follows from the seed, a token and a purpose.
    pub(crate) fn chance(self, token: Token, purpose: u64) -> fastrand::Rng {
        let mixed = scramble(self.seed ^ scramble(token.bits() ^ scramble(purpose)));
        fastrand::Rng::with_seed(mixed)
    }

    pub(crate) fn event(self, token: Token) -> anyhow::Result<Planned> {
        let mut chance = self.chance(token, 1);
        let plain = self.style.is_plain();
        let entity = match plain || chance.u8(..5) > 0 {
            true => format!("thread:{}", token.thread),
            false => "shared".to_owned(),
        };
        let length = match chance.u8(..32) {
            0 => 3000,
            1..=4 => 0,
            _ => chance.usize(..160),
        };
        let letters: String = match self.style == Style::Large {
            true => chance.alphanumeric().to_string().repeat(LARGE_BYTES),
            false => std::iter::repeat_with(|| chance.alphanumeric())
                .take(length)
                .collect(),
        };
        let key = u128::from(chance.u64(1..)) << 64 | u128::from(token.bits());
        let always = plain || chance.u8(..6) == 0;
        Ok(Planned {
            coordinate: Coordinate::new(entity, "scope")?,
            payload: (token.bits(), letters),
            key: (plain || chance.u8(..3) > 0).then_some(key),
            durability: match always {
                true => Durability::Always,
                false => Durability::Configured,
            },
        })
    }

    /// Returns the step that begins with this token.
    pub(crate) fn step(self, first: Token) -> Step {
        let mut chance = self.chance(first, 2);
        if self.style.is_plain() {
            return Step::Single;
        }
        let items = chance.u32(1..7);
        match chance.u8(..24) {
            0 if first.thread == 0 => Step::Fence {
                items,
                commit: chance.bool(),
            },
            1..=5 => Step::Batch { items },
            _ => Step::Single,
        }
    }

    /// Returns what is done before the step that begins with this token. Maintenance is for one
    /// thread.
    pub(crate) fn chore(self, first: Token, maintains: bool) -> Chore {
        let mut chance = self.chance(first, 3);
        let (one_in, busy) = match self.style {
            Style::Plain | Style::Large => return Chore::Nothing,
            Style::Mixed => (64, false),
            Style::Busy => (16, true),
        };
        match chance.u8(..one_in) {
            0 | 1 => Chore::Retry,
            2 if maintains => Chore::Sync,
            3 if maintains => Chore::Compact,
            4 if maintains && (busy || chance.bool()) => Chore::Snapshot,
            _ => Chore::Nothing,
        }
    }

    /// How many steps are handed over before the first is waited for.
    pub(crate) fn window(self, first: Token) -> usize {
        let mut chance = self.chance(first, 4);
        match self.style.is_plain() || chance.u8(..4) > 0 {
            true => 1,
            false => chance.usize(2..=WINDOW_MAX),
        }
    }

    /// Returns how a session opens the store.
    pub(crate) fn config(self, directory: &std::path::Path, session: u16) -> StoreConfig {
        let token = Token {
            session,
            thread: 0,
            number: 0,
        };
        let mut chance = self.chance(token, 5);
        let mut pick = |choices: &[u64]| {
            let nth = chance.usize(..choices.len().max(1));
            choices.get(nth).copied().unwrap_or(1)
        };
        let every = match self.style {
            Style::Plain | Style::Large => 1,
            Style::Mixed | Style::Busy => pick(&[1, 3, 1000]),
        };
        let segment = match self.style {
            Style::Mixed => pick(&[4096, 16 * 1024, 64 * 1024]),
            Style::Busy | Style::Plain | Style::Large => pick(&[2048, 4096]),
        };
        let mode = match pick(&[0, 1]) {
            0 => SyncMode::SyncAll,
            _ => SyncMode::SyncData,
        };
        StoreConfig::new(directory)
            .with_segment_max_bytes(segment)
            .with_sync_every_n_events(u32::try_from(every).unwrap_or(1))
            .with_sync_mode(mode)
    }
}

/// Spreads neighbouring numbers apart (splitmix64).
pub(crate) fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}
