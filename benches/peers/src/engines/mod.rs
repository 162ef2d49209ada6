//! The engines: batpak, two of its releases, and the peers, behind one trait.
//!
//! Each is in its best configuration for an event store with an index; what was chosen stands at
//! the top of its file. All have the same budget for a cache of their own, and none compresses.

mod batpak;
mod batpak_0_10;
mod batpak_0_5;
mod coordinates;
mod fjall;
mod grouped;
mod lmdb;
mod raft;
mod redb;
mod sqlite;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::event::NewEvent;

/// What is done with a payload that was read.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8]);

/// An open event store.
pub(crate) trait Engine: Send + Sync {
    /// Appends one event, as promised for the store, and returns its id.
    fn append(&self, event: &NewEvent<'_>) -> Result<u128>;

    /// Hands all events over, then waits for all. No promise that they are one transaction.
    fn window(&self, events: &[NewEvent<'_>]) -> Result<Vec<u128>>;

    /// Appends all events or none.
    fn batch(&self, events: &[NewEvent<'_>]) -> Result<Vec<u128>>;

    /// Reads the event with this id.
    fn get(&self, id: u128, visit: Visit<'_>) -> Result<()>;

    /// Reads one event soon after opening: by its id where the engine has an index of ids.
    fn get_known(&self, id: u128, _entity: usize, visit: Visit<'_>) -> Result<()> {
        self.get(id, visit)
    }

    /// Reads all events of an entity, in order.
    fn stream(&self, entity: usize, visit: Visit<'_>) -> Result<()>;

    /// Reads all events, in global order.
    fn replay(&self, visit: Visit<'_>) -> Result<()>;

    /// Closes the store as its documentation says.
    fn close(self: Box<Self>) -> Result<()>;
}

/// How a store is opened.
pub(crate) struct Opening {
    /// Its directory, which is there.
    pub(crate) directory: PathBuf,
    /// Whether an append is on the disk before it is answered; else it survives the end of the
    /// process only.
    pub(crate) durable: bool,
    /// The size of batpak's segments, when not its default.
    pub(crate) segment_mib: Option<u64>,
    /// How much memory the engine may use for a cache of its own.
    pub(crate) cache_mib: u64,
    /// Whether it is opened to measure reading.
    pub(crate) reads: bool,
}

impl Opening {
    /// Returns the cache's budget in bytes.
    fn cache_bytes(&self) -> u64 {
        self.cache_mib * 1024 * 1024
    }
}

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
pub(crate) enum Name {
    /// This repository.
    #[serde(rename = "batpak")]
    #[value(name = "batpak")]
    Batpak,
    /// The release 0.10.0.
    #[serde(rename = "batpak-0.10.0")]
    #[value(name = "batpak-0.10.0")]
    Batpak010,
    /// The release 0.5.0.
    #[serde(rename = "batpak-0.5.0")]
    #[value(name = "batpak-0.5.0")]
    Batpak05,
    /// SQLite.
    #[serde(rename = "sqlite")]
    #[value(name = "sqlite")]
    Sqlite,
    /// fjall, a log-structured merge tree.
    #[serde(rename = "fjall")]
    #[value(name = "fjall")]
    Fjall,
    /// redb, a copy-on-write B-tree.
    #[serde(rename = "redb")]
    #[value(name = "redb")]
    Redb,
    /// LMDB, through heed.
    #[serde(rename = "heed")]
    #[value(name = "heed")]
    Lmdb,
    /// LMDB, written through its map.
    #[serde(rename = "heed-writemap")]
    #[value(name = "heed-writemap")]
    LmdbWriteMap,
    /// raft-engine, a log without an index of ids.
    #[serde(rename = "raft-engine")]
    #[value(name = "raft-engine")]
    Raft,
}

impl Name {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Self; 9] = [
        Self::Batpak,
        Self::Batpak010,
        Self::Batpak05,
        Self::Sqlite,
        Self::Fjall,
        Self::Redb,
        Self::Lmdb,
        Self::LmdbWriteMap,
        Self::Raft,
    ];

    /// The peers that find events by id.
    pub(crate) const INDEXED_PEERS: [Self; 5] = [
        Self::Sqlite,
        Self::Fjall,
        Self::Redb,
        Self::Lmdb,
        Self::LmdbWriteMap,
    ];

    /// Returns the name in tables and on the command line.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Batpak => "batpak",
            Self::Batpak010 => "batpak-0.10.0",
            Self::Batpak05 => "batpak-0.5.0",
            Self::Sqlite => "sqlite",
            Self::Fjall => "fjall",
            Self::Redb => "redb",
            Self::Lmdb => "heed",
            Self::LmdbWriteMap => "heed-writemap",
            Self::Raft => "raft-engine",
        }
    }

    /// Whether it is a version of batpak, which has segments.
    pub(crate) fn is_batpak(self) -> bool {
        matches!(self, Self::Batpak | Self::Batpak010 | Self::Batpak05)
    }

    /// Opens a store.
    pub(crate) fn open(self, opening: &Opening) -> Result<Box<dyn Engine>> {
        match self {
            Self::Batpak => batpak::open(opening),
            Self::Batpak010 => batpak_0_10::open(opening),
            Self::Batpak05 => batpak_0_5::open(opening),
            Self::Sqlite => sqlite::open(opening),
            Self::Fjall => fjall::open(opening),
            Self::Redb => redb::open(opening),
            Self::Lmdb => lmdb::open(opening, false),
            Self::LmdbWriteMap => lmdb::open(opening, true),
            Self::Raft => raft::open(opening),
        }
    }
}
