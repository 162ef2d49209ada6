//! Holding a group back for a moment, so that those who were just answered can be in it.
//!
//! Callers that each wait for an answer before they ask again come in step with the groups. When
//! a group takes long and its callers need a moment to come back, they settle into two parties that
//! take turns, and each waits for two groups. A host that spins anyway can give the first party
//! that moment.
//!
//! Life of a hold:
//! 1. An actor has answered some callers, and others wait in its queue already.
//! 2. The next group is offered once as many messages are queued, or after the limit.
//! 3. A hold that came to nothing is not tried again for a while, each time for twice as long.

use super::clock::Stopwatch;

/// The next group is held back at most so long.
const HOLD_MAX_US: u32 = 100;

/// After a hold that came to nothing, at most so many chances are passed over.
const PASSED_OVER_MAX: u32 = 64;

/// Whether an actor's next group is held back.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    /// How many callers are answered in the call that is under way.
    again: usize,
    /// Callers were answered who are expected again, since somebody asked.
    gathered: bool,
    /// How many messages are expected; with less than two there is nothing to hold back for.
    expected: usize,
    since: Option<Stopwatch>,
    /// How many chances are passed over after the next failure, and how many still are now.
    failures_weigh: u32,
    passes_over: u32,
}

impl Hold {
    /// Notes that so many callers are answered now.
    pub(crate) fn expect_again(&mut self, callers: usize) {
        self.again = callers;
        self.gathered = true;
    }

    /// Returns whether callers were answered lately whose next questions belong into one group.
    pub(crate) fn take_gathered(&mut self) -> bool {
        std::mem::take(&mut self.gathered)
    }

    /// Expects those who were answered in the call that has ended beside so many others.
    pub(crate) fn expect_beside(&mut self, waiting: impl FnOnce() -> usize) {
        let again = std::mem::take(&mut self.again);
        if again == 0 {
            return;
        }
        let waiting = waiting();
        if again + waiting < 2 {
            return;
        }
        self.since = None;
        if self.passes_over > 0 {
            self.passes_over -= 1;
        } else {
            self.expected = again + waiting;
        }
    }

    /// Returns whether a group of so many messages should wait for more.
    pub(crate) fn holds_back(&mut self, queued: usize) -> bool {
        if self.expected < 2 {
            return false;
        }
        if queued >= self.expected {
            self.failures_weigh = 0;
        } else if !self
            .since
            .get_or_insert_with(Stopwatch::start)
            .has_run(HOLD_MAX_US)
        {
            return true;
        } else {
            self.failures_weigh = (2 * self.failures_weigh).clamp(1, PASSED_OVER_MAX);
            self.passes_over = self.failures_weigh;
        }
        self.release();
        false
    }

    /// Returns whether a group is being held back.
    pub(crate) fn is_held(&self) -> bool {
        self.since.is_some()
    }

    /// Holds nothing back any more.
    pub(crate) fn release(&mut self) {
        self.again = 0;
        self.expected = 0;
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_waits_until_all_who_are_expected_have_come() {
        let mut hold = Hold::default();
        hold.expect_again(2);
        hold.expect_beside(|| 1);
        assert!(hold.holds_back(2) && hold.is_held());
        assert!(!hold.holds_back(3) && !hold.is_held());
        assert!(!hold.holds_back(1), "only the group after the expectation");
    }

    #[test]
    fn a_single_caller_is_never_waited_for() {
        let mut hold = Hold::default();
        hold.expect_again(1);
        hold.expect_beside(|| 0);
        assert!(!hold.holds_back(0) && !hold.is_held());
    }

    #[test]
    fn a_hold_that_came_to_nothing_is_tried_less_and_less_often() {
        let mut hold = Hold::default();
        for passed_over in [1, 2, 4, 8] {
            hold.expect_again(2);
            hold.expect_beside(|| 0);
            while hold.holds_back(1) {}
            for _ in 0..passed_over {
                hold.expect_again(2);
                hold.expect_beside(|| 0);
                assert!(!hold.holds_back(1));
            }
        }
    }
}
