//! The cache of expanded keys.

use super::*;
use proptest::prelude::*;

fn encrypted(key: &Key) -> [u8; 16] {
    let mut block = *b"a block of bytes";
    key.encrypt_block(&mut block);
    block
}

/// The block under a key from the cache, which gets it back.
fn with(cache: &mut KeyCache, key: &[u8]) -> Result<[u8; 16], KeySizeError> {
    let loan = cache.aes(key)?;
    let block = encrypted(loan.key());
    cache.put_back_aes(loan);
    Ok(block)
}

proptest! {
    /// Whatever came before, a key is what its bytes say; keys that are prefixes of others, differ
    /// in one bit only, or have been pushed out, among them.
    #[test]
    fn a_kept_key_is_the_key(
        picks in prop::collection::vec((0..4_usize, 0..4_usize, any::<u8>()), 1..64),
    ) {
        let mut cache = KeyCache::new();
        for (size, place, change) in picks {
            let mut key = vec![0x5a; [16, 24, 32, 20][size]];
            key[[0, 7, 8, 15][place]] ^= change & 0x0f;
            let fresh = Key::new(&key).map(|key| encrypted(&key));
            prop_assert_eq!(with(&mut cache, &key), fresh);
            prop_assert!(cache.len() <= KEPT);
        }
    }
}

#[test]
fn keys_used_lately_stay() {
    let mut cache = KeyCache::new();
    let key = |n: u8| [n; 16];
    for n in 0..KEPT as u8 {
        with(&mut cache, &key(n)).unwrap();
    }
    with(&mut cache, &key(0)).unwrap();
    // the one that goes is 1
    with(&mut cache, &key(99)).unwrap();
    let kept = |n| cache.aes.0.iter().any(|loan| loan.0.bytes[..16] == key(n));
    assert!(kept(0) && !kept(1) && kept(2) && kept(99));
    assert_eq!(cache.len(), KEPT);
}

#[test]
fn what_is_no_key_is_not_kept() {
    let mut cache = KeyCache::new();
    assert_eq!(cache.aes(&[0; 64]).unwrap_err(), KeySizeError::Aes(64));
    assert_eq!(cache.aes(&[]).unwrap_err(), KeySizeError::Aes(0));
    assert_eq!(cache.xts(&[0; 48]).unwrap_err(), KeySizeError::Xts(48));
    assert!(cache.is_empty());
}

#[test]
fn aes_and_xts_keys_of_the_same_bytes_are_apart() {
    let mut cache = KeyCache::new();
    let (aes, xts) = (cache.aes(&[1; 32]).unwrap(), cache.xts(&[1; 32]).unwrap());
    cache.put_back_aes(aes);
    cache.put_back_xts(xts);
    assert_eq!(cache.len(), 2);
    cache.clear();
    assert!(cache.is_empty());
}
