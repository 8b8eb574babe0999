//! Descriptors as text: a disassembler, and an assembler of the same text.
//!
//! [`listing`] makes lines of words, [`render`] text or JSON of those, [`asm`] words of the text.
//! [`fields`] is the table that both directions share, [`input`] finds descriptors in what people
//! have: files of words, C arrays, kernel logs.

pub mod asm;
pub mod fields;
pub mod input;
pub mod listing;
mod names;
mod notes;
mod pdb;
pub mod render;

use crate::descriptors::command::AlgorithmOperation;

/// A mode register as the fields of the OPERATION that set it.
#[must_use]
pub fn mode(mode: AlgorithmOperation) -> String {
    let word = 0x8200_0000
        | u32::from(mode.algorithm) << 16
        | u32::from(mode.aai) << 4
        | (mode.state as u32) << 2
        | u32::from(mode.icv) << 1
        | u32::from(mode.encrypt);
    let items = listing::items(word);
    // Without TYPE, which is that of class 1 here.
    items.iter().skip(1).map(render::item).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "../text_tests.rs"]
mod tests;
