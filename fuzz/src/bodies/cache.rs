use super::{SEALED, mode};
use crate::depth::reached;
use crate::memory::{READER, bounded};
use batpak::store::{CacheMeta, NativeCache, ProjectionCache};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// The key whose file is damaged; its name says all of it.
pub(crate) const KEY: &[u8] = b"entity:1\0sixteen bytes...";

thread_local! {
    /// A cache for each thread, so that bodies can run beside each other.
    static CACHE: (TempDir, NativeCache, PathBuf) = made();
}

fn made() -> (TempDir, NativeCache, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let cache = NativeCache::open(directory.path()).unwrap();
    put(&cache, b"a state");
    let folder = fs::read_dir(directory.path()).unwrap().next().unwrap();
    let file = fs::read_dir(folder.unwrap().path())
        .unwrap()
        .next()
        .unwrap();
    let path = file.unwrap().path();
    (directory, cache, path)
}

fn put(cache: &NativeCache, state: &[u8]) {
    let meta = CacheMeta {
        watermark: 12,
        cached_at_us: -5,
    };
    cache.put(KEY, state, meta).unwrap();
}

/// Returns what a cache writes.
pub(crate) fn sample(state: &[u8]) -> Vec<u8> {
    CACHE.with(|(_, cache, path)| {
        put(cache, state);
        fs::read(path).unwrap()
    })
}

pub(super) fn body(data: &[u8]) {
    let Some((mode, mut bytes)) = mode(data) else {
        return;
    };
    if mode & SEALED != 0 && bytes.len() >= 32 {
        bytes.truncate(bytes.len() - 32);
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
    }
    CACHE.with(|(_, cache, path)| {
        fs::write(path, &bytes).unwrap();
        let found = bounded(bytes.len(), READER, || cache.get(KEY)).unwrap();
        if let Some((value, meta)) = found {
            reached();
            cache.put(KEY, &value, meta).unwrap();
            assert_eq!(
                fs::read(path).unwrap(),
                bytes,
                "what is read is what was written"
            );
        }
        // What is damaged is gone, and what is put in its place is there.
        put(cache, b"another state");
        assert_eq!(cache.get(KEY).unwrap().unwrap().0, b"another state");
        assert_eq!(cache.delete_prefix(b"entity:1").unwrap(), 1);
    });
}
