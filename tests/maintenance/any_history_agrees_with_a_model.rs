//! Appends, fences, compactions, snapshots, held walks, crashes of the machine, the process and its
//! parts, in any order: what the store shows is what a list of numbers says.

use crate::choices::*;
use crate::harness::*;
use batpak::prelude::*;
use batpak::store::{Events, Replay};
use batpak::testkit::{Fault, FsCall, Keep, Loss, Machine, SimFs, When, snapshot_to};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A walk that was begun some time ago, with what it is to show yet.
struct Held {
    walk: Events,
    left: std::vec::IntoIter<u128>,
}

struct History {
    random: fastrand::Rng,
    machine: Machine,
    /// None for a moment while it is opened again.
    store: Option<Store>,
    reader: Option<Store<ReadOnly>>,
    held: Vec<Held>,
    /// What was stored, by sequence.
    model: BTreeMap<u64, (u64, Fate)>,
    next_number: u64,
    /// Sequences below this were in sealed segments when the store was opened.
    sealed_below: u64,
    done: Vec<String>,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let machine = Machine::new(seed);
        let store = machine.open(config(&mut random)).unwrap();
        Self {
            random,
            machine,
            store: Some(store),
            reader: None,
            held: Vec::new(),
            model: BTreeMap::new(),
            next_number: 0,
            sealed_below: 0,
            done: Vec::new(),
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn append(&mut self) {
        for _ in 0..self.random.usize(1..20) {
            let number = self.next_number;
            self.next_number += 1;
            let receipt = append_number(self.store(), number);
            self.model.insert(receipt.sequence, (number, Fate::Kept));
        }
    }

    fn fence(&mut self) {
        let numbers = self.next_number..self.next_number + self.random.u64(0..12);
        self.next_number = numbers.end;
        let ends = self.random.u8(..3);
        let beside = self.random.u8(..4);
        let choice = Choice::any(&mut self.random);
        let store = self.store();
        let fence = store.begin_visibility_fence().unwrap();
        let submit = |number: u64| {
            let coord = at(&format!("entity:{}", number % 3));
            let options = AppendOptions::new().with_idempotency(key(number));
            let ticket = fence.submit_with_options(&coord, KIND, &number, options);
            (number, ticket.unwrap())
        };
        let tickets: Vec<_> = numbers.map(submit).collect();
        for (_, ticket) in &tickets {
            ticket.wait_durable().unwrap();
        }
        let compacted = beside == 0;
        if compacted {
            store.compact(&choice.config()).unwrap();
        }
        if beside == 1 {
            snapshot_to(store, Arc::new(SimFs::new())).unwrap();
        }
        match ends {
            0 => fence.cancel().unwrap(),
            1 => drop(fence),
            _ => {
                fence.commit().unwrap();
                let stored: Vec<_> = tickets
                    .into_iter()
                    .map(|(number, ticket)| (ticket.wait().unwrap().sequence, number))
                    .collect();
                for (sequence, number) in stored {
                    self.model.insert(sequence, (number, Fate::Kept));
                }
            }
        }
        if compacted {
            self.take_up(&[choice]);
        }
    }

    /// Takes what compactions have made of the numbers that they remove, which is not more than
    /// they may: those that are in the newest segment stay.
    fn take_up(&mut self, choices: &[Choice]) {
        let shown = self.shown();
        for (sequence, (number, fate)) in &mut self.model {
            let choices = choices.iter().filter(|choice| choice.removes(*number));
            let removed = |choice: &Choice| match choice.shown {
                true => Fate::Tombstone,
                false => Fate::Gone,
            };
            let possible: Vec<_> = choices.map(removed).collect();
            if possible.is_empty() || *fate != Fate::Kept {
                continue;
            }
            *fate = match shown.get(sequence) {
                None => Fate::Gone,
                Some((_, true)) => Fate::Tombstone,
                Some((_, false)) => Fate::Kept,
            };
            let stays = *fate == Fate::Kept && *sequence >= self.sealed_below;
            assert!(stays || possible.contains(fate), "{sequence} {fate:?}");
        }
    }

    fn shown(&self) -> BTreeMap<u64, (u128, bool)> {
        shown(self.store())
    }

    fn compact(&mut self) {
        let choice = Choice::any(&mut self.random);
        self.store().compact(&choice.config()).unwrap();
        self.take_up(&[choice]);
        if self.random.bool() {
            self.store().compact(&CompactionConfig::default()).unwrap();
        }
    }

    /// Lets a compaction meet a failure, which leaves all or a part of it undone.
    fn fail(&mut self) {
        let choice = Choice::any(&mut self.random);
        let calls = [
            FsCall::SyncDirectory,
            FsCall::Rename,
            FsCall::SyncAll,
            FsCall::CreateNew,
            FsCall::Remove,
            FsCall::WriteAt,
        ];
        let faults = [
            Fault::Error(std::io::ErrorKind::StorageFull),
            Fault::ErrorAfter(std::io::ErrorKind::Other),
            Fault::Panic(When::Before),
            Fault::Panic(When::After),
        ];
        let call = *self.random.choice(&calls).unwrap();
        let fault = *self.random.choice(&faults).unwrap();
        let disk = self.machine.disk().clone();
        disk.fail_nth(call, self.random.u64(..12), fault);
        let store = self.store();
        let met = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            store.compact(&choice.config()).map(drop)
        }));
        disk.clear_faults();
        self.done.push(format!("{call:?} {fault:?} {met:?}"));
        self.take_up_some(&[choice]);
        if self.random.bool() {
            // Whoever asks for something else takes up what is left first.
            let other = Choice::any(&mut self.random);
            self.store().compact(&other.config()).unwrap();
            self.take_up_some(&[choice, other]);
        }
        if self.random.bool() {
            self.reopen();
        }
        self.store().compact(&choice.config()).unwrap();
        self.take_up(&[choice]);
    }

    /// As [`take_up`](Self::take_up), when not all of it may have been done.
    fn take_up_some(&mut self, choices: &[Choice]) {
        let sealed_below = std::mem::take(&mut self.sealed_below);
        self.take_up(choices);
        self.sealed_below = sealed_below;
    }

    /// Lets the machine or the process crash in the middle of something.
    fn crash(&mut self) {
        let choice = Choice::any(&mut self.random);
        let loss = match self.random.u8(..4) {
            0 => Loss::Kill,
            1 => power(Keep::Nothing),
            2 => power(Keep::All),
            _ => power(Keep::Some),
        };
        let disk = self.machine.disk().clone();
        let at = disk.calls() + self.random.u64(..120);
        let image = Arc::new(Mutex::new(None));
        let (seen, looked) = (Arc::clone(&image), disk.clone());
        let seed = self.random.u64(..);
        disk.observe(Some(Box::new(move |call| {
            if call.index == at {
                let random = &mut fastrand::Rng::with_seed(seed);
                *seen.lock().unwrap() = Some(looked.crash(loss, random));
            }
        })));
        self.store().compact(&choice.config()).unwrap();
        if self.random.bool() {
            snapshot_to(self.store(), Arc::new(SimFs::new())).unwrap();
        }
        disk.observe(None);
        let image = image.lock().unwrap().take();
        let image = image.unwrap_or_else(|| disk.crash(loss, &mut self.random));
        self.done
            .push(format!("{loss:?} {:?} {choice:?}", image.files()));
        self.let_go();
        self.machine = self.machine.with_image(image, seed);
        drop(self.store.take());
        self.open();
        self.take_up_some(&[choice]);
        self.store().compact(&choice.config()).unwrap();
        self.take_up(&[choice]);
    }

    fn let_go(&mut self) {
        self.held.clear();
        self.reader = None;
    }

    fn open(&mut self) {
        let config = config(&mut self.random);
        self.store = Some(self.machine.open(config).unwrap());
        self.sealed_below = self
            .shown()
            .last_key_value()
            .map_or(0, |(last, _)| last + 1);
    }

    fn reopen(&mut self) {
        // The walks that are held keep their files, or not.
        if self.random.bool() {
            self.let_go();
        }
        self.store.take().unwrap().close().unwrap();
        self.let_go();
        self.open();
    }

    fn hold(&mut self) {
        let ids = self.shown().values().map(|(id, _)| *id).collect::<Vec<_>>();
        let walk = self.store().events(&Region::all(), 0);
        self.held.push(Held {
            walk,
            left: ids.into_iter(),
        });
        let held = self.random.usize(..self.held.len());
        let steps = self.random.usize(..30);
        for _ in 0..steps {
            let held = &mut self.held[held];
            let next = held.walk.next().map(|entry| entry.unwrap().event_id);
            assert_eq!(next, held.left.next());
        }
        if self.held.len() > 3 {
            let held = self.held.swap_remove(held);
            let walked = held.walk.map(|entry| entry.unwrap().event_id);
            assert!(walked.eq(held.left));
        }
    }

    fn panic(&mut self) {
        let actors = ["indexer", "writer", "broker", "roller", "checkpointer"];
        let actor = self.random.choice(actors).unwrap();
        self.store().panic_actor_for_test(actor);
    }

    fn look_beside(&mut self) {
        if self.reader.is_none() {
            let config = config(&mut self.random);
            self.reader = Some(self.machine.open_read_only(config).unwrap());
        }
        let reader = self.reader.as_ref().unwrap();
        reader.refresh().unwrap();
        assert_eq!(shown(reader), self.shown());
    }

    fn copy(&mut self) {
        let to = SimFs::new();
        snapshot_to(self.store(), Arc::new(to.clone())).unwrap();
        let copy = Machine::with_disk(to, 1)
            .open(config(&mut self.random))
            .unwrap();
        assert_eq!(shown(&copy), self.shown());
        assert_eq!(copy.verify().unwrap().first_bad, None);
        if let Some((sequence, (number, _))) = self.model.last_key_value() {
            assert_eq!(append_number(&copy, *number).sequence, *sequence);
        }
    }

    fn check(&mut self) {
        let expected = self
            .model
            .iter()
            .filter(|(_, (_, fate))| *fate != Fate::Gone);
        let expected: BTreeMap<u64, (u128, bool)> = expected
            .map(|(at, (number, fate))| (*at, (key(*number), *fate == Fate::Tombstone)))
            .collect();
        assert_eq!(self.shown(), expected);
        assert_eq!(self.store().stats().event_count, expected.len());
        for _ in 0..3 {
            let Some(number) = self.next_number.checked_sub(1) else {
                return;
            };
            let number = self.random.u64(..=number);
            let stored = self.model.iter().find(|(_, (stored, _))| *stored == number);
            let Some((sequence, (_, fate))) = stored.map(|(at, of)| (*at, *of)) else {
                continue;
            };
            let again = append_number(self.store(), number);
            assert_eq!(
                (again.sequence, again.replay),
                (sequence, Some(Replay::SameEvent))
            );
            assert_eq!(self.store().get(key(number)).is_err(), fate == Fate::Gone);
        }
    }

    fn step(&mut self) {
        let what = self.random.u8(..20);
        self.done.push(format!("{what}"));
        match what {
            0..6 => self.append(),
            6 | 7 => self.fence(),
            8..11 => self.compact(),
            11 => self.fail(),
            12 => self.crash(),
            13 => self.reopen(),
            14 | 15 => self.hold(),
            16 => self.panic(),
            17 | 18 => self.look_beside(),
            _ => self.copy(),
        }
        self.check();
    }
}

fn power(keep: Keep) -> Loss {
    Loss::Power { sector: 512, keep }
}

fn config(random: &mut fastrand::Rng) -> StoreConfig {
    StoreConfig::new("simulated")
        .with_segment_max_bytes(*random.choice(&[600, 1200, 4000, 1 << 20]).unwrap())
        .with_restart_policy(RestartPolicy::Bounded {
            max_restarts: 1000,
            within_ms: 1000,
        })
        .with_sync_every_n_events(1)
}

#[test]
fn whatever_happens() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds = match number("BATPAK_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        // So many more of them with `BATPAK_TEST_SCALE`.
        None => 0..6 * number("BATPAK_TEST_SCALE").unwrap_or(1),
    };
    for seed in seeds {
        let mut history = History::new(seed);
        let walked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..60 {
                history.step();
            }
            let store = history.store.take().unwrap();
            assert_eq!(store.verify().unwrap().first_bad, None);
            store.close().unwrap();
            history.let_go();
            history.open();
            history.check();
            assert_eq!(history.store().verify().unwrap().first_bad, None);
        }));
        if let Err(panic) = walked {
            println!("BATPAK_TEST_SEED={seed}: {:#?}", history.done);
            std::panic::resume_unwind(panic);
        }
    }
}
