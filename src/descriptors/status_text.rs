//! Status words explained, field by field.
//!
//! Codes are those of Linux `error.c`, which knows more of them than this device makes; what each
//! means is said in words of our own, with what it usually comes from.

use super::status::JobStatus;
use super::status_names;
use serde::Serialize;

/// A field of a status word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its bits, as in `31:28`.
    pub bits: &'static str,
    /// Its value.
    pub value: u32,
    /// What that means.
    pub meaning: String,
}

/// A status word explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The word, as `0x2000001a`.
    pub status: String,
    /// The name that fault rules know it by, with no regard to the index.
    pub name: String,
    /// All fields that its source has.
    pub fields: Vec<Field>,
    /// What the Linux driver returns to whoever asked for the job: an error number's name, or 0.
    pub errno: &'static str,
    /// What the Linux driver says.
    pub linux: &'static str,
}

/// Sources, SSRC.
const SOURCES: &[(u32, &str)] = &[
    (0, "none: no error"),
    (1, "DMA; not in output rings, only in a DECO's own status register"),
    (2, "CCB: a crypto engine, or the CCB itself, refused"),
    (3, "JUMP HALT USER: the descriptor ended itself with a code of its own"),
    (4, "DECO: a command could not be carried out"),
    (5, "QI: the queue interface, which job rings have nothing to do with"),
    (6, "job ring: the ring refused the job"),
    (7, "JUMP HALT: the descriptor ended itself because conditions held"),
];

/// CHAs.
const CHAS: &[(u32, &str)] = &[
    (0, "the CCB itself, no CHA"),
    (1, "AESA (AES)"),
    (2, "DESA (DES, 3DES)"),
    (3, "AFHA (ARC4)"),
    (4, "MDHA (hashes and HMAC)"),
    (5, "RNG"),
    (6, "SNOW f8"),
    (7, "KFHA (Kasumi)"),
    (8, "PKHA (big numbers)"),
    (9, "CRCA"),
    (0xa, "SNOW f9"),
    (0xb, "ZUC encryption"),
    (0xc, "ZUC authentication"),
];

/// What CHAs object to.
const CHA_ERRORS: &[(u32, &str)] = &[
    (1, "mode: the OPERATION asks for an algorithm mode (AAI, AS) that the CHA does not have"),
    (2, "data size: no whole number of blocks, too short for the mode, or PKHA's N size"),
    (3, "key size: not one the algorithm has, or no key was loaded; PKHA: E size"),
    (4, "PKHA A size: an operand longer than the modulus, or empty"),
    (5, "PKHA B size: an operand longer than the modulus, or empty"),
    (6, "data out of sequence: of a kind that cannot come at this point (AAD behind the message)"),
    (7, "PKHA divides by zero: the modulus is zero"),
    (8, "PKHA modulus is even, and the function needs an odd one"),
    (9, "DES key parity is wrong, and was to be checked"),
    (0xa, "ICV check: the tag or digest received is not the one computed. Data or key are wrong"),
    (0xb, "hardware error"),
    (0xc, "CCM: a size of AAD that is not supported"),
    (0xd, "class 1 CHA is still set up: two class 1 OPERATIONs with no reset between"),
    (0xe, "the class 1 and class 2 CHAs cannot work together"),
    (0xf, "no such CHA in this device"),
];

/// The same codes of the RNG, where they mean something else.
const RNG_ERRORS: &[(u32, &str)] = &[
    (3, "instantiate: the state handle is instantiated already"),
    (4, "the state handle is not instantiated"),
    (5, "a test instantiation was asked for where there is a normal one, or the other way round"),
    (6, "prediction resistance was asked for, the handle was instantiated without"),
    (7, "prediction resistance of a test instantiation"),
    (8, "uninstantiate: it failed"),
    (9, "secure key generation: it was done already, or cannot be done"),
    (0xb, "hardware error: not enough entropy. Linux tries again with a longer entropy delay"),
    (0xc, "continuous check: two equal outputs in a row"),
];

/// What DECOs object to.
const DECO_ERRORS: &[(u32, &str)] = &[
    (0x00, "no error"),
    (0x01, "scatter/gather table too short: it ends before the data does"),
    (0x02, "scatter/gather table has an entry with a length and no address"),
    (0x03, "job ring control"),
    (0x04, "invalid command: no such opcode. The index is often behind a wrong length"),
    (0x06, "KEY command: class, length or destination"),
    (0x07, "LOAD command: register, offset or length"),
    (0x08, "STORE command: register, offset or length"),
    (0x09, "OPERATION command"),
    (0x0a, "FIFO LOAD command: type, class or length"),
    (0x0b, "FIFO STORE command: type or length"),
    (0x0c, "MOVE command: source, destination or length"),
    (0x0d, "JUMP command: the target is outside the descriptor, or is no job descriptor"),
    (0x0e, "MATH command: operands or length"),
    (0x0f, "SIGNATURE command"),
    (0x10, "sequence: there is none, or it has fewer bytes left than the command takes"),
    (0x11, "skip: the sequence cannot be skipped here"),
    (0x12, "shared descriptor header: not a header, or not the length that the job says"),
    (0x13, "job descriptor header: not a header, or the lengths do not fit"),
    (0x14, "burster: a length that cannot be transferred"),
    (0x15, "context register: offset and length reach past its end"),
    (
        0x16,
        "DMA error: a bus access failed (an address that is not mapped). FAR and FADR say where",
    ),
    (0x17, "shared descriptor's DMA failed"),
    (0x1a, "the job was killed by a job ring reset or flush"),
    (0x1b, "the device is in fail mode (security violation)"),
    (0x1c, "watchdog: the descriptor loops, or waits for data or a CHA that never comes"),
    (0x1d, "key copy from a DECO that is locked"),
    (0x1e, "key copy from a DECO whose job has failed"),
    (0x1f, "LIODN of DECO and descriptor are not the same"),
    (0x20, "the DECO was reset by software (DRR)"),
    (0x21, "EKT: the nonces for black keys are used up"),
    (0x22, "more than 511 bytes of metadata"),
    (0x23, "read input frame"),
    (0x24, "the key for black keys (JDKEK, TDKEK, TDSK) is not loaded"),
    (0x80, "do-not-run is set in the (shared) descriptor: an earlier job that used it has failed"),
    (0x81, "no such protocol"),
    (0x82, "protocol data block: a setting that is not valid"),
    (0x83, "anti-replay: late packet"),
    (0x84, "anti-replay: packet seen before"),
    (0x85, "sequence number overflow"),
    (0x86, "signature is not valid (DSA, RSA)"),
    (0x87, "DSA sign: a parameter test failed"),
    (0x88, "protocol format: RSA padding is wrong"),
    (0x89, "protocol size: RSA input is larger than the modulus"),
    (0xc1, "blob: the mode does not exist"),
    (0xc2, "blob: secure memory setting"),
    (0xc4, "blob: key, key modifier or data of a wrong size"),
    (0xc5, "blob: destination of the key"),
    (0xc8, "blob: needs a trusted or secure state"),
    (0xf0, "IPsec: TTL or hop limit is 0 or 1"),
    (0xf1, "3GPP: the hyper frame number matches its threshold (a warning)"),
];

/// The conditions of a JUMP HALT, most significant bit first, without JSL.
const CONDITIONS: [&str; 8] =
    ["PK-0", "PK-GCD1", "PK-PRIME", "4", "MATH-N", "MATH-Z", "MATH-C", "MATH-NV"];

fn find(table: &[(u32, &str)], code: u32) -> String {
    let known = table.iter().find(|(c, _)| *c == code).map(|(_, text)| (*text).to_owned());
    known.unwrap_or_else(|| "not known".into())
}

/// What a status word says.
#[must_use]
pub fn explain(status: JobStatus) -> Explanation {
    let word = status.0;
    let source = word >> 28;
    let mut fields = vec![field("source", "31:28", source, find(SOURCES, source))];
    match source {
        2 => {
            fields.extend(place(word));
            let (cha, error) = (word >> 4 & 0xf, word & 0xf);
            let of_rng = RNG_ERRORS.iter().any(|(code, _)| cha == 5 && *code == error);
            let table = if of_rng { RNG_ERRORS } else { CHA_ERRORS };
            fields.push(field("CHA", "7:4", cha, find(CHAS, cha)));
            fields.push(field("error", "3:0", error, find(table, error)));
        }
        3 => {
            fields.extend(place(word));
            let meaning = "what the descriptor's author chose; 0 would have been success";
            fields.push(field("code", "7:0", word & 0xff, meaning.into()));
        }
        4 => {
            fields.extend(place(word));
            let error = word & 0xff;
            fields.push(field("error", "7:0", error, find(DECO_ERRORS, error)));
        }
        5 => {
            let meaning = "a code of the queue interface".into();
            fields.push(field("error", "7:0", word & 0xff, meaning));
        }
        6 => {
            let meaning = "which address in the ring".into();
            fields.push(field("address", "10:8", word >> 8 & 7, meaning));
            fields.push(field("error", "7:0", word & 0xff, "a code of the job ring".into()));
        }
        7 => {
            fields.extend(place(word));
            let held =
                |(n, name): (usize, &&'static str)| (word >> (7 - n) & 1 != 0).then_some(*name);
            let names: Vec<_> = CONDITIONS.iter().enumerate().filter_map(held).collect();
            let meaning = if names.is_empty() {
                "no flag was asked for: the CHA was done".to_owned()
            } else {
                format!("held: {} (with JSL the bits are others)", names.join(", "))
            };
            fields.push(field("conditions", "7:0", word & 0xff, meaning));
        }
        _ if word & 0x0fff_ffff != 0 => {
            let meaning = "nothing is known of these".into();
            fields.push(field("rest", "27:0", word & 0x0fff_ffff, meaning));
        }
        _ => {}
    }
    let (errno, linux) = linux(word);
    let name = status_names::name(status);
    Explanation { status: status.to_string(), name, fields, errno, linux }
}

fn field(name: &'static str, bits: &'static str, value: u32, meaning: String) -> Field {
    Field { name, bits, value, meaning }
}

/// Jump flag and descriptor index.
fn place(word: u32) -> [Field; 2] {
    let (jump, index) = (word >> 27 & 1, word >> 8 & 0xff);
    let counts = if jump == 0 {
        "the index counts from the start of the descriptor buffer"
    } else {
        "a non-local JUMP was taken: the index counts from its target"
    };
    let meaning = if jump == 0 {
        format!("word {index} of the buffer: the shared descriptor comes first, then the job's")
    } else {
        format!("word {index} of the descriptor that was jumped to")
    };
    [field("jump", "27", jump, counts.into()), field("index", "15:8", index, meaning)]
}

/// What the stock driver makes of it (Linux `error.c`, `caam_strstatus`).
fn linux(word: u32) -> (&'static str, &'static str) {
    match word >> 28 {
        0 if word == 0 => ("0", "the request succeeds; nothing is logged"),
        2 if word & 0xf == 0xa => {
            ("-EBADMSG", "nothing is logged, whatever the CHA: a wrong tag is all in a day's work")
        }
        2 => ("-EINVAL", "one line with status, index, CHA and error; such lines are rate-limited"),
        4 => ("-EINVAL", "one line with status, index and error, each time"),
        5 => ("-EINVAL", "one line with status and error, each time"),
        3 | 6 | 7 => ("-EINVAL", "one line that says that the driver does not decode this source"),
        _ => ("-EINVAL", "one line that says that the source is not known, or its name"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptors::status::{ChaError, ChaId, DecoError, Failure, Position};
    use crate::descriptors::status_names::{CHA_ERRORS, CHAS, DECO_ERRORS};

    fn field_of<'a>(e: &'a Explanation, name: &str) -> &'a Field {
        e.fields.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("{name}: {e:?}"))
    }

    #[test]
    fn every_failure_of_this_device_is_known() {
        let at = Position { index: 13, after_jump: false };
        for (_, cha) in CHAS {
            for (_, error) in CHA_ERRORS {
                let e = explain(Failure::Ccb(*cha, *error).status(at));
                assert!(e.fields.iter().all(|f| f.meaning != "not known"), "{e:?}");
                assert_eq!(field_of(&e, "CHA").value, *cha as u32);
                assert_eq!(field_of(&e, "index").value, 13);
            }
        }
        for (name, error) in DECO_ERRORS {
            let e = explain(Failure::Deco(*error).status(at));
            assert!(e.fields.iter().all(|f| f.meaning != "not known"), "{e:?}");
            assert_eq!(e.name, format!("deco/{name}"));
        }
    }

    #[test]
    fn the_rng_has_meanings_of_its_own() {
        let at = Position::default();
        let meaning = |cha| {
            let e = explain(Failure::Ccb(cha, ChaError::PkhaASize).status(at));
            field_of(&e, "error").meaning.clone()
        };
        assert!(meaning(ChaId::Rng).contains("not instantiated"));
        assert!(meaning(ChaId::Pkha).contains("PKHA A size"));
    }

    #[test]
    fn a_wrong_tag_is_not_the_driver_s_error() {
        for cha in [ChaId::Aes, ChaId::Mdha] {
            let e = explain(Failure::Ccb(cha, ChaError::IcvCheck).status(Position::default()));
            assert_eq!(e.errno, "-EBADMSG");
        }
        let e = explain(Failure::Deco(DecoError::Dma).status(Position::default()));
        assert_eq!(e.errno, "-EINVAL");
        assert_eq!(explain(JobStatus::OK).errno, "0");
    }

    /// The fields of a word together are the word.
    #[test]
    fn nothing_is_left_out() {
        for word in [0x2000_001a, 0x4800_0d16, 0x3000_0507, 0x7000_ff10, 0x1234_5678, 0xffff_ffff] {
            let e = explain(JobStatus(word));
            let shift = |bits: &str| bits.rsplit(':').next().unwrap().parse::<u32>().unwrap();
            let sum = e.fields.iter().fold(0, |sum, f| sum | f.value << shift(f.bits));
            // Bits 26:16 mean nothing with these sources.
            let mask = match word >> 28 {
                2 | 3 | 4 | 7 => 0xf800_ffff,
                _ => u32::MAX,
            };
            assert_eq!(sum, word & mask, "{e:?}");
        }
    }
}
