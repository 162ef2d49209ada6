//! What batpak writes.
