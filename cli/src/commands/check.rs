//! `batpak check`: what the next opening for writing would mend. Changes nothing.

use crate::failure::{Failure, is_damage};
use crate::output::{Output, bytes_text, clean, counted};
use crate::place::require_store;
use batpak::prelude::*;
use batpak::store::{RecoveryReport, Version1Report};
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
            "version1": report.version1.as_ref().map(|taken| json!({
                "segment": taken.segment,
                "sources": taken.sources,
                "events": taken.events,
                "hidden_events": taken.hidden_events,
                "dropped_batches": taken.dropped_batches,
                "dropped_events": taken.dropped_events,
                "torn_bytes": taken.torn_bytes,
                "skipped_sequences": taken.skipped_sequences,
            })),
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
    if let Some(taken) = &report.version1 {
        findings.extend(version1_findings(taken));
    }
    for kept in &report.kept_aside {
        findings.push(format!(
            "{kept} keeps bytes that an earlier opening has set aside"
        ));
    }
    findings
}

fn version1_findings(taken: &Version1Report) -> Vec<String> {
    let sources = counted(taken.sources, "file");
    let mut findings = vec![format!(
        "the released batpak wrote it (version 1): the next opening for writing puts its events \
         into {}, beside its {sources}, which stay as they are",
        taken.segment
    )];
    if taken.torn_bytes > 0 {
        let bytes = bytes_text(taken.torn_bytes);
        findings.push(format!(
            "{bytes} of version 1 are of writes that were never finished: they are left out"
        ));
    }
    if taken.dropped_batches > 0 {
        let events = counted(taken.dropped_events, "event");
        findings.push(format!(
            "{events} of batches of version 1 that have no end are left out"
        ));
    }
    if taken.hidden_events > 0 {
        let events = counted(taken.hidden_events, "event");
        findings.push(format!("{events} of cancelled fences are left out"));
    }
    if taken.skipped_sequences > 0 {
        let skipped = taken.skipped_sequences;
        findings.push(format!(
            "{skipped} sequence numbers will be skipped, because its last events may be lost"
        ));
    }
    findings
}
