//! Data on its way through a job: input transfers, the CHA, the output FIFO, output transfers.
//!
//! FIFO LOAD and FIFO STORE only queue a transfer, as in silicon, where the burster moves the
//! data while the DECO goes on; drivers put stores before loads, and loads before OPERATION.
//! [`Flow::pump`] moves data until nothing can move any more, in bounded pieces, each copied from
//! the guest once, processed in place, and copied back once. Whoever needs a result pumps first.
//!
//! Bounded: a piece is [`PIECE`] bytes, the output FIFO stops taking input at as many bytes
//! that nobody stores, and the bytes and table entries a job may move come out of its
//! [`Budget`]. A job that can never go on ends with the watchdog's status.

use super::ccb::class1::{CARRY_BYTES, Class1};
use super::ccb::class2::Class2;
use super::command::{ClassNumber, InputType, Memo};
use super::scratch::Buffers;
pub use super::scratch::Scratch;
use super::sgt::{Cursor, WalkContext, WalkError};
use super::status::{DecoError, Failure};
pub use super::transfer::{
    Bytes, InputSource, InputTransfer, OutputSink, OutputTransfer, Sequence,
};
use crate::device::soc::SocProfile;
use crate::memory::{DmaError, GuestMemory};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most bytes moved at a time. Large enough that a 64 KiB request is one engine call, small
/// enough to stay in the second-level cache.
pub const PIECE: usize = 64 * 1024;
/// Bytes that may wait in the output FIFO before input stops.
pub(super) const BACKLOG: usize = PIECE;
/// Most data that a CHA works on while the job holds on to the mappings of guest memory.
const SMALL: usize = 4096;

/// What a job may consume before the DECO watchdog ends it (DECO error 1C).
///
/// Silicon counts clocks; this counts work, so that the same job ends the same way on every
/// machine. The limits are far above what any driver's job can need, and small enough that a
/// hostile one occupies its DECO for well under a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Descriptor commands.
    pub commands: u32,
    /// Scatter/gather entries.
    pub entries: u32,
    /// Data bytes, in and out.
    pub bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { commands: 16 * 1024, entries: 64 * 1024, bytes: 512 * 1024 * 1024 }
    }
}

/// See the module.
pub struct Flow<'a, M> {
    cx: WalkContext<'a, M>,
    buffers: &'a mut Buffers,
    /// The CCB's class 1.
    pub class1: &'a mut Class1,
    /// The CCB's class 2.
    pub class2: &'a mut Class2,
    /// SEQ IN PTR's data.
    pub sequence_in: Option<Sequence>,
    /// SEQ OUT PTR's data.
    pub sequence_out: Option<Sequence>,
    inputs: &'a mut VecDeque<InputTransfer>,
    outputs: &'a mut VecDeque<OutputTransfer>,
    bytes_left: u64,
    /// A MOVE takes that many bytes out of a class's alignment block.
    drain: Option<(ClassNumber, u64)>,
    stop: &'a AtomicBool,
    /// The DMA access that failed, if one did: `FAR` and `FADR`.
    pub dma_error: Option<DmaError>,
}

impl<'a, M: GuestMemory> Flow<'a, M> {
    /// No data yet: `scratch` is new, or was reset when the job before ended. `stop` makes
    /// [`Self::pump`] give up with the job ring reset status. Beside it, what of `scratch` is not
    /// data: the commands decoded before.
    pub fn new(
        memory: &'a M,
        soc: &'a SocProfile,
        scratch: &'a mut Scratch,
        budget: Budget,
        stop: &'a AtomicBool,
    ) -> (Self, &'a mut Memo) {
        let Scratch { buffers, class1, class2, inputs, outputs, memo, .. } = scratch;
        memo.set_soc(soc);
        let flow = Self {
            cx: WalkContext::new(memory, soc, budget.entries),
            buffers,
            class1,
            class2,
            drain: None,
            sequence_in: None,
            sequence_out: None,
            inputs,
            outputs,
            bytes_left: budget.bytes,
            stop,
            dma_error: None,
        };
        (flow, memo)
    }

    /// The memory the job works on.
    #[must_use]
    pub fn memory(&self) -> &'a M {
        self.cx.memory
    }

    /// What is left of the budget: table entries and bytes.
    #[must_use]
    pub fn budget_left(&self) -> (u32, u64) {
        (self.cx.entries_left, self.bytes_left)
    }

    /// Bytes in the output FIFO.
    #[must_use]
    pub fn output_waiting(&self) -> usize {
        self.buffers.waiting()
    }

    /// The transfers that are queued.
    #[must_use]
    pub fn queued(&self) -> (&VecDeque<InputTransfer>, &VecDeque<OutputTransfer>) {
        (self.inputs, self.outputs)
    }

    /// Groups of table entries that left their table's last page.
    #[must_use]
    pub fn table_overreads(&self) -> u32 {
        self.cx.overreads
    }

    fn failed(&mut self, error: WalkError) -> Failure {
        if let WalkError::Dma(dma) = error {
            self.dma_error.get_or_insert(dma);
        }
        error.failure()
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Failure> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(DecoError::JobRingReset.into());
        }
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(DecoError::Watchdog)?;
        Ok(())
    }

    /// Queues an input transfer.
    pub fn load(&mut self, transfer: InputTransfer) {
        self.inputs.push_back(transfer);
    }

    /// Queues an output transfer.
    pub fn store(&mut self, transfer: OutputTransfer) {
        self.outputs.push_back(transfer);
    }

    /// Reads bytes for a command that needs them now (KEY, LOAD).
    ///
    /// # Errors
    /// The failure of the walk.
    pub fn read_memory(&mut self, mut cursor: Cursor, buf: &mut [u8]) -> Result<(), Failure> {
        self.spend(buf.len() as u64)?;
        cursor.read(&mut self.cx, buf).map_err(|e| self.failed(e))
    }

    /// Reads the next bytes of the input sequence for a command that needs them now.
    ///
    /// Transfers queued before come first. Where they cannot move yet, the bytes are read ahead
    /// of them, and a skip takes their place in the queue.
    ///
    /// # Errors
    /// The failure of the walk, or of the transfers before.
    pub fn read_sequence(&mut self, buf: &mut [u8]) -> Result<(), Failure> {
        self.pump()?;
        self.spend(buf.len() as u64)?;
        let ahead: u64 = self
            .inputs
            .iter()
            .filter(|t| matches!(t.source, InputSource::Sequence))
            .map(|t| t.left)
            .sum();
        let queued = self.inputs.iter().any(|t| matches!(t.source, InputSource::Sequence));
        let sequence = self.sequence_in.as_mut().ok_or(DecoError::Sequence)?;
        let result = if queued {
            let mut cursor = sequence.cursor;
            cursor.skip(&mut self.cx, ahead).and_then(|()| cursor.read(&mut self.cx, buf))
        } else {
            sequence.cursor.read(&mut self.cx, buf)
        };
        result.map_err(|e| self.failed(e))?;
        if queued {
            self.load(InputTransfer::skip(buf.len() as u64));
        }
        Ok(())
    }

    /// Puts bytes into the output FIFO (LOAD, MOVE).
    pub fn push_output(&mut self, bytes: &[u8]) {
        self.buffers.output.extend_from_slice(bytes);
    }

    /// Takes bytes out of the output FIFO (MOVE).
    ///
    /// # Errors
    /// The watchdog, if they never come.
    pub fn take_output(&mut self, buf: &mut [u8]) -> Result<(), Failure> {
        while self.buffers.waiting() < buf.len() {
            if !self.step_input()? {
                return Err(DecoError::Watchdog.into());
            }
        }
        let from = self.buffers.output_read;
        buf.copy_from_slice(&self.buffers.output[from..from + buf.len()]);
        self.buffers.output_read += buf.len();
        self.buffers.compact();
        Ok(())
    }

    /// Empties the output FIFO (CLRW).
    pub fn clear_output(&mut self) {
        self.buffers.output.clear();
        self.buffers.output_read = 0;
    }

    /// The first `length` bytes in the output FIFO, left there (an info FIFO entry that snoops).
    ///
    /// # Errors
    /// The watchdog, if they never come.
    pub fn peek_output(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        while self.buffers.waiting() < length {
            if !self.step_input()? {
                return Err(DecoError::Watchdog.into());
            }
        }
        let from = self.buffers.output_read;
        Ok(self.buffers.output[from..from + length].to_vec())
    }

    /// Moves `length` bytes of a class's input that its CHA does not take to the output FIFO: how
    /// null ciphers, RFC 4543 and ChaCha20-Poly1305 copy data that is not encrypted.
    ///
    /// # Errors
    /// The watchdog, if they never come, or the failure of the transfers.
    pub fn drain_class(&mut self, class: ClassNumber, length: u64) -> Result<(), Failure> {
        self.drain = Some((class, length));
        while self.drain.is_some_and(|(_, left)| left > 0) {
            if !(self.step_output()? || self.step_input()?) {
                return Err(DecoError::Watchdog.into());
            }
        }
        self.drain = None;
        Ok(())
    }

    /// Whether a class's CHA takes data of this kind. What it does not take waits in the
    /// alignment block for a MOVE.
    fn takes(&self, class: ClassNumber, kind: InputType) -> bool {
        match class {
            // Poly data is class 2's; class 1 gets it only to pass it on.
            ClassNumber::One => self.class1.has_mode() && kind != InputType::Poly,
            ClassNumber::Two => self.class2.has_mode(),
        }
    }

    /// Moves data until nothing can move.
    ///
    /// # Errors
    /// The failure that ends the job.
    #[inline]
    pub fn pump(&mut self) -> Result<(), Failure> {
        if self.inputs.is_empty() && self.outputs.is_empty() {
            return Ok(());
        }
        while self.step_output()? || self.step_input()? {}
        Ok(())
    }

    /// Before a sequence pointer changes: transfers belong to the sequence that was current when
    /// they were queued, so those must be done with.
    ///
    /// # Errors
    /// DECO error 10 if some cannot move yet.
    pub fn settle_sequences(&mut self) -> Result<(), Failure> {
        self.pump()?;
        if self.inputs.is_empty() && self.outputs.is_empty() {
            return Ok(());
        }
        let input = self.inputs.iter().any(|t| matches!(t.source, InputSource::Sequence));
        let output = self.outputs.iter().any(|t| match t {
            OutputTransfer::Fifo(sink, _) | OutputTransfer::Bytes(sink, _) => {
                matches!(sink, OutputSink::Sequence)
            }
            OutputTransfer::Skip(_) => true,
        });
        if input || output { Err(DecoError::Sequence.into()) } else { Ok(()) }
    }

    /// Whether input transfers are waiting.
    #[must_use]
    pub fn input_pending(&self) -> bool {
        !self.inputs.is_empty()
    }

    /// Whether output transfers are waiting.
    #[must_use]
    pub fn output_pending(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// Pumps, and insists that nothing is left over: the end of a job.
    ///
    /// # Errors
    /// The watchdog if a transfer can never be done: a store without data, a load without a
    /// CHA to take it.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.pump()?;
        if self.inputs.is_empty() && self.outputs.is_empty() {
            Ok(())
        } else {
            let (inputs, outputs) = (self.inputs.len(), self.outputs.len());
            log::debug!(inputs, outputs; "job stuck with transfers that cannot be done");
            Err(DecoError::Watchdog.into())
        }
    }

    /// One output transfer, or a part of it. `false`: nothing could move.
    fn step_output(&mut self) -> Result<bool, Failure> {
        let waiting = self.buffers.waiting();
        let (spent, result, done) = match self.outputs.front_mut() {
            None => return Ok(false),
            Some(OutputTransfer::Skip(n)) => match self.sequence_out.as_mut() {
                Some(sequence) => (0, sequence.cursor.skip(&mut self.cx, *n), true),
                None => return Err(DecoError::Sequence.into()),
            },
            Some(OutputTransfer::Bytes(sink, bytes)) => {
                let cursor = sink_cursor(sink, &mut self.sequence_out)?;
                (bytes.len() as u64, cursor.write(&mut self.cx, bytes), true)
            }
            Some(OutputTransfer::Fifo(_, 0)) => (0, Ok(()), true),
            Some(OutputTransfer::Fifo(..)) if waiting == 0 => return Ok(false),
            Some(OutputTransfer::Fifo(sink, left)) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(waiting);
                let from = self.buffers.output_read;
                let cursor = sink_cursor(sink, &mut self.sequence_out)?;
                let result = cursor.write(&mut self.cx, &self.buffers.output[from..from + n]);
                *left -= n as u64;
                self.buffers.output_read += n;
                self.buffers.compact();
                (n as u64, result, *left == 0)
            }
        };
        result.map_err(|e| self.failed(e))?;
        self.spend(spent)?;
        if done {
            self.outputs.pop_front();
        }
        Ok(true)
    }

    /// One piece of the first input transfer. `false`: nothing could move.
    fn step_input(&mut self) -> Result<bool, Failure> {
        let Some(transfer) = self.inputs.front() else { return Ok(false) };
        let (kind, left) = (transfer.kind, transfer.left);
        if !transfer.class1 && !transfer.class2 {
            return self.step_skip();
        }
        // Output nobody stores holds the input back.
        if self.buffers.waiting() >= BACKLOG {
            return Ok(false);
        }
        let to1 = transfer.class1 && self.takes(ClassNumber::One, kind);
        let to2 = transfer.class2 && self.takes(ClassNumber::Two, kind);
        let mut n = left.min(PIECE as u64);
        // The class, if any, whose copy of the data a MOVE has to take.
        let unclaimed = match (transfer.class1 && !to1, transfer.class2 && !to2) {
            (true, true) => return Ok(false),
            (true, false) => Some(ClassNumber::One),
            (false, true) => Some(ClassNumber::Two),
            (false, false) => None,
        };
        if let Some(class) = unclaimed {
            // Of no bytes there is no copy, if another CHA waits for their end.
            let none = left == 0 && (to1 || to2);
            match self.drain {
                _ if none => {}
                Some((wanted, room)) if wanted == class && room > 0 => n = n.min(room),
                _ => return Ok(false),
            }
        }

        let n = n as usize;
        let carry = if to1 && Class1::takes_carry(kind) { self.class1.carry().len() } else { 0 };
        let start = CARRY_BYTES - carry;
        self.buffers.staging[start..CARRY_BYTES].copy_from_slice(&self.class1.carry()[..carry]);
        let (last1, last2) = self.fetch_piece(n)?;
        if n > SMALL {
            self.cx.memory.pause();
        }
        let end = CARRY_BYTES + n;
        if to2 && kind != InputType::MessageClass1Out2 {
            if kind == InputType::Poly || self.class2.needs_poly1305_key() {
                self.class2.set_poly1305_key(self.class1.poly1305_key());
            }
            self.class2.input(kind, &self.buffers.staging[CARRY_BYTES..end], last2)?;
        }
        if let (Some(_), Some((_, room))) = (unclaimed, &mut self.drain) {
            *room -= n as u64;
            self.emit(CARRY_BYTES, n)?;
        }
        if to1 {
            let produced = self.class1.input(kind, &mut self.buffers.staging[start..end], last1)?;
            if to2 && kind == InputType::MessageClass1Out2 {
                if self.class2.needs_poly1305_key() {
                    self.class2.set_poly1305_key(self.class1.poly1305_key());
                }
                let snooped = &self.buffers.staging[start..start + produced];
                self.class2.input(InputType::Message, snooped, last2)?;
            }
            self.emit(start, produced)?;
        }
        Ok(true)
    }

    /// Input sequence bytes that nobody gets.
    fn step_skip(&mut self) -> Result<bool, Failure> {
        if let Some(transfer) = self.inputs.pop_front() {
            let sequence = self.sequence_in.as_mut().ok_or(DecoError::Sequence)?;
            let result = sequence.cursor.skip(&mut self.cx, transfer.left);
            result.map_err(|e| self.failed(e))?;
        }
        Ok(true)
    }

    /// Copies the next `n` bytes of the first input transfer into the staging buffer, behind the
    /// place of the carry. Says whether they end class 1's and class 2's data.
    fn fetch_piece(&mut self, n: usize) -> Result<(bool, bool), Failure> {
        let Some(transfer) = self.inputs.front_mut() else { return Ok((false, false)) };
        let fresh = &mut self.buffers.staging[CARRY_BYTES..CARRY_BYTES + n];
        let result = match &mut transfer.source {
            InputSource::Sequence => match self.sequence_in.as_mut() {
                Some(sequence) => sequence.cursor.read(&mut self.cx, fresh),
                None => return Err(DecoError::Sequence.into()),
            },
            InputSource::Memory(cursor) => cursor.read(&mut self.cx, fresh),
            InputSource::Bytes(bytes, used) => {
                fresh.copy_from_slice(&bytes[*used..*used + n]);
                *used += n;
                Ok(())
            }
        };
        transfer.left -= n as u64;
        let ended = transfer.left == 0;
        let last = (ended && transfer.last1, ended && transfer.last2);
        result.map_err(|e| self.failed(e))?;
        self.spend(n as u64)?;
        if ended {
            self.inputs.pop_front();
        }
        Ok(last)
    }

    /// Output bytes that stand in the staging buffer: straight to the store that waits for them,
    /// what is left over to the output FIFO.
    fn emit(&mut self, start: usize, length: usize) -> Result<(), Failure> {
        let mut from = start;
        let end = start + length;
        if self.buffers.waiting() == 0
            && let Some(OutputTransfer::Fifo(sink, left)) = self.outputs.front_mut()
        {
            let n = usize::try_from(*left).unwrap_or(usize::MAX).min(length);
            let cursor = sink_cursor(sink, &mut self.sequence_out)?;
            let result = cursor.write(&mut self.cx, &self.buffers.staging[from..from + n]);
            *left -= n as u64;
            if *left == 0 {
                self.outputs.pop_front();
            }
            result.map_err(|e| self.failed(e))?;
            self.spend(n as u64)?;
            from += n;
        }
        self.buffers.output.extend_from_slice(&self.buffers.staging[from..end]);
        Ok(())
    }
}

fn sink_cursor<'s>(
    sink: &'s mut OutputSink,
    sequence_out: &'s mut Option<Sequence>,
) -> Result<&'s mut Cursor, Failure> {
    match sink {
        OutputSink::Memory(cursor) => Ok(cursor),
        OutputSink::Sequence => match sequence_out {
            Some(sequence) => Ok(&mut sequence.cursor),
            None => Err(DecoError::Sequence.into()),
        },
    }
}
