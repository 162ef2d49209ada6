//! What a normal program needs, in one import.

pub use crate::coordinate::{Coordinate, CoordinateError, DagPosition, KindFilter, Region};
pub use crate::event::{Event, EventHeader, EventKind, HashChain, StoredEvent};
pub use crate::id::{EntityIdType, EventId};
pub use crate::store::{
    AppendOptions, AppendReceipt, AppendTicket, BatchAppendItem, BatchAppendTicket, BatchConfig,
    BatchStage, CausationRef, Closed, Cursor, CursorPosition, CursorWorkerAction,
    CursorWorkerConfig, CursorWorkerHandle, DiskPos, Durability, Follow, Followed, IndexConfig,
    IndexEntry, IndexLayout, Notification, Open, ReadOnly, RestartPolicy, Store, StoreConfig,
    StoreError, Subscription, SyncConfig, SyncMode, ViewConfig, VisibilityFence, WriterConfig,
    WriterPressure,
};
