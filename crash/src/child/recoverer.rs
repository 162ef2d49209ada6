//! A process that opens a store once, mends it, and says what it found.

use super::{describe, tell};
use anyhow::Result;
use batpak::prelude::*;
use std::path::Path;

pub(super) fn recover(directory: &Path) -> Result<()> {
    let store = match Store::open(StoreConfig::new(directory)) {
        Ok(store) => store,
        Err(error) => {
            tell(&format!("not-open {}", describe(&error)));
            return Ok(());
        }
    };
    let found = store.diagnostics().recovery;
    tell(&format!(
        "open unclean={} rebooted={} truncated={}",
        found.unclean, found.rebooted, found.truncated_bytes
    ));
    store.close()?;
    tell("closed");
    Ok(())
}
