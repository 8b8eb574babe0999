//! The DECO: executes one job, command by command.
//!
//! [`run`] takes a job descriptor's address and comes back with the job's status; it never
//! panics, and always ends, whatever the guest put there (see [`super::flow::Budget`]).
//! Sharing of shared descriptors between jobs is always refused, as hardware may: SHRD reads 0,
//! and each job loads keys anew.

mod fifo;
mod jump;
mod moves;
mod operation;
mod protocol;
mod registers;

use super::buffer::{DescriptorBuffer, Part};
use super::ccb::work::Work;
use super::command::{Command, Memo, SequencePointer, SequenceSource};
use super::flow::{Budget, Flow, Scratch, Sequence};
use super::math::Registers;
use super::remains::{InputLeft, Keep, OutputLeft, Remains, State, TRANSFERS};
use super::sgt::{Cursor, WalkError};
use super::status::{DecoError, Failure, JobStatus, Position};
use super::witness::Witness;
use crate::crypto::Direction;
use crate::device::platform::Platform;
use crate::device::soc::SocProfile;
use crate::memory::{DmaError, GuestMemory};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

/// Commands after which a job lets go of the mappings of guest memory, if it has not before.
const PAUSE_AFTER: u32 = 256;

/// What one class did in a job: algorithm, direction, message bytes.
pub type Operation = (Work, Direction, u64);

/// What is known of a job when it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The output ring's status word.
    pub status: JobStatus,
    /// The DMA access that failed, for `FAR` and `FADR`.
    pub dma_error: Option<DmaError>,
    /// Bytes stored to the output sequence, for output entries that carry them.
    pub sequence_out: u32,
    /// The first operation of class 1 and of class 2.
    pub operations: [Option<Operation>; 2],
    /// Reads of four table entries that left the page of the table's last one, and so may have
    /// left the driver's allocation ([`crate::memory::TableOverread`]).
    pub table_overreads: u32,
    /// The number of its autopsy, if one was made.
    pub autopsy: Option<u64>,
}

impl Report {
    /// Of a job that ended with this status, and did nothing else.
    #[must_use]
    pub fn of_status(status: JobStatus) -> Self {
        Self {
            status,
            dma_error: None,
            sequence_out: 0,
            operations: [None; 2],
            table_overreads: 0,
            autopsy: None,
        }
    }

    /// Of a job whose descriptor could not be had.
    #[must_use]
    pub fn of_walk(error: WalkError) -> Self {
        let dma_error = match error {
            WalkError::Dma(dma) => Some(dma),
            WalkError::Deco(_) => None,
        };
        let status = error.failure().status(Position::default());
        Self { dma_error, ..Self::of_status(status) }
    }
}

/// Executes the job descriptor at `address`. `stop` is set from outside when the job ring is
/// flushed; the job then ends with the job ring reset status.
pub fn run<M: GuestMemory>(
    memory: &M,
    platform: &Platform,
    address: u64,
    scratch: &mut Scratch,
    budget: Budget,
    stop: &AtomicBool,
) -> Report {
    scratch.remains = None;
    if scratch.keep == Keep::Nothing {
        return run_at(memory, platform, address, scratch, budget, stop);
    }
    let log = scratch.accesses.take().unwrap_or_default();
    log.clear();
    let witness = Witness { memory, log: &log };
    let report = run_at(&witness, platform, address, scratch, budget, stop);
    if scratch.keep.wants(report.status) {
        let remains = scratch.remains.get_or_insert_default();
        (remains.accesses, remains.touched) = log.last();
    }
    scratch.accesses = Some(log);
    report
}

fn run_at<M: GuestMemory>(
    memory: &M,
    platform: &Platform,
    address: u64,
    scratch: &mut Scratch,
    budget: Budget,
    stop: &AtomicBool,
) -> Report {
    match DescriptorBuffer::load(memory, &platform.soc, address) {
        Ok(buffer) => run_buffer(memory, platform, buffer, scratch, budget, stop),
        Err(error) => Report::of_walk(error),
    }
}

/// Executes a descriptor that is in the buffer already, as when software has a DECO to itself.
pub fn run_buffer<M: GuestMemory>(
    memory: &M,
    platform: &Platform,
    buffer: DescriptorBuffer,
    scratch: &mut Scratch,
    budget: Budget,
    stop: &AtomicBool,
) -> Report {
    let scratch_keep = scratch.keep;
    let (flow, memo) = Flow::new(memory, &platform.soc, scratch, budget, stop);
    let mut deco = Deco {
        soc: &platform.soc,
        platform,
        buffer,
        flow,
        registers: Registers::default(),
        automatic_info: true,
        info: VecDeque::new(),
        gosub: None,
        alignment: Vec::new(),
        protocol: None,
        sequence_stored: 0,
        position: Position::default(),
        commands_left: budget.commands,
        stop,
    };
    let status = match deco.execute(memo) {
        Ok(()) => JobStatus::OK,
        Err(failure) => failure.status(deco.position),
    };
    let (class1, class2) = (&*deco.flow.class1, &*deco.flow.class2);
    let operations = [
        class1.first.map(|(work, direction)| (work, direction, class1.processed)).or(deco.protocol),
        class2.first.map(|(work, direction)| (work, direction, class2.processed)),
    ];
    let (dma_error, sequence_out) = (deco.flow.dma_error, deco.sequence_stored);
    let table_overreads = deco.flow.table_overreads();
    let keep = scratch_keep.wants(status);
    let remains = keep.then(|| Remains { state: Some(deco.state(budget)), ..Remains::default() });
    scratch.remains = remains.map(Box::new);
    scratch.reset();
    Report { status, dma_error, sequence_out, operations, table_overreads, autopsy: None }
}

struct Deco<'a, M> {
    soc: &'a SocProfile,
    platform: &'a Platform,
    buffer: DescriptorBuffer,
    flow: Flow<'a, M>,
    registers: Registers,
    /// FIFO LOADs make info FIFO entries for their data (DCTRL).
    automatic_info: bool,
    /// Info FIFO entries for data that is loaded without one.
    info: VecDeque<fifo::InfoEntry>,
    /// The DECO alignment block: padding that info FIFO entries made.
    alignment: Vec<u8>,
    /// What a protocol did, for the counters.
    protocol: Option<Operation>,
    /// Bytes stored to the output sequence.
    sequence_stored: u32,
    /// Where JUMP RETURN goes.
    gosub: Option<usize>,
    position: Position,
    commands_left: u32,
    stop: &'a AtomicBool,
}

/// Where to go on after a command.
enum Next {
    /// The command behind this one.
    Follow,
    /// Another word of the same part.
    At(usize),
    /// A new descriptor has been loaded.
    Restart,
}

impl<M: GuestMemory> Deco<'_, M> {
    fn execute(&mut self, memo: &mut Memo) -> Result<(), Failure> {
        'descriptor: loop {
            for part in self.buffer.parts.into_iter().flatten() {
                if self.execute_part(part, memo)? {
                    continue 'descriptor;
                }
            }
            return self.flow.finish();
        }
    }

    /// `true`: a non-local jump replaced the descriptor.
    fn execute_part(&mut self, part: Part, memo: &mut Memo) -> Result<bool, Failure> {
        let mut pc = part.start;
        while pc < part.end {
            self.position.index = pc as u8;
            self.commands_left = self.commands_left.checked_sub(1).ok_or(DecoError::Watchdog)?;
            if self.stop.load(Ordering::Relaxed) {
                return Err(DecoError::JobRingReset.into());
            }
            if self.commands_left.is_multiple_of(PAUSE_AFTER) {
                self.flow.memory().pause();
            }
            let words = &self.buffer.words[..part.end];
            let decoded = memo.decode(words, pc, self.soc)?;
            match self.command(&decoded.command, pc, part)? {
                Next::Follow => pc += usize::from(decoded.words),
                Next::At(target) => pc = target,
                Next::Restart => return Ok(true),
            }
        }
        Ok(false)
    }

    fn command(&mut self, command: &Command, pc: usize, part: Part) -> Result<Next, Failure> {
        match command {
            Command::Key(key) => self.key(key, pc)?,
            Command::Load(load) => self.load(load, pc)?,
            Command::Store(store) => self.store(store)?,
            Command::FifoLoad(load) => self.fifo_load(load, pc)?,
            Command::FifoStore(store) => self.fifo_store(store)?,
            Command::Move(moves) => self.moves(moves)?,
            Command::Operation(operation) => self.operation(operation, pc, part)?,
            Command::Signature => return Err(DecoError::Signature.into()),
            Command::Jump(jump) => return self.jump(jump, pc, part),
            Command::Math(math) => self.registers.execute(math)?,
            Command::SeqInPtr(pointer) => self.sequence_in(pointer)?,
            Command::SeqOutPtr(pointer) => self.sequence_out(pointer)?,
            Command::Header | Command::Unknown(_) => return Err(DecoError::InvalidCommand.into()),
        }
        Ok(Next::Follow)
    }

    /// What there is when the job has ended.
    #[cold]
    fn state(&self, budget: Budget) -> State {
        let (inputs, outputs) = self.flow.queued();
        let (entries, bytes) = self.flow.budget_left();
        let position = |sequence: &Option<Sequence>| sequence.as_ref().map(Sequence::position);
        State {
            words: self.buffer.words.into(),
            length: self.buffer.length,
            parts: self.buffer.parts,
            position: self.position,
            registers: self.registers,
            classes: [self.flow.class1.remains(), self.flow.class2.remains()],
            output_fifo: self.flow.output_waiting(),
            inputs: inputs.iter().take(TRANSFERS).map(InputLeft::new).collect(),
            input_count: inputs.len(),
            outputs: outputs.iter().take(TRANSFERS).map(OutputLeft::new).collect(),
            output_count: outputs.len(),
            info_entries: self.info.len(),
            sequences: [position(&self.flow.sequence_in), position(&self.flow.sequence_out)],
            stored: self.sequence_stored,
            commands: budget.commands - self.commands_left,
            table_entries: budget.entries - entries,
            bytes: budget.bytes - bytes,
        }
    }

    fn sequence_in(&mut self, pointer: &SequencePointer) -> Result<(), Failure> {
        self.flow.settle_sequences()?;
        let sequence = &mut self.flow.sequence_in;
        let sil = &mut self.registers.sequence_in;
        apply_sequence_pointer(pointer, sequence, sil)
    }

    fn sequence_out(&mut self, pointer: &SequencePointer) -> Result<(), Failure> {
        self.flow.settle_sequences()?;
        let sequence = &mut self.flow.sequence_out;
        let sol = &mut self.registers.sequence_out;
        apply_sequence_pointer(pointer, sequence, sol)
    }
}

fn cursor(address: u64, table: bool, length: u32) -> Cursor {
    if table { Cursor::table(address) } else { Cursor::direct(address, u64::from(length)) }
}

fn apply_sequence_pointer(
    pointer: &SequencePointer,
    sequence: &mut Option<Sequence>,
    length: &mut u32,
) -> Result<(), Failure> {
    match pointer.source {
        SequenceSource::Pointer { address, table } => {
            *sequence = Some(Sequence::new(address, table, pointer.length));
            *length = pointer.length;
        }
        SequenceSource::Previous => {
            let current = sequence.as_mut().ok_or(DecoError::Sequence)?;
            current.extend(pointer.length);
            *length = length.checked_add(pointer.length).ok_or(DecoError::Sequence)?;
        }
        SequenceSource::Restart => {
            sequence.as_mut().ok_or(DecoError::Sequence)?.restart();
            *length = pointer.length;
        }
        SequenceSource::Unsupported => return Err(DecoError::Sequence.into()),
    }
    Ok(())
}

#[cfg(test)]
#[path = "../deco_tests.rs"]
mod tests;
