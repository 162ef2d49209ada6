//! Reads the frames of one segment, one after the other, with few calls to the disk.

use super::access::{Access, BLOCK_BYTES};
use crate::view::KnownSegment;
use batpak_log::error::LogError;
use batpak_log::fs::{File, read_exact_at};
use batpak_log::segment::{EventRecord, event_at};
use std::io;
use std::sync::Arc;

/// Frames that follow each other closer than this are read together.
const NEAR_BYTES: u64 = 16 * 1024;
/// So much is read at once when frames are asked for in order.
const WINDOW_BYTES: u64 = 256 * 1024;
/// So much is read at first when they are asked for from the back, where often few are wanted;
/// then twice as much each time.
const BACK_WINDOW_BYTES: u64 = 8 * 1024;

/// How a reading of frames treats what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Keeps nothing: every frame is asked for once.
    Nothing,
    /// Keeps what is asked for again: streams of entities whose frames stand among others.
    Keep,
}

/// The place of a frame, as an index knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameAt {
    pub(super) offset: u64,
    /// Where the frame ends at the latest.
    pub(super) end: u64,
}

impl FrameAt {
    pub(super) fn length(&self) -> usize {
        usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX)
    }

    pub(super) fn damaged(&self, segment: &KnownSegment) -> LogError {
        LogError::CrcMismatch {
            segment_id: segment.header.segment.id,
            offset: self.offset,
        }
    }
}

/// Reads frames of a segment below an offset under which nothing changes any more.
#[derive(Debug)]
pub(super) struct Frames {
    access: Arc<Access>,
    segment: Arc<KnownSegment>,
    file: Arc<dyn File>,
    keeping: Keeping,
    /// Everything below is durable, so that a block of it may be kept.
    settled: u64,
    /// What was read last.
    window: Window,
    last_start: u64,
    last_end: u64,
    /// How much is read at once from the back.
    back_bytes: u64,
}

#[derive(Debug)]
enum Window {
    Own { start: u64, bytes: Vec<u8> },
    Kept { start: u64, block: Arc<[u8]> },
}

impl Window {
    fn get(&self, at: FrameAt) -> Option<&[u8]> {
        let (start, bytes) = match self {
            Self::Own { start, bytes } => (*start, bytes.as_slice()),
            Self::Kept { start, block } => (*start, &**block),
        };
        let from = usize::try_from(at.offset.checked_sub(start)?).ok()?;
        let to = usize::try_from(at.end.checked_sub(start)?).ok()?;
        bytes.get(from..to)
    }
}

impl Frames {
    pub(super) fn new(
        access: &Arc<Access>,
        segment: &Arc<KnownSegment>,
        keeping: Keeping,
        settled: u64,
    ) -> Result<Self, LogError> {
        Ok(Self {
            file: access.segment_file(segment)?,
            access: Arc::clone(access),
            segment: Arc::clone(segment),
            keeping,
            settled,
            window: Window::Own {
                start: 0,
                bytes: Vec::new(),
            },
            last_start: 0,
            last_end: 0,
            back_bytes: BACK_WINDOW_BYTES,
        })
    }

    pub(super) fn segment(&self) -> &Arc<KnownSegment> {
        &self.segment
    }

    /// Reads the event whose frame stands there, and returns its record and the frame's length.
    pub(super) fn event(&mut self, at: FrameAt) -> Result<(EventRecord<'_>, u32), LogError> {
        if self.window.get(at).is_none() {
            self.load(at)?;
        }
        (self.last_start, self.last_end) = (at.offset, at.end);
        let bytes = self.window.get(at).unwrap_or_default();
        event_at(
            &self.segment.binding,
            self.segment.header.hlc.wall_us,
            bytes,
            at.offset,
        )
    }

    /// Makes the window hold a frame.
    fn load(&mut self, at: FrameAt) -> Result<(), LogError> {
        if self.keeping == Keeping::Keep && self.take_block(at) {
            return Ok(());
        }
        if self.goes_back_to(at) && self.load_before(at) {
            return Ok(());
        }
        let near = at.offset.saturating_sub(self.last_end) < NEAR_BYTES && self.last_end > 0;
        let ahead = match near && at.offset >= self.last_end {
            true => (at.offset + WINDOW_BYTES).min(self.settled).max(at.end),
            false => at.end,
        };
        let mut bytes = match std::mem::replace(&mut self.window, Window::empty()) {
            Window::Own { bytes, .. } => bytes,
            Window::Kept { .. } => Vec::new(),
        };
        read_window(
            &*self.file,
            &mut bytes,
            FrameAt { end: ahead, ..at },
            &self.segment,
        )?;
        self.window = Window::Own {
            start: at.offset,
            bytes,
        };
        Ok(())
    }

    /// Returns whether a frame lies shortly before the one that was read last.
    fn goes_back_to(&self, at: FrameAt) -> bool {
        at.end <= self.last_start && self.last_start - at.end < NEAR_BYTES
    }

    /// Makes the window hold a frame and what lies before it; `false` when that cannot be read.
    /// Whoever reads the frame alone finds out why.
    fn load_before(&mut self, at: FrameAt) -> bool {
        let start = at.end.saturating_sub(self.back_bytes);
        self.back_bytes = WINDOW_BYTES.min(self.back_bytes * 2);
        if start >= at.offset {
            return false;
        }
        let length = usize::try_from(at.end - start).unwrap_or(0);
        let mut bytes = match std::mem::replace(&mut self.window, Window::empty()) {
            Window::Own { bytes, .. } => bytes,
            Window::Kept { .. } => Vec::new(),
        };
        bytes.resize(length, 0);
        let read = read_exact_at(&*self.file, &mut bytes, start);
        self.window = match read {
            Ok(()) => Window::Own { start, bytes },
            Err(_) => Window::empty(),
        };
        read.is_ok()
    }

    fn take_block(&mut self, at: FrameAt) -> bool {
        let block = at.offset / BLOCK_BYTES;
        if at.end > (block + 1) * BLOCK_BYTES {
            return false;
        }
        let (segment, file) = (&self.segment, &*self.file);
        match self.access.block(segment, file, block, self.settled) {
            Some(bytes) => {
                self.window = Window::Kept {
                    start: block * BLOCK_BYTES,
                    block: bytes,
                };
                true
            }
            None => false,
        }
    }
}

impl Window {
    fn empty() -> Self {
        Self::Own {
            start: 0,
            bytes: Vec::new(),
        }
    }
}

/// Fills `bytes` with what stands there. A file that ends before is damaged: an
/// index or a reader has seen the frame.
fn read_window(
    file: &dyn File,
    bytes: &mut Vec<u8>,
    at: FrameAt,
    segment: &KnownSegment,
) -> Result<(), LogError> {
    if at.length() as u64 > WINDOW_BYTES && at.end > file.len()? {
        // A damaged index may not ask for more memory than the file has bytes.
        return Err(at.damaged(segment));
    }
    bytes.resize(at.length(), 0);
    match read_exact_at(file, bytes, at.offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(at.damaged(segment)),
        read => Ok(read?),
    }
}
