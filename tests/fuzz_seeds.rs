//! Seeds for `fuzz/`, from the golden jobs and the fault rules' examples.

mod common;

use caam_emu::control::protocol::Command;
use caam_emu::descriptors::flow::Budget;
use caam_emu::fault::grammar::Fields;
use caam_emu::fault::table::TABLE;
use caam_emu::memory::flat::FlatMemory;
use common::{Fixture, Kind, Section, fixtures};
use std::fs;
use std::path::Path;

/// The fuzz targets' memory.
const BASE: u64 = 0x1_0000;
const SIZE: usize = 0x4000;

/// A fixture moved to `first` and behind: its job descriptor stands at `first`. `None` if there
/// is not room enough, if there are more pointers to change, or if it is not for the default profile.
fn relocated(fixture: &Fixture, first: u64) -> Option<Vec<Section>> {
    if !fixture.has_only_sequences() || fixture.soc.name != "virt-era9" {
        return None;
    }
    // What overlaps (in place: input and output), or has but skipped bytes between, moves together.
    let mut ranges: Vec<(u64, u64)> =
        fixture.sections.iter().map(|s| (s.address, s.address + s.bytes.len() as u64)).collect();
    ranges.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (start, end) in ranges {
        match merged.last_mut() {
            Some(last) if start <= last.1 + 32 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    // The job first, then the shared descriptor, tables, data.
    let order = |range: &(u64, u64)| {
        let kinds = [Kind::Words, Kind::Table, Kind::Input, Kind::Output];
        let inside = |s: &&Section| (range.0..range.1).contains(&s.address);
        let kind = fixture.sections.iter().filter(inside).map(|s| s.kind);
        let rank = kind.filter_map(|k| kinds.iter().position(|x| *x == k)).min();
        (range.0 != fixture.job, rank)
    };
    merged.sort_by_key(order);
    let mut next = first;
    let mut map = Vec::new();
    for (start, end) in merged {
        map.push((start, end, next));
        next = (next + end - start).next_multiple_of(16);
    }
    if next > BASE + SIZE as u64 {
        return None;
    }
    let moved = |address: u64| {
        // A destination may begin with AAD that is skipped, and so in no section.
        let reach = |start: u64| start.saturating_sub(64);
        let found = map.iter().find(|(start, end, _)| (*start..=*end).contains(&address));
        let before = || map.iter().find(|(start, ..)| (reach(*start)..*start).contains(&address));
        found.or_else(before).map_or(address, |(start, _, new)| new + address - start)
    };
    let sections = fixture.sections.iter().map(|section| {
        let mut words = section.bytes.clone();
        let mut patch = |index: usize| {
            let word: &mut [u8; 4] = (&mut words[index * 4..index * 4 + 4]).try_into().unwrap();
            *word = (moved(u64::from(u32::from_le_bytes(*word))) as u32).to_le_bytes();
        };
        match section.kind {
            // shared descriptor, SEQ IN PTR, SEQ OUT PTR
            Kind::Words if section.address == fixture.job => [1, 3, 6].into_iter().for_each(patch),
            Kind::Table => (0..section.bytes.len() / 16).for_each(|i| patch(4 * i)),
            _ => {}
        }
        Section { kind: section.kind, address: moved(section.address), bytes: words }
    });
    Some(sections.collect())
}

fn image(sections: &[Section]) -> Vec<u8> {
    let memory = FlatMemory::new(BASE, SIZE);
    for section in sections.iter().filter(|s| !s.is_result()) {
        memory.poke(section.address, &section.bytes);
    }
    let mut image = memory.peek(BASE, SIZE);
    let used = image.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    image.truncate(used);
    image
}

#[test]
fn relocated_jobs_still_work() {
    let mut done = 0;
    for fixture in fixtures() {
        let Some(sections) = relocated(&fixture, BASE) else { continue };
        let memory = FlatMemory::new(BASE, SIZE);
        memory.poke(BASE, &image(&sections));
        let report = common::run(&memory, fixture.soc, BASE, Budget::default());
        assert_eq!(report.status.0, fixture.status, "{}", fixture.name);
        for section in sections.iter().filter(|s| s.kind == Kind::Output) {
            let got = memory.peek(section.address, section.bytes.len());
            assert_eq!(got, section.bytes, "{}", fixture.name);
        }
        done += 1;
    }
    assert!(done >= 60, "{done}");
}

/// A step of the `ring_registers` target.
fn step(kind: u8, offset: u16, value: u32) -> Vec<u8> {
    [&[kind][..], &offset.to_le_bytes(), &value.to_le_bytes()].concat()
}

/// A guest that sets up job ring 0 with two entries, puts a job into memory, and runs it twice.
fn guest(sections: &[Section]) -> Vec<u8> {
    let register = |offset: u16, value| step(0, 0x100 | offset, value);
    let base = BASE as u32;
    let mut steps = [
        // IRBAR, IRSR, ORBAR, ORSR, JRCFGR_LS: rings at the start of memory
        register(0x00, base),
        register(0x0c, 2),
        register(0x20, base + 0x20),
        register(0x2c, 2),
        register(0x54, 0),
    ]
    .concat();
    for section in sections.iter().filter(|s| !s.is_result()) {
        for (i, chunk) in section.bytes.chunks(4).enumerate() {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            let offset = (section.address - BASE) as u16 + 4 * i as u16;
            steps.extend(step(0xa, offset, u32::from_le_bytes(word)));
        }
    }
    let job = sections.iter().find(|s| s.kind == Kind::Words).expect("a job").address as u32;
    for slot in [0, 4] {
        steps.extend(step(0xa, slot, job));
        // IRJAR, a job run, the interrupt cleared, ORJRR
        steps.extend([register(0x1c, 1), step(0xe, 0, 0)].concat());
        steps.extend([register(0x4c, 1), register(0x34, 1)].concat());
    }
    // JRCR: flush and reset
    steps.extend([register(0x6c, 1), register(0x6c, 1)].concat());
    steps
}

/// The names of the fuzz targets.
fn targets() -> Vec<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("the manifest of fuzz/");
    let path = |line: &str| {
        Some(line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\"")?.to_owned())
    };
    manifest.lines().filter_map(path).collect()
}

/// Below Cargo's folder for what tests write, where `scripts/fuzz.sh` looks for them.
#[test]
fn every_target_has_seeds() {
    let seeds = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-seeds");
    let write = |target: &str, name: &str, bytes: Vec<u8>| {
        let folder = seeds.join(target);
        fs::create_dir_all(&folder).expect("a folder for seeds");
        fs::write(folder.join(name), bytes).expect("a seed");
    };
    for fixture in fixtures() {
        if let Some(sections) = relocated(&fixture, BASE) {
            // the first byte: the profile, and an RNG that has been started
            let flags = 0x10 | u8::from(fixture.soc.era >= 10) << 3;
            write("descriptor", &fixture.name, [vec![flags], image(&sections)].concat());
        }
        if let Some(sections) = relocated(&fixture, BASE + 0x100)
            && fixture.sections.iter().all(|s| s.bytes.len() < 0x100)
        {
            write("ring_registers", &fixture.name, guest(&sections));
        }
        for section in fixture.sections.iter().filter(|s| s.kind == Kind::Words) {
            let part = if section.address == fixture.job { "job" } else { "shared" };
            let bytes = [vec![0], section.bytes[4..].to_vec()].concat();
            write("decode", &format!("{}-{part}", fixture.name), bytes);
        }
        for section in fixture.sections.iter().filter(|s| s.kind == Kind::Table) {
            // the target moves pointers into its memory; all entries; pieces of 1 to 8 bytes
            let header = [4, 255, 0, 1, 2, 3, 4, 5, 6, 7];
            write("tables", &fixture.name, [&header[..], &section.bytes].concat());
        }
    }
    for info in TABLE {
        let rule = info.example;
        assert!(Fields::from_text(rule).rule("a").is_ok(), "{rule}");
        write("rules", info.name, [b"\0", rule.as_bytes()].concat());
        let plan =
            format!("seed = 7\n[[rule]]\nkind = \"{}\"\nname = \"a\"\nevery = 3\n", info.name);
        write("rules", &format!("plan-{}", info.name), [b"\x01", plan.as_bytes()].concat());
        let request = format!("{{\"v\":1,\"id\":1,\"do\":\"fault-add\",\"rule\":\"{rule}\"}}\n");
        write("control", info.name, [b"\xff", request.as_bytes()].concat());
    }
    for name in Command::NAMES {
        let request = format!("{{\"v\":1,\"id\":\"a\",\"do\":\"{name}\"}}\n");
        write("control", name, [b"\x07", request.as_bytes()].concat());
    }
    for which in 0..10 {
        for direction in 0..3 {
            let header = [which, 1, direction, 3];
            let bytes: Vec<u8> = (0..80 + 200).map(|n: usize| (n * 7) as u8).collect();
            write("engines", &format!("{which}-{direction}"), [&header[..], &bytes].concat());
        }
    }
    let targets = targets();
    assert!(targets.len() >= 7, "{targets:?}");
    for target in targets {
        let folder = fs::read_dir(seeds.join(&target));
        let count = folder.unwrap_or_else(|e| panic!("{target}: {e}")).count();
        assert!(count >= 10, "{target}: {count} seeds");
    }
}
