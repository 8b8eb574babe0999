//! Seeds for `fuzz/`, from the golden jobs and the fault rules' examples.

mod common;

use caam_emu::control::protocol::Command;
use caam_emu::descriptors::flow::Budget;
use caam_emu::descriptors::text::listing::descriptor;
use caam_emu::descriptors::text::render::Style;
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

/// What the `vfio_user` target reads: what and how odd the message is, its parameters, how many
/// descriptors are not as usual, their kind, the size of the pieces.
fn said(what: u8, odd: u8, parameters: &[u8]) -> Vec<u8> {
    [&[what, odd][..], parameters, &[0, 0, 0]].concat()
}

/// A client that maps its memory, sets up job ring 0, and uses every command.
fn client(odd: u8) -> Vec<u8> {
    let register = |offset: u16, value: u32| {
        let parameters = [&[0][..], &offset.to_le_bytes(), &value.to_le_bytes()].concat();
        said(26, 0, &parameters)
    };
    let base = BASE as u32;
    let mut bytes = [
        said(0, 0, &[3, 0]),
        // 4 pages of the file
        said(1, 0, &[0, 0, 4, 0]),
        // bus master
        said(26, 0, &[0x26, 4, 0, 6, 0, 0, 0]),
        // an eventfd for INTx
        [7, 0, 0x4a, 0, 5, 0].to_vec(),
        register(0x100, base),
        register(0x10c, 2),
        register(0x120, base + 0x20),
        register(0x12c, 2),
        register(0x154, 0),
        register(0x11c, 1),
    ]
    .concat();
    for command in 0..18_u8 {
        let parameters: &[u8] = match command {
            1 => &[0, 5, 1, 0],
            2 => &[0, 5, 1],
            8 => &[0, 0, 1],
            9 => &[0, 0, 1, 1, 0, 0, 0],
            14 => &[2, 0, 0, 1, 1, 0, 0, 0, 4, 0, 1, 1, 0, 0, 0],
            12 => &[],
            _ => &[0],
        };
        bytes.extend(said(command, odd, parameters));
    }
    bytes
}

/// A descriptor's words as people have them: the input's form and its bytes.
fn texts(section: &Section) -> Vec<(&'static str, Vec<u8>)> {
    let words = section.words();
    let hex = |before: &str, between: &str| {
        let words: Vec<_> = words.iter().map(|word| format!("{before}{word:08x}")).collect();
        words.join(between).into_bytes()
    };
    let soc = &caam_emu::device::soc::VIRT_ERA9;
    let listing = descriptor(&words, soc).expect("a header").text(&Style::default());
    let dump = [&b"[    1.000000] jobdesc@1: 00000000: "[..], &hex("", " ")].concat();
    vec![
        ("binary", [&[0, 0][..], &section.bytes].concat()),
        ("words", [&[0, 0][..], &hex("", "\n")].concat()),
        ("array", [&[0, 0][..], b"u32 desc[] = { ", &hex("0x", ", "), b" };"].concat()),
        ("dump", [&[0, 0][..], &dump].concat()),
        ("asm", [&[1, 0][..], listing.as_bytes()].concat()),
        ("forms", [&[2, 0][..], &section.bytes].concat()),
        ("listing", [&[3, 0][..], &section.bytes].concat()),
    ]
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
            // Again; with a bit of the descriptor changed; as it was; with one that changes meanwhile.
            let steps = [[0; 8], [2, 16, 0, 1, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 0], [6; 8]];
            let caches = [&[0, steps.len() as u8 - 1][..], steps.as_flattened(), &image(&sections)];
            write("caches", &fixture.name, caches.concat());
        }
        if let Some(sections) = relocated(&fixture, BASE + 0x100)
            && fixture.sections.iter().all(|s| s.bytes.len() < 0x100)
        {
            let life = guest(&sections);
            // What it is that the targets read, and that nothing of it is changed, or a little.
            write("trace", &fixture.name, [&[2, 0][..], &life].concat());
            write("recording", &fixture.name, [&[0, 0][..], &life].concat());
            let change = [10, 1, 1, 3, 0, 0x80];
            write(
                "recording",
                &format!("{}-1", fixture.name),
                [&[0, 1][..], &change, &life].concat(),
            );
            write(
                "trace",
                &format!("{}-1", fixture.name),
                [&[0, 1][..], &[4, 0, 2, 0, 5], &life].concat(),
            );
            write("ring_registers", &fixture.name, life);
        }
        for section in fixture.sections.iter().filter(|s| s.kind == Kind::Words) {
            let part = if section.address == fixture.job { "job" } else { "shared" };
            let name = format!("{}-{part}", fixture.name);
            write("decode", &name, [vec![0], section.bytes[4..].to_vec()].concat());
            for (form, bytes) in texts(section) {
                write("text", &format!("{name}-{form}"), bytes);
            }
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
    for n in 0..16 {
        write("vfio_user", &format!("client-{n}"), client(n * 16));
        // Accesses: whether a write, where, how many bytes, and what of them is not zero.
        let accesses = [1, 8, 40, 1, n, 3, 0, 0, 64, 1, 60, 8, 0, 0, 50, 20, 0, 0, 255];
        let max_data = if n < 8 { 0 } else { 0x90 };
        write("dma_replies", &format!("{n}"), [&[n % 4, max_data][..], &accesses].concat());
    }
    let targets = targets();
    assert!(targets.len() >= 13, "{targets:?}");
    for target in targets {
        let folder = fs::read_dir(seeds.join(&target));
        let count = folder.unwrap_or_else(|e| panic!("{target}: {e}")).count();
        assert!(count >= 10, "{target}: {count} seeds");
    }
}
