//! A cache with a limit on the weight of what it holds.

use std::fmt;
use std::hash::Hash;

use foldhash::fast::FixedState;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::runtime::sync::HAS_CACHES;

/// Keeps what was used lately, up to a weight; shared by any number of threads.
///
/// The cache is split into shards, each with its part of the weight: a value that is heavier than
/// a shard is not kept. In a model nothing is kept, so every look-up takes the long way.
/// Keys are hashed in the same way in every process, so that what is evicted does not depend on
/// chance; they come from the program, never from outside.
pub struct BoundedCache<K, V>(Cache<K, V, Scale<K, V>, FixedState>);

/// Weighs an entry; at least one, so that everything can be evicted.
struct Scale<K, V>(fn(&K, &V) -> u64);

impl<K, V> Clone for Scale<K, V> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<K, V> Weighter<K, V> for Scale<K, V> {
    fn weight(&self, key: &K, value: &V) -> u64 {
        (self.0)(key, value).max(1)
    }
}

impl<K: Eq + Hash, V: Clone> BoundedCache<K, V> {
    /// Returns a cache of at most so many entries.
    #[must_use]
    pub fn new(max_entries: usize) -> Self {
        let max_weight = u64::try_from(max_entries).unwrap_or(u64::MAX);
        Self::by_weight(max_entries, max_weight, |_, _| 1)
    }

    /// Returns a cache for about so many entries and at most so much weight.
    #[must_use]
    pub fn by_weight(expected_entries: usize, max_weight: u64, weigh: fn(&K, &V) -> u64) -> Self {
        Self(Cache::with(
            expected_entries,
            max_weight,
            Scale(weigh),
            FixedState::default(),
            DefaultLifecycle::default(),
        ))
    }

    /// Returns the value under a key, if it was kept.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<V> {
        self.0.get(key)
    }

    /// Keeps a value, in place of any other under its key, until lighter or later ones need room.
    pub fn insert(&self, key: K, value: V) {
        if HAS_CACHES {
            self.0.insert(key, value);
        }
    }

    /// Forgets a key and returns its value.
    pub fn remove(&self, key: &K) -> Option<V> {
        self.0.remove(key).map(|(_, value)| value)
    }

    /// Returns how many entries are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the weight of all that is kept.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.0.weight()
    }
}

impl<K: Eq + Hash, V: Clone> fmt::Debug for BoundedCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedCache")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
