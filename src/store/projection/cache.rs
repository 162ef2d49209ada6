//! What a cache of projected states must be able to do.

use crate::store::StoreError;
use serde::{Deserialize, Serialize};

/// What a cache can do beyond keeping values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCapabilities {
    /// Whether [`prefetch`](ProjectionCache::prefetch) does something.
    pub supports_prefetch: bool,
    /// Whether the cache keeps nothing, so that it need not be asked.
    pub is_noop: bool,
}

impl CacheCapabilities {
    /// Returns what a plain cache can do: keep values.
    pub const fn none() -> Self {
        Self {
            supports_prefetch: false,
            is_noop: false,
        }
    }

    /// Returns what a cache can do that also fetches ahead.
    pub const fn prefetch_hints() -> Self {
        Self {
            supports_prefetch: true,
            is_noop: false,
        }
    }
}

/// What is known of a cached value beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheMeta {
    /// The global sequence of the last event that was folded in.
    pub watermark: u64,
    /// When the value was cached, in microseconds since the epoch.
    pub cached_at_us: i64,
}

/// Keeps projected states as bytes, by key.
///
/// A key is the entity's name, a zero byte, and 16 bytes that stand for the projection's
/// [name](crate::event::EventSourced::projection_name) and its
/// [version](crate::event::EventSourced::schema_version): so all states of an entity begin with its
/// name, and keys are the same in every build of a program. A value is opaque; it says itself
/// which history it was folded from, and what had been removed from the store by then, so that a
/// cache may lose values, return old ones, and be shared between stores and processes. It must not
/// return half of one.
///
/// A compaction that removes events makes every value of its store worthless, which is noticed when
/// it is asked for. What was made of the events' payloads stays in the cache until another value
/// takes its place: where it must not, call [`delete_prefix`](Self::delete_prefix).
pub trait ProjectionCache: Send + Sync + 'static {
    /// Returns what the cache can do.
    fn capabilities(&self) -> CacheCapabilities;

    /// Returns the value under a key.
    ///
    /// # Errors
    /// `CacheFailed`; the projection is then made without it.
    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, CacheMeta)>, StoreError>;

    /// Keeps a value, in place of any other under its key.
    ///
    /// # Errors
    /// `CacheFailed`; the projection is returned all the same.
    fn put(&self, key: &[u8], value: &[u8], meta: CacheMeta) -> Result<(), StoreError>;

    /// Forgets every value whose key begins with `prefix`; returns how many there were.
    ///
    /// # Errors
    /// `CacheFailed`.
    fn delete_prefix(&self, prefix: &[u8]) -> Result<u64, StoreError>;

    /// Makes what was put durable, if the cache promises that.
    ///
    /// # Errors
    /// `CacheFailed`.
    fn sync(&self) -> Result<(), StoreError>;

    /// Is told that a value will be asked for soon, and how new it should be. Does nothing unless
    /// overridden.
    ///
    /// # Errors
    /// `CacheFailed`; nobody minds.
    fn prefetch(&self, _key: &[u8], _predicted_meta: CacheMeta) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Keeps nothing: every projection reads its events.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCache;

impl ProjectionCache for NoCache {
    fn capabilities(&self) -> CacheCapabilities {
        CacheCapabilities {
            is_noop: true,
            ..CacheCapabilities::none()
        }
    }

    fn get(&self, _key: &[u8]) -> Result<Option<(Vec<u8>, CacheMeta)>, StoreError> {
        Ok(None)
    }

    fn put(&self, _key: &[u8], _value: &[u8], _meta: CacheMeta) -> Result<(), StoreError> {
        Ok(())
    }

    fn delete_prefix(&self, _prefix: &[u8]) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
