//! Reading along the links between events: the hash chain of an entity, and causes.

use crate::event::{Event, StoredEvent};
use crate::store::payload::{decode, decode_json};
use crate::store::{IndexEntry, Store, StoreError};
use batpak_actors::reader::Ancestors as Walk;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;

impl<State> Store<State> {
    /// Returns an event and those of its entity that its hash builds on, newest first, at most
    /// `limit`. It follows the entity's hash chain, through all of its scopes, and ends at the
    /// first event of the entity. It is empty for an id that is not there, and ends before the
    /// first event that cannot be read or is no JSON; the failure is kept in the store's
    /// diagnostics.
    pub fn walk_ancestors(&self, event_id: u128, limit: usize) -> Vec<StoredEvent<Value>> {
        let mut found = Vec::new();
        match self.collect_ancestors(event_id, limit, &mut found) {
            Ok(()) | Err(StoreError::NotFound(_)) => {}
            Err(error) => self.shared.keep_fault(&error),
        }
        found
    }

    /// As [`walk_ancestors`](Self::walk_ancestors), and tells a failure.
    ///
    /// # Errors
    /// `NotFound`; otherwise as [`get`](Self::get), for the event or any of its ancestors.
    pub fn try_walk_ancestors(
        &self,
        event_id: u128,
        limit: usize,
    ) -> Result<Vec<StoredEvent<Value>>, StoreError> {
        self.retry_moved(|| {
            let mut found = Vec::new();
            self.collect_ancestors(event_id, limit, &mut found)?;
            Ok(found)
        })
    }

    fn collect_ancestors(
        &self,
        event_id: u128,
        limit: usize,
        found: &mut Vec<StoredEvent<Value>>,
    ) -> Result<(), StoreError> {
        for event in self.ancestors(event_id)?.json().take(limit) {
            found.push(event?);
        }
        Ok(())
    }

    /// Walks from an event back along its entity's hash chain: the event itself first, with its
    /// payload in the MessagePack that was stored. Nothing is read before it is asked for.
    ///
    /// Each event's `prev_hash` is the `event_hash` of the one that comes next. On a read-only
    /// store the walk ends with `Io` where the writing process has merged away what comes next;
    /// another walk finds it.
    ///
    /// # Errors
    /// As [`get_raw`](Self::get_raw).
    pub fn ancestors(&self, event_id: u128) -> Result<Ancestors, StoreError> {
        let reader = self.shared.engine.reader();
        Ok(Ancestors {
            walk: self.retry_moved(|| reader.ancestors(event_id))?,
            decode: |payload| Ok(payload.to_vec()),
        })
    }

    /// Returns what caused an event: its cause, the cause of that one, and so on, across entities,
    /// at most `limit`. The event itself is not among them.
    ///
    /// It ends at an event without a cause, at a cause that is not in this log, and before one that
    /// was there already. It is empty for an id that is not there, or when something cannot be
    /// read; then the failure is kept in the store's diagnostics.
    pub fn causes(&self, event_id: u128, limit: usize) -> Vec<IndexEntry> {
        self.kept(self.try_causes(event_id, limit))
    }

    /// As [`causes`](Self::causes), and tells a failure.
    ///
    /// # Errors
    /// `NotFound` for the event itself; otherwise as [`get_raw`](Self::get_raw).
    pub fn try_causes(&self, event_id: u128, limit: usize) -> Result<Vec<IndexEntry>, StoreError> {
        let reader = self.shared.engine.reader();
        self.retry_moved(|| reader.causes(event_id, limit))
    }

    /// Returns what an event has caused, across entities, at most `limit`: first what names it as
    /// its cause, then what names those, and so on; each of these levels in commit order. No event
    /// comes twice, and the event itself is not among them.
    ///
    /// It is empty for an id that is not there, or when something cannot be read; then the failure
    /// is kept in the store's diagnostics.
    pub fn effects(&self, event_id: u128, limit: usize) -> Vec<IndexEntry> {
        self.kept(self.try_effects(event_id, limit))
    }

    /// As [`effects`](Self::effects), and tells a failure.
    ///
    /// # Errors
    /// `NotFound` for the event itself; otherwise as [`get_raw`](Self::get_raw).
    pub fn try_effects(&self, event_id: u128, limit: usize) -> Result<Vec<IndexEntry>, StoreError> {
        let reader = self.shared.engine.reader();
        self.retry_moved(|| reader.effects(event_id, limit))
    }

    fn kept(&self, read: Result<Vec<IndexEntry>, StoreError>) -> Vec<IndexEntry> {
        match read {
            Ok(found) => found,
            Err(StoreError::NotFound(_)) => Vec::new(),
            Err(error) => {
                self.shared.keep_fault(&error);
                Vec::new()
            }
        }
    }
}

/// An event and those that its hash builds on, newest first; see [`Store::ancestors`].
///
/// A payload that is not what was asked for gives `Serialization` for that event; the walk goes on
/// behind it if it is asked for more. Any other failure ends the walk.
pub struct Ancestors<P = Vec<u8>> {
    walk: Walk,
    decode: fn(Vec<u8>) -> Result<P, StoreError>,
}

impl<P> Ancestors<P> {
    /// Gives the payloads as JSON; see [`Store::get`] for what JSON cannot say.
    pub fn json(self) -> Ancestors<Value> {
        Ancestors {
            walk: self.walk,
            decode: |payload| decode_json(&payload),
        }
    }

    /// Gives the payloads decoded into `T`.
    pub fn typed<T: DeserializeOwned>(self) -> Ancestors<T> {
        Ancestors {
            walk: self.walk,
            decode: |payload| decode(&payload),
        }
    }
}

impl<P> Iterator for Ancestors<P> {
    type Item = Result<StoredEvent<P>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.walk.next()?;
        Some(read.and_then(|stored| {
            let StoredEvent { coordinate, event } = stored;
            let Event {
                header,
                payload,
                hash_chain,
            } = event;
            let mut event = Event::new(header, (self.decode)(payload)?);
            event.hash_chain = hash_chain;
            Ok(StoredEvent { coordinate, event })
        }))
    }
}

impl<P> fmt::Debug for Ancestors<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ancestors").field(&self.walk).finish()
    }
}
