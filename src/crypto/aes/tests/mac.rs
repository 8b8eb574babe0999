//! CMAC and XCBC-MAC against published vectors, cut at every block.

use super::mac_vectors::{CMAC, Vector, XCBC};
use super::{hex, known_answers};
use crate::crypto::aes::{Key, cmac, xcbc};
use crate::crypto::{DataSizeError, KeySizeError};

known_answers! {
    cmac_known_answers: check_cmac(CMAC);
    xcbc_known_answers: check_xcbc(XCBC);
}

/// Ways to cut a message: how many whole blocks go ahead, with at least a byte left.
fn cuts(message: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    (0..=message.len().saturating_sub(1) / 16).map(|blocks| message.split_at(blocks * 16))
}

fn check_cmac(v: &Vector) {
    let (key, message) = (Key::new(&hex(v.key)).unwrap(), hex(v.message));
    for (ahead, last) in cuts(&message) {
        let mut context = cmac::init(&key);
        cmac::update(&key, &mut context, ahead).unwrap();
        cmac::finish(&key, &mut context, last);
        assert_eq!(context[..16], hex(v.mac), "{} bytes ahead", ahead.len());
    }
}

fn check_xcbc(v: &Vector) {
    let message = hex(v.message);
    for (ahead, last) in cuts(&message) {
        let xcbc::Init { k1, mut context } = xcbc::init(&hex(v.key)).unwrap();
        let k1 = Key::new(&*k1).unwrap();
        xcbc::update(&k1, &mut context, ahead).unwrap();
        xcbc::finish(&k1, &mut context, last);
        assert_eq!(context[..16], hex(v.mac), "{} bytes ahead", ahead.len());
    }
}

#[test]
fn partial_blocks_and_other_keys_are_refused() {
    let key = Key::new(&[1; 16]).unwrap();
    let mut context = cmac::init(&key);
    let before = context;
    assert_eq!(cmac::update(&key, &mut context, &[0; 17]), Err(DataSizeError::PartialBlock(17)));
    assert_eq!(context, before);
    let mut context = [7; xcbc::CONTEXT];
    assert_eq!(xcbc::update(&key, &mut context, &[0; 15]), Err(DataSizeError::PartialBlock(15)));
    assert_eq!(context, [7; xcbc::CONTEXT]);
    assert_eq!(xcbc::init(&[0; 24]).err(), Some(KeySizeError::Xcbc(24)));
}
