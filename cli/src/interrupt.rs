//! Ctrl-C: asks a command to stop where it is in good order.

use crate::failure::Failure;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Duration;

/// Tells when the user has pressed Ctrl-C, or the system has asked the program to end.
pub(crate) struct Interrupt {
    asked: Receiver<()>,
}

impl Interrupt {
    /// From now on Ctrl-C no longer kills the program: it must ask this.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let (ask, asked) = sync_channel(1);
        let handler = move || {
            // A second Ctrl-C finds the channel full: one is enough.
            let _ = ask.try_send(());
        };
        ctrlc::set_handler(handler)
            .map_err(|error| Failure::Failed(format!("Ctrl-C cannot be caught: {error}")))?;
        Ok(Self { asked })
    }

    /// Tells whether to stop, without waiting.
    pub(crate) fn is_asked(&self) -> bool {
        match self.asked.try_recv() {
            Ok(()) => true,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => false,
        }
    }

    /// Waits for at most `time`; tells whether to stop.
    pub(crate) fn within(&self, time: Duration) -> bool {
        match self.asked.recv_timeout(time) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }
}
