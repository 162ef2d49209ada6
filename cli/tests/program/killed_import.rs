//! An import that is killed and run again gives what an undisturbed one gives.

use crate::args;
use crate::harness::{Place, batpak, content, lines, program};
use crate::history::{Change, History};
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs an import again and again, killed later each time, until it comes to its end.
fn import_with_kills(arguments: &[OsString], store: &Path) -> usize {
    let mut kills = 0;
    let mut milliseconds = 8;
    loop {
        let mut child = program(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        milliseconds += milliseconds / 3;
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        kills += 1;
        // Killed before it could make the store, it leaves nothing to look at.
        let stats = batpak(args!["stats", store]);
        assert!(matches!(stats.code, Some(0 | 3)), "{}", stats.stderr);
    }
    kills
}

/// Makes a repository that takes a while to import.
fn repository(path: &Path) {
    let mut history = History::new();
    let mut parent = Vec::new();
    for number in 0..1500_u32 {
        let paths: Vec<String> = (0..number % 7)
            .map(|n| format!("{}", n * number % 101))
            .collect();
        let text = number.to_string();
        let writes: Vec<_> = paths
            .iter()
            .map(|path| Change::Write(path.as_bytes(), &text))
            .collect();
        parent = vec![history.commit(&text, &parent, &writes)];
    }
    history.write(path);
}

#[test]
fn of_a_repository() {
    let place = Place::new();
    let project = place.path("project");
    repository(&project);
    let (undisturbed, killed) = (place.path("undisturbed"), place.path("killed"));
    batpak(args!["import", "git", &project, &undisturbed]).ok();
    let kills = import_with_kills(&args!["import", "git", &project, &killed], &killed);
    assert!(kills > 0, "the import was too quick to be killed");
    assert_eq!(content(&killed), content(&undisturbed));
    batpak(args!["verify", &killed]).ok();
}

/// Ctrl-C ends an import between two commits and closes the store, wherever it comes.
#[test]
fn that_is_stopped_closes_the_store_and_goes_on_later() {
    let place = Place::new();
    let project = place.path("project");
    repository(&project);
    for milliseconds in [20, 40, 80] {
        let store = place.path(&format!("store {milliseconds}"));
        let mut child = program(args!["import", "git", &project, &store])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        // It may have ended by itself.
        let _ = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        let code = child.wait().unwrap().code();
        // Without a code it was too early: the signal came before anybody listened.
        assert!(matches!(code, None | Some(0 | 130)), "{code:?}");
        if code == Some(130) {
            assert_eq!(
                batpak(args!["stats", &store, "--json"]).json()["unclean"],
                false
            );
        }
        let again = batpak(args!["import", "git", &project, &store, "--json"]).json();
        assert_eq!(again["details"]["commits"], 1500);
        batpak(args!["verify", &store]).ok();
    }
}

#[test]
fn of_lines() {
    let place = Place::new();
    let file = place.path("lines.ndjson");
    std::fs::write(&file, lines(1, 20_000)).unwrap();
    let (undisturbed, killed) = (place.path("undisturbed"), place.path("killed"));
    batpak(args!["import", "ndjson", &file, &undisturbed]).ok();
    let kills = import_with_kills(&args!["import", "ndjson", &file, &killed], &killed);
    assert!(kills > 0, "the import was too quick to be killed");
    assert!(content(&killed) == content(&undisturbed));
}
