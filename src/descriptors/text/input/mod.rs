//! Descriptors in what people have: binary words, words as text, kernel logs, fixtures.
//!
//! The form is found by itself, and so is the byte order: a header's ONE and ZRO bits tell.

mod dump;
mod words;

use super::listing::{header_kind, header_length};
use crate::device::soc::SocProfile;
use thiserror::Error;

/// Byte order of words in a file, or of a CPU that has printed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// Words that ought to be a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where: a line and what the log calls it, or a word number.
    pub place: String,
    /// As many words as its header says, or as are there.
    pub words: Vec<u32>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    /// In the order of the input.
    pub found: Vec<Found>,
    /// Pieces that are no descriptors though they should be, with their places.
    pub problems: Vec<String>,
}

/// Nothing can be made of the input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InputError(String);

/// How the input is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Bytes of pointers, for what is found through them.
    pub soc: &'a SocProfile,
    /// Not as the headers say.
    pub order: Option<Order>,
    /// The words are commands without a header.
    pub bare: bool,
}

/// Words with where they come from, before anybody has looked at them: numbers as they were
/// printed, or bytes as a little-endian machine takes them.
struct Run {
    place: String,
    words: Vec<u32>,
}

/// Finds the descriptors in `bytes`.
///
/// # Errors
/// [`InputError`]: there is nothing like a descriptor, or a piece of text that is not understood.
pub fn find(bytes: &[u8], options: &Options<'_>) -> Result<Input, InputError> {
    if bytes.is_empty() {
        return Err(InputError("there is nothing in the input".into()));
    }
    if !is_text(bytes) {
        return binary(bytes, options);
    }
    let text = String::from_utf8_lossy(bytes);
    if let Some(dumps) = dump::rows(&text) {
        return dump::descriptors(dumps, options);
    }
    if let Some(runs) = words::fixture(&text) {
        return split(runs, options);
    }
    split(words::plain(&text)?, options)
}

/// No control characters but those of text.
fn is_text(bytes: &[u8]) -> bool {
    let text = |b: &u8| *b >= 0x20 && *b < 0x7f || matches!(*b, b'\t' | b'\n' | b'\r' | 0x1b);
    bytes.iter().all(|b| text(b) || *b >= 0x80)
        && bytes.iter().filter(|b| text(b)).count() * 2 > bytes.len()
}

fn binary(bytes: &[u8], options: &Options<'_>) -> Result<Input, InputError> {
    let (chunks, rest) = bytes.as_chunks::<4>();
    let words = chunks.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect();
    let mut input = split(vec![Run { place: String::new(), words }], options)?;
    if !rest.is_empty() {
        input.problems.push(format!("cut short: the last word has {} of its 4 bytes", rest.len()));
    }
    Ok(input)
}

fn swap(mut words: Vec<u32>) -> Vec<u32> {
    words.iter_mut().for_each(|word| *word = word.swap_bytes());
    words
}

/// The words in the order in which they begin with a header, or else as they are.
fn turned(words: Vec<u32>, order: Option<Order>) -> Vec<u32> {
    let is_header = |word: u32| header_kind(word).is_some();
    match order {
        Some(Order::Little) => words,
        Some(Order::Big) => swap(words),
        None => match words.first() {
            Some(first) if !is_header(*first) && is_header(first.swap_bytes()) => swap(words),
            _ => words,
        },
    }
}

/// Where a word of a run stands.
fn place(run: &str, at: usize) -> String {
    match (run, at) {
        ("", at) => format!("word {at}"),
        (run, 0) => run.to_owned(),
        (run, at) => format!("{run}, word {at}"),
    }
}

/// Takes runs apart into descriptors. Zeros behind one are padding.
fn split(runs: Vec<Run>, options: &Options<'_>) -> Result<Input, InputError> {
    let mut input = Input::default();
    for Run { place: run, words } in runs {
        if options.bare {
            let words = turned(words, options.order.or(Some(Order::Little)));
            input.found.push(Found { place: place(&run, 0), words });
            continue;
        }
        let words = turned(words, options.order);
        let mut at = 0;
        while at < words.len() {
            let word = words[at];
            if at > 0 && words[at..].iter().all(|word| *word == 0) {
                break;
            }
            if header_kind(word).is_none() {
                input.problems.push(format!(
                    "{}: {word:08x} is not the header of a descriptor, in neither byte order \
                     ({} words are not looked at; --bare reads commands without a header)",
                    place(&run, at),
                    words.len() - at,
                ));
                break;
            }
            let end = words.len().min(at + header_length(word).max(1));
            input.found.push(Found { place: place(&run, at), words: words[at..end].to_vec() });
            at = end;
        }
    }
    if input.found.is_empty() {
        let nothing = || "there are no words in the input".to_owned();
        return Err(InputError(input.problems.into_iter().next().unwrap_or_else(nothing)));
    }
    Ok(input)
}
