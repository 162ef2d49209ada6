//! A cache of projected states in a directory: a file for each key.
//!
//! A file holds, in this order: a tag of eight bytes, the length of the key (u32), the key, the
//! watermark (u64), the time (i64), the value, and the blake3 hash of all that. Numbers are
//! big-endian. It replaces the one before it as a whole, so a reader finds the old or the new.

use super::{CacheCapabilities, CacheMeta, ProjectionCache};
use crate::event::hash::compute_hash;
use crate::store::StoreError;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The first bytes of every file; the last of them is the version.
const TAG: &[u8; 8] = b"batpakc\x01";
const HASH_BYTES: usize = 32;
/// A name says this much of a key; a file system allows 255 bytes.
const KEY_BYTES_IN_NAME: usize = 80;
const EXTENSION: &str = "bin";

/// Keeps projected states in a directory, a file for each key, in folders by the key's first byte.
///
/// Several processes may share a directory. Nothing is synced: what a power cut takes is folded
/// again, and a file that it leaves damaged fails its checksum, is removed and counts as missing.
/// A symbolic link in the place of the directory, a folder or a file is refused.
///
/// The files are small and stay until [`delete_prefix`](ProjectionCache::delete_prefix) removes
/// them; the directory may be emptied at any time.
#[derive(Debug)]
pub struct NativeCache {
    root: PathBuf,
}

impl NativeCache {
    /// Opens a cache in a directory, and creates it if it is not there.
    ///
    /// # Errors
    /// `CacheFailed` when the directory cannot be made or is a symbolic link.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let cache = Self::at(path.as_ref())?;
        fs::create_dir_all(&cache.root).map_err(failed)?;
        Ok(cache)
    }

    /// As [`open`](Self::open), for one who only looks: creates nothing.
    pub(in crate::store) fn at(path: &Path) -> Result<Self, StoreError> {
        refuse_link(path)?;
        Ok(Self {
            root: path.to_path_buf(),
        })
    }

    fn path(&self, key: &[u8]) -> PathBuf {
        let mut name = hex(key.get(..KEY_BYTES_IN_NAME).unwrap_or(key));
        if key.len() > KEY_BYTES_IN_NAME {
            // Long keys that begin alike are told apart by their hash.
            name.push('-');
            name.push_str(&hex(compute_hash(key).get(..16).unwrap_or(&[])));
        }
        self.root
            .join(folder(key))
            .join(format!("{name}.{EXTENSION}"))
    }

    /// Reads a file; one that is not what it should be is removed.
    fn read(&self, path: &Path) -> Result<Option<(Vec<u8>, Entry)>, StoreError> {
        refuse_link(path)?;
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let entry = Entry::parse(&bytes);
        if entry.is_none() {
            tracing::warn!(path = %path.display(), "a cached projection is damaged and is dropped");
            // Somebody else may have been quicker; the next put replaces it anyway.
            let _ = fs::remove_file(path);
        }
        Ok(entry.map(|entry| (bytes, entry)))
    }

    /// The files of a folder whose names allow for a key that begins with `prefix`.
    fn candidates(folder: &Path, prefix: &[u8]) -> Result<Vec<PathBuf>, StoreError> {
        let shown = hex(prefix.get(..KEY_BYTES_IN_NAME).unwrap_or(prefix));
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let is_value = path.extension() == Some(OsStr::new(EXTENSION));
            let name = path.file_stem().and_then(OsStr::to_str);
            if is_value && name.is_some_and(|name| name.starts_with(&shown)) {
                found.push(path);
            }
        }
        Ok(found)
    }
}

/// Where the parts of a file stand.
struct Entry {
    key: std::ops::Range<usize>,
    value: std::ops::Range<usize>,
    meta: CacheMeta,
}

impl Entry {
    fn write(key: &[u8], value: &[u8], meta: &CacheMeta) -> Result<Vec<u8>, StoreError> {
        let key_len = u32::try_from(key.len()).map_err(failed)?;
        let room = TAG.len() + 4 + key.len() + 16 + value.len() + HASH_BYTES;
        let mut bytes = Vec::with_capacity(room);
        bytes.extend_from_slice(TAG);
        bytes.extend_from_slice(&key_len.to_be_bytes());
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(&meta.watermark.to_be_bytes());
        bytes.extend_from_slice(&meta.cached_at_us.to_be_bytes());
        bytes.extend_from_slice(value);
        let hash = compute_hash(&bytes);
        bytes.extend_from_slice(&hash);
        Ok(bytes)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (body, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH_BYTES)?)?;
        if compute_hash(body) != *hash {
            return None;
        }
        let rest = body.strip_prefix(TAG)?;
        let (key_len, rest) = rest.split_first_chunk::<4>()?;
        let key_len = usize::try_from(u32::from_be_bytes(*key_len)).ok()?;
        let rest = rest.get(key_len..)?;
        let (watermark, rest) = rest.split_first_chunk::<8>()?;
        let (cached_at_us, value) = rest.split_first_chunk::<8>()?;
        let key_start = TAG.len() + 4;
        Some(Self {
            key: key_start..key_start + key_len,
            value: body.len() - value.len()..body.len(),
            meta: CacheMeta {
                watermark: u64::from_be_bytes(*watermark),
                cached_at_us: i64::from_be_bytes(*cached_at_us),
            },
        })
    }
}

impl ProjectionCache for NativeCache {
    fn capabilities(&self) -> CacheCapabilities {
        CacheCapabilities::none()
    }

    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, CacheMeta)>, StoreError> {
        let path = self.path(key);
        if let Some(folder) = path.parent() {
            refuse_link(folder)?;
        }
        let Some((mut bytes, entry)) = self.read(&path)? else {
            return Ok(None);
        };
        if bytes.get(entry.key) != Some(key) {
            return Ok(None);
        }
        bytes.truncate(entry.value.end);
        bytes.drain(..entry.value.start);
        Ok(Some((bytes, entry.meta)))
    }

    fn put(&self, key: &[u8], value: &[u8], meta: CacheMeta) -> Result<(), StoreError> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root);
        refuse_link(folder)?;
        fs::create_dir_all(folder).map_err(failed)?;
        refuse_link(&path)?;
        let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(&Entry::write(key, value, &meta)?)
            .map_err(failed)?;
        file.persist(&path).map_err(failed)?;
        Ok(())
    }

    fn delete_prefix(&self, prefix: &[u8]) -> Result<u64, StoreError> {
        let folders = match fs::read_dir(&self.root) {
            Ok(folders) => folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(failed(error)),
        };
        let mut deleted = 0;
        for entry in folders {
            let path = entry.map_err(failed)?.path();
            let is_folder = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
            let fits = prefix.is_empty() || path.file_name() == Some(OsStr::new(&folder(prefix)));
            if !is_folder || !fits {
                continue;
            }
            for path in Self::candidates(&path, prefix)? {
                // Where the prefix is longer than what a name says, the file itself says the rest.
                let begins = prefix.len() <= KEY_BYTES_IN_NAME
                    || self.read(&path)?.is_some_and(|(bytes, entry)| {
                        let key = bytes.get(entry.key);
                        key.is_some_and(|key| key.starts_with(prefix))
                    });
                if begins && fs::remove_file(path).is_ok() {
                    deleted += 1;
                }
            }
        }
        Ok(deleted)
    }

    /// Does nothing: what is lost is folded again.
    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The folder of the keys that begin with the same byte.
fn folder(key: &[u8]) -> String {
    hex(key.get(..1).unwrap_or(&[0]))
}

fn refuse_link(path: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_symlink() => Err(StoreError::CacheFailed(
            format!(
                "{} is a symbolic link: a cache does not follow any",
                path.display()
            )
            .into(),
        )),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::CacheFailed(Box::new(error))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
