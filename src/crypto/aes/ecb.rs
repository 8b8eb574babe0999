//! Electronic codebook.

use super::engine::{All, Key};
use super::whole_blocks;
use crate::crypto::{DataSizeError, Direction};

/// AES-ECB over whole blocks, in place.
///
/// # Errors
///
/// [`DataSizeError::PartialBlock`] if `data` is not a multiple of 16 bytes; nothing is changed.
pub fn ecb(key: &Key, direction: Direction, data: &mut [u8]) -> Result<(), DataSizeError> {
    key.run(direction, All(whole_blocks(data)?));
    Ok(())
}
