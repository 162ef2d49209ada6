//! Lists whose skips or numbers lie under checksums that hold: damage, and never a wrong number.

use super::made::{BLOCK, EVENTS, Made, Skip, ascending, edges, encode, list_at};
use super::support::Files;
use crate::error::LogError;
use crate::index::{IndexRun, MergeStep, Postings, RunMerge};
use crate::layout::run::{BLOCK_NUMBERS, SKIP_LEN};
use crate::seed::seeded_random;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What was asked of a run with a lie in it.
#[derive(Default)]
struct Verdict {
    damaged: usize,
    right: usize,
}

impl Verdict {
    fn judge<T: PartialEq + std::fmt::Debug>(&mut self, answer: Result<T, LogError>, right: &T) {
        match answer {
            Ok(answer) => {
                assert_eq!(&answer, right, "a wrong answer");
                self.right += 1;
            }
            Err(LogError::DamagedIndex { .. }) => self.damaged += 1,
            Err(other) => panic!("{other}"),
        }
    }

    /// Asks for what stands around some places.
    fn ask(
        &mut self,
        (run, files): (&IndexRun, &Files),
        (list, found): (&[u32], &Postings),
        places: &BTreeSet<u32>,
    ) {
        for number in places {
            let behind = list.partition_point(|there| there < number);
            let before = behind.checked_sub(1).map(|index| list[index]);
            self.judge(found.before(run, files, *number), &before);
            let mut rest = found.numbers(run, files);
            let next = rest.skip_to(*number).and_then(|()| rest.next().transpose());
            let was_damaged = next.is_err();
            self.judge(next, &list.get(behind).copied());
            assert!(
                !was_damaged || rest.next().is_none(),
                "it goes on after damage"
            );
        }
    }
}

/// Walks a list with a lie in it, right up to the damage, which ends it; tells whether there was.
fn walk_is_damaged(run: &IndexRun, files: &Files, list: &[u32], found: &Postings) -> bool {
    let mut walked = Vec::new();
    let mut numbers = found.numbers(run, files);
    for number in numbers.by_ref().map_while(Result::ok) {
        walked.push(number);
    }
    assert!(list.starts_with(&walked) && numbers.next().is_none());
    walked.len() < list.len()
}

fn merge(run: &Arc<IndexRun>, files: &Files) -> Result<(), LogError> {
    let mut merge = RunMerge::new(vec![Arc::clone(run)]).unwrap();
    while let MergeStep::More = merge.step(files)? {}
    Ok(())
}

/// Returns what a skip can say instead of the truth.
fn lies(random: &mut fastrand::Rng, skips: &[Skip], index: usize) -> Vec<Skip> {
    const MAX: u32 = (1 << 24) - 1;
    let (number, end) = skips[index];
    let near = random.u32(1..300);
    let mut numbers = vec![
        number - 1,
        number + 1,
        number + near,
        number.saturating_sub(near),
    ];
    numbers.extend([number >> 7, 0, MAX, random.u32(..EVENTS)]);
    let mut ends = vec![end - 1, end + 1, end + near, end.saturating_sub(near)];
    ends.extend([0, MAX, random.u32(..=MAX), random.u32(..=2 * end)]);
    let mut lies: Vec<Skip> = numbers.iter().map(|number| (*number, end)).collect();
    lies.extend(ends.iter().map(|end| (number, *end)));
    lies.extend(numbers.into_iter().zip(ends));
    lies.extend(skips.iter().take(3).chain(skips.last()));
    lies.retain(|lie| *lie != skips[index]);
    lies
}

#[test]
fn a_skip_that_lies_never_gives_a_wrong_number() {
    let mut random = seeded_random();
    let mut verdict = Verdict::default();
    let counts = [BLOCK + 1, 2 * BLOCK, 4 * BLOCK - 1];
    // In a list of equal differences, any part looks like any other.
    let equal = [1, 2, 200].map(|each| (1..300).map(|index| index * each).collect());
    let mut lists: Vec<Vec<u32>> = equal.to_vec();
    for count in counts {
        lists.extend([2, 100].map(|most| ascending(&mut random, count, most)));
    }
    let mut made = Made::new(EVENTS, lists);
    let found: Vec<_> = made.found().map(|(_, found)| found).collect();
    for (found, kind) in found.iter().zip(0..) {
        let list = made.lists[kind].clone();
        let skips = made.skips(found);
        assert_eq!(skips.len(), list.len().div_ceil(BLOCK));
        for index in 0..skips.len() {
            assert_eq!(
                skips[index].0,
                list[list.len().min((index + 1) * BLOCK) - 1]
            );
            for lie in lies(&mut random, &skips, index) {
                let mut places = edges(&list);
                places.extend([lie.0.saturating_sub(1), lie.0, lie.0 + 1]);
                let at = list_at(found) + index * SKIP_LEN as usize;
                made.with(at, &encode(lie), |run, files| {
                    verdict.ask((run, files), (&list, found), &places);
                    assert!(walk_is_damaged(run, files, &list, found));
                });
            }
        }
    }
    assert!(verdict.damaged > 1_000 && verdict.right > 1_000);
}

/// A skip may end inside of a number so that all that follow are right, and only its own is wrong.
#[test]
fn a_skip_into_the_middle_of_a_number_is_damage() {
    let mut list: Vec<u32> = (0..BLOCK_NUMBERS).collect();
    let last = BLOCK_NUMBERS - 1;
    let difference = 5 << 7 | 3;
    list.extend((0..BLOCK_NUMBERS).map(|number| last + difference + number));
    let mut made = Made::new(EVENTS, vec![list.clone()]);
    let found = made.found().next().unwrap().1;
    let (number, end) = made.skips(&found)[0];
    assert_eq!(number, last);
    let lie = (number + difference - 5, end + 1);
    made.with(list_at(&found), &encode(lie), |run, files| {
        let before = found.before(run, files, last + difference);
        assert!(matches!(before, Err(LogError::DamagedIndex { .. })));
        assert!(walk_is_damaged(run, files, &list, &found));
    });
}

#[test]
fn a_list_of_whose_numbers_one_was_changed_never_gives_a_wrong_number() {
    let mut random = seeded_random();
    let (mut verdict, mut noticed) = (Verdict::default(), 0);
    let counts = [2, 40, BLOCK, BLOCK + 1, 3 * BLOCK];
    let lists = counts.map(|count| ascending(&mut random, count, 150));
    let mut made = Made::new(EVENTS, lists.to_vec());
    let found: Vec<_> = made.found().map(|(_, found)| found).collect();
    let starts = found.iter().map(list_at);
    let ends = starts
        .skip(1)
        .chain([made.run.tables().postings.items as usize]);
    for ((found, end), kind) in found.iter().zip(ends).zip(0..) {
        let list = made.lists[kind].clone();
        for at in list_at(found)..end {
            let forged = made.byte(at) ^ 1 << random.u32(..8);
            let places = edges(&list);
            made.with(at, &[forged], |run, files| {
                verdict.ask((run, files), (&list, found), &places);
                noticed += usize::from(walk_is_damaged(run, files, &list, found));
            });
        }
    }
    // The last number can go on with a zero of the list behind, which changes nothing.
    let changed = made.run.tables().postings.items as usize;
    assert!(noticed >= changed - list_at(&found[0]) - found.len());
    assert!(verdict.damaged > 1_000 && verdict.right > 1_000);
}

/// The differences add up to what the skips say all the same.
#[test]
fn numbers_that_do_not_ascend_or_are_too_long_are_damage() {
    let list: Vec<u32> = (0..2 * BLOCK_NUMBERS).map(|index| index * 2).collect();
    let mut made = Made::new(2_000, vec![list.clone()]);
    let found = made.found().next().unwrap().1;
    let blocks_at = list_at(&found) + 2 * SKIP_LEN as usize;
    let forgeries: [(usize, &[u8]); 5] = [
        (10, &[0, 4]),
        (BLOCK, &[0, 4]),
        (10, &[2, 2, 4, 0]),
        (10, &[0x80; 9]),
        (BLOCK, &[0xff; 9]),
    ];
    for (at, forged) in forgeries {
        made.with(blocks_at + at, forged, |run, files| {
            assert!(walk_is_damaged(run, files, &list, &found));
            let number = list[at] + 1;
            assert!(found.before(run, files, number).is_err());
            assert!(found.numbers(run, files).skip_to(number).is_err());
        });
    }
}

/// What a dictionary says of a list is believed no more than the list.
#[test]
fn no_number_is_greater_than_the_last_one() {
    let list: Vec<u32> = (0..3 * BLOCK_NUMBERS).collect();
    let made = Made::new(2_000, vec![list.clone()]);
    let found = made.found().next().unwrap().1;
    for last in [list[BLOCK], found.last - 1, found.last + 1] {
        let found = Postings { last, ..found };
        let numbers: Vec<_> = found.numbers(&made.run, &made.files).collect();
        assert!(numbers.iter().flatten().all(|number| *number <= last));
        assert!(matches!(numbers.last(), Some(Err(_))));
        assert!(found.before(&made.run, &made.files, last).is_err());
    }
}

#[test]
fn a_merge_refuses_a_skip_that_lies() {
    let random = &mut seeded_random();
    let list = (0..3 * BLOCK_NUMBERS).map(|index| index * 7).collect();
    let mut made = Made::new(6_000, vec![list]);
    assert!(merge(&made.run, &made.files).is_ok());
    let found = made.found().next().unwrap().1;
    let skips = made.skips(&found);
    for index in 0..skips.len() {
        for lie in lies(random, &skips, index) {
            let at = list_at(&found) + index * SKIP_LEN as usize;
            let merged = made.with(at, &encode(lie), merge);
            assert!(
                matches!(merged, Err(LogError::DamagedIndex { .. })),
                "{lie:?}"
            );
        }
    }
}
