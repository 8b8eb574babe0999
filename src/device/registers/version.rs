//! The version and performance window, 0xE80..0x1000, which every page of CAAM repeats.
//!
//! Everything here is derived from the [`SocProfile`], the counters, or the last fault. Linux
//! `regs.h`, `struct version_regs` and `struct caam_perfmon`.

use crate::control::counters::Counters;
use crate::device::soc::{Cha, SocProfile};
use crate::memory::{Access, DmaError};

/// RNG4 state handles.
pub const STATE_HANDLES: usize = 2;

/// First offset of the window.
pub const START: u32 = 0xe80;

/// The fault address registers: the last DMA error (inferred).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fault {
    address: u64,
    detail: u32,
}

impl Fault {
    /// FAR, FALR and FADR for a failed access of the DECO on behalf of job ring `ring`.
    #[must_use]
    pub fn new(error: &DmaError, ring: usize) -> Self {
        // FADR: size 6:0, type 7 (1 = write), block 11:8 (8 = DECO 0), job source 14:12 (ring),
        // data 15, extended size 18:16, error 31:30 (3 = DECERR: nothing there).
        let size = error.length.min(0x3ff) as u32;
        let write = u32::from(error.access == Access::Write);
        let detail = 3 << 30
            | (size >> 7 & 7) << 16
            | 1 << 15
            | (ring as u32 & 7) << 12
            | 8 << 8
            | write << 7
            | size & 0x7f;
        Self { address: error.address, detail }
    }
}

/// What the window shows besides the profile.
#[derive(Debug)]
pub struct State<'a> {
    /// Performance counters.
    pub counters: &'a Counters,
    /// Last fault.
    pub fault: Fault,
    /// A job is running (CSTA.BSY).
    pub busy: bool,
    /// Job rings the device has.
    pub rings: usize,
    /// DECOs the device has.
    pub decos: usize,
}

/// Puts a CHA's nibble at `shift`.
const fn nibble(value: u8, shift: u32) -> u32 {
    ((value & 0xf) as u32) << shift
}

/// CHANUM_MS, CHAVID_MS: DECO count 27:24, job ring count 31:28.
fn counts_ms(state: &State<'_>) -> u32 {
    nibble(state.decos as u8, 24) | nibble(state.rings as u8, 28)
}

/// CHAVID_LS, CHANUM_LS or CRNR_LS: AES 3:0, DES 7:4, MDHA 15:12, RNG 19:16, PKHA 31:28.
fn of_all(soc: &SocProfile, field: fn(&Cha) -> u8) -> u32 {
    nibble(field(&soc.aes), 0)
        | nibble(field(&soc.des), 4)
        | nibble(field(&soc.mdha), 12)
        | nibble(field(&soc.rng), 16)
        | nibble(field(&soc.pkha), 28)
}

/// AESA_VERSION MISC: GCM (Linux `regs.h`, `CHA_VER_MISC_AES_GCM`).
const MISC_AES_GCM: u32 = 1 << 9;

/// An Era 10 version register: count 7:0, revision 23:16, version 31:24.
fn era10(cha: &Cha) -> u32 {
    u32::from(cha.count) | u32::from(cha.revision) << 16 | u32::from(cha.version) << 24
}

/// The registers of Era 10, 0xE80 to 0xEFC.
fn read_era10(offset: u32, soc: &SocProfile, state: &State<'_>) -> Option<u32> {
    let count = |n: usize| n as u32;
    Some(match offset {
        0xe8c => era10(&soc.pkha),
        0xe90 => era10(&soc.aes) | if soc.aes_is_high_performance() { MISC_AES_GCM } else { 0 },
        0xe94 => era10(&soc.mdha),
        0xe98 => era10(&soc.des),
        0xeac => era10(&soc.chacha),
        0xeb0 => era10(&soc.poly1305),
        0xeb4 => era10(&soc.rng),
        // The TRNG is part of RNG4.
        0xeb8 => era10(&soc.rng),
        0xef8 => count(state.rings),
        0xefc => count(state.decos),
        _ => return None,
    })
}

/// The word at `offset` of any page, if the window has a register there.
#[must_use]
pub fn read(offset: u32, soc: &SocProfile, state: &State<'_>) -> Option<u32> {
    if let Some((counter, half)) = counter_at(offset) {
        let (at0, at4) = soc.split(state.counters.performance(counter));
        return Some(if half == 0 { at0 } else { at4 });
    }
    if soc.era >= 10 && (START..0xf00).contains(&offset) {
        return read_era10(offset, soc, state);
    }
    Some(match offset {
        // CRNR
        0xfa0 => 0,
        0xfa4 => of_all(soc, |cha| cha.revision),
        // CTPR_MS: no virtualisation, no queue interface, 4 KiB pages, RNG state handles (10:8),
        // DECO watchdog (20), 64-bit pointers (17). CTPR_LS: blobs (1), RSA (10), DKP (14).
        0xfa8 => {
            let handles = if soc.rng.count > 0 { STATE_HANDLES as u32 } else { 0 };
            1 << 20 | u32::from(soc.pointer.bytes() == 8) << 17 | handles << 8
        }
        0xfac => {
            u32::from(soc.blob) << 1
                | u32::from(soc.pkha.count > 0) << 10
                | u32::from(soc.mdha.count > 0) << 14
        }
        // SMSTA: normal; SMPO
        0xfb4 => 2,
        0xfbc => 0,
        0xfc0 => soc.split(state.fault.address).0,
        0xfc4 => soc.split(state.fault.address).1,
        0xfc8 => 0,
        0xfcc => state.fault.detail,
        // CSTA: BSY 0 or IDLE 1; non-secure; PLEND clear, because this is a little-endian part
        0xfd4 => {
            if state.busy {
                1
            } else {
                2
            }
        }
        // SMVID: no secure memory; RVID: no RTIC
        0xfd8 | 0xfdc | 0xfe0 => 0,
        // CCBVID
        0xfe4 => u32::from(soc.era) << 24,
        // CHAVID, CHANUM
        0xfe8 => 0,
        0xfec => of_all(soc, |cha| cha.version),
        0xff0 => counts_ms(state),
        0xff4 => of_all(soc, |cha| cha.count),
        0xff8 => soc.secvid_ms,
        0xffc => soc.secvid_ls,
        _ => return None,
    })
}

/// The 64-bit performance counters, 0xF00..0xF38: which one, and which of its words.
fn counter_at(offset: u32) -> Option<(Performance, u32)> {
    let counter = match offset & !7 {
        0xf00 => Performance::RequestsDequeued,
        0xf08 => Performance::OutboundEncryptRequests,
        0xf10 => Performance::InboundDecryptRequests,
        0xf18 => Performance::OutboundBytesEncrypted,
        0xf20 => Performance::OutboundBytesProtected,
        0xf28 => Performance::InboundBytesDecrypted,
        0xf30 => Performance::InboundBytesValidated,
        _ => return None,
    };
    Some((counter, offset >> 2 & 1))
}

/// A performance counter (Linux `regs.h`, `struct caam_perfmon`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Performance {
    /// PC_REQ_DEQ
    RequestsDequeued,
    /// PC_OB_ENC_REQ
    OutboundEncryptRequests,
    /// PC_IB_DEC_REQ
    InboundDecryptRequests,
    /// PC_OB_ENCRYPT
    OutboundBytesEncrypted,
    /// PC_OB_PROTECT
    OutboundBytesProtected,
    /// PC_IB_DECRYPT
    InboundBytesDecrypted,
    /// PC_IB_VALIDATED
    InboundBytesValidated,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Direction;
    use crate::descriptors::ccb::work::Work;
    use crate::descriptors::deco::Report;
    use crate::descriptors::status::JobStatus;
    use crate::device::soc::{PROFILES, PointerSize, VIRT_ERA9, VIRT_ERA10, VIRT_NO_RNG};

    fn state(counters: &Counters) -> State<'_> {
        State { counters, fault: Fault::default(), busy: false, rings: 4, decos: 2 }
    }

    /// Every register of the window, with 4 job rings and 2 DECOs. Whoever adds a capability to
    /// a profile says here what the driver is told of it.
    #[test]
    fn capabilities_are_exactly_those_of_the_profile() {
        let counters = Counters::default();
        let era9: &[(u32, u32)] = &[
            (0xfa0, 0),           // CRNR_MS
            (0xfa4, 0),           // CRNR_LS: AESA revision 0
            (0xfa8, 0x0010_0200), // CTPR_MS: DECO watchdog, 2 RNG handles; 4 KiB pages, no PS, no QI
            (0xfac, 0x0000_4402), // CTPR_LS: blobs, RSA, DKP
            (0xfb4, 2),           // SMSTA: normal
            (0xfbc, 0),           // SMPO
            (0xfc0, 0),           // FAR
            (0xfc4, 0),
            (0xfc8, 0), // FALR
            (0xfcc, 0), // FADR
            (0xfd4, 2), // CSTA: idle
            (0xfd8, 0), // SMVID
            (0xfdc, 0),
            (0xfe0, 0),           // RVID
            (0xfe4, 0x0900_0000), // CCBVID: Era 9
            (0xfe8, 0),           // CHAVID_MS
            (0xfec, 0x0004_2004), // CHAVID_LS: AESA-HP, MDHA-HP, RNG4
            (0xff0, 0x4200_0000), // CHANUM_MS: 4 job rings, 2 DECOs
            (0xff4, 0x1001_1011), // CHANUM_LS: one AESA, DESA, MDHA, RNG, PKHA
            (0xff8, 0x0a16_0401), // SECVID_MS
            (0xffc, 0),           // SECVID_LS
        ];
        let era10 = &[
            (0xe8c, 1),           // PKHA
            (0xe90, 0x0400_0201), // AESA: high performance, GCM
            (0xe94, 0x0200_0001), // MDHA: high performance
            (0xe98, 1),           // DESA
            (0xeac, 1),           // CCHA
            (0xeb0, 1),           // PTHA
            (0xeb4, 0x0400_0001), // RNG
            (0xeb8, 0x0400_0001), // TRNG
            (0xef8, 4),           // JR
            (0xefc, 2),           // DECO
            (0xfe4, 0x0a00_0000), // CCBVID: Era 10
            (0xff8, 0x0a1a_0200), // SECVID_MS
        ];
        let no_rng = &[
            (0xfa8, 0x0010_0000), // CTPR_MS: no RNG handles
            (0xfac, 0x0000_4400), // CTPR_LS: no blobs
            (0xfec, 0x0000_2004), // CHAVID_LS
            (0xff4, 0x1000_1011), // CHANUM_LS
        ];
        // What differs from Era 9.
        let with = |changes: &[(u32, u32)]| -> Vec<_> {
            let unchanged = |at: u32| changes.iter().all(|(other, _)| at != *other);
            era9.iter().filter(|(at, _)| unchanged(*at)).chain(changes).copied().collect()
        };
        let (era10, no_rng) = (with(era10), with(no_rng));
        let tables = [(&VIRT_ERA9, era9), (&VIRT_ERA10, &era10), (&VIRT_NO_RNG, &no_rng)];
        assert_eq!(tables.map(|(soc, _)| soc.name).to_vec(), names(), "a table a profile");
        for (soc, table) in tables {
            for offset in (START..0x1000).step_by(4) {
                let expected = match table.iter().find(|(at, _)| *at == offset) {
                    Some((_, value)) => Some(*value),
                    None => (0xf00..0xf38).contains(&offset).then_some(0),
                };
                let got = read(offset, soc, &state(&counters));
                assert_eq!(got, expected, "{}, {offset:#x}", soc.name);
            }
        }
    }

    fn names() -> Vec<&'static str> {
        PROFILES.iter().map(|p| p.name).collect()
    }

    #[test]
    fn rings_and_decos_are_counted() {
        let counters = Counters::default();
        for (rings, decos, expected) in
            [(1, 1, 0x1100_0000), (4, 15, 0x4f00_0000), (3, 8, 0x3800_0000)]
        {
            let state = State { rings, decos, ..state(&counters) };
            assert_eq!(read(0xff0, &VIRT_ERA9, &state), Some(expected));
        }
    }

    #[test]
    fn only_64_bit_parts_say_so() {
        let counters = Counters::default();
        let wide = SocProfile { pointer: PointerSize::Bits64, ..VIRT_ERA9 };
        assert_eq!(read(0xfa8, &wide, &state(&counters)), Some(1 << 20 | 1 << 17 | 2 << 8));
    }

    #[test]
    fn csta_says_busy_or_idle_and_little_endian() {
        let counters = Counters::default();
        for (busy, expected) in [(false, 2), (true, 1)] {
            let state = State { busy, ..state(&counters) };
            let csta = read(0xfd4, &VIRT_ERA9, &state).unwrap();
            assert_eq!(csta, expected);
            // Linux `ctrl.c` takes either of these for a big-endian CAAM.
            assert_eq!(csta & (1 << 10 | 1 << 18), 0);
            assert_eq!(csta >> 8 & 3, 0, "MOO: non-secure");
        }
    }

    #[test]
    fn the_fault_registers_name_address_direction_and_ring() {
        let counters = Counters::default();
        for (access, length, ring, detail) in [
            (Access::Read, 0, 0, 0xc000_8800),
            (Access::Read, 16, 0, 0xc000_8810),
            (Access::Write, 16, 0, 0xc000_8890),
            (Access::Write, 0x7f, 3, 0xc000_b8ff),
            (Access::Read, 0x80, 1, 0xc001_9800),
            (Access::Read, 0x3ff, 2, 0xc007_a87f),
            (Access::Read, 1 << 20, 2, 0xc007_a87f),
        ] {
            let purpose = crate::memory::Purpose::Input;
            let error = DmaError { purpose, address: 0x12_3456_789a, length, access };
            for high_word_first in [false, true] {
                let soc = SocProfile { high_word_first, ..VIRT_ERA9 };
                let state = State { fault: Fault::new(&error, ring), ..state(&counters) };
                let word = |offset| read(offset, &soc, &state).unwrap();
                assert_eq!(soc.join(word(0xfc0), word(0xfc4)), 0x12_3456_789a);
                assert_eq!(word(0xfcc), detail, "{error:?}, ring {ring}");
                assert_eq!(word(0xfc8), 0);
            }
        }
    }

    #[test]
    fn counters_are_64_bit_in_the_part_s_word_order() {
        let counters = Counters::default();
        let (cbc, gcm) = (Work::AesCbc, Work::AesGcm);
        let bytes = 0x1_0000_0003;
        for (operation, status) in [
            (Some((cbc, Direction::Encrypt, bytes)), JobStatus::OK),
            (Some((cbc, Direction::Encrypt, 1)), JobStatus::OK),
            (Some((cbc, Direction::Decrypt, 7)), JobStatus::OK),
            (Some((gcm, Direction::Encrypt, 16)), JobStatus::OK),
            (Some((gcm, Direction::Decrypt, 0x2_0000_0000)), JobStatus::OK),
            (Some((cbc, Direction::Decrypt, 999)), JobStatus::FLUSHED), // no work done
            (None, JobStatus::OK),
        ] {
            counters.dequeued(0);
            let operations = [operation, None];
            counters.finished(Some(0), &Report { operations, ..Report::of_status(status) });
        }
        for (offset, expected) in [
            (0xf00, 7),              // requests dequeued
            (0xf08, 3),              // encryptions
            (0xf10, 2),              // decryptions
            (0xf18, bytes + 1 + 16), // bytes encrypted
            (0xf20, 16),             // of these, by an AEAD
            (0xf28, 7 + 0x2_0000_0000),
            (0xf30, 0x2_0000_0000),
        ] {
            for high_word_first in [false, true] {
                let soc = SocProfile { high_word_first, ..VIRT_ERA9 };
                let word = |at| read(at, &soc, &state(&counters)).unwrap();
                assert_eq!(soc.join(word(offset), word(offset + 4)), expected, "{offset:#x}");
            }
        }
    }
}
