//! The same vandal in the directory of a projection cache: what is projected stays the same.

use super::campaign::Tally;
use super::damages::{Others, surgery};
use super::ground::{Instead, Real};
use super::made::{Files, KIND, config, entities, made};
use super::verdict::Verdict;
use batpak::prelude::*;
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// How many events an entity has, and what they weigh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Weighed {
    events: u64,
    bytes: u64,
}

impl EventSourced for Weighed {
    type Input = RawMsgpackInput;

    fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
        let mut state = Self::default();
        events.iter().for_each(|event| state.apply_event(event));
        Some(state)
    }

    fn apply_event(&mut self, event: &ProjectionEvent<Self>) {
        self.events += 1;
        self.bytes += event.payload.len() as u64;
    }

    fn relevant_event_kinds() -> &'static [EventKind] {
        &[KIND]
    }

    fn supports_incremental_apply() -> bool {
        true
    }
}

fn project<S>(store: &Store<S>) -> Result<Vec<Option<Weighed>>, StoreError> {
    let of = |entity: String| store.project(&entity, &Freshness::Consistent);
    entities().map(of).collect()
}

/// Projects with a cache in this directory.
fn open(store: &Path, cache: &Path) -> Result<Vec<Option<Weighed>>, StoreError> {
    let store = Store::open_with_native_cache(config(store), cache)?;
    let projected = project(&store);
    store.close()?;
    projected
}

/// Returns what a store leaves in its cache.
fn cache_of(files: &Files) -> Files {
    let (real, cache) = (Real::new(files, &[]), tempfile::tempdir().unwrap());
    open(real.path(), cache.path()).unwrap();
    let mut found = Files::new();
    for folder in fs::read_dir(cache.path()).unwrap() {
        let folder = folder.unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let (folder, name) = (folder.file_name(), file.file_name());
            let name = format!("{}/{}", folder.display(), name.display());
            found.insert(name, fs::read(file.path()).unwrap());
        }
    }
    found
}

/// Damages the files of a cache; of so many damages one is done.
pub(crate) fn damage_cache(seed: u64, every: usize) -> Tally {
    let made = made(seed);
    let store = Real::new(&made.closed, &[]);
    let due = {
        let store = Store::open_read_only(config(store.path())).unwrap();
        project(&store).unwrap()
    };
    let base = cache_of(&made.closed);
    let others = Others {
        older: &cache_of(&made.older),
        stranger: &cache_of(&super::made::made(seed + 1).closed),
    };
    let mut tally = Tally::default();
    let mut random = Rng::with_seed(seed);
    let mut judge = |what: String, cache: &Real| {
        let verdict = match open(store.path(), cache.path()) {
            Ok(projected) if projected == due => Ok(Verdict::Same),
            Ok(projected) => Err(format!("projected is {projected:?}, and due is {due:?}")),
            Err(error) => Err(format!("refused: {error}")),
        };
        tally.add(|| format!("cache: {what}"), verdict);
    };
    for damaged in surgery(&base, &others, &mut random).iter().step_by(every) {
        judge(damaged.what.clone(), &Real::new(&damaged.files, &[]));
    }
    for name in base.keys() {
        let mut kinds = vec![Instead::Directory, Instead::Link("nowhere".into())];
        kinds.push(Instead::Link(name.clone()));
        for instead in kinds {
            let what = format!("{name} is a {instead:?}");
            judge(what, &Real::new(&base, &[(name.clone(), instead)]));
        }
    }
    for _ in 0..base.len() * 100 / every {
        let mut files = base.clone();
        let nth = random.usize(..files.len());
        let bytes = files.values_mut().nth(nth).unwrap();
        let at = random.usize(..bytes.len());
        bytes[at] ^= 1 << random.u8(0..8);
        judge(format!("file {nth}, byte {at}"), &Real::new(&files, &[]));
    }
    tally
}
