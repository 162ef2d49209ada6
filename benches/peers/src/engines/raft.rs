//! raft-engine, as a log of logs: one raft group an entity, whose index is the entity's clock.
//!
//! It has no index of ids and no global order, so nothing is measured that needs one; its figures
//! are what a plain log costs, with the entity's stream as its only index, kept in memory.
//! - No compression, no purging; all else is the default.

use std::collections::HashMap;
use std::sync::{Mutex, RwLock};

use anyhow::{Context, Result, anyhow, bail};
use protobuf::well_known_types::BytesValue;
use raft_engine::{Config, LogBatch, MessageExt, ReadableSize};

use super::{Engine, Opening, Visit};
use crate::event::{NewEvent, Record, payload_of, to_usize};

/// What a group's first entry has as its index.
const FIRST_INDEX: u64 = 1;
const INDEX_BYTES: usize = 8;

/// An entry of a group: its index, then the record.
struct Entry;

impl MessageExt for Entry {
    type Entry = BytesValue;

    fn index(entry: &BytesValue) -> u64 {
        let index = entry.value.first_chunk::<INDEX_BYTES>();
        index.map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

/// The next index of a group; whoever writes to the group holds it.
type NextIndex = std::sync::Arc<Mutex<u64>>;

struct Raft {
    engine: raft_engine::Engine,
    durable: bool,
    groups: RwLock<HashMap<u64, NextIndex>>,
}

/// Opens a store.
pub(super) fn open(opening: &Opening) -> Result<Box<dyn Engine>> {
    let directory = opening.directory.to_str();
    let config = Config {
        dir: directory
            .context("the directory's name is text")?
            .to_owned(),
        batch_compression_threshold: ReadableSize(0),
        ..Config::default()
    };
    let engine = raft_engine::Engine::open(config)?;
    Ok(Box::new(Raft {
        engine,
        durable: opening.durable,
        groups: RwLock::default(),
    }))
}

/// Returns the group of an entity; 0 is not a group.
fn group_of(entity: usize) -> u64 {
    entity as u64 + 1
}

fn entry(record: &Record, index: u64) -> Result<BytesValue> {
    let mut bytes = Vec::new();
    record.write(u32::try_from(index - FIRST_INDEX)?, &mut bytes);
    let mut entry = BytesValue::new();
    entry.value.reserve(INDEX_BYTES + bytes.len());
    entry.value.extend_from_slice(&index.to_be_bytes());
    entry.value.extend_from_slice(&bytes);
    Ok(entry)
}

fn visit_entry(entry: &BytesValue, visit: Visit<'_>) -> Result<()> {
    let record = entry.value.get(INDEX_BYTES..);
    visit(payload_of(record.context("an entry is too short")?)?);
    Ok(())
}

impl Raft {
    fn next_index(&self, group: u64) -> Result<NextIndex> {
        let panicked = || anyhow!("another thread panicked");
        let known = self
            .groups
            .read()
            .map_err(|_| panicked())?
            .get(&group)
            .cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut groups = self.groups.write().map_err(|_| panicked())?;
        let next = groups.entry(group).or_insert_with(|| {
            let last = self.engine.last_index(group);
            NextIndex::new(Mutex::new(last.map_or(FIRST_INDEX, |last| last + 1)))
        });
        Ok(NextIndex::clone(next))
    }
}

impl Engine for Raft {
    fn append(&self, event: &NewEvent<'_>) -> Result<u128> {
        let record = Record::new(event)?;
        let group = group_of(event.entity);
        let next = self.next_index(group)?;
        let mut next = next
            .lock()
            .map_err(|_| anyhow!("another thread panicked"))?;
        let mut batch = LogBatch::with_capacity(1);
        batch.add_entries::<Entry>(group, &[entry(&record, *next)?])?;
        self.engine.write(&mut batch, self.durable)?;
        *next += 1;
        Ok(record.id)
    }

    fn window(&self, events: &[NewEvent<'_>]) -> Result<Vec<u128>> {
        self.batch(events)
    }

    /// One thread only may write batches: the groups are not held meanwhile.
    fn batch(&self, events: &[NewEvent<'_>]) -> Result<Vec<u128>> {
        let mut ids = Vec::with_capacity(events.len());
        let mut batch = LogBatch::with_capacity(events.len());
        for event in events {
            let record = Record::new(event)?;
            let group = group_of(event.entity);
            let next = self.next_index(group)?;
            let mut next = next
                .lock()
                .map_err(|_| anyhow!("another thread panicked"))?;
            batch.add_entries::<Entry>(group, &[entry(&record, *next)?])?;
            *next += 1;
            ids.push(record.id);
        }
        self.engine.write(&mut batch, self.durable)?;
        Ok(ids)
    }

    fn get(&self, _id: u128, _visit: Visit<'_>) -> Result<()> {
        bail!("raft-engine has no index of ids")
    }

    fn get_known(&self, _id: u128, entity: usize, visit: Visit<'_>) -> Result<()> {
        let found = self
            .engine
            .get_entry::<Entry>(group_of(entity), FIRST_INDEX)?;
        visit_entry(&found.context("there is no such event")?, visit)
    }

    fn stream(&self, entity: usize, visit: Visit<'_>) -> Result<()> {
        let group = group_of(entity);
        let Some(last) = self.engine.last_index(group) else {
            return Ok(());
        };
        let mut entries = Vec::with_capacity(to_usize(last));
        self.engine
            .fetch_entries_to::<Entry>(group, FIRST_INDEX, last + 1, None, &mut entries)?;
        for entry in &entries {
            visit_entry(entry, visit)?;
        }
        Ok(())
    }

    fn replay(&self, _visit: Visit<'_>) -> Result<()> {
        bail!("raft-engine has no global order")
    }

    fn close(self: Box<Self>) -> Result<()> {
        self.engine.sync()?;
        drop(self);
        Ok(())
    }
}
