//! What waits to be moved through a job: queued transfers, and the sequences they take part in.

use super::command::InputType;
use super::sgt::Cursor;
use smallvec::SmallVec;

/// Bytes of a register or from a descriptor: up to an IV or a tag without an allocation. No more,
/// because they are moved about.
pub type Bytes = SmallVec<[u8; 16]>;

/// Where an input transfer's bytes come from.
#[derive(Debug)]
pub enum InputSource {
    /// The input sequence, at its current position.
    Sequence,
    /// An address or a table.
    Memory(Box<Cursor>),
    /// Bytes from the descriptor or a register, and how many of them have been used.
    Bytes(Bytes, usize),
}

/// A queued FIFO LOAD.
#[derive(Debug)]
pub struct InputTransfer {
    /// Where the bytes are.
    pub source: InputSource,
    /// Bytes still to come.
    pub left: u64,
    /// What they are.
    pub kind: InputType,
    /// Class 1 gets them. With neither class they are skipped.
    pub class1: bool,
    /// Class 2 gets them.
    pub class2: bool,
    /// They end class 1's data.
    pub last1: bool,
    /// They end class 2's data.
    pub last2: bool,
}

impl InputTransfer {
    /// Sequence bytes that nobody gets.
    #[must_use]
    pub fn skip(length: u64) -> Self {
        Self {
            source: InputSource::Sequence,
            left: length,
            kind: InputType::NoInfo,
            class1: false,
            class2: false,
            last1: false,
            last2: false,
        }
    }
}

/// Where an output transfer's bytes go.
#[derive(Debug)]
pub enum OutputSink {
    /// The output sequence, at its current position.
    Sequence,
    /// An address or a table.
    Memory(Box<Cursor>),
}

/// A queued STORE or FIFO STORE.
#[derive(Debug)]
pub enum OutputTransfer {
    /// That many bytes from the output FIFO.
    Fifo(OutputSink, u64),
    /// These bytes.
    Bytes(OutputSink, Bytes),
    /// Sequence bytes left alone.
    Skip(u64),
}

/// A sequence: SEQ IN PTR or SEQ OUT PTR.
#[derive(Debug)]
pub struct Sequence {
    pub(super) cursor: Cursor,
    original: Start,
}

/// Where a sequence began.
#[derive(Debug, Clone, Copy)]
struct Start {
    address: u64,
    table: bool,
    length: u64,
}

impl Start {
    fn cursor(self) -> Cursor {
        if self.table {
            Cursor::table(self.address)
        } else {
            Cursor::direct(self.address, self.length)
        }
    }
}

impl Sequence {
    /// A sequence of `length` bytes at `address`, or of what the table there describes.
    #[must_use]
    pub fn new(address: u64, table: bool, length: u32) -> Self {
        let original = Start { address, table, length: u64::from(length) };
        Self { cursor: original.cursor(), original }
    }

    /// RTO: back to where it started.
    pub fn restart(&mut self) {
        self.cursor = self.original.cursor();
    }

    /// Where it goes on, and the address of the table that says so, if one does.
    #[must_use]
    pub fn position(&self) -> (u64, Option<u64>) {
        self.cursor.position()
    }

    /// PRE: `more` bytes are added at the end.
    pub fn extend(&mut self, more: u32) {
        self.cursor.extend(u64::from(more));
        self.original.length = self.original.length.saturating_add(u64::from(more));
    }
}
