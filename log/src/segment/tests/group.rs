use crate::coordinate::Coordinate;
use crate::error::LogError;
use crate::event::EventKind;
use crate::fixtures::{Image, each_flip, event, file_of, first_header, index};
use crate::layout::{
    EVENT_FORK_OVERHEAD_MAX, EVENT_ID_OVERHEAD, EVENT_OVERHEAD_MAX, GROUP_EVENTS_MAX,
    GROUP_HEADER_LEN,
};
use crate::position::Hlc;
use crate::seed::seeded_random;
use crate::segment::{
    EventRecord, GroupBuilder, GroupReader, PlacedEvent, SegmentHeader, SegmentName, Step, Tie,
};

fn builder(header: &SegmentHeader, offset: u64) -> GroupBuilder {
    GroupBuilder::start(header.binding(), header.hlc.wall_us, offset, vec![7; 30])
}

/// Encodes one event alone in a group and returns where its frame stands.
fn placed(record: &EventRecord<'_>) -> PlacedEvent {
    let header = first_header();
    let mut builder = builder(&header, 168);
    builder.push_event(record)
}

fn random_record<'a>(random: &mut fastrand::Rng, payload: &'a [u8]) -> EventRecord<'a> {
    let event_id = random.u128(..);
    let small = |random: &mut fastrand::Rng| random.u32(..) >> random.u32(0..32);
    let forked = random.bool();
    EventRecord {
        name: 0,
        clock: small(random),
        kind: EventKind::from_u16(random.u16(..)),
        flags: random.u8(..),
        hlc: Hlc {
            wall_us: first_header().hlc.wall_us + (random.u64(..) >> random.u32(1..64)),
            counter: random.u16(..),
        },
        event_hash: [random.u8(..); 32],
        correlation_id: if random.bool() {
            event_id
        } else {
            random.u128(..)
        },
        causation_id: random.bool().then(|| random.u128(..)),
        keyed: random.bool(),
        depth: if forked { small(random) } else { 0 },
        lane: if forked { small(random) } else { 0 },
        tie: Tie::Hashed,
        ..event(event_id, payload)
    }
}

#[test]
fn random_groups_come_back() {
    let mut random = seeded_random();
    for _ in 0..300 {
        let header = first_header();
        let name = |len| "n".repeat(len);
        let coordinate =
            Coordinate::new(name(random.usize(1..1024)), name(random.usize(1..1024))).unwrap();
        let payloads: Vec<Vec<u8>> = (0..random.usize(0..20))
            .map(|_| vec![random.u8(..); random.usize(0..400)])
            .collect();
        let records: Vec<_> = payloads
            .iter()
            .map(|payload| random_record(&mut random, payload))
            .collect();
        let mut builder = builder(&header, 168);
        assert!(builder.is_empty());
        builder.push_name(&coordinate);
        let placed: Vec<_> = records
            .iter()
            .map(|record| builder.push_event(record))
            .collect();
        let length = builder.len();
        let (first_sequence, proven) = (random.u64(..u64::MAX / 2), random.u64(..));
        let group = builder.finish(first_sequence, proven);
        assert_eq!(group.len(), length);
        let bytes = [header.encode(), group].concat();
        let mut reader = GroupReader::new(file_of(&bytes), &header, bytes.len() as u64);
        let Step::Group(group) = reader.step().unwrap() else {
            panic!("no whole group")
        };
        assert_eq!((group.offset, group.end), (168, bytes.len() as u64));
        assert_eq!(group.header.first_sequence, first_sequence);
        assert_eq!(group.header.proven, proven);
        let read: Vec<_> = group.events.iter().map(|event| event.record).collect();
        assert_eq!(read, records);
        for ((event, placed), sequence) in group.events.iter().zip(placed).zip(first_sequence..) {
            assert_eq!((event.offset, event.length), (placed.offset, placed.length));
            assert_eq!(event.sequence, sequence);
            assert_eq!(event.coordinate, coordinate);
        }
        assert_eq!(reader.names(), [coordinate]);
        assert!(matches!(reader.step(), Ok(Step::End)));
    }
}

#[test]
fn an_event_adds_no_more_than_its_bound_at_the_greatest_values() {
    let greatest = EventRecord {
        name: u32::MAX,
        clock: u32::MAX,
        kind: EventKind::from_u16(u16::MAX),
        flags: u8::MAX,
        hlc: Hlc {
            wall_us: u64::MAX,
            counter: u16::MAX,
        },
        keyed: true,
        ..event(u128::MAX, b"payload")
    };
    let correlated = EventRecord {
        correlation_id: 0,
        ..greatest
    };
    let both = EventRecord {
        causation_id: Some(u128::MAX),
        ..correlated
    };
    let forked = EventRecord {
        depth: u32::MAX,
        lane: u32::MAX,
        ..both
    };
    let overhead = |record| placed(&record).length as usize - b"payload".len();
    assert_eq!(overhead(greatest), 89);
    assert!(overhead(greatest) <= EVENT_OVERHEAD_MAX);
    assert!(overhead(correlated) <= EVENT_OVERHEAD_MAX + EVENT_ID_OVERHEAD);
    assert!(overhead(both) <= EVENT_OVERHEAD_MAX + 2 * EVENT_ID_OVERHEAD);
    let forked_max = EVENT_OVERHEAD_MAX + 2 * EVENT_ID_OVERHEAD + EVENT_FORK_OVERHEAD_MAX;
    assert!(overhead(forked) <= forked_max);
    let mut random = seeded_random();
    for _ in 0..10_000 {
        let record = random_record(&mut random, b"payload");
        assert!(overhead(record) <= forked_max);
    }
}

/// The skip after a loss rests on it: no event takes fewer than 16 bytes.
#[test]
fn the_smallest_event_takes_more_than_sixteen_bytes() {
    let smallest = EventRecord {
        kind: EventKind::from_u16(0),
        ..event(0, b"")
    };
    assert_eq!(placed(&smallest).length, 68);
}

#[test]
fn every_flipped_bit_of_a_group_is_noticed() {
    let image = Image::of_four_groups();
    let (start, end) = (index(image.starts[1]), index(image.starts[2]));
    each_flip(&image.bytes, start..end, |at, flipped| {
        let mut reader = GroupReader::new(file_of(flipped), &image.header, flipped.len() as u64);
        assert!(matches!(reader.step(), Ok(Step::Group(_))));
        match reader.step() {
            Ok(Step::NotWhole { offset, bad, .. }) => {
                assert_eq!(offset, start as u64);
                assert!((offset..=at as u64).contains(&bad), "byte {at}: {bad}");
            }
            other => panic!("byte {at}: {other:?}"),
        }
        assert_eq!(reader.position(), start as u64);
        assert_eq!(
            reader.names().len(),
            1,
            "a group that is not whole defines nothing"
        );
    });
}

#[test]
fn a_group_that_is_cut_off_anywhere_is_not_whole() {
    let image = Image::of_four_groups();
    let start = index(*image.starts.last().unwrap());
    for len in start..=image.bytes.len() {
        let bytes = &image.bytes[..len];
        let mut reader = GroupReader::new(file_of(bytes), &image.header, len as u64);
        for _ in 0..3 {
            assert!(matches!(reader.step(), Ok(Step::Group(_))));
        }
        match reader.step().unwrap() {
            Step::End => assert_eq!(len, start),
            Step::Group(_) => assert_eq!(len, image.bytes.len()),
            Step::NotWhole { offset, bad, .. } => assert_eq!((offset, bad), (offset, offset)),
            Step::Unfinished(_) => panic!("there is no fence"),
        }
    }
}

#[test]
fn a_group_counts_only_in_its_own_place() {
    let image = Image::of_four_groups();
    let group = &image.bytes[index(image.starts[0])..index(image.starts[1])];
    let is_whole = |header: &SegmentHeader, group: &[u8], gap: usize| {
        let bytes = [header.encode(), vec![0; gap], group.to_vec()].concat();
        let mut reader = GroupReader::new(file_of(&bytes), header, bytes.len() as u64);
        reader.judge_from(header.encoded_len() + gap as u64);
        matches!(reader.step(), Ok(Step::Group(_)))
    };
    let header = first_header();
    assert!(is_whole(&header, group, 0));
    for gap in (1..300).chain([4096, 65536, 1 << 20]) {
        assert!(!is_whole(&header, group, gap), "{gap} bytes later");
    }
    let segment = SegmentName {
        id: 1,
        generation: 1,
    };
    let others = [
        SegmentHeader {
            store_id: [1; 16],
            ..first_header()
        },
        SegmentHeader {
            segment: SegmentName::first_generation(2),
            last_id: 2,
            ..first_header()
        },
        SegmentHeader {
            segment,
            ..first_header()
        },
    ];
    for other in others {
        assert!(!is_whole(&other, group, 0), "{other:?}");
        // Frames alone do not pass either, when somebody writes the right header before them.
        let mut forged = builder(&other, 168);
        forged.push_name(&Coordinate::new("entity-0", "scope").unwrap());
        forged.push_event(&event(1, b"one"));
        forged.push_event(&event(2, b"two"));
        let mut forged = forged.finish(0, 0);
        assert!(is_whole(&other, &forged, 0));
        forged[GROUP_HEADER_LEN..].copy_from_slice(&group[GROUP_HEADER_LEN..]);
        assert!(!is_whole(&other, &forged, 0), "{other:?}");
    }
}

#[test]
fn a_frame_does_not_count_at_the_place_of_another() {
    let header = first_header();
    let mut builder = builder(&header, 168);
    builder.push_name(&Coordinate::new("e", "s").unwrap());
    let [one, two] = [b"one", b"two"].map(|payload| builder.push_event(&event(1, payload)));
    let mut bytes = [header.encode(), builder.finish(0, 0)].concat();
    let range = |event: PlacedEvent| {
        let start = index(event.offset);
        start..start + event.length as usize
    };
    bytes.copy_within(range(one), range(two).start);
    let mut reader = GroupReader::new(file_of(&bytes), &header, bytes.len() as u64);
    match reader.step().unwrap() {
        Step::NotWhole { bad, .. } => assert_eq!(bad, two.offset),
        other @ (Step::Group(_) | Step::End | Step::Unfinished(_)) => panic!("{other:?}"),
    }
}

/// A write that failed is cut back and retried at its offset: the frames of both attempts are bound
/// to the same places, and a power cut may leave some of each.
#[test]
fn frames_of_two_attempts_at_one_offset_are_not_a_group() {
    let header = first_header();
    let attempt = |entity: &str, payloads: [&[u8]; 3]| {
        let mut builder = builder(&header, 168);
        builder.push_name(&Coordinate::new(entity, "s").unwrap());
        let name = 168 + GROUP_HEADER_LEN..168 + builder.len();
        let mut frames = vec![name];
        for payload in payloads {
            let placed = builder.push_event(&event(1, payload));
            frames.push(index(placed.offset)..index(placed.offset) + placed.length as usize);
        }
        let bytes = [header.encode(), builder.finish(0, 0)].concat();
        (bytes, frames)
    };
    let is_whole = |bytes: &[u8]| {
        let mut reader = GroupReader::new(file_of(bytes), &header, bytes.len() as u64);
        match reader.step().unwrap() {
            Step::Group(_) => true,
            Step::NotWhole { detail, .. } => {
                assert!(detail.contains("sums up"), "{detail}");
                assert!(reader.names().is_empty(), "it defines nothing");
                false
            }
            Step::End | Step::Unfinished(_) => panic!("nothing was read"),
        }
    };
    let (failed, frames) = attempt("e", [b"one", b"two", b"six"]);
    let (retried, retried_frames) = attempt("f", [b"ONE", b"TWO", b"SIX"]);
    assert_eq!(frames, retried_frames);
    assert!(is_whole(&failed) && is_whole(&retried));
    // Bit n of the choice says whether frame n is that of the failed attempt.
    for choice in 1..(1 << frames.len()) {
        let mut mixed = retried.clone();
        for (number, frame) in frames.iter().enumerate() {
            if choice & (1 << number) != 0 {
                mixed[frame.clone()].copy_from_slice(&failed[frame.clone()]);
            }
        }
        assert!(!is_whole(&mixed), "{choice:#b}");
    }
}

/// The sum is over checksums in order, so frames that change places change it, too.
#[test]
fn the_frames_of_a_group_are_summed_up_in_their_order() {
    let name: &[u8] = b"\x93\x01\xa1e\xa1s";
    let group = sound_group(&[name, name, name], 0, 0);
    let crc_at = |frame: usize| 168 + GROUP_HEADER_LEN + frame * (8 + name.len()) + 4;
    let crcs: Vec<u8> = (0..3)
        .flat_map(|frame| group[crc_at(frame)..crc_at(frame) + 4].to_vec())
        .collect();
    let mut reader = GroupReader::new(file_of(&group), &first_header(), group.len() as u64);
    let Step::Group(read) = reader.step().unwrap() else {
        panic!("no whole group")
    };
    assert_eq!(read.header.frames_crc, crc32fast::hash(&crcs));
    let backwards: Vec<u8> = crcs.chunks(4).rev().flatten().copied().collect();
    assert_ne!(read.header.frames_crc, crc32fast::hash(&backwards));
}

#[test]
fn a_group_holds_65535_events_and_no_more() {
    let header = first_header();
    let mut builder = builder(&header, 168);
    builder.push_name(&Coordinate::new("e", "s").unwrap());
    for id in 0..GROUP_EVENTS_MAX as u128 {
        assert!(builder.has_room_for(1));
        builder.push_event(&event(id, b""));
    }
    assert!(builder.has_room_for(0) && !builder.has_room_for(1));
    let bytes = [header.encode(), builder.finish(5, 0)].concat();
    let mut reader = GroupReader::new(file_of(&bytes), &header, bytes.len() as u64);
    let Step::Group(group) = reader.step().unwrap() else {
        panic!("no whole group")
    };
    assert_eq!(group.events.len(), GROUP_EVENTS_MAX);
    assert_eq!(group.events.last().unwrap().sequence, 65_539);
}

#[test]
#[should_panic(expected = "65,535")]
fn one_event_more_is_a_panic_and_not_a_wrong_count() {
    let mut builder = builder(&first_header(), 168);
    for id in 0..=GROUP_EVENTS_MAX as u128 {
        builder.push_event(&event(id, b""));
    }
}

/// Writes a group whose checksums all hold around whatever the frames contain.
fn sound_group(bodies: &[&[u8]], event_count: u16, first_sequence: u64) -> Vec<u8> {
    let header = first_header();
    let binding = header.binding();
    let (mut frames, mut frame_crcs) = (Vec::new(), Vec::new());
    for body in bodies {
        let at = 168 + (GROUP_HEADER_LEN + frames.len()) as u64;
        let crc = binding.crc(at, body).to_be_bytes();
        frame_crcs.extend(crc);
        frames.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        frames.extend(crc);
        frames.extend_from_slice(body);
    }
    let mut covered = u32::try_from(frames.len()).unwrap().to_be_bytes().to_vec();
    covered.extend([1, 0]);
    covered.extend(event_count.to_be_bytes());
    covered.extend(first_sequence.to_be_bytes());
    covered.extend([0; 8]);
    covered.extend(crc32fast::hash(&frame_crcs).to_be_bytes());
    let crc = binding.crc(168, &covered).to_be_bytes();
    [
        header.encode(),
        binding.group_marker().to_vec(),
        crc.to_vec(),
        covered,
        frames,
    ]
    .concat()
}

#[test]
fn a_record_that_is_not_understood_is_never_taken_for_a_torn_write() {
    let bodies: [&[u8]; 10] = [
        b"",
        b"\xc0",
        b"\x90",
        b"\x93\x02\xa1e\xa1s",
        b"\x93\x06\xa1e\xa1s",
        b"\x93\x01\xa0\xa1s",
        b"\x93\x01\xa1\xff\xa1s",
        b"\x93\x01\xa1e\xa1s\x00",
        b"\x99\x50\xc4\x10",
        b"\x99\x40\xc4\x10",
    ];
    for body in bodies {
        let bytes = sound_group(&[body], 0, 0);
        let mut reader = GroupReader::new(file_of(&bytes), &first_header(), bytes.len() as u64);
        let result = reader.step();
        assert!(
            matches!(result, Err(LogError::CorruptSegment { .. })),
            "{body:?}: {result:?}"
        );
    }
    let known = sound_group(&[b"\x93\x01\xa1e\xa1s"], 0, 0);
    let mut reader = GroupReader::new(file_of(&known), &first_header(), known.len() as u64);
    assert!(matches!(reader.step(), Ok(Step::Group(_))));
}

#[test]
fn a_group_whose_numbers_contradict_each_other_is_not_whole() {
    let name: &[u8] = b"\x93\x01\xa1e\xa1s";
    let image = Image::first().group(&[b"x"], 0).clone();
    let name_frame_len = u64::from(image.bytes[168 + GROUP_HEADER_LEN + 3]) + 8;
    let event_at = index(image.starts[0] + name_frame_len + 8) + GROUP_HEADER_LEN;
    let event = &image.bytes[event_at..];
    assert_eq!(event[..2], [0x99, 0x40], "the body of the event");
    let groups = [
        ("too many", sound_group(&[name], 65_535, 0)),
        ("too few", sound_group(&[name, event], 0, 0)),
        ("no name", sound_group(&[event], 1, 0)),
        ("sequence", sound_group(&[name, event, event], 2, u64::MAX)),
    ];
    for (what, bytes) in groups {
        let mut reader = GroupReader::new(file_of(&bytes), &first_header(), bytes.len() as u64);
        let step = reader.step();
        assert!(
            matches!(step, Ok(Step::NotWhole { .. })),
            "{what}: {step:?}"
        );
    }
    let bytes = sound_group(&[name, event], 1, u64::MAX);
    let mut reader = GroupReader::new(file_of(&bytes), &first_header(), bytes.len() as u64);
    assert!(matches!(reader.step(), Ok(Step::Group(_))));
}
