//! A listing's text back to words, for tests and fixtures.
//!
//! It reads what [`super::render`] writes, and what people write like it: a header may leave its
//! `length` out, and its `start` if a PDB follows. Fields stand in the order of the listing where
//! one depends on another (`type=` comes first). Numbers are decimal, or hexadecimal with `0x`;
//! data words are always hexadecimal. A `;` begins a remark.

use super::fields::{self, Field, Form, OPCODE_JOB, OPCODE_SHARED};
use super::listing::{LONGEST_COMMAND, Part, parts};
use crate::descriptors::command::decode;
use crate::device::soc::SocProfile;
use crate::suggest::did_you_mean;
use std::collections::HashMap;
use thiserror::Error;

/// What is wrong with a text, and where. Lines and columns are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {what}")]
#[allow(missing_docs)]
pub struct AsmError {
    pub line: usize,
    pub column: usize,
    pub what: String,
}

/// Most words that are assembled, which is many descriptors.
const MOST_WORDS: usize = 1 << 20;
/// Names of lines that are no commands.
const DATA: [&str; 3] = ["data", "PDB", "word"];

/// A word of the text, and its column.
type Token<'t> = (usize, &'t str);

/// A JUMP whose target is a label.
struct Jump<'t> {
    /// Where the JUMP stands.
    at: usize,
    scope: usize,
    label: &'t str,
    position: (usize, usize),
}

/// A header that has left something out.
struct Header {
    at: usize,
    /// It has no length.
    length: bool,
    /// It has no start index.
    start: bool,
}

struct Assembler<'t, 's> {
    soc: &'s SocProfile,
    words: Vec<u32>,
    line: usize,
    /// Labels belong to the descriptor they stand in; each header begins one.
    scope: usize,
    labels: HashMap<(usize, &'t str), usize>,
    jumps: Vec<Jump<'t>>,
    header: Option<Header>,
    /// Words of data that the last command still needs, its name, and the line it stands in.
    wanted: usize,
    command: (&'static str, usize),
}

/// The words of a text.
///
/// # Errors
/// [`AsmError`]: the first thing that is wrong.
pub fn assemble(text: &str, soc: &SocProfile) -> Result<Vec<u32>, AsmError> {
    let mut assembler = Assembler {
        soc,
        words: Vec::new(),
        line: 0,
        scope: 0,
        labels: HashMap::new(),
        jumps: Vec::new(),
        header: None,
        wanted: 0,
        command: ("", 0),
    };
    for (n, line) in text.lines().enumerate() {
        assembler.line = n + 1;
        assembler.line(line)?;
    }
    assembler.end_command(text.lines().count() + 1)?;
    assembler.end_descriptor()?;
    assembler.aim()?;
    Ok(assembler.words)
}

/// Splits at blanks; columns count characters.
fn tokens(line: &str) -> Vec<Token<'_>> {
    let code = line.split(';').next().unwrap_or_default();
    let mut tokens = Vec::new();
    let mut start = None;
    for (column, (at, c)) in code.char_indices().chain([(code.len(), ' ')]).enumerate() {
        match (c.is_whitespace(), start) {
            (false, None) => start = Some((column + 1, at)),
            (true, Some((column, from))) => {
                tokens.push((column, &code[from..at]));
                start = None;
            }
            _ => {}
        }
    }
    tokens
}

/// A number as people write it: decimal, or hexadecimal with 0x; with a sign.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None if digits.starts_with(['+', '-']) => return None,
        None => digits.parse().ok()?,
    };
    match (negative, i64::try_from(value)) {
        (true, Ok(value)) => Some(-value),
        // Addresses may have all 64 bits.
        (false, _) => Some(value as i64),
        (true, Err(_)) => None,
    }
}

/// The likeliest of `known`, as the end of a message. Case does not count.
fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let spellings = [word.to_owned(), word.to_uppercase(), word.to_lowercase()];
    let found = spellings.iter().map(|word| did_you_mean(word, &known));
    found.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// The same for a line, whose first words are the command's name.
fn nearest_command(tokens: &[Token<'_>]) -> String {
    let begin = |words: usize| {
        let words: Vec<_> = tokens.iter().take(words).map(|(_, token)| *token).collect();
        words.join(" ")
    };
    let mut known: Vec<_> = fields::COMMANDS.iter().map(|(_, name)| *name).chain(DATA).collect();
    // A long name says more than a short one that its beginning is like.
    known.sort_by_key(|name| std::cmp::Reverse(name.split(' ').count()));
    let found = known.into_iter().map(|name| nearest(&begin(name.split(' ').count()), [name]));
    found.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

impl<'t> Assembler<'t, '_> {
    fn error<T>(&self, column: usize, what: impl Into<String>) -> Result<T, AsmError> {
        Err(AsmError { line: self.line, column, what: what.into() })
    }

    fn line(&mut self, line: &'t str) -> Result<(), AsmError> {
        let mut tokens = tokens(line);
        while let Some((column, name)) =
            tokens.first().and_then(|(c, t)| Some((*c, t.strip_suffix(':')?)))
        {
            self.label(column, name)?;
            tokens.remove(0);
        }
        let Some((column, first)) = tokens.first().copied() else { return Ok(()) };
        if let Some(name) = DATA.iter().find(|name| first.eq_ignore_ascii_case(name)) {
            return self.data(name, column, &tokens[1..]);
        }
        self.end_command(self.line)?;
        let Some((opcode, name)) = command(&tokens) else {
            let near = nearest_command(&tokens);
            return self.error(column, format!("{first}: there is no such command{near}"));
        };
        let rest = &tokens[name.split(' ').count()..];
        if matches!(opcode, OPCODE_JOB | OPCODE_SHARED) {
            self.end_descriptor()?;
        }
        self.command(opcode, name, column, rest)
    }

    fn label(&mut self, column: usize, name: &'t str) -> Result<(), AsmError> {
        let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !good {
            return self.error(column, format!("{name:?} is no name for a label"));
        }
        self.end_command(self.line)?;
        if self.labels.insert((self.scope, name), self.words.len()).is_some() {
            return self.error(column, format!("label {name} stands twice in this descriptor"));
        }
        Ok(())
    }

    /// A line of words that are no command.
    fn data(&mut self, name: &str, column: usize, tokens: &[Token<'_>]) -> Result<(), AsmError> {
        if name == "data" {
            if self.wanted < tokens.len() {
                let (command, _) = self.command;
                let what = if command.is_empty() {
                    "data without a command; use: word".into()
                } else {
                    format!("{command} has {} words of data too many", tokens.len() - self.wanted)
                };
                return self.error(column, what);
            }
            self.wanted -= tokens.len();
        } else {
            self.end_command(self.line)?;
        }
        if tokens.is_empty() {
            return self.error(column, format!("{name} needs words of 8 hexadecimal digits"));
        }
        for (column, token) in tokens {
            let digits = token.strip_prefix("0x").unwrap_or(token);
            let hex = digits.len() <= 8 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            match u32::from_str_radix(digits, 16) {
                Ok(word) if hex => self.push(*column, word)?,
                _ => {
                    return self
                        .error(*column, format!("{token}: not a word of hexadecimal digits"));
                }
            }
        }
        if name == "PDB" && self.header.as_ref().is_some_and(|header| header.start) {
            let at = self.header.as_ref().map_or(0, |header| header.at);
            let start = (self.words.len() - at) as u32;
            self.patch(at, "start", start, column)?;
        }
        Ok(())
    }

    fn push(&mut self, column: usize, word: u32) -> Result<(), AsmError> {
        if self.words.len() >= MOST_WORDS {
            return self.error(column, format!("more than {MOST_WORDS} words"));
        }
        self.words.push(word);
        Ok(())
    }

    /// Sets a field of a word that stands already.
    fn patch(&mut self, at: usize, name: &str, value: u32, column: usize) -> Result<(), AsmError> {
        let word = self.words[at];
        let Some(field) = fields::layout(word).iter().find(|field| field.name == name) else {
            return Ok(());
        };
        if value >> field.bits != 0 {
            let what = format!("{name} would be {value}, which does not fit into the header");
            return self.error(column, what);
        }
        self.words[at] = field.set(word, value);
        Ok(())
    }

    /// The last command must have its data.
    fn end_command(&mut self, line: usize) -> Result<(), AsmError> {
        let ((name, at), wanted) = (self.command, self.wanted);
        if wanted > 0 {
            let what = format!("{name} of line {at} needs {wanted} more words of data");
            return Err(AsmError { line, column: 1, what });
        }
        self.command = ("", 0);
        Ok(())
    }

    fn end_descriptor(&mut self) -> Result<(), AsmError> {
        if let Some(header) = self.header.take() {
            if header.length {
                let length = (self.words.len() - header.at) as u32;
                self.patch(header.at, "length", length, 1)?;
            }
            self.scope += 1;
        }
        Ok(())
    }

    fn command(
        &mut self,
        opcode: u32,
        name: &'static str,
        column: usize,
        tokens: &[Token<'t>],
    ) -> Result<(), AsmError> {
        let at = self.words.len();
        let is_header = matches!(opcode, OPCODE_JOB | OPCODE_SHARED);
        // The one bit that is set without being said.
        let mut word = opcode << 27 | u32::from(is_header) << 23;
        let mut behind: Vec<(&str, usize, u64)> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (column, token) in tokens {
            let (name, text) = match token.split_once('=') {
                Some((name, text)) => (name, Some(text)),
                None => (*token, None),
            };
            let value_column = column + name.chars().count() + 1;
            if seen.iter().any(|s| s.eq_ignore_ascii_case(name)) {
                return self.error(*column, format!("{name} stands twice"));
            }
            seen.push(name);
            let layout = fields::layout(word);
            let field = layout.iter().find(|field| field.name.eq_ignore_ascii_case(name));
            if let Some(field) = field {
                if let (Form::Signed, Some(text)) = (field.form, text)
                    && number(text).is_none()
                {
                    let position = (self.line, value_column);
                    self.jumps.push(Jump { at, scope: self.scope, label: text, position });
                    continue;
                }
                word = self.field(field, word, (*column, value_column), text)?;
                continue;
            }
            let name = name.to_ascii_lowercase();
            let extra = ["pointer", "length", "imm", "shared", "extension", "bits"];
            let Some(extra) = extra.into_iter().find(|e| *e == name) else {
                let known = layout.iter().map(|field| field.name).chain(["pointer", "bits"]);
                let near = nearest(&name, known);
                return self.error(*column, format!("{token}: no such field here{near}"));
            };
            let Some(value) = text.and_then(number) else {
                return self.error(value_column, format!("{extra} needs a number"));
            };
            if extra == "bits" {
                let Some(bits) = u32::try_from(value).ok().filter(|bits| bits >> 27 == 0) else {
                    return self.error(value_column, "bits are at most 0x7ffffff");
                };
                word ^= bits;
            } else {
                behind.push((extra, value_column, value as u64));
            }
        }
        self.command = (name, self.line);
        self.push(column, word)?;
        if is_header {
            let has = |name| seen.iter().any(|s| s.eq_ignore_ascii_case(name));
            let header = Header { at, length: !has("length"), start: !has("start") };
            self.header = Some(header);
            // Labels before a header are the last descriptor's.
        }
        self.parts(word, column, behind, is_header)
    }

    /// The value of a field of the command word.
    fn field(
        &self,
        field: &Field,
        word: u32,
        (column, value_column): (usize, usize),
        text: Option<&str>,
    ) -> Result<u32, AsmError> {
        let name = field.name;
        let Some(text) = text else {
            if matches!(field.form, Form::Bit | Form::Constant) {
                return Ok(field.set(word, 1));
            }
            return self.error(column, format!("{name} needs a value: {name}=..."));
        };
        if let Some(value) = field.find(word, text) {
            return Ok(field.set(word, value));
        }
        let Some(value) = number(text) else {
            let labels: Vec<_> =
                (0..1 << field.bits).filter_map(|v| field.label(field.set(word, v))).collect();
            let near = nearest(text, labels.iter().map(AsRef::as_ref));
            return self.error(value_column, format!("{text}: no such {name}{near}"));
        };
        let signed = matches!(field.form, Form::Signed);
        let range = if signed {
            -(1_i64 << (field.bits - 1))..1 << (field.bits - 1)
        } else {
            0..1 << field.bits
        };
        if !range.contains(&value) {
            let what = format!("{name} is {} to {}", range.start, range.end - 1);
            return self.error(value_column, what);
        }
        Ok(field.set(word, value as u32))
    }

    /// What stands behind the command word.
    fn parts(
        &mut self,
        word: u32,
        column: usize,
        mut given: Vec<(&str, usize, u64)>,
        is_header: bool,
    ) -> Result<(), AsmError> {
        let mut padded = vec![0; LONGEST_COMMAND];
        padded[0] = word;
        let mut wanted = 0;
        let list = if is_header {
            self.header_parts(word)
        } else {
            let Ok(decoded) = decode(&padded, self.soc) else {
                let (name, _) = self.command;
                let what = format!(
                    "{name} cannot be like this: its data is longer than a descriptor, or it is a \
                     combination that does not exist (use word for one on purpose)"
                );
                return self.error(column, what);
            };
            let names = |part| match part {
                Part::Pointer => ("pointer", self.soc.pointer.words()),
                Part::Length => ("length", 1),
                Part::Immediate(words) => ("imm", words),
                Part::Data(words) => ("data", words),
            };
            parts(word, &decoded, self.soc).into_iter().map(names).collect()
        };
        for (name, words) in list {
            if name == "data" {
                wanted = words;
                continue;
            }
            let Some(found) = given.iter().position(|(n, ..)| *n == name) else {
                let (command, _) = self.command;
                return self.error(column, format!("{command} needs {name}= like this"));
            };
            let (_, column, value) = given.remove(found);
            if words == 1 && value > u32::MAX.into() {
                return self.error(column, format!("{name} has 32 bits here"));
            }
            if words == 1 {
                self.push(column, value as u32)?;
            } else {
                let (at0, at4) = self.soc.split(value);
                self.push(column, at0)?;
                self.push(column, at4)?;
            }
        }
        if let Some((name, column, _)) = given.first() {
            let (command, _) = self.command;
            return self.error(*column, format!("{command} has no {name} like this"));
        }
        self.wanted = wanted;
        Ok(())
    }

    fn header_parts(&self, word: u32) -> Vec<(&'static str, usize)> {
        let mut parts = Vec::new();
        if word >> 27 == OPCODE_JOB {
            if word >> 24 & 1 != 0 && self.soc.era >= 5 {
                parts.push(("extension", 1));
            }
            if word >> 12 & 1 != 0 {
                parts.push(("shared", self.soc.pointer.words()));
            }
        }
        parts
    }

    /// Labels to offsets.
    fn aim(&mut self) -> Result<(), AsmError> {
        for Jump { at, scope, label, position: (line, column) } in std::mem::take(&mut self.jumps) {
            let error = |what| AsmError { line, column, what };
            let Some(target) = self.labels.get(&(scope, label)) else {
                let known = self.labels.keys().filter(|(s, _)| *s == scope).map(|(_, name)| *name);
                let near = nearest(label, known);
                return Err(error(format!("{label}: no such label in this descriptor{near}")));
            };
            let offset = *target as i64 - at as i64;
            let Ok(offset) = i8::try_from(offset) else {
                return Err(error(format!("{label} is {offset} words away; 127 is the most")));
            };
            self.words[at] = self.words[at] & !0xff | u32::from(offset as u8);
        }
        Ok(())
    }
}

/// The command that a line begins with: of several, the longest name.
fn command(tokens: &[Token<'_>]) -> Option<(u32, &'static str)> {
    let begins = |name: &str| {
        let words: Vec<_> = name.split(' ').collect();
        tokens.len() >= words.len()
            && words.iter().zip(tokens).all(|(word, (_, token))| token.eq_ignore_ascii_case(word))
    };
    let found = fields::COMMANDS.iter().filter(|(_, name)| begins(name));
    found.max_by_key(|(_, name)| name.len()).copied()
}
