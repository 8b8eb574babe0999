//! A job's accesses to guest memory, under one lock for many.
//!
//! A DECO that runs a job holds the lock of the mappings from one access to the next, and looks
//! before each whether somebody wants to change them; then, and before any work that takes long
//! ([`GuestMemory::pause`]), it lets go. So whoever maps or unmaps waits for one copy of at most
//! 64 KiB or for some commands without data, never for a job, and a small job locks once.
//!
//! A job that has been told to stop reaches memory no more: it looks under that lock. So whoever
//! has told it, and has then had the lock ([`DmaSpace::settle`]), knows that nothing will be written
//! any more: by a reset, or when a client has gone and the next one brings its own memory.

use super::dma::{DmaSpace, Held, Piece};
use crate::memory::{Access, DmaError, GuestMemory, Purpose};
use crate::record::Key;
use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// See the module.
pub struct Session<'a> {
    space: &'a DmaSpace,
    held: RefCell<Option<Held<'a>>>,
    /// The job, for a recording.
    job: Option<Key>,
    /// Set when the job is to end, or the ring has been reset.
    stop: Option<&'a AtomicBool>,
    /// Nothing that the device does depends on it, so a recording has nothing of it.
    aside: bool,
}

impl<'a> Session<'a> {
    /// Nothing is locked yet.
    #[must_use]
    pub fn new(space: &'a DmaSpace) -> Self {
        Self { space, held: RefCell::new(None), job: None, stop: None, aside: false }
    }

    /// For a look that only people see the outcome of. Where memory is played from a recording there
    /// is nothing.
    #[must_use]
    pub fn aside(space: &'a DmaSpace) -> Self {
        Self { aside: true, ..Self::new(space) }
    }

    /// Reaches nothing once `stop` is set.
    #[must_use]
    pub fn until(space: &'a DmaSpace, stop: &'a AtomicBool) -> Self {
        Self { stop: Some(stop), ..Self::new(space) }
    }

    /// Of a job that is run, until `stop` is set.
    #[must_use]
    pub fn of(space: &'a DmaSpace, job: Key, stop: &'a AtomicBool) -> Self {
        Self { job: Some(job), ..Self::until(space, stop) }
    }
}

impl Session<'_> {
    /// Whether the job is to end.
    fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    fn walk_read(&self, address: u64, buf: &mut [u8]) -> usize {
        let (length, held) = (buf.len(), &mut *self.held.borrow_mut());
        let (access, stopped) = (Access::Read, || self.stopped());
        if let Some(from) = self.space.at_hand(held.as_ref(), address, length, access, stopped) {
            from.copy_to(buf);
            return length;
        }
        self.space.walk(held, address, length, access, stopped, |piece, range| match piece {
            Piece::Mapped(from) => {
                from.copy_to(&mut buf[range]);
                Ok(())
            }
            Piece::Asked(client, at) => client.read(at, &mut buf[range]),
        })
    }

    /// Whether all was written.
    fn walk_write(&self, address: u64, buf: &[u8]) -> bool {
        let (length, held) = (buf.len(), &mut *self.held.borrow_mut());
        let (access, stopped) = (Access::Write, || self.stopped());
        if let Some(to) = self.space.at_hand(held.as_ref(), address, length, access, stopped) {
            to.copy_from(buf);
            return true;
        }
        let done =
            self.space.walk(held, address, length, access, stopped, |piece, range| match piece {
                Piece::Mapped(to) => {
                    to.copy_from(&buf[range]);
                    Ok(())
                }
                Piece::Asked(client, at) => client.write(at, &buf[range]),
            });
        done == length
    }
}

impl GuestMemory for Session<'_> {
    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        let (length, access) = (buf.len(), Access::Write);
        let real = || self.walk_write(address, buf);
        let tape = &self.space.tape;
        let done =
            if tape.on() { tape.write(self.job, purpose, address, buf, real) } else { real() };
        if done { Ok(()) } else { Err(DmaError { purpose, address, length, access }) }
    }

    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
        let tape = &self.space.tape;
        let real = |buf: &mut [u8]| self.walk_read(address, buf);
        if tape.on() && !self.aside {
            tape.read(self.job, purpose, address, buf, real)
        } else {
            real(buf)
        }
    }

    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        let access = Access::Write;
        let real = || {
            let held = &mut self.held.borrow_mut();
            self.space.walk(held, address, length, access, || self.stopped(), |_, _| Ok(()))
                == length
        };
        let tape = &self.space.tape;
        let done = if tape.on() {
            tape.writable(self.job, purpose, address, length, real)
        } else {
            real()
        };
        if done { Ok(()) } else { Err(DmaError { purpose, address, length, access }) }
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
