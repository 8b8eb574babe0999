//! Statuses of what is more than a cipher: RNG, RSA, blobs, black keys, DKP, hashes, info FIFO.

use super::errors::refused;
use super::*;
use crate::crypto::keywrap::black::{Encryption, NONCE, wrap};
use crate::descriptors::test_support::cases;
use crate::device::rng4::{RTMCTL, Request};
use crate::device::soc::VIRT_ERA10;
use proptest::prelude::*;

/// A platform as Linux' driver leaves it, and other seeds for other devices.
fn ready(soc: &SocProfile, seed: u64) -> Platform {
    let secrets = Secrets { seed: Some(seed), master_key: None };
    let platform = Platform::new(soc, secrets).expect("seeded");
    platform.rng().write(RTMCTL, 0).expect("a register");
    let request = Request { handle: 0, test: false, prediction_resistance: true };
    platform.rng().instantiate(request).expect("a new handle");
    platform.rng().generate_secure_keys().expect("the first time");
    platform
}

/// Status without its index, and memory.
fn on(platform: &Platform, memory: &FlatMemory, write: impl FnOnce(&mut Assembler<'_>)) -> u32 {
    let mut job = Assembler::job(&VIRT_ERA9);
    write(&mut job);
    memory.poke_words(JOB, &job.finish());
    let stop = AtomicBool::new(false);
    let budget = Budget::default();
    let report = run(memory, platform, JOB, &mut Scratch::default(), budget, &stop);
    report.status.0 & 0xf800_00ff
}

fn status(soc: &SocProfile, words: &[u32]) -> u32 {
    on(&ready(soc, 1), &memory(), |d| {
        d.words(words);
    })
}

/// OPERATION class 1 RNG.
const RNG: u32 = 0x8250_0000;

#[test]
fn each_rng_error() {
    let cases: &[(u32, &[u32])] = &[
        (0x51, &[RNG | 2 << 4]),              // no such handle
        (0x53, &[RNG | 1 << 2]),              // instantiated already
        (0x54, &[RNG | 1 << 4]),              // not instantiated
        (0x54, &[RNG | 1 << 4 | 2 << 2]),     // reseeded before instantiation
        (0x55, &[RNG | 1]),                   // test mode of a normal handle
        (0x57, &[RNG | 1 << 4 | 1 << 2 | 3]), // prediction resistance and test
        (0x58, &[RNG | 1 << 4 | 3 << 2]),     // nothing to uninstantiate
        (0x59, &[RNG | 0x1000]),              // secure keys twice
    ];
    for (error, words) in cases {
        assert_eq!(status(&VIRT_ERA9, words), 0x2000_0000 | error, "{words:x?}");
    }
    // a handle without prediction resistance
    let words = [RNG | 1 << 4 | 1 << 2, 0x1088_0004, 1, RNG | 1 << 4 | 2];
    assert_eq!(status(&VIRT_ERA9, &words), 0x2000_0056);
    // no entropy
    let platform = ready(&VIRT_ERA9, 1);
    platform.rng().set_entropy_ok(false);
    let work = |d: &mut Assembler<'_>| {
        d.words(&[RNG | 2]).by_pointer(0x6034_0000, OUT, 16);
    };
    assert_eq!(on(&platform, &memory(), work), 0x2000_005b);
    // no RNG
    let none = SocProfile { rng: crate::device::soc::Cha::ABSENT, ..VIRT_ERA9 };
    assert_eq!(status(&none, &[RNG]), 0x2000_005f);
}

#[test]
fn random_bytes_need_an_operation_and_the_class_to_be_free() {
    let memory = memory();
    let platform = ready(&VIRT_ERA9, 1);
    let store = |d: &mut Assembler<'_>| {
        d.by_pointer(0x6034_0000, OUT, 16);
    };
    assert_eq!(on(&platform, &memory, store), 0x4000_000b);
    assert_eq!(status(&VIRT_ERA9, &[RNG, RNG]), 0x2000_005d);
    // CLRW 0, or a reset of the CHA, makes it free; nothing else does.
    for (register, bits) in [(0x1088_0004, 1), (0x1088_0004, 1 << 29), (0x1086_0004, 1 << 9)] {
        assert_eq!(status(&VIRT_ERA9, &[RNG, register, bits, RNG]), 0);
    }
    for (register, bits) in [(0x1088_0004, 1 << 16), (0x1088_0004, 1 << 6), (0x1086_0004, 1 << 7)] {
        assert_eq!(status(&VIRT_ERA9, &[RNG, register, bits, RNG]), 0x2000_005d);
    }
    let work = |d: &mut Assembler<'_>| {
        d.words(&[RNG]).by_pointer(0x6034_0000, OUT, 5000);
    };
    assert_eq!(on(&platform, &memory, work), 0);
    let bytes = memory.peek(OUT, 5001);
    assert_eq!(bytes[5000], 0);
    assert!((0..5000 - 8).all(|i| bytes[i..i + 8] != [0; 8]));
}

/// The textbook key: 61 times 53.
const N: u32 = 3233;

/// RSA with numbers of two bytes (one for p and q), big-endian, at IN.
fn rsa(form: u32, numbers: &[(u64, &[u8])], size: u32, f: u32) -> (u32, Vec<u8>) {
    let memory = memory();
    for (at, bytes) in numbers {
        memory.poke(IN + at, bytes);
    }
    let at = |n: u64| (IN + n) as u32;
    let mut words = vec![0];
    match form {
        0 => words.extend([2 << 12 | size, at(0), OUT as u32, at(0x10), at(0x20), f]),
        1 => words.extend([2 << 12 | size, at(0), OUT as u32, at(0x10), at(0x20)]),
        2 => words.extend([
            2 << 12 | size,
            at(0),
            OUT as u32,
            at(0x20),
            at(0x30),
            at(0x40),
            at(0x100),
            at(0x200),
            1 << 12 | 1,
        ]),
        _ => words.extend([
            size,
            at(0),
            OUT as u32,
            at(0x50),
            at(0x30),
            at(0x40),
            at(0x60),
            at(0x70),
            at(0x100),
            at(0x200),
            1 << 12 | 1,
        ]),
    }
    let start = words.len() as u32;
    words.push(if form == 0 { 0x8018_0000 } else { 0x8019_0000 | (form - 1) });
    words[0] = 0xb080_0000 | start << 16 | (start + 1);
    memory.poke_words(JOB, &words);
    let stop = AtomicBool::new(false);
    let budget = Budget::default();
    let report = run(&memory, &ready(&VIRT_ERA9, 1), JOB, &mut Scratch::default(), budget, &stop);
    (report.status.0 & 0xf800_00ff, memory.peek(OUT, 2))
}

/// 65 to the power 17 is 2790, and back with any form of the private key.
#[test]
fn rsa_in_all_forms() {
    let number = |n: u32| (n as u16).to_be_bytes();
    let public = [(0, &number(65)[..]), (0x10, &number(N)[..]), (0x20, &number(17)[..])];
    assert_eq!(rsa(0, &public, 2, 2), (0, number(2790).to_vec()));
    let input = number(2790);
    let private: Vec<(u64, &[u8])> = vec![(0, &input), (0x20, &[0x0a, 0xc1])]; // d = 2753
    let with = |more: &[(u64, &'static [u8])]| [&private[..], more].concat();
    let modulus: &[(u64, &[u8])] = &[(0x10, &[0x0c, 0xa1])];
    assert_eq!(rsa(1, &with(modulus), 2, 2), (0, number(65).to_vec()));
    let primes: &[(u64, &[u8])] = &[(0x30, &[61]), (0x40, &[53])];
    assert_eq!(rsa(2, &with(primes), 2, 2), (0, number(65).to_vec()));
    let crt: &[(u64, &[u8])] =
        &[(0x30, &[61]), (0x40, &[53]), (0x50, &[38]), (0x60, &[53]), (0x70, &[49])];
    assert_eq!(rsa(3, &with(crt), 2, 2), (0, number(65).to_vec()));
}

#[test]
fn rsa_refusals() {
    let number = |n: u32| (n as u16).to_be_bytes();
    let public = |f: u32, n: u32, length| {
        rsa(0, &[(0, &number(f)), (0x10, &number(n)), (0x20, &number(17))], 2, length).0
    };
    // A number not below n is PKHA's to refuse, one of more bytes than n the protocol's.
    assert_eq!(public(N, N, 2), 0x2000_0084, "input as large as n");
    assert_eq!(public(N + 1, N, 2), 0x2000_0084);
    assert_eq!(public(N - 1, N, 2), 0);
    assert_eq!(public(65, N, 3), 0x4000_0089, "input longer than n");
    assert_eq!(public(65, N - 1, 2), 0x2000_0088, "even modulus");
    assert_eq!(public(65, N, 513), 0x4000_0089, "longer than PKHA's memory");
    assert_eq!(public(65, 0, 2) & 0xf000_0000, 0x2000_0000, "no modulus");
    // padding, a form that does not exist, no data block
    let words = |operation| [0, IN as u32, OUT as u32, IN as u32, IN as u32, 2, operation];
    for (operation, expected) in
        [(0x8018_1000, 0x4000_0081), (0x8019_0003, 0x4000_0082), (0x8016_0000, 0x4000_0081)]
    {
        let memory = memory();
        let job: Vec<u32> = [&[0xb087_0008][..], &words(operation)].concat();
        memory.poke_words(JOB, &job);
        assert_eq!(run_in(&memory, &VIRT_ERA9).status.0 & 0xf000_00ff, expected);
    }
    assert_eq!(status(&VIRT_ERA9, &[0x8018_0000]), 0x4000_0082);
    let none = SocProfile { pkha: crate::device::soc::Cha::ABSENT, ..VIRT_ERA9 };
    assert_eq!(status(&none, &[0x8018_0000]), 0x4000_0081);
}

/// KEY class 2, 16 bytes immediate; SEQ IN PTR; SEQ OUT PTR; OPERATION.
fn blob(d: &mut Assembler<'_>, modifier: &[u8], from: u64, to: u64, n: (u32, u32), op: u32) {
    d.immediate(0x0400_0000, modifier).sequence_in(from, n.0, false);
    d.sequence_out(to, n.1, false).words(&[op]);
}

const SEAL: u32 = 0x870d_0000;
const OPEN: u32 = 0x860d_0000;

#[test]
fn blobs() {
    let (platform, memory) = (ready(&VIRT_ERA9, 1), memory());
    let modifier = [7; 16];
    let seal = |m: &FlatMemory| on(&platform, m, |d| blob(d, &modifier, IN, OUT, (40, 88), SEAL));
    assert_eq!(seal(&memory), 0);
    let sealed = memory.peek(OUT, 88);
    let open = |platform: &Platform, modifier: &[u8], n: (u32, u32)| {
        let from = OUT + 0x100;
        on(platform, &memory, |d| blob(d, modifier, OUT, from, n, OPEN))
    };
    assert_eq!(open(&platform, &modifier, (88, 40)), 0);
    assert_eq!(memory.peek(OUT + 0x100, 40), memory.peek(IN, 40));
    // each byte of it counts
    for i in [0, 31, 32, 71, 72, 87] {
        memory.poke(OUT + i as u64, &[sealed[i] ^ 1]);
        assert_eq!(open(&platform, &modifier, (88, 40)), 0x2000_001a, "byte {i}");
        memory.poke(OUT + i as u64, &[sealed[i]]);
    }
    assert_eq!(open(&platform, &[8; 16], (88, 40)), 0x2000_001a, "another key modifier");
    assert_eq!(open(&ready(&VIRT_ERA9, 2), &modifier, (88, 40)), 0x2000_001a, "another device");
    assert_eq!(open(&platform, &modifier, (87, 39)), 0x2000_001a, "cut short");
    assert_eq!(open(&platform, &modifier, (47, 0)), 0x4000_00c4, "no blob");
    assert_eq!(open(&platform, &[7; 17], (88, 40)), 0x4000_00c4, "a modifier too long");
    assert_eq!(open(&platform, &modifier, (88, 39)), 0x4000_0010, "no room for the data");
    // formats that are not there
    for bits in [1, 2, 4, 8, 1 << 4, 1 << 8, 1 << 9] {
        let work = |d: &mut Assembler<'_>| blob(d, &modifier, IN, OUT, (40, 88), SEAL | bits);
        assert_eq!(on(&platform, &memory, work), 0x4000_00c1, "{bits:x}");
    }
    let none = SocProfile { blob: false, ..VIRT_ERA9 };
    assert_eq!(status(&none, &[SEAL]), 0x4000_0081);
}

/// ECB with a black key at IN.
fn with_black_key(platform: &Platform, memory: &FlatMemory, command: u32) -> u32 {
    on(platform, memory, |d| {
        d.by_pointer(command, IN, 16).words(&[ECB]);
        d.by_pointer(LOAD_LAST, IN + 0x100, 16).by_pointer(STORE_TEXT, OUT, 16);
    })
}

#[test]
fn black_keys() {
    const BLACK: u32 = 0x0240_0000;
    const CCM: u32 = 1 << 20;
    const TRUSTED: u32 = 1 << 15;
    let (platform, memory) = (ready(&VIRT_ERA9, 1), memory());
    let place = |trusted, encryption| {
        let kek = platform.kek(trusted).expect("keys");
        let black = wrap(&kek, encryption, &KEY, [3; NONCE]).expect("a key");
        memory.poke(IN, &black);
        black.len()
    };
    let expected = ecb(&memory.peek(IN + 0x100, 16));
    for (trusted, bit) in [(false, 0), (true, TRUSTED)] {
        assert_eq!(place(trusted, Encryption::Ecb), 16);
        assert_eq!(with_black_key(&platform, &memory, BLACK | bit), 0);
        assert_eq!(memory.peek(OUT, 16), expected);
        // under the other key, another key comes out
        assert_eq!(with_black_key(&platform, &memory, BLACK | bit ^ TRUSTED), 0);
        assert_ne!(memory.peek(OUT, 16), expected);
        let length = place(trusted, Encryption::Ccm);
        assert_eq!(length, 28);
        assert_eq!(with_black_key(&platform, &memory, BLACK | CCM | bit), 0);
        assert_eq!(memory.peek(OUT, 16), expected);
        assert_eq!(with_black_key(&platform, &memory, BLACK | CCM | bit ^ TRUSTED), 0x2000_001a);
        let at = IN + length as u64 - 1;
        memory.poke(at, &[memory.peek(at, 1)[0] ^ 1]);
        assert_eq!(with_black_key(&platform, &memory, BLACK | CCM | bit), 0x2000_001a);
    }
    // no KEK yet
    let secrets = Secrets { seed: Some(1), master_key: None };
    let fresh = Platform::new(&VIRT_ERA9, secrets).expect("seeded");
    assert_eq!(with_black_key(&fresh, &memory, BLACK), 0x4000_0024);
    // stored and loaded again
    let memory = super::memory();
    let work = |d: &mut Assembler<'_>| {
        d.immediate(KEY1, &super::KEY).by_pointer(0x6224_0000, IN, 16);
    };
    assert_eq!(on(&platform, &memory, work), 0);
    assert_ne!(memory.peek(IN, 16), super::KEY);
    assert_eq!(with_black_key(&platform, &memory, BLACK), 0);
    assert_eq!(memory.peek(OUT, 16), expected);
    // stores of no class, of a key shorter than asked, without a KEK, of types that are not there
    for (status, word) in [(0x4000_000b, 0x6024_0000), (0x4000_000b, 0x6624_0000)] {
        let work = |d: &mut Assembler<'_>| {
            d.immediate(KEY1, &super::KEY).by_pointer(word, OUT, 16);
        };
        assert_eq!(on(&platform, &memory, work), status);
    }
    let long = |d: &mut Assembler<'_>| {
        d.immediate(KEY1, &super::KEY).by_pointer(0x6224_0000, OUT, 17);
    };
    assert_eq!(on(&platform, &memory, long), 0x4000_000b);
    assert_eq!(on(&fresh, &memory, work_store), 0x4000_0024);
    for kind in [0x08, 0x14, 0x20, 0x22, 0x26, 0x28, 0x35] {
        refused(0x4000_000b, &[0x6200_0010 | kind << 16, OUT as u32]);
    }
}

fn work_store(d: &mut Assembler<'_>) {
    d.immediate(KEY1, &KEY).by_pointer(0x6224_0000, OUT, 16);
}

/// DKP with every pair of operand forms: what the command allows, and what Linux uses, works.
#[test]
fn dkp_operands() {
    let key = memory().peek(IN, 20);
    let hmac = |dkp: &dyn Fn(&mut Assembler<'_>)| {
        let memory = memory();
        memory.poke_words(TABLE, &[IN as u32, 0, 20 | 1 << 30, 0]);
        let code = on(&ready(&VIRT_ERA9, 1), &memory, |d| {
            dkp(d);
            d.words(&[0x8443_004d]).by_pointer(0x2414_0000, IN + 0x200, 50);
            d.by_pointer(0x5420_0000, OUT, 32);
        });
        (code, memory.peek(OUT, 32))
    };
    let split = |d: &mut Assembler<'_>| {
        // the same with AAI HMAC and the key as it is
        d.immediate(0x0400_0000, &key);
    };
    let memory = memory();
    let code = on(&ready(&VIRT_ERA9, 1), &memory, |d| {
        split(d);
        d.words(&[0x8443_001d]).by_pointer(0x2414_0000, IN + 0x200, 50);
        d.by_pointer(0x5420_0000, OUT, 32);
    });
    assert_eq!(code, 0);
    let expected = (0, memory.peek(OUT, 32));
    let area = |d: &mut Assembler<'_>, first: &[u8]| {
        let mut bytes = first.to_vec();
        bytes.resize(64, 0);
        d.bytes(&bytes);
    };
    assert_eq!(
        hmac(&|d| {
            d.words(&[0x8023_0014]);
            area(d, &key);
        }),
        expected
    );
    assert_eq!(
        hmac(&|d| {
            d.words(&[0x8023_8014]);
            area(d, &(IN as u32).to_le_bytes());
        }),
        expected
    );
    assert_eq!(
        hmac(&|d| {
            d.words(&[0x8023_a014, IN as u32]);
        }),
        expected
    );
    assert_eq!(
        hmac(&|d| {
            d.words(&[0x8023_f014, TABLE as u32]);
        }),
        expected
    );
    // IMM to anything but IMM, SEQ
    for form in [0x1000, 0x2000, 0x3000, 0x4000, 0x5000] {
        let (code, _) = hmac(&|d| {
            d.words(&[0x8023_0014 | form]);
            area(d, &key);
        });
        assert_eq!(code, 0x4000_0009, "{form:x}");
    }
    // a key longer than the area, an area past the end, a digest this device does not have
    refused(0x4000_0009, &[0x8020_0040, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    refused(0x4000_0009, &[0x8023_0014, 0, 0, 0, 0, 0]);
    let small = SocProfile { mdha: crate::device::soc::Cha::one(0), ..VIRT_ERA9 };
    assert_eq!(status(&small, &[0x8024_a014, IN as u32]), 0x4000_0081);
    assert_eq!(status(&small, &[0x8023_a014, IN as u32]), 0);
    let none = SocProfile { mdha: crate::device::soc::Cha::ABSENT, ..VIRT_ERA9 };
    assert_eq!(status(&none, &[0x8023_a014, IN as u32]), 0x4000_0081);
}

/// NFIFO entries: `LOAD` of code 7A.
fn entry(word: u32) -> [u32; 2] {
    [0x10fa_0004, word]
}

#[test]
fn info_fifo_entries() {
    let (platform, memory) = (ready(&VIRT_ERA9, 1), memory());
    // padding to the DECO, and from there to MATH0 and memory: zeros, counting, random
    let pad = |kind: u32, n: u32| {
        on(&platform, &memory, |d| {
            d.words(&entry(0x02f0_0000 | kind << 16 | n)).words(&[0x1686_0800, 0x7884_0000 | n]);
            d.by_pointer(STORE_MATH0, OUT, n);
        })
    };
    assert_eq!(pad(0, 8), 0);
    assert_eq!(memory.peek(OUT, 8), [0; 8]);
    assert_eq!(pad(2, 8), 0);
    assert_eq!(memory.peek(OUT, 8), [4, 3, 2, 1, 8, 7, 6, 5]);
    for random in [1, 3] {
        assert_eq!(pad(random, 8), 0);
        assert_ne!(memory.peek(OUT, 8), [0; 8]);
        assert!(random == 3 || !memory.peek(OUT, 8).contains(&0));
    }
    for kind in 4..8 {
        assert_eq!(pad(kind, 8), 0x4000_0007);
    }
    // data types, and a source, that are none
    for word in [0x02e0_0008, 0x0200_0008, 0x0230_0008, 0x03f0_0008] {
        assert_eq!(status(&VIRT_ERA9, &entry(word)), 0x4000_0007, "{word:x}");
    }
    // the output FIFO, in which nothing is
    assert_eq!(status(&VIRT_ERA9, &entry(0x81f0_0008)), 0x4000_001c);
    // more entries than fit
    let many: Vec<u32> = (0..17).flat_map(|_| entry(0x40f0_0008)).collect();
    assert_eq!(status(&VIRT_ERA9, &many), 0x4000_0007);
    // data without an entry, and with one of another length
    assert_eq!(status(&VIRT_ERA9, &[0x220f_0008, IN as u32]), 0x4000_000a);
    let wrong = [&entry(0x40f0_0010)[..], &[0x220f_0008, IN as u32]].concat();
    assert_eq!(status(&VIRT_ERA9, &wrong), 0x4000_000a);
    // padding that class 2 hashes is data like any
    let hash = |d: &mut Assembler<'_>, from: &dyn Fn(&mut Assembler<'_>)| {
        d.words(&[0x8441_000d]);
        from(d);
        d.by_pointer(0x5420_0000, OUT, 20);
    };
    assert_eq!(
        on(&platform, &memory, |d| hash(d, &|d| {
            d.words(&entry(0xa2f2_0004));
        })),
        0
    );
    let padded = memory.peek(OUT, 20);
    let bytes = |d: &mut Assembler<'_>| {
        d.immediate(0x2414_0000, &[1, 2, 3, 4]);
    };
    assert_eq!(on(&platform, &memory, |d| hash(d, &bytes)), 0);
    assert_eq!(memory.peek(OUT, 20), padded);
}

#[test]
fn chacha_needs_era_10() {
    for word in [0x82d0_002d, 0x84e0_002d] {
        assert_eq!(status(&VIRT_ERA9, &[word]) & 0xf000_000f, 0x2000_000f);
        assert_eq!(status(&VIRT_ERA10, &[word]), 0);
    }
    let none = crate::device::soc::Cha::ABSENT;
    let poly_only = SocProfile { chacha: none, ..VIRT_ERA10 };
    assert_eq!(status(&poly_only, &[0x82d0_002d]) & 0xf000_000f, 0x2000_000f);
    let chacha_only = SocProfile { poly1305: none, ..VIRT_ERA10 };
    assert_eq!(status(&chacha_only, &[0x84e0_002d]) & 0xf000_000f, 0x2000_000f);
}

#[test]
fn move_len_takes_its_length_from_math() {
    let memory = memory();
    let platform = ready(&VIRT_ERA9, 1);
    let work = |n: u64| {
        on(&platform, &memory, |d| {
            // MATH1 = n; class 1 context from memory; MOVE LEN context to output FIFO; store it
            d.immediate(0x1609_0000, &[0, 0, 0, 0, n as u8, (n >> 8) as u8, 0, 0]);
            d.by_pointer(LOAD_CONTEXT1, IN, 32).words(&[0x7002_0001]);
            d.by_pointer(STORE_TEXT, OUT, n as u32);
        })
    };
    assert_eq!(work(24), 0);
    assert_eq!(memory.peek(OUT, 24), memory.peek(IN, 24));
    assert_eq!(work(65), 0x4000_000c);
    assert_eq!(work(0xffff), 0x4000_000c);
}

/// A word that means something among the new commands.
fn likely() -> impl Strategy<Value = Vec<u32>> {
    let word = prop::sample::select(
        &[
            0x8250_0006,
            0x8250_0002,
            0x8250_1000,
            0x8250_000c,
            0x8441_000d,
            0x8443_004e,
            0x8445_0001,
            0x84e0_002d,
            0x82d0_002d,
            0x8220_0105,
            0x8221_010d,
            0x8210_0605,
            0x8210_0709,
            0x2b10_0000,
            0x2d14_0000,
            0x2f1e_0000,
            0x2c3c_0014,
            0x6034_0010,
            0x6224_0010,
            0x693e_0000,
            0x72a2_0003,
            0x7884_0008,
            0x7892_0010,
            0x10fa_0004,
            0x10f1_0003,
            0x1088_0004,
            0x1086_0004,
            0x8023_0014,
            0x8023_a014,
            0x8018_0000,
            0x8019_0002,
            0x870d_0000,
            0x860d_0000,
            0x0240_0010,
            0x0250_0010,
            0x0483_0020,
            0xf040_0000,
            0xf840_0000,
            0xa200_0001,
            0xa100_0401,
            0xa828_0a04,
        ][..],
    );
    let operand = prop_oneof![
        Just(IN as u32),
        Just(OUT as u32),
        Just(TABLE as u32),
        0..600_u32,
        any::<u32>(),
    ];
    (word, any::<u32>(), 0..8_u8, prop::collection::vec(operand, 0..3)).prop_map(
        |(word, noise, how, operands)| {
            let word = if how == 0 { word ^ 1 << (noise % 27) } else { word };
            [&[word][..], &operands].concat()
        },
    )
}

proptest! {
    #![proptest_config(cases(1500))]

    /// Any run of these ends, within its budget, and writes nowhere but where outputs point.
    #[test]
    fn any_commands_end(commands in prop::collection::vec(likely(), 1..16), era10 in any::<bool>()) {
        let soc = if era10 { &VIRT_ERA10 } else { &VIRT_ERA9 };
        let memory = memory();
        let words: Vec<u32> = commands.concat().into_iter().take(63).collect();
        let mut job = Assembler::job(soc);
        job.words(&words);
        memory.poke_words(JOB, &job.finish());
        // What no word points to cannot change: the page of the job itself.
        let before = memory.peek(BASE, 0x2000);
        let budget = Budget { commands: 256, entries: 64, bytes: 0x1_0000 };
        let stop = AtomicBool::new(false);
        let platform = ready(soc, 1);
        let report = run(&memory, &platform, JOB, &mut Scratch::default(), budget, &stop);
        let source = report.status.0 >> 28;
        prop_assert!([0, 2, 3, 4, 7].contains(&source), "{:x}", report.status.0);
        let aimed = words.iter().any(|w| (BASE - 0x2000..BASE + 0x2000).contains(&u64::from(*w)));
        prop_assert!(aimed || memory.peek(BASE, 0x2000) == before);
    }
}
