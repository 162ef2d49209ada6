//! How a command can fail, and the exit code that tells a script so.

use batpak::store::StoreError;
use std::io;
use std::process::ExitCode;

/// Why a command ended early. Its text is one sentence for a person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The store, or the data to import, is not what it should be.
    #[error("{0}")]
    Bad(String),
    /// There is no store there, or it cannot be opened now.
    #[error("{0}")]
    CannotOpen(String),
    /// The store has no such event or entity.
    #[error("{0}")]
    NotThere(String),
    /// Something outside the store went wrong on the way.
    #[error("{0}")]
    Failed(String),
    /// A repair is done, and something is missing.
    #[error("{0}")]
    Incomplete(String),
    /// The user stopped a command that had more to do.
    #[error("{0}")]
    Interrupted(String),
    /// Nobody reads the output any more, as behind `head`: that is no error.
    #[error("the reader of the output has gone")]
    OutputClosed,
}

impl Failure {
    /// Returns the exit code; `arguments.rs` documents them for users. Code 2 is clap's own.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Bad(_) => 1,
            Self::CannotOpen(_) => 3,
            Self::NotThere(_) => 4,
            Self::Failed(_) => 5,
            Self::Incomplete(_) => 6,
            Self::Interrupted(_) => 130,
            Self::OutputClosed => 0,
        })
    }

    /// Makes a failure of an input or output error, saying what was being done.
    pub(crate) fn io(doing: impl std::fmt::Display, error: &io::Error) -> Self {
        Self::Failed(format!("{doing} failed: {error}"))
    }

    /// Makes a failure of writing to the output, where a closed pipe is no error.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        Self::io("writing the output", error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        if is_damage(&error) {
            Self::Bad(text)
        } else if matches!(
            error,
            StoreError::Locked { .. }
                | StoreError::FutureVersion { .. }
                | StoreError::UnfinishedSnapshot
        ) {
            Self::CannotOpen(text)
        } else if matches!(error, StoreError::NotFound(_)) {
            Self::NotThere(text)
        } else {
            Self::Failed(text)
        }
    }
}

/// Tells whether the error says that the stored bytes are not what was written.
pub(crate) fn is_damage(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::CrcMismatch { .. }
            | StoreError::CorruptSegment { .. }
            | StoreError::MissingSegment { .. }
            | StoreError::ForeignFile { .. }
            | StoreError::DamagedFile { .. }
            | StoreError::Rollback { .. }
    )
}
