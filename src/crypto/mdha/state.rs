//! Chaining values, and the compression functions that move them.

use std::fmt;

use zeroize::Zeroize;

use super::Algorithm;

/// The chaining value of a hash. Overwritten with zeros when dropped.
#[derive(Clone)]
pub(super) enum State {
    Md5([u32; 4]),
    Sha1([u32; 5]),
    /// SHA-224 and SHA-256.
    Sha256([u32; 8]),
    /// SHA-384 and SHA-512.
    Sha512([u64; 8]),
}

impl State {
    /// The state before any data: RFC 1321 section 3.3, FIPS 180-4 section 5.3.
    pub(super) fn initial(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Self::Md5([0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476]),
            Algorithm::Sha1 => {
                Self::Sha1([0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0])
            }
            Algorithm::Sha224 => Self::Sha256([
                0xc105_9ed8,
                0x367c_d507,
                0x3070_dd17,
                0xf70e_5939,
                0xffc0_0b31,
                0x6858_1511,
                0x64f9_8fa7,
                0xbefa_4fa4,
            ]),
            Algorithm::Sha256 => Self::Sha256([
                0x6a09_e667,
                0xbb67_ae85,
                0x3c6e_f372,
                0xa54f_f53a,
                0x510e_527f,
                0x9b05_688c,
                0x1f83_d9ab,
                0x5be0_cd19,
            ]),
            Algorithm::Sha384 => Self::Sha512([
                0xcbbb_9d5d_c105_9ed8,
                0x629a_292a_367c_d507,
                0x9159_015a_3070_dd17,
                0x152f_ecd8_f70e_5939,
                0x6733_2667_ffc0_0b31,
                0x8eb4_4a87_6858_1511,
                0xdb0c_2e0d_64f9_8fa7,
                0x47b5_481d_befa_4fa4,
            ]),
            Algorithm::Sha512 => Self::Sha512([
                0x6a09_e667_f3bc_c908,
                0xbb67_ae85_84ca_a73b,
                0x3c6e_f372_fe94_f82b,
                0xa54f_f53a_5f1d_36f1,
                0x510e_527f_ade6_82d1,
                0x9b05_688c_2b3e_6c1f,
                0x1f83_d9ab_fb41_bd6b,
                0x5be0_cd19_137e_2179,
            ]),
        }
    }

    /// The state that [`State::to_bytes`] wrote. `bytes` is [`Algorithm::state_len`] bytes long.
    pub(super) fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Self {
        debug_assert_eq!(bytes.len(), algorithm.state_len());
        let mut state = Self::initial(algorithm);
        match &mut state {
            Self::Md5(words) => fill(words, bytes, u32::from_le_bytes),
            Self::Sha1(words) => fill(words, bytes, u32::from_be_bytes),
            Self::Sha256(words) => fill(words, bytes, u32::from_be_bytes),
            Self::Sha512(words) => fill(words, bytes, u64::from_be_bytes),
        }
        state
    }

    /// The words in the byte order of the digest.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Md5(words) => words.iter().flat_map(|word| word.to_le_bytes()).collect(),
            Self::Sha1(words) => words.iter().flat_map(|word| word.to_be_bytes()).collect(),
            Self::Sha256(words) => words.iter().flat_map(|word| word.to_be_bytes()).collect(),
            Self::Sha512(words) => words.iter().flat_map(|word| word.to_be_bytes()).collect(),
        }
    }

    /// Runs the compression function over whole blocks.
    pub(super) fn compress(&mut self, blocks: &[u8]) {
        match self {
            Self::Md5(words) => md5::block_api::compress(words, whole(blocks)),
            Self::Sha1(words) => sha1::block_api::compress(words, whole(blocks)),
            Self::Sha256(words) => sha2::block_api::compress256(words, whole(blocks)),
            Self::Sha512(words) => sha2::block_api::compress512(words, whole(blocks)),
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        match self {
            Self::Md5(words) => words.zeroize(),
            Self::Sha1(words) => words.zeroize(),
            Self::Sha256(words) => words.zeroize(),
            Self::Sha512(words) => words.zeroize(),
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State(..)")
    }
}

fn fill<W, const N: usize>(words: &mut [W], bytes: &[u8], from_bytes: impl Fn([u8; N]) -> W) {
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *word = from_bytes(*bytes);
    }
}

fn whole<const N: usize>(bytes: &[u8]) -> &[[u8; N]] {
    let (blocks, tail) = bytes.as_chunks();
    debug_assert!(tail.is_empty());
    blocks
}
