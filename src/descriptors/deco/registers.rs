//! KEY, LOAD and STORE: what goes into registers and comes out of them.

use super::{Deco, cursor};
use crate::crypto::keywrap::WrapError;
use crate::crypto::keywrap::black::{Encryption, unwrap};
use crate::descriptors::buffer::WORDS;
use crate::descriptors::ccb;
use crate::descriptors::command::{
    Class, ClassNumber, Key, KeyDestination, LoadStore, Operand, Register,
};
use crate::descriptors::flow::{Bytes, OutputSink, OutputTransfer};
use crate::descriptors::status::{ChaError, ChaId, DecoError, Failure};
use crate::device::soc::SocProfile;
use crate::memory::GuestMemory;
use zeroize::{Zeroize, Zeroizing};

impl<M: GuestMemory> Deco<'_, M> {
    /// Immediate data as it stands in memory.
    pub(super) fn immediate(&self, pc: usize, at: u8, length: usize) -> Bytes {
        let from = pc + usize::from(at);
        let words = &self.buffer.words[from..(from + length.div_ceil(4)).min(WORDS)];
        let mut bytes = Bytes::from_elem(0, length.min(words.len() * 4));
        copy_words(self.soc, words, &mut bytes);
        bytes
    }

    /// Bytes for a KEY or LOAD: needed now, wherever they are.
    pub(super) fn fetch(
        &mut self,
        operand: Operand,
        length: u32,
        pc: usize,
    ) -> Result<Bytes, Failure> {
        match operand {
            Operand::Immediate { at } => Ok(self.immediate(pc, at, length as usize)),
            Operand::Pointer { address, table } => {
                let mut bytes = Bytes::from_elem(0, length as usize);
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
                let mut bytes = Bytes::from_elem(0, length as usize);
                self.flow.read_sequence(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// Subtracts from SIL. Below zero is DECO error 10.
    pub(super) fn take_input(&mut self, length: u32) -> Result<(), Failure> {
        let sil = &mut self.registers.sequence_in;
        *sil = sil.checked_sub(length).ok_or(DecoError::Sequence)?;
        if self.flow.sequence_in.is_none() && length > 0 {
            return Err(DecoError::Sequence.into());
        }
        Ok(())
    }

    /// Subtracts from SOL.
    pub(super) fn take_output(&mut self, length: u32) -> Result<(), Failure> {
        let sol = &mut self.registers.sequence_out;
        *sol = sol.checked_sub(length).ok_or(DecoError::Sequence)?;
        self.sequence_stored = self.sequence_stored.saturating_add(length);
        if self.flow.sequence_out.is_none() && length > 0 {
            return Err(DecoError::Sequence.into());
        }
        Ok(())
    }

    pub(super) fn key(&mut self, key: &Key, pc: usize) -> Result<(), Failure> {
        let class = match key.class {
            Class::One => ClassNumber::One,
            Class::Two => ClassNumber::Two,
            Class::None | Class::Both => return Err(DecoError::Key.into()),
        };
        match (class, key.destination) {
            (_, KeyDestination::Register) | (ClassNumber::Two, KeyDestination::MdhaSplit) => {}
            _ => return Err(DecoError::Key.into()),
        }
        let length = key.length as usize;
        match key.operand {
            Operand::Immediate { at } if !key.encrypted => {
                let from = pc + usize::from(at);
                let registers = match class {
                    ClassNumber::One => &mut self.flow.class1.registers,
                    ClassNumber::Two => &mut self.flow.class2.registers,
                };
                let register = registers.new_key(length).ok_or(DecoError::Key)?;
                copy_words(self.soc, &self.buffer.words[from..], register);
            }
            _ if key.encrypted => {
                let bytes = self.black_key(key, pc)?;
                let register = self.class_registers(class).new_key(bytes.len());
                register.ok_or(DecoError::Key)?.copy_from_slice(&bytes);
            }
            _ => {
                // Not `length`: with VLF it is VSIL that says how many.
                let mut bytes = self.fetch(key.operand, key.length, pc)?;
                let register = self.class_registers(class).new_key(bytes.len());
                let loaded = register.map(|register| register.copy_from_slice(&bytes));
                bytes.zeroize();
                loaded.ok_or(DecoError::Key)?;
            }
        }
        Ok(())
    }

    /// Fetches and unwraps a black key. The length is that of the key; in memory it is longer.
    fn black_key(&mut self, key: &Key, pc: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let encryption = if key.ccm { Encryption::Ccm } else { Encryption::Ecb };
        let length = encryption.wrapped_length(key.length as usize);
        let kek = self.platform.kek(key.trusted).ok_or(DecoError::KekNotLoaded)?;
        let bytes = self.fetch(key.operand, length as u32, pc)?;
        unwrap(&kek, encryption, &bytes, key.length as usize).map_err(|e| match e {
            WrapError::Size(_) => DecoError::Key.into(),
            WrapError::Integrity => Failure::Ccb(ChaId::Aes, ChaError::IcvCheck),
        })
    }

    /// Key and context register of a class.
    pub(super) fn class_registers(&mut self, class: ClassNumber) -> &mut ccb::Registers {
        match class {
            ClassNumber::One => &mut self.flow.class1.registers,
            ClassNumber::Two => &mut self.flow.class2.registers,
        }
    }

    pub(super) fn load(&mut self, load: &LoadStore, pc: usize) -> Result<(), Failure> {
        if load.register == Register::DecoControl {
            // The offset field enables (2) or disables (3) automatic info FIFO entries; sharing
            // and LIODN selection change nothing here. Bit 5 of the length field resets the
            // output FIFO, bit 6 the CHA's pointer into it.
            if load.offset & 1 << 2 != 0 {
                self.automatic_info = true;
            } else if load.offset & 1 << 3 != 0 {
                self.automatic_info = false;
            }
            if load.length & 0x60 != 0 {
                self.flow.clear_output();
            }
            return Ok(());
        }
        let length = match load.register {
            Register::InfoFifoSizeFromMath => 4,
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
            Register::Context(class) => {
                let end = offset + bytes.len();
                let target = self.class_registers(class).context_mut().get_mut(offset..end);
                target.ok_or(DecoError::ContextLength)?.copy_from_slice(&bytes);
            }
            Register::Key(class) => {
                let loaded = self.class_registers(class).load_key(offset, &bytes);
                loaded.ok_or(DecoError::Load)?;
            }
            Register::KeySize(class) => {
                let size = word();
                self.class_registers(class).set_key_size(size);
            }
            Register::ClearWritten => {
                let bits = word();
                self.clear_written(bits);
            }
            Register::ChaControl => {
                // Resets: all CHAs 0, AESA 1, DESA 2, MDHA 7, RNG 9 (Linux desc.h, CCTRL_*).
                let bits = word();
                if bits & (1 << 0 | 1 << 1 | 1 << 2 | 1 << 9) != 0 {
                    self.flow.class1.clear_mode();
                }
                if bits & (1 << 0 | 1 << 7) != 0 {
                    self.flow.class2.clear_mode();
                }
            }
            Register::ProtocolOverride => {
                let value = word();
                self.registers.protocol_override = value;
            }
            Register::Math(n) => self.load_math(usize::from(n) * 8 + offset, &bytes)?,
            Register::OutputFifo => self.flow.push_output(&bytes),
            Register::DescriptorBuffer => {
                let swapped = self.register_bytes(&bytes);
                self.buffer.set_bytes(offset * 4, &swapped).ok_or(DecoError::Load)?;
            }
            Register::InfoFifo => {
                let entry = word();
                self.info_entry(entry, u64::from(entry & 0xfff))?;
            }
            Register::InfoFifoSizeFromMath => {
                let entry = word();
                let size = self.registers.math[usize::from(load.length & 3)];
                self.info_entry(entry, size & 0xffff_ffff)?;
            }
            // The sizes follow from the FIFO LOADs; explicit values change nothing, as long as
            // no CHA is driven by the data size register alone.
            Register::DataSize(_)
            | Register::IcvSize(_)
            | Register::AadSize
            | Register::IvSize
            | Register::IrqControl => {}
            Register::Mode(_)
            | Register::DecoControl
            | Register::InputFifo
            | Register::Unsupported { .. } => return Err(DecoError::Load.into()),
        }
        Ok(())
    }

    /// MATH registers take words in device order; byte 0 is a register's most significant byte.
    fn load_math(&mut self, offset: usize, bytes: &[u8]) -> Result<(), Failure> {
        let mut all = math_bytes(&self.registers.math);
        let swapped = self.register_bytes(bytes);
        let target = all.get_mut(offset..offset + swapped.len()).ok_or(DecoError::Load)?;
        target.copy_from_slice(&swapped);
        self.registers.math = math_values(&all);
        Ok(())
    }

    /// CLRW (Linux `desc.h`, `CLRW_*`): class 1 mode 0, context 5, key 6, CHA reset 29; class 2
    /// mode 16, context 21, key 22, CHA reset 28; output FIFO 31. The sizes follow from these.
    fn clear_written(&mut self, bits: u32) {
        let any = |mask: u32| bits & mask != 0;
        if any(1 << 0 | 1 << 29) {
            self.flow.class1.clear_mode();
        }
        if any(1 << 16 | 1 << 28) {
            self.flow.class2.clear_mode();
        }
        for (class, context, key) in [(ClassNumber::One, 5, 6), (ClassNumber::Two, 21, 22)] {
            let registers = self.class_registers(class);
            if any(1 << context) {
                registers.context_mut().fill(0);
            }
            if any(1 << key) {
                registers.clear_key();
            }
        }
        if any(1 << 31) {
            self.flow.clear_output();
        }
    }

    pub(super) fn store(&mut self, store: &LoadStore) -> Result<(), Failure> {
        // A store of a CHA's register waits for the CHA.
        self.flow.pump()?;
        let (mut at, mut n) = (usize::from(store.offset), usize::from(store.length));
        if store.register == Register::DescriptorBuffer {
            // Its fields count words.
            (at, n) = (at * 4, n * 4);
        }
        if let Operand::Sequence { variable: true } = store.operand {
            n = self.registers.variable_out as usize;
        }
        let bytes = match store.register {
            Register::Context(class) => {
                self.class_registers(class).context().get(at..at + n).map(Bytes::from_slice)
            }
            Register::Math(r) => {
                let all = math_bytes(&self.registers.math);
                let from = usize::from(r) * 8 + at;
                all.get(from..from + n).map(|b| self.device_words(b))
            }
            Register::DescriptorBuffer => self.buffer.bytes(at, n).map(|b| self.device_words(&b)),
            Register::ProtocolOverride if at == 0 && n == 4 => {
                Some(Bytes::from_slice(&self.soc.word_bytes(self.registers.protocol_override)))
            }
            _ => return Err(DecoError::Store.into()),
        };
        let bytes = bytes.ok_or(DecoError::ContextLength)?;
        let sink = match store.operand {
            Operand::Pointer { address, table } => {
                OutputSink::Memory(Box::new(cursor(address, table, n as u32)))
            }
            Operand::Sequence { .. } => {
                self.take_output(n as u32)?;
                OutputSink::Sequence
            }
            // STORE IMM names no register to take anything from.
            Operand::Immediate { .. } => return Err(DecoError::Store.into()),
        };
        self.flow.store(OutputTransfer::Bytes(sink, bytes));
        Ok(())
    }

    /// Words in device order as register bytes, most significant first.
    fn register_bytes(&self, bytes: &[u8]) -> Bytes {
        bytes
            .chunks(4)
            .flat_map(|chunk| match <[u8; 4]>::try_from(chunk) {
                Ok(word) => Bytes::from_slice(&self.soc.word(word).to_be_bytes()),
                Err(_) => Bytes::from_slice(chunk),
            })
            .collect()
    }

    /// Register bytes, most significant first, as words in device order.
    fn device_words(&self, bytes: &[u8]) -> Bytes {
        bytes
            .chunks(4)
            .flat_map(|chunk| match <[u8; 4]>::try_from(chunk) {
                Ok(word) => Bytes::from_slice(&self.soc.word_bytes(u32::from_be_bytes(word))),
                Err(_) => Bytes::from_slice(chunk),
            })
            .collect()
    }
}

/// Fills `bytes` with words as they stand in memory. Whole words first: a copy of a length that is
/// known only at run time costs far more than four bytes of a key.
fn copy_words(soc: &SocProfile, words: &[u32], bytes: &mut [u8]) {
    let (whole, rest) = bytes.as_chunks_mut::<4>();
    for (bytes, word) in whole.iter_mut().zip(words) {
        *bytes = soc.word_bytes(*word);
    }
    if let Some(word) = words.get(whole.len()) {
        rest.copy_from_slice(&soc.word_bytes(*word)[..rest.len()]);
    }
}

/// MATH0..MATH3 as one run of bytes, most significant byte of each first.
pub(super) fn math_bytes(values: &[u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, value) in bytes.chunks_exact_mut(8).zip(values) {
        chunk.copy_from_slice(&value.to_be_bytes());
    }
    bytes
}

pub(super) fn math_values(bytes: &[u8; 32]) -> [u64; 4] {
    let mut values = [0; 4];
    for (value, chunk) in values.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        *value = u64::from_be_bytes(eight);
    }
    values
}
