//! The fields of command words, as tables: what the disassembler writes and the assembler reads.
//!
//! A word's [`layout`] follows from the word itself, from fields that stand before those that
//! depend on them; so a reader that fills the word from left to right finds the same layout. Bits
//! that no field has are kept as `bits=`: every word has a text, and every text its word. Field
//! positions are those of Linux `desc.h` and DPDK's RTA.

use super::names::{self, Label};
use crate::descriptors::command::Register;
use crate::descriptors::command::{Class, MoveLength, moves};
use Form::{Always, Bit, Constant, Count, Hexadecimal, Named, Number, Signed};

/// How a field is written.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// Its name alone, if it is 1.
    Bit,
    /// Nothing if it is 1, `NAME=0` if not.
    Constant,
    /// Decimal; nothing if it is 0.
    Number,
    /// Decimal, always.
    Count,
    /// Hexadecimal; nothing if it is 0.
    Hexadecimal,
    /// Signed decimal, always: a JUMP's offset, or a label.
    Signed,
    /// By name; nothing if it is 0.
    Named(fn(u32) -> Label),
    /// By name, always.
    Always(fn(u32) -> Label),
}

/// A field of a command word.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The manual's name.
    pub name: &'static str,
    /// Lowest bit.
    pub low: u32,
    /// Bits.
    pub bits: u32,
    /// How it is written.
    pub form: Form,
}

impl Field {
    /// The bits of a word that are this field's.
    #[must_use]
    pub const fn mask(&self) -> u32 {
        ((1_u32 << self.bits) - 1) << self.low
    }

    /// Its value in `word`.
    #[must_use]
    pub const fn get(&self, word: u32) -> u32 {
        (word & self.mask()) >> self.low
    }

    /// `word` with another value. Higher bits of the value are lost.
    #[must_use]
    pub const fn set(&self, word: u32, value: u32) -> u32 {
        word & !self.mask() | (value << self.low & self.mask())
    }

    /// Its value's name in `word`, if that is the first value of that name: a name stands for one
    /// value.
    #[must_use]
    pub fn label(&self, word: u32) -> Label {
        let (Named(name) | Always(name)) = self.form else { return None };
        let label = name(word)?;
        (self.find(word, &label) == Some(self.get(word))).then_some(label)
    }

    /// The value of that name, in a word like `word`. Case does not count, nor the order of names
    /// that stand together.
    #[must_use]
    pub fn find(&self, word: u32, label: &str) -> Option<u32> {
        let (Named(name) | Always(name)) = self.form else { return None };
        let list = label.contains(',').then(|| sorted(label));
        let is_it = |v: &u32| {
            name(self.set(word, *v)).is_some_and(|found| match &list {
                Some(list) => found.len() == label.len() && sorted(&found) == *list,
                None => found.eq_ignore_ascii_case(label),
            })
        };
        (0..1 << self.bits).find(is_it)
    }
}

/// Names of a list with commas, so that lists can be compared.
fn sorted(names: &str) -> Vec<String> {
    let mut names: Vec<_> = names.split(',').map(str::to_ascii_uppercase).collect();
    names.sort_unstable();
    names
}

const fn field(name: &'static str, low: u32, bits: u32, form: Form) -> Field {
    Field { name, low, bits, form }
}

const fn bit(name: &'static str, low: u32) -> Field {
    field(name, low, 1, Bit)
}

const CLASS: Field = field("class", 25, 2, Named(names::class));
const REGISTER_CLASS: Field = field("class", 25, 2, Always(names::register_class));
const SGF: Field = bit("SGF", 24);
const VLF: Field = bit("VLF", 24);
const IMM: Field = bit("IMM", 23);
const EXT: Field = bit("EXT", 22);
const SHORT_LENGTH: Field = field("length", 0, 16, Count);
const OFFSET: Field = field("offset", 8, 8, Number);
const BYTE_LENGTH: Field = field("length", 0, 8, Count);

/// KEY; in the SEQ form bits 24 and 23 are others.
macro_rules! key {
    ($table:expr, $immediate:expr) => {
        &[
            CLASS,
            $table,
            $immediate,
            bit("ENC", 22),
            bit("NWB", 21),
            bit("EKT", 20),
            bit("TK", 15),
            bit("PTS", 14),
            field("kdest", 16, 2, Named(names::key_destination)),
            field("length", 0, 10, Count),
        ]
    };
}
const KEY: &[Field] = key!(SGF, IMM);
const SEQ_KEY: &[Field] = key!(VLF, bit("AIDF", 23));

macro_rules! load_store {
    ($table:expr, $immediate:expr, $name:literal) => {
        &[
            REGISTER_CLASS,
            $table,
            $immediate,
            field($name, 16, 7, Always(names::register)),
            OFFSET,
            BYTE_LENGTH,
        ]
    };
}
const LOAD: &[Field] = load_store!(SGF, IMM, "dst");
const SEQ_LOAD: &[Field] = load_store!(VLF, bit("AIDF", 23), "dst");
const STORE: &[Field] = load_store!(SGF, IMM, "src");
const SEQ_STORE: &[Field] = load_store!(VLF, bit("AIDF", 23), "src");
/// DCTRL's value is where offset and length are with others.
const DCTRL: &[Field] = &[
    REGISTER_CLASS,
    SGF,
    IMM,
    field("dst", 16, 7, Always(names::register)),
    field("offset", 8, 8, Hexadecimal),
    field("length", 0, 8, Hexadecimal),
];

/// With EXT the length stands behind the pointer, and in the word there is none.
macro_rules! fifo {
    ($table:expr, $twentythree:expr, $names:expr) => {
        &[CLASS, $table, $twentythree, EXT, field("type", 16, 6, Always($names)), SHORT_LENGTH]
    };
    (long: $table:expr, $twentythree:expr, $names:expr) => {
        &[CLASS, $table, $twentythree, EXT, field("type", 16, 6, Always($names))]
    };
}
const FIFO_LOAD: &[Field] = fifo!(SGF, IMM, names::input_type);
const FIFO_LOAD_EXT: &[Field] = fifo!(long: SGF, IMM, names::input_type);
const SEQ_FIFO_LOAD: &[Field] = fifo!(VLF, bit("AIDF", 23), names::input_type);
const SEQ_FIFO_LOAD_EXT: &[Field] = fifo!(long: VLF, bit("AIDF", 23), names::input_type);
const FIFO_STORE: &[Field] = fifo!(SGF, bit("CONT", 23), names::output_type);
const FIFO_STORE_EXT: &[Field] = fifo!(long: SGF, bit("CONT", 23), names::output_type);
const SEQ_FIFO_STORE: &[Field] = fifo!(VLF, bit("CONT", 23), names::output_type);
const SEQ_FIFO_STORE_EXT: &[Field] = fifo!(long: VLF, bit("CONT", 23), names::output_type);

macro_rules! moves {
    ($($rest:expr),*) => {
        &[
            field("aux", 25, 2, Number),
            bit("WC", 24),
            field("src", 20, 4, Always(names::move_source)),
            field("dst", 16, 4, Always(names::move_destination)),
            $($rest),*
        ]
    };
}
const MOVE: &[Field] = moves!(OFFSET, BYTE_LENGTH);
const MOVE_LONG: &[Field] = moves!(SHORT_LENGTH);
const MOVE_LEN: &[Field] =
    moves!(OFFSET, field("size", 6, 2, Named(names::move_size)), field("mrsel", 0, 2, Count));

const OPERATION_TYPE: Field = field("type", 24, 3, Always(names::operation_type));
const ALG: Field = field("alg", 16, 8, Always(names::algorithm));
const OPERATION: &[Field] = &[
    OPERATION_TYPE,
    ALG,
    field("aai", 4, 9, Always(names::aai)),
    field("as", 2, 2, Always(names::state)),
    bit("ICV", 1),
    bit("ENC", 0),
];
const OPERATION_RNG: &[Field] = &[
    OPERATION_TYPE,
    ALG,
    field("as", 2, 2, Always(names::rng_state)),
    field("sh", 4, 2, Count),
    bit("NZB", 8),
    bit("OBP", 9),
    bit("PS", 10),
    bit("AI", 11),
    bit("SK", 12),
    bit("PR", 1),
    bit("TST", 0),
];
const PKHA_FUNCTION: Field = field("fun", 0, 6, Always(names::pkha_function));
const PKHA: &[Field] = &[
    OPERATION_TYPE,
    PKHA_FUNCTION,
    bit("PKHA", 23),
    bit("MONT-IN", 19),
    bit("MONT-OUT", 18),
    bit("F2M", 17),
    bit("R2", 16),
    bit("PROJ", 11),
    bit("TEQ", 10),
    bit("OUT-A", 8),
];
const PKHA_CLEAR: &[Field] = &[
    OPERATION_TYPE,
    PKHA_FUNCTION,
    bit("PKHA", 23),
    bit("A", 19),
    bit("B", 18),
    bit("E", 17),
    bit("N", 16),
];
const PKHA_COPY: &[Field] = &[
    OPERATION_TYPE,
    PKHA_FUNCTION,
    bit("PKHA", 23),
    field("src", 17, 3, Number),
    field("dst", 10, 3, Number),
    field("srcseg", 8, 2, Number),
    field("dstseg", 6, 2, Number),
];
const PROTID: Field = field("protid", 16, 8, Always(names::protocol));
const PROTOCOL: &[Field] = &[OPERATION_TYPE, PROTID, field("protinfo", 0, 16, Hexadecimal)];
const DKP: &[Field] = &[
    OPERATION_TYPE,
    PROTID,
    field("src", 14, 2, Always(names::dkp_source)),
    field("dst", 12, 2, Always(names::dkp_destination)),
    field("length", 0, 12, Count),
];

const SIGNATURE: &[Field] = &[field("type", 16, 4, Always(names::signature))];

const JUMP_CLASS: Field = field("class", 25, 2, Named(names::class));
const JSL: Field = bit("JSL", 24);
const JUMP_TYPE: Field = field("type", 20, 4, Always(names::jump_type));
const TEST: Field = field("test", 16, 2, Named(names::jump_test));
const CONDITION: Field = field("cond", 8, 8, Named(names::jump_condition));
const JUMP: &[Field] =
    &[JUMP_TYPE, JUMP_CLASS, JSL, TEST, CONDITION, field("offset", 0, 8, Signed)];
const JUMP_STEP: &[Field] = &[
    JUMP_TYPE,
    JUMP_CLASS,
    JSL,
    field("reg", 12, 4, Always(names::step_register)),
    TEST,
    field("cond", 8, 4, Named(names::step_condition)),
    field("offset", 0, 8, Signed),
];
const JUMP_HALT: &[Field] =
    &[JUMP_TYPE, JUMP_CLASS, JSL, TEST, CONDITION, field("status", 0, 8, Number)];
const JUMP_NOWHERE: &[Field] = &[JUMP_TYPE, JUMP_CLASS, JSL, TEST, CONDITION];

const FUNCTION: Field = field("fun", 20, 4, Always(names::math_function));
const MATH_LENGTH: Field = field("length", 0, 4, Count);
const MATH: &[Field] = &[
    bit("IFB", 26),
    bit("NFU", 25),
    bit("STL", 24),
    FUNCTION,
    field("src0", 16, 4, Always(names::math_src0)),
    field("src1", 12, 4, Always(names::math_src1)),
    field("dst", 8, 4, Always(names::math_dst)),
    MATH_LENGTH,
];
const MATHI: &[Field] = &[
    bit("NFU", 25),
    bit("SSEL", 24),
    FUNCTION,
    field("src", 16, 4, Always(names::mathi_src)),
    field("dst", 12, 4, Always(names::mathi_dst)),
    field("imm", 4, 8, Hexadecimal),
    MATH_LENGTH,
];

macro_rules! sequence_pointer {
    ($twenty:literal, $nineteen:literal $(, $length:expr)?) => {
        &[
            bit("RBS", 26),
            bit("INL", 25),
            SGF,
            bit("PRE", 23),
            EXT,
            bit("RTO", 21),
            bit($twenty, 20),
            bit($nineteen, 19),
            $($length)?
        ]
    };
}
const SEQ_IN_PTR: &[Field] = sequence_pointer!("RJD", "SOP", SHORT_LENGTH);
const SEQ_IN_PTR_EXT: &[Field] = sequence_pointer!("RJD", "SOP");
const SEQ_OUT_PTR: &[Field] = sequence_pointer!("RST", "EWS", SHORT_LENGTH);
const SEQ_OUT_PTR_EXT: &[Field] = sequence_pointer!("RST", "EWS");

const ONE: Field = field("ONE", 23, 1, Constant);
/// With SHR the field of the start index is the shared descriptor's length.
macro_rules! job_header {
    ($sixteen:expr) => {
        &[
            bit("RSLS", 25),
            bit("EXT", 24),
            ONE,
            bit("ZRO", 15),
            bit("TD", 14),
            bit("MTD", 13),
            bit("SHR", 12),
            $sixteen,
            bit("REO", 11),
            field("share", 8, 3, Always(names::share)),
            field("length", 0, 7, Count),
        ]
    };
}
const JOB_HEADER: &[Field] = job_header!(field("start", 16, 6, Number));
const JOB_HEADER_SHR: &[Field] = job_header!(field("shrlength", 16, 6, Count));
const SHARED_HEADER: &[Field] = &[
    bit("RIF", 25),
    bit("DNR", 24),
    ONE,
    field("start", 16, 6, Number),
    bit("ZRO", 15),
    bit("CIF", 13),
    bit("SC", 12),
    bit("PD", 11),
    field("share", 8, 2, Always(names::shared_share)),
    field("length", 0, 6, Count),
];

/// Job descriptor header.
pub const OPCODE_JOB: u32 = 0x16;
/// Shared descriptor header.
pub const OPCODE_SHARED: u32 = 0x17;

/// Opcodes with their commands' names.
pub const COMMANDS: &[(u32, &str)] = &[
    (0x00, "KEY"),
    (0x01, "SEQ KEY"),
    (0x02, "LOAD"),
    (0x03, "SEQ LOAD"),
    (0x04, "FIFO LOAD"),
    (0x05, "SEQ FIFO LOAD"),
    (0x06, "MOVEDW"),
    (0x07, "MOVEB"),
    (0x0a, "STORE"),
    (0x0b, "SEQ STORE"),
    (0x0c, "FIFO STORE"),
    (0x0d, "SEQ FIFO STORE"),
    (0x0e, "MOVE LEN"),
    (0x0f, "MOVE"),
    (0x10, "OPERATION"),
    (0x12, "SIGNATURE"),
    (0x14, "JUMP"),
    (0x15, "MATH"),
    (OPCODE_JOB, "JOB HEADER"),
    (OPCODE_SHARED, "SHARED HEADER"),
    (0x1d, "MATHI"),
    (0x1e, "SEQ IN PTR"),
    (0x1f, "SEQ OUT PTR"),
];

/// The name of a word's command.
#[must_use]
pub fn command_name(word: u32) -> Option<&'static str> {
    COMMANDS.iter().find(|(opcode, _)| *opcode == word >> 27).map(|(_, name)| *name)
}

/// The fields of a command word, in the order they are written. Empty for an opcode that is none.
#[must_use]
pub fn layout(word: u32) -> &'static [Field] {
    let ext = word >> 22 & 1 != 0;
    let of_length =
        |short: &'static [Field], long: &'static [Field]| if ext { long } else { short };
    match word >> 27 {
        0x00 => KEY,
        0x01 => SEQ_KEY,
        0x02 if is_dctrl(word) => DCTRL,
        0x02 => LOAD,
        0x03 => SEQ_LOAD,
        0x04 => of_length(FIFO_LOAD, FIFO_LOAD_EXT),
        0x05 => of_length(SEQ_FIFO_LOAD, SEQ_FIFO_LOAD_EXT),
        0x0a => STORE,
        0x0b => SEQ_STORE,
        0x0c => of_length(FIFO_STORE, FIFO_STORE_EXT),
        0x0d => of_length(SEQ_FIFO_STORE, SEQ_FIFO_STORE_EXT),
        // MOVEB and MOVEDW are laid out as MOVE.
        0x06 | 0x07 => MOVE,
        0x0e => MOVE_LEN,
        // Where neither side has an offset, both fields are one length. The decoder knows.
        0x0f => match moves(word | 0xff00, false).length {
            MoveLength::Bytes(n) if n >= 0xff00 => MOVE_LONG,
            _ => MOVE,
        },
        0x10 => operation(word),
        0x12 => SIGNATURE,
        0x14 => match word >> 20 & 0xf {
            0x1 | 0x3 => JUMP_STEP,
            0x4 | 0x6 => JUMP_NOWHERE,
            0x8 | 0xc => JUMP_HALT,
            _ => JUMP,
        },
        0x15 => MATH,
        OPCODE_JOB if word >> 12 & 1 != 0 => JOB_HEADER_SHR,
        OPCODE_JOB => JOB_HEADER,
        OPCODE_SHARED => SHARED_HEADER,
        0x1d => MATHI,
        0x1e => of_length(SEQ_IN_PTR, SEQ_IN_PTR_EXT),
        0x1f => of_length(SEQ_OUT_PTR, SEQ_OUT_PTR_EXT),
        _ => &[],
    }
}

fn is_dctrl(word: u32) -> bool {
    let register = Register::new(Class::from_word(word), (word >> 16 & 0x7f) as u8);
    register == Register::DecoControl
}

fn operation(word: u32) -> &'static [Field] {
    match (word >> 24 & 7, word >> 16 & 0xff) {
        (1, _) => match word & 0x3f {
            0x01 => PKHA_CLEAR,
            0x10 | 0x11 => PKHA_COPY,
            _ => PKHA,
        },
        (2 | 4, 0x50) => OPERATION_RNG,
        (2 | 4, _) => OPERATION,
        (0, 0x20..=0x25) => DKP,
        _ => PROTOCOL,
    }
}
