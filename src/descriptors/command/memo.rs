//! Decoded commands, kept from job to job.
//!
//! Drivers run the same shared descriptor a million times, and decoding it is as much work as
//! executing it. What has been decoded is kept by its place in the descriptor buffer, together with
//! the words it was decoded from, and counts only as long as the same words stand there: whoever
//! changes them, the guest between two jobs or a descriptor itself, gets what is there now.
//!
//! Immediate data is not part of it: keys are not kept here.

use super::Decoded;
use super::decode::{MOST_READ, decode_noting};
use crate::descriptors::buffer::WORDS;
use crate::descriptors::status::DecoError;
use crate::device::soc::{PointerSize, SocProfile};

/// One command.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The words that decoding looked at.
    words: [u32; MOST_READ],
    read: usize,
    decoded: Decoded,
}

/// See the module.
#[derive(Debug)]
pub struct Memo {
    known: Box<[Option<Known>; WORDS]>,
    /// What of the SoC decoding depends on.
    pointers: (PointerSize, bool),
}

impl Default for Memo {
    fn default() -> Self {
        Self { known: Box::new([None; WORDS]), pointers: (PointerSize::Bits32, false) }
    }
}

impl Memo {
    /// Before a job: what was decoded for another SoC does not count.
    pub fn set_soc(&mut self, soc: &SocProfile) {
        let pointers = (soc.pointer, soc.high_word_first);
        if pointers != self.pointers {
            self.pointers = pointers;
            self.known.fill(None);
        }
    }

    /// The command at `words[pc]`, of a descriptor that ends with `words`: what
    /// [`decode`](super::decode) says.
    ///
    /// # Errors
    /// As for [`decode`](super::decode).
    #[inline]
    pub fn decode(
        &mut self,
        words: &[u32],
        pc: usize,
        soc: &SocProfile,
    ) -> Result<Decoded, DecoError> {
        let command = words.get(pc..).ok_or(DecoError::InvalidCommand)?;
        if let Some(Some(known)) = self.known.get(pc)
            && usize::from(known.decoded.words) <= command.len()
            && command.iter().zip(&known.words[..known.read]).all(|(there, then)| there == then)
        {
            return Ok(known.decoded);
        }
        let (decoded, read) = decode_noting(command, soc)?;
        if let (Some(place), Some(seen)) = (self.known.get_mut(pc), command.get(..read)) {
            let mut words = [0; MOST_READ];
            words[..read].copy_from_slice(seen);
            *place = Some(Known { words, read, decoded });
        }
        Ok(decoded)
    }
}

#[cfg(test)]
#[path = "memo_tests.rs"]
mod tests;
