//! The RSA protocols: known answers, round trips, refusals.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::keys::{Key, number};
use super::vectors::{RSA, Vector};
use crate::crypto::pkha::{
    MAX_BYTES, PkhaError, mod_reduce, rsa_private1, rsa_private2, rsa_private3, rsa_public,
};
use crate::crypto::testing::{hex, known_answers};

/// Decrypts with every form of a key, which have to agree.
pub(super) fn decrypt(key: &Key, g: &[u8]) -> Result<Vec<u8>, PkhaError> {
    let Key { n, d, p, q, dp, dq, c, .. } = key;
    let third = rsa_private3(p, q, dp, dq, c, g);
    assert_eq!(rsa_private2(p, q, d, g), third);
    assert_eq!(rsa_private1(n, d, g), third);
    third
}

fn key_of(v: &Vector) -> Key {
    Key {
        n: hex(v.n),
        e: hex(v.e),
        d: hex(v.d),
        p: hex(v.p),
        q: hex(v.q),
        dp: hex(v.dp),
        dq: hex(v.dq),
        c: hex(v.c),
    }
}

fn raw(vector: &Vector) {
    let key = key_of(vector);
    let (message, ciphertext) = (hex(vector.message), hex(vector.ciphertext));
    assert_eq!(rsa_public(&key.n, &key.e, &message).unwrap(), ciphertext);
    let decrypted = decrypt(&key, &ciphertext).unwrap();
    assert_eq!(decrypted.len(), key.n.len(), "zeros in front");
    assert_eq!(decrypted, mod_reduce(&message, &key.n).unwrap());
}

known_answers! {
    published_keys: raw(RSA);
}

#[test]
fn zero_one_and_less_one() {
    let key = key_of(&RSA[0]);
    let zero = vec![0; 64];
    let mut one = zero.clone();
    one[63] = 1;
    let mut less_one = key.n.clone();
    less_one[63] -= 1;
    for fixed in [zero, one, less_one] {
        assert_eq!(rsa_public(&key.n, &key.e, &fixed).unwrap(), fixed);
        assert_eq!(decrypt(&key, &fixed).unwrap(), fixed);
    }
    assert_eq!(rsa_public(&key.n, &key.e, &[]).unwrap(), [0; 64], "an empty message is zero");
}

#[test]
fn leading_zeros_count_for_lengths_only() {
    let key = key_of(&RSA[0]);
    let zeros = |bytes: &[u8]| [&[0; 3], bytes].concat();
    let (message, ciphertext) = (hex(RSA[0].message), hex(RSA[0].ciphertext));
    let encrypted = rsa_public(&zeros(&key.n), &zeros(&key.e), &message).unwrap();
    assert_eq!(encrypted, zeros(&ciphertext));
    let longer = Key {
        n: zeros(&key.n),
        e: zeros(&key.e),
        d: zeros(&key.d),
        p: zeros(&key.p),
        q: zeros(&key.q),
        dp: zeros(&key.dp),
        dq: zeros(&key.dq),
        c: zeros(&key.c),
    };
    assert_eq!(decrypt(&longer, &encrypted).unwrap().len(), 67);
}

#[test]
fn factors_of_different_lengths() {
    // 3 * 65521: one byte and two.
    let key = Key {
        n: vec![0x02, 0xff, 0xd3],
        e: vec![11],
        d: vec![0x00, 0xba, 0x23],
        p: vec![3],
        q: vec![0xff, 0xf1],
        dp: vec![1],
        dq: vec![0xba, 0x23],
        c: vec![1],
    };
    // Multiples of either factor, too.
    for message in [0, 1, 3, 5, 6, 65_521, 131_042, 196_562_u32] {
        let message = message.to_be_bytes();
        let encrypted = rsa_public(&key.n, &key.e, &message[1..]).unwrap();
        assert_eq!(decrypt(&key, &encrypted).unwrap(), message[1..]);
    }
}

#[test]
fn refusals() {
    let key = key_of(&RSA[0]);
    let Key { n, e, d, p, q, dp, dq, c } = &key;
    let mut even = n.clone();
    even[63] &= !1;
    let mut even_p = p.clone();
    even_p[31] &= !1;
    let mut even_q = q.clone();
    even_q[31] &= !1;
    let g = vec![1; 64];
    let long = [1; MAX_BYTES + 1];
    let table = [
        (rsa_public(n, e, &[0; 65]), PkhaError::ProtocolSize),
        (rsa_public(n, e, n), PkhaError::OperandA),
        (rsa_public(n, e, &[0xff; 64]), PkhaError::OperandA),
        (rsa_public(&even, e, &g), PkhaError::EvenModulus),
        (rsa_public(&[0; 64], e, &g), PkhaError::DivideByZero),
        (rsa_public(&[], e, &[]), PkhaError::ModulusSize(0)),
        (rsa_public(&long, e, &g), PkhaError::ModulusSize(MAX_BYTES + 1)),
        (rsa_public(n, &[], &g), PkhaError::ExponentSize(0)),
        (rsa_private1(n, d, n), PkhaError::OperandA),
        (rsa_private1(n, d, &[0; 65]), PkhaError::ProtocolSize),
        (rsa_private1(&even, d, &g), PkhaError::EvenModulus),
        (rsa_private2(p, q, d, n), PkhaError::OperandA),
        (rsa_private2(p, q, d, &[1; 63]), PkhaError::ProtocolSize),
        (rsa_private2(&even_p, q, d, &g), PkhaError::EvenModulus),
        (rsa_private2(p, &even_q, d, &g), PkhaError::EvenModulus),
        (rsa_private2(p, p, d, &g), PkhaError::DivideByZero),
        (rsa_private2(&[1], q, d, &g), PkhaError::DivideByZero),
        (rsa_private2(p, q, &[], &g), PkhaError::ExponentSize(0)),
        (rsa_private3(p, q, dp, dq, c, n), PkhaError::OperandA),
        (rsa_private3(p, q, dp, dq, c, &[1; 63]), PkhaError::ProtocolSize),
        (rsa_private3(p, q, dp, dq, c, &long), PkhaError::ProtocolSize),
        (rsa_private3(&even_p, q, dp, dq, c, &g), PkhaError::EvenModulus),
        (rsa_private3(p, &even_q, dp, dq, c, &g), PkhaError::EvenModulus),
        (rsa_private3(&[], q, dp, dq, c, &g), PkhaError::ModulusSize(0)),
        (rsa_private3(p, q, &[], dq, c, &g), PkhaError::ExponentSize(0)),
        (rsa_private3(p, q, dp, &long, c, &g), PkhaError::ExponentSize(MAX_BYTES + 1)),
        (rsa_private3(p, q, dp, dq, &long, &g), PkhaError::OperandB),
    ];
    for (i, (result, error)) in table.into_iter().enumerate() {
        assert_eq!(result, Err(error), "case {i}");
    }
}

/// Keys of 512, 768, 1024, 1536 and 2048 bits.
static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    [32, 48, 64, 96, 128].iter().zip(1..).map(|(bytes, seed)| Key::generate(seed, *bytes)).collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn decryption_undoes_encryption(which in 0..5_usize, message in proptest::collection::vec(any::<u8>(), 0..300)) {
        let key = &KEYS[which];
        let message = &message[..message.len().min(key.n.len())];
        match rsa_public(&key.n, &key.e, message) {
            Ok(ciphertext) => {
                let decrypted = decrypt(key, &ciphertext).unwrap();
                prop_assert_eq!(number(&decrypted), number(message));
                // And the other way round: a signature, verified.
                let signed = decrypt(key, &decrypted).unwrap();
                prop_assert_eq!(rsa_public(&key.n, &key.e, &signed).unwrap(), decrypted);
            }
            Err(error) => {
                prop_assert_eq!(error, PkhaError::OperandA);
                prop_assert!(number(message) >= number(&key.n));
            }
        }
    }
}
