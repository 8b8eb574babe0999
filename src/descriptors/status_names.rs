//! Names of status words, for people: `ccb/aes/icv-check`, `deco/watchdog`, `jump-user/7`.
//!
//! The codes are those of [`super::status`], from Linux `error.c`.

use super::status::{ChaError, ChaId, DecoError, Failure, JobStatus, Position};

/// CHAs.
pub const CHAS: &[(&str, ChaId)] = &[
    ("ccb", ChaId::Ccb),
    ("aes", ChaId::Aes),
    ("des", ChaId::Des),
    ("arc4", ChaId::Arc4),
    ("mdha", ChaId::Mdha),
    ("rng", ChaId::Rng),
    ("snow-f8", ChaId::SnowF8),
    ("kasumi", ChaId::Kasumi),
    ("pkha", ChaId::Pkha),
    ("crc", ChaId::Crc),
    ("snow-f9", ChaId::SnowF9),
    ("zuc-e", ChaId::ZucE),
    ("zuc-a", ChaId::ZucA),
];

/// What a CHA objects to.
pub const CHA_ERRORS: &[(&str, ChaError)] = &[
    ("mode", ChaError::Mode),
    ("data-size", ChaError::DataSize),
    ("key-size", ChaError::KeySize),
    ("pkha-a-size", ChaError::PkhaASize),
    ("pkha-b-size", ChaError::PkhaBSize),
    ("data-sequence", ChaError::DataSequence),
    ("divide-by-zero", ChaError::DivideByZero),
    ("modulus-even", ChaError::ModulusEven),
    ("key-parity", ChaError::KeyParity),
    ("icv-check", ChaError::IcvCheck),
    ("hardware", ChaError::Hardware),
    ("aad-size", ChaError::AadSize),
    ("class-not-reset", ChaError::ClassNotReset),
    ("invalid-combination", ChaError::InvalidCombination),
    ("invalid-cha", ChaError::InvalidCha),
];

/// What a DECO objects to.
pub const DECO_ERRORS: &[(&str, DecoError)] = &[
    ("sgt-too-short", DecoError::SgtTooShort),
    ("sgt-null-entry", DecoError::SgtNullEntry),
    ("invalid-command", DecoError::InvalidCommand),
    ("key", DecoError::Key),
    ("load", DecoError::Load),
    ("store", DecoError::Store),
    ("operation", DecoError::Operation),
    ("fifo-load", DecoError::FifoLoad),
    ("fifo-store", DecoError::FifoStore),
    ("move", DecoError::Move),
    ("jump", DecoError::Jump),
    ("math", DecoError::Math),
    ("signature", DecoError::Signature),
    ("sequence", DecoError::Sequence),
    ("shared-header", DecoError::SharedHeader),
    ("header", DecoError::Header),
    ("context-length", DecoError::ContextLength),
    ("dma", DecoError::Dma),
    ("job-ring-reset", DecoError::JobRingReset),
    ("watchdog", DecoError::Watchdog),
    ("metadata-size", DecoError::MetadataSize),
    ("kek-not-loaded", DecoError::KekNotLoaded),
    ("do-not-run", DecoError::DoNotRun),
    ("unknown-protocol", DecoError::UnknownProtocol),
    ("protocol-data", DecoError::ProtocolData),
    ("protocol-size", DecoError::ProtocolSize),
    ("blob-mode", DecoError::BlobMode),
    ("blob-size", DecoError::BlobSize),
];

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
}

/// The status word that `name` stands for: `ccb/CHA/ERROR`, `deco/ERROR`, or `SOURCE/CODE` with a
/// source of `jump-user`, `deco`, `qi`, `jr`, `jump-condition` and a code of 8 bits.
#[must_use]
pub fn parse(name: &str) -> Option<JobStatus> {
    let at = Position::default();
    let (source, rest) = name.split_once('/')?;
    if source == "ccb" {
        let (cha, error) = rest.split_once('/')?;
        return Some(Failure::Ccb(find(CHAS, cha)?, find(CHA_ERRORS, error)?).status(at));
    }
    if source == "deco"
        && let Some(error) = find(DECO_ERRORS, rest)
    {
        return Some(Failure::Deco(error).status(at));
    }
    let code = match rest.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16).ok()?,
        None => rest.parse().ok()?,
    };
    let source = match source {
        "jump-user" => 3,
        "deco" => 4,
        "qi" => 5,
        "jr" => 6,
        "jump-condition" => 7,
        _ => return None,
    };
    Some(JobStatus(source << 28 | u32::from(code)))
}

/// The name of a status word's error, which [`parse`] reads; the place in the descriptor is not
/// in it. `0x20000afa` for a word that no name stands for.
#[must_use]
pub fn name(status: JobStatus) -> String {
    let code = status.0 as u8;
    let of_deco = DECO_ERRORS.iter().find(|(_, error)| *error as u8 == code);
    let of_cha = || {
        let (cha, _) = CHAS.iter().find(|(_, cha)| *cha as u8 == code >> 4)?;
        let (error, _) = CHA_ERRORS.iter().find(|(_, error)| *error as u8 == code & 0xf)?;
        Some(format!("ccb/{cha}/{error}"))
    };
    let by_number = |source| Some(format!("{source}/{code:#x}"));
    let name = match status.0 >> 28 {
        0 if status.is_ok() => Some("ok".to_owned()),
        2 => of_cha(),
        3 => by_number("jump-user"),
        4 => of_deco.map(|(name, _)| format!("deco/{name}")).or_else(|| by_number("deco")),
        5 => by_number("qi"),
        6 => by_number("jr"),
        7 => by_number("jump-condition"),
        _ => None,
    };
    name.unwrap_or_else(|| status.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_status_words() {
        let cases = [
            ("ccb/aes/icv-check", 0x2000_001a),
            ("ccb/rng/hardware", 0x2000_005b),
            ("deco/watchdog", 0x4000_001c),
            ("deco/0xf1", 0x4000_00f1),
            ("jump-user/7", 0x3000_0007),
            ("jump-condition/0x10", 0x7000_0010),
            ("jr/31", 0x6000_001f),
            ("qi/0x20", 0x5000_0020),
        ];
        for (name, word) in cases {
            assert_eq!(parse(name), Some(JobStatus(word)), "{name}");
        }
        for bad in ["", "aes", "ccb/aes", "ccb/aes/0x1a", "deco/", "deco/256", "dma/1", "jr/-1"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn status_words_have_the_name_that_means_them() {
        for (word, expected) in [
            (0, "ok"),
            (0x2000_0a1a, "ccb/aes/icv-check"),
            (0x4800_031c, "deco/watchdog"),
            (0x4000_00f1, "deco/0xf1"),
            (0x3000_0507, "jump-user/0x7"),
            (0x7000_0010, "jump-condition/0x10"),
            (0x2000_00fa, "0x200000fa"),
            (0x2000_0010, "0x20000010"),
            (0x1000_0000, "0x10000000"),
        ] {
            assert_eq!(name(JobStatus(word)), expected);
        }
        for word in (2..8).flat_map(|source: u32| (0..256).map(move |code| source << 28 | code)) {
            let status = JobStatus(word);
            assert!(parse(&name(status)).is_none_or(|parsed| parsed == status), "{status}");
        }
    }

    #[test]
    fn no_name_stands_twice() {
        for table in [
            CHAS.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            CHA_ERRORS.iter().map(|(n, _)| *n).collect(),
            DECO_ERRORS.iter().map(|(n, _)| *n).collect(),
        ] {
            let mut sorted = table.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), table.len());
        }
    }
}
