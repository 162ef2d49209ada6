//! x
mod engines;
mod event;
fn main() {}
