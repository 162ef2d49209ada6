//! Tells subscribers what has become visible, then answers those who wait for it.
//!
//! Owns the subscribers, which outlive its restarts. Tells nobody further right. Never waits for
//! a subscriber: one whose queue is full loses the notification, and it is counted.

use crate::protocol::broker::{Message, Notification, Registered};
use crate::reader::Reader;
use crate::runtime::channel::{Receiver, Sender, TrySendError, bounded};
use crate::runtime::{Actor, ExitReason, Fault, Next, Queued, Turn, Watermark};
use crate::view::IndexEntry;
use batpak_log::coordinate::Region;
use batpak_log::planted::{Bug, planted};
use slab::Slab;
use std::sync::Arc;

/// A broker. What it must remember is in [`Subscribers`], so a new one needs only a reader.
#[derive(Debug)]
pub struct Broker {
    reader: Arc<Reader>,
}

/// The subscribers, and how far they have been told; kept over restarts.
#[derive(Debug, Default)]
pub struct Subscribers {
    table: Slab<Subscriber>,
    /// The number of the next subscriber; none is given out twice.
    next_number: u64,
    /// Everything below this sequence was offered to everybody.
    delivered: u64,
}

#[derive(Debug)]
struct Subscriber {
    number: u64,
    region: Region,
    queue: Queue,
    lost: Arc<Watermark>,
}

#[derive(Debug)]
enum Queue {
    Notifications(Sender<Notification>),
    Wakes(Sender<()>),
}

impl Broker {
    /// Takes up its work where `subscribers` says.
    pub fn resume(reader: Arc<Reader>) -> Self {
        Self { reader }
    }

    /// Offers what has become visible since the last time to every subscriber.
    fn deliver(&self, subscribers: &mut Subscribers) {
        let visible = self.reader.view().visible();
        if !subscribers.table.is_empty() {
            for entry in self.reader.events(&Region::all(), subscribers.delivered) {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        // Whoever is woken finds out by reading; whoever is notified has lost some.
                        tracing::error!(%error, "events could not be read to announce them");
                        subscribers.lose_rest();
                        break;
                    }
                };
                subscribers.delivered = entry.global_sequence + 1;
                // One whose receiver is gone was never told its number, because of a crash.
                subscribers
                    .table
                    .retain(|_, subscriber| subscriber.offer(&entry));
            }
        }
        subscribers.delivered = subscribers.delivered.max(visible);
    }

    fn register<T>(
        &self,
        subscribers: &mut Subscribers,
        region: Region,
        capacity: usize,
        queue: impl FnOnce(Sender<T>) -> Queue,
    ) -> Registered<T> {
        // What is visible already belongs to those who were here before.
        self.deliver(subscribers);
        let (sender, receiver): (Sender<T>, Receiver<T>) = bounded(capacity.max(1));
        let lost = Arc::new(Watermark::new(0));
        let number = subscribers.next_number;
        subscribers.next_number += 1;
        subscribers.table.insert(Subscriber {
            number,
            region,
            queue: queue(sender),
            lost: Arc::clone(&lost),
        });
        Registered {
            subscriber: number,
            receiver,
            lost,
        }
    }
}

impl Subscribers {
    /// Counts a loss for everybody, of events that cannot be read.
    fn lose_rest(&self) {
        for (_, subscriber) in &self.table {
            subscriber.lost.raise(subscriber.lost.get() + 1);
        }
        self.wake_all();
    }

    fn wake_all(&self) {
        for (_, subscriber) in &self.table {
            if let Queue::Wakes(sender) = &subscriber.queue {
                // One that is pending already stands for this one too.
                let _ = sender.try_send(());
            }
        }
    }
}

impl Subscriber {
    /// Offers an event; `false` when nobody receives any more.
    fn offer(&self, entry: &IndexEntry) -> bool {
        let coord = &entry.coord;
        if !self
            .region
            .matches(coord.entity(), coord.scope(), entry.kind, entry.clock)
        {
            return true;
        }
        match &self.queue {
            Queue::Notifications(sender) => match sender.try_send(notification(entry)) {
                Ok(()) => true,
                Err(TrySendError::Full(_)) => {
                    self.lost.raise(self.lost.get() + 1);
                    true
                }
                Err(TrySendError::Disconnected(_)) => false,
            },
            // A wake-up that is pending already stands for this one too.
            Queue::Wakes(sender) => {
                !matches!(sender.try_send(()), Err(TrySendError::Disconnected(())))
            }
        }
    }
}

fn notification(entry: &IndexEntry) -> Notification {
    Notification {
        event_id: entry.event_id,
        correlation_id: entry.correlation_id,
        causation_id: entry.causation_id,
        coord: entry.coord.clone(),
        kind: entry.kind,
        sequence: entry.global_sequence,
    }
}

impl Actor for Broker {
    type Message = Message;
    type Answer = ();
    type Kept = Subscribers;

    fn started(&mut self, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        if planted(Bug::AnnounceTwice) {
            turn.kept().delivered = 0;
        }
        // What a crash left undelivered; a first incarnation finds nothing to deliver.
        self.deliver(turn.kept());
        if turn.restarts() > 0 {
            // A wake-up too many costs a look; one that was lost with a crash costs the event.
            turn.kept().wake_all();
        }
        Ok(Next::Open)
    }

    fn handle(
        &mut self,
        queued: &mut Queued<Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        let subscribers = turn.kept();
        while let Some(message) = queued.pop() {
            match message {
                Message::Announce { acknowledgements } => {
                    self.deliver(subscribers);
                    for acknowledgement in acknowledgements {
                        acknowledgement.deliver();
                    }
                }
                Message::Subscribe {
                    region,
                    capacity,
                    reply,
                } => {
                    reply.answer(self.register(
                        subscribers,
                        *region,
                        capacity,
                        Queue::Notifications,
                    ));
                }
                Message::Watch { region, reply } => {
                    reply.answer(self.register(subscribers, *region, 1, Queue::Wakes));
                }
                Message::Unsubscribe { subscriber } => {
                    subscribers
                        .table
                        .retain(|_, known| known.number != subscriber);
                }
                Message::WakeAll => subscribers.wake_all(),
                Message::Close { reply } => {
                    self.deliver(subscribers);
                    subscribers.table.clear();
                    reply.answer(());
                    return Ok(Next::Stop);
                }
                Message::Panic => panic!("a test asked the broker to panic"),
            }
        }
        Ok(Next::Open)
    }

    /// Appends are written and visible whatever becomes of the broker, so they are answered.
    fn refuse(message: Message, _: &ExitReason) {
        if let Message::Announce { acknowledgements } = message {
            for acknowledgement in acknowledgements {
                acknowledgement.deliver();
            }
        }
    }
}
