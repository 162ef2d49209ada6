//! What an import says when it ends.

use crate::failure::Failure;
use crate::output::{Output, counted};
use crate::recorder::Tally;
use serde_json::json;
use std::time::Duration;

/// How an import went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) tally: Tally,
    pub(crate) took: Duration,
}

impl Summary {
    /// Writes the summary, as one JSON document with `more` fields or as sentences.
    pub(crate) fn tell(
        &self,
        source: &str,
        more: &serde_json::Value,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let Tally {
            new,
            present,
            differing,
        } = self.tally;
        let seconds = self.took.as_secs_f64();
        if output.is_json() {
            return output.json(&json!({
                "events_new": new,
                "events_present": present,
                "events_differing": differing,
                "seconds": seconds,
                "details": more,
            }));
        }
        let all = counted(self.tally.all(), "event");
        let rate = self.tally.all() as f64 / seconds.max(0.001);
        output.line(format_args!(
            "{source}: {all} in {seconds:.2} s ({rate:.0} a second)"
        ))?;
        output.line(format_args!("{new:>10}  new"))?;
        output.line(format_args!("{present:>10}  already there"))?;
        if differing > 0 {
            output.line(format_args!(
                "{differing:>10}  already there with other content, which was kept"
            ))?;
        }
        Ok(())
    }
}
