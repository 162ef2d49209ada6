//! How deep reactions to reactions are.

use crate::event::EventHeader;
use crate::event::header::FLAG_REACTION;
use crate::store::{Shared, StoreError};
use std::collections::HashMap;

/// The depths of so many events are remembered.
const REMEMBERED_MAX: usize = 4096;

/// Counts how many reactions follow from each other up to an event.
///
/// An event that a reaction loop appended says so in its flags and names its cause; so the chain
/// can be walked back through all loops, also after a restart.
#[derive(Debug, Default)]
pub(super) struct Chain {
    remembered: HashMap<u128, u32>,
}

impl Chain {
    /// Returns how many reactions led to an event, 0 for one that no loop appended; counts no
    /// further than one over `max`.
    pub(super) fn depth(
        &mut self,
        shared: &Shared,
        event: &EventHeader,
        max: u32,
    ) -> Result<u32, StoreError> {
        let mut depth = 0;
        let (mut flags, mut cause) = (event.flags, event.causation_id);
        while flags & FLAG_REACTION != 0 && depth <= max {
            depth += 1;
            let Some(cause_id) = cause else { break };
            if let Some(known) = self.remembered.get(&cause_id) {
                depth = depth.saturating_add(*known);
                break;
            }
            match shared.engine.reader().raw_with(cause_id, |_| ()) {
                Ok(before) => (flags, cause) = (before.flags, before.causation_id),
                // It was removed, or never there: nothing is known of what came before.
                Err(StoreError::NotFound(_)) => break,
                Err(error) => return Err(error),
            }
        }
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(event.event_id, depth);
        Ok(depth)
    }
}
