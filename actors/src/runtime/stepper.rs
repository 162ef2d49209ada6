//! A stepped system: no thread of its own, one seed, one order of events.
//!
//! Whoever waits runs the hosts and tasks one step at a time, in an order drawn from the seed.
//! When nothing is runnable, a waiter moves the clock to the next timer. A task may wait inside
//! its own step: it is out of the table meanwhile, and the others go on.
//!
//! A stepped system is driven by one thread at a time.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use super::clock::{Clock, ManualClock, whole_microseconds};
use super::host::Host;
use super::sync::Mutex;

/// Something that a stepped system runs beside its hosts.
pub(crate) trait Step: Send {
    /// Does one step.
    fn step(&mut self) -> Stepped;
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stepped {
    Worked,
    Idle,
    Done,
}

enum Entry {
    Host(Host),
    Task(Box<dyn Step>),
}

impl Entry {
    fn step(&mut self) -> Stepped {
        match self {
            Self::Host(host) => {
                let worked = host.pass();
                if host.is_done() {
                    host.finish();
                    Stepped::Done
                } else if worked {
                    Stepped::Worked
                } else {
                    Stepped::Idle
                }
            }
            Self::Task(task) => task.step(),
        }
    }
}

struct Table {
    /// An entry is absent while it is being stepped, and for ever once it is done.
    entries: Vec<Option<Entry>>,
    hosts_left: usize,
    random: Rng,
}

pub(crate) struct Stepper {
    table: Mutex<Table>,
    clock: Arc<ManualClock>,
}

impl Stepper {
    pub(crate) fn new(clock: Arc<ManualClock>, seed: u64) -> Self {
        let table = Table {
            entries: Vec::new(),
            hosts_left: 0,
            random: Rng::with_seed(seed),
        };
        Self {
            table: Mutex::new(table),
            clock,
        }
    }

    pub(crate) fn add_host(&self, host: Host) {
        let mut table = self.table.lock();
        table.entries.push(Some(Entry::Host(host)));
        table.hosts_left += 1;
    }

    pub(crate) fn add_task(&self, task: Box<dyn Step>) {
        self.table.lock().entries.push(Some(Entry::Task(task)));
    }

    /// Returns how many hosts have not ended.
    pub(crate) fn hosts_left(&self) -> usize {
        self.table.lock().hosts_left
    }

    /// Runs one host or task that has something to do; returns false when there is none.
    pub(crate) fn step(&self) -> bool {
        for index in self.shuffled() {
            let Some(mut entry) = self.take(index) else {
                continue;
            };
            match entry.step() {
                Stepped::Idle => self.put_back(index, entry),
                Stepped::Worked => {
                    self.put_back(index, entry);
                    return true;
                }
                Stepped::Done => {
                    if matches!(entry, Entry::Host(_)) {
                        self.table.lock().hosts_left -= 1;
                    }
                    return true;
                }
            }
        }
        false
    }

    /// Steps until the attempt succeeds; moves the clock when nothing is runnable.
    ///
    /// Returns nothing when the limit has passed, or when no limit was given and neither a step
    /// nor a timer is left that could help.
    pub(crate) fn step_until<T>(
        &self,
        limit: Option<Duration>,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let deadline_us = limit.map(|limit| {
            self.clock
                .monotonic_us()
                .saturating_add(whole_microseconds(limit))
        });
        loop {
            if let Some(outcome) = attempt() {
                return Some(outcome);
            }
            if deadline_us.is_some_and(|at_us| at_us <= self.clock.monotonic_us()) {
                return None;
            }
            if !self.step() {
                let next_us = [self.next_timer_us(), deadline_us]
                    .into_iter()
                    .flatten()
                    .min()?;
                self.clock.advance_to(next_us);
            }
        }
    }

    fn next_timer_us(&self) -> Option<u64> {
        let table = self.table.lock();
        let timers = table
            .entries
            .iter()
            .flatten()
            .filter_map(|entry| match entry {
                Entry::Host(host) => host.next_timer_us(),
                Entry::Task(_) => None,
            });
        timers.min()
    }

    fn shuffled(&self) -> Vec<usize> {
        let mut table = self.table.lock();
        let mut order: Vec<usize> = (0..table.entries.len()).collect();
        table.random.shuffle(&mut order);
        order
    }

    fn take(&self, index: usize) -> Option<Entry> {
        self.table.lock().entries.get_mut(index)?.take()
    }

    fn put_back(&self, index: usize, entry: Entry) {
        if let Some(place) = self.table.lock().entries.get_mut(index) {
            *place = Some(entry);
        }
    }
}
