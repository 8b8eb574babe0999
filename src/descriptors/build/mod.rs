//! Descriptors as a driver writes them: for tests, benchmarks and fuzzing.
//!
//! [`Assembler`] puts words together; [`linux`] uses it to build what Linux' driver builds for
//! its AES algorithms. Nothing of the emulator uses either, and the assembler shares no code
//! with the decoder, so that one can be tested with the other. `tests/golden.rs` compares it
//! with what the driver really built.

pub mod linux;

use crate::device::soc::{PointerSize, SocProfile};
use crate::memory::{GuestMemory, Purpose};

/// A descriptor in the making.
#[derive(Debug, Clone)]
pub struct Assembler<'a> {
    soc: &'a SocProfile,
    words: Vec<u32>,
}

impl<'a> Assembler<'a> {
    fn new(soc: &'a SocProfile, header: u32) -> Self {
        Self { soc, words: vec![header] }
    }

    /// A job descriptor by itself.
    #[must_use]
    pub fn job(soc: &'a SocProfile) -> Self {
        Self::new(soc, 0xb080_0000)
    }

    /// A job descriptor with a shared one of `length` words at `address`, which runs after it
    /// (SHR, REO, share type defer).
    #[must_use]
    pub fn job_sharing(soc: &'a SocProfile, address: u64, length: usize) -> Self {
        let mut job = Self::new(soc, 0xb080_1c00 | (length as u32) << 16);
        job.pointer(address);
        job
    }

    /// A shared descriptor (serial). `save_context`: SC.
    #[must_use]
    pub fn shared(soc: &'a SocProfile, save_context: bool) -> Self {
        Self::new(soc, 0xb880_0200 | u32::from(save_context) << 12)
    }

    /// Appends a word; returns its index.
    pub fn word(&mut self, word: u32) -> usize {
        self.words.push(word);
        self.words.len() - 1
    }

    /// Appends words.
    pub fn words(&mut self, words: &[u32]) -> &mut Self {
        self.words.extend_from_slice(words);
        self
    }

    /// Appends a pointer: one word or two, as the SoC has them.
    pub fn pointer(&mut self, address: u64) -> &mut Self {
        match self.soc.pointer {
            PointerSize::Bits32 => self.words.push(address as u32),
            PointerSize::Bits64 => {
                let (at0, at4) = self.soc.split(address);
                self.words.extend([at0, at4]);
            }
        }
        self
    }

    /// Appends bytes as they are to stand in memory, padded to whole words.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for chunk in bytes.chunks(4) {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            self.words.push(self.soc.word(word));
        }
        self
    }

    /// Appends a command whose operand follows at once: `command` gets IMM and the length.
    pub fn immediate(&mut self, command: u32, bytes: &[u8]) -> &mut Self {
        self.word(command | 1 << 23 | bytes.len() as u32);
        self.bytes(bytes)
    }

    /// Appends a command with a pointer; `command` gets the length.
    pub fn by_pointer(&mut self, command: u32, address: u64, length: u32) -> &mut Self {
        self.word(command | length);
        self.pointer(address)
    }

    /// SEQ IN PTR with a length word of its own (EXT).
    pub fn sequence_in(&mut self, address: u64, length: u32, table: bool) -> &mut Self {
        self.word(0xf040_0000 | u32::from(table) << 24);
        self.pointer(address).words(&[length])
    }

    /// SEQ OUT PTR with a length word of its own (EXT).
    pub fn sequence_out(&mut self, address: u64, length: u32, table: bool) -> &mut Self {
        self.word(0xf840_0000 | u32::from(table) << 24);
        self.pointer(address).words(&[length])
    }

    /// Number of words so far: the index of the next one.
    #[must_use]
    pub fn here(&self) -> usize {
        self.words.len()
    }

    /// Makes the JUMP at `index` go to the next word.
    pub fn land(&mut self, index: usize) -> &mut Self {
        let distance = self.here() - index;
        self.words[index] |= distance as u32 & 0xff;
        self
    }

    /// Makes the MOVE at `index` work on the descriptor buffer at the next word.
    pub fn aim(&mut self, index: usize) -> &mut Self {
        let offset = self.here() as u32 * 4;
        self.words[index] |= (offset & 0xff) << 8;
        self
    }

    /// The words, with the length in the header.
    #[must_use]
    pub fn finish(mut self) -> Vec<u32> {
        self.words[0] |= self.words.len() as u32;
        self.words
    }
}

/// A piece of data: bus address and length.
pub type Segment = (u64, u32);

/// A scatter/gather entry, as four words.
#[must_use]
pub fn entry(soc: &SocProfile, (address, length): Segment, last: bool) -> [u32; 4] {
    let (word0, word1) = soc.split(address);
    [word0, word1, length | u32::from(last) << 30, 0]
}

/// Writes words as the SoC has them in memory.
///
/// # Panics
/// If they do not fit there.
pub fn place(memory: &impl GuestMemory, soc: &SocProfile, address: u64, words: &[u32]) {
    let bytes: Vec<u8> = words.iter().flat_map(|w| soc.word_bytes(*w)).collect();
    memory.write(Purpose::Output, address, &bytes).expect("memory for the words");
}
