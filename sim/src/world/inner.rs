//! What the disk's observer and the simulated callers share.

use super::copying::Copy;
use super::following::Kept;
use super::image::{ImageTally, Images};
use crate::model::{Died, Model, Prediction};
use crate::plan;
use batpak::store::Subscription;
use batpak::store::{AppendReceipt, AppendTicket, BatchAppendTicket, StoreConfig, StoreError};
use batpak::testkit::{Call, Clock, Keep, Loss, Machine, SimFs};
use fastrand::Rng;

/// A question that was not answered yet.
pub(crate) struct Question {
    pub(crate) numbers: Vec<u64>,
    pub(crate) prediction: Option<Prediction>,
    pub(crate) ticket: Ticket,
}

pub(crate) enum Ticket {
    One(AppendTicket),
    Batch(BatchAppendTicket),
}

impl Ticket {
    fn look(&self) -> Option<Result<Vec<AppendReceipt>, StoreError>> {
        match self {
            Self::One(ticket) => Some(ticket.try_check()?.map(|receipt| vec![receipt])),
            Self::Batch(ticket) => ticket.try_check(),
        }
    }
}

/// Which crashes are looked at, beside those that end a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImagePolicy {
    /// At one of so many changing calls, drawn; 0 is at none.
    pub(crate) one_in: u32,
    /// So many images are made there.
    pub(crate) at_once: u32,
    /// Crashes in the recovery, one in another, at most.
    pub(crate) depth: u32,
    /// Whether only power cuts are looked at.
    pub(crate) power_only: bool,
    /// So many images are made at every changing call while somebody compacts or copies.
    pub(crate) maintaining: u32,
}

impl ImagePolicy {
    pub(crate) const NONE: Self = Self {
        one_in: 0,
        at_once: 0,
        depth: 0,
        power_only: false,
        maintaining: 0,
    };
}

pub(crate) struct Inner {
    pub(crate) model: Model,
    pub(crate) questions: Vec<Question>,
    pub(crate) subscription: Option<Subscription>,
    pub(crate) policy: ImagePolicy,
    /// The session ends at a changing call of the disk, so many from now.
    pub(crate) crash: Option<(u32, Loss)>,
    /// What ended the session before, until the log was looked at again.
    pub(crate) died_before: Died,
    /// What that crash has left.
    pub(crate) left: Option<(SimFs, Loss)>,
    pub(crate) failure: Option<String>,
    pub(crate) config: StoreConfig,
    pub(crate) random: Rng,
    pub(crate) tally: ImageTally,
    /// Somebody compacts or copies.
    pub(crate) maintaining: bool,
    /// States that were folded, whatever became of the history.
    pub(crate) kept: Kept,
    /// The copy that is being made.
    pub(crate) copy: Option<Copy>,
    /// Changing calls of the disk so far.
    pub(crate) calls: u64,
    /// The calls of the disk, to be printed with a failure.
    pub(crate) trace: Option<Vec<String>>,
}

impl Inner {
    pub(crate) fn fail(&mut self, text: String) {
        self.failure.get_or_insert(text);
    }

    /// Is told of every call of the disk before it is made.
    pub(crate) fn observe(&mut self, machine: &Machine, call: &Call<'_>) {
        if self.left.is_some() || self.failure.is_some() || !call.changes() {
            return;
        }
        self.calls += 1;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("    {:?} {} {}", call.call, call.name, call.bytes));
        }
        self.take_answers(machine);
        match &mut self.crash {
            Some((0, loss)) => {
                let loss = *loss;
                self.left = Some((machine.disk().crash(loss, &mut self.random), loss));
                machine.disk().die();
                return;
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        if self.maintaining {
            for _ in 0..self.policy.maintaining {
                self.tally.maintaining += 1;
                self.check_image(machine);
            }
        }
        if self.policy.one_in > 0 && self.random.u32(0..self.policy.one_in) == 0 {
            for _ in 0..self.policy.at_once {
                self.check_image(machine);
            }
        }
    }

    fn check_image(&mut self, machine: &Machine) {
        let loss = match self.policy.power_only {
            true => plan::power(&mut self.random, Keep::Some),
            false => plan::loss(&mut self.random),
        };
        let image = machine.crash(loss, &mut self.random);
        let calls = self.calls;
        let died = died(loss).max(self.died_before);
        let result = self.with_images(|images, depth| {
            images.check_copy(&image)?;
            images.check(&image, died, depth)
        });
        if let Err(text) = result {
            self.fail(format!(
                "a crash before changing call {calls} of the disk, {loss:?}: {text}"
            ));
        }
    }

    /// Checks images against the model as it is now.
    pub(crate) fn with_images<T>(&mut self, check: impl FnOnce(&mut Images<'_>, u32) -> T) -> T {
        let mut images = Images {
            config: &self.config,
            model: &self.model,
            copy: self.copy.as_ref(),
            kept: &self.kept,
            random: &mut self.random,
            tally: self.tally,
        };
        let checked = check(&mut images, self.policy.depth);
        self.tally = images.tally;
        checked
    }

    /// Takes the answers that are there.
    pub(crate) fn take_answers(&mut self, machine: &Machine) {
        if let Err(text) = self.try_take_answers(machine) {
            self.fail(text);
        }
    }

    fn try_take_answers(&mut self, machine: &Machine) -> Result<(), String> {
        let exact = self.model.strictness.exact;
        let now_us = u64::try_from(machine.clock().wall_us()).unwrap_or(0);
        let mut answered = Vec::new();
        let mut waiting: Option<&[u64]> = None;
        for (at, question) in self.questions.iter().enumerate() {
            let Some(answer) = question.ticket.look() else {
                waiting.get_or_insert(&question.numbers);
                continue;
            };
            if let (true, Some(first)) = (exact, waiting) {
                let second = &question.numbers;
                return Err(format!(
                    "{second:?} was answered, {first:?} before it was not"
                ));
            }
            answered.push((at, answer));
        }
        self.take_notifications()?;
        for (at, answer) in answered.iter() {
            let Some(question) = self.questions.get(*at) else {
                continue;
            };
            if let Ok(receipts) = answer {
                self.check_notified(receipts)?;
            }
            let answer = match answer {
                Ok(receipts) => Ok(receipts.clone()),
                Err(error) => Err(error.copied()),
            };
            let (numbers, prediction) = (&question.numbers, question.prediction.as_ref());
            self.model.answer(numbers, prediction, answer, now_us)?;
        }
        for (at, _) in answered.iter().rev() {
            self.questions.remove(*at);
        }
        Ok(())
    }

    /// Whoever has subscribed before an append has its notification before the answer.
    fn check_notified(&self, receipts: &[AppendReceipt]) -> Result<(), String> {
        let mut new = receipts.iter().filter(|receipt| receipt.replay.is_none());
        let missed = new.find(|receipt| !self.model.notified.contains(&receipt.event_id));
        match (missed, &self.subscription) {
            (Some(receipt), Some(_)) => {
                Err(format!("{receipt:?} was answered, and nobody was notified"))
            }
            _ => Ok(()),
        }
    }

    fn take_notifications(&mut self) -> Result<(), String> {
        let Some(subscription) = &self.subscription else {
            return Ok(());
        };
        for notification in subscription.receiver().try_iter() {
            if !self.model.notified.insert(notification.event_id) {
                return Err(format!("{notification:?} was announced twice"));
            }
        }
        Ok(())
    }
}

pub(crate) fn died(loss: Loss) -> Died {
    match loss {
        Loss::Kill => Died::Process,
        Loss::Power { .. } => Died::Machine,
    }
}
