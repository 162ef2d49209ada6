//! Walks along an entity's hash chain, from an event back to the first.

use super::{Events, Reader};
use crate::error::StoreError;
use crate::raw_event::RawEvent;
use batpak_log::coordinate::Region;
use batpak_log::event::StoredEvent;

/// An event and those of its entity that its hash builds on, newest first.
///
/// Nothing is read before it is asked for. The first failure ends the walk.
#[derive(Debug)]
pub struct Ancestors {
    reader: Reader,
    events: Events,
    /// What was read for its hash, and comes next.
    held: Option<RawEvent>,
    failed: bool,
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
            failed: false,
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
        let prev_hash = match event.clock.checked_sub(1) {
            None => [0; 32],
            Some(clock) => {
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

    fn read_before(&mut self) -> Result<Option<RawEvent>, StoreError> {
        let own = |event: RawEvent<&[u8]>| event.map_payload(<[u8]>::to_vec);
        self.events.next_back_with(own).transpose()
    }
}

impl Iterator for Ancestors {
    type Item = Result<StoredEvent<Vec<u8>>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read();
        self.failed = read.is_err();
        read.transpose()
    }
}
