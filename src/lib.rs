//! What batpak is called by.
