//! A bounded channel of crossbeam's shape on a lock and two conditions.
//!
//! Only the calls that the runtime makes are here. A wait with a limit ends by time only outside
//! a model.

#![expect(
    clippy::disallowed_methods,
    reason = "a wait with a limit goes by time"
)]

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};

use crate::runtime::sync::{Condvar, Mutex};

struct Channel<T> {
    state: Mutex<State<T>>,
    has_message: Condvar,
    has_room: Condvar,
    capacity: usize,
}

struct State<T> {
    queue: VecDeque<T>,
    senders: usize,
    receivers: usize,
}

/// Returns the two ends of a channel that holds at most `capacity` messages, at least one.
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let state = State {
        queue: VecDeque::new(),
        senders: 1,
        receivers: 1,
    };
    let channel = Arc::new(Channel {
        state: Mutex::new(state),
        has_message: Condvar::new(),
        has_room: Condvar::new(),
        capacity,
    });
    (Sender(Arc::clone(&channel)), Receiver(channel))
}

/// The sending end; every clone sends into the same channel.
pub struct Sender<T>(Arc<Channel<T>>);

impl<T> Sender<T> {
    /// Sends without waiting, or gives the message back.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut state = self.0.state.lock();
        if state.receivers == 0 {
            return Err(TrySendError::Disconnected(message));
        }
        if state.queue.len() >= self.0.capacity {
            return Err(TrySendError::Full(message));
        }
        state.queue.push_back(message);
        drop(state);
        self.0.has_message.notify_one();
        Ok(())
    }

    /// Waits for room and sends; gives the message back once no receiver is left.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.send_until(message, None)
            .map_err(|refused| SendError(refused.into_inner()))
    }

    /// Waits for room at most that long.
    pub fn send_timeout(&self, message: T, limit: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(message, Some(Instant::now() + limit))
    }

    fn send_until(&self, message: T, end: Option<Instant>) -> Result<(), SendTimeoutError<T>> {
        let mut state = self.0.state.lock();
        loop {
            if state.receivers == 0 {
                return Err(SendTimeoutError::Disconnected(message));
            }
            if state.queue.len() < self.0.capacity {
                state.queue.push_back(message);
                drop(state);
                self.0.has_message.notify_one();
                return Ok(());
            }
            state = match time_left(end) {
                None => self.0.has_room.wait(state),
                Some(Duration::ZERO) => return Err(SendTimeoutError::Timeout(message)),
                Some(left) => self.0.has_room.wait_within(state, left),
            };
        }
    }

    /// Returns how many messages wait.
    pub fn len(&self) -> usize {
        self.0.state.lock().queue.len()
    }

    /// Returns whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many messages the channel holds at most.
    pub fn capacity(&self) -> Option<usize> {
        Some(self.0.capacity)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.state.lock().senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.senders -= 1;
        if state.senders == 0 {
            drop(state);
            self.0.has_message.notify_all();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender { .. }")
    }
}

/// The receiving end; every clone takes from the same channel.
pub struct Receiver<T>(Arc<Channel<T>>);

impl<T> Receiver<T> {
    /// Takes a message without waiting.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.0.state.lock();
        match state.queue.pop_front() {
            Some(message) => {
                drop(state);
                self.0.has_room.notify_one();
                Ok(message)
            }
            None if state.senders == 0 => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Waits for a message; fails once none is left and no sender either.
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(None).map_err(|_| RecvError)
    }

    /// Waits for a message at most that long.
    pub fn recv_timeout(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(Some(Instant::now() + limit))
    }

    fn recv_until(&self, end: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let mut state = self.0.state.lock();
        loop {
            if let Some(message) = state.queue.pop_front() {
                drop(state);
                self.0.has_room.notify_one();
                return Ok(message);
            }
            if state.senders == 0 {
                return Err(RecvTimeoutError::Disconnected);
            }
            state = match time_left(end) {
                None => self.0.has_message.wait(state),
                Some(Duration::ZERO) => return Err(RecvTimeoutError::Timeout),
                Some(left) => self.0.has_message.wait_within(state, left),
            };
        }
    }

    /// Returns how many messages wait.
    pub fn len(&self) -> usize {
        self.0.state.lock().queue.len()
    }

    /// Returns whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.0.state.lock().receivers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.receivers -= 1;
        if state.receivers == 0 {
            drop(state);
            self.0.has_room.notify_all();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver { .. }")
    }
}

fn time_left(end: Option<Instant>) -> Option<Duration> {
    end.map(|end| end.saturating_duration_since(Instant::now()))
}
