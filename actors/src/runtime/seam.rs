//! The seam through which every wait of a caller goes.
//!
//! On threads a caller spins for a bounded time while the host that will answer is busy anyway,
//! then blocks. The bound follows from how long answers have taken lately, as long as that is not
//! far more than being woken costs: a caller of a store that syncs each append spins through the
//! sync. In a stepped system the caller runs the actors itself until the answer is there,
//! so one thread drives everything and a seed decides the order.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Waited;
use super::clock::{Stopwatch, whole_microseconds};
use super::host::HostSignal;
use super::stepper::Stepper;
use super::sync::channel::{Receiver, RecvTimeoutError, TryRecvError};
use super::sync::{LOOKS_PER_CLOCK, MAY_SPIN, SpinCap, is_crowded, relax, yield_core};

/// After so long without an answer the host may be waiting for this very core.
const YIELD_AFTER_US: u32 = 5;

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
pub(crate) type Look<T> = Option<Result<T, Waited>>;

/// Where a caller waits for one message.
pub(crate) trait Source<T> {
    /// Takes the message if it is there.
    fn look(&self) -> Look<T>;

    /// Blocks the thread until the message is there, at most that long if a limit is given.
    fn block(&self, limit: Option<Duration>) -> Result<T, Waited>;
}

impl<T> Source<T> for Receiver<T> {
    fn look(&self) -> Look<T> {
        match self.try_recv() {
            Ok(message) => Some(Ok(message)),
            Err(TryRecvError::Disconnected) => Some(Err(Waited::Closed)),
            Err(TryRecvError::Empty) => None,
        }
    }

    fn block(&self, limit: Option<Duration>) -> Result<T, Waited> {
        match limit {
            None => self.recv().map_err(|_| Waited::Closed),
            Some(limit) => self.recv_timeout(limit).map_err(|error| match error {
                RecvTimeoutError::Timeout => Waited::TimedOut,
                RecvTimeoutError::Disconnected => Waited::Closed,
            }),
        }
    }
}

impl Seam {
    /// Waits for a message, at most that long if a limit is given.
    pub(crate) fn receive<T>(
        &self,
        from: &impl Source<T>,
        limit: Option<Duration>,
    ) -> Result<T, Waited> {
        match self {
            Self::Plain => from.block(limit),
            Self::Threads { host, spin_us } => receive_from(from, host, *spin_us, limit),
            Self::Stepped(stepper) => {
                let Some(stepper) = stepper.upgrade() else {
                    return from.look().unwrap_or(Err(Waited::Closed));
                };
                let outcome = stepper.step_until(limit, || from.look());
                outcome.unwrap_or(Err(limit.map_or(Waited::Closed, |_| Waited::TimedOut)))
            }
        }
    }

    /// Waits for a message that may be long in coming, at most that long if a limit is given: never
    /// spins for it.
    pub(crate) fn receive_idle<T>(
        &self,
        from: &Receiver<T>,
        limit: Option<Duration>,
    ) -> Result<T, Waited> {
        match self {
            Self::Plain | Self::Threads { .. } => from.block(limit),
            Self::Stepped(_) => self.receive(from, limit),
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

fn receive_from<T>(
    from: &impl Source<T>,
    host: &HostSignal,
    spin_us: u32,
    limit: Option<Duration>,
) -> Result<T, Waited> {
    if let Some(found) = from.look() {
        return found;
    }
    let _place = host.claim_place();
    if !MAY_SPIN || spin_us == 0 {
        return from.block(limit);
    }
    let watch = Stopwatch::start();
    let found = spin(from, host, (spin_us, limit), &watch).unwrap_or_else(|| from.block(limit));
    host.note_wait(watch.microseconds());
    found
}

/// Spins until a message is there, the host parks, or the time is over.
fn spin<T>(
    from: &impl Source<T>,
    host: &HostSignal,
    (spin_us, limit): (u32, Option<Duration>),
    watch: &Stopwatch,
) -> Look<T> {
    let Some(_turn) = host.claim_caller_spin() else {
        return spin_beside_another(from, host, spin_us, watch);
    };
    let limit_us = limit.map_or(u64::MAX, whole_microseconds);
    let patience_us = host
        .patience_us(spin_us)
        .min(u32::try_from(limit_us).unwrap_or(u32::MAX));
    let mut permit = None;
    let is_crowded = is_crowded();
    loop {
        for _ in 0..LOOKS_PER_CLOCK {
            let found = from.look();
            if found.is_some() {
                return found;
            }
            relax();
        }
        if !host.is_busy() || watch.has_run(patience_us) {
            return None;
        }
        if watch.has_run(spin_us) && permit.is_none() {
            permit = Some(SpinCap::of_callers().take()?);
        }
        if watch.has_run(YIELD_AFTER_US) && (is_crowded || !yield_core()) {
            return None;
        }
    }
}

/// Spins beside another caller of the host, and lets everybody else have the core at every turn.
fn spin_beside_another<T>(
    from: &impl Source<T>,
    host: &HostSignal,
    spin_us: u32,
    watch: &Stopwatch,
) -> Look<T> {
    if is_crowded() {
        return None;
    }
    while host.is_busy() && !watch.has_run(spin_us) && yield_core() {
        let found = from.look();
        if found.is_some() {
            return found;
        }
    }
    None
}
