//! A test kit for programs that embed a store.

mod threads;

pub use batpak_log::fs::{Access, DirectoryLock, File, Fs, RealFs};
pub use threads::open_on_threads;
