//! `import git`: each commit and each changed path is an event, once.

use crate::args;
use crate::harness::{Place, batpak, content};
use crate::history::{NO_TEXT, everything, git, long_path};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn imported(place: &Place) -> (PathBuf, PathBuf) {
    let (repository, store) = (place.path("project"), place.path("store"));
    everything().write(&repository);
    batpak(args!["import", "git", &repository, &store]).ok();
    (repository, store)
}

fn import_again(repository: &Path, store: &Path) -> Value {
    batpak(args!["import", "git", repository, store, "--json"]).json()
}

/// Returns the events by entity.
fn by_entity(events: &[Value]) -> BTreeMap<&str, Vec<&Value>> {
    let mut entities: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for event in events {
        entities
            .entry(event["entity"].as_str().unwrap())
            .or_default()
            .push(event);
    }
    entities
}

#[test]
fn every_commit_and_every_changed_path_is_an_event() {
    let place = Place::new();
    let (repository, store) = imported(&place);
    let events = content(&store);
    let kinds = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();
    // Both merges bring paths in; the two roots begin with theirs.
    assert_eq!(kinds("0x1001"), 9);
    assert_eq!(kinds("0x1002"), 2 + 2 + 2 + 1 + 450 + 1);
    assert_eq!(kinds("0x1003"), 1, "a change of type is a modification");
    assert_eq!(kinds("0x1004"), 1);
    assert_eq!(kinds("0x1005"), 1);
    assert_eq!(events.len(), 9 + 458 + 3);
    let order: Vec<_> = events
        .iter()
        .filter(|event| event["kind"] == "0x1001")
        .map(|event| event["payload"]["commit"].as_str().unwrap())
        .collect();
    let expected = git(
        &repository,
        &["rev-list", "--reverse", "--topo-order", "main"],
    );
    assert_eq!(order, expected.lines().collect::<Vec<_>>());
}

#[test]
fn a_commit_is_caused_by_its_first_parent_and_causes_its_paths() {
    let place = Place::new();
    let (_, store) = imported(&place);
    let events = content(&store);
    let mut commits = BTreeMap::new();
    for event in &events {
        let payload = &event["payload"];
        let commit = payload["commit"].as_str().unwrap();
        if event["kind"] == "0x1001" {
            let parent = payload["parents"][0].as_str();
            let cause = parent.map_or(&Value::Null, |parent| &commits[parent]);
            assert_eq!(&event["causation"], cause);
            assert_eq!(event["correlation"], event["id"]);
            assert_eq!(event["entity"], "repository:project");
            commits.insert(commit.to_owned(), event["id"].clone());
        } else {
            assert_eq!(event["causation"], commits[commit]);
            assert_eq!(event["correlation"], commits[commit]);
        }
        assert_eq!(event["scope"], "git:project");
    }
}

#[test]
fn paths_of_any_bytes_and_any_length_are_kept() {
    let place = Place::new();
    let (_, store) = imported(&place);
    let events = content(&store);
    let hex: String = NO_TEXT.iter().map(|byte| format!("{byte:02x}")).collect();
    let no_text: Vec<_> = events
        .iter()
        .filter(|event| event["payload"]["path_hex"] == hex.as_str())
        .collect();
    assert_eq!(no_text.len(), 2, "added and deleted");
    assert_eq!(no_text[0]["entity"], no_text[1]["entity"]);
    assert!(no_text[0]["entity"].as_str().unwrap().contains("#"));
    let long = String::from_utf8(long_path()).unwrap();
    let event = events
        .iter()
        .find(|event| event["payload"]["path"] == long.as_str())
        .unwrap();
    assert!(event["entity"].as_str().unwrap().len() <= 1024);
    let entities = by_entity(&events);
    let renamed = entities["file:ü ä.txt"][0];
    assert_eq!(renamed["kind"], "0x1005");
    assert_eq!(renamed["payload"]["old_path"], "a b.txt");
}

#[test]
fn a_payload_tells_who_when_and_what() {
    let place = Place::new();
    let (repository, store) = imported(&place);
    let events = content(&store);
    let first = &events[1]["payload"];
    let hash = git(
        &repository,
        &["rev-list", "--max-parents=0", "--topo-order", "main"],
    );
    assert!(hash.contains(first["commit"].as_str().unwrap()));
    let all = |event: &Value| event["payload"]["author_name"] == "Ada Löve";
    assert!(events.iter().all(all));
    let begin = events
        .iter()
        .find(|event| event["payload"]["path"] == "a b.txt")
        .unwrap();
    let mut payload = begin["payload"].clone();
    let fields = payload.as_object_mut().unwrap();
    fields.remove("commit");
    let blob = git(&repository, &["rev-parse", "main~6:a b.txt"]);
    let expected = json!({
        "subject": "begin",
        "author_name": "Ada Löve",
        "author_email": "ada@example.com",
        "time": "2023-11-15T03:43:21+05:30",
        "unix_seconds": 1_700_000_001,
        "path": "a b.txt",
        "mode": "100644",
        "blob": blob,
    });
    assert_eq!(payload, expected);
}

#[test]
fn importing_again_also_from_a_moved_clone_stores_nothing_new() {
    let place = Place::new();
    let (repository, store) = imported(&place);
    let before = content(&store);
    let again = import_again(&repository, &store);
    assert_eq!(
        (&again["events_new"], &again["events_present"]),
        (&json!(0), &json!(470))
    );
    let clone = place.path("another name");
    git(
        Path::new("/"),
        &[
            "clone",
            "--quiet",
            repository.to_str().unwrap(),
            clone.to_str().unwrap(),
        ],
    );
    let again = import_again(&clone, &store);
    assert_eq!(
        (&again["events_new"], &again["events_present"]),
        (&json!(0), &json!(470))
    );
    assert_eq!(again["events_differing"], 0);
    assert_eq!(content(&store), before);
}

#[test]
fn new_commits_are_added_under_the_name_that_the_store_knows() {
    let place = Place::new();
    let (repository, store) = imported(&place);
    let moved = place.path("moved");
    std::fs::rename(&repository, &moved).unwrap();
    git(&moved, &["checkout", "--quiet", "-f", "main"]);
    git(
        &moved,
        &[
            "-c",
            "user.name=B",
            "-c",
            "user.email=b@example.com",
            "commit",
            "--quiet",
            "--allow-empty",
            "--message=more",
        ],
    );
    let again = import_again(&moved, &store);
    assert_eq!(
        (&again["events_new"], &again["events_present"]),
        (&json!(1), &json!(470))
    );
    let last = content(&store).pop().unwrap();
    assert_eq!(last["entity"], "repository:project");
    assert_eq!(last["payload"]["subject"], "more");
}

#[test]
fn the_configuration_of_a_person_changes_nothing() {
    let place = Place::new();
    let (repository, store) = imported(&place);
    for (name, value) in [
        ("diff.renames", "false"),
        ("diff.renameLimit", "1"),
        ("log.showRoot", "false"),
        ("log.showSignature", "true"),
        ("log.date", "relative"),
        ("core.quotePath", "false"),
        ("color.ui", "always"),
        ("i18n.logOutputEncoding", "ISO-8859-1"),
        ("diff.relative", "true"),
        ("format.pretty", "oneline"),
    ] {
        git(&repository, &["config", name, value]);
    }
    let again = import_again(&repository, &store);
    assert_eq!(
        (&again["events_new"], &again["events_differing"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(again["events_present"], 470);
}

/// Another version of git may see renames otherwise. What is stored stays; the rest is added.
#[test]
fn a_commit_of_which_a_part_is_stored_is_completed() {
    let place = Place::new();
    let (repository, store) = imported(&place);
    let export = batpak(args!["export", "ndjson", &store]).ok();
    let other = place.path("other");
    let part: String = export
        .lines()
        .enumerate()
        .filter(|(number, _)| number % 3 != 1)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    let file = place.path("part.ndjson");
    std::fs::write(&file, part).unwrap();
    batpak(args!["import", "ndjson", &file, &other]).ok();
    let completed = import_again(&repository, &other);
    let stored = completed["events_present"].as_u64().unwrap();
    assert_eq!(stored + completed["events_new"].as_u64().unwrap(), 470);
    assert_eq!(completed["events_differing"], 0);
    let ids = |store: &Path| {
        let mut ids: Vec<_> = content(store)
            .iter()
            .map(|event| event["id"].to_string())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&other), ids(&store));
}

#[test]
fn the_commands_to_try_next_work() {
    let place = Place::new();
    let (repository, store) = (place.path("it's"), place.path("a store"));
    everything().write(&repository);
    let summary = batpak(args!["import", "git", &repository, &store]).ok();
    let (_, commands) = summary.split_once("Try next:").unwrap();
    let commands: Vec<_> = commands.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(commands.len(), 5, "{summary}");
    for command in commands {
        let output = std::process::Command::new("sh")
            .args(["-c", command])
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn a_repository_without_a_commit_gives_an_empty_store() {
    let place = Place::new();
    let (repository, store) = (place.path("empty"), place.path("store"));
    git(
        Path::new("/"),
        &["init", "--quiet", repository.to_str().unwrap()],
    );
    assert_eq!(import_again(&repository, &store)["events_new"], 0);
    assert_eq!(
        batpak(args!["stats", &store, "--json"]).json()["event_count"],
        0
    );
}

#[test]
fn what_cannot_be_imported_is_said_in_a_sentence() {
    let place = Place::new();
    let none = batpak(args![
        "import",
        "git",
        place.path("none"),
        place.path("store")
    ]);
    assert!(none.failed(3).contains("git cannot read a repository"));
    assert!(!place.path("store").exists(), "nothing is made for nothing");
    let repository = place.path("project");
    everything().write(&repository);
    std::fs::write(repository.join("file"), "x").unwrap();
    let into_itself = batpak(args!["import", "git", &repository, &repository]);
    assert!(
        into_itself
            .failed(3)
            .contains("holds other files and no store")
    );
}
