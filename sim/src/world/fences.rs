//! A visibility fence from its beginning to its end.

use super::World;
use crate::model::{Sent, cause};
use crate::plan::{Demand, FenceEnd, NewEvent};
use batpak::store::{AppendReceipt, AppendTicket, StoreError, VisibilityFence};

/// What somebody does while a fence is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside {
    pub(super) reads: bool,
    pub(super) copies: bool,
}

impl World {
    /// Opens a fence, writes into it, and ends it. Before the commit is asked for, nothing may show
    /// any of its events, on whatever image of the disk; from then on all of them or none.
    pub(super) fn fence(
        &mut self,
        caller: u8,
        events: &[NewEvent],
        (end, beside): (FenceEnd, Beside),
    ) -> Result<(), String> {
        self.settle()?;
        let numbers = self.prepare_fence(caller, events);
        let Some(store) = &self.store else {
            return Ok(());
        };
        let ended = match store.begin_visibility_fence() {
            Ok(fence) => self.write_and_end(fence, &numbers, (end, beside)),
            Err(error) => self.fence_failed(&error),
        };
        self.inner().model.take_back(&numbers);
        ended?;
        match beside.reads && !self.has_died() {
            true => self.read(),
            false => Ok(()),
        }
    }

    fn prepare_fence(&self, caller: u8, events: &[NewEvent]) -> Vec<u64> {
        let mut inner = self.inner();
        let mut numbers = Vec::new();
        for event in events {
            let event = NewEvent {
                demand: Demand::Nothing,
                ..event.clone()
            };
            numbers.push(inner.model.prepare(caller, &event, None));
        }
        inner.model.bind(&numbers);
        numbers
    }

    fn write_and_end(
        &self,
        fence: VisibilityFence<'_>,
        numbers: &[u64],
        (end, beside): (FenceEnd, Beside),
    ) -> Result<(), String> {
        let strictness = self.inner().model.strictness;
        let mut tickets = Vec::new();
        for number in numbers {
            match self.write(&fence, *number) {
                Ok(ticket) => tickets.push(ticket),
                Err(error) => return self.fence_failed(&error),
            }
        }
        for (ticket, number) in tickets.iter().zip(numbers) {
            match ticket.wait_durable() {
                // A cancel that a full disk keeps from being recorded may let a killed process
                // give its sequence out again; otherwise that never happens.
                Ok(_) if strictness.disk_fails => {}
                Ok(receipt) => self.inner().model.observe(receipt.sequence, *number)?,
                Err(error) => return self.fence_failed(&error),
            }
        }
        let early = tickets.iter().any(|ticket| ticket.try_check().is_some());
        if early && strictness.exact && !self.has_died() {
            return Err(format!("{numbers:?}: a fence was answered before its end"));
        }
        if beside.reads {
            self.read()?;
        }
        if beside.copies
            && let Some(due) = self.log()?
        {
            self.copy(due)?;
        }
        match end {
            FenceEnd::Commit => self.commit(fence, tickets, numbers),
            FenceEnd::Cancel => match fence.cancel() {
                Ok(()) => Self::were_cancelled(tickets),
                Err(error) => self.fence_failed(&error),
            },
            FenceEnd::Drop => {
                drop(fence);
                Ok(())
            }
        }
    }

    fn write(&self, fence: &VisibilityFence<'_>, number: u64) -> Result<AppendTicket, StoreError> {
        let sent = self.inner().model.get(number).cloned();
        let Some(sent) = sent else {
            return Err(StoreError::NotFound(number.into()));
        };
        let coordinate = Sent::coordinate(&sent);
        fence.submit_with_options(&coordinate, crate::model::KIND, &sent.content, sent.options)
    }

    fn commit(
        &self,
        fence: VisibilityFence<'_>,
        tickets: Vec<AppendTicket>,
        numbers: &[u64],
    ) -> Result<(), String> {
        let prediction = self.inner().model.ask(numbers);
        let committed = fence.commit();
        if self.has_died() {
            return Ok(());
        }
        let answer = committed.and_then(|()| {
            let receipts = tickets.into_iter().map(AppendTicket::wait);
            receipts.collect::<Result<Vec<AppendReceipt>, _>>()
        });
        let now_us = self.now_us();
        let mut inner = self.inner();
        if inner.left.is_some() {
            return Ok(());
        }
        let model = &mut inner.model;
        model.answer(numbers, prediction.as_ref(), answer, now_us)
    }

    fn were_cancelled(tickets: Vec<AppendTicket>) -> Result<(), String> {
        for ticket in tickets {
            let ended = ticket.wait();
            if !matches!(ended, Err(StoreError::VisibilityFenceCancelled)) {
                return Err(format!("a cancelled fence answered {ended:?}"));
            }
        }
        Ok(())
    }

    /// A fence may fail where the machine has died, the disk fails or actors panic.
    fn fence_failed(&self, error: &StoreError) -> Result<(), String> {
        let strictness = self.inner().model.strictness;
        let may_fail = !strictness.exact || strictness.disk_fails || strictness.budget_may_end;
        match self.has_died() || may_fail {
            true => Ok(()),
            false => Err(format!("a fence failed: {}", cause(error))),
        }
    }
}
