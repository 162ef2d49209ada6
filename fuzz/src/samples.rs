//! Valid inputs of every kind, from which hostile ones are made.

use crate::bodies::directory::encode;
use crate::bodies::{cache, directory};
use crate::checksums::STORE;
use crate::vandal::made::{Files, Made, made};
use batpak::prelude::*;
use batpak_log::fs::{Access, File, Fs, MemoryFs};
use batpak_log::index::RunBuilder;
use batpak_log::log_position::LogPosition;
use batpak_log::poison_mark::PoisonMark;
use batpak_log::position::Hlc;
use batpak_log::segment::{
    Binding, EventRecord, FenceRecord, GroupBuilder, GroupReader, Removals, Removed, SegmentHeader,
    SegmentName, Step, Tie, Trailer, encode_footer,
};
use std::sync::{Arc, OnceLock};

/// Ids of which samples hold some.
pub const IDS: [u128; 6] = [0, u128::MAX, id(0), id(1), id(77), id(10_000)];

pub(crate) const fn id(number: u64) -> u128 {
    ((number as u128 + 1) << 90) | 5
}

/// Returns an open file of these bytes.
pub fn open_file(bytes: Vec<u8>) -> Arc<dyn File> {
    let fs = MemoryFs::new();
    fs.set_bytes("f", bytes);
    fs.open("f", Access::Read).unwrap()
}

/// The header of the segment that groups and runs belong to.
pub fn first_header() -> SegmentHeader {
    SegmentHeader {
        store_id: STORE,
        segment: SegmentName::first_generation(1),
        last_id: 1,
        first_sequence: 0,
        boot_id: [0xB0; 16],
        hlc: Hlc {
            wall_us: 1_700_000_000_000_000,
            counter: 0,
        },
        events_before: 0,
        predecessor: None,
        replaced: Vec::new(),
        removals: Removals::default(),
        required_features: 7,
        optional_features: 0,
    }
}

/// Both ways to try the same bytes: as they are, and with checksums that are made right.
fn in_modes(samples: impl IntoIterator<Item = Vec<u8>>, modes: &[u8]) -> Vec<Vec<u8>> {
    let with = |bytes: &Vec<u8>, mode: u8| [&[mode], bytes.as_slice()].concat();
    let samples: Vec<_> = samples.into_iter().collect();
    modes
        .iter()
        .flat_map(|mode| samples.iter().map(|bytes| with(bytes, *mode)))
        .collect()
}

fn event(number: u64, name: u32, payload: &[u8]) -> EventRecord<'_> {
    let caused = (number % 5 == 4).then(|| id(number - 1));
    let stub = Removed {
        payload_hash: [3; 32],
        payload_len: 70,
        is_shown: number.is_multiple_of(2),
    };
    let is_stub = number % 11 == 10;
    EventRecord {
        event_id: id(number),
        name,
        clock: (number / 7) as u32,
        kind: EventKind::custom(0xF, (number % 3) as u16),
        flags: (number % 4) as u8,
        hlc: Hlc {
            wall_us: 1_700_000_000_000_000 + number * 900,
            counter: (number % 3) as u16,
        },
        event_hash: [number as u8; 32],
        correlation_id: if number % 3 == 2 { id(0) } else { id(number) },
        causation_id: caused,
        keyed: number.is_multiple_of(2),
        depth: (number % 6 == 5).into(),
        lane: 0,
        tie: match number % 13 {
            12 => Tie::Version1 { prev_hash: None },
            _ => Tie::Hashed,
        },
        payload: if is_stub { &[] } else { payload },
        removed: is_stub.then_some(stub),
    }
}

/// A segment in the making.
struct Image {
    bytes: Vec<u8>,
    next: u64,
    names: u32,
}

impl Image {
    fn new() -> Self {
        Self {
            bytes: first_header().encode(),
            next: 0,
            names: 0,
        }
    }

    /// Adds a group of some events, of entities of its own.
    fn group(&mut self, fence: Option<FenceRecord>, events: u64) -> &mut Self {
        let header = first_header();
        let at = self.bytes.len() as u64;
        let (binding, base) = (header.binding(), header.hlc.wall_us);
        let mut builder = GroupBuilder::start(binding, base, at, Vec::new());
        if let Some(fence) = fence {
            builder.push_fence(fence);
        }
        let first = self.next;
        let names = self.names;
        for number in first..first + events {
            let of = (number % 7) as u32;
            if names + of >= self.names {
                let entity = format!("entity:{}", self.names);
                builder.push_name(&Coordinate::new(entity, format!("scope:{of}")).unwrap());
                self.names += 1;
            }
            let name = (names + of).min(self.names - 1);
            let payload = format!("payload {number}");
            builder.push_event(&event(number, name, payload.as_bytes()));
        }
        self.next += events;
        self.bytes.extend(builder.finish(first, at));
        self
    }

    fn groups(&self) -> Vec<u8> {
        self.bytes[168..].to_vec()
    }
}

/// Groups behind a header.
pub fn groups() -> Vec<Vec<u8>> {
    let mut plain = Image::new();
    plain.group(None, 1).group(None, 12).group(None, 3);
    let mut fenced = Image::new();
    fenced.group(None, 2);
    for end in [FenceRecord::Commit, FenceRecord::Cancel] {
        let number = fenced.next;
        let member = Some(FenceRecord::Member(number));
        fenced.group(member, 2).group(member, 1);
        fenced.group(Some(end(number)), 0).group(None, 1);
    }
    let mut open = Image::new();
    open.group(None, 1);
    open.group(Some(FenceRecord::Member(1)), 3);
    let torn = [plain.groups(), vec![0; 100], vec![7; 30]].concat();
    let images = [plain.groups(), fenced.groups(), open.groups(), torn];
    in_modes(images, &[0, 1, 3, 5, 9, 17])
}

/// Single frames.
pub fn frames() -> Vec<Vec<u8>> {
    let binding = || Binding::new(STORE, SegmentName::first_generation(1));
    let frame = |push: &dyn Fn(&mut GroupBuilder)| {
        let mut builder = GroupBuilder::start(binding(), 1_700_000_000_000_000, 160, Vec::new());
        push(&mut builder);
        builder.finish(0, 0).split_off(40)
    };
    let mut frames: Vec<_> = (0..27)
        .map(|number| {
            frame(&|builder| {
                builder.push_event(&event(number, 3, b"payload"));
            })
        })
        .collect();
    let name = Coordinate::new("entity:\u{fc}", "s").unwrap();
    frames.push(frame(&|builder| builder.push_name(&name)));
    frames.push(frame(&|builder| {
        builder.push_fence(FenceRecord::Commit(300))
    }));
    frames.push(batpak_log::frame::encode_frame(b"a public frame").unwrap());
    in_modes(frames, &[0, 1])
}

fn world() -> &'static Made {
    static WORLD: OnceLock<Made> = OnceLock::new();
    WORLD.get_or_init(|| made(3))
}

/// Headers of ordinary and merged segments.
pub fn headers() -> Vec<Vec<u8>> {
    let segments = world()
        .closed
        .iter()
        .filter(|(name, _)| name.ends_with(".fbat"));
    let headers = segments.map(|(_, bytes)| {
        let length = u32::from_be_bytes(*bytes[8..].first_chunk().unwrap());
        bytes[..length as usize].to_vec()
    });
    in_modes(headers, &[0, 1])
}

/// Files with a footer at their end.
pub fn segment_ends() -> Vec<Vec<u8>> {
    let file = |clean, end_offset: u64| {
        let trailer = Trailer {
            clean,
            end_offset,
            event_count: 9,
            next_sequence: 12,
            hlc: first_header().hlc,
            log_hash: [5; 32],
        };
        let footer = encode_footer(&first_header().binding(), &trailer);
        [vec![1; end_offset as usize], footer].concat()
    };
    in_modes([file(true, 0), file(false, 40), file(true, 300)], &[0, 1])
}

/// Makes the runs over the events of one segment, some at a time.
fn made_runs() -> &'static [Vec<u8>] {
    static RUNS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    RUNS.get_or_init(|| {
        let mut image = Image::new();
        for group in 0..30 {
            image.names = image.names.min(7);
            image.group(None, 20 + group % 3);
            image.next += u64::from(group == 7) * 50;
        }
        let header = first_header();
        let length = image.bytes.len() as u64;
        let mut reader = GroupReader::new(open_file(image.bytes), &header, length);
        let mut builder = RunBuilder::new(&header, LogPosition::at_start_of(&header), 0);
        let mut runs = Vec::new();
        let mut names = 0;
        while let Step::Group(group) = reader.step().unwrap() {
            builder.add(&group);
            names += group.names.len() as u32;
            if builder.event_count() > 570 || group.end == length {
                let next = RunBuilder::new(&header, *builder.end(), names);
                runs.push(std::mem::replace(&mut builder, next).finish().1);
            }
        }
        runs
    })
}

/// Index runs: a long one, and those of a store.
pub fn runs() -> Vec<Vec<u8>> {
    let mut runs = vec![made_runs()[0].clone()];
    let of_store = world()
        .closed
        .iter()
        .filter(|(name, _)| name.ends_with(".fbix"));
    runs.extend(of_store.map(|(_, bytes)| bytes.clone()));
    in_modes(runs, &[0, 1, 1, 3, 3])
}

/// The run behind the first of [`runs`].
pub fn neighbour() -> &'static [u8] {
    &made_runs()[1]
}

/// Files of one record.
pub fn small_files() -> Vec<Vec<u8>> {
    let mark = PoisonMark {
        store_id: STORE,
        segment_id: 4,
    };
    let ranges = include_bytes!("../../tests/fixtures/version1/closed/visibility_ranges.fbv");
    let checkpoint = world().closed["checkpoint.fbcp"].clone();
    in_modes([checkpoint, mark.encode(), ranges.to_vec()], &[0, 1])
}

/// Files of a projection cache.
pub fn cache_files() -> Vec<Vec<u8>> {
    in_modes([cache::sample(b""), cache::sample(&[7; 200])], &[0, 1])
}

/// Includes files of a directory that the released batpak has written.
macro_rules! fixture {
    ($fixture:literal, $($name:literal),+) => {
        [$((
            $name.to_owned(),
            include_bytes!(concat!("../../tests/fixtures/version1/", $fixture, "/", $name))
                .to_vec(),
        )),+]
    };
}

/// First segments of version 1.
pub fn version1_segments() -> Vec<Vec<u8>> {
    let segments = [
        fixture!("closed", "000001.fbat"),
        fixture!("crashed", "000001.fbat"),
        fixture!("batch-over-segments", "000001.fbat"),
        fixture!("unfinished-batch", "000001.fbat"),
        fixture!("kinds-of-marks", "000001.fbat"),
        fixture!("compacted", "000001.fbat"),
        fixture!("clock-set-back", "000001.fbat"),
        fixture!("empty", "000001.fbat"),
    ];
    in_modes(
        segments.into_iter().flatten().map(|(_, bytes)| bytes),
        &[0, 1, 1, 3],
    )
}

/// Whole directories, with and without what is beside the log.
pub fn directories() -> Vec<Vec<u8>> {
    let version1 = [
        Files::from(fixture!(
            "crashed",
            "000001.fbat",
            "000002.fbat",
            "000003.fbat"
        )),
        Files::from(fixture!(
            "closed",
            "000001.fbat",
            "000002.fbat",
            "000003.fbat",
            "000004.fbat",
            "000005.fbat",
            "000006.fbat",
            "visibility_ranges.fbv"
        )),
    ];
    let Made {
        closed,
        killed,
        older,
    } = world();
    let without_runs = |files: &Files| {
        let mut files = files.clone();
        files.retain(|name, _| !name.ends_with(".fbix"));
        files
    };
    let mut all: Vec<Files> = [closed, killed, older].map(without_runs).to_vec();
    all.extend(version1);
    all.push(closed.clone());
    let encoded = |files: &Files| [0, 1].map(|mode| directory::encode(mode, files));
    debug_assert_eq!(directory::decode(&encode(0, closed)[1..]), *closed);
    all.iter().flat_map(encoded).collect()
}
