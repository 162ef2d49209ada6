//! What batpak runs.
