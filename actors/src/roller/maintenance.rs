//! Work on whole segments that somebody has asked for: one piece after the other, in short steps.

use super::snapshot::Snapshot;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::runtime::ReplyTo;
use batpak_log::fs::Fs;
use batpak_log::log_position::LogPosition;
use std::collections::VecDeque;
use std::sync::Arc;

/// So many pieces of work wait at the most; whoever asks for more is told to come later.
const WAITING_MAX: usize = 16;

/// What is being done, and what waits.
#[derive(Debug)]
pub(super) struct Maintenance {
    reader: Arc<Reader>,
    asked: VecDeque<Asked>,
    doing: Option<Doing>,
}

#[derive(Debug)]
enum Asked {
    Snapshot {
        to: Arc<dyn Fs>,
        reply: ReplyTo<Result<LogPosition, StoreError>>,
    },
}

/// One piece of work with whom it is for.
#[derive(Debug)]
enum Doing {
    Snapshot(Box<Snapshot>, ReplyTo<Result<LogPosition, StoreError>>),
}

impl Maintenance {
    pub(super) fn new(reader: Arc<Reader>) -> Self {
        Self {
            reader,
            asked: VecDeque::new(),
            doing: None,
        }
    }

    pub(super) fn snapshot(
        &mut self,
        to: Arc<dyn Fs>,
        reply: ReplyTo<Result<LogPosition, StoreError>>,
    ) {
        match self.asked.len() {
            WAITING_MAX.. => reply.answer(Err(StoreError::Busy { after_ms: 0 })),
            _ => self.asked.push_back(Asked::Snapshot { to, reply }),
        }
    }

    pub(super) fn has_more(&self) -> bool {
        self.doing.is_some() || !self.asked.is_empty()
    }

    /// Works for a short while.
    pub(super) fn step(&mut self) {
        match self.doing.take() {
            None => match self.asked.pop_front() {
                None => {}
                Some(Asked::Snapshot { to, reply }) => match Snapshot::begin(&self.reader, to) {
                    Ok(snapshot) => self.doing = Some(Doing::Snapshot(Box::new(snapshot), reply)),
                    Err(error) => reply.answer(Err(error)),
                },
            },
            Some(Doing::Snapshot(mut snapshot, reply)) => match snapshot.step() {
                Ok(None) => self.doing = Some(Doing::Snapshot(snapshot, reply)),
                Ok(Some(end)) => reply.answer(Ok(end)),
                Err(error) => {
                    snapshot.take_back();
                    reply.answer(Err(error));
                }
            },
        }
    }

    /// Gives up what is not finished: whoever waits is told that the store has closed.
    pub(super) fn end(&mut self) {
        if let Some(Doing::Snapshot(snapshot, reply)) = self.doing.take() {
            snapshot.take_back();
            reply.answer(Err(StoreError::Closed));
        }
        for Asked::Snapshot { reply, .. } in self.asked.drain(..) {
            reply.answer(Err(StoreError::Closed));
        }
    }
}
