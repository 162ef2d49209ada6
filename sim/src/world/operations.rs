//! Carries out one operation of a plan.

use super::World;
use super::compacting::Wanted;
use super::fences::Beside;
use super::inner::{Question, Ticket};
use crate::model::{Payload, Recovered, Sent, State};
use crate::plan::{Demand, NewEvent, Operation};
use batpak::store::{BatchAppendItem, StoreError};
use batpak::testkit::{Clock, step};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The clock is moved in parts of the promised delay, with all that is due done after each.
const CLOCK_PARTS: u64 = 16;

impl World {
    pub(super) fn act(&mut self, operation: &Operation) -> Result<(), String> {
        match operation {
            Operation::Append { caller, event } => self.append(*caller, event, None),
            Operation::Batch { caller, events } => self.batch(*caller, events),
            Operation::Fence {
                caller,
                events,
                end,
                reads,
                copies,
            } => {
                let beside = Beside {
                    reads: *reads,
                    copies: *copies,
                };
                self.fence(*caller, events, (*end, beside))
            }
            Operation::Follow { max } => self.follow(*max),
            Operation::Project { entity } => self.project(*entity),
            Operation::Snapshot { caller, beside } => self.snapshot(*caller, beside),
            Operation::Compact {
                removal,
                raw,
                min_segments,
                panics_after,
                caller,
                beside,
            } => {
                let wanted = Wanted {
                    removal: *removal,
                    raw: *raw,
                    min_segments: *min_segments,
                    panics_after: *panics_after,
                };
                self.compact(&wanted, (*caller, beside))
            }
            Operation::Retry { back, always } => self.retry(*back, *always),
            Operation::OtherPayload {
                caller,
                back,
                strict,
            } => self.other_payload(*caller, *back, *strict),
            Operation::Sync => self.sync(),
            Operation::CopyLog { from } => {
                self.copy_log(usize::from(*from));
                Ok(())
            }
            Operation::Steps(count) => {
                for _ in 0..*count {
                    if !self.store.as_ref().is_some_and(step) {
                        break;
                    }
                    self.look()?;
                }
                Ok(())
            }
            Operation::Settle => self.settle(),
            Operation::Advance { ms } => self.advance(*ms),
            Operation::ClockBack { ms } => {
                let back_us = i64::try_from(ms * 1000).unwrap_or(0);
                let clock = self.machine.clock();
                clock.set_wall_us(clock.wall_us() - back_us);
                Ok(())
            }
            Operation::Panic { actor } => {
                if let Some(store) = &self.store {
                    store.panic_actor_for_test(actor);
                }
                Ok(())
            }
            Operation::Read => self.read(),
            Operation::Reopen => self.reopen(),
            Operation::Crash { after_calls, loss } => {
                self.inner().crash = Some((*after_calls, *loss));
                Ok(())
            }
        }
    }

    pub(super) fn append(
        &mut self,
        caller: u8,
        event: &NewEvent,
        key: Option<u128>,
    ) -> Result<(), String> {
        let number = self.inner().model.prepare(caller, event, key);
        self.ask(&[number])
    }

    fn batch(&mut self, caller: u8, events: &[NewEvent]) -> Result<(), String> {
        let mut inner = self.inner();
        let mut numbers = Vec::new();
        for event in events {
            // What an item demands of its entity would depend on the items before it.
            let event = match event.demand {
                Demand::Latest => NewEvent {
                    demand: Demand::Nothing,
                    ..event.clone()
                },
                Demand::Nothing | Demand::Wrong(_) | Demand::Empty => event.clone(),
            };
            numbers.push(inner.model.prepare(caller, &event, None));
        }
        inner.model.bind(&numbers);
        drop(inner);
        self.ask(&numbers)
    }

    /// Asks again for a single event, or for its whole batch.
    fn retry(&mut self, back: usize, always: bool) -> Result<(), String> {
        let numbers = match self.inner().model.keyed(back) {
            Some(Sent {
                batch: Some((first, count)),
                ..
            }) => (*first..first + count).collect(),
            Some(sent) => vec![sent.number],
            None => return Ok(()),
        };
        let keyed = |number: &u64| {
            let inner = self.inner();
            inner
                .model
                .get(*number)
                .is_some_and(|sent| sent.key.is_some())
        };
        // Without a key an item would be stored again; such a batch is never retried.
        match numbers.iter().all(keyed) {
            true => {
                if always {
                    self.inner().model.demand_always(&numbers);
                }
                self.ask(&numbers)
            }
            false => Ok(()),
        }
    }

    fn other_payload(&mut self, caller: u8, back: usize, strict: bool) -> Result<(), String> {
        let found = {
            let inner = self.inner();
            inner.model.keyed(back).map(|sent| (sent.key, sent.entity))
        };
        let Some((key, entity)) = found else {
            return Ok(());
        };
        let event = NewEvent {
            entity,
            filler: 3,
            keyed: true,
            strict,
            always: false,
            demand: Demand::Nothing,
        };
        self.append(caller, &event, key)
    }

    /// Sends a question; it is looked at later whether it was answered.
    pub(crate) fn ask(&mut self, numbers: &[u64]) -> Result<(), String> {
        let mut inner = self.inner();
        let prediction = inner.model.ask(numbers);
        let items = numbers.iter().filter_map(|number| inner.model.get(*number));
        let items: Vec<BatchAppendItem> = items.map(Sent::item).collect();
        let single = match inner.model.get(numbers.first().copied().unwrap_or(0)) {
            Some(Sent { batch: None, .. }) => numbers.len() == 1,
            _ => false,
        };
        drop(inner);
        let Some(store) = &self.store else {
            return Ok(());
        };
        let ticket = match items.first() {
            Some(item) if single => {
                let options = item.options;
                let payload = inner_payload(&self.inner(), numbers);
                store
                    .submit_with_options(&item.coord, item.kind, &payload, options)
                    .map(Ticket::One)
            }
            _ => store.submit_batch(items).map(Ticket::Batch),
        };
        let numbers = numbers.to_vec();
        let mut inner = self.inner();
        match ticket {
            Ok(ticket) => inner.questions.push(Question {
                numbers,
                prediction,
                ticket,
            }),
            Err(_) if inner.left.is_some() => {}
            Err(error) => {
                let now_us = self.now_us();
                inner
                    .model
                    .answer(&numbers, prediction.as_ref(), Err(error), now_us)?;
            }
        }
        Ok(())
    }

    fn copy_log(&mut self, from: usize) {
        let disk = self.disk();
        let names = disk.files().into_iter();
        let newest = names.filter(|name| name.ends_with(".fbat")).max();
        let bytes = newest.and_then(|name| disk.bytes(&name).ok());
        let bytes = bytes.unwrap_or_default();
        let material = match bytes.len() {
            0 => Vec::new(),
            len => bytes.get(from % len..).unwrap_or_default().to_vec(),
        };
        self.inner().model.material = material;
    }

    fn sync(&mut self) -> Result<(), String> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let synced = store.sync();
        self.look()?;
        let mut inner = self.inner();
        if inner.left.is_some() {
            return Ok(());
        }
        match synced {
            Ok(()) => {
                if let Some(last) = inner.model.last_committed() {
                    inner.model.all_is_durable(last);
                }
                Ok(())
            }
            Err(StoreError::WriterCrashed) if !inner.model.strictness.exact => Ok(()),
            Err(_) if inner.model.strictness.disk_fails => Ok(()),
            Err(_) if inner.model.strictness.budget_may_end => Ok(()),
            Err(error) => Err(format!("sync: {error}")),
        }
    }

    fn advance(&mut self, ms: u64) -> Result<(), String> {
        let part_us = self.inner().model.strictness.may_lose_us / CLOCK_PARTS;
        let mut left_us = ms * 1000;
        // A machine that has died is looked at as it was when it died.
        while left_us > 0 && !self.has_died() {
            let part = left_us.min(part_us.max(1));
            self.machine.clock().advance(part);
            left_us -= part;
            while !self.has_died() && self.store.as_ref().is_some_and(step) {}
            self.look()?;
        }
        Ok(())
    }

    /// Reads everything; nothing when that may fail in this world and does.
    pub(super) fn log(&self) -> Result<Option<Recovered>, String> {
        let Some(store) = self.store.as_ref().filter(|_| !self.has_died()) else {
            return Ok(None);
        };
        let strictness = self.inner().model.strictness;
        // A disk that panics does so on the thread of whoever reads.
        let log = catch_unwind(AssertUnwindSafe(|| {
            let inner = self.inner();
            Recovered::try_read(store, &inner.model)
        }));
        if self.has_died() {
            return Ok(None);
        }
        self.look()?;
        match log {
            Ok(log) => match log? {
                Ok(log) => Ok(Some(log)),
                Err(_) if strictness.disk_fails => Ok(None),
                Err(error) => Err(format!("reading: {error}")),
            },
            Err(panic) if strictness.exact => resume_unwind(panic),
            Err(_) => Ok(None),
        }
    }

    /// Looks at what readers see: all that was acknowledged, whole batches, in order.
    pub(super) fn read(&self) -> Result<(), String> {
        let Some(log) = self.log()? else {
            return Ok(());
        };
        let mut inner = self.inner();
        inner.model.check_view(&log)?;
        for (number, entry) in &log.events {
            inner.model.observe(entry.global_sequence, *number)?;
        }
        let committed = inner
            .model
            .sent
            .iter()
            .filter(|sent| matches!(sent.state, State::Committed(_)));
        match committed.count() > log.events.len() {
            true => Err("readers see less than what was acknowledged".into()),
            false => Ok(()),
        }
    }
}

/// Returns the payload of the first of these events.
fn inner_payload(inner: &super::inner::Inner, numbers: &[u64]) -> Payload {
    let sent = numbers.first().and_then(|number| inner.model.get(*number));
    sent.map_or_else(Payload::default, |sent| sent.content.clone())
}
