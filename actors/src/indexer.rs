//! Makes written groups visible to readers.
//!
//! Owns the read view. Tells the broker whom to notify and answer, and the checkpointer how far
//! the log is proven. Never answers an append itself while there is a broker.

use crate::broker::Broker;
use crate::error::StoreError;
use crate::follow::Follower;
use crate::protocol::indexer::{Message, Replacement, WrittenGroup};
use crate::protocol::{Acknowledgement, broker, checkpointer};
use crate::runtime::{Actor, Address, ExitReason, Fault, Next, NotDelivered, Queued, Turn};
use crate::view::ViewWriter;
use batpak_log::checkpoint::Checkpoint;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};

/// The checkpointer hears of the log at least every so many events, unless it is to hear more
/// often.
pub const CHECKPOINT_EVERY_EVENTS: u64 = 64 * 1024;

/// An indexer.
#[derive(Debug)]
pub struct Indexer {
    writer: ViewWriter,
    follower: Follower,
    store_id: Option<[u8; 16]>,
    checkpointed_events: u64,
    checkpoint_every_events: u64,
    broker: Option<Address<broker::Message>>,
    checkpointer: Option<Address<checkpointer::Message>>,
}

impl Indexer {
    /// Takes up the view at the follower's position.
    pub fn new(
        writer: ViewWriter,
        follower: Follower,
        broker: Option<Address<broker::Message>>,
        checkpointer: Option<Address<checkpointer::Message>>,
        checkpoint_every_events: u64,
    ) -> Self {
        Self {
            checkpoint_every_events,
            checkpointed_events: follower.position().event_count,
            store_id: follower.store_id(),
            writer,
            follower,
            broker,
            checkpointer,
        }
    }

    /// Reads what the log holds beyond the view, after a restart of this actor or of the writer.
    ///
    /// # Errors
    /// A crash when the log cannot be read.
    pub fn read_on(&mut self) -> Result<(), Fault> {
        self.catch_up()
            .map(drop)
            .map_err(|error| Fault::Crash(error.to_string()))
    }

    /// Reads whole groups that the view does not hold yet and makes them visible.
    fn catch_up(&mut self) -> Result<u64, StoreError> {
        let read = self.follower.catch_up(&mut self.writer);
        // Only whole groups are inserted: what was read before a failure is good, and what comes
        // after it must find it in the view.
        let next_sequence = self.follower.position().next_sequence;
        self.writer.publish(next_sequence);
        read?;
        Ok(self.writer.view().visible())
    }

    fn insert(&mut self, group: &mut WrittenGroup) -> Result<(), Fault> {
        let known = self.follower.position().event_count;
        if group.events_before > known {
            // The group before this one was lost with an earlier incarnation: the restart that
            // this crash brings reads it from the log.
            return Err(Fault::Crash("a written group never arrived".into()));
        }
        if let Some(header) = group.opened.take() {
            self.store_id = Some(header.store_id);
            self.writer.add_segment(header);
        }
        if group.position.event_count > known {
            for entry in group.entries.drain(..) {
                let sequence = entry.global_sequence;
                self.writer.insert(entry);
                if planted(Bug::PublishHalfBatch) {
                    self.writer.publish(sequence);
                }
            }
            self.follower.skip_to(group.position);
        }
        Ok(())
    }

    fn publish(
        &mut self,
        mut group: Box<WrittenGroup>,
        waiting: &mut Vec<Acknowledgement>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Fault> {
        self.insert(&mut group)?;
        waiting.append(&mut group.acknowledgements);
        let proven = match planted(Bug::CheckpointUnproven) {
            true => group.position,
            false => group.proven,
        };
        if proven.event_count >= self.checkpointed_events + self.checkpoint_every_events {
            self.checkpointed_events = proven.event_count;
            if let (Some(checkpointer), Some(store_id)) = (&self.checkpointer, self.store_id) {
                let checkpoint = Checkpoint {
                    store_id,
                    position: proven,
                };
                // A checkpointer that has ended costs the next opening time, and is reported.
                let _ = turn.tell(checkpointer, checkpointer::Message::Checkpoint(checkpoint));
            }
        }
        Ok(())
    }

    /// Sends readers to a segment in the place of those that it was made of.
    fn replace(&mut self, replacement: &Replacement) -> bool {
        let is_shown = self.writer.replace_segments(replacement);
        let position = *self.follower.position();
        if is_shown && replacement.sources.contains(&position.segment) {
            // Nothing was written since the log was opened, and what it ended with is elsewhere.
            self.follower.skip_to(LogPosition {
                next_sequence: position.next_sequence,
                ..replacement.end
            });
        }
        is_shown
    }

    /// Makes everything inserted visible at once and passes those who wait on to the broker.
    fn announce(&mut self, waiting: Vec<Acknowledgement>, turn: &mut Turn<'_, Self>) {
        let position = *self.follower.position();
        self.writer.publish(position.next_sequence);
        *turn.kept() = position;
        let message = broker::Message::Announce {
            acknowledgements: waiting,
        };
        if let Some(broker) = &self.broker
            && let Err(NotDelivered::Ended(message, reason)) = turn.tell(broker, message)
        {
            Broker::refuse(message, &reason);
        }
    }
}

impl Actor for Indexer {
    type Message = Message;
    type Answer = ();
    /// How far the log is in the view.
    type Kept = LogPosition;

    fn started(&mut self, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        if turn.restarts() > 0 {
            // What the new incarnation has read from the log, subscribers have not heard of.
            self.announce(Vec::new(), turn);
        }
        Ok(Next::Open)
    }

    fn handle(
        &mut self,
        queued: &mut Queued<Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        let mut waiting = Vec::new();
        let mut published = false;
        let mut closing = None;
        while let Some(message) = queued.pop() {
            match message {
                Message::Publish(group) => {
                    published = true;
                    self.publish(group, &mut waiting, turn)?;
                }
                Message::CatchUp { reply } => {
                    let caught_up = self.catch_up();
                    *turn.kept() = *self.follower.position();
                    reply.answer(caught_up);
                }
                Message::ReadOn => {
                    self.read_on()?;
                    published = true;
                }
                Message::Adopt { part } => {
                    // One that does not fit is found by the next opening.
                    let adopted = self.writer.adopt(part);
                    tracing::debug!(adopted, "an index run takes the place of memory");
                }
                Message::Replace { replacement, reply } => {
                    reply.answer(self.replace(&replacement));
                    *turn.kept() = *self.follower.position();
                }
                Message::Close { reply } => {
                    closing = Some(reply);
                    break;
                }
                Message::Panic => panic!("a test asked the indexer to panic"),
            }
        }
        if published {
            self.announce(waiting, turn);
        }
        match closing {
            // The broker, which is closed next, has been told everything by now.
            Some(reply) => {
                reply.answer(Ok(()));
                Ok(Next::Stop)
            }
            None => Ok(Next::Open),
        }
    }

    fn refuse(message: Message, reason: &ExitReason) {
        let error = || StoreError::ended("indexer", reason);
        match message {
            // Nothing that has to become visible: a refusal, a replay, a sync.
            Message::Publish(group) if group.entries.is_empty() => {
                for acknowledgement in group.acknowledgements {
                    acknowledgement.deliver();
                }
            }
            // The groups are in the log but not visible: dropping them leaves their callers with
            // an open fate, which the next opening settles.
            // A replacement's reply closes: whoever waits leaves the old segments where they are.
            Message::Publish(_)
            | Message::ReadOn
            | Message::Adopt { .. }
            | Message::Replace { .. }
            | Message::Panic => {}
            Message::CatchUp { reply } => reply.answer(Err(error())),
            Message::Close { reply } => reply.answer(Ok(())),
        }
    }
}
