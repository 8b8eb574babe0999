//! CBC-MAC: what CMAC, XCBC-MAC and CCM are built on.

use aes::Block;

use super::engine::{Backend, Key, Work, xor_in_place};
use crate::crypto::{DataSizeError, Direction};

/// Carries `mac` on over blocks.
pub(super) fn cbc_mac(key: &Key, mac: &mut [u8; 16], blocks: &[[u8; 16]]) {
    let blocks = Block::cast_slice_from_core(blocks);
    key.run(Direction::Encrypt, Chain { mac: mac.into(), blocks });
}

/// Carries `mac` on over whole blocks.
pub(super) fn update(key: &Key, mac: &mut [u8; 16], data: &[u8]) -> Result<(), DataSizeError> {
    let (blocks, tail) = data.as_chunks();
    if !tail.is_empty() {
        return Err(DataSizeError::PartialBlock(data.len()));
    }
    cbc_mac(key, mac, blocks);
    Ok(())
}

/// Ends a MAC: the last block is masked with `full` if it is one, else padded with a one bit and
/// zeros and masked with `padded`. An empty message is a block that is all padding.
pub(super) fn finish(key: &Key, mac: &mut [u8; 16], data: &[u8], full: [u8; 16], padded: [u8; 16]) {
    // A full last block stays out of the body.
    let (body, _) = data[..data.len().saturating_sub(1)].as_chunks();
    let last = &data[body.len() * 16..];
    let mut block = if last.len() == 16 { full } else { padded };
    xor_in_place(&mut block, last);
    if let Some(end) = block.get_mut(last.len()) {
        *end ^= 0x80;
    }
    cbc_mac(key, mac, body);
    cbc_mac(key, mac, &[block]);
}

struct Chain<'a> {
    mac: &'a mut Block,
    blocks: &'a [Block],
}

impl Work for Chain<'_> {
    #[inline(always)]
    fn run(self, backend: &impl Backend) {
        for block in self.blocks {
            xor_in_place(self.mac, block);
            backend.block(self.mac);
        }
    }
}
