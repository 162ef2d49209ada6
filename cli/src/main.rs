//! The batpak program.

fn main() {}
