//! One step of a workflow, as an event to append.

use crate::event::EventKind;
use std::fmt;
use std::marker::PhantomData;

/// The event by which a workflow goes from one state to another.
///
/// The states are types without values, so a function that takes a `Transition<Ajar, Shut, P>`
/// cannot be given any other step:
///
/// ```compile_fail
/// use batpak::prelude::*;
/// use batpak::typestate::Transition;
///
/// batpak::define_state_machine!(DoorState { Ajar, Shut });
/// fn close(_: Transition<Ajar, Shut, u32>) {}
/// close(Transition::<Shut, Ajar, u32>::new(EventKind::custom(0x1, 1), 7));
/// ```
pub struct Transition<From, To, P> {
    kind: EventKind,
    payload: P,
    step: PhantomData<fn(From) -> To>,
}

impl<From, To, P> Transition<From, To, P> {
    /// Makes the step that is recorded under `kind`, with this payload.
    #[must_use]
    pub fn new(kind: EventKind, payload: P) -> Self {
        let step = PhantomData;
        Self {
            kind,
            payload,
            step,
        }
    }

    /// Returns the kind of the event.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// Returns the payload of the event.
    #[must_use]
    pub fn payload(&self) -> &P {
        &self.payload
    }

    /// Takes the payload out.
    #[must_use]
    pub fn into_payload(self) -> P {
        self.payload
    }

    /// Takes kind and payload out.
    #[must_use]
    pub fn into_parts(self) -> (EventKind, P) {
        (self.kind, self.payload)
    }
}

impl<From, To, P: Clone> Clone for Transition<From, To, P> {
    fn clone(&self) -> Self {
        Self::new(self.kind, self.payload.clone())
    }
}

impl<From, To, P: fmt::Debug> fmt::Debug for Transition<From, To, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transition")
            .field("kind", &self.kind)
            .field("payload", &self.payload)
            .finish()
    }
}
