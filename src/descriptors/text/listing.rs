//! Words to a listing: one [`Line`] for each command, with everything that its words say.
//!
//! Total: any words have a listing, and its lines hold all of them. What is wrong with them is in
//! [`Listing::problems`], at its place. The decoder of [`crate::descriptors::command`] says how
//! far a command reaches and what stands behind its first word.

use super::fields::{self, Field, Form, OPCODE_JOB, OPCODE_SHARED};
use super::{notes, pdb};
use crate::descriptors::command::{
    Command, Decoded, JumpKind, Operand, Operation, Register, SequenceSource, decode,
};
use crate::device::soc::SocProfile;
use std::borrow::Cow;

/// Words that a command and its data can have at most: more than a descriptor.
pub(super) const LONGEST_COMMAND: usize = 128;

/// What a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A job descriptor.
    Job,
    /// A shared descriptor.
    Shared,
    /// Commands without a header.
    Commands,
}

impl Kind {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Job => "job descriptor",
            Self::Shared => "shared descriptor",
            Self::Commands => "commands",
        }
    }
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// It is set.
    Set,
    /// A number.
    Number(i64),
    /// Bits, or an address.
    Hex(u64),
    /// A code that has a name.
    Name(Cow<'static, str>),
    /// The line that begins with this word.
    Target(usize),
}

/// A field of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The manual's name.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
}

/// One command, or words that are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Word number in the descriptor.
    pub index: usize,
    /// A JUMP leads here.
    pub target: bool,
    /// Name of the command; `PDB` of a word of a protocol data block, `word` of one that is no
    /// command.
    pub name: &'static str,
    /// Its fields.
    pub items: Vec<Item>,
    /// All its words.
    pub words: Vec<u32>,
    /// How many of them, at the end, are immediate data or no command's.
    pub data: usize,
    /// The data are a key or a message.
    pub secret: bool,
    /// What is remarkable.
    pub note: Option<String>,
}

impl Line {
    fn new(index: usize, name: &'static str, words: &[u32]) -> Self {
        Self {
            index,
            target: false,
            name,
            items: Vec::new(),
            words: words.to_vec(),
            data: 0,
            secret: false,
            note: None,
        }
    }

    /// Words that are no command.
    fn raw(index: usize, name: &'static str, words: &[u32]) -> Self {
        Self { data: words.len(), ..Self::new(index, name, words) }
    }

    fn push(&mut self, name: &'static str, value: Value) {
        self.items.push(Item { name, value });
    }

    /// The immediate data, or the words that are no command.
    #[must_use]
    pub fn data_words(&self) -> &[u32] {
        &self.words[self.words.len() - self.data..]
    }
}

/// Something that is wrong with a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Word number in the descriptor.
    pub index: usize,
    /// What.
    pub what: String,
}

/// A descriptor, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// What it is.
    pub kind: Kind,
    /// Its lines; together they have all its words.
    pub lines: Vec<Line>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// A JUMP leads behind the last line.
    pub end_is_target: bool,
}

impl Listing {
    /// Words of the descriptor.
    #[must_use]
    pub fn length(&self) -> usize {
        self.lines.iter().map(|line| line.words.len()).sum()
    }

    pub(super) fn problem(&mut self, index: usize, what: impl Into<String>) {
        self.problems.push(Problem { index, what: what.into() });
    }
}

/// Whether a word is the header of a descriptor: the opcode, ONE set and ZRO clear, which is how
/// the hardware knows, too, whether it reads in the right byte order.
#[must_use]
pub fn header_kind(word: u32) -> Option<Kind> {
    let sane = word >> 23 & 1 != 0 && word >> 15 & 1 == 0;
    match word >> 27 {
        OPCODE_JOB if sane => Some(Kind::Job),
        OPCODE_SHARED if sane => Some(Kind::Shared),
        _ => None,
    }
}

/// Words of the descriptor with this header, as it says.
#[must_use]
pub fn header_length(word: u32) -> usize {
    let bits = if word >> 27 == OPCODE_JOB { 0x7f } else { 0x3f };
    (word & bits) as usize
}

/// The first descriptor in `words`, which may be shorter than its header says. Words behind it are
/// not looked at. `None`: there is no header.
#[must_use]
pub fn descriptor(words: &[u32], soc: &SocProfile) -> Option<Listing> {
    let header = *words.first()?;
    let kind = header_kind(header)?;
    let said = header_length(header);
    let words = &words[..said.clamp(1, words.len())];
    let mut listing =
        Listing { kind, lines: Vec::new(), problems: Vec::new(), end_is_target: false };
    if said == 0 {
        listing.problem(0, "the header says that the descriptor has no words");
    } else if said > words.len() {
        let here = words.len();
        listing.problem(here, format!("cut short: the header says {said} words, {here} are there"));
    }
    let start = self::header(&mut listing, words, soc);
    commands(&mut listing, words, start, soc);
    pdb::explain(&mut listing, soc);
    Some(listing)
}

/// Commands without a header.
#[must_use]
pub fn bare(words: &[u32], soc: &SocProfile) -> Listing {
    let mut listing = Listing {
        kind: Kind::Commands,
        lines: Vec::new(),
        problems: Vec::new(),
        end_is_target: false,
    };
    commands(&mut listing, words, 0, soc);
    listing
}

/// The header, its extension and pointer, and the protocol data block; where commands start.
fn header(listing: &mut Listing, words: &[u32], soc: &SocProfile) -> usize {
    let header = words[0];
    let mut line = Line::new(0, fields::command_name(header).unwrap_or_default(), words);
    line.items = items(header);
    let mut body = 1;
    let job = listing.kind == Kind::Job;
    let extended = job && header >> 24 & 1 != 0 && soc.era >= 5;
    let shared = job && header >> 12 & 1 != 0;
    let needed = usize::from(extended) + if shared { soc.pointer.words() } else { 0 };
    if words.len() <= needed {
        listing.problem(0, "the header's words reach past the end of the descriptor");
        let raw = |at: usize| Line { secret: at > 0, ..Line::raw(at, "word", &words[at..=at]) };
        listing.lines.extend((0..words.len()).map(raw));
        return words.len();
    }
    if extended {
        line.push("extension", Value::Hex(words[body].into()));
        body += 1;
    }
    if shared {
        let end = body + soc.pointer.words();
        line.push("shared", Value::Hex(soc.pointer_from_words(&words[body..end])));
        body = end;
    }
    line.words.truncate(body);
    listing.lines.push(line);
    let start = if shared { body } else { (header >> 16 & 0x3f) as usize }.max(body);
    if start > words.len() {
        listing.problem(0, format!("commands start at word {start}, behind the end"));
    }
    let start = start.min(words.len());
    listing.lines.extend((body..start).map(|at| Line::raw(at, "PDB", &words[at..=at])));
    start
}

fn commands(listing: &mut Listing, words: &[u32], start: usize, soc: &SocProfile) {
    let mut jumps = Vec::new();
    let mut at = start;
    while at < words.len() {
        let name = fields::command_name(words[at]);
        // A longer input is no longer descriptor.
        let left = &words[at..words.len().min(at + LONGEST_COMMAND)];
        let decoded = match decode(left, soc) {
            Ok(Decoded { command: Command::Unknown(opcode), .. }) if name.is_none() => {
                listing.problem(at, format!("opcode {opcode:#04x} is none"));
                // Behind a wrong length it may be a part of a key.
                let raw = Line::raw(at, "word", &words[at..=at]);
                listing.lines.push(Line { secret: true, ..raw });
                at += 1;
                continue;
            }
            Ok(Decoded { command: Command::Header, .. }) => {
                listing.problem(at, "a header among the commands");
                let note = name.map(str::to_owned);
                let raw = Line::raw(at, "word", &words[at..=at]);
                listing.lines.push(Line { note, secret: true, ..raw });
                at += 1;
                continue;
            }
            Ok(decoded) => decoded,
            Err(error) => {
                // Where the next command would be is not known.
                let name = name.unwrap_or("a command");
                let left = words.len() - at;
                listing.problem(
                    at,
                    format!(
                        "{name} cannot be read: what belongs to it reaches past the end of the \
                     descriptor ({left} words are left), or is a combination that does not exist; \
                     the DECO ends the job with error {:#04x}",
                        error as u8
                    ),
                );
                listing.lines.extend(
                    (at..words.len())
                        .map(|at| Line { secret: true, ..Line::raw(at, "word", &words[at..=at]) }),
                );
                break;
            }
        };
        let end = at + usize::from(decoded.words);
        let mut line = Line::new(at, name.unwrap_or("word"), &words[at..end]);
        line.items = items(words[at]);
        tail(&mut line, &decoded, soc);
        line.note = notes::of(&decoded.command);
        match decoded.command {
            Command::Unknown(_) => listing.problem(at, "this device does not have the command"),
            Command::Jump(jump) if is_local(jump.kind) => {
                jumps.push((listing.lines.len(), at as isize + isize::from(jump.offset)));
            }
            _ => {}
        }
        listing.lines.push(line);
        at = end;
    }
    for (from, target) in jumps {
        aim(listing, from, target, words.len());
    }
}

/// Whether a JUMP has an offset.
fn is_local(kind: JumpKind) -> bool {
    use JumpKind::{Gosub, Local, LocalDecrement, LocalIncrement, Unsupported};
    matches!(kind, Local | Gosub | LocalIncrement | LocalDecrement | Unsupported(_))
}

/// Marks where a JUMP leads.
fn aim(listing: &mut Listing, from: usize, target: isize, end: usize) {
    let found = usize::try_from(target).ok().filter(|target| {
        let at = listing.lines.binary_search_by_key(target, |line| line.index).ok();
        let line = at.map(|at| &mut listing.lines[at]);
        match line {
            // The hardware would start at the header; a listing's labels do not go there.
            Some(line) if line.name != "PDB" && *target > 0 || listing.kind == Kind::Commands => {
                line.target = true;
                true
            }
            _ if *target == end => {
                listing.end_is_target = true;
                true
            }
            _ => false,
        }
    });
    let line = &mut listing.lines[from];
    match (found, line.items.iter_mut().find(|item| item.name == "offset")) {
        (Some(target), Some(offset)) => offset.value = Value::Target(target),
        _ => line.note = Some(format!("leads to word {target}, which begins no command")),
    }
}

/// A command word's fields.
pub(super) fn items(word: u32) -> Vec<Item> {
    let layout = fields::layout(word);
    let mut items: Vec<_> = layout.iter().filter_map(|field| item(field, word)).collect();
    let rest = layout.iter().fold(word & 0x07ff_ffff, |rest, field| rest & !field.mask());
    if rest != 0 && !layout.is_empty() {
        items.push(Item { name: "bits", value: Value::Hex(rest.into()) });
    }
    items
}

fn item(field: &Field, word: u32) -> Option<Item> {
    let value = field.get(word);
    let code = || match field.label(word) {
        Some(name) => Value::Name(name),
        None => Value::Hex(value.into()),
    };
    let value = match field.form {
        Form::Bit if value == 0 => return None,
        Form::Bit => Value::Set,
        Form::Constant if value == 1 => return None,
        Form::Constant => Value::Number(0),
        Form::Number | Form::Hexadecimal | Form::Named(_) if value == 0 => return None,
        Form::Number | Form::Count => Value::Number(value.into()),
        Form::Hexadecimal => Value::Hex(value.into()),
        Form::Signed => Value::Number((value as u8 as i8).into()),
        Form::Named(_) | Form::Always(_) => code(),
    };
    Some(Item { name: field.name, value })
}

/// What stands behind a command word, in the order it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// An address.
    Pointer,
    /// A word with the length that EXT promises.
    Length,
    /// A MATH immediate of 1 or 2 words.
    Immediate(usize),
    /// So many words of data.
    Data(usize),
}

/// The parts behind the command word.
#[must_use]
pub fn parts(word: u32, decoded: &Decoded, soc: &SocProfile) -> Vec<Part> {
    let is_pointer = |operand: &Operand| matches!(operand, Operand::Pointer { .. });
    let ext = word >> 22 & 1 != 0;
    let (pointer, length) = match &decoded.command {
        Command::Key(key) => (is_pointer(&key.operand), false),
        Command::Load(load) | Command::Store(load) => (is_pointer(&load.operand), false),
        Command::FifoLoad(load) => (is_pointer(&load.operand), ext),
        Command::FifoStore(store) => (is_pointer(&store.operand), ext),
        Command::Operation(Operation::DerivedKey(key)) => (is_pointer(&key.source), false),
        Command::Jump(jump) => (matches!(jump.kind, JumpKind::NonLocal(_)), false),
        Command::SeqInPtr(pointer) | Command::SeqOutPtr(pointer) => {
            (matches!(pointer.source, SequenceSource::Pointer { .. }), ext)
        }
        _ => (false, false),
    };
    let mut parts = Vec::new();
    let mut left = usize::from(decoded.words) - 1;
    if pointer {
        parts.push(Part::Pointer);
        left -= soc.pointer.words();
    }
    if length {
        parts.push(Part::Length);
        left -= 1;
    }
    match decoded.command {
        _ if left == 0 => {}
        Command::Math(_) => parts.push(Part::Immediate(left)),
        _ => parts.push(Part::Data(left)),
    }
    parts
}

fn tail(line: &mut Line, decoded: &Decoded, soc: &SocProfile) {
    let mut at = 1;
    for part in parts(line.words[0], decoded, soc) {
        match part {
            Part::Pointer => {
                let end = at + soc.pointer.words();
                let address = soc.pointer_from_words(&line.words[at..end]);
                line.push("pointer", Value::Hex(address));
                at = end;
            }
            Part::Length => {
                line.push("length", Value::Number(line.words[at].into()));
                at += 1;
            }
            Part::Immediate(1) => {
                line.push("imm", Value::Hex(line.words[at].into()));
                at += 1;
            }
            Part::Immediate(_) => {
                line.push("imm", Value::Hex(soc.join(line.words[at], line.words[at + 1])));
                at += 2;
            }
            Part::Data(words) => {
                line.data = words;
                line.secret = is_secret(&decoded.command);
            }
        }
    }
}

/// Whether a command's immediate data is a key, a message or a context (rfc7539esp has a part of its
/// key there, the salt). The small registers tell nothing that must not be told.
fn is_secret(command: &Command) -> bool {
    match command {
        Command::Key(_) | Command::FifoLoad(_) => true,
        Command::Operation(operation) => matches!(operation, Operation::DerivedKey(_)),
        Command::Load(load) => !matches!(
            load.register,
            Register::ChaControl
                | Register::ClearWritten
                | Register::DecoControl
                | Register::InfoFifo
                | Register::InfoFifoSizeFromMath
                | Register::KeySize(_)
                | Register::DataSize(_)
                | Register::IcvSize(_)
                | Register::AadSize
                | Register::IvSize
                | Register::ProtocolOverride
        ),
        _ => false,
    }
}
