//! SoC profiles: what a CAAM instance consists of and how it says so.
//!
//! A profile is data. The capability registers (`CTPR`, `CHAVID`, `CHANUM`, `CRNR`, `CCBVID`,
//! `SECVID`) are derived from it in [`super::registers::version`], so that what the device claims
//! and what it does cannot drift apart.

/// Width of an address pointer in ring entries and descriptors (`CTPR_MS.PS`, `MCFGR.PS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointerSize {
    /// 4 bytes, one descriptor word.
    Bits32,
    /// 8 bytes, two descriptor words.
    Bits64,
}

impl PointerSize {
    /// Size in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bits32 => 4,
            Self::Bits64 => 8,
        }
    }

    /// Size in descriptor words.
    #[must_use]
    pub const fn words(self) -> usize {
        self.bytes() / 4
    }
}

/// One crypto hardware accelerator kind in the profile: version nibble, revision nibble, count.
/// A count of zero means the CHA is absent, and the driver registers nothing for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cha {
    /// `CHAVID` nibble (Linux `regs.h`, `CHA_VER_VID_*`).
    pub version: u8,
    /// `CRNR` nibble.
    pub revision: u8,
    /// `CHANUM` nibble: instances.
    pub count: u8,
}

impl Cha {
    /// Not part of this SoC.
    pub const ABSENT: Self = Self { version: 0, revision: 0, count: 0 };

    /// One instance of that version, revision 0.
    #[must_use]
    pub const fn one(version: u8) -> Self {
        Self { version, revision: 0, count: 1 }
    }
}

/// MDHA version nibble of the engine with all digests (Linux `regs.h`, `CHA_VER_VID_MD_HP`).
pub const MDHA_HIGH_PERFORMANCE: u8 = 2;
/// RNG version nibble of RNG4.
pub const RNG4: u8 = 4;

/// AESA version nibble of the high-performance engine, which has XTS and GCM
/// (Linux `regs.h`, `CHA_VER_VID_AES_HP`).
pub const AES_HIGH_PERFORMANCE: u8 = 4;

/// A CAAM instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocProfile {
    /// The name `--soc` takes.
    pub name: &'static str,
    /// One line for `--help`.
    pub description: &'static str,
    /// `CCBVID.ERA`; 0 on silicon before Era 6, so profiles start at 6.
    pub era: u8,
    /// `SECVID_MS`: IP id and revision, printed by Linux as the upper half of the device ID.
    pub secvid_ms: u32,
    /// `SECVID_LS`.
    pub secvid_ls: u32,
    /// Pointer width.
    pub pointer: PointerSize,
    /// `false`: the low word of a 64-bit register is at +0 (Layerscape little-endian parts);
    /// `true`: the high word is (i.MX and big-endian parts). Linux `regs.h`, `wr_reg64`.
    pub high_word_first: bool,
    /// AESA.
    pub aes: Cha,
    /// DESA.
    pub des: Cha,
    /// MDHA; its version says how long a digest can be.
    pub mdha: Cha,
    /// CCHA: ChaCha20. Only Era 10 devices can say that they have it.
    pub chacha: Cha,
    /// PTHA: Poly1305. Likewise.
    pub poly1305: Cha,
    /// RNG; version 4 has state handles.
    pub rng: Cha,
    /// PKHA.
    pub pkha: Cha,
    /// Blob protocol (`CTPR_LS.BLOB`).
    pub blob: bool,
    /// Rate of the CAAM interface clock in Hz. Only the coalescing timer uses it
    /// (`JRCFGR_LS.ICTT` counts 64 clocks); it promises nothing about speed.
    pub clock_hz: u64,
}

/// The profiles `--soc` knows, the default first.
pub const PROFILES: &[SocProfile] = &[VIRT_ERA9, VIRT_ERA10, VIRT_NO_RNG];

/// The default: not a part one can buy, but a CAAM as QEMU's `virt` board could have carried it.
///
/// The identity is the i.MX 8M family's (IP 0A16.4.1, Era 9; `socs.md`: boot logs of 8MQ, 8MM,
/// 8MP). The register word order is that of the little-endian Layerscape parts, because Linux
/// selects the i.MX order by the *board* (`soc_device_match` in `ctrl.c`), which `virt` is not.
/// 32-bit pointers and 4 KiB register pages as on all i.MX parts.
pub const VIRT_ERA9: SocProfile = SocProfile {
    name: "virt-era9",
    description: "Era 9, little-endian, 32-bit pointers, 4 KiB pages; AES, DES, MD, PK, RNG4, blobs",
    era: 9,
    secvid_ms: 0x0a16_0401,
    secvid_ls: 0,
    pointer: PointerSize::Bits32,
    high_word_first: false,
    aes: Cha::one(AES_HIGH_PERFORMANCE),
    des: Cha::one(0),
    mdha: Cha::one(MDHA_HIGH_PERFORMANCE),
    chacha: Cha::ABSENT,
    poly1305: Cha::ABSENT,
    rng: Cha::one(RNG4),
    pkha: Cha::one(0),
    blob: true,
    clock_hz: 266_000_000,
};

/// The same with the version registers of Era 10, and the CHAs only those can announce.
/// The identity is the LX2160A's (IP 0A1A.2.0; `socs.md`), which however has 64-bit pointers and
/// 64 KiB pages.
pub const VIRT_ERA10: SocProfile = SocProfile {
    name: "virt-era10",
    description: "Era 10, otherwise as virt-era9; ChaCha20 and Poly1305 as well",
    era: 10,
    secvid_ms: 0x0a1a_0200,
    chacha: Cha::one(0),
    poly1305: Cha::one(0),
    ..VIRT_ERA9
};

/// Without an RNG, and so without blobs, whose keys it makes. No part is known to lack it, but
/// drivers ask for it, and have a path for its absence that nothing tests (docs/findings.md).
pub const VIRT_NO_RNG: SocProfile = SocProfile {
    name: "virt-no-rng",
    description: "as virt-era9, without an RNG and blobs",
    rng: Cha::ABSENT,
    blob: false,
    ..VIRT_ERA9
};

impl SocProfile {
    /// The profile of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|p| p.name == name)
    }

    /// Whether AESA has the modes the low-power engine lacks: XTS and GCM
    /// (Linux `caamalg.c`, `caam_algapi_init`).
    #[must_use]
    pub fn aes_is_high_performance(&self) -> bool {
        self.aes.count > 0 && self.aes.version >= AES_HIGH_PERFORMANCE
    }

    /// Bytes of the longest digest: MDHA LP256 (version 0) ends at SHA-256
    /// (Linux `caamhash.c`, `caam_algapi_hash_init`).
    #[must_use]
    pub fn largest_digest(&self) -> usize {
        if self.mdha.version == 0 { 32 } else { 64 }
    }

    /// One descriptor word from memory. Every profile so far is little-endian.
    #[must_use]
    pub fn word(&self, bytes: [u8; 4]) -> u32 {
        u32::from_le_bytes(bytes)
    }

    /// One word as this device writes it to memory.
    #[must_use]
    pub fn word_bytes(&self, word: u32) -> [u8; 4] {
        word.to_le_bytes()
    }

    /// A pointer from the words of a descriptor; `words` holds at least
    /// [`PointerSize::words`] entries.
    #[must_use]
    pub fn pointer_from_words(&self, words: &[u32]) -> u64 {
        match self.pointer {
            PointerSize::Bits32 => u64::from(words[0]),
            PointerSize::Bits64 => self.join(words[0], words[1]),
        }
    }

    /// A pointer as it stands in memory: ring entries and scatter/gather entries.
    #[must_use]
    pub fn pointer_from_bytes(&self, bytes: &[u8]) -> u64 {
        let word = |at: usize| self.word([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        match self.pointer {
            PointerSize::Bits32 => u64::from(word(0)),
            PointerSize::Bits64 => self.join(word(0), word(4)),
        }
    }

    /// Two register or pointer words, in the order they stand at +0 and +4, as one value.
    #[must_use]
    pub fn join(&self, at0: u32, at4: u32) -> u64 {
        let (high, low) = if self.high_word_first { (at0, at4) } else { (at4, at0) };
        u64::from(high) << 32 | u64::from(low)
    }

    /// The inverse of [`Self::join`]: the words at +0 and +4.
    #[must_use]
    pub fn split(&self, value: u64) -> (u32, u32) {
        let (high, low) = ((value >> 32) as u32, value as u32);
        if self.high_word_first { (high, low) } else { (low, high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for profile in PROFILES {
            assert_eq!(SocProfile::by_name(profile.name), Some(profile));
        }
        assert_eq!(SocProfile::by_name("imx9000"), None);
    }

    #[test]
    fn word_order_follows_the_profile() {
        let mut soc = VIRT_ERA9;
        assert_eq!(soc.join(1, 2), 0x2_0000_0001);
        assert_eq!(soc.split(0x2_0000_0001), (1, 2));
        soc.high_word_first = true;
        assert_eq!(soc.join(1, 2), 0x1_0000_0002);
        assert_eq!(soc.split(0x1_0000_0002), (1, 2));
    }
}
