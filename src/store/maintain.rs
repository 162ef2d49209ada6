//! Looking after a store.

use super::{Open, Store, StoreDiagnostics, StoreStats, WriterPressure};
#[cfg(feature = "testkit")]
use batpak_actors::engine::Engine;

impl Store<Open> {
    /// Runs one step of a stepped engine; `false` when nothing can run.
    #[cfg(feature = "testkit")]
    pub(crate) fn step(&self) -> bool {
        self.owned.as_ref().is_some_and(Engine::step)
    }

    /// Makes one of the engine's actors panic as if by a bug, to see that nothing is lost.
    #[doc(hidden)]
    pub fn panic_actor_for_test(&self, actor: &str) {
        if let Some(engine) = &self.owned {
            engine.panic_for_test(actor);
        }
    }
}

impl<State> Store<State> {
    pub(super) fn pressure(&self) -> WriterPressure {
        let (queue_len, capacity) = self.shared.engine.writer_queue();
        WriterPressure {
            queue_len,
            capacity,
        }
    }

    /// Returns the store's size.
    pub fn stats(&self) -> StoreStats {
        let view = self.shared.engine.reader().view();
        StoreStats {
            event_count: usize::try_from(view.event_count()).unwrap_or(usize::MAX),
            global_sequence: view.visible(),
            segments: view.segment_count(),
            bytes_on_disk: self.shared.engine.reader().bytes_on_disk(),
            entities_at_most: view.entities_in_parts(),
        }
    }

    /// Returns the state of every part of the store.
    pub fn diagnostics(&self) -> StoreDiagnostics {
        let shared = &self.shared;
        let view = shared.engine.reader().view();
        StoreDiagnostics {
            event_count: usize::try_from(view.event_count()).unwrap_or(usize::MAX),
            global_sequence: view.visible(),
            visible_sequence: view.visible(),
            data_dir: shared.config.data_dir.clone(),
            segment_max_bytes: shared.config.segment_max_bytes,
            fd_budget: shared.config.fd_budget,
            restart_policy: shared.config.writer.restart_policy.clone(),
            writer_pressure: self.pressure(),
            index_layout: shared.config.index.layout.name(),
            tile_count: view.part_count(),
            events_in_memory: view.events_in_memory(),
            open_report: Some(shared.opened.clone()),
            recovery: shared.recovery.clone(),
            actors: self
                .owned
                .as_ref()
                .map(|engine| engine.health())
                .unwrap_or_default(),
            read_fault: (*shared.read_fault.load()).clone(),
            reaction_fault: (*shared.reaction_fault.load()).clone(),
        }
    }
}
