//! PKHA: modular arithmetic on numbers of up to 4096 bits, and the RSA protocols made of it.
//!
//! Numbers are big-endian byte strings, as they stand in guest memory and in the PKHA's A, B, E
//! and N memories; leading zeros do not change a number, but they count for the length of a
//! result.
//!
//! | Function of PKHA (OPERATION bits 5:0) | Here |
//! |---|---|
//! | 02 A + B, 03 A - B | [`mod_add`], [`mod_sub`] |
//! | 05 A * B | [`mod_mul`] |
//! | 06 A ^ E | [`mod_exp`] |
//! | 07 A mod N | [`mod_reduce`] |
//! | 08 inverse of A | [`mod_inverse`] |
//!
//! | Protocol of the DECO | Here |
//! |---|---|
//! | 18 RSA encrypt | [`rsa_public`] |
//! | 19 RSA decrypt, private key form 1, 2, 3 | [`rsa_private1`], [`rsa_private2`], [`rsa_private3`] |
//!
//! Sources: caamflib `operation_cmd.h` by way of the project's notes (functions), Linux
//! `caampkc.c`, `pkc_desc.c`, `pdb.h` (protocols), Linux `error.c` (errors). Which error a wrong
//! operand meets is inferred wherever [`PkhaError`] says so.
//!
//! The arithmetic is the `crypto-bigint` crate's. Temporary copies of private numbers are
//! overwritten when they are dropped; how long an operation takes may depend on the sizes of the
//! numbers, and in form 2 on the numbers.

mod arithmetic;
mod rsa;
#[cfg(test)]
mod tests;

pub use arithmetic::{mod_add, mod_exp, mod_inverse, mod_mul, mod_reduce, mod_sub};
pub use rsa::{rsa_private1, rsa_private2, rsa_private3, rsa_public};

use thiserror::Error;

/// Most bytes a number may have: 4096 bits, the size of PKHA's memories (Linux `caampkc.c`,
/// `CAAM_RSA_MAX_INPUT_SIZE`).
pub const MAX_BYTES: usize = 512;

/// Why PKHA or an RSA protocol refuses its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PkhaError {
    /// A modulus with no bytes, or more than [`MAX_BYTES`].
    #[error("modulus of {0} bytes (1 to {MAX_BYTES} expected)")]
    ModulusSize(usize),
    /// An exponent with no bytes, or more than [`MAX_BYTES`].
    #[error("exponent of {0} bytes (1 to {MAX_BYTES} expected)")]
    ExponentSize(usize),
    /// The operand A is too long, or not smaller than the modulus (inferred).
    #[error("operand A too long, or not smaller than the modulus")]
    OperandA,
    /// The operand B is too long, or not smaller than the modulus (inferred).
    #[error("operand B too long, or not smaller than the modulus")]
    OperandB,
    /// A modulus of zero, or an inverse that does not exist (inferred).
    #[error("division by zero: modulus of zero, or no inverse")]
    DivideByZero,
    /// Multiplication and exponentiation want an odd modulus.
    #[error("even modulus")]
    EvenModulus,
    /// RSA: the input is longer than the modulus (Linux `error.c`, DECO error 89).
    #[error("RSA input longer than the modulus")]
    ProtocolSize,
}

/// Where a [`PkhaError`] shows in a job's status word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// CCB error: CHA 8 (PKHA), and this in bits 3:0.
    Pkha(u8),
    /// DECO error: this in bits 7:0.
    Deco(u8),
}

impl PkhaError {
    /// The error's code (Linux `error.c`, `err_id_list` and `desc_error_list`).
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::ModulusSize(_) => Code::Pkha(2),
            Self::ExponentSize(_) => Code::Pkha(3),
            Self::OperandA => Code::Pkha(4),
            Self::OperandB => Code::Pkha(5),
            Self::DivideByZero => Code::Pkha(7),
            Self::EvenModulus => Code::Pkha(8),
            Self::ProtocolSize => Code::Deco(0x89),
        }
    }
}
