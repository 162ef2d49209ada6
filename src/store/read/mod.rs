//! Reading.

mod events;
mod graph;

pub use events::{Events, EventsWith};
pub use graph::Ancestors;

use super::payload::{decode, decode_json};
use super::projection::generation;
use super::{IndexEntry, RawEvent, Store, StoreError, Verification};
use crate::coordinate::{KindFilter, Region};
use crate::event::{EventKind, StoredEvent};
use serde::de::DeserializeOwned;
use serde_json::Value;

impl<State> Store<State> {
    /// Returns the event with this id, its payload as JSON.
    ///
    /// # Errors
    /// `NotFound`; `Serialization` when the payload cannot be said in JSON; `CrcMismatch`,
    /// `CorruptSegment`, `ForeignFile` or `Io` when it cannot be read.
    pub fn get(&self, event_id: u128) -> Result<StoredEvent<Value>, StoreError> {
        self.get_with(event_id, decode_json)
    }

    /// Returns the event with this id, its payload decoded into `T`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_as<T: DeserializeOwned>(
        &self,
        event_id: u128,
    ) -> Result<StoredEvent<T>, StoreError> {
        self.get_with(event_id, |payload| decode(payload))
    }

    /// Returns the event with this id, its payload in the MessagePack that was stored.
    ///
    /// # Errors
    /// As [`get`](Self::get), `Serialization` apart.
    pub fn get_raw(&self, event_id: u128) -> Result<StoredEvent<Vec<u8>>, StoreError> {
        self.retry_moved(|| self.shared.engine.reader().get(event_id))
    }

    /// Reads once more what the writing process has merged away, after a look at the directory.
    fn retry_moved<T>(
        &self,
        mut read: impl FnMut() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match read() {
            Err(error) if self.shared.is_moved(&error) => {
                self.refresh()?;
                read()
            }
            read => read,
        }
    }

    fn get_with<T>(
        &self,
        event_id: u128,
        decode: impl FnOnce(&[u8]) -> Result<T, StoreError>,
    ) -> Result<StoredEvent<T>, StoreError> {
        let StoredEvent { coordinate, event } = self.get_raw(event_id)?;
        let payload = decode(&event.payload)?;
        Ok(StoredEvent {
            coordinate,
            event: event.map_payload(|_| payload),
        })
    }

    /// Returns the events of a region, in commit order. It ends before the first event that cannot
    /// be read, and never passes one over; the failure is kept in the store's diagnostics.
    pub fn query(&self, region: &Region) -> Vec<IndexEntry> {
        let mut found = Vec::new();
        let all = (region, &mut 0);
        if let Err(error) = self.shared.take_events(all, usize::MAX, &mut found) {
            self.shared.keep_fault(&error);
        }
        found
    }

    /// As [`query`](Self::query), and tells a failure; reads first what another process has
    /// written, if this store is open read-only.
    ///
    /// # Errors
    /// When an event cannot be read, or the log cannot be read further.
    pub fn try_query(&self, region: &Region) -> Result<Vec<IndexEntry>, StoreError> {
        self.refresh()?;
        let mut found = Vec::new();
        let all = (region, &mut 0);
        self.shared.take_events(all, usize::MAX, &mut found)?;
        Ok(found)
    }

    /// Returns the event with this id, its payload in the MessagePack that was stored, without what
    /// has to be derived: the fastest way to one event.
    ///
    /// # Errors
    /// As [`get`](Self::get), `Serialization` apart.
    pub fn read_raw(&self, event_id: u128) -> Result<RawEvent, StoreError> {
        self.retry_moved(|| self.shared.engine.reader().raw(event_id))
    }

    /// As [`read_raw`](Self::read_raw), without a copy of the payload: `take` is given its bytes,
    /// and what it returns takes their place. It is called once for an event that can be read.
    ///
    /// # Errors
    /// As [`read_raw`](Self::read_raw).
    pub fn read_with<P>(
        &self,
        event_id: u128,
        mut take: impl FnMut(&[u8]) -> P,
    ) -> Result<RawEvent<P>, StoreError> {
        let reader = self.shared.engine.reader();
        self.retry_moved(|| reader.raw_with(event_id, &mut take))
    }

    /// Returns the events of one entity, in commit order; as [`query`](Self::query) for failures.
    pub fn stream(&self, entity: &str) -> Vec<IndexEntry> {
        self.query(&Region::entity_exact(entity))
    }

    /// As [`stream`](Self::stream), and as [`try_query`](Self::try_query).
    ///
    /// # Errors
    /// As [`try_query`](Self::try_query).
    pub fn try_stream(&self, entity: &str) -> Result<Vec<IndexEntry>, StoreError> {
        self.try_query(&Region::entity_exact(entity))
    }

    /// Returns the events that were written in one scope, in commit order.
    pub fn by_scope(&self, scope: &str) -> Vec<IndexEntry> {
        self.query(&Region::scope(scope))
    }

    /// As [`by_scope`](Self::by_scope), and as [`try_query`](Self::try_query).
    ///
    /// # Errors
    /// When the log cannot be read further.
    pub fn try_by_scope(&self, scope: &str) -> Result<Vec<IndexEntry>, StoreError> {
        self.try_query(&Region::scope(scope))
    }

    /// Returns the events of one kind, in commit order.
    pub fn by_fact(&self, kind: EventKind) -> Vec<IndexEntry> {
        self.query(&Region::all().with_fact(KindFilter::Exact(kind)))
    }

    /// As [`by_fact`](Self::by_fact), and as [`try_query`](Self::try_query).
    ///
    /// # Errors
    /// When the log cannot be read further.
    pub fn try_by_fact(&self, kind: EventKind) -> Result<Vec<IndexEntry>, StoreError> {
        self.try_query(&Region::all().with_fact(KindFilter::Exact(kind)))
    }

    /// Returns a number that grows whenever an entity gets a new visible event: how many it has had
    /// so far. It survives closing and opening, and reads one event at the most. `None` for an
    /// entity without events, and when that cannot be read; then the failure is kept in the store's
    /// diagnostics.
    ///
    /// It also grows, for every entity, when a [compaction](Store::compact) removes events: what
    /// was made of them before may hold no more.
    pub fn entity_generation(&self, entity: &str) -> Option<u64> {
        match self.generation(entity) {
            Ok(generation) => generation,
            Err(error) => {
                self.shared.keep_fault(&error);
                None
            }
        }
    }

    /// As [`entity_generation`](Self::entity_generation), and tells a failure; reads first what
    /// another process has written, if this store is open read-only.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn try_entity_generation(&self, entity: &str) -> Result<Option<u64>, StoreError> {
        self.refresh()?;
        self.generation(entity)
    }

    fn generation(&self, entity: &str) -> Result<Option<u64>, StoreError> {
        let reader = self.shared.engine.reader();
        let (removals, head) =
            self.retry_moved(|| Ok((reader.view().removals(), reader.head(entity)?)))?;
        Ok(head.map(|head| generation(Some(head), &removals)))
    }

    /// Reads what another process has written since, if this store is open read-only; a store that
    /// is open for writing sees its own writes at once. Returns the sequence below which
    /// everything is visible.
    ///
    /// # Errors
    /// When the log cannot be read further.
    pub fn refresh(&self) -> Result<u64, StoreError> {
        self.shared.refresh()
    }

    /// Recomputes every hash and every chain, compares what each segment follows with all events
    /// before it, and names the first event that does not hold up.
    /// Events of the released batpak have weaker hashes, of which this says how many there are.
    ///
    /// # Errors
    /// When an event cannot be read for another reason than damage.
    pub fn verify(&self) -> Result<Verification, StoreError> {
        self.verify_with(|_| {})
    }

    /// As [`verify`](Self::verify); `progress` is told how many events were checked.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_with(&self, mut progress: impl FnMut(u64)) -> Result<Verification, StoreError> {
        let reader = self.shared.engine.reader();
        loop {
            // What was merged away before is looked up where it is now.
            self.refresh()?;
            let seen = reader.view().segments();
            match batpak_actors::verify::verify(reader, &mut progress) {
                Err(error) if self.shared.is_moved(&error) => {
                    self.refresh()?;
                    if reader.view().segments() == seen {
                        return Err(error);
                    }
                }
                verified => return verified,
            }
        }
    }
}

impl super::Shared {
    /// Reads on; a failure stays in the diagnostics for callers that cannot be told.
    pub(super) fn refresh(&self) -> Result<u64, StoreError> {
        if !self.read_only {
            return Ok(self.engine.reader().view().visible());
        }
        self.engine
            .refresh()
            .inspect_err(|error| self.keep_fault(error))
    }

    /// Returns whether a failure may mean that another process has merged a file away.
    fn is_moved(&self, error: &StoreError) -> bool {
        let not_found = std::io::ErrorKind::NotFound;
        self.read_only && matches!(error, StoreError::Io(error) if error.kind() == not_found)
    }

    /// Keeps a failure for callers that cannot be told; the first one stays.
    pub(super) fn keep_fault(&self, error: &StoreError) {
        if self.read_fault.load().is_none() {
            self.read_fault.publish(Some(error.to_string()));
        }
    }
}
