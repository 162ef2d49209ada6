//! Threads that do everything a store can do, until the process is killed or their steps are done.

use super::{describe, tell, tell_ack};
use crate::arguments::WritePart;
use crate::plan::{Chore, KIND, Plan, Step, Token};
use anyhow::{Result, bail};
use batpak::prelude::*;
use batpak::store::Replay;
use std::collections::VecDeque;
use std::sync::RwLock;

/// One thread, across the openings of its session.
struct Sender<'a> {
    part: &'a WritePart,
    plan: Plan,
    thread: u8,
    /// The next token's number.
    number: u32,
    snapshots: u32,
}

/// What was handed over and not answered yet.
enum Ticket {
    Single(AppendTicket),
    Batch(BatchAppendTicket),
}

pub(super) fn write(part: &WritePart) -> Result<()> {
    let plan = part.plan();
    let mut senders: Vec<_> = (0..part.threads)
        .map(|thread| Sender {
            part,
            plan,
            thread,
            number: 0,
            snapshots: 0,
        })
        .collect();
    let mut openings = 0;
    while part.openings == 0 || openings < part.openings {
        openings += 1;
        let store = Store::open(plan.config(&part.directory, part.session))?;
        // A fence turns other writers away, so its owner keeps them out.
        let fences = RwLock::new(());
        let worked: Vec<Result<()>> = std::thread::scope(|scope| {
            let (store, fences) = (&store, &fences);
            let working: Vec<_> = senders
                .iter_mut()
                .map(|sender| scope.spawn(move || sender.work(store, fences)))
                .collect();
            working
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked")))
                .collect()
        });
        for worked in worked {
            if let Err(error) = worked {
                tell(&format!("fault {error:#}"));
                return Err(error);
            }
        }
        store.close()?;
        tell("closed");
    }
    Ok(())
}

impl Sender<'_> {
    fn token(&self, number: u32) -> Token {
        Token {
            session: self.part.session,
            thread: self.thread,
            number,
        }
    }

    /// Takes so many steps as one opening has.
    fn work(&mut self, store: &Store, fences: &RwLock<()>) -> Result<()> {
        let mut steps = 0;
        while steps < self.part.steps {
            let first = self.token(self.number);
            let maintains = self.thread + 1 == self.part.threads;
            self.do_chore(store, self.plan.chore(first, maintains))?;
            if let Step::Fence { items, commit } = self.plan.step(first) {
                let _alone = fences.write();
                self.fence(store, first, items, commit)?;
                steps += 1;
            } else {
                let _shared = fences.read();
                steps += self.hand_over(store, self.plan.window(first))?;
            }
        }
        Ok(())
    }

    /// Hands over up to `window` steps, then waits for all; returns how many.
    fn hand_over(&mut self, store: &Store, window: usize) -> Result<u32> {
        let mut waiting = VecDeque::new();
        let mut number = self.number;
        while waiting.len() < window {
            let first = self.token(number);
            let step = self.plan.step(first);
            let ticket = match step {
                Step::Fence { .. } => break,
                Step::Single => {
                    let event = self.plan.event(first)?;
                    let (options, payload) = (event.options(), &event.payload);
                    let coordinate = &event.coordinate;
                    Ticket::Single(store.submit_with_options(coordinate, KIND, payload, options)?)
                }
                Step::Batch { items } => {
                    Ticket::Batch(store.submit_batch(self.items(first, items)?)?)
                }
            };
            waiting.push_back(ticket);
            number += step.items();
        }
        let mut steps = 0;
        for ticket in waiting {
            let receipts = match ticket {
                Ticket::Single(ticket) => vec![ticket.wait()?],
                Ticket::Batch(ticket) => ticket.wait()?,
            };
            steps += 1;
            self.answer(&receipts)?;
        }
        Ok(steps)
    }

    fn answer(&mut self, receipts: &[AppendReceipt]) -> Result<()> {
        let first = self.token(self.number);
        if let Some(replay) = receipts.iter().find_map(|receipt| receipt.replay) {
            bail!("{first:?} was stored once, and is answered as {replay:?}");
        }
        self.number += u32::try_from(receipts.len())?;
        tell_ack(first, self.number, receipts);
        Ok(())
    }

    fn items(&self, first: Token, items: u32) -> Result<Vec<BatchAppendItem>> {
        let numbers = first.number..first.number + items;
        let item = |number| {
            let event = self.plan.event(self.token(number))?;
            let (options, payload) = (event.options(), &event.payload);
            let coordinate = event.coordinate.clone();
            let causation = CausationRef::None;
            Ok(BatchAppendItem::new(
                coordinate, KIND, payload, options, causation,
            )?)
        };
        numbers.map(item).collect()
    }

    /// Writes some events through a fence, half of them as a batch, and ends it.
    fn fence(&mut self, store: &Store, first: Token, items: u32, commit: bool) -> Result<()> {
        let fence = store.begin_visibility_fence()?;
        let mut tickets = Vec::new();
        let singles = items.div_ceil(2);
        for number in first.number..first.number + singles {
            let event = self.plan.event(self.token(number))?;
            let (options, payload) = (event.options(), &event.payload);
            tickets.push(fence.submit_with_options(&event.coordinate, KIND, payload, options)?);
        }
        let rest = self.token(first.number + singles);
        let batch = fence.submit_batch(self.items(rest, items - singles)?)?;
        if !commit {
            let written = tickets.iter().map(AppendTicket::wait_durable);
            let mut receipts = written.collect::<Result<Vec<_>, _>>()?;
            receipts.extend(batch.wait_durable()?);
            fence.cancel()?;
            // They are hidden for ever, and nothing else may get their sequences.
            self.number += items;
            tell_ack(first, self.number, &receipts);
            return Ok(());
        }
        fence.commit()?;
        let mut receipts = Vec::new();
        for ticket in tickets {
            receipts.push(ticket.wait()?);
        }
        receipts.extend(batch.wait()?);
        self.answer(&receipts)
    }

    fn do_chore(&mut self, store: &Store, chore: Chore) -> Result<()> {
        match chore {
            Chore::Nothing => {}
            Chore::Retry => self.retry(store)?,
            Chore::Sync => store.sync()?,
            Chore::Compact => {
                store.compact(&CompactionConfig::default())?;
            }
            Chore::Snapshot => {
                self.snapshots += 1;
                let (session, number) = (self.part.session, self.snapshots);
                let place = self.part.directory.with_extension("snapshots");
                let place = place.join(format!("{session}-{number}"));
                tell(&format!("copying {}", place.display()));
                store.snapshot(&place)?;
                tell(&format!("copied {}", place.display()));
            }
        }
        Ok(())
    }

    /// Sends an event again that is there, from any session; the answer must be its first receipt.
    fn retry(&self, store: &Store) -> Result<()> {
        let mut chance = self.plan.chance(self.token(self.number), 9);
        let session = chance.u16(..=self.part.session);
        let highest = match session == self.part.session {
            true => self.number,
            false => self.number.max(64),
        };
        let number = chance.u32(..=highest);
        let token = Token {
            session,
            thread: self.thread,
            number,
        };
        let event = self.plan.event(token)?;
        let Some(key) = event.key else { return Ok(()) };
        match store.get_raw(key) {
            Err(StoreError::NotFound(_)) => return Ok(()),
            read => read?,
        };
        let options = event.options();
        let retried = store.append_with_options(&event.coordinate, KIND, &event.payload, options);
        match retried {
            // Another thread's fence; the next retry has more luck.
            Err(StoreError::VisibilityFenceActive) => {}
            Err(error) => bail!("a retry of {token:?}: {}", describe(&error)),
            Ok(receipt) => match receipt.replay {
                Some(Replay::SameEvent) => {
                    tell(&format!("same {:x}:{}", token.bits(), receipt.sequence));
                }
                other => bail!("a retry of {token:?} was answered as {other:?}"),
            },
        }
        Ok(())
    }
}
