//! That the golden jobs are of every algorithm the driver registers, and what of them a recorded
//! output cannot show: jobs with random results, and what runs without a job ring.

mod common;

use caam_emu::descriptors::buffer::{DescriptorBuffer, WORDS};
use caam_emu::descriptors::deco;
use caam_emu::descriptors::flow::{Budget, Scratch};
use caam_emu::device::platform::{Platform, Secrets};
use caam_emu::device::rng4::{RDSTA, RDSTA_IF0, RDSTA_PR0, RDSTA_SKVN, RTMCTL};
use caam_emu::device::soc::{PROFILES, VIRT_ERA9};
use caam_emu::memory::flat::FlatMemory;
use common::{Fixture, Kind, SparseMemory, fixtures};
use std::sync::atomic::AtomicBool;

const DIGESTS: [&str; 6] = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];

#[test]
fn every_algorithm_of_the_driver_has_its_jobs() {
    let mut wanted: Vec<String> = Vec::new();
    let ways = |wanted: &mut Vec<String>, algorithm: &str, ways: &[&str]| {
        wanted.extend(ways.iter().map(|way| format!("{algorithm}-{way}")));
    };
    let both = ["encrypt", "decrypt"];
    for cipher in ["ecb", "cbc", "ctr", "rfc3686", "xts", "des-ecb", "des-cbc"] {
        ways(&mut wanted, cipher, &both);
    }
    for aead in ["des3-ecb", "des3-cbc", "gcm", "rfc4106", "rfc4543", "rfc7539", "rfc7539esp"] {
        ways(&mut wanted, aead, &both);
    }
    for digest in DIGESTS {
        ways(&mut wanted, digest, &["first", "update", "final", "digest"]);
        // An HMAC's update is that of the hash: the driver builds the same descriptor.
        ways(&mut wanted, &format!("hmac-{digest}"), &["first", "final", "digest", "key"]);
        for cipher in ["null", "cbc-aes", "cbc-des", "cbc-des3", "rfc3686"] {
            ways(&mut wanted, &format!("authenc-{cipher}-{digest}"), &both);
        }
        for cipher in ["cbc-aes", "cbc-des", "cbc-des3"] {
            ways(&mut wanted, &format!("echainiv-{cipher}-{digest}"), &both);
        }
        ways(&mut wanted, &format!("seqiv-rfc3686-{digest}"), &both);
    }
    for mac in ["cmac", "xcbc"] {
        ways(&mut wanted, mac, &["first", "update", "final", "digest"]);
    }
    ways(&mut wanted, "rsa", &["public", "public-short", "private-form-3"]);
    ways(&mut wanted, "prng", &["generate", "seed"]);
    ways(&mut wanted, "hwrng", &["generate"]);
    ways(&mut wanted, "blob", &["encapsulate", "decapsulate"]);
    let names: Vec<String> = fixtures().into_iter().map(|f| f.name).collect();
    let has = |want: &String| names.iter().any(|n| n.starts_with(want.as_str()));
    let missing: Vec<&String> = wanted.iter().filter(|w| !has(w)).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn every_kind_of_tag_is_refused_when_wrong() {
    let names = [
        ("rfc4543-decrypt-bad-tag", 0x1a),
        ("authenc-null-sha1-decrypt-bad-tag", 0x4a),
        ("authenc-cbc-aes-sha256-decrypt-bad-tag", 0x4a),
        ("authenc-cbc-des3-sha1-decrypt-bad-tag", 0x4a),
        ("authenc-rfc3686-sha1-decrypt-bad-tag", 0x4a),
        ("echainiv-cbc-aes-sha256-decrypt-bad-tag", 0x4a),
        ("seqiv-rfc3686-sha512-decrypt-bad-tag", 0x4a),
        ("blob-decapsulate-tampered", 0x1a),
    ];
    for (name, error) in names {
        let fixture = fixtures().into_iter().find(|f| f.name == name).expect(name);
        assert_eq!(fixture.status & 0xf000_00ff, 0x2000_0000 | error, "{name}");
    }
}

/// The first tampered byte that makes a decryption fail, of every AEAD that decrypts.
#[test]
fn the_last_byte_of_an_aead_s_input_is_its_tag() {
    let aead = |f: &Fixture| {
        let prefixes = ["authenc", "echainiv", "seqiv", "rfc7539"];
        prefixes.iter().any(|p| f.name.starts_with(p))
            && f.name.contains("-decrypt")
            && f.status == 0
    };
    let mut tried = 0;
    for fixture in fixtures().into_iter().filter(aead) {
        let job = fixture.descriptor(false);
        if job[2] & 1 << 24 != 0 {
            continue;
        }
        let memory = fixture.memory();
        let end = u64::from(job[3]) + u64::from(job[4]) - 1;
        memory.put(end, &[memory.get(end, 1)[0] ^ 1]);
        let status = fixture.run(&memory).status.0;
        assert_eq!(status & 0xf000_000f, 0x2000_000a, "{}: {status:x}", fixture.name);
        tried += 1;
    }
    assert!(tried >= 40, "{tried}");
}

/// The IV that an echainiv job makes is any; the driver's next job must find the text again.
#[test]
fn generated_ivs_open_again() {
    let all = fixtures();
    let mut tried = 0;
    for sealing in all.iter().filter(|f| f.name.starts_with("echainiv")) {
        let Some((head, tail)) = sealing.name.split_once("-encrypt") else { continue };
        let opening = all.iter().find(|f| f.name == format!("{head}-decrypt{tail}"));
        let opening = opening.unwrap_or_else(|| panic!("no counterpart of {}", sealing.name));
        let places = |f: &Fixture| {
            let job = f.descriptor(false);
            // direct sequences, then DPOVRD = the AAD's length
            assert_eq!((job[2] >> 24, job[5] >> 24, job[8]), (0xf0, 0xf8, 0xa80c_4704));
            (
                u64::from(job[3]),
                job[4] as usize,
                u64::from(job[6]),
                job[7] as usize,
                job[9] as usize,
            )
        };
        let (from, length, to, sealed_length, aad) = places(sealing);
        let iv = if head.contains("aes") { 16 } else { 8 };
        let memory = sealing.memory();
        assert_eq!(sealing.run(&memory).status.0, 0, "{}", sealing.name);
        let sealed = memory.get(to + aad as u64, sealed_length - aad);
        let text = memory.get(from + (aad + iv) as u64, length - aad - iv);
        assert_ne!(sealed[iv..iv + text.len()], text[..]);

        let (from, length, to, _, opening_aad) = places(opening);
        assert_eq!((length, opening_aad), (aad + sealed.len(), aad));
        let again = opening.memory();
        again.put(from, &memory.get(sealing_input(sealing), aad));
        again.put(from + aad as u64, &sealed);
        assert_eq!(opening.run(&again).status.0, 0, "{}", opening.name);
        assert_eq!(again.get(to + (aad + iv) as u64, text.len()), text, "{}", opening.name);

        // Another platform state, another IV.
        let other = SparseMemory::default();
        for (address, byte) in sealing.memory().all() {
            other.put(address, &[byte]);
        }
        let platform = common::platform(sealing.soc);
        let stop = AtomicBool::new(false);
        let mut ivs = Vec::new();
        for _ in 0..2 {
            let scratch = &mut Scratch::default();
            deco::run(&other, &platform, sealing.job, scratch, Budget::default(), &stop);
            let at = u64::from(sealing.descriptor(false)[6]) + aad as u64;
            ivs.push(other.get(at, iv));
        }
        assert_ne!(ivs[0], ivs[1], "{}", sealing.name);
        tried += 1;
    }
    assert_eq!(tried, 18);
}

fn sealing_input(fixture: &Fixture) -> u64 {
    u64::from(fixture.descriptor(false)[3])
}

/// A blob that the device makes now it opens again; the recorded one, made with the same seed,
/// opens on any day.
#[test]
fn blobs_open_again_and_only_with_the_same_master_key() {
    let find = |name: &str| fixtures().into_iter().find(|f| f.name == name).expect("a blob job");
    let (sealing, opening) = (find("blob-encapsulate"), find("blob-decapsulate"));
    let memory = sealing.memory();
    assert_eq!(sealing.run(&memory).status.0, 0);
    let blob = sealing.sections.iter().find(|s| s.kind == Kind::Random).expect("the blob");
    let blob = memory.get(blob.address, blob.bytes.len());
    let key = sealing.sections.iter().find(|s| s.kind == Kind::Input).expect("the key");
    let again = opening.memory();
    let place = opening.sections.iter().find(|s| s.kind == Kind::Input).expect("a blob");
    assert_eq!(place.bytes.len(), blob.len());
    assert_ne!(place.bytes, blob, "a new blob key each time");
    again.put(place.address, &blob);
    assert_eq!(opening.run(&again).status.0, 0);
    let result = opening.sections.iter().find(|s| s.kind == Kind::Output).expect("a key");
    assert_eq!(again.get(result.address, result.bytes.len()), key.bytes);

    let secrets = Secrets { seed: Some(2), master_key: None };
    let other = Platform::new(opening.soc, secrets).expect("seeded");
    let stop = AtomicBool::new(false);
    let memory = opening.memory();
    let scratch = &mut Scratch::default();
    let report = deco::run(&memory, &other, opening.job, scratch, Budget::default(), &stop);
    assert_eq!(report.status.0 & 0xf000_00ff, 0x2000_001a);
}

/// What `ctrl.c` puts into DECO 0's buffer: handles instantiated with prediction resistance,
/// secure keys with the first, and all taken back at the end.
#[test]
fn the_rng_is_instantiated_as_linux_does_it() {
    const INSTANTIATE: u32 = 0x8250_0006;
    const HALT: u32 = 0xa280_0000;
    for soc in PROFILES {
        let secrets = Secrets { seed: Some(1), master_key: None };
        let platform = Platform::new(soc, secrets).expect("seeded");
        let memory = FlatMemory::new(0x1000, 0x1000);
        let run = |words: &[u32]| {
            let mut buffer = [0; WORDS];
            buffer[..words.len()].copy_from_slice(words);
            let buffer = DescriptorBuffer::from_words(&memory, soc, &buffer).expect("a header");
            let scratch = &mut Scratch::default();
            let stop = AtomicBool::new(false);
            let status =
                deco::run_buffer(&memory, &platform, buffer, scratch, Budget::default(), &stop);
            status.status.0 & 0xf000_00ff
        };
        let first = [
            0xb080_0007,
            INSTANTIATE,
            0xa200_0001, // JUMP +1, class 1 done
            0x1088_0004, // LOAD CLRW
            1,
            0x8250_1000, // secure keys
            HALT,
        ];
        if soc.rng.count == 0 {
            assert_eq!(run(&first), 0x2000_005f, "{}: no such CHA", soc.name);
            continue;
        }
        let rdsta = || platform.rng().read(RDSTA).expect("a register");
        // In program mode there is no entropy: the driver tries again with a longer delay.
        platform.rng().write(RTMCTL, 0x10000).expect("a register");
        assert_eq!(run(&first), 0x2000_005b);
        platform.rng().write(RTMCTL, 0).expect("a register");
        assert_eq!(run(&first), 0x7000_0000);
        let after_first = RDSTA_IF0 | RDSTA_PR0 | RDSTA_SKVN;
        assert_eq!(rdsta() & after_first, after_first);
        assert_eq!(rdsta() & RDSTA_IF0 << 1, 0);
        // The same again is an error: instantiated already.
        assert_eq!(run(&first), 0x2000_0053);
        // Secure keys, too, exist once.
        assert_eq!(run(&[0xb080_0003, 0x8250_1000, HALT]), 0x2000_0059);
        assert_eq!(run(&[0xb080_0003, INSTANTIATE | 1 << 4, HALT]), 0x7000_0000);
        assert_eq!(rdsta() & (RDSTA_IF0 | RDSTA_PR0) << 1, (RDSTA_IF0 | RDSTA_PR0) << 1);
        // Uninstantiate both, once.
        for (status, handle) in [(0x7000_0000, 0), (0x7000_0000, 1), (0x2000_0058, 0)] {
            assert_eq!(run(&[0xb080_0003, 0x8250_000c | handle << 4, HALT]), status);
        }
        assert_eq!(rdsta() & (RDSTA_IF0 | RDSTA_IF0 << 1), 0);
        assert_ne!(rdsta() & RDSTA_SKVN, 0, "the keys stay");
    }
}

/// hwrng before instantiation.
#[test]
fn random_bytes_before_instantiation_are_refused() {
    for name in ["hwrng-generate", "prng-generate", "prng-seed", "blob-encapsulate"] {
        let fixture = fixtures().into_iter().find(|f| f.name == name).expect(name);
        let secrets = Secrets { seed: Some(1), master_key: None };
        let fresh = Platform::new(&VIRT_ERA9, secrets).expect("seeded");
        let stop = AtomicBool::new(false);
        let memory = fixture.memory();
        let scratch = &mut Scratch::default();
        let report = deco::run(&memory, &fresh, fixture.job, scratch, Budget::default(), &stop);
        assert_eq!(report.status.0 & 0xf000_00ff, 0x2000_0054, "{name}");
        assert_eq!(memory.all(), fixture.memory().all(), "{name}: nothing is written");
    }
}
