//! XTS (IEEE 1619, NIST SP 800-38E): the mode of disk encryption.

use std::borrow::Borrow;
use std::fmt;

use aes::Block;
use thiserror::Error;
use zeroize::Zeroizing;

use super::engine::{Backend, Key, Work, xor_in_place};
use super::{BLOCK, whole_blocks};
use crate::crypto::{DataSizeError, Direction, KeySizeError};

/// Blocks of which the tweaks are computed together: one batch of the widest instruction set.
const BATCH: usize = 64;

/// Tweaks computed side by side.
const ROW: usize = 8;

/// Why an XTS operation cannot be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum XtsError {
    /// The key is not 32 or 64 bytes long (CCB error 3).
    #[error(transparent)]
    KeySize(#[from] KeySizeError),
    /// The sector size is not a multiple of 16 (CCB error 2).
    #[error(transparent)]
    SectorSize(#[from] DataSizeError),
}

/// The two keys of XTS, expanded: one for the data, one for the tweaks.
///
/// Expanding costs about as much as encrypting a 512-byte sector; whoever sees the same key
/// register again and again keeps one of these and passes it to [`Xts::with_key`].
#[derive(Clone)]
pub struct XtsKey {
    data: Key,
    tweak: Key,
}

impl XtsKey {
    /// Expands the content of the class 1 key register: the data key, then the tweak key.
    ///
    /// # Errors
    ///
    /// [`KeySizeError::Xts`] unless the key is 32 or 64 bytes long. Two AES-192 keys are not in
    /// the standard, and the Linux driver passes such keys on to software (`caamalg.c`,
    /// `xts_skcipher_setkey`), so this engine rejects them like the hardware is taken to
    /// (inferred). Equal halves are accepted (inferred: drivers check that, where it matters).
    pub fn new(key: &[u8]) -> Result<Self, KeySizeError> {
        if !matches!(key.len(), 32 | 64) {
            return Err(KeySizeError::Xts(key.len()));
        }
        let (data, tweak) = key.split_at(key.len() / 2);
        Ok(Self { data: Key::new(data)?, tweak: Key::new(tweak)? })
    }
}

impl fmt::Debug for XtsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "XtsKey(AES-{}, ..)", self.data.size() * 8)
    }
}

/// One AES-XTS operation over a message that arrives in pieces.
///
/// The message is a row of sectors (data units) of `sector_size` bytes, of which the last may be
/// shorter. Each sector starts over from a tweak that is its index, a 128-bit little-endian
/// number one higher than that of the sector before it. CAAM holds both in the class 1 context:
/// the low 8 bytes of the index at 0x20, the sector size at 0x28 (big-endian), the high 8 bytes
/// of the index at 0x30 (Linux `caamalg_desc.c`, `cnstr_shdsc_xts_skcipher_encap`). Linux asks
/// for sectors of 32 KiB and gives every sector of the disk to a job of its own.
///
/// Chosen where no driver shows what silicon does (inferred):
///
/// - the index carries from the low 8 bytes into the high 8;
/// - a sector size of 0 means one sector without end;
/// - a sector size that is not a multiple of 16 is an error when the operation is set up;
/// - the last sector steals ciphertext if it is not a whole number of blocks.
///
/// ```
/// use caam_emu::crypto::{Direction, aes::Xts};
///
/// let (key, sector_index) = ([7; 64], 42_u128);
/// let mut sector = [0; 512];
/// let mut xts = Xts::new(&key, Direction::Encrypt, sector_index.to_le_bytes(), 0x8000)?;
/// xts.process(&mut sector[..128])?;
/// xts.finish(&mut sector[128..])?;
/// assert_eq!(xts.tweak_index(), 43_u128.to_le_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Xts<K: Borrow<XtsKey> = XtsKey> {
    key: K,
    direction: Direction,
    /// Bytes in a sector, 0 for one without end.
    sector_size: u64,
    /// Index of the sector that the next byte belongs to.
    index: u128,
    /// Bytes of that sector already processed.
    done: u64,
    /// Encrypted tweak of the next block; meaningless at the start of a sector.
    tweak: Zeroizing<u128>,
}

impl Xts {
    /// Sets up an operation with a key of its own, 32 or 64 bytes: the data key, then the tweak
    /// key. `tweak` is the index of the first sector, little-endian; `sector_size` is in bytes.
    ///
    /// # Errors
    ///
    /// As for [`XtsKey::new`] and [`Xts::with_key`].
    pub fn new(
        key: &[u8],
        direction: Direction,
        tweak: [u8; 16],
        sector_size: u64,
    ) -> Result<Self, XtsError> {
        Self::with_key(XtsKey::new(key)?, direction, tweak, sector_size)
    }
}

impl<K: Borrow<XtsKey>> Xts<K> {
    /// [`Xts::new`] with a key that is expanded already: owned, borrowed, or in an `Arc`.
    ///
    /// # Errors
    ///
    /// [`XtsError::SectorSize`] if `sector_size` is not a multiple of 16.
    pub fn with_key(
        key: K,
        direction: Direction,
        tweak: [u8; 16],
        sector_size: u64,
    ) -> Result<Self, XtsError> {
        if !sector_size.is_multiple_of(BLOCK as u64) {
            return Err(DataSizeError::SectorSize(sector_size).into());
        }
        let index = u128::from_le_bytes(tweak);
        Ok(Self { key, direction, sector_size, index, done: 0, tweak: Zeroizing::new(0) })
    }

    /// Processes the next piece of the message, which is not its last: whole blocks.
    ///
    /// # Errors
    ///
    /// [`DataSizeError::PartialBlock`] for anything else; nothing is changed.
    pub fn process(&mut self, data: &mut [u8]) -> Result<(), DataSizeError> {
        let mut blocks = whole_blocks(data)?;
        while !blocks.is_empty() {
            self.start_sector();
            let room = self.room();
            let count =
                usize::try_from(room / BLOCK as u64).map_or(blocks.len(), |n| n.min(blocks.len()));
            let (now, rest) = blocks.split_at_mut(count);
            let key = self.key.borrow();
            key.data.run(self.direction, Masked { tweak: &mut self.tweak, blocks: now });
            self.advance(count);
            blocks = rest;
        }
        Ok(())
    }

    /// Processes the last piece of the message, which closes its last sector.
    ///
    /// A piece that is not a whole number of blocks steals ciphertext from the block before the
    /// partial one, so that block must be in the same piece.
    ///
    /// # Errors
    ///
    /// [`DataSizeError::ShortUnit`] if the last sector has less than 16 bytes, or the piece less
    /// than 16 before a partial block; nothing is changed.
    pub fn finish(&mut self, data: &mut [u8]) -> Result<(), DataSizeError> {
        let tail = data.len() % BLOCK;
        if tail == 0 {
            if data.is_empty() && self.done == 0 {
                return Err(DataSizeError::ShortUnit(0));
            }
            self.process(data)?;
        } else {
            let whole = data.len() - tail;
            let stolen_from =
                whole.checked_sub(BLOCK).ok_or(DataSizeError::ShortUnit(data.len()))?;
            if self.sector_size != 0 && (self.done + whole as u64).is_multiple_of(self.sector_size)
            {
                return Err(DataSizeError::ShortUnit(tail));
            }
            let (body, end) = data.split_at_mut(stolen_from);
            self.process(body)?;
            self.steal(end);
        }
        if self.done != 0 {
            self.next_sector();
        }
        Ok(())
    }

    /// Index of the next sector, little-endian: that of the sector which the next byte belongs
    /// to, and after [`Xts::finish`] the one after the last sector, even if that one was short.
    /// This is what goes back to the context for a job to store (inferred).
    #[must_use]
    pub fn tweak_index(&self) -> [u8; 16] {
        self.index.to_le_bytes()
    }

    /// Ends the operation, wherever it is, and gives back the key.
    #[must_use]
    pub fn into_key(self) -> K {
        self.key
    }

    /// Bytes up to the end of the sector.
    fn room(&self) -> u64 {
        if self.sector_size == 0 { u64::MAX } else { self.sector_size - self.done }
    }

    /// Computes the first tweak of a sector if this is the start of one.
    fn start_sector(&mut self) {
        if self.done == 0 {
            let mut tweak = self.index.to_le_bytes();
            self.key.borrow().tweak.encrypt_block(&mut tweak);
            *self.tweak = u128::from_le_bytes(tweak);
        }
    }

    /// Counts blocks as processed.
    fn advance(&mut self, blocks: usize) {
        if self.sector_size == 0 {
            // Only whether the sector has begun matters.
            self.done |= u64::from(blocks != 0);
            return;
        }
        self.done += (blocks * BLOCK) as u64;
        if self.done == self.sector_size {
            self.next_sector();
        }
    }

    fn next_sector(&mut self) {
        self.done = 0;
        self.index = self.index.wrapping_add(1);
    }

    /// Ciphertext stealing over the last 17 to 31 bytes of a sector.
    fn steal(&mut self, end: &mut [u8]) {
        self.start_sector();
        let (earlier, later) = (*self.tweak, double(*self.tweak));
        // The full block is processed last in decryption, where its tweak is the earlier one.
        let (first, second) = match self.direction {
            Direction::Encrypt => (earlier, later),
            Direction::Decrypt => (later, earlier),
        };
        let (head, tail) = end.split_at_mut(BLOCK);
        let mut block = [0; BLOCK];
        block.copy_from_slice(head);
        self.single(first, &mut block);
        let (keep, stolen) = block.split_at(tail.len());
        let mut last = [0; BLOCK];
        last[..tail.len()].copy_from_slice(tail);
        last[tail.len()..].copy_from_slice(stolen);
        self.single(second, &mut last);
        head.copy_from_slice(&last);
        tail.copy_from_slice(keep);
        self.done |= 1;
    }

    fn single(&self, tweak: u128, block: &mut [u8; 16]) {
        let mask = tweak.to_le_bytes();
        xor_in_place(block, &mask);
        match self.direction {
            Direction::Encrypt => self.key.borrow().data.encrypt_block(block),
            Direction::Decrypt => self.key.borrow().data.decrypt_block(block),
        }
        xor_in_place(block, &mask);
    }
}

impl<K: Borrow<XtsKey>> fmt::Debug for Xts<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Xts")
            .field("key", self.key.borrow())
            .field("direction", &self.direction)
            .field("sector_size", &self.sector_size)
            .field("index", &self.index)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// Blocks of one sector, each masked with its tweak before and after the block cipher.
struct Masked<'a> {
    tweak: &'a mut u128,
    blocks: &'a mut [Block],
}

impl Work for Masked<'_> {
    #[inline(always)]
    fn run(self, backend: &impl Backend) {
        let mut masks = Masks::new(*self.tweak);
        let (batches, tail) = self.blocks.as_chunks_mut::<BATCH>();
        for batch in batches {
            masks.fill(BATCH / ROW);
            masks.apply(batch);
            backend.blocks(batch);
            masks.apply(batch);
        }
        *self.tweak = masks.next;
        if !tail.is_empty() {
            masks.fill(tail.len().div_ceil(ROW));
            masks.apply(tail);
            backend.blocks(tail);
            masks.apply(tail);
            *self.tweak = double(u128::from_le_bytes(masks.masks[tail.len() - 1]));
        }
    }
}

/// The tweak times x in GF(2^128), in the bit order of the standard.
#[inline(always)]
fn double(tweak: u128) -> u128 {
    let carry = ((tweak as i128) >> 127) as u128;
    (tweak << 1) ^ (carry & 0x87)
}

/// The tweaks of one batch of blocks.
struct Masks {
    masks: [[u8; BLOCK]; BATCH],
    /// The tweak after the last row filled in.
    next: u128,
}

impl Masks {
    #[inline(always)]
    fn new(first: u128) -> Self {
        Self { masks: [[0; BLOCK]; BATCH], next: first }
    }

    /// Writes rows of consecutive tweaks, beginning with `next`.
    ///
    /// Lane i of the first row is `next` times x^i, and every other row is the one before it times
    /// x^8, a shift by a byte: in no row does a tweak depend on its neighbours, so that all of a
    /// row is computed at once in vector registers.
    #[inline(always)]
    fn fill(&mut self, rows: usize) {
        let (first_low, first_high) = (self.next as u64, (self.next >> 64) as u64);
        let (mut low, mut high) = ([0; ROW], [0; ROW]);
        for lane in 0..ROW {
            // 64 - lane in two steps, as a shift by 64 is none.
            let into_high = first_low >> 1 >> (63 - lane);
            let out = first_high >> 1 >> (63 - lane);
            low[lane] = first_low << lane ^ reduce(out);
            high[lane] = first_high << lane | into_high;
        }
        for row in self.masks.as_chunks_mut::<ROW>().0.iter_mut().take(rows) {
            for lane in 0..ROW {
                let mask = u128::from(high[lane]) << 64 | u128::from(low[lane]);
                row[lane] = mask.to_le_bytes();
            }
            for lane in 0..ROW {
                let out = high[lane] >> 56;
                high[lane] = high[lane] << 8 | low[lane] >> 56;
                low[lane] = low[lane] << 8 ^ reduce(out);
            }
        }
        self.next = u128::from(high[0]) << 64 | u128::from(low[0]);
    }

    #[inline(always)]
    fn apply(&self, blocks: &mut [Block]) {
        let bytes = Block::cast_slice_to_core_mut(blocks).as_flattened_mut();
        xor_in_place(bytes, self.masks.as_flattened());
    }
}

/// Up to eight bits shifted out at the top, times 1 + x + x^2 + x^7.
#[inline(always)]
fn reduce(out: u64) -> u64 {
    out ^ out << 1 ^ out << 2 ^ out << 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_doublings() {
        let mut expected = u128::MAX - 0x1234_5678_9abc_def0;
        let mut masks = Masks::new(expected);
        for rows in [BATCH / ROW, 3, BATCH / ROW] {
            masks.fill(rows);
            for mask in &masks.masks[..rows * ROW] {
                assert_eq!(u128::from_le_bytes(*mask), expected);
                expected = double(expected);
            }
            assert_eq!(masks.next, expected);
        }
    }
}
