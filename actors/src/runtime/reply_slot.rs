//! Where one answer is laid down by whoever gives it and picked up by whoever waits for it.
//!
//! Life of a slot:
//! 1. It is made empty, with both ends of a reply.
//! 2. It is filled once, with the answer or with the news that none will come.
//! 3. The answer is taken once; later looks find the slot closed.
//!
//! A waiter that wants to select over an answer has it forwarded into a channel.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Waited;
use super::clock::Stopwatch;
use super::seam::{Look, Source};
use super::sync::atomic::{AtomicBool, Ordering};
use super::sync::channel::Sender;
use super::sync::{Condvar, Mutex};

/// One answer on its way.
pub(crate) struct ReplySlot<T> {
    /// Tells a waiter that spins when a look under the lock is worth it.
    full: AtomicBool,
    content: Mutex<Content<T>>,
    filled: Condvar,
}

struct Content<T> {
    answer: Option<T>,
    filled: bool,
    /// Somebody sleeps until it is filled.
    awaited: bool,
    forward: Option<Sender<T>>,
}

impl<T> ReplySlot<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            full: AtomicBool::new(false),
            content: Mutex::new(Content {
                answer: None,
                filled: false,
                awaited: false,
                forward: None,
            }),
            filled: Condvar::new(),
        })
    }

    /// Lays the answer down, or says that none will come.
    pub(crate) fn fill(&self, answer: Option<T>) {
        let mut content = self.content.lock();
        content.filled = true;
        match content.forward.take() {
            // The channel has room for the one answer, so only a waiter that went away refuses.
            Some(sender) => {
                answer.map(|answer| sender.try_send(answer));
            }
            None => content.answer = answer,
        }
        let awaited = content.awaited;
        drop(content);
        self.full.store(true, Ordering::Release);
        if awaited {
            self.filled.notify_one();
        }
    }

    /// Returns whether it was filled, with an answer or without.
    pub(crate) fn is_filled(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Has the answer sent there, now or when it comes.
    pub(crate) fn forward_to(&self, sender: Sender<T>) {
        let mut content = self.content.lock();
        if !content.filled {
            content.forward = Some(sender);
        } else if let Some(answer) = content.answer.take() {
            // As above: a new channel has room for one.
            let _sent = sender.try_send(answer);
        }
    }
}

impl<T> Source<T> for ReplySlot<T> {
    fn look(&self) -> Look<T> {
        if !self.full.load(Ordering::Acquire) {
            return None;
        }
        Some(self.content.lock().answer.take().ok_or(Waited::Closed))
    }

    fn block(&self, limit: Option<Duration>) -> Result<T, Waited> {
        let watch = limit.map(|limit| (Stopwatch::start(), limit));
        let mut content = self.content.lock();
        while !content.filled {
            content.awaited = true;
            content = match &watch {
                None => self.filled.wait(content),
                Some((watch, limit)) => match watch.left_of(*limit) {
                    Duration::ZERO => return Err(Waited::TimedOut),
                    left => self.filled.wait_within(content, left),
                },
            };
        }
        content.answer.take().ok_or(Waited::Closed)
    }
}

impl<T> fmt::Debug for ReplySlot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplySlot { .. }")
    }
}
