//! What a crash leaves of the names.

use super::*;

fn files(fs: &SimFs) -> Vec<String> {
    fs.files()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().copied().map(String::from).collect()
}

#[test]
fn a_synced_file_without_a_synced_name_is_lost() {
    let fs = SimFs::new();
    let file = fs.create_new("f").unwrap();
    write(&*file, 0, b"synced");
    file.sync_all().unwrap();
    assert_eq!(kind_of(fs.durable_bytes("f")), ErrorKind::NotFound);
    let wanted = [names(&[]), names(&["f"])];
    crashes(&fs, SOME, files, |left| wanted.contains(left), &wanted);
    fs.sync_directory("").unwrap();
    assert_eq!(left(&fs, NOTHING), b"synced");
    crashes(&fs, SOME, files, |left| *left == wanted[1], &[]);
}

#[test]
fn a_synced_name_without_synced_bytes_is_an_empty_file() {
    let fs = SimFs::new();
    write(&*fs.create_new("f").unwrap(), 0, b"not synced");
    fs.sync_directory("").unwrap();
    assert_eq!(left(&fs, NOTHING), b"");
}

#[test]
fn names_survive_in_any_choice() {
    let fs = SimFs::new();
    fs.create_new("a").unwrap();
    fs.create_new("b").unwrap();
    let wanted = [&[][..], &["a"], &["b"], &["a", "b"]].map(names);
    crashes(&fs, SOME, files, |left| wanted.contains(left), &wanted);
}

/// As of an ordered journal; a choice of any of so many is hardly ever such a one.
#[test]
fn names_often_survive_up_to_one_of_them() {
    let fs = SimFs::new();
    let all: Vec<_> = ('a'..='z').map(String::from).collect();
    for name in &all {
        fs.create_new(name).unwrap();
    }
    let mut random = seeded_random();
    let in_order = |left: &Vec<String>| all.starts_with(left) && (4..22).contains(&left.len());
    let images = (0..2_000).map(|_| fs.crash(SOME, &mut random).files());
    let count = images.filter(in_order).count();
    assert!(count > 40, "{count}");
}

#[test]
fn a_call_that_changes_no_name_leaves_nothing_pending() {
    let (fs, _file) = with_file(b"");
    fs.create_directory("d").unwrap();
    fs.sync_directory("").unwrap();
    fs.create_directory("d").unwrap();
    fs.rename("f", "f").unwrap();
    assert!(fs.create_new("f").is_err());
    assert_eq!(fs.pending_changes(), 0);
}

#[test]
fn a_removal_may_be_undone_until_it_is_synced() {
    let (fs, file) = with_file(b"kept");
    fs.remove("f").unwrap();
    drop(file);
    let wanted = [names(&[]), names(&["f"])];
    crashes(&fs, SOME, files, |left| wanted.contains(left), &wanted);
    assert_eq!(left(&fs, NOTHING), b"kept");
    fs.sync_directory("").unwrap();
    crashes(&fs, SOME, files, |left| left.is_empty(), &[]);
}

#[test]
fn a_rename_happens_as_a_whole() {
    let fs = SimFs::new();
    fs.set_bytes("d/new", b"new".to_vec());
    fs.set_bytes("e/old", b"old".to_vec());
    fs.rename("d/new", "e/old").unwrap();
    let seen = |fs: &SimFs| (fs.files(), fs.bytes("e/old").unwrap());
    let before = (names(&["d/new", "e/old"]), b"old".to_vec());
    let after = (names(&["e/old"]), b"new".to_vec());
    let wanted = [before, after.clone()];
    crashes(&fs, SOME, seen, |left| wanted.contains(left), &wanted);
    for directory in ["d", "e"] {
        let fork = fs.fork();
        fork.sync_directory("").unwrap();
        crashes(&fork, NOTHING, seen, |left| *left == wanted[0], &[]);
        fork.sync_directory(directory).unwrap();
        crashes(&fork, SOME, seen, |left| *left == after, &[]);
    }
}

/// No file is under two names or, while it was never removed, under none.
#[test]
fn two_changes_of_one_name_are_not_swapped() {
    let fs = SimFs::new();
    fs.set_bytes("f", b"1".to_vec());
    fs.rename("f", "g").unwrap();
    write(&*fs.create_new("f").unwrap(), 0, b"2");
    fs.rename("g", "h").unwrap();
    let allowed = |left: &Vec<Vec<u8>>| {
        let first = left.iter().filter(|bytes| *bytes == b"1").count();
        first == 1 && left.len() <= 2
    };
    let contents = |fs: &SimFs| {
        let bytes = fs.files().into_iter().map(|name| fs.bytes(&name).unwrap());
        bytes.collect()
    };
    crashes(&fs, SOME, contents, allowed, &[]);
}

#[test]
fn a_rename_of_a_new_file_names_it_even_when_its_creation_was_not_synced() {
    let fs = SimFs::new();
    create_atomically(&fs, "f", b"one").unwrap();
    fs.fail_next(FsCall::SyncDirectory, Fault::Lie);
    create_atomically(&fs, "f", b"two").unwrap();
    let seen = |fs: &SimFs| (fs.files(), bytes_of_f(fs));
    let wanted = [
        (names(&["f"]), b"one".to_vec()),
        (names(&["f", "f.tmp"]), b"one".to_vec()),
        (names(&["f"]), b"two".to_vec()),
    ];
    crashes(&fs, SOME, seen, |left| wanted.contains(left), &wanted);
    fs.sync_directory("").unwrap();
    crashes(&fs, SOME, seen, |left| *left == wanted[2], &[]);
}

#[test]
fn a_directory_that_is_lost_takes_its_files_along() {
    let fs = SimFs::new();
    fs.create_directory("d").unwrap();
    fs.create_directory("d/e").unwrap();
    write(&*fs.create_new("d/e/f").unwrap(), 0, b"x");
    fs.sync_directory("d/e").unwrap();
    fs.sync_directory("d").unwrap();
    assert_eq!(kind_of(fs.durable_bytes("d/e/f")), ErrorKind::NotFound);
    let image = fs.crash(NOTHING, &mut seeded_random());
    assert!(image.files().is_empty() && !image.exists("d").unwrap());
    assert!(!image.exists("d/e").unwrap());
    fs.sync_directory("").unwrap();
    let image = fs.crash(NOTHING, &mut seeded_random());
    assert_eq!(image.files(), ["d/e/f"]);
}

#[test]
fn a_directory_that_cannot_be_synced_stays_pending() {
    for fault in [Fault::Error(ErrorKind::Other), Fault::Lie] {
        let fs = SimFs::new();
        fs.create_new("f").unwrap();
        fs.fail_next(FsCall::SyncDirectory, fault);
        assert_eq!(fs.sync_directory("").is_ok(), fault == Fault::Lie);
        let image = |loss| fs.crash(loss, &mut seeded_random());
        assert!(image(NOTHING).files().is_empty(), "{fault:?}");
        assert_eq!(image(ALL).files(), ["f"], "{fault:?}");
    }
}

#[test]
fn a_lock_creates_a_file_that_is_not_durable() {
    let fs = SimFs::new();
    let held = fs.lock("lock").unwrap().unwrap();
    assert_eq!(fs.files(), ["lock"]);
    let killed = fs.crash(Loss::Kill, &mut seeded_random());
    assert!(killed.lock("lock").unwrap().is_some(), "its holder is dead");
    assert!(fs.crash(NOTHING, &mut seeded_random()).files().is_empty());
    assert!(fs.lock("lock").unwrap().is_none());
    fs.die();
    drop(held);
    assert!(enter(&fs.disk).locks.is_empty());
}

#[test]
fn a_file_that_nobody_can_reach_takes_no_memory() {
    let (fs, file) = with_file(b"x");
    for _ in 0..10 {
        create_atomically(&fs, "f", b"y").unwrap();
    }
    let count = |fs: &SimFs| enter(&fs.disk).inodes.len();
    assert_eq!(count(&fs), 2, "one has a name, one is open");
    let killed = fs.crash(Loss::Kill, &mut seeded_random());
    assert_eq!((count(&fs.fork()), count(&killed)), (1, 1), "none is open");
    drop(file);
    assert_eq!(count(&fs), 1);
}
