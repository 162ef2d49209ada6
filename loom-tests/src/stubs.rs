//! What stands right of the modelled edge: actors that answer at once.

use batpak_actors::protocol::{Acknowledgement, broker, indexer};
use batpak_actors::runtime::{Actor, Fault, Next, Queued, Turn};

/// Stands for everything to the right of the writer.
pub struct IndexerStub {
    /// The group over which it crashes, once, counted from 0.
    pub crashes_over: Option<u64>,
}

/// Stands for the broker of a store without subscribers.
pub struct BrokerStub;

fn deliver(acknowledgements: Vec<Acknowledgement>) {
    for acknowledgement in acknowledgements {
        acknowledgement.deliver();
    }
}

impl Actor for IndexerStub {
    type Message = indexer::Message;
    type Answer = ();
    /// How many groups of events it was sent.
    type Kept = u64;

    fn handle(
        &mut self,
        queued: &mut Queued<indexer::Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        while let Some(message) = queued.pop() {
            match message {
                indexer::Message::Publish(group) => {
                    if !group.entries.is_empty() {
                        let number = *turn.kept();
                        *turn.kept() += 1;
                        if self.crashes_over == Some(number) {
                            return Err(Fault::Crash("over a group in hand".to_owned()));
                        }
                    }
                    deliver(group.acknowledgements);
                }
                indexer::Message::Close { reply } => {
                    reply.answer(Ok(()));
                    return Ok(Next::Stop);
                }
                indexer::Message::CatchUp { .. }
                | indexer::Message::ReadOn
                | indexer::Message::Adopt { .. }
                | indexer::Message::Replace { .. }
                | indexer::Message::Panic => {}
            }
        }
        Ok(Next::Open)
    }
}

impl Actor for BrokerStub {
    type Message = broker::Message;
    type Answer = ();
    type Kept = ();

    fn handle(
        &mut self,
        queued: &mut Queued<broker::Message>,
        _: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        while let Some(message) = queued.pop() {
            match message {
                broker::Message::Announce { acknowledgements } => deliver(acknowledgements),
                broker::Message::Close { reply } => {
                    reply.answer(());
                    return Ok(Next::Stop);
                }
                broker::Message::Subscribe { .. }
                | broker::Message::Watch { .. }
                | broker::Message::Unsubscribe { .. }
                | broker::Message::WakeAll
                | broker::Message::Panic => {}
            }
        }
        Ok(Next::Open)
    }
}
