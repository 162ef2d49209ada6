//! Bugs that are planted on purpose, to see that the tests have teeth.
//!
//! A build with `--cfg planted_bugs` holds them all, each asleep until `plant` chooses it for the
//! calling thread; in any other build [`planted`] is a constant `false` and nothing of them is
//! left. `docs/testing.md` lists what catches each.

/// Declares the bugs with their names.
macro_rules! bugs {
    ($($(#[doc = $text:literal])+ $bug:ident = $name:literal,)+) => {
        /// A planted bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $($(#[doc = $text])+ $bug,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];

            /// Returns the bug's name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)+
                }
            }

            /// Says in a sentence what is wrong.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$bug => concat!($($text),+),)+
                }
            }
        }
    };
}

bugs! {
    /// The file is not synced where it must be.
    SkipSync = "skip-sync",
    /// The directory is not synced when a segment gets its name.
    SkipDirectorySync = "skip-directory-sync",
    /// A new segment gets its name before its header is durable.
    SkipHeaderSync = "skip-header-sync",
    /// An append is acknowledged before its sync.
    AcknowledgeBeforeSync = "acknowledge-before-sync",
    /// `sync` is answered without syncing.
    AnswerSyncEarly = "answer-sync-early",
    /// `close` is answered without syncing.
    CloseWithoutSync = "close-without-sync",
    /// The full segment is not synced at rotation.
    LoseTailAtRotation = "lose-tail-at-rotation",
    /// The bound on unproven events is not kept.
    IgnoreEventBound = "ignore-event-bound",
    /// The timer that bounds the delay of a sync is never armed.
    IgnoreDelayBound = "ignore-delay-bound",
    /// A failed sync is taken for a good one.
    IgnoreFailedSync = "ignore-failed-sync",
    /// A failed sync is tried again, and the second answer believed.
    RetryFailedSync = "retry-failed-sync",
    /// A poisoned writer leaves no mark.
    ForgetPoisonMark = "forget-poison-mark",
    /// Recovery syncs the unproven tail without writing it again.
    TrustPageCache = "trust-page-cache",
    /// A restarted writer syncs without writing the unproven tail again.
    TrustPageCacheAtRestart = "trust-page-cache-at-restart",
    /// A write that failed is not cut back.
    LeaveFailedWrite = "leave-failed-write",
    /// The zeros that are written ahead of a sync reach into the group before them.
    FillOverGroup = "fill-over-group",
    /// A full disk poisons the writer.
    PoisonOnFullDisk = "poison-on-full-disk",
    /// A short write is taken for a whole one.
    BelieveShortWrite = "believe-short-write",
    /// An interrupted write is taken for a failed one.
    FailOnInterrupt = "fail-on-interrupt",
    /// A frame's checksum is not looked at.
    IgnoreFrameChecksum = "ignore-frame-checksum",
    /// A fence's events count whether it was committed or not.
    IgnoreFences = "ignore-fences",
    /// A cancelled fence leaves its heads and keys with the writer.
    FenceKeepsHeads = "fence-keeps-heads",
    /// The sequences of a cancelled fence are given out again.
    ReuseFenceSequence = "reuse-fence-sequence",
    /// The good frames of a group that is not whole are kept.
    KeepHalfGroup = "keep-half-group",
    /// A bad group is stepped over.
    SkipBadGroup = "skip-bad-group",
    /// A torn tail is left where it is.
    LeaveTornTail = "leave-torn-tail",
    /// A whole group behind a broken one counts as damage even after a power cut.
    RefuseTornTail = "refuse-torn-tail",
    /// Damage below a proven offset is cut away as if it were torn.
    CutProvenDamage = "cut-proven-damage",
    /// What was dropped is not reported.
    HideRepair = "hide-repair",
    /// The next sequence after a loss may have been given out before.
    ReuseSequence = "reuse-sequence",
    /// The link between two segments is not checked.
    IgnoreBrokenLink = "ignore-broken-link",
    /// The events of a sealed segment are not compared with what its successor follows.
    IgnoreForeignEvents = "ignore-foreign-events",
    /// A log that ends before its checkpoint is opened.
    IgnoreCheckpoint = "ignore-checkpoint",
    /// A checkpoint of another store is believed.
    TrustForeignCheckpoint = "trust-foreign-checkpoint",
    /// A checkpoint notes what is not proven durable yet.
    CheckpointUnproven = "checkpoint-unproven",
    /// Compare-and-swap is judged before the key.
    CompareBeforeKey = "compare-before-key",
    /// Compare-and-swap does not see the group in hand.
    CompareWithoutGroup = "compare-without-group",
    /// A key is not looked up in the group in hand.
    ForgetKeyInHand = "forget-key-in-hand",
    /// A key is not looked up among what readers see.
    ForgetStoredKey = "forget-stored-key",
    /// A strict key that stands for another event is a replay.
    IgnoreStrictKey = "ignore-strict-key",
    /// A replay does not say that it is one.
    HideReplay = "hide-replay",
    /// A replay at `Always` does not wait for its original to be durable.
    ReplayBeforeSync = "replay-before-sync",
    /// A batch becomes visible event by event.
    PublishHalfBatch = "publish-half-batch",
    /// The clock of events goes back with the machine's.
    ClockGoesBack = "clock-goes-back",
    /// A restarted writer goes on where the store was opened.
    RestartBlind = "restart-blind",
    /// A restarted writer forgets what readers do not see yet.
    RestartForgets = "restart-forgets",
    /// A restarted indexer does not read what it missed.
    IndexerForgets = "indexer-forgets",
    /// A restarted broker tells subscribers again what they have been told.
    AnnounceTwice = "announce-twice",
    /// Merged segments are removed before what replaces them is durable.
    RemoveSourcesEarly = "remove-sources-early",
    /// The events of a sealed segment are not compared with what its index is about.
    TrustAnyIndex = "trust-any-index",
    /// A page of an index is not checked.
    IgnorePageChecksum = "ignore-page-checksum",
    /// The filter of an index forgets some of its ids.
    FilterForgets = "filter-forgets",
    /// An index counts on where sequences were skipped.
    ForgetGaps = "forget-gaps",
    /// An event that is not in the index goes from memory with those that are.
    AdoptTooMuch = "adopt-too-much",
    /// A compaction takes away an event that is to be kept, too.
    DropSurvivor = "drop-survivor",
    /// The key of a removed event is free again.
    ForgetStubKey = "forget-stub-key",
    /// Compacted segments are removed before what replaces them is durable.
    RemoveCompactedEarly = "remove-compacted-early",
    /// A snapshot is called finished before it is durable.
    SnapshotWithoutSync = "snapshot-without-sync",
    /// A snapshot leaves out the last group.
    SnapshotSkipsTail = "snapshot-skips-tail",
    /// A snapshot takes the groups of an open fence for committed.
    SnapshotShowsHidden = "snapshot-shows-hidden",
    /// A kept state is carried on whatever history it was folded from.
    CacheIgnoresHistory = "cache-ignores-history",
    /// A cursor that goes on begins with the event that was handled last.
    ResumeTooEarly = "resume-too-early",
    /// A named reactor's answers get keys of their own in every run.
    ForgetReactorName = "forget-reactor-name",
    /// A handler that panicked is not given its batch again.
    PassOverBatch = "pass-over-batch",
    /// The restart budget is never spent.
    IgnoreRestartBudget = "ignore-restart-budget",
}

#[cfg(planted_bugs)]
thread_local! {
    static CHOSEN: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Wakes one bug on this thread, or none.
#[cfg(planted_bugs)]
pub fn plant(bug: Option<Bug>) {
    CHOSEN.set(bug);
}

/// Tells whether this bug is awake.
#[cfg(planted_bugs)]
#[must_use]
pub fn planted(bug: Bug) -> bool {
    CHOSEN.get() == Some(bug)
}

/// Tells whether this bug is awake: never in this build.
#[cfg(not(planted_bugs))]
#[must_use]
#[inline]
pub const fn planted(_: Bug) -> bool {
    false
}
