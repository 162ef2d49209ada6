//! Projections: an entity's events folded into a state, and where such states are kept.
//!
//! A projection reads the visible events of one entity, in commit order, across all scopes. A
//! state that was kept is used only if it was folded from the very history that the store has: it
//! names the last event that was folded by its place and its hash, which covers everything before,
//! and says what compaction had removed by then, because hashes stay when events go.

mod cache;
mod fold;
mod kept;
mod native;
mod watch;

pub use cache::{CacheCapabilities, CacheMeta, NoCache, ProjectionCache};
pub use native::NativeCache;
pub use watch::ProjectionWatcher;

pub(super) use fold::generation;
pub(super) use kept::KeptStates;

use super::{Store, StoreError};
use crate::event::EventSourced;
use fold::Fold;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How old the state may be that a projection returns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// Every visible event is folded in. On a store that is open read-only, what another process
    /// has written is read first.
    Consistent,
    /// A state that was kept less than so long ago is returned as it is, if there is one.
    MaybeStale {
        /// The age from which a kept state is not returned any more, in milliseconds.
        max_stale_ms: u64,
    },
}

impl<State> Store<State> {
    /// Folds an entity's events into a state; `None` when there are none of a relevant kind, or
    /// the fold makes no state of them.
    ///
    /// The cache that the store was opened with is asked first, and gets the new state; a cache
    /// that fails costs time, never an answer. A kept state is carried on with
    /// [`apply_event`](EventSourced::apply_event) where the type
    /// [opts in](EventSourced::supports_incremental_apply) and
    /// [`index.incremental_projection`](super::IndexConfig::incremental_projection) is on; with
    /// that setting the states that were used lately are kept in memory, too, up to 4 MiB.
    /// Without a kept state all events are read; only where both opt in are they not all in memory
    /// at once.
    ///
    /// # Errors
    /// `Serialization` when a payload cannot be said in the fold's
    /// [input](EventSourced::Input), and the errors of reading.
    pub fn project<T>(&self, entity: &str, freshness: &Freshness) -> Result<Option<T>, StoreError>
    where
        T: EventSourced + Serialize + DeserializeOwned + 'static,
    {
        let folded = Fold::<T>::new(&self.shared, entity).project(freshness)?;
        Ok(folded.state)
    }

    /// As [`project`](Self::project), if there is something new since the generation that an
    /// earlier call returned; start with 0. `None` when there is not.
    ///
    /// The generation that comes back is that of the state beside it: what was not folded in yet,
    /// because `freshness` allows it, makes the next call return again. So no change is missed. It
    /// is the number of [`entity_generation`](Self::entity_generation): also a compaction that
    /// removes events of any entity makes the next call return.
    ///
    /// # Errors
    /// As [`project`](Self::project).
    pub fn project_if_changed<T>(
        &self,
        entity: &str,
        last_seen_generation: u64,
        freshness: &Freshness,
    ) -> Result<Option<(u64, Option<T>)>, StoreError>
    where
        T: EventSourced + Serialize + DeserializeOwned + 'static,
    {
        let fold = Fold::<T>::new(&self.shared, entity);
        if *freshness == Freshness::Consistent && fold.generation()? == last_seen_generation {
            return Ok(None);
        }
        let folded = fold.project(freshness)?;
        let generation = folded.generation();
        let changed = generation != last_seen_generation;
        Ok(changed.then_some((generation, folded.state)))
    }
}
