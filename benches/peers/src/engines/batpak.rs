//! This repository's store.
//!
//! - Relaxed: no periodic sync during the measurement, as the peers are measured: an append is
//!   written before it is answered, and survives the end of the process.
//! - Durable: `sync.every_n_events = 1` with `SyncMode::SyncData`, which is `fdatasync`.
//! - Reading has the cache budget that the peers have. Its memory is measured with the default.
//! - All else is the default; segments of another size are rows of their own.

use anyhow::{Result, bail};
use batpak::prelude::*;

use super::coordinates::Coordinates;
use super::{Engine, Opening, Visit};
use crate::event::{NewEvent, SCOPE, entity_name};

const KIND: EventKind = EventKind::custom(0x1, 1);
/// The time after which a relaxed store syncs: longer than a measurement.
const RELAXED_DELAY_MS: u64 = 3_600_000;

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
        let relaxed = config.with_sync_every_n_events(u32::MAX);
        relaxed.with_sync_max_delay_ms(RELAXED_DELAY_MS)
    };
    if opening.reads {
        config = config.with_cache_bytes(opening.cache_bytes());
    }
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

/// Reading, the three ways: all that changes with the reading interface is here.
impl Batpak {
    fn read_one(&self, id: u128, visit: Visit<'_>) -> Result<()> {
        self.store.read_with(id, visit)?;
        Ok(())
    }

    fn read_entity(&self, entity: usize, visit: Visit<'_>) -> Result<()> {
        self.read(&Region::entity_exact(entity_name(entity)), visit)
    }

    fn read_all(&self, visit: Visit<'_>) -> Result<()> {
        self.read(&Region::all(), visit)
    }

    fn read(&self, region: &Region, visit: Visit<'_>) -> Result<()> {
        let mut events = self.store.events(region, 0);
        while let Some(read) = events.next_with(|event| visit(event.payload)) {
            read?;
        }
        Ok(())
    }
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
        let mut tickets = Vec::with_capacity(events.len());
        for event in events {
            let coordinate = self.coordinates.of(event.entity)?;
            let (payload, options) = (&event.payload, options(event));
            let store = &self.store;
            tickets.push(store.submit_with_options(&coordinate, KIND, payload, options)?);
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
        self.read_one(id, visit)
    }

    fn stream(&self, entity: usize, visit: Visit<'_>) -> Result<()> {
        self.read_entity(entity, visit)
    }

    fn replay(&self, visit: Visit<'_>) -> Result<()> {
        self.read_all(visit)
    }

    fn close(self: Box<Self>) -> Result<()> {
        if let Err(error) = self.store.close() {
            bail!("the store did not close: {error}");
        }
        Ok(())
    }
}
