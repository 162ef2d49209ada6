//! States that were folded before: in the cache that the program brought, and in memory.

use super::{CacheMeta, ProjectionCache};
use crate::event::EventSourced;
use crate::event::hash::compute_hash;
use crate::store::payload::{decode, encode};
use batpak_actors::reader::EntityHead;
use batpak_actors::runtime::BoundedCache;
use batpak_log::segment::Removals;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// The states in memory have at most so many bytes, keys included.
const MEMORY_BYTES: u64 = 4 * 1024 * 1024;
/// A state and its key have about so many bytes.
const USUAL_BYTES: u64 = 512;
/// The first byte of a value; another one is from another version, and is passed over.
const VERSION: u8 = 2;
/// A key ends with so many bytes of a hash.
const KEY_HASH_BYTES: usize = 16;

/// A state with the last event of its entity that was folded in.
#[derive(Clone, Debug)]
pub(super) struct KeptState {
    pub(super) last: EntityHead,
    /// What had been removed from the store by then.
    pub(super) removals: Removals,
    pub(super) cached_at_us: i64,
    bytes: Arc<[u8]>,
}

impl KeptState {
    /// # Errors
    /// `Serialization` when the state cannot be encoded.
    pub(super) fn of(
        state: &impl Serialize,
        (last, removals): (EntityHead, Removals),
        cached_at_us: i64,
    ) -> Result<Self, crate::store::StoreError> {
        Ok(Self {
            last,
            removals,
            cached_at_us,
            bytes: encode(state)?.into(),
        })
    }

    /// Returns the state, unless the type has another form by now.
    pub(super) fn state<T: DeserializeOwned>(&self) -> Option<T> {
        let state = decode(&self.bytes);
        state
            .inspect_err(|error| {
                tracing::warn!(%error, "a kept projection has another form, and is folded anew");
            })
            .ok()
    }

    /// The version, the clock (u32, big-endian), the hash, the steps of what was removed (u64,
    /// big-endian), its mark, the state.
    fn to_value(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(1 + 4 + 32 + 8 + 16 + self.bytes.len());
        value.push(VERSION);
        value.extend_from_slice(&self.last.clock.to_be_bytes());
        value.extend_from_slice(&self.last.event_hash);
        value.extend_from_slice(&self.removals.steps.to_be_bytes());
        value.extend_from_slice(&self.removals.mark);
        value.extend_from_slice(&self.bytes);
        value
    }

    fn from_value(value: &[u8], meta: &CacheMeta) -> Option<Self> {
        let rest = value.strip_prefix(&[VERSION])?;
        let (clock, rest) = rest.split_first_chunk::<4>()?;
        let (event_hash, rest) = rest.split_first_chunk::<32>()?;
        let (steps, rest) = rest.split_first_chunk::<8>()?;
        let (mark, state) = rest.split_first_chunk::<16>()?;
        Some(Self {
            last: EntityHead {
                clock: u32::from_be_bytes(*clock),
                event_hash: *event_hash,
                sequence: meta.watermark,
            },
            removals: Removals {
                steps: u64::from_be_bytes(*steps),
                mark: *mark,
            },
            cached_at_us: meta.cached_at_us,
            bytes: state.into(),
        })
    }

    fn meta(&self) -> CacheMeta {
        CacheMeta {
            watermark: self.last.sequence,
            cached_at_us: self.cached_at_us,
        }
    }
}

/// Where states are kept.
pub(in crate::store) struct KeptStates {
    cache: Box<dyn ProjectionCache>,
    /// A store that is open read-only puts nothing into its cache.
    read_only: bool,
    memory: Option<BoundedCache<Vec<u8>, KeptState>>,
}

impl KeptStates {
    pub(in crate::store) fn new(
        cache: Box<dyn ProjectionCache>,
        read_only: bool,
        in_memory: bool,
    ) -> Self {
        let weigh = |key: &Vec<u8>, state: &KeptState| {
            u64::try_from(key.len() + state.bytes.len()).unwrap_or(u64::MAX)
        };
        let entries = usize::try_from(MEMORY_BYTES / USUAL_BYTES).unwrap_or(usize::MAX);
        Self {
            cache,
            read_only,
            memory: in_memory.then(|| BoundedCache::by_weight(entries, MEMORY_BYTES, weigh)),
        }
    }

    /// Returns whether there is nothing to ask for a state.
    pub(super) fn is_nothing(&self) -> bool {
        self.memory.is_none() && self.cache.capabilities().is_noop
    }

    /// Tells the cache that a state up to this sequence will be asked for.
    pub(super) fn prefetch(&self, key: &[u8], watermark: u64, cached_at_us: i64) {
        if !self.cache.capabilities().supports_prefetch {
            return;
        }
        let predicted = CacheMeta {
            watermark,
            cached_at_us,
        };
        if let Err(error) = self.cache.prefetch(key, predicted) {
            tracing::warn!(%error, "the projection cache could not fetch ahead");
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<KeptState> {
        let in_memory = self.memory.as_ref();
        if let Some(state) = in_memory.and_then(|memory| memory.get(&key.to_vec())) {
            return Some(state);
        }
        match self.cache.get(key) {
            Ok(found) => found.and_then(|(value, meta)| KeptState::from_value(&value, &meta)),
            Err(error) => {
                tracing::warn!(%error, "the projection cache could not be read");
                None
            }
        }
    }

    pub(super) fn put(&self, key: Vec<u8>, state: KeptState) {
        if !self.read_only
            && !self.cache.capabilities().is_noop
            && let Err(error) = self.cache.put(&key, &state.to_value(), state.meta())
        {
            tracing::warn!(%error, "the projection cache could not be written");
        }
        if let Some(memory) = &self.memory {
            memory.insert(key, state);
        }
    }
}

impl fmt::Debug for KeptStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptStates")
            .field("capabilities", &self.cache.capabilities())
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

/// Returns the key of an entity's state: the same in every build that has the type under its name.
pub(super) fn key_of<T: EventSourced>(entity: &str) -> Vec<u8> {
    let name = T::projection_name();
    let mut named = Vec::with_capacity(name.len() + 8);
    named.extend_from_slice(&T::schema_version().to_be_bytes());
    named.extend_from_slice(name.as_bytes());
    let hash = compute_hash(&named);
    let mut key = Vec::with_capacity(entity.len() + 1 + KEY_HASH_BYTES);
    key.extend_from_slice(entity.as_bytes());
    key.push(0);
    key.extend_from_slice(hash.get(..KEY_HASH_BYTES).unwrap_or(&hash));
    key
}
