//! Builds the actors from right to left, so that each holds addresses only of those to its right.

use super::{Engine, EngineHandle, EngineOptions, Placement};
use crate::broker::{Broker, Subscribers};
use crate::checkpointer::Checkpointer;
use crate::error::StoreError;
use crate::follow::Follower;
use crate::indexer::Indexer;
use crate::protocol::{Envelopes, broker, checkpointer, indexer, roller, writer};
use crate::recovery::ReadLog;
use crate::roller::{Roller, RollerOptions};
use crate::runtime::{Actor, ActorSpec, Address, HostId, MailboxSpec, RestartPolicy, System};
use crate::view::ViewWriter;
use crate::writer::{Writer, WriterOptions};
use batpak_log::fs::DirectoryLock;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use std::sync::Arc;

/// What the actors are made from.
pub(super) struct Wiring<'a> {
    pub(super) options: &'a EngineOptions,
    pub(super) log: &'a ReadLog,
}

impl Wiring<'_> {
    pub(super) fn writable(
        self,
        mut system: System,
        lock: Box<dyn DirectoryLock>,
    ) -> Result<Engine, StoreError> {
        let commit = system.host("batpak-commit");
        let background = system.host("batpak-background");
        let each = self.options.placement == Placement::ThreadEach;
        let own = |system: &mut System, name, shared| {
            if each { system.host(name) } else { shared }
        };
        let host = own(&mut system, "batpak-checkpointer", background);
        let checkpointer = self.checkpointer(&mut system, host);
        let host = own(&mut system, "batpak-broker", commit);
        let broker = self.broker(&mut system, host);
        let host = own(&mut system, "batpak-indexer", commit);
        let indexer = self.indexer(
            &mut system,
            host,
            Some(broker.clone()),
            Some(checkpointer.clone()),
        );
        let roller = self.roller(&mut system, background, indexer.clone());
        let store_id = self
            .log
            .newest
            .as_ref()
            .map_or(self.options.new_store_id, |header| header.store_id);
        let reader = Arc::clone(&self.log.reader);
        let envelopes = Envelopes::default();
        let writer = self.writer(
            &mut system,
            commit,
            WriterOptions {
                fs: Arc::clone(&self.options.fs),
                envelopes: envelopes.clone(),
                reader: Arc::clone(&reader),
                store_id,
                segment_max_bytes: self.options.segment_max_bytes,
                sync: self.options.sync,
                start: self.log.position,
                index: self.options.index,
                not_indexed: self.log.not_indexed(),
                faults: self.options.faults.clone(),
            },
            (roller.clone(), indexer.clone()),
        );
        Ok(Engine {
            handle: EngineHandle {
                reader,
                writer: Some(writer),
                indexer,
                broker: Some(broker),
                roller: Some(roller),
                envelopes,
                opened_last_id: self.log.position.last_id,
                room_limit: self.options.room_limit,
            },
            checkpointer: Some(checkpointer),
            running: system.start()?,
            clock: Arc::clone(&self.options.clock),
            lock: Some(lock),
            report: self.log.report.clone(),
            store_id: Some(store_id),
        })
    }

    pub(super) fn read_only(self, mut system: System) -> Result<Engine, StoreError> {
        let host = system.host("batpak-follow");
        let indexer = self.indexer(&mut system, host, None, None);
        Ok(Engine {
            handle: EngineHandle {
                reader: Arc::clone(&self.log.reader),
                writer: None,
                indexer,
                broker: None,
                roller: None,
                envelopes: Envelopes::default(),
                opened_last_id: self.log.position.last_id,
                room_limit: None,
            },
            checkpointer: None,
            running: system.start()?,
            clock: Arc::clone(&self.options.clock),
            lock: None,
            report: self.log.report.clone(),
            store_id: None,
        })
    }

    fn spec<A: Actor>(&self, name: &'static str, capacity: usize, kept: A::Kept) -> ActorSpec<A> {
        ActorSpec {
            mailbox: MailboxSpec {
                name,
                capacity,
                byte_budget: None,
            },
            policy: match planted(Bug::IgnoreRestartBudget) {
                true => RestartPolicy::Bounded {
                    max_restarts: u32::MAX,
                    within_ms: 1,
                },
                false => self.options.restart_policy.clone(),
            },
            kept,
        }
    }

    fn checkpointer(&self, system: &mut System, host: HostId) -> Address<checkpointer::Message> {
        let fs = Arc::clone(&self.options.fs);
        let enabled = self.options.checkpoints;
        let spec = self.spec("checkpointer", checkpointer::INBOX_CAPACITY, ());
        system.spawn(host, spec, move |_, _| {
            Ok(Checkpointer::new(Arc::clone(&fs), enabled))
        })
    }

    fn broker(&self, system: &mut System, host: HostId) -> Address<broker::Message> {
        let reader = Arc::clone(&self.log.reader);
        let kept = Subscribers::default();
        let spec = self.spec("broker", broker::INBOX_CAPACITY, kept);
        system.spawn(host, spec, move |_, _| {
            Ok(Broker::resume(Arc::clone(&reader)))
        })
    }

    fn indexer(
        &self,
        system: &mut System,
        host: HostId,
        broker: Option<Address<broker::Message>>,
        checkpointer: Option<Address<checkpointer::Message>>,
    ) -> Address<indexer::Message> {
        let reader = Arc::clone(&self.log.reader);
        let start = self.log.position;
        let store_id = self.log.newest.as_ref().map(|header| header.store_id);
        let every = self.options.checkpoint_every_events;
        let spec = self.spec("indexer", indexer::INBOX_CAPACITY, start);
        system.spawn(host, spec, move |restart, published: &mut LogPosition| {
            let follower = Follower::new(Arc::clone(&reader), *published, store_id);
            let writer = ViewWriter::resume(Arc::clone(reader.view()));
            let (broker, checkpointer) = (broker.clone(), checkpointer.clone());
            let mut indexer = Indexer::new(writer, follower, broker, checkpointer, every);
            if restart.count > 0 && !planted(Bug::IndexerForgets) {
                indexer.read_on()?;
            }
            Ok(indexer)
        })
    }

    fn roller(
        &self,
        system: &mut System,
        host: HostId,
        indexer: Address<indexer::Message>,
    ) -> Address<roller::Message> {
        let options = RollerOptions {
            fs: Arc::clone(&self.options.fs),
            reader: Arc::clone(&self.log.reader),
            index: self.options.index,
            segment_max_bytes: self.options.segment_max_bytes,
            sync_all: self.options.sync.sync_all,
        };
        let spec = self.spec("roller", roller::INBOX_CAPACITY, ());
        system.spawn(host, spec, move |_, _| {
            Ok(Roller::new(options.clone(), indexer.clone()))
        })
    }

    fn writer(
        &self,
        system: &mut System,
        host: HostId,
        options: WriterOptions,
        (roller, indexer): (Address<roller::Message>, Address<indexer::Message>),
    ) -> Address<writer::Message> {
        let mut spec = self.spec("writer", self.options.writer_capacity, ());
        spec.mailbox.byte_budget = Some((writer::BYTE_BUDGET, writer::Message::weight));
        system.spawn(host, spec, move |restart, _| {
            let crashed = restart.count > 0;
            Writer::resume(options.clone(), roller.clone(), indexer.clone(), crashed)
        })
    }
}
