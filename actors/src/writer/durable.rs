//! How much of what was acknowledged is at risk, and when to sync.

use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};

/// At most so many bytes, or one group, are ever unproven.
pub(super) const UNPROVEN_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// When acknowledged events are made durable.
#[derive(Clone, Copy, Debug)]
pub struct SyncPolicy {
    /// A machine crash loses at most so many acknowledged events; 1 means none.
    pub every_n_events: u64,
    /// A machine crash loses at most what was acknowledged within this time, in microseconds.
    pub max_delay_us: u64,
    /// Whether a sync covers the file's metadata too.
    pub sync_all: bool,
}

/// The distance between the end of the log and what is proven durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Durable {
    policy: SyncPolicy,
    /// Everything before this is proven durable.
    pub(super) proven: LogPosition,
    /// A sync on the roller's thread will prove everything before this.
    pub(super) under_way: Option<LogPosition>,
    /// Bytes were cut off, and a power cut may still bring them back.
    pub(super) cut_back: bool,
}

impl Durable {
    pub(super) fn new(policy: SyncPolicy, proven: LogPosition) -> Self {
        Self {
            policy,
            proven,
            under_way: None,
            cut_back: false,
        }
    }

    pub(super) fn policy(&self) -> &SyncPolicy {
        &self.policy
    }

    /// Returns whether every group must be durable before it is acknowledged.
    pub(super) fn always(&self) -> bool {
        self.policy.every_n_events <= 1
    }

    /// Returns whether anything up to `end` is unproven.
    pub(super) fn any_unproven(&self, end: &LogPosition) -> bool {
        self.cut_back || end.event_count > self.proven.event_count || self.unproven_bytes(end) > 0
    }

    /// Returns whether acknowledging everything up to `end` would put more at risk than promised.
    pub(super) fn over_bound(&self, end: &LogPosition) -> bool {
        self.unproven_events(end) > self.policy.every_n_events && !planted(Bug::IgnoreEventBound)
            || self.unproven_bytes(end) > UNPROVEN_BYTES_MAX
    }

    /// Returns whether it is time to sync in the background, so that the bound is not met.
    pub(super) fn half_way(&self, end: &LogPosition) -> bool {
        self.unproven_events(end) >= self.policy.every_n_events.div_ceil(2)
            && !planted(Bug::IgnoreEventBound)
            || self.unproven_bytes(end) >= UNPROVEN_BYTES_MAX / 2
    }

    fn unproven_events(&self, end: &LogPosition) -> u64 {
        end.event_count.saturating_sub(self.proven.event_count)
    }

    fn unproven_bytes(&self, end: &LogPosition) -> u64 {
        match end.segment == self.proven.segment {
            true => end.offset.saturating_sub(self.proven.offset),
            false => end.offset,
        }
    }
}
