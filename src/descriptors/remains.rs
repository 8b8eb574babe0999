//! What is left of a job in its DECO when it has ended: the findings of an autopsy.

use super::buffer::{Part, WORDS};
use super::command::{AlgorithmOperation, InputType};
use super::flow::{InputSource, InputTransfer, OutputSink, OutputTransfer};
use super::math;
use super::status::{JobStatus, Position};
use super::witness::Touched;
use zeroize::Zeroizing;

/// Queued transfers that are told of.
pub const TRANSFERS: usize = 16;

/// Of which jobs something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Of none.
    #[default]
    Nothing,
    /// Of those that failed.
    Failed,
    /// Of each.
    All,
}

impl Keep {
    /// Whether a job that ended like this is one.
    #[must_use]
    pub fn wants(self, status: JobStatus) -> bool {
        match self {
            Self::Nothing => false,
            Self::Failed => !status.is_ok(),
            Self::All => true,
        }
    }
}

/// One class of the CCB.
#[derive(Debug, Clone)]
pub struct ClassRemains {
    /// The mode register, while there is one.
    pub mode: Option<AlgorithmOperation>,
    /// Bytes of the key.
    pub key_size: usize,
    /// The context register.
    pub context: Zeroizing<Vec<u8>>,
    /// Bytes of an ICV that have come, to be checked.
    pub icv_size: usize,
    /// Message bytes that wait for a whole block.
    pub carried: usize,
    /// Message bytes processed.
    pub processed: u64,
    /// The CHA had its last data.
    pub done: bool,
}

/// A queued FIFO LOAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct InputLeft {
    pub kind: InputType,
    /// Bytes still to come.
    pub left: u64,
    pub class1: bool,
    pub class2: bool,
    /// From the input sequence.
    pub sequence: bool,
}

impl InputLeft {
    pub(super) fn new(transfer: &InputTransfer) -> Self {
        let InputTransfer { source, left, kind, class1, class2, .. } = transfer;
        let sequence = matches!(source, InputSource::Sequence);
        Self { kind: *kind, left: *left, class1: *class1, class2: *class2, sequence }
    }
}

/// A queued STORE or FIFO STORE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLeft {
    /// Bytes still to go.
    pub left: u64,
    /// From the output FIFO; else from a register, or none at all.
    pub fifo: bool,
    /// To the output sequence.
    pub sequence: bool,
}

impl OutputLeft {
    pub(super) fn new(transfer: &OutputTransfer) -> Self {
        let (sink, left, fifo) = match transfer {
            OutputTransfer::Fifo(sink, left) => (sink, *left, true),
            OutputTransfer::Bytes(sink, bytes) => (sink, bytes.len() as u64, false),
            OutputTransfer::Skip(left) => (&OutputSink::Sequence, *left, false),
        };
        Self { left, fifo, sequence: matches!(sink, OutputSink::Sequence) }
    }
}

/// What a DECO holds when its job has ended.
#[derive(Debug, Clone)]
pub struct State {
    /// The descriptor buffer, as commands may have changed it.
    pub words: Zeroizing<[u32; WORDS]>,
    /// Words in use.
    pub length: usize,
    /// The descriptors in it.
    pub parts: [Option<Part>; 2],
    /// The command that was the last one.
    pub position: Position,
    /// MATH registers, sequence lengths, flags.
    pub registers: math::Registers,
    /// Class 1 and class 2.
    pub classes: [ClassRemains; 2],
    /// Bytes in the output FIFO.
    pub output_fifo: usize,
    /// FIFO LOADs that were not done, the first of them.
    pub inputs: Vec<InputLeft>,
    /// How many there were.
    pub input_count: usize,
    /// STOREs that were not done, the first of them.
    pub outputs: Vec<OutputLeft>,
    /// How many there were.
    pub output_count: usize,
    /// Info FIFO entries without data.
    pub info_entries: usize,
    /// Where the input and the output sequence go on, with the table if they have one.
    pub sequences: [Option<(u64, Option<u64>)>; 2],
    /// Bytes stored to the output sequence.
    pub stored: u32,
    /// Commands executed.
    pub commands: u32,
    /// Table entries read.
    pub table_entries: u32,
    /// Data bytes moved, in and out.
    pub bytes: u64,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Remains {
    /// What the DECO held; `None`: there was no descriptor to execute.
    pub state: Option<State>,
    /// Accesses to guest memory.
    pub accesses: u64,
    /// The last of them.
    pub touched: Vec<Touched>,
}
