//! Segments: the files that hold the log.
//!
//! A segment is a header, then commit groups, then, once it is sealed, a footer. This module owns
//! their bytes in both directions and the verdict on bytes that are not whole. It never decides
//! what to do about a verdict: that is recovery's.

mod binding;
mod fence;
mod fence_record;
mod footer;
mod frame;
mod frames;
mod group;
mod header;
mod name;
mod names;
mod read;
mod record;
mod stub;
mod tail;

pub use binding::Binding;
pub use fence::UnfinishedFence;
pub use fence_record::FenceRecord;
pub use footer::{Footer, Trailer, encode_footer, read_footer, read_trailer};
pub use frame::{event_at, name_at};
pub use group::{GroupBuilder, GroupHeader, PlacedEvent};
pub use header::{Predecessor, Replaced, SegmentHeader, read_header};
pub(crate) use header::{header_crc_holds, read_any_header};
pub use name::{SegmentName, segment_filename};
pub use names::{EarlierNames, ReadStart};
pub use read::{Group, GroupEvent, GroupReader, Step};
pub use record::{EventRecord, Record, Tie};
pub use stub::{Removals, Removed};
pub(crate) use tail::{MarkerSearch, last_nonzero};
pub use tail::{Stop, Tail, TailFacts, judge_tail};

#[cfg(test)]
mod tests;
