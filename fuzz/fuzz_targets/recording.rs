//! Recordings: what a guest's life leaves behind can be run again and is the same; a recording
//! that was changed is said to be damaged or different.
#![no_main]

use caam_emu::descriptors::flow::Budget;
use caam_emu::record::entry::Header;
use caam_emu::record::file::beginning;
use caam_emu::record::golden::fixture;
use caam_emu::record::replay::{Problem, Summary, replay};
use caam_emu_fuzz::guest::{Guest, SEED, SETUP};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

/// Far more than a guest's life of this size needs.
const LIMIT: u64 = 64 << 20;
/// Bytes of a change.
const CHANGE: usize = 6;

fn record(life: &[u8]) -> Vec<u8> {
    let header = Header {
        version: "0".into(),
        soc: SETUP.soc.name.into(),
        rings: SETUP.rings as u8,
        decos: SETUP.decos as u8,
        fault_seed: SETUP.fault_seed,
        seed: SEED,
        master_key: None,
        faults: Vec::new(),
    };
    // The one that jobs are replayed with.
    let mut guest = Guest::new(Budget::default(), |device| device.tape.record(header, LIMIT));
    guest.live(life);
    guest.device.tape.end("stopped");
    let backlog = guest.device.tape.backlog(Duration::ZERO);
    assert_eq!(backlog.ended.as_deref(), Some("stopped"));
    backlog.bytes
}

/// Runs it again, and makes a fixture of each job as people do of one.
fn play(recording: &[u8]) -> (Summary, Result<(), Problem>) {
    replay(recording, |job| {
        let text = fixture(job);
        assert!(text.ends_with(&format!("\nstatus {:08x}\n", job.ran.status)), "{text}");
    })
}

/// The entries, without their frames.
fn entries(recording: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &recording[beginning().len()..];
    let mut entries = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (entry, behind) = behind.split_at(length);
        entries.push(entry.to_vec());
        rest = behind;
    }
    assert!(rest.is_empty());
    entries
}

/// A recording of them, whose checksums are right whatever they say.
fn framed(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut recording = beginning();
    for entry in entries {
        recording.extend((entry.len() as u32).to_le_bytes());
        recording.extend(crc32fast::hash(entry).to_le_bytes());
        recording.extend(entry);
    }
    recording
}

/// Which entry, what, where, with what.
fn change(entries: &mut Vec<Vec<u8>>, change: &[u8; CHANGE]) {
    let [low, high, what, at_low, at_high, value] = *change;
    let pick = |low, high, of: usize| usize::from(u16::from_le_bytes([low, high])) % of.max(1);
    let index = pick(low, high, entries.len());
    let Some(entry) = entries.get_mut(index) else { return };
    let at = pick(at_low, at_high, entry.len());
    match what % 8 {
        0 => entry[at] = value,
        1 => entry[at] ^= 1 << (value % 8),
        2 => entry.insert(at, value),
        3 => _ = entry.remove(at),
        4 => _ = entries.remove(index),
        5 => {
            let copy = entry.clone();
            let to = usize::from(at_low);
            entries.insert(to.min(entries.len()), copy);
        }
        6 => {
            let other = pick(at_low, at_high, entries.len());
            entries.swap(index, other);
        }
        _ => entry.truncate(at + 1),
    }
    entries.retain(|entry| !entry.is_empty());
}

// The first byte: bytes of a file, or a life. The second: so many changes, which come before it.
fuzz_target!(|data: &[u8]| {
    let [what, count, rest @ ..] = data else { return };
    if what & 1 != 0 {
        let (_, result) = play(&[&beginning(), rest].concat());
        let problem = result.expect_err("no guest has written it").to_string();
        assert!(!problem.contains('\n'), "{problem}");
        return;
    }
    let count = usize::from(count % 16).min(rest.len() / CHANGE);
    let (changes, life) = rest.split_at(count * CHANGE);
    let recording = record(life);
    if changes.is_empty() {
        let (summary, result) = play(&recording);
        if let Err(problem) = result {
            panic!("{problem}: {summary:?}");
        }
        return;
    }
    let mut changed = entries(&recording);
    for piece in changes.as_chunks().0 {
        change(&mut changed, piece);
    }
    if let (_, Err(problem)) = play(&framed(&changed)) {
        assert!(!problem.to_string().contains('\n'), "{problem}");
    }
});
