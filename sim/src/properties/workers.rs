//! Reaction loops and cursor workers, over machines that crash and actors that panic.

use crate::plan::{loss, pick};
use crate::property::{Effort, Property, Trial};
use batpak::event::{Event, EventKind, Reactive};
use batpak::prelude::{AppendOptions, Coordinate, IndexEntry, Region};
use batpak::store::{
    CompactionConfig, CursorPosition, CursorWorkerAction, CursorWorkerConfig, CursorWorkerHandle,
    Open, ReactFrom, ReactionConfig, ReactionHandle, RestartPolicy, Store, StoreConfig, StoreError,
};
use batpak::testkit::{Loss, Machine, SimFs, step};
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const ORDERED: EventKind = EventKind::custom(0x1, 1);
const ANSWERED: EventKind = EventKind::custom(0x1, 2);
const ACTORS: [&str; 5] = ["writer", "roller", "indexer", "broker", "checkpointer"];
const SESSIONS: u32 = 3;

pub(super) fn properties() -> Vec<Property> {
    vec![
        Property {
            name: "reactions",
            promise: "a named reactor answers each event once and in order, whatever crashes",
            unit: "answered events",
            counts: [5_000, 100_000, 1_000_000],
            trial: Trial::Case(|seed, effort| Desk::new(seed).run(Role::Reactor, effort)),
        },
        Property {
            name: "workers",
            promise: "a cursor worker handles each event once and in order, whatever crashes",
            unit: "handled events",
            counts: [5_000, 100_000, 1_000_000],
            trial: Trial::Case(|seed, effort| Desk::new(seed).run(Role::Worker, effort)),
        },
    ]
}

#[derive(Clone, Copy)]
enum Role {
    Reactor,
    Worker,
}

/// Whoever works while the desk is open, and stops when it is dropped.
enum Busy {
    Reactor(ReactionHandle),
    Worker(#[expect(dead_code, reason = "dropping it stops the worker")] CursorWorkerHandle),
}

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    number: u64,
    /// Which of an order's answers it is.
    nth: u64,
}

/// How many answers an order gets.
fn answers_to(number: u64) -> u64 {
    number % 3
}

/// What outlives the process, each change in one step.
#[derive(Clone, Default)]
struct Books {
    /// Orders that were acknowledged, and durable then.
    acknowledged: BTreeSet<u64>,
    position: CursorPosition,
    /// Sequence and id of each event that was handled.
    handled: Vec<(u64, u128)>,
}

/// What stays of an event whatever is compacted.
fn name(entry: &IndexEntry) -> (u64, u128) {
    (entry.global_sequence, entry.event_id)
}

/// A crash that is to come: after so many calls that change the disk.
struct Crash {
    calls_left: u32,
    loss: Loss,
    /// What it has left, and what the books said then.
    left: Option<(SimFs, Books)>,
}

/// Where orders are taken, over several lives of one directory.
struct Desk {
    machine: Machine,
    config: StoreConfig,
    random: Rng,
    books: Arc<Mutex<Books>>,
    next_number: u64,
    /// Whether the machine may lose power: everything is durable before it is told.
    always: bool,
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: StoreError) -> String {
    error.to_string()
}

fn often() -> RestartPolicy {
    RestartPolicy::Bounded {
        max_restarts: 100_000,
        within_ms: 1000,
    }
}

impl Desk {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let always = random.bool();
        Self {
            machine: Machine::new(seed),
            config: StoreConfig::new("simulated")
                .with_segment_max_bytes(*pick(&mut random, &[2_000, 6_000, 100_000]))
                .with_sync_every_n_events(if always { 1 } else { 20 })
                .with_batch_max_size(*pick(&mut random, &[1, 256]))
                .with_restart_policy(often()),
            random,
            books: Arc::default(),
            next_number: 0,
            always,
        }
    }

    fn run(mut self, role: Role, effort: &mut Effort) -> Result<(), String> {
        for nth in 0..SESSIONS {
            self.session(role, nth + 1 == SESSIONS, effort)?;
        }
        Ok(())
    }

    fn session(&mut self, role: Role, is_last: bool, effort: &mut Effort) -> Result<(), String> {
        let store = Arc::new(self.machine.open(self.config.clone()).map_err(failed)?);
        let busy = self.begin_work(role, &store)?;
        let crash = (!is_last).then(|| self.expect_crash());
        for _ in 0..self.random.u32(5..30) {
            self.act(&store, effort)?;
            self.check(&store, &busy, false)?;
        }
        let left = crash.and_then(|crash| lock(&crash).left.take());
        self.machine.disk().observe(None);
        if let Some((image, books)) = left {
            effort.images += 1;
            drop((busy, store));
            *lock(&self.books) = books;
            self.machine = self.machine.with_image(image, self.random.u64(..));
            return Ok(());
        }
        while step(&store) {}
        effort.count += self.check(&store, &busy, true)?;
        drop(busy);
        let store = Arc::into_inner(store).ok_or("somebody holds the store")?;
        store.close().map(drop).map_err(failed)
    }

    fn begin_work(&mut self, role: Role, store: &Arc<Store<Open>>) -> Result<Busy, String> {
        let orders = Region::entity("order:");
        let panics = Mutex::new(self.random.fork());
        match role {
            Role::Reactor => {
                let config = ReactionConfig {
                    name: Some("answers".into()),
                    from: ReactFrom::Sequence(0),
                    restart: often(),
                    ..ReactionConfig::default()
                };
                let reactor = Answering { panics };
                let handle = store.react_with(&orders, config, reactor);
                handle.map(Busy::Reactor).map_err(failed)
            }
            Role::Worker => {
                let config = CursorWorkerConfig {
                    batch_size: self.random.usize(1..5),
                    restart: often(),
                    ..CursorWorkerConfig::default()
                };
                let books = Arc::clone(&self.books);
                let position = lock(&self.books).position;
                let handle = move |batch: &[IndexEntry], store: &Store<Open>| {
                    may_panic(&panics);
                    let mut books = lock(&books);
                    books.handled.extend(batch.iter().map(name));
                    if let Some(last) = batch.last() {
                        books.position = store.position_behind(last);
                    }
                    CursorWorkerAction::Continue
                };
                let worker = store.cursor_worker_from(&orders, &position, config, handle);
                worker.map(Busy::Worker).map_err(failed)
            }
        }
    }

    /// Takes a copy of the disk and of the books at some call.
    fn expect_crash(&mut self) -> Arc<Mutex<Crash>> {
        let crash = Arc::new(Mutex::new(Crash {
            calls_left: self.random.u32(0..60),
            loss: match self.always {
                true => loss(&mut self.random),
                false => Loss::Kill,
            },
            left: None,
        }));
        let (expected, books) = (Arc::clone(&crash), Arc::clone(&self.books));
        let (disk, mut random) = (self.machine.disk().clone(), self.random.fork());
        self.machine.disk().observe(Some(Box::new(move |call| {
            let mut crash = lock(&expected);
            if crash.left.is_some() || !call.changes() {
                return;
            }
            match crash.calls_left.checked_sub(1) {
                Some(left) => crash.calls_left = left,
                None => {
                    crash.left = Some((disk.crash(crash.loss, &mut random), lock(&books).clone()))
                }
            }
        })));
        crash
    }

    fn act(&mut self, store: &Arc<Store<Open>>, effort: &mut Effort) -> Result<(), String> {
        effort.operations += 1;
        match self.random.u8(0..12) {
            0..=5 => self.order(store),
            6 => self.fence(store),
            7 => {
                let actor: &str = pick::<&str>(&mut self.random, &ACTORS);
                store.panic_actor_for_test(actor);
                effort.struck += 1;
                Ok(())
            }
            8 if store.compact(&CompactionConfig::default()).is_err() => {
                // A panic that was ordered met it.
                Ok(())
            }
            _ => {
                for _ in 0..self.random.u8(1..40) {
                    step(store);
                }
                Ok(())
            }
        }
    }

    fn next_order(&mut self) -> Result<(Coordinate, Order), String> {
        let number = self.next_number;
        self.next_number += 1;
        let coordinate = Coordinate::new(format!("order:{}", number % 4), "shop");
        let order = Order { number, nth: 0 };
        Ok((coordinate.map_err(|error| error.to_string())?, order))
    }

    /// Appends an order, as often as it takes.
    fn order(&mut self, store: &Store<Open>) -> Result<(), String> {
        let (coordinate, order) = self.next_order()?;
        let once = AppendOptions::new().with_idempotency(u128::from(order.number) + 1);
        loop {
            match store.append_with_options(&coordinate, ORDERED, &order, once) {
                Ok(_) => break,
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(failed(error)),
            }
        }
        lock(&self.books).acknowledged.insert(order.number);
        Ok(())
    }

    /// Appends an order that is shown later, or never.
    fn fence(&mut self, store: &Store<Open>) -> Result<(), String> {
        let (coordinate, order) = self.next_order()?;
        let Ok(fence) = store.begin_visibility_fence() else {
            return Ok(());
        };
        let ticket = fence.submit(&coordinate, ORDERED, &order);
        for _ in 0..self.random.u8(0..20) {
            step(store);
        }
        let is_kept = self.random.bool();
        let ended = match is_kept {
            true => fence.commit(),
            false => fence.cancel(),
        };
        // A writer that panicked in between has cancelled it.
        if let (true, Ok(ticket), Ok(())) = (is_kept, ticket, ended)
            && ticket.wait().is_ok()
        {
            lock(&self.books).acknowledged.insert(order.number);
        }
        Ok(())
    }

    /// Compares what was done with what the log shows; returns how many orders there are.
    fn check(&self, store: &Store<Open>, busy: &Busy, is_done: bool) -> Result<u64, String> {
        let orders = store.query(&Region::entity("order:"));
        match busy {
            Busy::Reactor(handle) => {
                if let Some(error) = handle.error() {
                    return Err(format!("the loop has ended: {error}"));
                }
                self.check_answers(store, &orders, is_done)?;
            }
            Busy::Worker(_) => {
                let books = lock(&self.books);
                let there: Vec<_> = orders.iter().map(name).collect();
                let is_front = there.starts_with(&books.handled);
                if !is_front || is_done && books.handled.len() < there.len() {
                    return Err(format!("{:?} were handled of {there:?}", books.handled));
                }
            }
        }
        Ok(orders.len() as u64)
    }

    fn check_answers(
        &self,
        store: &Store<Open>,
        orders: &[IndexEntry],
        is_done: bool,
    ) -> Result<(), String> {
        let mut answers: BTreeMap<u128, Vec<IndexEntry>> = BTreeMap::new();
        for answer in store.query(&Region::entity("parcel:")) {
            let cause = answer.causation_id.unwrap_or_default();
            answers.entry(cause).or_default().push(answer);
        }
        let mut missing = lock(&self.books).acknowledged.clone();
        let mut is_behind = false;
        for order in orders {
            let Order { number, .. } = read(store, order)?;
            missing.remove(&number);
            let given = answers.remove(&order.event_id).unwrap_or_default();
            let due = answers_to(number);
            let parts = given.iter().zip(0..);
            for (answer, nth) in parts {
                let said = read(store, answer)?;
                let fits = said.number == number && said.nth == nth;
                if !fits || answer.correlation_id != order.correlation_id {
                    return Err(format!("{order:?} was answered with {said:?}, {answer:?}"));
                }
            }
            let count = given.len() as u64;
            if count > due || count > 0 && is_behind || count < due && is_done {
                return Err(format!(
                    "order {number} has {count} answers of {due}: {given:?}"
                ));
            }
            is_behind |= count < due;
        }
        match (answers.first_key_value(), missing.first()) {
            (None, None) => Ok(()),
            found => Err(format!(
                "answers without an order, or orders lost: {found:?}"
            )),
        }
    }
}

fn read(store: &Store<Open>, entry: &IndexEntry) -> Result<Order, String> {
    let stored = store.get_as::<Order>(entry.event_id).map_err(failed)?;
    Ok(stored.event.payload)
}

/// Answers orders, and panics now and then.
struct Answering {
    panics: Mutex<Rng>,
}

impl Reactive<Order> for Answering {
    fn react(&self, event: &Event<Order>) -> Vec<(Coordinate, EventKind, Order)> {
        may_panic(&self.panics);
        let number = event.payload.number;
        let answer = |nth| {
            let coordinate = Coordinate::new(format!("parcel:{number}"), "shop").ok()?;
            Some((coordinate, ANSWERED, Order { number, nth }))
        };
        (0..answers_to(number)).filter_map(answer).collect()
    }
}

fn may_panic(panics: &Mutex<Rng>) {
    let is_due = lock(panics).u8(0..6) == 0;
    assert!(!is_due, "the simulation makes a handler panic");
}
