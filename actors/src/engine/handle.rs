//! What callers hold: addresses and the reader, and nothing that keeps the engine alive.

use crate::error::StoreError;
use crate::protocol::broker::{Notification, Registered};
use crate::protocol::writer::{FenceCommand, FencedWrite};
use crate::protocol::{
    Append, AppendReceipt, EmptyEnvelope, Envelopes, SealedAppend, broker, indexer, roller, writer,
};
use crate::reader::Reader;
use crate::runtime::channel::Receiver;
use crate::runtime::{Address, Closed, ExitReason, NotDelivered, Reply, ReplyTo, Waited};
use batpak_log::coordinate::Region;
use batpak_log::layout::GROUP_EVENTS_MAX;
use std::sync::Arc;
use std::time::Duration;

/// What a command of the writer is answered with.
pub(super) type AnswerTo<T> = Reply<Result<T, StoreError>>;

/// Addresses and the reader: everything that a caller needs.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    pub(super) reader: Arc<Reader>,
    pub(super) writer: Option<Address<writer::Message>>,
    pub(super) indexer: Address<indexer::Message>,
    pub(super) broker: Option<Address<broker::Message>>,
    pub(super) roller: Option<Address<roller::Message>>,
    pub(super) envelopes: Envelopes,
    /// The last segment number that the log had when it was opened.
    pub(super) opened_last_id: u64,
    /// How long a caller waits for room in a mailbox; for ever when none.
    pub(super) room_limit: Option<Duration>,
}

impl EngineHandle {
    /// Returns the reader.
    pub fn reader(&self) -> &Arc<Reader> {
        &self.reader
    }

    /// Takes an empty envelope for an append.
    pub fn envelope(&self) -> EmptyEnvelope {
        self.envelopes.take()
    }

    /// Asks the writer to append; waits while its mailbox is full.
    ///
    /// # Errors
    /// What says that nothing was written: `Closed`, `Poisoned`, `ActorEnded`, `Busy`.
    pub fn append(
        &self,
        append: impl Into<SealedAppend>,
    ) -> Result<Reply<Result<AppendReceipt, StoreError>>, StoreError> {
        self.ask_writer(|reply| writer::Message::Append {
            append: append.into(),
            reply,
        })
    }

    /// As [`append`](Self::append), for a caller that waits for the answer at once: it may run the
    /// writer itself, and then waits for the disk where the writer does.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_here(
        &self,
        append: impl Into<SealedAppend>,
    ) -> Result<Reply<Result<AppendReceipt, StoreError>>, StoreError> {
        self.ask_writer_here(|reply| writer::Message::Append {
            append: append.into(),
            reply,
        })
    }

    /// Asks the writer to append all or nothing; waits while its mailbox is full.
    ///
    /// # Errors
    /// As [`append`](Self::append); `Configuration` for more than 65,535 items.
    pub fn append_batch(
        &self,
        items: Vec<Append>,
    ) -> Result<Reply<Result<Vec<AppendReceipt>, StoreError>>, StoreError> {
        check_count(&items)?;
        self.ask_writer(|reply| writer::Message::AppendBatch { items, reply })
    }

    /// As [`append_batch`](Self::append_batch), as [`append_here`](Self::append_here) waits.
    ///
    /// # Errors
    /// As [`append_batch`](Self::append_batch).
    pub fn append_batch_here(
        &self,
        items: Vec<Append>,
    ) -> Result<Reply<Result<Vec<AppendReceipt>, StoreError>>, StoreError> {
        check_count(&items)?;
        self.ask_writer_here(|reply| writer::Message::AppendBatch { items, reply })
    }

    /// Asks the writer to append one event into a fence; the first answer comes once it is written,
    /// the second once the fence has ended.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_fenced(
        &self,
        fence: u128,
        append: Append,
    ) -> Result<[AnswerTo<AppendReceipt>; 2], StoreError> {
        let (written, written_reply) = self.reply()?;
        let ended = self.ask_writer(|ended| writer::Message::Fenced {
            fence,
            write: Box::new(FencedWrite::One {
                item: [append],
                written,
                ended,
            }),
        })?;
        Ok([written_reply, ended])
    }

    /// As [`append_fenced`](Self::append_fenced), for events all together or not at all.
    ///
    /// # Errors
    /// As [`append_batch`](Self::append_batch).
    pub fn append_batch_fenced(
        &self,
        fence: u128,
        items: Vec<Append>,
    ) -> Result<[AnswerTo<Vec<AppendReceipt>>; 2], StoreError> {
        check_count(&items)?;
        let (written, written_reply) = self.reply()?;
        let ended = self.ask_writer(|ended| writer::Message::Fenced {
            fence,
            write: Box::new(FencedWrite::Batch {
                items,
                written,
                ended,
            }),
        })?;
        Ok([written_reply, ended])
    }

    /// Asks the writer to open or to end a fence.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn fence(
        &self,
        fence: u128,
        command: FenceCommand,
    ) -> Result<Reply<Result<(), StoreError>>, StoreError> {
        self.ask_writer(|reply| writer::Message::Fence {
            fence,
            command,
            reply,
        })
    }

    /// Returns both ends of a reply that the writer will give beside another one.
    fn reply<T>(&self) -> Result<(ReplyTo<T>, Reply<T>), StoreError> {
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        Ok(writer.reply())
    }

    /// Asks the writer to make everything acknowledged durable.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn sync(&self) -> Result<Reply<Result<(), StoreError>>, StoreError> {
        self.ask_writer(|reply| writer::Message::Sync { reply })
    }

    fn ask_writer<T>(
        &self,
        message: impl FnOnce(ReplyTo<T>) -> writer::Message,
    ) -> Result<Reply<T>, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        let asked = match self.room_limit {
            None => writer.ask(message),
            Some(limit) => writer.ask_within(message, limit),
        };
        asked.map_err(|error| not_delivered("writer", &error, self.room_limit))
    }

    fn ask_writer_here<T>(
        &self,
        message: impl FnOnce(ReplyTo<T>) -> writer::Message,
    ) -> Result<Reply<T>, StoreError> {
        match (&self.writer, self.room_limit) {
            (Some(writer), None) => writer
                .ask_here(message)
                .map_err(|error| not_delivered("writer", &error, None)),
            // A limit must hold also where the disk hangs.
            _ => self.ask_writer(message),
        }
    }

    /// Returns how many commands wait for the writer, and how many may.
    pub fn writer_queue(&self) -> (usize, usize) {
        let lengths = |writer: &Address<_>| (writer.depth(), writer.capacity());
        self.writer.as_ref().map_or((0, 0), lengths)
    }

    /// Reads what others have written since; returns the sequence below which all is visible.
    ///
    /// # Errors
    /// What reading the log returns.
    pub fn refresh(&self) -> Result<u64, StoreError> {
        let message = |reply| indexer::Message::CatchUp { reply };
        // A reading waits for the disk, like every other one.
        ask("indexer", &self.indexer, message, None)?
    }

    /// Registers for notifications.
    ///
    /// # Errors
    /// `Closed` or `ActorEnded`; `Busy` or `TimedOut` when the limit has passed; `Configuration`
    /// when the store is open read-only.
    pub fn subscribe(
        &self,
        region: &Region,
        capacity: usize,
    ) -> Result<Registered<Notification>, StoreError> {
        self.ask_broker(|reply| broker::Message::Subscribe {
            region: Box::new(region.clone()),
            capacity,
            reply,
        })
    }

    /// Registers to be woken.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn watch(&self, region: &Region) -> Result<Registered<()>, StoreError> {
        self.ask_broker(|reply| broker::Message::Watch {
            region: Box::new(region.clone()),
            reply,
        })
    }

    fn ask_broker<T>(
        &self,
        message: impl Fn(ReplyTo<T>) -> broker::Message,
    ) -> Result<T, StoreError> {
        let broker = self.broker.as_ref().ok_or_else(read_only)?;
        ask("broker", broker, message, self.room_limit)
    }

    /// Returns what whoever waits for the broker is told once it has ended: `Closed`, or
    /// `ActorEnded` when it has spent its restarts.
    pub fn broker_end(&self) -> Option<StoreError> {
        let reason = self.broker.as_ref()?.exit_reason()?;
        Some(StoreError::ended("broker", &reason))
    }

    /// Waits for what the broker sends to a subscriber.
    ///
    /// # Errors
    /// `Closed` once the subscriber was removed or the store has closed, and all was received;
    /// `ActorEnded` when the broker has ended for good.
    pub fn receive<T>(&self, from: &Receiver<T>) -> Result<T, StoreError> {
        let Some(broker) = &self.broker else {
            return Err(read_only());
        };
        broker
            .receive(from)
            .map_err(|Closed| self.broker_end().unwrap_or(StoreError::Closed))
    }

    /// As [`receive`](Self::receive), at most that long if a limit is given; `None` when it has
    /// passed.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_within<T>(
        &self,
        from: &Receiver<T>,
        limit: Option<Duration>,
    ) -> Result<Option<T>, StoreError> {
        let (Some(broker), Some(limit)) = (&self.broker, limit) else {
            return self.receive(from).map(Some);
        };
        match broker.receive_within(from, limit) {
            Ok(received) => Ok(Some(received)),
            Err(Waited::TimedOut) => Ok(None),
            Err(Waited::Closed) => Err(self.broker_end().unwrap_or(StoreError::Closed)),
        }
    }

    /// Wakes everybody who [watches](Self::watch): what has kept them from writing is over.
    pub fn wake_all(&self) {
        if let Some(broker) = &self.broker {
            // A broker that has ended has nobody to wake.
            let _ = broker.tell(broker::Message::WakeAll);
        }
    }

    /// Removes a subscriber; its receiver is disconnected. A number that is not there any more is
    /// passed over.
    pub fn unsubscribe(&self, subscriber: u64) {
        if let Some(broker) = &self.broker {
            // A broker that has ended has no subscribers.
            let _ = broker.tell(broker::Message::Unsubscribe { subscriber });
        }
    }
}

pub(super) fn check_count(items: &[Append]) -> Result<(), StoreError> {
    if items.len() > GROUP_EVENTS_MAX {
        let text = format!("a batch holds at most {GROUP_EVENTS_MAX} events");
        return Err(StoreError::Configuration(text));
    }
    Ok(())
}

pub(super) fn read_only() -> StoreError {
    StoreError::Configuration("the store is open read-only".into())
}

/// Asks for what may be done twice, with the same limit for room and for the answer.
pub(super) fn ask<M, T>(
    actor: &'static str,
    address: &Address<M>,
    message: impl Fn(ReplyTo<T>) -> M,
    limit: Option<Duration>,
) -> Result<T, StoreError> {
    let after_ms = milliseconds(limit);
    ask_again(address, &message, || limit).map_err(|unanswered| match unanswered {
        Unanswered::NoRoom => StoreError::Busy { after_ms },
        Unanswered::TimedOut => StoreError::TimedOut { after_ms },
        Unanswered::Ended(reason) => StoreError::ended(actor, &reason),
    })
}

/// Why nobody answered.
pub(super) enum Unanswered {
    NoRoom,
    TimedOut,
    Ended(ExitReason),
}

/// Asks, and again when the actor crashed over it, as often as the restart policy allows; `left` is
/// how long each wait may take.
pub(super) fn ask_again<M, T>(
    address: &Address<M>,
    message: &impl Fn(ReplyTo<T>) -> M,
    left: impl Fn() -> Option<Duration>,
) -> Result<T, Unanswered> {
    loop {
        let asked = match left() {
            None => address.ask(message),
            Some(left) => address.ask_within(message, left),
        };
        let reply = asked.map_err(|error| match error {
            NotDelivered::Ended(_, reason) => Unanswered::Ended(reason),
            NotDelivered::Full(_) => Unanswered::NoRoom,
        })?;
        let answered = match left() {
            None => reply.wait().map_err(|Closed| Waited::Closed),
            Some(left) => reply.wait_for(left),
        };
        match (answered, address.exit_reason()) {
            (Ok(answer), _) => return Ok(answer),
            (Err(Waited::TimedOut), _) => return Err(Unanswered::TimedOut),
            (Err(Waited::Closed), Some(reason)) => return Err(Unanswered::Ended(reason)),
            (Err(Waited::Closed), None) => {}
        }
    }
}

/// Returns what a caller is told whose message came back: nothing was done about it.
pub(super) fn not_delivered<M>(
    actor: &'static str,
    error: &NotDelivered<M>,
    limit: Option<Duration>,
) -> StoreError {
    match error {
        NotDelivered::Ended(_, reason) => StoreError::ended(actor, reason),
        NotDelivered::Full(_) => StoreError::Busy {
            after_ms: milliseconds(limit),
        },
    }
}

pub(super) fn milliseconds(limit: Option<Duration>) -> u64 {
    limit.map_or(0, |limit| {
        u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
    })
}
