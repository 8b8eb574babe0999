//! The DECO: executes one job, command by command.
//!
//! [`run`] takes a job descriptor's address and comes back with the job's status; it never
//! panics, and always ends, whatever the guest put there (see [`super::flow::Budget`]).
//! Sharing of shared descriptors between jobs is always refused, as hardware may: SHRD reads 0,
//! and each job loads keys anew.

use super::buffer::{DescriptorBuffer, Part, WORDS};
use super::class1::{Mode, cha_of};
use super::command::{
    ClassNumber, Command, FifoLoad, FifoStore, InputType, Jump, JumpKind, JumpTest, Key,
    KeyDestination, LoadStore, Move, MoveLength, Operand, Operation, OutputType, Place, Register,
    SequencePointer, SequenceSource, decode,
};
use super::flow::{
    Budget, Flow, InputSource, InputTransfer, OutputSink, OutputTransfer, Scratch, Sequence,
};
use super::math::Registers;
use super::record;
use super::sgt::{Cursor, WalkError};
use super::status::{ChaError, DecoError, Failure, JobStatus, Position};
use crate::crypto::Direction;
use crate::device::soc::SocProfile;
use crate::memory::{DmaError, GuestMemory};
use std::sync::atomic::AtomicBool;

/// Bytes of the class 2 context register (DECO page, 0x500..0x548).
const CONTEXT2_BYTES: usize = 72;
/// Most a metadata store can copy (DECO error 22 beyond).
const METADATA_BYTES: u64 = 511;

/// What is known of a job when it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The output ring's status word.
    pub status: JobStatus,
    /// The DMA access that failed, for `FAR` and `FADR`.
    pub dma_error: Option<DmaError>,
    /// The first cipher operation, and the message bytes it processed.
    pub operation: Option<(Mode, Direction, u64)>,
}

/// Executes the job descriptor at `address`. `stop` is set from outside when the job ring is
/// flushed; the job then ends with the job ring reset status.
pub fn run<M: GuestMemory>(
    memory: &M,
    soc: &SocProfile,
    address: u64,
    scratch: &mut Scratch,
    budget: Budget,
    stop: &AtomicBool,
) -> Report {
    if record::wanted() {
        log::trace!(target: record::TARGET, "job {address:x}");
        let report = execute(&record::Recorder(memory), soc, address, scratch, budget, stop);
        log::trace!(target: record::TARGET, "status {:08x}", report.status.0);
        return report;
    }
    execute(memory, soc, address, scratch, budget, stop)
}

fn execute<M: GuestMemory>(
    memory: &M,
    soc: &SocProfile,
    address: u64,
    scratch: &mut Scratch,
    budget: Budget,
    stop: &AtomicBool,
) -> Report {
    let buffer = match DescriptorBuffer::load(memory, soc, address) {
        Ok(buffer) => buffer,
        Err(error) => {
            let dma_error = match error {
                WalkError::Dma(dma) => Some(dma),
                WalkError::Deco(_) => None,
            };
            let status = error.failure().status(Position::default());
            return Report { status, dma_error, operation: None };
        }
    };
    let mut deco = Deco {
        soc,
        buffer,
        flow: Flow::new(memory, soc, scratch, budget, stop),
        registers: Registers::default(),
        context2: [0; CONTEXT2_BYTES],
        position: Position::default(),
        commands_left: budget.commands,
        stop,
    };
    let status = match deco.execute() {
        Ok(()) => JobStatus::OK,
        Err(failure) => failure.status(deco.position),
    };
    let class1 = &deco.flow.class1;
    let operation = class1.first.map(|(mode, direction)| (mode, direction, class1.processed));
    Report { status, dma_error: deco.flow.dma_error, operation }
}

struct Deco<'a, M> {
    soc: &'a SocProfile,
    buffer: DescriptorBuffer,
    flow: Flow<'a, M>,
    registers: Registers,
    context2: [u8; CONTEXT2_BYTES],
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
            if self.stop.load(std::sync::atomic::Ordering::Relaxed) {
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
            Command::Operation(operation) => self.operation(operation)?,
            Command::Signature => return Err(DecoError::Signature.into()),
            Command::Jump(jump) => return self.jump(&jump, pc, part),
            Command::Math(math) => self.registers.execute(&math)?,
            Command::SeqInPtr(pointer) => self.sequence_in(&pointer)?,
            Command::SeqOutPtr(pointer) => self.sequence_out(&pointer)?,
            Command::Header | Command::Unknown(_) => return Err(DecoError::InvalidCommand.into()),
        }
        Ok(Next::Follow)
    }

    /// Immediate data as it stands in memory.
    fn immediate(&self, pc: usize, at: u8, length: usize) -> Vec<u8> {
        let from = pc + usize::from(at);
        let words = &self.buffer.words[from..(from + length.div_ceil(4)).min(WORDS)];
        let mut bytes: Vec<u8> = words.iter().flat_map(|w| self.soc.word_bytes(*w)).collect();
        bytes.truncate(length);
        bytes
    }

    /// Bytes for a KEY or LOAD: needed now, wherever they are.
    fn fetch(&mut self, operand: Operand, length: u32, pc: usize) -> Result<Vec<u8>, Failure> {
        match operand {
            Operand::Immediate { at } => Ok(self.immediate(pc, at, length as usize)),
            Operand::Pointer { address, table } => {
                let mut bytes = vec![0; length as usize];
                self.flow.read_memory(cursor(address, table, length), &mut bytes)?;
                Ok(bytes)
            }
            Operand::Sequence { variable } => {
                let length = if variable { self.registers.variable_in } else { length };
                // A register is what is filled here; VSIL may say anything.
                if length > 1024 {
                    return Err(DecoError::Load.into());
                }
                self.take_input(length)?;
                let mut bytes = vec![0; length as usize];
                self.flow.read_sequence(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// Subtracts from SIL. Below zero is DECO error 10.
    fn take_input(&mut self, length: u32) -> Result<(), Failure> {
        let sil = &mut self.registers.sequence_in;
        *sil = sil.checked_sub(length).ok_or(DecoError::Sequence)?;
        if self.flow.sequence_in.is_none() && length > 0 {
            return Err(DecoError::Sequence.into());
        }
        Ok(())
    }

    /// Subtracts from SOL.
    fn take_output(&mut self, length: u32) -> Result<(), Failure> {
        let sol = &mut self.registers.sequence_out;
        *sol = sol.checked_sub(length).ok_or(DecoError::Sequence)?;
        if self.flow.sequence_out.is_none() && length > 0 {
            return Err(DecoError::Sequence.into());
        }
        Ok(())
    }

    fn key(&mut self, key: &Key, pc: usize) -> Result<(), Failure> {
        if key.encrypted {
            // Black keys need JDKEK, which only an RNG could have generated.
            return Err(DecoError::KekNotLoaded.into());
        }
        if !key.class.has_one() || key.class.has_two() {
            // Class 2, and PKHA and AFHA destinations, belong to CHAs that are not there.
            return Err(DecoError::Key.into());
        }
        if key.destination != KeyDestination::Register {
            return Err(DecoError::Key.into());
        }
        let bytes = self.fetch(key.operand, key.length, pc)?;
        self.flow.class1.clear_key();
        self.flow.class1.load_key(0, &bytes).ok_or(DecoError::Key)?;
        Ok(())
    }

    fn load(&mut self, load: &LoadStore, pc: usize) -> Result<(), Failure> {
        if load.register == Register::DecoControl {
            // Sharing, auto info FIFO and LIODN selection: nothing here depends on them. Bit 5 of
            // the length field resets the output FIFO, bit 6 the CHA's pointer into it.
            if load.length & 0x60 != 0 {
                self.flow.clear_output();
            }
            return Ok(());
        }
        let length = match load.register {
            Register::DescriptorBuffer => u32::from(load.length) * 4,
            _ => u32::from(load.length),
        };
        let bytes = self.fetch(load.operand, length, pc)?;
        let offset = usize::from(load.offset);
        let word = || {
            let mut word = [0; 4];
            let n = bytes.len().min(4);
            word[..n].copy_from_slice(&bytes[..n]);
            self.soc.word(word)
        };
        match load.register {
            Register::Context(ClassNumber::One) => {
                let end = offset + bytes.len();
                let target = self.flow.class1.context.get_mut(offset..end);
                target.ok_or(DecoError::ContextLength)?.copy_from_slice(&bytes);
            }
            Register::Context(ClassNumber::Two) => {
                let end = offset + bytes.len();
                let target = self.context2.get_mut(offset..end);
                target.ok_or(DecoError::ContextLength)?.copy_from_slice(&bytes);
            }
            Register::Key(ClassNumber::One) => {
                self.flow.class1.load_key(offset, &bytes).ok_or(DecoError::Load)?;
            }
            Register::KeySize(ClassNumber::One) => {
                let size = word();
                self.flow.class1.set_key_size(size);
            }
            Register::ClearWritten => {
                let bits = word();
                self.clear_written(bits);
            }
            Register::ChaControl => {
                // Resets of all CHAs (bit 0) and of AESA (bit 1).
                if word() & 3 != 0 {
                    self.flow.class1.clear_mode();
                }
            }
            Register::ProtocolOverride => {
                let value = word();
                self.registers.protocol_override = value;
            }
            Register::Math(n) => self.load_math(usize::from(n) * 8 + offset, &bytes)?,
            Register::OutputFifo => self.flow.push_output(&bytes),
            // The sizes follow from the FIFO LOADs; explicit values change nothing, as long as
            // no CHA is driven by the data size register alone.
            Register::DataSize(_)
            | Register::IcvSize(_)
            | Register::AadSize
            | Register::IvSize
            | Register::IrqControl => {}
            Register::Mode(_)
            | Register::KeySize(_)
            | Register::Key(_)
            | Register::DecoControl
            | Register::DescriptorBuffer
            | Register::InfoFifo
            | Register::InputFifo
            | Register::Unsupported { .. } => return Err(DecoError::Load.into()),
        }
        Ok(())
    }

    /// MATH registers take words in device order; byte 0 is a register's most significant byte.
    fn load_math(&mut self, offset: usize, bytes: &[u8]) -> Result<(), Failure> {
        let mut all = math_bytes(&self.registers.math);
        let swapped: Vec<u8> = bytes
            .chunks(4)
            .flat_map(|chunk| match <[u8; 4]>::try_from(chunk) {
                Ok(word) => self.soc.word(word).to_be_bytes().to_vec(),
                Err(_) => chunk.to_vec(),
            })
            .collect();
        let target = all.get_mut(offset..offset + swapped.len()).ok_or(DecoError::Load)?;
        target.copy_from_slice(&swapped);
        self.registers.math = math_values(&all);
        Ok(())
    }

    /// CLRW (Linux `desc.h`, `CLRW_*`): class 1 mode 0, context 5, key 6; class 1 CHA reset 29;
    /// output FIFO 31. Class 2 bits have nothing to clear here but the context, 21.
    fn clear_written(&mut self, bits: u32) {
        if bits & (1 << 0 | 1 << 29) != 0 {
            self.flow.class1.clear_mode();
        }
        if bits & 1 << 5 != 0 {
            self.flow.class1.context.fill(0);
        }
        if bits & 1 << 6 != 0 {
            self.flow.class1.clear_key();
        }
        if bits & 1 << 21 != 0 {
            self.context2.fill(0);
        }
        if bits & 1 << 31 != 0 {
            self.flow.clear_output();
        }
    }

    fn store(&mut self, store: &LoadStore) -> Result<(), Failure> {
        // A store of a CHA's register waits for the CHA.
        self.flow.pump()?;
        let at = usize::from(store.offset);
        let n = usize::from(store.length);
        let bytes = match store.register {
            Register::Context(ClassNumber::One) => {
                self.flow.class1.context.get(at..at + n).map(<[u8]>::to_vec)
            }
            Register::Context(ClassNumber::Two) => {
                self.context2.get(at..at + n).map(<[u8]>::to_vec)
            }
            Register::Math(r) => {
                let all = math_bytes(&self.registers.math);
                let from = usize::from(r) * 8 + at;
                all.get(from..from + n).map(|b| self.device_words(b))
            }
            Register::ProtocolOverride if at == 0 && n == 4 => {
                Some(self.soc.word_bytes(self.registers.protocol_override).to_vec())
            }
            _ => return Err(DecoError::Store.into()),
        };
        let bytes = bytes.ok_or(DecoError::ContextLength)?;
        let sink = match store.operand {
            Operand::Pointer { address, table } => {
                OutputSink::Memory(cursor(address, table, u32::from(store.length)))
            }
            Operand::Sequence { .. } => {
                self.take_output(u32::from(store.length))?;
                OutputSink::Sequence
            }
            // STORE IMM names no register to take anything from.
            Operand::Immediate { .. } => return Err(DecoError::Store.into()),
        };
        self.flow.store(OutputTransfer::Bytes(sink, bytes));
        Ok(())
    }

    /// Register bytes, most significant first, as words in device order.
    fn device_words(&self, bytes: &[u8]) -> Vec<u8> {
        bytes
            .chunks(4)
            .flat_map(|chunk| match <[u8; 4]>::try_from(chunk) {
                Ok(word) => self.soc.word_bytes(u32::from_be_bytes(word)).to_vec(),
                Err(_) => chunk.to_vec(),
            })
            .collect()
    }

    fn fifo_load(&mut self, load: &FifoLoad, pc: usize) -> Result<(), Failure> {
        let skip = !load.class.has_one() && !load.class.has_two();
        // A skip's type field means nothing; Linux leaves it 0.
        if !skip && matches!(load.kind, InputType::Pkha(_) | InputType::BitData) {
            return Err(DecoError::FifoLoad.into());
        }
        let (source, length) = match load.operand {
            Operand::Immediate { at } => {
                let bytes = self.immediate(pc, at, load.length as usize);
                (InputSource::Bytes(bytes, 0), load.length)
            }
            Operand::Pointer { address, table } => {
                (InputSource::Memory(cursor(address, table, load.length)), load.length)
            }
            Operand::Sequence { variable } => {
                let length = if variable { self.registers.variable_in } else { load.length };
                self.take_input(length)?;
                (InputSource::Sequence, length)
            }
        };
        if skip && !matches!(load.operand, Operand::Sequence { .. }) {
            return Err(DecoError::FifoLoad.into());
        }
        if skip && length == 0 {
            return Ok(());
        }
        let last1 = load.last1 && load.class.has_one();
        let source = match (length, last1) {
            // Nothing to bring and nothing to end: rfc4106's workaround for erratum A-005473.
            (0, false) => return Ok(()),
            // The end of empty data needs no place to take it from.
            (0, true) => InputSource::Bytes(Vec::new(), 0),
            _ => source,
        };
        self.flow.load(InputTransfer {
            source,
            left: u64::from(length),
            kind: load.kind,
            class1: load.class.has_one(),
            class2: load.class.has_two(),
            last1,
        });
        Ok(())
    }

    fn fifo_store(&mut self, store: &FifoStore) -> Result<(), Failure> {
        let (sink, length) = match store.operand {
            Operand::Pointer { address, table } => {
                (OutputSink::Memory(cursor(address, table, store.length)), store.length)
            }
            Operand::Sequence { variable } => {
                let length = if variable { self.registers.variable_out } else { store.length };
                self.take_output(length)?;
                (OutputSink::Sequence, length)
            }
            Operand::Immediate { .. } => return Err(DecoError::FifoStore.into()),
        };
        match store.kind {
            // Zero bytes are no transfer, not even of a sequence that is not there.
            _ if length == 0 => {}
            OutputType::Message => {
                self.flow.store(OutputTransfer::Fifo(sink, u64::from(length)));
            }
            OutputType::Skip => self.flow.store(OutputTransfer::Skip(u64::from(length))),
            OutputType::Metadata => {
                if u64::from(length) > METADATA_BYTES {
                    return Err(DecoError::MetadataSize.into());
                }
                self.take_input(length)?;
                let mut bytes = vec![0; length as usize];
                self.flow.read_sequence(&mut bytes)?;
                self.flow.store(OutputTransfer::Bytes(sink, bytes));
            }
            OutputType::Unsupported(_) => return Err(DecoError::FifoStore.into()),
        }
        Ok(())
    }

    fn moves(&mut self, moves: &Move) -> Result<(), Failure> {
        let length = match moves.length {
            MoveLength::Bytes(n) => usize::from(n),
            // MOVE LEN takes the length from a MATH register; more than a FIFO holds is refused
            // by the places themselves.
            MoveLength::Math(n) => (self.registers.math[usize::from(n)] & 0xffff) as usize,
        };
        if moves.source == Place::ClassAlignment(ClassNumber::Two)
            && moves.destination == Place::OutputFifo
        {
            return self.flow.drain_class2(length as u64);
        }
        // One offset field serves whichever side is a register file; between two of them AUX
        // selects context offsets in units of 16 bytes (Linux desc.h, MOVE_AUX_*).
        let offset = usize::from(moves.offset);
        let (from, to) = match (moves.source, moves.destination) {
            (Place::DescriptorBuffer, Place::Context(_)) => (offset, usize::from(moves.aux) * 16),
            (Place::Context(_), Place::DescriptorBuffer) => (usize::from(moves.aux) * 16, offset),
            (Place::DescriptorBuffer, _) => (offset, 0),
            (_, Place::DescriptorBuffer) => (0, offset),
            (Place::Math(_), Place::Context(_)) => (0, offset),
            (Place::Context(_) | Place::Key(_), _) => (offset, 0),
            (_, Place::Context(_) | Place::Key(_)) => (0, offset),
            _ => (offset, offset),
        };
        let bytes = self.move_source(moves.source, from, length)?;
        self.move_destination(moves.destination, to, &bytes)
    }

    fn move_source(&mut self, place: Place, at: usize, n: usize) -> Result<Vec<u8>, Failure> {
        if matches!(place, Place::Context(_)) {
            self.flow.pump()?;
        }
        let slice = match place {
            Place::Context(ClassNumber::One) => {
                self.flow.class1.context.get(at..at + n).map(<[u8]>::to_vec)
            }
            Place::Context(ClassNumber::Two) => self.context2.get(at..at + n).map(<[u8]>::to_vec),
            Place::Math(r) => {
                let from = usize::from(r) * 8 + at;
                math_bytes(&self.registers.math).get(from..from + n).map(<[u8]>::to_vec)
            }
            Place::DescriptorBuffer => self.buffer.bytes(at, n),
            Place::OutputFifo => {
                let mut bytes = vec![0; n];
                self.flow.take_output(&mut bytes)?;
                Some(bytes)
            }
            _ => None,
        };
        slice.ok_or_else(|| DecoError::Move.into())
    }

    fn move_destination(&mut self, place: Place, at: usize, bytes: &[u8]) -> Result<(), Failure> {
        let end = at + bytes.len();
        let done = match place {
            Place::Context(ClassNumber::One) => {
                self.flow.class1.context.get_mut(at..end).map(|t| t.copy_from_slice(bytes))
            }
            Place::Context(ClassNumber::Two) => {
                self.context2.get_mut(at..end).map(|t| t.copy_from_slice(bytes))
            }
            Place::Math(r) => {
                let mut all = math_bytes(&self.registers.math);
                let from = usize::from(r) * 8 + at;
                all.get_mut(from..from + bytes.len()).map(|t| t.copy_from_slice(bytes)).map(|()| {
                    self.registers.math = math_values(&all);
                })
            }
            Place::DescriptorBuffer => self.buffer.set_bytes(at, bytes),
            Place::OutputFifo => {
                self.flow.push_output(bytes);
                Some(())
            }
            _ => None,
        };
        done.ok_or_else(|| DecoError::Move.into())
    }

    fn operation(&mut self, operation: Operation) -> Result<(), Failure> {
        match operation {
            Operation::Class1(op) => self.flow.class1.operation(op, self.soc),
            Operation::Class2(op) => Err(Failure::Ccb(cha_of(op.algorithm), ChaError::InvalidCha)),
            Operation::Pkha(_) => {
                Err(Failure::Ccb(super::status::ChaId::Pkha, ChaError::InvalidCha))
            }
            Operation::Protocol { .. } => Err(DecoError::UnknownProtocol.into()),
        }
    }

    fn jump(&mut self, jump: &Jump, pc: usize, part: Part) -> Result<Next, Failure> {
        if jump.wait.has_one() {
            self.flow.pump()?;
            if !self.flow.class1.done {
                return Err(DecoError::Watchdog.into());
            }
        }
        if jump.wait.has_two() {
            // There is no class 2 CHA that could ever be done.
            return Err(DecoError::Watchdog.into());
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
            // PK flags (7:5) stay 0: there is no PKHA.
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

/// MATH0..MATH3 as one run of bytes, most significant byte of each first.
fn math_bytes(values: &[u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, value) in bytes.chunks_exact_mut(8).zip(values) {
        chunk.copy_from_slice(&value.to_be_bytes());
    }
    bytes
}

fn math_values(bytes: &[u8; 32]) -> [u64; 4] {
    let mut values = [0; 4];
    for (value, chunk) in values.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        *value = u64::from_be_bytes(eight);
    }
    values
}

#[cfg(test)]
#[path = "deco_tests.rs"]
mod tests;
