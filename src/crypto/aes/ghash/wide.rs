//! GHASH with VPCLMULQDQ: four carry-less multiplications an instruction, 16 blocks a reduction.
//!
//! GHASH is POLYVAL (RFC 8452, appendix A) of byte-reversed blocks under a key times x, and POLYVAL's
//! order of bits is that of the multiplication. For blocks M1 ... M16 and a sum S so far, the new sum
//! is (S + M1) H^16 + M2 H^15 + ... + M16 H. Each product of 256 bits is split so that what is left to
//! reduce are 64 bits: with M = (M1, M0), H = (H1, H0), P = x^63 + x^62 + x^57 and D = (H0, H1) + H0 P,
//!
//! - R = M0 D1 + M1 H1 and F = M0 D0 + M1 H0, which add up over blocks, and
//! - the product is R + (F0 x^64 + F1) + F0 P
//!
//! (S. Gueron and others, ePrint 2025/2171; the `polyval` crate uses it, too). Fewer than 16 blocks are
//! as many with zeros before them, which add nothing.

use std::arch::x86_64::{
    __m128i, __m512i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_set_epi64x,
    _mm_setzero_si128, _mm_shuffle_epi32, _mm_slli_si128, _mm_srli_si128, _mm_xor_si128,
    _mm512_clmulepi64_epi128, _mm512_extracti32x4_epi32, _mm512_loadu_si512, _mm512_set4_epi64,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_xor_si512, _mm512_zextsi128_si512,
};

use zeroize::Zeroize;

use crate::crypto::aes::BLOCK;

/// Blocks multiplied before the sum is reduced.
const WIDTH: usize = 16;

/// Bytes in a vector register: four blocks.
const VECTOR: usize = 64;

/// Vectors of `WIDTH` blocks.
const VECTORS: usize = WIDTH * BLOCK / VECTOR;

/// x^63 + x^62 + x^57.
const P: u64 = 0xc200_0000_0000_0000;

/// The powers of a hash key, H^16 first, and what is derived from each (D). That there is one shows
/// that the processor has the instructions: `new` makes none where it has not.
pub(super) struct Powers {
    h: [[u8; VECTOR]; VECTORS],
    d: [[u8; VECTOR]; VECTORS],
}

/// The hash so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum(u128);

impl Sum {
    /// As GHASH writes it.
    pub(super) fn value(self) -> [u8; BLOCK] {
        self.0.to_be_bytes()
    }

    /// Forgets it.
    pub(super) fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl Powers {
    /// Of a hash subkey; none if the processor lacks the instructions.
    pub(super) fn new(mut subkey: [u8; BLOCK]) -> Option<Self> {
        let able = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("vpclmulqdq");
        let powers = able.then(|| {
            // SAFETY: the processor has just been seen to have all that the function is compiled for.
            unsafe { Self::expand(times_x(u128::from_be_bytes(subkey))) }
        });
        subkey.zeroize();
        powers
    }

    #[target_feature(enable = "avx512f,avx512bw,pclmulqdq,vpclmulqdq")]
    fn expand(key: u128) -> Self {
        let mut powers = Self { h: [[0; VECTOR]; VECTORS], d: [[0; VECTOR]; VECTORS] };
        let h = powers.h.as_flattened_mut().as_chunks_mut::<BLOCK>().0;
        let d = powers.d.as_flattened_mut().as_chunks_mut::<BLOCK>().0;
        let first = from_number(key);
        let first_derived = derived(first);
        let mut power = first;
        for (h, d) in h.iter_mut().zip(d).rev() {
            *h = to_number(power).to_le_bytes();
            *d = to_number(derived(power)).to_le_bytes();
            power = times(power, first, first_derived);
        }
        powers
    }

    /// Adds blocks of GHASH, in the order of the message.
    pub(super) fn update(&self, sum: &mut Sum, blocks: &[[u8; BLOCK]]) {
        // SAFETY: `self` was made by `new`, which has seen that the processor has all that the
        // function is compiled for.
        unsafe { self.add(sum, blocks) }
    }

    #[target_feature(enable = "avx512f,avx512bw,pclmulqdq,vpclmulqdq")]
    fn add(&self, sum: &mut Sum, blocks: &[[u8; BLOCK]]) {
        let (head, whole) = blocks.split_at(blocks.len() % WIDTH);
        if let Some(first) = head.first() {
            let mut padded = [[0; BLOCK]; WIDTH];
            let padding = WIDTH - head.len();
            padded[padding..].copy_from_slice(head);
            // The sum belongs to the first block, and no longer before all of them.
            padded[padding] = (u128::from_be_bytes(*first) ^ sum.0).to_be_bytes();
            sum.0 = to_number(self.fold(_mm_setzero_si128(), &padded));
        }
        let mut running = from_number(sum.0);
        for batch in whole.as_chunks().0 {
            running = self.fold(running, batch);
        }
        sum.0 = to_number(running);
    }

    /// Products of 16 blocks, of which the first has the sum added, in one reduction.
    #[target_feature(enable = "avx512f,avx512bw,pclmulqdq,vpclmulqdq")]
    #[inline]
    fn fold(&self, sum: __m128i, blocks: &[[u8; BLOCK]; WIDTH]) -> __m128i {
        let (high, low) = (0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
        let reversal = _mm512_set4_epi64(high, low, high, low);
        let mut sum = _mm512_zextsi128_si512(sum);
        let (mut r, mut f) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        let vectors = blocks.as_flattened().as_chunks().0;
        for ((m, h), d) in vectors.iter().zip(&self.h).zip(&self.d) {
            let m = _mm512_xor_si512(_mm512_shuffle_epi8(load(m), reversal), sum);
            let (h, d) = (load(h), load(d));
            // Three terms each: the compiler makes one VPTERNLOG of two additions.
            let (d1, h1) =
                (_mm512_clmulepi64_epi128::<0x10>(m, d), _mm512_clmulepi64_epi128::<0x11>(m, h));
            let (d0, h0) =
                (_mm512_clmulepi64_epi128::<0x00>(m, d), _mm512_clmulepi64_epi128::<0x01>(m, h));
            r = _mm512_xor_si512(r, _mm512_xor_si512(d1, h1));
            f = _mm512_xor_si512(f, _mm512_xor_si512(d0, h0));
            sum = _mm512_setzero_si512();
        }
        reduced(across(r), across(f))
    }
}

impl Drop for Powers {
    fn drop(&mut self) {
        self.h.zeroize();
        self.d.zeroize();
    }
}

/// A block of GHASH's key as a key of POLYVAL: times x.
fn times_x(h: u128) -> u128 {
    let carry = ((h as i128) >> 127) as u128;
    h << 1 ^ (carry & (u128::from(P) << 64 | 1))
}

/// D of a power.
#[target_feature(enable = "avx512f,pclmulqdq")]
#[inline]
fn derived(h: __m128i) -> __m128i {
    let p = _mm_set_epi64x(0, P as i64);
    _mm_xor_si128(_mm_shuffle_epi32::<0b01_00_11_10>(h), _mm_clmulepi64_si128::<0x00>(h, p))
}

/// One product; `d` is derived from `h`.
#[target_feature(enable = "avx512f,pclmulqdq")]
#[inline]
fn times(m: __m128i, h: __m128i, d: __m128i) -> __m128i {
    let r = _mm_xor_si128(_mm_clmulepi64_si128::<0x10>(m, d), _mm_clmulepi64_si128::<0x11>(m, h));
    let f = _mm_xor_si128(_mm_clmulepi64_si128::<0x00>(m, d), _mm_clmulepi64_si128::<0x01>(m, h));
    reduced(r, f)
}

/// R + (F0 x^64 + F1) + F0 P.
#[target_feature(enable = "avx512f,pclmulqdq")]
#[inline]
fn reduced(r: __m128i, f: __m128i) -> __m128i {
    let p = _mm_set_epi64x(0, P as i64);
    let turned = _mm_xor_si128(_mm_slli_si128::<8>(f), _mm_srli_si128::<8>(f));
    _mm_xor_si128(_mm_xor_si128(r, turned), _mm_clmulepi64_si128::<0x00>(f, p))
}

/// The sum of the four blocks.
#[target_feature(enable = "avx512f")]
#[inline]
fn across(v: __m512i) -> __m128i {
    _mm_xor_si128(
        _mm_xor_si128(_mm512_extracti32x4_epi32::<0>(v), _mm512_extracti32x4_epi32::<1>(v)),
        _mm_xor_si128(_mm512_extracti32x4_epi32::<2>(v), _mm512_extracti32x4_epi32::<3>(v)),
    )
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(bytes: &[u8; VECTOR]) -> __m512i {
    // SAFETY: the pointer is to as many bytes as are read, and the load wants no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn from_number(n: u128) -> __m128i {
    _mm_set_epi64x((n >> 64) as i64, n as i64)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn to_number(v: __m128i) -> u128 {
    u128::from(_mm_extract_epi64::<1>(v) as u64) << 64 | u128::from(_mm_cvtsi128_si64(v) as u64)
}
