//! Decoded commands, kept from job to job.
//!
//! Drivers run the same shared descriptor a million times, and decoding it is as much work as
//! executing it. What has been decoded is kept by its place in the descriptor buffer, together with
//! the words it was decoded from, and counts only as long as the same words stand there: whoever
//! changes them, the guest between two jobs or a descriptor itself, gets what is there now.
//!
//! Immediate data is not part of it: keys are not kept here.

use super::decode::{MOST_READ, decode_noting};
use super::{Command, Decoded};
use crate::descriptors::buffer::WORDS;
use crate::descriptors::status::DecoError;
use crate::device::soc::{PointerSize, SocProfile};

/// One command.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The words that decoding looked at, and how many; 0: there is no command yet.
    words: [u32; MOST_READ],
    read: usize,
    decoded: Decoded,
}

impl Known {
    const NOTHING: Self = Self {
        words: [0; MOST_READ],
        read: 0,
        decoded: Decoded { command: Command::Unknown(0), words: 0 },
    };

    /// Whether the command that `words` begin with, up to the descriptor's end, is this one.
    #[inline]
    fn is(&self, words: &[u32]) -> bool {
        // Most commands are decided by their first word.
        words.first() == Some(&self.words[0])
            && usize::from(self.decoded.words) <= words.len()
            && match self.read {
                0 => false,
                1 => true,
                read => words.iter().zip(&self.words[..read]).all(|(there, then)| there == then),
            }
    }

    /// Becomes the command that `words` begin with.
    fn learn(&mut self, words: &[u32], soc: &SocProfile) -> Result<(), DecoError> {
        let (decoded, read) = decode_noting(words, soc)?;
        let mut seen = [0; MOST_READ];
        for (seen, word) in seen.iter_mut().zip(words).take(read) {
            *seen = *word;
        }
        *self = Self { words: seen, read, decoded };
        Ok(())
    }
}

/// See the module.
#[derive(Debug)]
pub struct Memo {
    known: Box<[Known; WORDS]>,
    /// What of the SoC decoding depends on.
    pointers: (PointerSize, bool),
}

impl Default for Memo {
    fn default() -> Self {
        Self { known: Box::new([Known::NOTHING; WORDS]), pointers: (PointerSize::Bits32, false) }
    }
}

impl Memo {
    /// Before a job: what was decoded for another SoC does not count.
    pub fn set_soc(&mut self, soc: &SocProfile) {
        let pointers = (soc.pointer, soc.high_word_first);
        if pointers != self.pointers {
            self.pointers = pointers;
            self.known.fill(Known::NOTHING);
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
    ) -> Result<&Decoded, DecoError> {
        let place = self.known.get_mut(pc).ok_or(DecoError::InvalidCommand)?;
        let command = words.get(pc..).ok_or(DecoError::InvalidCommand)?;
        if !place.is(command) {
            place.learn(command, soc)?;
        }
        Ok(&place.decoded)
    }
}

#[cfg(test)]
#[path = "memo_tests.rs"]
mod tests;
