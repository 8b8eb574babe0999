//! The CTRL page, block 0: configuration, job ring start and ownership, DECO requests.

use super::Definition;

const fn rw(offset: u32, name: &'static str, reset: u32, writable: u32) -> Definition {
    Definition { offset, name, reset, writable }
}

/// Master configuration.
pub const MCFGR: u32 = 0x004;
/// Security configuration.
pub const SCFGR: u32 = 0x00c;
/// Job ring start.
pub const JRSTART: u32 = 0x05c;
/// DECO request source.
pub const DECORSR: u32 = 0x094;
/// DECO request.
pub const DECORR: u32 = 0x09c;
/// DECO availability.
pub const DAR: u32 = 0x120;
/// DECO reset.
pub const DRR: u32 = 0x124;

/// MCFGR: software reset, self-clearing.
pub const MCFGR_SWRST: u32 = 1 << 31;
/// MCFGR: DMA reset, self-clearing.
pub const MCFGR_DMA_RST: u32 = 1 << 28;
/// SCFGR: private blob type. Sticky: bits can be set, not cleared.
pub const SCFGR_PRIBLOB: u32 = 3;
/// SCFGR: RNG state handle 0 in deterministic mode. Sticky, too.
pub const SCFGR_RNGSH0: u32 = 1 << 9;
/// DECORSR: the source is valid.
pub const DECORSR_VALID: u32 = 1 << 31;
/// DECORR: software asks for DECO 0.
pub const DECORR_RQD0: u32 = 1 << 0;
/// DECORR: DECO 0 is software's.
pub const DECORR_DEN0: u32 = 1 << 16;

/// The page. The reset value of MCFGR is i.MX RT1170's (mcux-sdk `fsl_caam.c` restores it).
pub const TABLE: &[Definition] = &[
    rw(MCFGR, "MCFGR", 0x0008_2300, 0x7ffe_ffff & !MCFGR_DMA_RST),
    rw(0x008, "PAGE0_SDID", 0, 0x0000_7fff),
    rw(SCFGR, "SCFGR", 0, 0xfc00_8f00 | SCFGR_PRIBLOB),
    rw(0x010, "JR0MIDR_MS", 0, 0xffff_ffff),
    rw(0x014, "JR0MIDR_LS", 0, 0xffff_ffff),
    rw(0x018, "JR1MIDR_MS", 0, 0xffff_ffff),
    rw(0x01c, "JR1MIDR_LS", 0, 0xffff_ffff),
    rw(0x020, "JR2MIDR_MS", 0, 0xffff_ffff),
    rw(0x024, "JR2MIDR_LS", 0, 0xffff_ffff),
    rw(0x028, "JR3MIDR_MS", 0, 0xffff_ffff),
    rw(0x02c, "JR3MIDR_LS", 0, 0xffff_ffff),
    rw(JRSTART, "JRSTART", 0, 0x0000_000f),
    rw(0x060, "RTICMIDR_MS", 0, 0xffff_ffff),
    rw(0x064, "RTICMIDR_LS", 0, 0xffff_ffff),
    rw(DECORSR, "DECORSR", 0, 0x0000_0003),
    rw(DECORR, "DECORR", 0, DECORR_RQD0),
    rw(0x0a0, "DECO0MIDR_MS", 0, 0xffff_ffff),
    rw(0x0a4, "DECO0MIDR_LS", 0, 0xffff_ffff),
    rw(DAR, "DAR", 0x0000_0001, 0),
    rw(DRR, "DRR", 0, 0),
    rw(0x220, "PBSL", 0, 0x0000_007f),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascending_aligned_and_inside_the_page() {
        assert!(TABLE.windows(2).all(|w| w[0].offset < w[1].offset));
        assert!(TABLE.iter().all(|d| d.offset % 4 == 0 && d.offset < 0xe80));
    }

    #[test]
    fn self_clearing_bits_do_not_hold() {
        let mcfgr = TABLE.iter().find(|d| d.offset == MCFGR).unwrap();
        assert_eq!(mcfgr.writable & (MCFGR_SWRST | MCFGR_DMA_RST), 0);
    }
}
