//! The mutations: each breaks the shipping code in one place.

/// One change to the shipping code that the models of an edge must notice.
#[derive(Debug)]
pub(crate) struct Mutation {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// The file in `loom-tests/tests/` that must fail, without `.rs`.
    pub(crate) edge: &'static str,
    /// The file that is changed, in the workspace.
    pub(crate) path: &'static str,
    /// What stands there, exactly once.
    pub(crate) find: &'static str,
    /// What takes its place.
    pub(crate) replace: &'static str,
    /// What is wrong then.
    pub(crate) why: &'static str,
}

/// All of them, by edge.
pub(crate) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "send-without-wake",
        edge: "mailbox",
        path: "actors/src/runtime/mailbox.rs",
        find: "self.signal.wake();",
        replace: "",
        why: "a host that has parked never looks into its mailbox",
    },
    Mutation {
        name: "no-second-look",
        edge: "mailbox",
        path: "actors/src/runtime/host.rs",
        find: "let worked = host.pass();",
        replace: "let worked = host.pass(); self.wake_up.0.take();",
        why: "a wake-up that came after the look into a mailbox is thrown away, and the host parks",
    },
    Mutation {
        name: "no-second-try",
        edge: "mailbox",
        path: "actors/src/runtime/outbox.rs",
        find: "self.mailbox.wake_when_room(signal);",
        replace: "self.mailbox.wake_when_room(signal); if true { return false; }",
        why: "room that was made before the registration wakes nobody, so the message stays",
    },
    Mutation {
        name: "room-wakes-nobody",
        edge: "mailbox",
        path: "actors/src/runtime/cell.rs",
        find: "self.mailbox.status.set_queued(self.queued.len());\n            \
               self.mailbox.room_was_made();",
        replace: "self.mailbox.status.set_queued(self.queued.len());",
        why: "an actor whose message found no room is not told when there is some",
    },
    Mutation {
        name: "bytes-wake-nobody",
        edge: "mailbox",
        path: "actors/src/runtime/budget.rs",
        find: "self.waiters.fetch_add(0, Ordering::AcqRel) > 0",
        replace: "self.waiters.fetch_add(0, Ordering::AcqRel) > 1",
        why: "a single sender that waits for bytes is not told when they are given back",
    },
    Mutation {
        name: "answer-dropped",
        edge: "reply",
        path: "actors/src/runtime/reply.rs",
        find: "=> deliver(Ok(value)),",
        replace: "=> drop((deliver, value)),",
        why: "the answer to an actor is dropped, and the actor waits for ever",
    },
    Mutation {
        name: "answer-to-caller-dropped",
        edge: "reply",
        path: "actors/src/runtime/reply.rs",
        find: "=> slot.fill(Some(value)),",
        replace: "=> slot.fill(Some(value).filter(|_| false)),",
        why: "the caller's reply closes although it was answered",
    },
    Mutation {
        name: "filled-without-bell",
        edge: "reply",
        path: "actors/src/runtime/reply_slot.rs",
        find: "self.filled.notify_one();",
        replace: "",
        why: "a caller that sleeps is not told that its answer is there",
    },
    Mutation {
        name: "close-untold",
        edge: "reply",
        path: "actors/src/runtime/reply.rs",
        find: "=> deliver(Err(Closed)),",
        replace: "=> drop(deliver),",
        why: "an actor is not told that its question was dropped, and waits for ever",
    },
    Mutation {
        name: "answer-without-wake",
        edge: "reply",
        path: "actors/src/runtime/desk.rs",
        find: "signal.wake();",
        replace: "drop(signal);",
        why: "the host of an actor that waits for an answer has parked and stays so",
    },
    Mutation {
        name: "no-look-at-the-end",
        edge: "shutdown",
        path: "actors/src/runtime/mailbox.rs",
        find: "self.signal.wake();\n        if self.ended.get().is_some() {",
        replace: "self.signal.wake();\n        if false {",
        why: "a message sent between an actor's end and its host's stays in the mailbox",
    },
    Mutation {
        name: "offered-not-refused",
        edge: "shutdown",
        path: "actors/src/runtime/cell.rs",
        find: "mailbox.refuse(message);",
        replace: "drop(message);",
        why: "what an actor was offered when it ended is dropped rather than refused",
    },
    Mutation {
        name: "queue-emptied",
        edge: "restart",
        path: "actors/src/runtime/cell.rs",
        find: "self.drop_actor();",
        replace: "self.drop_actor(); while self.queued.pop().is_some() {}",
        why: "a crash takes the messages behind the one in hand with it",
    },
    Mutation {
        name: "compare-and-swap-unchecked",
        edge: "caller_writer",
        path: "actors/src/writer/check.rs",
        find: "self.check_expectations(items, known).map(|()| Plan::Store)",
        replace: "Ok(Plan::Store)",
        why: "both callers win",
    },
    Mutation {
        name: "compare-without-group",
        edge: "caller_writer",
        path: "actors/src/writer/check.rs",
        find: "self.contents.staged.heads.get(entity);",
        replace: "None::<&Head>;",
        why: "of two callers in one group both win",
    },
    Mutation {
        name: "key-not-looked-up-in-hand",
        edge: "caller_writer",
        path: "actors/src/writer/check.rs",
        find: "self.contents.staged.keys.get(&key).cloned();",
        replace: "None::<super::known::Stored>;",
        why: "a key that comes twice in one group stores two events",
    },
    Mutation {
        name: "compare-before-key",
        edge: "caller_writer",
        path: "actors/src/writer/check.rs",
        find: "let mut keys = HashSet::default();",
        replace: "let mut keys = HashSet::default(); self.check_expectations(items, known)?;",
        why: "the winner's retry is told that somebody else won",
    },
    Mutation {
        name: "group-not-remembered",
        edge: "caller_writer",
        path: "actors/src/writer/commit.rs",
        find: "self.known.accept(staged, self.position.next_sequence)",
        replace: "drop(staged)",
        why: "what is written and not visible yet is unknown to the next group",
    },
    Mutation {
        name: "restart-blind",
        edge: "caller_writer",
        path: "actors/src/writer/mod.rs",
        find: "reopen(&options.reader, &options.start, visible)",
        replace: "Ok::<_, StoreError>((visible, Reopened::untouched(&options.start)).1)",
        why: "a restarted writer goes on where the store was opened, not where the log ends",
    },
    Mutation {
        name: "restart-forgets-keys",
        edge: "caller_writer",
        path: "actors/src/writer/segment.rs",
        find: "self.keys.insert(record.event_id, stored);",
        replace: "drop(stored);",
        why: "a retry of what a crashed writer has written is stored again",
    },
    Mutation {
        name: "answer-before-publishing",
        edge: "writer_indexer",
        path: "actors/src/indexer.rs",
        find: "self.publish(group, &mut waiting, turn)?;",
        replace: "let mut group = group; \
                  group.acknowledgements.drain(..).for_each(Acknowledgement::deliver); \
                  self.publish(group, &mut waiting, turn)?;",
        why: "a caller does not find what it was told is stored",
    },
    Mutation {
        name: "bound-before-entries",
        edge: "writer_indexer",
        path: "actors/src/indexer.rs",
        find: "for entry in group.entries.drain(..) {",
        replace: "self.writer.publish(group.position.next_sequence); \
                  for entry in group.entries.drain(..) {",
        why: "a reader finds a part of a batch below the visible sequence",
    },
    Mutation {
        name: "published-by-entry",
        edge: "writer_indexer",
        path: "actors/src/indexer.rs",
        find: "self.writer.insert(entry);",
        replace: "let at = entry.global_sequence; \
                  self.writer.insert(entry); self.writer.publish(at + 1);",
        why: "a batch becomes visible event by event",
    },
    Mutation {
        name: "no-reading-on",
        edge: "writer_indexer",
        path: "actors/src/indexer.rs",
        find: "self.read_on()?;",
        replace: "",
        why: "the retry of what a crashed writer wrote finds an indexer that crashes over it",
    },
    Mutation {
        name: "answer-before-notifying",
        edge: "indexer_broker",
        path: "actors/src/broker.rs",
        find: "Message::Announce { acknowledgements } => {",
        replace: "Message::Announce { mut acknowledgements } => { \
                  for early in acknowledgements.drain(..) { early.deliver(); }",
        why: "an append is acknowledged before its subscribers are notified",
    },
    Mutation {
        name: "announce-before-publishing",
        edge: "indexer_broker",
        path: "actors/src/indexer.rs",
        find: "self.writer.publish(position.next_sequence);",
        replace: "let mut waiting = waiting; if let Some(broker) = &self.broker { \
                  let acknowledgements = std::mem::take(&mut waiting); \
                  let _ = turn.tell(broker, broker::Message::Announce { acknowledgements }); } \
                  self.writer.publish(position.next_sequence);",
        why: "the broker does not see yet what it is to notify",
    },
    Mutation {
        name: "delivered-looked-at-twice",
        edge: "indexer_broker",
        path: "actors/src/broker.rs",
        find: "subscribers.delivered.max(visible);",
        replace: "subscribers.delivered.max(self.view.visible());",
        why: "what became visible during a delivery counts as delivered",
    },
    Mutation {
        name: "announced-twice",
        edge: "indexer_broker",
        path: "actors/src/broker.rs",
        find: "self.deliver(turn.kept());",
        replace: "turn.kept().delivered = 0; self.deliver(turn.kept());",
        why: "a restarted broker notifies of what it has notified already",
    },
    Mutation {
        name: "relaxed-raise",
        edge: "publication",
        path: "actors/src/runtime/shared/published.rs",
        find: "fetch_max(height, Ordering::Release)",
        replace: "fetch_max(height, Ordering::Relaxed)",
        why: "who sees the new height may not see what was written before it",
    },
    Mutation {
        name: "relaxed-height",
        edge: "publication",
        path: "actors/src/runtime/shared/published.rs",
        find: "self.0.load(Ordering::Acquire)",
        replace: "self.0.load(Ordering::Relaxed)",
        why: "who sees the new height may not see what was written before it",
    },
    Mutation {
        name: "lists-before-bound",
        edge: "publication",
        path: "actors/src/view/mod.rs",
        find: "fn snapshot(&self) -> Snapshot {\n        \
               let visible = self.visible();\n        let lists = self.lists.load();",
        replace: "fn snapshot(&self) -> Snapshot {\n        \
                  let lists = self.lists.load();\n        let visible = self.visible();",
        why: "a walk is bounded by more than its lists hold",
    },
    Mutation {
        name: "adopt-nothing",
        edge: "publication",
        path: "actors/src/view/publish.rs",
        find: "before.extend(indexed.iter().cloned().map(Part::Indexed));",
        replace: "",
        why: "what an index takes over is shown by nobody",
    },
    Mutation {
        name: "guest-takes-token",
        edge: "caller_runs",
        path: "actors/src/runtime/host.rs",
        find: "self.signal.wake_up.0.take_for_owner();",
        replace: "self.signal.wake_up.0.take();",
        why: "a caller that runs the host forgets that its thread sleeps, and nobody wakes it",
    },
    Mutation {
        name: "relaxed-bucket-store",
        edge: "write_once",
        path: "actors/src/runtime/shared/write_once_index.rs",
        find: "bucket.store(word, Ordering::Release);",
        replace: "bucket.store(word, Ordering::Relaxed);",
        why: "an entry is found whose slot is not there yet",
    },
    Mutation {
        name: "relaxed-bucket-load",
        edge: "write_once",
        path: "actors/src/runtime/shared/write_once_index.rs",
        find: "bucket.load(Ordering::Acquire)",
        replace: "bucket.load(Ordering::Relaxed)",
        why: "an entry is found whose slot is not there yet",
    },
    Mutation {
        name: "lost-race-gives-up",
        edge: "write_once",
        path: "actors/src/runtime/shared/write_once.rs",
        find: "let _made = block.set(empty_cells(slots));",
        replace: "block.set(empty_cells(slots)).ok()?;",
        why: "of two writers of one new block the slower one cannot write its slot",
    },
    Mutation {
        name: "wake-up-thrown-away",
        edge: "cursor_wake_up",
        path: "actors/src/runtime/task.rs",
        find: "Ok(TaskNext::WaitForWake) => {",
        replace: "Ok(TaskNext::WaitForWake) => { while self.wake.try_recv().is_ok() {}",
        why: "a wake-up that came after the task's last look is thrown away before it sleeps",
    },
    Mutation {
        name: "woken-before-published",
        edge: "cursor_wake_up",
        path: "actors/src/indexer.rs",
        find: "self.writer.publish(position.next_sequence);",
        replace: "if let Some(broker) = &self.broker { \
                  let acknowledgements = waiting; \
                  let _ = turn.tell(broker, broker::Message::Announce { acknowledgements }); } \
                  self.writer.publish(position.next_sequence); if true { return; } \
                  let waiting = Vec::new();",
        why: "the broker wakes nobody for what is not visible yet, and is not told again",
    },
    Mutation {
        name: "woken-once",
        edge: "cursor_wake_up",
        path: "actors/src/broker.rs",
        find: "Queue::Wakes(sender) => {",
        replace: "Queue::Wakes(sender) => { if entry.global_sequence > 1 { return true; }",
        why: "a worker that sleeps again is not woken again",
    },
];
