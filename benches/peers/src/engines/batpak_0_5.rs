//! The release 0.5.0.
//!
//! - Relaxed: no periodic sync during the measurement, as the peers are measured: an append is
//!   written before it is answered, and survives the end of the process.
//! - Durable: `sync.every_n_events = 1` with `SyncMode::SyncData`, which is `fdatasync`.
//! - All else is the default; segments of another size are rows of their own. Group commit wants
//!   an idempotency key on every event and stays off, as it is by default.
//! - A payload can be read as JSON only. It is encoded again before it is looked at, which costs
//!   about a tenth of the reading.

use anyhow::{Result, bail};
use batpak_0_5::prelude::*;

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
        AppendOptions::default().with_idempotency(key)
    })
}

/// A payload is read as JSON and nothing else, so what is looked at is not what was stored.
fn visit_json(payload: &serde_json::Value, visit: Visit<'_>) -> Result<()> {
    visit(&rmp_serde::to_vec_named(payload)?);
    Ok(())
}

impl Engine for Batpak {
    fn append(&self, event: &NewEvent<'_>) -> Result<u128> {
        let coordinate = self.coordinates.of(event.entity)?;
        let payload = &event.payload;
        let store = &self.store;
        let receipt = store.append_with_options(&coordinate, KIND, payload, options(event))?;
        Ok(receipt.event_id)
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
            ids.push(ticket.wait()?.event_id);
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
        Ok(receipts.iter().map(|receipt| receipt.event_id).collect())
    }

    fn get(&self, id: u128, visit: Visit<'_>) -> Result<()> {
        visit_json(&self.store.get(id)?.event.payload, visit)
    }

    fn stream(&self, entity: usize, visit: Visit<'_>) -> Result<()> {
        for entry in self.store.stream(&entity_name(entity)) {
            visit_json(&self.store.get(entry.event_id)?.event.payload, visit)?;
        }
        Ok(())
    }

    fn replay(&self, visit: Visit<'_>) -> Result<()> {
        // Its cursor looks through everything for every batch; one query is the fastest way.
        for entry in self.store.query(&Region::all()) {
            visit_json(&self.store.get(entry.event_id)?.event.payload, visit)?;
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
