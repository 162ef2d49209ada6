//! Every target takes some thousand hostile inputs, and every input that has found a bug.

use batpak_fuzz::bodies::{TARGETS, target};
use batpak_fuzz::campaign::{campaign, try_input};
use std::fs;
use std::path::Path;

#[test]
fn hostile_bytes_do_no_harm() {
    for target in &TARGETS {
        let report = campaign(target, target.small_tier, 0, 2);
        let (name, runs, seconds) = (target.name, report.runs, report.elapsed.as_secs_f64());
        let read = report.read;
        println!("{name:12} {runs:>6} runs, {read:>6} read, {seconds:>5.1} s");
        assert_eq!(report.failures, [], "{name}");
        assert_eq!(runs, target.small_tier);
        assert!(read * 100 > runs, "{name}: too few are more than noise");
    }
}

#[test]
fn valid_bytes_pass() {
    for target in &TARGETS {
        let samples = (target.samples)();
        assert!(!samples.is_empty(), "{}", target.name);
        for sample in samples {
            assert!(sample.len() <= target.length_max, "{}", target.name);
            assert_eq!(try_input(target, &sample), Ok(()), "{}", target.name);
        }
    }
}

/// `corpus/<target>/<what it found>` is one input.
#[test]
fn what_found_a_bug_finds_none_now() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut tried = 0;
    for folder in fs::read_dir(corpus).expect("there is a corpus") {
        let folder = folder.expect("it can be listed").path();
        let Some(target) = folder.file_name().and_then(|name| target(name.to_str()?)) else {
            continue;
        };
        for input in fs::read_dir(&folder).expect("it can be listed") {
            let path = input.expect("it can be listed").path();
            let data = fs::read(&path).expect("it can be read");
            assert_eq!(try_input(target, &data), Ok(()), "{}", path.display());
            tried += 1;
        }
    }
    assert!(tried > 0, "the corpus is empty");
}
