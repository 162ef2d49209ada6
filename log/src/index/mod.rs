//! Index runs: files beside a segment that say where its events stand.
//!
//! A run indexes whole groups that follow each other. [`RunBuilder`] makes one out of groups,
//! [`RunMerge`] makes one out of neighbours, [`IndexRun`] answers from one. Runs are advisory: the
//! groups are the truth, and a run that is damaged is removed and built again. This module owns
//! their bytes; it never opens, names or removes a file, and keeps no page: that is the caller's.

mod builder;
mod dictionary;
mod dictionary_page;
mod filter;
mod frames;
mod hash;
mod header;
mod ids;
mod list;
mod lookup;
mod merge;
mod merge_dictionary;
mod merge_ids;
mod name;
mod page;
mod postings;
mod run;
mod stream;
mod tables;
mod varint;
mod writer;

pub use builder::RunBuilder;
pub use frames::{FramePlace, Frames};
pub use ids::Candidates;
pub use lookup::{Keys, Kinds};
pub use merge::{MergeStep, RunMerge};
pub use name::RunName;
pub use page::{Page, Pages};
pub use postings::{Numbers, Postings};
pub use run::IndexRun;

#[cfg(test)]
mod tests;
