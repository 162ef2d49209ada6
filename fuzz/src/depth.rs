//! Counts how often an input is read as something: inputs that are all refused try nothing.

use std::cell::Cell;

thread_local! {
    static REACHED: Cell<bool> = const { Cell::new(false) };
}

/// Says that something of the input in hand was read.
pub(crate) fn reached() {
    REACHED.set(true);
}

/// Returns whether anything of the last input was read.
pub(crate) fn take() -> bool {
    REACHED.take()
}
