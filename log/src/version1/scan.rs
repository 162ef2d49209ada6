//! Reads one segment of version 1 frame by frame, and judges how it ends.

use super::Version1Segment;
use super::event::{Content, decode};
use super::msgpack::Values;
use super::segment::{ENTRY_LEN, TRAILER_LEN};
use crate::bytes::Fields;
use crate::error::LogError;
use crate::fs::{Access, File, Fs, read_range};
use crate::layout::FRAME_HEADER_LEN;
use memchr::memmem;
use std::ops::Range;
use std::sync::Arc;

/// How much is read at once.
const WINDOW_BYTES: usize = 1024 * 1024;
/// No frame's body is longer.
const BODY_MAX: u32 = 256 * 1024 * 1024;
/// Every body begins with these bytes: a map of three, whose first key is `event`.
const BODY_START: &[u8] = b"\x83\xa5event";
/// What looks like frames behind a bad one is checked as long as that costs no more than so many
/// times the bytes that are there; who goes to such lengths has damaged the file.
const CHECKS_MAX: u64 = 16;

/// What stands next in a segment.
#[derive(Debug)]
pub(super) enum ScanStep {
    /// A whole frame.
    Frame(Content),
    /// Bytes in which frames stood that are not whole; only where a damaged segment is salvaged.
    Lost(Range<u64>),
    /// The end, and how many bytes behind the last whole frame are neither frames nor a footer.
    End { torn_bytes: u64 },
}

/// A walk over the frames of a segment.
#[derive(Debug)]
pub(super) struct Scan<'s> {
    segment: &'s Version1Segment,
    file: Arc<dyn File>,
    position: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl<'s> Scan<'s> {
    pub(super) fn open(fs: &dyn Fs, segment: &'s Version1Segment) -> Result<Self, LogError> {
        Ok(Self {
            file: fs.open(&segment.name().file_name(), Access::Read)?,
            position: segment.front.len() as u64,
            segment,
            window: Vec::new(),
            window_start: 0,
        })
    }

    /// Reads the next frame.
    pub(super) fn step(&mut self) -> Result<ScanStep, LogError> {
        let offset = self.position;
        if offset >= self.segment.len || self.segment.footer_at == Some(offset) {
            return Ok(ScanStep::End { torn_bytes: 0 });
        }
        // A header that was cut off is no beginning of frames.
        let has_front = !self.segment.front.is_empty();
        let Some(body) = self.whole_body(offset)?.filter(|_| has_front) else {
            return self.judge_end(offset);
        };
        let segment_id = self.segment.id;
        let bytes = self.fill(&body)?.unwrap_or_default();
        let content = decode(bytes).map_err(|detail| {
            let detail = format!("{detail}, at byte {offset}, although its checksum holds");
            LogError::corrupt(segment_id, detail)
        })?;
        self.position = body.end;
        Ok(ScanStep::Frame(content))
    }

    /// As [`step`](Self::step), of a segment that may be damaged: what is no whole frame is passed.
    pub(super) fn salvage(&mut self) -> Result<ScanStep, LogError> {
        let bad = self.position;
        match self.step() {
            Err(LogError::CrcMismatch { .. } | LogError::CorruptSegment { .. }) => {}
            Ok(ScanStep::End { torn_bytes }) if torn_bytes > 0 && self.is_footer(bad)? => {
                return Ok(ScanStep::End { torn_bytes: 0 });
            }
            stepped => return stepped,
        }
        let mut from = bad + 1;
        let footer_at = self.segment.footer_at.filter(|footer| *footer > bad);
        let limit = footer_at.unwrap_or(self.segment.len);
        let mut checked = 0;
        while let Some(candidate) = self.find_start(from)?.filter(|start| *start < limit) {
            if let Some((body, crc)) = self.claimed_body(candidate)? {
                checked += body.end - body.start;
                if checked > CHECKS_MAX * (self.segment.len - bad) {
                    break;
                }
                if self.crc_of(&body)? == crc && self.decode(&body).is_ok() {
                    self.position = candidate;
                    return Ok(ScanStep::Lost(bad..candidate));
                }
            }
            from = candidate + 1;
        }
        self.position = limit;
        Ok(match footer_at {
            // Where the footer starts is not covered by any checksum; its table tells.
            Some(_) if self.is_footer(bad)? => ScanStep::End { torn_bytes: 0 },
            Some(footer) => ScanStep::Lost(bad..footer),
            None => ScanStep::End {
                torn_bytes: self.segment.len - bad,
            },
        })
    }

    fn decode(&mut self, body: &Range<u64>) -> Result<Content, &'static str> {
        match self.fill(body) {
            Ok(Some(bytes)) => decode(bytes),
            Ok(None) | Err(_) => Err("it is cut off"),
        }
    }

    /// Returns whether a footer stands at `offset`, whatever its last bytes say of it: a table of
    /// names, and behind it so many whole entries.
    fn is_footer(&mut self, offset: u64) -> Result<bool, LogError> {
        let Some(end) = self.segment.len.checked_sub(TRAILER_LEN as u64) else {
            return Ok(false);
        };
        if end <= offset {
            return Ok(false);
        }
        let mut values = Values::new(self.fill(&(offset..end))?.unwrap_or_default());
        let names = values.array(|values| values.str().map(|_| ()));
        Ok(names.is_some() && (values.left() as u64).is_multiple_of(ENTRY_LEN))
    }

    /// Returns where the body of the frame at `offset` stands; `None` when the frame is not whole.
    fn whole_body(&mut self, offset: u64) -> Result<Option<Range<u64>>, LogError> {
        match self.claimed_body(offset)? {
            Some((body, crc)) if self.crc_of(&body)? == crc => Ok(Some(body)),
            Some(_) | None => Ok(None),
        }
    }

    /// Returns where the body of a frame at `offset` would stand, and its checksum; `None` when
    /// none can stand there.
    fn claimed_body(&mut self, offset: u64) -> Result<Option<(Range<u64>, u32)>, LogError> {
        let at = offset.saturating_add(FRAME_HEADER_LEN as u64);
        let Some(header) = self.fill(&(offset..at))? else {
            return Ok(None);
        };
        let mut fields = Fields::new(header);
        let (Some(length), Some(crc)) = (fields.u32(), fields.u32()) else {
            return Ok(None);
        };
        // Space that was never written looks like an empty frame with a right checksum.
        if length == 0 || length > BODY_MAX {
            return Ok(None);
        }
        let body = at..at.saturating_add(u64::from(length));
        Ok((body.end <= self.segment.len).then_some((body, crc)))
    }

    fn crc_of(&mut self, body: &Range<u64>) -> Result<u32, LogError> {
        Ok(crc32fast::hash(self.fill(body)?.unwrap_or_default()))
    }

    /// Makes a range part of the window; `None` when the file ends before.
    fn fill(&mut self, range: &Range<u64>) -> Result<Option<&[u8]>, LogError> {
        if range.end > self.segment.len {
            return Ok(None);
        }
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let window_end = self.window_start + self.window.len() as u64;
        if range.start < self.window_start || range.end > window_end {
            let ahead = usize::try_from(self.segment.len - range.start).unwrap_or(usize::MAX);
            let window = length.max(WINDOW_BYTES.min(ahead));
            self.window = read_range(&*self.file, range.start, window)?;
            self.window_start = range.start;
        }
        let start = usize::try_from(range.start - self.window_start).unwrap_or(usize::MAX);
        Ok(self.window.get(start..start.saturating_add(length)))
    }

    /// Says whether the place where no whole frame stands is the end, torn perhaps, or damage:
    /// version 1 wrote one frame behind the other, so what has frames behind it was whole once.
    fn judge_end(&mut self, bad: u64) -> Result<ScanStep, LogError> {
        let damage = LogError::CrcMismatch {
            segment_id: self.segment.id,
            offset: bad,
        };
        if self.segment.footer_at.is_some_and(|footer| footer > bad) {
            return Err(damage);
        }
        let mut checked = 0;
        let mut from = bad + 1;
        while let Some(candidate) = self.find_start(from)? {
            if let Some((body, crc)) = self.claimed_body(candidate)? {
                checked += body.end - body.start;
                let too_many = checked > CHECKS_MAX * (self.segment.len - bad);
                if too_many || self.crc_of(&body)? == crc {
                    return Err(damage);
                }
            }
            from = candidate + 1;
        }
        Ok(ScanStep::End {
            torn_bytes: self.segment.len - bad,
        })
    }

    /// Returns where the first frame at or after `from` may start.
    fn find_start(&mut self, from: u64) -> Result<Option<u64>, LogError> {
        let header = FRAME_HEADER_LEN as u64;
        let mut at = from.saturating_add(header);
        while at.saturating_add(BODY_START.len() as u64) <= self.segment.len {
            let end = self.segment.len.min(at + WINDOW_BYTES as u64);
            let Some(bytes) = self.fill(&(at..end))? else {
                return Ok(None);
            };
            if let Some(found) = memmem::find(bytes, BODY_START) {
                return Ok(Some(at + found as u64 - header));
            }
            if end == self.segment.len {
                return Ok(None);
            }
            // The last bytes may be the front of one.
            at = end - (BODY_START.len() as u64 - 1);
        }
        Ok(None)
    }
}
