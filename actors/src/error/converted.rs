//! What the errors of the log and of the operating system become.

use super::StoreError;
use batpak_log::error::LogError;
use std::io;

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
            return Self::StorageFull {
                detail: error.to_string(),
            };
        }
        Self::Io(error)
    }
}

impl From<LogError> for StoreError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Io(error) => error.into(),
            LogError::CrcMismatch { segment_id, offset } => {
                Self::CrcMismatch { segment_id, offset }
            }
            LogError::CorruptSegment { segment_id, detail } => {
                Self::CorruptSegment { segment_id, detail }
            }
            LogError::MissingSegment { segment_id } => Self::MissingSegment { segment_id },
            LogError::ForeignFile { name, detail } => Self::ForeignFile { name, detail },
            LogError::Rollback { detail } => Self::Rollback { detail },
            LogError::DamagedFile { name, detail } => Self::DamagedFile { name, detail },
            LogError::UnfinishedSnapshot => Self::UnfinishedSnapshot,
            LogError::DamagedIndex { name, page } => Self::DamagedIndex { name, page },
            LogError::FutureVersion { name, detail } => Self::FutureVersion { name, detail },
            other => Self::Configuration(other.to_string()),
        }
    }
}
