//! A store that is open read-only projects what another process has written, takes from its cache
//! and leaves everything as it was.

use crate::harness::*;
use crate::states::*;
use batpak::prelude::*;
use std::fs;

#[test]
fn it_creates_no_cache() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..5);
    let elsewhere = temporary();
    let path = elsewhere.path().join("cache");
    let reader = Store::open_read_only_with_native_cache(config(directory.path()), &path).unwrap();
    assert_eq!(projected(&reader, "a").len(), 5);
    // What was written since is read first.
    append_numbers(&store, "a", 5..8);
    assert_eq!(projected(&reader, "a").len(), 8);
    let generation = |reader: &Store<ReadOnly>, since| {
        let changed = reader.project_if_changed::<Numbers>("a", since, &Freshness::Consistent);
        changed.unwrap().map(|(generation, _)| generation)
    };
    let seen = generation(&reader, 0).unwrap();
    append_numbers(&store, "a", 8..9);
    assert!(generation(&reader, seen).unwrap() > seen);
    assert!(!path.exists(), "it created the cache");
    reader.close().unwrap();
}

#[test]
fn it_takes_what_a_writer_has_put() {
    let directory = temporary();
    let elsewhere = temporary();
    let path = elsewhere.path().join("cache");
    let store = Store::open_with_native_cache(config(directory.path()), &path).unwrap();
    append_numbers(&store, "a", 0..5);
    assert_eq!(projected(&store, "a").len(), 5);
    let before = contents(elsewhere.path());
    assert_eq!(
        before.keys().filter(|name| name.ends_with(".bin")).count(),
        1
    );
    let reader = Store::open_read_only_with_native_cache(config(directory.path()), &path).unwrap();
    folded();
    assert_eq!((projected(&reader, "a").len(), folded()), (5, 0));
    append_numbers(&store, "a", 5..6);
    assert_eq!((projected(&reader, "a").len(), folded()), (6, 6));
    assert_same_files(&before, &contents(elsewhere.path()), "the cache");
    let cache = Looked::default();
    let reader =
        Store::open_read_only_with_cache(config(directory.path()), Box::new(cache.clone()));
    assert_eq!(projected(&reader.unwrap(), "a").len(), 6);
    assert_eq!(cache.take_asked(), [Asked::Get]);
}

#[test]
fn a_link_in_the_place_of_the_cache_is_refused_by_both() {
    let directory = temporary();
    open(directory.path()).close().unwrap();
    let elsewhere = temporary();
    let link = elsewhere.path().join("link");
    fs::create_dir(elsewhere.path().join("cache")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("cache"), &link).unwrap();
    let config = || config(directory.path());
    let writer = Store::open_with_native_cache(config(), &link).unwrap_err();
    let reader = Store::open_read_only_with_native_cache(config(), &link).unwrap_err();
    for error in [writer, reader] {
        assert!(matches!(error, StoreError::CacheFailed(_)), "{error}");
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
}
