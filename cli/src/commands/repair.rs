//! `batpak repair`: makes a readable store of a directory that an opening refuses.

use crate::failure::Failure;
use crate::output::{Output, bytes_text, counted};
use crate::place::require_store;
use crate::progress;
use batpak::store::{
    LostRange, LostSequences, MissingSegments, NotSaved, OutdatedForm, RebuiltHeader,
    RepairProgress, RepairReport, RepairStage, repair_with,
};
use serde_json::{Value, json};
use std::path::Path;

/// A person reads so many lines of one kind; `--json` has all.
const LINES_MAX: usize = 20;

pub(crate) fn run(path: &Path, dest: &Path, output: &mut Output) -> Result<(), Failure> {
    require_store(path)?;
    let bar = progress::start("reading", Some(0));
    let repaired = repair_with(path, dest, |at: RepairProgress| {
        bar.set_message(match at.stage {
            RepairStage::Copying => "copying",
            RepairStage::Saving => "saving events",
            RepairStage::Reading | _ => "reading",
        });
        bar.set_length(at.total_bytes);
        bar.set_position(at.done_bytes);
    });
    bar.finish_and_clear();
    let report = repaired?;
    if output.is_json() {
        output.json(&document(&report))?;
    } else {
        tell(&report, output)?;
    }
    match report.is_complete() {
        true => Ok(()),
        false => Err(Failure::Incomplete(format!(
            "{} is a store now, and something is missing in it or in doubt",
            dest.display()
        ))),
    }
}

fn document(report: &RepairReport) -> Value {
    let range = |range: Option<(u64, u64)>| range.map(|(first, last)| json!([first, last]));
    let sequences = |of: &LostSequences| json!({"first": of.first, "end": of.end});
    let lost = |lost: &LostRange| {
        json!({
            "file": lost.file,
            "from_byte": lost.bytes.start,
            "end_byte": lost.bytes.end,
            "sequences": sequences(&lost.sequences),
        })
    };
    let missing = |missing: &MissingSegments| {
        json!({
            "first": missing.first,
            "last": missing.last,
            "sequences": sequences(&missing.sequences),
        })
    };
    let left_out = report.left_out.iter().map(|left_out| {
        json!({
            "file": left_out.file,
            "reason": left_out.reason,
            "is_loss": left_out.is_loss,
        })
    });
    let rebuilt = |of: &RebuiltHeader| {
        json!({
            "file": of.file,
            "kept": of.is_kept,
            "times_proven": of.times_proven,
        })
    };
    let outdated = |of: &OutdatedForm| {
        json!({
            "file": of.file,
            "later_generation": of.later_generation,
            "later_file": of.later_file,
        })
    };
    json!({
        "complete": report.is_complete(),
        "kept": {
            "segments": report.kept_segments,
            "events": report.kept_events,
            "below_sequence": report.kept_below,
        },
        "saved": {
            "events": report.saved_events,
            "old_sequences": range(report.saved_from),
            "new_sequences": range(report.saved_as),
            "already_there": report.already_there,
        },
        "lost": report.lost.iter().map(lost).collect::<Vec<_>>(),
        "from_sources": report.from_sources.iter().map(lost).collect::<Vec<_>>(),
        "missing_segments": report.missing_segments.iter().map(missing).collect::<Vec<_>>(),
        "lost_end": report.lost_end.as_ref().map(sequences),
        "left_out": left_out.collect::<Vec<_>>(),
        "not_saved": unsaved_document(&report.not_saved),
        "restored_headers": report.restored_headers,
        "rebuilt_headers": report.rebuilt_headers.iter().map(rebuilt).collect::<Vec<_>>(),
        "outdated": report.outdated.iter().map(outdated).collect::<Vec<_>>(),
        "taken_over_events": report.version1.as_ref().map(|version1| version1.events),
        "torn_bytes": report.torn_bytes,
        "was_unfinished": report.was_unfinished,
    })
}

fn unsaved_document(not_saved: &NotSaved) -> Value {
    json!({
        "removed": not_saved.removed,
        "unnamed": not_saved.unnamed,
        "undecided": not_saved.undecided,
        "maybe_removed": not_saved.maybe_removed,
        "in_cut_batches": not_saved.in_cut_batches,
        "sequences": not_saved.sequences.map(|(first, last)| json!([first, last])),
    })
}

fn tell(report: &RepairReport, output: &mut Output) -> Result<(), Failure> {
    let events = counted(report.kept_events, "event");
    let segments = counted(report.kept_segments, "segment");
    output.line(format_args!("kept {events} in {segments} as they were"))?;
    if let (Some(old), Some(new)) = (report.saved_from, report.saved_as) {
        let events = counted(report.saved_events, "event");
        output.line(format_args!(
            "saved {events} from behind the damage: sequences {} to {}, which are {} to {} now",
            old.0, old.1, new.0, new.1
        ))?;
    }
    for header in &report.restored_headers {
        output.line(format_args!("restored one byte of the header of {header}"))?;
    }
    for rebuilt in &report.rebuilt_headers {
        output.line(format_args!("rebuilt the header of {}", rebuilt.file))?;
    }
    if let Some(version1) = &report.version1 {
        let events = counted(version1.events, "event");
        output.line(format_args!("took over {events} from the released batpak"))?;
    }
    for range in &report.from_sources {
        output.line(format_args!(
            "took what {} has lost, bytes {} to {}, from what it was merged from",
            range.file, range.bytes.start, range.bytes.end
        ))?;
    }
    if report.torn_bytes > 0 {
        let bytes = bytes_text(report.torn_bytes);
        output.line(format_args!(
            "left out {bytes} at the end, of a write that was never finished"
        ))?;
    }
    for left_out in report.left_out.iter().filter(|of| !of.is_loss) {
        output.line(format_args!(
            "left out {}: {}",
            left_out.file, left_out.reason
        ))?;
    }
    if report.is_complete() {
        return output.line(format_args!("nothing is missing"));
    }
    list("in doubt", &[in_doubt(report)], output)?;
    list("missing", &missing(report), output)
}

/// Writes the first lines of each kind, under a heading if there are any.
fn list(heading: &str, kinds: &[Vec<String>], output: &mut Output) -> Result<(), Failure> {
    if kinds.iter().all(Vec::is_empty) {
        return Ok(());
    }
    output.line(format_args!("{heading}:"))?;
    for kind in kinds {
        for line in kind.iter().take(LINES_MAX) {
            output.line(format_args!("- {line}"))?;
        }
        if let Some(more) = kind.len().checked_sub(LINES_MAX).filter(|more| *more > 0) {
            output.line(format_args!("- and {more} more, which --json has"))?;
        }
    }
    Ok(())
}

/// Returns the lines of what is there and may not be right.
fn in_doubt(report: &RepairReport) -> Vec<String> {
    let outdated = report.outdated.iter().map(|of| {
        let later = match &of.later_file {
            Some(file) => format!("{file}, which cannot be read,"),
            None => format!("a lost form of generation {}", of.later_generation),
        };
        let took_its_place = "took its place: if that removed payloads, they are there again";
        format!("{} was used, although {later} {took_its_place}", of.file)
    });
    let unproven = report.rebuilt_headers.iter().filter(|of| !of.times_proven);
    let times = unproven.map(|of| format!("{}: the times of its events are not proven", of.file));
    outdated.chain(times).collect()
}

/// Returns the lines of what is missing, by kind.
fn missing(report: &RepairReport) -> [Vec<String>; 4] {
    let lost = |lost: &LostRange| {
        let sequences = sequences_text(&lost.sequences);
        let (file, bytes) = (&lost.file, &lost.bytes);
        format!(
            "{file}, bytes {} to {}: {sequences}",
            bytes.start, bytes.end
        )
    };
    let segments = |missing: &MissingSegments| {
        let sequences = sequences_text(&missing.sequences);
        match missing.first == missing.last {
            true => format!("segment {}: {sequences}", missing.first),
            false => format!(
                "segments {} to {}: {sequences}",
                missing.first, missing.last
            ),
        }
    };
    let left_out = report.left_out.iter().filter(|left_out| left_out.is_loss);
    let left_out = left_out.map(|left_out| format!("{}: {}", left_out.file, left_out.reason));
    let mut others = unsaved(&report.not_saved);
    if let Some(end) = &report.lost_end {
        let sequences = sequences_text(end);
        others.push(format!(
            "the end of the log, which was durable: {sequences}"
        ));
    }
    if report.was_unfinished {
        let text = "what was not copied yet: the directory was a copy that was never finished";
        others.push(text.into());
    }
    [
        report.lost.iter().map(lost).collect(),
        report.missing_segments.iter().map(segments).collect(),
        left_out.collect(),
        others,
    ]
}

fn unsaved(not_saved: &NotSaved) -> Vec<String> {
    let kinds = [
        (not_saved.removed, "that compaction had removed: their keys"),
        (not_saved.unnamed, "whose entity was defined in lost bytes"),
        (
            not_saved.undecided,
            "of which nobody can tell whether a fence hid them",
        ),
        (
            not_saved.maybe_removed,
            "that compaction had removed, or may have: their payloads are in older files",
        ),
        (
            not_saved.in_cut_batches,
            "in batches of which others are lost",
        ),
    ];
    let some = kinds.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("{} {what}", counted(count, "event")))
        .collect()
}

fn sequences_text(sequences: &LostSequences) -> String {
    match (sequences.first, sequences.end) {
        (first, Some(end)) if end <= first => "no event".into(),
        (first, Some(end)) if end == first + 1 => format!("sequence {first}"),
        (first, Some(end)) => format!("sequences {first} to {}", end - 1),
        (first, None) => format!("sequences from {first} on"),
    }
}
