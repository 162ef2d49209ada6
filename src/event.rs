//! Events as callers see them.

pub use batpak_log::event::{Event, EventHeader, EventKind, HashChain, StoredEvent};
pub use batpak_log::event::{hash, header};
