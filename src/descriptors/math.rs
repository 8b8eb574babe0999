//! MATH: the DECO's arithmetic on its registers and sequence lengths.

use super::command::{Math, MathFunction, MathRegister};
use super::status::DecoError;

/// The registers MATH works on. All start at 0, which the Linux driver relies on: it uses MATH0
/// as a zero it never wrote (`caamalg_desc.c`, `REG0`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Registers {
    /// MATH0..MATH3.
    pub math: [u64; 4],
    /// DPOVRD.
    pub protocol_override: u32,
    /// SIL: bytes left in the input sequence.
    pub sequence_in: u32,
    /// SOL: bytes left in the output sequence.
    pub sequence_out: u32,
    /// VSIL.
    pub variable_in: u32,
    /// VSOL.
    pub variable_out: u32,
    /// Flags of the last MATH.
    pub flags: Flags,
}

/// MATH condition flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// N: the result is negative as a two's complement number of the operation's length.
    pub negative: bool,
    /// Z: the result is 0.
    pub zero: bool,
    /// C: carry or borrow out of the operation's length.
    pub carry: bool,
    /// N xor V: the comparison "less than" for signed numbers.
    pub less: bool,
}

impl Registers {
    fn get(&self, register: MathRegister, immediate: u64) -> Result<u64, DecoError> {
        Ok(match register {
            MathRegister::Math(n) => self.math[usize::from(n)],
            MathRegister::Immediate => immediate,
            MathRegister::ProtocolOverride => u64::from(self.protocol_override),
            MathRegister::SequenceIn => u64::from(self.sequence_in),
            MathRegister::SequenceOut => u64::from(self.sequence_out),
            MathRegister::VariableIn => u64::from(self.variable_in),
            MathRegister::VariableOut => u64::from(self.variable_out),
            MathRegister::Zero => 0,
            MathRegister::One => 1,
            MathRegister::InputFifo
            | MathRegister::OutputFifo
            | MathRegister::None
            | MathRegister::Unsupported(_) => return Err(DecoError::Math),
        })
    }

    fn set(&mut self, register: MathRegister, value: u64) -> Result<(), DecoError> {
        // The sequence registers are 32 bits wide; the rest of a longer result is lost.
        let word = value as u32;
        match register {
            MathRegister::Math(n) => self.math[usize::from(n)] = value,
            MathRegister::ProtocolOverride => self.protocol_override = word,
            MathRegister::SequenceIn => self.sequence_in = word,
            MathRegister::SequenceOut => self.sequence_out = word,
            MathRegister::VariableIn => self.variable_in = word,
            MathRegister::VariableOut => self.variable_out = word,
            MathRegister::None => {}
            _ => return Err(DecoError::Math),
        }
        Ok(())
    }

    /// Carries out a MATH or MATHI. Operands are cut to the command's length, and a result
    /// shorter than its register clears the rest of it (inferred).
    ///
    /// # Errors
    /// [`DecoError::Math`] for a length, function or operand the DECO does not have.
    pub fn execute(&mut self, math: &Math) -> Result<(), DecoError> {
        let bits: u32 = match math.length {
            1 => 8,
            2 => 16,
            4 => 32,
            8 => 64,
            _ => return Err(DecoError::Math),
        };
        let mask = u64::MAX >> (64 - bits);
        let raw0 = self.get(math.source0, math.immediate)?;
        // BSWAP has one operand; SRC1's code means nothing there (RTA's rta_math).
        let raw1 = match math.function {
            MathFunction::ByteSwap => 0,
            _ => self.get(math.source1, math.immediate)?,
        };
        let (a, b) = (raw0 & mask, raw1 & mask);
        let carry_in = u64::from(self.flags.carry);
        let wide = |x: u64| u128::from(x);
        let sign = |x: u64| x >> (bits - 1) & 1 != 0;
        let mut carry = false;
        let mut overflow = false;
        let result = match math.function {
            MathFunction::Add | MathFunction::AddCarry => {
                let c = if math.function == MathFunction::AddCarry { carry_in } else { 0 };
                let sum = wide(a) + wide(b) + wide(c);
                carry = sum > wide(mask);
                let r = sum as u64 & mask;
                overflow = sign(a) == sign(b) && sign(r) != sign(a);
                r
            }
            MathFunction::Subtract | MathFunction::SubtractBorrow => {
                let c = if math.function == MathFunction::SubtractBorrow { carry_in } else { 0 };
                carry = wide(a) < wide(b) + wide(c);
                let r = a.wrapping_sub(b).wrapping_sub(c) & mask;
                overflow = sign(a) != sign(b) && sign(r) != sign(a);
                r
            }
            MathFunction::Or => a | b,
            MathFunction::And => a & b,
            MathFunction::Xor => a ^ b,
            MathFunction::ShiftLeft => {
                u32::try_from(b).ok().filter(|n| *n < bits).map_or(0, |n| a << n) & mask
            }
            MathFunction::ShiftRight => {
                u32::try_from(b).ok().filter(|n| *n < bits).map_or(0, |n| a >> n)
            }
            MathFunction::ByteSwap => a.swap_bytes() >> (64 - bits),
            // No driver uses these, and no source says what exactly they do.
            MathFunction::ShiftLeftDouble
            | MathFunction::ZeroByte
            | MathFunction::Unsupported(_) => return Err(DecoError::Math),
        };
        self.set(math.destination, result)?;
        if !math.keep_flags {
            let negative = sign(result);
            self.flags = Flags { negative, zero: result == 0, carry, less: negative != overflow };
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "math_tests.rs"]
mod tests;
