//! redb.
//!
//! Three tables: events by sequence, ids, and entities.
//! - Relaxed: `Durability::None`, with a durable commit after every 16,384 events, without which
//!   the pages of earlier commits are never used again. That promises less than the other engines
//!   do: a commit since the last durable one does not survive the end of the process. redb has
//!   nothing between that and a sync.
//! - Durable: `Durability::Immediate`, in one phase, which is the default.
//! - No quick repair, which makes every commit slower: a store that was not closed is repaired in
//!   full when it is opened.
//! - The cache has the budget that all engines have.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction,
};

use super::grouped::{Counters, Grouped, Tables};
use super::{Engine, Opening, Visit};
use crate::event::{Record, clock_of, entity_key, payload_of, to_usize};

const FILE: &str = "events.redb";
const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");
const IDS: TableDefinition<'_, u128, u64> = TableDefinition::new("ids");
const ENTITIES: TableDefinition<'_, &[u8], u64> = TableDefinition::new("entities");
/// After so many events a relaxed store commits durably.
const DURABLE_EVERY_EVENTS: u64 = 16_384;

struct Redb {
    database: Database,
    durable: bool,
    since_durable: AtomicU64,
}

/// Opens a store.
pub(super) fn open(opening: &Opening) -> Result<Box<dyn Engine>> {
    let cache_bytes = to_usize(opening.cache_bytes());
    let database = Database::builder()
        .set_cache_size(cache_bytes)
        .create(opening.directory.join(FILE))?;
    let transaction = database.begin_write()?;
    let next = {
        let events = transaction.open_table(EVENTS)?;
        transaction.open_table(IDS)?;
        transaction.open_table(ENTITIES)?;
        events.last()?.map_or(0, |(last, _)| last.value() + 1)
    };
    transaction.commit()?;
    let tables = Redb {
        database,
        durable: opening.durable,
        since_durable: AtomicU64::new(0),
    };
    Ok(Box::new(Grouped::new(tables, Counters::new(next))))
}

/// The tables of one writing transaction.
struct Writing<'t> {
    events: Table<'t, u64, &'static [u8]>,
    ids: Table<'t, u128, u64>,
    entities: Table<'t, &'static [u8], u64>,
}

impl<'t> Writing<'t> {
    fn new(transaction: &'t WriteTransaction) -> Result<Self> {
        Ok(Self {
            events: transaction.open_table(EVENTS)?,
            ids: transaction.open_table(IDS)?,
            entities: transaction.open_table(ENTITIES)?,
        })
    }

    fn put(
        &mut self,
        counters: &mut Counters,
        record: &Record,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        if record.keyed && self.ids.get(record.id)?.is_some() {
            return Ok(());
        }
        let clock = counters.clock(&record.entity, || {
            let (first, last) = (
                entity_key(&record.entity, 0),
                entity_key(&record.entity, !0),
            );
            let mut own = self.entities.range(first.as_slice()..=last.as_slice())?;
            let last = own.next_back().transpose()?;
            last.map(|(key, _)| clock_of(key.value())).transpose()
        })?;
        record.write(clock, buffer);
        let sequence = counters.sequence();
        self.events.insert(sequence, buffer.as_slice())?;
        self.ids.insert(record.id, sequence)?;
        let key = entity_key(&record.entity, clock);
        self.entities.insert(key.as_slice(), sequence)?;
        Ok(())
    }
}

impl Redb {
    /// Whether a commit of so many more events is to be a durable one.
    fn is_due(&self, events: usize) -> bool {
        let before = self
            .since_durable
            .fetch_add(events as u64, Ordering::Relaxed);
        let due = self.durable || before + events as u64 >= DURABLE_EVERY_EVENTS;
        if due {
            self.since_durable.store(0, Ordering::Relaxed);
        }
        due
    }
}

impl Tables for Redb {
    fn commit(&self, counters: &mut Counters, records: &[Record]) -> Result<()> {
        let mut transaction = self.database.begin_write()?;
        if !self.is_due(records.len()) {
            transaction.set_durability(Durability::None)?;
        }
        {
            let mut tables = Writing::new(&transaction)?;
            let mut buffer = Vec::new();
            for record in records {
                tables.put(counters, record, &mut buffer)?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn get(&self, id: u128, visit: Visit<'_>) -> Result<()> {
        let transaction = self.database.begin_read()?;
        let place = transaction.open_table(IDS)?.get(id)?;
        let place = place.context("there is no such id")?.value();
        let record = transaction.open_table(EVENTS)?.get(place)?;
        visit(payload_of(
            record.context("there is no such event")?.value(),
        )?);
        Ok(())
    }

    fn stream(&self, entity: &str, visit: Visit<'_>) -> Result<()> {
        let transaction = self.database.begin_read()?;
        let events = transaction.open_table(EVENTS)?;
        let (first, last) = (entity_key(entity, 0), entity_key(entity, u32::MAX));
        let entities = transaction.open_table(ENTITIES)?;
        for entry in entities.range(first.as_slice()..=last.as_slice())? {
            let record = events.get(entry?.1.value())?;
            visit(payload_of(
                record.context("there is no such event")?.value(),
            )?);
        }
        Ok(())
    }

    fn replay(&self, visit: Visit<'_>) -> Result<()> {
        let transaction = self.database.begin_read()?;
        for entry in transaction.open_table(EVENTS)?.iter()? {
            visit(payload_of(entry?.1.value())?);
        }
        Ok(())
    }

    fn close(self) -> Result<()> {
        // What was committed without durability becomes durable with the next commit that is.
        self.database.begin_write()?.commit()?;
        drop(self.database);
        Ok(())
    }
}
