//! What only a real directory has: links, pipes, parents, other descriptors.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use tempfile::TempDir;

use super::*;

fn rooted() -> (TempDir, RealFs) {
    let directory = tempfile::tempdir().unwrap();
    let fs = RealFs::create(directory.path()).unwrap();
    (directory, fs)
}

fn kind_of<T: std::fmt::Debug>(result: io::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Opening a pipe must not wait for its other end either: this test would hang.
#[test]
fn links_pipes_and_sockets_are_refused_and_not_listed() {
    let (directory, fs) = rooted();
    let path = directory.path();
    fs::write(path.join("file"), b"x").unwrap();
    symlink(path.join("file"), path.join("link")).unwrap();
    symlink("nowhere", path.join("dangling")).unwrap();
    let _socket = UnixListener::bind(path.join("socket")).unwrap();
    let pipe = std::process::Command::new("mkfifo")
        .arg(path.join("pipe"))
        .status();
    assert!(pipe.unwrap().success());
    for name in ["link", "dangling", "socket", "pipe"] {
        for access in [Access::Read, Access::ReadWrite] {
            assert_eq!(
                kind_of(fs.open(name, access)),
                ErrorKind::InvalidInput,
                "{name}"
            );
        }
        assert_eq!(kind_of(fs.lock(name)), ErrorKind::InvalidInput, "{name}");
        assert_eq!(
            kind_of(fs.create_new(name)),
            ErrorKind::AlreadyExists,
            "{name}"
        );
        assert!(fs.exists(name).unwrap(), "{name}");
    }
    assert_eq!(fs.list("").unwrap(), ["file"]);
    assert!(!path.join("nowhere").exists());
}

#[test]
fn a_link_to_a_directory_is_not_followed() {
    let (directory, fs) = rooted();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("f"), b"x").unwrap();
    symlink(outside.path(), directory.path().join("d")).unwrap();
    assert!(fs.open("d/f", Access::Read).is_err());
    assert!(fs.create_new("d/g").is_err());
    assert!(fs.list("d").is_err());
    assert!(fs.remove("d/f").is_err());
    assert!(fs.create_directory("d").is_err());
    assert!(outside.path().join("f").exists());
}

#[test]
fn a_name_that_is_not_text_is_not_listed() {
    let (directory, fs) = rooted();
    let name = std::ffi::OsStr::from_bytes(b"\xFF.fbat");
    // Some file systems refuse such names themselves.
    if fs::write(directory.path().join(name), b"").is_ok() {
        assert!(fs.list("").unwrap().is_empty());
    }
}

#[test]
fn create_makes_the_missing_parents_and_finds_what_is_there() {
    let (directory, _) = rooted();
    let path = directory.path().join("a/b/c");
    let fs = RealFs::create(&path).unwrap();
    fs.create_new("f").unwrap();
    let again = RealFs::create(&path).unwrap();
    assert_eq!(again.list("").unwrap(), ["f"]);
}

#[test]
fn create_finds_its_way_through_dots_and_links() {
    let (directory, _) = rooted();
    let path = directory.path();
    symlink(path.join("target"), path.join("link")).unwrap();
    assert!(
        RealFs::create(path.join("link")).is_err(),
        "it leads nowhere"
    );
    fs::create_dir(path.join("target")).unwrap();
    let fs = RealFs::create(path.join("link/x/../y")).unwrap();
    fs.create_new("f").unwrap();
    assert!(path.join("target/y/f").exists());
}

#[test]
fn open_creates_nothing() {
    let (directory, _) = rooted();
    let path = directory.path().join("a");
    assert_eq!(kind_of(RealFs::open(&path)), ErrorKind::NotFound);
    assert!(!path.exists());
}

#[test]
fn a_file_is_no_root() {
    let (directory, fs) = rooted();
    fs.create_new("f").unwrap();
    let path = directory.path().join("f");
    assert_eq!(kind_of(RealFs::open(&path)), ErrorKind::NotADirectory);
    assert_eq!(kind_of(RealFs::create(&path)), ErrorKind::NotADirectory);
    let below = RealFs::create(path.join("d"));
    assert_eq!(kind_of(below), ErrorKind::NotADirectory);
}

#[test]
fn a_renamed_root_stays_the_root() {
    let (directory, _) = rooted();
    let (before, after) = (directory.path().join("a"), directory.path().join("b"));
    let fs = RealFs::create(&before).unwrap();
    fs::rename(&before, &after).unwrap();
    fs.create_new("f").unwrap();
    fs.sync_directory("").unwrap();
    assert!(after.join("f").exists());
    assert!(!before.exists());
}

#[test]
fn two_openings_of_a_directory_share_one_lock() {
    let (directory, fs) = rooted();
    let other = RealFs::open(directory.path()).unwrap();
    let held = fs.lock("lock").unwrap();
    assert!(held.is_some());
    assert!(other.lock("lock").unwrap().is_none());
    drop(held);
    assert!(other.lock("lock").unwrap().is_some());
}

#[test]
fn a_lock_leaves_the_content_of_its_file() {
    let (directory, fs) = rooted();
    fs::write(directory.path().join("lock"), b"kept").unwrap();
    let _held = fs.lock("lock").unwrap().unwrap();
    assert_eq!(fs::read(directory.path().join("lock")).unwrap(), b"kept");
}

#[test]
fn a_boot_id_is_a_uuid_or_unknown() {
    let id = *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\x01\x23\x45\x67\x89\xAB\xCD\xEF";
    let text = "01234567-89ab-cdef-0123-456789abcdef";
    assert_eq!(parse_boot_id(text), Some(id));
    for wrong in [
        "",
        "01234567",
        "+1234567-89ab-cdef-0123-456789abcdef",
        &text[1..],
    ] {
        assert_eq!(parse_boot_id(wrong), None, "{wrong}");
    }
    let (_directory, fs) = rooted();
    assert_eq!(fs.boot_id().is_some(), Path::new(BOOT_ID_PATH).exists());
}
