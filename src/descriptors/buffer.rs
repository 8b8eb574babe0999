//! The descriptor buffer: headers checked, shared and job descriptor fetched and laid out.
//!
//! The buffer holds the shared descriptor first and the job descriptor behind it, 64 words in
//! all; status words and MOVEs count from its start. Each descriptor is copied from the guest
//! once, with the length its header in the same copy says.

use super::sgt::WalkError;
use super::status::DecoError;
use crate::device::soc::SocProfile;
use crate::memory::{GuestMemory, Purpose};

/// Words in the buffer (Linux `desc.h`, `MAX_CAAM_DESCSIZE`).
pub const WORDS: usize = 64;

const OPCODE_JOB: u32 = 0x16;
const OPCODE_SHARED: u32 = 0x17;

/// A run of commands in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// First command to execute.
    pub start: usize,
    /// One past the last word.
    pub end: usize,
    /// Where the descriptor itself begins, header included: local jumps stay inside.
    pub base: usize,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct DescriptorBuffer {
    /// The words. Commands may change them.
    pub words: [u32; WORDS],
    /// Words in use.
    pub length: usize,
    /// The parts in the order they run.
    pub parts: [Option<Part>; 2],
}

const fn bit(word: u32, n: u32) -> bool {
    word >> n & 1 != 0
}

/// Checks a header's opcode and its endianness sanity bits, ONE (23) set and ZRO (15) clear.
fn header_is(word: u32, opcode: u32) -> bool {
    word >> 27 == opcode && bit(word, 23) && !bit(word, 15)
}

/// Fills `words` with what is at `address`: as many as are there, and at least the header. Says how
/// many.
fn fetch<M: GuestMemory>(
    memory: &M,
    soc: &SocProfile,
    purpose: Purpose,
    address: u64,
    words: &mut [u32],
) -> Result<usize, WalkError> {
    let mut bytes = [0; WORDS * 4];
    let bytes = &mut bytes[..words.len() * 4];
    let mut got = memory.read_available(purpose, address, bytes);
    if got < 4 {
        memory.read(purpose, address, &mut bytes[..4])?;
        got = 4;
    }
    let there = &bytes[..got];
    for (word, chunk) in words.iter_mut().zip(there.as_chunks::<4>().0) {
        *word = soc.word(*chunk);
    }
    Ok(got / 4)
}

/// The part of a fetched descriptor that must be there: a DMA error if memory ended before.
fn demand<M: GuestMemory>(
    memory: &M,
    purpose: Purpose,
    address: u64,
    available: usize,
    length: usize,
) -> Result<(), WalkError> {
    if length > available {
        let mut rest = [0; 4];
        memory.read(purpose, address.wrapping_add(available as u64 * 4), &mut rest)?;
    }
    Ok(())
}

/// What a job header says.
struct JobHeader {
    length: usize,
    /// First word behind the header, its extension and the shared descriptor's pointer.
    body: usize,
    start: usize,
    shared: Option<(u64, usize)>,
    reverse: bool,
}

fn job_header(words: &[u32; WORDS], soc: &SocProfile) -> Result<JobHeader, DecoError> {
    let header = words[0];
    let length = (header & 0x7f) as usize;
    // TD (14) and MTD (13): there are no trusted descriptors here.
    let trusted = bit(header, 14) || bit(header, 13);
    if !header_is(header, OPCODE_JOB) || !(1..=WORDS).contains(&length) || trusted {
        return Err(DecoError::Header);
    }
    // From Era 5 on bit 24 says that an extension word follows; before, it is DNR.
    let mut body = 1;
    if bit(header, 24) {
        if soc.era < 5 {
            return Err(DecoError::DoNotRun);
        }
        body += 1;
    }
    let field = (header >> 16 & 0x3f) as usize;
    let shared = if bit(header, 12) {
        let end = body + soc.pointer.words();
        let pointer = words.get(body..end).ok_or(DecoError::Header)?;
        body = end;
        Some((soc.pointer_from_words(pointer), field))
    } else {
        None
    };
    let start = if shared.is_some() { body } else { field.max(body) };
    if start > length {
        return Err(DecoError::Header);
    }
    Ok(JobHeader { length, body, start, shared, reverse: bit(header, 11) })
}

impl DescriptorBuffer {
    /// Fetches the job descriptor at `address` and the shared descriptor it points to.
    ///
    /// # Errors
    /// DECO error 13 or 12 for headers that are none, 80 for do-not-run, or the DMA error.
    pub fn load<M: GuestMemory>(
        memory: &M,
        soc: &SocProfile,
        address: u64,
    ) -> Result<Self, WalkError> {
        let mut job = [0; WORDS];
        let available = fetch(memory, soc, Purpose::Descriptor, address, &mut job)?;
        let header = job_header(&job, soc).map_err(WalkError::Deco)?;
        demand(memory, Purpose::Descriptor, address, available, header.length)?;
        Self::from_words(memory, soc, &job)
    }

    /// From a job descriptor that has been fetched, or written into the buffer by software.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn from_words<M: GuestMemory>(
        memory: &M,
        soc: &SocProfile,
        job: &[u32; WORDS],
    ) -> Result<Self, WalkError> {
        let header = job_header(job, soc).map_err(WalkError::Deco)?;
        let mut buffer = Self { words: [0; WORDS], length: header.length, parts: [None; 2] };
        let Some((pointer, shared_length)) = header.shared else {
            buffer.words[..header.length].copy_from_slice(&job[..header.length]);
            buffer.parts[0] = Some(Part { start: header.start, end: header.length, base: 0 });
            return Ok(buffer);
        };

        // The job header names the length; its own header must be there at least.
        let shared = &mut buffer.words[..shared_length.max(1)];
        let available = fetch(memory, soc, Purpose::SharedDescriptor, pointer, shared)?;
        let first = shared[0];
        let start = ((first >> 16 & 0x3f) as usize).max(1);
        // The shared header must agree.
        if !header_is(first, OPCODE_SHARED)
            || (first & 0x3f) as usize != shared_length
            || shared_length == 0
            || start > shared_length
        {
            return Err(WalkError::Deco(DecoError::SharedHeader));
        }
        if bit(first, 24) {
            return Err(WalkError::Deco(DecoError::DoNotRun));
        }
        demand(memory, Purpose::SharedDescriptor, pointer, available, shared_length)?;
        let total = shared_length + header.length;
        if total > WORDS {
            return Err(WalkError::Deco(DecoError::Header));
        }
        buffer.words[shared_length..total].copy_from_slice(&job[..header.length]);
        buffer.length = total;
        let shared_part = Part { start, end: shared_length, base: 0 };
        let job_part = Part { start: shared_length + header.body, end: total, base: shared_length };
        buffer.parts = if header.reverse {
            [Some(job_part), Some(shared_part)]
        } else {
            [Some(shared_part), Some(job_part)]
        };
        Ok(buffer)
    }

    /// Bytes as the DECO sees them: the most significant byte of each word first, whatever the
    /// byte order in memory. MOVE works on these. `None` outside the words in use.
    #[must_use]
    pub fn bytes(&self, offset: usize, length: usize) -> Option<Vec<u8>> {
        let all: Vec<u8> = self.words[..self.length].iter().flat_map(|w| w.to_be_bytes()).collect();
        all.get(offset..offset.checked_add(length)?).map(<[u8]>::to_vec)
    }

    /// The inverse of [`Self::bytes`].
    #[must_use]
    pub fn set_bytes(&mut self, offset: usize, bytes: &[u8]) -> Option<()> {
        if offset.checked_add(bytes.len())? > self.length * 4 {
            return None;
        }
        for (i, byte) in bytes.iter().enumerate() {
            let at = offset + i;
            let mut word = self.words[at / 4].to_be_bytes();
            word[at % 4] = *byte;
            self.words[at / 4] = u32::from_be_bytes(word);
        }
        Some(())
    }
}

#[cfg(test)]
#[path = "buffer_tests.rs"]
mod tests;
