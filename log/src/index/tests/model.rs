//! Every question is answered as by a list of all events.

use super::support::{Files, Known, Segment, Shape, merge};
use crate::index::{Frames, IndexRun, Pages, Postings, RunMerge};
use crate::layout::run::BLOCK_NUMBERS;
use crate::seed::seeded_random;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

#[test]
fn built_and_merged_runs_answer_as_the_model_does() {
    let mut random = seeded_random();
    let few = Shape::default();
    let shapes = [
        few.clone(),
        Shape {
            entities: 1,
            scopes: 1,
            kinds: 1,
            caused: 1,
            ..few.clone()
        },
        Shape {
            entities: 0,
            caused: 2,
            groups: 60,
            ..few.clone()
        },
        Shape {
            entities: 0,
            name_len: 1..1000,
            groups: 20,
            ..few.clone()
        },
        Shape {
            group_events: 1,
            groups: 12,
            gaps: 1,
            ..few.clone()
        },
        Shape {
            group_events: 2,
            groups: 800,
            gaps: 1,
            caused: 0,
            ..few.clone()
        },
        Shape {
            groups: 150,
            entities: 3,
            scopes: 2,
            kinds: 2,
            caused: 1,
            ..few.clone()
        },
        Shape {
            groups: 10,
            group_events: 600,
            payload: 0..3000,
            kinds: 0x0fff,
            ..few.clone()
        },
    ];
    for shape in shapes {
        println!("{shape:?}");
        let segment = Segment::random(&mut random, &shape);
        check_segment(&mut random, &segment);
    }
}

fn check_segment(random: &mut fastrand::Rng, segment: &Segment) {
    let groups = segment.marks.len() - 1;
    let mut cuts = vec![0, groups];
    cuts.extend((0..random.usize(1..7)).map(|_| random.usize(0..groups)));
    cuts.sort_unstable();
    cuts.dedup();
    let mut files = Files::default();
    let mut runs = Vec::new();
    let ranges: Vec<_> = cuts.windows(2).map(|cut| cut[0]..cut[1]).collect();
    for (builder, range) in segment.builders(&cuts).into_iter().zip(&ranges) {
        let (name, bytes) = builder.finish();
        let run = files.add(&name, &bytes).unwrap();
        check(random, &run, &files, segment, range.clone());
        runs.push(run);
    }
    let (name, bytes) = segment.run(0..groups);
    let (merged_name, merged, _) = merge(runs.clone(), &files);
    assert_eq!(merged_name, name);
    assert!(
        merged == bytes,
        "merging makes the bytes that building makes"
    );
    let whole = files.add(&name, &bytes).unwrap();
    check(random, &whole, &files, segment, 0..groups);
    if let [first, second, third, ..] = runs.as_slice() {
        let (start, middle) = ([first, second], [second, third]);
        for (pair, cut) in [(start, 0..2), (middle, 1..3)] {
            let (_, merged, _) = merge(pair.map(std::sync::Arc::clone).to_vec(), &files);
            assert!(merged == segment.run(cuts[cut.start]..cuts[cut.end]).1);
        }
        for wrong in [[first, third], [second, first], [first, first]] {
            assert!(RunMerge::new(wrong.map(std::sync::Arc::clone).to_vec()).is_none());
        }
    }
    assert!(RunMerge::new(Vec::new()).is_none());
}

/// A run, and the events that it covers.
struct Case<'a> {
    run: &'a IndexRun,
    pages: &'a Files,
    events: &'a [Known],
}

fn check(
    random: &mut fastrand::Rng,
    run: &IndexRun,
    pages: &Files,
    segment: &Segment,
    groups: Range<usize>,
) {
    let (start, first, first_name) = segment.marks[groups.start];
    let (end, last, names_end) = segment.marks[groups.end];
    let case = Case {
        run,
        pages,
        events: &segment.events[first..last],
    };
    assert_eq!(run.end(), &end);
    assert_eq!(run.start_offset(), start.offset);
    assert_eq!(
        run.last_group_offset(),
        segment.group_offsets[groups.end - 1]
    );
    assert_eq!(run.first_event(), first as u64);
    assert_eq!(run.event_count() as usize, case.events.len());
    assert_eq!(run.first_sequence(), case.events[0].sequence);
    assert_eq!(run.first_name() as usize, first_name);
    assert_eq!(run.name_count() as usize, names_end - first_name);
    for (offset, number) in segment.names.iter().zip(0..) {
        let place = run.name_place(pages, number).unwrap();
        let inside = (first_name..names_end).contains(&(number as usize));
        assert_eq!(place.map(|place| place.offset), inside.then_some(*offset));
    }
    case.frames();
    case.sequences(random);
    case.ids(random);
    case.keys(random);
}

impl Case<'_> {
    fn frames(&self) {
        let mut frames = Frames::new(self.run, self.pages);
        for (number, event) in (0..).zip(self.events) {
            let place = frames.place(number).unwrap();
            let next = self.events.get(number as usize + 1);
            let end = next.map_or(self.run.end().offset, |next| next.offset);
            assert_eq!((place.offset, place.end), (event.offset, end));
            if number % 17 == 0 {
                assert_eq!(self.run.frame(self.pages, number).unwrap(), place);
            }
        }
        assert!(self.run.frame(self.pages, self.run.event_count()).is_err());
        assert!(self.run.frame(self.pages, u32::MAX).is_err());
    }

    fn sequences(&self, random: &mut fastrand::Rng) {
        for (number, event) in (0..).zip(self.events) {
            assert_eq!(self.run.sequence(number), event.sequence);
            assert_eq!(self.run.number_from(event.sequence), number);
            assert_eq!(self.run.number_from(event.sequence + 1), number + 1);
        }
        let end = self.run.end().next_sequence + 10;
        let some = (0..500).map(|_| random.u64(..end));
        for sequence in some.chain([0, u64::MAX]) {
            let before = self
                .events
                .partition_point(|event| event.sequence < sequence);
            assert_eq!(self.run.number_from(sequence) as usize, before);
        }
    }

    fn ids(&self, random: &mut fastrand::Rng) {
        for (number, event) in (0..).zip(self.events) {
            let found = self.run.ids(self.pages, event.id).unwrap();
            assert!(!found.is_empty() && found.len() < 3);
            assert!(found.iter().any(|found| found == number));
        }
        for id in (0..300).map(|_| random.u128(..)).chain([0, 1, u128::MAX]) {
            assert!(self.run.ids(self.pages, id).unwrap().is_empty());
        }
    }

    fn keys(&self, random: &mut fastrand::Rng) {
        let (run, pages) = (self.run, self.pages);
        let by_entity = self.by(|event| Some(event.entity.clone()));
        let by_scope = self.by(|event| Some(event.scope.clone()));
        let by_kind = self.by(|event| Some(event.kind));
        for (entity, numbers) in &by_entity {
            self.postings(random, run.entity(pages, entity).unwrap(), numbers);
            assert_eq!(run.entity(pages, &format!("{entity}+")).unwrap(), None);
        }
        for (scope, numbers) in &by_scope {
            self.postings(random, run.scope(pages, scope).unwrap(), numbers);
        }
        for (kind, numbers) in &by_kind {
            self.postings(random, run.kind(pages, *kind).unwrap(), numbers);
        }
        for absent in ["", "a", "cart", "cart:", "zzzz", &"x".repeat(5000)] {
            assert_eq!(run.entity(pages, absent).unwrap(), None);
            assert_eq!(run.scope(pages, absent).unwrap(), None);
        }
        assert_eq!(run.kind(pages, 0x0fff).unwrap(), None);
        assert_eq!(run.kind(pages, 0xffff).unwrap(), None);
        for (cause, numbers) in self.by(|event| event.cause) {
            let found = run.effects(pages, cause).unwrap().unwrap();
            let of_cause = |number: &u32| self.events[*number as usize].cause == Some(cause);
            let found: Vec<_> = found.numbers(run, pages).map(Result::unwrap).collect();
            assert!(found.is_sorted());
            assert_eq!(
                found.into_iter().filter(of_cause).collect::<Vec<_>>(),
                numbers
            );
        }
        for prefix in [
            "",
            "c",
            "cart:",
            "cart:0",
            "user:00",
            "ü",
            "v",
            "\u{10ffff}",
        ] {
            let found = run.entities_with_prefix(pages, prefix).unwrap();
            self.listed(found.map(Result::unwrap), &by_entity, |key| {
                key.starts_with(prefix)
            });
            let found = run.scopes_with_prefix(pages, prefix).unwrap();
            self.listed(found.map(Result::unwrap), &by_scope, |key| {
                key.starts_with(prefix)
            });
        }
        let start = random.u16(0x1000..0x2000);
        for range in [
            0..=u16::MAX,
            0x1001..=0x1003,
            start..=0x2000,
            0x2000..=0x2001,
        ] {
            let found = run.kinds(pages, range.clone()).unwrap();
            self.listed(found.map(Result::unwrap), &by_kind, |kind| {
                range.contains(kind)
            });
        }
    }

    fn by<K: Ord>(&self, key: impl Fn(&Known) -> Option<K>) -> BTreeMap<K, Vec<u32>> {
        let mut by = BTreeMap::<K, Vec<u32>>::new();
        for (number, event) in (0..).zip(self.events) {
            if let Some(key) = key(event) {
                by.entry(key).or_default().push(number);
            }
        }
        by
    }

    fn listed<K: Ord + Clone + std::fmt::Debug>(
        &self,
        found: impl Iterator<Item = (K, Postings)>,
        model: &BTreeMap<K, Vec<u32>>,
        wanted: impl Fn(&K) -> bool,
    ) {
        let numbers = |postings: Postings| postings.numbers(self.run, self.pages);
        let found: Vec<_> = found
            .map(|(key, postings)| (key, numbers(postings).map(Result::unwrap).collect()))
            .collect();
        let model: Vec<(K, Vec<u32>)> = model
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(key, numbers)| (key.clone(), numbers.clone()))
            .collect();
        assert_eq!(found, model);
    }

    fn postings(&self, random: &mut fastrand::Rng, found: Option<Postings>, model: &[u32]) {
        let found = found.expect("the key is there");
        let (run, pages) = (self.run, self.pages);
        assert_eq!(found.count as usize, model.len());
        assert_eq!(Some(&found.last), model.last());
        let numbers: Vec<_> = found.numbers(run, pages).map(Result::unwrap).collect();
        assert_eq!(numbers, model);
        let ends = model.chunks(BLOCK_NUMBERS as usize);
        let ends = ends.flat_map(|block| [block[0], block[block.len() - 1]]);
        let around = model.iter().take(3).copied().chain(ends.take(10));
        let mut places: BTreeSet<_> = around.flat_map(|number| [number, number + 1]).collect();
        places.extend([0, found.last, found.last + 1, u32::MAX]);
        places.insert(random.u32(..run.event_count()));
        for number in places {
            let before = model.iter().rfind(|there| **there < number);
            assert_eq!(found.before(run, pages, number).unwrap().as_ref(), before);
            let mut rest = found.numbers(run, pages);
            rest.skip_to(number).unwrap();
            rest.skip_to(number).unwrap();
            let rest: Vec<_> = rest.map(Result::unwrap).collect();
            let behind = model.partition_point(|there| *there < number);
            assert_eq!(rest, model[behind..]);
        }
    }
}

/// The trait can be used through a reference to whatever implements it.
#[test]
fn a_run_and_its_pages_can_be_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    fn is_pages<T: Pages>() {}
    is_shared::<IndexRun>();
    is_shared::<crate::index::Page>();
    is_shared::<RunMerge>();
    is_pages::<Files>();
}
