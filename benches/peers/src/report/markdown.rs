//! RESULTS.md.

use super::{comparisons, medians, spreads, verdict};
use crate::results::{Counts, Results};

const READING: &str = "\
Every figure is the median of its rounds. In a round every engine does every workload once, each in
a process of its own, and the engines take turns within a workload; the first is another one each
round. Engines are compared within rounds: the ratio is taken round by round, and what is reported
is the median of the ratios and, in brackets, the lower bound of a 95% interval for it (sign test;
the least ratio where there are fewer than six rounds). Over 1, batpak is better; where less is
better the ratio is turned over. A target is judged by the bound, not by the median.
";

const HOW: &str = "\
- Payloads have 165 bytes of MessagePack, of which 147 differ from event to event; entities take
  turns, in one scope; ids are 16 bytes, time first. Encoding the payload is part of every append.
- Each engine but raft-engine stores the event by global sequence, an index of ids and an index of
  entities, atomically. raft-engine is a plain log, one group an entity: no ids, no global order.
- Relaxed means that what is acknowledged survives the end of the process, not that of the machine,
  with no sync for an append. redb has no such mode: its relaxed commits survive the process only
  after its next durable one. Durable means `fdatasync`, or what the engine has for it, before an
  append is acknowledged.
- W1, W1b, W3, W4: one event at a time. The peers with transactions commit together what several
  threads have waiting. W2: 256 events submitted, then waited for; one transaction for the peers.
- W6, W7, W7b: stores that were filled and closed before, all files in the page cache; one pass is
  not timed. Every byte of every payload is looked at. batpak 0.5.0 reads payloads as JSON only.
- W8: from before the call that opens until an event with a known id was read and another one
  appended; for raft-engine an entry of a group is read. Killed: the process that filled the store
  was killed while it was open; each round opens a fresh copy.
- W8b, W9: a store filled in this process, every hundredth event read (one stream of a hundred from
  raft-engine); memory is what the process holds then, less what it held when the store was open
  and empty. Pages of mapped files are the system's to take back.
- heed-writemap is LMDB writing through its map, which is faster; a stray pointer may damage its
  file, which is as long as the map. A target against LMDB is one against the better of the two for
  writing, and against the plain one for reading, which is the same in both.
- No engine compresses. Engines with a cache of their own have the same budget for it.
- How each engine is configured stands at the top of its file in `src/engines/`.
";

/// Returns the whole document.
pub(crate) fn document(results: &Results) -> String {
    let mut text = String::from("# batpak and its peers\n\n");
    text.push_str("Written by `cargo run --release` in this folder; see README.md.\n\n");
    text.push_str("![How many times as fast batpak is](chart.svg)\n\n");
    let sections = [
        ("Targets", verdict::table(results).markdown()),
        ("Medians", medians(results).markdown()),
        (
            "batpak against each",
            format!("{READING}\n{}", comparisons(results).markdown()),
        ),
        ("Least and greatest (rounds)", spreads(results).markdown()),
        (
            "What was measured",
            format!("{}{HOW}", counts(&results.counts)),
        ),
        ("Where", machines(results)),
    ];
    for (title, body) in sections {
        text.push_str(&format!("## {title}\n\n{body}\n"));
    }
    let failures = results.failures();
    if !failures.is_empty() {
        text.push_str("## Failures\n\n");
        for failure in failures {
            text.push_str(&format!("- {failure}\n"));
        }
    }
    text.trim_end().to_owned() + "\n"
}

fn counts(counts: &Counts) -> String {
    let Counts {
        appended,
        durable,
        durable_threads,
        durable_batches,
        stored,
        gets,
        streamed,
        entities,
        cache_mib,
    } = counts;
    format!(
        "- Events: W1, W1b and W2 append {appended}, W3 {durable}, W4 {durable_threads}, W5 \
         {durable_batches}; the first tenth is not timed.\n  W6, W7b, W8 and W9 have {stored} \
         stored, and W6 reads {gets} of them; W7 has {streamed}.\n- {entities} entities. Caches: \
         {cache_mib} MiB.\n"
    )
}

fn machines(results: &Results) -> String {
    let describe = |machine: &crate::machine::Machine| {
        let gib = machine.memory_mib.div_ceil(1024);
        format!(
            "- {}, {} threads, {gib} GiB; {}; {}\n- Commit {}\n",
            machine.processor, machine.threads, machine.kernel, machine.file_system, machine.commit
        )
    };
    results.machines.iter().map(describe).collect()
}
