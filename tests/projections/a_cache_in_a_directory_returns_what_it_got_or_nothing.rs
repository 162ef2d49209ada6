//! A cache in a directory returns a value whole, or not at all, whatever happens to its files.

use crate::harness::*;
use crate::states::*;
use batpak::prelude::*;
use batpak::store::{CacheMeta, NativeCache, ProjectionCache};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

const META: CacheMeta = CacheMeta {
    watermark: u64::MAX - 1,
    cached_at_us: -5,
};

fn files(directory: &Path) -> Vec<PathBuf> {
    let names = contents(directory).into_keys();
    let files = names.filter(|name| !name.ends_with('/'));
    files.map(|name| directory.join(name)).collect()
}

fn value_of(cache: &NativeCache, key: &[u8]) -> Option<Vec<u8>> {
    let found = cache.get(key).unwrap();
    found.map(|(value, meta)| {
        assert_eq!(meta, META);
        value
    })
}

#[test]
fn keys_and_values_of_every_length() {
    let directory = temporary();
    let cache = NativeCache::open(directory.path().join("deep/cache")).unwrap();
    let keys: Vec<Vec<u8>> = [0, 1, 2, 79, 80, 81, 200, 1041, 5000]
        .into_iter()
        .flat_map(|length| [vec![0; length], vec![b'x'; length], vec![0xff; length]])
        .collect();
    for key in &keys {
        for length in [0, 1, 100_000] {
            cache.put(key, &vec![7; length], META).unwrap();
            assert_eq!(value_of(&cache, key).unwrap(), vec![7; length]);
        }
        cache.put(key, key, META).unwrap();
    }
    drop(cache);
    let cache = NativeCache::open(directory.path().join("deep/cache")).unwrap();
    for key in &keys {
        assert_eq!(value_of(&cache, key).as_ref(), Some(key));
        let mut other = key.clone();
        other.push(b'y');
        assert_eq!(value_of(&cache, &other), None);
    }
}

#[test]
fn what_begins_with_a_prefix_is_forgotten() {
    let directory = temporary();
    let cache = NativeCache::open(directory.path()).unwrap();
    let long = "e".repeat(100);
    let keys = [
        "a",
        "ab",
        "abc",
        "b",
        &long,
        &format!("{long}1"),
        &format!("{long}12"),
    ];
    let put_all = || {
        for key in keys {
            cache.put(key.as_bytes(), b"value", META).unwrap();
        }
    };
    let left = || {
        let is_there = |key: &&&str| value_of(&cache, key.as_bytes()).is_some();
        keys.iter().filter(is_there).count()
    };
    let prefixes = [
        ("", 7),
        ("a", 3),
        ("ab", 2),
        ("abcd", 0),
        ("e", 3),
        (&long[..80], 3),
        (&long[..81], 3),
        (&*format!("{long}1"), 2),
        (&*format!("{long}2"), 0),
        ("x", 0),
    ];
    for (prefix, count) in prefixes {
        put_all();
        let deleted = cache.delete_prefix(prefix.as_bytes()).unwrap();
        assert_eq!((deleted, left()), (count, 7 - count as usize), "{prefix:?}");
        assert_eq!(cache.delete_prefix(prefix.as_bytes()).unwrap(), 0);
    }
    fs::remove_dir_all(directory.path()).unwrap();
    assert_eq!(cache.delete_prefix(b"").unwrap(), 0);
    put_all();
    assert_eq!(left(), 7, "it is made again");
}

#[test]
fn a_file_that_was_flipped_or_cut_anywhere_is_dropped() {
    let directory = temporary();
    let cache = NativeCache::open(directory.path()).unwrap();
    cache.put(b"key", b"some value", META).unwrap();
    let [path] = &files(directory.path())[..] else {
        panic!("one file")
    };
    let whole = fs::read(path).unwrap();
    let flipped = (0..whole.len() * 8).map(|bit| {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
    let longer = [[&*whole, b"\0"].concat(), b"garbage".to_vec()];
    for bytes in flipped.chain(cut).chain(longer) {
        fs::write(path, &bytes).unwrap();
        assert_eq!(value_of(&cache, b"key"), None);
        assert!(!path.exists(), "a damaged file stays");
    }
    // A whole file in the place of another one is not its value.
    cache.put(b"other", b"other", META).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::rename(&files(directory.path())[0], path).unwrap();
    assert_eq!(value_of(&cache, b"key"), None);
}

#[test]
fn links_are_not_followed() {
    let elsewhere = temporary();
    let outside = elsewhere.path().join("outside");
    let refused = |result: Result<(), StoreError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, StoreError::CacheFailed(_)), "{error}");
        assert!(error.to_string().contains("symbolic link"), "{error}");
    };
    for dangling in [true, false] {
        let directory = temporary();
        let cache = NativeCache::open(directory.path().join("cache")).unwrap();
        cache.put(b"key", b"value", META).unwrap();
        let [path] = &files(directory.path())[..] else {
            panic!("one file")
        };
        let whole = fs::read(path).unwrap();
        for link in [path.as_path(), path.parent().unwrap()] {
            match link.is_dir() {
                true => fs::remove_dir_all(link).unwrap(),
                false => fs::remove_file(link).unwrap(),
            }
            std::os::unix::fs::symlink(&outside, link).unwrap();
            if !dangling && link == path.as_path() {
                fs::write(&outside, &whole).unwrap();
            }
            refused(cache.put(b"key", b"new", META));
            refused(cache.get(b"key").map(drop));
            fs::remove_file(link).unwrap();
            if outside.exists() {
                assert_eq!(fs::read(&outside).unwrap(), whole);
                fs::remove_file(&outside).unwrap();
            }
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &whole).unwrap();
        }
    }
}

#[test]
fn readers_beside_writers_find_the_old_or_the_new() {
    let directory = temporary();
    let cache = NativeCache::open(directory.path()).unwrap();
    cache.put(b"key", &[0; 3000], META).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let other = NativeCache::open(directory.path()).unwrap();
                let mut looks = 0;
                while !done.load(Ordering::Acquire) || looks < 10 {
                    let value = value_of(&other, b"key").expect("a value at any time");
                    assert!(value.iter().all(|byte| *byte == value[0]), "half a value");
                    looks += 1;
                }
            });
        }
        for round in 0..scaled(500) {
            let byte = u8::try_from(round % 256).unwrap();
            cache.put(b"key", &vec![byte; 1000 + round], META).unwrap();
        }
        done.store(true, Ordering::Release);
    });
    assert_eq!(files(directory.path()).len(), 1, "nothing else is left");
}

#[test]
fn projections_go_on_over_damage_and_loss() {
    let directory = temporary();
    let elsewhere = temporary();
    let path = elsewhere.path().join("cache");
    let long = "entity".repeat(170);
    for round in 0..4 {
        let store = Store::open_with_native_cache(config(directory.path()), &path).unwrap();
        for entity in ["a", &long] {
            let there = store.stream(entity).len() as u64;
            append_numbers(&store, entity, there..there + 3);
            folded();
            for new in [there as usize + 3, 0] {
                assert_eq!(
                    projected(&store, entity),
                    (0..there + 3).collect::<Vec<_>>()
                );
                assert_eq!(folded(), new);
            }
        }
        store.close().unwrap();
        assert_eq!(files(&path).len(), 2);
        match round {
            0 => fs::remove_dir_all(&path).unwrap(),
            1 => files(&path)
                .iter()
                .for_each(|file| fs::write(file, b"?").unwrap()),
            _ => {}
        }
    }
}
