//! The proof that every gate was passed.

/// A payload that every gate of a set has let pass.
///
/// Its life:
/// 1. [`GateSet::evaluate`](super::GateSet::evaluate) makes it, and nobody else can.
/// 2. The payload inside cannot be changed, and the receipt cannot be copied.
/// 3. [`Pipeline::commit`](crate::pipeline::Pipeline::commit) or
///    [`into_parts`](Self::into_parts) uses it up, so one judgement allows one write.
#[derive(Debug)]
#[must_use = "a receipt allows a write and does none"]
pub struct Receipt<T> {
    payload: T,
    gates_passed: Vec<&'static str>,
}

impl<T> Receipt<T> {
    pub(super) fn new(payload: T, gates_passed: Vec<&'static str>) -> Self {
        Self {
            payload,
            gates_passed,
        }
    }

    /// Returns what was judged.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// Returns the names of the gates that were passed, in order.
    pub fn gates_passed(&self) -> &[&'static str] {
        &self.gates_passed
    }

    /// Uses the receipt up: returns what was judged, and the names of the gates.
    pub fn into_parts(self) -> (T, Vec<&'static str>) {
        (self.payload, self.gates_passed)
    }
}
