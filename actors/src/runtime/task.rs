//! Tasks: loops beside the actors that sleep until a channel of capacity one wakes them.
//!
//! Life of a task:
//! 1. It runs again and again while it returns [`TaskNext::Again`].
//! 2. On [`TaskNext::WaitForWake`] it sleeps until its channel has a wake-up.
//! 3. It ends by [`TaskNext::Done`], by a panic, or when it would sleep on a channel that nobody
//!    can wake any more.
//!
//! A task is an ordinary caller: it may ask and wait. It keeps nothing of the runtime alive.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::fault::panic_message;
use super::reply::reply_through;
use super::seam::Seam;
use super::stepper::{Step, Stepped, Stepper};
use super::sync::atomic::{AtomicBool, Ordering};
use super::sync::channel::{Receiver, TryRecvError};
use super::sync::{JoinHandle, spawn};
use super::{Reply, ReplyTo};

/// What a task wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskNext {
    /// Another call at once.
    Again,
    /// Another call after a wake-up.
    WaitForWake,
    /// No more calls.
    Done,
}

/// A task has panicked; it is not restarted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task panicked: {message}")]
pub struct TaskPanicked {
    /// What the panic said.
    pub message: String,
}

/// The means to wait for the end of a task; dropping it lets the task run on.
pub struct TaskHandle {
    outcome: Reply<Result<(), TaskPanicked>>,
    finished: Arc<AtomicBool>,
    /// None when the task is stepped.
    thread: Option<JoinHandle<()>>,
}

impl TaskHandle {
    /// Waits until the task has ended and its closure was dropped.
    ///
    /// # Errors
    /// [`TaskPanicked`] when it ended by a panic, or was dropped with its system.
    pub fn join(self) -> Result<(), TaskPanicked> {
        let lost = TaskPanicked {
            message: "the task was dropped with its system".to_owned(),
        };
        self.outcome.wait().unwrap_or(Err(lost))
    }

    /// Returns the task's thread, which ends with the task and never by a panic; `None` when the
    /// task is stepped. The task runs on.
    #[must_use]
    pub fn into_thread(self) -> Option<JoinHandle<()>> {
        self.thread
    }

    /// Returns whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }
}

impl fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle")
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// A task with its wake-ups and the way to tell its end.
struct Task<F> {
    wake: Receiver<()>,
    work: Option<F>,
    sleeps: bool,
    outcome: Option<ReplyTo<Result<(), TaskPanicked>>>,
    finished: Arc<AtomicBool>,
}

/// Starts a task on a thread of its own.
pub(crate) fn start_on_thread<F>(name: &str, wake: Receiver<()>, work: F) -> io::Result<TaskHandle>
where
    F: FnMut() -> TaskNext + Send + 'static,
{
    let (mut task, handle) = prepare(Seam::Plain, wake, work);
    let thread = spawn(name, None, move || task.run())?;
    Ok(TaskHandle {
        thread: Some(thread),
        ..handle
    })
}

/// Adds a task to a stepped system.
pub(crate) fn start_stepped<F>(stepper: &Arc<Stepper>, wake: Receiver<()>, work: F) -> TaskHandle
where
    F: FnMut() -> TaskNext + Send + 'static,
{
    let (task, handle) = prepare(Seam::Stepped(Arc::downgrade(stepper)), wake, work);
    stepper.add_task(Box::new(task));
    handle
}

fn prepare<F>(seam: Seam, wake: Receiver<()>, work: F) -> (Task<F>, TaskHandle) {
    let (to, outcome) = reply_through(seam);
    let finished = Arc::new(AtomicBool::new(false));
    let task = Task {
        wake,
        work: Some(work),
        sleeps: false,
        outcome: Some(to),
        finished: Arc::clone(&finished),
    };
    let handle = TaskHandle {
        outcome,
        finished,
        thread: None,
    };
    (task, handle)
}

impl<F: FnMut() -> TaskNext> Task<F> {
    fn run(&mut self) {
        loop {
            if self.sleeps && self.wake.recv().is_err() {
                return self.finish(Ok(()));
            }
            self.sleeps = false;
            if self.call() == Stepped::Done {
                return;
            }
        }
    }

    fn call(&mut self) -> Stepped {
        let Some(work) = self.work.as_mut() else {
            return Stepped::Done;
        };
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(TaskNext::Again) => return Stepped::Worked,
            Ok(TaskNext::WaitForWake) => {
                self.sleeps = true;
                return Stepped::Worked;
            }
            Ok(TaskNext::Done) => self.finish(Ok(())),
            Err(payload) => {
                self.finish(Err(TaskPanicked {
                    message: panic_message(&*payload),
                }));
            }
        }
        Stepped::Done
    }

    /// Drops what the task captured, then tells its end: a joiner finds all of it released.
    fn finish(&mut self, outcome: Result<(), TaskPanicked>) {
        let work = self.work.take();
        let _dropped = catch_unwind(AssertUnwindSafe(|| drop(work)));
        self.finished.store(true, Ordering::Release);
        if let Some(to) = self.outcome.take() {
            to.answer(outcome);
        }
    }
}

impl<F: FnMut() -> TaskNext + Send> Step for Task<F> {
    fn step(&mut self) -> Stepped {
        if self.sleeps {
            match self.wake.try_recv() {
                Ok(()) => self.sleeps = false,
                Err(TryRecvError::Empty) => return Stepped::Idle,
                Err(TryRecvError::Disconnected) => {
                    self.finish(Ok(()));
                    return Stepped::Done;
                }
            }
        }
        self.call()
    }
}
