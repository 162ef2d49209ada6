//! The moments at which others can see what an actor does: a message taken, sent or answered, a
//! shared cell changed.
//!
//! In a stepped system a handler runs to its end before anybody else does. With the feature
//! `testkit` a hook is called at each moment within it, so that a simulation can look at what
//! another thread would see there, or make the actor panic. Without the feature nothing is left
//! of it.

#[cfg(feature = "testkit")]
pub use hooked::watch;

#[cfg(feature = "testkit")]
pub(crate) use hooked::{inside_actor, moment};

#[cfg(feature = "testkit")]
mod hooked {
    use std::cell::{Cell, RefCell};

    type Hook = Box<dyn FnMut()>;

    thread_local! {
        static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
        static INSIDE: Cell<bool> = const { Cell::new(false) };
        /// The hook was set anew while it ran.
        static SET: Cell<bool> = const { Cell::new(false) };
    }

    /// Has `hook` called at every moment within an actor's handler on this thread, until another
    /// or none is set. A hook that panics is a panic of the actor.
    pub fn watch(hook: Option<Hook>) {
        HOOK.set(hook);
        SET.set(true);
    }

    /// Marks a call of an actor, so that callers on the same thread have no moments.
    pub(crate) fn inside_actor<T>(call: impl FnOnce() -> T) -> T {
        let _restored = Restore(INSIDE.replace(true));
        call()
    }

    pub(crate) fn moment() {
        if !INSIDE.get() {
            return;
        }
        let Some(mut hook) = HOOK.with_borrow_mut(Option::take) else {
            return;
        };
        // While it runs there are no further moments, and it is put back if it panics.
        SET.set(false);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut hook));
        if !SET.get() {
            HOOK.set(Some(hook));
        }
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    }

    struct Restore(bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            INSIDE.set(self.0);
        }
    }
}

/// Calls an actor.
#[cfg(not(feature = "testkit"))]
pub(crate) fn inside_actor<T>(call: impl FnOnce() -> T) -> T {
    call()
}

/// Is nothing in this build.
#[cfg(not(feature = "testkit"))]
#[inline]
pub(crate) fn moment() {}
