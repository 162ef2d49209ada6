//! Notes how far the log is proven durable, so that a log that lost its end is noticed.
//!
//! Owns the checkpoint file. Tells nobody. Never reads the log.

use crate::error::StoreError;
use crate::protocol::checkpointer::Message;
use crate::runtime::{Actor, ExitReason, Fault, Next, Queued, Turn};
use batpak_log::checkpoint::Checkpoint;
use batpak_log::fs::Fs;
use std::sync::Arc;

/// A checkpointer.
#[derive(Debug)]
pub struct Checkpointer {
    fs: Arc<dyn Fs>,
    enabled: bool,
}

impl Checkpointer {
    /// Keeps the checkpoint in `fs`; with `enabled` false it takes positions and notes none.
    pub fn new(fs: Arc<dyn Fs>, enabled: bool) -> Self {
        Self { fs, enabled }
    }

    fn note(&self, checkpoint: Option<Checkpoint>) -> Result<(), StoreError> {
        match checkpoint.filter(|_| self.enabled) {
            Some(checkpoint) => Ok(checkpoint.write(&*self.fs)?),
            None => Ok(()),
        }
    }
}

impl Actor for Checkpointer {
    type Message = Message;
    type Answer = ();
    type Kept = ();

    fn handle(
        &mut self,
        queued: &mut Queued<Message>,
        _: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        let mut latest = None;
        while let Some(message) = queued.pop() {
            match message {
                Message::Checkpoint(checkpoint) => latest = Some(checkpoint),
                Message::Close { last, reply } => {
                    reply.answer(self.note(last.or(latest)));
                    return Ok(Next::Stop);
                }
                Message::Panic => panic!("a test asked the checkpointer to panic"),
            }
        }
        // The old checkpoint stays true when a new one cannot be written; the next one tries again.
        if let Err(error) = self.note(latest) {
            tracing::warn!(%error, "the checkpoint could not be written");
        }
        Ok(Next::Open)
    }

    fn refuse(message: Message, reason: &ExitReason) {
        if let Message::Close { reply, .. } = message {
            reply.answer(Err(StoreError::ended("checkpointer", reason)));
        }
    }
}
