//! Messages in pieces, put aside and resumed, against the `digest` implementations of the crates.

use hmac::{KeyInit, Mac};
use md5::Md5;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::crypto::mdha::{Algorithm, Error, Hasher, Hmac, SplitKey, split_key};
use crate::crypto::testing::pieces;

/// The reference: the hash in one go.
fn digest(algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Md5 => Md5::digest(message).to_vec(),
        Algorithm::Sha1 => Sha1::digest(message).to_vec(),
        Algorithm::Sha224 => Sha224::digest(message).to_vec(),
        Algorithm::Sha256 => Sha256::digest(message).to_vec(),
        Algorithm::Sha384 => Sha384::digest(message).to_vec(),
        Algorithm::Sha512 => Sha512::digest(message).to_vec(),
    }
}

/// The reference: HMAC in one go.
fn mac(algorithm: Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::Md5 => mac::<hmac::Hmac<Md5>>(key, message),
        Algorithm::Sha1 => mac::<hmac::Hmac<Sha1>>(key, message),
        Algorithm::Sha224 => mac::<hmac::Hmac<Sha224>>(key, message),
        Algorithm::Sha256 => mac::<hmac::Hmac<Sha256>>(key, message),
        Algorithm::Sha384 => mac::<hmac::Hmac<Sha384>>(key, message),
        Algorithm::Sha512 => mac::<hmac::Hmac<Sha512>>(key, message),
    }
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    select(&Algorithm::ALL)
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..1000)
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(0..300_usize, 0..6)
}

proptest! {
    #[test]
    fn hash_of_pieces_is_that_of_the_whole(
        algorithm in algorithm(),
        mut message in message(),
        cuts in cuts(),
    ) {
        let expected = digest(algorithm, &message);
        let mut hasher = Hasher::new(algorithm);
        let length = message.len() as u64;
        for piece in pieces(&mut message, &cuts) {
            hasher.update(piece);
        }
        prop_assert_eq!(hasher.message_length(), length);
        prop_assert_eq!(hasher.finalize(), expected);
    }

    #[test]
    fn hash_goes_on_from_its_context(
        algorithm in algorithm(),
        mut message in message(),
        blocks in vec(0..3_usize, 0..5),
    ) {
        let expected = digest(algorithm, &message);
        let block = algorithm.block_len();
        let whole = message.len() / block * block;
        let (head, tail) = message.split_at_mut(whole);
        let cuts: Vec<usize> = blocks.iter().map(|blocks| blocks * block).collect();
        let mut register = [0xee; 72];
        let mut hasher = Hasher::new(algorithm);
        let mut length = 0;
        for piece in pieces(head, &cuts) {
            hasher.update(piece);
            length += piece.len() as u64;
            let context = hasher.export().unwrap();
            prop_assert_eq!(context.len(), algorithm.context_len());
            prop_assert_eq!(&context[algorithm.state_len()..], length.to_be_bytes());
            register[..context.len()].copy_from_slice(&context);
            hasher = Hasher::import(algorithm, &register).unwrap();
        }
        hasher.update(tail);
        prop_assert_eq!(hasher.finalize(), expected);
    }

    #[test]
    fn partial_blocks_cannot_be_put_aside(
        algorithm in algorithm(),
        blocks in 0..3_usize,
        waiting in 1..128_usize,
    ) {
        let block = algorithm.block_len();
        let waiting = 1 + (waiting - 1) % (block - 1);
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&vec![1; blocks * block + waiting]);
        prop_assert_eq!(hasher.export().unwrap_err(), Error::PartialBlock { waiting, block });
        hasher.update(&vec![2; block - waiting]);
        prop_assert!(hasher.export().is_ok());
    }

    #[test]
    fn hmac_of_pieces_is_that_of_the_whole(
        algorithm in algorithm(),
        key in vec(any::<u8>(), 0..300),
        mut message in message(),
        cuts in cuts(),
    ) {
        let expected = mac(algorithm, &key, &message);
        let bytes = split_key(algorithm, &key);
        prop_assert_eq!(bytes.len(), algorithm.split_key_len());
        let key = SplitKey::from_bytes(algorithm, &bytes).unwrap();
        let mut hmac = Hmac::new(&key);
        for piece in pieces(&mut message, &cuts) {
            hmac.update(piece);
        }
        prop_assert_eq!(hmac.finalize(), expected);
    }

    /// What the driver does: begin with the key, go on as a plain hash, end with the key.
    #[test]
    fn hmac_goes_on_as_a_plain_hash(
        algorithm in algorithm(),
        key in vec(any::<u8>(), 0..200),
        mut message in message(),
        first in 0..3_usize,
    ) {
        let expected = mac(algorithm, &key, &message);
        let block = algorithm.block_len();
        let whole = message.len() / block * block;
        let (head, tail) = message.split_at_mut(whole);
        let (first, second) = head.split_at(whole.min(first * block));
        let key = SplitKey::derive(algorithm, &key);

        let mut start = Hmac::new(&key);
        start.update(first);
        let mut middle = Hasher::import(algorithm, &start.export().unwrap()).unwrap();
        middle.update(second);
        let context = middle.export().unwrap();
        let counted = (block + whole) as u64;
        prop_assert_eq!(&context[algorithm.state_len()..], counted.to_be_bytes());
        let mut end = Hmac::import(&key, &context).unwrap();
        end.update(tail);
        prop_assert_eq!(end.finalize(), expected);
    }

    /// Whatever a guest makes up, nothing panics.
    #[test]
    fn any_context_and_split_key_is_taken(
        algorithm in algorithm(),
        context in vec(any::<u8>(), 72),
        key in vec(any::<u8>(), 128),
        message in message(),
    ) {
        let key = SplitKey::from_bytes(algorithm, &key[..algorithm.split_key_len()]).unwrap();
        let mut hmac = Hmac::import(&key, &context).unwrap();
        hmac.update(&message);
        prop_assert_eq!(hmac.finalize().len(), algorithm.digest_len());
        let mut context = context;
        context[algorithm.state_len()..].fill(0xff);
        let mut hasher = Hasher::import(algorithm, &context).unwrap();
        hasher.update(&message);
        prop_assert_eq!(hasher.finalize().len(), algorithm.digest_len());
    }
}
