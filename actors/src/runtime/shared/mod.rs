//! What readers share with one writer without a mailbox in between.
//!
//! Every cell here has one writer and any number of readers that never wait for it.

mod bounded_cache;
mod counter;
mod kept_slots;
mod published;
mod spares;
mod write_once;
mod write_once_index;

pub use bounded_cache::BoundedCache;
pub use counter::Counter;
pub use kept_slots::{KeptSlots, SlotBudget};
pub use published::{Published, Watermark};
pub use spares::Spares;
pub use write_once::WriteOnce;
pub use write_once_index::WriteOnceIndex;
