//! Properties over random messages, and agreement with independent implementations.

use aes::cipher::KeyInit;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use xts_mode::{Xts128, get_tweak_default};

use super::aead::{ccm, gcm};
use crate::crypto::Direction::{Decrypt, Encrypt};
use crate::crypto::aes::{Gcm, Key, Xts, cbc, cmac, ctr, ecb};
use crate::crypto::tags_equal;

fn key_bytes() -> impl Strategy<Value = Vec<u8>> {
    select(vec![16, 24, 32]).prop_flat_map(|len| vec(any::<u8>(), len))
}

fn xts_key_bytes() -> impl Strategy<Value = Vec<u8>> {
    select(vec![32, 64]).prop_flat_map(|len| vec(any::<u8>(), len))
}

fn blocks(max: usize) -> impl Strategy<Value = Vec<u8>> {
    (0..max).prop_flat_map(|count| vec(any::<u8>(), count * 16))
}

/// Cuts a message into pieces whose sizes are `cuts` times `unit`, and what is left.
pub(super) fn pieces<'a>(data: &'a mut [u8], cuts: &[usize], unit: usize) -> Vec<&'a mut [u8]> {
    let mut rest = data;
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, after) = rest.split_at_mut((cut * unit).min(rest.len() / unit * unit));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// The reference: one data unit after the other through the `xts-mode` crate.
fn reference_xts(key: &[u8], encrypt: bool, index: u128, sector: usize, data: &mut [u8]) {
    fn run<C>(key: &[u8], encrypt: bool, index: u128, sector: usize, data: &mut [u8])
    where
        C: KeyInit
            + aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>
            + aes::cipher::BlockCipherEncrypt
            + aes::cipher::BlockCipherDecrypt,
    {
        let (data_key, tweak_key) = key.split_at(key.len() / 2);
        let xts = Xts128::new(
            C::new_from_slice(data_key).unwrap(),
            C::new_from_slice(tweak_key).unwrap(),
        );
        if encrypt {
            xts.encrypt_area(data, sector, index, get_tweak_default);
        } else {
            xts.decrypt_area(data, sector, index, get_tweak_default);
        }
    }
    match key.len() {
        32 => run::<aes::Aes128>(key, encrypt, index, sector, data),
        _ => run::<aes::Aes256>(key, encrypt, index, sector, data),
    }
}

proptest! {
    #[test]
    fn ecb_decrypts_what_it_encrypts(key in key_bytes(), data in blocks(200)) {
        let key = Key::new(&key).unwrap();
        let mut copy = data.clone();
        ecb(&key, Encrypt, &mut copy).unwrap();
        let mut by_block = data.clone();
        for block in by_block.as_chunks_mut::<16>().0 {
            key.encrypt_block(block);
        }
        prop_assert_eq!(&copy, &by_block);
        ecb(&key, Decrypt, &mut copy).unwrap();
        prop_assert_eq!(copy, data);
    }

    #[test]
    fn cbc_resumes_from_its_context(
        key in key_bytes(),
        iv in any::<[u8; 16]>(),
        data in blocks(200),
        cuts in vec(0_usize..90, 0..5),
    ) {
        let key = Key::new(&key).unwrap();
        let (mut whole, mut whole_iv) = (data.clone(), iv);
        cbc(&key, Encrypt, &mut whole_iv, &mut whole).unwrap();

        let (mut apart, mut apart_iv) = (data.clone(), iv);
        for piece in pieces(&mut apart, &cuts, 16) {
            cbc(&key, Encrypt, &mut apart_iv, piece).unwrap();
        }
        prop_assert_eq!((&apart, apart_iv), (&whole, whole_iv));

        apart_iv = iv;
        for piece in pieces(&mut apart, &cuts, 16) {
            cbc(&key, Decrypt, &mut apart_iv, piece).unwrap();
        }
        prop_assert_eq!((&apart, apart_iv), (&data, whole_iv));

        let mut whole_iv = iv;
        cbc(&key, Decrypt, &mut whole_iv, &mut whole).unwrap();
        prop_assert_eq!((&whole, whole_iv), (&data, apart_iv));
    }

    #[test]
    fn ctr_resumes_from_its_context(
        key in key_bytes(),
        counter in any::<[u8; 16]>(),
        data in vec(any::<u8>(), 0..4000),
        cuts in vec(0_usize..90, 0..5),
    ) {
        let key = Key::new(&key).unwrap();
        let (mut whole, mut whole_counter) = (data.clone(), counter);
        ctr(&key, &mut whole_counter, &mut whole);
        let blocks = data.len().div_ceil(16) as u128;
        prop_assert_eq!(
            whole_counter,
            u128::from_be_bytes(counter).wrapping_add(blocks).to_be_bytes()
        );

        let (mut apart, mut apart_counter) = (data.clone(), counter);
        for piece in pieces(&mut apart, &cuts, 16) {
            ctr(&key, &mut apart_counter, piece);
        }
        prop_assert_eq!((&apart, apart_counter), (&whole, whole_counter));

        let mut again = counter;
        ctr(&key, &mut again, &mut whole);
        prop_assert_eq!(whole, data);
    }

    #[test]
    fn xts_agrees_with_another_implementation_and_in_pieces(
        key in xts_key_bytes(),
        index in any::<[u8; 16]>(),
        data in vec(any::<u8>(), 16..5000),
        sector in select(vec![0_usize, 16, 32, 48, 512, 528, 1040, 4096, 0x8000]),
        cuts in vec(0_usize..90, 0..5),
    ) {
        // The reference counts sectors without wrapping.
        let index = u128::from_le_bytes(index) >> 1;
        let mut data = data;
        let unit = if sector == 0 { data.len() } else { sector };
        if data.len() > unit && !data.len().is_multiple_of(unit) && data.len() % unit < 16 {
            // Its last data unit would be too short for either.
            let len = data.len() / unit * unit;
            data.truncate(len);
        }
        let start = |direction| {
            Xts::new(&key, direction, index.to_le_bytes(), sector as u64).unwrap()
        };
        let mut expected = data.clone();
        reference_xts(&key, true, index, unit, &mut expected);
        let next = (index + data.len().div_ceil(unit) as u128).to_le_bytes();

        let mut whole = data.clone();
        let mut xts = start(Encrypt);
        xts.finish(&mut whole).unwrap();
        prop_assert_eq!(&whole, &expected);
        prop_assert_eq!(xts.tweak_index(), next);

        let mut apart = data.clone();
        for (direction, result) in [(Encrypt, &expected), (Decrypt, &data)] {
            let mut xts = start(direction);
            // All but the last 17 to 32 bytes may go ahead in pieces.
            let ahead = (data.len().div_ceil(16) - 1).saturating_sub(1) * 16;
            let (body, end) = apart.split_at_mut(ahead);
            for piece in pieces(body, &cuts, 16) {
                xts.process(piece).unwrap();
            }
            xts.finish(end).unwrap();
            prop_assert_eq!(&apart, result);
            prop_assert_eq!(xts.tweak_index(), next);
        }
    }

    #[test]
    fn gcm_in_pieces_is_gcm_in_one(
        key in key_bytes(),
        iv in vec(any::<u8>(), 1..40),
        aad in vec(any::<u8>(), 0..200),
        data in vec(any::<u8>(), 0..9000),
        cuts in vec(0_usize..3000, 0..5),
        flip in any::<proptest::sample::Index>(),
    ) {
        let mut whole = data.clone();
        let tag = gcm(&key, &iv, &aad, Encrypt, &mut whole, usize::MAX);

        let expanded = Key::new(&key).unwrap();
        let mut apart = data.clone();
        for direction in [Encrypt, Decrypt] {
            let mut gcm = Gcm::new(&expanded);
            for piece in pieces(&mut iv.clone(), &cuts, 1) {
                gcm.iv(piece).unwrap();
            }
            for piece in pieces(&mut aad.clone(), &cuts, 1) {
                gcm.aad(piece).unwrap();
            }
            for piece in pieces(&mut apart, &cuts, 1) {
                gcm.crypt(direction, piece).unwrap();
            }
            prop_assert_eq!(gcm.tag(), tag);
            prop_assert_eq!(&apart, if direction == Encrypt { &whole } else { &data });
        }

        if !whole.is_empty() {
            let at = flip.index(whole.len() * 8);
            whole[at / 8] ^= 1 << (at % 8);
            let other = gcm(&key, &iv, &aad, Decrypt, &mut whole, usize::MAX);
            prop_assert!(!tags_equal(&other, &tag));
        }
    }

    #[test]
    fn ccm_in_pieces_is_ccm_in_one(
        key in key_bytes(),
        nonce in vec(any::<u8>(), 7..=13),
        aad in vec(any::<u8>(), 0..100),
        data in vec(any::<u8>(), 0..300),
        piece in 1_usize..100,
    ) {
        let (mut whole, mut apart) = (data.clone(), data.clone());
        let tag = ccm(&key, &nonce, &aad, Encrypt, &mut whole, (16, usize::MAX));
        let other = ccm(&key, &nonce, &aad, Encrypt, &mut apart, (16, piece));
        prop_assert_eq!((&apart, &other), (&whole, &tag));
        let other = ccm(&key, &nonce, &aad, Decrypt, &mut apart, (16, piece));
        prop_assert_eq!((&apart, &other), (&data, &tag));
    }

    #[test]
    fn cmac_resumes_from_its_context(
        key in key_bytes(),
        data in vec(any::<u8>(), 1..1000),
        cuts in vec(0_usize..20, 0..5),
    ) {
        let key = Key::new(&key).unwrap();
        let mut whole = cmac::init(&key);
        cmac::finish(&key, &mut whole, &data);

        let mut data = data;
        let ahead = (data.len() - 1) / 16 * 16;
        let (body, last) = data.split_at_mut(ahead);
        let mut apart = cmac::init(&key);
        for piece in pieces(body, &cuts, 16) {
            cmac::update(&key, &mut apart, piece).unwrap();
        }
        cmac::finish(&key, &mut apart, last);
        prop_assert_eq!(apart, whole);
    }
}
