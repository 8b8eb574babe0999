//! `docs/safety.md` counts the program's `unsafe` blocks; here they are counted again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Rust files below a folder, but for those of tests.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if name.ends_with("_tests") || name == "tests" {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path.to_string_lossy().into_owned());
        }
    }
}

/// The code of a file: without comments, and without the tests at its end.
fn code(path: &str) -> String {
    let text = fs::read_to_string(path).expect("a source");
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let comment = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(comment).collect::<Vec<_>>().join("\n")
}

#[test]
fn unsafe_blocks_are_those_of_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    assert!(files.len() > 100, "only {} files of {}", files.len(), root.display());
    let mut counted = BTreeMap::new();
    for file in &files {
        let code = code(file);
        let blocks = code.matches("unsafe {").count();
        let others = ["unsafe fn", "unsafe impl", "unsafe extern", "unsafe trait"];
        for other in others {
            assert!(!code.contains(other), "{file}: {other}");
        }
        if blocks > 0 {
            let name = Path::new(file).strip_prefix(root).expect("below the root");
            counted.insert(name.to_string_lossy().into_owned(), blocks);
        }
    }
    let table = fs::read_to_string(root.join("docs/safety.md")).expect("the table");
    let row = |line: &str| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let file = cells.next()?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        Some((file, cells.next()?.parse().ok()?))
    };
    let told: BTreeMap<String, usize> = table.lines().filter_map(row).collect();
    assert_eq!(counted, told, "docs/safety.md is out of date");
}
