//! fjall.
//!
//! Three keyspaces in one database: events by sequence, ids, and entities, written as one batch.
//! - Relaxed: the journal is handed to the system with every batch (`PersistMode::Buffer`), which
//!   survives the end of the process. Durable: `SyncData`, which is `fdatasync`.
//! - Ids and sequences are looked up only when they exist, so both keyspaces expect hits and save
//!   themselves the last level's filters; their data blocks carry a hash index.
//! - Memtables and the journal's limit are the defaults: 64 MiB a keyspace, 512 MiB. The cache has
//!   the budget that all engines have.
//! - Closing syncs the journal and lets go. Opening makes memtables of the journal again: fjall has
//!   no public way to flush them before.

use anyhow::{Context, Result};
use fjall::config::HashRatioPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use super::grouped::{Counters, Grouped, Tables};
use super::{Engine, Opening, Visit};
use crate::event::{Record, clock_of, entity_key, payload_of, sequence_of};

/// How many buckets of a data block's hash index an item has.
const HASH_RATIO: f32 = 0.75;

struct Fjall {
    database: Database,
    events: Keyspace,
    ids: Keyspace,
    entities: Keyspace,
    persist: PersistMode,
}

/// Opens a store.
pub(super) fn open(opening: &Opening) -> Result<Box<dyn Engine>> {
    let database = Database::builder(&opening.directory)
        .cache_size(opening.cache_bytes())
        .open()?;
    let looked_up = || {
        KeyspaceCreateOptions::default()
            .expect_point_read_hits(true)
            .data_block_hash_ratio_policy(HashRatioPolicy::all(HASH_RATIO))
    };
    let events = database.keyspace("events", looked_up)?;
    let ids = database.keyspace("ids", looked_up)?;
    let entities = database.keyspace("entities", KeyspaceCreateOptions::default)?;
    let next = match events.last_key_value() {
        Some(last) => sequence_of(&last.key()?)? + 1,
        None => 0,
    };
    let persist = if opening.durable {
        PersistMode::SyncData
    } else {
        PersistMode::Buffer
    };
    let tables = Fjall {
        database,
        events,
        ids,
        entities,
        persist,
    };
    Ok(Box::new(Grouped::new(tables, Counters::new(next))))
}

impl Fjall {
    fn put(
        &self,
        batch: &mut OwnedWriteBatch,
        counters: &mut Counters,
        record: &Record,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        let id = record.id.to_be_bytes();
        if record.keyed && self.ids.contains_key(id)? {
            return Ok(());
        }
        let clock = counters.clock(&record.entity, || {
            let (first, last) = (
                entity_key(&record.entity, 0),
                entity_key(&record.entity, !0),
            );
            let last = self.entities.range(first..=last).next_back();
            last.map(|last| clock_of(&last.key()?)).transpose()
        })?;
        record.write(clock, buffer);
        let place = counters.sequence().to_be_bytes();
        batch.insert(&self.events, place, buffer.as_slice());
        batch.insert(&self.ids, id, place);
        batch.insert(&self.entities, entity_key(&record.entity, clock), place);
        Ok(())
    }
}

impl Tables for Fjall {
    fn commit(&self, counters: &mut Counters, records: &[Record]) -> Result<()> {
        let mut batch = self.database.batch().durability(Some(self.persist));
        let mut buffer = Vec::new();
        for record in records {
            self.put(&mut batch, counters, record, &mut buffer)?;
        }
        Ok(batch.commit()?)
    }

    fn get(&self, id: u128, visit: Visit<'_>) -> Result<()> {
        let place = self.ids.get(id.to_be_bytes())?;
        let record = self.events.get(place.context("there is no such id")?)?;
        visit(payload_of(&record.context("there is no such event")?)?);
        Ok(())
    }

    fn stream(&self, entity: &str, visit: Visit<'_>) -> Result<()> {
        let (first, last) = (entity_key(entity, 0), entity_key(entity, u32::MAX));
        for entry in self.entities.range(first..=last) {
            let record = self.events.get(entry.value()?)?;
            visit(payload_of(&record.context("there is no such event")?)?);
        }
        Ok(())
    }

    fn replay(&self, visit: Visit<'_>) -> Result<()> {
        for entry in self.events.iter() {
            visit(payload_of(&entry.value()?)?);
        }
        Ok(())
    }

    fn close(self) -> Result<()> {
        self.database.persist(PersistMode::SyncAll)?;
        drop(self);
        Ok(())
    }
}
