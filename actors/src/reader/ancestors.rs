//! Walks along an entity's hash chain, from an event back to the first.

use super::{Events, Reader};
use crate::error::StoreError;
use crate::raw_event::RawEvent;
use batpak_log::coordinate::Region;
use batpak_log::event::StoredEvent;

/// An event and those of its entity that its hash builds on, newest first.
///
/// Nothing is read before it is asked for. The first failure ends the walk, and so does an event
/// that begins a chain: in version 1, an entity may have several.
#[derive(Debug)]
pub struct Ancestors {
    reader: Reader,
    events: Events,
    /// What was read for its hash, and comes next.
    held: Option<RawEvent>,
    ended: bool,
}

impl Reader {
    /// Walks from an event back along its entity's hash chain; the event itself comes first.
    ///
    /// # Errors
    /// `NotFound`, and what reading the event returns.
    pub fn ancestors(&self, event_id: u128) -> Result<Ancestors, StoreError> {
        let start = self.raw_with(event_id, |_| ())?;
        let entity = Region::entity_exact(start.coord.entity());
        Ok(Ancestors {
            reader: self.clone(),
            events: self.events(&entity, 0).until(start.global_sequence + 1),
            held: None,
            ended: false,
        })
    }
}

impl Ancestors {
    fn read(&mut self) -> Result<Option<StoredEvent<Vec<u8>>>, StoreError> {
        let event = match self.held.take() {
            Some(event) => Some(event),
            None => self.read_before()?,
        };
        let Some(event) = event else {
            return Ok(None);
        };
        let prev_hash = match (event.stored_prev_hash(), event.clock.checked_sub(1)) {
            (Some(stored), _) => {
                self.held = self.read_back_to(&stored)?;
                self.ended = self.held.is_none();
                stored
            }
            (None, None) => {
                self.ended = true;
                [0; 32]
            }
            (None, Some(clock)) => {
                self.held = self.read_before()?;
                match &self.held {
                    Some(before) if before.clock == clock => before.event_hash,
                    Some(_) | None => {
                        let (entity, sequence) = (event.coord.entity(), event.global_sequence);
                        self.reader.hash_known_before(entity, sequence)?
                    }
                }
            }
        };
        Ok(Some(event.into_stored(prev_hash)))
    }

    /// Passes over events that are not of this chain.
    fn read_back_to(&mut self, event_hash: &[u8; 32]) -> Result<Option<RawEvent>, StoreError> {
        loop {
            match self.read_before()? {
                Some(before) if before.event_hash != *event_hash => {}
                before => return Ok(before),
            }
        }
    }

    fn read_before(&mut self) -> Result<Option<RawEvent>, StoreError> {
        let own = |event: RawEvent<&[u8]>| event.map_payload(<[u8]>::to_vec);
        self.events.next_back_with(own).transpose()
    }
}

impl Iterator for Ancestors {
    type Item = Result<StoredEvent<Vec<u8>>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read();
        self.ended |= read.is_err();
        read.transpose()
    }
}
