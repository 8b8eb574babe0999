//! JUMP: conditions, waits, calls, halts, and other descriptors.

use super::{Deco, Next};
use crate::descriptors::buffer::{DescriptorBuffer, Part};
use crate::descriptors::command::{Jump, JumpKind, JumpTest};
use crate::descriptors::sgt::WalkError;
use crate::descriptors::status::{DecoError, Failure};
use crate::memory::GuestMemory;

/// A local jump's target: inside its own descriptor, or just behind it.
fn local(target: isize, part: Part) -> Result<usize, Failure> {
    match usize::try_from(target) {
        Ok(t) if t >= part.base && t <= part.end => Ok(t),
        _ => Err(DecoError::Jump.into()),
    }
}

impl<M: GuestMemory> Deco<'_, M> {
    pub(super) fn jump(&mut self, jump: &Jump, pc: usize, part: Part) -> Result<Next, Failure> {
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
            JumpKind::Return => {
                let target = self.gosub.take().ok_or(DecoError::Jump)?;
                Ok(Next::At(local(target as isize, part)?))
            }
            kind => {
                // One level of gosub (inferred): a nested one forgets the outer.
                if kind == JumpKind::Gosub {
                    self.gosub = Some(pc + 1);
                }
                Ok(Next::At(local(pc as isize + isize::from(jump.offset), part)?))
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
        // CALM 10, NIP 08, NIFP 04, NOP 02, NCP 01: no transfers pending, of any kind, of input,
        // of output, of context. The DECO waits for them; what cannot move now never will.
        if jump.conditions & 0x1f != 0 {
            self.flow.pump()?;
            let input = jump.conditions & 0x1c != 0 && self.flow.input_pending();
            let output = jump.conditions & 0x12 != 0 && self.flow.output_pending();
            if input || output {
                return Err(DecoError::Watchdog.into());
            }
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
}
