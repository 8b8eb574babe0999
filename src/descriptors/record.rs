//! A job's DMA as log lines: what the fixtures in `tests/golden/` are made of.
//!
//! With `RUST_LOG=caam_emu::record=trace`, and only when asked for by this name, every access of
//! every job is logged, with its bytes, **keys and plaintext among them**. Otherwise nothing here
//! runs.

use crate::memory::{DmaError, GuestMemory, Purpose, TableOverread};
use std::fmt::Write;

/// Target of the log lines.
pub const TARGET: &str = "caam_emu::record";

/// Whether jobs are to be recorded.
#[must_use]
pub fn wanted() -> bool {
    log::log_enabled!(target: TARGET, log::Level::Trace)
}

/// Guest memory that logs what is read and written.
#[derive(Debug)]
pub struct Recorder<'a, M>(pub &'a M);

fn line(verb: &str, address: u64, bytes: &[u8]) {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    log::trace!(target: TARGET, "{verb} {address:x} {hex}");
}

impl<M: GuestMemory> GuestMemory for Recorder<'_, M> {
    fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        self.0.read(purpose, address, buf)?;
        line("read", address, buf);
        Ok(())
    }

    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        line("write", address, buf);
        self.0.write(purpose, address, buf)
    }

    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
        let n = self.0.read_available(purpose, address, buf);
        line("read", address, &buf[..n]);
        n
    }

    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        self.0.writable(purpose, address, length)
    }

    fn pause(&self) {
        self.0.pause();
    }

    fn table_overread(&self, overread: &TableOverread) -> Result<(), DmaError> {
        self.0.table_overread(overread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::flat::FlatMemory;
    use Purpose::{Input, Output, Table};

    #[test]
    fn a_recorder_changes_nothing() {
        let memory = FlatMemory::new(0x1000, 16);
        memory.poke(0x1000, b"sixteen bytes, .");
        let recorder = Recorder(&memory);
        let mut buf = [0; 8];
        assert_eq!(recorder.read(Input, 0x1004, &mut buf), Ok(()));
        assert_eq!(&buf, b"een byte");
        assert_eq!(recorder.write(Output, 0x1000, b"SIX"), Ok(()));
        assert_eq!(memory.peek(0x1000, 8), b"SIXteen ");
        assert_eq!(recorder.read_available(Table, 0x100c, &mut buf), 4);
        assert_eq!(&buf[..4], b"s, .");
        // what fails, fails alike
        assert_eq!(recorder.read(Input, 0xfff, &mut buf), memory.read(Input, 0xfff, &mut buf));
        assert_eq!(recorder.write(Output, 0x100c, &buf), memory.write(Output, 0x100c, &buf));
        assert_eq!(recorder.read_available(Table, 0x1010, &mut buf), 0);
        assert_eq!(recorder.writable(Output, 0x1000, 17), memory.writable(Output, 0x1000, 17));
        assert!(recorder.writable(Output, 0x1000, 16).is_ok());
    }
}
