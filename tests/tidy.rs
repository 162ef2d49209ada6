//! The style that a formatter and a linter do not see, as a test. There is no list of exemptions:
//! a rule that needs one is the wrong rule.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::fs;
use std::path::Path;

const COLUMNS_MAX: usize = 100;
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
/// What is shipped; beside it there are tests, examples and benches.
const PRODUCT: [&str; 4] = ["log/src/", "actors/src/", "src/", "cli/src/"];
/// The one file that knows of loom.
const LOOM_SWITCH: &str = "actors/src/runtime/sync/mod.rs";
/// Where state may be shared: the runtime, and the doubles of the file system.
const SHARING: [&str; 3] = [
    "actors/src/runtime/",
    "log/src/fs/memory",
    "log/src/fs/sim/",
];
const BANNED: [&str; 3] = [
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("to", "do!("),
];
const UNSAFE: &str = concat!("un", "safe ");
const SHARED: [&str; 4] = ["Mutex", "RwLock", "Condvar", "atomic"];

/// A source file, its path relative to the workspace.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        let product = PRODUCT.iter().any(|room| self.path.starts_with(room));
        !product || self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// The lines before an inline module of tests; none of a file of tests.
    fn product_lines(&self) -> Vec<&str> {
        if self.is_test() {
            return Vec::new();
        }
        let lines: Vec<_> = self.text.lines().collect();
        let inline = lines
            .windows(2)
            .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].ends_with("mod tests {"));
        lines[..inline.unwrap_or(lines.len())].to_vec()
    }
}

fn check(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |line: usize, what: String| found.push(format!("{}:{line}: {what}", source.path));
    for (number, line) in (1..).zip(source.text.lines()) {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            add(number, format!("{columns} columns, at most {COLUMNS_MAX}"));
        }
        let unfinished = BANNED.iter().find(|word| line.contains(**word));
        let banned = unfinished.or((!is_comment(line) && line.contains(UNSAFE)).then_some(&UNSAFE));
        if let Some(word) = banned {
            add(number, format!("{word:?} does not belong here"));
        }
    }
    let product = source.product_lines();
    let lines = product.len();
    if lines > FILE_LINES_MAX {
        let text = format!("{lines} lines without tests, at most {FILE_LINES_MAX}");
        add(1, text);
    }
    for (start, lines) in functions(&product) {
        let text = format!("a function of {lines} lines, at most {FUNCTION_LINES_MAX}");
        if lines > FUNCTION_LINES_MAX {
            add(start, text);
        }
    }
    let may_share = SHARING.iter().any(|room| source.path.starts_with(room));
    for (number, line) in (1..).zip(&product).filter(|(_, line)| !is_comment(line)) {
        if line.contains("cfg") && has_word(line, "loom") && source.path != LOOM_SWITCH {
            add(number, format!("only {LOOM_SWITCH} knows of loom"));
        }
        if !may_share && (SHARED.iter().any(|word| has_word(line, word)) || line.contains("Atomic"))
        {
            add(number, "state is shared only inside the runtime".into());
        }
    }
    found
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .any(|part| part == word)
}

/// Where each function starts, and how many lines it has: formatted code closes it at the
/// indentation at which it was opened.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let words = line.trim_start();
        let begins = words.starts_with("fn ") || words.contains(" fn ") && !words.contains('"');
        if is_comment(line) || !begins || words.ends_with([';', '}']) {
            continue;
        }
        let close = format!("{}}}", &line[..line.len() - words.len()]);
        let after = &lines[start + 1..];
        let length = after.iter().position(|line| line.starts_with(&close));
        found.push((start + 1, length.unwrap_or(after.len()) + 2));
    }
    found
}

/// Whether a folder holds a workspace of its own: it is not of this one, and what it depends on may
/// demand what is banned here.
fn is_another_workspace(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line == "[workspace]")
}

fn sources(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    if folder != root && is_another_workspace(folder) {
        return;
    }
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root).unwrap().display().to_string();
            found.push(Source { path, text });
        }
    }
}

#[test]
fn every_source_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    sources(root, root, &mut found);
    assert!(
        found.iter().filter(|source| !source.is_test()).count() > 50,
        "where is the source?"
    );
    let mut violations: Vec<_> = found.iter().flat_map(check).collect();
    violations.sort();
    assert!(
        violations.is_empty(),
        "{} violations:\n{}",
        violations.len(),
        violations.join("\n")
    );
}

#[test]
fn every_rule_finds_what_it_looks_for() {
    let violations = |path: &str, text: &str| {
        check(&Source {
            path: path.into(),
            text: text.into(),
        })
        .len()
    };
    let long = format!(
        "fn long() {{\n{}}}\n",
        "    work();\n".repeat(FUNCTION_LINES_MAX)
    );
    let bad = [
        "x".repeat(COLUMNS_MAX + 1),
        format!("// {}: later", concat!("FIX", "ME")),
        format!("let x = {}x }};", concat!("un", "safe { ")),
        "fn f() {}\n".repeat(FILE_LINES_MAX + 1),
        long.clone(),
        long.replace("fn long", "    pub(crate) fn long")
            .replace("\n}", "\n    }"),
        "#[cfg(loom)]".into(),
        "#[cfg(all(test, not(loom)))]".into(),
        "use std::sync::{Arc, Mutex};".into(),
        "static NEXT: AtomicU64 = AtomicU64::new(0);".into(),
    ];
    for text in bad {
        assert_eq!(violations("src/sample.rs", &text), 1, "{text}");
    }
    let inline_tests = "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::sync::Mutex;\n}";
    let good = [
        ("src/sample.rs", "#![forbid(unsafe_code)]\n// no Mutex"),
        ("src/sample.rs", inline_tests),
        (LOOM_SWITCH, "#[cfg(loom)]\nuse loom::sync::Mutex;"),
        ("log/src/fs/memory/state.rs", "use std::sync::Mutex;"),
        ("tests/sample.rs", "use std::sync::atomic::AtomicU64;"),
    ];
    for (path, text) in good {
        assert_eq!(violations(path, text), 0, "{path}: {text}");
    }
}
