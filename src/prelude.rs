//! What a normal program needs, in one import.

pub use crate::coordinate::{Coordinate, CoordinateError, DagPosition, KindFilter, Region};
pub use crate::event::{
    Event, EventHeader, EventKind, EventSourced, HashChain, ProjectionEvent, ProjectionInput,
    ProjectionMode, ProjectionPayload, RawMsgpackInput, Reactive, StoredEvent, ValueInput,
};
pub use crate::guard::{Denial, Gate, GateSet, Receipt};
pub use crate::id::{EntityIdType, EventId};
pub use crate::outcome::{ErrorKind, Outcome, OutcomeError};
pub use crate::pipeline::{Committed, Pipeline, Proposal};
pub use crate::store::{
    AppendOptions, AppendReceipt, AppendTicket, BatchAppendItem, BatchAppendTicket, BatchConfig,
    BatchStage, CausationRef, Closed, CompactionConfig, CompactionStrategy, Cursor, CursorPosition,
    CursorWorkerAction, CursorWorkerConfig, CursorWorkerHandle, DiskPos, Durability, Follow,
    Followed, Freshness, IndexConfig, IndexEntry, IndexLayout, NoCache, Notification, Open, Outbox,
    ReactFrom, ReactionConfig, ReactionHandle, ReadOnly, RestartPolicy, Store, StoreConfig,
    StoreError, Subscription, SubscriptionOps, SyncConfig, SyncMode, ViewConfig, VisibilityFence,
    WriterConfig, WriterPressure,
};
