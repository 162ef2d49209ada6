//! Tests of segments: one file for each part of the format.

mod fence;
mod footer;
mod group;
mod header;
mod hostile;
mod name;
mod reader;
