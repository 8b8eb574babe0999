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

#[cfg(test)]
#[path = "../text_tests.rs"]
mod tests;
