//! Wakes one planted bug after the other and sees whether a property catches it.

use crate::campaign::{Seeds, Share, Until, try_share};
use crate::properties;
use crate::property::{Effort, Property, Tier};
use batpak_log::planted::{Bug, plant};
use indicatif::ProgressBar;
use std::time::Instant;

/// How a bug was caught.
struct Caught {
    property: &'static str,
    unit: &'static str,
    seeds: u64,
    effort: Effort,
    text: String,
}

/// Tries every bug, or those named; returns whether all were caught at the first tier.
pub(crate) fn bite(only: &[String]) -> bool {
    let chosen = |bug: &&Bug| only.is_empty() || only.iter().any(|name| name == bug.name());
    let bugs: Vec<Bug> = Bug::ALL.iter().filter(chosen).copied().collect();
    if bugs.is_empty() {
        eprintln!("no planted bug has this name");
        return false;
    }
    println!("{:28} {:22} after", "bug", "caught by");
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let hunt_some = |thread: usize| {
        let mine = bugs.iter().skip(thread).step_by(threads);
        mine.map(|bug| hunt_and_tell(*bug))
            .filter(|caught| *caught)
            .count()
    };
    let caught: usize = std::thread::scope(|scope| {
        let hunt_some = &hunt_some;
        let spawn = |thread| scope.spawn(move || hunt_some(thread));
        let handles: Vec<_> = (0..threads).map(spawn).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or(0))
            .sum()
    });
    println!("{caught} of {} planted bugs were caught", bugs.len());
    caught == bugs.len()
}

fn hunt_and_tell(bug: Bug) -> bool {
    let begun = Instant::now();
    plant(Some(bug));
    let caught = hunt(bug);
    plant(None);
    let seconds = begun.elapsed().as_secs_f64();
    match caught {
        Some(Caught {
            property,
            unit,
            seeds,
            effort,
            text,
        }) => {
            let text: String = text.chars().take(110).collect();
            let name = bug.name();
            let Effort {
                count,
                operations,
                images,
                ..
            } = effort;
            println!(
                "{name:28} {property:22} {count} {unit}, {seeds} seeds, {operations} operations, \
                 {images} images, {seconds:.1} s: {text}"
            );
            true
        }
        None => {
            println!(
                "{:28} NOT CAUGHT in {seconds:.1} s: {}",
                bug.name(),
                bug.text()
            );
            false
        }
    }
}

/// Tries the properties until one fails, first those that should.
fn hunt(bug: Bug) -> Option<Caught> {
    let mut all = properties::all();
    let hunters = hunters(bug);
    all.sort_by_key(|property| {
        hunters
            .iter()
            .position(|name| *name == property.name)
            .unwrap_or(9)
    });
    all.iter().find_map(try_property)
}

fn try_property(property: &Property) -> Option<Caught> {
    let seeds = Seeds { first: 0, apart: 1 };
    let until = Until {
        count: property.target(Tier::Pr),
        failures: 1,
    };
    let Share {
        effort,
        seeds,
        failures,
    } = try_share(property, seeds, until, &ProgressBar::hidden());
    let (_, text) = failures.into_iter().next()?;
    Some(Caught {
        property: property.name,
        unit: property.unit,
        seeds,
        effort,
        text,
    })
}

/// Returns the properties that are tried first, so that a hunt is short.
fn hunters(bug: Bug) -> &'static [&'static str] {
    match bug {
        Bug::SkipSync
        | Bug::SkipDirectorySync
        | Bug::SkipHeaderSync
        | Bug::AcknowledgeBeforeSync
        | Bug::AnswerSyncEarly
        | Bug::CloseWithoutSync
        | Bug::LoseTailAtRotation
        | Bug::IgnoreEventBound
        | Bug::IgnoreDelayBound
        | Bug::KeepHalfGroup
        | Bug::RefuseTornTail
        | Bug::ReuseSequence
        | Bug::CheckpointUnproven => &["power-cut"],
        Bug::ReplayBeforeSync => &["one-order"],
        Bug::LeaveTornTail => &["many-openings"],
        Bug::RemoveSourcesEarly => &["merged-segments"],
        Bug::CompareBeforeKey => &["key-before-compare"],
        Bug::CompareWithoutGroup | Bug::ClockGoesBack => &["one-winner", "model"],
        Bug::ForgetKeyInHand | Bug::ForgetStoredKey | Bug::HideReplay => &["retry-any-time"],
        Bug::IgnoreStrictKey => &["key-of-another"],
        Bug::IgnoreFailedSync | Bug::RetryFailedSync | Bug::TrustPageCache => &["failed-sync"],
        Bug::ForgetPoisonMark => &["torn-sync"],
        Bug::LeaveFailedWrite => &["failed-call"],
        Bug::FillOverGroup => &["power-cut"],
        Bug::PoisonOnFullDisk => &["disk-full"],
        Bug::BelieveShortWrite | Bug::FailOnInterrupt => &["short-and-interrupted"],
        Bug::IgnoreFrameChecksum | Bug::SkipBadGroup => &["flip-after-close"],
        Bug::CutProvenDamage | Bug::HideRepair => &["flip-after-crash"],
        Bug::IgnoreBrokenLink | Bug::IgnoreForeignEvents | Bug::IgnoreCheckpoint => {
            &["files-swapped"]
        }
        Bug::TrustForeignCheckpoint => &["sidecars"],
        Bug::PublishHalfBatch => &["whole-batches"],
        Bug::RestartBlind | Bug::RestartForgets | Bug::IndexerForgets | Bug::AnnounceTwice => {
            &["actor-panics"]
        }
        Bug::IgnoreFences => &["model", "power-cut"],
        Bug::FenceKeepsHeads | Bug::ReuseFenceSequence => &["model", "every-call"],
        Bug::TrustPageCacheAtRestart => &["panics-and-failed-sync"],
        Bug::IgnoreRestartBudget => &["restart-budget"],
        Bug::TrustAnyIndex => &["files-swapped"],
        Bug::IgnorePageChecksum => &["flip-after-close"],
        Bug::FilterForgets => &["retry-any-time"],
        Bug::ForgetGaps => &["many-openings"],
        Bug::AdoptTooMuch => &["one-order"],
        Bug::DropSurvivor | Bug::ForgetStubKey | Bug::RemoveCompactedEarly => &["compaction"],
        Bug::SnapshotWithoutSync | Bug::SnapshotSkipsTail | Bug::SnapshotShowsHidden => {
            &["snapshot"]
        }
        Bug::CacheIgnoresHistory => &["kept-states"],
        Bug::ResumeTooEarly => &["saved-positions"],
        Bug::ForgetReactorName => &["reactions"],
        Bug::PassOverBatch => &["workers"],
    }
}
