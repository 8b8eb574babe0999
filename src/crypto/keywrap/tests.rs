//! Round trips, refusals, and answers of another implementation (OpenSSL's AES, put together as
//! the documentation of [`super::black`] and [`super::blob`] has it), so that what is stored in
//! blobs today opens tomorrow.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::black::{Encryption, Encryption::Ccm, Encryption::Ecb, unwrap, wrap};
use super::blob::{
    BlackKey, Kind, OVERHEAD, decapsulate, decapsulate_black, encapsulate, encapsulate_black,
    modifier,
};
use super::{MasterKey, WrapError, black, blob};
use crate::crypto::testing::{hex, known_answers};

/// 32 bytes that count up from `first`.
fn counting(first: u8) -> [u8; 32] {
    std::array::from_fn(|i| first + i as u8)
}

#[derive(Debug)]
struct Wrapped {
    encryption: Encryption,
    wrapped: &'static str,
}

/// A key of 20 bytes that count up from 0x80, with a KEK from 0.
const WRAPPED: &[Wrapped] = &[
    Wrapped {
        encryption: Ecb,
        wrapped: "
    b0b0f57bcb97b783a1538ff78e9a68c2 dd15ac30230ad52fc564dde73bd7c71f",
    },
    Wrapped {
        encryption: Ccm,
        wrapped: "
    a0a1a2a3a4a5865f3eefc483b662afe1 5073d10e314999f1e0b36bf7af1abf8b
    94bb5b66",
    },
];

fn black_key(vector: &Wrapped) {
    let (kek, key) = (counting(0), &counting(0x80)[..20]);
    let nonce = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5];
    let expected = hex(vector.wrapped);
    assert_eq!(wrap(&kek, vector.encryption, key, nonce).unwrap(), expected);
    assert_eq!(*unwrap(&kek, vector.encryption, &expected, 20).unwrap(), key);
}

#[derive(Debug)]
struct Encapsulated {
    kind: Kind,
    blob: &'static str,
}

/// [`DATA`] with a blob key that counts up from 0xc0 and a master key from 0x40.
const BLOBS: &[Encapsulated] = &[
    Encapsulated {
        kind: Kind::Red,
        blob: "
        100bb6139e4adee413395731fcd5b200 f5e5f47b5021ca714c98effc19b6709a
        3f5e0db8df090cd491325e180e4834c5 abfc94c64162d1b433638604364974a2
        77f2d4",
    },
    Encapsulated {
        kind: Kind::Black(Ecb),
        blob: "
        24cac18e4b3c86d289517adda42a64bc b0a8d95631c28a89d0b16723a7391578
        3f5e0db8df090cd491325e180e4834c5 abfc94c64162d1b433638604364974a2
        77f2d4",
    },
    Encapsulated {
        kind: Kind::Black(Ccm),
        blob: "
        2ce92927db45f0d798e02e120f2a4635 ddfba04bfa6edda423acf15064ec43f9
        3f5e0db8df090cd491325e180e4834c5 abfc94c64162d1b433638604364974a2
        77f2d4",
    },
];

/// The key modifier of Linux' trusted keys.
const MODIFIER: &[u8] = b"SECURE_KEY";
const DATA: &[u8] = b"caam-emu keeps this";

fn stored_blob(vector: &Encapsulated) {
    let (master, modifier) = (MasterKey::new(counting(0x40)), modifier(MODIFIER).unwrap());
    let expected = hex(vector.blob);
    let blob = encapsulate(&master, vector.kind, &modifier, DATA, &counting(0xc0)).unwrap();
    assert_eq!(blob, expected);
    assert_eq!(*decapsulate(&master, vector.kind, &modifier, &expected).unwrap(), DATA);
}

known_answers! {
    black_keys_stay_what_they_are: black_key(WRAPPED);
    blobs_stay_what_they_are: stored_blob(BLOBS);
}

/// [`DATA`] sealed by an instance with seed 5.
const OF_SEED_5: &str = "
    a1159df76a28472b7f5e6f8c68189238 414a438bf97f5b83eef795bd060ee9e8
    3f5e0db8df090cd491325e180e4834c5 abfc94c64162d1b433638604364974a2
    77f2d4";

#[test]
fn the_seed_is_what_counts_after_a_reboot() {
    let modifier = modifier(MODIFIER).unwrap();
    let open =
        |seed| decapsulate(&MasterKey::from_seed(seed), Kind::Red, &modifier, &hex(OF_SEED_5));
    assert_eq!(*open(5).unwrap(), DATA);
    assert_eq!(open(6), Err(WrapError::Integrity));
    let random = MasterKey::from_source(&mut crate::crypto::rng::Os).unwrap();
    let error = decapsulate(&random, Kind::Red, &modifier, &hex(OF_SEED_5));
    assert_eq!(error, Err(WrapError::Integrity));
}

#[test]
fn sizes_in_memory() {
    let table = [(1, 16, 20), (8, 16, 20), (9, 16, 28), (16, 16, 28), (17, 32, 36)];
    let table = table.into_iter().chain([(32, 32, 44), (40, 48, 52), (128, 128, 140)]);
    for (length, ecb, ccm) in table {
        assert_eq!(Ecb.wrapped_length(length), ecb, "{length}");
        assert_eq!(Ccm.wrapped_length(length), ccm, "{length}");
    }
}

#[test]
fn wrong_lengths_are_refused() {
    let kek = counting(1);
    for encryption in [Ecb, Ccm] {
        for length in [0, black::MAX + 1] {
            let error = Err(WrapError::Size(length));
            assert_eq!(wrap(&kek, encryption, &vec![0; length], [0; 6]), error);
            assert_eq!(
                unwrap(&kek, encryption, &vec![0; length], length).map(drop),
                error.map(drop)
            );
        }
        let mut wrapped = wrap(&kek, encryption, &[7; 24], [0; 6]).unwrap();
        wrapped.push(0);
        let error = Err(WrapError::Size(wrapped.len()));
        assert_eq!(unwrap(&kek, encryption, &wrapped, 24), error);
        assert_eq!(unwrap(&kek, encryption, &wrapped[..2], 24), Err(WrapError::Size(2)));
    }
    let master = MasterKey::from_seed(0);
    for length in [0, OVERHEAD - 1, blob::MAX + OVERHEAD + 1] {
        let error = Err(WrapError::Size(length));
        assert_eq!(decapsulate(&master, Kind::Red, &[0; 16], &vec![0; length]), error);
    }
    let long = vec![0; blob::MAX + 1];
    let error = Err(WrapError::Size(long.len()));
    assert_eq!(encapsulate(&master, Kind::Red, &[0; 16], &long, &kek), error);
    assert!(encapsulate(&master, Kind::Red, &[0; 16], &long[1..], &kek).is_ok());
}

#[test]
fn modifiers_end_in_zeros() {
    assert_eq!(modifier(&[]), Some([0; 16]));
    assert_eq!(&modifier(MODIFIER).unwrap(), b"SECURE_KEY\0\0\0\0\0\0");
    assert_eq!(modifier(&[9; 16]), Some([9; 16]));
    assert_eq!(modifier(&[9; 17]), None);
}

#[test]
fn another_kek_gives_garbage_or_an_error() {
    let key = counting(3);
    let [mine, other] = [counting(10), counting(11)];
    let wrapped = wrap(&mine, Ecb, &key, [0; 6]).unwrap();
    assert_ne!(*unwrap(&other, Ecb, &wrapped, 32).unwrap(), key);
    let wrapped = wrap(&mine, Ccm, &key, [0; 6]).unwrap();
    assert_eq!(unwrap(&other, Ccm, &wrapped, 32), Err(WrapError::Integrity));
    assert_eq!(unwrap(&mine, Ccm, &wrapped, 31), Err(WrapError::Integrity), "another length");
}

#[test]
fn black_blobs_survive_the_kek() {
    let (master, modifier) = (MasterKey::from_seed(9), modifier(b"app").unwrap());
    let key = &counting(0x55)[..24];
    let [before, after] = [counting(1), counting(2)];
    for encryption in [Ecb, Ccm] {
        let parameters = |kek| BlackKey { kek, encryption, length: key.len() };
        let black = wrap(&before, encryption, key, [1; 6]).unwrap();
        let blob_key = counting(0x77);
        let blob =
            encapsulate_black(&master, &modifier, parameters(&before), &black, &blob_key).unwrap();
        assert_eq!(blob.len(), key.len() + OVERHEAD);
        let again =
            decapsulate_black(&master, &modifier, parameters(&after), &blob, [2; 6]).unwrap();
        assert_eq!(*unwrap(&after, encryption, &again, key.len()).unwrap(), key);
        // Not as something else.
        for kind in [Kind::Red, Kind::Black(if encryption == Ecb { Ccm } else { Ecb })] {
            let opened = decapsulate(&master, kind, &modifier, &blob);
            assert_eq!(opened, Err(WrapError::Integrity), "{kind:?}");
        }
        let short = BlackKey { length: 16, ..parameters(&after) };
        let opened = decapsulate_black(&master, &modifier, short, &blob, [2; 6]);
        assert_eq!(opened, Err(WrapError::Size(blob.len())));
    }
    let stolen = wrap(&before, Ccm, key, [1; 6]).unwrap();
    let elsewhere = BlackKey { kek: &after, encryption: Ccm, length: key.len() };
    let blob = encapsulate_black(&master, &modifier, elsewhere, &stolen, &[0; 32]);
    assert_eq!(blob, Err(WrapError::Integrity));
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", MasterKey::from_seed(1)), "MasterKey(..)");
}

fn kinds() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Red, Kind::Black(Ecb), Kind::Black(Ccm)])
}

proptest! {
    #[test]
    fn black_keys_come_back(
        kek: [u8; 32],
        encryption in select(vec![Ecb, Ccm]),
        key in vec(any::<u8>(), 1..=black::MAX),
        nonce: [u8; 6],
    ) {
        let wrapped = wrap(&kek, encryption, &key, nonce).unwrap();
        prop_assert_eq!(wrapped.len(), encryption.wrapped_length(key.len()));
        prop_assert_eq!(&*unwrap(&kek, encryption, &wrapped, key.len()).unwrap(), &key);
    }

    #[test]
    fn no_bit_of_a_ccm_key_can_be_changed(
        kek: [u8; 32],
        key in vec(any::<u8>(), 1..64_usize),
        nonce: [u8; 6],
        bit: proptest::sample::Index,
    ) {
        let mut wrapped = wrap(&kek, Ccm, &key, nonce).unwrap();
        let bit = bit.index(wrapped.len() * 8);
        wrapped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(unwrap(&kek, Ccm, &wrapped, key.len()), Err(WrapError::Integrity));
    }

    #[test]
    fn blobs_open_and_cannot_be_changed(
        master: [u8; 32],
        kind in kinds(),
        modifier: [u8; 16],
        data in vec(any::<u8>(), 0..200_usize),
        blob_key: [u8; 32],
        bit: proptest::sample::Index,
    ) {
        let key = MasterKey::new(master);
        let mut blob = encapsulate(&key, kind, &modifier, &data, &blob_key).unwrap();
        prop_assert_eq!(blob.len(), data.len() + OVERHEAD);
        prop_assert_eq!(&*decapsulate(&key, kind, &modifier, &blob).unwrap(), &data);
        let bit = bit.index(blob.len() * 8);
        blob[bit / 8] ^= 1 << (bit % 8);
        let refused = Err(WrapError::Integrity);
        prop_assert_eq!(decapsulate(&key, kind, &modifier, &blob), refused.clone());
        blob[bit / 8] ^= 1 << (bit % 8);
        let mut other = modifier;
        other[bit / 8 % 16] ^= 1 << (bit % 8);
        prop_assert_eq!(decapsulate(&key, kind, &other, &blob), refused.clone());
        let mut other = master;
        other[bit / 8 % 32] ^= 1 << (bit % 8);
        prop_assert_eq!(decapsulate(&MasterKey::new(other), kind, &modifier, &blob), refused);
    }
}
