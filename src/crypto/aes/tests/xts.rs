//! XTS against published vectors; sectors, pieces, and what it refuses.

use super::xts_vectors::{IEEE_1619, IEEE_1619_SECTOR, NIST, Vector};
use super::{hex, known_answers};
use crate::crypto::aes::{Xts, XtsError, XtsKey};
use crate::crypto::{DataSizeError, Direction, KeySizeError};

/// The size Linux gives: large enough to be one sector for all that it encrypts.
const LINUX_SECTOR: u64 = 0x8000;

known_answers! {
    ieee_1619: check(IEEE_1619);
    ieee_1619_sector: check_sector(IEEE_1619_SECTOR);
    nist: check(NIST);
}

fn check(v: &Vector) {
    check_unit(&hex(v.key), &hex(v.index), &hex(v.plaintext), &hex(v.ciphertext));
}

fn check_sector(v: &Vector) {
    let plaintext: Vec<u8> = (0..=255).chain(0..=255).collect();
    check_unit(&hex(v.key), &hex(v.index), &plaintext, &hex(v.ciphertext));
}

/// One data unit, both ways, with each sector size that makes it a single one.
fn check_unit(key: &[u8], index: &[u8], plaintext: &[u8], ciphertext: &[u8]) {
    let mut tweak = [0; 16];
    tweak[..index.len()].copy_from_slice(index);
    for sector_size in [0, LINUX_SECTOR, plaintext.len().next_multiple_of(16) as u64] {
        let mut data = plaintext.to_vec();
        let mut xts = Xts::new(key, Direction::Encrypt, tweak, sector_size).unwrap();
        xts.finish(&mut data).unwrap();
        assert_eq!(data, ciphertext, "sector size {sector_size}");
        let mut xts = Xts::new(key, Direction::Decrypt, tweak, sector_size).unwrap();
        xts.finish(&mut data).unwrap();
        assert_eq!(data, plaintext, "sector size {sector_size}");
        assert_eq!(xts.tweak_index(), plus_one(tweak));
    }
}

fn plus_one(tweak: [u8; 16]) -> [u8; 16] {
    (u128::from_le_bytes(tweak).wrapping_add(1)).to_le_bytes()
}

fn encrypt(index: u128, sector_size: u64, data: &mut [u8]) -> [u8; 16] {
    let mut xts =
        Xts::new(&[0x3c; 64], Direction::Encrypt, index.to_le_bytes(), sector_size).unwrap();
    xts.finish(data).unwrap();
    xts.tweak_index()
}

#[test]
fn every_sector_starts_over_with_the_next_index() {
    // The index carries out of its low 8 bytes between the first sector and the second.
    let index = u128::from(u64::MAX);
    for sector in [32, 48, 512, 4096] {
        for len in [sector, 2 * sector, 2 * sector + 16, 3 * sector + 31] {
            let mut together = vec![0x77; len];
            let mut apart = together.clone();
            let next = encrypt(index, sector as u64, &mut together);
            let mut expected_next = index;
            for unit in apart.chunks_mut(sector) {
                encrypt(expected_next, 0, unit);
                expected_next += 1;
            }
            assert_eq!(together, apart, "{len} bytes in sectors of {sector}");
            assert_eq!(next, expected_next.to_le_bytes(), "{len} bytes in sectors of {sector}");
        }
    }
}

#[test]
fn pieces_make_the_same_sector() {
    let whole = {
        let mut data = vec![1; 4096 + 21];
        encrypt(9, LINUX_SECTOR, &mut data);
        data
    };
    let mut data = vec![1; 4096 + 21];
    let mut xts =
        Xts::new(&[0x3c; 64], Direction::Encrypt, 9_u128.to_le_bytes(), LINUX_SECTOR).unwrap();
    let (mut rest, mut size) = (&mut data[..], 0);
    while rest.len() >= size + 37 {
        let (piece, after) = rest.split_at_mut(size);
        xts.process(piece).unwrap();
        assert_eq!(xts.tweak_index(), 9_u128.to_le_bytes());
        (rest, size) = (after, size + 16);
    }
    xts.finish(rest).unwrap();
    assert_eq!(data, whole);
}

#[test]
fn an_empty_last_piece_closes_the_message() {
    let key = XtsKey::new(&[5; 32]).unwrap();
    let mut xts = Xts::with_key(&key, Direction::Encrypt, [0; 16], LINUX_SECTOR).unwrap();
    xts.process(&mut [0; 64]).unwrap();
    xts.finish(&mut []).unwrap();
    assert_eq!(xts.tweak_index(), 1_u128.to_le_bytes());
}

#[test]
fn short_data_units_are_refused_and_left_alone() {
    let mut data: Vec<u8> = (0..=255).collect();
    let fresh = |sector_size| Xts::new(&[9; 32], Direction::Encrypt, [0; 16], sector_size).unwrap();
    for len in 0..16 {
        let error = Err(DataSizeError::ShortUnit(len));
        assert_eq!(fresh(LINUX_SECTOR).finish(&mut data[..len]), error);
        assert_eq!(fresh(0).finish(&mut data[..len]), error);
        if len != 0 {
            // A full sector, then less than a block of the next.
            assert_eq!(fresh(64).finish(&mut data[..64 + len]), error);
            assert_eq!(fresh(16).finish(&mut data[..16 + len]), error);
            assert_eq!(fresh(0).process(&mut data[..len]), Err(DataSizeError::PartialBlock(len)));
        }
    }
    assert_eq!(data, (0..=255).collect::<Vec<u8>>());
}

#[test]
fn a_sector_that_fills_up_in_an_earlier_piece_leaves_nothing_to_steal_from() {
    let mut xts = Xts::new(&[9; 32], Direction::Encrypt, [0; 16], 64).unwrap();
    xts.process(&mut [0; 32]).unwrap();
    assert_eq!(xts.finish(&mut [0; 37]), Err(DataSizeError::ShortUnit(5)));
    xts.finish(&mut [0; 21]).unwrap();
}

#[test]
fn unusable_parameters_are_refused() {
    for len in (0..=80).filter(|len| ![32, 64].contains(len)) {
        let error = KeySizeError::Xts(len);
        assert_eq!(XtsKey::new(&vec![0; len]).unwrap_err(), error);
        let xts = Xts::new(&vec![0; len], Direction::Encrypt, [0; 16], 512);
        assert_eq!(xts.unwrap_err(), XtsError::KeySize(error));
    }
    for size in [1, 15, 17, 520, u64::MAX] {
        let xts = Xts::new(&[0; 32], Direction::Decrypt, [0; 16], size);
        let error = DataSizeError::SectorSize(size);
        assert_eq!(xts.unwrap_err(), XtsError::SectorSize(error));
    }
}

#[test]
fn debug_shows_no_key_and_no_tweak() {
    let mut xts = Xts::new(&[0xee; 32], Direction::Encrypt, [0; 16], 512).unwrap();
    xts.process(&mut [0; 16]).unwrap();
    let text = format!("{xts:?}");
    assert!(text.contains("XtsKey(AES-128, ..)") && !text.contains("tweak"), "{text}");
}

#[test]
fn the_index_and_a_sector_of_any_size_wrap_quietly() {
    let mut data = [0; 48];
    assert_eq!(encrypt(u128::MAX, 16, &mut data), 2_u128.to_le_bytes());
    encrypt(0, u64::MAX - 15, &mut data);
}
