//! A running system: its health, its tasks and its end.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::health::Observe;
use super::stepper::Stepper;
use super::sync::channel::{Receiver, RecvTimeoutError, bounded};
use super::sync::{JoinHandle, spawn};
use super::system::PlannedHost;
use super::task::{start_on_thread, start_stepped};
use super::{ActorHealth, TaskHandle, TaskNext, Waiting};

/// A running system.
///
/// Dropping it lets threads run on until their actors end by themselves; a stepped system goes
/// down with it, and its actors end as if stopped.
pub struct Running {
    hosts: Hosts,
    observed: Vec<Arc<dyn Observe>>,
}

enum Hosts {
    Threads(Threads),
    Stepped(Arc<Stepper>),
}

/// The threads of a system.
pub(crate) struct Threads {
    handles: Vec<JoinHandle<()>>,
    /// Never gets a message; disconnects when the last host has ended.
    all_ended: Receiver<()>,
}

/// Some hosts did not end within the limit; their threads run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("some hosts have not ended within the limit")]
pub struct StillRunning;

/// Starts one thread for each host.
pub(crate) fn start_threads(
    hosts: Vec<PlannedHost>,
    clock: &Arc<dyn Clock>,
    waiting: Waiting,
    stack_size: Option<usize>,
) -> io::Result<Threads> {
    let (running, all_ended) = bounded(1);
    let mut handles = Vec::with_capacity(hosts.len());
    for planned in hosts {
        let name = planned.name.clone();
        let signal = Arc::clone(&planned.signal);
        let clock = Arc::clone(clock);
        signal.seat(planned.into_host());
        let running = running.clone();
        let seated = Arc::clone(&signal);
        let started = spawn(&name, stack_size, move || {
            seated.run(waiting, &*clock);
            drop(running);
        });
        // Without its thread a host ends.
        handles.push(started.inspect_err(|_| signal.unseat())?);
    }
    Ok(Threads { handles, all_ended })
}

impl Running {
    pub(crate) fn on_threads(threads: Threads, observed: Vec<Arc<dyn Observe>>) -> Self {
        Self {
            hosts: Hosts::Threads(threads),
            observed,
        }
    }

    pub(crate) fn stepped(stepper: Arc<Stepper>, observed: Vec<Arc<dyn Observe>>) -> Self {
        Self {
            hosts: Hosts::Stepped(stepper),
            observed,
        }
    }

    /// Returns the state of every actor, in the order in which they were spawned.
    #[must_use]
    pub fn health(&self) -> Vec<ActorHealth> {
        self.observed.iter().map(|actor| actor.health()).collect()
    }

    /// Starts a task: a thread of that name, or a stepped loop.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn spawn_task<F>(&self, name: &str, wake: Receiver<()>, task: F) -> io::Result<TaskHandle>
    where
        F: FnMut() -> TaskNext + Send + 'static,
    {
        match &self.hosts {
            Hosts::Threads(_) => start_on_thread(name, wake, task),
            Hosts::Stepped(stepper) => Ok(start_stepped(stepper, wake, task)),
        }
    }

    /// Waits until every host has ended, at most that long if a limit is given.
    ///
    /// A host ends by itself once all of its actors have. Must not be called by an actor.
    ///
    /// # Errors
    /// [`StillRunning`] when some host has not ended by then, or never will by stepping.
    pub fn join(self, limit: Option<Duration>) -> Result<(), StillRunning> {
        match self.hosts {
            Hosts::Threads(threads) => threads.join(limit),
            Hosts::Stepped(stepper) => stepper
                .step_until(limit, || (stepper.hosts_left() == 0).then_some(()))
                .ok_or(StillRunning),
        }
    }

    /// Runs one step of a stepped system; returns false when nothing is runnable.
    ///
    /// A system on threads runs by itself: there is never a step to do.
    pub fn step(&self) -> bool {
        match &self.hosts {
            Hosts::Threads(_) => false,
            Hosts::Stepped(stepper) => stepper.step(),
        }
    }
}

impl Threads {
    fn join(self, limit: Option<Duration>) -> Result<(), StillRunning> {
        if let Some(limit) = limit
            && self.all_ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout)
        {
            return Err(StillRunning);
        }
        for handle in self.handles {
            // A host that panicked has ended too, and its cells have refused their messages.
            let _ended = handle.join();
        }
        Ok(())
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("actors", &self.health())
            .finish()
    }
}
