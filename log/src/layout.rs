//! The constants of the on-disk format, all in one place and related to each other.
//!
//! `log/FORMAT.md` is the prose beside these numbers; its hex examples are golden tests.

/// The first four bytes of every segment.
pub const SEGMENT_MAGIC: [u8; 4] = *b"FBAT";
/// The file name extension of a segment.
pub const SEGMENT_EXTENSION: &str = "fbat";
/// The format version of this crate. The top bit tells it from version 1, which stores a header
/// length of less than 2^31 in the same place.
pub const SEGMENT_VERSION: u32 = VERSION_BIT | 2;
/// Set in the version field of every version from 2 on.
pub const VERSION_BIT: u32 = 0x8000_0000;
/// Required feature: the segment may hold groups of visibility fences.
pub const FEATURE_FENCES: u64 = 0x01;
/// Required feature: the segment may hold stubs.
pub const FEATURE_STUBS: u64 = 0x02;
/// Required feature: the segment holds what version 1 wrote.
pub const FEATURE_VERSION1: u64 = 0x04;
/// Required feature: the header says which stubs the segment holds.
pub const FEATURE_REMOVALS: u64 = 0x08;
/// Required features that this crate understands.
pub const KNOWN_REQUIRED_FEATURES: u64 =
    FEATURE_FENCES | FEATURE_STUBS | FEATURE_VERSION1 | FEATURE_REMOVALS;

/// Length of a segment header without replaced ranges, in bytes.
pub const HEADER_LEN: usize = 168;
/// Where the header's own checksum stands.
pub const HEADER_CRC_AT: usize = 12;
/// The first byte that the header's checksum covers after the field itself.
pub const HEADER_CRC_END: usize = HEADER_CRC_AT + 4;
/// Length of one replaced range in a header, in bytes.
pub const REPLACED_LEN: usize = 44;
/// Length of what a header says of stubs, with the feature for it.
pub const REMOVALS_LEN: usize = 24;
/// The most ranges that one header may list; it bounds what a damaged count can allocate.
pub const REPLACED_MAX: usize = 65_536;

/// Length of a commit group's header, in bytes.
pub const GROUP_HEADER_LEN: usize = 40;
/// Where a group header's checksum stands.
pub const GROUP_CRC_AT: usize = 8;
/// The first byte that a group header's checksum covers.
pub const GROUP_CRC_END: usize = GROUP_CRC_AT + 4;
/// A group of records: events and what they need.
pub const GROUP_KIND_RECORDS: u8 = 1;
/// The most events in one group.
pub const GROUP_EVENTS_MAX: usize = 65_535;
/// The most bytes of commands that one group gathers; a single larger command is a group alone.
pub const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// No group body is longer: the largest single command and what belongs to it.
pub const GROUP_BODY_MAX: usize = 128 * 1024 * 1024;

/// Length of a frame's header: length and checksum.
pub const FRAME_HEADER_LEN: usize = 8;
/// No frame of a name definition is longer, whatever forms its MessagePack takes: array, tag, and
/// two names with their lengths.
pub const NAME_FRAME_LEN_MAX: u64 = 8 + 5 + 9 + 2 * (5 + 1024);
/// The most that an event of the main branch adds to its payload, correlation and causation apart.
pub const EVENT_OVERHEAD_MAX: usize = 90;
/// What a correlation or a causation id of its own adds.
pub const EVENT_ID_OVERHEAD: usize = 18;
/// The most that depth and lane add to an event of another branch.
pub const EVENT_FORK_OVERHEAD_MAX: usize = 10;

/// Length of the trailer, the last bytes of a sealed segment.
pub const TRAILER_LEN: usize = 88;
/// Length of the marker that starts a footer.
pub const FOOTER_MARKER_LEN: usize = 8;
/// The shortest footer: a marker and a trailer.
pub const FOOTER_LEN_MIN: usize = FOOTER_MARKER_LEN + TRAILER_LEN;
/// Set in a trailer that `close` or a repair wrote: nothing below it may differ any more.
pub const TRAILER_CLEAN: u8 = 0x01;

/// The checkpoint's name in the data directory.
pub const CHECKPOINT_NAME: &str = "checkpoint.fbcp";
/// The poison mark's name in the data directory.
pub const POISON_MARK_NAME: &str = "poisoned.fbpm";
/// The lock file's name in the data directory.
pub const LOCK_NAME: &str = "store.lock";
/// The name under which the roller prepares the next segment.
pub const PREPARED_NAME: &str = "next.tmp";
/// The name under which the segment that takes over version 1 is written.
pub const CARRIED_TEMPORARY_NAME: &str = "carried.tmp";
/// The name under which a merged segment is written.
pub const MERGING_NAME: &str = "merge.tmp";
/// The name under which an index run is written.
pub const RUN_TEMPORARY_NAME: &str = "index.tmp";
/// While a directory holds this file, the snapshot in it is not finished.
pub const SNAPSHOT_MARK_NAME: &str = "snapshot.unfinished";
/// The folder in which dropped bytes are set aside.
pub const RECOVERED_DIRECTORY: &str = "recovered";
/// How many files of dropped bytes are kept.
pub const RECOVERED_KEPT: usize = 8;

/// No sequence below this distance is given out again after a loss: at most 16 MiB or one group is
/// ever unproven, and no event takes fewer than 16 bytes.
pub const SEQUENCE_SKIP: u64 = (GROUP_BODY_MAX as u64 + GROUP_BYTES_MAX as u64) / 16;

/// Record tags: the first element of each frame's body.
pub mod tag {
    /// Defines the next coordinate of the segment.
    pub const NAME: u8 = 0x01;
    /// Makes a fence's events visible.
    pub const FENCE_COMMIT: u8 = 0x03;
    /// Stands where a fence was that came to nothing.
    pub const FENCE_CANCEL: u8 = 0x04;
    /// Says that the group's events belong to a fence.
    pub const FENCE_MEMBER: u8 = 0x05;
    /// Stands for an event that compaction removed.
    pub const STUB: u8 = 0x06;
    /// Set in the tag of every event; the low six bits are its attributes.
    pub const EVENT: u8 = 0x40;
    /// Masks an event's attributes.
    pub const EVENT_ATTRIBUTES: u8 = 0x3f;
    /// The event's id was given by the caller as an idempotency key.
    pub const KEYED: u8 = 0x01;
    /// A correlation id follows.
    pub const CORRELATED: u8 = 0x02;
    /// A causation id follows.
    pub const CAUSED: u8 = 0x04;
    /// A depth and a lane follow.
    pub const FORKED: u8 = 0x08;
    /// The event was taken over from version 1, and a previous hash or nil follows.
    pub const VERSION1: u8 = 0x10;
    /// Of a stub alone: reads show that something was here.
    pub const SHOWN: u8 = 0x20;
    /// All attributes that this version knows.
    pub const KNOWN_ATTRIBUTES: u8 = KEYED | CORRELATED | CAUSED | FORKED | VERSION1;
}

/// Index runs: files that say where the events of a segment stand.
pub mod run {
    /// The first four bytes of every run.
    pub const MAGIC: [u8; 4] = *b"FBIX";
    /// The version of the runs that this crate writes, and the only one that it reads.
    pub const VERSION: u32 = 1;
    /// The file name extension of a run.
    pub const EXTENSION: &str = "fbix";
    /// Length of a page, in bytes.
    pub const PAGE_LEN: usize = 4096;
    /// How much of a page is content; its checksum follows.
    pub const CONTENT_LEN: usize = PAGE_LEN - 4;
    /// The bits of an event's number in a run.
    pub const NUMBER_BITS: u32 = 24;
    /// The most events in one run.
    pub const EVENTS_MAX: u32 = 1 << NUMBER_BITS;

    /// Length of the header's fields; the directory of tables stands behind them.
    pub const HEADER_LEN: usize = 200;
    /// Length of a table's entry in the directory.
    pub const TABLE_LEN: usize = 16;
    /// The most tables of a run.
    pub const TABLES_MAX: usize = (CONTENT_LEN - HEADER_LEN) / TABLE_LEN;

    /// Length of an entry of the table of ids: 40 bits of a hash, 24 of a number.
    pub const ID_LEN: usize = 8;
    /// Length of an entry of the tables of offsets and names.
    pub const OFFSET_LEN: usize = 4;
    /// Length of an entry of the table of gaps: a number and a sequence.
    pub const GAP_LEN: usize = 12;
    /// Length of a filter's line: what one question touches.
    pub const LINE_LEN: usize = 64;
    /// How many bits a filter has for each item.
    pub const FILTER_BITS_PER_ITEM: usize = 10;
    /// How many bits of its line an item sets.
    pub const FILTER_BITS_SET: u32 = 6;
    /// How many numbers a block of a list of postings has; a longer list has skips.
    pub const BLOCK_NUMBERS: u32 = 256;
    /// Length of a skip: the last number of a block, and where it ends.
    pub const SKIP_LEN: u32 = 6;

    /// The longest key of a dictionary: an entity or a scope. So a page holds three at least.
    pub const KEY_LEN_MAX: usize = 1024;
    /// How many entries of the table of ids a page holds.
    pub const IDS_PER_PAGE: u32 = 511;
    /// How many entries of the tables of offsets and names a page holds.
    pub const OFFSETS_PER_PAGE: u32 = 1023;
    /// How many entries of the table of gaps a page holds.
    pub const GAPS_PER_PAGE: u32 = 341;
    /// How many lines of a filter a page holds.
    pub const LINES_PER_PAGE: u32 = 63;

    /// Table types.
    pub mod table {
        /// Set in a type that a reader must know to use the run.
        pub const REQUIRED: u16 = 0x8000;
        /// Hashes of event ids, sorted.
        pub const IDS: u16 = 0x0001;
        /// Frame offsets by event number.
        pub const OFFSETS: u16 = 0x0002;
        /// Offsets of name definitions.
        pub const NAMES: u16 = 0x0003;
        /// Filter over event ids.
        pub const ID_FILTER: u16 = 0x0004;
        /// Entities and their postings.
        pub const ENTITIES: u16 = 0x0005;
        /// Scopes and their postings.
        pub const SCOPES: u16 = 0x0006;
        /// Kinds and their postings.
        pub const KINDS: u16 = 0x0007;
        /// Hashes of causes and their postings.
        pub const CAUSES: u16 = 0x0008;
        /// The postings of all dictionaries.
        pub const POSTINGS: u16 = 0x0009;
        /// Filter over entities.
        pub const ENTITY_FILTER: u16 = 0x000a;
        /// Where a sequence does not follow from the one before.
        pub const GAPS: u16 = 0x000b;
    }
}

const _: () = assert!(HEADER_CRC_END == 16);
const _: () = assert!(GROUP_BODY_MAX > 64 * 1024 * 1024 + GROUP_BYTES_MAX);
const _: () = assert!(
    FOOTER_LEN_MIN >= 32,
    "losing the last 32 bytes of a clean store loses no event"
);
const _: () = assert!(tag::EVENT & tag::EVENT_ATTRIBUTES == 0);
const _: () = assert!(run::HEADER_LEN.is_multiple_of(8) && run::TABLES_MAX >= 11);
const _: () = assert!(run::KEY_LEN_MAX == crate::coordinate::MAX_COORDINATE_COMPONENT_LEN);
const _: () = assert!(3 * (run::KEY_LEN_MAX + 32) < run::CONTENT_LEN);
const _: () = assert!(
    run::SKIP_LEN * 8 / 2 >= run::NUMBER_BITS,
    "half a skip holds a number, and no list takes more bytes than its last number says"
);
const _: () = assert!(run::CONTENT_LEN / run::ID_LEN == run::IDS_PER_PAGE as usize);
const _: () = assert!(run::CONTENT_LEN / run::OFFSET_LEN == run::OFFSETS_PER_PAGE as usize);
const _: () = assert!(run::CONTENT_LEN / run::GAP_LEN == run::GAPS_PER_PAGE as usize);
const _: () = assert!(run::CONTENT_LEN / run::LINE_LEN == run::LINES_PER_PAGE as usize);
const _: () = assert!(
    run::FILTER_BITS_SET * 9 <= 64,
    "a hash gives the bits of a line"
);
