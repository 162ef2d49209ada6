//! How much memory reading may take.

/// What an input may make a reader allocate at once, in bytes: something fixed, and so much for
/// each byte of the input.
#[derive(Clone, Copy, Debug)]
pub struct Cap {
    /// Whatever the input.
    pub fixed: u64,
    /// For each byte of the input.
    pub per_byte: u64,
}

/// The cap of readers of a file or of a part of one.
pub const READER: Cap = Cap {
    fixed: 64 * 1024,
    per_byte: 64,
};

/// The cap of a store over a directory: mailboxes, caches and five actors besides.
pub const STORE: Cap = Cap {
    fixed: 16 * 1024 * 1024,
    per_byte: 64,
};

/// Runs `read` over an input of `length` bytes and returns what it returns.
///
/// # Panics
/// When it has allocated more than the cap at any time.
pub fn bounded<T>(length: usize, cap: Cap, read: impl FnOnce() -> T) -> T {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(read()));
    let allowed = cap.fixed + cap.per_byte * length as u64;
    assert!(
        info.bytes_max <= allowed,
        "{} bytes were allocated at once for an input of {length}, and {allowed} may be",
        info.bytes_max
    );
    result.unwrap()
}
