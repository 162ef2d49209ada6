//! Folding: a walk over an entity's events, from the start or from where a kept state ends.

use super::Freshness;
use super::kept::{KeptState, key_of};
use crate::coordinate::Region;
use crate::event::{Event, EventKind, EventSourced, ProjectionEvent, ProjectionInput};
use crate::store::{RawEvent, Shared, StoreError};
use batpak_actors::reader::{EntityHead, Events};
use batpak_log::planted::{Bug, planted};
use batpak_log::segment::Removals;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::marker::PhantomData;

/// Where a history may be carried on with single events, so many are folded at first.
const FIRST_EVENTS: usize = 1024;

/// One projection of one entity.
pub(super) struct Fold<'a, T> {
    shared: &'a Shared,
    entity: &'a str,
    projection: PhantomData<fn() -> T>,
}

/// A state, and the last event of its entity that was looked at for it, whatever its kind.
pub(super) struct Folded<T> {
    pub(super) state: Option<T>,
    pub(super) last: Option<EntityHead>,
    /// What was removed from the store before it was folded, at least.
    pub(super) removals: Removals,
}

impl<T> Folded<T> {
    /// Returns the entity's generation as of the state.
    pub(super) fn generation(&self) -> u64 {
        generation(self.last, &self.removals)
    }
}

/// Counts with every event of the entity, and with whatever is removed from the store.
pub(in crate::store) fn generation(last: Option<EntityHead>, removals: &Removals) -> u64 {
    last.map_or(0, |last| {
        removals.steps.saturating_add(u64::from(last.clock) + 1)
    })
}

impl<'a, T> Fold<'a, T>
where
    T: EventSourced + Serialize + DeserializeOwned + 'static,
{
    pub(super) fn new(shared: &'a Shared, entity: &'a str) -> Self {
        Self {
            shared,
            entity,
            projection: PhantomData,
        }
    }

    /// Returns the entity's generation now.
    pub(super) fn generation(&self) -> Result<u64, StoreError> {
        self.shared.refresh()?;
        let reader = self.shared.engine.reader();
        let removals = reader.view().removals();
        Ok(generation(reader.head(self.entity)?, &removals))
    }

    pub(super) fn project(&self, freshness: &Freshness) -> Result<Folded<T>, StoreError> {
        if *freshness == Freshness::Consistent {
            self.shared.refresh()?;
        }
        match self.try_project(freshness) {
            // Another process has merged a segment away: it is looked up where it is now.
            Err(StoreError::Io(error))
                if self.shared.read_only && error.kind() == io::ErrorKind::NotFound =>
            {
                self.shared.refresh()?;
                self.try_project(freshness)
            }
            projected => projected,
        }
    }

    fn try_project(&self, freshness: &Freshness) -> Result<Folded<T>, StoreError> {
        let states = &self.shared.projections;
        let reader = self.shared.engine.reader();
        // Looked at before anything else: a state may have less in it than it says, and then it
        // is folded again.
        let removals = reader.view().removals();
        if states.is_nothing() && removals == Removals::default() {
            return self.fold_all(None, removals);
        }
        let head = reader.head(self.entity)?;
        let Some(head) = head.filter(|_| !states.is_nothing()) else {
            return self.fold_all(head, removals);
        };
        let now_us = self.shared.clock.wall_us();
        let key = key_of::<T>(self.entity);
        states.prefetch(&key, head.sequence, now_us);
        if let Some(kept) = states.get(&key).filter(|kept| kept.removals == removals) {
            if kept.last == head
                && let Some(state) = kept.state()
            {
                return Ok(Folded {
                    state: Some(state),
                    last: Some(head),
                    removals,
                });
            }
            if kept.last.sequence < head.sequence
                && let Some(folded) = self.carry_on(&kept, freshness, now_us)?
            {
                if folded.last != Some(kept.last) {
                    self.keep(key, &folded, now_us);
                }
                return Ok(folded);
            }
        }
        let folded = self.fold_all(Some(head), removals)?;
        self.keep(key, &folded, now_us);
        Ok(folded)
    }

    /// Returns what a kept state is good for: itself while it is young enough, or the start of a
    /// shorter walk. `None` when the store has another history, or the type does not allow it.
    fn carry_on(
        &self,
        kept: &KeptState,
        freshness: &Freshness,
        now_us: i64,
    ) -> Result<Option<Folded<T>>, StoreError> {
        let is_young = is_young(kept.cached_at_us, now_us, freshness);
        if !is_young && !self.is_incremental() {
            return Ok(None);
        }
        // A hash covers all that came before, so this one event vouches for the state.
        let reader = self.shared.engine.reader();
        let from = kept.last.sequence.saturating_add(1);
        let is_of_this = reader.head_before(self.entity, from)? == Some(kept.last);
        if !is_of_this && !planted(Bug::CacheIgnoresHistory) {
            return Ok(None);
        }
        let mut walk = self.walk(from);
        walk.last = Some(kept.last);
        let Some(mut state) = kept.state::<T>() else {
            return Ok(None);
        };
        if !is_young {
            while let Some(event) = walk.next_relevant()? {
                state.apply_event(&event);
            }
        }
        // What was removed meanwhile may be in the state, and not in the walk.
        let removals = reader.view().removals();
        Ok((removals == kept.removals).then_some(Folded {
            state: Some(state),
            last: walk.last,
            removals,
        }))
    }

    /// Folds the whole history, in which `head` was the latest event before, or its stub.
    fn fold_all(
        &self,
        head: Option<EntityHead>,
        removals: Removals,
    ) -> Result<Folded<T>, StoreError> {
        let is_incremental = self.is_incremental();
        let mut walk = self.walk(0);
        let mut state: Option<T> = None;
        let mut events = Vec::new();
        let mut try_at = FIRST_EVENTS;
        while let Some(event) = walk.next_relevant()? {
            if let Some(state) = &mut state {
                state.apply_event(&event);
                continue;
            }
            events.push(event);
            if is_incremental && events.len() == try_at {
                state = T::from_events(&events);
                match state {
                    Some(_) => events = Vec::new(),
                    // There is no state yet to carry on: the history is tried again when it is
                    // twice as long.
                    None => try_at *= 2,
                }
            }
        }
        if state.is_none() && !events.is_empty() {
            state = T::from_events(&events);
        }
        // Where the latest events were removed, the walk ends before them.
        let later = |head: &EntityHead| walk.last.is_none_or(|last| last.sequence < head.sequence);
        Ok(Folded {
            state,
            last: head.filter(later).or(walk.last),
            removals,
        })
    }

    fn keep(&self, key: Vec<u8>, folded: &Folded<T>, now_us: i64) {
        let (Some(state), Some(last)) = (&folded.state, folded.last) else {
            return;
        };
        // What was removed while it was folded may be in it or not.
        if self.shared.engine.reader().view().removals() != folded.removals {
            return;
        }
        match KeptState::of(state, (last, folded.removals), now_us) {
            Ok(kept) => self.shared.projections.put(key, kept),
            Err(error) => tracing::warn!(%error, "a projection cannot be kept"),
        }
    }

    fn is_incremental(&self) -> bool {
        T::supports_incremental_apply() && self.shared.config.index.incremental_projection
    }

    fn walk(&self, from: u64) -> Walk<'a, T> {
        let reader = self.shared.engine.reader();
        Walk {
            shared: self.shared,
            events: reader.events(&Region::entity_exact(self.entity), from),
            last: None,
            projection: PhantomData,
        }
    }
}

/// Tells whether events of a kind are handed to a projection.
pub(super) fn is_relevant<T: EventSourced>(kind: EventKind) -> bool {
    let kinds = T::relevant_event_kinds();
    kinds.is_empty() || kinds.contains(&kind)
}

fn is_young(cached_at_us: i64, now_us: i64, freshness: &Freshness) -> bool {
    let Freshness::MaybeStale { max_stale_ms } = freshness else {
        return false;
    };
    // A time that lies ahead says nothing about the age.
    let age_us = now_us.checked_sub(cached_at_us);
    let age_us = age_us.and_then(|age_us| u64::try_from(age_us).ok());
    age_us.is_some_and(|age_us| age_us < max_stale_ms.saturating_mul(1000))
}

/// A walk over the events of an entity.
struct Walk<'a, T> {
    shared: &'a Shared,
    events: Events,
    last: Option<EntityHead>,
    projection: PhantomData<fn() -> T>,
}

impl<T: EventSourced> Walk<'_, T> {
    /// Goes one event on and shows it, with the hash of the last one; `false` at the end.
    fn step(
        &mut self,
        take: impl FnOnce(RawEvent<&[u8]>, Option<EntityHead>) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        let before = self.last;
        let seen = self.events.next_with(|event| {
            let last = EntityHead {
                clock: event.clock,
                event_hash: event.event_hash,
                sequence: event.global_sequence,
            };
            take(event, before).map(|()| last)
        });
        match seen {
            None => Ok(false),
            Some(seen) => {
                self.last = Some(seen??);
                Ok(true)
            }
        }
    }

    /// Returns the next event that the projection is about, decoded.
    fn next_relevant(&mut self) -> Result<Option<ProjectionEvent<T>>, StoreError> {
        let shared = self.shared;
        let mut found: Option<ProjectionEvent<T>> = None;
        while found.is_none() {
            let more = self.step(|event, before| {
                if is_relevant::<T>(event.kind) {
                    found = Some(decoded::<T>(shared, &event, before)?);
                }
                Ok(())
            })?;
            if !more {
                break;
            }
        }
        Ok(found)
    }
}

/// Decodes an event; `before` is the entity's event that was seen before it.
fn decoded<T: EventSourced>(
    shared: &Shared,
    event: &RawEvent<&[u8]>,
    before: Option<EntityHead>,
) -> Result<Event<<T::Input as ProjectionInput>::Payload>, StoreError> {
    let payload = T::Input::decode(event.payload)?;
    let prev_hash = match before {
        None if event.clock == 0 => [0; 32],
        Some(before) if before.clock.checked_add(1) == Some(event.clock) => before.event_hash,
        // What stood between is not there any more.
        _ => {
            let reader = shared.engine.reader();
            reader.hash_known_before(event.coord.entity(), event.global_sequence)?
        }
    };
    Ok(event.event(prev_hash, payload))
}
