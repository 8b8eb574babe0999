//! The version and performance window, 0xE80..0x1000, which every page of CAAM repeats.
//!
//! Everything here is derived from the [`SocProfile`], the counters, or the last fault. Linux
//! `regs.h`, `struct version_regs` and `struct caam_perfmon`.

use crate::control::counters::Counters;
use crate::device::soc::{Cha, SocProfile};
use crate::memory::{Access, DmaError};

/// First offset of the window.
pub const START: u32 = 0xe80;

/// The fault address registers: the first DMA error since reset, as hardware latches it.
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

fn of_all(soc: &SocProfile, field: fn(&Cha) -> u8) -> u32 {
    nibble(field(&soc.aes), 0)
}

/// The word at `offset` of any page, if the window has a register there.
#[must_use]
pub fn read(offset: u32, soc: &SocProfile, state: &State<'_>) -> Option<u32> {
    if let Some((counter, half)) = counter_at(offset) {
        let (at0, at4) = soc.split(state.counters.performance(counter));
        return Some(if half == 0 { at0 } else { at4 });
    }
    Some(match offset {
        // CRNR
        0xfa0 => 0,
        0xfa4 => of_all(soc, |cha| cha.revision),
        // CTPR_MS: no virtualisation, no queue interface, 4 KiB pages, one RNG state handle or
        // none, DECO watchdog (20). CTPR_LS: no blobs, no protocols, no DKP.
        0xfa8 => 1 << 20 | u32::from(soc.pointer.bytes() == 8) << 17,
        0xfac => 0,
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

/// Names of the window's registers, for logs.
#[must_use]
pub fn name(offset: u32) -> Option<&'static str> {
    Some(match offset {
        0xf00..0xf38 => "PC_*",
        0xfa0 | 0xfa4 => "CRNR",
        0xfa8 | 0xfac => "CTPR",
        0xfb4 => "SMSTA",
        0xfbc => "SMPO",
        0xfc0 | 0xfc4 => "FAR",
        0xfc8 => "FALR",
        0xfcc => "FADR",
        0xfd4 => "CSTA",
        0xfd8 | 0xfdc => "SMVID",
        0xfe0 => "RVID",
        0xfe4 => "CCBVID",
        0xfe8 | 0xfec => "CHAVID",
        0xff0 | 0xff4 => "CHANUM",
        0xff8 | 0xffc => "SECVID",
        _ => return None,
    })
}
