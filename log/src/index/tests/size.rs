//! What a run costs.

use super::support::{Files, Segment, Shape, merge};
use crate::index::{IndexRun, Page, Pages};
use crate::layout::run::PAGE_LEN;
use crate::seed::seeded_random;

/// Returns how many bytes an event of a run takes, with 1,000 entities.
fn bytes_an_event(scopes: u8, kinds: u16, caused: u32) -> f64 {
    let shape = Shape {
        groups: 32_768 / 16,
        group_events: 31,
        entities: 1_000,
        name_len: 4..12,
        scopes,
        kinds,
        caused,
        gaps: 0,
        ..Shape::default()
    };
    let segment = Segment::random(&mut seeded_random(), &shape);
    let (run, _) = segment.open(0..shape.groups);
    let bytes = u64::from(run.page_count()) * PAGE_LEN as u64;
    let each = bytes as f64 / f64::from(run.event_count());
    println!("{each:.2} bytes an event, {} events", run.event_count());
    each
}

/// The budget is about 16 bytes an event, at most 25; what is in one scope and of one kind takes
/// postings for either. The half page that each table leaves empty is in these numbers, too.
#[test]
fn an_event_takes_about_sixteen_bytes() {
    assert!(bytes_an_event(1, 1, 0) <= 17.5);
    assert!(bytes_an_event(3, 10, 0) <= 20.0);
    assert!(bytes_an_event(3, 10, 2) <= 25.0);
}

/// Prints how long things take: `cargo test --release -- --ignored --nocapture timings`.
#[test]
#[ignore = "takes long without optimisation, and judges nothing"]
#[expect(clippy::disallowed_methods, reason = "this is about time")]
fn timings() {
    let now = std::time::Instant::now;
    let shape = Shape {
        groups: 8 * 32_768 / 16,
        group_events: 31,
        entities: 1_000,
        kinds: 10,
        ..Shape::default()
    };
    let segment = Segment::random(&mut seeded_random(), &shape);
    let cuts: Vec<_> = (0..=8).map(|part| part * shape.groups / 8).collect();
    let start = now();
    let builders = segment.builders(&cuts);
    println!(
        "read and add {} events: {:?}",
        segment.events.len(),
        start.elapsed()
    );
    let mut files = Files::default();
    let mut runs = Vec::new();
    let start = now();
    let built: Vec<_> = builders
        .into_iter()
        .map(|builder| builder.finish())
        .collect();
    println!("finish 8 runs: {:?}", start.elapsed());
    for (name, bytes) in &built {
        runs.push(files.add(name, bytes).unwrap());
    }
    let (mut longest, start) = (std::time::Duration::ZERO, now());
    let mut merging = crate::index::RunMerge::new(runs.clone()).unwrap();
    let (name, bytes, mut steps) = loop {
        let step = now();
        let done = merging.step(&files).unwrap();
        longest = longest.max(step.elapsed());
        if let crate::index::MergeStep::Done(name, bytes) = done {
            break (name, bytes, 0);
        }
    };
    println!("merge: {:?}, longest step {longest:?}", start.elapsed());
    steps += merge(runs, &files).2;
    println!("{steps} steps, {} bytes", bytes.len());
    let run = files.add(&name, &bytes).unwrap();
    let time = |what: &str, ask: &dyn Fn(usize)| {
        let start = now();
        (0..20_000).for_each(ask);
        println!(
            "{what}: {:?} each, pages uncached",
            start.elapsed() / 20_000
        );
    };
    let events = &segment.events;
    let at = |turn: usize| turn.wrapping_mul(7919) % events.len();
    time("id there", &|turn| {
        assert!(!run.ids(&files, events[at(turn)].id).unwrap().is_empty())
    });
    time("id not there", &|turn| {
        drop(run.ids(&files, (turn as u128 * 0x1234_5678_9abc) << 64))
    });
    time("entity", &|turn| {
        drop(run.entity(&files, &events[at(turn)].entity))
    });
    time("frame", &|turn| {
        drop(run.frame(&files, u32::try_from(at(turn)).unwrap()))
    });
    let pages = Kept(
        (0..run.page_count())
            .map(|page| files.page(&run, page).unwrap())
            .collect(),
    );
    let time = |what: &str, ask: &dyn Fn(usize)| {
        let start = now();
        (0..20_000).for_each(ask);
        println!("{what}: {:?} each, pages kept", start.elapsed() / 20_000);
    };
    time("id there", &|turn| {
        assert!(!run.ids(&pages, events[at(turn)].id).unwrap().is_empty())
    });
    time("id not there", &|turn| {
        drop(run.ids(&pages, (turn as u128 * 0x1234_5678_9abc) << 64))
    });
    time("entity", &|turn| {
        drop(run.entity(&pages, &events[at(turn)].entity))
    });
    time("frame", &|turn| {
        drop(run.frame(&pages, u32::try_from(at(turn)).unwrap()))
    });
    let start = now();
    let kinds = run.kinds(&pages, 0..=u16::MAX).unwrap().map(Result::unwrap);
    let count = kinds
        .map(|(_, found)| found.numbers(&run, &pages).count())
        .sum::<usize>();
    println!("walk {count} postings: {:?}", start.elapsed());
    let mut frames = crate::index::Frames::new(&run, &pages);
    let start = now();
    (0..run.event_count()).for_each(|number| drop(frames.place(number)));
    println!("walk {count} frames: {:?}", start.elapsed());
}

/// All pages of one run.
struct Kept(Vec<Page>);

impl Pages for Kept {
    fn page(&self, _: &IndexRun, page: u32) -> Result<Page, crate::error::LogError> {
        Ok(self.0[page as usize].clone())
    }
}
