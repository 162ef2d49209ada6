//! One behaviour per test, each on every file system.

use super::*;

#[test]
fn a_new_file_is_empty_and_its_name_is_taken() {
    on_each(|fs| {
        let file = fs.create_new("f").unwrap();
        assert_eq!(file.len().unwrap(), 0);
        assert!(file.is_empty().unwrap());
        assert_eq!(kind_of(fs.create_new("f")), ErrorKind::AlreadyExists);
        fs.create_directory("d").unwrap();
        assert_eq!(kind_of(fs.create_new("d")), ErrorKind::AlreadyExists);
        assert_eq!(kind_of(fs.create_new("missing/f")), ErrorKind::NotFound);
    });
}

#[test]
fn opening_never_creates() {
    on_each(|fs| {
        for access in [Access::Read, Access::ReadWrite] {
            assert_eq!(kind_of(fs.open("f", access)), ErrorKind::NotFound);
            assert_eq!(kind_of(fs.open("missing/f", access)), ErrorKind::NotFound);
        }
        assert!(fs.list("").unwrap().is_empty());
    });
}

#[test]
fn a_directory_is_no_file() {
    on_each(|fs| {
        fs.create_directory("d").unwrap();
        for access in [Access::Read, Access::ReadWrite] {
            assert_eq!(kind_of(fs.open("d", access)), ErrorKind::InvalidInput);
        }
        assert_eq!(kind_of(fs.lock("d")), ErrorKind::InvalidInput);
        assert!(fs.remove("d").is_err());
        put(fs, "f", b"");
        assert!(fs.rename("f", "d").is_err());
        assert_eq!(fs.list("").unwrap(), ["f"]);
    });
}

#[test]
fn a_file_is_no_directory() {
    on_each(|fs| {
        put(fs, "f", b"");
        assert_eq!(kind_of(fs.list("f")), ErrorKind::NotADirectory);
        assert_eq!(kind_of(fs.create_new("f/g")), ErrorKind::NotADirectory);
        assert_eq!(kind_of(fs.exists("f/g")), ErrorKind::NotADirectory);
        assert_eq!(kind_of(fs.sync_directory("f")), ErrorKind::NotADirectory);
        assert_eq!(kind_of(fs.create_directory("f")), ErrorKind::AlreadyExists);
    });
}

#[test]
fn no_name_leads_outside() {
    on_each(|fs| {
        fs.create_directory("d").unwrap();
        put(fs, "f", b"");
        let wrong = [
            "", "/", "/f", "f/", "d//f", ".", "./f", "..", "../f", "d/../f", "a\0b",
        ];
        for name in wrong {
            let refused = ErrorKind::InvalidInput;
            assert_eq!(kind_of(fs.open(name, Access::Read)), refused, "{name:?}");
            assert_eq!(kind_of(fs.create_new(name)), refused, "{name:?}");
            assert_eq!(kind_of(fs.rename(name, "g")), refused, "{name:?}");
            assert_eq!(kind_of(fs.rename("f", name)), refused, "{name:?}");
            assert_eq!(kind_of(fs.remove(name)), refused, "{name:?}");
            assert_eq!(kind_of(fs.create_directory(name)), refused, "{name:?}");
            assert_eq!(kind_of(fs.lock(name)), refused, "{name:?}");
            assert_eq!(kind_of(fs.exists(name)), refused, "{name:?}");
            if !name.is_empty() {
                assert_eq!(kind_of(fs.list(name)), refused, "{name:?}");
                assert_eq!(kind_of(fs.sync_directory(name)), refused, "{name:?}");
            }
        }
    });
}

#[test]
fn a_list_holds_the_files_of_one_directory_in_order() {
    on_each(|fs| {
        fs.create_directory("d").unwrap();
        fs.create_directory("d/e").unwrap();
        for name in ["b", "a", "d/z", "d/y", "d/e/x", "d.file"] {
            put(fs, name, b"");
        }
        assert_eq!(fs.list("").unwrap(), ["a", "b", "d.file"]);
        assert_eq!(fs.list("d").unwrap(), ["y", "z"]);
        assert_eq!(fs.list("d/e").unwrap(), ["x"]);
        assert_eq!(kind_of(fs.list("missing")), ErrorKind::NotFound);
    });
}

#[test]
fn a_gap_reads_as_zeros_and_the_end_reads_as_nothing() {
    on_each(|fs| {
        let file = fs.create_new("f").unwrap();
        assert_eq!(file.write_at(b"xy", 3).unwrap(), 2);
        assert_eq!(all(&*file), b"\0\0\0xy");
        let mut buffer = [9; 4];
        assert_eq!(file.read_at(&mut buffer, 4).unwrap(), 1);
        assert_eq!(buffer, [b'y', 9, 9, 9]);
        assert_eq!(file.read_at(&mut buffer, 5).unwrap(), 0);
        assert_eq!(file.read_at(&mut buffer, 1 << 40).unwrap(), 0);
        assert_eq!(file.write_at(b"", 100).unwrap(), 0);
        assert_eq!(file.len().unwrap(), 5);
    });
}

#[test]
fn a_file_open_for_reading_takes_no_writes() {
    on_each(|fs| {
        put(fs, "f", b"kept");
        let file = fs.open("f", Access::Read).unwrap();
        assert!(file.write_at(b"x", 0).is_err());
        assert!(file.truncate(0).is_err());
        assert_eq!(all(&*file), b"kept");
    });
}

#[test]
fn truncation_cuts_and_extends() {
    on_each(|fs| {
        let file = fs.create_new("f").unwrap();
        write_all_at(&*file, b"012345", 0).unwrap();
        file.truncate(2).unwrap();
        file.truncate(4).unwrap();
        assert_eq!(
            all(&*file),
            b"01\0\0",
            "what was cut off does not come back"
        );
    });
}

#[test]
fn allocation_extends_with_zeros_and_never_cuts() {
    on_each(|fs| {
        let file = fs.create_new("f").unwrap();
        write_all_at(&*file, b"0123", 0).unwrap();
        file.allocate(2, 6).unwrap();
        assert_eq!(all(&*file), b"0123\0\0\0\0");
        file.allocate(0, 1).unwrap();
        file.allocate(100, 0).unwrap();
        assert_eq!(file.len().unwrap(), 8);
        assert!(file.allocate(u64::MAX, 1).is_err());
        assert!(file.allocate(1 << 62, u64::MAX).is_err());
        assert_eq!(file.len().unwrap(), 8);
    });
}

#[test]
fn a_rename_replaces_and_open_files_keep_their_bytes() {
    on_each(|fs| {
        put(fs, "a", b"new");
        put(fs, "b", b"old");
        let replaced = fs.open("b", Access::Read).unwrap();
        let moved = fs.open("a", Access::ReadWrite).unwrap();
        fs.rename("a", "b").unwrap();
        assert_eq!(all(&*replaced), b"old");
        write_all_at(&*moved, b"N", 0).unwrap();
        assert_eq!(get(fs, "b"), b"New");
        assert_eq!(fs.list("").unwrap(), ["b"]);
    });
}

#[test]
fn a_rename_moves_between_directories_that_are_there() {
    on_each(|fs| {
        put(fs, "f", b"x");
        assert_eq!(kind_of(fs.rename("f", "d/f")), ErrorKind::NotFound);
        assert_eq!(kind_of(fs.rename("missing", "f")), ErrorKind::NotFound);
        fs.create_directory("d").unwrap();
        fs.rename("f", "d/f").unwrap();
        fs.rename("d/f", "d/f").unwrap();
        assert_eq!(get(fs, "d/f"), b"x");
        assert!(!fs.exists("f").unwrap());
    });
}

#[test]
fn a_removed_file_lives_on_for_whoever_has_it_open() {
    on_each(|fs| {
        put(fs, "f", b"old");
        let open = fs.open("f", Access::ReadWrite).unwrap();
        fs.remove("f").unwrap();
        assert_eq!(kind_of(fs.remove("f")), ErrorKind::NotFound);
        put(fs, "f", b"another file");
        write_all_at(&*open, b"still", 0).unwrap();
        open.sync_data().unwrap();
        assert_eq!(all(&*open), b"still");
        assert_eq!(get(fs, "f"), b"another file");
    });
}

#[test]
fn creating_a_directory_twice_finds_it() {
    on_each(|fs| {
        fs.create_directory("d").unwrap();
        put(fs, "d/f", b"");
        fs.create_directory("d").unwrap();
        assert_eq!(fs.list("d").unwrap(), ["f"]);
        assert_eq!(kind_of(fs.create_directory("a/b")), ErrorKind::NotFound);
        fs.create_directory("d/e").unwrap();
        assert!(fs.exists("d/e").unwrap());
    });
}

#[test]
fn directories_and_files_are_synced() {
    on_each(|fs| {
        fs.create_directory("d").unwrap();
        let file = fs.create_new("d/f").unwrap();
        file.sync_data().unwrap();
        file.sync_all().unwrap();
        fs.sync_directory("d").unwrap();
        fs.sync_directory("").unwrap();
        assert_eq!(kind_of(fs.sync_directory("missing")), ErrorKind::NotFound);
    });
}

#[test]
fn existence_is_told_of_files_and_directories() {
    on_each(|fs| {
        fs.create_directory("d").unwrap();
        put(fs, "d/f", b"");
        for (name, there) in [
            ("d", true),
            ("d/f", true),
            ("f", false),
            ("missing/f", false),
        ] {
            assert_eq!(fs.exists(name).unwrap(), there, "{name}");
        }
    });
}

#[test]
fn a_lock_has_one_holder_until_it_is_dropped() {
    on_each(|fs| {
        let held = fs.lock("lock").unwrap().unwrap();
        assert!(fs.lock("lock").unwrap().is_none());
        let other = fs.lock("other").unwrap();
        assert!(other.is_some(), "names do not share a lock");
        drop(held);
        assert!(fs.lock("lock").unwrap().is_some());
        assert!(
            fs.lock("lock").unwrap().is_some(),
            "a dropped answer frees it"
        );
        assert_eq!(fs.list("").unwrap(), ["lock", "other"]);
        assert_eq!(kind_of(fs.lock("missing/lock")), ErrorKind::NotFound);
    });
}

/// A POSIX record lock would be gone after this.
#[test]
fn a_lock_outlives_other_descriptors_of_its_file() {
    on_each(|fs| {
        let _held = fs.lock("lock").unwrap().unwrap();
        drop(fs.open("lock", Access::ReadWrite).unwrap());
        assert!(fs.lock("lock").unwrap().is_none());
    });
}

#[test]
fn one_run_of_the_machine_has_one_boot_id() {
    on_each(|fs| assert_eq!(fs.boot_id(), fs.boot_id()));
}

#[test]
fn threads_share_a_file() {
    on_each(|fs| {
        let file = fs.create_new("f").unwrap();
        std::thread::scope(|scope| {
            for number in 0..4_u8 {
                let file = &file;
                scope.spawn(move || {
                    for row in 0..50 {
                        let offset = row * 4 + u64::from(number);
                        write_all_at(&**file, &[number + 1], offset).unwrap();
                    }
                });
            }
        });
        assert_eq!(all(&*file), [1, 2, 3, 4].repeat(50));
    });
}
