//! How a session ends: by closing, by dropping; and whether the store served until then.

use super::World;
use crate::model::{Died, State};
use crate::plan::{Demand, NewEvent, Operation};

impl World {
    /// Closes in good order and opens again.
    pub(crate) fn reopen(&mut self) -> Result<(), String> {
        self.close()?;
        if self.has_died() {
            return self.go_on_after_crash();
        }
        self.open(Died::Nothing)
    }

    /// Closes for good.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        self.close()?;
        self.disk().observe(None);
        self.failure()
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(store) = self.store.take() else {
            return Ok(());
        };
        let closed = store.close();
        self.look()?;
        if self.has_died() {
            return Ok(());
        }
        let mut inner = self.inner();
        inner.subscription = None;
        if let Err(error) = closed {
            // What was under way is open, and nothing more is durable than before.
            inner.questions.clear();
            inner.model.abandon();
            return match inner.model.strictness.disk_fails {
                true => Ok(()),
                false => Err(format!("closing: {error}")),
            };
        }
        if let Some(question) = inner.questions.first() {
            return Err(format!("{:?} was never answered", question.numbers));
        }
        if let Some(last) = inner.model.last_committed() {
            inner.model.all_is_durable(last);
        }
        Ok(())
    }

    /// Drops the store without closing it; what is on the way is carried out all the same.
    pub(crate) fn drop_store(&mut self) -> Result<(), String> {
        drop(self.store.take());
        self.look()?;
        let mut inner = self.inner();
        inner.subscription = None;
        let strictness = inner.model.strictness;
        if let (true, Some(question)) = (strictness.exact, inner.questions.first()) {
            return Err(format!("{:?} was never answered", question.numbers));
        }
        inner.questions.clear();
        inner.model.abandon();
        Ok(())
    }

    /// Whatever has happened, an append is stored now, unless the disk has failed.
    pub(super) fn still_serves(&mut self) -> Result<(), String> {
        let strictness = self.inner().model.strictness;
        if strictness.disk_fails || strictness.disk_lies {
            return Ok(());
        }
        self.inner().crash = None;
        let event = NewEvent {
            entity: 0,
            filler: 0,
            keyed: false,
            strict: false,
            always: false,
            demand: Demand::Nothing,
        };
        // The one panic that was ordered may come only now.
        for _ in 0..2 {
            let event = event.clone();
            self.carry_out(&Operation::Append { caller: 0, event })?;
            self.settle()?;
        }
        let inner = self.inner();
        let mut last = inner.model.sent.iter().rev().take(2);
        match last.any(|sent| matches!(sent.state, State::Committed(_))) {
            true => Ok(()),
            false => Err("nothing is stored any more".into()),
        }
    }
}
