//! What the four transactional peers have in common: tables behind one writer, with group commit.
//!
//! A thread that appends while another one's transaction is being committed leaves its event in a
//! queue. Whoever commits next commits all that waits there in one transaction. None of
//! the four does that by itself; an event store built on one of them would.

use std::collections::HashMap;
use std::sync::{Condvar, LockResult, Mutex};

use anyhow::{Result, anyhow};

use super::{Engine, Visit};
use crate::event::{NewEvent, Record, entity_name};

/// Tables of events, of ids, and of entities.
pub(super) trait Tables: Send + Sync {
    /// Commits all records in one transaction, in order; one whose key is there is left out.
    fn commit(&self, counters: &mut Counters, records: &[Record]) -> Result<()>;

    /// As [`Engine::get`].
    fn get(&self, id: u128, visit: Visit<'_>) -> Result<()>;

    /// As [`Engine::stream`].
    fn stream(&self, entity: &str, visit: Visit<'_>) -> Result<()>;

    /// As [`Engine::replay`].
    fn replay(&self, visit: Visit<'_>) -> Result<()>;

    /// As [`Engine::close`].
    fn close(self) -> Result<()>;
}

/// What the writer keeps in memory: the next sequence, and the next clocks of known entities.
pub(super) struct Counters {
    next_sequence: u64,
    next_clocks: HashMap<String, u32>,
}

impl Counters {
    /// Starts after what is stored; clocks are looked up when they are needed first.
    pub(super) fn new(next_sequence: u64) -> Self {
        Self {
            next_sequence,
            next_clocks: HashMap::new(),
        }
    }

    /// Takes the next sequence.
    pub(super) fn sequence(&mut self) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        sequence
    }

    /// Takes an entity's next clock; `last` looks the last one up in the tables.
    pub(super) fn clock(
        &mut self,
        entity: &str,
        last: impl FnOnce() -> Result<Option<u32>>,
    ) -> Result<u32> {
        if let Some(next) = self.next_clocks.get_mut(entity) {
            let clock = *next;
            *next += 1;
            return Ok(clock);
        }
        let clock = last()?.map_or(0, |last| last + 1);
        self.next_clocks.insert(entity.to_owned(), clock + 1);
        Ok(clock)
    }
}

/// Events that wait, and who is done.
#[derive(Default)]
struct Queue {
    records: Vec<Record>,
    /// How many were ever taken in.
    taken: u64,
    /// How many of those are committed.
    committed: u64,
    /// Without the counters, a thread is committing.
    counters: Option<Counters>,
}

/// An engine made of tables.
pub(super) struct Grouped<T> {
    tables: T,
    queue: Mutex<Queue>,
    /// Rings when a commit is done.
    done: Condvar,
}

impl<T: Tables> Grouped<T> {
    /// Puts a queue in front of tables.
    pub(super) fn new(tables: T, counters: Counters) -> Self {
        let counters = Some(counters);
        Self {
            tables,
            queue: Mutex::new(Queue {
                counters,
                ..Queue::default()
            }),
            done: Condvar::new(),
        }
    }

    /// Returns when everything that was queued by then is committed: by another thread that is
    /// committing next, or by this one.
    fn commit(&self, records: impl IntoIterator<Item = Record>) -> Result<()> {
        let mut queue = lock(self.queue.lock())?;
        let before = queue.records.len();
        queue.records.extend(records);
        queue.taken += (queue.records.len() - before) as u64;
        let last = queue.taken;
        while queue.committed < last {
            let Some(mut counters) = queue.counters.take() else {
                queue = lock(self.done.wait(queue))?;
                continue;
            };
            let records = std::mem::take(&mut queue.records);
            let taken = queue.taken;
            drop(queue);
            let committed = self.tables.commit(&mut counters, &records);
            queue = lock(self.queue.lock())?;
            queue.counters = Some(counters);
            // A failure ends the measurement, so it is told once.
            queue.committed = taken;
            self.done.notify_all();
            committed?;
        }
        Ok(())
    }
}

fn lock<G>(locked: LockResult<G>) -> Result<G> {
    locked.map_err(|_| anyhow!("another thread panicked"))
}

impl<T: Tables> Engine for Grouped<T> {
    fn append(&self, event: &NewEvent<'_>) -> Result<u128> {
        let record = Record::new(event)?;
        let id = record.id;
        self.commit([record])?;
        Ok(id)
    }

    fn window(&self, events: &[NewEvent<'_>]) -> Result<Vec<u128>> {
        self.batch(events)
    }

    fn batch(&self, events: &[NewEvent<'_>]) -> Result<Vec<u128>> {
        let records: Result<Vec<Record>> = events.iter().map(Record::new).collect();
        let records = records?;
        let ids = records.iter().map(|record| record.id).collect();
        self.commit(records)?;
        Ok(ids)
    }

    fn get(&self, id: u128, visit: Visit<'_>) -> Result<()> {
        self.tables.get(id, visit)
    }

    fn stream(&self, entity: usize, visit: Visit<'_>) -> Result<()> {
        self.tables.stream(&entity_name(entity), visit)
    }

    fn replay(&self, visit: Visit<'_>) -> Result<()> {
        self.tables.replay(visit)
    }

    fn close(self: Box<Self>) -> Result<()> {
        let tables = self.tables;
        tables.close()
    }
}
