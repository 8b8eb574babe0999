//! The driver's own descriptors as the disassembler shows them, kept in `tests/golden/disasm/`,
//! and every one of them through the assembler back to its words.
//!
//! `UPDATE_DISASM=1 cargo test --test golden_disasm` writes the files anew.

mod common;

use caam_emu::descriptors::text::asm::assemble;
use caam_emu::descriptors::text::listing::{Listing, descriptor};
use caam_emu::descriptors::text::render::Style;
use common::{Fixture, fixtures, golden_dir};
use std::collections::BTreeMap;
use std::fs;

fn listing(fixture: &Fixture, words: &[u32]) -> Listing {
    descriptor(words, fixture.soc).unwrap_or_else(|| panic!("{}: no header", fixture.name))
}

/// The fixture's descriptors.
fn descriptors(fixture: &Fixture) -> Vec<Vec<u32>> {
    let job = fixture.descriptor(false).to_vec();
    let shared = fixture.is_shared().then(|| fixture.descriptor(true).to_vec());
    [Some(job), shared].into_iter().flatten().collect()
}

fn text(fixture: &Fixture) -> String {
    let mut text = format!("; {}, {}\n", fixture.title, fixture.soc.name);
    for words in descriptors(fixture) {
        let listing = listing(fixture, &words);
        text += &format!("\n; {}, {} words\n", listing.kind.name(), listing.length());
        text += &listing.text(&Style::default());
    }
    text
}

/// One of each algorithm and direction, and of each shape that is one of the descriptor: how the
/// data lie in memory changes the job descriptor's flags only, so of those it is the last.
fn shown() -> BTreeMap<String, Fixture> {
    let shapes =
        ["-in-place-split", "-apart-split", "-in-place", "-apart", "-bad-tag", "-tampered"];
    let name = |fixture: &Fixture| {
        let found = shapes.iter().find_map(|shape| fixture.name.strip_suffix(shape));
        found.unwrap_or(&fixture.name).to_owned()
    };
    fixtures().into_iter().map(|fixture| (name(&fixture), fixture)).collect()
}

#[test]
fn the_driver_s_descriptors_are_shown_as_kept() {
    let folder = golden_dir().join("disasm");
    let update = std::env::var_os("UPDATE_DISASM").is_some();
    let shown = shown();
    if update {
        fs::create_dir_all(&folder).expect("a folder");
    }
    for (name, fixture) in &shown {
        let path = folder.join(format!("{name}.txt"));
        let text = text(fixture);
        if update {
            fs::write(&path, &text).expect("a file to write");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "{} differs; now it is\n{text}", path.display());
    }
    let mut kept: Vec<_> = fs::read_dir(&folder)
        .expect("tests/golden/disasm")
        .map(|entry| entry.expect("an entry").path())
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect();
    kept.sort();
    assert!(
        kept.iter().eq(shown.keys()),
        "files that no fixture has: UPDATE_DISASM does not delete"
    );
}

#[test]
fn every_golden_descriptor_goes_through_text_and_back() {
    for fixture in fixtures() {
        for words in descriptors(&fixture) {
            let listing = listing(&fixture, &words);
            assert_eq!(listing.problems, [], "{}", fixture.name);
            let text = listing.text(&Style::default());
            let back = assemble(&text, fixture.soc);
            assert_eq!(back.as_deref(), Ok(&words[..]), "{}\n{text}", fixture.name);
        }
    }
}
