//! What is done with an input: each body is a plain function that panics when it finds something.

pub(crate) mod cache;
pub(crate) mod directory;
mod frame;
mod group;
mod header;
mod ndjson;
mod run;
mod segment_end;
mod small_file;
mod version1;
pub(crate) mod words;

use crate::damage::damaged;
use crate::samples;
use crate::texts;

/// Something that reads bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it reads.
    pub about: &'static str,
    /// Tries an input; panics when what reads it does what it must not do.
    pub body: fn(&[u8]),
    /// Valid inputs, from which hostile ones are made.
    pub samples: fn() -> Vec<Vec<u8>>,
    /// Makes a hostile input of samples.
    pub make: fn(&mut fastrand::Rng, &[Vec<u8>], usize) -> Vec<u8>,
    /// No input is longer, in bytes.
    pub length_max: usize,
    /// How often `cargo test` tries it.
    pub small_tier: u64,
}

const KIB: usize = 1024;

/// Everything that reads bytes.
pub const TARGETS: [Target; 11] = [
    Target {
        name: "frame",
        about: "frames, public ones and those of a segment",
        body: frame::body,
        samples: samples::frames,
        make: damaged,
        length_max: 8 * KIB,
        small_tier: 20_000,
    },
    Target {
        name: "group",
        about: "groups, fences and torn tails of a segment, and the index of what is whole",
        body: group::body,
        samples: samples::groups,
        make: damaged,
        length_max: 16 * KIB,
        small_tier: 3_000,
    },
    Target {
        name: "header",
        about: "headers of segments",
        body: header::body,
        samples: samples::headers,
        make: damaged,
        length_max: 8 * KIB,
        small_tier: 20_000,
    },
    Target {
        name: "segment-end",
        about: "footers and trailers",
        body: segment_end::body,
        samples: samples::segment_ends,
        make: damaged,
        length_max: 4 * KIB,
        small_tier: 10_000,
    },
    Target {
        name: "run",
        about: "index runs: pages, filters, dictionaries, postings, gaps, and their merging",
        body: run::body,
        samples: samples::runs,
        make: damaged,
        length_max: 80 * KIB,
        small_tier: 400,
    },
    Target {
        name: "small-file",
        about: "checkpoints, poison marks and the ranges that version 1 hides",
        body: small_file::body,
        samples: samples::small_files,
        make: damaged,
        length_max: 4 * KIB,
        small_tier: 20_000,
    },
    Target {
        name: "cache",
        about: "files of a projection cache",
        body: cache::body,
        samples: samples::cache_files,
        make: damaged,
        length_max: 4 * KIB,
        small_tier: 1_000,
    },
    Target {
        name: "version1",
        about: "segments of the released batpak 0.5.0",
        body: version1::body,
        samples: samples::version1_segments,
        make: damaged,
        length_max: 16 * KIB,
        small_tier: 3_000,
    },
    Target {
        name: "directory",
        about: "whole directories: opened for reading and for writing, read, appended to",
        body: directory::body,
        samples: samples::directories,
        make: directory::damaged,
        length_max: 600 * KIB,
        small_tier: 120,
    },
    Target {
        name: "ndjson",
        about: "lines that are imported, and payloads that are exported as JSON",
        body: ndjson::body,
        samples: texts::lines,
        make: damaged,
        length_max: 8 * KIB,
        small_tier: 10_000,
    },
    Target {
        name: "words",
        about: "ids, coordinates, kinds, headers and outcomes in MessagePack and JSON, and names",
        body: words::body,
        samples: texts::words,
        make: damaged,
        length_max: 4 * KIB,
        small_tier: 5_000,
    },
];

/// Finds a target by its name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Takes the first byte off an input; it says how the rest is tried.
fn mode(data: &[u8]) -> Option<(u8, Vec<u8>)> {
    let (mode, rest) = data.split_first()?;
    Some((*mode, rest.to_vec()))
}

/// Set in a mode: checksums are made right before the bytes are read.
const SEALED: u8 = 1;
