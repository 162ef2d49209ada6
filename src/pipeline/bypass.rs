//! Past the gates, with a reason that can be recorded.

/// A reason for which gates may be passed by.
///
/// A program has one type for each, so that its bypasses can be found by searching for them.
pub trait BypassReason: Send + Sync {
    /// Returns a short name, for programs.
    fn name(&self) -> &'static str;

    /// Returns why it is right not to ask the gates, for people.
    fn justification(&self) -> &'static str;
}

/// A payload that no gate has judged, and why not.
///
/// [`Pipeline::bypass`](super::Pipeline::bypass) makes it, and nobody else can.
#[derive(Debug)]
#[must_use = "a receipt allows a write and does none"]
pub struct BypassReceipt<T> {
    payload: T,
    reason: &'static str,
    justification: &'static str,
}

impl<T> BypassReceipt<T> {
    pub(super) fn new(payload: T, reason: &dyn BypassReason) -> Self {
        Self {
            payload,
            reason: reason.name(),
            justification: reason.justification(),
        }
    }

    /// Returns what was proposed.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// Returns the name of the reason.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// Returns why the gates were not asked.
    pub fn justification(&self) -> &'static str {
        self.justification
    }

    /// Uses the receipt up and returns what was proposed.
    pub fn into_payload(self) -> T {
        self.payload
    }
}
