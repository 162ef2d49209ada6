//! What is done to a disk past its calls.

use super::*;

#[test]
fn a_flipped_bit_is_flipped_wherever_the_byte_is_kept() {
    let (fs, file) = with_file(b"\0\0\0\0");
    write(&*file, 1, b"\x01\x01");
    fs.flip("f", 2, 0x80).unwrap();
    fs.flip("f", 3, 0x40).unwrap();
    assert_eq!(fs.bytes("f").unwrap(), b"\0\x01\x81\x40");
    assert_eq!(left(&fs, NOTHING), b"\0\0\x80\x40");
    file.sync_data().unwrap();
    assert_eq!(left(&fs, NOTHING), b"\0\x01\x81\x40");
    assert_eq!(kind_of(fs.flip("f", 4, 1)), ErrorKind::UnexpectedEof);
    assert_eq!(kind_of(fs.flip("g", 0, 1)), ErrorKind::NotFound);
}

#[test]
fn a_flip_strikes_one_disk_of_two() {
    let (fs, file) = with_file(b"\0\0");
    write(&*file, 0, b"\x01");
    let fork = fs.fork();
    fs.flip("f", 0, 2).unwrap();
    assert_eq!(left(&fork, ALL), b"\x01\0");
    assert_eq!(left(&fork, NOTHING), b"\0\0");
    assert_eq!(fork.bytes("f").unwrap(), b"\x01\0");
}

#[test]
fn bytes_are_set_durably_under_any_name() {
    let (fs, file) = with_file(b"old");
    write(&*file, 0, b"pending");
    fs.set_bytes("f", b"set".to_vec());
    fs.create_new("g").unwrap();
    fs.set_bytes("g", b"set".to_vec());
    fs.set_bytes("a/b/c", vec![7]);
    assert_eq!(file.len().unwrap(), 3);
    assert_eq!(fs.pending_changes(), 0);
    let image = fs.crash(NOTHING, &mut seeded_random());
    assert_eq!(image.files(), ["a/b/c", "f", "g"]);
    assert_eq!(image.bytes("g").unwrap(), b"set");
    assert_eq!(image.list("a/b").unwrap(), ["c"]);
}

/// A pending change of the name must not undo it.
#[test]
fn a_deleted_file_does_not_come_back() {
    let (fs, file) = with_file(b"old");
    fs.rename("f", "g").unwrap();
    fs.delete("g").unwrap();
    assert_eq!(kind_of(fs.delete("g")), ErrorKind::NotFound);
    assert_eq!(file.len().unwrap(), 3);
    let image = fs.crash(ALL, &mut seeded_random());
    assert!(fs.files().is_empty() && image.files().is_empty());
    assert_eq!(fs.pending_changes(), 0);
}

#[test]
fn debug_output_names_files_and_hides_bytes() {
    let (fs, file) = with_file(b"secret");
    let lock = fs.lock("lock").unwrap();
    let text = format!("{fs:?} {file:?} {lock:?}");
    assert!(
        text.contains("\"f\"") && text.contains("\"lock\""),
        "{text}"
    );
    assert!(!text.contains("115"), "{text}");
}
