//! An outcome as values, batches, and the rest.

use super::{Outcome, OutcomeError, WaitCondition};

/// An outcome, its variants without a value gathered, so that they can change their type.
pub(super) enum Split<T> {
    Value(T),
    Batch(Vec<Outcome<T>>),
    Stop(Stop),
}

impl<T> Split<T> {
    pub(super) fn of(outcome: Outcome<T>) -> Self {
        match outcome {
            Outcome::Ok(value) => Self::Value(value),
            Outcome::Batch(items) => Self::Batch(items),
            Outcome::Err(error) => Self::Stop(Stop::Err(error)),
            Outcome::Retry {
                after_ms,
                attempt,
                max_attempts,
                reason,
            } => Self::Stop(Stop::Retry {
                after_ms,
                attempt,
                max_attempts,
                reason,
            }),
            Outcome::Pending {
                condition,
                resume_token,
            } => Self::Stop(Stop::Pending {
                condition,
                resume_token,
            }),
            Outcome::Cancelled { reason } => Self::Stop(Stop::Cancelled { reason }),
        }
    }
}

/// An outcome that has no value.
pub(super) enum Stop {
    Err(OutcomeError),
    Retry {
        after_ms: u64,
        attempt: u32,
        max_attempts: u32,
        reason: String,
    },
    Pending {
        condition: WaitCondition,
        resume_token: u128,
    },
    Cancelled {
        reason: String,
    },
}

impl Stop {
    /// Returns the one that counts where two come together; the first, if they count the same.
    pub(super) fn or_weightier(self, other: Self) -> Self {
        if other.weight() > self.weight() {
            other
        } else {
            self
        }
    }

    /// The more final, the weightier.
    fn weight(&self) -> u8 {
        match self {
            Self::Pending { .. } => 0,
            Self::Retry { .. } => 1,
            Self::Cancelled { .. } => 2,
            Self::Err(_) => 3,
        }
    }

    pub(super) fn into_outcome<T>(self) -> Outcome<T> {
        match self {
            Self::Err(error) => Outcome::Err(error),
            Self::Retry {
                after_ms,
                attempt,
                max_attempts,
                reason,
            } => Outcome::Retry {
                after_ms,
                attempt,
                max_attempts,
                reason,
            },
            Self::Pending {
                condition,
                resume_token,
            } => Outcome::Pending {
                condition,
                resume_token,
            },
            Self::Cancelled { reason } => Outcome::Cancelled { reason },
        }
    }
}
