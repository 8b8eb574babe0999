//! Engines against OpenSSL: data in pieces here, at once there.
//!
//! The input is a header - algorithm, key size, direction, sizes of the pieces, key, IV - and the
//! data.
#![no_main]

use caam_emu::crypto::Direction::{self, Decrypt, Encrypt};
use caam_emu::crypto::aes::{Ccm, Gcm, Key, Xts, cbc, cmac, ctr, ecb};
use caam_emu::crypto::{chacha, des, mdha};
use libfuzzer_sys::fuzz_target;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

const HEADER: usize = 4 + 64 + 16;

struct Input<'a> {
    size: u8,
    direction: Direction,
    piece: u8,
    key: &'a [u8],
    iv: [u8; 16],
    data: &'a [u8],
}

impl Input<'_> {
    fn aes_key(&self) -> &[u8] {
        &self.key[..[16, 24, 32][usize::from(self.size % 3)]]
    }

    /// The data in pieces of whole blocks; the last one takes the rest.
    fn in_blocks(&self, block: usize, mut f: impl FnMut(&mut [u8])) -> Vec<u8> {
        let mut out = self.data.to_vec();
        let whole = out.len() / block * block;
        out.truncate(whole);
        let size = (usize::from(self.piece) + 1) * block;
        out.chunks_mut(size).for_each(&mut f);
        out
    }

    fn in_bytes(&self, mut f: impl FnMut(&mut [u8])) -> Vec<u8> {
        let mut out = self.data.to_vec();
        out.chunks_mut(usize::from(self.piece) + 1).for_each(&mut f);
        out
    }
}

/// OpenSSL's result for a cipher without a tag.
fn theirs(name: &str, direction: Direction, key: &[u8], iv: Option<&[u8]>, data: &[u8]) -> Vec<u8> {
    let cipher = Cipher::fetch(None, name, None).expect(name);
    let mut ctx = CipherCtx::new().expect("a context");
    match direction {
        Encrypt => ctx.encrypt_init(Some(&cipher), Some(key), iv).expect(name),
        Decrypt => ctx.decrypt_init(Some(&cipher), Some(key), iv).expect(name),
    }
    ctx.set_padding(false);
    let mut out = Vec::new();
    ctx.cipher_update_vec(data, &mut out).expect(name);
    out
}

/// OpenSSL's text and tag.
fn theirs_aead(
    name: &str,
    input: &Input<'_>,
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    plain: &[u8],
) -> (Vec<u8>, [u8; 16]) {
    let cipher = Cipher::fetch(None, name, None).expect(name);
    let mut ctx = CipherCtx::new().expect("a context");
    let ccm = name.ends_with("CCM");
    ctx.encrypt_init(Some(&cipher), None, None).expect(name);
    ctx.set_iv_length(iv.len()).expect(name);
    if ccm {
        ctx.set_tag_length(16).expect(name);
    }
    ctx.encrypt_init(None, Some(key), Some(iv)).expect(name);
    if ccm {
        ctx.set_data_len(plain.len()).expect(name);
    }
    if !aad.is_empty() {
        ctx.cipher_update(aad, None).expect(name);
    }
    let mut out = Vec::new();
    if !plain.is_empty() || ccm {
        ctx.cipher_update_vec(plain, &mut out).expect(name);
    }
    ctx.cipher_final(&mut [0; 16]).expect(name);
    let mut tag = [0; 16];
    ctx.tag(&mut tag).expect(name);
    let _ = input;
    (out, tag)
}

fn aes(which: u8, input: &Input<'_>) {
    let (direction, bits) = (input.direction, input.aes_key().len() * 8);
    let key = Key::new(input.aes_key()).expect("a size that AES has");
    let mut iv = input.iv;
    let (name, ours) = match which {
        0 => ("ECB", input.in_blocks(16, |piece| ecb(&key, direction, piece).expect("blocks"))),
        1 => (
            "CBC",
            input.in_blocks(16, |piece| cbc(&key, direction, &mut iv, piece).expect("blocks")),
        ),
        // The context only holds whole counters.
        _ => ("CTR", input.in_blocks(16, |piece| ctr(&key, &mut iv, piece))),
    };
    let name = format!("AES-{bits}-{name}");
    let iv = (which != 0).then_some(&input.iv[..]);
    let data = &input.data[..ours.len()];
    assert_eq!(ours, theirs(&name, direction, input.aes_key(), iv, data), "{name}");
}

fn xts(input: &Input<'_>) {
    let key = &input.key[..[32, 64][usize::from(input.size & 1)]];
    // OpenSSL refuses equal halves; the hardware does not.
    if input.data.len() < 16 || key[..key.len() / 2] == key[key.len() / 2..] {
        return;
    }
    let mut xts = Xts::new(key, input.direction, input.iv, 0).expect("a size that XTS has");
    let mut ours = input.data.to_vec();
    // A partial block needs the block before it.
    let body = (ours.len() / 16 - 1) * 16;
    let (pieces, last) = ours.split_at_mut(body);
    for piece in pieces.chunks_mut((usize::from(input.piece) + 1) * 16) {
        xts.process(piece).expect("blocks");
    }
    xts.finish(last).expect("a block and less than another");
    let name = format!("AES-{}-XTS", key.len() * 4);
    assert_eq!(ours, theirs(&name, input.direction, key, Some(&input.iv), input.data), "{name}");
}

fn gcm(input: &Input<'_>) {
    let key = Key::new(input.aes_key()).expect("a size that AES has");
    let (aad, text) = input.data.split_at(usize::from(input.size).min(input.data.len()));
    let iv = &input.iv[..usize::from(input.piece % 16) + 1];
    let mut gcm = Gcm::new(&key);
    gcm.iv(iv).expect("first");
    aad.chunks(usize::from(input.piece) + 1).for_each(|piece| gcm.aad(piece).expect("second"));
    let mut ours = text.to_vec();
    for piece in ours.chunks_mut(usize::from(input.piece) + 1) {
        gcm.crypt(Encrypt, piece).expect("third");
    }
    let tag = gcm.tag();
    let name = format!("AES-{}-GCM", key.size() * 8);
    let theirs = theirs_aead(&name, input, input.aes_key(), iv, aad, text);
    assert_eq!((&ours, tag), (&theirs.0, theirs.1), "{name}");
    // and back
    let mut gcm = Gcm::new(&key);
    gcm.iv(iv).expect("first");
    gcm.aad(aad).expect("second");
    gcm.crypt(Decrypt, &mut ours).expect("third");
    assert_eq!((&ours[..], gcm.tag()), (text, tag), "{name}, decrypted");
}

fn ccm(input: &Input<'_>) {
    let key = Key::new(input.aes_key()).expect("a size that AES has");
    let (aad, text) = input.data.split_at(usize::from(input.size).min(input.data.len()));
    // A nonce of 11 bytes leaves four for the length (NIST SP 800-38C A.2.1).
    let nonce = &input.iv[..11];
    let mut b0 = [0; 16];
    b0[0] = u8::from(!aad.is_empty()) << 6 | 7 << 3 | 3;
    b0[1..12].copy_from_slice(nonce);
    b0[12..].copy_from_slice(&(text.len() as u32).to_be_bytes());
    let mut counter = [0; 16];
    counter[0] = 3;
    counter[1..12].copy_from_slice(nonce);
    let mut ccm = Ccm::new(&key, b0, counter);
    if !aad.is_empty() {
        ccm.aad(&(aad.len() as u16).to_be_bytes()).expect("first");
    }
    aad.chunks(usize::from(input.piece) + 1).for_each(|piece| ccm.aad(piece).expect("first"));
    let mut ours = text.to_vec();
    for piece in ours.chunks_mut(usize::from(input.piece) + 1) {
        ccm.crypt(Encrypt, piece).expect("second");
    }
    let name = format!("AES-{}-CCM", key.size() * 8);
    let theirs = theirs_aead(&name, input, input.aes_key(), nonce, aad, text);
    assert_eq!((ours, ccm.tag()), theirs, "{name}");
}

fn cmac_(input: &Input<'_>) {
    let key = Key::new(input.aes_key()).expect("a size that AES has");
    let mut context = cmac::init(&key);
    let body = input.data.len().saturating_sub(1) / 16 * 16;
    for piece in input.data[..body].chunks((usize::from(input.piece) + 1) * 16) {
        cmac::update(&key, &mut context, piece).expect("blocks");
    }
    cmac::finish(&key, &mut context, &input.data[body..]);
    let cipher = match key.size() {
        16 => openssl::symm::Cipher::aes_128_cbc(),
        24 => openssl::symm::Cipher::aes_192_cbc(),
        _ => openssl::symm::Cipher::aes_256_cbc(),
    };
    let theirs = PKey::cmac(&cipher, input.aes_key()).expect("a key");
    let mut signer = Signer::new_without_digest(&theirs).expect("CMAC");
    signer.update(input.data).expect("CMAC");
    assert_eq!(context[..16], signer.sign_to_vec().expect("CMAC"), "CMAC");
}

fn chacha_poly(input: &Input<'_>) {
    let (key_bytes, nonce) = (&input.key[..32], <[u8; 12]>::try_from(&input.iv[..12]).expect("12"));
    let (aad, text) = input.data.split_at(usize::from(input.size).min(input.data.len()));
    let key = chacha::Key::new(key_bytes).expect("32 bytes");
    let mut aead = chacha::ChaCha20Poly1305::new(&key, &nonce);
    aad.chunks(usize::from(input.piece) + 1).for_each(|piece| aead.aad(piece).expect("first"));
    let mut ours = text.to_vec();
    for piece in ours.chunks_mut(usize::from(input.piece) + 1) {
        aead.crypt(Encrypt, piece).expect("second");
    }
    let theirs = theirs_aead("ChaCha20-Poly1305", input, key_bytes, &nonce, aad, text);
    assert_eq!((ours, aead.tag()), theirs, "ChaCha20-Poly1305");
}

fn hash(input: &Input<'_>, keyed: bool) {
    let algorithm = mdha::Algorithm::ALL[usize::from(input.size) % 6];
    let digest = MessageDigest::from_name(algorithm.name()).expect(algorithm.name());
    if !keyed {
        let mut hasher = mdha::Hasher::new(algorithm);
        input.in_bytes(|piece| hasher.update(piece));
        let theirs = openssl::hash::hash(digest, input.data).expect("a hash");
        assert_eq!(hasher.finalize(), *theirs, "{}", algorithm.name());
        return;
    }
    let key = mdha::SplitKey::derive(algorithm, input.key);
    let mut mac = mdha::Hmac::new(&key);
    let mut blocks = 0;
    // Through the context register in mid-message, as the driver goes.
    for piece in input.data.chunks(algorithm.block_len()) {
        mac.update(piece);
        blocks += 1;
        if blocks % (usize::from(input.piece) + 1) == 0 && piece.len() == algorithm.block_len() {
            let context = mac.export().expect("between two blocks");
            mac = mdha::Hmac::import(&key, &context).expect("what was exported");
        }
    }
    let theirs = PKey::hmac(input.key).expect("a key");
    let mut signer = Signer::new(digest, &theirs).expect("HMAC");
    signer.update(input.data).expect("HMAC");
    let theirs = signer.sign_to_vec().expect("HMAC");
    assert_eq!(mac.finalize(), theirs, "HMAC {}", algorithm.name());
}

fn triple_des(input: &Input<'_>) {
    let key = des::Key::new(des::Algorithm::TripleDes, &input.key[..24]).expect("24 bytes");
    let mut iv = <[u8; 8]>::try_from(&input.iv[..8]).expect("8");
    let (direction, start) = (input.direction, iv);
    let ours = input.in_blocks(8, |piece| {
        des::cbc(&key, direction, &mut iv, piece).expect("blocks");
    });
    let data = &input.data[..ours.len()];
    let theirs = theirs("DES-EDE3-CBC", direction, &input.key[..24], Some(&start), data);
    assert_eq!(ours, theirs, "triple DES");
}

fuzz_target!(|data: &[u8]| {
    let Some((header, data)) = data.split_at_checked(HEADER) else { return };
    let input = Input {
        size: header[1],
        direction: if header[2] & 1 == 0 { Encrypt } else { Decrypt },
        piece: header[3],
        key: &header[4..68],
        iv: header[68..].try_into().expect("16 bytes"),
        data: &data[..data.len().min(8192)],
    };
    match header[0] % 10 {
        which @ 0..=2 => aes(which, &input),
        3 => xts(&input),
        4 => gcm(&input),
        5 => ccm(&input),
        6 => cmac_(&input),
        7 => chacha_poly(&input),
        8 => triple_des(&input),
        _ => hash(&input, header[2] & 2 != 0),
    }
});
