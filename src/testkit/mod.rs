//! A test kit for programs that embed a store.

mod machine;
mod threads;

pub use batpak_actors::runtime::watch;
pub use batpak_actors::runtime::{Clock, ManualClock};
pub use batpak_log::fs::{
    Access, Call, DirectoryLock, Fault, File, Fs, FsCall, Keep, Loss, MemoryFs, Noise, RealFs,
    SimFs, When,
};
pub use machine::{Machine, step};
pub use threads::open_on_threads;
