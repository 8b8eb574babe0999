//! Published vectors, and what is refused.

use super::vectors::{MODES, SUBSTITUTION, TCBCMMT3, VARIABLE, Vector};
use crate::crypto::Direction::{Decrypt, Encrypt};
use crate::crypto::des::{Algorithm, Error, Key, cbc, check_parity, ecb};
use crate::crypto::testing::{hex, hex_array, known_answers};

known_answers! {
    variable_plaintext_and_key: check(VARIABLE);
    substitution_table: check(SUBSTITUTION);
    modes: check(MODES);
    tcbcmmt3: check(TCBCMMT3);
}

fn check(v: &Vector) {
    let bytes = hex(v.key);
    let algorithm = if bytes.len() == 8 { Algorithm::Des } else { Algorithm::TripleDes };
    let key = Key::with_parity(algorithm, &bytes).unwrap();
    assert_eq!(key.size(), bytes.len());
    let (plaintext, ciphertext) = (hex(v.plaintext), hex(v.ciphertext));
    for (direction, from, to) in
        [(Encrypt, &plaintext, &ciphertext), (Decrypt, &ciphertext, &plaintext)]
    {
        let mut data = from.clone();
        if v.iv.is_empty() {
            ecb(&key, direction, &mut data).unwrap();
        } else {
            let mut iv = hex_array(v.iv);
            cbc(&key, direction, &mut iv, &mut data).unwrap();
            assert_eq!(iv, ciphertext[ciphertext.len() - 8..]);
        }
        assert_eq!(&data, to);
    }
}

#[test]
fn algorithms_have_the_codes_of_the_driver() {
    assert_eq!(Algorithm::from_alg(0x20), Some(Algorithm::Des));
    assert_eq!(Algorithm::from_alg(0x21), Some(Algorithm::TripleDes));
    assert_eq!(Algorithm::from_alg(0x22), None);
    assert_eq!(Algorithm::from_alg(0x10), None);
}

#[test]
fn keys_of_other_sizes_are_refused() {
    for actual in 0..40 {
        for (algorithm, sizes) in
            [(Algorithm::Des, [8].as_slice()), (Algorithm::TripleDes, &[16, 24])]
        {
            let key = Key::new(algorithm, &vec![1; actual]);
            match key {
                Ok(key) => assert!(sizes.contains(&actual) && key.size() == actual),
                Err(error) => {
                    assert!(!sizes.contains(&actual));
                    assert_eq!(error, Error::KeySize { algorithm, actual });
                }
            }
        }
    }
}

#[test]
fn parity_is_checked_where_asked_for() {
    for byte in 0..=255_u8 {
        let odd = byte.count_ones() % 2 == 1;
        assert_eq!(check_parity(&[1, byte]).is_ok(), odd);
    }
    let mut key = [0x01; 24];
    assert!(Key::with_parity(Algorithm::TripleDes, &key).is_ok());
    key[17] = 0x03;
    let error = Key::with_parity(Algorithm::TripleDes, &key).unwrap_err();
    assert_eq!(error, Error::Parity(17));
    assert!(Key::new(Algorithm::TripleDes, &key).is_ok());
    let error = Key::with_parity(Algorithm::TripleDes, &key[..20]).unwrap_err();
    assert_eq!(error, Error::KeySize { algorithm: Algorithm::TripleDes, actual: 20 });
}

#[test]
fn partial_blocks_are_refused_and_left_alone() {
    let key = Key::new(Algorithm::Des, &[1; 8]).unwrap();
    for len in [1, 7, 9, 15, 4095] {
        for direction in [Encrypt, Decrypt] {
            let mut data = vec![9; len];
            let mut iv = [5; 8];
            let error = Err(Error::PartialBlock(len));
            assert_eq!(ecb(&key, direction, &mut data), error);
            assert_eq!(cbc(&key, direction, &mut iv, &mut data), error);
            assert!(data.iter().all(|&byte| byte == 9));
            assert_eq!(iv, [5; 8]);
        }
    }
}

#[test]
fn empty_messages_change_nothing() {
    let key = Key::new(Algorithm::Des, &[1; 8]).unwrap();
    let mut iv = [5; 8];
    ecb(&key, Encrypt, &mut []).unwrap();
    cbc(&key, Encrypt, &mut iv, &mut []).unwrap();
    cbc(&key, Decrypt, &mut iv, &mut []).unwrap();
    assert_eq!(iv, [5; 8]);
}

#[test]
fn debug_does_not_show_the_key() {
    let shown = |algorithm, len| format!("{:?}", Key::new(algorithm, &vec![7; len]).unwrap());
    assert_eq!(shown(Algorithm::Des, 8), "Key(DES, ..)");
    assert_eq!(shown(Algorithm::TripleDes, 16), "Key(3DES, two keys, ..)");
    assert_eq!(shown(Algorithm::TripleDes, 24), "Key(3DES, three keys, ..)");
}
