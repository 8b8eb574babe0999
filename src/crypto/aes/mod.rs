//! AESA: the AES engine and its modes.
//!
//! | Mode | Here | Where the running state lives |
//! |---|---|---|
//! | ECB | [`ecb`] | nowhere |
//! | CBC | [`cbc`] | class 1 context 0-15: IV, then last ciphertext block |
//! | CTR | [`ctr`] | class 1 context 16-31: counter block |
//! | XTS | [`Xts`] | class 1 context 0x20-0x37: sector index and size |
//! | GCM | [`Gcm`] | in the engine; the tag ends up in class 1 context 0-15 |
//! | CCM | [`Ccm`] | class 1 context 0-47: B0, counter block, MAC |
//! | CMAC | [`cmac`] | class 1 context 0-31: MAC, L |
//! | XCBC-MAC | [`xcbc`] | class 1 context 0-47: MAC, K3, K2 |
//!
//! The block cipher itself is the `aes` crate, which picks VAES, AES-NI, the ARMv8 instructions
//! or constant-time software when the process runs. It is quick only when it sees many blocks
//! at a time; `engine.rs` hands them over and is the one place that knows of key sizes.

mod cbc;
mod cbc_mac;
mod ccm;
pub mod cmac;
mod ctr;
mod ecb;
mod engine;
mod gcm;
mod ghash;
#[cfg(test)]
mod tests;
pub mod xcbc;
mod xts;

pub use cbc::cbc;
pub use ccm::Ccm;
pub use ctr::ctr;
pub use ecb::ecb;
pub use engine::Key;
pub use gcm::Gcm;
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
