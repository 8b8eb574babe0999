//! The driver's jobs against the modes done another way: block by block, with the `aes` crate's
//! (and `xts-mode`'s) plain interface, none of the engine's code.

use super::*;
use crate::descriptors::build::linux::{
    Aead, AeadRequest, Cipher, Request, aead_shared, place_aead, place_skcipher, skcipher_shared,
};
use crate::descriptors::build::{Segment, place};
use crate::descriptors::test_support::cases;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use proptest::prelude::*;
use std::cell::RefCell;
use xts_mode::Xts128;

/// One block, through whichever AES the key is for.
fn block(key: &[u8], encrypt: bool, block: &[u8]) -> [u8; 16] {
    fn one<C: BlockCipherEncrypt + BlockCipherDecrypt + KeyInit>(
        key: &[u8],
        encrypt: bool,
        block: &[u8],
    ) -> [u8; 16] {
        let cipher = C::new_from_slice(key).expect("a key of the right size");
        let mut block = aes::cipher::Block::<C>::try_from(block).expect("a block");
        if encrypt {
            cipher.encrypt_block(&mut block);
        } else {
            cipher.decrypt_block(&mut block);
        }
        block.as_slice().try_into().expect("16 bytes")
    }
    match key.len() {
        16 => one::<Aes128>(key, encrypt, block),
        24 => one::<Aes192>(key, encrypt, block),
        _ => one::<Aes256>(key, encrypt, block),
    }
}

pub(super) fn ecb(key: &[u8], encrypt: bool, text: &[u8]) -> Vec<u8> {
    text.chunks(16).flat_map(|b| block(key, encrypt, b)).collect()
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

pub(super) fn cbc(key: &[u8], encrypt: bool, iv: &mut [u8; 16], text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in text.chunks(16) {
        if encrypt {
            *iv = block(key, true, &xor(chunk, iv));
            out.extend_from_slice(iv);
        } else {
            out.extend(xor(&block(key, false, chunk), iv));
            *iv = chunk.try_into().expect("whole blocks");
        }
    }
    out
}

pub(super) fn ctr(key: &[u8], counter: &mut [u8; 16], text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in text.chunks(16) {
        out.extend(xor(chunk, &block(key, true, counter)));
        *counter = u128::from_be_bytes(*counter).wrapping_add(1).to_be_bytes();
    }
    out
}

/// Sectors of 32 KiB, as Linux' driver sets the sector size.
fn xts(key: &[u8], encrypt: bool, iv: &mut [u8; 16], text: &[u8]) -> Vec<u8> {
    fn all<C>(key: &[u8], encrypt: bool, iv: &mut [u8; 16], out: &mut [u8])
    where
        C: BlockCipherEncrypt + BlockCipherDecrypt + KeyInit,
        C: aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>,
    {
        let (data, tweak) = key.split_at(key.len() / 2);
        let new = |k| C::new_from_slice(k).expect("a key of the right size");
        let xts = Xts128::new(new(data), new(tweak));
        for sector in out.chunks_mut(0x8000) {
            if encrypt {
                xts.encrypt_sector(sector, (*iv).into());
            } else {
                xts.decrypt_sector(sector, (*iv).into());
            }
            *iv = u128::from_le_bytes(*iv).wrapping_add(1).to_le_bytes();
        }
    }
    let mut out = text.to_vec();
    if key.len() == 32 {
        all::<Aes128>(key, encrypt, iv, &mut out);
    } else {
        all::<Aes256>(key, encrypt, iv, &mut out);
    }
    out
}

/// GHASH, bit by bit (NIST SP 800-38D, algorithms 1 and 2).
fn ghash(h: u128, parts: &[&[u8]]) -> u128 {
    let mut y = 0_u128;
    for part in parts {
        for chunk in part.chunks(16) {
            let mut block = [0; 16];
            block[..chunk.len()].copy_from_slice(chunk);
            let x = y ^ u128::from_be_bytes(block);
            let (mut z, mut v) = (0_u128, h);
            for i in (0..128).rev() {
                if x >> i & 1 != 0 {
                    z ^= v;
                }
                v = v >> 1 ^ if v & 1 != 0 { 0xe1 << 120 } else { 0 };
            }
            y = z;
        }
    }
    y
}

/// Ciphertext and tag for a 12-byte nonce.
fn gcm(key: &[u8], nonce: &[u8], aad: &[u8], text: &[u8]) -> (Vec<u8>, [u8; 16]) {
    let mut counter: [u8; 16] = [nonce, &[0, 0, 0, 1]].concat().try_into().expect("12 bytes");
    let mask = block(key, true, &counter);
    counter[15] = 2;
    let out = ctr(key, &mut counter, text);
    let lengths = [(aad.len() as u64 * 8).to_be_bytes(), (text.len() as u64 * 8).to_be_bytes()];
    let h = u128::from_be_bytes(block(key, true, &[0; 16]));
    let hash = ghash(h, &[aad, &out, lengths.as_flattened()]);
    (out, (hash ^ u128::from_be_bytes(mask)).to_be_bytes())
}

#[test]
fn the_model_knows_published_vectors() {
    // SP 800-38D's test case 4 (McGrew and Viega)
    let hex = |s: &str| -> Vec<u8> {
        (0..s.len()).step_by(2).map(|i| u8::from_str_radix(&s[i..i + 2], 16).unwrap()).collect()
    };
    let (text, tag) = gcm(
        &hex("feffe9928665731c6d6a8f9467308308"),
        &hex("cafebabefacedbaddecaf888"),
        &hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
        &hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
              1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"),
    );
    assert_eq!(text[..8], hex("42831ec221777424"));
    assert_eq!(tag.to_vec(), hex("5bc94fbc3221a5db94fae95ae7121a47"));
    // FIPS 197, appendix C.1
    let key: Vec<u8> = (0..16).collect();
    let block = ecb(&key, true, &hex("00112233445566778899aabbccddeeff"));
    assert_eq!(block, hex("69c4e0d86a7b0430d8cdb78070b4c55a"));
}

const CONTROL: u64 = BASE + 0x1000;
const SOURCE: u64 = BASE + 0x3000;
const DESTINATION: u64 = BASE + 0x2_2000;

/// Cuts `length` bytes at `address` into pieces with gaps between them.
fn cut(address: u64, length: usize, cuts: &[u16]) -> Vec<Segment> {
    let mut places: Vec<usize> = cuts.iter().map(|c| usize::from(*c) % (length + 1)).collect();
    places.extend([0, length]);
    places.sort_unstable();
    places.dedup();
    let pieces = places.windows(2).enumerate();
    pieces.map(|(i, w)| (address + w[0] as u64 + 7 * i as u64, (w[1] - w[0]) as u32)).collect()
}

fn scatter(memory: &FlatMemory, segments: &[Segment], mut bytes: &[u8]) {
    for &(address, length) in segments {
        let n = bytes.len().min(length as usize);
        memory.poke(address, &bytes[..n]);
        bytes = &bytes[n..];
    }
}

fn noise(seed: u64, n: usize) -> Vec<u8> {
    let mut x = seed | 1;
    (0..n)
        .map(|_| {
            x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (x >> 56) as u8
        })
        .collect()
}

/// Two memories with the same noise in them: one for the job, one for what is expected.
fn twins(seed: u64) -> [FlatMemory; 2] {
    let all = noise(seed, 0x400).repeat(SIZE / 0x400);
    [0, 1].map(|_| {
        let memory = FlatMemory::new(BASE, SIZE);
        memory.poke(BASE, &all);
        memory
    })
}

thread_local! {
    /// A DECO that runs all jobs of a test: keys and commands of those before are known to it.
    static WORN: RefCell<Scratch> = RefCell::default();
}

fn run_at(memory: &FlatMemory, job: u64) -> Report {
    let stop = AtomicBool::new(false);
    let platform = platform(&VIRT_ERA9);
    WORN.with_borrow_mut(|worn| run(memory, &platform, job, worn, Budget::default(), &stop))
}

fn assert_same(got: &FlatMemory, expected: &FlatMemory) -> Result<(), TestCaseError> {
    let (got, expected) = (got.peek(BASE, SIZE), expected.peek(BASE, SIZE));
    let at = got.iter().zip(&expected).position(|(g, e)| g != e);
    prop_assert!(at.is_none(), "first difference at offset {:#x}", at.unwrap_or(0));
    Ok(())
}

fn direction(encrypt: bool) -> Direction {
    if encrypt { Direction::Encrypt } else { Direction::Decrypt }
}

fn lengths() -> impl Strategy<Value = usize> {
    // around blocks, around the 32 KiB of an XTS sector, and around the 64 KiB of a piece
    prop_oneof![12 => 1..200_usize, 1 => 32_700..32_900_usize, 1 => 65_500..66_000_usize]
}

fn cuts() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(any::<u16>(), 0..6)
}

proptest! {
    #![proptest_config(cases(400))]

    /// Any request that Linux could make: the data and the IV are right, and nothing else in
    /// memory has changed.
    #[test]
    fn skcipher_jobs(
        cipher in prop::sample::select(&Cipher::ALL[..]),
        encrypt in any::<bool>(),
        key_words in prop::sample::select(&[4_usize, 6, 8][..]),
        length in lengths(),
        source_cuts in cuts(),
        destination_cuts in cuts(),
        in_place in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let length = match cipher {
            Cipher::Ecb | Cipher::Cbc => length.next_multiple_of(16),
            // a last sector of less than a block cannot be
            Cipher::Xts if length % 0x8000 < 16 => length + 16,
            Cipher::Xts => length,
            Cipher::Ctr | Cipher::Rfc3686 => length,
        };
        let key_bytes = match cipher {
            Cipher::Xts => if key_words == 4 { 32 } else { 64 },
            Cipher::Rfc3686 => key_words * 4 + 4,
            _ => key_words * 4,
        };
        let key = noise(seed ^ 1, key_bytes);
        let iv = noise(seed ^ 2, cipher.iv_bytes());
        let text = noise(seed ^ 3, length);
        let source = cut(SOURCE, length, &source_cuts);
        let destination = cut(DESTINATION, length, &destination_cuts);
        let shared = skcipher_shared(&VIRT_ERA9, cipher, direction(encrypt), &key);
        let request =
            Request { source: &source, destination: (!in_place).then_some(&destination), iv: &iv };
        let [memory, expected] = twins(seed);
        for memory in [&memory, &expected] {
            place_skcipher(memory, &VIRT_ERA9, CONTROL, &shared, &request);
            scatter(memory, &source, &text);
        }

        let mut iv_out: [u8; 16] = [0; 16];
        let out = match cipher {
            Cipher::Ecb => ecb(&key, encrypt, &text),
            Cipher::Cbc | Cipher::Ctr | Cipher::Xts => {
                iv_out.copy_from_slice(&iv);
                match cipher {
                    Cipher::Cbc => cbc(&key, encrypt, &mut iv_out, &text),
                    Cipher::Ctr => ctr(&key, &mut iv_out, &text),
                    _ => xts(&key, encrypt, &mut iv_out, &text),
                }
            }
            Cipher::Rfc3686 => {
                let (key, nonce) = key.split_at(key.len() - 4);
                let block = [nonce, &iv, &[0, 0, 0, 1]].concat();
                let out = ctr(key, &mut block.try_into().expect("16 bytes"), &text);
                iv_out[..8].copy_from_slice(&iv);
                out
            }
        };
        scatter(&expected, if in_place { &source } else { &destination }, &out);
        // place_skcipher puts the IV there
        expected.poke(CONTROL + 0x200, &iv_out[..iv.len()]);

        let report = run_at(&memory, CONTROL);
        prop_assert_eq!(report.status, JobStatus::OK);
        let (_, way, bytes) = report.operations[0].expect("an operation");
        prop_assert_eq!((way, bytes), (direction(encrypt), length as u64));
        assert_same(&memory, &expected)?;
    }

    /// The same for the GCM family, good tags and bad ones.
    #[test]
    fn aead_jobs(
        aead in prop::sample::select(&Aead::ALL[..]),
        encrypt in any::<bool>(),
        key_words in prop::sample::select(&[4_usize, 6, 8][..]),
        aad_length in 0..50_usize,
        text_length in prop_oneof![1 => Just(0), 12 => 1..100_usize, 1 => 65_500..65_700_usize],
        tag_length in prop::sample::select(&[4_usize, 8, 12, 13, 14, 15, 16][..]),
        source_cuts in cuts(),
        destination_cuts in cuts(),
        in_place in any::<bool>(),
        spoil in prop::option::weighted(0.3, any::<u8>()),
        seed in any::<u64>(),
    ) {
        // What the driver lets through: SPI and sequence number (8 or 12 bytes), and the IV.
        let aad_length = match aead {
            Aead::Gcm => aad_length,
            Aead::Rfc4106 | Aead::Rfc4543 => 16 + aad_length % 2 * 4,
        };
        // The MOVE that copies RFC 4543's payload has a length of 16 bits.
        let text_length = match aead {
            Aead::Rfc4543 => text_length.min(0xffff - aad_length),
            _ => text_length,
        };
        let key = noise(seed ^ 1, key_words * 4);
        let salt = noise(seed ^ 2, if aead == Aead::Gcm { 0 } else { 4 });
        let iv = noise(seed ^ 3, aead.iv_bytes());
        let text = noise(seed ^ 4, text_length);
        let mut aad = noise(seed ^ 5, aad_length);
        if aead != Aead::Gcm {
            aad[aad_length - 8..].copy_from_slice(&iv);
        }
        let nonce = [&salt[..], &iv].concat();
        let (cipher_text, tag) = match aead {
            Aead::Gcm => gcm(&key, &nonce, &aad, &text),
            Aead::Rfc4106 => gcm(&key, &nonce, &aad[..aad_length - 8], &text),
            Aead::Rfc4543 => (text.clone(), gcm(&key, &nonce, &[&aad[..], &text].concat(), &[]).1),
        };
        let tag = &tag[..tag_length];
        let plain = [&aad[..], &text].concat();
        let sealed = [&aad[..], &cipher_text, tag].concat();
        let (mut input, output) = if encrypt { (plain, sealed) } else { (sealed, plain) };
        // The buffers hold AAD, text and tag, whichever way it goes.
        let room = aad_length + text_length + tag_length;
        let source = cut(SOURCE, if in_place { room } else { input.len() }, &source_cuts);
        let destination = cut(DESTINATION, output.len(), &destination_cuts);

        let spoiled = spoil.is_some() && !encrypt;
        if let (Some(bit), true) = (spoil, spoiled) {
            let at = input.len() - 1 - usize::from(bit / 8) % tag_length;
            input[at] ^= 1 << (bit % 8);
        }
        let what = AeadRequest {
            aead,
            direction: direction(encrypt),
            salt: &salt,
            aad: aad_length as u32,
            text: text_length as u32,
            tag: tag_length as u32,
        };
        let shared = aead_shared(&VIRT_ERA9, aead, what.direction, &key, what.tag);
        let request =
            Request { source: &source, destination: (!in_place).then_some(&destination), iv: &iv };
        let [memory, expected] = twins(seed);
        for memory in [&memory, &expected] {
            place_aead(memory, &VIRT_ERA9, CONTROL, &shared, &what, &request);
            scatter(memory, &source, &input);
        }
        let target = if in_place { &source } else { &destination };
        if aead == Aead::Rfc4543 || in_place {
            scatter(&expected, target, &output);
        } else {
            // The AAD is skipped in the output.
            let mut whole: Vec<u8> =
                target.iter().flat_map(|(at, n)| expected.peek(*at, *n as usize)).collect();
            whole[aad_length..].copy_from_slice(&output[aad_length..]);
            scatter(&expected, target, &whole);
        }

        let report = run_at(&memory, CONTROL);
        if spoiled {
            prop_assert_eq!(report.status.0 & 0xf000_00ff, 0x2000_001a);
        } else {
            prop_assert_eq!(report.status, JobStatus::OK);
        }
        // Output written before the ICV failed stays, so the memory is the same either way.
        assert_same(&memory, &expected)?;
    }
}

#[test]
fn one_shared_descriptor_serves_many_jobs() {
    // as dm-crypt uses it: sector after sector, one scratch
    let memory = FlatMemory::new(BASE, SIZE);
    let key = noise(1, 64);
    let shared = skcipher_shared(&VIRT_ERA9, Cipher::Xts, Direction::Encrypt, &key);
    let mut scratch = Scratch::default();
    for sector in 0..8_u64 {
        let iv = u128::from(sector).to_le_bytes();
        let text = noise(sector + 2, 512);
        let at = SOURCE + sector * 512;
        memory.poke(at, &text);
        let request = Request { source: &[(at, 512)], destination: None, iv: &iv };
        let job = place_skcipher(&memory, &VIRT_ERA9, CONTROL, &shared, &request);
        let stop = AtomicBool::new(false);
        let report =
            run(&memory, &platform(&VIRT_ERA9), job, &mut scratch, Budget::default(), &stop);
        assert_eq!(report.status, JobStatus::OK);
        assert_eq!(memory.peek(at, 512), xts(&key, true, &mut iv.clone(), &text));
        // and the shared descriptor has not changed
        place(&memory, &VIRT_ERA9, CONTROL + 0x800, &shared);
        let bytes = shared.len() * 4;
        assert_eq!(memory.peek(CONTROL + 0x100, bytes), memory.peek(CONTROL + 0x800, bytes));
    }
}
