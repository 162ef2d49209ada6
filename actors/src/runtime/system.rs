//! The builder of a system: hosts, and the actors on them.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::cell::{Cell, Run};
use super::clock::{Clock, ManualClock, SystemClock};
use super::desk::Desk;
use super::health::Observe;
use super::host::{Host, HostSignal};
use super::mailbox::Mailbox;
use super::restart::RestartBudget;
use super::running::{Running, start_threads};
use super::seam::Seam;
use super::stepper::Stepper;
use super::{Actor, Address, Fault, MailboxSpec, Restart, RestartPolicy};

/// How a host's thread waits when it has nothing to do, and a caller for a busy host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Parks at once.
    Park,
    /// Spins so long after the last message, if the process-wide cap allows it, then parks.
    Spin {
        /// The longest spin.
        microseconds: u32,
    },
}

impl Waiting {
    fn spin_us(self) -> u32 {
        match self {
            Self::Park => 0,
            Self::Spin { microseconds } => microseconds,
        }
    }
}

impl Default for Waiting {
    fn default() -> Self {
        Self::Spin { microseconds: 50 }
    }
}

/// How a system on threads runs.
#[derive(Clone, Debug)]
pub struct SystemOptions {
    /// Where its actors read the time.
    pub clock: Arc<dyn Clock>,
    /// How its threads wait.
    pub waiting: Waiting,
    /// The size of its threads' stacks, if not the platform's.
    pub stack_size: Option<usize>,
}

impl Default for SystemOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            waiting: Waiting::default(),
            stack_size: None,
        }
    }
}

/// What an actor is given beside its own code.
pub struct ActorSpec<A: Actor> {
    /// Its mailbox.
    pub mailbox: MailboxSpec<A::Message>,
    /// How often it may be rebuilt.
    pub policy: RestartPolicy,
    /// Its state that outlives restarts.
    pub kept: A::Kept,
}

impl<A: Actor> fmt::Debug for ActorSpec<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorSpec")
            .field("mailbox", &self.mailbox)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Names one host of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostId(usize);

/// A system that is being built, from right to left.
///
/// Of the actors on one host the one that was spawned last runs first, so a message that travels
/// to the right is handled in the same pass.
pub struct System {
    mode: Mode,
    clock: Arc<dyn Clock>,
    hosts: Vec<PlannedHost>,
    observed: Vec<Arc<dyn Observe>>,
}

pub(crate) enum Mode {
    Threads {
        waiting: Waiting,
        stack_size: Option<usize>,
    },
    Stepped(Arc<Stepper>),
}

pub(crate) struct PlannedHost {
    pub(crate) name: String,
    pub(crate) signal: Arc<HostSignal>,
    cells: Vec<Box<dyn Run>>,
}

impl PlannedHost {
    pub(crate) fn into_host(self) -> Host {
        let leftmost_first = self.cells.into_iter().rev().collect();
        Host::new(leftmost_first, self.signal)
    }
}

impl System {
    /// Returns the builder of a system whose hosts are threads.
    #[must_use]
    pub fn threads(options: SystemOptions) -> Self {
        let SystemOptions {
            clock,
            waiting,
            stack_size,
        } = options;
        Self::new(
            Mode::Threads {
                waiting,
                stack_size,
            },
            clock,
        )
    }

    /// Returns the builder of a system that its callers step; the seed decides the order.
    #[must_use]
    pub fn stepped(clock: Arc<ManualClock>, seed: u64) -> Self {
        let stepper = Arc::new(Stepper::new(Arc::clone(&clock), seed));
        Self::new(Mode::Stepped(stepper), clock)
    }

    fn new(mode: Mode, clock: Arc<dyn Clock>) -> Self {
        Self {
            mode,
            clock,
            hosts: Vec::new(),
            observed: Vec::new(),
        }
    }

    /// Adds a host: a thread of that name, or a stepped group.
    pub fn host(&mut self, name: &str) -> HostId {
        let id = HostId(self.hosts.len());
        let signal = Arc::new(HostSignal::new());
        self.hosts.push(PlannedHost {
            name: name.to_owned(),
            signal,
            cells: Vec::new(),
        });
        id
    }

    /// Places an actor on a host and returns its address.
    ///
    /// The factory builds the first incarnation on the host when the system starts, and every
    /// later one in place after a crash; its own panics and faults count like the actor's.
    ///
    /// # Panics
    /// When the host is of another system.
    pub fn spawn<A, F>(
        &mut self,
        host: HostId,
        spec: ActorSpec<A>,
        factory: F,
    ) -> Address<A::Message>
    where
        A: Actor,
        F: FnMut(Restart, &mut A::Kept) -> Result<A, Fault> + Send + 'static,
    {
        let Some(planned) = self.hosts.get_mut(host.0) else {
            panic!("the host is of another system");
        };
        let ActorSpec {
            mailbox,
            policy,
            kept,
        } = spec;
        let mailbox = Arc::new(Mailbox::new(
            mailbox,
            A::refuse,
            Arc::clone(&planned.signal),
        ));
        let desk = Desk::new(Arc::clone(&planned.signal), Arc::clone(&self.clock));
        let budget = RestartBudget::new(policy);
        let cell = Cell::<A, F>::new(Arc::clone(&mailbox), desk, budget, kept, factory);
        planned.cells.push(Box::new(cell));
        let seam = self.mode.seam(&planned.signal);
        self.observed.push(Arc::clone(&mailbox) as Arc<dyn Observe>);
        Address::new(mailbox, seam)
    }

    /// Starts the hosts.
    ///
    /// # Errors
    /// When a thread cannot be started. The actors that were not started have ended then, and the
    /// others run until they are stopped.
    pub fn start(self) -> io::Result<Running> {
        let Self {
            mode,
            clock,
            hosts,
            observed,
        } = self;
        match mode {
            Mode::Threads {
                waiting,
                stack_size,
            } => {
                let threads = start_threads(hosts, &clock, waiting, stack_size)?;
                Ok(Running::on_threads(threads, observed))
            }
            Mode::Stepped(stepper) => {
                for host in hosts {
                    stepper.add_host(host.into_host());
                }
                Ok(Running::stepped(stepper, observed))
            }
        }
    }
}

impl Mode {
    fn seam(&self, signal: &Arc<HostSignal>) -> Seam {
        match self {
            Self::Threads { waiting, .. } => Seam::Threads {
                host: Arc::clone(signal),
                spin_us: waiting.spin_us(),
            },
            Self::Stepped(stepper) => Seam::Stepped(Arc::downgrade(stepper)),
        }
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System")
            .field("hosts", &self.hosts.len())
            .finish_non_exhaustive()
    }
}
