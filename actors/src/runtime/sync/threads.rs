//! The start of a thread: the only place where the runtime makes one.

use std::io;

use super::raw;

pub(crate) type JoinHandle<T> = raw::JoinHandle<T>;

/// Starts a named thread, with a stack of the given size if one is given.
pub(crate) fn spawn<F>(name: &str, stack_size: Option<usize>, run: F) -> io::Result<JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    let mut builder = raw::Builder::new().name(name.to_owned());
    if let Some(bytes) = stack_size {
        builder = builder.stack_size(bytes);
    }
    builder.spawn(run)
}
