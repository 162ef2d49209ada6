//! The release 0.10.0.
//!
//! - Relaxed: no periodic sync during the measurement, as the peers are measured: an append is
//!   written before it is answered, and survives the end of the process.
//! - Durable: `sync.every_n_events = 1` with `SyncMode::SyncData`, which is `fdatasync`.
//! - All else is the default; segments of another size are rows of their own. Group commit wants
//!   an idempotency key on every event and stays off, as it is by default.

use anyhow::{Result, bail};
use batpak_0_10::id::{EntityIdType, EventId, IdempotencyKey};
use batpak_0_10::prelude::*;
use batpak_0_10::store::{BatchAppendItem, CausationRef};

use super::coordinates::Coordinates;
use super::{Engine, Opening, Visit};
use crate::event::{NewEvent, SCOPE, entity_name};

const KIND: EventKind = EventKind::custom(0x1, 1);

struct Batpak {
    store: Store,
    coordinates: Coordinates<Coordinate>,
}

/// Opens a store.
pub(super) fn open(opening: &Opening) -> Result<Box<dyn Engine>> {
    let mut config = StoreConfig::new(&opening.directory).with_sync_mode(SyncMode::SyncData);
    config = if opening.durable {
        config.with_sync_every_n_events(1)
    } else {
        config.with_sync_every_n_events(u32::MAX)
    };
    if let Some(mib) = opening.segment_mib {
        config = config.with_segment_max_bytes(mib * 1024 * 1024);
    }
    let coordinates = Coordinates::new(|name| Ok(Coordinate::new(name, SCOPE)?))?;
    let store = Store::open(config)?;
    Ok(Box::new(Batpak { store, coordinates }))
}

fn options(event: &NewEvent<'_>) -> AppendOptions {
    event.key.map_or_else(AppendOptions::default, |key| {
        AppendOptions::default().with_idempotency(IdempotencyKey::from(key))
    })
}

impl Engine for Batpak {
    fn append(&self, event: &NewEvent<'_>) -> Result<u128> {
        let coordinate = self.coordinates.of(event.entity)?;
        let payload = &event.payload;
        let store = &self.store;
        let receipt = store.append_with_options(&coordinate, KIND, payload, options(event))?;
        Ok(receipt.event_id.as_u128())
    }

    fn window(&self, events: &[NewEvent<'_>]) -> Result<Vec<u128>> {
        // A submitted event cannot bring a key.
        if events.iter().any(|event| event.key.is_some()) {
            return self.batch(events);
        }
        let mut tickets = Vec::with_capacity(events.len());
        for event in events {
            let coordinate = self.coordinates.of(event.entity)?;
            tickets.push(self.store.submit(&coordinate, KIND, &event.payload)?);
        }
        let mut ids = Vec::with_capacity(events.len());
        for ticket in tickets {
            ids.push(ticket.wait()?.event_id.as_u128());
        }
        Ok(ids)
    }

    fn batch(&self, events: &[NewEvent<'_>]) -> Result<Vec<u128>> {
        let mut items = Vec::with_capacity(events.len());
        for event in events {
            let coordinate = self.coordinates.of(event.entity)?.into_owned();
            let (payload, options) = (&event.payload, options(event));
            let cause = CausationRef::None;
            items.push(BatchAppendItem::new(
                coordinate, KIND, payload, options, cause,
            )?);
        }
        let receipts = self.store.append_batch(items)?;
        Ok(receipts
            .iter()
            .map(|receipt| receipt.event_id.as_u128())
            .collect())
    }

    fn get(&self, id: u128, visit: Visit<'_>) -> Result<()> {
        visit(&self.store.read_raw(EventId::from(id))?.event.payload);
        Ok(())
    }

    fn stream(&self, entity: usize, visit: Visit<'_>) -> Result<()> {
        for entry in self.store.by_entity(&entity_name(entity)) {
            visit(&self.store.read_raw(entry.event_id())?.event.payload);
        }
        Ok(())
    }

    fn replay(&self, visit: Visit<'_>) -> Result<()> {
        // The store writes events of its own too, which are not asked for.
        let entries = self.store.query(&Region::all());
        for entry in entries.iter().filter(|entry| entry.event_kind() == KIND) {
            visit(&self.store.read_raw(entry.event_id())?.event.payload);
        }
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<()> {
        if let Err(error) = self.store.close() {
            bail!("the store did not close: {error}");
        }
        Ok(())
    }
}
