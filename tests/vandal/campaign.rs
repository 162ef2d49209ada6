//! Tries damage after damage, and counts the verdicts.

use super::damages::{Damaged, Others, bits, surgery};
use super::ground::{Ground, Instead, Real, simulated};
use super::made::{Files, KILLED_NUMBERS, Made, NUMBERS, append, is_gone, made};
use super::seen::read;
use super::verdict::{Due, Verdict, judge};
use fastrand::Rng;
use std::collections::BTreeMap;

/// What came of many damages.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) verdicts: BTreeMap<Verdict, usize>,
    pub(crate) failures: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, what: impl FnOnce() -> String, verdict: Result<Verdict, String>) {
        match verdict {
            Ok(verdict) => *self.verdicts.entry(verdict).or_default() += 1,
            Err(text) => self.failures.push(format!("{}: {text}", what())),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.failures.len() + self.verdicts.values().sum::<usize>()
    }
}

/// A directory to be damaged, and what is to be found in it.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) name: &'static str,
    pub(crate) files: Files,
    pub(crate) due: Due,
}

/// What one seed gives to damage.
#[derive(Debug)]
pub(crate) struct Site {
    made: Made,
    stranger: Files,
    pub(crate) bases: [Base; 2],
}

impl Site {
    pub(crate) fn new(seed: u64) -> Self {
        let mut made = made(seed);
        let stranger = super::made::made(seed + 1).closed;
        let closed = due(&made.closed, NUMBERS);
        let mut killed = due(&made.killed, KILLED_NUMBERS);
        // What closing wrote is proven by the headers behind it; the rest by the checkpoint.
        killed.proven = closed.seen.len();
        let bases = [
            ("closed", &mut made.closed, closed),
            ("killed", &mut made.killed, killed),
        ];
        let bases = bases.map(|(name, files, due)| Base {
            name,
            files: files.clone(),
            due,
        });
        Self {
            made,
            stranger,
            bases,
        }
    }

    fn surgery(&self, base: &Base, random: &mut Rng) -> Vec<Damaged> {
        let others = Others {
            older: &self.made.older,
            stranger: &self.stranger,
        };
        surgery(&base.files, &others, random)
    }
}

/// Reads what is to be found in a directory that nobody has touched.
fn due(files: &Files, numbers: u64) -> Due {
    let machine = simulated(files);
    let store = Ground::open(&machine).unwrap();
    let seen = read(&store).unwrap().unwrap();
    let there = (0..numbers).filter(|number| !is_gone(*number)).count();
    let shown = (0..20).filter(|number| is_gone(*number)).count();
    assert_eq!(
        seen.len(),
        there + shown,
        "stubs are shown, what a fence hides is not"
    );
    for number in (0..numbers).filter(|number| !(30..33).contains(number)) {
        assert!(
            append(&store, number).unwrap().replay.is_some(),
            "key {number}"
        );
    }
    let proven = seen.len();
    Due { seen, proven }
}

/// Does to whole files what can be done, on the simulated disk or on a real one.
pub(crate) fn operate(site: &Site, seed: u64, is_real: bool, every: usize) -> Tally {
    let mut tally = Tally::default();
    let mut random = Rng::with_seed(seed);
    for base in &site.bases {
        let skipped = random.usize(..every);
        let damaged = site.surgery(base, &mut random);
        for Damaged { what, files } in damaged.iter().skip(skipped).step_by(every) {
            let verdict = match is_real {
                true => judge(&Real::new(files, &[]), &base.due),
                false => judge(&simulated(files), &base.due),
            };
            tally.add(|| format!("{}: {what}", base.name), verdict);
        }
    }
    tally
}

/// Puts directories and links in the place of files, on a real disk.
pub(crate) fn replace(site: &Site) -> Tally {
    let mut tally = Tally::default();
    for base in &site.bases {
        let mut names: Vec<_> = base.files.keys().cloned().collect();
        let absent = [
            "poisoned.fbpm",
            "next.tmp",
            "index.tmp",
            "merge.tmp",
            "store.lock",
        ];
        names.extend(absent.map(str::to_owned));
        names.extend(["000099.fbat", "visibility_ranges.fbv", "recovered"].map(str::to_owned));
        for name in &names {
            let elsewhere = base.files.keys().find(|other| *other != name).cloned();
            let mut kinds = vec![Instead::Directory, Instead::Link("nowhere".into())];
            kinds.push(Instead::Link(name.clone()));
            kinds.extend(elsewhere.map(Instead::Link));
            for instead in kinds {
                let what = format!("{}: {name} is a {instead:?}", base.name);
                let real = Real::new(&base.files, &[(name.clone(), instead)]);
                let verdict = match judge(&real, &base.due) {
                    // Whoever puts a segment elsewhere and a link in its place has not lost it.
                    Ok(Verdict::Earlier) => Err("the newest segment is passed over".into()),
                    verdict => verdict,
                };
                tally.add(|| what, verdict);
            }
        }
    }
    tally
}

/// Tears the end of the killed store, where what is torn is set aside under the highest number.
pub(crate) fn tear_beside(site: &Site, aside: &str) -> Result<Verdict, String> {
    let [_, base] = &site.bases;
    let mut files = base.files.clone();
    let mut segments = files.iter_mut().rev();
    let newest = segments.find(|(name, _)| name.ends_with(".fbat")).unwrap();
    let end = newest.1.iter().rposition(|byte| *byte != 0).unwrap();
    newest.1.truncate(end - 3);
    files.insert(aside.to_owned(), vec![1]);
    judge(&simulated(&files), &base.due)
}

/// Flips every `step`th bit.
pub(crate) fn flip(site: &Site, seed: u64, step: usize) -> Tally {
    let mut tally = Tally::default();
    for base in &site.bases {
        let first = Rng::with_seed(seed).usize(..step);
        for (name, at, bit) in bits(&base.files, step, first) {
            let machine = simulated(&base.files);
            machine.disk().flip(&name, at as u64, bit).unwrap();
            let verdict = judge(&machine, &base.due);
            tally.add(
                || format!("{}: {name}, byte {at}, {bit:#04x}", base.name),
                verdict,
            );
        }
    }
    tally
}
