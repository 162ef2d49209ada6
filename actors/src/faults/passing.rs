//! How the writer passes the points of a write.

use super::{FailedBatch, FaultInjector, InjectionPoint};
use crate::error::{BatchStage, StoreError};
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// Whom to ask for faults.
#[derive(Clone, Default)]
pub struct Faults {
    injector: Option<Arc<dyn FaultInjector>>,
}

impl Faults {
    /// Returns the faults that an injector asks for; none without one.
    pub fn by(injector: Option<Arc<dyn FaultInjector>>) -> Self {
        Self { injector }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("injector", &self.injector.as_ref().map(|_| "configured"))
            .finish()
    }
}

/// The points that a writer passes.
#[derive(Debug)]
pub(crate) struct Points {
    faults: Faults,
    /// The names of entities that points have told. Each is leaked once in the writer's life,
    /// because a point holds it for ever; that is why this is for tests only.
    entities: RefCell<HashSet<&'static str>>,
}

impl Points {
    pub(crate) fn new(faults: Faults) -> Self {
        let entities = RefCell::default();
        Self { faults, entities }
    }

    /// Asks about the group whose bytes were just written, one command after the other.
    pub(crate) fn after_write(&self, passed: &Passed) -> Option<StoreError> {
        passed.commands.iter().find_map(|command| {
            self.ask(match *command {
                Command::Single { entity } => InjectionPoint::SingleAppendWritten { entity },
                Command::Batch { batch_id, .. } => InjectionPoint::BatchCommitWritten { batch_id },
            })
        })
    }

    /// Asks about the batches of a group that is about to be acknowledged; a fault comes with the
    /// offset at which the group begins.
    pub(crate) fn at_sync(&self, passed: &Passed) -> Option<(u64, StoreError)> {
        let batches = || passed.batches().filter(|_| !passed.is_settled);
        let fsync = |(batch_id, _)| self.ask(InjectionPoint::BatchFsync { batch_id });
        let fault = batches().find_map(fsync)?;
        Some((passed.begins_at, fault))
    }

    /// Asks about the batches of a group that is about to be made visible.
    pub(crate) fn before_publication(&self, passed: &Passed) -> Option<StoreError> {
        passed.batches().find_map(|(batch_id, item_count)| {
            self.ask(InjectionPoint::BatchPrePublish {
                batch_id,
                item_count,
            })
        })
    }

    /// Asks about leaving a full segment.
    pub(crate) fn at_rotation(&self, old_segment: u64, new_segment: u64) -> Option<StoreError> {
        self.ask(InjectionPoint::SegmentRotation {
            old_segment,
            new_segment,
        })
    }

    fn ask(&self, point: InjectionPoint) -> Option<StoreError> {
        self.faults.injector.as_ref()?.check(point)
    }

    fn entity(&self, entity: &str) -> &'static str {
        let mut entities = self.entities.borrow_mut();
        match entities.get(entity) {
            Some(entity) => entity,
            None => {
                let entity = String::leak(entity.to_owned());
                entities.insert(entity);
                entity
            }
        }
    }
}

/// A command that has passed the points before it was staged.
#[derive(Clone, Copy, Debug)]
enum Command {
    Single { entity: &'static str },
    Batch { batch_id: u64, item_count: usize },
}

/// What a group has passed.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    commands: Vec<Command>,
    /// Where the group begins in its segment.
    begins_at: u64,
    /// Its batches were acknowledged as written, and only their publication is left.
    is_settled: bool,
}

impl Passed {
    /// Passes the points before an event is staged.
    pub(crate) fn single(&mut self, points: &Points, entity: &str) -> Option<StoreError> {
        points.faults.injector.as_ref()?;
        let entity = points.entity(entity);
        let fault = points.ask(InjectionPoint::SingleAppendStart { entity });
        if fault.is_none() {
            self.commands.push(Command::Single { entity });
        }
        fault
    }

    /// Passes the points before a batch is staged, in order.
    pub(crate) fn batch(
        &mut self,
        points: &Points,
        batch_id: u64,
        item_count: usize,
    ) -> Option<FailedBatch> {
        use BatchStage::{Validation, Writing};
        points.faults.injector.as_ref()?;
        let start = InjectionPoint::BatchStart {
            batch_id,
            item_count,
        };
        let begin = InjectionPoint::BatchBeginWritten {
            batch_id,
            item_count,
        };
        let item = |item_index| {
            let written = InjectionPoint::BatchItemWritten {
                batch_id,
                item_index,
                total_items: item_count,
            };
            (item_index, Writing, written)
        };
        let complete = InjectionPoint::BatchItemsComplete {
            batch_id,
            item_count,
        };
        let passed = [(0, Validation, start), (0, Writing, begin)]
            .into_iter()
            .chain((0..item_count).map(item))
            .chain([(item_count.saturating_sub(1), Writing, complete)]);
        let fault = passed
            .map(|(item_index, stage, point)| Some((item_index, stage, points.ask(point)?)))
            .find_map(|fault| fault);
        if fault.is_none() {
            self.commands.push(Command::Batch {
                batch_id,
                item_count,
            });
        }
        fault
    }

    /// Remembers where the group begins in its segment.
    pub(crate) fn begin_at(&mut self, offset: u64) {
        self.begins_at = offset;
    }

    /// Takes what another has passed, whose batches were acknowledged as written.
    pub(crate) fn take_settled(&mut self, other: &mut Self) {
        self.commands.append(&mut other.commands);
        self.is_settled = true;
    }

    fn batches(&self) -> impl Iterator<Item = (u64, usize)> {
        self.commands.iter().filter_map(|command| match *command {
            Command::Batch {
                batch_id,
                item_count,
            } => Some((batch_id, item_count)),
            Command::Single { .. } => None,
        })
    }
}
