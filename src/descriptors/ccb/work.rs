//! What a job's CHAs did, as the counters name it.

/// An algorithm and mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
#[repr(u8)]
pub enum Work {
    AesEcb,
    AesCbc,
    AesCtr,
    AesXts,
    AesGcm,
    AesCcm,
    AesCmac,
    AesXcbc,
    DesEcb,
    DesCbc,
    TdesEcb,
    TdesCbc,
    ChaCha20,
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    HmacMd5,
    HmacSha1,
    HmacSha224,
    HmacSha256,
    HmacSha384,
    HmacSha512,
    Poly1305,
    Rng,
    Rsa,
    Blob,
}

impl Work {
    /// Every kind with its name in statistics, in the order of the enum.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::AesEcb, "aes-ecb"),
        (Self::AesCbc, "aes-cbc"),
        (Self::AesCtr, "aes-ctr"),
        (Self::AesXts, "aes-xts"),
        (Self::AesGcm, "aes-gcm"),
        (Self::AesCcm, "aes-ccm"),
        (Self::AesCmac, "aes-cmac"),
        (Self::AesXcbc, "aes-xcbc-mac"),
        (Self::DesEcb, "des-ecb"),
        (Self::DesCbc, "des-cbc"),
        (Self::TdesEcb, "3des-ecb"),
        (Self::TdesCbc, "3des-cbc"),
        (Self::ChaCha20, "chacha20"),
        (Self::Md5, "md5"),
        (Self::Sha1, "sha1"),
        (Self::Sha224, "sha224"),
        (Self::Sha256, "sha256"),
        (Self::Sha384, "sha384"),
        (Self::Sha512, "sha512"),
        (Self::HmacMd5, "hmac-md5"),
        (Self::HmacSha1, "hmac-sha1"),
        (Self::HmacSha224, "hmac-sha224"),
        (Self::HmacSha256, "hmac-sha256"),
        (Self::HmacSha384, "hmac-sha384"),
        (Self::HmacSha512, "hmac-sha512"),
        (Self::Poly1305, "poly1305"),
        (Self::Rng, "rng"),
        (Self::Rsa, "rsa"),
        (Self::Blob, "blob"),
    ];

    /// Name in statistics.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether it authenticates too: the performance counters of protected and validated bytes.
    #[must_use]
    pub fn is_aead(self) -> bool {
        matches!(self, Self::AesGcm | Self::AesCcm)
    }

    /// Whether its direction means encryption and decryption.
    #[must_use]
    pub fn is_cipher(self) -> bool {
        self <= Self::ChaCha20 && !matches!(self, Self::AesCmac | Self::AesXcbc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_enum() {
        for (i, (work, _)) in Work::ALL.iter().enumerate() {
            assert_eq!(*work as usize, i);
        }
    }
}
