//! Lazy reading: the events of a region, one after the other, from either end.

use crate::coordinate::Region;
use crate::store::payload::{decode, decode_json};
use crate::store::{IndexEntry, RawEvent, Shared, Store, StoreError};
use batpak_actors::reader::Events as Walk;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

impl<State> Store<State> {
    /// Walks over the events of a region from a sequence on, in commit order: what was visible when
    /// the walk began. Nothing is read before it is asked for, and the first failure ends it.
    ///
    /// It is an iterator of index entries that can be turned around with `rev`;
    /// [`Events::until`] ends it before a sequence, and [`raw`](Events::raw),
    /// [`json`](Events::json) and [`typed`](Events::typed) give the payloads along the way.
    pub fn events(&self, region: &Region, from: u64) -> Events {
        self.shared.events(region, from)
    }
}

impl Shared {
    pub(in crate::store) fn events(self: &Arc<Self>, region: &Region, from: u64) -> Events {
        Events {
            walk: self.engine.reader().events(region, from),
            shared: Arc::clone(self),
        }
    }

    /// Adds the next events of a region, up to so many, and moves `from` behind them; at the end
    /// behind everything that was looked at. What an iterator does, without handing each entry on.
    pub(in crate::store) fn take_events(
        &self,
        (region, from): (&Region, &mut u64),
        max: usize,
        found: &mut Vec<IndexEntry>,
    ) -> Result<(), StoreError> {
        let reader = self.engine.reader();
        let mut walk = reader.events(region, *from);
        let mut looked_again = false;
        for _ in 0..max {
            let mut next = walk.next();
            if let Some(Err(error)) = &next
                && self.is_moved(error)
                && !looked_again
            {
                self.refresh()?;
                walk = reader.events(region, *from).until(walk.end_sequence());
                next = walk.next();
                looked_again = true;
            }
            let Some(entry) = next else {
                *from = walk.next_sequence();
                break;
            };
            let entry = entry?;
            *from = entry.global_sequence + 1;
            found.push(entry);
        }
        Ok(())
    }
}

/// The visible events of a region, as they were when the walk began: from the front in commit
/// order, from the back (`rev`) the latest first.
///
/// Events that are written meanwhile are not part of it: a [`Cursor`](crate::store::Cursor) goes on
/// with those. Going from the back costs by what is taken, not by the length of the log; where the
/// region is a prefix or a category, the index of the part of the log at hand is looked through
/// first.
///
/// An event that cannot be read ends the walk with an error; it is never passed over.
pub struct Events {
    shared: Arc<Shared>,
    walk: Walk,
}

impl Events {
    /// Ends the walk before a sequence.
    #[must_use]
    pub fn until(mut self, sequence: u64) -> Self {
        self.walk = self.walk.until(sequence);
        self
    }

    /// Returns the sequence from which another walk would go on at the front. At the end of this
    /// one it is the sequence below which everything was visible when the walk began.
    pub fn next_sequence(&self) -> u64 {
        self.walk.next_sequence()
    }

    /// Returns the sequence before which another walk would go on at the back.
    pub fn end_sequence(&self) -> u64 {
        self.walk.end_sequence()
    }

    /// Gives each event with its payload in the MessagePack that was stored.
    pub fn raw(self) -> EventsWith<Vec<u8>> {
        self.with(|payload| Ok(payload.to_vec()))
    }

    /// Gives each event with its payload as JSON; see [`Store::get`] for what JSON cannot say.
    pub fn json(self) -> EventsWith<Value> {
        self.with(decode_json)
    }

    /// Gives each event with its payload decoded into `T`.
    pub fn typed<T: DeserializeOwned>(self) -> EventsWith<T> {
        self.with(|payload| decode(payload))
    }

    fn with<P>(self, decode: fn(&[u8]) -> Result<P, StoreError>) -> EventsWith<P> {
        let events = self;
        EventsWith { events, decode }
    }

    /// Reads the next event and hands it to `take`, without copying its payload: the fastest way
    /// through many events.
    ///
    /// # Errors
    /// `CrcMismatch`, `CorruptSegment`, `ForeignFile` or `Io` for the first event that cannot be
    /// read; the walk is then over.
    pub fn next_with<T>(
        &mut self,
        take: impl FnOnce(RawEvent<&[u8]>) -> T,
    ) -> Option<Result<T, StoreError>> {
        if !self.shared.read_only {
            return self.walk.next_with(take);
        }
        let mut take = Some(take);
        self.step(|walk| {
            walk.next_with(|event| take.take().map(|take| take(event)))
                .and_then(Result::transpose)
        })
    }

    /// As [`next_with`](Self::next_with), from the back.
    ///
    /// # Errors
    /// As [`next_with`](Self::next_with).
    pub fn next_back_with<T>(
        &mut self,
        take: impl FnOnce(RawEvent<&[u8]>) -> T,
    ) -> Option<Result<T, StoreError>> {
        if !self.shared.read_only {
            return self.walk.next_back_with(take);
        }
        let mut take = Some(take);
        self.step(|walk| {
            walk.next_back_with(|event| take.take().map(|take| take(event)))
                .and_then(Result::transpose)
        })
    }

    /// Takes a step, and once more where the writing process has merged away what was to be read.
    #[inline]
    fn step<T>(
        &mut self,
        mut step: impl FnMut(&mut Walk) -> Option<Result<T, StoreError>>,
    ) -> Option<Result<T, StoreError>> {
        let mut stepped = step(&mut self.walk);
        if let Some(Err(error)) = &stepped
            && self.shared.is_moved(error)
        {
            stepped = match self.begin_again() {
                Ok(()) => step(&mut self.walk),
                Err(error) => Some(Err(error)),
            };
        }
        stepped
    }

    /// Begins another walk over what is left of this one.
    fn begin_again(&mut self) -> Result<(), StoreError> {
        self.shared.refresh()?;
        let (from, until) = (self.walk.next_sequence(), self.walk.end_sequence());
        let reader = self.shared.engine.reader();
        self.walk = reader.events(self.walk.region(), from).until(until);
        Ok(())
    }
}

impl Iterator for Events {
    type Item = Result<IndexEntry, StoreError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.step(Walk::next)
    }
}

impl DoubleEndedIterator for Events {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step(Walk::next_back)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("region", self.walk.region())
            .field("next_sequence", &self.walk.next_sequence())
            .field("end_sequence", &self.walk.end_sequence())
            .finish_non_exhaustive()
    }
}

/// [`Events`] with their payloads, which are read along the way.
///
/// A payload that is not what was asked for gives `Serialization` for that event; the walk goes on
/// behind it if it is asked for more. Any other failure ends the walk.
pub struct EventsWith<P> {
    events: Events,
    decode: fn(&[u8]) -> Result<P, StoreError>,
}

impl<P> EventsWith<P> {
    /// Ends the walk before a sequence.
    #[must_use]
    pub fn until(mut self, sequence: u64) -> Self {
        self.events = self.events.until(sequence);
        self
    }
}

fn decoded<P>(
    event: RawEvent<&[u8]>,
    decode: fn(&[u8]) -> Result<P, StoreError>,
) -> Result<RawEvent<P>, StoreError> {
    let payload = decode(event.payload).map_err(|error| named(error, &event))?;
    Ok(event.map_payload(|_| payload))
}

/// Says in an error of decoding which event it is about.
fn named(error: StoreError, event: &RawEvent<&[u8]>) -> StoreError {
    let StoreError::Serialization(error) = error else {
        return error;
    };
    let (id, sequence) = (event.event_id, event.global_sequence);
    let text = format!("event {id:032x} at sequence {sequence}: {error}");
    StoreError::Serialization(text.into())
}

impl<P> Iterator for EventsWith<P> {
    type Item = Result<RawEvent<P>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let decode = self.decode;
        let read = self.events.next_with(|event| decoded(event, decode))?;
        Some(read.and_then(|event| event))
    }
}

impl<P> DoubleEndedIterator for EventsWith<P> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let decode = self.decode;
        let read = self.events.next_back_with(|event| decoded(event, decode))?;
        Some(read.and_then(|event| event))
    }
}

impl<P> fmt::Debug for EventsWith<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventsWith").field(&self.events).finish()
    }
}
