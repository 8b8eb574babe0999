//! Jobs as Linux' driver builds them, recorded from a guest whose self-tests passed.
//! `tests/golden/README.md` says what the files hold and how they were made.

mod common;

use caam_emu::descriptors::flow::Budget;
use caam_emu::fault::job::{DataFault, JobFaults};
use caam_emu::fault::memory::FaultyMemory;
use caam_emu::memory::{GuestMemory, Purpose};
use common::{Fixture, Kind, fixtures};

/// The first address at which two memories differ, and what they hold there.
fn difference(fixture: &Fixture, got: &common::SparseMemory) -> Option<String> {
    let (got, expected) = (got.all(), fixture.memory_after());
    assert_eq!(got.len(), expected.len());
    let wrong =
        |((at, g), (_, e)): &((&u64, &u8), (&u64, &u8))| g != e && fixture.is_determined(**at);
    got.iter().zip(&expected).find(wrong).map(|((at, g), (_, e))| {
        format!("{}: {g:#04x} at {at:#x} instead of {e:#04x}", fixture.name)
    })
}

#[test]
fn every_job_ends_as_recorded() {
    let fixtures = fixtures();
    // 8 algorithms, two directions, two shapes of two sizes each, at least
    assert!(fixtures.len() >= 64, "{} fixtures", fixtures.len());
    for fixture in fixtures {
        let memory = fixture.memory();
        let report = fixture.run(&memory);
        assert_eq!(report.status.0, fixture.status, "{}: {}", fixture.name, fixture.title);
        assert_eq!(report.dma_error, None, "{}", fixture.name);
        // Output is right, and nothing else has been written.
        assert_eq!(difference(&fixture, &memory), None);
        for random in fixture.sections.iter().filter(|s| s.kind == Kind::Random) {
            let got = memory.get(random.address, random.bytes.len());
            assert!(!got.contains(&common::FILLER) || got != random.bytes, "{}", fixture.name);
        }
    }
}

#[test]
fn memory_for_faults_without_any_changes_nothing() {
    let hold = JobFaults { data: vec![DataFault::Truncate(0)], ..JobFaults::default() };
    for fixture in fixtures() {
        let plain = fixture.memory();
        let expected = fixture.run(&plain);
        for faults in [None, Some(&hold)] {
            let memory = fixture.memory();
            let faulty = FaultyMemory::new(&memory, faults, None);
            let report = fixture.run(&faulty);
            assert_eq!(faulty.finish(report), expected, "{}", fixture.name);
            assert_eq!(memory.all(), plain.all(), "{}", fixture.name);
        }
    }
}

#[test]
fn the_fixtures_cover_every_algorithm_both_ways() {
    let names: Vec<String> = fixtures().into_iter().map(|f| f.name).collect();
    for algorithm in ["cbc", "ecb", "ctr", "rfc3686", "xts", "gcm", "rfc4106", "rfc4543"] {
        for direction in ["encrypt", "decrypt"] {
            for shape in ["in-place", "in-place-split", "apart", "apart-split"] {
                let name = format!("{algorithm}-{direction}-{shape}");
                assert!(names.contains(&name), "no {name}");
            }
        }
    }
}

#[test]
fn memory_that_is_missing_is_a_dma_error_in_that_place() {
    for fixture in fixtures().iter().filter(|f| f.status == 0) {
        for (n, missing) in fixture.sections.iter().enumerate() {
            // Only what does not overlap with another section can be taken away.
            let shared = |s: &common::Section| {
                let overlap = missing.contains(s.address) || s.contains(missing.address);
                overlap && s.address != missing.address
            };
            if fixture.sections.iter().any(shared) {
                continue;
            }
            let memory = fixture.memory_without(|s| s.address == missing.address);
            let report = fixture.run(&memory);
            let context = format!("{} without section {n}", fixture.name);
            assert_eq!(report.status.0 & 0xf800_00ff, 0x4000_0016, "{context}");
            let error = report.dma_error.expect(&context);
            let reach = error.address..=error.address + error.length as u64;
            let there = reach.contains(&missing.address) || missing.contains(error.address);
            assert!(there, "{context}: {error}");
            let read_first = missing.kind != Kind::Output
                || fixture.sections[..n].iter().any(|s| s.address == missing.address);
            if missing.kind == Kind::Words || missing.kind == Kind::Table {
                assert_eq!(error.access, caam_emu::memory::Access::Read, "{context}");
            } else if !read_first {
                assert_eq!(error.access, caam_emu::memory::Access::Write, "{context}");
            }
        }
    }
}

#[test]
fn a_wrong_tag_is_an_icv_failure_after_the_output() {
    let aead = |f: &&Fixture| {
        f.name.contains("decrypt")
            && f.status == 0
            && ["gcm", "rfc4"].iter().any(|p| f.name.starts_with(p))
    };
    let mut tried = 0;
    for fixture in fixtures().iter().filter(aead) {
        // The tag is the last input; any of its bits counts.
        let mut bad = fixture.clone();
        let inputs = bad.sections.iter().filter(|s| s.kind == Kind::Input).count();
        // Sections of a kind are by ascending address, the tag is where the last table entry,
        // or the direct sequence, ends.
        let words = fixture.descriptor(false);
        let (pointer, length) = (u64::from(words[3]), u64::from(words[4]));
        let end = match fixture.sections.iter().find(|s| s.kind == Kind::Table) {
            Some(_) if words[2] & 1 << 24 != 0 => {
                let memory = fixture.memory();
                let (mut at, mut left) = (pointer, length);
                loop {
                    let mut entry = [0; 16];
                    memory.read(Purpose::Table, at, &mut entry).unwrap();
                    let word = |i: usize| u32::from_le_bytes(entry[i..i + 4].try_into().unwrap());
                    let n = u64::from(word(8) & 0x3fff_ffff);
                    if n >= left {
                        break u64::from(word(0)) + left;
                    }
                    left -= n;
                    at += 16;
                }
            }
            _ => pointer + length,
        };
        let tag = (0..inputs)
            .find(|n| bad.section_mut(Kind::Input, *n).contains(end - 1))
            .expect("the tag is input");
        let section = bad.section_mut(Kind::Input, tag);
        let at = (end - 1 - section.address) as usize;
        section.bytes[at] ^= 0x80;
        let report = bad.run(&bad.memory());
        assert_eq!(report.status.0 & 0xf000_00ff, 0x2000_001a, "{}", fixture.name);
        tried += 1;
    }
    assert!(tried >= 12);
}

#[test]
fn a_budget_too_small_is_the_watchdog() {
    let watchdog = |status: u32| status & 0xf800_00ff == 0x4000_001c;
    for fixture in fixtures().into_iter().filter(Fixture::is_shared) {
        let job =
            |budget| common::run(&fixture.memory(), fixture.soc, fixture.job, budget).status.0;
        let full = Budget::default();
        assert!(watchdog(job(Budget { commands: 5, ..full })), "{}: commands", fixture.name);
        assert!(watchdog(job(Budget { bytes: 15, ..full })), "{}: bytes", fixture.name);
        if fixture.sections.iter().any(|s| s.kind == Kind::Table) {
            assert!(watchdog(job(Budget { entries: 0, ..full })), "{}: entries", fixture.name);
        }
        // No budget, however small, makes a wrong success.
        for commands in (0..64).step_by(5) {
            let status = job(Budget { commands, ..full });
            assert!(status == fixture.status || watchdog(status), "{}: {commands}", fixture.name);
        }
    }
}
