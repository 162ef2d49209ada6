//! A test kit for programs that embed a store: simulated machines, crashes everywhere, bad disks.
//!
//! It is there with the feature `testkit`, for tests:
//!
//! ```toml
//! [dev-dependencies]
//! batpak = { path = "../batpak", features = ["testkit"] }
//! ```
//!
//! [`CrashTest`] runs your own code against a store on a simulated [`Machine`] and looks at what a
//! crash at each call of the disk would leave:
//!
//! ```
//! use batpak::prelude::*;
//! use batpak::testkit::CrashTest;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const PLACED: EventKind = EventKind::custom(0x1, 1);
//! let config = StoreConfig::new("orders")
//!     .with_segment_max_bytes(2000)
//!     .with_sync_every_n_events(1);
//! let order = Coordinate::new("order:1", "shop")?;
//!
//! let report = CrashTest::new(config.clone()).run(
//!     |machine, told| {
//!         let store = machine.open(config.clone())?;
//!         for number in 0..20_u64 {
//!             let receipt = store.append(&order, PLACED, &number)?;
//!             // From here on the customer knows: no crash may take it back.
//!             told.add(receipt.event_id);
//!         }
//!         store.close().map(drop)
//!     },
//!     |store, told| {
//!         for event_id in told {
//!             store.get(*event_id).map_err(|error| error.to_string())?;
//!         }
//!         Ok(())
//!     },
//! )?;
//! assert!(report.images > 100);
//! # Ok(())
//! # }
//! ```
//!
//! With `sync.every_n_events` above 1 the same test fails, and says at which call of the disk.
//!
//! Below it are the parts: [`SimFs`] is a disk that loses what was not synced, fails, lies and
//! rots as it is told; [`Machine`] opens stores on it that run on the caller's thread, in an order
//! that follows from a seed; [`open_on_threads`] opens one on threads over any [`Fs`].

mod crash_test;
mod crasher;
mod machine;
mod threads;

pub use batpak_actors::runtime::watch;
pub use batpak_actors::runtime::{Clock, ManualClock};
pub use batpak_log::fs::{
    Access, Call, DirectoryLock, Fault, File, Fs, FsCall, Keep, Loss, MemoryFs, Noise, RealFs,
    SimFs, When,
};
pub use crash_test::{CrashFailure, CrashReport, CrashTest, Notes};
pub use machine::{Machine, step};
pub use threads::{open_on_threads, repair_to, snapshot_to};
