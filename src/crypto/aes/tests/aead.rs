//! GCM and CCM against published vectors, in one call and byte by byte; order and tampering.

use super::aead_vectors::{CCM, GCM, Vector};
use super::{hex, known_answers};
use crate::crypto::Direction::{self, Decrypt, Encrypt};
use crate::crypto::aes::{Ccm, Gcm, Key};
use crate::crypto::{AeadError, AeadInput, tags_equal};

known_answers! {
    gcm_known_answers: check_gcm(GCM);
    ccm_known_answers: check_ccm(CCM);
}

/// Runs GCM with every input in pieces of `piece` bytes; the text is replaced by the result.
pub(super) fn gcm(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    direction: Direction,
    text: &mut [u8],
    piece: usize,
) -> [u8; 16] {
    let mut gcm = Gcm::new(&Key::new(key).unwrap());
    iv.chunks(piece).for_each(|part| gcm.iv(part).unwrap());
    aad.chunks(piece).for_each(|part| gcm.aad(part).unwrap());
    text.chunks_mut(piece).for_each(|part| gcm.crypt(direction, part).unwrap());
    let tag = gcm.tag();
    assert_eq!(gcm.tag(), tag, "asked again");
    tag
}

/// B0, the counter block 0 and the AAD behind its length, as a driver prepares them.
fn ccm_format(
    nonce: &[u8],
    aad: &[u8],
    text_len: usize,
    tag_len: usize,
) -> ([u8; 16], [u8; 16], Vec<u8>) {
    let length_bytes = 15 - nonce.len();
    let mut counter = [0; 16];
    counter[0] = u8::try_from(length_bytes - 1).unwrap();
    counter[1..=nonce.len()].copy_from_slice(nonce);
    let mut b0 = (u128::from_be_bytes(counter) | text_len as u128).to_be_bytes();
    b0[0] |= u8::from(!aad.is_empty()) << 6 | u8::try_from((tag_len - 2) / 2).unwrap() << 3;
    let mut formatted = match aad.len() {
        0 => vec![],
        len @ 1..0xff00 => u16::try_from(len).unwrap().to_be_bytes().to_vec(),
        len => [&[0xff, 0xfe][..], &u32::try_from(len).unwrap().to_be_bytes()].concat(),
    };
    formatted.extend(aad);
    (b0, counter, formatted)
}

/// Runs CCM with every input in pieces of `piece` bytes; the text is replaced by the result.
pub(super) fn ccm(
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    direction: Direction,
    text: &mut [u8],
    (tag_len, piece): (usize, usize),
) -> Vec<u8> {
    let (b0, counter, aad) = ccm_format(nonce, aad, text.len(), tag_len);
    let key = Key::new(key).unwrap();
    let mut ccm = Ccm::new(&key, b0, counter);
    aad.chunks(piece).for_each(|part| ccm.aad(part).unwrap());
    let mut done = 0;
    for part in text.chunks_mut(piece) {
        if done != 0 && done % 16 == 0 {
            // Between two blocks the operation goes on from its saved context.
            ccm = Ccm::resume(&key, &ccm.context());
        }
        ccm.crypt(direction, part).unwrap();
        done += part.len();
    }
    let tag = ccm.tag();
    assert_eq!(ccm.tag(), tag, "asked again");
    assert_eq!(ccm.context()[32..], tag);
    tag[..tag_len].to_vec()
}

fn check_gcm(v: &Vector) {
    let [key, iv, aad] = [v.key, v.iv, v.aad].map(hex);
    for piece in [usize::MAX, 1, 7, 16, 20] {
        let mut text = hex(v.plaintext);
        let tag = gcm(&key, &iv, &aad, Encrypt, &mut text, piece);
        assert_eq!((&text, &tag[..]), (&hex(v.ciphertext), &hex(v.tag)[..]), "pieces of {piece}");
        let tag = gcm(&key, &iv, &aad, Decrypt, &mut text, piece);
        assert_eq!((&text, &tag[..]), (&hex(v.plaintext), &hex(v.tag)[..]), "pieces of {piece}");
    }
}

fn check_ccm(v: &Vector) {
    let [key, iv, aad, tag] = [v.key, v.iv, v.aad, v.tag].map(hex);
    for piece in [usize::MAX, 1, 7, 16, 20] {
        let mut text = hex(v.plaintext);
        let made = ccm(&key, &iv, &aad, Encrypt, &mut text, (tag.len(), piece));
        assert_eq!((&text, &made), (&hex(v.ciphertext), &tag), "pieces of {piece}");
        let made = ccm(&key, &iv, &aad, Decrypt, &mut text, (tag.len(), piece));
        assert_eq!((&text, &made), (&hex(v.plaintext), &tag), "pieces of {piece}");
    }
}

/// SP 800-38C, example 4.
#[test]
fn ccm_with_long_aad() {
    let aad: Vec<u8> = (0..=255).cycle().take(65536).collect();
    let mut text: Vec<u8> = (0x20..0x40).collect();
    let (key, nonce) = (hex("404142434445464748494a4b4c4d4e4f"), hex("101112131415161718191a1b1c"));
    let tag = ccm(&key, &nonce, &aad, Encrypt, &mut text, (14, 1000));
    assert_eq!(text, hex("69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72"));
    assert_eq!(tag, hex("b4ac6bec93e8598e7f0dadbcea5b"));
}

#[test]
fn gcm_input_out_of_order_is_refused_and_changes_nothing() {
    let refused = |what| Err(AeadError::Sequence(what));
    let key = Key::new(&[1; 16]).unwrap();
    let mut plain = Gcm::new(&key);
    let mut odd = Gcm::new(&key);
    for gcm in [&mut plain, &mut odd] {
        gcm.iv(&[2; 12]).unwrap();
        gcm.aad(&[3; 5]).unwrap();
    }
    assert_eq!(odd.iv(&[4]), refused(AeadInput::Iv));
    for gcm in [&mut plain, &mut odd] {
        gcm.crypt(Encrypt, &mut [5; 20]).unwrap();
    }
    assert_eq!(odd.iv(&[4]), refused(AeadInput::Iv));
    assert_eq!(odd.aad(&[4]), refused(AeadInput::Aad));
    assert_eq!(odd.tag(), plain.tag());
    let mut text = [6; 3];
    assert_eq!(odd.iv(&[4]), refused(AeadInput::Iv));
    assert_eq!(odd.aad(&[4]), refused(AeadInput::Aad));
    assert_eq!(odd.crypt(Encrypt, &mut text), refused(AeadInput::Text));
    assert_eq!((odd.tag(), text), (plain.tag(), [6; 3]));
}

#[test]
fn ccm_input_out_of_order_is_refused() {
    let mut ccm = Ccm::new(&Key::new(&[1; 16]).unwrap(), [0x41; 16], [1; 16]);
    ccm.aad(&[0, 1, 9]).unwrap();
    ccm.crypt(Encrypt, &mut [0; 3]).unwrap();
    assert_eq!(ccm.aad(&[4]), Err(AeadError::Sequence(AeadInput::Aad)));
    ccm.tag();
    assert_eq!(ccm.crypt(Encrypt, &mut [0; 3]), Err(AeadError::Sequence(AeadInput::Text)));
    assert_eq!(ccm.aad(&[4]), Err(AeadError::Sequence(AeadInput::Aad)));
}

#[test]
fn every_flipped_bit_changes_the_tag() {
    let (key, iv, aad, text) = ([1; 16], [2; 12], [3; 9], [4; 21]);
    let of_gcm = |iv: &[u8], aad: &[u8], text: &[u8]| {
        gcm(&key, iv, aad, Decrypt, &mut text.to_vec(), 64).to_vec()
    };
    let of_ccm = |iv: &[u8], aad: &[u8], text: &[u8]| {
        ccm(&key, iv, aad, Decrypt, &mut text.to_vec(), (16, 64))
    };
    for run in [&of_gcm as &dyn Fn(&[u8], &[u8], &[u8]) -> Vec<u8>, &of_ccm] {
        let tag = run(&iv, &aad, &text);
        let input = [&iv[..], &aad, &text].concat();
        for bit in 0..input.len() * 8 {
            let mut tampered = input.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            let (iv, rest) = tampered.split_at(iv.len());
            let (aad, text) = rest.split_at(aad.len());
            assert!(!tags_equal(&run(iv, aad, text), &tag), "bit {bit}");
        }
        // A byte moved from the AAD to the text.
        assert!(!tags_equal(&run(&iv, &input[12..20], &input[20..]), &tag));
    }
}

#[test]
fn debug_shows_sizes_only() {
    let key = Key::new(&[0xcc; 16]).unwrap();
    let mut gcm = Gcm::new(&key);
    gcm.iv(&[0xcc; 12]).unwrap();
    let text = format!("{gcm:?} {:?}", Ccm::new(&key, [0xcc; 16], [0xcc; 16]));
    assert!(text.contains("iv_bytes: 12") && !text.contains("204"), "{text}");
}
