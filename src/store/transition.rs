//! Recording a change of state that the compiler has checked.

use super::{AppendReceipt, Open, Store, StoreError};
use crate::coordinate::Coordinate;
use crate::typestate::Transition;
use serde::Serialize;

impl Store<Open> {
    /// Appends the event of a transition, and waits.
    ///
    /// The compiler has seen that the transition exists, not that the entity is in its first
    /// state: where several writers meet, expect a clock with
    /// [`append_with_options`](Self::append_with_options) instead.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn apply_transition<From, To, P: Serialize>(
        &self,
        coord: &Coordinate,
        transition: Transition<From, To, P>,
    ) -> Result<AppendReceipt, StoreError> {
        let kind = transition.kind();
        self.append(coord, kind, &transition.into_payload())
    }
}
