//! When a segment is full, or there is none: makes the next one the open one.

use super::Writer;
use super::segment::{OpenSegment, SwitchFailed};
use crate::error::StoreError;
use crate::protocol::roller::{self, PreparedFile};
use crate::protocol::writer::Answer;
use crate::runtime::{Closed, Fault, Turn};
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use std::sync::Arc;

/// The file for the next segment.
pub(super) enum Prepared {
    /// Nobody was asked for one.
    None,
    /// The roller was asked ahead of time.
    Asked,
    /// The roller was asked, and a command waits for the answer.
    Awaited,
    /// It is there.
    Ready(PreparedFile),
    /// The roller could not; the next command is told.
    Failed(StoreError),
}

/// What became of a switch.
pub(super) enum Switched {
    Done,
    Waiting,
    Refused(StoreError),
}

impl Writer {
    pub(super) fn is_full(&self) -> bool {
        self.segment.is_some() && self.position.offset >= self.options.segment_max_bytes
    }

    /// Makes a new segment the open one.
    pub(super) fn switch(&mut self, turn: &mut Turn<'_, Self>) -> Result<Switched, Fault> {
        let prepared = match std::mem::replace(&mut self.prepared, Prepared::None) {
            Prepared::Ready(prepared) => prepared,
            Prepared::Failed(error) => return Ok(Switched::Refused(error)),
            // Asking twice would prepare the same name twice.
            Prepared::Asked | Prepared::Awaited => {
                self.prepared = Prepared::Awaited;
                return Ok(Switched::Waiting);
            }
            Prepared::None => {
                self.ask_for_file(turn);
                self.prepared = Prepared::Awaited;
                return Ok(Switched::Waiting);
            }
        };
        if self.durable.under_way.is_some() {
            self.prepared = Prepared::Ready(prepared);
            return Ok(Switched::Waiting);
        }
        if let Some(full) = &self.segment {
            let (old, new) = (full.header().segment.id, self.position.last_id + 1);
            if let Some(fault) = self.points.at_rotation(old, new) {
                self.prepared = Prepared::Ready(prepared);
                return Ok(Switched::Refused(fault));
            }
        }
        if !planted(Bug::LoseTailAtRotation) {
            self.sync_now().map_err(|error| self.poison(error))?;
        }
        let fs = &*self.options.fs;
        let opened = OpenSegment::switch(fs, &prepared, self.options.store_id, &self.position);
        let opened = match opened {
            Ok(opened) => opened,
            Err(SwitchFailed::NotBegun(error)) => return Ok(Switched::Refused(error)),
            Err(SwitchFailed::InDoubt(error)) => return Err(self.poison(error)),
        };
        let before = std::mem::replace(
            &mut self.position,
            LogPosition::at_start_of(opened.header()),
        );
        if let Some(full) = self.segment.replace(opened) {
            self.index.leave(Arc::clone(full.header()), before);
            let seal = roller::Message::Seal {
                file: Arc::clone(full.file()),
                header: Arc::clone(full.header()),
                position: before,
            };
            // A footer is advisory: without the roller the segment just has none.
            let _ = turn.tell(&self.roller, seal);
        }
        self.segment_is_new = true;
        self.durable.proven = self.position;
        Ok(Switched::Done)
    }

    /// Asks the roller for the next file, once.
    pub(super) fn ask_for_file(&mut self, turn: &mut Turn<'_, Self>) {
        let message = |reply| roller::Message::Prepare { reply };
        turn.ask(&self.roller, message, Answer::Prepared);
        self.prepared = Prepared::Asked;
    }

    /// Takes the roller's answer about the next file.
    pub(super) fn file_is_prepared(
        &mut self,
        answer: Result<Result<PreparedFile, StoreError>, Closed>,
    ) {
        let awaited = matches!(self.prepared, Prepared::Awaited);
        self.prepared = match answer {
            Ok(Ok(prepared)) => Prepared::Ready(prepared),
            // Whoever needs the file later asks again: by then there may be space.
            Ok(Err(_)) if !awaited => Prepared::None,
            Ok(Err(error)) => Prepared::Failed(error),
            Err(Closed) => match self.roller.exit_reason() {
                Some(reason) => Prepared::Failed(StoreError::ended("roller", &reason)),
                // It is back already, and is asked again.
                None => Prepared::None,
            },
        };
    }
}
