//! A history of more than 10,000 commits, with merges and renames.

use crate::args;
use crate::harness::{Place, batpak};
use crate::history::{Change, History};

const COMMITS: u32 = 12_000;

/// Every tenth commit is a merge of a commit that stands beside the main line, and every seventh
/// renames a file.
fn history() -> History {
    let mut history = History::new();
    let mut names: Vec<String> = (0..400)
        .map(|number| format!("src/file {number}.rs"))
        .collect();
    let writes: Vec<_> = names
        .iter()
        .map(|name| Change::Write(name.as_bytes(), name))
        .collect();
    let mut main = history.commit("begin", &[], &writes);
    for number in 1..COMMITS {
        let index = (number * 7919) as usize % names.len();
        let text = format!("{}\nrevision {number}\n", "a line that stays\n".repeat(20));
        let subject = format!("change {number}");
        if number % 10 == 9 {
            let path = format!("side/{}", number % 200);
            let change = [Change::Write(path.as_bytes(), &text)];
            let side = history.commit(&subject, &[main], &change);
            main = history.commit("merge", &[main, side], &change);
        } else if number % 7 == 3 {
            let renamed = format!("src/renamed {number}.rs");
            let old = std::mem::replace(&mut names[index], renamed.clone());
            let change = [Change::Rename(old.as_bytes(), renamed.as_bytes())];
            main = history.commit(&subject, &[main], &change);
        } else {
            let other = &names[(index + 13) % names.len()];
            let changes = [
                Change::Write(names[index].as_bytes(), &text),
                Change::Write(other.as_bytes(), &text),
            ];
            main = history.commit(&subject, &[main], &changes);
        }
    }
    history
}

#[test]
fn is_imported_once_and_verifies() {
    let place = Place::new();
    let (repository, store) = (place.path("large"), place.path("store"));
    history().write(&repository);
    let first = batpak(args!["import", "git", &repository, &store]).ok();
    println!("{first}");
    let again = batpak(args!["import", "git", &repository, &store, "--json"]).json();
    println!("again: {again}");
    assert!(again["details"]["commits"].as_u64().unwrap() >= 10_000);
    assert_eq!(
        (&again["events_new"], &again["events_differing"]),
        (&0.into(), &0.into())
    );
    let stats = batpak(args!["stats", &store, "--json"]).json();
    assert_eq!(stats["event_count"], again["events_present"]);
    assert!(stats["kinds"]["0x1005"].as_u64().unwrap() > 1000);
    batpak(args!["verify", &store]).ok();
}
