//! Makes the checksums of damaged bytes right again, so that what stands behind them is tried too.
//!
//! Written after `log/FORMAT.md` and not with the code of `log/`: a mistake there is none here.

use std::ops::Range;

/// The store that all inputs without a header of their own belong to.
pub const STORE: [u8; 16] = *b"a hostile store!";

/// What the checksums of a segment are bound to.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The store's id.
    pub store: [u8; 16],
    /// The segment's number.
    pub segment: u64,
    /// Its generation.
    pub generation: u32,
}

impl Bound {
    /// Reads what a segment's header says of itself.
    pub fn of_header(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            store: *bytes.get(32..48)?.first_chunk()?,
            segment: u64::from_be_bytes(*bytes.get(48..56)?.first_chunk()?),
            generation: u32::from_be_bytes(*bytes.get(56..60)?.first_chunk()?),
        })
    }

    /// Returns the checksum of bytes that stand at an offset.
    pub fn crc(&self, offset: usize, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.store);
        hasher.update(&self.segment.to_be_bytes());
        hasher.update(&self.generation.to_be_bytes());
        hasher.update(&(offset as u64).to_be_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }

    fn marker(&self, domain: &str) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(domain.as_bytes());
        hasher.update(&self.store);
        let mut marker = [0; 8];
        hasher.finalize_xof().fill(&mut marker);
        marker
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*field) as usize)
}

/// Mends magic, version, length and checksum of the header at the front of a segment; returns where
/// its groups start.
pub fn seal_header(bytes: &mut [u8]) -> Option<usize> {
    let replaced = u32_at(bytes, 60)?;
    // Required feature bit 3: removals are counted at the end.
    let removals = if bytes.get(23)? & 8 != 0 { 24 } else { 0 };
    let length = 168 + replaced.checked_mul(44)? + removals;
    put(bytes, 0, b"FBAT");
    put(bytes, 4, &0x8000_0002_u32.to_be_bytes());
    put(bytes, 8, &u32::try_from(length).ok()?.to_be_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes.get(..12)?);
    hasher.update(bytes.get(16..length)?);
    put(bytes, 12, &hasher.finalize().to_be_bytes());
    Some(length)
}

/// Mends the groups that stand in `range` of a segment, as far as their lengths lead; returns where
/// the last of them ends. The bytes at 0 of `bytes` stand at `base` of the file.
pub fn seal_groups(bytes: &mut [u8], bound: Bound, range: Range<usize>, base: usize) -> usize {
    seal_each_group(bytes, bound, range, base, true)
}

/// As [`seal_groups`], but leaves what each group says of all its frames together: as if frames of
/// another write stood in the place of its own.
pub fn seal_groups_but_sums(bytes: &mut [u8], bound: Bound, range: Range<usize>) {
    seal_each_group(bytes, bound, range, 0, false);
}

fn seal_each_group(
    bytes: &mut [u8],
    bound: Bound,
    range: Range<usize>,
    base: usize,
    sums: bool,
) -> usize {
    let mut at = range.start;
    let end = range.end.min(bytes.len());
    while at + 40 <= end {
        let room = end - at - 40;
        let Some(length) = u32_at(bytes, at + 12).filter(|length| *length <= room) else {
            break;
        };
        seal_group(bytes, bound, at..at + 40 + length, base, sums);
        at += 40 + length;
    }
    at
}

fn seal_group(bytes: &mut [u8], bound: Bound, group: Range<usize>, base: usize, sums: bool) {
    let mut frames = crc32fast::Hasher::new();
    let (at, mut frame, end) = (group.start, group.start + 40, group.end);
    while let Some(body) = u32_at(bytes, frame).filter(|body| frame + 8 + body <= end) {
        seal_frame(bytes, bound, frame, base);
        frames.update(bytes.get(frame + 4..frame + 8).unwrap_or_default());
        frame += 8 + body;
    }
    put(bytes, at, &bound.marker("batpak group"));
    put(bytes, at + 16, &[1]);
    if sums {
        put(bytes, at + 36, &frames.finalize().to_be_bytes());
    }
    let crc = bound.crc(base + at, bytes.get(at + 12..at + 40).unwrap_or_default());
    put(bytes, at + 8, &crc.to_be_bytes());
}

/// Mends the checksum of the frame at `at`, if all of it is there.
pub fn seal_frame(bytes: &mut [u8], bound: Bound, at: usize, base: usize) {
    let length = u32_at(bytes, at).unwrap_or(usize::MAX);
    let body = bytes.get(at + 8..).and_then(|rest| rest.get(..length));
    if let Some(crc) = body.map(|body| bound.crc(base + at, body)) {
        put(bytes, at + 4, &crc.to_be_bytes());
    }
}

/// Makes the end of a file a trailer with its marker, and puts a footer's marker where it points.
pub fn seal_footer(bytes: &mut [u8], bound: Bound) {
    let Some(at) = bytes.len().checked_sub(88) else {
        return;
    };
    put(bytes, at, &bound.marker("batpak trailer"));
    let crc = bound.crc(at, bytes.get(at + 12..).unwrap_or_default());
    put(bytes, at + 8, &crc.to_be_bytes());
    let end = bytes.get(at + 16..at + 24).and_then(<[u8]>::first_chunk);
    let end = end.map(|end| u64::from_be_bytes(*end));
    let end = end.and_then(|end| usize::try_from(end).ok());
    if let Some(end) = end.filter(|end| *end <= at.saturating_sub(8)) {
        put(bytes, end, &bound.marker("batpak footer"));
    }
}

/// Mends a whole segment of version 2.
pub fn seal_segment(bytes: &mut [u8]) {
    let Some(start) = seal_header(bytes) else {
        return;
    };
    if let Some(bound) = Bound::of_header(bytes) {
        let marker = bound.marker("batpak trailer");
        let at = bytes.len().saturating_sub(88);
        let has_footer = bytes.get(at..at + 8) == Some(&marker);
        let end = if has_footer { at } else { bytes.len() };
        seal_groups(bytes, bound, start..end, 0);
        if has_footer {
            seal_footer(bytes, bound);
        }
    }
}

/// Mends the pages of an index run, which is the one that its header names.
pub fn seal_run(bytes: &mut [u8]) {
    let field = |bytes: &[u8], at: usize| -> Option<u64> {
        Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
    };
    let (Some(first), Some(count)) = (field(bytes, 48), u32_at(bytes, 44)) else {
        return;
    };
    let mut seeded = crc32fast::Hasher::new();
    seeded.update(b"FBIX");
    seeded.update(bytes.get(16..44).unwrap_or_default());
    seeded.update(&first.to_be_bytes());
    seeded.update(&first.wrapping_add(count as u64).to_be_bytes());
    for (nth, page) in bytes.chunks_exact_mut(4096).enumerate() {
        let mut hasher = seeded.clone();
        hasher.update(&(nth as u64 * 4096).to_be_bytes());
        hasher.update(page.get(..4092).unwrap_or_default());
        put(page, 4092, &hasher.finalize().to_be_bytes());
    }
}

/// Mends a checkpoint or a poison mark.
pub fn seal_small_file(bytes: &mut [u8]) {
    put(bytes, 4, &1_u32.to_be_bytes());
    let crc = crc32fast::hash(bytes.get(12..).unwrap_or_default());
    put(bytes, 8, &crc.to_be_bytes());
}

/// Mends the ranges that version 1 hides.
pub fn seal_ranges(bytes: &mut [u8]) {
    put(bytes, 0, b"FBATVR\x01\0");
    let crc = crc32fast::hash(bytes.get(12..).unwrap_or_default());
    put(bytes, 8, &crc.to_le_bytes());
}

/// Mends the frames of a segment of version 1, as far as their lengths lead.
pub fn seal_version1(bytes: &mut [u8]) {
    let Some(header) = u32_at(bytes, 4).filter(|length| *length <= 1024) else {
        return;
    };
    let mut at = 8 + header;
    while let Some(length) = u32_at(bytes, at) {
        let body = bytes.get(at + 8..).and_then(|rest| rest.get(..length));
        let Some(crc) = body.map(crc32fast::hash) else {
            return;
        };
        put(bytes, at + 4, &crc.to_be_bytes());
        at += 8 + length;
    }
}

/// Returns where the first frame of a segment of version 1 stands that is not whole.
pub fn front_of_version1(bytes: &[u8]) -> usize {
    let Some(header) = u32_at(bytes, 4).filter(|length| *length <= 1024) else {
        return 0;
    };
    let mut at = 8 + header;
    while let (Some(length), Some(crc)) = (u32_at(bytes, at), u32_at(bytes, at + 4)) {
        let body = bytes.get(at + 8..).and_then(|rest| rest.get(..length));
        if length == 0 || body.map(crc32fast::hash) != u32::try_from(crc).ok() {
            break;
        }
        at += 8 + length;
    }
    at.min(bytes.len())
}

/// Returns bytes as they are once their checksums are right: where that makes them others, what
/// reads them must not believe them.
pub fn sealed(bytes: &[u8], seal: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    sealed
}

/// Mends a file by what its name says it is.
pub fn seal_file(name: &str, bytes: &mut [u8]) {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("fbat") if bytes.get(4).is_some_and(|byte| byte & 0x80 == 0) => seal_version1(bytes),
        Some("fbat") => seal_segment(bytes),
        Some("fbix") => seal_run(bytes),
        Some("fbcp" | "fbpm") => seal_small_file(bytes),
        Some("fbv") => seal_ranges(bytes),
        Some(_) | None => {}
    }
}
