//! `descriptors::build` against the driver: from a golden job's key, segments and lengths it must
//! build the very words and tables that the driver built.

mod common;

use caam_emu::crypto::Direction;
use caam_emu::descriptors::build::linux::{
    Aead, AeadRequest, Cipher, Request, aead_job, aead_shared, skcipher_job, skcipher_shared,
};
use caam_emu::descriptors::build::{Segment, entry};
use caam_emu::memory::{GuestMemory, Purpose};
use common::{Fixture, Kind, fixtures};

/// Immediate data behind the command at `index`.
fn immediate(words: &[u32], index: usize) -> Vec<u8> {
    let length = (words[index] & 0xff) as usize;
    let bytes: Vec<u8> = words[index + 1..].iter().flat_map(|w| w.to_le_bytes()).collect();
    bytes[..length].to_vec()
}

/// The entry at `at`: segment and F.
fn read_entry(fixture: &Fixture, at: u64) -> (Segment, bool) {
    let mut bytes = [0; 16];
    fixture.memory().read(Purpose::Table, at, &mut bytes).unwrap();
    let word = |i: usize| u32::from_le_bytes(bytes[i..i + 4].try_into().unwrap());
    ((u64::from(word(0)), word(8) & 0x3fff_ffff), word(8) & 1 << 30 != 0)
}

/// The segments that the SEQ PTR at `index` describes, as far as its length or F.
fn segments(fixture: &Fixture, job: &[u32], index: usize, whole_table: bool) -> Vec<Segment> {
    let (pointer, length) = (u64::from(job[index + 1]), job[index + 2]);
    if job[index] & 1 << 24 == 0 {
        return if pointer == 0 { vec![] } else { vec![(pointer, length)] };
    }
    let mut all: Vec<Segment> = Vec::new();
    for i in 0.. {
        let (segment, last) = read_entry(fixture, pointer + 16 * i);
        all.push(segment);
        let sum: u32 = all.iter().map(|s| s.1).sum();
        if last || sum >= length && !whole_table {
            break;
        }
    }
    all
}

fn direction(fixture: &Fixture) -> Direction {
    if fixture.name.contains("-encrypt-") { Direction::Encrypt } else { Direction::Decrypt }
}

/// Compares the built words and tables with the fixture's. `tables`: where the tables begin.
fn compare(
    fixture: &Fixture,
    tables: u64,
    (job, table): (Vec<u32>, Vec<[u32; 4]>),
    shared: &[u32],
) {
    let hex = |words: &[u32]| words.iter().map(|w| format!("{w:08x}")).collect::<Vec<_>>();
    assert_eq!(hex(shared), hex(&fixture.descriptor(true)), "{}: shared", fixture.name);
    assert_eq!(hex(&job), hex(&fixture.descriptor(false)), "{}: job", fixture.name);
    let rows: Vec<[u32; 4]> = (0..table.len() as u64)
        .map(|i| read_entry(fixture, tables + 16 * i))
        .map(|(segment, last)| entry(fixture.soc, segment, last))
        .collect();
    assert_eq!(table, rows, "{}: tables", fixture.name);
    let in_fixture = fixture.sections.iter().filter(|s| s.kind == Kind::Table);
    assert_eq!(
        table.len() * 16,
        in_fixture.map(|s| s.bytes.len()).sum::<usize>(),
        "{}",
        fixture.name
    );
}

#[test]
fn skciphers() {
    let ciphers = [
        ("ecb", Cipher::Ecb),
        ("cbc", Cipher::Cbc),
        ("ctr", Cipher::Ctr),
        ("rfc3686", Cipher::Rfc3686),
        ("xts", Cipher::Xts),
    ];
    let mut compared = 0;
    for fixture in fixtures() {
        let prefix = fixture.name.split('-').next().unwrap();
        let Some((_, cipher)) = ciphers.iter().find(|(name, _)| *name == prefix) else { continue };
        let (job, shared) = (fixture.descriptor(false), fixture.descriptor(true));
        let mut key = immediate(&shared, 2);
        if *cipher == Cipher::Rfc3686 {
            key.extend(immediate(&shared, 3 + key.len() / 4));
        }
        let mut source = segments(&fixture, &job, 2, false);
        let mut destination = segments(&fixture, &job, 5, false);
        let (mut iv, mut iv_at) = (vec![], 0);
        if cipher.iv_bytes() > 0 {
            let (at, length) = source.remove(0);
            assert_eq!(destination.pop(), Some((at, length)));
            iv_at = at;
            iv = fixture.memory().get(at, length as usize);
        }
        let in_place = fixture.name.contains("in-place");
        let request =
            Request { source: &source, destination: (!in_place).then_some(&destination), iv: &iv };
        let tables = u64::from(if job[2] & 1 << 24 != 0 { job[3] } else { job[6] });
        let place = (u64::from(job[1]), shared.len());
        let built = skcipher_job(fixture.soc, place, tables, iv_at, &request);
        let built_shared = skcipher_shared(fixture.soc, *cipher, direction(&fixture), &key);
        compare(&fixture, tables, built, &built_shared);
        compared += 1;
    }
    assert!(compared >= 40, "{compared}");
}

#[test]
fn aeads() {
    let aeads = [("gcm", Aead::Gcm), ("rfc4106", Aead::Rfc4106), ("rfc4543", Aead::Rfc4543)];
    let mut compared = 0;
    for fixture in fixtures() {
        let prefix = fixture.name.split('-').next().unwrap();
        let Some((_, aead)) = aeads.iter().find(|(name, _)| *name == prefix) else { continue };
        let (job, shared) = (fixture.descriptor(false), fixture.descriptor(true));
        let key = immediate(&shared, 2);
        let tag = shared.last().unwrap() & 0xff;
        // Lengths do not tell an in-place table's length: it ends with F.
        let in_place = job[3] == job[6] && job[2] & 1 << 24 == job[5] & 1 << 24 && job[3] != 0;
        let source = segments(&fixture, &job, 2, in_place);
        let destination = segments(&fixture, &job, 5, false);
        let iv = immediate(&job, 10);
        let (salt, iv) = iv.split_at(iv.len() - aead.iv_bytes());
        let direction = direction(&fixture);
        let aad = job[9];
        let text = job[4].min(job[7]) - aad;
        let what = AeadRequest { aead: *aead, direction, salt, aad, text, tag };
        let request =
            Request { source: &source, destination: (!in_place).then_some(&destination), iv };
        let tables = u64::from(if job[2] & 1 << 24 != 0 { job[3] } else { job[6] });
        let place = (u64::from(job[1]), shared.len());
        let built = aead_job(fixture.soc, place, tables, &what, &request);
        let built_shared = aead_shared(fixture.soc, *aead, direction, &key, tag);
        compare(&fixture, tables, built, &built_shared);
        compared += 1;
    }
    assert!(compared >= 28, "{compared}");
}
