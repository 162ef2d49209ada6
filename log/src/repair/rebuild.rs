//! Rebuilds a segment's header of which too much is lost for its checksum to help.
//!
//! Store, number and generation are what every checksum behind the header is bound to: so one whole
//! group proves them. The rest is told by the file's name, the groups, the footer, the segments
//! before and behind, and the checkpoint. Nothing else is believed than what a checksum or a hash
//! holds for, and what cannot be proven is marked so.

use super::contents::{Contents, Heads, read_contents, read_heads, times_fit};
use super::front::read_upto;
use super::salvage::segment_end;
use super::survey::{FoundSegment, HeaderState};
use crate::bytes::Fields;
use crate::checkpoint::Checkpoint;
use crate::error::LogError;
use crate::fs::{Access, File, Fs, read_range};
use crate::layout::{
    FEATURE_FENCES, FEATURE_REMOVALS, FEATURE_STUBS, FEATURE_VERSION1, HEADER_LEN, REMOVALS_LEN,
    REPLACED_LEN, REPLACED_MAX,
};
use crate::log_position::LogPosition;
use crate::position::Hlc;
use crate::segment::{
    Predecessor, Removals, Replaced, SegmentHeader, SegmentName, Trailer, read_trailer,
};
use std::sync::Arc;

/// Where a header's time stands.
const WALL_AT: usize = 96;

/// What is known beside the file.
pub(super) struct Known<'k> {
    pub(super) fs: &'k dyn Fs,
    pub(super) store_id: [u8; 16],
    /// The segments whose header is known.
    pub(super) found: &'k [FoundSegment],
    pub(super) checkpoint: Option<Checkpoint>,
    /// The files that have a segment's name.
    pub(super) names: &'k [SegmentName],
}

/// Returns a segment whose header was rebuilt; `None` when no group of it is whole.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn rebuild(
    known: &Known<'_>,
    name: SegmentName,
) -> Result<Option<FoundSegment>, LogError> {
    let file = known.fs.open(&name.file_name(), Access::Read)?;
    let mut header = bare_header(known.store_id, name);
    let trailer = read_trailer(&*file, &header.binding())?;
    let end = trailer.map(|trailer| trailer.end_offset);
    let Some(contents) = read_contents(&file, &header, end)? else {
        return Ok(None);
    };
    let before = known.before(name)?;
    // Without a footer there, events may be missing between the two.
    let before_is_told = name.id == 1 || before.is_some_and(|(_, is_told)| is_told);
    let before = before.map(|(before, _)| before);
    if let Some(before) = &before {
        header.first_sequence = match before_is_told {
            true => before.next_sequence.min(contents.first_sequence),
            false => contents.first_sequence,
        };
    }
    let count_before = before.map_or(0, |before| before.event_count);
    let is_complete = trailer
        .is_some_and(|trailer| trailer.event_count == count_before.saturating_add(contents.events));
    let is_first =
        is_complete || before_is_told && contents.first_sequence == header.first_sequence;
    let form = Form::of(name, &contents, is_first);
    header.required_features = form.features(&contents);
    header.removals = contents.removals;
    header.last_id = known.last_id(name, form, trailer.as_ref(), &contents);
    header.replaced = form.placeholders(name);
    header.events_before = match (&before, &trailer) {
        (Some(before), _) => before.event_count,
        (None, Some(trailer)) => trailer.event_count.saturating_sub(contents.events),
        (None, None) => 0,
    };
    if name.id > 1 {
        let unknown = Predecessor {
            last_id: name.id - 1,
            generation: 0,
            end_offset: 0,
            log_hash: [0; 32],
        };
        let before = before.map(|before| before.as_predecessor());
        header.predecessor = Some(before.unwrap_or(unknown));
    }
    let candidates = known.times(&*file, &header, before.as_ref(), trailer, &contents)?;
    let (hlc, times_proven) = choose_time(known, &file, &header, &contents, &candidates)?;
    header.hlc = hlc;
    Ok(Some(FoundSegment {
        file_name: name.file_name(),
        header,
        len: file.len()?,
        state: HeaderState::Rebuilt { times_proven },
    }))
}

fn bare_header(store_id: [u8; 16], segment: SegmentName) -> SegmentHeader {
    SegmentHeader {
        store_id,
        segment,
        last_id: segment.id,
        first_sequence: 0,
        boot_id: [0; 16],
        hlc: Hlc::default(),
        events_before: 0,
        predecessor: None,
        replaced: Vec::new(),
        removals: Removals::default(),
        required_features: 0,
        optional_features: 0,
    }
}

/// What the place of the first group tells of the header before it.
#[derive(Clone, Copy)]
struct Form {
    /// How many segments it names that it was merged from; `None` when groups may be lost before
    /// the first that is whole.
    replaced: Option<usize>,
    /// Whether it says which stubs there are.
    tells_removals: bool,
}

impl Form {
    /// Groups stand right behind the header, whose length says what is in it. `is_first` says that
    /// no group is missing before the first that is whole.
    fn of(name: SegmentName, contents: &Contents, is_first: bool) -> Self {
        let unknown = Self {
            replaced: None,
            tells_removals: false,
        };
        if name.generation == 0 {
            return Self {
                replaced: Some(0),
                ..unknown
            };
        }
        let behind = usize::try_from(contents.first).ok();
        let Some(lists) = behind.and_then(|first| first.checked_sub(HEADER_LEN)) else {
            return unknown;
        };
        let (replaced, rest) = (lists / REPLACED_LEN, lists % REPLACED_LEN);
        let is_listed = (1..=REPLACED_MAX).contains(&replaced);
        match rest {
            0 | REMOVALS_LEN if is_listed && is_first => Self {
                replaced: Some(replaced),
                tells_removals: rest != 0,
            },
            _ => unknown,
        }
    }

    fn features(self, contents: &Contents) -> u64 {
        let mut features = FEATURE_FENCES;
        if contents.holds_version1 {
            features = FEATURE_VERSION1;
        }
        if self.tells_removals {
            features |= FEATURE_STUBS | FEATURE_REMOVALS;
        }
        if self.replaced.is_none() && !contents.holds_version1 {
            // Its length does not tell, so there may be some.
            features |= FEATURE_STUBS;
        }
        features
    }

    /// Returns as many sources as the header had, so that its groups stand where they must. Which
    /// they were is lost; these names cannot be those of anything else.
    fn placeholders(self, name: SegmentName) -> Vec<Replaced> {
        let count = self.replaced.unwrap_or(0) as u64;
        let names = (0..count).map(|nth| name.id.saturating_add(nth));
        let placeholder = |id| Replaced {
            segment: SegmentName::first_generation(id),
            log_hash: [0; 32],
        };
        names.map(placeholder).collect()
    }
}

impl Known<'_> {
    /// Returns the segments of this store whose header is known.
    fn own(&self) -> impl Iterator<Item = &FoundSegment> {
        let store_id = self.store_id;
        self.found
            .iter()
            .filter(move |of| of.header.store_id == store_id)
    }

    /// Returns where the log stands behind the segment that this one follows, if it is there, and
    /// whether that segment's footer says so.
    fn before(&self, name: SegmentName) -> Result<Option<(LogPosition, bool)>, LogError> {
        if name.id == 1 {
            return Ok(None);
        }
        let before = self.own().filter(|of| of.header.last_id < name.id);
        let latest = before.max_by_key(|of| (of.header.last_id, of.header.segment.generation));
        let Some(before) = latest.filter(|of| of.header.last_id + 1 == name.id) else {
            return Ok(None);
        };
        let (header, file) = (&before.header, before.open(self.fs)?);
        if let Some(trailer) = read_trailer(&*file, &header.binding())? {
            let position = LogPosition {
                segment: header.segment,
                last_id: header.last_id,
                offset: trailer.end_offset,
                event_count: trailer.event_count,
                next_sequence: trailer.next_sequence,
                hlc: trailer.hlc,
                log_hash: trailer.log_hash,
            };
            return Ok(Some((position, true)));
        }
        let end = segment_end(self.fs, before, self.found)?;
        Ok(Some((read_upto(&file, header, end)?.position, false)))
    }

    /// Returns the last number that a segment covers, as far as anything tells: too low at worst.
    fn last_id(
        &self,
        name: SegmentName,
        form: Form,
        trailer: Option<&Trailer>,
        contents: &Contents,
    ) -> u64 {
        if name.generation == 0 {
            return name.id;
        }
        // Each source covers a number at least, and one that was never merged no more.
        let listed = form.replaced.map_or(0, |count| count as u64);
        let mut last_id = name.id.saturating_add(listed.saturating_sub(1));
        if name.generation == 1 && form.replaced.is_some() && !contents.holds_version1 {
            return last_id;
        }
        let checkpoint = self.checkpoint.map(|of| of.position);
        if let Some(position) = checkpoint.filter(|of| of.segment == name) {
            last_id = last_id.max(position.last_id);
        }
        let behind = self.own().filter(|of| of.header.segment.id > name.id);
        for other in behind {
            let header = &other.header;
            let is_inside = match trailer {
                Some(trailer) => header.events_before < trailer.event_count,
                None => header.first_sequence < contents.next_sequence,
            };
            if is_inside && header.segment.generation < name.generation {
                last_id = last_id.max(header.last_id);
            }
        }
        // A segment behind the gap says what it follows.
        let next = self.next(last_id);
        let named = next.and_then(|next| next.header.predecessor);
        let last_id = named.map_or(last_id, |named| named.last_id.max(last_id));
        // What it replaced has a lower generation.
        let others = self
            .names
            .iter()
            .filter(|other| other.id > name.id && other.generation >= name.generation);
        let other = others.map(|other| other.id - 1).min();
        other.map_or(last_id, |before| last_id.min(before))
    }

    /// Returns the latest event of each entity in earlier segments.
    fn heads_before(&self, name: SegmentName) -> Result<Heads, LogError> {
        let mut earlier: Vec<_> = self
            .own()
            .filter(|of| of.header.last_id < name.id)
            .collect();
        earlier.sort_unstable_by_key(|of| of.header.segment);
        let mut heads = Heads::new();
        for segment in earlier {
            let end = segment_end(self.fs, segment, self.found)?;
            read_heads(&segment.open(self.fs)?, &segment.header, end, &mut heads)?;
        }
        Ok(heads)
    }

    /// Returns the first segment behind a number whose header is known.
    fn next(&self, last_id: u64) -> Option<&FoundSegment> {
        let behind = self.own().filter(|of| of.header.segment.id > last_id);
        behind.min_by_key(|of| of.header.segment)
    }

    /// Returns the times that the header may have had, the likeliest first.
    fn times(
        &self,
        file: &dyn File,
        header: &SegmentHeader,
        before: Option<&LogPosition>,
        trailer: Option<Trailer>,
        contents: &Contents,
    ) -> Result<Vec<Hlc>, LogError> {
        if contents.holds_version1 {
            return Ok(vec![Hlc::default()]);
        }
        let mut times: Vec<_> = before.map(|before| before.hlc).into_iter().collect();
        if header.segment.id == 1 {
            times.push(Hlc::default());
        }
        let same = self
            .own()
            .find(|of| of.header.segment.id == header.segment.id);
        times.extend(same.map(|same| same.header.hlc));
        let next = self.next(header.last_id);
        let checkpoint = self.checkpoint.map(|of| of.position);
        let checkpoint = checkpoint.filter(|of| of.segment == header.segment);
        let ends = [
            trailer.map(|trailer| trailer.hlc),
            next.map(|next| next.header.hlc),
            checkpoint.map(|position| position.hlc),
        ];
        let at_end = |end: Hlc| end.wall_us.checked_sub(contents.last_elapsed);
        let from_end = ends.into_iter().flatten().filter_map(at_end);
        let left = read_range(
            file,
            0,
            HEADER_LEN.min(usize::try_from(file.len()?).unwrap_or(0)),
        )?;
        let left = Fields::new(left.get(WALL_AT..).unwrap_or_default()).u64();
        times.extend(from_end.chain(left).map(|wall_us| Hlc {
            wall_us,
            counter: 0,
        }));
        times.push(Hlc::default());
        Ok(times)
    }
}

/// Returns the time for which an event's hash speaks; without such an event the likeliest one.
fn choose_time(
    known: &Known<'_>,
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    contents: &Contents,
    candidates: &[Hlc],
) -> Result<(Hlc, bool), LogError> {
    let likeliest = candidates.first().copied().unwrap_or_default();
    if contents.holds_version1 {
        return Ok((likeliest, true));
    }
    // Where no event follows another one of the same segment, one follows an earlier segment's.
    for with_earlier in [false, true] {
        let heads = match with_earlier {
            false => Heads::new(),
            true => known.heads_before(header.segment)?,
        };
        for hlc in candidates {
            let header = SegmentHeader {
                hlc: *hlc,
                ..header.clone()
            };
            if times_fit(file, &header, &heads)? {
                return Ok((*hlc, true));
            }
        }
    }
    Ok((likeliest, false))
}
