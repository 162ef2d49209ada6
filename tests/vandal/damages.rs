//! What a vandal does to one file of a directory.

use super::made::Files;
use fastrand::Rng;

/// A directory after one damage.
#[derive(Debug)]
pub(crate) struct Damaged {
    pub(crate) what: String,
    pub(crate) files: Files,
}

/// What files may be replaced with.
#[derive(Debug)]
pub(crate) struct Others<'o> {
    /// The same store some time ago.
    pub(crate) older: &'o Files,
    /// Another store of the same shape.
    pub(crate) stranger: &'o Files,
}

/// Names that a copy of a file may come to have.
const COPIES: [&str; 13] = [
    "000099.fbat",
    "000001-9.fbat",
    "000099.0-4.fbix",
    "next.tmp",
    "merge.tmp",
    "index.tmp",
    "carried.tmp",
    "checkpoint.fbcp.tmp",
    "poisoned.fbpm",
    "visibility_ranges.fbv",
    "index.fbati",
    "recovered/000001-000001-168.torn",
    "a copy.fbat",
];

/// Returns everything that is done to whole files, one after the other.
pub(crate) fn surgery(base: &Files, others: &Others<'_>, random: &mut Rng) -> Vec<Damaged> {
    let mut done = Vec::new();
    let names: Vec<_> = base.keys().cloned().collect();
    for (nth, name) in names.iter().enumerate() {
        let mut add = |what: &str, edit: &dyn Fn(&mut Files)| {
            let mut files = base.clone();
            edit(&mut files);
            if files != *base {
                let what = format!("{name} {what}");
                done.push(Damaged { what, files });
            }
        };
        let bytes = &base[name];
        let put = |files: &mut Files, bytes: &[u8]| drop(files.insert(name.clone(), bytes.into()));
        add("removed", &|files| drop(files.remove(name)));
        for to in &names[nth + 1..] {
            add(&format!("exchanged with {to}"), &|files| {
                put(files, &base[to]);
                files.insert(to.clone(), bytes.clone());
            });
        }
        for copy in COPIES {
            add(&format!("copied to {copy}"), &|files| {
                files.insert(copy.to_owned(), bytes.clone());
            });
        }
        for (whose, from) in [("older", others.older), ("stranger's", others.stranger)] {
            if let Some(other) = from.get(name) {
                add(&format!("replaced with the {whose}"), &|files| {
                    put(files, other)
                });
            }
        }
        for length in lengths(bytes.len(), random) {
            add(&format!("cut to {length}"), &|files| {
                put(files, &bytes[..length])
            });
        }
        for more in [1, 8, 100, 5000] {
            let zeros = [bytes.as_slice(), &vec![0; more]].concat();
            add(&format!("with {more} zeros more"), &|files| {
                put(files, &zeros)
            });
            let mut garbage = vec![0; more];
            random.fill(&mut garbage);
            let garbage = [bytes.as_slice(), &garbage].concat();
            add(&format!("with {more} bytes of garbage more"), &|files| {
                put(files, &garbage)
            });
        }
    }
    done.extend(missing_pairs(base, &names));
    done
}

/// Every two files gone, and all indexes gone.
///
/// Except for the checkpoint with the newest segment: without a checkpoint nothing tells that a log
/// was longer once, as `log/FORMAT.md` says.
fn missing_pairs(base: &Files, names: &[String]) -> Vec<Damaged> {
    let mut done = Vec::new();
    let newest = names.iter().rfind(|name| name.ends_with(".fbat"));
    for (nth, one) in names.iter().enumerate() {
        for other in &names[nth + 1..] {
            let both = [one, other];
            let forgotten = both.iter().any(|name| *name == "checkpoint.fbcp");
            if forgotten && newest.is_some_and(|newest| both.contains(&newest)) {
                continue;
            }
            let mut files = base.clone();
            files.retain(|name, _| name != one && name != other);
            let what = format!("{one} and {other} removed");
            done.push(Damaged { what, files });
        }
    }
    let mut files = base.clone();
    files.retain(|name, _| !name.ends_with(".fbix"));
    let what = "all index runs removed".into();
    done.push(Damaged { what, files });
    done
}

fn lengths(of: usize, random: &mut Rng) -> Vec<usize> {
    let mut lengths = vec![0, 1, 7, 8, 100, 168, 4096, of / 4, of / 2];
    lengths.extend([1, 8, 32, 88, 96, 97, 100].map(|less| of.saturating_sub(less)));
    lengths.extend((0..12).map(|_| random.usize(0..=of)));
    lengths.retain(|length| *length < of);
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// Returns the places of every `step`th bit of a directory, from a chosen one on.
pub(crate) fn bits(files: &Files, step: usize, first: usize) -> Vec<(String, usize, u8)> {
    let mut places = Vec::new();
    let mut next = first % step;
    let mut passed = 0;
    for (name, bytes) in files {
        while next < passed + bytes.len() * 8 {
            let at = next - passed;
            places.push((name.clone(), at / 8, 1 << (at % 8)));
            next += step;
        }
        passed += bytes.len() * 8;
    }
    places
}
