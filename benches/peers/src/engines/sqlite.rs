//! SQLite, bundled.
//!
//! One table of events whose row id is the global sequence, an index of ids and one of entities.
//! - Write-ahead log. `synchronous = NORMAL` when relaxed: a commit is written, not synced, and
//!   survives the end of the process. `FULL` when durable: one sync a commit.
//! - `locking_mode = EXCLUSIVE`: one process has the store, as batpak demands too; no locks and no
//!   shared memory a transaction.
//! - A checkpoint of the log every 16,384 pages (64 MiB) instead of every 1,000: fewer writes.
//! - The page cache has the budget that all engines have; statements are prepared once.

use std::sync::{Mutex, MutexGuard};

use anyhow::{Context, Result, anyhow};
use rusqlite::{Connection, OptionalExtension, params};

use super::grouped::{Counters, Grouped, Tables};
use super::{Engine, Opening, Visit};
use crate::event::{Record, SCOPE};

const FILE: &str = "events.sqlite";
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS events (
        sequence INTEGER PRIMARY KEY,
        id BLOB NOT NULL,
        entity TEXT NOT NULL,
        clock INTEGER NOT NULL,
        scope TEXT NOT NULL,
        kind INTEGER NOT NULL,
        wall_ms INTEGER NOT NULL,
        payload BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX IF NOT EXISTS ids ON events (id);
    CREATE UNIQUE INDEX IF NOT EXISTS entities ON events (entity, clock);
";
const INSERT: &str = "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const IS_THERE: &str = "SELECT 1 FROM events WHERE id = ?1";
const LAST_CLOCK: &str = "SELECT max(clock) FROM events WHERE entity = ?1";
const GET: &str = "SELECT payload FROM events WHERE id = ?1";
const STREAM: &str = "SELECT payload FROM events WHERE entity = ?1 ORDER BY clock";
const REPLAY: &str = "SELECT payload FROM events ORDER BY sequence";
const CHECKPOINT_PAGES: u32 = 16_384;
const STATEMENTS: usize = 16;
const KIND: u16 = 0x1001;

struct Sqlite {
    connection: Mutex<Connection>,
}

/// Opens a store.
pub(super) fn open(opening: &Opening) -> Result<Box<dyn Engine>> {
    let connection = Connection::open(opening.directory.join(FILE))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let synchronous = if opening.durable { "FULL" } else { "NORMAL" };
    let cache_kib = opening.cache_mib * 1024;
    connection.execute_batch(&format!(
        "PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = {synchronous};
         PRAGMA cache_size = -{cache_kib};
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA temp_store = MEMORY;
         {SCHEMA}"
    ))?;
    let last: Option<i64> =
        connection.query_row("SELECT max(sequence) FROM events", [], |row| row.get(0))?;
    let next = last.map_or(0, |last| last.unsigned_abs() + 1);
    let tables = Sqlite {
        connection: Mutex::new(connection),
    };
    Ok(Box::new(Grouped::new(tables, Counters::new(next))))
}

impl Sqlite {
    fn connection(&self) -> Result<MutexGuard<'_, Connection>> {
        let connection = self.connection.lock();
        connection.map_err(|_| anyhow!("another thread panicked"))
    }
}

fn insert(connection: &Connection, counters: &mut Counters, record: &Record) -> Result<()> {
    let id = record.id.to_be_bytes();
    if record.keyed && connection.prepare_cached(IS_THERE)?.exists([id])? {
        return Ok(());
    }
    let clock = counters.clock(&record.entity, || {
        let mut last = connection.prepare_cached(LAST_CLOCK)?;
        Ok(last.query_row([&record.entity], |row| row.get(0))?)
    })?;
    let wall_ms = i64::try_from(record.id >> 80)?;
    let sequence = i64::try_from(counters.sequence())?;
    let (entity, payload) = (&record.entity, record.payload());
    let event = params![sequence, id, entity, clock, SCOPE, KIND, wall_ms, payload];
    connection.prepare_cached(INSERT)?.execute(event)?;
    Ok(())
}

fn visit_all(
    connection: &Connection,
    query: &str,
    params: impl rusqlite::Params,
    visit: Visit<'_>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        visit(row.get_ref(0)?.as_blob()?);
    }
    Ok(())
}

impl Tables for Sqlite {
    fn commit(&self, counters: &mut Counters, records: &[Record]) -> Result<()> {
        let connection = self.connection()?;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for record in records {
            insert(&connection, counters, record)?;
        }
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    fn get(&self, id: u128, visit: Visit<'_>) -> Result<()> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(GET)?;
        let found = statement.query_row([id.to_be_bytes()], |row| {
            visit(row.get_ref(0)?.as_blob()?);
            Ok(())
        });
        found.optional()?.context("there is no such event")
    }

    fn stream(&self, entity: &str, visit: Visit<'_>) -> Result<()> {
        visit_all(&*self.connection()?, STREAM, [entity], visit)
    }

    fn replay(&self, visit: Visit<'_>) -> Result<()> {
        visit_all(&*self.connection()?, REPLAY, [], visit)
    }

    fn close(self) -> Result<()> {
        let connection = self.connection.into_inner();
        let connection = connection.map_err(|_| anyhow!("another thread panicked"))?;
        connection.close().map_err(|(_, error)| error.into())
    }
}
