//! Protocol OPERATIONs: RSA on its data blocks, and blobs.
//!
//! A protocol data block stands between the job header and the OPERATION; Linux `pdb.h` has the
//! layouts.

use super::{Deco, cursor};
use crate::crypto::Direction;
use crate::crypto::keywrap::blob::{self, Kind};
use crate::crypto::keywrap::{KEY, WrapError};
use crate::crypto::pkha::{self, Code};
use crate::descriptors::buffer::Part;
use crate::descriptors::ccb::work::Work;
use crate::descriptors::flow::{Bytes, OutputSink, OutputTransfer};
use crate::descriptors::status::{ChaError, ChaId, DecoError, Failure};
use crate::memory::GuestMemory;
use zeroize::Zeroizing;

/// Reads a protocol data block word by word.
struct DataBlock<'a> {
    words: &'a [u32],
    soc: &'a crate::device::soc::SocProfile,
}

impl DataBlock<'_> {
    fn word(&mut self) -> Result<u32, Failure> {
        let (first, rest) = self.words.split_first().ok_or(DecoError::ProtocolData)?;
        self.words = rest;
        Ok(*first)
    }

    fn pointer(&mut self) -> Result<u64, Failure> {
        let n = self.soc.pointer.words();
        let (pointer, rest) = self.words.split_at_checked(n).ok_or(DecoError::ProtocolData)?;
        self.words = rest;
        Ok(self.soc.pointer_from_words(pointer))
    }
}

impl From<pkha::PkhaError> for Failure {
    fn from(error: pkha::PkhaError) -> Self {
        match error.code() {
            Code::Pkha(2) => Self::Ccb(ChaId::Pkha, ChaError::DataSize),
            Code::Pkha(3) => Self::Ccb(ChaId::Pkha, ChaError::KeySize),
            Code::Pkha(4) => Self::Ccb(ChaId::Pkha, ChaError::PkhaASize),
            Code::Pkha(5) => Self::Ccb(ChaId::Pkha, ChaError::PkhaBSize),
            Code::Pkha(7) => Self::Ccb(ChaId::Pkha, ChaError::DivideByZero),
            Code::Pkha(8) => Self::Ccb(ChaId::Pkha, ChaError::ModulusEven),
            Code::Pkha(_) => Self::Ccb(ChaId::Pkha, ChaError::Hardware),
            Code::Deco(_) => Self::Deco(DecoError::ProtocolSize),
        }
    }
}

impl<M: GuestMemory> Deco<'_, M> {
    /// OPERATION of a protocol other than DKP.
    pub(super) fn protocol(
        &mut self,
        kind: u8,
        id: u8,
        info: u16,
        pc: usize,
        part: Part,
    ) -> Result<(), Failure> {
        match (kind, id) {
            (0, 0x18 | 0x19) if self.soc.pkha.count > 0 => self.rsa(id == 0x19, info, pc, part),
            (6 | 7, 0x0d) if self.soc.blob => self.blob(kind == 7, info),
            _ => Err(DecoError::UnknownProtocol.into()),
        }
    }

    fn operand(&mut self, address: u64, table: bool, length: u32) -> Result<Vec<u8>, Failure> {
        if length as usize > pkha::MAX_BYTES {
            return Err(DecoError::ProtocolSize.into());
        }
        let mut bytes = vec![0; length as usize];
        self.flow.read_memory(cursor(address, table, length), &mut bytes)?;
        // What is done with the last operand may take as long as a thousand jobs.
        self.flow.memory().pause();
        Ok(bytes)
    }

    fn secret(&mut self, address: u64, length: u32) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.operand(address, false, length).map(Zeroizing::new)
    }

    /// RSA: public with (n, e), private with (n, d), (p, q, d) or the CRT form.
    fn rsa(&mut self, private: bool, info: u16, pc: usize, part: Part) -> Result<(), Failure> {
        // Only raw RSA; PROTINFO bit 12 asks for PKCS#1 v1.5 padding, bits 1:0 name the form.
        if info & !3 != 0 {
            return Err(DecoError::UnknownProtocol.into());
        }
        let words: Vec<u32> = self.buffer.words.get(part.base + 1..pc).unwrap_or_default().to_vec();
        let mut block = DataBlock { words: &words, soc: self.soc };
        let flags = block.word()?;
        // In the public form bit 31 is f's table flag and 30 g's; in the private ones g is the
        // input and the bits change places. Either way the input's is 31.
        let (input_table, output_table) = (flags >> 31 & 1 != 0, flags >> 30 & 1 != 0);
        let (high, low) = (flags >> 12 & 0xfff, flags & 0xfff);
        let (input, output) = (block.pointer()?, block.pointer()?);
        let (result, length) = match (private, info & 3) {
            (false, _) => {
                let (n, e) = (block.pointer()?, block.pointer()?);
                let f_length = block.word()?;
                let f = self.operand(input, input_table, f_length)?;
                let n = self.operand(n, false, low)?;
                let e = self.operand(e, false, high)?;
                (pkha::rsa_public(&n, &e, &f)?, low)
            }
            (true, 0) => {
                let (n, d) = (block.pointer()?, block.pointer()?);
                let g = self.operand(input, input_table, low)?;
                let n = self.operand(n, false, low)?;
                let d = self.secret(d, high)?;
                (pkha::rsa_private1(&n, &d, &g)?, low)
            }
            (true, 1) => {
                let (d, p, q) = (block.pointer()?, block.pointer()?, block.pointer()?);
                let _temporaries = (block.pointer()?, block.pointer()?);
                let sizes = block.word()?;
                let g = self.operand(input, input_table, low)?;
                let d = self.secret(d, high)?;
                let p = self.secret(p, sizes & 0xfff)?;
                let q = self.secret(q, sizes >> 12 & 0xfff)?;
                (pkha::rsa_private2(&p, &q, &d, &g)?, low)
            }
            (true, 2) => {
                let (c, p, q) = (block.pointer()?, block.pointer()?, block.pointer()?);
                let (dp, dq) = (block.pointer()?, block.pointer()?);
                let _temporaries = (block.pointer()?, block.pointer()?);
                let sizes = block.word()?;
                let (p_size, q_size) = (sizes & 0xfff, sizes >> 12 & 0xfff);
                let g = self.operand(input, input_table, low)?;
                let (p, q) = (self.secret(p, p_size)?, self.secret(q, q_size)?);
                let (dp, dq) = (self.secret(dp, p_size)?, self.secret(dq, q_size)?);
                let c = self.secret(c, p_size)?;
                (pkha::rsa_private3(&p, &q, &dp, &dq, &c, &g)?, low)
            }
            _ => return Err(DecoError::ProtocolData.into()),
        };
        let result = fit(result, length as usize);
        self.protocol = Some((
            Work::Rsa,
            if private { Direction::Decrypt } else { Direction::Encrypt },
            u64::from(length),
        ));
        let sink = OutputSink::Memory(Box::new(cursor(output, output_table, length)));
        self.flow.store(OutputTransfer::Bytes(sink, Bytes::from_vec(result)));
        Ok(())
    }

    /// Blob encapsulation and decapsulation of the whole input sequence, bound to the master key
    /// and to the key modifier in the class 2 key register.
    fn blob(&mut self, encapsulate: bool, info: u16) -> Result<(), Failure> {
        // Normal format, red data, general memory: all that Linux asks for.
        if info != 0 {
            return Err(DecoError::BlobMode.into());
        }
        let modifier = blob::modifier(self.flow.class2.registers.key());
        let modifier = modifier.ok_or(DecoError::BlobSize)?;
        let length = self.registers.sequence_in;
        if length as usize > blob::MAX + blob::OVERHEAD {
            return Err(DecoError::BlobSize.into());
        }
        self.take_input(length)?;
        let mut input = Zeroizing::new(vec![0; length as usize]);
        self.flow.read_sequence(&mut input)?;
        self.flow.memory().pause();
        let master = self.platform.master_key();
        let output = if encapsulate {
            let mut key = Zeroizing::new([0; KEY]);
            self.random(&mut key[..])?;
            blob::encapsulate(master, Kind::Red, &modifier, &input, &key)
        } else {
            blob::decapsulate(master, Kind::Red, &modifier, &input).map(|data| data.to_vec())
        };
        let output = output.map_err(|e| match e {
            WrapError::Size(_) => DecoError::BlobSize.into(),
            WrapError::Integrity => Failure::Ccb(ChaId::Aes, ChaError::IcvCheck),
        })?;
        self.take_output(output.len() as u32)?;
        let direction = if encapsulate { Direction::Encrypt } else { Direction::Decrypt };
        self.protocol = Some((Work::Blob, direction, u64::from(length)));
        self.flow.store(OutputTransfer::Bytes(OutputSink::Sequence, Bytes::from_vec(output)));
        Ok(())
    }
}

/// A number as exactly `length` bytes: RSA results are as long as the modulus.
fn fit(number: Vec<u8>, length: usize) -> Vec<u8> {
    let significant = &number[number.len().saturating_sub(length)..];
    let mut bytes = vec![0; length - significant.len()];
    bytes.extend_from_slice(significant);
    bytes
}
