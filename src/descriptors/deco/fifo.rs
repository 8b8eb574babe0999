//! FIFO LOAD, FIFO STORE and the info FIFO: data to and from the CHAs.

use super::{Deco, cursor};
use crate::crypto::keywrap::black::{Encryption, NONCE, wrap};
use crate::descriptors::command::{
    Class, ClassNumber, FifoLoad, FifoStore, InputType, Operand, OutputType,
};
use crate::descriptors::flow::{Bytes, InputSource, InputTransfer, OutputSink, OutputTransfer};
use crate::descriptors::status::{DecoError, Failure};
use crate::memory::GuestMemory;

/// Most a metadata store can copy (DECO error 22 beyond).
const METADATA_BYTES: u32 = 511;
/// Random bytes made at a time.
const RANDOM_PIECE: u32 = 4096;
/// Most info FIFO entries that can wait for their data.
const INFO_ENTRIES: usize = 16;

/// An info FIFO entry that describes data from the input FIFO.
#[derive(Debug, Clone, Copy)]
pub(super) struct InfoEntry {
    class1: bool,
    class2: bool,
    last1: bool,
    last2: bool,
    kind: InputType,
    size: u64,
}

impl<M: GuestMemory> Deco<'_, M> {
    pub(super) fn fifo_load(&mut self, load: &FifoLoad, pc: usize) -> Result<(), Failure> {
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
                (InputSource::Memory(Box::new(cursor(address, table, load.length))), load.length)
            }
            Operand::Sequence { variable } => {
                let length = if variable { self.registers.variable_in } else { load.length };
                self.take_input(length)?;
                (InputSource::Sequence, length)
            }
        };
        let left = u64::from(length);
        if skip {
            if !matches!(load.operand, Operand::Sequence { .. }) {
                return Err(DecoError::FifoLoad.into());
            }
            if length > 0 {
                self.flow.load(InputTransfer::skip(left));
            }
            return Ok(());
        }
        let info = if load.kind == InputType::NoInfo || !self.automatic_info {
            // The entry that says what this data is was loaded before it.
            let entry = self.info.pop_front().filter(|entry| entry.size == left);
            entry.ok_or(DecoError::FifoLoad)?
        } else {
            InfoEntry {
                class1: load.class.has_one(),
                class2: load.class.has_two(),
                last1: load.last1 && load.class.has_one(),
                last2: load.last2 && load.class.has_two(),
                kind: load.kind,
                size: left,
            }
        };
        self.queue(source, info);
        Ok(())
    }

    /// Queues input as an info FIFO entry says.
    fn queue(&mut self, source: InputSource, info: InfoEntry) {
        let InfoEntry { class1, class2, last1, last2, kind, size } = info;
        let source = match (size, last1 || last2) {
            // Nothing to bring and nothing to end: rfc4106's workaround for erratum A-005473.
            (0, false) => return,
            // The end of empty data needs no place to take it from.
            (0, true) => InputSource::Bytes(Bytes::new(), 0),
            _ => source,
        };
        self.flow.load(InputTransfer { source, left: size, kind, class1, class2, last1, last2 });
    }

    /// An entry written to the info FIFO (Linux `desc.h`, `NFIFOENTRY_*`): destination 31:30,
    /// last for class 2 and 1 29:28, source 25:24, data type 23:20, padding type 18:16.
    pub(super) fn info_entry(&mut self, entry: u32, size: u64) -> Result<(), Failure> {
        let destination = entry >> 30;
        let kind = match entry >> 20 & 0xf {
            0x1 => InputType::Aad,
            0x2 => InputType::Iv,
            0xa => InputType::Icv,
            0xb => InputType::Poly,
            0xf => InputType::Message,
            _ => return Err(DecoError::Load.into()),
        };
        let info = InfoEntry {
            class1: destination & 1 != 0,
            class2: destination & 2 != 0,
            last1: destination & 1 != 0 && entry & 1 << 28 != 0,
            last2: destination & 2 != 0 && entry & 1 << 29 != 0,
            kind,
            size,
        };
        let bytes = match entry >> 24 & 3 {
            // From the input FIFO: the next data that is loaded without an entry of its own.
            0 if self.info.len() < INFO_ENTRIES => {
                self.info.push_back(info);
                return Ok(());
            }
            // From the output FIFO, which keeps it.
            1 if size <= 0xfff => self.flow.peek_output(size as usize)?,
            2 if size <= 0xfff => self.padding((entry >> 16 & 7) as u8, size as usize)?,
            _ => return Err(DecoError::Load.into()),
        };
        if destination == 0 {
            self.alignment = bytes;
        } else {
            self.queue(InputSource::Bytes(Bytes::from_vec(bytes), 0), info);
        }
        Ok(())
    }

    /// Padding by its PTYPE: zeros, random, random without zero bytes, counting up.
    fn padding(&mut self, kind: u8, length: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; length];
        match kind {
            0 => {}
            1 => {
                self.random(&mut bytes)?;
                // A zero byte becomes 1: no more is asked of it than that it is not zero.
                bytes.iter_mut().for_each(|b| *b = (*b).max(1));
            }
            2 => bytes.iter_mut().zip(1..).for_each(|(b, n)| *b = n as u8),
            3 => self.random(&mut bytes)?,
            _ => return Err(DecoError::Load.into()),
        }
        Ok(bytes)
    }

    pub(super) fn fifo_store(&mut self, store: &FifoStore) -> Result<(), Failure> {
        let (sink, length) = match store.operand {
            Operand::Pointer { address, table } => {
                (OutputSink::Memory(Box::new(cursor(address, table, store.length))), store.length)
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
                if length > METADATA_BYTES {
                    return Err(DecoError::MetadataSize.into());
                }
                self.take_input(length)?;
                let mut bytes = vec![0; length as usize];
                self.flow.read_sequence(&mut bytes)?;
                self.flow.store(OutputTransfer::Bytes(sink, Bytes::from_vec(bytes)));
            }
            OutputType::Rng => self.store_random(sink, length)?,
            OutputType::Key { trusted } => self.store_key(store.class, trusted, sink, length)?,
            OutputType::Unsupported(_) => return Err(DecoError::FifoStore.into()),
        }
        Ok(())
    }

    /// RNGSTORE: random bytes of the operation that is set up.
    fn store_random(&mut self, sink: OutputSink, length: u32) -> Result<(), Failure> {
        let request = self.flow.class1.rng_request().ok_or(DecoError::FifoStore)?;
        self.flow.store(OutputTransfer::Fifo(sink, u64::from(length)));
        let mut left = length;
        while left > 0 {
            let mut bytes = vec![0; left.min(RANDOM_PIECE) as usize];
            self.generated(request, &mut bytes)?;
            left -= bytes.len() as u32;
            self.flow.push_output(&bytes);
            self.flow.pump()?;
        }
        Ok(())
    }

    /// KEY to memory, black. The length is that of the key; what is stored is longer.
    fn store_key(
        &mut self,
        class: Class,
        trusted: bool,
        sink: OutputSink,
        length: u32,
    ) -> Result<(), Failure> {
        // The key may be one that the CHA derives (XCBC-MAC's K1).
        self.flow.pump()?;
        let class = match class {
            Class::One => ClassNumber::One,
            Class::Two => ClassNumber::Two,
            Class::None | Class::Both => return Err(DecoError::FifoStore.into()),
        };
        let kek = self.platform.kek(trusted).ok_or(DecoError::KekNotLoaded)?;
        let key = self.class_registers(class).key().get(..length as usize);
        let key = key.ok_or(DecoError::FifoStore)?;
        let black = wrap(&kek, Encryption::Ecb, key, [0; NONCE]);
        let black = black.map_err(|_| DecoError::FifoStore)?;
        self.flow.store(OutputTransfer::Bytes(sink, Bytes::from_vec(black)));
        Ok(())
    }
}
