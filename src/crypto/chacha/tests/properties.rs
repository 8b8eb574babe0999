//! Messages in pieces, against the crates in one go.

use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::crypto::Direction::{Decrypt, Encrypt};
use crate::crypto::chacha::{ChaCha20, ChaCha20Poly1305, Key, Poly1305};
use crate::crypto::testing::pieces;

fn message() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..1500)
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(0..400_usize, 0..6)
}

proptest! {
    #[test]
    fn stream_of_pieces_is_that_of_the_whole(
        key in any::<[u8; 32]>(),
        nonce in any::<[u8; 12]>(),
        counter in 0..u32::MAX - 100,
        data in message(),
        cuts in cuts(),
    ) {
        let mut expected = data.clone();
        let mut reference = chacha20::ChaCha20::new(&key.into(), &nonce.into());
        reference.seek(u64::from(counter) * 64);
        reference.apply_keystream(&mut expected);
        let mut copy = data;
        let mut cipher = ChaCha20::with_counter(&Key::new(&key).unwrap(), &nonce, counter);
        for piece in pieces(&mut copy, &cuts) {
            cipher.apply(piece);
        }
        prop_assert_eq!(copy, expected);
    }

    #[test]
    fn stream_goes_on_from_its_iv(
        key in any::<[u8; 32]>(),
        iv in any::<[u8; 16]>(),
        data in message(),
        blocks in 0..20_usize,
    ) {
        let key = Key::new(&key).unwrap();
        let mut expected = data.clone();
        ChaCha20::new(&key, &iv).apply(&mut expected);
        let mut copy = data;
        let whole = copy.len() / 64;
        let (head, tail) = copy.split_at_mut(blocks.min(whole) * 64);
        let mut cipher = ChaCha20::new(&key, &iv);
        cipher.apply(head);
        ChaCha20::new(&key, &cipher.iv()).apply(tail);
        prop_assert_eq!(copy, expected);
    }

    #[test]
    fn poly1305_of_pieces_is_that_of_the_whole(
        key in any::<[u8; 32]>(),
        mut data in message(),
        cuts in cuts(),
    ) {
        let expected = poly1305::Poly1305::new(&key.into()).compute_unpadded(&data);
        let mut mac = Poly1305::new(&Key::new(&key).unwrap());
        for piece in pieces(&mut data, &cuts) {
            mac.update(piece);
        }
        prop_assert_eq!(&mac.finalize(), expected.as_slice());
    }

    #[test]
    fn aead_of_pieces_is_that_of_the_whole(
        key in any::<[u8; 32]>(),
        nonce in any::<[u8; 12]>(),
        mut aad in message(),
        data in vec(any::<u8>(), 0..9000),
        (aad_cuts, cuts) in (cuts(), cuts()),
    ) {
        let mut expected = data.clone();
        let expected_tag = chacha20poly1305::ChaCha20Poly1305::new(&key.into())
            .encrypt_inout_detached(&nonce.into(), &aad, expected.as_mut_slice().into())
            .unwrap();
        let key = Key::new(&key).unwrap();
        let mut run = |direction, data: &mut Vec<u8>| {
            let mut aead = ChaCha20Poly1305::new(&key, &nonce);
            for piece in pieces(&mut aad, &aad_cuts) {
                aead.aad(piece).unwrap();
            }
            for piece in pieces(data, &cuts) {
                aead.crypt(direction, piece).unwrap();
            }
            aead.tag()
        };
        let mut copy = data.clone();
        let tag = run(Encrypt, &mut copy);
        let expected_tag: [u8; 16] = expected_tag.into();
        prop_assert_eq!((&copy, tag), (&expected, expected_tag));
        let tag = run(Decrypt, &mut copy);
        prop_assert_eq!((copy, tag), (data, expected_tag));
    }
}
