//! AESA: the AES engine and its modes.
//!
//! | Mode | Here | Where the running state lives |
//! |---|---|---|
//! | ECB | [`ecb`] | nowhere |
//! | CBC | [`cbc`] | class 1 context 0-15: IV, then last ciphertext block |
//! | CTR | [`ctr`] | class 1 context 16-31: counter block |
//! | XTS | [`Xts`] | class 1 context 0x20-0x37: sector index and size |
//!
//! The block cipher itself is the `aes` crate, which picks VAES, AES-NI, the ARMv8 instructions
//! or constant-time software when the process runs. It is quick only when it sees many blocks
//! at a time; `engine.rs` hands them over and is the one place that knows of key sizes.

mod cbc;
mod ctr;
mod ecb;
mod engine;
#[cfg(test)]
mod tests;
mod xts;

pub use cbc::cbc;
pub use ctr::ctr;
pub use ecb::ecb;
pub use engine::Key;
pub use xts::{Xts, XtsError, XtsKey};

use super::DataSizeError;

/// Bytes in an AES block.
pub const BLOCK: usize = 16;

/// A message as whole blocks.
fn whole_blocks(data: &mut [u8]) -> Result<&mut [aes::Block], DataSizeError> {
    let len = data.len();
    let (blocks, tail) = aes::Block::slice_as_chunks_mut(data);
    if tail.is_empty() { Ok(blocks) } else { Err(DataSizeError::PartialBlock(len)) }
}
