use super::group::FromFile;
use super::{SEALED, mode};
use crate::checksums::{seal_run, sealed};
use crate::depth::reached;
use crate::memory::{Cap, bounded};
use crate::samples::{self, open_file};
use batpak_log::error::LogError;
use batpak_log::fs::File;
use batpak_log::index::{IndexRun, MergeStep, Page, Pages, Postings, RunMerge, RunName};
use batpak_log::segment::SegmentName;
use std::sync::Arc;

/// Merging holds the run that it makes, and the tables of both.
const CAP: Cap = Cap {
    fixed: 1024 * 1024,
    per_byte: 64,
};
/// So many keys, and of each so many events, are looked at: every byte may be one.
const LOOKS_MAX: usize = 600;
/// The unit that has a checksum.
const PAGE_BYTES: usize = 4096;

pub(super) fn body(data: &[u8]) {
    let Some((mode, mut bytes)) = mode(data) else {
        return;
    };
    if mode & SEALED != 0 {
        seal_run(&mut bytes);
    }
    let Some((name, store)) = named(&bytes) else {
        return;
    };
    let length = bytes.len();
    let sealed = sealed(&bytes, seal_run);
    let pages = bytes
        .chunks_exact(PAGE_BYTES)
        .zip(sealed.chunks_exact(PAGE_BYTES));
    let wrong: Vec<bool> = pages.map(|(page, sealed)| page != sealed).collect();
    let file = open_file(bytes);
    bounded(length, CAP, || {
        let Some(run) = IndexRun::open(&name, &*file, store).unwrap() else {
            return;
        };
        reached();
        let pages = FromFile(Arc::clone(&file));
        assert!(
            wrong.first() == Some(&false),
            "a wrong checksum is believed"
        );
        for (page, wrong) in (0..).zip(&wrong) {
            let read = run.read_page(&*file, page);
            assert!(read.is_err() || !wrong, "a wrong checksum is believed");
        }
        let asked = ask(&run, &pages);
        asked.unwrap_or_else(|error| assert!(is_damage(&error), "{error}"));
        if mode & 2 != 0 {
            merge(run, file);
        }
    });
}

fn is_damage(error: &LogError) -> bool {
    matches!(error, LogError::DamagedIndex { .. })
}

/// Returns what the header says that the run is.
fn named(bytes: &[u8]) -> Option<(RunName, [u8; 16])> {
    let number =
        |at: usize| -> Option<u64> { Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?)) };
    let first = number(48)?;
    let name = RunName {
        segment: SegmentName {
            id: number(32)?,
            generation: u32::from_be_bytes(*bytes.get(40..)?.first_chunk()?),
        },
        first,
        end: first.wrapping_add(number(40)? & 0xffff_ffff),
    };
    Some((name, *bytes.get(16..)?.first_chunk()?))
}

/// Asks everything that can be asked. Every part fails by itself, and so does not hide the next.
fn ask(run: &IndexRun, pages: &FromFile) -> Result<(), LogError> {
    let results = [
        keys(run, pages, true),
        keys(run, pages, false),
        kinds(run, pages),
        ids(run, pages),
        names(run, pages),
    ];
    let events = 0..run.event_count().min(LOOKS_MAX as u32);
    for number in events.chain([run.event_count() - 1, run.event_count(), u32::MAX]) {
        match run.frame(pages, number) {
            Ok(place) => assert!(place.offset < place.end && place.end <= run.end().offset),
            Err(error) => assert!(is_damage(&error)),
        }
        if number < run.event_count() {
            let sequence = run.sequence(number);
            assert!(sequence >= run.first_sequence() && sequence < run.end().next_sequence);
            assert_eq!(run.number_from(sequence), number);
        }
    }
    results.into_iter().collect()
}

fn keys(run: &IndexRun, pages: &FromFile, of_entities: bool) -> Result<(), LogError> {
    for prefix in ["", "e", "entity:1", "\u{10ffff}"] {
        let keys = match of_entities {
            true => run.entities_with_prefix(pages, prefix)?,
            false => run.scopes_with_prefix(pages, prefix)?,
        };
        let mut before = None;
        for key in keys.take(LOOKS_MAX) {
            let (key, postings) = key?;
            assert!(key.starts_with(prefix));
            assert!(
                before.as_ref().is_none_or(|before| *before < key),
                "keys ascend"
            );
            numbers(run, pages, &postings)?;
            let found = match of_entities {
                true => run.entity(pages, &key)?,
                false => run.scope(pages, &key)?,
            };
            found.map_or(Ok(()), |postings| numbers(run, pages, &postings))?;
            before = Some(key);
        }
    }
    Ok(())
}

fn kinds(run: &IndexRun, pages: &FromFile) -> Result<(), LogError> {
    let mut before = None;
    for kind in run.kinds(pages, 0..=u16::MAX)?.take(LOOKS_MAX) {
        let (kind, postings) = kind?;
        assert!(before.is_none_or(|before| before < kind), "kinds ascend");
        numbers(run, pages, &postings)?;
        run.kind(pages, kind)?;
        before = Some(kind);
    }
    Ok(())
}

fn ids(run: &IndexRun, pages: &FromFile) -> Result<(), LogError> {
    for id in samples::IDS {
        for candidates in [run.ids(pages, id)?, run.expected_ids(pages, id)?] {
            assert!(candidates.iter().all(|number| number < run.event_count()));
            assert_eq!(candidates.iter().count(), candidates.len());
        }
        if let Some(postings) = run.effects(pages, id)? {
            numbers(run, pages, &postings)?;
        }
    }
    Ok(())
}

fn names(run: &IndexRun, pages: &FromFile) -> Result<(), LogError> {
    let first = run.first_name();
    for name in [0, first, first.saturating_add(1), u32::MAX] {
        run.name_place(pages, name)?;
    }
    Ok(())
}

/// Goes over the numbers of a key in every way.
fn numbers(run: &IndexRun, pages: &FromFile, postings: &Postings) -> Result<(), LogError> {
    let mut before = None;
    for number in postings.numbers(run, pages).take(LOOKS_MAX) {
        let number = number?;
        assert!(
            number < run.event_count(),
            "a number that the run does not have"
        );
        assert!(
            before.is_none_or(|before| before < number),
            "numbers ascend"
        );
        before = Some(number);
    }
    for at in [0, 1, run.event_count() / 2, run.event_count(), u32::MAX] {
        let greatest = postings.before(run, pages, at)?;
        assert!(greatest.is_none_or(|number| number < at));
        let mut from = postings.numbers(run, pages);
        from.skip_to(at)?;
        if let Some(number) = from.next() {
            assert!(number? >= at);
        }
        let last = postings.last_before(run, pages, at, 5)?;
        assert!(last.len() <= 5 && last.iter().all(|number| *number < at));
    }
    Ok(())
}

/// Pages of the run, or of its neighbour.
struct Both {
    first: (RunName, FromFile),
    second: FromFile,
}

impl Pages for Both {
    fn page(&self, run: &IndexRun, page: u32) -> Result<Page, LogError> {
        match *run.name() == self.first.0 {
            true => self.first.1.page(run, page),
            false => self.second.page(run, page),
        }
    }
}

/// Merges the run with the one behind it, if that still fits.
fn merge(run: IndexRun, file: Arc<dyn File>) {
    let bytes = samples::neighbour();
    let (name, store) = named(bytes).unwrap();
    let other = open_file(bytes.to_vec());
    let second = IndexRun::open(&name, &*other, store).unwrap().unwrap();
    let pages = Both {
        first: (*run.name(), FromFile(file)),
        second: FromFile(other),
    };
    let Some(mut merge) = RunMerge::new(vec![Arc::new(run), Arc::new(second)]) else {
        return;
    };
    for _ in 0..100_000 {
        match merge.step(&pages) {
            Ok(MergeStep::Done(name, bytes)) => {
                let file = open_file(bytes);
                let merged = IndexRun::open(&name, &*file, store).unwrap();
                let merged = merged.expect("what was merged is a run");
                assert_eq!(merged.name(), &name);
                return;
            }
            Ok(_) => {}
            Err(error) => {
                assert!(is_damage(&error), "{error}");
                return;
            }
        }
    }
    panic!("a merging does not end");
}
