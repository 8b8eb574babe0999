//! A DECO that has run other jobs beside one that has not: what it keeps must not be seen.

use super::*;
use crate::descriptors::build::linux::{
    Aead, AeadRequest, Cipher, Request, aead_shared, place_aead, place_skcipher, skcipher_shared,
};
use crate::descriptors::build::place;
use crate::descriptors::test_support::cases;
use proptest::prelude::*;

/// A job, and what of its descriptors is changed behind the driver's back.
#[derive(Debug, Clone)]
struct Step {
    what: What,
    encrypt: bool,
    key_bytes: usize,
    /// The bit in which its key differs from the others.
    key_bit: Option<u8>,
    length: u32,
    pieces: bool,
    /// A word of the shared or the job descriptor, and what it is xored with.
    changed: Option<(bool, u8, u32)>,
    /// As the one before, but for what is changed: the driver's next request.
    again: bool,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Cipher(Cipher),
    Aead(Aead),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = prop_oneof![
        prop::sample::select(&Cipher::ALL[..]).prop_map(What::Cipher),
        prop::sample::select(&Aead::ALL[..]).prop_map(What::Aead),
    ];
    let change = prop_oneof![any::<u32>(), (0..32_u32).prop_map(|bit| 1 << bit)];
    let step = (
        (what, any::<bool>(), prop::sample::select(&[16_usize, 24, 32, 64][..])),
        prop::option::of(0..16_u8),
        (1..200_u32, any::<bool>(), prop::bool::weighted(0.4)),
        prop::option::weighted(0.3, (any::<bool>(), 0..64_u8, change)),
    );
    let step = step.prop_map(|(job, key_bit, (length, pieces, again), changed)| {
        let (what, encrypt, key_bytes) = job;
        Step { what, encrypt, key_bytes, key_bit, length, pieces, changed, again }
    });
    prop::collection::vec(step, 1..24)
}

const AT: u64 = BASE + 0x1000;
const DATA: u64 = BASE + 0x8000;

impl Step {
    fn key(&self, extra: usize) -> Vec<u8> {
        let bytes = match self.what {
            What::Cipher(Cipher::Xts) => self.key_bytes.max(32).next_power_of_two(),
            _ => self.key_bytes.min(32),
        };
        let mut key: Vec<u8> = (0..bytes + extra).map(|i| (i as u8).wrapping_mul(5)).collect();
        if let Some(bit) = self.key_bit {
            key[usize::from(bit / 8) * (bytes - 1)] ^= 1 << (bit % 8);
        }
        key
    }

    fn place(&self, memory: &FlatMemory) {
        let direction = if self.encrypt { Direction::Encrypt } else { Direction::Decrypt };
        let iv: Vec<u8> = (0..16).map(|i| i ^ self.length as u8).collect();
        let length = self.length.next_multiple_of(16) + 16;
        let whole = [(DATA, length)];
        let cut = [(DATA, 16), (DATA + 16, length - 16)];
        let source = if self.pieces { &cut[..] } else { &whole[..] };
        let request = |iv| Request { source, destination: None, iv };
        let soc = &VIRT_ERA9;
        let shared = match self.what {
            What::Cipher(cipher) => {
                let extra = if cipher == Cipher::Rfc3686 { 4 } else { 0 };
                let shared = skcipher_shared(soc, cipher, direction, &self.key(extra));
                place_skcipher(memory, soc, AT, &shared, &request(&iv[..cipher.iv_bytes()]));
                shared
            }
            What::Aead(aead) => {
                let salt = if aead == Aead::Gcm { 0 } else { 4 };
                let (aad, tag) = (16, 16);
                let text = length - aad - if self.encrypt { 0 } else { tag.min(length - aad) };
                let salt = &[1, 2, 3, 4][..salt];
                let what = AeadRequest { aead, direction, salt, aad, text, tag };
                let shared = aead_shared(soc, aead, direction, &self.key(0), tag);
                let request = request(&iv[..aead.iv_bytes()]);
                place_aead(memory, soc, AT, &shared, &what, &request);
                shared
            }
        };
        if let Some((in_job, word, bits)) = self.changed {
            let (at, words) = if in_job { (AT, 8) } else { (AT + 0x100, shared.len()) };
            let at = at + u64::from(word) % words as u64 * 4;
            let old: [u8; 4] = memory.peek(at, 4).try_into().expect("4 bytes");
            place(memory, soc, at, &[u32::from_le_bytes(old) ^ bits]);
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    /// All builders' jobs, good and spoiled, one after the other at the same addresses, as a driver
    /// reuses its memory: ciphers, directions, keys that differ in a bit, tables. The report and
    /// every byte of memory are those of a DECO that knows nothing.
    #[test]
    fn nothing_of_the_jobs_before_is_seen(steps in steps()) {
        let [worn_memory, fresh_memory] = [0, 1].map(|_| memory());
        let (mut worn, stop) = (Scratch::default(), AtomicBool::new(false));
        // A small one: spoiled tables and jumps may go on for long.
        let budget = Budget { commands: 500, entries: 100, bytes: 0x1_0000 };
        let mut last: Option<Step> = None;
        for step in steps {
            let step = match last {
                Some(last) if step.again => Step { changed: step.changed, ..last },
                _ => step,
            };
            step.place(&worn_memory);
            step.place(&fresh_memory);
            // Each has an RNG of its own, with the same numbers.
            let [one, other] = [0, 1].map(|_| platform(&VIRT_ERA9));
            let got = run(&worn_memory, &one, AT, &mut worn, budget, &stop);
            let expected = run(&fresh_memory, &other, AT, &mut Scratch::default(), budget, &stop);
            prop_assert_eq!(got, expected, "{:?}", step);
            let same = worn_memory.peek(BASE, SIZE) == fresh_memory.peek(BASE, SIZE);
            prop_assert!(same, "{:?}", step);
            last = Some(step);
        }
    }
}

#[test]
fn keys_are_kept_until_they_are_to_be_forgotten() {
    let memory = memory();
    let (mut scratch, stop) = (Scratch::default(), AtomicBool::new(false));
    let mut step = Step {
        what: What::Cipher(Cipher::Xts),
        encrypt: true,
        key_bytes: 64,
        key_bit: None,
        length: 64,
        pieces: false,
        changed: None,
        again: false,
    };
    for (key_bit, kept) in [(None, 1), (None, 1), (Some(3), 2), (None, 2)] {
        step.key_bit = key_bit;
        step.place(&memory);
        let report =
            run(&memory, &platform(&VIRT_ERA9), AT, &mut scratch, Budget::default(), &stop);
        assert_eq!(report.status, JobStatus::OK);
        assert_eq!(scratch.keys_kept(), kept);
    }
    scratch.forget_keys();
    assert_eq!(scratch.keys_kept(), 0);
}
