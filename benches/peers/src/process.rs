//! What the system tells about this process and about a store's files.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{SeekFrom as Place, seek};
use rustix::io::Errno;

const BLOCK_BYTES: u64 = 512;

/// The memory that this process holds, in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// All of it.
    pub(crate) resident: f64,
    /// What belongs to no file.
    pub(crate) anonymous: f64,
    /// Pages of mapped files, which the system may take back.
    pub(crate) file: f64,
    /// The most that was ever resident.
    pub(crate) peak: f64,
}

impl Memory {
    /// Reads what the system says now.
    pub(crate) fn now() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status").context("memory is read on Linux")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            let number = number.with_context(|| format!("the system tells no {name}"))?;
            Ok::<f64, anyhow::Error>(number.parse()?)
        };
        Ok(Self {
            resident: field("VmRSS")?,
            anonymous: field("RssAnon")?,
            file: field("RssFile")?,
            peak: field("VmHWM")?,
        })
    }
}

/// What a store takes on the disk, in bytes.
#[derive(Default)]
pub(crate) struct Disk {
    /// The sum of the lengths of its files.
    pub(crate) length: u64,
    /// What the file system has allocated for them.
    pub(crate) allocated: u64,
}

impl Disk {
    /// Adds up all files below a directory.
    pub(crate) fn of(directory: &Path) -> Result<Self> {
        let mut disk = Self::default();
        visit_files(directory, &mut |file| {
            let metadata = fs::metadata(file)?;
            disk.length += metadata.len();
            disk.allocated += metadata.blocks() * BLOCK_BYTES;
            Ok(())
        })?;
        Ok(disk)
    }
}

fn visit_files(directory: &Path, visit: &mut impl FnMut(&Path) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            visit_files(&path, visit)?;
        } else {
            visit(&path)?;
        }
    }
    Ok(())
}

/// Reads all files once, so that every measurement finds them in the system's page cache.
pub(crate) fn warm(directory: &Path) -> Result<()> {
    visit_files(directory, &mut |path| {
        let file = File::open(path)?;
        for data in data_of(&file)? {
            copy_range(&file, &data, &mut io::sink())?;
        }
        Ok(())
    })
}

/// Copies a store, durably: no write of the copy is left to disturb a measurement. Holes in files
/// stay holes.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            copy_file(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let (from, mut to) = (File::open(from)?, File::create_new(to)?);
    to.set_len(from.metadata()?.len())?;
    for data in data_of(&from)? {
        to.seek(SeekFrom::Start(data.start))?;
        copy_range(&from, &data, &mut to)?;
    }
    Ok(to.sync_all()?)
}

fn copy_range(mut from: &File, data: &Range<u64>, to: &mut impl Write) -> Result<()> {
    from.seek(SeekFrom::Start(data.start))?;
    io::copy(&mut from.take(data.end - data.start), to)?;
    Ok(())
}

/// Returns the parts of a file that are not holes.
fn data_of(file: &File) -> Result<Vec<Range<u64>>> {
    let mut parts = Vec::new();
    let mut at = 0;
    loop {
        let start = match seek(file, Place::Data(at)) {
            Ok(start) => start,
            // There is no more data.
            Err(Errno::NXIO) => return Ok(parts),
            Err(error) => return Err(error.into()),
        };
        at = seek(file, Place::Hole(start))?;
        parts.push(start..at);
    }
}

/// Waits until the system has written what earlier measurements left behind.
pub(crate) fn settle() {
    rustix::fs::sync();
}
