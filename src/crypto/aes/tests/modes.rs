//! ECB, CBC and CTR against published vectors; what they refuse; counters that wrap.

use super::modes_vectors::{CBC, CTR, ECB, Vector};
use super::{hex, hex_array, known_answers};
use crate::crypto::aes::ctr::ctr_modulo;
use crate::crypto::aes::{Key, cbc, ctr, ecb};
use crate::crypto::{DataSizeError, Direction, KeySizeError};

known_answers! {
    ecb_known_answers: check_ecb(ECB);
    cbc_known_answers: check_cbc(CBC);
    ctr_known_answers: check_ctr(CTR);
}

fn check_ecb(v: &Vector) {
    let key = Key::new(&hex(v.key)).unwrap();
    let mut data = hex(v.plaintext);
    ecb(&key, Direction::Encrypt, &mut data).unwrap();
    assert_eq!(data, hex(v.ciphertext));
    ecb(&key, Direction::Decrypt, &mut data).unwrap();
    assert_eq!(data, hex(v.plaintext));
}

fn check_cbc(v: &Vector) {
    let key = Key::new(&hex(v.key)).unwrap();
    let mut data = hex(v.plaintext);
    let mut iv = hex_array(v.iv);
    cbc(&key, Direction::Encrypt, &mut iv, &mut data).unwrap();
    assert_eq!(data, hex(v.ciphertext));
    assert_eq!(iv, hex_array(v.iv_out));
    iv = hex_array(v.iv);
    cbc(&key, Direction::Decrypt, &mut iv, &mut data).unwrap();
    assert_eq!(data, hex(v.plaintext));
    assert_eq!(iv, hex_array(v.iv_out));
}

fn check_ctr(v: &Vector) {
    let key = Key::new(&hex(v.key)).unwrap();
    let mut data = hex(v.plaintext);
    let mut counter = hex_array(v.iv);
    ctr(&key, &mut counter, &mut data);
    assert_eq!(data, hex(v.ciphertext));
    assert_eq!(counter, hex_array(v.iv_out));
}

#[test]
fn keys_of_other_sizes_are_refused() {
    for len in (0..=65).filter(|len| ![16, 24, 32].contains(len)) {
        assert_eq!(Key::new(&vec![0; len]).unwrap_err(), KeySizeError::Aes(len));
    }
}

#[test]
fn debug_does_not_show_the_key() {
    assert_eq!(format!("{:?}", Key::new(&[7; 24]).unwrap()), "Key(AES-192, ..)");
}

#[test]
fn single_blocks_and_many_agree() {
    let key = Key::new(&[3; 24]).unwrap();
    for count in [0, 1, 7, 8, 9, 16, 17, 30, 31, 63, 64, 65, 129] {
        let plain: Vec<[u8; 16]> = (0..count).map(|n| [n; 16]).collect();
        let mut many = plain.clone();
        key.encrypt_blocks(&mut many);
        let mut single = plain.clone();
        single.iter_mut().for_each(|block| key.encrypt_block(block));
        assert_eq!(many, single, "{count} blocks");
        single.iter_mut().for_each(|block| key.decrypt_block(block));
        key.decrypt_blocks(&mut many);
        assert_eq!((&many, &single), (&plain, &plain), "{count} blocks");
    }
}

#[test]
fn partial_blocks_are_refused_and_left_alone() {
    let key = Key::new(&[1; 16]).unwrap();
    for len in [1, 15, 17, 31, 4095] {
        let mut data = vec![9; len];
        let mut iv = [5; 16];
        let error = Err(DataSizeError::PartialBlock(len));
        for direction in [Direction::Encrypt, Direction::Decrypt] {
            assert_eq!(ecb(&key, direction, &mut data), error);
            assert_eq!(cbc(&key, direction, &mut iv, &mut data), error);
        }
        assert_eq!((data, iv), (vec![9; len], [5; 16]));
    }
}

#[test]
fn nothing_moves_without_data() {
    let key = Key::new(&[1; 32]).unwrap();
    let mut state = [0xa5; 16];
    cbc(&key, Direction::Encrypt, &mut state, &mut []).unwrap();
    cbc(&key, Direction::Decrypt, &mut state, &mut []).unwrap();
    ctr(&key, &mut state, &mut []);
    assert_eq!(state, [0xa5; 16]);
}

/// What CTR must do, block by block.
fn plain_ctr(key: &Key, bits: u32, counter: &mut [u8; 16], data: &mut [u8]) {
    let mask = u128::MAX >> (128 - bits);
    for piece in data.chunks_mut(16) {
        let mut block = *counter;
        key.encrypt_block(&mut block);
        piece.iter_mut().zip(block).for_each(|(byte, mask)| *byte ^= mask);
        let value = u128::from_be_bytes(*counter);
        *counter = (value & !mask | value.wrapping_add(1) & mask).to_be_bytes();
    }
}

#[test]
fn counters_wrap_at_their_width() {
    let key = Key::new(&[0x42; 16]).unwrap();
    for bits in [8, 16, 24, 32, 56, 64, 72, 120, 128] {
        for before_wrap in [0, 1, 2, 5, 63, 64, 65, 200] {
            let low = (u128::MAX >> (128 - bits)).saturating_sub(before_wrap);
            let start = (0x0123_4567_89ab_cdef_u128 << 64 | 0xfedc) << 40
                & !(u128::MAX >> (128 - bits))
                | low;
            for len in [1, 16, 1023, 1024, 1025, 5000] {
                let (mut counter, mut expected_counter) =
                    (start.to_be_bytes(), start.to_be_bytes());
                let (mut data, mut expected) = (vec![0x11; len], vec![0x11; len]);
                ctr_modulo(&key, bits, &mut counter, &mut data);
                plain_ctr(&key, bits, &mut expected_counter, &mut expected);
                assert_eq!(data, expected, "{bits} bits, {before_wrap} before wrap, {len} bytes");
                assert_eq!(counter, expected_counter, "{bits} bits, {before_wrap}, {len}");
            }
        }
    }
}
