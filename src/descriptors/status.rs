//! How a job ends: the 32-bit status word of the output ring, `JRSTAR` and `DOPSTA`.
//!
//! Layout (Linux `regs.h`, `JRSTA_*`): source in 31:28, for CCB and DECO sources the jump flag in
//! 27 and the descriptor index in 15:8 (14:8 here, a descriptor has 64 words), and the rest by
//! source. The meanings of the codes are those of Linux `error.c`.

use std::fmt;

/// The CHA a CCB error names (status bits 7:4; Linux `error.c`, `cha_id_list`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum ChaId {
    /// The CCB itself, no CHA selected.
    Ccb = 0,
    Aes = 1,
    Des = 2,
    Arc4 = 3,
    Mdha = 4,
    Rng = 5,
    SnowF8 = 6,
    Kasumi = 7,
    Pkha = 8,
    Crc = 9,
    SnowF9 = 0xa,
    ZucE = 0xb,
    ZucA = 0xc,
}

/// What a CHA objects to (status bits 3:0; Linux `error.c`, `err_id_list`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ChaError {
    /// The mode is not one the CHA has.
    Mode = 1,
    /// Data size not valid for the mode.
    DataSize = 2,
    /// Key size not valid for the algorithm, or no key loaded.
    KeySize = 3,
    /// PKHA A size.
    PkhaASize = 4,
    /// PKHA B size; for the RNG, test and normal instantiation mixed.
    PkhaBSize = 5,
    /// Data of a kind that cannot come at this point.
    DataSequence = 6,
    /// Division by zero; for the RNG, prediction resistance asked of a test instantiation.
    DivideByZero = 7,
    /// Even modulus; for the RNG, uninstantiation failed.
    ModulusEven = 8,
    /// DES key parity; for the RNG, secure key generation.
    KeyParity = 9,
    /// The ICV received is not the one computed.
    IcvCheck = 0xa,
    /// Hardware error; for the RNG, not enough entropy.
    Hardware = 0xb,
    /// CCM AAD size; for the RNG, continuous check.
    AadSize = 0xc,
    /// Class 1 mode written again without resetting the class.
    ClassNotReset = 0xd,
    /// The two classes' CHAs cannot work together.
    InvalidCombination = 0xe,
    /// No such CHA in this device.
    InvalidCha = 0xf,
}

/// DECO error codes (status bits 7:0; Linux `error.c`, `desc_error_list`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DecoError {
    /// A scatter/gather table ended before the data did.
    SgtTooShort = 0x01,
    /// A scatter/gather entry with a length and no address.
    SgtNullEntry = 0x02,
    /// The command's opcode is not one the DECO has.
    InvalidCommand = 0x04,
    /// KEY cannot be carried out as written.
    Key = 0x06,
    /// LOAD cannot be carried out as written.
    Load = 0x07,
    /// STORE cannot be carried out as written.
    Store = 0x08,
    /// OPERATION cannot be carried out as written.
    Operation = 0x09,
    /// FIFO LOAD cannot be carried out as written.
    FifoLoad = 0x0a,
    /// FIFO STORE cannot be carried out as written.
    FifoStore = 0x0b,
    /// MOVE cannot be carried out as written.
    Move = 0x0c,
    /// JUMP to a place outside the descriptor, or to something that is no job descriptor.
    Jump = 0x0d,
    /// MATH cannot be carried out as written.
    Math = 0x0e,
    /// SIGNATURE: this device has no trusted descriptors.
    Signature = 0x0f,
    /// A sequence command without a sequence, or past its length.
    Sequence = 0x10,
    /// Shared descriptor header not valid.
    SharedHeader = 0x12,
    /// Job descriptor header not valid.
    Header = 0x13,
    /// Offset and length reach past the end of a context register.
    ContextLength = 0x15,
    /// A DMA access failed; `FAR` and `FADR` say where.
    Dma = 0x16,
    /// The job was killed by a job ring reset.
    JobRingReset = 0x1a,
    /// The watchdog: the descriptor loops, or waits for something that cannot come.
    Watchdog = 0x1c,
    /// More than 511 bytes of metadata.
    MetadataSize = 0x22,
    /// A black key needs `JDKEK`/`TDKEK`, which are not loaded.
    KekNotLoaded = 0x24,
    /// The descriptor is marked do-not-run.
    DoNotRun = 0x80,
    /// The protocol is not one the DECO has.
    UnknownProtocol = 0x81,
    /// The protocol data block is not valid.
    ProtocolData = 0x82,
    /// A size in a protocol is not valid: RSA input larger than the modulus.
    ProtocolSize = 0x89,
    /// Blob: the format is not one the DECO has.
    BlobMode = 0xc1,
    /// Blob: key or input of a wrong size.
    BlobSize = 0xc4,
}

/// Why a job did not end with status 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A crypto engine or the CCB refused.
    Ccb(ChaId, ChaError),
    /// The descriptor controller refused.
    Deco(DecoError),
    /// The descriptor ended itself with JUMP HALT and a user code.
    HaltUser(u8),
    /// The descriptor ended itself with a conditional JUMP HALT; the conditions that held.
    HaltCondition(u8),
}

impl From<DecoError> for Failure {
    fn from(error: DecoError) -> Self {
        Self::Deco(error)
    }
}

/// Where in the descriptor the failing command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Word number in the descriptor buffer (shared descriptor first, then the job descriptor).
    pub index: u8,
    /// A non-local jump has been taken: the index counts from the jump's target.
    pub after_jump: bool,
}

impl Failure {
    /// The status word for this failure at `position`.
    #[must_use]
    pub fn status(self, position: Position) -> JobStatus {
        let place = u32::from(position.after_jump) << 27 | u32::from(position.index & 0x7f) << 8;
        JobStatus(match self {
            Self::Ccb(cha, error) => 2 << 28 | place | (cha as u32) << 4 | error as u32,
            // Offset 0 ends the job with success: how mcux uses JUMP HALT USER.
            Self::HaltUser(0) => 0,
            Self::HaltUser(code) => 3 << 28 | place | u32::from(code),
            Self::Deco(error) => 4 << 28 | place | error as u32,
            Self::HaltCondition(conditions) => 7 << 28 | place | u32::from(conditions),
        })
    }
}

/// A finished job's status word. Zero is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobStatus(pub u32);

impl JobStatus {
    /// No error.
    pub const OK: Self = Self(0);
    /// What flushed jobs are returned with: DECO, killed by job ring reset.
    pub const FLUSHED: Self = Self(4 << 28 | DecoError::JobRingReset as u32);

    /// Whether the job succeeded.
    #[must_use]
    pub fn is_ok(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(index: u8) -> Position {
        Position { index, after_jump: false }
    }

    #[test]
    fn words_are_laid_out_as_the_drivers_decode_them() {
        // Linux: "20000a1a" style messages: source CCB, index, CHA, error.
        let icv = Failure::Ccb(ChaId::Aes, ChaError::IcvCheck);
        assert_eq!(icv.status(at(10)).0, 0x2000_0a1a);
        let watchdog = Failure::Deco(DecoError::Watchdog);
        assert_eq!(watchdog.status(Position { index: 3, after_jump: true }).0, 0x4800_031c);
        assert_eq!(Failure::HaltCondition(0).status(at(0)).0, 0x7000_0000);
        assert_eq!(JobStatus::FLUSHED.0, 0x4000_001a);
    }

    #[test]
    fn user_halt_zero_is_success() {
        assert!(Failure::HaltUser(0).status(at(5)).is_ok());
        assert_eq!(Failure::HaltUser(7).status(at(5)).0, 0x3000_0507);
    }
}
