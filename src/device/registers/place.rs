//! Which register an offset of BAR 0 is, by class and name: for logs.

use super::{ctrl, name, version};
use crate::device::{PAGE, rng4};
use crate::jobring::registers::MAP;

/// What a register is about. Each has a target in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A job ring's page.
    JobRing,
    /// RNG4, in the CTRL page.
    Rng,
    /// The rest of the CTRL page.
    Ctrl,
    /// DECO 0's page.
    Deco,
    /// The version and performance window of any page.
    Version,
    /// PCI configuration space.
    Config,
    /// What has no register.
    None,
}

impl Class {
    /// Every class that has registers: its name in `--log registers=`, and its target.
    pub const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::JobRing, "jobring", "caam_emu::registers::jobring"),
        (Self::Rng, "rng", "caam_emu::registers::rng"),
        (Self::Ctrl, "ctrl", "caam_emu::registers::ctrl"),
        (Self::Deco, "deco", "caam_emu::registers::deco"),
        (Self::Version, "version", "caam_emu::registers::version"),
        (Self::Config, "config", "caam_emu::registers::config"),
    ];

    /// Target of log lines about accesses to such a register.
    #[must_use]
    pub fn target(self) -> &'static str {
        let found = Self::ALL.iter().find(|(class, _, _)| *class == self);
        found.map_or("caam_emu::registers::none", |(_, _, target)| target)
    }
}

/// A register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What it is about.
    pub class: Class,
    /// The job ring, if it is one's.
    pub ring: Option<usize>,
    /// The reference manual's name, where the device keeps one.
    pub name: Option<&'static str>,
    /// Its value may be a key or entropy, and belongs in no log.
    pub secret: bool,
}

/// The register at an offset of BAR 0, of a device with so many job rings.
#[must_use]
pub fn place(offset: u32, rings: usize) -> Place {
    let within = (offset % PAGE) & !3;
    let place = |class, name| Place { class, ring: None, name, secret: false };
    match offset / PAGE {
        5 => place(Class::None, None),
        _ if within >= version::START => place(Class::Version, version_name(within)),
        0 if (rng4::START..rng4::END).contains(&within) => {
            // Entropy of the TRNG.
            let secret = (rng4::RTENT0..=rng4::RTENT15).contains(&within);
            Place { secret, ..place(Class::Rng, name(rng4::TABLE, within)) }
        }
        0 => place(Class::Ctrl, name(ctrl::TABLE, within)),
        n if (1..=rings as u32).contains(&n) => {
            let found = MAP.binary_search_by_key(&within, |(at, _, _)| *at).ok();
            let name = found.map(|i| MAP[i].2);
            Place { ring: Some(n as usize - 1), ..place(Class::JobRing, name) }
        }
        8 => match within {
            0x800 => place(Class::Deco, Some("D0JQCR_MS")),
            0x810 => place(Class::Deco, Some("D0OPSTA_MS")),
            // A descriptor may have a key in it.
            0xa00..0xb00 => Place { secret: true, ..place(Class::Deco, Some("D0DESB")) },
            0xe04 => place(Class::Deco, Some("D0DDR")),
            0xe3c => place(Class::Deco, Some("D0DER")),
            _ => place(Class::Deco, None),
        },
        _ => place(Class::None, None),
    }
}

/// Names of the window's registers (Linux `regs.h`, `struct caam_perfmon`, `struct version_regs`).
fn version_name(within: u32) -> Option<&'static str> {
    const NAMES: &[(u32, &str)] = &[
        (0xe8c, "PKHA_VERSION"),
        (0xe90, "AESA_VERSION"),
        (0xe94, "MDHA_VERSION"),
        (0xe98, "DESA_VERSION"),
        (0xeac, "CCHA_VERSION"),
        (0xeb0, "PTHA_VERSION"),
        (0xeb4, "RNG_VERSION"),
        (0xeb8, "TRNG_VERSION"),
        (0xef8, "JR_VERSION"),
        (0xefc, "DECO_VERSION"),
        (0xf00, "PC_REQ_DEQ"),
        (0xf04, "PC_REQ_DEQ+4"),
        (0xf08, "PC_OB_ENC_REQ"),
        (0xf0c, "PC_OB_ENC_REQ+4"),
        (0xf10, "PC_IB_DEC_REQ"),
        (0xf14, "PC_IB_DEC_REQ+4"),
        (0xf18, "PC_OB_ENCRYPT"),
        (0xf1c, "PC_OB_ENCRYPT+4"),
        (0xf20, "PC_OB_PROTECT"),
        (0xf24, "PC_OB_PROTECT+4"),
        (0xf28, "PC_IB_DECRYPT"),
        (0xf2c, "PC_IB_DECRYPT+4"),
        (0xf30, "PC_IB_VALIDATED"),
        (0xf34, "PC_IB_VALIDATED+4"),
        (0xfa0, "CRNR_MS"),
        (0xfa4, "CRNR_LS"),
        (0xfa8, "CTPR_MS"),
        (0xfac, "CTPR_LS"),
        (0xfb4, "SMSTA"),
        (0xfbc, "SMPO"),
        (0xfc0, "FAR"),
        (0xfc4, "FAR+4"),
        (0xfc8, "FALR"),
        (0xfcc, "FADR"),
        (0xfd4, "CSTA"),
        (0xfd8, "SMVID_MS"),
        (0xfdc, "SMVID_LS"),
        (0xfe0, "RVID"),
        (0xfe4, "CCBVID"),
        (0xfe8, "CHAVID_MS"),
        (0xfec, "CHAVID_LS"),
        (0xff0, "CHANUM_MS"),
        (0xff4, "CHANUM_LS"),
        (0xff8, "SECVID_MS"),
        (0xffc, "SECVID_LS"),
    ];
    NAMES.binary_search_by_key(&within, |(at, _)| *at).ok().map(|i| NAMES[i].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::counters::Counters;
    use crate::device::soc::PROFILES;

    fn at(offset: u32) -> (Class, Option<usize>, Option<&'static str>) {
        let place = place(offset, 2);
        (place.class, place.ring, place.name)
    }

    #[test]
    fn each_page_has_its_class() {
        assert_eq!(at(0x0004), (Class::Ctrl, None, Some("MCFGR")));
        assert_eq!(at(0x0600), (Class::Rng, None, Some("RTMCTL")));
        assert_eq!(at(0x101c), (Class::JobRing, Some(0), Some("IRJAR")));
        assert_eq!(at(0x204c), (Class::JobRing, Some(1), Some("JRINTR")));
        assert_eq!(at(0x2008), (Class::JobRing, Some(1), None));
        assert_eq!(at(0x301c), (Class::None, None, None), "the third of two rings");
        assert_eq!(at(0x3fd4), (Class::Version, None, Some("CSTA")), "but it has the window");
        assert_eq!(at(0x5fd4), (Class::None, None, None));
        assert_eq!(at(0x8e04), (Class::Deco, None, Some("D0DDR")));
        assert_eq!(at(u32::MAX), (Class::Version, None, Some("SECVID_LS")));
    }

    #[test]
    fn keys_and_entropy_are_secret() {
        for offset in [0x0640, 0x067c, 0x8a00, 0x8afc] {
            assert!(place(offset, 4).secret, "{offset:#x}");
        }
        for offset in [0x063c, 0x0680, 0x89fc, 0x8b00, 0x101c, 0x1020] {
            assert!(!place(offset, 4).secret, "{offset:#x}");
        }
    }

    #[test]
    fn every_register_of_the_window_has_a_name() {
        let counters = Counters::default();
        for soc in PROFILES {
            let state = version::State {
                counters: &counters,
                fault: version::Fault::default(),
                busy: false,
                rings: 4,
                decos: 1,
            };
            for offset in (version::START..PAGE).step_by(4) {
                if version::read(offset, soc, &state).is_some() {
                    assert!(version_name(offset).is_some(), "{offset:#x}");
                }
            }
        }
    }

    #[test]
    fn targets_are_made_of_the_names() {
        for (class, name, target) in Class::ALL {
            assert_eq!(*target, format!("caam_emu::registers::{name}"));
            assert_eq!(class.target(), *target);
        }
    }
}
