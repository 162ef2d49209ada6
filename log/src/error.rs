//! What can be wrong with a log on disk.

/// The reasons for which a log, or a part of it, cannot be read or written.
///
/// `CrcMismatch`, `CorruptSegment`, `MissingSegment`, `ForeignFile`, `Rollback` and `FutureVersion`
/// are verdicts on the bytes: nothing is written when one of them is returned, so that the evidence
/// stays as it was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The operating system refused a call.
    #[error("input or output failed: {0}")]
    Io(#[from] std::io::Error),
    /// A frame that was proven durable, or that whole groups follow, fails its checksum.
    #[error(
        "checksum mismatch in segment {segment_id} at byte {offset}: the stored bytes were \
             damaged, restore the segment from a copy"
    )]
    CrcMismatch {
        /// The segment that holds the frame.
        segment_id: u64,
        /// Where the frame or its group starts, in bytes from the start of the file.
        offset: u64,
    },
    /// A segment's structure is damaged.
    #[error("segment {segment_id} is damaged: {detail}; restore it from a copy")]
    CorruptSegment {
        /// The segment that is damaged.
        segment_id: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// A segment that its successor names is not there.
    #[error(
        "segment {segment_id} is missing: a later segment names it as its predecessor; \
             restore it from a copy"
    )]
    MissingSegment {
        /// The segment that is missing.
        segment_id: u64,
    },
    /// A file belongs to another store, or to another history of this one.
    #[error(
        "{name} does not belong to this store's history: {detail}; move it away or restore \
             the right file"
    )]
    ForeignFile {
        /// The file's name in the data directory.
        name: String,
        /// How it differs.
        detail: String,
    },
    /// The log ends before a position that was proven durable.
    #[error("the log has lost its end: {detail}; restore the missing segments from a copy")]
    Rollback {
        /// What the checkpoint proves and what was found.
        detail: String,
    },
    /// A file was written by a later version of the format.
    #[error(
        "{name} was written by a later version of batpak ({detail}); open it with that version"
    )]
    FutureVersion {
        /// The file's name in the data directory.
        name: String,
        /// The version or feature that is not known here.
        detail: String,
    },
    /// A small file beside the segments is damaged.
    #[error("{name} is damaged: {detail}; restore it from a copy")]
    DamagedFile {
        /// The file's name in the data directory.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The directory holds a copy of a store that was not finished.
    #[error("the directory holds a copy that was not finished: remove it and make another one")]
    UnfinishedSnapshot,
    /// A page of an index run is damaged. The log is whole: the run tells where its events stand.
    #[error("page {page} of the index {name} is damaged; remove the file, it is built anew")]
    DamagedIndex {
        /// The run's file name in the data directory.
        name: String,
        /// Which of its pages, counted from 0.
        page: u32,
    },
}

impl LogError {
    /// Returns the verdict of a damaged structure.
    pub fn corrupt(segment_id: u64, detail: impl Into<String>) -> Self {
        Self::CorruptSegment {
            segment_id,
            detail: detail.into(),
        }
    }
}
