//! Following: first what there is, then what comes, in one call.

use super::cursor::Marked;
use super::{Cursor, CursorPosition, IndexEntry, Open, Store, StoreError};
use crate::coordinate::Region;
use batpak_actors::engine::EngineHandle;
use batpak_actors::protocol::broker::Registered;
use batpak_actors::runtime::Clock;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// So many events are taken from the log at once.
const BATCH: usize = 256;

impl Store<Open> {
    /// Follows a region from its first event: hands over all that is there, says that it has caught
    /// up, and goes on with what comes; every event once, in commit order.
    ///
    /// # Errors
    /// `Closed` or `ActorEnded` when the store has ended; `Busy` or `TimedOut` when the broker
    /// could not take it within `writer.reply_timeout`.
    pub fn follow(&self, region: &Region) -> Result<Follow, StoreError> {
        self.follow_from(region, &CursorPosition::start())
    }

    /// As [`follow`](Self::follow), from behind a saved position.
    ///
    /// # Errors
    /// As [`follow`](Self::follow), and as [`cursor_at`](Self::cursor_at) for the position.
    pub fn follow_from(
        &self,
        region: &Region,
        position: &CursorPosition,
    ) -> Result<Follow, StoreError> {
        let cursor = self.cursor_at(region, position)?;
        let engine = self.shared.engine.clone();
        // Registered before the first look, so that nothing falls between the two.
        let woken = engine.watch(region)?;
        Ok(Follow {
            engine,
            clock: Arc::clone(&self.shared.clock),
            woken,
            cursor,
            ready: VecDeque::new(),
            start: *position,
            last: None,
            caught_up: false,
        })
    }
}

/// What comes next to whoever follows a region.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "the small one comes once, and a box would cost every event an allocation"
)]
pub enum Followed {
    /// An event.
    Event(IndexEntry),
    /// Everything that was there has been handed over; events that come from now on are new. It
    /// comes once.
    CaughtUp,
}

/// Follows a region until it is dropped or the store closes.
///
/// It is never lossy and holds nothing up: it reads from the log, and is only woken. As an iterator
/// it waits for each next one, and ends once the store has closed and all was handed over.
pub struct Follow {
    engine: EngineHandle,
    clock: Arc<dyn Clock>,
    woken: Registered<()>,
    cursor: Cursor,
    /// Taken from the log, and not handed over yet.
    ready: VecDeque<IndexEntry>,
    /// Where it began.
    start: CursorPosition,
    /// The event that was handed over last.
    last: Option<Marked>,
    caught_up: bool,
}

impl Follow {
    /// Waits for what comes next.
    ///
    /// # Errors
    /// `Closed` once the store has closed and all was handed over. `ActorEnded` when the broker
    /// that wakes it has spent its restarts, and all that was there was handed over: asked again it
    /// looks again. When the log cannot be read further; then nothing is passed over either.
    pub fn recv(&mut self) -> Result<Followed, StoreError> {
        loop {
            if let Some(followed) = self.wait(None)? {
                return Ok(followed);
            }
        }
    }

    /// As [`recv`](Self::recv), and waits at most about that long; `None` when nothing came.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, limit: Duration) -> Result<Option<Followed>, StoreError> {
        let begun_us = self.clock.monotonic_us();
        let mut left = limit;
        loop {
            let followed = self.wait(Some(left))?;
            let waited_us = self.clock.monotonic_us().saturating_sub(begun_us);
            left = limit.saturating_sub(Duration::from_micros(waited_us));
            if followed.is_some() || left.is_zero() {
                return Ok(followed);
            }
        }
    }

    /// Returns what comes next if it is there, without waiting.
    ///
    /// # Errors
    /// When the log cannot be read further.
    pub fn try_recv(&mut self) -> Result<Option<Followed>, StoreError> {
        if self.ready.is_empty() {
            self.ready = self.cursor.try_poll_batch(BATCH)?.into();
        }
        if let Some(entry) = self.ready.pop_front() {
            self.last = Some(Marked::of(&entry));
            return Ok(Some(Followed::Event(entry)));
        }
        let caught_up = std::mem::replace(&mut self.caught_up, true);
        Ok((!caught_up).then_some(Followed::CaughtUp))
    }

    /// Returns the position behind the last event that was handed over, to be saved once that event
    /// was handled; [`Store::follow_from`] goes on from there.
    pub fn position(&self) -> CursorPosition {
        let behind = |last| self.cursor.position_behind(last);
        self.last.map_or(self.start, behind)
    }

    /// Returns whether [`Followed::CaughtUp`] has come.
    pub fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    fn wait(&mut self, limit: Option<Duration>) -> Result<Option<Followed>, StoreError> {
        if let Some(followed) = self.try_recv()? {
            return Ok(Some(followed));
        }
        match self.engine.receive_within(&self.woken.receiver, limit) {
            // A wake-up may be about what was handed over already.
            Ok(_) => self.try_recv(),
            // What came last may have come without one.
            Err(ended) => self.try_recv()?.map(Some).ok_or(ended),
        }
    }
}

impl Iterator for Follow {
    type Item = Result<Followed, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.recv() {
            Err(StoreError::Closed) => None,
            received => Some(received),
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.engine.unsubscribe(self.woken.subscriber);
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow")
            .field("position", &self.position())
            .field("caught_up", &self.caught_up)
            .finish_non_exhaustive()
    }
}
