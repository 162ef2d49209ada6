//! Fast hashing of names and ids, for tables that are looked into several times per event.
//!
//! The hashes are seeded anew in each process, so nobody can prepare names that collide. The order
//! of such a table means nothing, and must not reach an answer or a file.

use std::hash::{BuildHasher, Hash};
use std::sync::LazyLock;

use foldhash::quality;

/// A map with fast hashes.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// A set with fast hashes.
pub(crate) type HashSet<T> = std::collections::HashSet<T, foldhash::fast::RandomState>;

/// Returns the hash of a value, the same everywhere in this process; all of its bits are good.
pub(crate) fn hash_of<T: Hash + ?Sized>(value: &T) -> u64 {
    static PROCESS: LazyLock<quality::RandomState> = LazyLock::new(quality::RandomState::default);
    PROCESS.hash_one(value)
}
