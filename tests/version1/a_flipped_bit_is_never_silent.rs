//! Damage gives a refusal, the same events, or a loss at the end of a segment that is told.

use crate::harness::*;
use batpak::prelude::*;
use std::fs;

/// So many flips are tried in each fixture.
const FLIPS: usize = 500;

fn is_refusal(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::CrcMismatch { .. }
            | StoreError::CorruptSegment { .. }
            | StoreError::DamagedFile { .. }
            | StoreError::MissingSegment { .. }
            | StoreError::FutureVersion { .. }
    )
}

#[test]
fn in_any_segment() {
    let seed = std::env::var("BATPAK_TEST_SEED").ok();
    let seed = seed.and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("BATPAK_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for fixture in FIXTURES {
        let files = files_of(fixture);
        let whole = listing_of(fixture);
        let directory = directory_of(&files);
        let segments: Vec<_> = files
            .keys()
            .filter(|name| name.ends_with(".fbat"))
            .collect();
        let undamaged = open_read_only(directory.path());
        let torn_before = undamaged
            .diagnostics()
            .recovery
            .version1
            .unwrap()
            .torn_bytes;
        for _ in 0..FLIPS {
            let name = segments[random.usize(..segments.len())];
            let mut bytes = files[name].clone();
            let at = random.usize(..bytes.len());
            bytes[at] ^= 1 << random.u8(..8);
            let what = format!("{fixture}, {name}, byte {at}, seed {seed}");
            fs::write(directory.path().join(name), &bytes).unwrap();
            match Store::open_read_only(config(directory.path())) {
                Err(error) => assert!(is_refusal(&error), "{what}: {error}"),
                Ok(store) => {
                    let found = listing(&store);
                    let told = store.diagnostics().recovery.version1.unwrap();
                    if told.torn_bytes == torn_before {
                        assert_same(&found, &whole, &what);
                    }
                    let is_known =
                        |id: &serde_json::Value| whole.iter().any(|known| known["id"] == *id);
                    assert!(found.iter().all(|line| is_known(&line["id"])), "{what}");
                }
            }
            fs::write(directory.path().join(name), &files[name]).unwrap();
        }
    }
}

#[test]
fn in_a_frame_that_others_follow() {
    let files = files_of("crashed");
    let directory = directory_of(&files);
    for name in ["000001.fbat", "000002.fbat", "000003.fbat"] {
        let mut at = 8 + usize::from(files[name][7]);
        let mut frames = Vec::new();
        while let Some(length) = files[name].get(at..at + 4) {
            frames.push(at);
            let length = u32::from_be_bytes(length.try_into().unwrap());
            at += 8 + usize::try_from(length).unwrap();
            if files[name]
                .get(at..at + 10)
                .is_none_or(|next| next[8] != 0x83)
            {
                break;
            }
        }
        assert!(frames.len() > 2, "{name}");
        for frame in &frames[..frames.len() - 1] {
            for (offset, bits) in [(0, 0x80), (1, 1), (3, 1), (5, 4), (8, 1), (60, 0x20)] {
                let mut bytes = files[name].clone();
                bytes[frame + offset] ^= bits;
                fs::write(directory.path().join(name), &bytes).unwrap();
                let refused = Store::open_read_only(config(directory.path())).map(drop);
                assert!(
                    matches!(&refused, Err(StoreError::CrcMismatch { offset, .. })
                        if *offset == *frame as u64),
                    "{name}, frame at {frame}, byte {offset}: {refused:?}"
                );
            }
        }
        fs::write(directory.path().join(name), &files[name]).unwrap();
    }
}

#[test]
fn in_the_ranges_that_are_hidden() {
    const NAME: &str = "visibility_ranges.fbv";
    for fixture in ["closed", "crashed"] {
        let files = files_of(fixture);
        let directory = directory_of(&files);
        for at in 0..files[NAME].len() {
            for bit in 0..8 {
                let mut bytes = files[NAME].clone();
                bytes[at] ^= 1 << bit;
                fs::write(directory.path().join(NAME), &bytes).unwrap();
                let refused = Store::open(config(directory.path())).map(drop);
                assert!(
                    matches!(&refused, Err(StoreError::DamagedFile { name, .. }) if name == NAME),
                    "{fixture}, byte {at}: {refused:?}"
                );
            }
        }
        for length in 0..files[NAME].len() {
            fs::write(directory.path().join(NAME), &files[NAME][..length]).unwrap();
            let refused = Store::open(config(directory.path())).map(drop);
            assert!(
                matches!(refused, Err(StoreError::DamagedFile { .. })),
                "{length}"
            );
        }
        let mut expected = files.clone();
        expected.remove(NAME);
        assert_untouched(&expected, directory.path(), fixture);
        assert!(!files_in(directory.path()).contains_key(TAKEN_OVER));
    }
}
