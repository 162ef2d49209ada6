//! What a crash leaves of the bytes of a file.

use super::*;

#[test]
fn what_was_not_synced_is_lost_or_kept_whole_at_the_extremes() {
    let (fs, file) = with_file(b"durable!");
    write(&*file, 4, b"WRITTEN");
    assert_eq!(left(&fs, NOTHING), b"durable!");
    assert_eq!(fs.durable_bytes("f").unwrap(), b"durable!");
    assert_eq!(left(&fs, ALL), b"duraWRITTEN");
    assert_eq!(fs.bytes("f").unwrap(), b"duraWRITTEN");
}

#[test]
fn what_was_synced_survives_everything() {
    let syncs: [fn(&dyn File) -> io::Result<()>; 2] =
        [|file| file.sync_data(), |file| file.sync_all()];
    for sync in syncs {
        let (fs, file) = with_file(b"");
        write(&*file, 0, b"synced");
        file.truncate(5).unwrap();
        sync(&*file).unwrap();
        assert_eq!(fs.pending_changes(), 0);
        assert_eq!(fs.durable_bytes("f").unwrap(), b"synce");
        crashes(&fs, SOME, bytes_of_f, |left| left == b"synce", &[]);
    }
}

#[test]
fn each_sector_of_a_write_is_lost_or_kept_alone() {
    let (fs, file) = with_file(&[b'.'; 12]);
    write(&*file, 2, b"abcdefgh");
    let allowed: Vec<Vec<u8>> = (0..8)
        .map(|kept| {
            let mut image = vec![b'.'; 12];
            for (number, (at, piece)) in [(2, "ab"), (4, "cdef"), (8, "gh")].iter().enumerate() {
                if kept >> number & 1 == 1 {
                    image[*at..at + piece.len()].copy_from_slice(piece.as_bytes());
                }
            }
            image
        })
        .collect();
    crashes(
        &fs,
        SOME,
        bytes_of_f,
        |left| allowed.contains(left),
        &allowed,
    );
    let whole = Loss::Power {
        sector: usize::MAX,
        keep: Keep::Some,
    };
    let (none, all) = (allowed[0].clone(), allowed[7].clone());
    let is_whole = |left: &Vec<u8>| *left == none || *left == all;
    crashes(&fs, whole, bytes_of_f, is_whole, &[]);
}

#[test]
fn a_later_write_may_survive_an_earlier_one() {
    let (fs, file) = with_file(&[b'.'; 8]);
    write(&*file, 0, b"1111");
    write(&*file, 4, b"2222");
    let wanted = [b"....2222".to_vec(), b"1111....".to_vec()];
    crashes(&fs, SOME, bytes_of_f, |_| true, &wanted);
}

#[test]
fn writes_of_one_place_are_applied_in_their_order() {
    let (fs, file) = with_file(b"....");
    write(&*file, 0, b"1111");
    write(&*file, 0, b"2222");
    let wanted = [&b"...."[..], b"1111", b"2222"].map(Vec::from);
    crashes(&fs, SOME, bytes_of_f, |left| wanted.contains(left), &wanted);
    assert_eq!(left(&fs, ALL), b"2222");
}

#[test]
fn a_length_survives_without_the_bytes_and_then_reads_as_zeros() {
    let (fs, file) = with_file(b"");
    write(&*file, 0, b"abcd");
    write(&*file, 4, b"efgh");
    let wanted = [
        &b""[..],
        b"\0\0\0\0",
        b"abcd",
        b"\0\0\0\0\0\0\0\0",
        b"\0\0\0\0efgh",
        b"abcd\0\0\0\0",
        b"abcdefgh",
    ]
    .map(Vec::from);
    crashes(&fs, SOME, bytes_of_f, |left| wanted.contains(left), &wanted);
}

#[test]
fn lengths_survive_up_to_one_of_them() {
    let (fs, file) = with_file(b"");
    for len in [3, 9, 6, 12] {
        file.truncate(len).unwrap();
    }
    file.allocate(0, 20).unwrap();
    let wanted = [0, 3, 9, 6, 12, 20];
    let length = |fs: &SimFs| bytes_of_f(fs).len();
    crashes(&fs, SOME, length, |left| wanted.contains(left), &wanted);
}

#[test]
fn what_a_surviving_truncation_cut_off_never_comes_back() {
    let (fs, file) = with_file(b"oldoldold");
    write(&*file, 4, b"NEW");
    file.truncate(2).unwrap();
    file.truncate(8).unwrap();
    write(&*file, 7, b"x");
    let allowed = |left: &Vec<u8>| match left.len() {
        9 => true,
        2 => left == b"ol",
        8 => left.starts_with(b"ol\0\0\0\0\0"),
        _ => false,
    };
    let wanted = [&b"ol"[..], b"ol\0\0\0\0\0\0", b"ol\0\0\0\0\0x"].map(Vec::from);
    crashes(&fs, SOME, bytes_of_f, allowed, &wanted);
    file.sync_all().unwrap();
    assert_eq!(fs.durable_bytes("f").unwrap(), b"ol\0\0\0\0\0x");
}

#[test]
fn a_failed_sync_loses_what_the_next_one_reports_as_durable() {
    let (fs, file) = with_file(b"old.");
    write(&*file, 0, b"lost");
    write(&*file, 4, b"tail");
    fs.fail_next(FsCall::SyncData, Fault::Error(ErrorKind::Other));
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    file.sync_all().unwrap();
    assert_eq!(fs.bytes("f").unwrap(), b"losttail");
    assert_eq!(left(&fs, ALL), b"old.\0\0\0\0");
    write(&*file, 4, b"tail");
    file.sync_data().unwrap();
    assert_eq!(left(&fs, NOTHING), b"old.tail");
}

#[test]
fn a_failed_sync_leaves_the_length_pending() {
    let (fs, file) = with_file(b"");
    write(&*file, 0, b"lost");
    fs.fail_next(FsCall::SyncAll, Fault::Error(ErrorKind::Other));
    assert!(file.sync_all().is_err());
    let wanted = [vec![], vec![0; 4]];
    crashes(&fs, SOME, bytes_of_f, |left| wanted.contains(left), &wanted);
}

#[test]
fn after_a_lie_nothing_is_durable_until_an_honest_sync() {
    let (fs, file) = with_file(b"old");
    write(&*file, 0, b"new");
    fs.fail_next(FsCall::SyncData, Fault::Lie);
    file.sync_data().unwrap();
    assert_eq!(fs.injected(), 1);
    assert_eq!(left(&fs, NOTHING), b"old");
    assert_eq!(left(&fs, ALL), b"new");
    file.sync_data().unwrap();
    assert_eq!(left(&fs, NOTHING), b"new");
}

#[test]
fn a_killed_process_loses_nothing_that_a_later_power_cut_still_can() {
    let (fs, file) = with_file(b"old");
    write(&*file, 0, b"new");
    fs.create_new("g").unwrap();
    let killed = fs.crash(Loss::Kill, &mut seeded_random());
    assert_eq!(killed.bytes("f").unwrap(), b"new");
    assert_eq!(killed.files(), ["f", "g"]);
    assert_eq!(killed.boot_id(), fs.boot_id());
    assert_eq!(killed.pending_changes(), fs.pending_changes());
    assert_eq!(left(&killed, NOTHING), b"old");
    assert!(
        !killed
            .crash(NOTHING, &mut seeded_random())
            .exists("g")
            .unwrap()
    );
    let again = killed.open("f", Access::Read).unwrap();
    again.sync_data().unwrap();
    assert_eq!(left(&killed, NOTHING), b"new", "whoever syncs");
    assert_eq!(left(&fs, NOTHING), b"old", "they are two disks");
}

#[test]
fn a_power_cut_leaves_nothing_pending_and_can_be_repeated() {
    let (fs, file) = with_file(b"");
    let mut random = seeded_random();
    write(&*file, 0, &[1; 100]);
    let first = fs.crash(SOME, &mut random);
    assert_eq!(first.pending_changes(), 0);
    assert_ne!(first.boot_id(), fs.boot_id());
    let bytes = first.bytes("f").unwrap();
    assert_eq!(left(&first, NOTHING), bytes);
    write(&*first.open("f", Access::ReadWrite).unwrap(), 0, &[2; 50]);
    assert_eq!(left(&first, NOTHING), bytes);
    let second = first.crash(ALL, &mut random);
    assert_eq!(second.bytes("f").unwrap()[..50], [2; 50]);
    assert_ne!(second.boot_id(), first.boot_id());
    let unknown = fs.with_boot_id(None).crash(ALL, &mut random);
    assert_eq!(unknown.boot_id(), None);
}

#[test]
fn a_fork_is_the_same_disk_apart() {
    let (fs, file) = with_file(b"old");
    write(&*file, 0, b"new");
    let _held = fs.lock("lock").unwrap();
    fs.fail_from(0, None, Fault::Error(ErrorKind::Other));
    fs.die();
    let fork = fs.fork();
    assert_eq!((fork.calls(), fork.injected()), (0, 0));
    assert_eq!(fork.pending_changes(), fs.pending_changes());
    assert_eq!(fork.boot_id(), fs.boot_id());
    assert!(fork.lock("lock").unwrap().is_some());
    assert_eq!(left(&fork, NOTHING), b"old");
    let forked = fork.open("f", Access::ReadWrite).unwrap();
    write(&*forked, 0, b"two");
    forked.sync_data().unwrap();
    assert_eq!(fs.bytes("f").unwrap(), b"new");
    assert_eq!(fs.durable_bytes("f").unwrap(), b"old");
}

#[test]
fn one_seed_makes_one_image() {
    let (fs, file) = with_file(&[0; 200]);
    for at in 0..20 {
        write(&*file, at * 13, &[u8::try_from(at).unwrap() + 1; 17]);
        fs.create_new(&format!("g{at}")).unwrap();
    }
    let seed = seeded_random().u64(..);
    let image = |seed| {
        let image = fs.crash(SOME, &mut fastrand::Rng::with_seed(seed));
        (image.files(), bytes_of_f(&image), image.boot_id())
    };
    assert_eq!(image(seed), image(seed));
    assert_ne!(image(seed), image(seed ^ 1));
}

#[test]
fn a_torn_sync_leaves_some_sectors_and_shows_calls_no_more() {
    let written = [7; 4096];
    let mut kept = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let disk = SimFs::new();
        let file = disk.create_new("f").unwrap();
        disk.sync_directory("").unwrap();
        write_all_at(&*file, &written, 0).unwrap();
        disk.fail_next(FsCall::SyncAll, Fault::Torn(seed));
        assert!(file.sync_all().is_err());
        let bytes = disk.bytes("f").unwrap();
        assert_eq!(disk.durable_bytes("f").unwrap(), bytes);
        assert_eq!((bytes.len(), disk.pending_changes()), (4096, 0));
        for sector in bytes.chunks(512) {
            assert!(sector == [7; 512] || sector == [0; 512]);
        }
        kept.insert(bytes.chunks(512).filter(|sector| sector[0] == 7).count());
    }
    assert!(kept.len() > 3, "seeds differ: {kept:?}");
}
