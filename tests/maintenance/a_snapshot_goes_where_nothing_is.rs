//! A snapshot never writes over anything, and never into the store that it copies.

use crate::harness::*;
use batpak::prelude::*;
use std::fs;

#[test]
fn a_directory_with_anything_in_it_is_refused_and_left_alone() {
    let (directory, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(directory.path());
    append_numbers(&store, 0..10);
    fs::write(copies.path().join("note.txt"), "mine").unwrap();
    fs::create_dir(copies.path().join("folder")).unwrap();
    for folder in ["", "folder"] {
        if folder == "folder" {
            fs::create_dir(copies.path().join("folder/empty")).unwrap();
        }
        let refused = store.snapshot(&copies.path().join(folder)).unwrap_err();
        assert!(matches!(refused, StoreError::NotEmpty { .. }), "{refused}");
    }
    let text = fs::read_to_string(copies.path().join("note.txt")).unwrap();
    assert_eq!(text, "mine");
    assert_eq!(fs::read_dir(copies.path()).unwrap().count(), 2);
    let refused = store.snapshot(&copies.path().join("note.txt"));
    assert!(matches!(refused, Err(StoreError::Io(_))));
    // What is empty is taken.
    store.snapshot(&copies.path().join("folder/empty")).unwrap();
}

#[test]
fn the_store_s_own_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    append_numbers(&store, 0..10);
    let names = || fs::read_dir(directory.path()).unwrap().count();
    let before = names();
    let inside = directory.path().join("deep/copy");
    let around = directory.path().join("missing/../deep");
    for path in [directory.path(), &inside, &around] {
        assert!(store.snapshot(path).is_err(), "{}", path.display());
    }
    let refused = store.snapshot(&inside).unwrap_err();
    assert!(matches!(refused, StoreError::Configuration(_)), "{refused}");
    assert_eq!(names(), before);
    #[cfg(unix)]
    {
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("link");
        std::os::unix::fs::symlink(directory.path(), &link).unwrap();
        assert!(store.snapshot(&link.join("copy")).is_err());
        assert_eq!(names(), before);
    }
    assert_sound(&store);
}
