//! Descriptor words as typed commands.
//!
//! [`decode`] is total: any word sequence yields a command, [`Command::Unknown`] among them, or
//! the DECO error the hardware would end the job with. It looks at words only; what a command
//! does is in [`super::deco`]. Field positions are those of Linux `desc.h` and DPDK's RTA.

mod decode;
mod memo;

pub use decode::decode;
pub(super) use decode::{math_destination, math_function, math_source0, math_source1, moves};
pub use memo::Memo;

/// The class field of a command, bits 26:25.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 0: CCB-wide, or none.
    None,
    /// 1: class 1 CHA (ciphers, RNG).
    One,
    /// 2: class 2 CHA (hashes).
    Two,
    /// 3: both classes, or the DECO for LOAD and STORE.
    Both,
}

impl Class {
    pub(super) fn from_word(word: u32) -> Self {
        match word >> 25 & 3 {
            0 => Self::None,
            1 => Self::One,
            2 => Self::Two,
            _ => Self::Both,
        }
    }

    /// Class 1 is meant.
    #[must_use]
    pub fn has_one(self) -> bool {
        matches!(self, Self::One | Self::Both)
    }

    /// Class 2 is meant.
    #[must_use]
    pub fn has_two(self) -> bool {
        matches!(self, Self::Two | Self::Both)
    }
}

/// Where a command's data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// In the descriptor; starts that many words after the command word.
    Immediate {
        /// Words from the command word to the data.
        at: u8,
    },
    /// At a bus address, or described by the scatter/gather table there.
    Pointer {
        /// Bus address.
        address: u64,
        /// The address is that of a scatter/gather table.
        table: bool,
    },
    /// The next bytes of the input or output sequence.
    Sequence {
        /// The length is VSIL or VSOL instead of the command's (VLF).
        variable: bool,
    },
}

/// KEY and SEQ KEY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Key {
    pub class: Class,
    pub operand: Operand,
    /// ENC: the key is black (encrypted under JDKEK or TDKEK).
    pub encrypted: bool,
    /// EKT: black by AES-CCM instead of AES-ECB.
    pub ccm: bool,
    /// TK: black under TDKEK.
    pub trusted: bool,
    /// KDEST.
    pub destination: KeyDestination,
    /// Bytes.
    pub length: u32,
}

/// KDEST of a KEY command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDestination {
    /// The class's key register.
    Register,
    /// PKHA E.
    PkhaE,
    /// AFHA S-box.
    AfhaSbox,
    /// MDHA split key.
    MdhaSplit,
}

/// LOAD, STORE and their SEQ forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct LoadStore {
    pub register: Register,
    pub operand: Operand,
    /// Offset field, bytes (words for the descriptor buffer).
    pub offset: u8,
    /// Length field, bytes (words for the descriptor buffer).
    pub length: u8,
}

/// The register a LOAD or STORE names: class and SRC/DST code together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    /// Class 1 or 2 mode.
    Mode(ClassNumber),
    /// Class 1 or 2 key size.
    KeySize(ClassNumber),
    /// Class 1 or 2 data size.
    DataSize(ClassNumber),
    /// Class 1 or 2 ICV size.
    IcvSize(ClassNumber),
    /// Class 1 or 2 context.
    Context(ClassNumber),
    /// Class 1 or 2 key.
    Key(ClassNumber),
    /// Class 1 AAD size.
    AadSize,
    /// Class 1 IV size.
    IvSize,
    /// CCTRL: CHA resets and PKHA unloads.
    ChaControl,
    /// IRQ control.
    IrqControl,
    /// CLRW: clear written.
    ClearWritten,
    /// DCTRL; LOAD carries its value in the offset and length fields, without data.
    DecoControl,
    /// DPOVRD.
    ProtocolOverride,
    /// MATH0..MATH3, 8 bytes each, contiguous.
    Math(u8),
    /// The descriptor buffer.
    DescriptorBuffer,
    /// Info FIFO entry.
    InfoFifo,
    /// Info FIFO entry whose length comes from the MATH register that the length field names.
    InfoFifoSizeFromMath,
    /// Input data FIFO.
    InputFifo,
    /// Output data FIFO.
    OutputFifo,
    /// A register this device does not have.
    Unsupported {
        /// Class field.
        class: u8,
        /// SRC/DST field.
        code: u8,
    },
}

/// Class 1 or class 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ClassNumber {
    One,
    Two,
}

impl Register {
    pub(super) fn new(class: Class, code: u8) -> Self {
        let number = match class {
            Class::One => Some(ClassNumber::One),
            Class::Two => Some(ClassNumber::Two),
            Class::None | Class::Both => None,
        };
        match (class, code, number) {
            (_, 0x00, Some(n)) => Self::Mode(n),
            (_, 0x01, Some(n)) => Self::KeySize(n),
            (_, 0x02, Some(n)) => Self::DataSize(n),
            (_, 0x03, Some(n)) => Self::IcvSize(n),
            (_, 0x20, Some(n)) => Self::Context(n),
            (_, 0x40, Some(n)) => Self::Key(n),
            (Class::One, 0x0b, _) => Self::AadSize,
            (Class::One, 0x0c, _) => Self::IvSize,
            (Class::None, 0x06, _) => Self::ChaControl,
            (Class::None, 0x07, _) => Self::IrqControl,
            (Class::None, 0x08, _) => Self::ClearWritten,
            (Class::Both, 0x06, _) => Self::DecoControl,
            (Class::Both, 0x07, _) => Self::ProtocolOverride,
            (Class::Both, 0x08..=0x0b, _) => Self::Math(code - 0x08),
            (Class::Both, 0x40, _) => Self::DescriptorBuffer,
            (Class::None, 0x71, _) => Self::InfoFifoSizeFromMath,
            (_, 0x7a, _) => Self::InfoFifo,
            (_, 0x7c, _) => Self::InputFifo,
            (_, 0x7e, _) => Self::OutputFifo,
            _ => Self::Unsupported { class: class as u8, code },
        }
    }
}

/// What kind of input data a FIFO LOAD brings (type field, without the action bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputType {
    /// One of the PKHA registers.
    Pkha(u8),
    /// Data without an info FIFO entry.
    NoInfo,
    /// Message.
    Message,
    /// Message to class 1, whose output class 2 snoops.
    MessageClass1Out2,
    /// Initialisation vector.
    Iv,
    /// Bit-length message data.
    BitData,
    /// Additional authenticated data.
    Aad,
    /// Integrity check value.
    Icv,
    /// AAD of ChaCha20-Poly1305: class 2 hashes it, class 1 passes it on. No FIFO LOAD has this
    /// type; an info FIFO entry gives it to data that was loaded without one.
    Poly,
}

/// FIFO LOAD and SEQ FIFO LOAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct FifoLoad {
    pub class: Class,
    pub kind: InputType,
    pub last1: bool,
    pub last2: bool,
    pub flush1: bool,
    pub operand: Operand,
    /// Bytes.
    pub length: u32,
}

/// What a FIFO STORE takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputType {
    /// Message data from the output FIFO.
    Message,
    /// Output sequence bytes left as they are.
    Skip,
    /// Input sequence bytes copied to the output sequence.
    Metadata,
    /// Random bytes.
    Rng,
    /// The class's key register as a black key, under JDKEK or TDKEK.
    Key {
        /// Under TDKEK.
        trusted: bool,
    },
    /// A type this device does not have.
    Unsupported(u8),
}

/// FIFO STORE and SEQ FIFO STORE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct FifoStore {
    pub class: Class,
    pub kind: OutputType,
    pub operand: Operand,
    /// Bytes.
    pub length: u32,
}

/// MOVE source or destination codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Class 1 or 2 context register.
    Context(ClassNumber),
    /// Output data FIFO.
    OutputFifo,
    /// Descriptor buffer.
    DescriptorBuffer,
    /// MATH0..MATH3.
    Math(u8),
    /// DECO alignment block (source).
    DecoAlignment,
    /// Class 1 or 2 alignment block (source): input FIFO data for that class.
    ClassAlignment(ClassNumber),
    /// Class 1 or 2 input FIFO (destination).
    InputFifo(ClassNumber),
    /// Class 1 or 2 key register.
    Key(ClassNumber),
    /// A code this device does not have.
    Unsupported(u8),
}

/// How many bytes a MOVE moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveLength {
    /// The length field. Where neither side uses an offset, offset and length are one 16-bit
    /// length: what Linux' null-cipher and RFC 4543 descriptors patch in at run time.
    Bytes(u16),
    /// MOVE LEN: the MATH register that holds it.
    Math(u8),
}

/// MOVE and MOVE LEN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Move {
    pub aux: u8,
    pub source: Place,
    pub destination: Place,
    /// Byte offset into whichever side is a register file.
    pub offset: u8,
    pub length: MoveLength,
}

/// AS field of an algorithm OPERATION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AlgorithmState {
    Update,
    Init,
    Finalize,
    InitFinal,
}

/// A class 1 or class 2 algorithm OPERATION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct AlgorithmOperation {
    /// ALG, e.g. 0x10 for AES.
    pub algorithm: u8,
    /// AAI, 9 bits.
    pub aai: u16,
    pub state: AlgorithmState,
    /// ICV check (or prediction resistance for the RNG).
    pub icv: bool,
    pub encrypt: bool,
}

/// OPERATION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Class 1 algorithm.
    Class1(AlgorithmOperation),
    /// Class 2 algorithm.
    Class2(AlgorithmOperation),
    /// PKHA function.
    Pkha(u32),
    /// Protocol: direction and id.
    Protocol {
        /// OP TYPE: 0 unidirectional, 6 decapsulation, 7 encapsulation.
        kind: u8,
        /// PROTID.
        id: u8,
        /// PROTINFO.
        info: u16,
    },
    /// Derived key protocol: a key becomes an MDHA split key.
    DerivedKey(DerivedKey),
}

/// DKP, protocols 0x20 to 0x25 (Linux `desc.h`, `OP_PCLID_DKP_*`, `OP_PCL_DKP_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivedKey {
    /// The hash, as an ALG code: 0x40 MD5 to 0x45 SHA-512.
    pub algorithm: u8,
    /// Where the key is.
    pub source: Operand,
    /// Bytes of the key.
    pub length: u16,
}

/// JUMP type, bits 23:20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum JumpKind {
    Local,
    /// Local, remembering the command behind the JUMP.
    Gosub,
    /// Back to where the last gosub came from.
    Return,
    /// Increment a register, then jump.
    LocalIncrement,
    /// Decrement a register, then jump.
    LocalDecrement,
    /// To another job descriptor.
    NonLocal(u64),
    HaltCondition,
    HaltUser,
    Unsupported(u8),
}

/// TEST field of a JUMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum JumpTest {
    AllTrue,
    AllFalse,
    AnyTrue,
    AnyFalse,
}

/// JUMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Jump {
    /// Wait until the named classes are done.
    pub wait: Class,
    /// JSL: the condition mask means sharing and pending conditions, not PKHA and MATH flags.
    pub jsl: bool,
    pub kind: JumpKind,
    pub test: JumpTest,
    pub conditions: u8,
    /// In words, relative to the JUMP; the code for halts.
    pub offset: i8,
}

/// MATH function, bits 23:20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum MathFunction {
    Add,
    AddCarry,
    Subtract,
    SubtractBorrow,
    Or,
    And,
    Xor,
    ShiftLeft,
    ShiftRight,
    ShiftLeftDouble,
    /// Flags of a zero-byte search in SRC1.
    ZeroByte,
    ByteSwap,
    Unsupported(u8),
}

/// A MATH operand or destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum MathRegister {
    Math(u8),
    Immediate,
    ProtocolOverride,
    SequenceIn,
    SequenceOut,
    VariableIn,
    VariableOut,
    InputFifo,
    OutputFifo,
    Zero,
    One,
    None,
    Unsupported(u8),
}

/// MATH and MATHI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Math {
    pub function: MathFunction,
    pub source0: MathRegister,
    pub source1: MathRegister,
    pub destination: MathRegister,
    /// Bytes: 1, 2, 4 or 8; anything else is refused on execution.
    pub length: u8,
    /// NFU: leave the flags as they are.
    pub keep_flags: bool,
    /// The immediate value, if a source asks for it.
    pub immediate: u64,
}

/// SEQ IN PTR and SEQ OUT PTR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SequencePointer {
    pub source: SequenceSource,
    /// Bytes.
    pub length: u32,
}

/// Where a sequence's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceSource {
    /// At an address, or in the table there.
    Pointer {
        /// Bus address.
        address: u64,
        /// The address is that of a scatter/gather table.
        table: bool,
    },
    /// PRE: the sequence goes on where it is, with the length added.
    Previous,
    /// RTO: the sequence starts again from its original pointer.
    Restart,
    /// A flag this device does not have (INL, RJD, RBS, SOP, EWS).
    Unsupported,
}

/// One decoded command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Command {
    Key(Key),
    Load(LoadStore),
    Store(LoadStore),
    FifoLoad(FifoLoad),
    FifoStore(FifoStore),
    Move(Move),
    Operation(Operation),
    Signature,
    Jump(Jump),
    Math(Math),
    /// A header where a command should be.
    Header,
    SeqInPtr(SequencePointer),
    SeqOutPtr(SequencePointer),
    /// An opcode the DECO does not have.
    Unknown(u8),
}

/// A command and the number of words it occupies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Decoded {
    pub command: Command,
    pub words: u8,
}

#[cfg(test)]
#[path = "../command_tests.rs"]
mod tests;
