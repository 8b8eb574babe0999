//! Published vectors, and what is refused.

use super::vectors::{CAVP_SHORT, EXAMPLES, Hash, Mac, Message, RFC_2202, RFC_4231};
use crate::crypto::mdha::Algorithm::{self, Md5, Sha1, Sha224, Sha256, Sha384, Sha512};
use crate::crypto::mdha::{Error, Hasher, Hmac, SplitKey, split_key};
use crate::crypto::testing::{hex, known_answers};

known_answers! {
    cavp_short_messages: check_hash(CAVP_SHORT);
    examples: check_hash(EXAMPLES);
    rfc_2202: check_mac(RFC_2202);
    rfc_4231: check_mac(RFC_4231);
}

fn bytes(message: &Message) -> Vec<u8> {
    match *message {
        Message::Text(text) => text.into(),
        Message::Hex(digits) => hex(digits),
        Message::Repeat(byte, count) => vec![byte; count],
    }
}

fn check_hash(v: &Hash) {
    let mut hasher = Hasher::new(v.algorithm);
    hasher.update(&bytes(&v.message));
    assert_eq!(hasher.finalize(), hex(v.digest));
}

fn check_mac(v: &Mac) {
    for (algorithm, mac) in v.macs {
        let mut hmac = Hmac::new(&SplitKey::derive(*algorithm, &bytes(&v.key)));
        hmac.update(&bytes(&v.message));
        let mac = hex(mac);
        assert_eq!(hmac.finalize()[..mac.len()], mac);
    }
}

#[test]
fn sizes_are_those_of_the_driver() {
    // (ALG, digest, context, split key, block); Linux caamhash.c, key_gen.h
    let sizes = [
        (0x40, 16, 24, 32, 64),
        (0x41, 20, 28, 40, 64),
        (0x42, 28, 40, 64, 64),
        (0x43, 32, 40, 64, 64),
        (0x44, 48, 72, 128, 128),
        (0x45, 64, 72, 128, 128),
    ];
    for (algorithm, (alg, digest, context, split_key, block)) in Algorithm::ALL.iter().zip(sizes) {
        assert_eq!(Algorithm::from_alg(alg), Some(*algorithm));
        assert_eq!(algorithm.digest_len(), digest);
        assert_eq!(algorithm.context_len(), context);
        assert_eq!(algorithm.split_key_len(), split_key);
        assert_eq!(algorithm.block_len(), block);
    }
    for alg in [0x00, 0x3f, 0x46, 0x47, 0xff] {
        assert_eq!(Algorithm::from_alg(alg), None);
    }
}

/// The context before any data: initial state in digest order, and a count of zero.
#[test]
fn contexts_are_laid_out_as_documented() {
    let contexts = [
        (Md5, "0123456789abcdeffedcba9876543210"),
        (Sha1, "67452301efcdab8998badcfe10325476c3d2e1f0"),
        (Sha224, "c1059ed8367cd5073070dd17f70e5939ffc00b316858151164f98fa7befa4fa4"),
        (Sha256, "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"),
        (
            Sha384,
            "cbbb9d5dc1059ed8629a292a367cd5079159015a3070dd17152fecd8f70e5939
             67332667ffc00b318eb44a8768581511db0c2e0d64f98fa747b5481dbefa4fa4",
        ),
        (
            Sha512,
            "6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1
             510e527fade682d19b05688c2b3e6c1f1f83d9abfb41bd6b5be0cd19137e2179",
        ),
    ];
    for (algorithm, state) in contexts {
        let mut context = hex(state);
        context.extend([0; 8]);
        assert_eq!(Hasher::new(algorithm).export().unwrap(), context);
    }
}

/// At the end of a message of whole blocks, the context differs from the digest by the padding
/// only; so the state after the padding, taken for a whole block, is the digest.
#[test]
fn digest_is_the_state_after_the_padding() {
    for (algorithm, bits) in [
        (Md5, 512_u64.to_le_bytes()),
        (Sha1, 512_u64.to_be_bytes()),
        (Sha256, 512_u64.to_be_bytes()),
        (Sha512, 1024_u64.to_be_bytes()),
    ] {
        let block = algorithm.block_len();
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&vec![7; block]);
        let digest = hasher.clone().finalize();
        let mut padding = vec![0; block];
        padding[0] = 0x80;
        padding[block - 8..].copy_from_slice(&bits);
        hasher.update(&padding);
        assert_eq!(hasher.export().unwrap()[..algorithm.state_len()], digest);
    }
}

#[test]
fn wrong_sizes_are_refused() {
    for algorithm in Algorithm::ALL {
        let expected = algorithm.context_len();
        for actual in [0, algorithm.state_len(), expected - 1] {
            let error = Hasher::import(algorithm, &vec![0; actual]).unwrap_err();
            assert_eq!(error, Error::ContextSize { actual, expected });
        }
        let expected = algorithm.split_key_len();
        for actual in [0, expected / 2, expected - 1, expected + 1] {
            let error = SplitKey::from_bytes(algorithm, &vec![0; actual]).unwrap_err();
            assert_eq!(error, Error::SplitKeySize { actual, expected });
        }
    }
}

#[test]
fn debug_does_not_show_keys_and_states() {
    let key = SplitKey::derive(Sha256, b"secret");
    assert_eq!(format!("{key:?}"), "SplitKey(sha256, ..)");
    let mut hmac = Hmac::new(&key);
    hmac.update(b"more secrets");
    assert_eq!(
        format!("{hmac:?}"),
        "Hmac { inner: Hasher { algorithm: Sha256, length: 76, .. }, .. }"
    );
}

/// A split key is two contexts without their counts.
#[test]
fn split_keys_are_states_after_the_padded_key() {
    for algorithm in Algorithm::ALL {
        let halves = [0x36, 0x5c].map(|pad| {
            let mut masked = vec![pad; algorithm.block_len()];
            masked.iter_mut().zip(b"key").for_each(|(byte, key)| *byte ^= key);
            let mut hasher = Hasher::new(algorithm);
            hasher.update(&masked);
            hasher.export().unwrap()[..algorithm.state_len()].to_vec()
        });
        assert_eq!(*split_key(algorithm, b"key"), halves.concat());
    }
}
