//! GHASH by this processor's best way against the crate, and known answers.

use super::*;
use proptest::prelude::*;

/// The hash of pieces with a block of lengths that says nothing.
fn hash(key: &HashKey, pieces: &[&[u8]]) -> [u8; BLOCK] {
    let mut hash = Hash::new(key);
    for piece in pieces {
        hash.update(key, piece);
    }
    hash.finish(key, 0, 0)
}

#[test]
fn known_answer_either_way() {
    // NIST's GCM test case 2: H, one block of ciphertext, its length.
    let subkey = 0x66e9_4bd4_ef8a_2c3b_884c_fa59_ca34_2b2e_u128.to_be_bytes();
    let text = 0x0388_dace_60b6_a392_f328_c2b9_71b2_fe78_u128.to_be_bytes();
    for key in [HashKey::new(subkey), HashKey::plain(subkey)] {
        let mut hash = Hash::new(&key);
        hash.update(&key, &text);
        assert_eq!(
            hash.finish(&key, 0, 16),
            0xf38c_bb1a_d692_23dc_c345_7ae5_b6b0_f885_u128.to_be_bytes()
        );
    }
}

#[test]
fn a_finished_hash_begins_anew() {
    let key = HashKey::new([7; BLOCK]);
    let mut again = Hash::new(&key);
    again.update(&key, &[1; 100]);
    again.finish(&key, 0, 100);
    again.update(&key, &[2; 300]);
    assert_eq!(again.finish(&key, 0, 0), hash(&key, &[&[2; 300]]));
}

#[test]
fn extreme_keys_agree() {
    let data: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for subkey in [[0; BLOCK], [0xff; BLOCK], 1_u128.to_be_bytes(), (1_u128 << 127).to_be_bytes()] {
        for size in [0, 1, 15, 16, 17, 255, 256, 257, 1000] {
            let [best, plain] = [HashKey::new(subkey), HashKey::plain(subkey)]
                .map(|key| hash(&key, &[&data[..size]]));
            assert_eq!(best, plain, "{size} bytes under {subkey:02x?}");
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_the_crate_however_it_is_cut(
        subkey in any::<[u8; BLOCK]>(),
        data in prop::collection::vec(any::<u8>(), 0..2000),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len() + 1)).collect();
        cuts.push(0);
        cuts.push(data.len());
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &data[cut[0]..cut[1]]).collect();
        prop_assert_eq!(hash(&HashKey::new(subkey), &pieces), hash(&HashKey::plain(subkey), &[&data]));
    }
}
