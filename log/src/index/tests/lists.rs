//! Lists of all lengths are walked, searched and skipped as vectors are.

use super::made::{BLOCK, EVENTS, MANY_EVENTS, Made, ascending, edges};
use crate::error::LogError;
use crate::index::{IndexRun, Page, Pages};
use crate::seed::seeded_random;
use std::cell::Cell;

fn made(random: &mut fastrand::Rng) -> Made {
    let mut lists = Vec::new();
    for blocks in 1..5 {
        for count in [blocks * BLOCK - 1, blocks * BLOCK, blocks * BLOCK + 1] {
            for most in [1, 3, 100] {
                lists.push(ascending(random, count, most));
            }
        }
    }
    for count in [60_000, 30_000] {
        lists.push(ascending(random, count, 1));
    }
    // Their skips take more than a page.
    lists.push((0..MANY_EVENTS).step_by(2).collect());
    lists.push((1..MANY_EVENTS).collect());
    lists.push(vec![EVENTS / 2]);
    lists.push((0..MANY_EVENTS).collect());
    Made::new(MANY_EVENTS, lists)
}

#[test]
fn lists_of_all_lengths_answer_as_vectors_do() {
    let mut random = seeded_random();
    let made = made(&mut random);
    let (run, files) = (&*made.run, &Kept::of(&made));
    for (list, found) in made.found() {
        let all: Vec<_> = found.numbers(run, files).map(Result::unwrap).collect();
        assert!(all == list);
        let edges = edges(list).into_iter().take(500);
        let some: Vec<_> = (0..100).map(|_| random.u32(..MANY_EVENTS)).collect();
        for number in edges.chain(some) {
            let behind = list.partition_point(|there| *there < number);
            let before = behind.checked_sub(1).map(|index| list[index]);
            assert_eq!(found.before(run, files, number).unwrap(), before);
            let count = [0, 1, 10, BLOCK + 1][random.usize(..4)];
            let last: Vec<_> = list[..behind].iter().rev().take(count).copied().collect();
            let taken = found.last_before(run, files, number, count).unwrap();
            assert!(taken == last, "{count} before {number}");
            let mut rest = found.numbers(run, files);
            rest.skip_to(number).unwrap();
            for expected in list[behind..].iter().take(2 * BLOCK) {
                assert_eq!(rest.next().unwrap().unwrap(), *expected);
            }
        }
    }
}

#[test]
fn skips_and_steps_take_turns() {
    let mut random = seeded_random();
    let made = made(&mut random);
    let (run, files) = (&*made.run, &Kept::of(&made));
    for (list, found) in made.found() {
        for far in [30, 3_000, 30_000, MANY_EVENTS] {
            let (mut numbers, mut at) = (found.numbers(run, files), 0);
            for _ in 0..200 {
                if random.bool() {
                    assert_eq!(numbers.next().transpose().unwrap(), list.get(at).copied());
                    at = list.len().min(at + 1);
                } else {
                    // One that was passed already changes nothing.
                    let from = list.get(at).copied().unwrap_or(MANY_EVENTS);
                    let number = (from + random.u32(..far)).saturating_sub(10);
                    numbers.skip_to(number).unwrap();
                    at = at.max(list.partition_point(|there| *there < number));
                }
            }
        }
    }
}

#[test]
fn a_number_of_a_long_list_is_found_in_few_pages() {
    let mut random = seeded_random();
    let made = made(&mut random);
    let pages = Kept::of(&made);
    for (list, found) in made.found() {
        for number in (0..300).map(|_| random.u32(..MANY_EVENTS)) {
            pages.asked.set(0);
            found.before(&made.run, &pages, number).unwrap();
            let mut numbers = found.numbers(&made.run, &pages);
            numbers.skip_to(number).unwrap();
            let asked = pages.asked.get();
            assert!(asked <= 2 * 7, "{asked} pages of a list of {}", list.len());
            pages.asked.set(0);
            found.last_before(&made.run, &pages, number, 10).unwrap();
            let asked = pages.asked.get();
            assert!(
                asked <= 10,
                "{asked} pages for ten of a list of {}",
                list.len()
            );
        }
        pages.asked.set(0);
        assert_eq!(found.numbers(&made.run, &pages).count(), list.len());
        let asked = pages.asked.get();
        assert!(
            asked <= 4 + list.len() / 1_000,
            "{asked} pages to walk {}",
            list.len()
        );
    }
}

#[test]
fn a_list_that_was_passed_stays_at_its_end() {
    let random = &mut seeded_random();
    let list = ascending(random, 2 * BLOCK, 9);
    let made = Made::new(EVENTS, vec![list.clone()]);
    let found = made.found().next().unwrap().1;
    for passed in [list[0], list[BLOCK], found.last] {
        let mut numbers = found.numbers(&made.run, &made.files);
        numbers.skip_to(passed).unwrap();
        numbers.skip_to(u32::MAX).unwrap();
        numbers.skip_to(0).unwrap();
        assert!(numbers.next().is_none());
    }
    let mut numbers = found.numbers(&made.run, &made.files);
    assert_eq!(numbers.by_ref().count(), list.len());
    numbers.skip_to(found.last).unwrap();
    assert!(numbers.next().is_none());
}

/// All pages of one run, and how often they were asked for.
struct Kept {
    pages: Vec<Page>,
    asked: Cell<usize>,
}

impl Kept {
    fn of(made: &Made) -> Self {
        let pages = 0..made.run.page_count();
        Self {
            pages: pages
                .map(|page| made.files.page(&made.run, page).unwrap())
                .collect(),
            asked: Cell::new(0),
        }
    }
}

impl Pages for Kept {
    fn page(&self, _: &IndexRun, page: u32) -> Result<Page, LogError> {
        self.asked.set(self.asked.get() + 1);
        Ok(self.pages[page as usize].clone())
    }
}
