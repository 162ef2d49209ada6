//! The segment header: who the file is and what came before it.

use super::{Binding, Removals, SegmentName};
use crate::bytes::{Fields, put_u32};
use crate::error::LogError;
use crate::fs::{File, read_range};
use crate::layout::{
    FEATURE_REMOVALS, FEATURE_VERSION1, HEADER_CRC_AT, HEADER_CRC_END, HEADER_LEN,
    KNOWN_REQUIRED_FEATURES, REMOVALS_LEN, REPLACED_LEN, REPLACED_MAX, SEGMENT_MAGIC,
    SEGMENT_VERSION, VERSION_BIT,
};
use crate::position::Hlc;

/// Describes the segment that a segment follows, as it was when it was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// The last segment number that it covers.
    pub last_id: u64,
    /// Its generation at that time; its end offset holds only for this generation.
    pub generation: u32,
    /// Where its groups end, in bytes.
    pub end_offset: u64,
    /// The log hash after its last event.
    pub log_hash: [u8; 32],
}

/// Names a segment whose events a merged segment took over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The source.
    pub segment: SegmentName,
    /// The log hash after the source's last event.
    pub log_hash: [u8; 32],
}

/// The first bytes of a segment; its own checksum is tested before any field is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Identifies the store: all its segments carry the same id.
    pub store_id: [u8; 16],
    /// The segment's own name.
    pub segment: SegmentName,
    /// The last segment number that it covers; its own unless it was merged.
    pub last_id: u64,
    /// No event in it has a smaller sequence.
    pub first_sequence: u64,
    /// The boot of the machine that wrote it; zeros when unknown.
    pub boot_id: [u8; 16],
    /// The highest time given out before it; times in it are stored as distances from this one.
    pub hlc: Hlc,
    /// The number of events in the log before it.
    pub events_before: u64,
    /// What it follows; `None` for the first of the log.
    pub predecessor: Option<Predecessor>,
    /// The sources of a merged segment.
    pub replaced: Vec<Replaced>,
    /// What was removed from it; written only with the required feature for it.
    pub removals: Removals,
    /// Features that a reader must know: what groups in it may hold.
    pub required_features: u64,
    /// Features that a reader may ignore.
    pub optional_features: u64,
}

impl SegmentHeader {
    /// Returns what this segment's checksums are bound to.
    pub fn binding(&self) -> Binding {
        Binding::new(self.store_id, self.segment)
    }

    /// Returns whether it took over what version 1 wrote: then its sources are files that stay.
    pub fn holds_version1(&self) -> bool {
        self.required_features & FEATURE_VERSION1 != 0
    }

    /// Returns whether it says which stubs its groups hold.
    fn tells_removals(&self) -> bool {
        self.required_features & FEATURE_REMOVALS != 0
    }

    /// Returns the header's length, which is where the first group starts, in bytes.
    pub fn encoded_len(&self) -> u64 {
        let removals = if self.tells_removals() {
            REMOVALS_LEN
        } else {
            0
        };
        (HEADER_LEN + self.replaced.len() * REPLACED_LEN + removals) as u64
    }

    /// Returns the log hash before the first event of this segment.
    pub fn log_hash_before(&self) -> [u8; 32] {
        self.predecessor
            .map_or([0; 32], |predecessor| predecessor.log_hash)
    }

    /// Writes the header as bytes; `FORMAT.md` draws them.
    ///
    /// # Panics
    /// When it lists more replaced segments than a reader accepts.
    pub fn encode(&self) -> Vec<u8> {
        assert!(
            self.replaced.len() <= REPLACED_MAX,
            "a header lists at most 65,536 segments"
        );
        let room = HEADER_LEN + self.replaced.len() * REPLACED_LEN + REMOVALS_LEN;
        let mut bytes = Vec::with_capacity(room);
        bytes.extend_from_slice(&SEGMENT_MAGIC);
        bytes.extend_from_slice(&SEGMENT_VERSION.to_be_bytes());
        bytes.extend_from_slice(&count_u32(self.encoded_len()).to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.required_features.to_be_bytes());
        bytes.extend_from_slice(&self.optional_features.to_be_bytes());
        bytes.extend_from_slice(&self.store_id);
        bytes.extend_from_slice(&self.segment.id.to_be_bytes());
        bytes.extend_from_slice(&self.segment.generation.to_be_bytes());
        bytes.extend_from_slice(&count_u32(self.replaced.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&self.last_id.to_be_bytes());
        bytes.extend_from_slice(&self.first_sequence.to_be_bytes());
        bytes.extend_from_slice(&self.boot_id);
        bytes.extend_from_slice(&self.hlc.wall_us.to_be_bytes());
        bytes.extend_from_slice(&self.hlc.counter.to_be_bytes());
        self.encode_predecessor(&mut bytes);
        bytes.extend_from_slice(&self.events_before.to_be_bytes());
        for replaced in &self.replaced {
            bytes.extend_from_slice(&replaced.segment.id.to_be_bytes());
            bytes.extend_from_slice(&replaced.segment.generation.to_be_bytes());
            bytes.extend_from_slice(&replaced.log_hash);
        }
        if self.tells_removals() {
            bytes.extend_from_slice(&self.removals.steps.to_be_bytes());
            bytes.extend_from_slice(&self.removals.mark);
        }
        let crc = header_crc(&bytes);
        put_u32(&mut bytes, HEADER_CRC_AT, crc);
        bytes
    }

    fn encode_predecessor(&self, bytes: &mut Vec<u8>) {
        let absent = Predecessor {
            last_id: 0,
            generation: 0,
            end_offset: 0,
            log_hash: [0; 32],
        };
        let predecessor = self.predecessor.unwrap_or(absent);
        bytes.push(u8::from(self.predecessor.is_some()));
        bytes.push(0);
        bytes.extend_from_slice(&predecessor.generation.to_be_bytes());
        bytes.extend_from_slice(&predecessor.last_id.to_be_bytes());
        bytes.extend_from_slice(&predecessor.end_offset.to_be_bytes());
        bytes.extend_from_slice(&predecessor.log_hash);
    }

    /// Reads a whole header, checksum first.
    ///
    /// # Errors
    /// `CorruptSegment` when the bytes are damaged, `FutureVersion` when a later version wrote
    /// them; `name` is the segment that the file's name claims to be.
    pub fn decode(name: SegmentName, bytes: &[u8]) -> Result<Self, LogError> {
        check_header_bytes(name, bytes)?;
        let header = Self::decode_fields(bytes)
            .ok_or_else(|| LogError::corrupt(name.id, "its header's fields are not whole"))?;
        let has_place = header.segment.id > 0 && header.last_id < u64::MAX;
        if header.last_id < header.segment.id || !has_place {
            return Err(LogError::corrupt(
                name.id,
                "its header covers no segment number",
            ));
        }
        if header.encoded_len() != bytes.len() as u64 {
            return Err(LogError::corrupt(
                name.id,
                "its header has another length than its fields",
            ));
        }
        if !header
            .replaced
            .iter()
            .all(|source| header.may_replace(source.segment))
        {
            let detail = "its header replaces a segment that it cannot have been merged from";
            return Err(LogError::corrupt(name.id, detail));
        }
        Ok(header)
    }

    /// Tells whether this segment can have been merged from `source`. Without the question, a
    /// header that names itself, or two that name each other, would take segments out of the log.
    fn may_replace(&self, source: SegmentName) -> bool {
        let covered = (self.segment.id..=self.last_id).contains(&source.id);
        covered && (source.id > self.segment.id || source.generation < self.segment.generation)
    }

    fn decode_fields(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes.get(HEADER_CRC_END..)?);
        let required_features = fields.u64()?;
        let optional_features = fields.u64()?;
        let store_id = fields.array()?;
        let segment = SegmentName {
            id: fields.u64()?,
            generation: fields.u32()?,
        };
        let replaced_count = fields.u32()?;
        let last_id = fields.u64()?;
        let first_sequence = fields.u64()?;
        let boot_id = fields.array()?;
        let hlc = Hlc {
            wall_us: fields.u64()?,
            counter: fields.u16()?,
        };
        let follows = fields.u8()? != 0;
        fields.u8()?;
        let generation = fields.u32()?;
        let predecessor = Predecessor {
            last_id: fields.u64()?,
            generation,
            end_offset: fields.u64()?,
            log_hash: fields.array()?,
        };
        let events_before = fields.u64()?;
        let mut replaced = Vec::new();
        for _ in 0..replaced_count {
            let segment = SegmentName {
                id: fields.u64()?,
                generation: fields.u32()?,
            };
            replaced.push(Replaced {
                segment,
                log_hash: fields.array()?,
            });
        }
        let removals = match required_features & FEATURE_REMOVALS {
            0 => Removals::default(),
            _ => Removals {
                steps: fields.u64()?,
                mark: fields.array()?,
            },
        };
        Some(Self {
            store_id,
            segment,
            last_id,
            first_sequence,
            boot_id,
            hlc,
            events_before,
            predecessor: follows.then_some(predecessor),
            replaced,
            removals,
            required_features,
            optional_features,
        })
    }
}

/// Reads the header of the open file `name`.
///
/// # Errors
/// As [`SegmentHeader::decode`]; `ForeignFile` when the header names another segment than the file.
pub fn read_header(name: SegmentName, file: &dyn File) -> Result<SegmentHeader, LogError> {
    let header = read_any_header(name, file)?;
    if header.segment != name {
        let detail = format!("its header says that it is {}", header.segment);
        return Err(LogError::ForeignFile {
            name: name.file_name(),
            detail,
        });
    }
    Ok(header)
}

/// As [`read_header`], also of a file that has got another segment's name.
pub(crate) fn read_any_header(
    name: SegmentName,
    file: &dyn File,
) -> Result<SegmentHeader, LogError> {
    let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
    let start = read_range(file, 0, len.min(HEADER_LEN))?;
    let claimed = Fields::new(start.get(8..).unwrap_or_default()).u32();
    // A length that the file cannot hold is damage like any other: the checksum then fails.
    let longest = len.min(HEADER_LEN + REPLACED_MAX * REPLACED_LEN + REMOVALS_LEN);
    match claimed.map(|claimed| claimed as usize) {
        Some(claimed) if (HEADER_CRC_END..=longest).contains(&claimed) => {
            SegmentHeader::decode(name, &read_range(file, 0, claimed)?)
        }
        Some(_) | None => SegmentHeader::decode(name, &start),
    }
}

fn check_header_bytes(name: SegmentName, bytes: &[u8]) -> Result<(), LogError> {
    let mut fields = Fields::new(bytes);
    let damaged = || LogError::corrupt(name.id, "its header is not whole");
    if fields.array::<4>() != Some(SEGMENT_MAGIC) {
        return Err(LogError::corrupt(
            name.id,
            "it does not start with the segment magic",
        ));
    }
    let version = fields.u32().ok_or_else(damaged)?;
    if version & VERSION_BIT == 0 {
        let detail = "its header is damaged, or is of format version 1 and not whole";
        return Err(LogError::corrupt(name.id, detail));
    }
    let length = fields.u32().ok_or_else(damaged)? as usize;
    let crc = fields.u32().ok_or_else(damaged)?;
    let required = fields.u64().ok_or_else(damaged)?;
    if length != bytes.len() || header_crc(bytes) != crc {
        return Err(LogError::corrupt(name.id, "its header fails its checksum"));
    }
    if version != SEGMENT_VERSION {
        let detail = format!("format version {}", version & !VERSION_BIT);
        return Err(LogError::FutureVersion {
            name: name.file_name(),
            detail,
        });
    }
    if required & !KNOWN_REQUIRED_FEATURES != 0 {
        let detail = format!("required features {required:#x}");
        return Err(LogError::FutureVersion {
            name: name.file_name(),
            detail,
        });
    }
    Ok(())
}

/// Returns whether the checksum of a header holds, whatever its fields say.
pub(crate) fn header_crc_holds(bytes: &[u8]) -> bool {
    let stored = bytes.get(HEADER_CRC_AT..HEADER_CRC_END);
    stored == Some(&header_crc(bytes).to_be_bytes()[..])
}

fn header_crc(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes.get(..HEADER_CRC_AT).unwrap_or_default());
    hasher.update(bytes.get(HEADER_CRC_END..).unwrap_or_default());
    hasher.finalize()
}

fn count_u32(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
