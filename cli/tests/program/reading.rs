//! `stats`, `stream`, `show` and `tail` on a store at rest, and exit codes.

use crate::args;
use crate::harness::{Place, batpak, batpak_fed, files, lines};
use crate::history::everything;
use std::path::PathBuf;

fn store_of_a_repository(place: &Place) -> PathBuf {
    let (repository, store) = (place.path("project"), place.path("store"));
    everything().write(&repository);
    batpak(args!["import", "git", &repository, &store]).ok();
    store
}

#[test]
fn stats_count_what_is_there() {
    let place = Place::new();
    let store = store_of_a_repository(&place);
    let stats = batpak(args!["stats", &store, "--json"]).json();
    assert_eq!(stats["event_count"], 470);
    assert_eq!(stats["entities"], 1 + 6 + 450);
    assert_eq!(stats["scopes"]["git:project"], 470);
    assert_eq!(stats["kinds"]["0x1001"], 9);
    assert_eq!(stats["unclean"], false);
    let bytes: usize = files(&store).values().map(Vec::len).sum();
    assert_eq!(stats["bytes_on_disk"], bytes);
    let text = batpak(args!["stats", &store]).ok();
    assert!(text.contains("events      470\n"), "{text}");
    assert!(text.contains("closed in good order"), "{text}");
}

#[test]
fn a_stream_is_one_entity_in_order() {
    let place = Place::new();
    let store = store_of_a_repository(&place);
    let events = batpak(args!["stream", &store, "repository:project", "--json"]).json_lines();
    let clocks: Vec<_> = events
        .iter()
        .map(|event| event["clock"].as_u64().unwrap())
        .collect();
    assert_eq!(clocks, (0..9).collect::<Vec<_>>());
    let text = batpak(args!["stream", &store, "repository:project"]).ok();
    assert_eq!(text.lines().count(), 2 + 9, "{text}");
    assert!(
        !text.contains('\u{1b}'),
        "escape sequences of a subject reach the terminal"
    );
    let unknown = batpak(args!["stream", &store, "repository"]);
    assert!(
        unknown
            .failed(4)
            .contains("has no event of the entity repository")
    );
}

#[test]
fn an_event_is_shown_with_its_causes() {
    let place = Place::new();
    let store = store_of_a_repository(&place);
    let event = batpak(args!["stream", &store, "file:many/7", "--json"])
        .json_lines()
        .remove(0);
    let id = event["id"].as_str().unwrap();
    let text = batpak(args!["show", &store, id, "--causes", "2"]).ok();
    assert!(text.contains(&format!("event         {id}\n")), "{text}");
    assert!(text.contains("file:many/7"), "{text}");
    assert!(text.contains("and further back"), "{text}");
    assert!(text.contains("\"subject\": \"many\""), "{text}");
    let shown = batpak(args!["show", &store, format!("event:{id}"), "--json"]).json();
    assert_eq!(shown["causes"][0]["id"], event["causation"]);
    assert_eq!(shown["payload"], event["payload"]);
    for missing in ["0", "no id", "00000000000000000000000000000000"] {
        batpak(args!["show", &store, missing]).failed(4);
    }
}

#[test]
fn tail_shows_the_newest() {
    let place = Place::new();
    let store = place.path("store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 3000).as_bytes(),
    )
    .ok();
    for (asked, expected) in [("0", 0), ("3", 3), ("1500", 1500), ("5000", 3000)] {
        let events = batpak(args!["tail", &store, "-n", asked, "--json"]).json_lines();
        let numbers: Vec<_> = events
            .iter()
            .map(|e| e["payload"]["n"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (3000 - expected..3000).collect::<Vec<_>>());
    }
    let text = batpak(args!["tail", &store]).ok();
    assert_eq!(text.lines().count(), 1 + 10, "{text}");
}

#[test]
fn where_there_is_no_store_nothing_is_made() {
    let place = Place::new();
    let (nothing, other) = (place.path("nothing"), place.path("other"));
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("notes.txt"), "mine").unwrap();
    let before = files(&other);
    for store in [&nothing, &other] {
        for command in ["stats", "tail", "verify", "check"] {
            assert!(
                batpak(args![command, store])
                    .failed(3)
                    .contains("there is no store at")
            );
        }
        batpak(args!["export", "ndjson", store]).failed(3);
    }
    assert!(!nothing.exists());
    assert_eq!(files(&other), before);
}

#[test]
fn help_teaches_and_a_wrong_command_line_is_code_2() {
    for command in [
        &["--help"][..],
        &["import", "git", "--help"],
        &["tail", "--help"],
    ] {
        let help = batpak(args!["stats", "--help"]).ok();
        assert!(help.contains("Examples:") && help.contains("batpak stats demo-store"));
        assert!(batpak(command).ok().contains("batpak"));
    }
    assert!(batpak(["--help"]).ok().contains("Exit codes:"));
    assert_eq!(batpak(["stats"]).code, Some(2));
    assert_eq!(batpak(["fly"]).code, Some(2));
}
