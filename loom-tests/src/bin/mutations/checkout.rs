//! A copy of the workspace's sources that may be broken, with a target folder of its own.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::table::Mutation;

/// The copy. It stays where it is, so that the next run builds only what has changed.
#[derive(Debug)]
pub(crate) struct Checkout {
    root: PathBuf,
    /// Held as long as the copy is used.
    _lock: File,
}

impl Checkout {
    /// Brings the copy of the workspace at `original` up to date.
    pub(crate) fn of(original: &Path) -> Result<Self, String> {
        let scratch = original.join("target").join("loom-mutations");
        let root = scratch.join("sources");
        let prepared = fs::create_dir_all(&root)
            .and_then(|()| File::create(scratch.join("lock")))
            .and_then(|lock| lock.lock().map(|()| lock));
        let lock = prepared.map_err(|error| format!("{}: {error}", scratch.display()))?;
        copy(original, &root).map_err(|error| format!("copying the sources: {error}"))?;
        Ok(Self { root, _lock: lock })
    }

    /// Breaks one place, calls `work`, and mends it.
    pub(crate) fn with<T>(
        &self,
        mutation: &Mutation,
        work: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        let path = self.root.join(mutation.path);
        let whole = read(&path)?;
        write(&path, &mutated(mutation, &whole)?)?;
        let done = work();
        write(&path, &whole)?;
        done
    }

    /// Returns whether the mutation still fits the sources.
    pub(crate) fn fits(&self, mutation: &Mutation) -> Result<(), String> {
        let text = read(&self.root.join(mutation.path));
        let text = text.map_err(|error| format!("{}: {error}", mutation.name))?;
        mutated(mutation, &text).map(drop)
    }

    /// Builds the models of an edge as `cargo loom` does, and returns their program.
    pub(crate) fn build(&self, edge: &str) -> Result<PathBuf, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["loom", "--no-run", "--test", edge])
            .arg("--message-format=json-render-diagnostics")
            .current_dir(&self.root)
            // They would hide the flags by which a build is one of models.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        if !built.status.success() {
            let text = String::from_utf8_lossy(&built.stderr);
            return Err(format!("it does not build:\n{text}"));
        }
        let messages = String::from_utf8_lossy(&built.stdout);
        let name = format!("\"name\":\"{edge}\"");
        let program = messages.lines().find_map(|message| {
            let (_, program) = message.split_once("\"executable\":\"")?;
            let (program, _) = program.split_once('"')?;
            message
                .contains(&name)
                .then(|| program.replace(r"\\", r"\"))
        });
        program
            .map(PathBuf::from)
            .ok_or_else(|| format!("cargo names no program of {edge}"))
    }
}

/// Applies a mutation to the text of its file.
fn mutated(mutation: &Mutation, text: &str) -> Result<String, String> {
    match text.matches(mutation.find).count() {
        1 => Ok(text.replacen(mutation.find, mutation.replace, 1)),
        times => Err(format!(
            "{}: {} holds {:?} {times} times, and must once: the table is stale",
            mutation.name, mutation.path, mutation.find
        )),
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Makes `to` a copy of `from`. What is the same already is left as it is, so that cargo does not
/// build it again.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let source = if kind.is_dir() {
            is_of_sources(&name)
        } else {
            kind.is_file()
        };
        if !source {
            continue;
        }
        let (original, copied) = (entry.path(), to.join(&name));
        names.insert(name);
        if kind.is_dir() {
            copy(&original, &copied)?;
            continue;
        }
        let bytes = fs::read(&original)?;
        if fs::read(&copied).ok().as_ref() != Some(&bytes) {
            fs::write(&copied, &bytes)?;
        }
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        let name = entry.file_name();
        if names.contains(&name) || name == "target" {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

fn is_of_sources(folder: &OsStr) -> bool {
    let hidden = folder.to_string_lossy().starts_with('.');
    folder == ".cargo" || !hidden && folder != "target"
}
