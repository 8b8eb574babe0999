//! Properties over random messages.

use des::cipher::{BlockCipherEncrypt, KeyInit};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::crypto::Direction::{Decrypt, Encrypt};
use crate::crypto::des::{Algorithm, Key, cbc, ecb};
use crate::crypto::testing::pieces;

fn key_bytes() -> impl Strategy<Value = Vec<u8>> {
    select(vec![8, 16, 24]).prop_flat_map(|len| vec(any::<u8>(), len))
}

fn key_of(bytes: &[u8]) -> Key {
    let algorithm = if bytes.len() == 8 { Algorithm::Des } else { Algorithm::TripleDes };
    Key::new(algorithm, bytes).unwrap()
}

fn blocks() -> impl Strategy<Value = Vec<u8>> {
    (0..40_usize).prop_flat_map(|count| vec(any::<u8>(), count * 8))
}

/// The reference: a block by one to three passes of single DES.
fn reference(key: &[u8], block: &mut [u8; 8]) {
    use des::cipher::BlockCipherDecrypt;
    let part = |n: usize| des::Des::new_from_slice(&key[n * 8 % key.len()..][..8]).unwrap();
    part(0).encrypt_block(block.into());
    if key.len() > 8 {
        part(1).decrypt_block(block.into());
        part(2).encrypt_block(block.into());
    }
}

proptest! {
    #[test]
    fn ecb_agrees_with_the_reference(bytes in key_bytes(), data in blocks()) {
        let key = key_of(&bytes);
        let mut copy = data.clone();
        ecb(&key, Encrypt, &mut copy).unwrap();
        let mut expected = data.clone();
        expected.as_chunks_mut().0.iter_mut().for_each(|block| reference(&bytes, block));
        prop_assert_eq!(&copy, &expected);
        ecb(&key, Decrypt, &mut copy).unwrap();
        prop_assert_eq!(copy, data);
    }

    #[test]
    fn cbc_resumes_from_its_context(
        bytes in key_bytes(),
        iv in any::<[u8; 8]>(),
        data in blocks(),
        cuts in vec(0..10_usize, 0..5),
    ) {
        let key = key_of(&bytes);
        let mut expected = data.clone();
        let mut chain = iv;
        for block in expected.as_chunks_mut().0 {
            block.iter_mut().zip(chain).for_each(|(byte, mask)| *byte ^= mask);
            reference(&bytes, block);
            chain = *block;
        }
        let cuts: Vec<usize> = cuts.iter().map(|blocks| blocks * 8).collect();
        let mut copy = data.clone();
        let mut context = iv;
        for piece in pieces(&mut copy, &cuts) {
            cbc(&key, Encrypt, &mut context, piece).unwrap();
        }
        prop_assert_eq!((&copy, context), (&expected, chain));
        let mut context = iv;
        for piece in pieces(&mut copy, &cuts) {
            cbc(&key, Decrypt, &mut context, piece).unwrap();
        }
        prop_assert_eq!((copy, context), (data, chain));
    }

    #[test]
    fn equal_parts_make_a_smaller_key(part in any::<[u8; 8]>(), other in any::<[u8; 8]>()) {
        let encrypted = |key: &[u8]| {
            let mut block = *b"abcdefgh";
            key_of(key).encrypt_block(&mut block);
            block
        };
        let two = [part, other].concat();
        prop_assert_eq!(encrypted(&two), encrypted(&[part, other, part].concat()));
        prop_assert_eq!(encrypted(&part), encrypted(&[part, part, part].concat()));
    }

    #[test]
    fn parity_bits_do_not_matter(bytes in key_bytes(), flips in vec(0..2_u8, 24)) {
        let flipped: Vec<u8> = bytes.iter().zip(flips).map(|(byte, flip)| byte ^ flip).collect();
        let mut blocks = [[1; 8], [1; 8]];
        key_of(&bytes).encrypt_block(&mut blocks[0]);
        key_of(&flipped).encrypt_block(&mut blocks[1]);
        prop_assert_eq!(blocks[0], blocks[1]);
    }
}
