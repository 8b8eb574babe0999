//! The vectors of RFC 8439 (those of RFC 7539), and what is refused.

use crate::crypto::chacha::{ChaCha20, ChaCha20Poly1305, Key, KeySizeError, Poly1305};
use crate::crypto::testing::{hex, hex_array, known_answers};
use crate::crypto::{AeadError, AeadInput, Direction};

/// A message under the stream cipher, with the IV as RFC 8439 and Linux have it.
#[derive(Debug)]
struct Stream {
    key: &'static str,
    counter: u32,
    nonce: &'static str,
    plaintext: &'static str,
    ciphertext: &'static str,
}

const SUNSCREEN: &str = "Ladies and Gentlemen of the class of '99: \
    If I could offer you only one tip for the future, sunscreen would be it.";

const JABBERWOCKY: &str = "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\n\
    All mimsy were the borogoves,\nAnd the mome raths outgrabe.";

const ZEROS: &str = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Sections 2.3.2 and 2.4.2, appendix A.1 vectors 1 and 2, appendix A.2 vector 3.
const STREAM: &[Stream] = &[
    Stream {
        key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        counter: 1,
        nonce: "000000090000004a00000000",
        plaintext: ZEROS,
        ciphertext: "
            10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e
            d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
    },
    Stream {
        key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        counter: 1,
        nonce: "000000000000004a00000000",
        plaintext: SUNSCREEN,
        ciphertext: "
            6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b
            f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8
            07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736
            5af90bbf74a35be6b40b8eedf2785e42874d",
    },
    Stream {
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        counter: 0,
        nonce: "000000000000000000000000",
        plaintext: ZEROS,
        ciphertext: "
            76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7
            da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
    },
    Stream {
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        counter: 1,
        nonce: "000000000000000000000000",
        plaintext: ZEROS,
        ciphertext: "
            9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed
            29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
    },
    Stream {
        key: "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
        counter: 42,
        nonce: "000000000000000000000002",
        plaintext: JABBERWOCKY,
        ciphertext: "
            62e6347f95ed87a45ffae7426f27a1df5fb69110044c0d73118effa95b01e5cf
            166d3df2d721caf9b21e5fb14c616871fd84c54f9d65b283196c7fe4f60553eb
            f39c6402c42234e32a356b3e764312a61a5532055716ead6962568f87d3f3f77
            04c6a8d1bcd1bf4d50d6154b6da731b187b58dfd728afa36757a797ac188d1",
    },
];

/// A message under Poly1305, in hexadecimal.
#[derive(Debug)]
struct Mac {
    key: &'static str,
    message: &'static str,
    tag: &'static str,
}

/// Section 2.5.2, and appendix A.3 vectors 1, 7 and 8: sums that reach or pass 2^130 - 5 or 2^128.
const POLY1305: &[Mac] = &[
    Mac {
        key: "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
        message: "
            43727970746f6772617068696320466f72756d2052657365617263682047726f7570",
        tag: "a8061dc1305136c6c22b8baf0c0127a9",
    },
    Mac {
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        message: "00000000000000000000000000000000000000000000000000000000000000000000",
        tag: "00000000000000000000000000000000",
    },
    Mac {
        key: "0200000000000000000000000000000000000000000000000000000000000000",
        message: "ffffffffffffffffffffffffffffffff",
        tag: "03000000000000000000000000000000",
    },
    Mac {
        key: "02000000000000000000000000000000ffffffffffffffffffffffffffffffff",
        message: "02000000000000000000000000000000",
        tag: "03000000000000000000000000000000",
    },
];

known_answers! {
    stream: check_stream(STREAM);
    poly1305: check_mac(POLY1305);
}

fn check_stream(v: &Stream) {
    let key = Key::new(&hex(v.key)).unwrap();
    let nonce: [u8; 12] = hex_array(v.nonce);
    let mut data = v.plaintext.as_bytes().to_vec();
    let mut cipher = ChaCha20::with_counter(&key, &nonce, v.counter);
    let mut iv = [v.counter.to_le_bytes().as_slice(), &nonce].concat();
    assert_eq!(cipher.iv(), *iv);
    cipher.apply(&mut data);
    assert_eq!(data, hex(v.ciphertext));
    ChaCha20::new(&key, iv.as_slice().try_into().unwrap()).apply(&mut data);
    assert_eq!(data, v.plaintext.as_bytes());
    iv[0] += u8::try_from(data.len().div_ceil(64)).unwrap();
    assert_eq!(cipher.iv(), *iv, "the next whole block");
}

fn check_mac(v: &Mac) {
    let mut mac = Poly1305::new(&Key::new(&hex(v.key)).unwrap());
    mac.update(&hex(v.message));
    assert_eq!(mac.finalize().as_slice(), hex(v.tag));
}

/// RFC 8439, section 2.8.2.
#[test]
fn aead() {
    let key: Vec<u8> = (0x80..=0x9f).collect();
    let key = Key::new(&key).unwrap();
    let start = || {
        let mut aead = ChaCha20Poly1305::new(&key, &hex_array("070000004041424344454647"));
        aead.aad(&hex("50515253c0c1c2c3c4c5c6c7")).unwrap();
        aead
    };
    let mut data = SUNSCREEN.as_bytes().to_vec();
    let mut aead = start();
    aead.crypt(Direction::Encrypt, &mut data).unwrap();
    let tag: [u8; 16] = hex_array("1ae10b594f09e26a7e902ecbd0600691");
    assert_eq!(aead.tag(), tag);
    assert_eq!(aead.tag(), tag, "asked again");
    let ciphertext = hex("
        d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
        3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
        92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
        3ff4def08e4b7a9de576d26586cec64b6116");
    assert_eq!(data, ciphertext);
    let mut aead = start();
    aead.crypt(Direction::Decrypt, &mut data).unwrap();
    assert_eq!(aead.tag(), tag);
    assert_eq!(data, SUNSCREEN.as_bytes());
}

#[test]
fn counter_wraps_and_leaves_the_nonce_alone() {
    let key = Key::new(&[7; 32]).unwrap();
    let nonce = [0xff; 12];
    // Enough blocks on either side for every width of vector.
    let (before, after) = (37, 41);
    let mut whole = vec![0; (before + after) * 64];
    let mut cipher = ChaCha20::with_counter(&key, &nonce, 0_u32.wrapping_sub(37));
    cipher.apply(&mut whole);
    assert_eq!(cipher.iv()[..4], 41_u32.to_le_bytes());
    assert_eq!(cipher.iv()[4..], nonce);
    for (n, block) in whole.chunks(64).enumerate() {
        let counter = u32::try_from(n).unwrap().wrapping_sub(37);
        let mut single = [0; 64];
        ChaCha20::with_counter(&key, &nonce, counter).apply(&mut single);
        assert_eq!(block, single, "block {n}");
    }
}

#[test]
fn keys_of_other_sizes_are_refused() {
    for len in (0..66).filter(|&len| len != 32) {
        assert_eq!(Key::new(&vec![0; len]).unwrap_err(), KeySizeError(len));
    }
}

#[test]
fn input_out_of_sequence_is_refused() {
    let key = Key::new(&[1; 32]).unwrap();
    let mut aead = ChaCha20Poly1305::new(&key, &[2; 12]);
    aead.aad(b"a").unwrap();
    aead.crypt(Direction::Encrypt, &mut []).unwrap();
    assert_eq!(aead.aad(b"b"), Err(AeadError::Sequence(AeadInput::Aad)));
    let tag = aead.tag();
    let mut data = [3; 4];
    let error = Err(AeadError::Sequence(AeadInput::Text));
    assert_eq!(aead.crypt(Direction::Encrypt, &mut data), error);
    assert_eq!(aead.aad(b"b"), Err(AeadError::Sequence(AeadInput::Aad)));
    assert_eq!(data, [3; 4]);
    assert_eq!(aead.tag(), tag);
}

#[test]
fn debug_does_not_show_keys() {
    let key = Key::new(&[7; 32]).unwrap();
    assert_eq!(format!("{key:?}"), "Key(ChaCha20, ..)");
    let cipher = ChaCha20::new(&key, &[1; 16]);
    assert_eq!(format!("{cipher:?}"), "ChaCha20 { counter: 16843009, .. }");
    assert_eq!(format!("{:?}", Poly1305::new(&key)), "Poly1305(..)");
    let aead = ChaCha20Poly1305::new(&key, &[1; 12]);
    assert_eq!(format!("{aead:?}"), "ChaCha20Poly1305 { aad_bytes: 0, text_bytes: 0, .. }");
}
