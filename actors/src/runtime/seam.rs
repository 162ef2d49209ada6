//! The seam through which every wait of a caller goes.
//!
//! On threads a caller spins for a bounded time while the host that will answer is busy anyway,
//! then blocks. In a stepped system the caller runs the actors itself until the answer is there,
//! so one thread drives everything and a seed decides the order.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Waited;
use super::clock::Stopwatch;
use super::host::HostSignal;
use super::stepper::Stepper;
use super::sync::channel::{Receiver, RecvTimeoutError, TryRecvError};
use super::sync::{MAY_SPIN, relax};

/// How a caller waits.
#[derive(Clone)]
pub(crate) enum Seam {
    /// Blocks.
    Plain,
    /// Spins for so long while the host is busy, then blocks.
    Threads { host: Arc<HostSignal>, spin_us: u32 },
    /// Steps the system.
    Stepped(Weak<Stepper>),
}

/// What a look at a channel found: a message, nothing yet, or the end.
type Look<T> = Option<Result<T, Waited>>;

impl Seam {
    /// Waits for a message, at most that long if a limit is given.
    pub(crate) fn receive<T>(
        &self,
        from: &Receiver<T>,
        limit: Option<Duration>,
    ) -> Result<T, Waited> {
        match self {
            Self::Plain => block(from, limit),
            Self::Threads { host, spin_us } => {
                spin(from, host, *spin_us).unwrap_or_else(|| block(from, limit))
            }
            Self::Stepped(stepper) => {
                let Some(stepper) = stepper.upgrade() else {
                    return look(from).unwrap_or(Err(Waited::Closed));
                };
                let outcome = stepper.step_until(limit, || look(from));
                outcome.unwrap_or(Err(limit.map_or(Waited::Closed, |_| Waited::TimedOut)))
            }
        }
    }

    /// Waits for a message that may be long in coming: never spins for it.
    pub(crate) fn receive_idle<T>(&self, from: &Receiver<T>) -> Result<T, Waited> {
        match self {
            Self::Plain | Self::Threads { .. } => block(from, None),
            Self::Stepped(_) => self.receive(from, None),
        }
    }

    /// Returns the stepped system, if waiting means to step one.
    pub(crate) fn stepper(&self) -> Option<Arc<Stepper>> {
        match self {
            Self::Stepped(stepper) => stepper.upgrade(),
            Self::Plain | Self::Threads { .. } => None,
        }
    }
}

impl fmt::Debug for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Threads { .. } => "Threads",
            Self::Stepped(_) => "Stepped",
        })
    }
}

fn look<T>(from: &Receiver<T>) -> Look<T> {
    match from.try_recv() {
        Ok(message) => Some(Ok(message)),
        Err(TryRecvError::Disconnected) => Some(Err(Waited::Closed)),
        Err(TryRecvError::Empty) => None,
    }
}

fn block<T>(from: &Receiver<T>, limit: Option<Duration>) -> Result<T, Waited> {
    match limit {
        None => from.recv().map_err(|_| Waited::Closed),
        Some(limit) => from.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => Waited::TimedOut,
            RecvTimeoutError::Disconnected => Waited::Closed,
        }),
    }
}

/// Spins until a message is there, the host parks, or the time is over.
fn spin<T>(from: &Receiver<T>, host: &HostSignal, spin_us: u32) -> Look<T> {
    if !MAY_SPIN || spin_us == 0 {
        return None;
    }
    let _turn = host.claim_caller_spin()?;
    let watch = Stopwatch::start();
    while host.is_busy() && !watch.has_run(spin_us) {
        let found = look(from);
        if found.is_some() {
            return found;
        }
        relax();
    }
    None
}
