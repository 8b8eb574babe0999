//! Offsets inside a job ring page, and the fields of its registers.
//!
//! Source: Linux `regs.h`, `struct caam_job_ring`; names are the manual's.

/// A register of the job ring page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Register {
    /// Input ring base address, word at +0.
    Irbar0,
    /// Input ring base address, word at +4.
    Irbar4,
    /// Input ring size, entries.
    Irsr,
    /// Input ring slots available.
    Irsar,
    /// Input ring jobs added.
    Irjar,
    /// Output ring base address, word at +0.
    Orbar0,
    /// Output ring base address, word at +4.
    Orbar4,
    /// Output ring size, entries.
    Orsr,
    /// Output ring jobs removed.
    Orjrr,
    /// Output ring slots full.
    Orsfr,
    /// Status of the last job.
    Jrstar,
    /// Interrupt status.
    Jrintr,
    /// Configuration, most significant word.
    JrcfgrMs,
    /// Configuration, least significant word.
    JrcfgrLs,
    /// Input ring read index, bytes.
    Irrir,
    /// Output ring write index, bytes.
    Orwir,
    /// Command.
    Jrcr,
}

/// Offset in the page and name of each register, ascending.
pub const MAP: &[(u32, Register, &str)] = &[
    (0x00, Register::Irbar0, "IRBAR"),
    (0x04, Register::Irbar4, "IRBAR+4"),
    (0x0c, Register::Irsr, "IRSR"),
    (0x14, Register::Irsar, "IRSAR"),
    (0x1c, Register::Irjar, "IRJAR"),
    (0x20, Register::Orbar0, "ORBAR"),
    (0x24, Register::Orbar4, "ORBAR+4"),
    (0x2c, Register::Orsr, "ORSR"),
    (0x34, Register::Orjrr, "ORJRR"),
    (0x3c, Register::Orsfr, "ORSFR"),
    (0x44, Register::Jrstar, "JRSTAR"),
    (0x4c, Register::Jrintr, "JRINTR"),
    (0x50, Register::JrcfgrMs, "JRCFGR_MS"),
    (0x54, Register::JrcfgrLs, "JRCFGR_LS"),
    (0x5c, Register::Irrir, "IRRIR"),
    (0x64, Register::Orwir, "ORWIR"),
    (0x6c, Register::Jrcr, "JRCR"),
];

/// The register at `offset` of the page.
#[must_use]
pub fn at(offset: u32) -> Option<Register> {
    MAP.binary_search_by_key(&offset, |(o, _, _)| *o).ok().map(|i| MAP[i].1)
}

/// JRCR: flush, and when flushed reset.
pub const JRCR_RESET: u32 = 1 << 0;
/// JRCR: finish running jobs, keep queued ones.
pub const JRCR_PARK: u32 = 1 << 1;

/// JRINTR: results wait to be looked at.
pub const JRINTR_JRI: u32 = 1 << 0;
/// JRINTR: a ring error.
pub const JRINTR_JRE: u32 = 1 << 1;
/// JRCFGR_LS: interrupt masked.
pub const JRCFGR_IMSK: u32 = 1 << 0;
/// JRCFGR_LS: interrupt coalescing enabled.
pub const JRCFGR_ICEN: u32 = 1 << 1;
/// JRCFGR_LS bits that hold: IMSK, ICEN, SOE, ICDCT, ICTT.
pub const JRCFGR_LS_BITS: u32 = 0xffff_ff07;
/// JRCFGR_MS: output entries carry the sequence-out count.
pub const JRCFGR_INCL_SEQ_OUT: u32 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_ascending_and_word_aligned() {
        assert!(MAP.windows(2).all(|w| w[0].0 < w[1].0));
        assert!(MAP.iter().all(|(offset, _, _)| offset % 4 == 0));
    }

    #[test]
    fn offsets_are_those_of_struct_caam_job_ring() {
        assert_eq!(at(0x14), Some(Register::Irsar));
        assert_eq!(at(0x6c), Some(Register::Jrcr));
        assert_eq!(at(0x08), None);
        assert_eq!(at(0x70), None);
    }
}
