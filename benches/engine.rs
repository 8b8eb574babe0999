//! The AES engine beside other implementations, on the message sizes of disk encryption.
//!
//! `cargo bench --bench engine`; with `--features bench-openssl` (libssl-dev, pkg-config) OpenSSL
//! is measured too. Groups are named after what is done; `keyed` ones expand the key every time,
//! as an executor without a key cache would.

#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use aes::cipher::{Array, KeyInit};
use caam_emu::crypto::Direction::{self, Decrypt, Encrypt};
use caam_emu::crypto::aes::{Gcm, Key, Xts, XtsKey, cbc, ctr, ecb};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use xts_mode::Xts128;

/// A sector of a disk, a page, and what a driver with large requests sends.
const SIZES: [usize; 3] = [512, 4096, 65536];
const KEY: [u8; 64] = *b"the data key, of thirty-two byte, and the tweak key, as long too";
const IV: [u8; 16] = *b"an initial value";

fn group<'a>(c: &'a mut Criterion, name: String, size: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(size as u64));
    group
}

fn xts(c: &mut Criterion) {
    for key_len in [32, 64] {
        let key_bytes = &KEY[64 - key_len..];
        let key = XtsKey::new(key_bytes).unwrap();
        for direction in [Encrypt, Decrypt] {
            for size in SIZES {
                let mut data = vec![0; size];
                let name = format!("xts-{}/{direction:?}/{size}", key_len * 4);
                let mut group = group(c, name, size);
                group.bench_function("caam-emu", |b| {
                    b.iter(|| {
                        let mut xts = Xts::with_key(&key, direction, IV, 0).unwrap();
                        xts.finish(black_box(&mut data)).unwrap();
                    });
                });
                group.bench_function("caam-emu-keyed", |b| {
                    b.iter(|| {
                        let mut xts = Xts::new(black_box(key_bytes), direction, IV, 0).unwrap();
                        xts.finish(black_box(&mut data)).unwrap();
                    });
                });
                if key_len == 32 {
                    let other = Xts128::new(
                        aes::Aes128::new_from_slice(&key_bytes[..16]).unwrap(),
                        aes::Aes128::new_from_slice(&key_bytes[16..]).unwrap(),
                    );
                    group.bench_function("xts-mode", |b| {
                        b.iter(|| one_xts_mode(&other, direction, black_box(&mut data)));
                    });
                } else {
                    let other = Xts128::new(
                        aes::Aes256::new_from_slice(&key_bytes[..32]).unwrap(),
                        aes::Aes256::new_from_slice(&key_bytes[32..]).unwrap(),
                    );
                    group.bench_function("xts-mode", |b| {
                        b.iter(|| one_xts_mode(&other, direction, black_box(&mut data)));
                    });
                }
                #[cfg(feature = "bench-openssl")]
                with_openssl::bench(
                    &mut group,
                    &format!("AES-{}-XTS", key_len * 4),
                    key_bytes,
                    direction,
                    size,
                );
                group.finish();
            }
        }
    }
}

fn one_xts_mode<C>(xts: &Xts128<C>, direction: Direction, data: &mut [u8])
where
    C: aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>
        + aes::cipher::BlockCipherEncrypt
        + aes::cipher::BlockCipherDecrypt,
{
    match direction {
        Encrypt => xts.encrypt_sector(data, Array(IV)),
        Decrypt => xts.decrypt_sector(data, Array(IV)),
    }
}

fn block_modes(c: &mut Criterion) {
    for key_len in [16, 32] {
        let key_bytes = &KEY[..key_len];
        let key = Key::new(key_bytes).unwrap();
        for direction in [Encrypt, Decrypt] {
            for size in SIZES {
                let mut data = vec![0; size];
                let mut run = |mode: &str, call: &mut dyn FnMut(&mut [u8])| {
                    let name = format!("{mode}-{}/{direction:?}/{size}", key_len * 8);
                    let mut group = group(c, name, size);
                    group.bench_function("caam-emu", |b| b.iter(|| call(black_box(&mut data))));
                    #[cfg(feature = "bench-openssl")]
                    with_openssl::bench(
                        &mut group,
                        &format!("AES-{}-{}", key_len * 8, mode.to_uppercase()),
                        key_bytes,
                        direction,
                        size,
                    );
                    group.finish();
                };
                run("ecb", &mut |data| ecb(&key, direction, data).unwrap());
                run("cbc", &mut |data| cbc(&key, direction, &mut IV.clone(), data).unwrap());
                run("ctr", &mut |data| ctr(&key, &mut IV.clone(), data));
                run("gcm", &mut |data| {
                    black_box(one_gcm(&key, direction, data));
                });
            }
        }
    }
}

/// A message with its tag, which in decryption whoever asks for it compares.
fn one_gcm(key: &Key, direction: Direction, data: &mut [u8]) -> [u8; 16] {
    let mut gcm = Gcm::new(key);
    gcm.iv(&IV[..12]).unwrap();
    gcm.crypt(direction, data).unwrap();
    gcm.tag()
}

fn keys(c: &mut Criterion) {
    let mut group = c.benchmark_group("key");
    for len in [16, 24, 32] {
        group.bench_function(format!("aes-{}", len * 8), |b| {
            b.iter(|| Key::new(black_box(&KEY[..len])).unwrap());
        });
    }
    for len in [32, 64] {
        group.bench_function(format!("xts-{}", len * 4), |b| {
            b.iter(|| XtsKey::new(black_box(&KEY[..len])).unwrap());
        });
    }
    group.finish();
}

#[cfg(feature = "bench-openssl")]
mod with_openssl {
    use super::{
        BenchmarkGroup, Decrypt, Direction, Encrypt, IV, Key, WallTime, black_box, one_gcm,
    };
    use openssl::cipher::Cipher;
    use openssl::cipher_ctx::CipherCtx;

    /// OpenSSL with the key set up beforehand; only the IV is set for every message. In place, too.
    pub fn bench(
        group: &mut BenchmarkGroup<'_, WallTime>,
        name: &str,
        key: &[u8],
        direction: Direction,
        size: usize,
    ) {
        let cipher = Cipher::fetch(None, name, None).unwrap();
        let iv = (cipher.iv_length() != 0).then_some(&IV[..cipher.iv_length()]);
        let mut ctx = CipherCtx::new().unwrap();
        match direction {
            Encrypt => ctx.encrypt_init(Some(&cipher), Some(key), iv).unwrap(),
            Decrypt => ctx.decrypt_init(Some(&cipher), Some(key), iv).unwrap(),
        }
        ctx.set_padding(false);
        if name.ends_with("GCM") {
            let data = vec![0; size];
            let mut ours = data.clone();
            // In decryption, what OpenSSL compares; in encryption, what it must come to.
            let tag = one_gcm(&Key::new(key).unwrap(), direction, &mut ours);
            let mut output = vec![0; size + 16];
            // Not in place: what is decrypted must stay what the tag is of.
            let mut one = || {
                match direction {
                    Encrypt => ctx.encrypt_init(None, None, iv).unwrap(),
                    Decrypt => ctx.decrypt_init(None, None, iv).unwrap(),
                }
                ctx.cipher_update(black_box(&data), Some(black_box(&mut output))).unwrap();
                if direction == Decrypt {
                    ctx.set_tag(&tag).unwrap();
                }
                ctx.cipher_final(&mut []).unwrap();
                if direction == Encrypt {
                    let mut made = [0; 16];
                    ctx.tag(&mut made).unwrap();
                    assert_eq!(made, tag);
                }
            };
            group.bench_function("openssl", |b| b.iter(&mut one));
            one();
            assert_eq!(ours, output[..size]);
            return;
        }
        // The crate wants room for one block more.
        let mut data = vec![0; size + 16];
        group.bench_function("openssl", |b| {
            b.iter(|| {
                match direction {
                    Encrypt => ctx.encrypt_init(None, None, iv).unwrap(),
                    Decrypt => ctx.decrypt_init(None, None, iv).unwrap(),
                }
                ctx.cipher_update_inplace(black_box(&mut data), size).unwrap();
            });
        });
    }
}

criterion_group! {
    name = engine;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(40);
    targets = xts, block_modes, keys
}
criterion_main!(engine);
