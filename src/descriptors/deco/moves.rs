//! MOVE and MOVE LEN: bytes from one place inside the DECO to another.

use super::Deco;
use super::registers::{math_bytes, math_values};
use crate::descriptors::command::{ClassNumber, InputType, Move, MoveLength, Place};
use crate::descriptors::flow::{Bytes, InputSource, InputTransfer};
use crate::descriptors::status::{DecoError, Failure};
use crate::memory::GuestMemory;

impl<M: GuestMemory> Deco<'_, M> {
    pub(super) fn moves(&mut self, moves: &Move) -> Result<(), Failure> {
        let length = match moves.length {
            MoveLength::Bytes(n) => usize::from(n),
            // MOVE LEN takes the length from a MATH register; more than a FIFO holds is refused
            // by the places themselves.
            MoveLength::Math(n) => (self.registers.math[usize::from(n)] & 0xffff) as usize,
        };
        if let (Place::ClassAlignment(class), Place::OutputFifo) = (moves.source, moves.destination)
        {
            return self.flow.drain_class(class, length as u64);
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
        // AUX LS marks the last data for an input FIFO.
        self.move_destination(moves.destination, to, &bytes, moves.aux & 1 != 0)
    }

    fn move_source(&mut self, place: Place, at: usize, n: usize) -> Result<Vec<u8>, Failure> {
        if matches!(place, Place::Context(_)) {
            self.flow.pump()?;
        }
        let slice = match place {
            Place::Context(class) => {
                self.class_registers(class).context().get(at..at + n).map(<[u8]>::to_vec)
            }
            Place::Key(class) => {
                self.class_registers(class).key().get(at..at + n).map(<[u8]>::to_vec)
            }
            Place::DecoAlignment if n <= self.alignment.len() => {
                Some(self.alignment.drain(..n).collect())
            }
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

    fn move_destination(
        &mut self,
        place: Place,
        at: usize,
        bytes: &[u8],
        last: bool,
    ) -> Result<(), Failure> {
        let end = at + bytes.len();
        let done = match place {
            Place::Context(class) => {
                let context = self.class_registers(class).context_mut();
                context.get_mut(at..end).map(|t| t.copy_from_slice(bytes))
            }
            Place::Key(class) => self.class_registers(class).load_key(at, bytes),
            Place::InputFifo(class) => {
                // Message data, with the info FIFO entry that a MOVE makes for it.
                self.flow.load(InputTransfer {
                    source: InputSource::Bytes(Bytes::from_slice(bytes), 0),
                    left: bytes.len() as u64,
                    kind: InputType::Message,
                    class1: class == ClassNumber::One,
                    class2: class == ClassNumber::Two,
                    last1: last && class == ClassNumber::One,
                    last2: last && class == ClassNumber::Two,
                });
                Some(())
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
}
