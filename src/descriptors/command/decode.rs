//! Words to typed commands.

use super::{
    AlgorithmOperation, AlgorithmState, Class, ClassNumber, Command, Decoded, DerivedKey, FifoLoad,
    FifoStore, InputType, Jump, JumpKind, JumpTest, Key, KeyDestination, LoadStore, Math,
    MathFunction, MathRegister, Move, MoveLength, Operand, Operation, OutputType, Place, Register,
    SequencePointer, SequenceSource,
};
use crate::descriptors::status::DecoError;
use crate::device::soc::SocProfile;

/// Reads words behind the command word, and refuses to read past the end of the descriptor.
struct Tail<'a> {
    words: &'a [u32],
    used: usize,
    /// Words looked at so far; immediate data is not.
    read: usize,
    soc: &'a SocProfile,
    error: DecoError,
}

/// Most words that decoding looks at: a sequence pointer with two words of address and a length.
pub(super) const MOST_READ: usize = 4;

impl Tail<'_> {
    fn word(&mut self) -> Result<u32, DecoError> {
        let word = *self.words.get(self.used).ok_or(self.error)?;
        self.used += 1;
        self.read = self.used;
        Ok(word)
    }

    fn pointer(&mut self) -> Result<u64, DecoError> {
        let end = self.used + self.soc.pointer.words();
        let words = self.words.get(self.used..end).ok_or(self.error)?;
        self.used = end;
        self.read = end;
        Ok(self.soc.pointer_from_words(words))
    }

    /// Skips `bytes` of immediate data, padded to whole words; says where it starts.
    fn immediate(&mut self, bytes: u32) -> Result<Operand, DecoError> {
        let at = self.used;
        let end = at + (bytes as usize).div_ceil(4);
        if end > self.words.len() {
            return Err(self.error);
        }
        self.used = end;
        Ok(Operand::Immediate { at: at as u8 })
    }
}

const fn bit(word: u32, n: u32) -> bool {
    word >> n & 1 != 0
}

/// Decodes the command at `words[0]`. `words` ends where the descriptor ends.
///
/// # Errors
/// The DECO error of the command whose words reach past the end of the descriptor; the caller
/// reports it at the command's own index.
pub fn decode(words: &[u32], soc: &SocProfile) -> Result<Decoded, DecoError> {
    decode_noting(words, soc).map(|(decoded, _)| decoded)
}

/// As [`decode`]; says too at how many words, from the first on, it has looked. On others, and on
/// anything of the SoC but how pointers stand in memory, the result does not depend.
pub(super) fn decode_noting(
    words: &[u32],
    soc: &SocProfile,
) -> Result<(Decoded, usize), DecoError> {
    let word = *words.first().ok_or(DecoError::InvalidCommand)?;
    let opcode = (word >> 27) as u8;
    let mut tail = Tail { words, used: 1, read: 1, soc, error: error_of(opcode) };
    let command = match opcode {
        0x00 | 0x01 => Command::Key(key(word, opcode == 0x01, &mut tail)?),
        0x02 | 0x03 => Command::Load(load(word, opcode == 0x03, &mut tail)?),
        0x04 | 0x05 => Command::FifoLoad(fifo_load(word, opcode == 0x05, &mut tail)?),
        0x0a | 0x0b => Command::Store(store(word, opcode == 0x0b, &mut tail)?),
        0x0c | 0x0d => Command::FifoStore(fifo_store(word, opcode == 0x0d, &mut tail)?),
        0x0e | 0x0f => Command::Move(moves(word, opcode == 0x0e)),
        0x10 => Command::Operation(operation(word, &mut tail)?),
        0x12 => Command::Signature,
        0x14 => Command::Jump(jump(word, &mut tail)?),
        0x15 => Command::Math(math(word, &mut tail)?),
        0x16 | 0x17 => Command::Header,
        0x1d => Command::Math(math_immediate(word)),
        0x1e => Command::SeqInPtr(sequence_pointer(word, &mut tail)?),
        0x1f => Command::SeqOutPtr(sequence_pointer(word, &mut tail)?),
        other => Command::Unknown(other),
    };
    Ok((Decoded { command, words: tail.used as u8 }, tail.read))
}

/// The DECO error that blames a command of this opcode.
fn error_of(opcode: u8) -> DecoError {
    match opcode {
        0x00 | 0x01 => DecoError::Key,
        0x02 | 0x03 => DecoError::Load,
        0x04 | 0x05 => DecoError::FifoLoad,
        0x0a | 0x0b => DecoError::Store,
        0x0c | 0x0d => DecoError::FifoStore,
        0x0e | 0x0f => DecoError::Move,
        0x10 => DecoError::Operation,
        0x14 => DecoError::Jump,
        0x15 | 0x1d => DecoError::Math,
        0x1e | 0x1f => DecoError::Sequence,
        _ => DecoError::InvalidCommand,
    }
}

fn operand(
    word: u32,
    sequence: bool,
    length: u32,
    tail: &mut Tail<'_>,
) -> Result<Operand, DecoError> {
    if sequence {
        Ok(Operand::Sequence { variable: bit(word, 24) })
    } else if bit(word, 23) {
        tail.immediate(length)
    } else {
        Ok(Operand::Pointer { address: tail.pointer()?, table: bit(word, 24) })
    }
}

fn key(word: u32, sequence: bool, tail: &mut Tail<'_>) -> Result<Key, DecoError> {
    let length = word & 0x3ff;
    let (encrypted, ccm) = (bit(word, 22), bit(word, 20));
    // An immediate black key is longer than the key: whole blocks, or with a nonce and a MAC.
    let stored = match (encrypted, ccm) {
        (false, _) => length,
        (true, false) => length.next_multiple_of(16),
        (true, true) => length.next_multiple_of(8) + 12,
    };
    Ok(Key {
        class: Class::from_word(word),
        operand: operand(word, sequence, stored, tail)?,
        encrypted,
        ccm,
        trusted: bit(word, 15),
        destination: match word >> 16 & 3 {
            0 => KeyDestination::Register,
            1 => KeyDestination::PkhaE,
            2 => KeyDestination::AfhaSbox,
            _ => KeyDestination::MdhaSplit,
        },
        length,
    })
}

fn load_store(word: u32) -> (Register, u8, u8) {
    let register = Register::new(Class::from_word(word), (word >> 16 & 0x7f) as u8);
    (register, (word >> 8) as u8, word as u8)
}

/// Bytes a LOAD or STORE of this register moves. The length field counts words for the descriptor
/// buffer, names a MATH register for info FIFO entries with their size there, and counts bytes
/// otherwise.
fn load_store_bytes(register: Register, length: u8) -> u32 {
    match register {
        Register::DescriptorBuffer => u32::from(length) * 4,
        Register::InfoFifoSizeFromMath => 4,
        _ => u32::from(length),
    }
}

fn load(word: u32, sequence: bool, tail: &mut Tail<'_>) -> Result<LoadStore, DecoError> {
    let (register, offset, length) = load_store(word);
    // LOAD of DCTRL has its value in the offset and length fields and no data behind it.
    let bytes = match register {
        Register::DecoControl => 0,
        _ => load_store_bytes(register, length),
    };
    let operand = match register {
        Register::DecoControl => Operand::Immediate { at: 1 },
        _ => operand(word, sequence, bytes, tail)?,
    };
    Ok(LoadStore { register, operand, offset, length })
}

fn store(word: u32, sequence: bool, tail: &mut Tail<'_>) -> Result<LoadStore, DecoError> {
    let (register, offset, length) = load_store(word);
    let operand = operand(word, sequence, load_store_bytes(register, length), tail)?;
    Ok(LoadStore { register, operand, offset, length })
}

/// Length of a FIFO command: 16 bits, or with EXT the word behind the pointer.
fn fifo_length(word: u32, tail: &mut Tail<'_>) -> Result<u32, DecoError> {
    if bit(word, 22) { tail.word() } else { Ok(word & 0xffff) }
}

fn fifo_load(word: u32, sequence: bool, tail: &mut Tail<'_>) -> Result<FifoLoad, DecoError> {
    let code = (word >> 16 & 0x3f) as u8;
    let (kind, actions) = match code {
        0x0f => (InputType::NoInfo, 0),
        0x00..=0x0e => (InputType::Pkha(code), 0),
        _ => (
            match code & 0x38 {
                0x10 => InputType::Message,
                0x18 => InputType::MessageClass1Out2,
                0x20 => InputType::Iv,
                0x28 => InputType::BitData,
                0x30 => InputType::Aad,
                _ => InputType::Icv,
            },
            code & 7,
        ),
    };
    let immediate = !sequence && bit(word, 23);
    if immediate && bit(word, 22) {
        return Err(DecoError::FifoLoad);
    }
    let (operand, length) = if immediate {
        let length = word & 0xffff;
        (tail.immediate(length)?, length)
    } else {
        let operand = operand(word & !(1 << 23), sequence, 0, tail)?;
        (operand, fifo_length(word, tail)?)
    };
    // Linux desc.h: FLUSH1 1, LAST1 2, LAST2 4, and their sums.
    Ok(FifoLoad {
        class: Class::from_word(word),
        kind,
        flush1: actions & 1 != 0,
        last1: actions & 2 != 0,
        last2: actions & 4 != 0,
        operand,
        length,
    })
}

fn fifo_store(word: u32, sequence: bool, tail: &mut Tail<'_>) -> Result<FifoStore, DecoError> {
    let code = (word >> 16 & 0x3f) as u8;
    let kind = match code {
        0x24 => OutputType::Key { trusted: false },
        0x25 => OutputType::Key { trusted: true },
        0x30 => OutputType::Message,
        0x34 => OutputType::Rng,
        0x3e if sequence => OutputType::Metadata,
        0x3f if sequence => OutputType::Skip,
        other => OutputType::Unsupported(other),
    };
    // Bit 23 is CONT here, not IMM: a FIFO STORE always has an address.
    let operand = operand(word & !(1 << 23), sequence, 0, tail)?;
    Ok(FifoStore { class: Class::from_word(word), kind, operand, length: fifo_length(word, tail)? })
}

pub(in crate::descriptors) fn moves(word: u32, length_in_math: bool) -> Move {
    let aux = (word >> 25 & 3) as u8;
    // AUX LS selects the class for the alignment blocks: 1 is class 1, 0 is class 2.
    let by_aux = if aux & 1 != 0 { ClassNumber::One } else { ClassNumber::Two };
    let both = |code: u8| match code {
        0x0 => Place::Context(ClassNumber::One),
        0x1 => Place::Context(ClassNumber::Two),
        0x2 => Place::OutputFifo,
        0x3 => Place::DescriptorBuffer,
        0x4..=0x7 => Place::Math(code - 4),
        0xd => Place::Key(ClassNumber::One),
        0xe => Place::Key(ClassNumber::Two),
        other => Place::Unsupported(other),
    };
    let source = match (word >> 20 & 0xf) as u8 {
        0x8 => Place::DecoAlignment,
        0x9 => Place::ClassAlignment(by_aux),
        0xa => match aux {
            0 => Place::DecoAlignment,
            1 => Place::ClassAlignment(ClassNumber::One),
            2 => Place::ClassAlignment(ClassNumber::Two),
            _ => Place::Unsupported(0xa),
        },
        other => both(other),
    };
    let destination = match (word >> 16 & 0xf) as u8 {
        0x8 => Place::InputFifo(ClassNumber::One),
        0x9 => Place::InputFifo(ClassNumber::Two),
        other => both(other),
    };
    let takes_offset =
        |p: Place| !matches!(p, Place::OutputFifo | Place::ClassAlignment(_) | Place::InputFifo(_));
    let length = if length_in_math {
        MoveLength::Math((word & 3) as u8)
    } else if takes_offset(source) || takes_offset(destination) {
        MoveLength::Bytes((word & 0xff) as u16)
    } else {
        MoveLength::Bytes((word & 0xffff) as u16)
    };
    Move { aux, source, destination, offset: (word >> 8) as u8, length }
}

fn operation(word: u32, tail: &mut Tail<'_>) -> Result<Operation, DecoError> {
    let algorithm = AlgorithmOperation {
        algorithm: (word >> 16) as u8,
        aai: (word >> 4 & 0x1ff) as u16,
        state: match word >> 2 & 3 {
            0 => AlgorithmState::Update,
            1 => AlgorithmState::Init,
            2 => AlgorithmState::Finalize,
            _ => AlgorithmState::InitFinal,
        },
        icv: bit(word, 1),
        encrypt: bit(word, 0),
    };
    Ok(match ((word >> 24 & 7) as u8, (word >> 16) as u8) {
        (1, _) => Operation::Pkha(word & 0x00ff_ffff),
        (2, _) => Operation::Class1(algorithm),
        (4, _) => Operation::Class2(algorithm),
        (0, id @ 0x20..=0x25) => Operation::DerivedKey(derived_key(word, 0x20 + id, tail)?),
        (kind, id) => Operation::Protocol { kind, id, info: word as u16 },
    })
}

/// Bytes of an MDHA split key by ALG code: what DKP reserves in the descriptor (Linux `key_gen.h`,
/// `split_key_len`; not padded to 16 as a split key in memory is).
const fn split_key_area(algorithm: u8) -> u32 {
    match algorithm {
        0x40 => 32,
        0x41 => 40,
        0x42 | 0x43 => 64,
        _ => 128,
    }
}

/// The operands of DKP: SRC 15:14, DST 13:12, length 11:0. An immediate destination reserves the
/// split key's space behind the OPERATION; the source, key or pointer, stands at its start.
fn derived_key(word: u32, algorithm: u8, tail: &mut Tail<'_>) -> Result<DerivedKey, DecoError> {
    const IMMEDIATE: u32 = 0;
    const POINTER: u32 = 2;
    const TABLE: u32 = 3;
    let length = (word & 0xfff) as u16;
    let (from, to) = (word >> 14 & 3, word >> 12 & 3);
    let start = tail.used;
    let source = match from {
        IMMEDIATE if to == IMMEDIATE => tail.immediate(u32::from(length))?,
        POINTER | TABLE => Operand::Pointer { address: tail.pointer()?, table: from == TABLE },
        _ => return Err(DecoError::Operation),
    };
    if to == IMMEDIATE {
        let end = start + split_key_area(algorithm) as usize / 4;
        if end < tail.used || end > tail.words.len() {
            return Err(DecoError::Operation);
        }
        tail.used = end;
    }
    Ok(DerivedKey { algorithm, source, length })
}

fn jump(word: u32, tail: &mut Tail<'_>) -> Result<Jump, DecoError> {
    let kind = match (word >> 20 & 0xf) as u8 {
        0x0 => JumpKind::Local,
        0x1 => JumpKind::LocalIncrement,
        0x2 => JumpKind::Gosub,
        0x3 => JumpKind::LocalDecrement,
        0x4 => JumpKind::NonLocal(tail.pointer()?),
        0x6 => JumpKind::Return,
        0x8 => JumpKind::HaltCondition,
        0xc => JumpKind::HaltUser,
        other => JumpKind::Unsupported(other),
    };
    Ok(Jump {
        wait: Class::from_word(word),
        jsl: bit(word, 24),
        kind,
        test: match word >> 16 & 3 {
            0 => JumpTest::AllTrue,
            1 => JumpTest::AllFalse,
            2 => JumpTest::AnyTrue,
            _ => JumpTest::AnyFalse,
        },
        conditions: (word >> 8) as u8,
        offset: word as u8 as i8,
    })
}

pub(in crate::descriptors) fn math_function(code: u8) -> MathFunction {
    match code {
        0x0 => MathFunction::Add,
        0x1 => MathFunction::AddCarry,
        0x2 => MathFunction::Subtract,
        0x3 => MathFunction::SubtractBorrow,
        0x4 => MathFunction::Or,
        0x5 => MathFunction::And,
        0x6 => MathFunction::Xor,
        0x7 => MathFunction::ShiftLeft,
        0x8 => MathFunction::ShiftRight,
        0x9 => MathFunction::ShiftLeftDouble,
        0xa => MathFunction::ZeroByte,
        0xb => MathFunction::ByteSwap,
        other => MathFunction::Unsupported(other),
    }
}

pub(in crate::descriptors) fn math_source0(code: u8) -> MathRegister {
    match code {
        0x0..=0x3 => MathRegister::Math(code),
        0x4 => MathRegister::Immediate,
        0x7 => MathRegister::ProtocolOverride,
        0x8 => MathRegister::SequenceIn,
        0x9 => MathRegister::SequenceOut,
        0xa => MathRegister::VariableIn,
        0xb => MathRegister::VariableOut,
        0xc => MathRegister::Zero,
        0xf => MathRegister::One,
        other => MathRegister::Unsupported(other),
    }
}

pub(in crate::descriptors) fn math_source1(code: u8) -> MathRegister {
    match code {
        0x0..=0x3 => MathRegister::Math(code),
        0x4 => MathRegister::Immediate,
        0x7 => MathRegister::ProtocolOverride,
        0x8 => MathRegister::VariableIn,
        0x9 => MathRegister::VariableOut,
        0xa => MathRegister::InputFifo,
        0xb => MathRegister::OutputFifo,
        0xc => MathRegister::One,
        0xf => MathRegister::Zero,
        other => MathRegister::Unsupported(other),
    }
}

pub(in crate::descriptors) fn math_destination(code: u8) -> MathRegister {
    match code {
        0x0..=0x3 => MathRegister::Math(code),
        0x7 => MathRegister::ProtocolOverride,
        0x8 => MathRegister::SequenceIn,
        0x9 => MathRegister::SequenceOut,
        0xa => MathRegister::VariableIn,
        0xb => MathRegister::VariableOut,
        0xf => MathRegister::None,
        other => MathRegister::Unsupported(other),
    }
}

fn math(word: u32, tail: &mut Tail<'_>) -> Result<Math, DecoError> {
    let source0 = math_source0((word >> 16 & 0xf) as u8);
    let source1 = math_source1((word >> 12 & 0xf) as u8);
    let length = (word & 0xf) as u8;
    let has_immediate = source0 == MathRegister::Immediate || source1 == MathRegister::Immediate;
    // IFB: four bytes of immediate although the length is eight.
    let immediate = match (has_immediate, length == 8 && !bit(word, 26)) {
        (false, _) => 0,
        (true, false) => u64::from(tail.word()?),
        (true, true) => {
            let (at0, at4) = (tail.word()?, tail.word()?);
            tail.soc.join(at0, at4)
        }
    };
    Ok(Math {
        function: math_function((word >> 20 & 0xf) as u8),
        source0,
        source1,
        destination: math_destination((word >> 8 & 0xf) as u8),
        length,
        keep_flags: bit(word, 25),
        immediate,
    })
}

/// MATHI: an 8-bit immediate in the command word. Bit 24 puts it on the left side.
fn math_immediate(word: u32) -> Math {
    let code = (word >> 16 & 0xf) as u8;
    let (source0, source1) = if bit(word, 24) {
        (MathRegister::Immediate, math_source1(code))
    } else {
        (math_source0(code), MathRegister::Immediate)
    };
    Math {
        function: math_function((word >> 20 & 0xf) as u8),
        source0,
        source1,
        destination: math_destination((word >> 12 & 0xf) as u8),
        length: (word & 0xf) as u8,
        keep_flags: bit(word, 25),
        immediate: u64::from(word >> 4 & 0xff),
    }
}

fn sequence_pointer(word: u32, tail: &mut Tail<'_>) -> Result<SequencePointer, DecoError> {
    // RBS 26, INL 25, RJD/RST 20, SOP/EWS 19: no driver sends them over a job ring.
    let source = if word & (1 << 26 | 1 << 25 | 1 << 20 | 1 << 19) != 0 {
        SequenceSource::Unsupported
    } else if bit(word, 21) {
        SequenceSource::Restart
    } else if bit(word, 23) {
        SequenceSource::Previous
    } else {
        SequenceSource::Pointer { address: tail.pointer()?, table: bit(word, 24) }
    };
    let length = if bit(word, 22) { tail.word()? } else { word & 0xffff };
    Ok(SequencePointer { source, length })
}
