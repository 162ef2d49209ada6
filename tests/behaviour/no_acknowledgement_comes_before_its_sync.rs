//! With a sync for every event, the operating system has confirmed the bytes of an event, and the
//! directory entry of its segment, before its append is acknowledged. Seen with strace.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::Durability;
use std::collections::HashMap;
use std::process::{Command, Stdio};

const CHILD: &str = "no_acknowledgement_comes_before_its_sync::child_appends";
const CALLS: &str = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2";

#[test]
fn child_appends() {
    let Some((role, directory)) = part_to_play() else {
        return;
    };
    let relaxed = role == "per append";
    let configured = config(&directory)
        .with_segment_max_bytes(2048)
        .with_sync_every_n_events(if relaxed { 1000 } else { 1 })
        .with_sync_mode(if role == "data" {
            SyncMode::SyncData
        } else {
            SyncMode::SyncAll
        });
    let options = match relaxed {
        true => AppendOptions::new().with_durability(Durability::Always),
        false => AppendOptions::new(),
    };
    let store = Store::open(configured).unwrap();
    race(if role == "four threads" { 4 } else { 1 }, |thread| {
        for number in 0..40u64 {
            let entity = format!("thread:{thread}");
            let receipts = if number % 4 == 3 {
                let item = |number| item_with(&entity, number, options, CausationRef::None);
                store
                    .append_batch(vec![item(number), item(number), item(number)])
                    .unwrap()
            } else {
                vec![
                    store
                        .append_with_options(&at(&entity), KIND, &number, options)
                        .unwrap(),
                ]
            };
            for receipt in receipts {
                let place = receipt.disk_pos;
                let end = place.offset + u64::from(place.length);
                tell_parent(&format!(
                    "ack {:06}.fbat {} {end}",
                    place.segment_id, place.offset
                ));
            }
        }
    });
    store.close().unwrap();
}

/// What the log of calls has shown of one file so far.
#[derive(Debug, Default)]
struct Seen {
    /// Ranges that were written and when that was done, by the number of the line.
    written: Vec<(u64, u64, usize)>,
    /// When syncs were begun that have ended well.
    synced: Vec<usize>,
    /// When the file got its name.
    named: Option<usize>,
}

#[derive(Debug, Default)]
struct Trace {
    files: HashMap<String, Seen>,
    directory_synced: Vec<usize>,
    acks: usize,
}

impl Trace {
    /// Takes a call that has returned well; `begun` and `ended` are numbers of lines.
    fn take(&mut self, call: &str, directory: &str, begun: usize, ended: usize) {
        let file = |text: &str| {
            let (_, after) = text.split_once(&format!("{directory}/"))?;
            Some(after.split(['>', '"']).next()?.to_owned())
        };
        if call.starts_with("pwrite64(") {
            let Some(name) = file(call) else { return };
            let (arguments, returned) = call.rsplit_once(" = ").unwrap();
            let arguments = arguments.trim_end().trim_end_matches(')');
            let offset: u64 = arguments.rsplit_once(", ").unwrap().1.parse().unwrap();
            let length: u64 = returned.trim().parse().unwrap();
            let range = (offset, offset + length, ended);
            self.files.entry(name).or_default().written.push(range);
        } else if call.starts_with("fsync(") || call.starts_with("fdatasync(") {
            match file(call) {
                Some(name) => self.files.entry(name).or_default().synced.push(begun),
                None if call.contains(&format!("<{directory}>")) => {
                    self.directory_synced.push(begun)
                }
                None => {}
            }
        } else if call.starts_with("rename") {
            let names: Vec<_> = call.split('"').skip(1).step_by(2).collect();
            let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
            let (from, to) = (name(names[0]), name(names[1]));
            let mut seen = self.files.remove(&from).unwrap_or_default();
            seen.named = Some(ended);
            self.files.insert(to, seen);
        }
    }

    /// Judges an acknowledgement that is about to leave.
    fn acknowledge(&mut self, line: &str) {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap();
        assert_eq!(word(), "ack");
        let name = word().to_owned();
        let (start, end): (u64, u64) = (word().parse().unwrap(), word().parse().unwrap());
        let seen = self
            .files
            .get(&name)
            .unwrap_or_else(|| panic!("{line}: nothing was written"));
        let written = seen
            .written
            .iter()
            .find(|range| range.0 <= start && end <= range.1);
        let (_, _, written) = written.unwrap_or_else(|| panic!("{line}: not written"));
        assert!(
            seen.synced.iter().any(|begun| begun > written),
            "{line}: before its sync"
        );
        let named = seen
            .named
            .unwrap_or_else(|| panic!("{line}: the segment has no name"));
        let entry_synced = self.directory_synced.iter().any(|begun| *begun > named);
        assert!(
            entry_synced,
            "{line}: before the sync of its segment's directory entry"
        );
        self.acks += 1;
    }
}

/// Reads strace's log, in which a call of one thread may be cut by others' calls.
fn judge(log: &str, directory: &str) -> Trace {
    let mut trace = Trace::default();
    let mut unfinished: HashMap<&str, (String, usize)> = HashMap::new();
    for (number, line) in log.lines().enumerate() {
        let Some((process, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        if let Some((_, told)) = call.split_once("\\n>ack ") {
            trace.acknowledge(&format!("ack {}", told.split("\\n").next().unwrap()));
        }
        if let Some(begun) = call.strip_suffix(" <unfinished ...>") {
            unfinished.insert(process, (begun.to_owned(), number));
            continue;
        }
        let resumed = call
            .strip_prefix("<... ")
            .and_then(|rest| rest.split_once(" resumed>"));
        let (whole, begun) = match resumed {
            Some((_, rest)) => {
                let Some((start, begun)) = unfinished.remove(process) else {
                    continue;
                };
                (format!("{start}{rest}"), begun)
            }
            None => (call.to_owned(), number),
        };
        let returned = whole.rsplit_once(" = ").map(|(_, returned)| returned);
        if returned.is_some_and(|returned| !returned.starts_with('-')) {
            trace.take(&whole, directory, begun, number);
        }
    }
    trace
}

fn check(role: &str, acks: usize) {
    if Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        println!("SKIPPED: strace is not installed");
        return;
    }
    let directory = temporary();
    let store = std::fs::canonicalize(directory.path())
        .unwrap()
        .join("store");
    let log = directory.path().join("calls");
    let mut command = child_command("strace", CHILD, role, &store);
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let environment: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.unwrap().to_owned()))
        .collect();
    command = Command::new("strace");
    command.args([
        "-f",
        "-y",
        "-s",
        "80",
        "-e",
        &format!("trace={CALLS}"),
        "-o",
    ]);
    command
        .arg(&log)
        .arg(this_program())
        .args(arguments)
        .envs(environment);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    if !told.contains("running 1 test") {
        println!(
            "SKIPPED: strace may not trace here: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    assert!(output.status.success(), "the child failed: {told}");
    let log = std::fs::read_to_string(&log).unwrap();
    let trace = judge(&log, &store.display().to_string());
    assert_eq!(trace.acks, acks, "acknowledgements in the log of calls");
    let segments = trace
        .files
        .keys()
        .filter(|name| name.ends_with(".fbat"))
        .count();
    assert!(segments > 2, "the child goes through several segments");
}

#[test]
fn one_after_the_other() {
    check("all", 60);
    check("data", 60);
}

#[test]
fn as_a_group_of_four_threads() {
    check("four threads", 240);
}

#[test]
fn when_only_the_append_asks_for_it() {
    check("per append", 60);
}

#[test]
fn the_judge_finds_what_it_looks_for() {
    let whole = [
        "1 pwrite64(9</s/next.tmp>, \"\", 10, 0) = 10",
        "1 fsync(9</s/next.tmp>) = 0",
        "1 rename(\"/s/next.tmp\", \"/s/000001.fbat\") = 0",
        "1 fsync(8</s>) = 0",
        "1 pwrite64(9</s/000001.fbat>, \"\", 90, 10) = 90",
        "1 fdatasync(9</s/000001.fbat> <unfinished ...>",
        "1 <... fdatasync resumed>)        = 0",
        "2 write(1<pipe>, \"\\n>ack 000001.fbat 10 100\\n\", 26) = 26",
    ];
    assert_eq!(judge(&whole.join("\n"), "/s").acks, 1);
    // Without the write, the sync of the directory, the end of the sync, or after it.
    for missing in [3, 4, 6] {
        let mut lines = whole.to_vec();
        lines.remove(missing);
        let log = lines.join("\n");
        std::panic::catch_unwind(|| judge(&log, "/s")).expect_err("a gap that nobody saw");
    }
    let mut early = whole.to_vec();
    early.swap(6, 7);
    let log = early.join("\n");
    std::panic::catch_unwind(|| judge(&log, "/s")).expect_err("an early acknowledgement");
}
