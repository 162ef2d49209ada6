//! Events as callers see them, and what is made of them.

pub mod sourcing;

pub use batpak_log::event::{Event, EventHeader, EventKind, HashChain, StoredEvent};
pub use batpak_log::event::{hash, header, kind};
pub use sourcing::{
    EventSourced, ProjectionEvent, ProjectionInput, ProjectionMode, ProjectionPayload,
    RawMsgpackInput, Reactive, ValueInput,
};
