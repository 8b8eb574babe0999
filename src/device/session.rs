//! A job's accesses to guest memory, under one lock for many.
//!
//! A DECO that runs a job holds the lock of the mappings from one access to the next, and looks
//! before each whether somebody wants to change them; then, and before any work that takes long
//! ([`GuestMemory::pause`]), it lets go. So whoever maps or unmaps waits for one copy of at most
//! 64 KiB or for some commands without data, never for a job, and a small job locks once.

use super::dma::{DmaSpace, Held, Piece};
use crate::memory::{Access, DmaError, GuestMemory, Purpose};
use std::cell::RefCell;
use std::fmt;

/// See the module.
pub struct Session<'a> {
    space: &'a DmaSpace,
    held: RefCell<Option<Held<'a>>>,
}

impl<'a> Session<'a> {
    /// Nothing is locked yet.
    #[must_use]
    pub fn new(space: &'a DmaSpace) -> Self {
        Self { space, held: RefCell::new(None) }
    }
}

impl GuestMemory for Session<'_> {
    fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        let length = buf.len();
        if self.read_available(purpose, address, buf) == length {
            Ok(())
        } else {
            Err(DmaError { purpose, address, length, access: Access::Read })
        }
    }

    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        let (length, access) = (buf.len(), Access::Write);
        let held = &mut self.held.borrow_mut();
        let done = self.space.walk(held, address, length, access, |piece, range| match piece {
            Piece::Mapped(to) => {
                to.copy_from(&buf[range]);
                Ok(())
            }
            Piece::Asked(client, at) => client.write(at, &buf[range]),
        });
        if done == length { Ok(()) } else { Err(DmaError { purpose, address, length, access }) }
    }

    fn read_available(&self, _: Purpose, address: u64, buf: &mut [u8]) -> usize {
        let (length, held) = (buf.len(), &mut self.held.borrow_mut());
        self.space.walk(held, address, length, Access::Read, |piece, range| match piece {
            Piece::Mapped(from) => {
                from.copy_to(&mut buf[range]);
                Ok(())
            }
            Piece::Asked(client, at) => client.read(at, &mut buf[range]),
        })
    }

    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        let (access, held) = (Access::Write, &mut self.held.borrow_mut());
        let done = self.space.walk(held, address, length, access, |_, _| Ok(()));
        if done == length { Ok(()) } else { Err(DmaError { purpose, address, length, access }) }
    }

    fn pause(&self) {
        *self.held.borrow_mut() = None;
    }
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held.borrow().is_some();
        f.debug_struct("Session").field("held", &held).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
