//! Keys and data that leave the device wrapped: black keys ([`black`]) and blobs ([`blob`]).
//!
//! A black key lies in memory encrypted with a key encryption key that lasts until power-off
//! (JDKEK, or TDKEK for trusted descriptors). A blob is bound to the master key, which is the
//! same at each power-on, so that it outlives one.
//!
//! Of the hardware's formats the drivers know the sizes, and that black keys are AES-ECB or
//! AES-CCM, and blobs AES-CCM with a random key (Linux `desc_constr.h`, `blob_gen.c`,
//! `caam-blob.h`). What is inside is inferred, here as in each function: nothing wrapped by
//! silicon unwraps here, nor the other way round.

pub mod black;
pub mod blob;
mod ccm;
mod master;
#[cfg(test)]
mod tests;

pub use master::MasterKey;

use thiserror::Error;

/// Bytes of a key encryption key, a blob key or a master key: AES-256.
pub const KEY: usize = 32;

/// Why something cannot be wrapped or unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WrapError {
    /// Too long, too short, or wrapped and unwrapped lengths that do not belong together (KEY:
    /// DECO error 06; blobs: DECO error C4).
    #[error("{0} bytes cannot be wrapped or unwrapped")]
    Size(usize),
    /// The MAC is not the one computed: another key, or changed bytes (CCB error A of AESA).
    #[error("integrity check failed")]
    Integrity,
}
