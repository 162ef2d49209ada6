//! Watching a projection: a new state whenever the entity has changed.

use super::Freshness;
use super::fold::{Fold, is_relevant};
use crate::coordinate::Region;
use crate::event::EventSourced;
use crate::store::{Open, Shared, Store, StoreError, Subscription};
use batpak_actors::protocol::broker::Registered;
use batpak_log::segment::Removals;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

impl Store<Open> {
    /// Watches the projection of one entity: [`recv`](ProjectionWatcher::recv) waits for its next
    /// change. What is visible now counts as seen; [`project`](Self::project) returns it.
    ///
    /// The freshness is accepted for compatibility: a watcher is woken by events, and the state
    /// that it returns has them folded in. It does not keep the store open.
    pub fn watch_projection<T>(
        self: &Arc<Self>,
        entity: &str,
        _freshness: Freshness,
    ) -> ProjectionWatcher<T>
    where
        T: EventSourced + Serialize + DeserializeOwned + Send + 'static,
    {
        let region = Region::entity_exact(entity);
        // Registered before the look, so that nothing falls between the two.
        let subscription = self.subscribe_lossy(&region);
        let wakes = self.shared.engine.watch(&region);
        let view = self.shared.engine.reader().view();
        ProjectionWatcher {
            subscription,
            wakes,
            next_sequence: view.visible(),
            removals: view.removals(),
            shared: Arc::clone(&self.shared),
            entity: entity.to_owned(),
            region,
            projection: PhantomData,
        }
    }
}

/// Returns the states of one entity's projection as they change.
///
/// A watcher that comes late skips states and never the last one: what it returns has everything
/// folded in that was visible when it looked. It ends when the store closes.
pub struct ProjectionWatcher<T> {
    shared: Arc<Shared>,
    entity: String,
    region: Region,
    /// For whoever waits for other things beside it.
    subscription: Subscription,
    /// Where it waits: woken by events, and when some were removed.
    wakes: Result<Registered<()>, StoreError>,
    /// Everything below it was folded into a state that was returned, or seen at the start.
    next_sequence: u64,
    /// What had been removed from the store by then.
    removals: Removals,
    projection: PhantomData<fn() -> T>,
}

impl<T> ProjectionWatcher<T>
where
    T: EventSourced + Serialize + DeserializeOwned + 'static,
{
    /// Waits until the entity has new events that the projection is about, or a compaction has
    /// removed some, of this or another entity, and returns the state as it is then; `None` once
    /// the store has closed. Events that leave the projection without a state are waited through;
    /// [`recv_or_end`](Self::recv_or_end) tells them.
    ///
    /// # Errors
    /// As [`Store::project`]; the next call tries again. `ActorEnded` when the broker that wakes it
    /// has spent its restarts.
    pub fn recv(&mut self) -> Result<Option<T>, StoreError> {
        loop {
            match self.recv_or_end() {
                Ok(None) => {}
                Ok(state) => return Ok(state),
                Err(StoreError::Closed) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`recv`](Self::recv), but `None` says that there is no state after these events, and the
    /// end is an error.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and `Closed` once the store has closed.
    pub fn recv_or_end(&mut self) -> Result<Option<T>, StoreError> {
        loop {
            // What these tell of is visible, and is looked up now.
            self.subscription.receiver().try_iter().for_each(drop);
            if let Ok(wakes) = &self.wakes {
                wakes.receiver.try_iter().for_each(drop);
            }
            if self.has_changed()? {
                let folded =
                    Fold::<T>::new(&self.shared, &self.entity).project(&Freshness::Consistent)?;
                if let Some(last) = folded.last {
                    self.next_sequence = self.next_sequence.max(last.sequence + 1);
                }
                self.removals = folded.removals;
                return Ok(folded.state);
            }
            let wakes = self.wakes.as_ref().map_err(StoreError::copied)?;
            self.shared.engine.receive(&wakes.receiver)?;
        }
    }

    /// Lends a subscription to the entity's events, to wait for it beside other things; it tells
    /// nothing of what is removed. Whoever takes a notification from it should call
    /// [`recv`](Self::recv) next, which looks before it waits.
    pub fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// Looks for an event that the projection is about among those that were not seen yet, and
    /// whether some of those that were seen are gone.
    fn has_changed(&mut self) -> Result<bool, StoreError> {
        let reader = self.shared.engine.reader();
        if reader.view().removals() != self.removals {
            return Ok(true);
        }
        let mut events = reader.events(&self.region, self.next_sequence);
        while let Some(seen) = events.next_with(|event| (event.kind, event.global_sequence)) {
            let (kind, sequence) = seen?;
            if is_relevant::<T>(kind) {
                return Ok(true);
            }
            self.next_sequence = sequence + 1;
        }
        self.next_sequence = self.next_sequence.max(events.bound());
        Ok(false)
    }
}

impl<T> Drop for ProjectionWatcher<T> {
    fn drop(&mut self) {
        if let Ok(wakes) = &self.wakes {
            self.shared.engine.unsubscribe(wakes.subscriber);
        }
    }
}

impl<T> fmt::Debug for ProjectionWatcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectionWatcher")
            .field("entity", &self.entity)
            .field("next_sequence", &self.next_sequence)
            .finish_non_exhaustive()
    }
}
