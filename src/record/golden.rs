//! A job of a recording as a fixture for `tests/golden` (its README has the format).

use super::entry::{Access, What, purpose};
use super::replay::RunJob;
use crate::memory::Purpose;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Sections of a fixture, in the order they stand there.
const SECTIONS: [(&str, &[Purpose]); 3] = [
    ("words", &[Purpose::Descriptor, Purpose::SharedDescriptor]),
    ("table", &[Purpose::Table]),
    ("input", &[Purpose::Input]),
];

/// Bytes by address.
type Bytes = BTreeMap<u64, u8>;

fn put(to: &mut Bytes, address: u64, bytes: &[u8]) {
    for (i, byte) in bytes.iter().enumerate() {
        // What is read twice counts as it was first, before the job wrote there.
        to.entry(address.wrapping_add(i as u64)).or_insert(*byte);
    }
}

/// Pieces without gaps.
fn pieces(bytes: &Bytes) -> Vec<(u64, Vec<u8>)> {
    let mut pieces: Vec<(u64, Vec<u8>)> = Vec::new();
    for (&at, &byte) in bytes {
        match pieces.last_mut() {
            Some((start, piece)) if *start + piece.len() as u64 == at => piece.push(byte),
            _ => pieces.push((at, vec![byte])),
        }
    }
    pieces
}

/// Of 64 words that were fetched at once, those of the job descriptor, as its header says.
fn own_words(fetched: &[u8]) -> &[u8] {
    let header = fetched.first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
    fetched.get(..4 * (header & 0x7f) as usize).filter(|own| !own.is_empty()).unwrap_or(fetched)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Words as the SoC of little-endian profiles has them in memory; all profiles are.
fn words(bytes: &[u8]) -> Vec<String> {
    let (words, _) = bytes.as_chunks();
    words.iter().map(|word| format!("{:08x}", u32::from_le_bytes(*word))).collect()
}

/// The fixture's text. The line `soc` is to be completed with the profile's name.
#[must_use]
pub fn fixture(job: &RunJob<'_>) -> String {
    let mut text = format!("# {}\nsoc\njob {:x}\n", job.key, job.descriptor);
    let of = |purposes: &[Purpose], accesses: &[Access], written: bool| {
        let mut bytes = Bytes::new();
        for access in accesses {
            let wanted = purpose(access.purpose).is_some_and(|p| purposes.contains(&p));
            match &access.what {
                What::Read { got, .. } if wanted && !written => {
                    let got = match purpose(access.purpose) {
                        Some(Purpose::Descriptor) => own_words(got),
                        _ => got,
                    };
                    put(&mut bytes, access.address, got);
                }
                What::Write { bytes: data, done: true } if written => {
                    // The last write stays.
                    let at = |i| access.address.wrapping_add(i as u64);
                    bytes.extend(data.iter().enumerate().map(|(i, byte)| (at(i), *byte)));
                }
                _ => {}
            }
        }
        pieces(&bytes)
    };
    let mut section = |kind: &str, pieces: &[(u64, Vec<u8>)]| {
        for (at, bytes) in pieces {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n{kind} {at:x}");
            let lines: Vec<String> = match kind {
                "words" => words(bytes),
                "table" => words(bytes).chunks(4).map(|entry| entry.join(" ")).collect(),
                _ => bytes.chunks(32).map(hex).collect(),
            };
            lines.iter().for_each(|line| {
                let _ = writeln!(text, "{line}");
            });
        }
    };
    for (kind, purposes) in SECTIONS {
        for purpose in purposes {
            section(kind, &of(&[*purpose], job.accesses, false));
        }
    }
    section("output", &of(&[], job.accesses, true));
    let _ = writeln!(text, "\nstatus {:08x}", job.ran.status);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Key;
    use crate::record::entry::Ran;
    use serde_bytes::ByteBuf;
    use std::time::Duration;

    /// A file may say anything.
    #[test]
    fn an_access_past_the_end_of_addresses_has_a_fixture() {
        let data = || ByteBuf::from(vec![1, 2, 3, 4]);
        let read = What::Read { asked: 4, got: data() };
        let write = What::Write { bytes: data(), done: true };
        let access = |purpose, what| Access { purpose, address: u64::MAX - 1, what };
        let accesses = [
            access(Purpose::Input as u8, read),
            access(Purpose::Output as u8, write),
            access(99, What::Writable { length: u64::MAX, yes: true }),
        ];
        let text = fixture(&RunJob {
            key: Key { ring: Some(0), number: 1 },
            descriptor: 0x1000,
            taken: Duration::ZERO,
            accesses: &accesses,
            ran: Ran { status: 0, sequence_out: 0, stopped: false },
        });
        for part in ["input 0\n0304", "input fffffffffffffffe\n0102", "output 0\n0304"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
