//! LMDB, through heed.
//!
//! Three databases: events by sequence (integer keys, appended), ids, and entities.
//! - Relaxed: `NO_SYNC`. A commit is in the system's hands and not synced, and survives the end of
//!   the process. Durable: every commit is synced, data and meta page.
//! - Without the map being writable, a stray pointer cannot damage the file, and the file is as
//!   long as its data: the row `heed`. With `WRITE_MAP` commits are faster by far, a stray pointer
//!   is a damaged file, and the file is as long as the map, sparse: the row `heed-writemap`. Never
//!   `MAP_ASYNC`.
//! - A read is a transaction of its own, as it would be in a store; its slot is kept by the thread.
//! - No cache of its own: the system's page cache is all of memory.

use std::ops::Bound::Included;

use anyhow::{Context, Result};
use heed::byteorder::NativeEndian;
use heed::types::{Bytes, U64};
use heed::{Database, Env, EnvFlags, EnvOpenOptions, IntegerComparator, PutFlags, RwTxn};

use super::grouped::{Counters, Grouped, Tables};
use super::{Engine, Opening, Visit};
use crate::event::{Record, clock_of, entity_key, payload_of, sequence_of};

/// Address space, not memory: larger than any file that is measured.
const MAP_BYTES: usize = 64 << 30;

type Sequence = U64<NativeEndian>;

struct Lmdb {
    env: Env,
    events: Database<Sequence, Bytes, IntegerComparator>,
    ids: Database<Bytes, Bytes>,
    entities: Database<Bytes, Bytes>,
}

/// Opens a store, through a map that can be written if so asked.
pub(super) fn open(opening: &Opening, write_map: bool) -> Result<Box<dyn Engine>> {
    let env = open_environment(opening, write_map)?;
    let mut transaction = env.write_txn()?;
    let events = env
        .database_options()
        .types::<Sequence, Bytes>()
        .name("events")
        .key_comparator::<IntegerComparator>()
        .create(&mut transaction)?;
    let ids = env.create_database(&mut transaction, Some("ids"))?;
    let entities = env.create_database(&mut transaction, Some("entities"))?;
    let next = events.last(&transaction)?.map_or(0, |(last, _)| last + 1);
    transaction.commit()?;
    let tables = Lmdb {
        env,
        events,
        ids,
        entities,
    };
    Ok(Box::new(Grouped::new(tables, Counters::new(next))))
}

#[expect(unsafe_code, reason = "LMDB trusts its caller with map and flags")]
fn open_environment(opening: &Opening, write_map: bool) -> Result<Env> {
    let mut flags = EnvFlags::empty();
    flags.set(EnvFlags::NO_SYNC, !opening.durable);
    flags.set(EnvFlags::WRITE_MAP, write_map);
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_BYTES).max_dbs(3);
    // SAFETY: the directory was made for this measurement, and no other process opens it meanwhile.
    // Without syncs a crash of the machine may damage the file, which nobody reads afterwards. All
    // code in this process that could write through the map is safe Rust or LMDB's.
    let env = unsafe { options.flags(flags).open(&opening.directory) };
    Ok(env?)
}

impl Lmdb {
    fn put(
        &self,
        transaction: &mut RwTxn<'_>,
        counters: &mut Counters,
        record: &Record,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        let id = record.id.to_be_bytes();
        if record.keyed && self.ids.get(transaction, &id)?.is_some() {
            return Ok(());
        }
        let clock = counters.clock(&record.entity, || {
            let beyond = entity_key(&record.entity, u32::MAX);
            let first = entity_key(&record.entity, 0);
            let last = self
                .entities
                .get_lower_than_or_equal_to(transaction, &beyond)?;
            let own = last.filter(|(key, _)| *key >= first.as_slice());
            own.map(|(key, _)| clock_of(key)).transpose()
        })?;
        record.write(clock, buffer);
        let sequence = counters.sequence();
        let place = sequence.to_be_bytes();
        let append = PutFlags::APPEND;
        self.events
            .put_with_flags(transaction, append, &sequence, buffer)?;
        self.ids.put(transaction, &id, &place)?;
        self.entities
            .put(transaction, &entity_key(&record.entity, clock), &place)?;
        Ok(())
    }
}

impl Tables for Lmdb {
    fn commit(&self, counters: &mut Counters, records: &[Record]) -> Result<()> {
        let mut transaction = self.env.write_txn()?;
        let mut buffer = Vec::new();
        for record in records {
            self.put(&mut transaction, counters, record, &mut buffer)?;
        }
        Ok(transaction.commit()?)
    }

    fn get(&self, id: u128, visit: Visit<'_>) -> Result<()> {
        let transaction = self.env.read_txn()?;
        let place = self.ids.get(&transaction, &id.to_be_bytes())?;
        let place = sequence_of(place.context("there is no such id")?)?;
        let record = self.events.get(&transaction, &place)?;
        visit(payload_of(record.context("there is no such event")?)?);
        Ok(())
    }

    fn stream(&self, entity: &str, visit: Visit<'_>) -> Result<()> {
        let transaction = self.env.read_txn()?;
        let (first, last) = (entity_key(entity, 0), entity_key(entity, u32::MAX));
        let whole = (Included(first.as_slice()), Included(last.as_slice()));
        for entry in self.entities.range(&transaction, &whole)? {
            let place = sequence_of(entry?.1)?;
            let record = self.events.get(&transaction, &place)?;
            visit(payload_of(record.context("there is no such event")?)?);
        }
        Ok(())
    }

    fn replay(&self, visit: Visit<'_>) -> Result<()> {
        let transaction = self.env.read_txn()?;
        for entry in self.events.iter(&transaction)? {
            visit(payload_of(entry?.1)?);
        }
        Ok(())
    }

    fn close(self) -> Result<()> {
        self.env.force_sync()?;
        self.env.prepare_for_closing().wait();
        Ok(())
    }
}
