//! `batpak check`: what the next opening for writing would mend. Changes nothing.

use crate::failure::{Failure, is_damage};
use crate::output::{Output, bytes_text, clean, counted};
use crate::place::require_store;
use batpak::prelude::*;
use batpak::store::RecoveryReport;
use serde_json::json;
use std::path::Path;

pub(crate) fn run(path: &Path, output: &mut Output) -> Result<(), Failure> {
    require_store(path)?;
    let store = match Store::open_read_only(StoreConfig::new(path)) {
        Ok(store) => store,
        Err(error) => {
            if output.is_json() && is_damage(&error) {
                output.json(&json!({"ok": false, "refused": error.to_string()}))?;
            }
            return Err(error.into());
        }
    };
    let events = store.stats().event_count as u64;
    let report = store.diagnostics().recovery;
    match output.is_json() {
        true => output.json(&json!({
            "ok": true,
            "refused": null,
            "event_count": events,
            "unclean": report.unclean,
            "rebooted": report.rebooted,
            "torn_bytes": report.truncated_bytes,
            "leftover_segments": report.removed_segments,
            "skipped_sequences": report.skipped_sequences,
            "kept_aside": report.kept_aside,
        })),
        false => tell(events, &report, output),
    }
}

fn tell(events: u64, report: &RecoveryReport, output: &mut Output) -> Result<(), Failure> {
    output.line(format_args!(
        "the log is whole up to its end: {}",
        counted(events, "event")
    ))?;
    let findings = findings(report);
    if findings.is_empty() {
        output.line(format_args!(
            "it was closed in good order: there is nothing to mend"
        ))?;
    }
    for finding in findings {
        output.line(format_args!("- {}", clean(&finding)))?;
    }
    Ok(())
}

fn findings(report: &RecoveryReport) -> Vec<String> {
    let mut findings = Vec::new();
    if report.unclean {
        findings.push(
            "it was not closed in good order, or another process is writing it now: the next \
             opening for writing makes its end durable again"
                .to_owned(),
        );
    }
    if report.rebooted {
        findings.push("the machine was restarted since it was last written".to_owned());
    }
    if report.truncated_bytes > 0 {
        let bytes = bytes_text(report.truncated_bytes);
        findings.push(format!(
            "its last {bytes} are of a write that was never finished: the next opening for \
             writing sets them aside in `recovered/` and removes them from the log"
        ));
    }
    for segment in &report.removed_segments {
        findings.push(format!(
            "{segment} was merged into another segment: it will be removed"
        ));
    }
    if report.skipped_sequences > 0 {
        let skipped = report.skipped_sequences;
        findings.push(format!(
            "{skipped} sequence numbers will be skipped, so that none repeats"
        ));
    }
    for kept in &report.kept_aside {
        findings.push(format!(
            "{kept} keeps bytes that an earlier opening has set aside"
        ));
    }
    findings
}
