//! Random runs, whose crashes obey the rules that hold for all of them.

use super::*;

const NAMES: [&str; 5] = ["a", "b", "d/a", "d/b", "d/c"];

/// Makes one random call; errors are part of it.
fn step(fs: &SimFs, open: &mut Vec<Arc<dyn File>>, random: &mut fastrand::Rng) {
    let name = NAMES[random.usize(..NAMES.len())];
    let other = NAMES[random.usize(..NAMES.len())];
    let at = random.u64(..40);
    let file = random.usize(..).checked_rem(open.len());
    let file = file.map(|index| Arc::clone(&open[index]));
    match (random.u8(..12), file) {
        (0, _) => open.extend(fs.create_new(name)),
        (1, _) => open.extend(fs.open(name, Access::ReadWrite)),
        (2, _) => drop(fs.rename(name, other)),
        (3, _) => drop(fs.remove(name)),
        (4, _) => drop(fs.create_directory("d")),
        (5, _) => drop(fs.sync_directory(if random.bool() { "" } else { "d" })),
        (6, Some(file)) => file.sync_data().unwrap(),
        (7, Some(file)) => file.truncate(at).unwrap(),
        (8, Some(file)) => file.allocate(at, 5).unwrap(),
        (9, _) => open.truncate(4),
        (_, Some(file)) => write(&*file, at, &[random.u8(1..); 9]),
        (_, None) => {}
    }
}

fn contents(fs: &SimFs) -> Vec<(String, Vec<u8>)> {
    let with_bytes = |name: String| {
        let bytes = fs.bytes(&name).unwrap();
        (name, bytes)
    };
    fs.files().into_iter().map(with_bytes).collect()
}

/// Lists what would be left if nothing that is pending survived.
fn durable(fs: &SimFs) -> Vec<(String, Vec<u8>)> {
    let with_bytes = |name: &str| Some((name.to_owned(), fs.durable_bytes(name).ok()?));
    NAMES.into_iter().filter_map(with_bytes).collect()
}

#[test]
fn all_is_what_was_seen_and_nothing_is_what_is_durable() {
    let mut random = seeded_random();
    for _ in 0..100 {
        let (fs, mut open) = (SimFs::new(), Vec::new());
        for _ in 0..60 {
            step(&fs, &mut open, &mut random);
            let seen = contents(&fs);
            assert_eq!(contents(&fs.crash(ALL, &mut random)), seen);
            assert_eq!(contents(&fs.crash(NOTHING, &mut random)), durable(&fs));
            let killed = fs.crash(Loss::Kill, &mut random);
            assert_eq!((contents(&killed), durable(&killed)), (seen, durable(&fs)));
            let some = fs.crash(SOME, &mut random);
            assert_eq!(durable(&some), contents(&some));
            assert_eq!(some.pending_changes(), 0);
        }
    }
}

#[test]
fn after_syncing_everything_nothing_can_be_lost() {
    let mut random = seeded_random();
    for _ in 0..100 {
        let (fs, mut open) = (SimFs::new(), Vec::new());
        for _ in 0..60 {
            step(&fs, &mut open, &mut random);
        }
        open.clear();
        for name in fs.files() {
            let file = fs.open(&name, Access::Read).unwrap();
            file.sync_all().unwrap();
        }
        fs.sync_directory("").unwrap();
        drop(fs.sync_directory("d"));
        assert_eq!(fs.pending_changes(), 0);
        assert_eq!(contents(&fs.crash(SOME, &mut random)), contents(&fs));
    }
}
