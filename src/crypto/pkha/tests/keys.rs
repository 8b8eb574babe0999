//! RSA keys for the property tests, made from a seed.

use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero};

use crate::crypto::pkha::{mod_exp, mod_inverse};
use crate::crypto::rng::{Seeded, Source, Stream};

/// A private key in all its forms.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub n: Vec<u8>,
    pub e: Vec<u8>,
    pub d: Vec<u8>,
    pub p: Vec<u8>,
    pub q: Vec<u8>,
    pub dp: Vec<u8>,
    pub dq: Vec<u8>,
    pub c: Vec<u8>,
}

impl Key {
    /// A key whose modulus has twice `factor` bytes. Factors are chosen as RSA wants them: the two
    /// highest bits set, and prime (to Fermat's test) less one coprime to e.
    pub(super) fn generate(seed: u64, factor: usize) -> Self {
        let mut source = Seeded::new(seed, Stream::Entropy);
        let e = vec![1, 0, 1];
        let p = prime(&mut source, factor, &e);
        let q = prime(&mut source, factor, &e);
        assert_ne!(p, q);
        let (big_p, big_q) = (number(&p), number(&q));
        let n = bytes(&big_p.concatenating_mul(&big_q), 2 * factor);
        let phi = less_one(&big_p).concatenating_mul(&less_one(&big_q));
        let phi = bytes(&phi, 2 * factor);
        let d = mod_inverse(&e, &phi).unwrap();
        let dp = remainder(&d, &less_one(&big_p), factor);
        let dq = remainder(&d, &less_one(&big_q), factor);
        let c = mod_inverse(&remainder(&q, &big_p, factor), &p).unwrap();
        Self { n, e, d, p, q, dp, dq, c }
    }
}

pub(super) fn number(bytes: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(bytes)
}

/// The number as exactly `length` bytes.
pub(super) fn bytes(number: &BoxedUint, length: usize) -> Vec<u8> {
    let all = number.to_be_bytes_trimmed_vartime();
    let mut out = vec![0; length];
    out[length - all.len()..].copy_from_slice(&all);
    out
}

fn less_one(number: &BoxedUint) -> BoxedUint {
    number.wrapping_sub(BoxedUint::one())
}

fn remainder(value: &[u8], modulus: &BoxedUint, length: usize) -> Vec<u8> {
    let modulus = NonZero::new(modulus.clone()).unwrap();
    bytes(&number(value).rem_vartime(&modulus), length)
}

const SMALL_PRIMES: [u64; 30] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127,
];

fn prime(source: &mut impl Source, length: usize, e: &[u8]) -> Vec<u8> {
    let mut candidate = vec![0; length];
    loop {
        source.fill(&mut candidate).unwrap();
        candidate[0] |= 0xc0;
        candidate[length - 1] |= 1;
        let remainder = |p: u64| candidate.iter().fold(0, |r, b| (r << 8 | u64::from(*b)) % p);
        if SMALL_PRIMES.iter().any(|p| remainder(*p) == 0) {
            continue;
        }
        let less_one = bytes(&less_one(&number(&candidate)), length);
        let power = mod_exp(&[2], &less_one, &candidate).unwrap();
        let is_one = power[length - 1] == 1 && power[..length - 1].iter().all(|byte| *byte == 0);
        if is_one && mod_inverse(e, &less_one).is_ok() {
            return candidate;
        }
    }
}
