//! The DECO: executes one job, command by command.
//!
//! [`run`] takes a job descriptor's address and comes back with the job's status; it never
//! panics, and always ends, whatever the guest put there (see [`super::flow::Budget`]).
//! Sharing of shared descriptors between jobs is always refused, as hardware may: SHRD reads 0,
//! and each job loads keys anew.

mod fifo;
mod moves;
mod operation;
mod protocol;
mod registers;

use super::buffer::{DescriptorBuffer, Part};
use super::ccb::work::Work;
use super::command::{Command, Jump, JumpKind, JumpTest, SequencePointer, SequenceSource, decode};
use super::flow::{Budget, Flow, Scratch, Sequence};
use super::math::Registers;
use super::record;
use super::sgt::{Cursor, WalkError};
use super::status::{DecoError, Failure, JobStatus, Position};
use crate::crypto::Direction;
use crate::device::platform::Platform;
use crate::device::soc::SocProfile;
use crate::memory::{DmaError, GuestMemory};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

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
}

impl Report {
    /// Of a job whose descriptor could not be had.
    #[must_use]
    pub fn of_walk(error: WalkError) -> Self {
        let dma_error = match error {
            WalkError::Dma(dma) => Some(dma),
            WalkError::Deco(_) => None,
        };
        let status = error.failure().status(Position::default());
        Self { status, dma_error, sequence_out: 0, operations: [None; 2] }
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
    if record::wanted() {
        log::trace!(target: record::TARGET, "job {address:x}");
        let recorder = record::Recorder(memory);
        let report = run_at(&recorder, platform, address, scratch, budget, stop);
        log::trace!(target: record::TARGET, "status {:08x}", report.status.0);
        return report;
    }
    run_at(memory, platform, address, scratch, budget, stop)
}

fn run_at<M: GuestMemory>(
    memory: &M,
    platform: &Platform,
    address: u64,
    scratch: &mut Scratch,
    budget: Budget,
    stop: &AtomicBool,
) -> Report {
    match DescriptorBuffer::load(memory, platform.soc, address) {
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
    let mut deco = Deco {
        soc: platform.soc,
        platform,
        buffer,
        flow: Flow::new(memory, platform.soc, scratch, budget, stop),
        registers: Registers::default(),
        info: VecDeque::new(),
        alignment: Vec::new(),
        protocol: None,
        sequence_stored: 0,
        position: Position::default(),
        commands_left: budget.commands,
        stop,
    };
    let status = match deco.execute() {
        Ok(()) => JobStatus::OK,
        Err(failure) => failure.status(deco.position),
    };
    let (class1, class2) = (&deco.flow.class1, &deco.flow.class2);
    let operations = [
        class1.first.map(|(work, direction)| (work, direction, class1.processed)).or(deco.protocol),
        class2.first.map(|(work, direction)| (work, direction, class2.processed)),
    ];
    let (dma_error, sequence_out) = (deco.flow.dma_error, deco.sequence_stored);
    Report { status, dma_error, sequence_out, operations }
}

struct Deco<'a, M> {
    soc: &'a SocProfile,
    platform: &'a Platform,
    buffer: DescriptorBuffer,
    flow: Flow<'a, M>,
    registers: Registers,
    /// Info FIFO entries for data that is loaded without one.
    info: VecDeque<fifo::InfoEntry>,
    /// The DECO alignment block: padding that info FIFO entries made.
    alignment: Vec<u8>,
    /// What a protocol did, for the counters.
    protocol: Option<Operation>,
    /// Bytes stored to the output sequence.
    sequence_stored: u32,
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
    fn execute(&mut self) -> Result<(), Failure> {
        'descriptor: loop {
            for part in self.buffer.parts.into_iter().flatten() {
                if self.execute_part(part)? {
                    continue 'descriptor;
                }
            }
            return self.flow.finish();
        }
    }

    /// `true`: a non-local jump replaced the descriptor.
    fn execute_part(&mut self, part: Part) -> Result<bool, Failure> {
        let mut pc = part.start;
        while pc < part.end {
            self.position.index = pc as u8;
            self.commands_left = self.commands_left.checked_sub(1).ok_or(DecoError::Watchdog)?;
            if self.stop.load(Ordering::Relaxed) {
                return Err(DecoError::JobRingReset.into());
            }
            let decoded = decode(&self.buffer.words[pc..part.end], self.soc)?;
            match self.command(decoded.command, pc, part)? {
                Next::Follow => pc += usize::from(decoded.words),
                Next::At(target) => pc = target,
                Next::Restart => return Ok(true),
            }
        }
        Ok(false)
    }

    fn command(&mut self, command: Command, pc: usize, part: Part) -> Result<Next, Failure> {
        match command {
            Command::Key(key) => self.key(&key, pc)?,
            Command::Load(load) => self.load(&load, pc)?,
            Command::Store(store) => self.store(&store)?,
            Command::FifoLoad(load) => self.fifo_load(&load, pc)?,
            Command::FifoStore(store) => self.fifo_store(&store)?,
            Command::Move(moves) => self.moves(&moves)?,
            Command::Operation(operation) => self.operation(&operation, pc, part)?,
            Command::Signature => return Err(DecoError::Signature.into()),
            Command::Jump(jump) => return self.jump(&jump, pc, part),
            Command::Math(math) => self.registers.execute(&math)?,
            Command::SeqInPtr(pointer) => self.sequence_in(&pointer)?,
            Command::SeqOutPtr(pointer) => self.sequence_out(&pointer)?,
            Command::Header | Command::Unknown(_) => return Err(DecoError::InvalidCommand.into()),
        }
        Ok(Next::Follow)
    }

    fn jump(&mut self, jump: &Jump, pc: usize, part: Part) -> Result<Next, Failure> {
        if jump.wait.has_one() {
            self.flow.pump()?;
            if !self.flow.class1.done {
                return Err(DecoError::Watchdog.into());
            }
        }
        if jump.wait.has_two() {
            self.flow.pump()?;
            if !self.flow.class2.done {
                return Err(DecoError::Watchdog.into());
            }
        }
        match jump.kind {
            JumpKind::LocalIncrement | JumpKind::LocalDecrement => {
                self.step_register(jump)?;
            }
            JumpKind::Unsupported(_) => return Err(DecoError::Jump.into()),
            _ => {}
        }
        let conditions = self.conditions(jump)?;
        let mask = match jump.kind {
            // Bits 15:12 name the register there, the flags are in 11:8.
            JumpKind::LocalIncrement | JumpKind::LocalDecrement => jump.conditions & 0x0f,
            _ => jump.conditions,
        };
        let held = conditions & mask;
        let taken = mask == 0
            || match jump.test {
                JumpTest::AllTrue => held == mask,
                JumpTest::AllFalse => held == 0,
                JumpTest::AnyTrue => held != 0,
                JumpTest::AnyFalse => held != mask,
            };
        if !taken {
            return Ok(Next::Follow);
        }
        match jump.kind {
            JumpKind::HaltCondition => {
                self.flow.pump()?;
                Err(Failure::HaltCondition(held))
            }
            JumpKind::HaltUser => {
                self.flow.pump()?;
                Err(Failure::HaltUser(jump.offset as u8))
            }
            JumpKind::NonLocal(address) => {
                self.flow.pump()?;
                self.jump_to(address)?;
                Ok(Next::Restart)
            }
            _ => {
                let target = pc as isize + isize::from(jump.offset);
                match usize::try_from(target) {
                    Ok(t) if t >= part.base && t <= part.end => Ok(Next::At(t)),
                    _ => Err(DecoError::Jump.into()),
                }
            }
        }
    }

    /// Loads another job descriptor in place of this one.
    fn jump_to(&mut self, address: u64) -> Result<(), Failure> {
        let buffer = DescriptorBuffer::load(self.flow.memory(), self.soc, address);
        let buffer = match buffer {
            Ok(buffer) => buffer,
            Err(WalkError::Dma(dma)) => {
                self.flow.dma_error.get_or_insert(dma);
                return Err(DecoError::Dma.into());
            }
            // What is there is no job descriptor.
            Err(WalkError::Deco(_)) => return Err(DecoError::Jump.into()),
        };
        // A target with a shared descriptor of its own has no defined meaning.
        if buffer.parts[1].is_some() {
            return Err(DecoError::Jump.into());
        }
        self.buffer = buffer;
        self.position.after_jump = true;
        Ok(())
    }

    /// The conditions that hold, as bits of the condition field.
    fn conditions(&mut self, jump: &Jump) -> Result<u8, Failure> {
        if !jump.jsl {
            // PK flags (7:5) stay 0: PKHA runs inside protocols only.
            let f = self.registers.flags;
            return Ok(u8::from(f.negative) << 3
                | u8::from(f.zero) << 2
                | u8::from(f.carry) << 1
                | u8::from(f.less));
        }
        // CALM, NIP, NIFP, NOP, NCP: no transfers pending. Each is a reason to finish them; what
        // cannot move now will not move while the DECO waits here.
        if jump.conditions & 0x1f != 0 {
            self.flow.pump()?;
        }
        // JQP (another job waits), SHRD and SELF are never set: descriptors are not shared.
        Ok(0x1f)
    }

    /// JUMP LOCAL INC/DEC: the register that condition bits 15:12 name (DPDK RTA, jump_cmd.h).
    fn step_register(&mut self, jump: &Jump) -> Result<(), Failure> {
        let up = jump.kind == JumpKind::LocalIncrement;
        let step = |v: u64| if up { v.wrapping_add(1) } else { v.wrapping_sub(1) };
        let step32 = |v: u32| if up { v.wrapping_add(1) } else { v.wrapping_sub(1) };
        let r = &mut self.registers;
        let value = match jump.conditions >> 4 {
            n @ 0..=3 => {
                let m = &mut r.math[usize::from(n)];
                *m = step(*m);
                *m
            }
            n => {
                let m = match n {
                    7 => &mut r.protocol_override,
                    8 => &mut r.sequence_in,
                    9 => &mut r.sequence_out,
                    0xa => &mut r.variable_in,
                    0xb => &mut r.variable_out,
                    _ => return Err(DecoError::Jump.into()),
                };
                *m = step32(*m);
                u64::from(*m)
            }
        };
        r.flags.zero = value == 0;
        r.flags.negative = value >> 63 != 0;
        Ok(())
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
            *sequence = Some(Sequence::new(cursor(address, table, pointer.length)));
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
