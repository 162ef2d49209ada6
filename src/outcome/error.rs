//! How an undertaking failed.

use super::CompensationAction;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A failure, with what a program needs to deal with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeError {
    /// What sort of failure it is.
    pub kind: ErrorKind,
    /// What went wrong, for people.
    pub message: String,
    /// What should be done to make good what was half done, if anything.
    pub compensation: Option<CompensationAction>,
    /// Whether the same undertaking may succeed when it is tried again.
    pub retryable: bool,
}

impl OutcomeError {
    /// Makes an error without compensation, retryable if its kind
    /// [is](ErrorKind::is_retryable).
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            retryable: kind.is_retryable(),
            kind,
            message: message.into(),
            compensation: None,
        }
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }
}

impl fmt::Display for OutcomeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}] {}", self.kind, self.message)
    }
}

impl std::error::Error for OutcomeError {}

/// What sort of failure an [`OutcomeError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for is not there.
    NotFound,
    /// Something else was there first.
    Conflict,
    /// What was given is not acceptable.
    Validation,
    /// A gate denied it.
    PolicyRejection,
    /// What should keep the data failed.
    StorageError,
    /// It took too long.
    Timeout,
    /// Something could not be encoded or decoded.
    Serialization,
    /// The program has a fault.
    Internal,
    /// A kind of the program's own; none of the questions below is answered with yes.
    Custom(u16),
}

impl ErrorKind {
    /// Tells whether such a failure tends to pass: `StorageError` and `Timeout`.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::StorageError | Self::Timeout)
    }

    /// Tells whether the undertaking itself is refused: `NotFound`, `Conflict`, `Validation` and
    /// `PolicyRejection`.
    #[must_use]
    pub fn is_domain(&self) -> bool {
        matches!(
            self,
            Self::NotFound | Self::Conflict | Self::Validation | Self::PolicyRejection
        )
    }

    /// Tells whether the means failed: `StorageError`, `Timeout`, `Serialization` and `Internal`.
    #[must_use]
    pub fn is_operational(&self) -> bool {
        matches!(
            self,
            Self::StorageError | Self::Timeout | Self::Serialization | Self::Internal
        )
    }
}
